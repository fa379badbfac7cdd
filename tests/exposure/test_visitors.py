"""Who was at a place: held to the oracle on made worlds, on every form of a place, and by hand."""

from __future__ import annotations

import json
import random
import warnings
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import shapely
from tests import naive
from tests import naive_exposure_visitors as oracle
from tests.exposure.worlds_of_stays import CELL_M, Making, plain_stays, small_world, stays_of
from tests.properties.through import arrow_pings, rows_of

import cotrace

KEYS = ("device", "dwell_s", "n_stays", "first_started_at", "last_finished_at")


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def quiet(*args: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.visitors(*args, **keywords)


def asked_of(rng: random.Random, plain: list[Any]) -> tuple[int, int]:
    times = sorted({t for s in plain for t in s[2:]}) or [0, 1]
    start = rng.choice(times) + rng.choice([-5, 0, 3])
    return start, start + rng.choice([1, 30, 600, 9000])


def box_of(rng: random.Random) -> tuple[float, float, float, float]:
    x, y = (rng.choice([-50.0, 0.0, 5.0, 400.0, 799.5, 800.0]) for _ in range(2))
    return x, y, x + rng.choice([1.0, 300.0, 800.0, 1500.0]), y + rng.choice([2.0, 795.0, 800.0, 2000.0])


@pytest.mark.parametrize("chunk", range(3))
def test_visitors_of_boxes_are_the_oracles(chunk):
    for number in range(chunk, 180, 3):
        rng = random.Random(f"visitors {number}")
        rows, making = small_world(rng)
        stays, plain = stays_of(rows, making), plain_stays(rows, making)
        seen = naive.tracks(rows, making).seen
        box, asked, least = box_of(rng), asked_of(rng, plain), rng.choice([0, 0, 60])
        shares = oracle.cells_of_box(box, CELL_M, {s[1] for s in plain})
        wanted = oracle.visitors(plain, seen, shares, asked, least, making.fill)
        keywords = {"min_dwell": f"{least}s"} if least else {}
        pings = quiet_pings(rows)
        found = quiet(stays, shapely.box(*box), *map(at, asked), **keywords)
        sure = quiet(stays, shapely.box(*box), *map(at, asked), pings=pings, **keywords)
        got = rows_of(sure)
        assert [tuple(r[k] for k in (*KEYS, "observed")) for r in got] == [
            tuple(r[k] for k in (*KEYS, "observed")) for r in wanted
        ], number
        assert [r["certainty"] for r in got] == pytest.approx([r["certainty"] for r in wanted], abs=1e-9)
        for one, two in zip(rows_of(found), wanted, strict=True):
            assert one["observed"] in (None, two["observed"])  # stays alone may not tell, and are never wrong
        spent = sum(r["duration_s"] for r in rows_of(found.evidence))
        assert spent == sum(r["dwell_s"] for r in rows_of(found))


def quiet_pings(rows: list[Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.read_pings(arrow_pings(rows, len(rows[0]) == 3, "instant"))


def test_many_at_once_are_each_by_itself():
    for number in range(40):
        rng = random.Random(f"many {number}")
        rows, making = small_world(rng)
        stays, plain = stays_of(rows, making), plain_stays(rows, making)
        boxes = [box_of(rng) for _ in range(rng.randint(1, 30))]
        times = [asked_of(rng, plain) for _ in boxes]
        table = {
            "place": [shapely.box(*b) for b in boxes],
            "start": [at(a) for a, _ in times],
            "end": [at(b) for _, b in times],
            "name": [f"n{k}" for k in range(len(boxes))],
        }
        together = rows_of(quiet(stays, table))
        apart = []
        for k, (box, (a, b)) in enumerate(zip(boxes, times, strict=True)):
            one = rows_of(quiet(stays, shapely.box(*box), at(a), at(b)))
            apart += [{**r, "request": k, "name": f"n{k}"} for r in one]
        assert together == apart, number


def two() -> cotrace.Stays:
    return stays_of(
        [(1, 0, 5.0, 5.0), (1, 600, 5.0, 5.0), (2, 0, 805.0, 5.0), (2, 120, 805.0, 5.0)], Making()
    )


@pytest.mark.parametrize(
    "place",
    [
        0,
        np.int64(0),
        [0],
        np.array([0, 7 << 32]),
        shapely.box(1, 1, 9, 9),
        shapely.Point(5, 5),
        shapely.LineString([(1, 1), (700, 700)]),
        {"type": "Point", "coordinates": [5, 5]},
        json.dumps(
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [5, 5]}, "properties": {}}
        ),
    ],
)
def test_every_form_of_one_place(place):
    found = quiet(two(), place, at(0), at(1000))
    assert rows_of(found)[0]["device"] == 1
    assert len(found) == 1


def test_every_form_of_a_table_of_places():
    start, end = at(0), at(1000)
    forms = [
        {"cell": [0, 1 << 32], "start": [start] * 2, "end": [end] * 2},
        pd.DataFrame(
            {"x": [5.0, 805.0], "y": [5.0, 5.0], "started_at": [start] * 2, "finished_at": [end] * 2}
        ),
        pl.DataFrame({"geometry": ["POINT (5 5)", "POINT (805 5)"], "start": [start] * 2, "end": [end] * 2}),
        pa.table(
            {
                "place": pa.array([shapely.Point(x, 5).wkb for x in (5, 805)]),
                "start": [start] * 2,
                "end": [end] * 2,
            }
        ),
        pd.DataFrame({"geometry": [shapely.Point(5, 5), shapely.Point(805, 5)]}),
        {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"name": n},
                    "geometry": {"type": "Point", "coordinates": [x, 5]},
                }
                for n, x in (("a", 5), ("b", 805))
            ],
        },
        [shapely.Point(5, 5), shapely.Point(805, 5)],
    ]
    for form in forms:
        has_times = hasattr(form, "columns") or (isinstance(form, dict) and "start" in form)
        own = has_times and any(str(c).startswith("start") for c in getattr(form, "columns", form))
        if isinstance(form, pa.Table):
            own = True
        found = rows_of(quiet(two(), form) if own else quiet(two(), form, start, end))
        assert [(r["request"], r["device"]) for r in found] == [(0, 1), (1, 2)], type(form)


