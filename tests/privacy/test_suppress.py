"""Small counts are hidden, and nothing that is published gives them back."""

from __future__ import annotations

import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.privacy.naive_attacker import greatest

import cotrace
from cotrace import suppress
from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.privacy.hiding import hide
from cotrace.schema import Column, TableSchema

SCHEMA = TableSchema(
    "made",
    "one row",
    (
        Column("a", "string", "a key"),
        Column("b", "string", "another"),
        Column("devices", "int64", "devices", "devices"),
        Column("dwell_s", "int64", "their dwell", "s"),
    ),
    ("a", "b"),
)
K = 3


def table_of(counts: dict[tuple[str, str], int], n: int = 1) -> cotrace.Table:
    keys = [key for key in sorted(counts) for _ in range(n)]
    devices = [counts[key] for key in keys]
    columns = {"a": [a for a, _ in keys], "b": [b for _, b in keys], "devices": devices}
    columns["dwell_s"] = [60 * d for d in devices]
    return cotrace.Table(SCHEMA, pa.table(columns))


@st.composite
def tables(draw):
    places = list(itertools.product("pqr", "xyz"[: draw(st.integers(1, 3))]))
    kept = draw(st.lists(st.sampled_from(places), min_size=1, max_size=6, unique=True))
    return {place: draw(st.integers(1, 6)) for place in kept}


def published(found, margin):
    keys = found.totals["devices"].get((margin,))
    if keys is None:
        return {}
    return dict(zip(keys[margin].to_pylist(), keys["total"].to_pylist(), strict=True))


@settings(max_examples=80, deadline=None)
@given(tables(), st.sampled_from([("a", "b"), ("a",), ("b",), ()]))
def test_an_attacker_who_tries_every_table_cannot_tell_a_small_count(counts, margins):
    table = table_of(counts)
    found = suppress(table, K, margins=[(m,) for m in margins], tied={"devices": ["dwell_s"]})
    rows = found["devices"].to_pylist()
    true = table["devices"].to_pylist()
    keys = list(zip(table["a"].to_pylist(), table["b"].to_pylist(), strict=True))
    assert all(n is None or (n == t and n >= K) for n, t in zip(rows, true, strict=True))
    assert found["dwell_s"].to_pylist() == [None if n is None else 60 * n for n in rows]
    grand = found.totals["devices"][()]["total"][0].as_py()
    totals = [published(found, m) if m in margins else {} for m in "ab"]
    if rows.count(None) > 5:  # too many tables to try them all
        return
    reached = greatest(keys, rows, *totals, grand, most=7)
    for n, most, t in zip(rows, reached, true, strict=True):
        if n is None and t < K:
            assert most >= K, "by what is published this count is below k"
    for side in totals:
        assert all(t is None or t >= K for t in side.values()), "totals are counts too"
    assert grand is None or grand >= K


@settings(max_examples=25, deadline=None)
@given(tables(), st.integers(2, 3))
def test_rows_with_the_same_keys(counts, n):
    """As two windows of a day in one cell: the small count and another row beside it."""
    counts = dict(list(counts.items())[:2])
    table = table_of(counts, n)
    found = suppress(table, K, margins=[("a",), ("b",)])
    rows, keys = (
        found["devices"].to_pylist(),
        list(zip(table["a"].to_pylist(), table["b"].to_pylist(), strict=True)),
    )
    grand = found.totals["devices"][()]["total"][0].as_py()
    reached = greatest(keys, rows, published(found, "a"), published(found, "b"), grand, most=7)
    true = table["devices"].to_pylist()
    assert all(most >= K for n, most, t in zip(rows, reached, true, strict=True) if n is None and t < K)


def test_nothing_is_hidden_where_nothing_is_small():
    found = suppress(table_of({("p", "x"): 3, ("q", "y"): 9}), K, margins=[("a",), ("b",)])
    assert found["devices"].to_pylist() == [3, 9]
    assert (found.small, found.others) == (0, 0)
    assert published(found, "a") == {"p": 3, "q": 9}


def test_a_rectangle_is_hidden():
    counts = {("p", "x"): 1, ("p", "y"): 5, ("q", "x"): 6, ("q", "y"): 7, ("r", "x"): 9, ("r", "y"): 9}
    found = suppress(table_of(counts), K, margins=[("a",), ("b",)])
    assert found["devices"].to_pylist() == [None, None, None, None, 9, 9]
    assert (found.small, found.others) == (1, 3)
    assert published(found, "a") == {"p": 6, "q": 13, "r": 18}
    assert "3 more rows" in found.note


