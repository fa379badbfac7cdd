"""Footprints by hand and against the oracle; stays with weights; and what they refuse."""

from __future__ import annotations

import math
import random

import numpy as np
import pyarrow as pa
import pytest
from tests import naive_certainty as oracle
from tests.footprints.worlds import (
    CELL_M,
    NOBODY,
    densities,
    feet_of,
    made_population,
    made_stays,
    made_towers,
    population_table,
    stays_of,
    tower_table,
)

import cotrace

GRID = cotrace.Grid.planar(CELL_M)
RADIO = {"exponent": 3.7, "shadow_db": 8.0, "beam_deg": 65.0, "back_db": 25.0, "reach": 2.5}
WORLDS = 60


def find(towers, model="bayes", **keywords):
    return cotrace.find_footprints(tower_table(towers), GRID, model=model, **keywords)


def one(**more):
    return {"tower": "a", "x": 400.0, "y": 400.0, "radius": 900.0, "generation": "4G", "azimuth": None} | more


# ---- by hand ---------------------------------------------------------------------------------------------------------


def test_a_small_disc_is_its_own_cell():
    assert feet_of(find([one(radius=390.0)], "disc")) == {"a": {(0, 0): 1.0}}
    assert feet_of(find([one(radius=1.0)], "disc")) == {"a": {(0, 0): 1.0}}


def test_a_disc_has_the_area_of_its_parts():
    foot = feet_of(find([one(x=800.0, radius=300.0)], "disc", samples=20))["a"]
    assert set(foot) == {(0, 0), (1, 0)}
    assert foot[0, 0] == pytest.approx(0.5, abs=0.01)


def test_a_sector_looks_one_way():
    foot = feet_of(find([one(y=800.0, azimuth=0.0)], "disc"))["a"]
    assert sum(p for (_, row), p in foot.items() if row >= 1) > 0.95
    foot = feet_of(find([one(y=800.0, azimuth=180.0)], "bayes"))["a"]
    assert sum(p for (_, row), p in foot.items() if row <= 0) > 0.85


def test_voronoi_is_the_nearest_of_the_generation():
    towers = [one(), one(tower="b", x=2800.0), one(tower="c", x=1500.0, generation="5G")]
    feet = feet_of(find(towers, "voronoi"))
    assert max(col for col, _ in feet["a"]) == 1
    assert min(col for col, _ in feet["b"]) == 2
    assert max(col for col, _ in feet["c"]) > 1  # 4G is no rival of 5G


def test_bayes_is_wider_where_signals_vary_more():
    towers = [one(), one(tower="b", x=2000.0)]
    still, rough = (feet_of(find(towers, radio=cotrace.Radio(shadow_db=s)))["a"] for s in (1.0, 12.0))
    assert still[0, 0] > rough[0, 0]
    nearest = feet_of(find(towers, "voronoi"))["a"]
    assert sum(p for c, p in rough.items() if c not in nearest) > sum(
        p for c, p in still.items() if c not in nearest
    )


def test_people_draw_footprints():
    foot = feet_of(
        find([one(x=800.0)], population={"cell": [GRID.cell(x=1000.0, y=10.0)], "population": [9.0]})
    )["a"]
    assert foot[1, 0] > 5 * foot[0, 0]


def test_towers_with_lon_and_lat():
    grid = cotrace.Grid.geographic(800)
    lon, lat = 108.95, 34.26
    towers = {"tower": [1, 2], "lon": [lon, None], "lat": [lat, None], "radius_m": [600.0, 600.0]}
    found = cotrace.find_footprints(towers, grid)
    assert (len(found), found.unplaced) == (1, 1)
    best = found.of(1).sort_by([("probability", "descending")])["cell"][0].as_py()
    assert best in (grid.cell(lon=lon, lat=lat), *grid.neighbours(grid.cell(lon=lon, lat=lat)).tolist())
    assert found.of(1)["probability"].to_numpy().sum() == pytest.approx(1)


def test_published_radii_stand_in():
    found = cotrace.find_footprints(
        {"tower": [1, 2], "x": [0.0, 0.0], "y": [0.0, 0.0], "generation": ["2G", "5G"]}, GRID
    )
    assert np.diff(found.lo)[0] > 20 * np.diff(found.lo)[1]


# ---- against the oracle ----------------------------------------------------------------------------------------------


def compare_footprints(number: int) -> int:
    rng = random.Random(number)
    towers, population = made_towers(rng), made_population(rng)
    model, samples, cut = (
        rng.choice(["disc", "voronoi", "bayes"]),
        rng.choice([1, 2]),
        rng.choice([0.0, 0.001, 0.2]),
    )
    wanted = oracle.footprints(towers, CELL_M, model, RADIO, densities(population), NOBODY, samples, cut)
    got = feet_of(
        find(
            rng.sample(towers, len(towers)),
            model,
            population=population_table(population),
            samples=samples,
            cut=cut,
        )
    )
    assert got.keys() == wanted.keys(), number
    for tower, foot in wanted.items():
        cells = foot.keys() | got[tower].keys()
        # cells as likely as each other may be cut in another order: rounding
        apart = max(abs(foot.get(c, 0.0) - got[tower].get(c, 0.0)) for c in cells)
        edge = min(foot.values())
        assert apart < 1e-9 or (cut and apart <= edge * (1 + 1e-6) and len(foot) == len(got[tower])), (
            number,
            tower,
        )
        assert math.isclose(sum(got[tower].values()), 1.0)
    return len(wanted)


@pytest.mark.parametrize("chunk", range(3))
def test_footprints_are_the_oracles(chunk):
    assert sum(compare_footprints(number) for number in range(chunk, WORLDS, 3)) > 20


