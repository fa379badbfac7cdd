"""What is promised of every answer: the order of rows and threads do not matter, and it says what it is."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import shapely

import cotrace

ZONE = "Asia/Kolkata"
AS_OF = datetime(2021, 11, 4, tzinfo=UTC)
REGIONS = {"a": shapely.box(0, 0, 900, 1600), "b": shapely.box(900, 0, 1600, 1600)}


def pings(order: int) -> pa.Table:
    rng = random.Random(3)
    rows = []
    for device in ("p", "q", "r", "s"):
        t = int(AS_OF.timestamp()) - 3 * 86_400
        while t < AS_OF.timestamp():
            x, y = rng.choice([5.0, 805.0]), rng.choice([5.0, 805.0])
            for _ in range(rng.randint(1, 9)):
                rows.append((device, t, x, y))
                t += rng.choice([600, 1800, 3600])
    random.Random(order).shuffle(rows)
    columns = dict(zip(("device", "time", "x", "y"), map(list, zip(*rows, strict=True)), strict=True))
    columns["time"] = pa.array(columns["time"], pa.int64()).cast(pa.timestamp("s", ZONE))
    return pa.table(columns)


def answers(order: int, threads: int) -> dict[str, Any]:
    source = cotrace.read_pings(pings(order))
    stays = cotrace.find_stays(source, threads=threads)
    visits = [("p", "hall", 5, 9), ("q", "hall", 6, 8), ("z", "bar", 1, 2)]
    random.Random(order).shuffle(visits)
    base = int(AS_OF.timestamp()) - 86_400
    tickets = {"device": [v[0] for v in visits], "place": [v[1] for v in visits]}
    tickets |= {"start": [base + 3600 * v[2] for v in visits], "end": [base + 3600 * v[3] for v in visits]}
    both = cotrace.with_visits(stays, cotrace.read_visits(tickets, unit="s"))
    drawn = cotrace.zones(stays, ["p", "q"], as_of=AS_OF)
    start = datetime(2021, 11, 3, tzinfo=UTC)
    return {
        "trajectory": cotrace.trajectory(both),
        "anchors": cotrace.anchors(both),
        "places": cotrace.places(both, ["q", "p"], as_of=AS_OF),
        "visitors": (seen := cotrace.visitors(both, shapely.box(1, 1, 900, 900), start, AS_OF, pings=source)),
        "visitor stays": seen.evidence,
        "zones": drawn.zones,
        "zone cases": drawn.evidence,
        "zone devices": drawn.devices,
        "lifting": cotrace.lift(
            drawn, {"event": ["negative"], "at": ["2021-11-20"], "device": ["p"]}, on="2021-11-21"
        ),
        "screening": cotrace.screening(drawn, 3),
        "regions": (split := cotrace.split_by_region(stays, ["s", "p", "q", "x"], REGIONS)),
        "region totals": split.evidence,
    }


@pytest.fixture(scope="module")
def first() -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return answers(0, 1)


@pytest.mark.parametrize(("order", "threads"), [(1, 1), (2, 2), (3, 2)])
def test_order_and_threads_do_not_matter(first, order, threads):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        again = answers(order, threads)
    for name, table in first.items():
        assert len(table), name
        assert table.to_arrow().equals(again[name].to_arrow()), name


def test_everything_says_that_it_is_of_candidates(first):
    for name, table in first.items():
        assert "Candidates from co-location" in repr(table), name
        assert "Candidates from co-location" in table._repr_html_(), name
        assert b"Candidates" in table.to_arrow().schema.metadata[b"cotrace"], name


def test_instants_have_the_zone_of_the_input(first):
    for name, table in first.items():
        zones = {f.type.tz for f in table.to_arrow().schema if pa.types.is_timestamp(f.type)}
        assert zones <= {ZONE}, name


def test_no_answer_has_a_missing_value_where_its_schema_allows_none(first):
    for name, table in first.items():
        for column in table.schema.columns:
            assert column.nullable or table[column.name].null_count == 0, (name, column.name)
