from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.io.helpers import arrow, read, refused, rows_of, table
from tests.io.written import textual, write

import cotrace
from cotrace.errors import CotraceWarning, SchemaError

EXPECTED = read(table(), unit="s")[0]


# types across files


def test_small_and_large_integers_are_one_type(tmp_path: Path):
    for i, kind in enumerate(("int32", "int64", "uint64", "float64")):
        write(tmp_path / f"{i}.parquet", arrow(2, device=np.array([1, 2], kind), time=[2 * i, 2 * i + 1]))
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.int64()
    assert [r[1] for r in rows] == [1, 2] * 4


@pytest.mark.parametrize("statistics", [True, False])
def test_unsigned_ids_across_files(tmp_path: Path, statistics: bool):
    for i, ids in enumerate((np.array([1, 2]), np.array([3, 2**63], "uint64"))):
        pq.write_table(arrow(2, device=ids), tmp_path / f"{i}.parquet", write_statistics=statistics)
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.uint64()
    assert [r[1] for r in rows] == [1, 2, 3, 2**63]
    pq.write_table(arrow(2, device=[-1, 2]), tmp_path / "0.parquet", write_statistics=statistics)
    with pytest.raises(SchemaError, match="exceed int64 while other parts are signed or of type float"):
        cotrace.read_pings(tmp_path, unit="s")


def test_small_unsigned_statistics_are_unsigned(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([2**32 - 1, 5], pa.uint32())), path)
    pings = cotrace.read_pings(path, unit="s")
    assert [r[2] for r in rows_of(pings.scan(start=2**31))] == [2**32 - 1, 5]


def test_strings_of_several_kinds_are_one_type(tmp_path: Path):
    kinds = [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()), pa.null()]
    for i, kind in enumerate(kinds):
        ids = pa.nulls(2) if kind == pa.null() else pa.array(["a", None]).cast(kind)
        write(tmp_path / f"{i}.parquet", arrow(2, device=ids, time=[i, i]))
    rows, pings = read(tmp_path, unit="s")
    assert pings.device_type == pa.large_string()
    assert [r[1] for r in rows] == ["a"] * 3
    assert [r for r, _ in refused(pings)] == [1, 3, 5, 6, 7]


def test_numbers_and_strings_are_not_mixed(tmp_path: Path):
    write(tmp_path / "0.parquet", arrow(2))
    write(tmp_path / "1.parquet", arrow(2, device=["0", "1"]))
    with pytest.raises(
        SchemaError, match=r"are int64 in .*0.parquet and string in .*1.parquet: are 7 and '007' one"
    ):
        cotrace.read_pings(tmp_path, unit="s")


def test_refused_rows_of_files_with_other_types(tmp_path: Path):
    write(tmp_path / "0.parquet", arrow(2, device=pa.array([None, 1], pa.int32())))
    write(tmp_path / "1.parquet", arrow(2, device=pa.array([None, 1], pa.int64()), x=["1", "2"]))
    rows, pings = read(tmp_path, unit="s")
    assert len(rows) == 2
    assert pings.refused.to_pydict()["x"] == ["0", "1"]


def test_a_file_without_a_column(tmp_path: Path):
    write(tmp_path / "0.parquet")
    write(tmp_path / "1.parquet", arrow().drop(["y"]))
    with pytest.raises(
        SchemaError, match=r"1.parquet: no column 'y', which .*0.parquet has; its columns are 'device'"
    ):
        cotrace.read_pings(tmp_path, unit="s")


def test_columns_may_stand_in_another_order(tmp_path: Path):
    whole = arrow()
    write(tmp_path / "0.parquet", whole.slice(0, 3))
    write(tmp_path / "1.parquet", whole.slice(3).select(["y", "x", "time", "device"]))
    assert read(tmp_path, unit="s")[0] == EXPECTED


def test_names_with_dots_and_nested_columns(tmp_path: Path):
    data = (
        arrow().rename_columns(["user.id", "time", "x", "y"]).append_column("user", pa.array([{"id": 9}] * 6))
    )
    pq.write_table(data, tmp_path / "p.parquet")
    rows, _ = read(tmp_path, unit="s", device="user.id")
    assert [r[1] for r in rows] == [r[1] for r in EXPECTED]
    with pytest.raises(SchemaError, match="ids are integers or strings"):
        cotrace.read_pings(tmp_path, unit="s", device="user", time="time")


# rows outside the time asked


