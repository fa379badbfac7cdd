"""What no version needs any more is really removed: rows, files, leases, what was begun, what SQLite still holds."""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cotrace.store import manifest
from cotrace.store.locks import free_version
from cotrace.store.manifest import connected
from cotrace.store.paths import could_not_write, folder, settled

__all__ = ["Removed", "collected", "swept"]

_PAUSE = 0.05
_FOLDER = re.compile(r"[0-9a-f]{2}")


@dataclass
class Removed:
    """What was removed.

    Attributes
    ----------
    versions : list of int
    files, bytes : int
        Data files, and what they held; those that a writer had begun and nobody ever saw are counted too.
    kinds : dict
        ``{"files": …, "bytes": …, "rows": …}`` by kind of file; ``unknown`` are those that no version had.
    held : list of int
        Versions that were to go and that other readers still hold; their files stay until the next time.
    """

    versions: list[int] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    held: list[int] = field(default_factory=list)

    def count(self, kind: str, size: int, rows: int) -> None:
        """Count one file."""
        self.files += 1
        self.bytes += size
        of = self.kinds.setdefault(kind, {"files": 0, "bytes": 0, "rows": 0})
        of["files"] += 1
        of["bytes"] += size
        of["rows"] += rows


def collected(root: Path, keep: int, wait: float) -> Removed:
    """Do what ``Writer.collect`` says; the caller is the writer."""
    removed = Removed()
    try:
        known = _forgotten(root, keep, wait, removed)
        _unlinked(root, known, removed)
        swept(root, removed)
        _leases_swept(root)
        with connected(root, write=True) as db:
            # rewrites the manifest without the pages that rows were removed from
            db.execute("VACUUM")
        settled(root, {(), ("leases",), ("objects",), ("tmp",)})
    except OSError as error:
        raise could_not_write(error, "what was to be removed") from error
    return removed


def _forgotten(root: Path, keep: int, wait: float, removed: Removed) -> dict[str, tuple[str, int]]:
    """Delete old versions' rows; return kind and rows by name of the files that were in any version."""
    with connected(root, write=True) as db:
        manifest.head_of(db)
        old = manifest.numbers(db)[: -1 - max(keep, 0)]
        locked = _locked(root, old, wait)
        try:
            known = {
                name: (kind, rows)
                for name, kind, rows in db.execute("SELECT DISTINCT name, kind, rows FROM files")
            }
            db.execute("BEGIN IMMEDIATE")
            try:
                db.executemany("DELETE FROM versions WHERE number = ?", [(number,) for number in locked])
                kept = "SELECT 1 FROM versions WHERE number >= since AND (until IS NULL OR number < until)"
                db.execute(f"DELETE FROM files WHERE NOT EXISTS ({kept})")
                db.execute(f"DELETE FROM batches WHERE NOT EXISTS ({kept})")
                # nothing is committed that would not be read again
                for number in manifest.numbers(db):
                    manifest.contents_of(db, number)
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
        finally:
            for fd in locked.values():
                os.close(fd)
    removed.versions = sorted(locked)
    removed.held = sorted(set(old) - set(locked))
    return known


def _locked(root: Path, numbers: list[int], wait: float) -> dict[int, int]:
    """Lock versions against new readers as their old ones let go; those still read after ``wait`` are left out."""
    until = time.monotonic() + wait
    locked: dict[int, int] = {}
    while True:
        for number in numbers:
            if number not in locked and (fd := free_version(root, number)) is not None:
                locked[number] = fd
        if len(locked) == len(numbers) or time.monotonic() >= until:
            return locked
        time.sleep(_PAUSE)


def _unlinked(root: Path, known: dict[str, tuple[str, int]], removed: Removed) -> None:
    """Remove the data files that no version has."""
    with connected(root, write=True) as db:
        needed = {name for (name,) in db.execute("SELECT DISTINCT name FROM files")}
    with folder(root, "objects", make=True) as fd:
        folders = sorted(name for name in os.listdir(fd) if _FOLDER.fullmatch(name))
    for inner in folders:
        with folder(root, "objects", inner) as fd:
            gone = [name for name in os.listdir(fd) if name.removesuffix(".parquet") not in needed]
            for name in gone:
                size = os.stat(name, dir_fd=fd, follow_symlinks=False).st_size
                os.unlink(name, dir_fd=fd)
                kind, rows = known.get(name.removesuffix(".parquet"), ("unknown", 0))
                removed.count(kind, size, rows)
            if gone:
                os.fsync(fd)


def swept(root: Path, removed: Removed | None = None) -> None:
    """Remove what writers that were stopped had begun."""
    try:
        with folder(root, "tmp", make=True) as fd:
            for name, size in _plain_in(fd):
                os.unlink(name, dir_fd=fd)
                if removed is not None:
                    removed.count("unknown", size, 0)
    except OSError as error:
        raise could_not_write(error, "a file that was begun") from error


def _plain_in(fd: int) -> Iterator[tuple[str, int]]:
    for name in os.listdir(fd):
        yield name, os.stat(name, dir_fd=fd, follow_symlinks=False).st_size


def _leases_swept(root: Path) -> None:
    """Remove the leases of versions that are gone; who opened one meanwhile finds no version and asks again."""
    with connected(root, write=True) as db:
        kept = {str(number) for number in manifest.numbers(db)}
    with folder(root, "leases", make=True) as fd:
        for name in set(os.listdir(fd)) - kept:
            os.unlink(name, dir_fd=fd)
