"""Grids in a named CRS, and x/y of a named CRS on other grids."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrace.errors import GridError, PositionError
from cotrace.grid import BAD_CELL, Grid

UTM50 = "EPSG:32650"


def test_names_of_one_crs_are_one():
    same = [UTM50, "epsg:32650", " EPSG:32650 ", 32650, pyproj.CRS(UTM50), pyproj.CRS(UTM50).to_wkt()]
    assert {Grid.projected(800, crs=crs) for crs in same} == {Grid.projected(800, crs=UTM50)}
    assert Grid.projected(800, crs=UTM50) != Grid.projected(800, crs="EPSG:32651")


def test_a_crs_of_ones_own():
    own = "+proj=laea +lat_0=30 +lon_0=110 +datum=WGS84 +units=m"
    grid = Grid.projected(800, crs=own)
    assert grid == Grid.projected(800, crs=pyproj.CRS(own))
    assert grid.unpack(grid.cell(lon=110.001, lat=30.001)) == (0, 0)
    assert grid.describe() == "800 m projected (a CRS of its own)"


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:4326", "is geographic, in degrees: .* for lon/lat use Grid.geographic"),
        ("EPSG:2263", "has US survey foot as its unit: Grid.projected needs metres"),
        ("EPSG:99999", "crs='EPSG:99999' is not known to pyproj: give a code, such as 'EPSG:32650'"),
        ("no such thing", "is not known to pyproj"),
        ("EPSG:4978", "is a Geocentric CRS"),
        ("gcj02", r"is a shift of lon/lat .* use Grid.geographic\(\)"),
        (None, "belongs to Grid.projected"),
        (3.5, "crs=3.5 is no name of a CRS"),
        (True, "crs=True is no name of a CRS"),
    ],
)
def test_what_is_no_crs_in_metres(crs, words):
    with pytest.raises(GridError, match=words):
        Grid.projected(800, crs=crs)


@given(st.lists(st.tuples(st.floats(114, 120), st.floats(0, 84)), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_cells_are_floors_of_projected_metres(places):
    lon, lat = (np.array(v) for v in zip(*places, strict=True))
    x, y = pyproj.Transformer.from_crs("EPSG:4326", UTM50, always_xy=True).transform(lon, lat)
    grid = Grid.projected(800, crs=UTM50)
    col, row = grid.unpack(grid.cell(lon=lon, lat=lat))
    np.testing.assert_array_equal(col, np.floor(x / 800))
    np.testing.assert_array_equal(row, np.floor(y / 800))
    np.testing.assert_array_equal(grid.cell(x=x, y=y), grid.pack(col, row))


def test_axes_are_east_and_north_whatever_the_definition_says():
    # EPSG:31467 has northing first
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:31467", always_xy=True).transform(9.0, 50.0)
    grid = Grid.projected(800, crs="EPSG:31467")
    assert grid.unpack(grid.cell(lon=9.0, lat=50.0)) == (x // 800, y // 800)
    assert x < y


def test_ranges_are_looked_at_before_projecting():
    binner = Grid.projected(800, crs=UTM50).binner("lonlat")
    cells = binner(
        np.array([200.0, 117.0, 117.0, math.nan, 117.0]), np.array([30.0, 91.0, math.inf, 30.0, 30.0])
    )
    assert (cells == BAD_CELL).tolist() == [True, True, True, True, False]
    with pytest.raises(PositionError, match="1 of 1 positions"):
        Grid.projected(800, crs=UTM50).cell(lon=200, lat=30)


def test_x_y_of_one_crs_on_the_grid_of_another():
    lon, lat = np.array([119.9, 116.4, math.inf]), np.array([30.1, 39.9, 30.0])
    x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:32651", always_xy=True).transform(lon, lat)
    for grid in (Grid.projected(800, crs=UTM50), Grid.geographic(800)):
        cells = grid.binner("xy", "epsg:32651")(x, y)
        assert cells[:2].tolist() == grid.cell(lon=lon[:2], lat=lat[:2]).tolist()
        assert cells[2] == BAD_CELL


def test_degrees_as_x_and_y():
    grid = Grid.geographic(800)
    # CGCS2000 is WGS 84 to some centimetres
    cells = grid.binner("xy", "EPSG:4490")(np.array([116.4, 200.0]), np.array([39.9, 39.9]))
    assert cells.tolist() == [grid.cell(lon=116.4, lat=39.9), BAD_CELL]
    assert grid.binner("xy", "EPSG:4326")(np.array([116.4]), np.array([39.9])).tolist() == cells[:1].tolist()


class TestOutsideTheAreaOfUse:
    """What is outside is used, and counted."""

    def test_lonlat(self):
        binner = Grid.projected(800, crs=UTM50).binner("lonlat")
        cells = binner(
            np.array([117.0, 113.9, 120.1, 117.0, 114.0, 120.0]), np.array([30, 30, 30, -0.1, 10, 0.0])
        )
        assert (cells != BAD_CELL).all()
        assert binner.n_outside_area == 3
        binner(np.array([113.0, math.nan]), np.array([30.0, 30.0]))
        assert binner.n_outside_area == 4

    @pytest.mark.parametrize("crs", [UTM50, "EPSG:32601", "EPSG:3857", "EPSG:3995", "EPSG:3832"])
    @given(
        st.lists(
            st.lists(st.tuples(st.floats(-15, 15), st.floats(-12, 80)), min_size=1, max_size=6), max_size=6
        )
    )
    @settings(max_examples=40, deadline=None)
    def test_xy_is_counted_as_position_by_position(self, crs, batches):
        area = pyproj.CRS(crs).area_of_use
        middle = area.west + (area.east - area.west) % 360 / 2
        to, back = (
            pyproj.Transformer.from_crs(*pair, always_xy=True)
            for pair in (("EPSG:4326", crs), (crs, "EPSG:4326"))
        )
        binner = Grid.projected(800, crs=crs).binner("xy", crs)
        expected = 0
        for batch in batches:
            lon, lat = (np.array(v) for v in zip(*batch, strict=True))
            x, y = to.transform((lon + middle + 180) % 360 - 180, lat)
            finite = np.isfinite(x) & np.isfinite(y)
            x, y = x[finite], y[finite]
            lon, lat = back.transform(x, y)
            east = lon <= area.east if area.west < area.east else (lon <= area.east) | (lon >= area.west)
            west = lon >= area.west if area.west < area.east else True
            expected += int((~(east & west & (lat >= area.south) & (lat <= area.north))).sum())
            binner(x, y)
        assert binner.n_outside_area == expected

    def test_a_known_rectangle_spares_the_way_back(self, monkeypatch):
        binner = Grid.projected(800, crs=UTM50).binner("xy", UTM50)
        rng = np.random.default_rng(3)
        x, y = rng.uniform(4e5, 5e5, 1000), rng.uniform(4.3e6, 4.5e6, 1000)
        asked = []
        real = binner._area._back

        class Counting:
            def transform(self, x, y):
                asked.append(len(x))
                return real.transform(x, y)

        binner._area._back = Counting()
        x[0] = 9e6  # one stray position must not cost the others their rectangle
        for _ in range(5):
            binner(x, y)
        assert binner.n_outside_area == 5
        assert sum(asked) < 5000

    def test_nothing_is_counted_where_no_area_is_known(self):
        grid = Grid.projected(800, crs="+proj=laea +lat_0=30 +lon_0=110 +datum=WGS84")
        binner = grid.binner("lonlat")
        assert (binner(np.array([-70.0]), np.array([30.0])) != BAD_CELL).all()
        assert binner.n_outside_area == 0


def test_centres_and_outlines_are_in_degrees():
    grid = Grid.projected(800, crs=UTM50)
    cell = grid.cell(lon=116.4, lat=39.9)
    lon, lat = grid.centre(cell)
    assert grid.cell(lon=lon, lat=lat) == cell
    outline = grid.polygon(cell)
    assert outline.is_valid
    assert outline.exterior.is_ccw
    assert outline.covers(outline.centroid)
    corners = np.array(outline.exterior.coords)
    x, y = pyproj.Transformer.from_crs("EPSG:4326", UTM50, always_xy=True).transform(*corners.T)
    col, row = grid.unpack(cell)
    np.testing.assert_allclose(x / 800, col + np.array([0, 1, 1, 0, 0]), atol=1e-6)
    np.testing.assert_allclose(y / 800, row + np.array([0, 0, 1, 1, 0]), atol=1e-6)


def test_a_cell_across_the_antimeridian_is_cut():
    grid = Grid.projected(800, crs="EPSG:3832")  # centred on 150 degrees east
    for row in (-3, 2000):
        x, _ = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3832", always_xy=True).transform(
            -179.9999999, 0
        )
        shape = grid.polygon(grid.pack(int(x // 800), row))
        assert shape.geom_type == "MultiPolygon"
        assert shape.is_valid
        west, _, east, _ = shape.bounds
        assert (west, east) == (-180, 180)
        assert sum(part.bounds[2] - part.bounds[0] for part in shape.geoms) == pytest.approx(
            800 / 111_319.49, rel=1e-6
        )


def test_cells_that_are_nowhere_on_the_earth():
    grid = Grid.projected(800, crs="+proj=ortho +lat_0=0 +lon_0=0 +datum=WGS84")
    cells = grid.pack([0, 20_000], [0, 0])
    lon, lat = grid.centre(cells)
    assert np.isfinite([lon[0], lat[0]]).all()
    assert np.isnan([lon[1], lat[1]]).all()
    shapes = grid.polygon(cells)
    assert not shapes[0].is_empty
    assert shapes[1].is_empty
