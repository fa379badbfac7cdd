"""The ledger: what one version has, who may write, what goes when nobody needs it any more."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cotrace.errors import (
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StorePathError,
    StoreVersionError,
)
from cotrace.store.files import FileEntry
from cotrace.store.ledger import Ledger, Version, Writer

SETTINGS = {"buckets": 4, "tz": "UTC"}


def some(n: int = 1000, first: int = 0) -> pa.Table:
    return pa.table(
        {"device": pa.array(range(first, first + n), pa.int32()), "n": pa.array([1] * n, pa.int32())}
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "store", SETTINGS)


def put(ledger: Ledger, first: int, day: int, batch: str) -> FileEntry:
    with ledger.write() as writer:
        entry = writer.files.write(some(first=first), kind="pings", day=day, bucket=0, batch=batch)
        writer.add(entry)
        writer.add_batch(batch, {"rows": 1000})
        writer.commit({"ingest": batch})
    return entry


def objects(ledger: Ledger) -> set[str]:
    return {p.stem for p in (ledger.root / "objects").glob("*/*")}


def test_a_new_store_is_version_nought(ledger: Ledger) -> None:
    with ledger.pin() as version:
        assert (version.number, version.files, version.batches, version.settings) == (0, (), {}, SETTINGS)
    assert Ledger.open(ledger.root).settings == SETTINGS
    assert ledger.verify() == []


def test_what_is_committed_is_read(ledger: Ledger) -> None:
    entry = put(ledger, 0, 19000, "b1")
    with ledger.pin() as version:
        assert version.number == 1
        assert version.of("pings", 19000, 0, "b1") == [entry]
        assert version.of("pings", 19001) == version.of("stays") == version.of("pings", bucket=1) == []
        assert version.batches == {"b1": {"rows": 1000}}
        assert version.what == {"ingest": "b1"}
        assert ledger.files.read(version.files[0]).equals(some())
        assert ledger.files.read(version.files[0], ["n"], [0]).column_names == ["n"]
        assert isinstance(ledger.files.open(entry), pq.ParquetFile)


def test_what_is_not_committed_is_not_there(ledger: Ledger) -> None:
    with ledger.write() as writer:
        writer.add(writer.files.write(some(), kind="stays"))
    assert ledger.newest() == 0
    assert len(objects(ledger)) == 1
    with ledger.write() as writer:
        removed = writer.collect()
    assert objects(ledger) == set()
    assert (removed.files, removed.kinds["unknown"]["files"], removed.versions) == (1, 1, [])


def test_the_same_content_is_the_same_file(ledger: Ledger) -> None:
    first, second = put(ledger, 0, 1, "a"), put(ledger, 0, 2, "b")
    assert first.name == second.name
    assert len(objects(ledger)) == 1
    with ledger.write() as writer:
        writer.remove(first)
        writer.commit({})
        writer.collect()
    assert ledger.verify() == []
    with ledger.pin() as version:
        assert [e.day for e in version.files] == [2]


def test_batches_are_dropped_replaced_and_brought_back(ledger: Ledger) -> None:
    put(ledger, 0, 1, "a")
    with ledger.write() as writer:
        writer.drop_batch("a", by="b")
        writer.add_batch("b", {"rows": 2})
        writer.commit({})
        assert (writer.base.batches, writer.base.replaced) == ({"b": {"rows": 2}}, {"a": "b"})
        writer.drop_batch("b")
        writer.set({"tz": "Asia/Shanghai"})
        writer.commit({})
        assert (writer.base.batches, writer.base.replaced) == ({}, {"a": "b"})
        writer.add_batch("a", {"rows": 3})
        assert writer.commit({}) == 4
    with ledger.pin() as version:
        assert (version.batches, version.replaced) == ({"a": {"rows": 3}}, {})
        assert version.settings["tz"] == "Asia/Shanghai"
    with ledger.pin(1) as old:
        assert (old.batches, old.settings["tz"]) == ({"a": {"rows": 1000}}, "UTC")


def test_a_file_that_the_version_has_not_cannot_be_removed(ledger: Ledger) -> None:
    entry = put(ledger, 0, 1, "a")
    with ledger.write() as writer:
        writer.remove(entry)
        writer.commit({})
        writer.remove(entry)
        with pytest.raises(StoreError, match="1 files are to be removed"):
            writer.commit({})


def test_versions_are_kept_until_they_are_collected(ledger: Ledger) -> None:
    entries = [put(ledger, 1000 * i, i, f"b{i}") for i in range(3)]
    with ledger.write() as writer:
        writer.remove(entries[0])
        writer.commit({})
        assert ledger.versions() == [0, 1, 2, 3, 4]
        removed = writer.collect(keep=1)
        assert (removed.versions, removed.files, removed.held) == ([0, 1, 2], 0, [])
        removed = writer.collect()
    assert (removed.versions, removed.files, removed.kinds["pings"]["rows"]) == ([3], 1, 1000)
    assert objects(ledger) == {e.name for e in entries[1:]}
    assert sorted(p.name for p in (ledger.root / "leases").iterdir()) == ["4"]
    with pytest.raises(StoreVersionError, match="version 3 is not there: 1 are kept, 4 to 4"):
        ledger.pin(3)
    assert ledger.verify() == []


def _reads(root: Path, ready: object, go: object, out: object) -> None:
    ledger = Ledger.open(root)
    with ledger.pin() as version:
        ready.set()  # type: ignore[attr-defined]
        go.wait()  # type: ignore[attr-defined]
        out.put([ledger.files.read(e).num_rows for e in version.files])  # type: ignore[attr-defined]


def test_what_another_process_reads_is_not_removed(ledger: Ledger) -> None:
    entry = put(ledger, 0, 1, "a")
    spawn = multiprocessing.get_context("spawn")
    ready, go, out = spawn.Event(), spawn.Event(), spawn.Queue()
    reader = spawn.Process(target=_reads, args=(ledger.root, ready, go, out))
    reader.start()
    assert ready.wait(120)
    with ledger.write() as writer:
        writer.remove(entry)
        writer.commit({})
        removed = writer.collect(wait=0)
        assert (removed.versions, removed.held, removed.files) == ([0], [1], 0)
        go.set()
        assert out.get(timeout=120) == [1000]
        reader.join()
        removed = writer.collect()
    assert (removed.versions, removed.held, removed.files) == ([1], [], 1)
    assert objects(ledger) == set()


def test_a_second_writer_waits_and_is_told(ledger: Ledger) -> None:
    with ledger.write(), pytest.raises(StoreBusyError, match=rf"\(process {os.getpid()}\).* after 0.1 s"):
        ledger.write(wait=0.1)
    with ledger.write(wait=0):
        pass


def test_modes_are_private(ledger: Ledger) -> None:
    old = os.umask(0)
    try:
        put(ledger, 0, 1, "a")
    finally:
        os.umask(old)
    for path in [ledger.root, *ledger.root.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StorePathError, match=r"1 things that are not of a store \(the first: 'thesis.tex'\)"):
        Ledger.create(tmp_path, {})
    with pytest.raises(StorePathError, match="there is no store"):
        Ledger.open(tmp_path)
    with pytest.raises(StorePathError, match="there is no store"):
        Ledger.open(tmp_path / "nowhere")


def test_creating_what_is_there_opens_it(ledger: Ledger) -> None:
    put(ledger, 0, 1, "a")
    assert Ledger.create(ledger.root, {"buckets": 8}).settings == SETTINGS
    assert ledger.newest() == 1


def test_links_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    entry = put(ledger, 0, 1, "a")
    (tmp_path / "link").symlink_to(ledger.root)
    with pytest.raises(StorePathError):
        Ledger.open(tmp_path / "link")
    target = ledger.root / "objects" / entry.name[:2] / f"{entry.name}.parquet"
    target.rename(tmp_path / "out.parquet")
    target.symlink_to(tmp_path / "out.parquet")
    with pytest.raises(StorePathError, match="symbolic link"):
        ledger.files.read(entry)
    (ledger.root / "objects").rename(tmp_path / "objects")
    (ledger.root / "objects").symlink_to(tmp_path / "objects")
    with pytest.raises(StorePathError, match="symbolic link"):
        ledger.files.read(entry)
    (ledger.root / "manifest.sqlite").rename(tmp_path / "m")
    (ledger.root / "manifest.sqlite").symlink_to(tmp_path / "m")
    with pytest.raises(StorePathError, match="symbolic link"):
        ledger.newest()


@pytest.mark.parametrize("name", ["../../etc/passwd", "a" * 63, "A" * 64, "0" * 64 + "\n", ""])
def test_names_are_digests(ledger: Ledger, name: str) -> None:
    entry = FileEntry("pings", 1, 0, "a", name, 1, 1, b"")
    with pytest.raises(StorePathError, match="not a digest"):
        ledger.files.read(entry)


def test_a_changed_or_cut_or_missing_file_is_damage(ledger: Ledger) -> None:
    entry = put(ledger, 0, 1, "a")
    path = ledger.root / "objects" / entry.name[:2] / f"{entry.name}.parquet"
    whole = path.read_bytes()
    for at in (0, 5, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with pytest.raises(StoreDamagedError, match=r"block 0 .* is not what was written"):
            ledger.files.read(entry)
        assert [type(e) for e in ledger.verify()] == [StoreDamagedError]
    path.write_bytes(whole[:-1])
    with pytest.raises(StoreDamagedError, match=f"has {len(whole) - 1} bytes and had {len(whole)}"):
        ledger.files.read(entry)
    path.unlink()
    with pytest.raises(StoreDamagedError, match="is missing"):
        ledger.files.read(entry)
    # written once more, it is whole again
    with ledger.write() as writer:
        writer.files.write(some(), kind="pings")
    assert ledger.verify() == []


def test_reprs_are_short(ledger: Ledger) -> None:
    entry = put(ledger, 0, 1, "a")
    with ledger.pin() as version:
        assert repr(version) == "<Version 1: 1 files, 1 batches>"
    assert "blocks" not in repr(entry)
    assert isinstance(version, Version)
    assert Writer.__doc__


def test_what_was_removed_is_in_no_byte_of_the_folder(ledger: Ledger) -> None:
    mark = b"a-mark-that-is-looked-for"
    with ledger.write() as writer:
        table = pa.table({"id": [mark.decode()] * 9})
        entry = writer.files.write(table, kind="devices", meta={"m": mark.decode()}, compression="none")
        writer.add(entry)
        writer.add_batch("b", {"m": [mark.decode()] * 400})
        writer.set({"m": mark.decode()})
        writer.commit({"m": mark.decode()})
        assert any(mark in path.read_bytes() for path in ledger.root.glob("objects/*/*"))
        writer.remove(entry)
        writer.drop_batch("b")
        writer.set({"m": None})
        writer.commit({})
        assert mark in (ledger.root / "manifest.sqlite").read_bytes()
        writer.collect()
    assert not [path for path in ledger.root.rglob("*") if path.is_file() and mark in path.read_bytes()]
