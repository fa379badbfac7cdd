"""Which cells meet a place on the ground, and how much of each lies in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace import geodesy
from cotrace.arrays import from_values, view
from cotrace.binning import BAD_CELL, WGS84
from cotrace.crs import transformer
from cotrace.errors import OptionError, PositionError
from cotrace.exposure.common import names_of_cells, seen_codes
from cotrace.exposure.geometries import is_geometry, is_several
from cotrace.io.positions import _to_wgs84

if TYPE_CHECKING:
    from cotrace.tables import Stays

__all__ = ["CellFinder", "Met"]

Int64 = NDArray[np.int64]
Floats = NDArray[np.float64]

_SLIVER = 1e-9
_CIRCLE = 16  # parts of a quarter of a circle
_M_PER_DEGREE = 111_195.0


@dataclass(frozen=True)
class Met:
    """Cells that meet places, one after the other.

    Parameters
    ----------
    place : int64[m]
        Number of the place; rising.
    cell : int64[m]
        Code of the cell.
    share : float64[m]
        Share of the cell's area that lies in the place; NaN where it is not known.
    small : int64[k]
        Numbers of the places that are much smaller than a cell.
    """

    place: Int64
    cell: Int64
    share: Floats
    small: Int64


class CellFinder:
    """Finds the cells of some stays that meet places.

    Parameters
    ----------
    stays : Stays
        Only cells in which there is a stay are looked at.
    crs : str, optional
        Of geometries, where they are not in WGS 84: ``"gcj02"``, or another geographic CRS.
    """

    #: a place with less than this share of a cell's area is much smaller than a cell
    SMALL = 0.25

    def __init__(self, stays: Stays, crs: Any = None) -> None:
        if crs is not None and stays.grid is not None and stays.grid.kind == "planar":
            raise OptionError(f"crs={crs!r} is of longitude and latitude, and cells are of {stays.grid!r}")
        self._to_wgs84 = _to_wgs84(crs, ("lon", "lat"))
        self._cells, self._grid, self._by = stays.cells, stays.grid, stays.cells.by
        self._own = names_of_cells(stays.cells)

    def find(self, places: Sequence[Any]) -> Met:
        """Return the cells of places, each a geometry, a cell, a tower, a name, or several of these."""
        numbers = [k for k, place in enumerate(places) if is_geometry(place)]
        parts = [self._geometries([places[k] for k in numbers], np.array(numbers, dtype=np.int64))]
        for k, place in enumerate(places):
            if not is_geometry(place):
                codes = self._named(place, k)
                parts.append(
                    (np.full(codes.size, k), codes, np.ones(codes.size), np.empty(0, dtype=np.int64))
                )
        place, cell, share, small = (np.concatenate([part[i] for part in parts]) for i in range(4))
        order = np.lexsort((cell, place))
        return Met(place[order].astype(np.int64), cell[order].astype(np.int64), share[order], np.sort(small))

    def points(self, a: Floats, b: Floats) -> Met:
        """Return the cells of points: longitude and latitude in WGS 84, or the plane's x and y."""
        import shapely

        if self._by == "tower":
            return Met(*self._towers(shapely.points(a, b), np.arange(a.size)))
        return self._points(a, b, np.arange(a.size))

    def ids(self, values: Any) -> Met:
        """Return the cells that stand in a column, one place each; null where there is none."""
        if self._by == "grid" and self._grid is not None:
            packed = view(values.drop_null(), np.int64)
            own = np.isin(packed, view(self._cells.values, np.int64)[list(self._own.values())])
            self._grid.centre(packed[~own])  # which refuses what is no cell of the grid
        there = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        codes = seen_codes(self._cells.values, values.drop_null())
        place, none = there[codes >= 0], np.empty(0, dtype=np.int64)
        return Met(place.astype(np.int64), codes[codes >= 0], np.ones(place.size), none)

    def _named(self, place: Any, number: int) -> Int64:
        """Return the codes of cells, towers or names; those without a stay have none."""
        values = list(place) if is_several(place) else [place]
        kind = self._cells.values.type
        found = []
        for value in values:
            value = value.item() if isinstance(value, np.generic) else value
            if isinstance(value, str) and value in self._own:
                found.append(self._own[value])
                continue
            try:
                ids = from_values([value], kind) if isinstance(value, int) == _is_integer(kind) else None
            except (TypeError, OverflowError):
                ids = None
            if ids is None or isinstance(value, bool):
                raise OptionError(
                    f"place number {number} is {_said(value)}, and cells are {kind} ({self._by}): give a cell, the "
                    "id of a tower where towers are the cells, the name of a place that visits were made to, a shapely "
                    "geometry or GeoJSON"
                )
            if self._by == "grid" and self._grid is not None and value not in self._own.values():
                self._grid.centre(value)  # which refuses what is no cell of the grid
            found.append(int(seen_codes(self._cells.values, ids)[0]))
        codes = np.unique(np.array(found, dtype=np.int64))
        return codes[codes >= 0]

    def _geometries(self, shapes: list[Any], numbers: Int64) -> tuple[Int64, Int64, Floats, Int64]:
        import shapely

        if not shapes:
            none = np.empty(0, dtype=np.int64)
            return none, none, np.empty(0), none
        array = np.array(shapes, dtype=object)
        if self._to_wgs84 is not None:
            convert = self._to_wgs84
            array = shapely.transform(array, lambda xy: np.stack(convert(xy[:, 0], xy[:, 1]), axis=1))
        self._check(array, numbers)
        if self._by == "tower":
            return self._towers(array, numbers)
        is_point = shapely.get_type_id(array) == 0
        xy = shapely.get_coordinates(array[is_point])
        met = self._points(xy[:, 0], xy[:, 1], numbers[is_point])
        parts = [(met.place, met.cell, met.share, met.small)]
        proper = _Proper(self._cells, self._grid, self._own)
        for number, shape in zip(numbers[~is_point], array[~is_point], strict=True):
            codes, part, little = proper.meeting(shape)
            few = np.array([number] if little else [], dtype=np.int64)
            parts.append((np.full(codes.size, number), codes, part, few))
        place, cell, share, small = (np.concatenate([part[i] for part in parts]) for i in range(4))
        return place, cell, share, small

    def _points(self, a: Floats, b: Floats, numbers: Int64) -> Met:
        if not a.size:
            none = np.empty(0, dtype=np.int64)
            return Met(none, none, np.empty(0), none)
        if self._grid is None:
            raise OptionError("these stays have no grid: a place is a tower's id")
        kind = "xy" if self._grid.kind == "planar" else "lonlat"
        packed = self._grid.binner(kind, None)(a, b)
        codes = seen_codes(self._cells.values, from_values(packed.tolist(), self._cells.values.type))
        there = np.flatnonzero((codes >= 0) & (packed != BAD_CELL))
        return Met(numbers[there], codes[there], np.zeros(there.size), numbers.astype(np.int64))

    def _check(self, shapes: NDArray[Any], numbers: Int64) -> None:
        import shapely

        bad = np.flatnonzero(shapely.is_empty(shapes) | ~shapely.is_valid(shapes))
        if bad.size:
            why = (
                shapely.is_valid_reason(shapes[bad[0]])
                if not shapely.is_empty(shapes[bad[0]])
                else "it is empty"
            )
            raise PositionError(
                f"{bad.size:,} of {shapes.size:,} places are no geometry that has an inside, the first is number "
                f"{numbers[bad[0]]}: {why}. shapely.make_valid() may mend it"
            )
        if self._grid is None or self._grid.kind == "planar":
            return
        box = shapely.bounds(shapes)
        with np.errstate(invalid="ignore"):
            out = np.flatnonzero(
                ~((np.abs(box[:, [0, 2]]) <= 180).all(1) & (np.abs(box[:, [1, 3]]) <= 90).all(1))
            )
        if out.size:
            swapped = (np.abs(box[out][:, [0, 2]]) <= 90).all()
            mend = "are lon and lat swapped?" if swapped else "transform them to EPSG:4326"
            raise PositionError(
                f"{out.size:,} of {shapes.size:,} places are not in longitude and latitude (WGS 84), the first is "
                f"number {numbers[out[0]]}: {mend}"
            )

    def _towers(self, shapes: NDArray[Any], numbers: Int64) -> tuple[Int64, Int64, Floats, Int64]:
        """Return the towers whose area (a circle of their radius) meets geometries, or that stand in them."""
        import shapely

        lon, lat, radius = self._tower_table()
        known = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        circles = _circles(lon[known], lat[known], radius[known])
        tree = shapely.STRtree(circles)
        at, which = tree.query(shapes, predicate="intersects")
        share = np.full(which.size, np.nan)
        round_ = np.isfinite(radius[known[which]])
        inside = shapely.area(shapely.intersection(shapes[at[round_]], circles[which[round_]]))
        share[round_] = np.minimum(inside / shapely.area(circles[which[round_]]), 1.0)
        none = np.empty(0, dtype=np.int64)
        return numbers[at], known[which].astype(np.int64), share, none

    def _tower_table(self) -> tuple[Floats, Floats, Floats]:
        """Return lon, lat and radius of every cell that is a tower; NaN where it is not known."""
        import pyarrow.compute as pc

        table, values = self._cells.towers, self._cells.values
        if table is None:
            raise OptionError(
                "towers are the cells and their positions are not known: give a place as the ids of towers, or "
                "read_pings(towers=) a table of them"
            )
        ids = table["tower"].combine_chunks()
        at = pc.index_in(values.cast(ids.type), value_set=ids)
        names = ("lon", "lat", "radius_m")
        columns = [table[n].combine_chunks().take(at) if n in table.column_names else None for n in names]
        nan = np.full(len(values), np.nan)
        lon, lat, radius = (
            nan if c is None else np.asarray(c.to_numpy(zero_copy_only=False), dtype=np.float64)
            for c in columns
        )
        return lon, lat, radius


