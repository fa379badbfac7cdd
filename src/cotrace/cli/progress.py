"""A progress bar, on a terminal only, and warnings as lines that do not run into it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from cotrace.errors import CotraceWarning

__all__ = ["Progress", "warning_lines"]

WIDTH, EVERY_S = 30, 0.1


class Progress:
    """Rows read, of rows known: called by the library with both, after every batch.

    Where ``stream`` is no terminal nothing is ever written.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.on = bool(getattr(self.stream, "isatty", lambda: False)())
        self._next = 0.0
        self._began: float | None = None
        self._from = 0
        self._length = 0

    def __call__(self, done: int, total: int | None = None) -> None:
        """Draw the bar, at most ten times a second."""
        now = time.monotonic()
        if not self.on or (now < self._next and done != total):
            return
        self._next = now + EVERY_S
        if self._began is None or done <= self._from:
            self._began, self._from = now, done  # rows that have to be sorted are read once more
        line = self._line(done, total) + self._left(done, total, now - self._began)
        self.stream.write("\r" + line.ljust(self._length))
        self.stream.flush()
        self._length = len(line)

    @staticmethod
    def _line(done: int, total: int | None) -> str:
        if not total:
            return f"{done:,} rows"
        share = min(1.0, done / total)
        filled = round(share * WIDTH)
        return f"[{'#' * filled}{'.' * (WIDTH - filled)}] {share:4.0%}  {done:,} of {total:,} rows"

    def _left(self, done: int, total: int | None, took: float) -> str:
        """Say how long the rest will take, once there is something to judge by."""
        read = done - self._from
        if not total or not read or took < 1.0 or done >= total:
            return ""
        return f", about {max(1, round(took / read * (total - done))):,} s left"

    def clear(self) -> None:
        """Wipe the bar."""
        if self._length:
            self.stream.write("\r" + " " * self._length + "\r")
            self.stream.flush()
            self._length = 0


@contextmanager
def warning_lines(progress: Progress | None = None, refused: str = "") -> Iterator[list[CotraceWarning]]:
    """Print every :class:`CotraceWarning` as one line on stderr, and collect them.

    ``refused`` says where rows that cannot be used are found; in the library it is ``pings.refused``.
    """
    seen: list[CotraceWarning] = []

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if not isinstance(message, CotraceWarning):
            before(message, category, *rest, **more)
            return
        if refused:
            says = str(message).replace("pings.refused has", f"{refused} has")
            message = CotraceWarning(says, message.kind, **message.figures)
        seen.append(message)
        if progress is not None:
            progress.clear()
        print("warning: " + " ".join(str(message).split()), file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CotraceWarning)
        before = warnings.showwarning
        warnings.showwarning = show
        try:
            yield seen
        finally:
            if progress is not None:
                progress.clear()