def test_row_order_and_shifts_of_the_grid():
    rng = random.Random(5)
    towers = [one(), one(tower="b", x=1700.0), one(tower="c", y=-800.0)]
    plain = find(towers)
    again = find(rng.sample(towers, 3))
    assert plain.table.to_arrow().equals(again.table.to_arrow())
    moved = [t | {"x": t["x"] + 123.0, "y": t["y"] - 77.0} for t in towers]
    shifted = cotrace.find_footprints(tower_table(moved), cotrace.Grid.planar(CELL_M, origin=(123.0, -77.0)))
    assert np.allclose(plain.p, shifted.p)
    assert (plain.cell == shifted.cell).all()


# ---- stays with weights ----------------------------------------------------------------------------------------------


def compare_weighted(number: int) -> int:
    rng = random.Random(number)
    towers, population = made_towers(rng), made_population(rng)
    footprints = find(towers, population=population_table(population), samples=2)
    feet = feet_of(footprints)
    stays = made_stays(rng, [*feet, "unknown"])
    how = rng.choice([False, cotrace.Certainty(flap="30min", alike=0.2)])
    wanted = oracle.weighted(stays, feet, {"flap": 1800, "alike": 0.2} if how else None)
    table = cotrace.weighted_stays(stays_of(stays), footprints, haunts=how)
    got = table.to_arrow().to_pylist()
    assert len(got) == len(wanted), number
    for row, (device, tower, a, b, cell, weight) in zip(got, wanted, strict=True):
        assert (row["device"], row["tower"]) == (device, tower)
        assert (row["started_at"].timestamp(), row["finished_at"].timestamp()) == (a, b)
        assert (None if cell is None else cell) == (
            None if row["cell"] is None else (row["cell_col"], row["cell_row"])
        )
        assert row["weight"] == pytest.approx(weight, abs=1e-9), number
        assert row["dwell_s"] == pytest.approx(weight * (b - a), abs=1e-4)
    assert sum(r["dwell_s"] for r in got) == pytest.approx(sum(b - a for *_, a, b in stays))
    return len(got)


@pytest.mark.parametrize("chunk", range(2))
def test_weighted_stays_are_the_oracles(chunk):
    assert sum(compare_weighted(number) for number in range(chunk, 60, 2)) > 100


def test_dwell_is_conserved_stay_by_stay():
    rng = random.Random(8)
    footprints = find(made_towers(rng))
    stays = stays_of(made_stays(rng, footprints.towers.to_pylist()))
    table = cotrace.weighted_stays(stays, footprints).to_pandas()
    by_stay = table.groupby(["device", "started_at"]).agg(weight=("weight", "sum"), dwell=("dwell_s", "sum"))
    assert np.allclose(by_stay["weight"], 1.0)
    assert table["dwell_s"].sum() == pytest.approx(float((stays.rows[:, 3] - stays.rows[:, 2]).sum()))


# ---- promises --------------------------------------------------------------------------------------------------------


def test_empty_is_typed():
    none = {
        "tower": pa.array([], pa.int64()),
        "x": pa.array([], pa.float64()),
        "y": pa.array([], pa.float64()),
    }
    found = cotrace.find_footprints(none, GRID)
    assert (len(found), len(found.table)) == (0, 0)
    assert found.table.to_arrow().schema.field("probability").type == pa.float64()
    empty = cotrace.weighted_stays(stays_of([]), find([one()]))
    assert len(empty) == 0
    assert "weight" in empty.columns


@pytest.mark.parametrize(
    ("towers", "keywords", "says"),
    [
        ({"tower": [1], "x": [0.0]}, {}, "one pair"),
        ({"x": [0.0], "y": [0.0]}, {}, "no column 'tower'"),
        ({"tower": [1, 1], "x": [0.0, 1.0], "y": [0.0, 1.0], "radius_m": [9.0, 9.0]}, {}, "1 of 2 rows"),
        ({"tower": [1, 2], "x": [0.0, 1.0], "y": [0.0, 1.0]}, {}, "2 of 2 have neither a radius_m"),
        ({"tower": [1], "lon": [0.0], "lat": [0.0], "radius_m": [9.0]}, {}, "grid of a plane"),
        (None, {"model": "cone"}, "is not one of"),
        (None, {"samples": 0}, "no whole number"),
        (None, {"cut": 0.5}, "no share"),
        (None, {"radio": 3}, "is not a Radio"),
        (None, {"population": {"cell": [1]}}, "no column 'population'"),
        (None, {"population": {"cell": [1, 1], "population": [1, 2]}}, "listed twice"),
        (None, {"population": {"cell": [1], "population": [-1]}}, "row 0"),
    ],
)
def test_errors_say_what_and_the_mend(towers, keywords, says):
    with pytest.raises(cotrace.CotraceError, match=says):
        cotrace.find_footprints(towers or tower_table([one()]), GRID, **keywords)


def test_options_are_checked():
    for bad in ({"exponent": 1}, {"shadow_db": 0}, {"reach": "far"}):
        with pytest.raises(cotrace.CotraceError):
            cotrace.Radio(**bad)
    for bad in ({"roaming": 2}, {"flap": "0s"}, {"spell": 5}, {"calibrated": 1}):
        with pytest.raises(cotrace.CotraceError):
            cotrace.Certainty(**bad)
    assert cotrace.Certainty(flap="180min") == cotrace.Certainty(flap="3h")


def test_a_tower_without_a_footprint_is_an_error_to_ask_for():
    with pytest.raises(cotrace.CotraceError, match="no footprint"):
        find([one()]).of("z")
    assert "bayes footprints of 1 towers" in repr(find([one()]))
