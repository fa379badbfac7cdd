"""Results on a map to move about in, in a notebook (extra ``map``: lonboard), or a picture where there is none."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CotraceWarning, OptionError
from cotrace.view.choose import plot

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions import Companions
    from cotrace.exposure.zones import Zones
    from cotrace.tables import Stays

__all__ = ["explore"]

Ints = NDArray[np.int64]
_ZONES = {"lockdown": (11, 79, 122, 190), "control": (230, 159, 0, 170), "precaution": (200, 190, 140, 110)}
_WAY, _POINT = (20, 20, 20, 160), (0, 114, 178, 150)


def explore(result: Any, *, device: Any = None, basemap: bool = False, **keywords: Any) -> Any:
    """Show a result on a map in a notebook; without lonboard, or without positions on the earth, draw it.

    Stays are shown as cells with the devices and the dwell in each, companions as the cells of the cases with the
    companions that each brings and the way of the one case that is named, zones as they are drawn, and every other
    table that has ``cell_lon`` and ``cell_lat`` as a point a row. All columns are in the tooltip.

    Parameters
    ----------
    result : Stays, Companions, Zones or Table
    device : device id, optional
        Of stays, one device with its way; of companions, one case.
    basemap : bool
        Put streets below. They are loaded from a server on the internet, which learns what area is looked at: by
        default nothing is loaded.
    **keywords
        Of :class:`lonboard.Map`.

    Returns
    -------
    lonboard.Map or matplotlib.axes.Axes
        The map; the picture of :func:`cotrace.view.plot` where there can be no map.

    Raises
    ------
    OptionError
        When the result is nowhere.

    Warns
    -----
    CotraceWarning
        Of kind ``positions``, when a picture is given instead of a map, and why.
    """
    layers = _layers_of(result, device)
    missing = (
        "lonboard is not installed: pip install 'cotrace[map]'"
        if layers
        else "nothing of it has a longitude and latitude"
    )
    if layers:
        try:
            return _map(layers, basemap, keywords)
        except ImportError:
            pass
    warnings.warn(
        CotraceWarning(f"a picture is given instead of a map: {missing}", "positions"), stacklevel=3
    )
    chosen = {} if device is None else {"case" if type(result).__name__ == "Companions" else "device": device}
    return plot(result, **chosen)


def _map(layers: list[tuple[str, Any, Any]], basemap: bool, keywords: dict[str, Any]) -> Any:
    import lonboard

    if not basemap:
        keywords = {"basemap": None, **keywords}
    made = []
    for kind, table, colours in layers:
        if kind == "polygons":
            layer = lonboard.PolygonLayer(table, get_fill_color=colours, get_line_color=(90, 90, 90, 160),
                                          line_width_min_pixels=0.6, pickable=True)  # fmt: skip
        elif kind == "points":
            layer = lonboard.ScatterplotLayer(
                table, get_fill_color=colours, radius_min_pixels=4, pickable=True
            )
        else:
            layer = lonboard.PathLayer(table, get_color=colours, width_min_pixels=2)
        made.append(layer)
    return lonboard.Map(made, **keywords)


def _layers_of(result: Any, device: Any) -> list[tuple[str, Any, Any]]:
    """Return layers as (kind, Arrow table with a geometry, colours); none where nothing has a place on the earth."""
    from cotrace.companions.result import Companions
    from cotrace.tables import Stays, Table

    if isinstance(result, Stays):
        return _stays(result, device)
    if isinstance(result, Companions):
        return _companions(result, device)
    if hasattr(result, "shapes") and hasattr(result, "zones"):
        return _zones(result)
    if isinstance(result, Table):
        if {"cell_lon", "cell_lat"} <= set(result.columns):
            return _points(result.to_arrow())
        raise OptionError(
            f"{result.schema.name} has no column cell_lon: it is nowhere, so there is nothing to explore"
        )
    raise OptionError(
        f"{type(result).__name__} is nowhere: stays, companions, zones and tables with cells can be explored"
    )


def _geometry(data: pa.Table, shapes: Any) -> pa.Table:
    """Add a column of shapes, as GeoArrow's WKB in WGS 84."""
    import pyarrow as pa
    import shapely

    meta = {"ARROW:extension:name": "geoarrow.wkb", "ARROW:extension:metadata": '{"crs":"EPSG:4326"}'}
    field = pa.field("geometry", pa.binary(), metadata=meta)
    return data.append_column(
        field, pa.array(list(shapely.to_wkb(np.asarray(shapes, dtype=object))), pa.binary())
    )


