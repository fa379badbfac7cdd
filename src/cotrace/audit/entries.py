"""What the lines of a log say, for reading; whether it is as it was written is another question."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from cotrace.audit.lines import parsed
from cotrace.errors import AuditError

__all__ = ["entries"]

#: a line longer than this is none that was written
_LONGEST = 1 << 28


def entries(path: str | os.PathLike[str]) -> Iterator[dict[str, Any]]:
    """Return what each line of a log says, in the order of the file.

    Parameters
    ----------
    path : path
        The log.

    Yields
    ------
    dict
        ``n``, ``at``, ``what``, and what was recorded: ``who``, ``whom``, ``purpose``, ``case``, ``rows``,
        ``version``, ``failed``. What is no line of a log is left out: :func:`cotrace.audit.verify` names it, and only
        that tells whether the others are as they were written.

    Raises
    ------
    AuditError
        The file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            while raw := file.readline(_LONGEST):
                line = parsed(raw.removesuffix(b"\n"))
                if line is not None:
                    yield {name: value for name, value in line.says.items() if name != "before"}
    except OSError as error:
        raise AuditError(f"the audit log cannot be read: {error.strerror}") from None
