"""Tables in pieces."""

from __future__ import annotations

import gc
import glob
import os
import tempfile

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from tests.io.helpers import arrow, read, refused, table
from tests.io.written import textual, write

import cotrace
from cotrace.errors import CotraceTypeError, ReadError, SchemaError

EXPECTED = read(table(), unit="s")[0]
WHOLE = arrow()
HALVES = [WHOLE.slice(0, 4), WHOLE.slice(4)]

MAKERS = {
    "tables": lambda t: t,
    "batches": lambda t: t.combine_chunks().to_batches()[0],
    "pandas": lambda t: t.to_pandas(),
    "polars": pl.from_arrow,
    "dict": lambda t: t.to_pydict(),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_lists_and_iterators_are_one_table(make, threads):
    pieces = [make(half) for half in HALVES]
    for source in (pieces, tuple(pieces), iter(pieces), (piece for piece in pieces)):
        rows, pings = read(source, unit="s", threads=threads)
        assert rows == EXPECTED
        assert pings.n_rows == 6
        assert [len(b) for b in pings.batches()] == [4, 2]  # again


def test_chunks_of_a_csv_file(tmp_path):
    path = write(tmp_path / "p.csv")
    with pd.read_csv(path, chunksize=4, dtype={"device": str}) as chunks:
        assert read(chunks, unit="s")[0] == textual(EXPECTED)


@pytest.mark.parametrize("wrap", [list, iter])
def test_types_may_differ_where_nothing_is_lost(wrap):
    pieces = [
        pd.DataFrame(table(2)),
        pd.DataFrame(table(2, device=[1, None], time=[5, 6])),
        pd.DataFrame(table(2)),
    ]
    rows, pings = read(wrap(pieces), unit="s")
    assert [(r[0], r[1]) for r in rows] == [(0, 0), (1, 1), (2, 1), (4, 0), (5, 1)]
    assert refused(pings) == [(3, "no device")]
    with pytest.raises(SchemaError, match=r"are int64 in piece 0 and .*string in piece 1"):
        read(wrap([pd.DataFrame(table(2)), pd.DataFrame(table(2, device=["007", "x"]))]), unit="s")
    with pytest.raises(SchemaError, match="piece 1: no column 'time', 'x', 'y', which the first piece has"):
        read(wrap([pd.DataFrame(table(2)), pd.DataFrame({"device": [1]})]), unit="s")


def test_datasets_and_scanners(tmp_path):
    pq.write_table(WHOLE.append_column("other", pa.array(range(6))), tmp_path / "p.parquet")
    data = ds.dataset(tmp_path)
    for source in (data, data.scanner()):
        rows, pings = read(source, unit="s")
        assert rows == EXPECTED
        assert "temporary file" in pings.describe()


def test_an_iterator_of_paths(tmp_path):
    write(tmp_path / "p.parquet")
    assert read(tmp_path.glob("*.parquet"), unit="s")[0] == EXPECTED


def test_what_is_no_table():
    with pytest.raises(
        CotraceTypeError, match=r"piece 0 .* is a int: .*RecordBatchReader.from_batches\(schema, gen"
    ):
        cotrace.read_pings(iter([1, 2]))
    with pytest.raises(CotraceTypeError, match="piece 1 of the pings is a str"):
        cotrace.read_pings(iter([WHOLE, "a.csv"]), unit="s")
    with pytest.raises(ReadError, match="the iterator of tables is at its end"):
        cotrace.read_pings(iter([]))
    with pytest.raises(CotraceTypeError, match="holds paths or tables, not both"):
        cotrace.read_pings([WHOLE, "a.csv"], unit="s")
    with pytest.raises(CotraceTypeError, match=r"RecordBatchReader.from_batches\(schema, generator\)"):
        cotrace.read_pings(5)


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pings = cotrace.read_pings(iter(HALVES), unit="s")
    assert len(glob.glob(os.path.join(tmp_path, "*"))) == 1
    del pings
    gc.collect()
    assert glob.glob(os.path.join(tmp_path, "*")) == []
