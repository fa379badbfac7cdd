"""What queries read of a store: the time, devices and cells that they name, and few rows of a made city."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely
from tests.exposure.towns import BASE, _joined
from tests.store_queries.stores import FakeStore, Read

import cotrace
from cotrace.cells import Cells
from cotrace.counts import Counts
from cotrace.view.maps import plot_stays

DAY = 86_400
MEETING = cotrace.CompanionRule(min_shared="2h", min_cumulative=None, lookback="1d")


@pytest.fixture(scope="module")
def city() -> cotrace.Stays:
    """Stays of a week: nights at home, days at work, and evenings anywhere, by ways that others take too."""
    rng = np.random.default_rng(1)
    plans = []
    for _ in range(1500):
        (home, near), work, plan = rng.integers(0, 1600, 2), rng.integers(0, 400), []
        for day in range(7):
            out, back, late = (day * DAY + int(rng.normal(h, 0.7) * 3600) for h in (8, 16.5, 21))
            way, bar = rng.integers(0, 60), rng.integers(0, 1600) if rng.random() < 0.4 else near
            legs = [(home, day * DAY, out), (way, out, out + 900), (work, out + 900, back)]
            plan += [*legs, (bar, back + 1200, late), (home, late + 600, (day + 1) * DAY)]
        plans.append(_joined([(int(c), a, b) for c, a, b in plan]))
    listed = [(device, *stay) for device, plan in enumerate(plans) for stay in plan]
    rows = np.array(listed, dtype=np.int32)
    grid = cotrace.Grid.planar(200)
    return cotrace.Stays(
        rows,
        pa.array(range(len(plans)), pa.int64()),
        Cells(pa.array([(c // 40 << 32) + c % 40 for c in range(1600)], pa.int64()), grid, None, "grid"),
        base=BASE,
        tz="UTC",
        options=cotrace.StayOptions(grid=grid, fill="same_cell"),
        counts=Counts(),
        span=(BASE, BASE + 7 * DAY - 1),
    )


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cotrace.CotraceWarning)
        yield


def at(stays: cotrace.Stays, day: float) -> datetime:
    assert stays.span is not None
    return datetime.fromtimestamp(stays.span[0] + int(day * DAY), UTC)


def read(store: FakeStore, ask: Any) -> list[Read]:
    """Ask, and return what was read for it."""
    ask(store)
    return store.asked


def named(one: Read) -> set[str]:
    """Say which of time, devices and cells were named."""
    asked = {"start": one.start, "end": one.end, "devices": one.devices, "cells": one.cells}
    return {name for name, value in asked.items() if value is not None}


TIME = {"start", "end"}
ONE = {"devices": 1}


def test_of_few_devices_only_theirs_is_read(city: cotrace.Stays) -> None:
    start, end, case = at(city, 2), at(city, 3), 17
    regions = {"west": shapely.box(0, 0, 3000, 6000), "east": shapely.box(3000, 0, 6000, 6000)}
    for ask, of_time in (
        (lambda s: cotrace.trajectory(s, case, start=start, end=end), TIME),
        (lambda s: cotrace.trajectory(s, case, end=end), {"end"}),
        (lambda s: cotrace.anchors(s, [case]), set()),
        (lambda s: cotrace.places(s, [case], as_of=end, lookback="1d"), TIME),
        (lambda s: cotrace.split_by_region(s, [case], regions), set()),
    ):
        (one,) = read(FakeStore(city), ask)
        assert named(one) == {"devices", *of_time}
        assert one.devices == 1
        assert one.rows < len(city) / 400


def test_of_places_only_their_cells_and_times_are_read(city: cotrace.Stays) -> None:
    place = shapely.box(1010, 1010, 1390, 1390)
    start, end = at(city, 2), at(city, 2.1)
    known, one = read(FakeStore(city), lambda s: cotrace.visitors(s, place, start, end))
    assert (known.devices, known.rows) == (0, 0)
    assert named(one) == {"cells", *TIME}
    assert one.cells == 4
    assert one.rows < len(city) / 1000


@pytest.mark.parametrize("lag", [None, "10min"])
def test_of_contacts_only_the_cases_cells_are_read(city: cotrace.Stays, lag: str | None) -> None:
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="1d", lag=lag)
    cases = {"device": [17], "as_of": [at(city, 5)], "isolated_at": [at(city, 4.5)]}
    nobody, mine, near = read(FakeStore(city), lambda s: cotrace.contacts(s, cases, rule=rule))
    assert nobody.rows == 0
    assert named(mine) == {"devices", *TIME}
    assert named(near) == {"cells", *TIME}
    assert near.start is not None
    assert near.end is not None
    assert near.end - near.start == (DAY if lag else DAY // 2)  # who comes later counts until as_of
    assert near.rows < len(city) / 50


def test_rings_read_hop_by_hop(city: cotrace.Stays) -> None:
    reads = read(FakeStore(city), lambda s: cotrace.rings(s, [17], as_of=at(city, 5), depth=3, rule=MEETING))
    assert [named(one) for one in reads[1:]] == [{"devices", *TIME}, {"cells", *TIME}] * 3
    assert sum(one.rows for one in reads) < len(city) / 50


def test_no_cell_is_read_twice(city: cotrace.Stays) -> None:
    reads = read(FakeStore(city), lambda s: cotrace.rings(s, [17], as_of=at(city, 5), depth=3, rule=MEETING))
    assert sum(one.cells or 0 for one in reads) <= len(city.cells.values)


def test_tiers_read_what_they_list_whole(city: cotrace.Stays) -> None:
    reads = read(FakeStore(city), lambda s: cotrace.tiers(s, [17], as_of=at(city, 5), rule=MEETING))
    *near, whole = reads
    assert all(named(one) > TIME for one in near)
    assert named(whole) == {"devices"}
    assert sum(one.rows for one in near) < len(city) / 100
    assert sum(one.rows for one in reads) < len(city) / 20


def test_zones_read_who_was_there_by_night(city: cotrace.Stays) -> None:
    reads = read(FakeStore(city), lambda s: cotrace.zones(s, [17], as_of=at(city, 5)))
    assert [named(one) for one in reads] == [{"devices"}, {"cells"}, {"devices", *TIME}, {"devices"}]
    assert sum(one.rows for one in reads) < len(city) / 5


def test_of_crowds_only_the_time_is_named(city: cotrace.Stays) -> None:
    start, end = at(city, 5), at(city, 5.1)
    (one,) = read(FakeStore(city), lambda s: list(cotrace.pairs(s, start=start, end=end)))
    assert named(one) == TIME
    assert one.rows < len(city) / 20
    pairs, given = [(17, 3)], {"start": at(city, 6), "end": at(city, 7), "draws": 9}
    every, two = read(FakeStore(city), lambda s: cotrace.significance(s, pairs, **given))
    assert (named(every), named(two)) == (TIME, {"devices"})
    cases = {"device": [17, 3], "onset": [at(city, 7)] * 2}
    every, few = read(
        FakeStore(city), lambda s: cotrace.common_sources(s, cases, incubation=("1d", "2d"), draws=9)
    )
    assert (named(every), named(few)) == (TIME, {"devices"})


def test_what_needs_everything_reads_it_once(city: cotrace.Stays) -> None:
    for ask in (cotrace.occupancy, cotrace.trajectory, cotrace.anchors):
        (one,) = read(FakeStore(city), ask)
        assert (named(one), one.rows) == (set(), len(city))


def test_a_read_says_which_query_it_is_for(city: cotrace.Stays) -> None:
    end = at(city, 1)
    for name in ("places", "contacts", "tiers", "rings", "zones"):
        ask = getattr(cotrace, name)
        rule = {"rule": MEETING} if name in ("contacts", "tiers", "rings") else {}
        assert {one.what for one in read(FakeStore(city), lambda s: ask(s, [17], as_of=end, **rule))} == {  # noqa: B023
            name
        }


def test_of_one_device_its_picture_is_drawn(city: cotrace.Stays) -> None:
    store = FakeStore(city)
    drawn, wanted = (plot_stays(source, 17).get_title() for source in (store, city))
    assert drawn == wanted
    (one,) = store.asked
    assert (named(one), one.devices) == ({"devices"}, 1)
