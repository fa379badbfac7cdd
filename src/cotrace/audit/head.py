"""The head: how far the log goes, in a file of its own, so that dropping its last lines is found."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cotrace.audit.lines import GENESIS, made, parsed
from cotrace.errors import AuditError

__all__ = ["EMPTY", "Head", "read_head", "write_head"]

_MOST = 4096


@dataclass(frozen=True)
class Head:
    """The last line: its number, its digest, where it begins and ends in the file (bytes), whether there is a key."""

    n: int
    digest: str
    start: int
    size: int
    keyed: bool = False

    def __str__(self) -> str:
        return f"{self.n}:{self.digest}"


#: of a log without a line
EMPTY = Head(0, GENESIS, 0, 0)


def read_head(path: Path, key: bytes | None) -> Head | None:
    """Return what the head says; None when there is none.

    ``key`` None: its seal is checked only where it was made without a key.

    Raises
    ------
    AuditError
        When the file is no head, or its seal is another's.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AuditError(f"the head of the audit log cannot be read: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        line = parsed(file.read(_MOST).rstrip(b"\n"))
    if line is None or not _is_whole(line.says):
        raise AuditError("the head of the audit log is damaged: it is no line that cotrace writes")
    if not line.is_sealed_by(key) and not (key is None and line.says.get("keyed") is True):
        raise AuditError("the head of the audit log was changed, or was written with another key")
    says = line.says
    return Head(says["n"], says["before"], says["start"], says["size"], says.get("keyed") is True)


def _is_whole(says: dict[str, object]) -> bool:
    numbers = [says.get(name) for name in ("n", "start", "size")]
    return all(type(n) is int and n >= 0 for n in numbers)


def write_head(path: Path, head: Head, key: bytes | None) -> None:
    """Put a head in the place of the one before: whole or not at all, and on disk when this returns."""
    says = {
        "n": head.n,
        "before": head.digest,
        "start": head.start,
        "size": head.size,
        "keyed": key is not None,
    }
    new = path.with_name(f"{path.name}.new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(made(says, key) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Flush the folder that a file is in: its name is on disk then."""
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