def _shades(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a colour a row, darker with a greater value: viridis, without matplotlib."""
    stops = np.array(
        [[253, 231, 37], [94, 201, 98], [33, 145, 140], [59, 82, 139], [68, 1, 84]], dtype=np.float64
    )
    at = np.asarray(values, dtype=np.float64)
    at = (len(stops) - 1) * at / max(float(at.max(initial=0)), 1e-9)
    low = np.minimum(at.astype(np.int64), len(stops) - 2)
    mixed = stops[low] + (stops[low + 1] - stops[low]) * (at - low)[:, None]
    return np.column_stack([mixed, np.full(len(at), 170)]).round().astype(np.uint8)


def _cells(
    stays: Stays, codes: Ints, columns: dict[str, Any], values: NDArray[Any]
) -> list[tuple[str, Any, Any]]:
    """Return a layer of cells: squares, or points where towers are the cells."""
    import pyarrow as pa
    import shapely

    from cotrace.view.maps import places_of

    places = places_of(stays, codes)
    known = np.flatnonzero(places.known)
    if places.plane or not known.size:
        return []
    table = pa.table(columns).take(pa.array(known))
    outlines = [places.outlines[i] for i in known.tolist()]
    if any(outline is None for outline in outlines):
        return [("points", _geometry(table, shapely.points(places.centres[known])), _shades(values[known]))]
    return [("polygons", _geometry(table, [shapely.Polygon(o) for o in outlines]), _shades(values[known]))]


def _way(stays: Stays, rows: NDArray[Any]) -> list[tuple[str, Any, Any]]:
    """Return a layer with the way from stay to stay."""
    import pyarrow as pa
    import shapely

    from cotrace.view.maps import places_of

    codes, place = np.unique(rows[:, 1], return_inverse=True)
    places = places_of(stays, codes.astype(np.int64))
    points = places.centres[place]
    points = points[np.isfinite(points[:, 0])]
    if places.plane or len(np.unique(points, axis=0)) < 2:
        return []
    return [("path", _geometry(pa.table({"stays": [len(rows)]}), [shapely.LineString(points)]), _WAY)]


def _stays(stays: Stays, device: Any) -> list[tuple[str, Any, Any]]:
    from cotrace.view.maps import _rows_of

    rows = stays.rows if device is None else _rows_of(stays, device)
    codes, place = np.unique(rows[:, 1], return_inverse=True)
    dwell = (
        np.bincount(place, weights=(rows[:, 3] - rows[:, 2]).astype(np.float64), minlength=codes.size) / 3600
    )
    pairs = np.unique(np.column_stack([place, rows[:, 0]]), axis=0)
    devices = np.bincount(pairs[:, 0], minlength=codes.size)
    columns = {
        "cell": stays.cells.take(codes.astype(np.int64)).values,
        "devices": devices,
        "dwell_h": dwell.round(2),
        "stays": np.bincount(place, minlength=codes.size),
    }
    values = devices if device is None else dwell
    found = _cells(stays, codes.astype(np.int64), columns, values)
    return found + (_way(stays, rows) if device is not None and found else [])


def _companions(found: Companions, case: Any) -> list[tuple[str, Any, Any]]:
    from cotrace.view.cells import _cells as cells_of
    from cotrace.view.report.contents import chosen_cases

    stays, n = found.stays, len(found.stays.cells.values)
    dwell, companions = np.zeros(n, np.int64), np.zeros(n, np.int64)
    cases = chosen_cases(found, case, None)
    for one in cases:
        mine, _ = cells_of(found, one)
        dwell[mine.codes] += mine.dwell_s
        companions[mine.codes] += mine.companions
    codes = np.flatnonzero(dwell)
    columns = {
        "cell": stays.cells.take(codes).values,
        "companions": companions[codes],
        "case_dwell_h": (dwell[codes] / 3600).round(2),
    }
    layers = _cells(stays, codes, columns, companions[codes])
    if case is not None and layers:
        from cotrace.view.select import clipped, device_stays

        rows = clipped(device_stays(found, cases[0].case), cases[0])
        layers += _way(stays, np.column_stack([np.zeros(len(rows), np.int64), rows]))
    return layers


def _zones(found: Zones) -> list[tuple[str, Any, Any]]:
    import pyarrow as pa

    rows = found.zones.to_arrow()
    known = [i for i, shape in enumerate(found.shapes) if shape is not None]
    if found._plane or not known:
        return []
    table = rows.take(pa.array(known))
    colours = np.array([_ZONES[kind] for kind in table["zone_kind"].to_pylist()], dtype=np.uint8)
    return [("polygons", _geometry(table, [found.shapes[i] for i in known]), colours)]


def _points(data: pa.Table) -> list[tuple[str, Any, Any]]:
    import pyarrow.compute as pc
    import shapely

    data = data.filter(pc.and_(data["cell_lon"].is_valid(), data["cell_lat"].is_valid()))
    if not data.num_rows:
        return []
    lon, lat = (data[name].to_numpy() for name in ("cell_lon", "cell_lat"))
    return [("points", _geometry(data, shapely.points(lon, lat)), _POINT)]