@pytest.mark.parametrize("threads", [1, 2])
def test_row_groups_outside_the_time_are_skipped(tmp_path: Path, threads: int):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(10, time=list(range(10))), path, row_group_size=2)
    pings = cotrace.read_pings(path, unit="s")
    for start, end, expected in (
        (4, 6, [4, 5]),
        (5, 6, [4, 5]),
        (None, 3, [0, 1, 2, 3]),
        (8, None, [8, 9]),
        (3, 5, [2, 3, 4, 5]),
        (20, 30, []),
    ):
        rows = rows_of(pings.scan(threads=threads, start=start, end=end))
        assert [r[2] for r in rows] == expected
        assert [r[0] for r in rows] == expected  # numbers count the skipped rows too
        assert pings.counts is not None
        assert (pings.counts.rows, pings.counts.skipped) == (10, 10 - len(expected))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_footers_of_timestamps(tmp_path: Path, unit: str):
    path = tmp_path / "p.parquet"
    stamps = pa.array([-3, 0, 5, 9], pa.timestamp("s", "UTC")).cast(pa.timestamp(unit, "UTC"))
    pq.write_table(arrow(4, time=stamps), path, row_group_size=2)
    pings = cotrace.read_pings(path)
    assert [r[2] for r in rows_of(pings.scan(start=1))] == [5, 9]
    assert [r[2] for r in rows_of(pings.scan(end=0))] == [-3, 0]


def test_footers_of_local_times_are_taken_with_care(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([0, 10 * 86400], pa.timestamp("s"))), path, row_group_size=1)
    pings = cotrace.read_pings(path, tz="Asia/Shanghai")
    assert [r[2] for r in rows_of(pings.scan(end=-5 * 3600))] == [-8 * 3600]
    assert [r[2] for r in rows_of(pings.scan(start=5 * 86400))] == [10 * 86400 - 8 * 3600]


def test_footers_that_do_not_tell(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(4), path, write_statistics=False)
    assert len(rows_of(cotrace.read_pings(path, unit="s").scan(start=2**40))) == 4
    pq.write_table(arrow(4, time=["2021-11-01T00:00:00Z"] * 4), path)
    assert len(rows_of(cotrace.read_pings(path).scan(start=2**40))) == 4
    assert len(rows_of(cotrace.read_pings(table(4), unit="s").scan(start=2**40))) == 4


def test_null_columns_of_parquet(tmp_path: Path):
    path = tmp_path / "p.parquet"
    pq.write_table(arrow(2, time=pa.array([None, None], pa.int64())), path)
    pings = cotrace.read_pings(path, unit="s")
    with pytest.raises(Exception, match="none of the 2 rows"):
        rows_of(pings.scan(start=5))


# any split of the rows is the same


@pytest.mark.parametrize("seed", range(6))
def test_any_split_into_files_gives_the_same(tmp_path: Path, seed: int):
    draw = random.Random(seed)
    n = draw.randrange(1, 400)
    x = [draw.choice([float("nan"), None, 1.5, 2.5]) for _ in range(n)]
    whole = arrow(n, x=pa.array(x, pa.float64()), time=list(range(n)))
    expected, pings = read(whole, unit="s")
    bad = refused(pings)
    cuts = sorted(draw.choices(range(n + 1), k=draw.randrange(6)))
    suffix = draw.choice([".parquet", ".arrow", ".csv.gz"])
    for i, (a, b) in enumerate(zip([0, *cuts], [*cuts, n], strict=True)):
        write(tmp_path / f"part-{i}{suffix}", whole.slice(a, b - a))
    for threads in (1, 2, 4):
        rows, pings = read(tmp_path, unit="s", threads=threads)
        assert rows == (textual(expected) if suffix == ".csv.gz" else expected)
        # NaN in text is nothing
        assert [r for r, _ in refused(pings)] == [r for r, _ in bad]
        pings.counts.check()


def test_threads_give_the_same_as_none(tmp_path: Path):
    n = 20_000
    made = arrow(n, x=np.where(np.arange(n) % 97, 1.0, np.nan), time=list(range(n)))
    for i in range(4):
        pq.write_table(made.slice(i * 5000, 5000), tmp_path / f"{i}.parquet", row_group_size=700)
    expected = read(made, unit="s")
    for threads in (1, 2, 3, 40):
        rows, pings = read(tmp_path, unit="s", threads=threads)
        assert rows == expected[0]
        assert refused(pings) == refused(expected[1])


def test_warnings_point_at_the_caller(tmp_path: Path):
    pings = cotrace.read_pings(table(2, x=[1.0, np.nan]), unit="s")
    with pytest.warns(CotraceWarning) as w:
        list(pings.batches())
    assert os.path.samefile(w[0].filename, __file__)
