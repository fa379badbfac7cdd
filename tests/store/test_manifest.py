"""The manifest: whatever is changed in it is found, and what SQLite says is said in the store's words."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.store import acts

from cotrace.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StorePathError,
    StoreVersionError,
    StoreWriteError,
)
from cotrace.store import manifest
from cotrace.store.ledger import Ledger


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "store"
    acts.prepare(root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "store"))


CHANGES = [
    "UPDATE files SET rows = rows + 1 WHERE id = 3",
    "UPDATE files SET until = NULL WHERE until IS NOT NULL",
    "UPDATE files SET until = 2 WHERE id = 1",
    "UPDATE files SET since = 9 WHERE id = 1",
    "UPDATE files SET bytes = 'x'",
    "UPDATE files SET blocks = 'text'",
    "UPDATE files SET meta = '{'",
    "UPDATE files SET meta = NULL",
    "UPDATE files SET day = day + 0.5",
    "DELETE FROM files WHERE id = (SELECT max(id) FROM files)",
    "DELETE FROM files",
    "INSERT INTO files SELECT 99, since, until, kind, day, bucket, 'x', name, rows, bytes, blocks, meta FROM files"
    " WHERE id = 3",
    "DELETE FROM batches",
    "UPDATE batches SET by = 'b9' WHERE batch = 'b1'",
    "INSERT INTO batches SELECT 99, since, until, batch, by, meta FROM batches WHERE batch = 'b1'",
    "UPDATE versions SET what = '{}' WHERE number = 2",
    "UPDATE versions SET made_at = '2020-01-01'",
    "UPDATE versions SET settings = '[1]' WHERE number = 2",
    "UPDATE versions SET digest = x'00' WHERE number = 2",
    "UPDATE versions SET chain = x'00' WHERE number = 2",
    "UPDATE versions SET previous = x'00' WHERE number = 2",
    "UPDATE versions SET number = 7 WHERE number = 2",
    "DELETE FROM versions WHERE number = 2",
    "DELETE FROM versions",
    "UPDATE head SET number = 1",
    "UPDATE head SET chain = x'00'",
    "UPDATE head SET number = 'two'",
    "DELETE FROM head",
    "INSERT INTO head SELECT 2, number, chain FROM head",
    "DROP TABLE batches",
    "CREATE INDEX more ON files (day)",
    "CREATE TRIGGER more AFTER INSERT ON files BEGIN DELETE FROM batches; END",
    "PRAGMA application_id = 5",
    "PRAGMA user_version = 0",
    "PRAGMA journal_mode = WAL",
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_changed_is_found(root: Path, change: str) -> None:
    db = sqlite3.connect(root / manifest.NAME)
    db.execute(change)
    db.commit()
    db.close()
    with pytest.raises(StoreDamagedError, match="manifest is damaged"):
        Ledger.open(root)
    assert [type(error) for error in Ledger(root, {}).verify()][:1] == [StoreDamagedError]
    with pytest.raises(StoreDamagedError):
        Ledger(root, {}).write()


def test_an_old_version_that_is_changed_is_found_when_it_is_read(root: Path) -> None:
    db = sqlite3.connect(root / manifest.NAME)
    db.execute("UPDATE versions SET what = '{}' WHERE number = 1")
    db.commit()
    db.close()
    ledger = Ledger.open(root)
    with pytest.raises(StoreDamagedError, match="version 1 is not what was written"):
        ledger.pin(1)
    assert [str(error).partition(";")[0] for error in ledger.verify()] == [
        "the store's manifest is damaged: version 1 is not what was written"
    ]


def test_a_newer_layout_is_refused(root: Path) -> None:
    db = sqlite3.connect(root / manifest.NAME)
    db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(StoreVersionError, match=r"layout 2 and this cotrace knows 1.*update cotrace"):
        Ledger.open(root)


@pytest.mark.parametrize("cut", [lambda n: 0, lambda n: 100, lambda n: n // 2, lambda n: n - 4096])
def test_a_cut_manifest_is_found(root: Path, cut: Callable[[int], int]) -> None:
    path = root / manifest.NAME
    path.write_bytes(path.read_bytes()[: cut(path.stat().st_size)])
    with pytest.raises(StoreDamagedError):
        Ledger.open(root)


def test_a_version_that_changed_behind_the_writer_is_not_built_upon(root: Path) -> None:
    with Ledger.open(root).write() as writer:
        db = sqlite3.connect(root / manifest.NAME)
        db.execute("UPDATE head SET number = 1")
        db.execute("DELETE FROM versions WHERE number = 2")
        db.execute("UPDATE head SET chain = (SELECT chain FROM versions WHERE number = 1)")
        db.commit()
        db.close()
        with pytest.raises(StoreDamagedError, match="that this writer, the only one, did not make"):
            writer.commit({})


@pytest.mark.parametrize(
    ("code", "writing", "kind"),
    [
        ("SQLITE_BUSY", False, StoreBusyError),
        ("SQLITE_READONLY_ROLLBACK", False, StoreError),
        ("SQLITE_CANTOPEN", False, StoreError),
        ("SQLITE_IOERR_READ", False, StoreDamagedError),
        ("SQLITE_FULL", True, StoreWriteError),
        ("SQLITE_IOERR_FSYNC", True, StoreWriteError),
        ("SQLITE_CORRUPT", True, StoreDamagedError),
    ],
)
def test_what_sqlite_says_is_said_in_other_words(code: str, writing: bool, kind: type[StoreError]) -> None:
    error = sqlite3.OperationalError("a value of a row")
    error.sqlite_errorname = code
    said = manifest.translated(error, writing)
    assert type(said) is kind
    assert "a value of a row" not in str(said)
    assert manifest.translated(said, writing) is said


def test_a_commit_that_was_cut_off_is_undone_by_who_reads_next(root: Path) -> None:
    before = acts.state(root)
    shutil.copy(root / manifest.NAME, root.with_name("aside"))
    db = sqlite3.connect(root / manifest.NAME, isolation_level=None)
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN IMMEDIATE")
    for _ in range(9):
        db.execute("INSERT INTO batches (since, batch, meta) SELECT 1, hex(randomblob(999)), '{}' FROM files")
    left = [root.joinpath(f"{manifest.NAME}{end}").read_bytes() for end in ("", "-journal")]
    db.execute("ROLLBACK")
    db.close()
    assert left[0] != root.with_name("aside").read_bytes()
    for data, end in zip(left, ("", "-journal"), strict=True):
        (root / f"{manifest.NAME}{end}").write_bytes(data)
    assert acts.state(root) == before
    assert not (root / f"{manifest.NAME}-journal").exists()


def test_a_journal_that_is_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    (root / f"{manifest.NAME}-journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorePathError, match="symbolic link"):
        Ledger.open(root)
