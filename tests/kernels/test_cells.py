"""The kernels of the grids, compiled and as plain Python, against the definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grid import oracle

from cotrace import geodesy
from cotrace.kernels import cells, gcj02


def both(kernel):
    """The kernel compiled, and as plain Python where there is a difference."""
    return [kernel] if not hasattr(kernel, "py_func") else [kernel, kernel.py_func]


def tables(side, dy, bands):
    """All tables of a geographic grid, with these bands filled."""
    first, last = geodesy.row_limits(side, dy)
    slots = np.full((last - first) // cells.BAND + 1, -1, np.int32)
    slots[bands] = np.arange(len(bands))
    rows = first + np.array(bands, int)[:, None] * cells.BAND + np.arange(cells.BAND)
    edges = geodesy.row_edges(rows.ravel(), side, dy).reshape(rows.shape)
    columns = geodesy.row_columns(rows.ravel(), side, dy).astype(np.int32).reshape(rows.shape)
    places, near = geodesy.row_guesses(cells.NODES, side, dy)
    return (places, near, first, last), (slots, edges, columns)


def run(kernel, lon, lat, side, dy=0.0, shift=0.0, bands=()):
    """Run the kernel over tables of some bands; missing, wanted, cells."""
    head, tail = tables(side, dy, list(bands))
    out, wanted = np.full(len(lon), 7, np.int64), np.zeros(tail[0].size, bool)
    with np.errstate(all="ignore"):
        missing = kernel(np.array(lon, float), np.array(lat, float), *head, shift, *tail, wanted, out)
    return missing, np.flatnonzero(wanted).tolist(), out


def pairs(out):
    row = out.astype(np.int32).astype(np.int64)
    return list(zip(((out - row) >> 32).tolist(), row.tolist(), strict=True))


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
@given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_geographic_cells(kernel, places):
    lon, lat = zip(*places, strict=True)
    # 50 km: the whole earth is one band
    missing, wanted, out = run(kernel, lon, lat, 50_000.0, bands=[0])
    assert (missing, wanted) == (0, [])
    assert pairs(out) == [oracle.geographic(a, b, 50_000.0) for a, b in places]


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
def test_edges_of_rows_and_columns(kernel):
    side = 50_000.0
    rows = np.arange(-200, 201)
    edges = geodesy.row_edges(rows, side)
    for lat in (np.nextafter(edges, -90), edges, np.nextafter(edges, 90)):
        out = run(kernel, np.zeros(rows.size), lat, side, bands=[0])[2]
        assert [row for _, row in pairs(out)] == (rows - (lat < edges)).tolist()
    n = oracle.columns_of(60, side)
    lat = np.full(n, oracle.edge_of(60, side) + 0.1)
    edges = np.arange(n) * 360 / n - 180
    for lon in (np.maximum(np.nextafter(edges, -180), -180), edges, np.nextafter(edges, 180)):
        out = run(kernel, lon, lat, side, bands=[0])[2]
        assert [col for col, _ in pairs(out)] == [oracle.column_of(float(v), n) for v in lon]


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
def test_positions_out_of_range_are_bad_and_want_nothing(kernel):
    bad = [
        (180.1, 0),
        (-181, 0),
        (0, 90.1),
        (0, -91),
        (math.nan, 0),
        (0, math.nan),
        (math.inf, 0),
        (0, -math.inf),
    ]
    missing, wanted, out = run(kernel, *zip(*bad, strict=True), 50_000.0)
    assert (missing, wanted) == (0, [])
    assert (out == cells.BAD).all()


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
def test_missing_bands_are_asked_for(kernel):
    side = 800.0
    first, _ = geodesy.row_limits(side)
    row = first + 12 * cells.BAND  # the first row of a band
    edge = oracle.edge_of(row, side)
    lat = [edge, math.nextafter(edge, -90), edge + 0.001, edge - 0.001]
    lon = [10.0] * 4
    missing, wanted, out = run(kernel, lon, lat, side)
    assert missing == 4
    assert wanted
    assert (out == cells.BAD).all()
    # a position next to the edge between two bands may want the other one too; in the end none is missing
    for bands in ([11], [12]):
        missing, wanted, out = run(kernel, lon, lat, side, bands=bands)
        assert missing
        assert set(wanted) == {23 - bands[0]}
    missing, wanted, out = run(kernel, lon, lat, side, bands=[12, 11])
    assert (missing, wanted) == (0, [])
    assert [r for _, r in pairs(out)] == [row, row - 1, row, row - 1]


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
def test_poles_and_antimeridian(kernel):
    first, last = geodesy.row_limits(50_000.0)
    out = run(kernel, [0, 0, 180, -180, 0], [90, -90, 1, 1, -0.0], 50_000.0, bands=[0])[2]
    assert [r for _, r in pairs(out)] == [last, first, 2, 2, 0]
    assert out[2] == out[3]
    assert pairs(out)[2][0] == 0


@pytest.mark.parametrize("kernel", both(cells.geographic_cells))
def test_shifted_columns_go_round(kernel):
    n = oracle.columns_of(0, 50_000.0)
    out = run(kernel, [-180, -179.9, 179.9], [0.1] * 3, 50_000.0, shift=0.5, bands=[0])[2]
    assert [c for c, _ in pairs(out)] == [n - 1, n - 1, n - 1]
    out = run(kernel, [-180, 179.9], [0.1] * 2, 50_000.0, shift=-3.0, bands=[0])[2]
    assert [c for c, _ in pairs(out)] == [3, 2]


@pytest.mark.parametrize("kernel", both(cells.planar_cells))
@pytest.mark.parametrize("origin", [(0.0, 0.0), (12.5, -3.25)])
def test_planar_cells(kernel, origin):
    values = [0.0, -0.0, 0.3, 0.7, -0.1, 799.9, 800.0, 1e8, -1e8, 5e-324, -5e-324]
    x, y = (v.ravel() for v in np.meshgrid(values, values))
    for side in (0.1, 800.0, 1.8288):
        out = np.empty(x.size, np.int64)
        kernel(x, y, side, *origin, out)
        assert pairs(out) == [
            oracle.plane(float(a), float(b), side, origin) for a, b in zip(x, y, strict=True)
        ]


@pytest.mark.parametrize("kernel", both(cells.planar_cells))
def test_planar_cells_beyond_32_bits_are_bad(kernel):
    top = 2.0**31
    good = [(-top + 1, 0), (top - 1, top - 1), (0, -top), (math.nextafter(top, 0), 0)]
    bad = [(-top, 0), (top, 0), (0, top), (0, math.nextafter(-top, -math.inf)), (1e300, 0), (0, -1e300)]
    bad += [(math.nan, 0), (0, math.nan), (math.inf, 0), (0, -math.inf)]
    out = np.empty(len(good) + len(bad), np.int64)
    with np.errstate(all="ignore"):
        kernel(*np.array(good + bad).T, 1.0, 0.0, 0.0, out)
    assert pairs(out[: len(good)]) == [(math.floor(a), math.floor(b)) for a, b in good]
    assert (out[len(good) :] == cells.BAD).all()


@pytest.mark.parametrize(
    "pair", list(zip(both(gcj02.wgs84_to_gcj02), both(gcj02.gcj02_to_wgs84), strict=True))
)
def test_gcj02_kernels(pair):
    forward, back = pair
    rng = np.random.default_rng(0)
    lon = np.concatenate([rng.uniform(73, 137, 200), [0.0, 116.42079, math.nan, 105.0, 72.004]])
    lat = np.concatenate([rng.uniform(1, 55, 200), [51.0, 39.90105, 30.0, 35.0, 0.8293]])
    there, again = np.empty((2, lon.size)), np.empty((2, lon.size))
    forward(lon, lat, *there)
    np.testing.assert_array_equal(there[:, 200], [0.0, 51.0])
    np.testing.assert_array_equal(there[:, 201].round(7), [116.4270221, 39.9024463])
    back(*there, *again)
    np.testing.assert_allclose(again, [lon, lat], rtol=0, atol=1e-11)
