from __future__ import annotations

import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.helpers import arrow, read, refused, rows_of, table

import cotrace
from cotrace.errors import (
    CotraceError,
    CotraceTypeError,
    CotraceWarning,
    OptionError,
    RefusedRowsError,
    TimeError,
)
from cotrace.io.batches import PingBatch


def many(tmp_path: Path, n: int = 10_000, group: int = 500, **changes: object) -> Path:
    pq.write_table(arrow(n, **changes), tmp_path / "p.parquet", row_group_size=group)
    return tmp_path / "p.parquet"


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "cotrace-read"]


def gone(within: float = 60.0) -> bool:
    end = time.monotonic() + within
    while readers() and time.monotonic() < end:
        time.sleep(0.005)
    return not readers()


def test_counts_come_with_the_end_of_a_pass():
    pings = cotrace.read_pings(table(), unit="s")
    assert pings.counts is None
    assert "not read yet" in repr(pings)
    scan = pings.scan()
    assert len(rows_of(scan)) == 6
    assert pings.counts is scan.counts
    scan.counts.check()
    assert "6 rows, 6 used" in repr(pings)
    assert "6 rows, 6 used" in pings.describe()


def test_one_pass_is_one_pass():
    scan = cotrace.read_pings(table(), unit="s").scan()
    list(scan)
    with pytest.raises(CotraceError, match="a scan is one pass and has been made: ask for another"):
        list(scan)


def test_a_pass_that_is_broken_off_leaves_no_counts():
    pings = cotrace.read_pings(table(x=[np.nan, *range(5)]), unit="s")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pings.scan() as scan:
            next(iter(scan))
        with pytest.raises(CotraceError, match="the scan is not at its end"):
            scan.finish()
        pings.scan().close()
    assert pings.counts is None
    assert pings.refused.num_rows == 0


def test_refused_rows_are_warned_of_once_with_counts():
    pings = cotrace.read_pings(table(6, x=[np.nan, 1.0, np.nan, 2.0, None, 3.0]), unit="s")
    with pytest.warns(CotraceWarning) as w:
        list(pings.batches())
    (warning,) = w
    assert str(warning.message) == (
        "3 of 6 rows cannot be used: 1 no position, 2 position not finite (first: row 0). pings.refused has them, "
        "with their reasons"
    )
    assert warning.message.kind == "refused"
    assert warning.message.figures["refused"] == {"no position": 1, "position not finite": 2}
    assert pings.refused.schema.names == ["row", "reason", "device", "time", "x", "y"]
    assert pings.refused.slice(2).to_pylist() == [
        {"row": 4, "reason": "no position", "device": 1, "time": 1_635_725_040, "x": None, "y": -4.0}
    ]


def test_a_row_with_several_faults_has_the_first():
    made = pa.table(
        {
            "device": [None, "a", "b", "c"],
            "time": [None, None, 5, 6],
            "x": [None, None, None, 1.0],
            "y": [0.0] * 4,
        }
    )
    _, pings = read(made, unit="s")
    assert refused(pings) == [(0, "no device"), (1, "no time"), (2, "no position")]


@pytest.mark.parametrize("threads", [1, 2])
def test_refused_rows_beyond_the_cap_are_counted_only(tmp_path: Path, threads: int):
    path = many(tmp_path, x=np.where(np.arange(10_000) % 4, 1.0, np.nan))
    pings = cotrace.read_pings(path, unit="s", refused_cap=300)
    with pytest.warns(
        CotraceWarning, match="only the first 300 of them are kept there, the others are counted"
    ):
        rows_of(pings.scan(threads=threads))
    assert refused(pings) == [(4 * i, "position not finite") for i in range(300)]
    assert pings.counts.refused == {"position not finite": 2500}
    _, pings = read(path, unit="s", refused_cap=0)
    assert pings.refused.num_rows == 0
    assert pings.counts.n_refused == 2500


def test_nothing_left():
    pings = cotrace.read_pings(table(2, x=[np.nan, np.nan]), unit="s")
    with pytest.raises(
        RefusedRowsError, match=r"none of the 2 rows can be used: 2 position not finite \(first: row 0\)"
    ):
        list(pings.batches())
    assert pings.refused.num_rows == 2
    assert pings.counts.rows == 2


