"""The rows of the ellipsoid against the oracle, and GCJ-02 both ways."""

from __future__ import annotations

import decimal
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grid import oracle

from cotrace import geodesy


@pytest.mark.parametrize("side", [800.0, 5000.0, 1.8288, 100.0])
def test_edges_are_the_nearest_doubles(side):
    first, last = geodesy.row_limits(side)
    rng = np.random.default_rng(int(side))
    rows = np.unique(np.concatenate([[-1, 0, 1, first + 1, last], rng.integers(first + 1, last, 150)]))
    assert geodesy.row_edges(rows, side).tolist() == [oracle.edge_of(int(k), side) for k in rows]


@pytest.mark.parametrize("side", [800.0, 3.3])
def test_the_few_open_rows_are_decided_in_decimal(side, monkeypatch):
    rows = np.arange(20_000, 30_000) if side < 10 else np.arange(-12_000, 12_000)
    expected = geodesy.row_edges(rows, side)
    decided = []
    real = geodesy._nearest_exactly

    def nearest(row, *rest):
        decided.append(row)
        # from wrong neighbours too: it finds its own way
        return real(row, *rest[:-1], math.nextafter(math.nextafter(rest[-1], 90), 90))

    monkeypatch.setattr(geodesy, "_nearest_exactly", nearest)
    np.testing.assert_array_equal(geodesy.row_edges(rows, side), expected)
    assert 0 < len(decided) < len(rows) / 30
    for row in decided[:20]:
        assert float(geodesy.row_edges(row, side)) == oracle.edge_of(row, side)


def test_row_0_begins_at_the_equator():
    edge = geodesy.row_edges([0], 800)
    assert edge[0] == 0.0
    assert not np.signbit(edge[0])
    assert geodesy.row_edges([-7, 7], 800).sum() == 0


def test_edges_beyond_the_poles_are_infinite():
    first, last = geodesy.row_limits(800)
    assert geodesy.row_edges([first - 1, first, last + 1], 800).tolist() == [-math.inf, -math.inf, math.inf]


def test_edges_do_not_depend_on_the_callers_decimal_context():
    expected = geodesy.row_edges(np.arange(2000), 800.5)
    with decimal.localcontext() as context:
        context.prec = 3
        context.rounding = decimal.ROUND_UP
        geodesy._ellipsoid.cache_clear()
        np.testing.assert_array_equal(geodesy.row_edges(np.arange(2000), 800.5), expected)


@pytest.mark.parametrize("side", [800.0, 100.0, 1.8288, 0.1, 77.7])
def test_columns(side):
    first, last = geodesy.row_limits(side)
    rows = np.concatenate(
        [[first, first + 1, -1, 0, last - 2, last - 1, last], np.linspace(first, last, 60).astype(int)]
    )
    assert geodesy.row_columns(rows, side).tolist() == [oracle.columns_of(int(k), side) for k in rows]


def test_columns_next_to_a_half_are_counted_exactly():
    # a side for which the circle of row 5000 is within a billionth of a cell of 12345.5
    row, side = 5000, 1250.0
    for _ in range(60):
        with oracle.exact():
            middle = oracle.latitude_of((row + oracle.Decimal("0.5")) * oracle.Decimal(side))
            sine, cosine = oracle.sin_cos(middle * oracle.PI / 180)
            e2 = oracle.F * (2 - oracle.F)
            circle = 2 * oracle.PI * oracle.A * cosine / (1 - e2 * sine * sine).sqrt()
            side = float((oracle.Decimal(side) + circle / oracle.Decimal("12345.5")) / 2)
    for s in (math.nextafter(side, 0), side, math.nextafter(side, math.inf)):
        assert int(geodesy.row_columns(row, s)) == oracle.columns_of(row, s)
        assert geodesy._columns_exactly(row, s, 0.0) == oracle.columns_of(row, s)
    south = -row - 1
    assert int(geodesy.row_columns(south, side)) == oracle.columns_of(south, side)


@given(st.floats(-90, 90), st.floats(0.1, 1e5), st.floats(-1e6, 1e6))
@settings(max_examples=100, deadline=None)
def test_guesses_are_as_good_as_they_say(lat, side, dy):
    places, error = geodesy.row_guesses(16, side, dy)
    at = (lat + 90) * 16
    node = int(at)
    guess = places[node] + (at - node) * (places[node + 1] - places[node])
    with oracle.exact():
        true = (oracle.arc(oracle.Decimal(lat)) - oracle.Decimal(dy)) / oracle.Decimal(side)
        assert abs(oracle.Decimal(float(guess)) - true) <= error
    assert error < 0.5


def test_gcj02_of_a_known_place():
    lon, lat = geodesy.wgs84_to_gcj02(116.42079, 39.90105)
    assert (round(lon, 7), round(lat, 7)) == (116.4270221, 39.9024463)
    lon, lat = geodesy.gcj02_to_wgs84(116.4270221, 39.9024463)
    # a centimetre is 1e-7 degrees; the published figures have seven digits
    assert lon == pytest.approx(116.42079, abs=1e-7)
    assert lat == pytest.approx(39.90105, abs=1e-7)


@given(st.floats(72.004, 137.8347), st.floats(0.8293, 55.8271))
@settings(max_examples=300, deadline=None)
def test_gcj02_there_and_back(lon, lat):
    east, north = geodesy.wgs84_to_gcj02(lon, lat)
    assert 0 < math.hypot((east - lon) * math.cos(math.radians(lat)), north - lat) * 111_320 < 1500
    back_lon, back_lat = geodesy.gcj02_to_wgs84(east, north)
    # a micrometre
    assert math.hypot(back_lon - lon, back_lat - lat) < 1e-11


@pytest.mark.parametrize(
    ("lon", "lat"), [(0.0, 0.0), (-73.9, 40.7), (139.7, 35.7), (100.0, -10.0), (72.0, 30.0), (100.0, 56.0)]
)
def test_outside_the_mainlands_box_nothing_moves(lon, lat):
    assert geodesy.wgs84_to_gcj02(lon, lat) == (lon, lat)
    if (lon, lat) != (100.0, 56.0) and lon != 72.0:
        assert geodesy.gcj02_to_wgs84(lon, lat) == (lon, lat)


def test_gcj02_keeps_what_is_no_position_and_every_shape():
    lon, lat = geodesy.gcj02_to_wgs84([math.nan, math.inf, 116.0], [30.0, 30.0, math.nan])
    np.testing.assert_array_equal(lon, [math.nan, math.inf, 116.0])
    np.testing.assert_array_equal(lat, [30.0, 30.0, math.nan])
    for shape in ((0,), (2, 3)):
        a, b = geodesy.wgs84_to_gcj02(np.full(shape, 110.0), np.full(shape, 30.0))
        assert a.shape == b.shape == shape
    a, b = geodesy.wgs84_to_gcj02([110.0, 111.0], 30.0)
    assert a.shape == b.shape == (2,)
