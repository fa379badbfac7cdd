"""Trajectories, anchors and places: held to the oracle on made worlds, and by hand."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests import naive_exposure_trajectory as oracle
from tests.exposure.worlds_of_stays import Making, plain_stays, small_world, stays_of
from tests.properties.through import rows_of

import cotrace

WORLDS = 150


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def world(number: int, **keywords: Any) -> Any:
    rng = random.Random(f"trajectory {number}")
    rows, making = small_world(rng, by_tower=number % 5 == 0, **keywords)
    return rng, stays_of(rows, making), plain_stays(rows, making), sorted({r[0] for r in rows})


@pytest.mark.parametrize("chunk", range(3))
def test_trajectories_are_the_oracles(chunk):
    for number in range(chunk, WORLDS, 3):
        rng, stays, plain, ids = world(number)
        times = sorted({t for _, _, a, b in plain for t in (a - 7, a, (a + b) // 2, b, b + 9)}) or [0, 1]
        start, end = rng.choice([None, rng.choice(times[:-1])]), None
        if rng.random() < 0.5:
            end = rng.choice([t for t in times if start is None or t > start])
        asked = rng.sample(ids, rng.randint(1, len(ids)))
        given = {k: at(v) for k, v in (("start", start), ("end", end)) if v is not None}
        got = rows_of(cotrace.trajectory(stays, asked, **given))
        wanted = oracle.trajectory(plain, asked, start, end)
        assert [{k: row[k] for k in wanted[0]} for row in got] == wanted if wanted else got == [], number
        for device in asked:
            spent = sum(r["duration_s"] - r["overlap_s"] for r in got if r["device"] == device)
            if start is not None and end is not None:
                assert spent == end - start  # dwell and gaps add up to the time asked


def test_all_devices_are_those_of_the_stays():
    _, stays, _, ids = world(3)
    assert rows_of(cotrace.trajectory(stays)) == rows_of(cotrace.trajectory(stays, ids[::-1]))
    assert {r["source"] for r in rows_of(cotrace.trajectory(stays))} <= {"pings", None}


def test_the_order_of_pings_does_not_matter():
    rows, making = small_world(random.Random(5))
    shuffled = random.Random(6).sample(rows, len(rows))
    one, two = (cotrace.trajectory(stays_of(r, making)) for r in (rows, shuffled))
    assert one.to_arrow().equals(two.to_arrow())


def test_a_device_never_seen_is_one_gap_and_warned_of():
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 60, 1.0, 1.0)], Making())
    with pytest.warns(cotrace.CotraceWarning, match="1 of 2 devices were never seen"):
        found = rows_of(cotrace.trajectory(stays, [1, 2], start=at(0), end=at(100)))
    assert [(r["device"], r["kind"], r["duration_s"]) for r in found] == [
        (1, "stay", 60),
        (1, "gap", 40),
        (2, "gap", 100),
    ]
    with pytest.warns(cotrace.CotraceWarning):
        assert len(cotrace.trajectory(stays, 2)) == 0


def test_what_cannot_be_asked():
    stays = stays_of([("a", 0, 1.0, 1.0), ("a", 60, 1.0, 1.0)], Making())
    with pytest.raises(cotrace.CotraceError, match="no time zone"):
        cotrace.trajectory(stays, "a", start=datetime(2020, 1, 1))
    with pytest.raises(cotrace.CotraceError, match="not after start"):
        cotrace.trajectory(stays, "a", start=at(5), end=at(5))
    with pytest.raises(cotrace.CotraceError, match="row 0"):
        cotrace.trajectory(stays, 1.5)
    with pytest.raises(TypeError, match="not Stays"):
        cotrace.trajectory([], "a")  # type: ignore[arg-type]
    with pytest.raises(cotrace.CotraceError, match="no pair of hours"):
        cotrace.anchors(stays, night=("22", "x"))
    with pytest.raises(cotrace.CotraceError, match="one time"):
        cotrace.anchors(stays, night=("22:00", "22:00"))
    with pytest.raises(cotrace.CotraceError, match="Monday"):
        cotrace.anchors(stays, working_days=(7,))


def test_empty_stays_give_empty_tables():
    stays = stays_of([], Making())
    for table in (cotrace.trajectory(stays), cotrace.anchors(stays)):
        assert table.to_arrow().num_rows == 0
        assert table.to_arrow().schema.equals(type(table)(table.schema, table.to_arrow()).to_arrow().schema)
    with pytest.warns(cotrace.CotraceWarning, match="never seen"):
        assert len(cotrace.places(stays, [7], as_of=at(1000))) == 0


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/Chicago"])
def test_anchors_are_the_oracles(zone):
    for number in range(40):
        rng = random.Random(f"anchors {zone} {number}")
        rows, making = small_world(rng, long=True)
        stays, plain = stays_of(rows, making, zone), plain_stays(rows, making)
        night, working = rng.choice([("22:00", "06:00"), ("00:00", "05:30")]), ("09:00", "17:00")
        got = rows_of(cotrace.anchors(stays, night=night, working=working))
        low, high = min((s[2] for s in plain), default=0), max((s[3] for s in plain), default=0)
        wanted = []
        for kind, clock, days in (("home", night, tuple(range(7))), ("work", working, tuple(range(5)))):
            hours = oracle.hours(low, high, ZoneInfo(zone), clock, days)
            found = oracle.most_dwell(plain, hours)
            wanted += [
                (device, kind, *found[device], found[device][1] / found[device][2]) for device in found
            ]
        keys = ("device", "kind", "cell", "dwell_s", "observed_s", "share")
        assert [tuple(r[k] for k in keys) for r in got] == sorted(wanted), number


def test_anchors_of_some_devices_are_those_of_all():
    rows, making = small_world(random.Random(11), long=True)
    stays = stays_of(rows, making)
    ids = sorted({r[0] for r in rows})
    every = rows_of(cotrace.anchors(stays))
    assert rows_of(cotrace.anchors(stays, ids[:1])) == [r for r in every if r["device"] == ids[0]]


def test_places_are_the_oracles():
    for number in range(WORLDS):
        rng, stays, plain, ids = world(number)
        low, high = min((s[2] for s in plain), default=0), max((s[3] for s in plain), default=60)
        least = rng.choice([0, 60, 600])
        cases = {
            "device": [ids[0], ids[-1]],
            "as_of": [at(high), at((low + high) // 2)],
            "infectious_from": [at((low + high) // 3), None],
            "isolated_at": [None, at((low + 2 * high) // 3)],
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            got = rows_of(cotrace.places(stays, cases, lookback="1d", min_dwell=f"{least}s"))
        wanted = []
        for device, as_of, infectious, isolated in zip(*cases.values(), strict=True):
            close = int(as_of.timestamp())
            begin = max(close - 86_400, int(infectious.timestamp()) if infectious else close - 86_400)
            end = min(close, int(isolated.timestamp()) if isolated else close)
            found = oracle.places(plain, device, begin, end, least)
            wanted += [(device, close, *row) for row in found]
        keys = ("case_id", "as_of", "cell", "started_at", "finished_at")
        assert [tuple(r[k] for k in keys) for r in got] == sorted(
            wanted, key=lambda r: (r[0], r[1], r[3], r[2])
        )
