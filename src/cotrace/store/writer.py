"""The one writer of a store: what the next version adds and removes, committed in one step."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from cotrace.errors import StoreDamagedError, StoreError
from cotrace.store import manifest
from cotrace.store.collecting import Removed, collected, swept
from cotrace.store.files import FileEntry
from cotrace.store.locks import WriterLock, mark_version
from cotrace.store.manifest import Contents, connected
from cotrace.store.version import Version

if TYPE_CHECKING:
    from cotrace.store.ledger import Ledger

__all__ = ["Writer"]


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
            self.base.number + 1,
            manifest.now(),
            dict(what),
            self._settings,
            list(files.values()),
            batches,
            replaced,
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
    old = {manifest.row_of(entry): entry for entry in base.files}
    new = {manifest.row_of(entry): entry for entry in following.files}
    for entry in (entry for row, entry in old.items() if row not in new):
        db.execute(
            "UPDATE files SET until = ? WHERE until IS NULL AND kind = ? AND day IS ? AND bucket IS ? AND batch IS ?"
            " AND name = ?",
            (number, *manifest.key_of(entry)),
        )
    for entry in (entry for row, entry in new.items() if row not in old):
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
