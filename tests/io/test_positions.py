from __future__ import annotations

import warnings
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from tests.io.helpers import lonlat, read, refused, table

import cotrace
from cotrace.errors import CotraceWarning, PositionError, RefusedRowsError, SchemaError


def test_positions_leave_as_they_are():
    rows, pings = read(table(), unit="s")
    assert [r[3:5] for r in rows] == [(100.0 * i, -float(i)) for i in range(6)]
    assert (pings.positions, pings.crs) == ("xy", None)


def test_what_cannot_be_a_position():
    made = table(6, x=[np.nan, np.inf, None, 1.0, -np.inf, 2.0], y=[0.0, 0.0, 0.0, np.nan, 0.0, 1e300])
    rows, pings = read(pa.table(made), unit="s")
    assert [r[0] for r in rows] == [5]
    assert refused(pings) == [(i, "no position" if i == 2 else "position not finite") for i in range(5)]


def test_limits_of_longitude_and_latitude():
    made = {
        "device": [1] * 8,
        "time": [0] * 8,
        "lon": [180.0, -180.0, 180.1, -181.0, 0.0, 0.0, 0.0, 200.0],
        "lat": [90.0, -90.0, 0.0, 0.0, 91.0, -90.1, np.nan, np.nan],
    }
    rows, pings = read(made, unit="s")
    assert [r[0] for r in rows] == [0, 1]
    assert [r for _, r in refused(pings)] == ["position out of range"] * 4 + ["position not finite"] * 2


def test_swapped_longitude_and_latitude():
    swapped = lonlat(lon=[39.0, 39.1, 39.2], lat=[116.0, 116.1, 80.0])
    pings = cotrace.read_pings(swapped, unit="s")
    with pytest.warns(
        CotraceWarning, match=r"2 position out of range .*in 2 of them .* are lon and lat swapped\?"
    ) as w:
        list(pings.batches())
    assert w[0].message.figures["swapped"] == 2
    with pytest.raises(
        RefusedRowsError, match=r"row 0 cannot be used: position out of range .*lon and lat swapped\?"
    ):
        read(swapped, unit="s", errors="raise")
    with pytest.warns(CotraceWarning) as w:
        list(cotrace.read_pings(lonlat(lon=[200.0, 1.0, 1.0]), unit="s").batches())
    assert "swapped" not in str(w[0].message)


@pytest.mark.parametrize(
    "kind", [pa.float32(), pa.float16(), pa.int16(), pa.decimal128(9, 2), pa.string(), pa.string_view()]
)
def test_numbers_of_every_type(kind: pa.DataType):
    values = pa.array([Decimal(v) for v in (1, 2, 3)], pa.decimal128(9, 2))
    cast = values.cast(pa.int16()).cast(pa.float32()).cast(kind) if kind == pa.float16() else None
    if cast is None:
        cast = values.cast(pa.int16()).cast(pa.string()).cast(kind)
    assert [r[3] for r in read(table(3, x=cast), unit="s")[0]] == [1.0, 2.0, 3.0]


def test_text_that_is_no_number():
    rows, pings = read(table(4, x=["1", " 2.5 ", "1,5", "nan"]), unit="s")
    assert [r[3] for r in rows] == [1.0, 2.5]
    assert refused(pings) == [(2, "unreadable position"), (3, "position not finite")]


def test_types_that_are_no_number():
    with pytest.raises(
        SchemaError, match="column 'x' is of type bool; a coordinate is a number: cast the column"
    ):
        cotrace.read_pings(table(1, x=[True]), unit="s")
    rows, _ = read(table(3, x=pa.array([1.0, 2.0, 1.0]).dictionary_encode()), unit="s")
    assert [r[3] for r in rows] == [1.0, 2.0, 1.0]


def test_a_column_of_nothing():
    with pytest.raises(RefusedRowsError, match="2 no position"):
        read(table(2, x=[None, None]), unit="s")


@pytest.mark.parametrize("crs", [None, "WGS84", "wgs 84", "EPSG:4326", "epsg:4326", "OGC:CRS84", 4326])
def test_names_of_wgs84(crs: object):
    rows, pings = read(lonlat(), unit="s", crs=crs)
    assert rows[0][3:5] == (116.0, 39.0)
    assert (pings.positions, pings.crs) == ("lonlat", None)


@pytest.mark.parametrize("crs", ["gcj02", "GCJ-02"])
def test_gcj02_is_converted(crs: str):
    rows, pings = read(
        lonlat(lon=[116.4270221, np.nan, 500.0], lat=[39.9024463, 1.0, 1.0]), unit="s", crs=crs
    )
    assert rows[0][3:5] == pytest.approx((116.42079, 39.90105), abs=1e-7)
    assert len(rows) == 1
    assert [r["lon"] for r in pings.refused.to_pylist()][1] == 500.0  # what was given, not what became of it
    assert "given as" in pings.describe()


def test_other_geographic_crs():
    # Amersfoort is some 100 m off WGS 84
    rows, _ = read(lonlat(lon=[5.0, 5.1, 5.2], lat=[52.0, 52.1, 52.2]), unit="s", crs="EPSG:4289")
    assert rows[0][3:5] == pytest.approx((5.0, 52.0), abs=0.01)
    assert rows[0][3] != 5.0


