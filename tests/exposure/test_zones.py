"""Zones: held to the oracle on made worlds, in cells and in units, and by hand."""

from __future__ import annotations

import json
import random
import warnings
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest
import shapely
from tests import naive
from tests import naive_exposure_trajectory as walks
from tests import naive_exposure_zones as oracle
from tests.exposure.worlds_of_stays import Making, small_world, stays_of
from tests.naive_exposure_visitors import low_bits
from tests.properties.through import rows_of

import cotrace

HOUR, DAY = 3600, 86_400


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def quiet(*args: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.zones(*args, **keywords)


def plain(rows: list[Any], making: Making) -> list[Any]:
    found = naive.tracks(rows, making)
    return naive.stays({d: naive.seconds_in_cells(seen, making) for d, seen in found.seen.items()})


def made(number: int) -> Any:
    rng = random.Random(f"zones {number}")
    rows, making = small_world(rng, long=True)
    # spread out, so that zones are apart
    wide = rng.choice([1, 1, 3])
    rows = [(d, t, x * wide, y) for d, t, x, y in rows]
    stays = plain(rows, making)
    ids = sorted({r[0] for r in rows})
    low, high = min((s[2] for s in stays), default=0), max((s[3] for s in stays), default=DAY)
    now = rng.choice([high, (low + high) // 2, high + 3 * HOUR])
    cases = sorted(rng.sample(ids, rng.randint(1, min(2, len(ids)))))
    rule = {
        "lookback": rng.choice([DAY, 14 * DAY]),
        "lockdown": rng.choice([HOUR, 8 * HOUR]),
        "control": rng.choice([600, HOUR]),
        "present_within": rng.choice([0, 2 * HOUR]),
    }
    homes = walks.most_dwell(stays, walks.hours(low, high, UTC, ("22:00", "06:00"), tuple(range(7))))
    return rng, rows, making, stays, cases, now, rule, {d: row[0] for d, row in homes.items()}


def rule_of(rule: dict[str, int], rings: int) -> cotrace.ZoneRule:
    return cotrace.ZoneRule(rings=rings, **{k: f"{v}s" for k, v in rule.items()})


def flags(table: Any) -> dict[Any, dict[Any, Any]]:
    found: dict[Any, dict[Any, Any]] = {}
    for r in rows_of(table):
        found.setdefault(r["zone"], {})[r["device"]] = (r["at_home"], r["dwell_s"], r["present_now"])
    return found


@pytest.mark.parametrize("chunk", range(2))
def test_zones_of_cells_are_the_oracles(chunk):
    for number in range(chunk, 60, 2):
        rng, rows, making, stays, cases, now, rule, homes = made(number)
        rings = rng.choice([0, 1, 2])
        got = quiet(stays_of(rows, making), cases, as_of=at(now), rule=rule_of(rule, rings))
        spans = [(c, now - rule["lookback"], now) for c in cases]
        dwell: dict[Any, int] = {}
        for (_, cell), seconds in oracle.case_dwell(stays, spans).items():
            dwell[cell] = dwell.get(cell, 0) + seconds
        case_homes = {homes[c] for c in cases if c in homes}
        kinds = oracle.kinds_of_cells(dwell, case_homes, rule["lockdown"], rule["control"], rings)
        wanted = oracle.zones_of_cells(kinds)
        found = rows_of(got.zones)
        assert [(r["zone_kind"], r["why"], r["n_cells"]) for r in found] == [
            (k, w, len(c)) for k, w, c in wanted
        ], number
        assert [r["case_dwell_s"] for r in found] == [
            sum(dwell.get(c, 0) for c in cells) for _, _, cells in wanted
        ]
        told = flags(got.devices)
        for row, (_, _, cells) in zip(found, wanted, strict=True):
            begin = now - rule["lookback"]
            mine = oracle.devices_of_zone(stays, cells, homes, begin, now, rule["present_within"])
            assert told.get(row["zone"], {}) == mine, number
            assert row["at_home"] == sum(h for h, _, _ in mine.values())
            assert row["visitors"] == sum(s > 0 and not h for h, s, _ in mine.values())
            assert row["present_now"] == sum(p for _, _, p in mine.values())
        for shape, (_, _, cells) in zip(got.shapes, wanted, strict=True):
            assert shape.area == pytest.approx(len(cells) * 640_000)


def test_zones_of_units_are_the_oracles():
    for number in range(40):
        rng, rows, making, stays, cases, now, rule, homes = made(number)
        # 3 x 2 units of their own size, cut across the cells
        wide, high = rng.choice([(500.0, 900.0), (800.0, 800.0), (1700.0, 350.0)])
        boxes = {
            f"u{i}{j}": (i * wide, j * high, (i + 1) * wide, (j + 1) * high)
            for i in range(3)
            for j in range(2)
        }
        districts = {"d": shapely.box(0, 0, 1.5 * wide, 2 * high)} if rng.random() < 0.5 else None
        units = {name: shapely.box(*box) for name, box in boxes.items()}
        got = quiet(
            stays_of(rows, making), cases, units, as_of=at(now), rule=rule_of(rule, 1), districts=districts
        )
        every = {cell for _, cell, _, _ in stays}
        met = {n: frozenset(c for c in every if meets(c, box)) for n, box in boxes.items()}
        spans = [(c, now - rule["lookback"], now) for c in cases]
        by_case = oracle.case_dwell(stays, spans)
        kinds = {}
        for name, cells in met.items():
            seconds = sum(s for (_, cell), s in by_case.items() if cell in cells)
            home = any(homes.get(c) in cells for c in cases if c in homes)
            kinds[name] = oracle.kind_of(seconds, home, rule["lockdown"], rule["control"])
        seeds = [n for n, kind in kinds.items() if kind]
        for name in boxes:
            if kinds[name] is None and near(name, seeds, units, districts):
                kinds[name] = "precaution"
        wanted = sorted(
            ((k, n) for n, k in kinds.items() if k),
            key=lambda z: (["lockdown", "control", "precaution"].index(z[0]), z[1]),
        )
        assert [(r["zone_kind"], r["zone"]) for r in rows_of(got.zones)] == wanted, number
        told = flags(got.devices)
        for _, name in wanted:
            begin = now - rule["lookback"]
            mine = oracle.devices_of_zone(stays, met[name], homes, begin, now, rule["present_within"])
            assert told.get(name, {}) == mine, number


def meets(cell: Any, box: tuple[float, ...]) -> bool:
    (column, row), (x0, y0, x1, y1) = cell, box
    return column * 800 < x1 and (column + 1) * 800 > x0 and row * 800 < y1 and (row + 1) * 800 > y0


def near(name: str, seeds: list[str], units: dict[str, Any], districts: Any) -> bool:
    if districts is None:
        return any(units[name].intersects(units[seed]) for seed in seeds)
    inside = [n for n, shape in units.items() if districts["d"].intersects(shape.point_on_surface())]
    return name in inside and bool(set(inside) & set(seeds))


def example() -> Any:
    """A case at home for a day, a guest of ten minutes, and somebody two cells away."""
    rows = [("case", HOUR * h, 1.0, 1.0) for h in range(25)]
    rows += [("guest", t, 1.0, 1.0) for t in (0, 600)] + [("far", HOUR * h, 1700.0, 1.0) for h in range(25)]
    return stays_of(rows, Making())


def test_geojson_and_geoparquet_say_the_same(tmp_path):
    drawn = quiet(example(), "case", as_of=at(DAY))
    collection = drawn.to_geojson()
    assert json.loads(json.dumps(collection)) == collection
    shapes = [shapely.geometry.shape(f["geometry"]) for f in collection["features"]]
    drawn.to_geoparquet(tmp_path / "zones.parquet")
    table = pq.read_table(tmp_path / "zones.parquet")
    geo = json.loads(table.schema.metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["Polygon"]
    assert [
        s.equals(t) for s, t in zip(shapes, shapely.from_wkb(table["geometry"].to_pylist()), strict=True)
    ] == [True] * 2
    assert "co-location" in collection["note"]
    assert repr(drawn).startswith("zones: 2 rows")
    assert "<table" in drawn._repr_html_()


def test_maps_tell_no_small_counts_unless_they_are_asked_to(tmp_path):
    drawn = quiet(example(), "case", as_of=at(DAY))
    counts = ("at_home", "visitors", "present_now", "cases", "case_dwell_s")
    wanted = rows_of(drawn.zones)
    for k, told in ((16, False), (1, True), (None, True)):
        features = [f["properties"] for f in drawn.to_geojson(k=k)["features"]]
        drawn.to_geoparquet(tmp_path / "zones.parquet", k=k)
        table = pq.read_table(tmp_path / "zones.parquet").drop_columns("geometry")
        assert table.to_pylist() == features
        for row, feature in zip(wanted, features, strict=True):
            assert (
                feature == {n: v if told or n not in counts or not row[n] else None for n, v in row.items()}
                or k == 16
            )
            assert k != 16 or not any(feature[n] for n in counts)
    assert "Counts below 16 devices are hidden" in drawn.to_geojson()["note"]
    assert "NOT suppressed" in drawn.to_geojson(k=None)["note"]


def test_towers_are_zones_of_their_own():
    rows = [("a", HOUR * h, "p") for h in range(25)] + [("b", 0, "p"), ("b", 60, "q"), ("b", 4000, "q")]
    drawn = quiet(stays_of(rows, Making(cell_m=None, fill="forward")), "a", as_of=at(DAY))
    assert rows_of(drawn.zones)[0]["zone_kind"] == "lockdown"
    assert drawn.shapes == [None]
    assert drawn.to_geojson()["features"][0]["geometry"] is None


def test_small_units_and_places_outside_are_warned_of():
    with pytest.warns(cotrace.CotraceWarning, match="much smaller than a cell"):
        cotrace.zones(example(), "case", {"house": shapely.box(1, 1, 20, 20)}, as_of=at(DAY))
    with pytest.warns(cotrace.CotraceWarning, match="meet no unit"):
        drawn = cotrace.zones(example(), "case", {"field": shapely.box(9e5, 0, 9.1e5, 9e5)}, as_of=at(DAY))
    assert len(drawn) == len(drawn.devices) == 0
    with pytest.warns(cotrace.CotraceWarning, match="1 of 1 cases were never seen"):
        assert len(cotrace.zones(example(), "nobody", as_of=at(DAY))) == 0


def test_what_cannot_be_drawn():
    with pytest.raises(cotrace.CotraceError, match="districts= are for units"):
        cotrace.zones(example(), "case", as_of=at(DAY), districts={"d": shapely.box(0, 0, 1, 1)})
    with pytest.raises(cotrace.CotraceError, match="no more than for a lockdown"):
        cotrace.ZoneRule(control="9h")
    with pytest.raises(cotrace.CotraceError, match="rings"):
        cotrace.ZoneRule(rings=-1)
    with pytest.raises(cotrace.CotraceError, match="no areas"):
        cotrace.zones(example(), "case", 7, as_of=at(DAY))
    two = {"name": ["u", "u"], "geometry": [shapely.box(0, 0, 1, 1)] * 2}
    with pytest.raises(cotrace.CotraceError, match="name of another"):
        cotrace.zones(example(), "case", two, as_of=at(DAY))
    with pytest.raises(cotrace.CotraceError, match="now= is needed"):
        cotrace.zones(example(), {"device": [], "as_of": []})


def test_low_bits_of_the_oracle():
    assert [low_bits(c) for c in (0, 5, -(1 << 32) + 7, (3 << 32) - 1)] == [0, 5, 7, -1]
