"""Outlines, neighbours and GeoJSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cotrace import geodesy
from cotrace.errors import GridError
from cotrace.grid import BAD_CELL, Grid

SIDES = [800.0, 100.0, 5000.0, 1.8288, 250_000.0, 1_000_000.0, 10_000_000.0]
ORIGINS = [(0.0, 0.0), (300.0, -200.0), (-123_456.0, 50_000.0)]


@st.composite
def geographic_cells(draw):
    """A grid and one of its cells, often near a pole or the antimeridian."""
    grid = Grid.geographic(draw(st.sampled_from(SIDES)), origin=draw(st.sampled_from(ORIGINS)))
    first, last = geodesy.row_limits(grid.cell_m, grid.origin[1])
    near = [min(max(first + k, first), last) for k in range(4)] + [max(last - k, first) for k in range(4)]
    row = draw(st.integers(first, last) | st.sampled_from(near))
    n = int(geodesy.row_columns(row, grid.cell_m, grid.origin[1]))
    col = draw(st.integers(0, n - 1) | st.sampled_from([0, n - 1]))
    return grid, grid.pack(col, row)


@given(geographic_cells())
@settings(max_examples=200, deadline=None)
def test_outlines_hold_their_centres(pair):
    grid, cell = pair
    shape, (lon, lat) = grid.polygon(cell), grid.centre(cell)
    assert shape.is_valid
    assert shape.covers(shapely.Point(lon, lat))
    west, south, east, north = shape.bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    if grid.origin == (0.0, 0.0):
        assert shape.geom_type == "Polygon"
        assert shape.exterior.is_ccw


def test_outlines_of_a_row_fill_the_circle():
    grid = Grid.geographic(250_000)
    n = int(geodesy.row_columns(7, 250_000))
    bounds = shapely.bounds(grid.polygon(grid.pack(np.arange(n), 7)))
    assert bounds[0, 0] == -180
    assert bounds[-1, 2] == 180
    np.testing.assert_array_equal(bounds[1:, 0], bounds[:-1, 2])
    above = shapely.bounds(grid.polygon(grid.pack(0, 8)))
    assert above[1] == bounds[0, 3]


@pytest.mark.parametrize("origin", [(0.0, 0.0), (130_000.0, -70_000.0), (0.0, 300_000.0)])
def test_outlines_of_all_cells_fill_the_earth_once(origin):
    side = 1_500_000
    grid = Grid.geographic(side, origin=origin)
    first, last = geodesy.row_limits(side, origin[1])
    cells = np.concatenate(
        [
            grid.pack(np.arange(int(geodesy.row_columns(k, side, origin[1]))), k)
            for k in range(first, last + 1)
        ]
    )
    shapes = grid.polygon(cells)
    assert shapely.area(shapes).sum() == pytest.approx(360 * 180)
    assert shapely.union_all(shapes).area == pytest.approx(360 * 180)
    # and neighbours are what touches on the sphere: in the plane, or round the antimeridian, or at a pole
    around = {int(c): set(grid.neighbours(c).tolist()) for c in cells}
    tree = shapely.STRtree(shapes)
    grown = shapely.buffer(shapes, 1e-9)
    for i, j in tree.query(grown, predicate="intersects").T:
        if i != j:
            assert int(cells[j]) in around[int(cells[i])]
    for cell, others in around.items():
        shape = shapely.buffer(grid.polygon(cell), 1e-9)
        polar = {pole for pole in (-90, 90) if pole in (shape.bounds[1] + 1e-9, shape.bounds[3] - 1e-9)}
        for other in others:
            near = grid.polygon(other)
            copies = [shapely.affinity.translate(near, turn) for turn in (-360, 0, 360)]
            rows = grid.unpack(cell)[1], grid.unpack(other)[1]
            assert any(shape.intersects(copy) for copy in copies) or (
                polar and rows[0] == rows[1] in (first, last)
            )


@given(geographic_cells())
@example((Grid.geographic(800), Grid.geographic(800).cell(lon=0, lat=90)))
@example((Grid.geographic(800), Grid.geographic(800).cell(lon=-180, lat=39.9)))
@settings(max_examples=150, deadline=None)
def test_neighbours_are_mutual(pair):
    grid, cell = pair
    around = grid.neighbours(cell)
    assert around.dtype == np.int64
    assert (np.diff(around) > 0).all()
    assert cell not in around
    for other in around:
        assert cell in grid.neighbours(other)


def test_neighbours_of_a_plane():
    grid = Grid.planar(10)
    assert grid.neighbours(grid.pack(0, 0)).tolist() == sorted(
        grid.pack(c, r) for c in (-1, 0, 1) for r in (-1, 0, 1) if (c, r) != (0, 0)
    )
    assert len(grid.neighbours(grid.pack(2**31 - 1, -(2**31)))) == 3
    assert len(grid.neighbours(grid.pack(-(2**31) + 1, 0))) == 5


def test_neighbours_of_several():
    grid = Grid.planar(10)
    assert len(grid.neighbours(grid.pack([0, 1], [0, 0]))) == 10
    assert grid.neighbours(np.empty(0, np.int64)).shape == (0,)
    wide = Grid.projected(800, crs="EPSG:32650")
    assert len(wide.neighbours(wide.pack(5, 5))) == 8


def test_neighbours_go_round_the_antimeridian_and_the_pole():
    grid = Grid.geographic(800)
    east, west = (grid.cell(lon=lon, lat=10.0) for lon in (179.9999, -179.9999))
    assert west in grid.neighbours(east)
    around = grid.neighbours(grid.cell(lon=0, lat=90))
    assert grid.unpack(around)[1].tolist() == [12501] * 6
    polar = Grid.geographic(100)
    last = polar.cell(lon=[-90, 90], lat=90)
    assert last[0] != last[1]
    assert last[1] in polar.neighbours(last[0])


def test_arrays_scalars_and_nothing():
    for grid in (Grid.geographic(800), Grid.planar(800), Grid.projected(800, crs="EPSG:32650")):
        cell = grid.pack(31682, 5523) if grid.kind == "geographic" else grid.pack(560, 5521)
        a, b = grid.centre(cell)
        assert type(a) is type(b) is float
        assert grid.polygon(cell).geom_type == "Polygon"
        many = np.full((2, 3), cell)
        assert [v.shape for v in grid.centre(many)] == [(2, 3), (2, 3)]
        assert grid.polygon(many).shape == (2, 3)
        nothing = np.empty(0, np.int64)
        assert [v.shape for v in grid.centre(nothing)] == [(0,), (0,)]
        assert grid.polygon(nothing).shape == (0,)
        assert grid.polygon([]).shape == (0,)
        assert grid.to_geojson(nothing)["features"] == []


def test_plane_outlines():
    grid = Grid.planar(10, origin=(1, 2))
    assert grid.polygon(grid.pack(3, -1)).bounds == (31, -8, 41, 2)
    assert grid.centre(grid.pack(3, -1)) == (36, -3)


def test_geojson():
    grid = Grid.geographic(800)
    cells = grid.cell(lon=[116.4, -70.0], lat=[39.9, -33.0])
    found = json.loads(json.dumps(grid.to_geojson(cells)))
    assert found["type"] == "FeatureCollection"
    assert found["grid"] == "Grid.geographic(800)"
    col, row = grid.unpack(cells)
    for i, feature in enumerate(found["features"]):
        assert feature["id"] == str(cells[i])
        assert feature["properties"] == {"cell": cells[i], "cell_col": col[i], "cell_row": row[i]}
        assert shapely.geometry.shape(feature["geometry"]).equals(grid.polygon(cells[i]))
    assert len(grid.to_geojson(int(cells[0]))["features"]) == 1


@pytest.mark.parametrize(
    "cell",
    [
        BAD_CELL,
        Grid.pack(0, 12503),
        Grid.pack(0, -12504),
        Grid.pack(-1, 0),
        Grid.pack(50094, 0),
        Grid.pack(1, 12502),
    ],
)
def test_cells_of_another_grid(cell):
    grid = Grid.geographic(800)
    words = r"1 of 2 are no cells of Grid.geographic\(800\), the first is number 1 \(counted from 0\)"
    for method in (grid.centre, grid.polygon, grid.to_geojson):
        with pytest.raises(GridError, match=words):
            method([grid.pack(0, 0), cell])
    with pytest.raises(GridError, match="made on another grid"):
        grid.neighbours(cell)


def test_no_cell_has_no_place_in_a_plane():
    with pytest.raises(GridError, match="1 of 1 are no cells"):
        Grid.planar(10).centre(BAD_CELL)
