"""True stays, meetings and episodes: as the naive version has them, and as the library finds them in the stays."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from tests import naive_synth_city as naive
from tests.synth.towns import as_dict, busy, town

import cotrace
from cotrace.grid import Grid


def paths(city, people):
    plain = as_dict(city)
    return {p: [leg for day in range(city.days) for leg in naive.legs(plain, p, day)] for p in people}


@pytest.mark.parametrize("seed", range(4))
def test_stays_are_those_of_the_naive_version(seed):
    city = town(seed, population=12, area_km2=30.0, days=1, habits=busy(seed))
    grid = Grid.planar((800.0, 333.3, 1_700.0, 90.0)[seed], origin=(seed * 137.0, -55.5))
    people = [1, 4, 7]
    found = city.stays(people, grid=grid).to_pandas()
    col, row = grid.unpack(found["cell"].to_numpy())
    second = [(found[c] - city.start).dt.total_seconds().astype(int) for c in ("started_at", "finished_at")]
    made = list(zip(found["device"], zip(col, row, strict=True), *second, strict=True))
    expected = [
        (p, *stay)
        for p, path in paths(city, people).items()
        for stay in naive.stays(path, range(86_400), grid.cell_m, grid.origin)
    ]
    assert made == expected


@pytest.mark.parametrize("seed", range(5))
def test_meetings_are_those_of_the_naive_version(seed):
    city = town(seed, population=60, area_km2=1.5, days=3, habits=busy(seed))
    visits = {p: naive.visits(path) for p, path in paths(city, range(60)).items()}
    within = (30_000, 200_000)
    start, end = (city.start + timedelta(seconds=s) for s in within)
    found = city.meetings([3, 17, 3, 40], min_shared="5min", start=start, end=end).to_pandas()
    second = [(found[c] - city.start).dt.total_seconds().astype(int) for c in ("started_at", "finished_at")]
    made = list(zip(found["a"], found["b"], found["venue"], *second, strict=True))
    assert made == naive.together(visits, [3, 17, 40], 300, within)
    assert (found["shared_s"] == second[1] - second[0]).all()
    names = np.array(["home", "work", "school", "shop", "restaurant", "leisure"])
    assert (found["setting"] == names[city.venue_kind[found["venue"]]]).all()
    assert len(found) > 3


@pytest.mark.parametrize("seed", range(3))
def test_episodes_are_those_that_the_library_finds_in_true_stays(seed):
    city = town(seed, population=80, area_km2=6.0, days=3)
    grid = Grid.planar(500, origin=(100.0, 20.0))
    asked = [2, 50]
    made = city.shared_cells(asked, grid=grid, min_shared="20min").to_pandas()
    rule = cotrace.CompanionRule(min_shared="20min", min_cumulative=None, lookback="3d")
    stays = city.stays(grid=grid)
    found = cotrace.find_companions(stays, asked, as_of=city.start + timedelta(days=3), rule=rule)
    same = found.evidence.to_pandas().rename(columns={"case_id": "a", "companion_id": "b"})
    names = ["a", "b", "cell", "cell_col", "cell_row", "started_at", "finished_at", "shared_s"]
    by = ["a", "b", "started_at"]
    assert (made[names].to_numpy() == same[names].sort_values(by).to_numpy()).all()
    assert len(made) > 10


def test_stays_cover_every_second_of_everybody():
    city = town(4, population=50, area_km2=30.0, days=4)
    stays = city.stays()
    device, _, start, end = stays.rows.T
    dwell = np.bincount(device, end - start, 50)
    assert (dwell == 4 * 86_400).all()
    same = device[1:] == device[:-1]
    assert (end[:-1][same] == start[1:][same]).all()
    trip = cotrace.trajectory(stays, 7)
    assert set(trip["kind"].to_pylist()) == {"stay"}


def test_positions_lie_in_the_cells_of_the_stays():
    city = town(2, population=30, area_km2=10.0, days=2)
    rng = np.random.default_rng(1)
    device, second = rng.integers(0, 30, 300), rng.integers(0, 2 * 86_400, 300)
    x, y = city.positions(device, second)
    cell = Grid.planar(800).cell(x=x, y=y)
    stays = city.stays()
    known = np.array(stays.cells.values)
    for d, t, c in zip(device, second, cell, strict=True):
        here = stays.rows[(stays.rows[:, 0] == d) & (stays.rows[:, 2] <= t) & (t < stays.rows[:, 3])]
        assert known[here[:, 1]].tolist() == [c]


def test_nothing_depends_on_threads(monkeypatch):
    from cotrace.synth import truth

    monkeypatch.setattr(truth, "BLOCK", 7)
    city = town(2, population=60, days=2)
    one, three = (city.stays(threads=n).to_arrow() for n in (1, 3))
    assert one.equals(three)
    monkeypatch.undo()
    assert one.equals(city.stays().to_arrow())
    assert city.meetings([5], threads=1).to_arrow().equals(city.meetings([5], threads=3).to_arrow())


def test_what_cannot_be_asked_is_refused():
    city = town(1)
    with pytest.raises(cotrace.CotraceError, match=r"use Grid.planar\(800\)"):
        city.stays(grid=Grid.geographic(800))
    with pytest.raises(cotrace.CotraceError, match="too many"):
        city.stays(grid=Grid.planar(0.01))
    with pytest.raises(cotrace.CotraceError, match="no time zone"):
        city.meetings([1], start=city.start.replace(tzinfo=None))
    with pytest.raises(cotrace.CotraceError, match="is after"):
        city.meetings([1], start=city.start + timedelta(days=2), end=city.start)
    with pytest.raises(cotrace.CotraceError, match="seconds: the city has"):
        city.positions([0], [8 * 86_400])
