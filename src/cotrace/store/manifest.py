"""The manifest: what files, batches and settings each version has, in SQLite, and a digest that says it is so.

Nothing that is read from it is taken as it stands: each version has a digest over all of its rows, chained to the one
before and to the head; a changed bit, a lost row or a lost version is a StoreDamagedError.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cotrace.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StorePathError,
    StoreVersionError,
    StoreWriteError,
)
from cotrace.store.files import FileEntry
from cotrace.store.paths import could_not_read

__all__ = [
    "NAME",
    "Contents",
    "checked_schema",
    "connected",
    "contents_of",
    "head_of",
    "now",
    "numbers",
    "put_version",
    "reading",
]

NAME = "manifest.sqlite"
#: the number of the layout below; a higher one was made by a newer cotrace
SCHEMA = 1
_APPLICATION = 0x636F7472  # "cotr"
#: seconds that a reader waits for a commit to end, and a commit for readers
BUSY = 30.0
TABLES = (
    "CREATE TABLE head (one INTEGER PRIMARY KEY, number INTEGER, chain BLOB)",
    "CREATE TABLE versions (number INTEGER PRIMARY KEY, made_at TEXT, what TEXT, settings TEXT, digest BLOB,"
    " previous BLOB, chain BLOB)",
    "CREATE TABLE files (id INTEGER PRIMARY KEY, since INTEGER, until INTEGER, kind TEXT, day INTEGER, bucket INTEGER,"
    " batch TEXT, name TEXT, rows INTEGER, bytes INTEGER, blocks BLOB, meta TEXT)",
    "CREATE TABLE batches (id INTEGER PRIMARY KEY, since INTEGER, until INTEGER, batch TEXT, by TEXT, meta TEXT)",
)
#: the one way in which JSON is written: what is digested is always the same text
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
_MEND = "restore the store from a copy, or make it anew from the pings"


def damaged(how: str) -> StoreDamagedError:
    """Return the error that says how the manifest is damaged."""
    return StoreDamagedError(f"the store's manifest is damaged: {how}; nothing of it was used; {_MEND}")


def translated(error: Exception, writing: bool) -> StoreError:
    """Return the store's error for one of SQLite's, which names neither rows nor values."""
    if isinstance(error, StoreError):
        return error
    code = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusyError(
            f"the manifest was locked for more than {BUSY:g} s: ask again when others are done"
        )
    if code == "SQLITE_READONLY_ROLLBACK" or (code.startswith("SQLITE_CANTOPEN") and not writing):
        return StoreError(
            f"the manifest cannot be read where it may not be written ({code}): a writer was stopped in its commit; "
            "open the store once where it may be written, that undoes what was begun"
        )
    if code.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        if not writing:
            return StoreDamagedError(f"the manifest cannot be read ({code}): look at the disk, then {_MEND}")
        return StoreWriteError(
            f"the manifest could not be written ({code}): make room or mend the disk, and do it again; what was "
            "committed after all is not doubled by that"
        )
    return damaged(code)


@contextmanager
def connected(root: Path, write: bool = False) -> Iterator[sqlite3.Connection]:
    """Open the manifest; transactions are begun and ended by the caller.

    Raises
    ------
    StorePathError
        When there is no manifest, or a symbolic link in its place.
    StoreBusyError, StoreDamagedError, StoreWriteError
        For what SQLite says, also within the ``with``.
    """
    path = root / NAME
    _plain(root, path)
    try:
        # "rw" for readers too: what a killed writer began is undone by who comes next; SQLite itself falls back to
        # reading where the file may not be written
        uri = f"file:{quote(str(path))}?mode=rw"
        db = sqlite3.connect(uri, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA trusted_schema = OFF")
            db.execute("PRAGMA cell_size_check = ON")
            if write:
                db.execute("PRAGMA synchronous = EXTRA")
                db.execute("PRAGMA secure_delete = ON")
                db.execute("PRAGMA temp_store = MEMORY")
            yield db
        finally:
            db.close()
    except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
        raise translated(error, write) from error


@contextmanager
def reading(db: sqlite3.Connection) -> Iterator[None]:
    """Read in one transaction: all that is read is of one moment."""
    db.execute("BEGIN")
    try:
        yield
    finally:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")


def now() -> str:
    """Return this machine's time, UTC, as text."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _plain(root: Path, path: Path) -> None:
    # by lstat: opening it and closing it again would take SQLite's own locks from other threads of this process
    try:
        if not stat.S_ISDIR(os.lstat(root).st_mode):
            raise StorePathError(
                f"{str(root)!r} is a symbolic link or no folder: name the store's folder itself"
            )
        kind = os.lstat(path).st_mode
        with suppress(FileNotFoundError):
            journal = os.lstat(f"{path}-journal").st_mode
            kind = kind if stat.S_ISREG(journal) else journal
    except FileNotFoundError as error:
        raise StorePathError(f"there is no store in {str(root)!r}: look for a slip in the name") from error
    except OSError as error:
        raise could_not_read(error, "the store's folder") from error
    if not stat.S_ISREG(kind):
        raise StorePathError("the manifest or its journal is a symbolic link or no file: refused; restore it")


