"""Results with the outlines or centres of their cells: GeoPandas and GeoParquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cotrace.arrays import view
from cotrace.companions import Companions
from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.exposure.zones import Zones
from cotrace.grid import Grid
from cotrace.shapes import write_geoparquet
from cotrace.tables import Stays, Table

if TYPE_CHECKING:
    import geopandas as gpd
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Geometry", "placed", "to_geopandas", "to_geoparquet"]

Geometry = Literal["polygon", "centre"]
#: longitude first, as every geometry here; EPSG:4326 has latitude first
WGS84 = "OGC:CRS84"


def to_geopandas(found: Any, *, grid: Grid | None = None, geometry: Geometry = "polygon") -> gpd.GeoDataFrame:
    """Return a result as a GeoDataFrame: its rows, each with the outline or the centre of its cell.

    Parameters
    ----------
    found : Stays, Companions, Zones or Table
        Of companions the evidence is taken, of zones the zones; any other table needs a column ``cell``.
    grid : Grid, optional
        The grid of the cells. Stays and companions know theirs; other tables do not: ``grid=stays.grid``.
    geometry : {"polygon", "centre"}
        The cell's outline, or its centre as a point. Where towers are the cells there are no outlines.

    Returns
    -------
    geopandas.GeoDataFrame
        WGS 84 (longitude first), or no CRS where the grid is a plane. A row without a place has no geometry.
        Needs the extra ``geo``.

    Raises
    ------
    SchemaError, OptionError
        When there is no column of cells, no grid, or no outline to be had.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace.interchange import to_geopandas
    >>> pings = {"device": [1, 1], "time": [0, 600], "lon": [116.4, 116.4], "lat": [39.9, 39.9]}
    >>> stays = cotrace.find_stays(cotrace.read_pings(pings, unit="s"))
    >>> frame = to_geopandas(stays)
    >>> frame.crs.to_string(), frame.geom_type.tolist(), bool(frame.geometry[0].intersects(frame.geometry[0].centroid))
    ('OGC:CRS84', ['Polygon'], True)
    """
    import geopandas as gpd

    table, shapes, crs = placed(found, grid, geometry)
    return gpd.GeoDataFrame(table.to_pandas(), geometry=gpd.GeoSeries(list(shapes)), crs=crs)


def to_geoparquet(
    found: Any, path: str | Path, *, grid: Grid | None = None, geometry: Geometry = "polygon"
) -> None:
    """Write a result as GeoParquet 1.1: its columns, and WKB in ``geometry``. Needs no GeoPandas.

    Parameters
    ----------
    found, grid, geometry
        As in :func:`to_geopandas`.
    path : str or Path
        The file. Pages carry checksums.

    Examples
    --------
    >>> import cotrace, os, tempfile
    >>> from cotrace.interchange import to_geoparquet
    >>> pings = {"device": [1, 1], "time": [0, 600], "x": [10.0, 20.0], "y": [0.0, 0.0]}
    >>> stays = cotrace.find_stays(cotrace.read_pings(pings, unit="s"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     to_geoparquet(stays, os.path.join(folder, "stays.parquet"))
    ...     os.listdir(folder)
    ['stays.parquet']
    """
    table, shapes, crs = placed(found, grid, geometry)
    write_geoparquet(table, shapes, path, plane=crs is None)


def placed(
    found: Any, grid: Grid | None = None, geometry: Geometry = "polygon"
) -> tuple[pa.Table, NDArray[Any], str | None]:
    """Return a result's table, a shapely geometry (or None) for each of its rows, and their CRS."""
    if geometry not in ("polygon", "centre"):
        raise OptionError(f"geometry={geometry!r} is not one of 'polygon', 'centre'")
    if isinstance(found, Zones):
        import shapely

        shapes = np.array(found.shapes, dtype=object)
        shapes = shapes if geometry == "polygon" else shapely.centroid(shapes)
        return found.zones.to_arrow(), shapes, None if found.is_plane else WGS84
    if isinstance(found, Companions):
        found, grid = found.evidence, found.options.grid if grid is None else grid
    if isinstance(found, Stays):
        return _of_stays(found, grid, geometry)
    if not isinstance(found, Table):
        raise CotraceTypeError(
            f"{type(found).__name__} is no result with cells: give Stays, Companions, Zones or a Table"
        )
    if "cell" not in found.columns:
        raise SchemaError(
            f"{found.schema.name} has no column 'cell' to draw; it has {', '.join(found.columns)}"
        )
    if "cell_lon" not in found.columns:
        raise SchemaError(
            f"{found.schema.name} does not say where its cells are; give the Stays that they are of"
        )
    return _of_table(found, grid, geometry)


def _of_stays(
    stays: Stays, grid: Grid | None, geometry: Geometry
) -> tuple[pa.Table, NDArray[Any], str | None]:
    grid = stays.grid if grid is None else grid
    codes = np.arange(len(stays.cells.values))
    shapes = _shapes(stays.cells.columns(codes), grid, geometry)
    return stays.to_arrow(), shapes[stays.rows[:, 1]], _crs(grid)


def _of_table(
    table: Table, grid: Grid | None, geometry: Geometry
) -> tuple[pa.Table, NDArray[Any], str | None]:
    import pyarrow.compute as pc

    rows = table.to_arrow()
    cells = rows["cell"].combine_chunks().dictionary_encode()
    first = {code: row for row, code in reversed(list(enumerate(cells.indices.to_pylist())))}
    known = rows.take([first[code] for code in range(len(cells.dictionary))])
    shapes = _shapes({name: known[name].combine_chunks() for name in known.column_names}, grid, geometry)
    at = pc.fill_null(cells.indices, len(shapes)).to_numpy(zero_copy_only=False)
    return rows, np.array([*shapes, None], dtype=object)[at], _crs(grid, rows)


def _crs(grid: Grid | None, rows: pa.Table | None = None) -> str | None:
    plane = (
        grid.kind == "planar"
        if grid is not None
        else rows is not None and rows["cell_lon"].null_count == len(rows)
    )
    return None if plane else WGS84


def _shapes(cells: dict[str, Any], grid: Grid | None, geometry: Geometry) -> NDArray[Any]:
    """Return a geometry, or None, for each of these cells."""
    import shapely

    n = len(cells["cell"])
    shapes = np.full(n, None, dtype=object)
    on_grid = cells["cell_col"].is_valid().to_numpy(zero_copy_only=False)
    if geometry == "centre" and not (grid is not None and grid.kind == "planar"):
        lon, lat = (cells[name].to_numpy(zero_copy_only=False) for name in ("cell_lon", "cell_lat"))
        there = np.isfinite(lon.astype(float)) & np.isfinite(lat.astype(float))
        shapes[there] = shapely.points(lon[there], lat[there])
        return shapes
    if grid is None and n:
        raise OptionError(
            "which grid are these cells of? Name it: grid=stays.grid, or grid=found.options.grid"
        )
    col, row = (cells[name].to_numpy(zero_copy_only=False)[on_grid] for name in ("cell_col", "cell_row"))
    if not col.size:
        return shapes
    assert grid is not None
    packed = grid.pack(col.astype(np.int64), row.astype(np.int64))
    import pyarrow as pa

    own = cells["cell"]
    if not pa.types.is_int64(own.type) or not np.array_equal(
        view(own.filter(cells["cell_col"].is_valid()), np.int64), packed
    ):
        raise OptionError("these cells are towers, which have no outline: ask for geometry='centre'")
    shapes[on_grid] = grid.polygon(packed) if geometry == "polygon" else shapely.points(*grid.centre(packed))
    return shapes
