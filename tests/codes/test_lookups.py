"""Files to look up in: what they refuse, what a book's become, and swapping them while they are read."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.codes.helpers import START, told, when

from cotrace import codes
from cotrace.errors import CodeError, CotraceTypeError, SchemaError, SnapshotDamagedError, SnapshotError

ROOT = Path(__file__).parents[2]
DEVICES = np.arange(2000)


def rows(version: int, n: int = 2000) -> dict[str, Any]:
    """Return codes that all say which version they are of."""
    return {
        "device": DEVICES[:n],
        "code": ["green"] * n,
        "reason": [f"v{version}"] * n,
        "since": np.full(n, START + version),
    }


def test_a_books_codes_and_what_time_makes_of_them(tmp_path: Path) -> None:
    book = told(codes.Book(codes.guangzhou_2022), (0.4, "companion"), (0.5, "negative"))
    snapshot = codes.publish(tmp_path, book, at=when(0.6))
    assert [snapshot.one(1, START + int(d * 86_400)).colour for d in (0.6, 0.99, 1, 9)] == [
        "green",
        "green",
        "yellow",
        "yellow",
    ]
    for days in (0.6, 1, 5):
        assert snapshot.one(1, START + int(days * 86_400)) == book.code(1, when(days))
    with pytest.raises(SnapshotError, match="later instant"):
        snapshot.one(1, START)
    with pytest.raises(SnapshotError, match="later instant"):
        snapshot.many([1], START)
    assert "decisions are people's" in repr(snapshot)
    assert "1" not in snapshot.head["counts"]
    assert stat.S_IMODE((tmp_path / f"{snapshot.version}.codes").stat().st_mode) == 0o600


def test_only_what_it_was_told_is_in_a_snapshot(tmp_path: Path) -> None:
    book = told(codes.Book(codes.xian_2021), (0, "lockdown", "z"))
    assert len(codes.publish(tmp_path, book, at=when(1))) == 0
    assert codes.Lookups(tmp_path).one(1, START + 86_400).colour == "unknown"


def test_those_who_take_part_are_green(tmp_path: Path) -> None:
    """A book need not be told of everybody; and of whom it says something, it is what it says."""
    book = told(codes.Book(codes.xian_2021), (0, "companion"))
    book.apply({"device": [2], "event": ["lockdown"], "at": [when(0)]})  # which waits
    snapshot = codes.publish(tmp_path, book, at=when(1), enrolled=np.array([1, 2, 3, 3]))
    assert snapshot.many([1, 2, 3, 4], START + 86_400).colours.to_pylist() == [
        "yellow",
        "green",
        "green",
        "unknown",
    ]
    assert snapshot.one(3, START + 86_400) == codes.Code("green", "enrolled", START + 86_400, None)
    empty = codes.Book(codes.xian_2021)
    assert len(codes.publish(tmp_path, empty, at=when(1), enrolled=["a", "b"])) == 2
    for wrong in (["a"], [2**64], [1.5]):
        with pytest.raises((CodeError, CotraceTypeError)):
            codes.publish(tmp_path, book, at=when(1), enrolled=wrong)
    with pytest.raises(CodeError, match="goes with a book"):
        codes.publish(tmp_path, rows(1), at=when(1), enrolled=[1])


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"code": ["blue"] * 2000}, CodeError, "none of unknown, green"),
        ({"device": np.zeros(2000, int)}, CodeError, "there twice"),
        ({"device": np.linspace(0, 1, 2000)}, CotraceTypeError, "float64|double"),
        ({"device": [None] * 2000}, SchemaError, "2,000 devices are missing"),
        ({"since": np.full(2000, -1)}, CodeError, "1970 to 2106"),
        ({"since": ["now"] * 2000}, CodeError, "give timestamps"),
        ({"reason": [None] * 2000}, CodeError, "no code or no reason"),
        ({"reason": [f"because {n}" for n in range(2000)], "device": np.arange(2000)}, None, ""),
    ],
)
def test_what_no_snapshot_is_made_of(change: Any, error: Any, words: str, tmp_path: Path) -> None:
    if error is None:
        codes.write_snapshot(tmp_path / "s", rows(1) | change, at=when(0))
        assert codes.Snapshot(tmp_path / "s").one(7, START).reason == "because 7"
        return
    with pytest.raises(error, match=words):
        codes.write_snapshot(tmp_path / "s", rows(1) | change, at=when(0))
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match="no column 'since'"):
        codes.write_snapshot(tmp_path / "s", {"device": [1], "code": ["red"], "reason": ["x"]}, at=when(0))
    with pytest.raises(CodeError, match="at= is missing"):
        codes.write_snapshot(tmp_path / "s", rows(1))
    with pytest.raises(SnapshotError, match="no snapshot of codes has been published"):
        codes.Lookups(tmp_path)


def test_ids_of_another_kind(tmp_path: Path) -> None:
    codes.write_snapshot(tmp_path / "s", rows(1), at=when(0))
    snapshot = codes.Snapshot(tmp_path / "s")
    for wrong in ("7", 7.0, True):
        with pytest.raises(CotraceTypeError):
            snapshot.one(wrong, START)  # type: ignore[arg-type]
    for many in (["7"], [7.5], np.array([2**63], np.uint64)):
        with pytest.raises(CotraceTypeError):
            snapshot.many(many, START)
    assert snapshot.one(2**64 - 1, START).colour == "unknown"
    assert snapshot.one(-(2**70), START).colour == "unknown"
    assert snapshot.many(np.array([7], np.uint64), START)[0].reason == "v1"


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    codes.write_snapshot(path, rows(1), at=when(0))
    data = path.read_bytes()
    for wrong, error in [
        (b"", SnapshotError),
        (b"PAR1" * 2000, SnapshotError),
        (data[:5000], SnapshotDamagedError),
        (data + b"\0" * 8, SnapshotDamagedError),
        (data[:8] + b"\2" + data[9:], SnapshotError),
        (data[:12] + b"\xff\xff\xff\xff" + data[16:], SnapshotDamagedError),
    ]:
        path.write_bytes(wrong)
        with pytest.raises(error):
            codes.Snapshot(path)
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="link"):
        codes.Snapshot(tmp_path / "link")


def test_a_damaged_pointer(tmp_path: Path) -> None:
    codes.publish(tmp_path, rows(1), at=when(0))
    lookups = codes.Lookups(tmp_path)
    name = (tmp_path / "CURRENT").read_text()
    for wrong in ("", "../../etc/passwd\n", "0" * 64 + ".codes\n"):
        (tmp_path / "CURRENT").write_text(wrong)
        with pytest.raises(SnapshotError, match="publish again"):
            lookups.one(1, START)
    (tmp_path / "CURRENT").unlink()
    with pytest.raises(SnapshotError, match="published"):
        lookups.one(1, START)
    (tmp_path / "CURRENT").write_text(name)
    assert lookups.one(1, START).reason == "v1"


def test_versions_are_kept_and_dropped(tmp_path: Path) -> None:
    first = codes.publish(tmp_path, rows(1), at=when(0))
    for version in range(2, 6):
        codes.publish(tmp_path, rows(version), at=when(0))
    assert len(list(tmp_path.glob("*.codes"))) == 2
    # whoever holds the first still reads it
    assert first.one(1, START).reason == "v1"
    first.verify()
    assert codes.Lookups(tmp_path).one(1, START).reason == "v5"


READER = """
import sys, threading
import numpy as np
from cotrace import codes
folder, at, until = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lookups, devices = codes.Lookups(folder), np.arange(2000)
batches, wrong, begun = [], [], threading.Barrier(4)  # the first version is read by all before others come
def read():
    last = 0
    while last < until:
        found = lookups.many(devices, at).to_arrow()["reason"].to_pylist()
        version = int(found[0][1:])
        if set(found) != {found[0]} or len(found) != 2000 or version < last:
            wrong.append(found)
        one = lookups.one(7, at).reason
        if int(one[1:]) < version:
            wrong.append(one)
        if not last:
            begun.wait()
        last = version
        batches.append(version)
