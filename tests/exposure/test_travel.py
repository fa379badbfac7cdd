"""Travelling together: trains, roads and platforms by hand, and made journeys against the oracle."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime
from typing import Any

import pytest
from tests import naive
from tests import naive_exposure_travel as oracle
from tests.naive import Making
from tests.properties.through import arrow_pings, difference, rows_of

import cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
WORLDS = 450
CELL = 800.0
BASE = 1_635_724_800


def train(
    device: Any, start: int, cells: int = 30, crossing: int = 40, every: int = 60, shift: float = 0.0
) -> list[Any]:
    """Pings of a device on a line at full speed: a cell takes less than a minute."""
    rows = []
    for t in range(0, cells * crossing, every):
        rows.append((device, start + t, (t / crossing) * CELL + 1, 1.0))
    return rows


def pings_of(rows: list[tuple[Any, ...]], tz: str = "UTC") -> cotrace.Pings:
    return cotrace.read_pings(arrow_pings(rows, len(rows[0]) == 3), unit="s", tz=tz)


def along(rows: list[Any], **keywords: Any) -> list[Any]:
    return cotrace.co_travel(pings_of(rows), ["A"], **keywords)["device"].to_pylist()


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_the_same_train_though_never_ten_minutes_in_one_cell():
    rows = train("A", BASE) + train("B", BASE + 20)
    found = cotrace.co_travel(pings_of(rows), ["A"])
    row = rows_of(found)[0]
    assert (row["device"], row["rides"]) == ("B", 1)
    assert row["shared_s"] > 900
    assert row["as_of"] is None
    stays = cotrace.find_stays(pings_of(rows), options=cotrace.StayOptions(fill="forward"))
    rule = cotrace.CompanionRule(min_cumulative=None)
    assert len(cotrace.find_companions(stays, ["A"], as_of="2021-11-02T00:00:00Z", rule=rule)) == 0


def test_what_is_no_train():
    opposite = [("B", t, 30 * CELL - x, y) for _, t, x, y in train("A", BASE)]
    next_train = train("C", BASE + 1800)
    platform = [("D", BASE - 600 + 60 * k, 1.0 + 10 * CELL, 1.0) for k in range(60)]
    beside = [("E", t, x, 5 * CELL) for _, t, x, _ in train("A", BASE)]
    first_stop = train("F", BASE + 10, cells=10)
    rows = train("A", BASE) + opposite + next_train + platform + beside + first_stop
    assert along(rows) == []
    assert along(rows, min_shared="3min") == ["F"]
    assert along(rows, tolerance="40min", min_shared="0s") == ["C", "F"]


def test_sparse_pings_are_enough_where_they_are_in_the_same_cells():
    rows = train("A", BASE, every=20) + train("B", BASE + 15, every=200)
    assert along(rows) == ["B"]
    # B is elsewhere for most of the way: few of its cells are A's
    elsewhere = [("B", t + 70, x, 9 * CELL) for _, t, x, _ in train("B", BASE, every=80)]
    assert along(rows + elsewhere) == []
    assert along(rows + elsewhere, min_match=0.1) == ["B"]


def test_a_day_at_the_same_desk_is_no_way():
    desk = [(d, BASE + 300 * k, 1.0, 1.0) for d in "AB" for k in range(100)]
    flaps = [(d, BASE + 300 * k + 60, 1.0 + CELL * (k % 2), 1.0) for d in "AB" for k in range(100)]
    assert along(desk + flaps) == []  # two cells are no way
    assert along(desk + flaps, min_cells=2) == ["B"]


def test_a_long_stop_ends_a_ride():
    there = train("A", BASE) + train("B", BASE + 5)
    work = [(d, BASE + 1200 + 300 * k, 30 * CELL + 1, 1.0) for d in "AB" for k in range(60)]
    back = [(d, BASE + 19_200 + t - BASE, 30 * CELL - x, y) for d, t, x, y in there]
    row = rows_of(cotrace.co_travel(pings_of(there + work + back), ["A"]))[0]
    assert row["rides"] == 2
    assert row["shared_s"] < 3000
    assert row["longest_s"] > 900


def test_towers_are_cells():
    rows = [(d, BASE + 120 * k + lag, f"tower {k}") for d, lag in (("A", 0), ("B", 45)) for k in range(12)]
    found = cotrace.co_travel(pings_of(rows), ["A"], options=cotrace.StayOptions(by="tower"))
    row = rows_of(found)[0]
    assert (row["device"], row["cells"], row["largest_lag_s"]) == ("B", 12, 45)
    assert [r["cell"] for r in rows_of(found.evidence)] == [f"tower {k}" for k in range(12)]


def test_lookback_and_isolation_limit_the_time():
    rows = train("A", BASE) + train("B", BASE + 20)
    cases = {"device": ["A"], "as_of": ["2021-11-01T12:00:00Z"]}
    assert along(rows) == ["B"]
    found = cotrace.co_travel(pings_of(rows), cases)
    assert rows_of(found)[0]["as_of"] == BASE + 12 * 3600
    for limits in (
        {"as_of": ["2021-11-01T00:05:00Z"]},
        {"isolated_at": ["2021-11-01T00:05:00Z"]},
        {"infectious_from": ["2021-11-01T00:15:00Z"]},
    ):
        assert len(cotrace.co_travel(pings_of(rows), cases | limits)) == 0
    assert len(cotrace.co_travel(pings_of(rows), ["A"], as_of="2021-11-01T12:00:00Z", lookback="1h")) == 0


# ---- made journeys against the oracle --------------------------------------------------------------------------------


def journeys(rng: random.Random) -> tuple[list[Any], Making]:
    """Return pings of devices that follow one another along lines, stop, turn, go astray and fall silent."""
    ids = rng.choice([[3, 10, -5, 7], ["b", "a", "10", "9"]])[: rng.randint(2, 4)]
    line = [(rng.randint(0, 3), rng.randint(0, 2)) for _ in range(rng.randint(3, 12))]
    moments, t = [], BASE + rng.randint(0, 100)
    for _ in line:
        moments.append(t)
        t += rng.choice([20, 60, 60, 120, 400, 2000])
    rows: list[Any] = []
    for device in ids:
        lag, every = rng.choice([0, 5, 30, 90, 400]), rng.choice([7, 20, 50, 130])
        for k, (place, start) in enumerate(zip(line, moments, strict=True)):
            end = moments[k + 1] if k + 1 < len(moments) else start + 60
            spot = place if rng.random() < 0.85 else (rng.randint(0, 3), rng.randint(0, 2))
            if rng.random() < 0.1:
                continue
            for second in range(start, end, every):
                rows.append((device, second + lag, spot[0] * CELL + 5, spot[1] * CELL + 5))
            if rng.random() < 0.1:
                rows.append((device, start + lag, rng.randint(0, 3) * CELL + 5, 5.0))
    return rows or [(ids[0], BASE, 5.0, 5.0)], Making(cell_m=CELL)


def compare(number: int) -> int:
    rng = random.Random(f"travel {number}")
    rows, making = journeys(rng)
    seen = {
        device: {second: naive.packed(cell) for second, cell in one.items()}
        for device, one in naive.tracks(rows, making).seen.items()
    }
    ids = sorted({row[0] for row in rows})
    end = max(row[1] for row in rows) + rng.choice([1, -60, 1000])
    dated = rng.random() < 0.5
    lookback = rng.choice([300, 5000, 10**6]) if dated else 10**9
    asked = rng.sample(ids, rng.randint(1, len(ids)))
    least, near, longest = (
        rng.choice([0, 30, 120, 600]),
        rng.choice([0, 10, 60, 300]),
        rng.choice([60, 200, 900]),
    )
    cells, share = rng.choice([2, 3, 4]), rng.choice([0, 0.5, 0.75, 1.0])
    window = (end - lookback, end) if dated else (-(10**12), 10**12)
    cases = [(one, *window) for one in asked]
    wanted, shown = oracle.co_travel(seen, cases, least, near, cells, share, longest)
    got = cotrace.co_travel(
        pings_of(rng.sample(rows, len(rows))),
        asked,
        min_shared=f"{least}s",
        tolerance=f"{near}s",
        max_break=f"{longest}s",
        min_cells=cells,
        min_match=share,
        lookback=f"{lookback}s",
        threads=1 + number % 2,
        **({"as_of": datetime.fromtimestamp(end, UTC)} if dated else {}),
    )
    for name, expected, table in (("co_travel", wanted, got), ("rides", shown, got.evidence)):
        if not dated:
            expected = [row | {"as_of": None} for row in expected]
        names = list(expected[0]) if expected else []
        assert difference(name, expected, [{k: r[k] for k in names} for r in rows_of(table)]) is None, number
    return len(wanted)


@pytest.mark.parametrize("chunk", range(3))
def test_journeys_are_the_oracles(chunk):
    assert sum(compare(number) for number in range(chunk, WORLDS, 3)) > 40


# ---- promises --------------------------------------------------------------------------------------------------------


def test_empty_is_typed():
    rows = train("A", BASE)
    for pings in (pings_of(rows, "Asia/Shanghai"), pings_of([("A", BASE, 1.0, 1.0)], "Asia/Shanghai")):
        for cases in (["A"], ["nobody"], []):
            found = cotrace.co_travel(pings, cases)
            assert (len(found), len(found.evidence)) == (0, 0)
            assert found.to_arrow().schema.field("first_started_at").type.tz == "Asia/Shanghai"


def test_cases_that_were_never_seen_are_warned_of():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cotrace.co_travel(pings_of(train("A", BASE)), ["A", "nobody"])
    ours = [w for w in said if isinstance(w.message, cotrace.CotraceWarning)]
    assert [w.message.figures for w in ours if w.message.kind == "cases"] == [{"never_seen": 1, "cases": 2}]
    assert ours[-1].filename == __file__


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"min_cells": 1}, "one cell is no way"),
        ({"min_match": 2}, "no share"),
        ({"max_break": "0s"}, "leaves no way"),
        ({"tolerance": 5}, "tolerance=5 has no unit"),
        ({"as_of": "2021-11-01"}, "as_of is a date"),
        ({"options": cotrace.StayOptions(by="tower")}, "no tower column"),
    ],
)
def test_errors_say_what_and_the_mend(keywords, says):
    with pytest.raises(cotrace.CotraceError, match=says):
        cotrace.co_travel(pings_of(train("A", BASE)), ["A"], **keywords)
    with pytest.raises(TypeError, match="is not Pings"):
        cotrace.co_travel(cotrace.find_stays(pings_of(train("A", BASE))), ["A"])
