"""The oracle is right before anything is held to it: golden worlds, the worked example, and its own edges."""

from __future__ import annotations

from collections import Counter

import pytest
from tests import naive
from tests.naive import Case, Making, Rule
from tests.properties import edges, worlds
from tests.properties.golden import COMPANIONS, EVIDENCE, golden_worlds

CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_golden_worlds(chunk):
    for world in golden_worlds(chunk, CHUNKS):
        rule = dict(world["rule"])
        making = Making(max_gap=rule.pop("max_gap"), fill=rule.pop("fill"), cell_m=world["cell_m"])
        pings = [tuple(row) for row in world["pings"]]
        found = naive.answer(pings, [Case(*row) for row in world["cases"]], Rule(**rule), making)
        assert [[row[k] for k in COMPANIONS] for row in found.companions] == world["companions"], world[
            "name"
        ]
        assert [[row[k] for k in EVIDENCE] for row in found.evidence] == world["evidence"], world["name"]


def test_there_are_160_golden_worlds():
    assert len(golden_worlds()) == 160


def worked_example(together_s: int, rule: Rule) -> naive.Answer:
    """A lives in a cell for 31 h, the last of them from 09:00 on with B; ``as_of`` is 10:00."""
    nine = 32 * 3600
    home = [("A", t, 1.0, 1.0) for t in range(nine + 3600 - 31 * 3600, nine + 3601, 1800)]
    visit = [("B", nine, 2.0, 2.0), ("B", nine + together_s, 2.0, 2.0)]
    return naive.answer(home + visit, [Case("A", nine + 3600)], rule, Making())


def test_worked_example():
    found = worked_example(600, Rule())
    assert [(row["companion_id"], row["dwell_met_by"], row["case_dwell_s"]) for row in found.companions] == [
        ("B", "case", 31 * 3600)
    ]
    assert worked_example(599, Rule()).companions == []
    assert worked_example(600, Rule(strict=True)).companions == []
    assert worked_example(600, Rule(dwell_of="both")).companions == []
    funnel = worked_example(599, Rule()).funnel[0]
    assert (funnel["together"], funnel["long_enough"], funnel["companions"]) == (1, 0, 0)


def test_smoothing_judges_by_places_after_relabelling():
    flaps = {0: "p", 1: "q", 2: "p", 3: "q", 4: "p"}
    assert naive.smoothed(flaps, 2) == (dict.fromkeys(flaps, "p"), 2)
    assert naive.smoothed(flaps, 1) == (flaps, 0)
    # q has become p at 2, so that the q at 3 is not back where it was
    assert naive.smoothed({0: "p", 1: "q", 2: "p", 3: "q"}, 9) == ({0: "p", 1: "p", 2: "p", 3: "q"}, 1)


def test_seconds_under_each_fill():
    seen = {0: "p", 2: "p", 3: "q", 8: "q", 14: "q"}
    assert naive.seconds_in_cells(seen, Making(max_gap=5)) == {0: "p", 1: "p"} | dict.fromkeys(
        range(3, 8), "q"
    )
    forward = {0: "p", 1: "p", 2: "p"} | dict.fromkeys(range(3, 8), "q")
    assert naive.seconds_in_cells(seen, Making(max_gap=5, fill="forward")) == forward


@pytest.mark.parametrize(
    ("seconds", "per", "most"),
    [([], 5, 0), ([1, 2, 3], None, 3), ([0, 5, 9], 5, 2), ([0, 5, 10], 5, 1), ([0, 1, 4, 5, 6], 6, 4)],
)
def test_most_seconds_within(seconds, per, most):
    assert naive.most_within(seconds, per) == most


def test_greatest_cell_and_tower_win():
    rows = [("A", 5.0, 0.0, 0.0), ("A", 5.9, -1e-9, 900.0), ("A", 5, 0.0, 799.0), ("A", 6, float("nan"), 0.0)]
    found = naive.tracks(rows, Making())
    assert found.seen == {"A": {5: (0, 0)}}
    assert (found.rows, found.used, found.collapsed, found.conflicts, found.refused) == (4, 1, 2, 1, 1)
    towers = Making(cell_m=None)
    assert naive.tracks([("A", 0, 9), ("A", 0, 10)], towers).seen == {"A": {0: 10}}
    assert naive.tracks([("A", 0, "9"), ("A", 0, "10")], towers).seen == {"A": {0: "9"}}


def test_made_worlds_reach_every_edge():
    hits: Counter[str] = Counter()
    for number in range(1200):
        world = worlds.seeded(1, number)
        tracks = naive.tracks(world.pings, world.making)
        answer = naive.answer_of(naive.World(tracks, world.making), world.cases, world.rule)
        hits.update(edges.edges(world, tracks, answer))
        hits["with companions"] += bool(answer.companions)
    assert edges.REQUIRED - set(hits) == set()
    assert hits["with companions"] > 300
