"""From batches of positions to cells: what a grid does to every ping."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace import geodesy
from cotrace.crs import area_of_use, crs_name, is_degrees, transformer
from cotrace.errors import GridError

if TYPE_CHECKING:
    from cotrace.grid import Grid

__all__ = ["BAD_CELL", "WGS84", "Binner"]

BAD_CELL = -(2**63)
WGS84 = "EPSG:4326"

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


class Binner:
    """Turns batches of positions into cells of a grid; :meth:`cotrace.grid.Grid.binner` makes one.

    Parameters
    ----------
    grid : Grid
        The grid of the cells.
    positions : {"lonlat", "xy"}
        WGS 84 degrees, or metres.
    crs : str, int or pyproj.CRS, optional
        The CRS of x/y.

    Attributes
    ----------
    n_outside_area : int
        How many of the positions so far were outside the area that the CRS of a projected grid is made for.

    Notes
    -----
    One object is for one thread; as many as wanted can be made of one grid.
    """

    def __init__(self, grid: Grid, positions: str, crs: Any = None) -> None:
        if positions not in ("lonlat", "xy"):
            raise GridError(f"positions={positions!r} is not one of 'lonlat', 'xy'")
        source = WGS84 if positions == "lonlat" else None if crs is None else crs_name(crs)
        _refuse(grid, positions, source)
        target = WGS84 if grid.kind == "geographic" else grid.crs
        self.grid = grid
        self.n_outside_area = 0
        self._degrees = source is not None and is_degrees(source)
        self._transformer = transformer(source, target) if source and target and source != target else None
        self._area = _Area(grid.crs) if grid.crs else None
        self._bin = _geographic(grid) if grid.kind == "geographic" else _plane(grid)

    def __call__(self, a: ArrayLike, b: ArrayLike) -> Ints:
        """Return the cells of positions.

        Parameters
        ----------
        a, b : float64[n]
            lon and lat, or x and y.

        Returns
        -------
        int64[n]
            ``BAD_CELL`` where a position is not finite, out of range, or beyond columns and rows of 32 bits.
        """
        x = np.ascontiguousarray(a, np.float64)
        y = np.ascontiguousarray(b, np.float64)
        if self._transformer is None:
            cells = self._bin(x, y)
        else:
            if self._degrees:
                # pyproj takes longitude 200 without a word
                with np.errstate(invalid="ignore"):
                    x = np.where((np.abs(x) <= 180) & (np.abs(y) <= 90), x, np.nan)
            x, y = (np.ascontiguousarray(v, np.float64) for v in self._transformer.transform(x, y))
            cells = self._bin(x, y)
        if self._area is not None:
            good = cells != BAD_CELL
            self.n_outside_area += self._area.n_outside(x[good], y[good])
        return cells


def _refuse(grid: Grid, positions: str, source: str | None) -> None:
    if grid.kind == "planar" and positions == "lonlat":
        raise GridError(
            f"{grid!r} is a grid of a plane, and these positions are lon/lat: use "
            f"Grid.geographic({grid.cell_m:g}), or Grid.projected(crs=...) with a CRS of the place"
        )
    if grid.kind == "planar" and source is not None:
        raise GridError(
            f"{grid!r} is a grid of a plane without a name, and these x/y are in {source[:40]}: "
            f"use Grid.projected({grid.cell_m:g}, crs=...) or Grid.geographic({grid.cell_m:g}), "
            "or leave out crs="
        )
    if grid.kind != "planar" and positions == "xy" and source is None:
        raise GridError(
            f"{grid!r} is a grid on the earth, and these x/y are in a plane that has no place there: "
            f"name their CRS with crs=, or use Grid.planar({grid.cell_m:g})"
        )


def _plane(grid: Grid) -> Callable[[Floats, Floats], Ints]:
    from cotrace.kernels.cells import planar_cells

    def cells(x: Floats, y: Floats) -> Ints:
        out = np.empty(x.size, np.int64)
        planar_cells(x, y, grid.cell_m, grid.origin[0], grid.origin[1], out)
        return out

    return cells


def _geographic(grid: Grid) -> Callable[[Floats, Floats], Ints]:
    return _Rows(grid.cell_m, grid.origin).cells


@lru_cache(maxsize=512)
def _band(cell_m: float, dy: float, first: int, size: int) -> tuple[Floats, NDArray[np.int32]]:
    rows = np.arange(first, first + size)
    edges, columns = (
        geodesy.row_edges(rows, cell_m, dy),
        geodesy.row_columns(rows, cell_m, dy).astype(np.int32),
    )
    edges.setflags(write=False)
    columns.setflags(write=False)
    return edges, columns


class _Rows:
    """The tables of a geographic grid, as far as they were needed: band by band of rows."""

    def __init__(self, cell_m: float, origin: tuple[float, float]) -> None:
        from cotrace.kernels.cells import BAND, NODES

        self._cell_m, self._dy = cell_m, origin[1]
        self._shift = origin[0] / cell_m
        self._first, self._last = geodesy.row_limits(cell_m, self._dy)
        self._guesses, self._near = geodesy.row_guesses(NODES, cell_m, self._dy)
        self._band_size = BAND
        n_bands = (self._last - self._first) // BAND + 1
        # slots, edges, columns: replaced as a whole, never changed
        self._tables: tuple[NDArray[np.int32], Floats, NDArray[np.int32]] = (
            np.full(n_bands, -1, np.int32),
            np.empty((0, BAND)),
            np.empty((0, BAND), np.int32),
        )

    def cells(self, lon: Floats, lat: Floats) -> Ints:
        from cotrace.kernels.cells import geographic_cells

        out = np.empty(lon.size, np.int64)
        wanted = np.zeros(self._tables[0].size, np.bool_)
        rows = self._guesses, self._near, self._first, self._last, self._shift
        while geographic_cells(lon, lat, *rows, *self._tables, wanted, out):
            self._add(np.flatnonzero(wanted))
            wanted[:] = False
        return out

    def _add(self, bands: NDArray[np.intp]) -> None:
        slots, edges, columns = self._tables
        size = self._band_size
        added = [_band(self._cell_m, self._dy, self._first + int(band) * size, size) for band in bands]
        slots = slots.copy()
        slots[bands] = edges.shape[0] + np.arange(bands.size)
        self._tables = (
            slots,
            np.vstack([edges, *(new[0] for new in added)]),
            np.vstack([columns, *(new[1] for new in added)]),
        )


class _Area:
    """Counts positions outside the area that a CRS is made for.

    The way back to lon/lat costs more than all the rest, so a rectangle of the plane is kept of which it is
    known that it lies inside: nearly always all positions are in it.
    """

    def __init__(self, crs: str) -> None:
        self._bounds = area_of_use(crs)
        self._back = transformer(crs, WGS84)
        self._known = (np.inf, np.inf, -np.inf, -np.inf)

    def n_outside(self, x: Floats, y: Floats) -> int:
        if self._bounds is None:
            return 0
        left, bottom, right, top = self._known
        doubtful = ~((x >= left) & (x <= right) & (y >= bottom) & (y <= top))
        x, y = x[doubtful], y[doubtful]
        if not x.size or self._learn(x, y):
            return 0
        inside = self._inside(x, y)
        self._learn(x[inside], y[inside])
        return int(np.count_nonzero(~inside))

    def _inside(self, x: Floats, y: Floats, margin: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.bool_]:
        west, south, east, north = self._bounds or (-180.0, -90.0, 180.0, 90.0)
        lon, lat = self._back.transform(x, y)
        width = (east - west) % 360 or 360.0
        with np.errstate(invalid="ignore"):
            # degrees east of the western edge: an area may lie across the antimeridian
            along = (np.asarray(lon) - west) % 360
            inside = (lat >= south + margin[1]) & (lat <= north - margin[1])
            return np.asarray(inside & (along >= margin[0]) & (along <= width - margin[0]), np.bool_)

    def _learn(self, x: Floats, y: Floats) -> bool:
        """Try to add the rectangle round positions to the known one: it is inside when its outline is."""
        if not x.size:
            return False
        left, bottom, right, top = self._known
        box = min(left, x.min()), min(bottom, y.min()), max(right, x.max()), max(top, y.max())
        steps = np.linspace(0.0, 1.0, 64)
        wide, high = box[0] + steps * (box[2] - box[0]), box[1] + steps * (box[3] - box[1])
        same = np.ones(64)
        ring_x = np.concatenate([wide, same * box[2], wide[::-1], same * box[0]])
        ring_y = np.concatenate([same * box[1], high, same * box[3], high[::-1]])
        lon, lat = self._back.transform(ring_x, ring_y)
        # between two points of the outline it bends by far less than a quarter of their distance
        with np.errstate(invalid="ignore"):
            turn = (np.diff(lon) + 180) % 360 - 180
            margin = float(np.abs(turn).max() / 4), float(np.abs(np.diff(lat)).max() / 4)
            inside = bool(self._inside(ring_x, ring_y, margin).all())
        if inside:
            self._known = box
        return inside