def guarded():
    try:
        read()
    except BaseException as error:
        wrong.append(repr(error))
threads = [threading.Thread(target=guarded) for _ in range(3)]
for thread in threads: thread.start()
begun.wait(120)
print("ready", flush=True)
for thread in threads: thread.join()
print(len(batches), len(set(batches)), len(wrong), wrong[:1])
"""


def swapped(folder: Path, versions: int, processes: int) -> list[tuple[int, int]]:
    """Publish versions while processes of three threads read; return the batches and versions that each saw."""
    codes.publish(folder, rows(1), at=when(0))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", READER, str(folder), str(START + 10_000), str(versions)]
    readers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(processes)
    ]
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "ready\n"
    for version in range(2, versions + 1):
        codes.publish(folder, rows(version), at=when(0), keep=1)
    seen = []
    for reader in readers:
        said, _ = reader.communicate(timeout=120)
        batches, different, wrong, *what = said.split(maxsplit=3)
        assert int(wrong) == 0, what
        seen.append((int(batches), int(different)))
    return seen


def test_swapping_while_many_read(tmp_path: Path) -> None:
    """No look-up is lost, none goes back, and no batch is of two versions."""
    for batches, versions in swapped(tmp_path, 40, 2):
        assert batches >= 3
        assert versions >= 2


def killed(folder: Path, kills: int, seed: int) -> int:
    """Kill publishing processes at random times; return how often a version came to count."""
    rng = random.Random(seed)
    codes.publish(folder, rows(1), at=when(0))
    began, counted = time.perf_counter(), 1
    codes.publish(folder, rows(1), at=when(0))
    took = time.perf_counter() - began
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            version = counted
            while True:
                version += 1
                codes.publish(folder, rows(version), at=when(0))
        time.sleep(rng.uniform(0, 3 * took))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        snapshot = codes.Lookups(folder).snapshot
        snapshot.verify()
        found = snapshot.many(DEVICES, START + 10_000).to_arrow()["reason"].to_pylist()
        assert set(found) == {found[0]}
        version = int(found[0][1:])
        assert version >= counted, "a version that counted is lost"
        counted = version
    # and the next one that is not stopped cleans up
    codes.publish(folder, rows(counted + 1), at=when(0))
    left = sorted(p.name for p in folder.iterdir())
    assert len(left) == 4, left
    return counted


def test_publishing_is_killed(tmp_path: Path) -> None:
    assert killed(tmp_path, 25, 1) > 1


def test_threads_share_one_handle(tmp_path: Path) -> None:
    codes.publish(tmp_path, rows(1), at=when(0))
    lookups, found = codes.Lookups(tmp_path), []
    threads = [
        threading.Thread(target=lambda: found.append(lookups.many(DEVICES, START + 9).colours.to_pylist()))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [["green"] * 2000] * 4


FULL = """
import resource, sys
from cotrace import codes
import numpy as np
folder, book_file, size, at = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rows = {"device": np.arange(50_000), "code": ["red"] * 50_000, "reason": ["x"] * 50_000, "since": np.full(50_000, at)}
book = codes.Book(codes.chengdu_2021, book_file)
codes.Lookups(folder).one(1, at)
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
for what in (lambda: codes.publish(folder, rows, at=at), lambda: book.apply(events={
    "device": list(range(2000)), "event": ["enrolled"] * 2000, "at": [at] * 2000})):
    try:
        what()
    except OSError as error:
        print(type(error).__name__, error.strerror)
print(codes.Lookups(folder).one(1, at).colour, len(book))
"""


def test_a_full_disk_leaves_what_was(tmp_path: Path) -> None:
    """No room for more bytes in a file (the limit of a process): the version before counts, and the book is whole."""
    codes.publish(tmp_path / "codes", rows(1), at=when(0))
    with codes.Book(codes.chengdu_2021, tmp_path / "book") as book:
        told(book, (0, "companion"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    before = sorted(p.name for p in (tmp_path / "codes").iterdir())
    for size in (10_000, 60_000):
        arguments = [str(tmp_path / "codes"), str(tmp_path / "book"), str(size), str(START + 9)]
        command = [sys.executable, "-c", FULL, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        assert done.stdout == "OSError File too large\n" * 2 + "green 1\n", done.stderr
    assert sorted(p.name for p in (tmp_path / "codes").iterdir()) == before
    with codes.Book(codes.chengdu_2021, tmp_path / "book") as book:
        assert len(book) == 1