@pytest.mark.parametrize("threads", [1, 2])
def test_errors_raise_stops_at_the_first(tmp_path: Path, threads: int):
    x = np.ones(10_000)
    x[[7000, 3001, 9000]] = np.inf
    pings = cotrace.read_pings(many(tmp_path, x=x), unit="s", errors="raise")
    with pytest.raises(
        RefusedRowsError, match="row 3001 cannot be used: position not finite; errors='collect' counts"
    ):
        rows_of(pings.scan(threads=threads))
    assert gone()
    assert rows_of(cotrace.read_pings(table(), unit="s", errors="raise").scan())


# rows that later stages refuse


@pytest.mark.parametrize("which", [np.array([True, False, True]), np.array([0, 2]), np.array([2, 0, 2])])
def test_later_stages_refuse_too(which: np.ndarray):
    pings = cotrace.read_pings(table(4, x=[np.nan, 1.0, 2.0, 3.0]), unit="s")
    scan = pings.scan()
    text = "3 of 4 rows cannot be used: 2 outside the grid, 1 position not finite"
    with pytest.warns(CotraceWarning, match=text):  # noqa: PT031
        for batch in scan:
            scan.refuse(batch, which, "outside the grid")
    assert refused(pings) == [(0, "position not finite"), (1, "outside the grid"), (3, "outside the grid")]
    assert pings.refused["x"].to_pylist()[1:] == [1.0, 3.0]
    assert scan.counts.used == 1
    scan.counts.check()
    assert scan.refused.drop(["x"]).equals(pings.refused.drop(["x"]))


def test_refusing_nothing_is_nothing():
    scan = cotrace.read_pings(table(3), unit="s").scan()
    for batch in scan:
        scan.refuse(batch, np.zeros(3, bool), "unknown tower")
    assert scan.counts.refused == {}
    with pytest.raises(ValueError, match="'because' is not one of 'no device'"):
        scan.refuse(batch, np.ones(3, bool), "because")


def test_refusing_after_the_pass_needs_a_finish():
    pings = cotrace.read_pings(table(3), unit="s")
    scan = pings.scan()
    (batch,) = scan
    scan.refuse(batch, np.array([1]), "unknown tower")
    with pytest.warns(CotraceWarning, match="1 of 3 rows cannot be used: 1 unknown tower"):
        scan.finish()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scan.finish()
    scan.counts.check()


def test_refused_rows_stand_in_the_order_of_the_source():
    pings = cotrace.read_pings(table(3), unit="s")
    scan = pings.scan()
    (batch,) = scan
    for i in (2, 0):
        scan.refuse(batch, np.array([i]), "unknown tower")
    assert [r["row"] for r in scan.refused.to_pylist()] == [0, 2]


# batches


def test_batches_are_of_a_bounded_size(tmp_path: Path):
    n = 300_000
    made = arrow(n)
    pq.write_table(made, tmp_path / "p.parquet")
    for source in (made, tmp_path / "p.parquet"):
        sizes = [len(b) for b in cotrace.read_pings(source, unit="s").batches()]
        assert sum(sizes) == n
        assert max(sizes) == 131_072


def test_rows_are_numbered_over_batches():
    (batch,) = cotrace.read_pings(table(3), unit="s").batches()
    assert batch.rows is None
    assert batch.row_numbers().tolist() == [0, 1, 2]
    assert repr(batch) == "<PingBatch: 3 pings from row 0>"
    _, pings = read(table(3, x=[1.0, np.nan, 2.0]), unit="s")
    with pytest.warns(CotraceWarning):
        (batch,) = pings.batches()
    assert batch.rows.tolist() == [0, 2]


def test_plain_columns_are_views_of_what_was_given():
    times = np.arange(5)
    x = np.ones(5)
    (batch,) = cotrace.read_pings({"device": times, "time": times, "x": x, "y": x}, unit="s").batches()
    assert np.shares_memory(batch.time, times)
    assert np.shares_memory(batch.a, x)
    assert np.shares_memory(np.frombuffer(batch.device.buffers()[1], np.int64), times)


