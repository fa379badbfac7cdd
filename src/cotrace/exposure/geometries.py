"""Geometries as they are given: shapely, GeoJSON, WKT, WKB, alone or with names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cotrace.errors import CotraceTypeError, OptionError, PositionError, SchemaError

__all__ = [
    "column_of",
    "geojson_places",
    "is_geojson",
    "is_geometry",
    "is_several",
    "named_geometries",
    "to_geometry",
]

_GEOJSON = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection",
    "Feature", "FeatureCollection",
}  # fmt: skip
_WKT = (
    "POINT",
    "MULTIPOINT",
    "LINESTRING",
    "MULTILINESTRING",
    "POLYGON",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
)


def is_geometry(value: Any) -> bool:
    """Tell whether this is a shapely geometry."""
    return type(value).__module__.split(".")[0] == "shapely"


def is_geojson(value: Any) -> bool:
    """Tell whether this is GeoJSON, as a dict or as text."""
    if isinstance(value, str):
        return value.lstrip().startswith("{")
    said = value.get("type") if isinstance(value, Mapping) else None
    return isinstance(said, str) and said in _GEOJSON


def geojson_places(value: Any) -> list[tuple[str | None, Any, Mapping[str, Any]]]:
    """Return the features of GeoJSON: name (of ``properties.name``, or ``id``), geometry, properties."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"this is no GeoJSON: {error}") from None
    if not is_geojson(value):
        raise OptionError("this is no GeoJSON: it has no type of GeoJSON")
    if value["type"] == "FeatureCollection":
        features = value.get("features", [])
        if not isinstance(features, Sequence) or isinstance(features, str):
            raise OptionError("this is no GeoJSON: features is no list")
        return [one for feature in features for one in _feature(feature)]
    return _feature(value)


def _feature(value: Any) -> list[tuple[str | None, Any, Mapping[str, Any]]]:
    """Return a feature of a collection, or one that stands alone; a collection within another is none."""
    if not is_geojson(value) or value["type"] == "FeatureCollection":
        raise OptionError("this is no GeoJSON: one of the features is none")
    if value["type"] != "Feature":
        return [(None, to_geometry(value), {})]
    said = value.get("properties") or {}
    if not isinstance(said, Mapping):
        raise OptionError("this is no GeoJSON: properties are a table of names and values")
    name = said.get("name", value.get("id"))
    return [(None if name is None else str(name), to_geometry(value.get("geometry")), said)]


def to_geometry(value: Any) -> Any:
    """Return a shapely geometry of one, of GeoJSON, of WKT or of WKB; None for what is none of these."""
    import shapely

    try:
        if is_geometry(value):
            return value
        if isinstance(value, bytes):
            return shapely.from_wkb(value)
        if is_geojson(value):
            return shapely.from_geojson(value if isinstance(value, str) else json.dumps(value))
        if isinstance(value, str) and value.lstrip().upper().startswith(_WKT):
            return shapely.from_wkt(value)
    except (shapely.errors.ShapelyError, ValueError, TypeError, RecursionError) as error:
        raise OptionError(f"a geometry cannot be read: {str(error).splitlines()[0]}") from None
    return None


def named_geometries(areas: Any, what: str) -> tuple[list[str], list[Any]]:
    """Return names and geometries of areas: GeoJSON, a dict name -> geometry, or a frame with name and geometry.

    Areas without a name are called by their number.
    """
    if is_geojson(areas):
        listed = [(name, shape) for name, shape, _ in geojson_places(areas)]
    elif isinstance(areas, Mapping) and not {"geometry", "name"} <= set(areas):
        listed = [(str(name), to_geometry(shape)) for name, shape in areas.items()]
    elif isinstance(areas, Mapping) or hasattr(areas, "columns"):
        there = list(areas) if isinstance(areas, Mapping) else [str(c) for c in areas.columns]
        if "geometry" not in there:
            raise SchemaError(f"{what} have no column 'geometry'; they have {', '.join(there) or 'none'}")
        shapes = [to_geometry(g) for g in column_of(areas, "geometry")]
        names: list[Any] = column_of(areas, "name") if "name" in there else [None] * len(shapes)
        listed = [
            (None if name is None else str(name), shape) for name, shape in zip(names, shapes, strict=True)
        ]
    elif is_geometry(areas):
        listed = [(None, areas)]
    elif is_several(areas):
        listed = [(None, to_geometry(shape)) for shape in areas]
    else:
        raise CotraceTypeError(
            f"{what}: a {type(areas).__name__} is no areas: give GeoJSON, a dict of names and shapely polygons, or a "
            "frame with name and geometry"
        )
    missing = [k for k, (_, shape) in enumerate(listed) if shape is None]
    if missing:
        raise PositionError(f"{what}: {len(missing):,} have no geometry, the first is number {missing[0]}")
    called = [str(k) if name is None else name for k, (name, _) in enumerate(listed)]
    if doubled := len(called) - len(set(called)):
        raise SchemaError(f"{what}: {doubled:,} have the name of another: give each area a name of its own")
    return called, [shape for _, shape in listed]


def column_of(frame: Any, name: str) -> list[Any]:
    """Return a column of a frame as a list."""
    column = frame[name]
    return list(column.to_pylist() if hasattr(column, "to_pylist") else column)


def is_several(place: Any) -> bool:
    """Tell whether this is a sequence of places, and not one."""
    return (
        not isinstance(place, str | bytes | Mapping)
        and hasattr(place, "__len__")
        and hasattr(place, "__iter__")
    )
