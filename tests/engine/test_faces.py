"""Both engines have one face: the same functions, the same keywords in the same order, the same result columns."""

from __future__ import annotations

import inspect

import pytest
from tests.engine.test_queries import made

import cotrace
from cotrace import schema, schema_meetings, schema_places
from cotrace.engine import spark as on_spark

SHARED = ("read_pings", "find_stays", "find_companions", "occupancy", "visitors", "rings", "pairs")
#: what differs, and why: (function, parameter of one machine) -> (name, default) on Spark
DIFFERENT = {
    # one machine reads anything; a cluster reads a DataFrame, and the name says so
    ("read_pings", "source"): ("df", inspect.Parameter.empty),
    # the rows of a batch of a stream: a DataFrame has its own, and refuses a number
    ("pairs", "batch_rows"): ("batch_rows", None),
}


def face(module, name):
    found = inspect.signature(getattr(module, name)).parameters.values()
    return [(p.name, p.kind, p.default) for p in found]


@pytest.mark.parametrize("name", SHARED)
def test_parameters_are_those_of_one_machine(name):
    wanted = []
    for parameter, kind, default in face(cotrace, name):
        renamed = DIFFERENT.get((name, parameter), (parameter, default))
        wanted.append((renamed[0], kind, renamed[1]))
    assert face(on_spark, name) == wanted


def test_the_differences_are_there():
    """What is listed as different is no longer so: then it has to leave the list."""
    for (name, parameter), renamed in DIFFERENT.items():
        local = {p: default for p, _, default in face(cotrace, name)}
        assert (parameter, local[parameter]) != renamed


def test_nothing_else_is_shared():
    """A function that both engines get one day is held to the same."""
    own = {"Plan", "plan", "count_pings", "read_store", "write_store"}
    assert {n for n in on_spark.__all__ if not n.startswith("Spark")} == {*SHARED, *own}


def test_columns_are_those_of_the_schema_tables(spark):
    stays = on_spark.find_stays(on_spark.read_pings(spark.createDataFrame(made(devices=12, days=1))))
    assert tuple(stays.columns) == schema.STAYS.names
    assert tuple(on_spark.occupancy(stays).columns) == schema.OCCUPANCY.names
    pairs = on_spark.pairs(stays)
    assert tuple(pairs.pairs.columns) == schema_meetings.PAIRS.names
    assert tuple(pairs.crowded.columns) == schema.OCCUPANCY.names
    asked = {"as_of": "2021-11-02T12:00:00+00:00"}
    found = on_spark.find_companions(stays, ["d003"], **asked)
    for name in ("companions", "evidence", "funnel", "cases", "coverage"):
        assert tuple(getattr(found, name).columns) == getattr(schema, name.upper()).names, name
    found.unpersist()
    day = {"start": "2021-11-01T00:00:00Z", "end": "2021-11-01T10:00:00Z"}
    there = on_spark.visitors(stays, stays.first()["cell"], **day)
    assert tuple(there.visitors.columns) == schema_places.VISITORS.names
    assert tuple(there.evidence.columns) == schema_places.VISITOR_STAYS.names
    rings = on_spark.rings(
        stays, ["d003"], rule=cotrace.CompanionRule(min_shared="1h", min_cumulative=None), **asked
    )
    for table, of in ((rings.rings, "RINGS"), (rings.evidence, "HOPS"), (rings.sizes, "RING_SIZES")):
        assert tuple(table.columns) == getattr(schema_meetings, of).names
