"""Folders and files of a store: reached step by step, no symbolic link followed, no name taken from data."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cotrace.errors import StoreDamagedError, StoreError, StorePathError, StoreWriteError

__all__ = ["could_not_read", "could_not_write", "folder", "made_root", "object_path", "plain_file", "settled"]

#: what a store's folder may hold: anything else, and the folder is of something else
OWN = {
    "objects",
    "tmp",
    "leases",
    "writer.lock",
    "manifest.sqlite",
    "manifest.sqlite-journal",
    "manifest.new",
    "manifest.new-journal",
}
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def object_path(name: str) -> tuple[str, str, str]:
    """Return the steps from the store's folder to the data file whose digest (64 hexadecimal digits) is ``name``.

    Raises
    ------
    StorePathError
        When the name is not a digest: a path made of anything else may leave the store.
    """
    if not isinstance(name, str) or _DIGEST.fullmatch(name) is None:
        raise StorePathError(
            "a data file's name in the manifest is not a digest of 64 hexadecimal digits: refused, as such a path "
            "may leave the store; restore the store from a copy"
        )
    return "objects", name[:2], f"{name}.parquet"


def made_root(root: Path) -> None:
    """Make a store's folder, 0700; one that is there must be empty, or hold what a store holds.

    Raises
    ------
    StorePathError
        When it is a symbolic link or no folder, or when other things are in it.
    """
    try:
        os.makedirs(root.parent, exist_ok=True)
        with suppress(FileExistsError):
            os.mkdir(root, 0o700)
        with folder(root) as fd:
            others = sorted(set(os.listdir(fd)) - OWN)
            if others:
                raise StorePathError(
                    f"{str(root)!r} holds {len(others)} things that are not of a store (the first: {others[0]!r}): "
                    "name a folder that is empty, or one that is not there yet"
                )
            if stat.S_IMODE(os.fstat(fd).st_mode) != 0o700:
                os.fchmod(fd, 0o700)
        _fsync_path(root.parent)
    except OSError as error:
        raise could_not_write(error, "the store's folder") from error


def _fsync_path(path: Path) -> None:
    # the folder above is the caller's: where it cannot be opened, its entry is the caller's care too
    with suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextmanager
def folder(root: Path, *names: str, make: bool = False) -> Iterator[int]:
    """Open the store's folder, or one within it, and give its descriptor.

    Parameters
    ----------
    root : Path
        The store's folder; what is above it may be reached by links, itself it may not be one.
    *names : str
        The steps from there.
    make : bool
        Whether steps that are missing are made, 0700, and their entries are fsynced.

    Raises
    ------
    StorePathError
        When a step is a symbolic link or no folder.
    FileNotFoundError, OSError
        As the system says.
    """
    fd = _step(root, None)
    try:
        for name in names:
            inner = _made_step(name, fd) if make else _step(name, fd)
            os.close(fd)
            fd = inner
        yield fd
    finally:
        os.close(fd)


def _step(name: str | Path, within: int | None) -> int:
    try:
        return os.open(name, _OPEN_FOLDER, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise StorePathError(
                f"{str(name)!r} is a symbolic link or no folder, where a store has a folder: refused; name the "
                "folder itself, and put nothing else in its place"
            ) from error
        raise


def _made_step(name: str, within: int) -> int:
    try:
        return _step(name, within)
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=within)
        os.fsync(within)
        return _step(name, within)


def plain_file(name: str, within: int, what: str, flags: int = os.O_RDONLY) -> int:
    """Open a plain file within a folder that is open; a link or anything else is a StorePathError."""
    try:
        fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, 0o600, dir_fd=within)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR):
            raise StorePathError(
                f"{what} is a symbolic link or no file: refused; restore it from a copy"
            ) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise StorePathError(f"{what} is no plain file: refused; restore it from a copy")
    return fd


def settled(root: Path, folders: set[tuple[str, ...]]) -> None:
    """Fsync these folders: what was renamed into them, or removed, is so after a loss of power too."""
    for names in sorted(folders):
        try:
            with folder(root, *names) as fd:
                os.fsync(fd)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise could_not_write(error, "a folder of the store") from error


def could_not_write(error: OSError, what: str) -> StoreError:
    """Return the error that says that ``what`` could not be written, and why."""
    if isinstance(error, StoreError):
        return error
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    mend = "make room and do it again" if error.errno in _FULL else "mend that and do it again"
    return StoreWriteError(
        f"{what} could not be written ({why}): the store is what it was before; {mend}, nothing is doubled by that"
    )


def could_not_read(error: OSError, what: str) -> StoreError:
    """Return the error that says that ``what`` could not be read, and why."""
    why = os.strerror(error.errno) if error.errno else type(error).__name__
    if error.errno in (errno.EACCES, errno.EPERM):
        return StorePathError(f"{what} may not be read ({why}): run as the user whose store it is")
    return StoreDamagedError(
        f"{what} cannot be read ({why}): look at the disk, then restore the store from a copy"
    )
