"""The file of a book: one line a call, each with a digest over itself and the line before; only ever appended to."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from typing import Any

from cotrace.errors import BookDamagedError, CodeError, OptionError

__all__ = ["Journal"]

_MAGIC = "cotrace-codes-1"
_DIGEST = 32


class Journal:
    """Lines of JSON, each after the digest of the digest before and itself, and fsynced before it counts.

    The last line is what a crash can leave unfinished: without its line end it was never answered for, and is cut
    off. Any other line that does not fit is an error. One process writes at a time.

    Parameters
    ----------
    path : Path
    rules : dict
        What the book's rules are; they are the first line.
    """

    def __init__(self, path: Path, rules: dict[str, Any]) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        new = not path.exists()
        self._file = os.open(path, flags, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise CodeError("the book is being written to by another process: one writes at a time") from None
        self._digest = b""
        self.lines: list[dict[str, Any]] = []
        try:
            self._read()
            if not self.lines:
                self.append({"magic": _MAGIC, "rules": rules})
                self.lines.append({"rules": rules})
            _check_rules(self.lines[0].get("rules", {}), json.loads(json.dumps(rules)))
            if new:
                _sync_folder(path.parent)
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        with open(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            data = lines.read()
        whole = data.rfind(b"\n") + 1
        for number, line in enumerate(data[:whole].split(b"\n")[:-1], 1):
            self._take(line, number)
        tail = data[whole:]
        if tail and not self.lines and tail[:1] not in (b"%x" % digit for digit in range(16)):
            raise BookDamagedError("the file is no book of codes: nothing of it was changed")
        if tail and self._fits(tail[:-1]):  # a whole line, and then something else than its end
            raise _damaged(len(self.lines) + 1)
        if tail:
            os.ftruncate(self._file, whole)

    def _take(self, line: bytes, number: int) -> None:
        if not self._fits(line):
            raise _damaged(number)
        self._digest, _, text = line.partition(b" ")
        self.lines.append(json.loads(text))
        if number == 1 and self.lines[0].get("magic") != _MAGIC:
            raise BookDamagedError("the file is no book of codes of this version")

    def _fits(self, line: bytes) -> bool:
        digest, _, text = line.partition(b" ")
        return digest == self._next(text)

    def _next(self, text: bytes) -> bytes:
        return hashlib.blake2b(self._digest + b" " + text, digest_size=_DIGEST).hexdigest().encode()

    def append(self, line: dict[str, Any]) -> None:
        """Add a line; it is on the disk when this returns, and not in the file at all when this raises."""
        text = json.dumps(line, separators=(",", ":"), sort_keys=True).encode()
        digest = self._next(text)
        size = os.fstat(self._file).st_size
        data = memoryview(digest + b" " + text + b"\n")
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, size)  # a full disk: what is half written goes away again
            raise
        self._digest = digest

    def close(self) -> None:
        """Close the file, and let others write."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _damaged(number: int) -> BookDamagedError:
    return BookDamagedError(
        f"line {number:,} of the book's file does not fit its digest: it was changed, dropped or moved. Bring the file "
        "back from a copy; nothing of it was used"
    )


def _check_rules(found: dict[str, Any], given: dict[str, Any]) -> None:
    if found != given:
        other = sorted(name for name in {*found, *given} if found.get(name) != given.get(name))
        raise OptionError(
            f"the book is of rules {found.get('id')!r}, which differ in {', '.join(other)}: open it with those, or "
            "begin another book and apply(events=) of this one"
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
