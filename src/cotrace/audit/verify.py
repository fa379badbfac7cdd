"""Reading a log again: every line that was changed, dropped, put elsewhere or cut is named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cotrace.audit.head import Head, read_head
from cotrace.audit.lines import GENESIS, Line, parsed
from cotrace.errors import AuditError, OptionError

__all__ = ["Problem", "Verified", "verify"]

#: a line longer than this is none that was written
_LONGEST = 1 << 28


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was written.

    Parameters
    ----------
    line : int or None
        The line of the file, from 1; None: the file as a whole.
    what : str
        What it is, in words.
    last : int, optional
        The last of several lines in a row that it is true of.
    """

    line: int | None
    what: str
    last: int | None = None

    def __str__(self) -> str:
        if self.line is None:
            return self.what
        where = f"line {self.line:,}" if self.last is None else f"lines {self.line:,} to {self.last:,}"
        return f"{where}: {self.what}"


@dataclass
class Verified:
    """What was found.

    Parameters
    ----------
    lines : int
        How many lines there are.
    head : str
        The last line as ``number:digest``.
    problems : list of Problem
        None of them: the log is as it was written.
    sealed : bool
        Whether the seals were checked with a key. Without one, a chain that was made anew from some line on, and its
        head with it, is not found.
    keyed : bool
        Whether the log says that it was written with a key.
    """

    lines: int = 0
    head: str = f"0:{GENESIS}"
    problems: list[Problem] = field(default_factory=list)
    sealed: bool = False

    keyed: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def __str__(self) -> str:
        said = [str(problem) for problem in self.problems]
        how = "seals checked with the key" if self.sealed else "it has no key"
        how = "its key was not given: seals not checked" if self.keyed and not self.sealed else how
        found = f"{len(said):,} finding{'' if len(said) == 1 else 's'}"
        state = "as it was written" if self.ok else f"NOT as it was written: {found}"
        return "\n".join([*said, f"{self.lines:,} lines, {state} ({how}); head {self.head}"])


def verify(
    path: str | os.PathLike[str],
    *,
    key: Any = None,
    head: str | os.PathLike[str] | None = None,
    expect: str | None = None,
) -> Verified:
    """Check every line of a log, and its head.

    Parameters
    ----------
    path : path
        The log.
    key : Key, path or callback, optional
        The key that it was written with.
    head : path, optional
        The file of the head; ``path`` with ``.head`` unless given.
    expect : str, optional
        A head that was written down elsewhere, ``number:digest``: that line must be there still.

    Returns
    -------
    Verified
        ``ok``, and what was found: lines that were changed, dropped, put elsewhere or cut.

    Raises
    ------
    AuditError
        The file cannot be read. What is in it is never an error, but a finding.
    """
    from cotrace.keys import as_key

    secret = None if key is None else as_key(key).derived("audit")
    wanted = _expected(expect)
    path = Path(path)
    head_path = Path(head) if head is not None else path.with_name(f"{path.name}.head")
    check = _Check(secret, Verified(sealed=secret is not None))
    try:
        with open(path, "rb") as file:
            size, told = _as_of_now(file, head_path, check)
            for place, raw in enumerate(_lines(file, size), start=1):
                check.line(place, raw)
                if wanted is not None and check.n == wanted[0]:
                    check.expected = check.digest
                if told is not None and check.n == told.n:
                    check.at_head = check.digest
    except OSError as error:
        raise AuditError(f"the audit log cannot be read: {error.strerror}") from None
    check.end(told)
    if wanted is not None and wanted[0] and check.expected != wanted[1]:
        check.find(
            None, f"line {wanted[0]:,} is not the one that was expected: changed, dropped or another log's"
        )
    return check.found


def _expected(expect: str | None) -> tuple[int, str] | None:
    if expect is None:
        return None
    n, _, digest = expect.strip().partition(":")
    if not (n.isascii() and n.isdigit() and len(n) < 19 and len(digest) == len(GENESIS)):
        raise OptionError("expect= is no head: it is written number:digest")
    return int(n), digest


