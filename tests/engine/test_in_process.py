"""What tasks do, in this process: the same functions as on executors, where coverage and a debugger see them."""

from __future__ import annotations

import importlib

import pyarrow as pa
import pytest
from tests.engine.conftest import assert_same
from tests.engine.test_queries import RULES, made, table_of

import cotrace
from cotrace.engine import spark as on_spark

ROOMS = ("companions", "frames", "pairs", "reach", "stays", "store", "visitors", "windows")
OPTIONS = cotrace.StayOptions(max_gap="50min", fill="forward")


def _here(frame, function, schema):
    """Do what ``mapInArrow`` does, with all rows as one partition."""
    from pyspark.sql.types import StructType

    kind = StructType.fromDDL(schema) if isinstance(schema, str) else schema
    batches = list(function(iter(frame.toArrow().to_batches())))
    arrow = frame.sparkSession.createDataFrame([], kind).toArrow().schema
    table = pa.Table.from_batches(batches).cast(arrow) if batches else arrow.empty_table()
    return frame.sparkSession.createDataFrame(table, kind)


@pytest.fixture
def in_process(monkeypatch):
    for room in ROOMS:
        monkeypatch.setattr(importlib.import_module(f"cotrace.engine.spark.{room}"), "mapped", _here)


def test_companions(spark, one_input, in_process):
    number = 57
    numbers = one_input.by_options()[one_input.options(number)][:6]
    rows = pa.compute.is_in(
        pa.compute.divide(one_input.table["device"], 1000), value_set=pa.array(numbers, pa.int64())
    )
    table = one_input.table.filter(rows)
    asked = {"rule": one_input.rule(number), "options": one_input.options(number)}
    local = cotrace.read_pings(table, unit="s")
    pings = on_spark.read_pings(spark.createDataFrame(table), unit="s")
    wanted = cotrace.find_companions(local, one_input.cases(numbers), **asked)
    stays = on_spark.find_stays(pings, options=asked["options"])
    assert_same(stays, cotrace.find_stays(local, options=asked["options"]))
    for source in (pings, stays):
        found = on_spark.find_companions(source, one_input.cases(numbers), **asked)
        for name in ("companions", "evidence", "funnel"):
            assert_same(getattr(found, name), getattr(wanted, name))
    assert on_spark.count_pings(pings, options=asked["options"]).used == wanted.counts.used


def test_queries(spark, in_process, tmp_path):
    table = made(devices=30, days=2)
    local_pings = cotrace.read_pings(table)
    local = cotrace.find_stays(local_pings, options=OPTIONS)
    pings = on_spark.read_pings(spark.createDataFrame(table))
    stays = on_spark.find_stays(pings, options=OPTIONS)
    assert_same(on_spark.occupancy(stays), cotrace.occupancy(local))
    for keywords in ({"max_crowd": 8}, RULES["dwell"], RULES["sums"]):
        assert_same(on_spark.pairs(stays, **keywords).pairs, table_of(cotrace.pairs(local, **keywords)))
    day = {"start": "2021-11-01T00:00:00Z", "end": "2021-11-01T10:00:00Z"}
    cell = local.cells.values[0].as_py()
    found = on_spark.visitors(stays, cell, **day, pings=pings)
    assert_same(found.visitors, cotrace.visitors(local, cell, **day, pings=local_pings))
    asked = {"as_of": "2021-11-03T12:00:00+00:00", "rule": RULES["plain"]["rule"]}
    assert_same(on_spark.rings(stays, ["d003"], **asked).rings, cotrace.rings(local, ["d003"], **asked))
    store = on_spark.write_store(pings, tmp_path / "store", options=OPTIONS, buckets=2)
    assert store.stays().to_arrow().equals(local.to_arrow())
    assert_same(on_spark.read_store(spark, store), local)


def test_towers(spark, in_process):
    table = {"device": ["a", "a", "b", "b"], "time": [0, 4000, 60, 3000], "tower": ["p", "p", "p", "p"]}
    towers = {"tower": ["p", "q"], "lon": [104.0, 104.1], "lat": [30.0, 30.1]}
    options = cotrace.StayOptions(by="tower", fill="forward")
    local = cotrace.find_stays(cotrace.read_pings(table, unit="s", towers=towers), options=options)
    frame = spark.createDataFrame(pa.table(table))
    pings = on_spark.read_pings(frame, unit="s", towers=towers)
    stays = on_spark.find_stays(pings, options=options)
    assert_same(stays, local)
    # where towers stand goes with the frame
    assert_same(on_spark.occupancy(stays), cotrace.occupancy(local))
    with pytest.raises(cotrace.CotraceError, match="no default for fill"):
        on_spark.find_stays(pings, options=cotrace.StayOptions(by="tower"))
