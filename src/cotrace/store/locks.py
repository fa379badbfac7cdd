"""Locks of a store: one writer, and for each version those who read it. The system frees them when a process ends."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

from cotrace.errors import StoreBusyError, StoreError
from cotrace.store.paths import could_not_write, folder, plain_file

__all__ = ["Lease", "WriterLock", "free_version", "mark_version"]

#: seconds between two tries
_PAUSE = 0.02
_MAY_NOT = {errno.EACCES, errno.EPERM, errno.EROFS}


def _flock(fd: int, exclusive: bool, wait: bool) -> bool:
    """Lock an open file; False when another has it and one does not wait."""
    try:
        import fcntl
    except ImportError as error:
        raise StoreError("a store needs flock, which this system has not: use Linux, macOS or WSL") from error
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


class WriterLock:
    """The right to write a store, held by one process (one Writer) at a time; :meth:`close` gives it back.

    Parameters
    ----------
    root : Path
        The store's folder.
    wait : float
        Seconds to wait for another writer.

    Raises
    ------
    StoreBusyError
        When another still writes after that.
    StoreWriteError
        When the folder cannot be written.
    """

    def __init__(self, root: Path, wait: float) -> None:
        until = time.monotonic() + wait
        try:
            with folder(root) as fd:
                self._fd = plain_file("writer.lock", fd, "writer.lock", os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise could_not_write(error, "the store") from error
        while not _flock(self._fd, exclusive=True, wait=False):
            if time.monotonic() >= until:
                who = self._who()
                self.close()
                raise StoreBusyError(
                    f"another writer{who} has the store, and still had it after {wait:g} s: wait for it to end, or "
                    "ask again with a longer wait"
                )
            time.sleep(_PAUSE)
        # only for that message; a full disk is no reason not to go on
        with suppress(OSError):
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def _who(self) -> str:
        with suppress(OSError):
            pid = os.pread(self._fd, 20, 0)
            if pid.isdigit():
                return f" (process {pid.decode()})"
        return ""

    def close(self) -> None:
        """Give the right back."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


def mark_version(root: Path, number: int) -> None:
    """Make the file that readers of a version lock, before the version is there."""
    try:
        with folder(root, "leases", make=True) as leases:
            os.close(plain_file(str(number), leases, "a lease", os.O_RDWR | os.O_CREAT))
    except OSError as error:
        raise could_not_write(error, "the store") from error


class Lease:
    """Says that this process reads a version: until it is closed (or the process ends) nothing of it is removed.

    A forked child has the lease too, and it lasts until both have closed it.

    Attributes
    ----------
    held : bool
        False where the folder is read-only and the version's file is not there: nothing can be locked then.
    """

    def __init__(self, root: Path, number: int) -> None:
        self._fd = -1
        try:
            with folder(root, "leases") as leases:
                self._fd = self._opened(str(number), leases)
            _flock(self._fd, exclusive=False, wait=True)
        except OSError as error:
            self.close()
            if error.errno not in _MAY_NOT and not isinstance(error, FileNotFoundError):
                raise could_not_write(error, "a lease") from error
        self.held = self._fd >= 0

    @staticmethod
    def _opened(name: str, leases: int) -> int:
        try:
            return plain_file(name, leases, "a lease")
        except FileNotFoundError:
            return plain_file(name, leases, "a lease", os.O_RDWR | os.O_CREAT)

    def close(self) -> None:
        """Let go. Not by LOCK_UN: that would take the lease from a forked child, or from its parent."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


def free_version(root: Path, number: int) -> int | None:
    """Lock a version against new readers when nobody reads it; None when somebody does.

    Returns
    -------
    int or None
        A descriptor: close it when the version is gone from the manifest.
    """
    with folder(root, "leases", make=True) as leases:
        fd = plain_file(str(number), leases, "a lease", os.O_RDWR | os.O_CREAT)
        if _flock(fd, exclusive=True, wait=False):
            return fd
        os.close(fd)
        return None