class _Proper:
    """The cells of the grid in which there is a stay."""

    def __init__(self, cells: Any, grid: Any, own: dict[str, int]) -> None:
        self._grid = grid
        packed = view(cells.values, np.int64)
        keep = np.ones(packed.size, dtype=np.bool_)
        keep[list(own.values())] = False
        self._code = np.flatnonzero(keep)
        self._packed = packed[keep]
        self._col, self._row = grid.unpack(self._packed)

    def meeting(self, shape: Any) -> tuple[Int64, Floats, bool]:
        """Return the codes of the cells that a geometry meets, their shares, and whether it is a small one."""
        import shapely

        near = np.flatnonzero(self._near(shape.bounds))
        outlines = self._grid.polygon(self._packed[near])
        shapely.prepare(shape)
        hit = shapely.intersects(shape, outlines)
        near, outlines = near[hit], outlines[hit]
        area = shapely.area(outlines)
        share = shapely.area(shapely.intersection(shape, outlines)) / np.where(area > 0, area, 1.0)
        largest = float(area.max()) if area.size else 0.0
        if shape.area > 0:
            # an edge alone is shared with the neighbours, who are not met by that
            kept = share > _SLIVER * min(1.0, shape.area / largest if largest else 1.0)
            near, share = near[kept], share[kept]
        return (
            self._code[near],
            np.minimum(share, 1.0),
            bool(near.size) and shape.area < CellFinder.SMALL * largest,
        )

    def _near(self, bounds: tuple[float, float, float, float]) -> NDArray[np.bool_]:
        """Mark the cells whose place on the grid is near a box."""
        west, south, east, north = bounds
        grid = self._grid
        if grid.kind == "geographic":
            rows = [int(grid.unpack(grid.cell(lon=0.0, lat=lat))[1]) for lat in (south, north)]
            near = (self._row >= rows[0] - 1) & (self._row <= rows[1] + 1)
            some = np.flatnonzero(near)
            lon, _ = grid.centre(self._packed[some])
            width = 360.0 / geodesy.row_columns(self._row[some], grid.cell_m, grid.origin[1])
            near[some] = (lon >= west - width) & (lon <= east + width)
            return np.asarray(near, dtype=np.bool_)
        if grid.kind == "projected":
            way = transformer(WGS84, grid.crs)
            west, south, east, north = way.transform_bounds(west, south, east, north, densify_pts=41)
        low, high = self._place(west, south), self._place(east, north)
        near = (self._col >= low[0] - 1) & (self._col <= high[0] + 1)
        near &= (self._row >= low[1] - 1) & (self._row <= high[1] + 1)
        return np.asarray(near, dtype=np.bool_)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        (dx, dy), side = self._grid.origin, self._grid.cell_m
        return float(np.floor((x - dx) / side)), float(np.floor((y - dy) / side))


def _circles(lon: Floats, lat: Floats, radius: Floats) -> NDArray[Any]:
    """Return circles round towers in degrees; a point where the radius is not known."""
    import shapely

    turn = np.linspace(0, 2 * np.pi, 4 * _CIRCLE, endpoint=False)
    high = np.where(np.isfinite(radius), radius, 0.0) / _M_PER_DEGREE
    wide = high / np.maximum(np.cos(np.radians(lat)), 1e-6)
    ring = np.stack(
        [lon[:, None] + wide[:, None] * np.cos(turn), lat[:, None] + high[:, None] * np.sin(turn)], -1
    )
    out: NDArray[Any] = np.array(shapely.points(lon, lat), dtype=object).reshape(lon.size)
    known = np.isfinite(radius)
    out[known] = shapely.polygons(ring[known])
    return out


def _is_integer(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind))


def _said(value: Any) -> str:
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"
