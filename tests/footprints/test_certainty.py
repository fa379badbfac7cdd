"""Certainty by hand, against the oracle, against drawn worlds; and its promises."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from tests import naive_certainty as oracle
from tests.footprints.test_footprints import find, one
from tests.footprints.worlds import (
    BASE,
    feet_of,
    made_population,
    made_stays,
    made_towers,
    pings_of,
    population_table,
    stays_of,
)

import cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
WORLDS = 300
COUNTED = ("n_episodes", "longest_s", "together_s")
DAY = 86_400
PLAIN = cotrace.Certainty(roaming=0.0, blur="1s", calibrated=False)


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def sure(stays, footprints, cases, *, how=PLAIN, end=BASE + 3 * DAY, min_shared="10min", threads=1, **rule):
    return cotrace.find_companions(
        stays_of(stays) if isinstance(stays, list) else stays,
        cases,
        as_of=at(end),
        rule=cotrace.CompanionRule(min_shared=min_shared, min_cumulative=None, **rule),
        certainty=how,
        footprints=footprints,
        threads=threads,
    )


# ---- by hand ---------------------------------------------------------------------------------------------------------


def two_cells() -> cotrace.Footprints:
    """Return footprints of a tower on an edge, one within the western cell, and one far away."""
    towers = [
        one(x=800.0, radius=300.0),
        one(tower="b", x=400.0, radius=300.0),
        one(tower="far", x=9000.0, radius=300.0),
    ]
    return find(towers, "disc", samples=20)


def test_one_cell_is_sure_and_two_are_a_coin():
    feet = two_cells()
    stays = [
        (1, "b", BASE, BASE + 900),
        (2, "b", BASE, BASE + 900),
        (3, "a", BASE, BASE + 900),
        (4, "far", BASE, BASE + 900),
    ]
    table = sure(stays, feet, [1]).certainty.to_pandas()
    assert table["companion_id"].tolist() == [2, 3]
    assert table["probability"].round(6).tolist() == [1.0, 0.5]
    assert table["expected_shared_s"].round(3).tolist() == [900.0, 450.0]
    assert table["is_companion"].tolist() == [True, False]


def test_too_short_is_no_meeting():
    feet = two_cells()
    stays = [(1, "b", BASE, BASE + 599), (2, "b", BASE, BASE + 599)]
    assert len(sure(stays, feet, [1]).certainty) == 0
    assert len(sure(stays, feet, [1], min_shared="599s").certainty) == 1
    assert len(sure(stays, feet, [1], min_shared="599s", strict=True).certainty) == 0
    both = [*stays, (1, "b", BASE + 2000, BASE + 2700), (2, "b", BASE + 2000, BASE + 2700)]
    assert sure(both, feet, [1]).certainty["expected_shared_s"].to_pylist() == pytest.approx([700])


def test_fourteen_nights_at_home_are_not_fourteen_draws():
    feet = two_cells()
    nights = [(d, "a", BASE + n * DAY, BASE + n * DAY + 7000) for d in (1, 2) for n in range(14)]
    for roaming, wanted in ((0.0, 0.5), (1.0, 0.5 + 0.5 * (1 - 0.5**14)), (0.1, 0.5 + 0.5 * (1 - 0.95**14))):
        how = cotrace.Certainty(roaming=roaming, spell="2h", blur="1s", calibrated=False)
        (p,) = sure(nights, feet, [1], how=how, end=BASE + 14 * DAY).certainty["probability"].to_pylist()
        assert p == pytest.approx(wanted, abs=1e-6)


def test_a_short_time_is_not_as_sure_as_a_long_one():
    feet = two_cells()
    stays = [(1, "b", BASE, BASE + 9000), (2, "b", BASE, BASE + 600), (3, "b", BASE, BASE + 3600)]
    how = cotrace.Certainty(blur="10min", calibrated=False)
    p = sure(stays, feet, [1], how=how).certainty["probability"].to_pylist()
    assert p == pytest.approx([1 - np.exp(-1), 1 - np.exp(-6)])


def test_blur_is_the_mean_time_between_pings():
    assert cotrace.Certainty().blur_s(7200, 12) == 600
    assert cotrace.Certainty().blur_s() == 900
    assert cotrace.Certainty(blur="5min").blur_s(7200, 12) == 300
    rows = [(d, BASE + 600 * k, "b") for d in (1, 2) for k in range(7)]
    options, rule = (
        cotrace.StayOptions(by="tower", fill="forward"),
        cotrace.CompanionRule(min_cumulative=None),
    )
    asked = {"as_of": at(BASE + DAY), "rule": rule, "options": options, "footprints": two_cells()}
    found = cotrace.find_companions(
        pings_of(rows), [1], certainty=cotrace.Certainty(calibrated=False), **asked
    )
    blur = 2 * 3600 / 14
    (p,) = found.certainty["probability"].to_pylist()
    assert p == pytest.approx(1 - np.exp(-3600 / round(blur)))
    assert "(514 s)" in repr(found.certainty)


def test_flapping_is_one_haunt_and_both_towers_tell():
    feet = find([one(x=700.0), one(tower="b", x=900.0)], "bayes")
    flaps = [(d, "ab"[k % 2], BASE + 300 * k, BASE + 300 * (k + 1)) for d in (1, 2) for k in range(6)]
    how = cotrace.Certainty(flap="10min", alike=0.1, calibrated=False)
    assert len(sure(flaps, feet, [1], how=how).certainty) == 1  # five minutes at a time, but never away
    apart = cotrace.Certainty(flap="1min", alike=0.1, calibrated=False)
    assert len(sure(flaps, feet, [1], how=apart).certainty) == 0
    rows = cotrace.weighted_stays(stays_of(flaps), feet, haunts=how).to_pandas()
    of_a, of_b = (rows[rows["tower"] == t].groupby("cell")["weight"].mean() for t in "ab")
    assert of_a.equals(of_b)  # both towers have their say wherever it is


# ---- against the oracle ----------------------------------------------------------------------------------------------


def compare(number: int) -> int:
    rng = random.Random(number)
    towers, population = made_towers(rng), made_population(rng)
    footprints = find(
        towers, rng.choice(["disc", "bayes"]), population=population_table(population), samples=2
    )
    feet = feet_of(footprints)
    stays = made_stays(rng, [*feet, "unknown"])
    flap, alike, spell = rng.choice([600, 3600]), rng.choice([0.0, 0.2, 0.9]), rng.choice([600, 7200])
    blur = rng.choice([1, 700])
    how = cotrace.Certainty(
        flap=f"{flap}s",
        alike=alike,
        spell=f"{spell}s",
        roaming=rng.choice([0.0, 0.3, 1.0]),
        blur=f"{blur}s",
        least=rng.choice([0.0, 0.3]),
        calibrated=False,
    )
    least, end, lookback = (
        rng.choice([1, 300, 600]),
        BASE + rng.choice([20_000, 200_000]),
        rng.choice([9000, 10**6]),
    )
    asked = rng.sample([3, 10, -5, 7], rng.randint(1, 3))
    options = {
        "flap": flap,
        "alike": alike,
        "spell": spell,
        "blur": blur,
        "roaming": how.roaming,
        "least": how.least,
    }
    cases = [(c, end - lookback, end) for c in asked]
    wanted = oracle.certainty(stays, feet, cases, least, options)
    rule = {"min_shared": f"{least}s", "lookback": f"{lookback}s", "threads": 1 + number % 2}
    got = sure(stays, footprints, asked, how=how, end=end, **rule).certainty.to_arrow().to_pylist()
    # what lies on the edge of being listed may fall to either side: rounding
    for row in wanted:
        assert abs(row["uncalibrated"] - how.least) > 1e-9 or how.least == 0
    assert [(r["case_id"], r["companion_id"]) for r in got] == [
        (r["case_id"], r["companion_id"]) for r in wanted
    ], number
    for mine, theirs in zip(got, wanted, strict=True):
        assert mine["as_of"] == at(end)
        assert [mine[k] for k in COUNTED] == [theirs[k] for k in COUNTED], number
        for name in ("uncalibrated", "expected_shared_s"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-9), (number, name)
        assert mine["probability"] == mine["uncalibrated"]
    return len(wanted)


@pytest.mark.parametrize("chunk", range(3))
def test_worlds_are_the_oracles(chunk):
    assert sum(compare(number) for number in range(chunk, WORLDS, 3)) > 40


def test_probability_is_the_share_of_drawn_worlds():
    """Draw cells for every haunt as the model says, and count how often two devices are in one."""
    feet = find([one(x=700.0), one(tower="b", x=1300.0), one(tower="c", x=2200.0)], "bayes", samples=4)
    stays = [
        (1, "a", BASE, BASE + 1200),
        (1, "c", BASE + 5000, BASE + 6000),
        (2, "b", BASE + 100, BASE + 1500),
        (2, "c", BASE + 5000, BASE + 9000),
    ]
    how = PLAIN
    (p,) = sure(stays, feet, [1], how=how).certainty["probability"].to_pylist()
    rng, foot = np.random.default_rng(1), feet_of(feet)
    n = 40_000
    drawn = {t: rng.choice(len(foot[t]), (2, n), p=list(foot[t].values())) for t in foot}
    names = {t: np.array([c * 100 + r for c, r in foot[t]]) for t in foot}
    cell = {(d, t): names[t][drawn[t][d]] for t in foot for d in (0, 1)}
    met = (cell[0, "a"] == cell[1, "b"]) | (cell[0, "c"] == cell[1, "c"])
    assert p == pytest.approx(met.mean(), abs=4 * np.sqrt(p * (1 - p) / n))


# ---- promises --------------------------------------------------------------------------------------------------------


def test_threads_order_and_company_change_nothing():
    rng = random.Random(3)
    footprints = find(made_towers(rng))
    names = footprints.towers.to_pylist()
    stays = [(d + 100 * k, *rest) for k in range(30) for d, *rest in made_stays(rng, names)]
    alone = sure(stays, footprints, [3]).certainty.to_arrow()
    both = sure(stays, footprints, [10, 3], threads=2).certainty.to_arrow()
    kept = both.filter([c == 3 for c in both["case_id"].to_pylist()])
    assert alone.num_rows > 5
    assert kept.equals(alone)


def test_from_pings_as_from_stays():
    rows = [(d, BASE + 600 * k, "ab"[(k // 3) % 2]) for d in (1, 2) for k in range(20)]
    feet = find([one(), one(tower="b", x=1100.0)])
    options = cotrace.StayOptions(by="tower", fill="forward")
    asked = {"as_of": at(BASE + DAY), "rule": cotrace.CompanionRule(min_cumulative=None)}
    how = {"certainty": True, "footprints": feet}
    direct = cotrace.find_companions(pings_of(rows), [1], options=options, **asked, **how)
    stays = cotrace.find_stays(pings_of(rows), options=options)
    assert direct.certainty.to_arrow().equals(
        cotrace.find_companions(stays, [1], **asked, **how).certainty.to_arrow()
    )
    assert direct.coverage["pings"].to_pylist() == [20]
    assert "Candidates from co-location" in repr(direct.certainty)
    assert "certainty" in direct.took


def test_empty_is_typed():
    feet = find([one()])
    for stays, cases in (
        ([], [1]),
        ([(1, "a", BASE, BASE + 900)], [1]),
        ([(1, "a", BASE, BASE + 900)], []),
        ([(1, "a", BASE, BASE + 900)], [2]),
    ):
        table = sure(stays, feet, cases).certainty
        assert len(table) == 0
        assert table.columns[:4] == ("case_id", "as_of", "companion_id", "probability")


def test_errors_say_what_and_the_mend():
    feet, stays = find([one()]), [(1, "a", BASE, BASE + 900)]
    with pytest.raises(cotrace.CotraceError, match="footprints= are missing"):
        sure(stays, None, [1], how=True)
    with pytest.raises(cotrace.CotraceError, match="footprints= are for certainty=True"):
        sure(stays, feet, [1], how=False)
    with pytest.raises(cotrace.CotraceError, match="is neither True"):
        sure(stays, feet, [1], how="yes")
    with pytest.raises(cotrace.CotraceError, match="one unbroken time"):
        sure(stays, feet, [1], shared="cumulative")
    with pytest.raises(cotrace.CotraceError, match="was not asked for"):
        _ = sure(stays, None, [1], how=False).certainty
    grid = cotrace.read_pings({"device": [1, 1], "time": [0, 60], "x": [0.0, 0.0], "y": [0.0, 0.0]}, unit="s")
    with pytest.raises(cotrace.CotraceError, match="for towers as cells"):
        cotrace.find_companions(grid, [1], as_of=at(DAY), certainty=True, footprints=feet)
    with pytest.raises(cotrace.CotraceError, match="in cells of the grid"):
        cotrace.weighted_stays(cotrace.find_stays(grid), feet)
    numbered = {"tower": [1], "x": [0.0], "y": [0.0], "radius_m": [9.0]}
    other = cotrace.find_footprints(numbered, cotrace.Grid.planar(800))
    with pytest.raises(cotrace.CotraceError, match="ids of one kind"):
        sure(stays, other, [1])


@pytest.mark.filterwarnings("default::cotrace.CotraceWarning")
def test_dwell_without_a_footprint_is_warned_of():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sure([(1, "a", BASE, BASE + 900), (2, "z", BASE, BASE + 900)], find([one()]), [1])
    texts = [str(w.message) for w in said]
    assert any("50.0% of all dwell" in t for t in texts)
