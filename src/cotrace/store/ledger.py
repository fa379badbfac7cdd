"""The ledger: a store's manifest, made, opened, and asked for versions or for the right to write."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from cotrace.errors import StoreError, StoreVersionError
from cotrace.store import manifest
from cotrace.store.files import FileEntry, Files
from cotrace.store.locks import Lease, WriterLock, mark_version
from cotrace.store.manifest import connected, now, reading
from cotrace.store.paths import could_not_write, folder, made_root, plain_file
from cotrace.store.version import Version
from cotrace.store.writer import Writer

__all__ = ["Ledger", "Version", "Writer"]

_FRESH = "manifest.new"


class Ledger:
    """The manifest of one store: made by :meth:`create` or :meth:`open`; keeps nothing open itself.

    Attributes
    ----------
    root : Path
        The store's folder.
    settings : dict
        Those of the newest version when the ledger was opened.
    """

    def __init__(self, root: Path, settings: dict[str, Any], encryption: Any = None) -> None:
        self.root = root
        self.settings = settings
        self.encryption = encryption

    @classmethod
    def create(cls, root: Path | str, settings: dict[str, Any], encryption: Any = None) -> Ledger:
        """Make a store; where one is there by now (another process was quicker), that one is opened.

        Parameters
        ----------
        root : path
            A folder that is not there, or is empty.
        settings : dict
            Of what JSON has: version 0 has them. Compare ``.settings`` with them when another may have been quicker.
        encryption : object, optional
            As in :class:`~cotrace.store.files.Files`.
        """
        root = _absolute(root)
        made_root(root)
        lock = WriterLock(root, manifest.BUSY)
        try:
            if not os.path.lexists(root / manifest.NAME):
                _made(root, settings)
        finally:
            lock.close()
        return cls.open(root, encryption)

    @classmethod
    def open(cls, root: Path | str, encryption: Any = None) -> Ledger:
        """Open a store: its layout, SQLite's own check and the newest version are looked at.

        Raises
        ------
        StorePathError
            When there is none.
        StoreDamagedError
            When the manifest is not what was written.
        StoreVersionError
            When a newer cotrace made it.
        """
        root = _absolute(root)
        with connected(root) as db:
            manifest.checked_schema(db)
            with reading(db):
                contents = manifest.contents_of(db, manifest.head_of(db).number)
        return cls(root, contents.settings, encryption)

    @property
    def files(self) -> Files:
        """A new :class:`Files` of this store."""
        return Files(self.root, self.encryption)

    def newest(self) -> int:
        """Return the number of the newest version."""
        with connected(self.root) as db, reading(db):
            return manifest.head_of(db).number

    def versions(self) -> list[int]:
        """Return the numbers of the versions that are kept, ascending."""
        with connected(self.root) as db, reading(db):
            manifest.head_of(db)
            return manifest.numbers(db)

    def pin(self, version: int | None = None) -> Version:
        """Read a version (None: the newest) and keep it from being removed until it is closed.

        Raises
        ------
        StoreVersionError
            When it is not kept.
        StoreDamagedError
            When the manifest is not what was written.
        """
        with connected(self.root) as db:
            while True:
                with reading(db):
                    number = manifest.head_of(db).number if version is None else int(version)
                    kept = number in manifest.numbers(db)
                lease = Lease(self.root, number) if kept else None
                try:
                    with reading(db):
                        manifest.head_of(db)
                        return Version(manifest.contents_of(db, number), lease)
                except BaseException as error:
                    if lease is not None:
                        lease.close()
                    # collected between being read and being locked: the next newest is there
                    if version is not None or not isinstance(error, StoreVersionError):
                        raise

    def write(self, wait: float = 10.0) -> Writer:
        """Become the one writer.

        Parameters
        ----------
        wait : float
            Seconds to wait for another.

        Raises
        ------
        StoreBusyError
            When another still writes after that.
        """
        return Writer(self, wait)

    def verify(self) -> list[StoreError]:
        """Look at everything: SQLite's integrity check, each kept version's digest, every byte of every file.

        Returns
        -------
        list of StoreError
            What is wrong, one error a thing; empty when all is as it was written.
        """
        try:
            with connected(self.root) as db:
                manifest.checked_schema(db, thorough=True)
            kept = self.versions()
        except StoreError as error:
            return [error]
        wrong: list[StoreError] = []
        checked: set[str] = set()
        for number in kept:
            try:
                with self.pin(number) as pinned:
                    # while it is pinned: no file of it goes away meanwhile
                    wrong += _wrong(
                        self.files, [entry for entry in pinned.files if entry.name not in checked]
                    )
                    checked |= {entry.name for entry in pinned.files}
            except StoreVersionError:
                continue
            except StoreError as error:
                wrong.append(error)
        return wrong


def _wrong(files: Files, entries: list[FileEntry]) -> list[StoreError]:
    found: list[StoreError] = []
    for entry in entries:
        try:
            files.check(entry)
        except StoreError as error:
            found.append(error)
    return found


def _absolute(root: Path | str) -> Path:
    return Path(os.path.abspath(os.fspath(root)))


def _made(root: Path, settings: dict[str, Any]) -> None:
    """Make folders and the manifest, under another name until it is whole."""
    try:
        mark_version(root, 0)
        for name in ("objects", "tmp"):
            with folder(root, name, make=True):
                pass
        with folder(root) as fd:
            for left in (_FRESH, f"{_FRESH}-journal"):
                with suppress(FileNotFoundError):
                    os.unlink(left, dir_fd=fd)
            os.close(plain_file(_FRESH, fd, "the manifest", os.O_RDWR | os.O_CREAT | os.O_EXCL))
            _filled(root / _FRESH, settings)
            os.rename(_FRESH, manifest.NAME, src_dir_fd=fd, dst_dir_fd=fd)
            os.fsync(fd)
    except OSError as error:
        raise could_not_write(error, "the new store") from error


def _filled(path: Path, settings: dict[str, Any]) -> None:
    try:
        db = sqlite3.connect(path, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = EXTRA")
            db.execute("PRAGMA temp_store = MEMORY")
            db.execute("BEGIN IMMEDIATE")
            manifest.made(db, settings, now())
            db.execute("COMMIT")
        finally:
            db.close()
    except sqlite3.Error as error:
        raise manifest.translated(error, writing=True) from error