def checked_schema(db: sqlite3.Connection, thorough: bool = False) -> None:
    """Hold the database to the layout of this module, and to SQLite's own checks.

    ``thorough``: also the pages that are in no use, as a writer needs them.
    """
    version = db.execute("PRAGMA user_version").fetchone()[0]
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application == _APPLICATION and version > SCHEMA:
        raise StoreVersionError(
            f"the store has layout {version} and this cotrace knows {SCHEMA}: it was made by a newer one, or its "
            "manifest is damaged; update cotrace"
        )
    tables = tuple(sql for (sql,) in db.execute("SELECT sql FROM sqlite_master ORDER BY rowid"))
    mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    if application != _APPLICATION or version != SCHEMA or tables != TABLES or mode != "delete":
        raise damaged("its layout is not what was made")
    found = db.execute(f"PRAGMA {'integrity' if thorough else 'quick'}_check(1)").fetchone()
    if found is None or found[0] != "ok":
        raise damaged("SQLite's own check fails")


def made(db: sqlite3.Connection, settings: dict[str, Any], made_at: str) -> None:
    """Fill an empty database: the tables, and version 0 with these settings."""
    db.execute(f"PRAGMA application_id = {_APPLICATION}")
    db.execute(f"PRAGMA user_version = {SCHEMA}")
    for table in TABLES:
        db.execute(table)
    contents = Contents(0, made_at, {}, settings)
    db.execute("INSERT INTO head VALUES (1, 0, ?)", (put_version(db, contents, b""),))


@dataclass
class Contents:
    """All that a version has. ``batches`` and ``replaced``: (meta) and (by whom) by batch id."""

    number: int
    made_at: str
    what: dict[str, Any]
    settings: dict[str, Any]
    files: list[FileEntry] = field(default_factory=list)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)

    def digest(self) -> bytes:
        """Return the BLAKE2b-256 of everything above; the order of files and batches does not matter."""
        digest = hashlib.blake2b(digest_size=32)
        for text in (str(self.number), self.made_at, canonical(self.what), canonical(self.settings)):
            _fed(digest, text.encode())
        for row in sorted(row_of(entry) for entry in self.files):
            _fed(digest, row.encode())
        _fed(digest, b"batches")
        for batch in sorted(self.batches):
            _fed(digest, canonical([batch, self.batches[batch]]).encode())
        _fed(digest, b"replaced")
        for batch in sorted(self.replaced):
            _fed(digest, canonical([batch, self.replaced[batch]]).encode())
        return digest.digest()


def key_of(entry: FileEntry) -> tuple[Any, ...]:
    """Return what tells one file of a version from another."""
    return entry.kind, entry.day, entry.bucket, entry.batch, entry.name


def row_of(entry: FileEntry) -> str:
    """Return everything that the manifest has of a file, as text."""
    return canonical([*key_of(entry), entry.rows, entry.bytes, entry.blocks.hex(), entry.meta])


def batch_rows(version: Any) -> set[tuple[str, str | None, str]]:
    """Return (batch, by whom it was replaced, what was said of it) of a version's batches."""
    live = {(batch, None, canonical(meta)) for batch, meta in version.batches.items()}
    return live | {(batch, by, "null") for batch, by in version.replaced.items()}