def test_totals_are_hidden_where_rows_are_not_enough():
    found = suppress(table_of({("p", "x"): 1, ("q", "y"): 9}), K, margins=[("a",), ("b",)])
    assert found["devices"].to_pylist() == [None, 9]
    assert published(found, "a") == {"p": None, "q": 9}
    assert found.totals["devices"][()]["total"].to_pylist() == [None]


def test_one_margin_and_none():
    counts = {("p", "x"): 1, ("p", "y"): 5, ("q", "x"): 6}
    assert suppress(table_of(counts), K, margins=[("a",)])["devices"].to_pylist() == [None, None, 6]
    # totals by a and b together are rows themselves, and totals by a are sums of them
    assert suppress(table_of(counts), K, margins=[("a", "b"), ("a",)]).totals["devices"].keys() == {
        (),
        ("a", "b"),
    }


def test_hidden_rows_can_be_left_out():
    found = suppress(table_of({("p", "x"): 1, ("p", "y"): 5, ("q", "x"): 6}), K, margins=[("a",)], drop=True)
    assert found["devices"].to_pylist() == [6]
    assert not found.schema["devices"].nullable
    assert "left out (1 rows), and 1 more rows" in found.note


def test_occupancy_leaves_rows_out():
    rows = [(d, t, 1.0) for d in range(20) for t in (0, 600)] + [(99, 0, 900.0), (99, 600, 900.0)]
    columns = dict(zip(("device", "time", "x"), zip(*rows, strict=True), strict=True)) | {"y": [1.0] * 42}
    pings = cotrace.read_pings(columns, unit="s")
    busy = cotrace.occupancy(cotrace.find_stays(pings))
    found = suppress(busy)
    assert busy["devices"].to_pylist() == [20, 1]
    assert found["devices"].to_pylist() == [20]
    assert found.schema == busy.schema
    assert found.totals["devices"][("window_started_at",)]["total"].to_pylist() == [None]
    assert suppress(busy, 1)["devices"].to_pylist() == [20, 1]
    assert len(suppress(busy, 100)) == 0


def test_columns_that_hide_together():
    from cotrace.schema_places import REGION_TOTALS

    columns = {
        "region": ["n", "s", "w"],
        "devices": [40, 50, 60],
        "by_home": [38, 30, 30],
        "by_last_seen": [2, 20, 30],
    }
    found = suppress(cotrace.Table(REGION_TOTALS, pa.table(columns)))
    assert found["by_last_seen"].to_pylist() == [None, None, 30]
    assert found["devices"].to_pylist() == [None, None, 60]
    assert found["by_home"].to_pylist() == [None, None, 30]


def test_empty_tables():
    empty = cotrace.Table(SCHEMA, table_of({("p", "x"): 1}).to_arrow().slice(1))
    found = suppress(empty, margins=[("a",), ("b",)])
    assert len(found) == 0
    assert found.totals["devices"][()]["total"].to_pylist() == [0]


def test_many_rows_are_done_in_time():
    import time

    import numpy as np

    rng = np.random.default_rng(1)
    n = 40_000
    counts = rng.geometric(0.05, n)
    a, b = rng.integers(0, 2000, n), rng.integers(0, 168, n)
    start = time.perf_counter()
    hidden = hide(counts, counts < 16, a, b, 16)
    assert time.perf_counter() - start < 15
    assert set(np.flatnonzero(counts < 16).tolist()) <= hidden.rows


def test_what_is_refused():
    table = table_of({("p", "x"): 1})
    for k in (0, -1, 2.0, True, "16"):
        with pytest.raises(OptionError, match="k="):
            suppress(table, k)
    with pytest.raises(OptionError, match="cross"):
        suppress(table, margins=[("a",), ("b",), ("devices",)])
    with pytest.raises(SchemaError, match="no column 'c'"):
        suppress(table, margins=[("c",)])
    with pytest.raises(SchemaError, match="no column 'c'"):
        suppress(table, counts=["c"])
    with pytest.raises(SchemaError, match="no count"):
        suppress(table, counts=["a"])
    with pytest.raises(OptionError, match="list of columns"):
        suppress(table, counts="devices")
    with pytest.raises(CotraceTypeError):
        suppress(table.to_arrow())
    stays = cotrace.Table(TableSchema("x", "x", SCHEMA.columns[:1], ()), pa.table({"a": ["p"]}))
    with pytest.raises(SchemaError, match="no column in devices"):
        suppress(stays)
