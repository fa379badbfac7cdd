"""What cells look like: centres, outlines, and which cells touch."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cotrace import geodesy
from cotrace.binning import BAD_CELL, WGS84
from cotrace.crs import transformer
from cotrace.errors import GridError

if TYPE_CHECKING:
    from cotrace.grid import Grid

__all__ = ["CellShapes"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


class CellShapes:
    """The geometry of the cells of one grid, behind the methods of :class:`cotrace.grid.Grid`.

    Parameters
    ----------
    grid : Grid
        The grid whose cells are asked for.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._scale = grid.cell_m, grid.origin[1]

    def centres(self, cells: Ints) -> tuple[Floats, Floats]:
        """Return the centres of cells.

        Parameters
        ----------
        cells : int64[n]

        Returns
        -------
        lon, lat (or x, y) : float64[n]
        """
        col, row = self._checked(cells)
        if self.grid.kind == "geographic":
            lon = self._west(col + 0.5, self._columns(row))
            return lon, geodesy.row_middles(row, *self._scale)
        return self._lonlat(self._metres(col + 0.5, 0), self._metres(row + 0.5, 1))

    def polygons(self, cells: Ints) -> NDArray[Any]:
        """Return the outlines of cells.

        Parameters
        ----------
        cells : int64[n]

        Returns
        -------
        object[n]
            shapely geometries.
        """
        import shapely

        col, row = self._checked(cells)
        if self.grid.kind == "geographic":
            n = self._columns(row)
            west = self._west(col, n)
            # the same expression as for the next cell, so that neighbours share their edge to the last bit
            east = np.where(self._west(col + 1, n) > west, self._west(col + 1, n), west + 360 / n)
            south, north = (np.clip(geodesy.row_edges(k, *self._scale), -90.0, 90.0) for k in (row, row + 1))
            a, b = (
                np.stack([west, east, east, west, west], 1),
                np.stack([south, south, north, north, south], 1),
            )
        else:
            x, y = ([self._metres(k + step, axis) for step in (0, 1)] for axis, k in enumerate((col, row)))
            corners_x = np.stack([x[0], x[1], x[1], x[0], x[0]], 1)
            corners_y = np.stack([y[0], y[0], y[1], y[1], y[0]], 1)
            a, b = self._lonlat(corners_x, corners_y)
        if self.grid.kind != "planar":
            # unroll what lies across the antimeridian, then cut it there
            a = np.where(
                (np.ptp(a, axis=1) > 180.0)[:, None] & (a < 0) & (self.grid.crs is not None), a + 360, a
            )
        good = np.isfinite(a).all(1) & np.isfinite(b).all(1)
        out = np.full(cells.shape, shapely.Polygon(), object)
        out[good] = shapely.polygons(np.stack([a[good], b[good]], -1))
        if self.grid.kind != "planar":
            for i in np.flatnonzero(good & (a.max(1, initial=-np.inf) > 180.0)):
                out[i] = _cut(out[i])
        return out

    def touching(self, cell: int) -> list[int]:
        """Return the cells that touch one.

        Parameters
        ----------
        cell : int

        Returns
        -------
        list of int
            In no order, without the cell itself.
        """
        (col,), (row,) = (v.tolist() for v in self._checked(np.array([cell])))
        around = self._touching_geographic(col, row) if self.grid.kind == "geographic" else _eight(col, row)
        return [(c << 32) + r for c, r in around if (c, r) != (col, row)]

    def _touching_geographic(self, col: int, row: int) -> set[tuple[int, int]]:
        first, last = geodesy.row_limits(*self._scale)
        shift = Fraction(self.grid.origin[0]) / Fraction(self.grid.cell_m)
        n = int(self._columns(np.array([row]))[0])
        found = {((col - 1) % n, row), ((col + 1) % n, row)}
        if row in (first, last):
            found |= {(c, row) for c in range(n)}  # all meet at the pole
        for other in (row - 1, row + 1):
            if not first <= other <= last:
                continue
            m = int(self._columns(np.array([other]))[0])
            # edges as fractions of the circle, exactly: a corner on a corner is a touch
            begin = ceil((col + shift) * m / n - shift) - 1
            end = floor((col + 1 + shift) * m / n - shift)
            found |= {(c % m, other) for c in range(begin, min(end, begin + m) + 1)}
        return found

    def _columns(self, row: Ints) -> Ints:
        return geodesy.row_columns(row, *self._scale)

    def _west(self, col: NDArray[Any], n: Ints) -> Floats:
        """Longitude of a place in columns: -180 and above; 180 for the eastern edge of the last column."""
        shift = self.grid.origin[0] / self.grid.cell_m
        place = np.asarray(col, np.float64)
        if shift:
            # a row of one cell goes round a pole: it has no edge to be shifted
            place = np.where(n > 1, (place + shift) % n, place)
        return np.asarray(place / n * 360.0 - 180.0, np.float64)

    def _metres(self, place: NDArray[Any], axis: int) -> Floats:
        return np.asarray(place * self.grid.cell_m + self.grid.origin[axis], np.float64)

    def _lonlat(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        if self.grid.crs is None:
            return x, y
        lon, lat = transformer(self.grid.crs, WGS84).transform(x, y)
        nowhere = ~(np.isfinite(lon) & np.isfinite(lat))
        return np.where(nowhere, np.nan, lon), np.where(nowhere, np.nan, lat)

    def _checked(self, cells: Ints) -> tuple[Ints, Ints]:
        """Columns and rows of cells, when all are cells of this grid."""
        col, row = self.grid.unpack(cells)
        wrong = cells < BAD_CELL + 2**31  # column -2**31: "no cell", and what never is one
        if self.grid.kind == "geographic":
            first, last = geodesy.row_limits(*self._scale)
            wrong |= (row < first) | (row > last)
            wrong |= (col < 0) | (col >= self._columns(np.clip(row, first, last)))
        if wrong.any():
            raise GridError(
                f"{np.count_nonzero(wrong)} of {cells.size} are no cells of {self.grid!r}, the first is "
                f"number {np.flatnonzero(wrong)[0]} (counted from 0): were they made on another grid?"
            )
        return col, row


def _eight(col: int, row: int) -> set[tuple[int, int]]:
    around = {(c, r) for c in (col - 1, col, col + 1) for r in (row - 1, row, row + 1)}
    return {(c, r) for c, r in around if -(2**31) < c < 2**31 and -(2**31) <= r < 2**31}


def _cut(polygon: Any) -> Any:
    """Cut a polygon that reaches beyond longitude 180 at the antimeridian."""
    import shapely
    from shapely import affinity

    west, east = (polygon.intersection(shapely.box(edge, -90, edge + 360, 90)) for edge in (-180.0, 180.0))
    return shapely.MultiPolygon([west, affinity.translate(east, -360.0)])


def write_geoparquet(table: Any, shapes: Any, path: str | Path, *, plane: bool) -> None:
    """Write an Arrow table with a geometry for each row as GeoParquet 1.1.

    Parameters
    ----------
    table : pyarrow.Table
    shapes : sequence of shapely geometries
        None where a row has none. Longitude and latitude in WGS 84 (the default CRS of GeoParquet).
    path : str or Path
    plane : bool
        Whether the geometries are metres of a plane without a CRS instead.
    """
    import json

    import pyarrow as pa
    import pyarrow.parquet as pq
    import shapely

    wkb = [None if shape is None else shapely.to_wkb(shape) for shape in shapes]
    rows = table.append_column("geometry", pa.array(wkb, pa.binary()))
    kinds = sorted({shape.geom_type for shape in shapes if shape is not None})
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": kinds}
    if plane:
        column["crs"] = None
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    meta = {**(rows.schema.metadata or {}), b"geo": json.dumps(geo).encode()}
    pq.write_table(rows.replace_schema_metadata(meta), path, compression="zstd", write_page_checksum=True)