def test_projected_crs_of_xy():
    assert cotrace.read_pings(table(), unit="s", crs="EPSG:32650").crs == "EPSG:32650"
    assert cotrace.read_pings(table(), unit="s", crs=32650).crs == "EPSG:32650"
    own = "+proj=tmerc +lat_0=10 +lon_0=20 +units=m"
    assert cotrace.read_pings(table(), unit="s", crs=own).crs == own


def test_crs_without_a_name():
    import pyproj

    own = pyproj.CRS.from_proj4("+proj=tmerc +lat_0=10 +lon_0=20 +units=m")
    assert pyproj.CRS.from_user_input(cotrace.read_pings(table(), unit="s", crs=own).crs).is_projected


@pytest.mark.parametrize("crs", ["gcj02", "EPSG:4326", "EPSG:4490"])
def test_geographic_crs_of_xy(crs: str):
    with pytest.raises(
        PositionError, match="is a CRS of longitude and latitude, but positions come from 'x' and 'y'"
    ):
        cotrace.read_pings(table(), unit="s", crs=crs)


def test_projected_crs_of_lonlat():
    with pytest.raises(
        PositionError, match="is no CRS of longitude and latitude, but positions come from 'lon' and"
    ):
        cotrace.read_pings(lonlat(), unit="s", crs="EPSG:32650")


def test_crs_in_feet():
    with pytest.raises(PositionError, match="is in US survey foot; x and y must be in metres"):
        cotrace.read_pings(table(), unit="s", crs="EPSG:2263")


def test_crs_that_is_none():
    with pytest.raises(PositionError, match="crs='EPSG:1' is no CRS that is known"):
        cotrace.read_pings(table(), unit="s", crs="EPSG:1")


def test_crs_of_a_tower_log():
    log = {"device": [1], "time": [0], "tower": [1]}
    with pytest.raises(PositionError, match="a tower log has no positions without towers="):
        cotrace.read_pings(log, unit="s", crs="gcj02")


def test_columns_of_batches_are_read_only():
    for made in (table(), table(x=list(range(6)))):
        (batch,) = cotrace.read_pings(made, unit="s").batches()
        assert not any(v.flags.writeable for v in (batch.a, batch.b, batch.time))


def warned(source, **options):
    pings = cotrace.read_pings(source, unit="s", **options)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        list(pings.batches())
    return [w.message for w in said if w.message.kind == "positions"]


def plane(x, y):
    return {"device": [i % 3 for i in range(len(x))], "time": list(range(len(x))), "x": x, "y": y}


RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("x", "y", "crs"),
    [
        ([116.39, 116.41], [39.9, 39.91], None),  # a town, rounded
        (RNG.uniform(-0.5, 0.3, 50).round(5), RNG.uniform(51.3, 51.7, 50).round(5), None),  # across Greenwich
        (RNG.uniform(73, 135, 50).round(5), RNG.uniform(18, 54, 50).round(5), None),  # a large country
        (RNG.uniform(6, 15, 50).round(5), RNG.uniform(47, 55, 50).round(5), None),  # a smaller one
        ([1.0, 20.0], [3.0, 30.0], "EPSG:32650"),
    ],
)
def test_degrees_read_as_metres_are_warned_of(x, y, crs):
    (said,) = warned(plane(x, y), crs=crs)
    assert "positions look like degrees, but were read as metres" in str(said)
    assert "read them with lon='x', lat='y'" in str(said)
    assert said.figures["box"] == (min(x), max(x), min(y), max(y))


@pytest.mark.parametrize(
    ("x", "y", "crs"),
    [
        (RNG.uniform(0, 45, 50), RNG.uniform(0, 45, 50), None),  # a pen
        (RNG.uniform(0, 45, 50).round(2), RNG.uniform(20, 65, 50).round(2), None),
        (RNG.uniform(-50, 50, 50), RNG.uniform(-50, 50, 50), None),
        (RNG.uniform(100, 170, 50).round(2), RNG.uniform(10, 80, 50).round(2), None),
        ([116.39] * 2, [39.9] * 2, None),  # one position
        ([116.39, 5000.0], [39.9, 39.9], None),
        ([500_000.0, 500_010.0], [4_400_000.0, 4_400_010.0], "EPSG:32650"),
    ],
)
def test_metres_are_not_taken_for_degrees(x, y, crs):
    assert warned(plane(x, y), crs=crs) == []


def test_no_fix_at_zero_zero_is_warned_of():
    made = lonlat(lon=[0.0, 116.1, 0.0], lat=[39.0, 39.1, 0.0])
    (said,) = warned(made)
    assert "1 row has the position (0, 0) (first: row 2)" in str(said)
    assert "leave these rows out" in str(said)
    assert said.figures == {"zeros": 1, "first_row": 2}
    (said,) = warned(lonlat(lon=[0.0, 116.1, -0.0], lat=[0.0, 39.1, 0.0]))
    assert said.figures == {"zeros": 2, "first_row": 0}
    both = warned(lonlat(lon=[0.0, 116.1, 0.0], lat=[0.0, 39.1, 0.0], device=[1, 1, None]))
    assert both[0].figures == {"zeros": 1, "first_row": 0}
    assert warned(lonlat(lon=[0.0, 0.1, 0.0], lat=[0.0, 0.0, 0.0])) == []
    assert warned(lonlat(lon=[0.0, 0.0, 5.0], lat=[1.0, 2.0, 0.0])) == []
