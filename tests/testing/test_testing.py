from __future__ import annotations

import math
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import cotrace
from cotrace import testing
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.testing import assert_tables_equal

AS_FOUND = settings(max_examples=1000, database=None, deadline=None, phases=[Phase.generate])
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def said(left: Any, right: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as error:
        assert_tables_equal(left, right, **options)
    return str(error.value)


def test_the_first_row_and_column_that_differ_are_named() -> None:
    left = {"a": [1, 2, 3, 4], "b": ["x", "y", "z", None]}
    assert said(left, {"a": [1, 2, 3, 5], "b": ["x", "y", "q", None]}) == (
        "row 2, column 'b': 'z' on the left, 'q' on the right; 2 of 4 rows differ, in columns 'a', 'b'"
    )
    assert said(left, {**left, "b": ["x", "y", "z", "w"]}).startswith(
        "row 3, column 'b': None on the left, 'w'"
    )


def test_columns_types_and_numbers_of_rows() -> None:
    assert said({"a": [1]}, {"b": [1]}) == "columns differ: only on the left: 'a'; only on the right: 'b'"
    assert said({"a": [1], "b": [1]}, {"b": [1], "a": [1]}) == "columns differ: ['a', 'b'] and ['b', 'a']"
    assert said({"a": [1]}, {"a": [1.0]}) == (
        "column 'a' is int64 on the left, double on the right; types='loose' compares values alone"
    )
    assert said({"a": [1, 2]}, {"a": [1]}) == "2 rows on the left, 1 on the right; the first 1 are the same"
    assert (
        said({"a": [1, 2]}, {"a": [3]})
        == "2 rows on the left, 1 on the right; the first that differs is row 0"
    )


def test_nan_is_nan_and_null_is_null() -> None:
    assert_tables_equal({"a": [math.nan, 1.0]}, {"a": [math.nan, 1.0]})
    assert "nan on the left, None" in said({"a": [math.nan, 1.0]}, {"a": [None, 1.0]})
    assert_tables_equal({"a": [math.nan, 1.0]}, {"a": [None, 1.0]}, types="loose")
    assert_tables_equal({"a": [1.0]}, {"a": [1.0 + 1e-12]}, rtol=1e-9)
    assert "row 0" in said({"a": [1.0]}, {"a": [1.001]}, rtol=1e-9)


def test_the_order_of_rows() -> None:
    left, right = {"a": [1, 2, None], "b": ["x", "y", "z"]}, {"a": [None, 2, 1], "b": ["z", "y", "x"]}
    said(left, right)
    assert_tables_equal(left, right, any_order=True)
    assert "column 'b'" in said(left, {**right, "b": ["z", "y", "w"]}, any_order=True)


def test_loose_types() -> None:
    moments = pd.to_datetime(["2021-11-01 08:00+08:00"])
    ours = {
        "t": pa.array(moments, pa.timestamp("us", "Asia/Shanghai")),
        "n": pa.array([1], pa.int64()),
        "s": ["a"],
    }
    theirs = {
        "t": pa.array(moments, pa.timestamp("ms", "UTC")),
        "n": pa.array([1], pa.int32()),
        "s": pa.array(["a"]).dictionary_encode(),
    }
    assert_tables_equal(ours, theirs, types="loose")
    big = 2**60
    assert said({"n": [big]}, {"n": [big + 1]}, types="loose").startswith("row 0, column 'n'")


def test_everything_that_is_a_table() -> None:
    made = cotrace.find_stays(
        cotrace.read_pings(
            {"device": ["a", "a"], "time": [0, 60], "x": [1.0, 1.0], "y": [1.0, 1.0]}, unit="s"
        )
    )
    for other in (made, made.to_arrow(), made.to_polars(), made.to_pandas(), pl.DataFrame(made)):
        assert_tables_equal(made, other, types="loose")
    with pytest.raises(CotraceTypeError, match="a int is no table"):
        assert_tables_equal(made, 3)
    with pytest.raises(OptionError, match="types='any' is not one of"):
        assert_tables_equal(made, made, types="any")  # type: ignore[arg-type]


@pytest.mark.parametrize("positions", ["xy", "lonlat", "tower"])
@pytest.mark.parametrize("ids", ["int", "str"])
def test_pings_are_read(ids: Any, positions: Any) -> None:
    @QUICK
    @given(testing.pings(ids=ids, positions=positions, refusable=True))
    def check(table: pa.Table) -> None:
        pings = cotrace.read_pings(table, tz="Asia/Shanghai")
        rows = sum(len(batch) for batch in pings.batches())
        assert pings.counts is not None
        assert rows + pings.counts.n_refused == table.num_rows

    check()


@QUICK
@given(testing.stays(), testing.stays(cotrace.StayOptions(fill="forward", max_gap="1d"), ids="str"))
def test_stays_are_stays(one: cotrace.Stays, other: cotrace.Stays) -> None:
    for made in (one, other):
        frame = made.to_pandas()
        assert (frame["finished_at"] > frame["started_at"]).all()
        assert frame.sort_values(["device", "started_at"]).equals(frame)


@QUICK
@given(testing.worlds(ids="str"))
@pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
def test_worlds_have_an_answer(world: tuple[pa.Table, pa.Table]) -> None:
    table, cases = world
    found = cotrace.find_companions(
        cotrace.read_pings(table), cases, rule=cotrace.CompanionRule(min_cumulative=None)
    )
    assert len(found.cases) == cases.num_rows


#: what a strategy must be able to reach, or the tests that use it would be blind to it
EDGES = {
    "nothing": lambda t: t.num_rows == 0,
    "two rows of one second": lambda t: (
        t.select(["device", "time"]).group_by(["device", "time"]).aggregate([]).num_rows < t.num_rows
    ),
    "not in order": lambda t: t["time"].to_pylist() != sorted(t["time"].to_pylist()),
    "an edge of a cell": lambda t: any(x % 800 == 0 for x in t["x"].to_pylist()),
}


@pytest.mark.parametrize("edge", EDGES)
def test_edges_are_reached(edge: str) -> None:
    find(testing.pings(), EDGES[edge], settings=AS_FOUND)


@pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
def test_somebody_is_a_companion() -> None:
    rule = cotrace.CompanionRule(min_cumulative=None)

    def some(world: Any) -> bool:
        return len(cotrace.find_companions(cotrace.read_pings(world[0]), world[1], rule=rule)) > 0

    find(testing.worlds(), some, settings=AS_FOUND)


def test_options_of_strategies_are_checked() -> None:
    for call in (
        lambda: testing.pings(ids="float"),
        lambda: testing.pings(positions="sea"),
        lambda: testing.cases(ids="float"),
    ):
        with pytest.raises(OptionError, match="is not one of"):
            call()
    assert isinstance(testing.cases(), st.SearchStrategy)
