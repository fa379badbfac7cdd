"""Real exposure events, all of New Zealand's of half a year, held against a made population.

The events are published ones (tests/data/nz-locations-of-interest), the devices are made up.
"""

from __future__ import annotations

import csv
import gzip
import math
import random
import warnings
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.properties.through import rows_of

import cotrace

FILE = Path(__file__).parents[1] / "data" / "nz-locations-of-interest" / "nz_loi_union.csv.gz"
ZONE = ZoneInfo("Pacific/Auckland")
COLUMNS = {"name": "id", "started_at": "start_local", "finished_at": "end_local"}
DEVICES = 400


def events() -> list[dict[str, str]]:
    with gzip.open(FILE, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp())


def usable(event: dict[str, str]) -> bool:
    return bool(event["lat"] and event["lon"] and event["start_local"] and event["end_local"])


def population(rows: list[dict[str, str]]) -> list[tuple[int, int, float, float]]:
    """Make devices that go from event to event, some of them too late or to the house next door."""
    rng = random.Random(20220222)
    pings = []
    for device in range(DEVICES):
        visited = sorted(rng.sample(rows, 40), key=lambda row: row["start_local"])
        for event in visited:
            start = unix(event["start_local"]) + rng.randint(-7200, 3600)
            lon, lat = float(event["lon"]), float(event["lat"])
            if rng.random() < 0.3:
                lat += rng.uniform(-0.01, 0.01)
            step = rng.choice([120, 600, 1800])
            pings += [(device, start + k * step, lon, lat) for k in range(rng.randint(2, 6))]
    return pings


@pytest.fixture(scope="module")
def world() -> Any:
    rows = [row for row in events() if usable(row)]
    pings = population(rows)
    columns = dict(zip(("device", "time", "lon", "lat"), map(list, zip(*pings, strict=True)), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.find_stays(cotrace.read_pings(columns, unit="s"))


def test_every_event_is_used_or_counted(world):
    rows = events()
    with pytest.warns(cotrace.CotraceWarning) as said:
        found = cotrace.visitors(world, str(FILE), columns=COLUMNS, tz="Pacific/Auckland")
    assert len(rows) == 4113
    assert sum(map(usable, rows)) == 3821
    turned = [
        k for k, row in enumerate(rows) if usable(row) and unix(row["end_local"]) < unix(row["start_local"])
    ]
    assert len(turned) == 1
    refused = rows_of_arrow(found.refused)
    assert len(refused) == 4113 - 3820
    assert [r["row"] for r in refused if r["reason"] == "ends before it starts"] == turned
    assert {r["reason"] for r in refused} == {"ends before it starts", "no time", "no position"}
    kinds = {w.message.kind: w.message.figures for w in said}
    assert kinds["resolution"]["places"] == 3820  # points in cells of 800 m
    assert sum(kinds["refused"]["refused"].values()) == 293


def rows_of_arrow(table: Any) -> list[dict[str, Any]]:
    return list(table.to_pylist())


def test_visitors_are_those_that_a_walk_through_all_pairs_finds(world):
    rows = [row for row in events() if usable(row) and unix(row["end_local"]) > unix(row["start_local"])]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cotrace.visitors(world, str(FILE), columns=COLUMNS, tz="Pacific/Auckland")
    stays: dict[int, list[tuple[int, int, int]]] = {}
    for stay in rows_of(world):
        stays.setdefault(stay["cell"], []).append((stay["device"], stay["started_at"], stay["finished_at"]))
    grid = cotrace.Grid.geographic(800)
    wanted = []
    for number, event in enumerate(rows):
        start, end = unix(event["start_local"]), unix(event["end_local"])
        dwell: dict[int, int] = {}
        cell = grid.cell(lon=float(event["lon"]), lat=float(event["lat"]))
        for device, a, b in stays.get(cell, []):
            inside = min(b, end) - max(a, start)
            if inside > 0:
                dwell[device] = dwell.get(device, 0) + inside
        wanted += [(number, event["id"], device, dwell[device]) for device in sorted(dwell)]
    got = [(r["request"], r["name"], r["device"], r["dwell_s"]) for r in rows_of(found)]
    assert got == wanted
    assert len(got) > 5_000  # the population meets enough of them to tell
    assert math.isclose(sum(r["certainty"] for r in rows_of(found)), 0.0)


def test_local_times_are_by_the_clock_of_auckland():
    # on 26 September 2021 New Zealand's clocks went on by an hour: from noon to noon it is 47 h, not 48
    first, last = unix("2021-09-25 12:00:00"), unix("2021-09-27 12:00:00")
    assert last - first == 47 * 3600
    pings = {"device": [1, 1], "time": [last, last + 600], "lon": [174.7] * 2, "lat": [-36.9] * 2}
    stays = cotrace.find_stays(cotrace.read_pings(pings, unit="s"))
    noon = {"start": ["2021-09-27 12:00"], "end": ["2021-09-27 12:05"], "lon": [174.7], "lat": [-36.9]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = cotrace.visitors(stays, noon, tz="Pacific/Auckland")
    assert [(r["asked_from"], r["dwell_s"]) for r in rows_of(found)] == [(last, 300)]
