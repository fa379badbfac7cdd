"""The paths of a made city: as the naive version has them, and without a gap."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import numpy as np
import pytest
from tests import naive_synth_city as naive
from tests.synth.towns import as_dict, busy, rows, town

import cotrace
from cotrace import synth
from cotrace.synth.building import (
    HOUSEHOLDS,
    PER_BUILDING,
    ROLE_SHARES,
    SCHOOL_REACH_M,
    WORK_REACH_M,
)


@pytest.mark.parametrize("seed", range(12))
def test_legs_are_those_of_the_naive_version(seed):
    city = town(seed, population=24, area_km2=(0.3, 3.0, 40.0)[seed % 3], habits=busy(seed))
    plain = as_dict(city)
    for day in range(city.days):
        made = rows(city.legs(0, city.n_devices, day))
        for person, path in enumerate(made):
            assert path == naive.legs(plain, person, day), (person, day)


def test_every_kind_of_day_is_among_those_that_are_compared():
    seen = set()
    for seed in range(12):
        city = town(seed, population=24, area_km2=(0.3, 3.0, 40.0)[seed % 3], habits=busy(seed))
        for day in range(city.days):
            legs = city.legs(0, city.n_devices, day)
            first = legs.venue[legs.offset[:-1]]
            seen |= {("midnight", int(k)) for k in city.venue_kind[first]}
            seen |= {("visit", int(k)) for k in city.venue_kind[legs.venue[legs.mode == 0]]}
            seen |= {("mode", int(m)) for m in legs.mode}
        seen |= {("role", int(r)) for r in city.role}
    assert seen >= {("midnight", k) for k in (0, 1, 5)}, "home, a night shift, out late"
    assert seen >= {("visit", k) for k in range(6)}
    assert seen >= {("mode", m) for m in range(3)} | {("role", r) for r in range(5)}


@pytest.mark.parametrize("seed", range(3))
def test_people_are_those_of_the_naive_version(seed):
    city = town(seed, population=200)
    assert city.home.tolist() == naive.households(seed, HOUSEHOLDS, 200)
    assert city.role.tolist() == naive.roles(seed, np.cumsum(ROLE_SHARES).tolist(), 200)


@pytest.mark.parametrize("seed", range(3))
def test_venues_are_where_the_naive_version_has_them(seed):
    city = town(seed, population=300, area_km2=(1.0, 30.0, 500.0)[seed])
    built, made = city.built, []
    for kind, lo in enumerate(built.lo):
        of_kind = np.diff(lo).tolist(), PER_BUILDING[kind], built.side, built.block_m
        made += naive.venue_places(seed, kind, *of_kind)
    assert list(zip(city.venue_x.tolist(), city.venue_y.tolist(), strict=True)) == made


@pytest.mark.parametrize("seed", range(3))
def test_everybody_works_and_learns_where_the_naive_version_says(seed):
    city = town(seed, population=50, area_km2=(1.0, 30.0, 500.0)[seed])
    built = city.built
    blocks = [np.diff(lo).tolist() for lo in built.lo]
    home_block = np.repeat(np.arange(built.side**2), blocks[0])[city.home]
    for person, role in enumerate(city.role):
        if role == 0:
            assert city.place[person] == -1
            continue
        kind, number, metres = (2, 31, SCHOOL_REACH_M) if role == 2 else (1, 30, WORK_REACH_M)
        of_kind = blocks[kind], built.side, built.block_m, metres, kind == 1
        found = naive.place(seed, number, person, int(home_block[person]), *of_kind)
        assert city.place[person] == built.lo[kind, 0] + found


@pytest.mark.parametrize("seed", range(4))
def test_every_second_of_everybody_is_somewhere(seed):
    city = town(seed, population=150, area_km2=20.0, habits=busy(seed))
    before = None
    for day in range(city.days):
        legs = city.legs(0, city.n_devices, day)
        first, last = legs.offset[:-1], legs.offset[1:] - 1
        inside = np.delete(np.arange(1, len(legs)), first[1:] - 1)
        assert (legs.t1 > legs.t0).all()
        assert (legs.t0[first] == day * 86_400).all()
        assert (legs.t1[last] == (day + 1) * 86_400).all()
        for a, b in (("t1", "t0"), ("x1", "x0"), ("y1", "y0")):
            ends, starts = getattr(legs, a), getattr(legs, b)
            assert (ends[inside - 1] == starts[inside]).all(), f"a gap in {b} within a day"
            if before is not None and a != "t1":
                assert (before[a] == starts[first]).all(), f"a gap in {b} over midnight"
        before = {a: getattr(legs, a)[last] for a in ("x1", "y1")}
        visit = legs.mode == 0
        assert ((legs.venue >= 0) == visit).all()
        assert (legs.x0[visit] == city.venue_x[legs.venue[visit]]).all()
        assert (legs.x0[visit] == legs.x1[visit]).all()
        for where in (legs.x0, legs.y0):
            assert where.min() >= 0.0
            assert where.max() < city.side_m


def test_the_same_seed_gives_the_same_bytes_in_any_piece():
    whole = town(5, population=100).legs(0, 100, 3)
    again = town(5, population=100)
    parts = [again.legs(0, 1, 3), again.legs_of([99, 98], 3), again.legs(40, 90, 3)]
    devices = whole.device()
    for part in parts:
        for k, device in enumerate(part.devices):
            mine, theirs = slice(part.offset[k], part.offset[k + 1]), devices == device
            for name in ("t0", "t1", "x0", "y0", "x1", "y1", "venue", "mode"):
                assert (getattr(part, name)[mine] == getattr(whole, name)[theirs]).all()
    assert rows(town(6, population=100).legs(0, 100, 3)) != rows(whole)


def test_a_longer_stretch_of_days_begins_with_the_shorter_one():
    short, long = town(5, days=2), town(5, days=9)
    assert rows(short.legs(0, 60, 1)) == rows(long.legs(0, 60, 1))


def test_a_city_without_people_has_empty_tables():
    city = town(1, population=0)
    legs = city.legs(0, 0, 0)
    assert len(legs) == 0
    assert legs.offset.tolist() == [0]
    assert len(city.stays()) == 0
    assert len(city.meetings([])) == len(city.shared_cells([])) == 0
    assert city.meetings([]).to_arrow().schema.field("venue").type == "int64"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"preset": "beijing"}, "shanghai, xian, chongqing"),
        ({}, "give area_km2= and population="),
        ({"preset": "xian", "scale": 0.0}, "scale=0.0"),
        ({"preset": "xian", "seed": -1}, "seed=-1"),
        ({"preset": "xian", "days": 0}, "days=0"),
        ({"preset": "xian", "sigma": 9.0}, "sigma=9.0"),
        ({"area_km2": 0.0, "population": 5}, "area_km2=0.0"),
        ({"area_km2": 1.0, "population": -5}, "population=-5"),
    ],
)
def test_what_cannot_be_is_refused(given, says):
    with pytest.raises(cotrace.CotraceError, match=says):
        synth.city(**{"seed": 1, **given})


@pytest.mark.parametrize(
    "given",
    [
        {"lunch": 1.5},
        {"shops": 0.9, "leisure": 0.5},
        {"walk_speed": 0.0},
        {"shop_min": (0.0, 5.0)},
        {"leisure_min": (5.0, 900.0)},
    ],
)
def test_habits_that_no_day_can_carry_are_refused(given):
    with pytest.raises(cotrace.CotraceError, match=next(iter(given))):
        synth.Habits(**given)


def test_devices_and_days_that_are_not_there_are_refused():
    city = town(1)
    with pytest.raises(cotrace.CotraceError, match=r"1 of 3 devices are none of the city's 60 .* position 2"):
        city.legs_of([1, 2, 60], 0)
    with pytest.raises(cotrace.CotraceError, match="the city has the days 0 to 7"):
        city.legs(0, 1, 8)


def test_no_module_hides_a_function_of_its_name():
    for module in pkgutil.iter_modules(synth.__path__):
        importlib.import_module(f"cotrace.synth.{module.name}")
        assert module.name not in synth.__all__
    for name in synth.__all__:
        assert not isinstance(getattr(synth, name), ModuleType)
    assert dir(synth) == sorted(synth.__all__)
    with pytest.raises(AttributeError, match="no attribute 'village'"):
        _ = synth.village
