"""Grids as objects: how they are made, compared, printed; packing; planes; what is refused, and in which words."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.grid import oracle

from cotrace.errors import CotraceTypeError, GridError, PositionError
from cotrace.grid import BAD_CELL, Grid

int32 = st.integers(-(2**31), 2**31 - 1)
columns = st.integers(-(2**31) + 1, 2**31 - 1)


def test_repr_is_what_was_written():
    assert repr(Grid.geographic()) == "Grid.geographic(800)"
    assert repr(Grid.planar(1.8288, origin=(5, -2.5))) == "Grid.planar(1.8288, origin=(5, -2.5))"
    assert repr(Grid.projected(100, crs="epsg:32650")) == "Grid.projected(100, crs='EPSG:32650')"
    for grid in (Grid.geographic(0.1), Grid.planar(3, origin=(1, 2)), Grid.projected(crs=3857)):
        assert eval(repr(grid), {"Grid": Grid}) == grid


def test_describe():
    assert Grid.geographic(800).describe() == "800 m geographic (WGS 84)"
    assert Grid.planar(10).describe() == "10 m planar"
    assert Grid.projected(800, crs="EPSG:32650").describe() == "800 m projected (EPSG:32650)"
    assert Grid.planar(10, origin=(1, 2)).describe() == "10 m planar, origin 1 m, 2 m"


def test_equal_hashable_frozen_and_picklable():
    grid = Grid.geographic(800)
    assert grid == Grid.geographic(800.0) == Grid.geographic(np.int64(800), origin=[-0.0, 0])
    assert len({grid, Grid.geographic(800.0), Grid.planar(800), Grid.geographic(801)}) == 3
    assert pickle.loads(pickle.dumps(grid)) == grid
    assert grid != Grid.geographic(800, origin=(1, 0))
    with pytest.raises(AttributeError):
        grid.cell_m = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Grid.planar(0), GridError, "cell_m=0 is no side of a cell: give metres, more than 0"),
        (lambda: Grid.planar(-5), GridError, "no side of a cell"),
        (lambda: Grid.planar(math.nan), GridError, "no side of a cell"),
        (lambda: Grid.planar(math.inf), GridError, "no side of a cell"),
        (lambda: Grid.planar("800"), CotraceTypeError, "cell_m='800' is not a number of metres"),
        (lambda: Grid.planar(True), CotraceTypeError, "not a number of metres"),
        (lambda: Grid.geographic(0.01), GridError, r"0.1 m to 10,000,000 m; for finer cells use Grid.planar"),
        (lambda: Grid.geographic(2e7), GridError, "10,000,000 m"),
        (lambda: Grid.planar(1, origin=5), CotraceTypeError, r"origin=5 is not a pair \(dx, dy\) of metres"),
        (lambda: Grid.planar(1, origin="ab"), CotraceTypeError, "not a pair"),
        (lambda: Grid.planar(1, origin=(1, math.nan)), GridError, "a shift is finite"),
        (lambda: Grid.planar(1, origin=("a", 1)), CotraceTypeError, "origin='a' is not a number"),
        (lambda: Grid("hexagonal", 800), GridError, "kind='hexagonal' is not one of 'geographic'"),
        (lambda: Grid("geographic", 800, "EPSG:32650"), GridError, "belongs to Grid.projected"),
        (lambda: Grid("projected", 800), GridError, "belongs to Grid.projected"),
    ],
)
def test_what_is_no_grid(make, error, words):
    with pytest.raises(error, match=words):
        make()


@given(st.lists(st.tuples(columns, int32), min_size=1))
def test_pack_keeps_the_order_and_unpacks(pairs):
    col, row = (np.array(v) for v in zip(*pairs, strict=True))
    cells = Grid.pack(col, row)
    assert [
        tuple(v) for v in np.stack(Grid.unpack(cells), 1)[np.argsort(cells, kind="stable")].tolist()
    ] == sorted(pairs)
    assert (cells != BAD_CELL).all()


def test_pack_and_unpack_scalars_and_empty_arrays():
    assert Grid.pack(1, -1) == 2**32 - 1
    assert isinstance(Grid.pack(1, 2), int)
    assert Grid.unpack(Grid.pack(-5, 7)) == (-5, 7)
    assert Grid.pack([], []).dtype == np.int64
    assert [v.shape for v in Grid.unpack(np.empty(0, np.int64))] == [(0,), (0,)]
    assert Grid.pack([1, 2], 3).tolist() == [2**32 + 3, 2**33 + 3]


@pytest.mark.parametrize(("col", "row"), [(-(2**31), 0), (2**31, 0), (0, 2**31), (0, -(2**31) - 1)])
def test_pack_refuses_what_does_not_fit(col, row):
    with pytest.raises(GridError, match="1 columns or rows do not fit 32 bits, the first at 1"):
        Grid.pack([0, col], [0, row])


def test_cells_are_whole_numbers():
    with pytest.raises(CotraceTypeError, match="cell: whole numbers are needed, these are float64"):
        Grid.unpack(1.5)
    with pytest.raises(GridError, match="more than 63 bits"):
        Grid.unpack(np.array([2**63], np.uint64))
    assert Grid.unpack(np.array([2**32], np.uint64))[0].tolist() == [1]


coordinates = (
    st.floats(-1e6, 1e6)
    | st.integers(-(10**6), 10**6).map(float)
    | st.floats(allow_nan=False, allow_infinity=False)
)


@given(
    coordinates,
    coordinates,
    st.sampled_from([800.0, 1.8288, 0.1, 1e-9, 1e300]) | st.floats(1e-3, 1e5),
    st.booleans(),
)
@example(-0.0, -5e-324, 800.0, False)
@example(800.0, -800.0, 800.0, False)
@example(0.3, 0.7, 0.1, False)
@settings(max_examples=400, deadline=None)
def test_plane_against_fractions(x, y, side, shifted):
    origin = (12.5, -3.75) if shifted else (0.0, 0.0)
    grid = Grid.planar(side, origin=origin)
    with np.errstate(over="ignore"):
        cells = grid.binner("xy")(np.array([x]), np.array([y]))
        finite = np.isfinite((np.array([x, y]) - origin) / side).all()
    expected = oracle.plane(x, y, side, origin) if finite else (2**40, 0)
    if -(2**31) < expected[0] < 2**31 and -(2**31) <= expected[1] < 2**31:
        assert [v.tolist() for v in grid.unpack(cells)] == [[expected[0]], [expected[1]]]
    else:
        assert cells[0] == BAD_CELL


def test_an_edge_belongs_to_the_cell_that_it_begins():
    # 0.3 / 0.1 is 2.9999999999999996 in doubles, and a product with the reciprocal of 0.1 would say 3
    grid = Grid.planar(0.1)
    assert grid.unpack(grid.cell(x=0.3, y=0.7)) == (2, 6)
    assert Grid.unpack(Grid.planar(800).cell(x=[-1, 0, 799.999, 800], y=0))[0].tolist() == [-1, 0, 0, 1]


@given(columns, int32, st.sampled_from([800.0, 10.0, 1.8288]))
def test_plane_centres_lie_in_their_cells(col, row, side):
    grid = Grid.planar(side)
    cell = grid.pack(col, row)
    x, y = grid.centre(cell)
    assert grid.cell(x=x, y=y) == cell


def test_cell_takes_one_or_many_of_any_kind():
    grid = Grid.geographic(800)
    one = grid.cell(lon=116.4, lat=39.9)
    assert type(one) is int
    assert grid.cell(lon=pd.Series([116.4, 116.4]), lat=39.9).tolist() == [one, one]
    assert grid.cell(lon=np.full((2, 2), 116.4), lat=np.full((2, 2), 39.9)).shape == (2, 2)
    frozen = np.full(3, 116.4)[::2]
    frozen.setflags(write=False)
    assert grid.cell(lon=frozen, lat=[39.9, 39.9]).tolist() == [one, one]
    for empty in (grid.cell(lon=[], lat=[]), Grid.planar(5).cell(x=[], y=[])):
        assert empty.shape == (0,)
        assert empty.dtype == np.int64


def test_positions_that_cannot_be_are_counted():
    grid = Grid.geographic(800)
    with pytest.raises(PositionError) as error:
        grid.cell(lon=[1, 200, math.nan, 3], lat=[1, 2, 3, 91])
    assert str(error.value).startswith(
        "3 of 4 positions cannot be on the grid, the first is number 1 (counted from 0): "
    )
    assert "lon has to be within -180 and 180" in str(error.value)
    assert "swapped" not in str(error.value)
    with pytest.raises(PositionError, match="lon and lat look swapped"):
        grid.cell(lon=[39.9, 39.8], lat=[116.4, 116.3])
    with pytest.raises(PositionError, match="columns and rows have to fit 32 bits"):
        Grid.planar(1).cell(x=[0, 1e10], y=0)
    with pytest.raises(PositionError, match="1 of 1 positions"):
        Grid.planar(1).cell(x=math.nan, y=0)


@pytest.mark.parametrize("given", [{}, {"lon": 1}, {"lon": 1, "lat": 2, "x": 3}, {"x": 1, "lat": 2}])
def test_half_a_position(given):
    with pytest.raises(GridError, match="as lon= and lat=, or as x= and y=: both of them"):
        Grid.geographic().cell(**given)


def test_positions_that_have_no_place_on_the_grid():
    with pytest.raises(
        GridError, match=r"Grid.planar\(10\) is a grid of a plane, .* use Grid.geographic\(10\)"
    ):
        Grid.planar(10).cell(lon=1, lat=2)
    with pytest.raises(GridError, match=r"name their CRS with crs=, or use Grid.planar\(800\)"):
        Grid.geographic(800).cell(x=1, y=2)
    with pytest.raises(GridError, match=r"these x/y are in EPSG:32650: use Grid\.projected"):
        Grid.planar(10).binner("xy", "EPSG:32650")
    with pytest.raises(GridError, match=r"that has no place there: name their CRS"):
        Grid.projected(10, crs="EPSG:32650").binner("xy", None)
    with pytest.raises(GridError, match="positions='tower' is not one of 'lonlat', 'xy'"):
        Grid.planar(10).binner("tower")


def test_making_a_grid_loads_nothing_heavy():
    code = (
        "import sys; from cotrace.grid import Grid; g = Grid.geographic(800); hash(g), repr(g), g.describe();"
        "print([m for m in ('numba', 'pandas', 'pyarrow', 'shapely', 'pyproj', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