def test_towers_and_places_of_visits_by_name():
    rows = [("a", 0, "p"), ("a", 60, "p"), ("b", 0, "q"), ("b", 60, "q")]
    stays = stays_of(rows, Making(cell_m=None, fill="forward"))
    assert quiet(stays, "p", at(0), at(60))["device"].to_pylist() == ["a"]
    assert quiet(stays, ["p", "q", "r"], at(0), at(60))["device"].to_pylist() == ["a", "b"]
    assert quiet(stays, {"tower": ["q"], "start": [0], "end": [60]}, unit="s")["device"].to_pylist() == ["b"]
    hall = cotrace.read_visits({"device": [2], "place": ["hall"], "start": [500], "end": [800]}, unit="s")
    with_hall = cotrace.with_visits(two(), hall)
    found = rows_of(quiet(with_hall, "hall", at(0), at(1000)))
    assert [(r["device"], r["dwell_s"], r["observed"], r["source"]) for r in found] == [
        (2, 300, False, "elsewhere")
    ]


def test_towers_within_a_polygon_by_their_radius():
    table = {"device": ["a", "a", "b", "b"], "time": [0, 60, 0, 60], "tower": ["p", "p", "q", "q"]}
    towers = {"tower": ["p", "q"], "lon": [104.0, 104.02], "lat": [30.0, 30.0], "radius_m": [500.0, None]}
    pings = cotrace.read_pings(table, towers=towers, unit="s")
    options = cotrace.StayOptions(by="tower", fill="forward")
    stays = cotrace.find_stays(pings, options=options)
    half = rows_of(quiet(stays, shapely.box(104.0, 29.0, 105.0, 31.0), at(0), at(60)))
    assert [r["device"] for r in half] == ["a", "b"]
    assert half[0]["certainty"] == pytest.approx(0.5, abs=1e-6)
    assert half[1]["certainty"] is None
    assert (
        len(quiet(stays, shapely.box(104.0045, 29.0, 104.01, 31.0), at(0), at(60))) == 1
    )  # within 500 m of p


@pytest.mark.parametrize(
    "grid", [cotrace.Grid.geographic(800), cotrace.Grid.projected(800, crs="EPSG:32648")]
)
def test_a_cells_own_outline_meets_that_cell_alone(grid):
    rng = np.random.default_rng(4)
    lon, lat = 104.0 + rng.random(300) * 0.05, 30.6 + rng.random(300) * 0.05
    ids = np.repeat(np.arange(300), 2)
    pings = cotrace.read_pings(
        {"device": ids, "time": np.tile([0, 60], 300), "lon": np.repeat(lon, 2), "lat": np.repeat(lat, 2)},
        unit="s",
    )
    stays = cotrace.find_stays(pings, options=cotrace.StayOptions(grid=grid))
    cells = grid.cell(lon=lon, lat=lat)
    for cell in np.unique(cells)[::7]:
        found = quiet(stays, grid.polygon(int(cell)), at(0), at(60))
        assert found["device"].to_pylist() == np.flatnonzero(cells == cell).tolist()
        assert set(found["certainty"].to_pylist()) <= {1.0} or min(found["certainty"].to_pylist()) > 1 - 1e-9
    # a wide polygon meets just the cells whose outline shares an area with it
    shape = shapely.Point(104.02, 30.62).buffer(0.0173)
    outlines = grid.polygon(cells)
    inside = shapely.area(shapely.intersection(shape, outlines)) / shapely.area(outlines)
    found = rows_of(quiet(stays, shape, at(0), at(60)))
    assert [r["device"] for r in found] == np.flatnonzero(inside > 1e-9).tolist()
    assert [r["certainty"] for r in found] == pytest.approx(inside[inside > 1e-9].tolist())


