"""The command line: ``cotrace companions`` and all others that ``cotrace --help`` lists.

Only click is imported here: what a command needs it imports when it runs, so that ``--help`` is quick.
"""

from __future__ import annotations

from cotrace.cli.app import app, main

__all__ = ["app", "main"]
