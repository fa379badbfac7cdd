"""Swapping snapshots: a folder of versions and a pointer to the one that counts, replaced in one step."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotrace.codes.lookup import Answers, Snapshot
from cotrace.codes.snapshot import sync_folder, write_snapshot
from cotrace.errors import SnapshotError

if TYPE_CHECKING:
    from cotrace.codes.book import Book, Code

__all__ = ["Lookups", "publish"]

_POINTER = "CURRENT"
_NAME = re.compile(r"[0-9a-f]{64}\.codes")


def publish(
    folder: str | Path, source: Book | Any, *, at: Any = None, rules: str = "", keep: int = 2
) -> Snapshot:
    """Write a snapshot into a folder and let it be the one that counts.

    Parameters
    ----------
    folder : str or Path
        It is made if it is not there, for its owner alone. One process publishes at a time; others wait.
    source, at, rules
        As in :func:`write_snapshot`.
    keep : int
        How many versions stay there, the new one included. Whoever still reads an older one goes on reading it.

    Returns
    -------
    Snapshot
        The new version, all of it checked.

    Raises
    ------
    CodeError, SchemaError
        As in :func:`write_snapshot`.
    SnapshotDamagedError
        When what was written cannot be read back as it was; the version before still counts then.

    Notes
    -----
    The file is written under another name, fsynced, renamed, and read back; then the pointer is written the same way.
    Wherever this is stopped, one whole version counts: the one before, or the new one.
    """
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder.glob(".*.part"):  # of a process that was stopped
            left.unlink(missing_ok=True)
        new = folder / f"new-{os.getpid()}"
        head = write_snapshot(new, source, at=at, rules=rules)
        name = f"{head['digest']}.codes"
        os.rename(new, folder / name)
        made = Snapshot(folder / name)
        made.verify()
        point_at(folder, name)
        _drop_old(folder, name, max(1, keep))
        return made
    finally:
        os.close(lock)


def point_at(folder: Path, name: str) -> None:
    """Let a version count."""
    part = folder / f".{_POINTER}.{os.getpid()}.part"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.write(handle, f"{name}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(folder)  # the version's own name first, then the pointer to it
    os.rename(part, folder / _POINTER)
    sync_folder(folder)


def _drop_old(folder: Path, name: str, keep: int) -> None:
    others = [p for p in folder.iterdir() if _NAME.fullmatch(p.name) and p.name != name]
    others.sort(key=lambda p: p.stat().st_mtime_ns, reverse=True)
    for path in others[keep - 1 :]:
        path.unlink(missing_ok=True)
    for path in folder.glob("new-*"):
        path.unlink(missing_ok=True)


class Lookups:
    """Look-ups in whatever version counts: a new one is taken up by the next call, and each call is of one version.

    Parameters
    ----------
    folder : str or Path
        What :func:`publish` writes to.

    Raises
    ------
    SnapshotError
        When nothing has been published there.

    Notes
    -----
    Whether there is a new version is seen by one look at the pointer a call. Threads may share one object.

    Examples
    --------
    >>> import tempfile
    >>> from cotrace import codes
    >>> folder = tempfile.mkdtemp()
    >>> book = codes.Book(codes.chengdu_2021)
    >>> _ = book.apply({"device": ["B"], "event": ["companion"], "at": [1_635_868_800]})
    >>> codes.publish(folder, book, at=1_635_868_800)
    <Snapshot: 1 devices, 1 yellow; candidates from co-location; decisions are people's>
    >>> lookups = codes.Lookups(folder)
    >>> lookups.one("B", at=1_635_900_000).colour, lookups.one("C", at=1_635_900_000).colour
    ('yellow', 'unknown')
    >>> lookups.many(["B", "C"], at=1_635_900_000)
    <Answers: 1 unknown, 1 yellow; candidates from co-location; decisions are people's>
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._pointer = os.fspath(self._folder / _POINTER)
        self._now: tuple[Any, Snapshot] = self._opened()

    @property
    def snapshot(self) -> Snapshot:
        """The version that counts now: ask it for several calls that have to be of one version."""
        seen, snapshot = self._now
        try:
            if _stamp(self._pointer) == seen:
                return snapshot
        except FileNotFoundError:
            raise self._nothing() from None
        self._now = now = self._opened()  # one step: another thread sees the old pair or the new one
        return now[1]

    def one(self, device: int | str, at: int) -> Code:
        """Look one device up, as :meth:`Snapshot.one`."""
        return self.snapshot.one(device, at)

    def many(self, devices: Any, at: int) -> Answers:
        """Look many devices up, all of them in one version, as :meth:`Snapshot.many`."""
        return self.snapshot.many(devices, at)

    def _opened(self) -> tuple[Any, Snapshot]:
        for _ in range(100):
            try:
                stamp = _stamp(self._pointer)
                name = Path(self._pointer).read_text(encoding="ascii").strip()
            except FileNotFoundError:
                raise self._nothing() from None
            except UnicodeDecodeError:
                name = ""
            if not _NAME.fullmatch(name):
                raise SnapshotError("the pointer to the snapshot is damaged: publish again")
            with suppress(FileNotFoundError):  # replaced and dropped in between: look again
                found = Snapshot(self._folder / name)
                if name != f"{found.version}.codes":
                    raise SnapshotError("the snapshot is not the one that the pointer names: publish again")
                return stamp, found
        raise SnapshotError("the snapshot that the pointer names is not there: publish again")

    def _nothing(self) -> SnapshotError:
        return SnapshotError("no snapshot of codes has been published there")


def _stamp(path: str) -> tuple[int, int, int]:
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size
