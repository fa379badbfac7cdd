"""Tables go out and come back as they were, and where Arrow allows it they are the same memory."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import cotrace
from cotrace.demo import city_pings
from cotrace.errors import OptionError
from cotrace.testing import assert_tables_equal

AS_OF = "2021-11-03T00:00:00+08:00"


@pytest.fixture(scope="module")
def stays() -> cotrace.Stays:
    return cotrace.find_stays(cotrace.read_pings(city_pings(60)))


@pytest.fixture(scope="module")
def found() -> cotrace.Companions:
    return cotrace.find_companions(cotrace.read_pings(city_pings(200)), [101, 102], as_of=AS_OF)


def address(column: pa.ChunkedArray) -> int:
    return int(column.chunk(0).buffers()[1].address)


BACK: dict[str, Any] = {
    "pandas": lambda t: pa.Table.from_pandas(t.to_pandas(), preserve_index=False),
    "pandas of Arrow": lambda t: pa.Table.from_pandas(
        t.to_pandas(dtype_backend="pyarrow"), preserve_index=False
    ),
    "polars": lambda t: t.to_polars().to_arrow(),
    "polars by the protocol": lambda t: pl.DataFrame(t).to_arrow(),
    "Arrow by the protocol": pa.table,
    "DuckDB": lambda t: duckdb.connect().sql("from t").to_arrow_table(),
}


@pytest.mark.parametrize("way", BACK)
@pytest.mark.parametrize("name", ["companions", "evidence", "funnel", "coverage", "stays"])
def test_tables_come_back_as_they_were(way: str, name: str, found: cotrace.Companions) -> None:
    table = getattr(found, name)
    assert len(table)
    assert_tables_equal(BACK[way](table), table, types="loose")


@pytest.mark.parametrize("way", BACK)
def test_empty_tables_too(way: str) -> None:
    none = cotrace.find_stays(
        cotrace.read_pings({"device": ["a"], "time": [0], "x": [0.0], "y": [0.0]}, unit="s")
    )
    assert len(none) == 0
    assert_tables_equal(BACK[way](none), none, types="loose")


def test_a_result_hands_on_its_main_table(found: cotrace.Companions) -> None:
    assert duckdb.sql("select count(*) from found").fetchall() == [(len(found),)]
    assert_tables_equal(pa.table(found), found.companions)
    assert_tables_equal(found.to_arrow(), found.companions)
    assert_tables_equal(found.to_polars(), found.companions, types="loose")
    assert_tables_equal(found.to_pandas(), found.companions, types="loose")


def test_what_is_not_copied(found: cotrace.Companions) -> None:
    table = found.evidence
    ours = table.to_arrow()
    for other in (
        pa.table(table),
        pl.DataFrame(table).to_arrow(),
        pa.Table.from_pandas(table.to_pandas(dtype_backend="pyarrow"), preserve_index=False),
    ):
        for name in ("case_id", "shared_s", "cell", "started_at"):
            assert address(other[name]) == address(ours[name]), name


def test_what_is_read_is_not_copied() -> None:
    n = 1000
    x, seconds = np.arange(n) * 1.5, np.arange(n)
    arrow = pa.table(
        {"device": pa.array(seconds), "time": pa.array(seconds), "x": pa.array(x), "y": pa.array(x)}
    )
    ways = {
        "arrow": arrow,
        "polars": pl.from_arrow(arrow),
        "pandas of Arrow": arrow.to_pandas(types_mapper=pd.ArrowDtype),
        "dict": {name: arrow[name] for name in arrow.column_names},
    }
    for way, source in ways.items():
        read = cotrace.read_pings(source, unit="s")._source.table
        for name in arrow.column_names:
            assert address(read[name]) == address(arrow[name]), (way, name)
    numbers = pd.DataFrame({"device": seconds, "time": seconds, "x": x, "y": x}, copy=False)
    read = cotrace.read_pings(numbers, unit="s")._source.table
    assert address(read["x"]) == numbers["x"].to_numpy().__array_interface__["data"][0]


def test_an_unknown_backend_is_refused(stays: cotrace.Stays) -> None:
    with pytest.raises(OptionError, match="dtype_backend='arrow' is not one of"):
        stays.to_pandas(dtype_backend="arrow")  # type: ignore[arg-type]