def _as_of_now(file: Any, head_path: Path, check: _Check) -> tuple[int, Head | None]:
    """Return how long the log is, and its head, of one moment: others may go on writing."""
    import fcntl

    fcntl.flock(file, fcntl.LOCK_SH)
    try:
        size = os.fstat(file.fileno()).st_size
        try:
            head = read_head(head_path, check.secret)
        except AuditError as error:
            check.find(None, str(error))
            return size, None
        if head is None:
            check.find(None, "there is no head: whether last lines were dropped cannot be said")
        else:
            check.found.keyed = head.keyed
        return size, head
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _lines(file: Any, size: int) -> Iterator[bytes]:
    while size > 0 and (raw := file.readline(min(size, _LONGEST))):
        size -= len(raw)
        yield raw


class _Check:
    """One reading from the first line to the last."""

    def __init__(self, secret: bytes | None, found: Verified) -> None:
        self.secret, self.found = secret, found
        #: number and digest of the last line without a fault, and how many lines with one came since
        self.n, self.digest, self.bad = 0, GENESIS, 0
        self.expected = self.at_head = ""

    def find(self, place: int | None, what: str) -> None:
        problems = self.found.problems
        before = problems[-1] if problems else None
        if before and place and before.what == what and (before.last or before.line) == place - 1:
            problems[-1] = Problem(before.line, what, place)
        else:
            problems.append(Problem(place, what))

    def line(self, place: int, raw: bytes) -> None:
        """Check a line by itself and by the one before it."""
        self.found.lines = place
        line = parsed(raw.removesuffix(b"\n"))
        if place == 1 and line is not None:
            self._learn(line)
        if line is None or not self._is_genuine(line):
            cut = not raw.endswith(b"\n")
            self.find(place, "cut off" if cut else "changed, or not written by cotrace with this key")
            self.bad, self.digest = self.bad + 1, ""
            return
        if not raw.endswith(b"\n"):
            self.find(place, "its end was cut off")
        self._in_order(place, line)
        self.n, self.digest, self.bad = line.says["n"], line.digest, 0
        self.found.head = f"{self.n}:{self.digest}"

    def _learn(self, line: Line) -> None:
        """Look at the first line for whether there is a key at all."""
        self.found.keyed |= line.says.get("keyed") is True
        if self.secret is not None and line.says.get("keyed") is False and line.is_sealed_by(None):
            self.find(None, "the log was written without a key, although one was given to check it with")
            self.secret, self.found.sealed = None, False

    def _is_genuine(self, line: Line) -> bool:
        # without the key its seals say nothing, and the chain has to do
        return line.is_sealed_by(self.secret) or (self.secret is None and self.found.keyed)

    def _in_order(self, place: int, line: Line) -> None:
        n, due = line.says["n"], self.n + self.bad + 1
        if n > due:
            what = f"line {due:,} is" if n == due + 1 else f"lines {due:,} to {n - 1:,} are"
            self.find(place, f"before it {what} missing")
        elif n < due:
            self.find(place, f"out of order: it was written as line {n:,}")
        elif not self.bad and line.says["before"] != self.digest:
            self.find(place, "was written after another line than the one before it: that one was changed")

    def end(self, told: Head | None) -> None:
        """Hold the last line to the head."""
        if told is None:
            return
        last = self.n + self.bad
        if told.n > last:
            what = f"line {told.n:,} is" if told.n == last + 1 else f"lines {last + 1:,} to {told.n:,} are"
            self.find(None, f"{what} missing at the end: the head tells of {told.n:,}")
        elif told.n and self.at_head != told.digest and not self.found.problems:
            self.find(told.n, "is not the one that the head tells of")
        elif last > told.n + 1:
            self.find(None, f"{last - told.n:,} lines more than the head tells of")
