"""Row for row what one machine answers, for any number of partitions.

A share of what ``python -m tests.engine.equality`` compares, which takes too long for every change: at each number of
partitions the stays of all sets of options and of all made cities; each golden world, and each query of each made
city, at one number of partitions, in turn.
"""

from __future__ import annotations

import pyarrow as pa
import pytest
from tests.engine.cities import CITIES, QUERIES, CitySource
from tests.engine.equality import Equality, Found
from tests.engine.same import compared

PARTITIONS = pytest.mark.parametrize("n", [1, 2, 7, 64])
#: whose turn it is by the last digit of a world's number: tasks cost time, and few of them show as much
TURNS = {1: (0, 2, 4, 6), 2: (1, 3, 5, 7), 7: (8,), 64: (9,)}


@pytest.fixture(scope="module")
def equality(spark, one_input):
    return Equality(spark, one_input)


@PARTITIONS
def test_golden_worlds_in_one_input(equality, n):
    found = Found()
    worlds = [number for number in range(160) if number % 10 in TURNS[n]]
    with equality.partitions(n):
        equality.stays(found)
        equality.companions(found, worlds)
    assert found.differences == []
    assert found.counts["option_sets"] == 8
    assert found.counts["worlds"] == len(worlds)
    assert found.counts["rows"] > 10_000


def test_every_world_has_a_turn():
    assert sorted(digit for turn in TURNS.values() for digit in turn) == list(range(10))


def test_companions_of_stays_that_are_kept(equality):
    found = Found()
    with equality.partitions(2):
        equality.companions_of_stays(found)
    assert found.differences == []
    assert found.counts["worlds_of_stays"] == 8


@PARTITIONS
def test_made_cities(equality, n):
    found, turn = Found(), [1, 2, 7, 64].index(n)
    with equality.partitions(n):
        for number, name in enumerate(CITIES):
            queries = [query for k, query in enumerate(QUERIES) if k == 0 or (number + k) % 4 == turn]
            equality.city(found, name, queries)
    assert found.differences == []
    assert found.counts["cities"] == len(CITIES)
    assert found.counts["rows"] > 10_000


@pytest.mark.parametrize("name", CITIES)
def test_cities_have_something_to_compare(name):
    """No query is empty, and none brings everybody: equal answers then say something."""
    city = CitySource(name)
    for query, ask in QUERIES.items():
        answers = ask(city.local, city)
        tables = {
            table: answer.num_rows if hasattr(answer, "num_rows") else len(answer)
            for table, answer in answers.items()
        }
        if query == "pairs, no cut":
            assert tables.pop("crowded") == 0
        assert all(tables.values()), (query, tables)


def test_a_difference_is_found():
    """What compares can tell tables apart: a value, a row, a column, a type."""

    class Frame:
        def __init__(self, table):
            self.table = table

        def toArrow(self):  # as Spark names it
            return self.table

    table = pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]})
    assert compared(Frame(table.take([2, 0, 1])), table)[1] == ""
    others = [
        table.set_column(0, "a", pa.array([1, 2, 4])),
        table.slice(1),
        pa.concat_tables([table, table.slice(2)]),
        table.select(["b", "a"]),
        table.set_column(0, "a", pa.array([1, 2, 3], pa.int32())),
        table.cast(pa.schema([pa.field("a", pa.int64(), False), pa.field("b", pa.string())])),
    ]
    found = Found()
    for other in others:
        assert compared(Frame(other), table)[1]
        found.hold("other", Frame(other), table)
    assert len(found.differences) == len(others)


def test_instants_are_compared_and_not_their_zones():
    """Spark has instants, shown in the session's zone; another instant is another one."""
    instants = pa.array([0, 1], pa.timestamp("us", tz="Asia/Shanghai"))

    class Frame:
        def toArrow(self):  # as Spark names it
            return pa.table({"at": instants.cast(pa.timestamp("us", tz="UTC"))})

    assert compared(Frame(), pa.table({"at": instants}))[1] == ""
    later = pa.array([0, 2], pa.timestamp("us", tz="Asia/Shanghai"))
    assert "row 1" in compared(Frame(), pa.table({"at": later}))[1]
