"""The geographic grid, held to the golden file and to the oracle."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.grid import oracle

from cotrace import geodesy
from cotrace.binning import BAD_CELL
from cotrace.grid import Grid

GOLDEN = Path(__file__).parents[1] / "golden" / "geographic_grid.csv"
SIDES = (800.0, 100.0, 5000.0, 1.8288, 0.1, 10.0, 333.33, 250_000.0, 10_000_000.0)

sides = st.sampled_from(SIDES) | st.floats(0.1, 1e7)
longitudes = (
    st.floats(-180, 180) | st.integers(-180, 180).map(float) | st.integers(-1800, 1800).map(lambda v: v / 10)
)
latitudes = st.floats(-90, 90) | st.integers(-90, 90).map(float)


def cell_of(grid: Grid, lon: float, lat: float) -> tuple[int, int]:
    return grid.unpack(grid.cell(lon=lon, lat=lat))


@pytest.mark.parametrize("side", [100, 800, 5000])
def test_golden_file(side):
    with GOLDEN.open() as file:
        rows = [r for r in csv.DictReader(file) if int(r["cell_m"]) == side]
    assert len(rows) == 413
    lon, lat = (np.array([float(r[name]) for r in rows]) for name in ("lon", "lat"))
    grid = Grid.geographic(side)
    col, row = grid.unpack(grid.cell(lon=lon, lat=lat))
    np.testing.assert_array_equal(col, [int(r["cell_col"]) for r in rows])
    np.testing.assert_array_equal(row, [int(r["cell_row"]) for r in rows])
    np.testing.assert_array_equal(geodesy.row_columns(row, side), [int(r["columns_in_row"]) for r in rows])


@given(longitudes, latitudes, sides)
@example(0.0, -0.0, 800.0)
@example(0.0, -5e-324, 800.0)
@example(180.0, 90.0, 100.0)
@example(-180.0, -90.0, 100.0)
@example(math.nextafter(180, 0), 89.9999, 1.8288)
@settings(max_examples=300, deadline=None)
def test_against_the_oracle(lon, lat, side):
    assert cell_of(Grid.geographic(side), lon, lat) == oracle.geographic(lon, lat, side)


@given(st.data(), sides)
@settings(max_examples=150, deadline=None)
def test_on_the_edges_of_rows(data, side):
    first, last = geodesy.row_limits(side)
    row = data.draw(st.integers(first + 1, last))
    edge = float(geodesy.row_edges(row, side))
    assert edge == oracle.edge_of(row, side)
    grid = Grid.geographic(side)
    lat = [math.nextafter(edge, -90), edge, math.nextafter(edge, 90)]
    _, rows = grid.unpack(grid.cell(lon=np.zeros(3), lat=lat))
    assert rows.tolist() == [oracle.row_of(v, side) for v in lat]
    assert rows[1] == row


@given(latitudes, sides, st.data())
@settings(max_examples=150, deadline=None)
def test_on_the_edges_of_columns(lat, side, data):
    n = oracle.columns_of(oracle.row_of(lat, side), side)
    edge = data.draw(st.integers(0, n)) * 360 / n - 180
    lon = np.array([np.nextafter(edge, -180), edge, np.nextafter(edge, 180)])
    grid = Grid.geographic(side)
    col, _ = grid.unpack(grid.cell(lon=lon, lat=np.full(3, lat)))
    assert col.tolist() == [oracle.column_of(float(v), n) for v in lon]


@pytest.mark.parametrize("side", SIDES)
def test_poles_belong_to_the_last_rows(side):
    grid, (first, last) = Grid.geographic(side), geodesy.row_limits(side)
    _, rows = grid.unpack(grid.cell(lon=[0, 10, -180, 180], lat=[90, -90, 90, -90]))
    assert rows.tolist() == [last, first, last, first]
    assert last == oracle.row_of(90.0, side)


def test_the_antimeridian_is_one_edge():
    grid = Grid.geographic(800)
    assert grid.cell(lon=180.0, lat=10.0) == grid.cell(lon=-180.0, lat=10.0)
    assert cell_of(grid, 180.0, 10.0)[0] == 0
    assert cell_of(grid, math.nextafter(180, 0), 10.0)[0] == geodesy.row_columns(1382, 800) - 1


def test_cells_are_square_up_to_60_degrees():
    rows = np.arange(0, geodesy.row_limits(800)[1] * 2 // 3)
    middle = np.radians(geodesy.row_middles(rows, 800))
    circle = 2 * np.pi * 6378137 * np.cos(middle) / np.sqrt(1 - 0.00669437999014 * np.sin(middle) ** 2)
    assert np.abs(circle / geodesy.row_columns(rows, 800) - 800).max() < 0.02


@pytest.mark.parametrize(
    ("lon", "lat"), [(200, 0), (0, 91), (-180.1, 0), (0, -90.1), (math.nan, 0), (0, math.nan)]
)
def test_positions_out_of_range_have_no_cell(lon, lat):
    binner = Grid.geographic(800).binner("lonlat")
    cells = binner(np.array([10.0, lon, 10.0]), np.array([20.0, lat, 20.0]))
    assert cells[1] == BAD_CELL
    assert cells[0] == cells[2] != BAD_CELL
    assert (binner(np.array([math.inf, 0.0]), np.array([0.0, -math.inf])) == BAD_CELL).all()


def test_cells_do_not_depend_on_the_batch():
    rng = np.random.default_rng(5)
    lon, lat = rng.uniform(-180, 180, 3000), rng.uniform(-90, 90, 3000)
    grid = Grid.geographic(800)
    whole = grid.cell(lon=lon, lat=lat)
    binner = grid.binner("lonlat")
    parts = [binner(lon[i : i + 7], lat[i : i + 7]) for i in range(0, 3000, 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@given(longitudes, latitudes, st.sampled_from([800.0, 1.8288]), st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
@settings(max_examples=150, deadline=None)
def test_origin_shifts_rows_and_columns(lon, lat, side, dx, dy):
    grid = Grid.geographic(side, origin=(dx, dy))
    col, row = cell_of(grid, lon, lat)
    assert row == oracle.row_of(lat, side, dy)
    n = oracle.columns_of(row, side, dy)
    place = (lon + 180) / 360 * n - dx / side
    assert 0 <= col < n
    away = (place - (col + 0.5)) % n  # how far from the middle of the column, round the earth
    assert min(away, n - away) <= 0.5 + 1e-6


def test_origin_of_a_whole_cell_renumbers():
    plain, shifted = Grid.geographic(800), Grid.geographic(800, origin=(800, 1600))
    col, row = cell_of(plain, 116.4, 39.9)
    other_col, other_row = cell_of(shifted, 116.4, 39.9)
    assert (other_col, other_row) == (col - 1, row - 2)
    assert shifted.centre(shifted.pack(other_col, other_row))[1] == pytest.approx(
        plain.centre(plain.pack(col, row))[1]
    )


@given(st.data(), sides, st.sampled_from([(0.0, 0.0), (123.4, -56.7)]))
@settings(max_examples=150, deadline=None)
def test_centre_lies_in_its_cell(data, side, origin):
    grid = Grid.geographic(side, origin=origin)
    first, last = geodesy.row_limits(side, origin[1])
    row = data.draw(st.integers(first, last))
    col = data.draw(st.integers(0, int(geodesy.row_columns(row, side, origin[1])) - 1))
    cell = grid.pack(col, row)
    lon, lat = grid.centre(cell)
    assert grid.cell(lon=lon, lat=lat) == cell