def test_progress(tmp_path: Path):
    seen: list[tuple[int, int | None]] = []
    pings = cotrace.read_pings(many(tmp_path, 1000, 400), unit="s")
    rows_of(pings.scan(progress=lambda *a: seen.append(a)))
    assert seen == [(400, 1000), (800, 1000), (1000, 1000)]
    (tmp_path / "p.csv").write_text("device,time,x,y\n0,1,2,3\n")
    pings = cotrace.read_pings(tmp_path / "p.csv", unit="s")
    assert pings.n_rows is None
    assert "rows not known yet" in repr(pings)
    assert "rows not known before they are read" in pings.describe()
    rows_of(pings.scan(progress=lambda *a: seen.append(a)))
    assert seen[-1] == (1, None)
    assert pings.n_rows == 1


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_are_at_least_one(threads: int):
    with pytest.raises(OptionError, match=f"threads={threads}: one is the least"):
        cotrace.read_pings(table(), unit="s").scan(threads=threads)


@pytest.mark.parametrize("threads", [True, 1.5, "2"])
def test_threads_are_a_number(threads: object):
    with pytest.raises(CotraceTypeError, match="is not a whole number"):
        cotrace.read_pings(table(), unit="s").scan(threads=threads)  # type: ignore[arg-type]


# threads


def test_one_thread_starts_none(tmp_path: Path):
    for _ in cotrace.read_pings(many(tmp_path), unit="s").batches():
        assert not readers()


def test_threads_end_when_a_scan_is_closed(tmp_path: Path):
    pings = cotrace.read_pings(many(tmp_path, 100_000, 500), unit="s")
    scan = pings.scan(threads=2)
    batches = iter(scan)
    next(batches)
    assert len(readers()) == 2
    scan.close()
    assert not readers()
    with pytest.raises(RuntimeError, match="stop"), pings.scan(threads=2) as scan:  # noqa: PT012
        for _ in scan:
            raise RuntimeError("stop")
    assert not readers()
    for _ in pings.scan(threads=2):
        break
    assert not readers()


def test_threads_end_with_the_scan(tmp_path: Path):
    rows_of(cotrace.read_pings(many(tmp_path), unit="s").scan(threads=2))
    assert gone()


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_errors_of_workers_come_in_order(tmp_path: Path, threads: int):
    late = np.arange(10_000)
    late[5001] = late[9001] = 1_635_724_800_000
    pings = cotrace.read_pings(many(tmp_path, time=late), unit="s")
    seen = 0
    with pytest.raises(TimeError, match="first: row 5001"):  # noqa: PT012
        for batch in pings.scan(threads=threads):
            seen += len(batch)
    assert seen == 5000
    assert gone()


def test_many_scans_at_once(tmp_path: Path):
    pings = cotrace.read_pings(many(tmp_path), unit="s")
    both = zip(pings.scan(threads=2), pings.scan(threads=2), strict=True)
    assert all(a.first_row == b.first_row and (a.time == b.time).all() for a, b in both)


# start-up


def test_the_usual_way_loads_no_more_than_it_must(tmp_path: Path):
    path = many(tmp_path)
    stamps = pa.array(np.arange(10_000) * 10**6, pa.timestamp("us", "UTC"))
    pq.write_table(arrow(10_000, time=stamps), tmp_path / "stamps.parquet")
    code = f"""
import sys
import cotrace, cotrace.io
assert not [m for m in ("numpy", "pyarrow", "numba", "pandas") if m in sys.modules]
for path, unit in (({str(path)!r}, "s"), ({str(tmp_path / "stamps.parquet")!r}, None)):
    for threads in (1, 2):
        pings = cotrace.read_pings(path, unit=unit)
        assert sum(len(b) for b in pings.scan(threads=threads, start=0)) == 10_000
bad = [m for m in ("pandas", "pyarrow.dataset", "pyarrow.compute", "pyproj", "shapely", "numba") if m in sys.modules]
assert not bad, bad
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_of_the_package():
    import cotrace.io

    assert set(dir(cotrace.io)) == {"PingBatch", "Pings", "Scan", "read_pings", "read_towers"}
    assert cotrace.io.PingBatch is PingBatch
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = cotrace.io.nothing
