"""Geometries in every form that they are given in."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import shapely

import cotrace
from cotrace.exposure.geometries import geojson_places, named_geometries, to_geometry

BOX = shapely.box(0, 0, 1, 1)


@pytest.mark.parametrize(
    "form", [BOX, BOX.wkt, BOX.wkb, shapely.to_geojson(BOX), shapely.geometry.mapping(BOX)]
)
def test_one_geometry(form):
    assert to_geometry(form).equals(BOX)
    assert to_geometry(5) is None


@pytest.mark.parametrize("bad", ["POLYGON ((0 0", b"no", {"type": "Polygon", "coordinates": 7}])
def test_what_cannot_be_read(bad):
    with pytest.raises(cotrace.CotraceError, match="cannot be read"):
        to_geometry(bad)


def test_geojson_that_is_none():
    with pytest.raises(cotrace.CotraceError, match="no GeoJSON"):
        geojson_places("{no")
    with pytest.raises(cotrace.CotraceError, match="no type of GeoJSON"):
        geojson_places('{"type": "Sphere"}')


@pytest.mark.parametrize(
    ("areas", "names"),
    [
        ({"a": BOX, "b": BOX.wkt}, ["a", "b"]),
        ({"name": ["a", None], "geometry": [BOX, BOX]}, ["a", "1"]),
        (pd.DataFrame({"geometry": [BOX.wkb]}), ["0"]),
        (BOX, ["0"]),
        ([BOX, BOX], ["0", "1"]),
    ],
)
def test_areas_with_names(areas, names):
    got, shapes = named_geometries(areas, "units")
    assert got == names
    assert all(shape.equals(BOX) for shape in shapes)


@pytest.mark.parametrize(
    ("areas", "words"),
    [
        (pd.DataFrame({"name": ["a"]}), "no column 'geometry'"),
        (7, "no areas"),
        ({"a": None}, "1 have no geometry, the first is number 0"),
        ({"name": ["a", "a"], "geometry": [BOX, BOX]}, "name of another"),
    ],
)
def test_areas_that_cannot_be(areas: Any, words: str):
    with pytest.raises(cotrace.CotraceError, match=words):
        named_geometries(areas, "units")