def _fed(digest: Any, data: bytes) -> None:
    # with its length before it: no two lists of texts give the same bytes
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def canonical(value: Any) -> str:
    """Return JSON of a value that is always the same text."""
    return _JSON.encode(value)


def chained(previous: bytes, number: int, digest: bytes) -> bytes:
    """Return the link of a version: of the link before it, its number and its digest."""
    return hashlib.blake2b(previous + number.to_bytes(8, "little") + digest, digest_size=32).digest()


def put_version(db: sqlite3.Connection, contents: Contents, previous: bytes) -> bytes:
    """Insert the row of a version; return its link."""
    digest = contents.digest()
    chain = chained(previous, contents.number, digest)
    db.execute(
        "INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            contents.number,
            contents.made_at,
            canonical(contents.what),
            canonical(contents.settings),
            digest,
            previous,
            chain,
        ),
    )
    return chain


@dataclass(frozen=True)
class Head:
    """The newest version's number and link."""

    number: int
    chain: bytes


def head_of(db: sqlite3.Connection) -> Head:
    """Return the head, held to the newest version's row."""
    rows = db.execute("SELECT one, number, chain FROM head").fetchall()
    newest = db.execute("SELECT max(number) FROM versions").fetchone()[0]
    if len(rows) != 1 or not isinstance(rows[0][1], int) or not isinstance(rows[0][2], bytes):
        raise damaged("its head is not what was written")
    head = Head(rows[0][1], rows[0][2])
    link = db.execute("SELECT chain FROM versions WHERE number = ?", (head.number,)).fetchone()
    if newest != head.number or link is None or link[0] != head.chain:
        raise damaged("the newest version is missing, or not the one that was written last")
    return head


def numbers(db: sqlite3.Connection) -> list[int]:
    """Return the numbers of the versions that are kept, ascending."""
    return [number for (number,) in db.execute("SELECT number FROM versions ORDER BY number")]


def contents_of(db: sqlite3.Connection, number: int) -> Contents:
    """Read a version, and hold it to its digest.

    Raises
    ------
    StoreVersionError
        When it is not kept.
    StoreDamagedError
        When what is there is not what was written.
    """
    row = db.execute(
        "SELECT made_at, what, settings, digest, previous, chain FROM versions WHERE number = ?", (number,)
    ).fetchone()
    if row is None:
        kept = numbers(db)
        raise StoreVersionError(
            f"version {number} is not there: {len(kept)} are kept, {kept[0] if kept else '-'} to "
            f"{kept[-1] if kept else '-'}"
        )
    made_at, what, settings, digest, previous, chain = row
    try:
        contents = Contents(number, made_at, json.loads(what), json.loads(settings))
        _filled(db, contents)
        same = contents.digest() == digest and chained(previous, number, digest) == chain
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, StoreError):
            raise
        raise damaged(f"version {number} is not what was written") from error
    if not same:
        raise damaged(f"version {number} is not what was written")
    return contents


_LIVE = "since <= ?1 AND (until IS NULL OR until > ?1)"


def _filled(db: sqlite3.Connection, contents: Contents) -> None:
    files = db.execute(
        f"SELECT kind, day, bucket, batch, name, rows, bytes, blocks, meta FROM files WHERE {_LIVE}",
        (contents.number,),
    )
    contents.files = sorted((_entry(*row) for row in files), key=_order)
    for batch, by, meta in db.execute(
        f"SELECT batch, by, meta FROM batches WHERE {_LIVE}", (contents.number,)
    ):
        if batch in contents.batches or batch in contents.replaced:
            raise damaged("a batch is there twice")
        if by is None:
            contents.batches[batch] = json.loads(meta)
        else:
            contents.replaced[batch] = by


def _entry(
    kind: str,
    day: int | None,
    bucket: int | None,
    batch: str | None,
    name: str,
    rows: int,
    size: int,
    blocks: bytes,
    meta: str,
) -> FileEntry:
    return FileEntry(kind, day, bucket, batch, name, rows, size, blocks, json.loads(meta))


def _order(entry: FileEntry) -> tuple[Any, ...]:
    none = -(1 << 62)
    day = none if entry.day is None else entry.day
    return entry.kind, day, none if entry.bucket is None else entry.bucket, entry.batch or "", entry.name
