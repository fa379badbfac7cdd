"""``python -m cotrace.cli``: the same as ``cotrace``."""

from cotrace.cli import main

main()