def test_places_in_gcj02_are_brought_to_wgs84():
    from cotrace.geodesy import wgs84_to_gcj02

    rng = np.random.default_rng(5)
    lon, lat = 116.4 + rng.random(200) * 0.05, 39.9 + rng.random(200) * 0.05
    ids = np.repeat(np.arange(200), 2)
    table = {"device": ids, "time": np.tile([0, 60], 200), "lon": np.repeat(lon, 2), "lat": np.repeat(lat, 2)}
    stays = cotrace.find_stays(cotrace.read_pings(table, unit="s"))
    box = shapely.box(116.41, 39.91, 116.43, 39.93)
    shifted = shapely.transform(box, lambda xy: np.stack(wgs84_to_gcj02(xy[:, 0], xy[:, 1]), axis=1))
    wanted = quiet(stays, box, at(0), at(60))
    assert (
        quiet(stays, shifted, at(0), at(60), crs="gcj02")["device"].to_pylist()
        == wanted["device"].to_pylist()
    )
    assert quiet(stays, shifted, at(0), at(60))["device"].to_pylist() != wanted["device"].to_pylist()
    a, b = wgs84_to_gcj02(116.42, 39.92)
    points = {"lon": [a], "lat": [b], "start": [0], "end": [60]}
    plain = quiet(stays, shapely.Point(116.42, 39.92), at(0), at(60))
    assert quiet(stays, points, unit="s", crs="gcj02")["device"].to_pylist() == plain["device"].to_pylist()
    with pytest.raises(cotrace.CotraceError, match="planar"):
        cotrace.visitors(two(), box, at(0), at(60), crs="gcj02")


def test_two_minutes_are_in_the_answer_unless_they_are_kept_out():
    found = quiet(two(), shapely.box(0, 0, 1600, 800), at(0), at(10_000))
    assert found["dwell_s"].to_pylist() == [600, 120]
    assert quiet(two(), shapely.box(0, 0, 1600, 800), at(0), at(10_000), min_dwell="3min")[
        "device"
    ].to_pylist() == [1]


def test_a_place_much_smaller_than_a_cell_is_warned_of():
    with pytest.warns(cotrace.CotraceWarning, match="much smaller than a cell of 800 m"):
        cotrace.visitors(two(), shapely.box(1, 1, 9, 9), at(0), at(10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cotrace.visitors(two(), shapely.box(1, 1, 790, 790), at(0), at(10))


def test_what_cannot_be_asked():
    stays = two()
    bow = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    for place, words in ((bow, "Self-intersection"), (shapely.Polygon(), "empty"), ("theatre", "a text")):
        with pytest.raises(cotrace.CotraceError, match=words):
            cotrace.visitors(stays, place, at(0), at(10))
    with pytest.raises(cotrace.CotraceError, match="start and end are needed"):
        cotrace.visitors(stays, 0)
    with pytest.raises(cotrace.CotraceError, match="not after start"):
        cotrace.visitors(stays, 0, at(5), at(5))
    with pytest.raises(cotrace.CotraceError, match="no column says where"):
        cotrace.visitors(stays, {"start": [at(0)], "end": [at(9)]})
    with pytest.raises(cotrace.CotraceError, match="another type"):
        cotrace.visitors(stays, 0, at(0), at(5), pings=quiet_pings([("a", 0, 1.0, 1.0)]))
    world = cotrace.find_stays(
        cotrace.read_pings(
            {"device": [1, 1], "time": [0, 60], "lon": [104.0] * 2, "lat": [30.0] * 2}, unit="s"
        )
    )
    with pytest.raises(cotrace.CotraceError, match="swapped"):
        cotrace.visitors(world, shapely.box(30.0, 104.0, 31.0, 105.0), at(0), at(5))
    with pytest.raises(cotrace.CotraceError, match="no cells"):
        cotrace.visitors(world, 2**62, at(0), at(5))


def test_nobody_and_nothing():
    empty = stays_of([], Making())
    for place in (0, shapely.box(0, 0, 9, 9)):
        found = quiet(empty, place, at(0), at(9))
        assert len(found) == len(found.evidence) == 0
    assert len(quiet(two(), shapely.box(9e5, 9e5, 9e6, 9e6), at(0), at(9))) == 0
    assert len(quiet(two(), {"cell": [], "start": [], "end": []}, unit="s")) == 0
