"""Data files: every byte that is read was held to its sum; the key is asked for; nothing needs the right to write."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest
from tests.store import full, stops

from cotrace.errors import StoreDamagedError, StoreError, StoreWriteError
from cotrace.store.blocks import BLOCK, Sink, Source, block_sums, file_digest
from cotrace.store.files import FileEntry, Files
from cotrace.store.ledger import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger.create(tmp_path / "store", {})


def rows(n: int = 50_000) -> pa.Table:
    rng = np.random.default_rng(1)
    return pa.table({c: rng.integers(0, 1 << 30, n).astype(np.int32) for c in "abc"})


def written(ledger: Ledger, table: pa.Table, encryption: Any = None, **how: Any) -> FileEntry:
    with ledger.write() as writer:
        writer.files.encryption = encryption
        entry = writer.files.write(table, kind="stays", day=3, **how)
        writer.add(entry)
        writer.commit({})
    return entry


def path_of(ledger: Ledger, entry: FileEntry) -> Path:
    return ledger.root / "objects" / entry.name[:2] / f"{entry.name}.parquet"


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, (1 << 20) + 7])
@pytest.mark.parametrize("piece", [1000, 1 << 21])
def test_what_goes_out_comes_in(tmp_path: Path, size: int, piece: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    fd = os.open(tmp_path / "f", os.O_RDWR | os.O_CREAT)
    sink = Sink(fd)
    for lo in range(0, size, piece):
        assert sink.write(data[lo : lo + piece]) == len(data[lo : lo + piece])
        assert sink.tell() == min(lo + piece, size)
    sink.flush()
    sink.close()
    name, blocks = sink.finished()
    assert (file_digest(fd), sink.bytes) == (name, size)
    assert len(block_sums(blocks)) == -(-size // BLOCK)
    os.close(fd)
    assert (tmp_path / "f").read_bytes() == data
    source = Source(lambda: os.open(tmp_path / "f", os.O_RDONLY), size, blocks, "it")
    rng = np.random.default_rng(2)
    for _ in range(20):
        lo, hi = sorted(rng.integers(0, size + 2, 2))
        assert source.seek(int(lo)) == lo == source.tell()
        assert bytes(source.read(int(hi - lo))) == data[lo:hi]
    source.seek(-min(3, size), 2)
    assert bytes(source.read()) == data[-3:]
    source.seek(0)
    assert source.seek(min(1, size), 1) == min(1, size)
    assert (source.readable(), source.seekable(), source.writable(), source.size()) == (
        True,
        True,
        False,
        size,
    )
    source.flush()
    source.close()


def test_only_blocks_that_are_read_are_checked(ledger: Ledger) -> None:
    entry = written(ledger, rows(), row_group_size=10_000)
    path = path_of(ledger, entry)
    data = bytearray(path.read_bytes())
    lo = pq.read_metadata(path).row_group(2).column(1).data_page_offset
    data[lo + 5000] ^= 1
    path.write_bytes(data)
    assert ledger.files.read(entry, row_groups=[0, 1]).num_rows == 20_000
    assert ledger.files.read(entry, ["a"]).num_rows == 50_000
    for threads in (True, False):
        with pytest.raises(
            StoreDamagedError, match=rf"block {(lo + 5000) // BLOCK} .* of the stays file of day 3"
        ):
            ledger.files.read(entry, use_threads=threads)


def test_a_file_that_changes_while_it_is_open_is_found(ledger: Ledger) -> None:
    entry = written(ledger, rows())
    file = ledger.files.open(entry)
    assert file.read_row_groups([0], columns=["a"]).num_rows == 50_000
    path = path_of(ledger, entry)
    data = bytearray(path.read_bytes())
    data[1000] ^= 8
    path.write_bytes(data)
    with pytest.raises(StoreDamagedError, match="is not what was written"):
        file.read_row_groups([0], columns=["a"])
    path.write_bytes(data[:5000])
    with pytest.raises(StoreDamagedError, match="has 5000 bytes"):
        file.read()


def test_a_footer_is_read_once(ledger: Ledger) -> None:
    entry = written(ledger, rows(), row_group_size=10_000)
    footer = ledger.files.open(entry).metadata
    assert ledger.files.open(entry, footer).metadata is not None
    assert ledger.files.read(entry, ["b"], [1, 3], metadata=footer).equals(
        pa.concat_tables([rows().select(["b"]).slice(lo, 10_000) for lo in (10_000, 30_000)])
    )


def test_many_threads_read_and_write_one_store(ledger: Ledger) -> None:
    with ledger.write() as writer:
        tables = [rows().slice(1000 * i, 1000) for i in range(24)]
        with ThreadPoolExecutor(8) as pool:
            entries = list(pool.map(lambda t: writer.files.write(t, kind="x"), tables))
            assert all(pool.map(lambda e, t: ledger.files.read(e).equals(t), entries, tables))
            file = ledger.files.open(entries[0])
            assert all(pool.map(lambda _: file.read().equals(tables[0]), range(50)))


def test_no_descriptor_stays_open(ledger: Ledger) -> None:
    entry = written(ledger, rows())
    files = ledger.files
    held = [files.open(entry) for _ in range(3)]
    before = len(os.listdir("/dev/fd"))
    held += [files.open(entry) for _ in range(300)]
    assert len(os.listdir("/dev/fd")) == before
    assert held[-1].read().num_rows == 50_000


# ---- keys ----------------------------------------------------------------------------------------------------


class Kms(pe.KmsClient):
    def __init__(self, key: int = 7) -> None:
        super().__init__()
        self.key = key

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> bytes:
        return base64.b64encode(bytes([self.key]) + bytes(b ^ self.key for b in key_bytes))

    def unwrap_key(self, wrapped_key: bytes, master_key_identifier: str) -> bytes:
        data = base64.b64decode(wrapped_key)
        if data[0] != self.key:
            raise RuntimeError("secret words of a service")
        return bytes(b ^ self.key for b in data[1:])


class Hidden:
    def __init__(self, key: int = 7) -> None:
        self.factory, self.connection = pe.CryptoFactory(lambda _: Kms(key)), pe.KmsConnectionConfig()

    def encrypting(self) -> Any:
        how = pe.EncryptionConfiguration(footer_key="k", uniform_encryption=True)
        return self.factory.file_encryption_properties(self.connection, how)

    def decrypting(self) -> Any:
        return self.factory.file_decryption_properties(self.connection, pe.DecryptionConfiguration())


def test_files_are_encrypted_with_the_callers_keys(ledger: Ledger) -> None:
    table = pa.table({"device": ["+86 555 0100 0001"] * 100})
    entry = written(ledger, table, Hidden(), compression="none")
    data = path_of(ledger, entry).read_bytes()
    assert data[:4] == b"PARE"
    assert b"0100 0001" not in data
    assert b"device" not in data
    assert Ledger.open(ledger.root, Hidden()).files.read(entry).equals(table)
    for wrong in (None, Hidden(8)):
        with pytest.raises(StoreError, match="open the store with the key") as error:
            Files(ledger.root, wrong).read(entry)
        assert not isinstance(error.value, StoreDamagedError)
        assert error.value.__suppress_context__
    assert ledger.verify() == []  # needs no key
    path_of(ledger, entry).write_bytes(data[:50] + bytes([data[50] ^ 1]) + data[51:])
    with pytest.raises(StoreDamagedError):
        Ledger.open(ledger.root, Hidden()).files.read(entry)


# ---- what cannot be written ----------------------------------------------------------------------------------


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that every user can reach."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


def frozen(ledger: Ledger) -> None:
    """Take the right to write from everybody; its owner is nobody, if one may say so."""
    for path in [ledger.root, *ledger.root.rglob("*")]:
        if os.geteuid() == 0:
            os.chown(path, 65534, 65534)
        path.chmod(0o500 if path.is_dir() else 0o400)


def as_nobody(work: Any) -> Any:
    """Do work in a child without the rights of root."""

    def within() -> Any:
        pa.set_cpu_count(1)
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        return work()

    return stops.forked(within, 60)


def test_a_folder_that_may_not_be_written_can_be_read(outside: Path) -> None:
    ledger = Ledger.create(outside / "store", {})
    entry = written(ledger, rows(1000))
    frozen(ledger)

    def read() -> Any:
        again = Ledger.open(ledger.root)
        with again.pin() as version:
            n = again.files.read(version.files[0], use_threads=False).num_rows
            return n, version.leased, again.verify(), again.versions()

    def write() -> Any:
        try:
            Ledger.open(ledger.root).write()
        except StoreWriteError as error:
            return str(error)

    assert as_nobody(read) == (1000, True, [], [0, 1])
    assert "the store could not be written (Permission denied)" in as_nobody(write)
    (ledger.root / "leases").chmod(0o700)
    (ledger.root / "leases" / "1").unlink()
    (ledger.root / "leases").chmod(0o500)
    assert as_nobody(read)[:2] == (1000, False)
    for path in [ledger.root, *ledger.root.rglob("*")]:
        path.chmod(0o700)
    assert entry.rows == 1000


def test_a_read_only_file_system_can_be_read(tmp_path: Path) -> None:
    small = tmp_path / "small"
    with full.mounted(small, 16 << 20) as able:
        if not able:
            pytest.skip("nothing may be mounted here")
        ledger = Ledger.create(small / "store", {})
        entry = written(ledger, rows(1000))
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        with ledger.pin() as version:
            assert version.leased
            assert ledger.files.read(entry).num_rows == 1000
        with pytest.raises(StoreWriteError, match="Read-only file system"):
            ledger.write()
        with pytest.raises(StoreWriteError, match="Read-only file system"):
            Ledger.create(small / "other", {})


def test_what_is_begun_and_fails_is_removed(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    with ledger.write() as writer:
        monkeypatch.setattr("os.fsync", no_room)
        with pytest.raises(StoreWriteError, match=r"a stays file could not be written \(.*\): .*; make room"):
            writer.files.write(rows(10), kind="stays")
        assert list((ledger.root / "tmp").iterdir()) == []
        monkeypatch.undo()
        entry = writer.files.write(rows(10), kind="stays")
        monkeypatch.setattr("os.fsync", no_room)
        writer.add(entry)
        with pytest.raises(StoreWriteError, match="a folder of the store could not be written"):
            writer.commit({})
    monkeypatch.undo()
    assert ledger.newest() == 0


def test_two_writers_of_which_one_wins(ledger: Ledger) -> None:
    code = (
        "import sys, time; from cotrace.store.ledger import Ledger; from cotrace.errors import StoreBusyError\n"
        "try:\n    with Ledger.open(sys.argv[1]).write(wait=0) as w:\n        w.set({'who': int(sys.argv[2])})\n"
        "        w.commit({}); print('won', flush=True); sys.stdin.read()\n"
        "except StoreBusyError as error:\n    print('told', flush=True); sys.stdin.read()\n"
    )
    path = os.pathsep.join(p for p in sys.path if p)
    command = [sys.executable, "-c", code, str(ledger.root)]
    both = [
        subprocess.Popen(
            [*command, str(i)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        for i in range(2)
    ]
    words = [process.stdout.readline().strip() for process in both]  # type: ignore[union-attr]
    for process in both:
        process.communicate()
    assert sorted(words) == ["told", "won"]
    with ledger.pin() as version:
        assert (version.number, version.settings["who"]) == (1, words.index("won"))


def test_a_writer_that_waits_gets_its_turn(ledger: Ledger) -> None:
    first = ledger.write()
    threading.Timer(0.3, first.close).start()
    with ledger.write(wait=20) as writer:
        assert writer.commit({}) == 1


def test_leftovers_of_a_killed_writer_go(ledger: Ledger) -> None:
    (ledger.root / "tmp" / "half").write_bytes(b"PAR1")
    with ledger.write():
        assert list((ledger.root / "tmp").iterdir()) == []
    (ledger.root / "tmp" / "half").write_bytes(b"PAR1")
    shutil.rmtree(ledger.root / "leases")
    with ledger.write() as writer:
        (ledger.root / "tmp" / "half").write_bytes(b"PAR1")
        (ledger.root / "objects" / "ab").mkdir(mode=0o700, exist_ok=True)
        (ledger.root / "objects" / "ab" / "stray").write_bytes(b"1234")
        removed = writer.collect()
    assert (removed.files, removed.bytes, removed.kinds["unknown"]["files"]) == (2, 8, 2)
