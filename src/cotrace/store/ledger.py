"""The ledger: versions of a store, the one writer that makes them, the readers that keep them."""

from __future__ import annotations

import datetime
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from cotrace.errors import StoreDamagedError, StoreError, StoreVersionError
from cotrace.store import manifest
from cotrace.store.collecting import Removed, collected, swept
from cotrace.store.files import FileEntry, Files
from cotrace.store.locks import Lease, WriterLock, mark_version
from cotrace.store.manifest import Contents, connected
from cotrace.store.paths import could_not_write, folder, made_root, plain_file

__all__ = ["Ledger", "Version", "Writer"]

_FRESH = "manifest.new"


class Version:
    """One version of a store, pinned: as long as it is not closed, nothing of it is removed.

    Attributes
    ----------
    number : int
        0 is the empty store.
    made_at : str
        When it was committed, by the writer's clock.
    what : dict
        What the writer said it did.
    settings : dict
    files : tuple of FileEntry
    batches : dict
        What was said of each live batch, by its id.
    replaced : dict
        Batches that were taken out for another, and for which.
    leased : bool
        False where the folder is read-only and no lock can be had: then a writer elsewhere may remove files.
    """

    def __init__(self, contents: Contents, lease: Lease | None) -> None:
        self.number = contents.number
        self.made_at = contents.made_at
        self.what = contents.what
        self.settings = contents.settings
        self.files = tuple(contents.files)
        self.batches = contents.batches
        self.replaced = contents.replaced
        self._lease = lease
        self._by_kind: dict[tuple[str, int | None], list[FileEntry]] = {}
        for entry in self.files:
            self._by_kind.setdefault((entry.kind, entry.day), []).append(entry)

    @property
    def leased(self) -> bool:
        """Whether removal waits for this reader."""
        return self._lease is not None and self._lease.held

    def of(
        self, kind: str, day: int | None = None, bucket: int | None = None, batch: str | None = None
    ) -> list[FileEntry]:
        """Return the files of a kind, and of a day, bucket and batch where these are given; in their order."""
        if day is None:
            found = [entry for entry in self.files if entry.kind == kind]
        else:
            found = self._by_kind.get((kind, day), [])
        return [
            entry
            for entry in found
            if (bucket is None or entry.bucket == bucket) and (batch is None or entry.batch == batch)
        ]

    def close(self) -> None:
        """Let go of the version; what is in memory stays readable, its files may be removed."""
        if self._lease is not None:
            self._lease.close()

    def __enter__(self) -> Version:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Version {self.number}: {len(self.files)} files, {len(self.batches)} batches>"


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
            with _reading(db):
                contents = manifest.contents_of(db, manifest.head_of(db).number)
        return cls(root, contents.settings, encryption)

    @property
    def files(self) -> Files:
        """A new :class:`Files` of this store."""
        return Files(self.root, self.encryption)

    def newest(self) -> int:
        """Return the number of the newest version."""
        with connected(self.root) as db, _reading(db):
            return manifest.head_of(db).number

    def versions(self) -> list[int]:
        """Return the numbers of the versions that are kept, ascending."""
        with connected(self.root) as db, _reading(db):
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
                with _reading(db):
                    number = manifest.head_of(db).number if version is None else int(version)
                    kept = number in manifest.numbers(db)
                lease = Lease(self.root, number) if kept else None
                try:
                    with _reading(db):
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


