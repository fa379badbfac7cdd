from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

import cotrace
from cotrace.demo import city_pings
from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.interchange import to_geopandas, to_geoparquet
from cotrace.testing import assert_tables_equal

AS_OF = "2021-11-03T00:00:00+08:00"
PLANE = {"device": [1, 1, 2, 2], "time": [0, 600, 0, 600], "x": [10.0, 20.0, 900.0, 910.0], "y": [0.0] * 4}


@pytest.fixture(scope="module")
def stays() -> cotrace.Stays:
    return cotrace.find_stays(cotrace.read_pings(city_pings(120)))


def test_every_stay_is_in_its_cell(stays: cotrace.Stays) -> None:
    frame = to_geopandas(stays)
    assert_tables_equal(frame.drop(columns="geometry"), stays, types="loose")
    lon, lat = stays.grid.centre(frame["cell"].to_numpy())
    assert shapely.contains_xy(np.asarray(frame.geometry.array), lon, lat).all()
    points = to_geopandas(stays, geometry="centre")
    assert np.array_equal(points.geometry.x, lon)
    assert np.array_equal(points.geometry.y, lat)
    assert frame.crs == points.crs == "OGC:CRS84"


def test_evidence_of_companions(stays: cotrace.Stays) -> None:
    found = cotrace.find_companions(cotrace.read_pings(city_pings(120)), [101], as_of=AS_OF)
    frame = to_geopandas(found)
    assert len(frame) == len(found.evidence) > 0
    assert frame.geometry.equals(to_geopandas(found.evidence, grid=found.options.grid).geometry)


def test_tables_need_their_grid(stays: cotrace.Stays) -> None:
    way = cotrace.trajectory(stays, [5])
    assert "gap" in way["kind"].to_pylist()
    with pytest.raises(OptionError, match="which grid are these cells of"):
        to_geopandas(way)
    frame = to_geopandas(way, grid=stays.grid)
    assert (frame.geometry.isna() == frame["cell"].isna()).all()
    assert to_geopandas(way, geometry="centre").geometry.notna().sum() == frame.geometry.notna().sum()


def test_a_plane_has_no_crs() -> None:
    made = cotrace.find_stays(cotrace.read_pings(PLANE, unit="s"))
    frame = to_geopandas(made)
    assert frame.crs is None
    assert frame.geometry[1].bounds == (800.0, 0.0, 1600.0, 800.0)
    assert to_geopandas(made, geometry="centre").geometry[0].coords[0] == (400.0, 400.0)


def test_places_from_elsewhere_are_nowhere() -> None:
    visits = cotrace.read_visits(
        {"device": [1], "place": ["theatre"], "started_at": [0], "finished_at": [600]},
        unit="s",
        source="tickets",
    )
    made = cotrace.with_visits(cotrace.find_stays(cotrace.read_pings(PLANE, unit="s")), visits)
    shapes = to_geopandas(made).geometry
    assert (shapes.isna().sum(), shapes.notna().sum()) == (1, 2)


@pytest.mark.parametrize("kind", [int, str])
def test_towers_have_centres_alone(kind: type) -> None:
    towers = {"tower": [kind(7), kind(8)], "lon": [104.0, 104.1], "lat": [30.6, 30.7]}
    log = {"device": [1, 1, 2, 2], "time": [0, 600, 0, 600], "tower": [kind(7)] * 2 + [kind(8)] * 2}
    options = cotrace.StayOptions(by="tower", fill="same_cell")
    made = cotrace.find_stays(cotrace.read_pings(log, unit="s", towers=towers), options=options)
    assert to_geopandas(made, geometry="centre").geometry.y.tolist() == [30.6, 30.7]
    with pytest.raises(OptionError, match=r"towers, which have no outline|which grid"):
        to_geopandas(made)


def test_what_cannot_be_drawn(stays: cotrace.Stays) -> None:
    with pytest.raises(CotraceTypeError, match="dict is no result with cells"):
        to_geopandas({})
    with pytest.raises(SchemaError, match="contacts has no column 'cell'"):
        to_geopandas(cotrace.contacts(stays, [101], as_of=AS_OF))
    with pytest.raises(OptionError, match="geometry='disc' is not one of"):
        to_geopandas(stays, geometry="disc")  # type: ignore[arg-type]


@pytest.mark.parametrize("what", ["stays", "plane", "empty", "zones"])
def test_geoparquet_is_read_by_geopandas(what: str, stays: cotrace.Stays, tmp_path: Path) -> None:
    found = {
        "stays": lambda: stays,
        "plane": lambda: cotrace.find_stays(cotrace.read_pings(PLANE, unit="s")),
        "empty": lambda: cotrace.find_stays(
            cotrace.read_pings({k: v[:1] for k, v in PLANE.items()}, unit="s")
        ),
        "zones": lambda: cotrace.zones(stays, [101], as_of=AS_OF),
    }[what]()
    path = tmp_path / "found.parquet"
    to_geoparquet(found, path)
    read, made = gpd.read_parquet(path), to_geopandas(found)
    assert len(read) == len(made)
    assert read.geometry.geom_equals(made.geometry).all()
    assert read.crs == made.crs
    geo = json.loads(pq.read_metadata(path).metadata[b"geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"]["geometry"]["encoding"] == "WKB"