@contextmanager
def _reading(db: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all that is read is of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


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
            manifest.made(db, settings, _now())
            db.execute("COMMIT")
        finally:
            db.close()
    except sqlite3.Error as error:
        raise manifest.translated(error, writing=True) from error


class Writer:
    """The one writer of a store: collects what the next version adds and removes, and commits it in one step.

    A context manager; leaving it without :meth:`commit` leaves the store as it was.

    Attributes
    ----------
    base : Version
        What the changes are made to: the newest version, after a commit the one that it made.
    files : Files
        Where new data files are written.
    """

    def __init__(self, ledger: Ledger, wait: float) -> None:
        self._ledger = ledger
        self.root = ledger.root
        self.files = ledger.files
        self._changing = threading.Lock()
        self._lock = WriterLock(self.root, wait)
        try:
            with connected(self.root, write=True) as db:
                manifest.checked_schema(db, thorough=True)
            swept(self.root)
            self.base = ledger.pin()
        except BaseException:
            self._lock.close()
            raise
        self._clear()

    def _clear(self) -> None:
        self._added: list[FileEntry] = []
        self._removed: list[FileEntry] = []
        self._new: dict[str, dict[str, Any]] = {}
        self._dropped: dict[str, str | None] = {}
        self._settings = dict(self.base.settings)

    def add(self, entry: FileEntry) -> None:
        """Put a file that :attr:`files` wrote into the next version."""
        with self._changing:
            self._added.append(entry)

    def remove(self, entry: FileEntry) -> None:
        """Leave a file of the base out of the next version."""
        with self._changing:
            self._removed.append(entry)

    def add_batch(self, batch: str, meta: dict[str, Any]) -> None:
        """Put a batch into the next version."""
        with self._changing:
            self._new[batch] = dict(meta)

    def drop_batch(self, batch: str, by: str | None = None) -> None:
        """Leave a batch out of the next version; ``by``: the batch that takes its place, which is remembered."""
        with self._changing:
            self._dropped[batch] = by

    def set(self, settings: dict[str, Any]) -> None:
        """Change some of the settings in the next version."""
        with self._changing:
            self._settings.update(settings)

    def commit(self, what: dict[str, Any]) -> int:
        """Make the next version, in one transaction; return its number.

        Parameters
        ----------
        what : dict
            What was done, of what JSON has; no device ids, no coordinates.

        Raises
        ------
        StoreWriteError
            When it could not be written. The store is what it was, or (where only the last word of the disk is
            missing) has the new version whole: do it again, ingests are idempotent.
        """
        following = self._following(what)
        self.files.settle()
        mark_version(self.root, following.number)
        with connected(self.root, write=True) as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                head = manifest.head_of(db)
                if head.number != self.base.number:
                    raise StoreDamagedError(
                        "the store has a version that this writer, the only one, did not make: two machines share the "
                        "folder, or it was copied meanwhile; open it again"
                    )
                _inserted(db, self.base, following, head.chain)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
        before, self.base = self.base, self._ledger.pin(following.number)
        before.close()
        self._clear()
        return following.number

    def _following(self, what: dict[str, Any]) -> Contents:
        """Return the next version's contents."""
        gone = {manifest.key_of(entry) for entry in self._removed}
        missing = gone - {manifest.key_of(entry) for entry in self.base.files}
        if missing:
            raise StoreError(f"{len(missing)} files are to be removed that the version does not have")
        files = {manifest.key_of(e): e for e in self.base.files if manifest.key_of(e) not in gone}
        files.update((manifest.key_of(entry), entry) for entry in self._added)
        batches = {b: meta for b, meta in self.base.batches.items() if b not in self._dropped} | self._new
        replaced = {b: by for b, by in self.base.replaced.items() if b not in self._dropped}
        replaced |= {batch: by for batch, by in self._dropped.items() if by is not None}
        replaced = {batch: by for batch, by in replaced.items() if batch not in batches}
        return Contents(
            self.base.number + 1, _now(), dict(what), self._settings, list(files.values()), batches, replaced
        )

    def collect(self, keep: int = 0, wait: float = 10.0) -> Removed:
        """Remove old versions and every file that no kept version has; wipe what SQLite still holds of them.

        Parameters
        ----------
        keep : int
            How many versions before the newest stay.
        wait : float
            Seconds to wait for readers of older versions; those that are still read after that stay, with their files,
            and are in ``Removed.held``.

        Raises
        ------
        StoreWriteError
            When something could not be removed: call it again.
        """
        return collected(self.root, keep, wait)

    def close(self) -> None:
        """Let the next writer in; what was not committed is forgotten."""
        self.base.close()
        self._lock.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()


def _inserted(db: sqlite3.Connection, base: Version, following: Contents, previous: bytes) -> None:
    """Write what differs between two versions, the version itself, and the head."""
    number = following.number
    old = {(manifest.key_of(e), manifest.value_of(e)) for e in base.files}
    new = {(manifest.key_of(e), manifest.value_of(e)): e for e in following.files}
    for key, _ in old - set(new):
        db.execute(
            "UPDATE files SET until = ? WHERE until IS NULL AND kind = ? AND day IS ? AND bucket IS ? AND batch IS ?"
            " AND name = ?",
            (number, *key),
        )
    for entry in (entry for at, entry in new.items() if at not in old):
        row = (*manifest.key_of(entry), entry.rows, entry.bytes, entry.blocks, manifest.canonical(entry.meta))
        db.execute(
            "INSERT INTO files (since, kind, day, bucket, batch, name, rows, bytes, blocks, meta)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, *row),
        )
    _batches(db, number, manifest.batch_rows(base), manifest.batch_rows(following))
    chain = manifest.put_version(db, following, previous)
    db.execute("UPDATE head SET number = ?, chain = ? WHERE one = 1", (number, chain))


def _batches(db: sqlite3.Connection, number: int, old: set[Any], new: set[Any]) -> None:
    for batch, _, _ in old - new:
        db.execute("UPDATE batches SET until = ? WHERE until IS NULL AND batch = ?", (number, batch))
    for batch, by, meta in sorted(new - old, key=str):
        row = (number, batch, by, meta)
        db.execute("INSERT INTO batches (since, batch, by, meta) VALUES (?, ?, ?, ?)", row)
