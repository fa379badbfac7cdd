"""The grid: from positions to cells and back.

A cell is a column and a row, packed into one int64 in an order that keeps that of (column, row). There are
three kinds of grid: one for the whole earth, one in a named CRS, and one in a plane without a name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace import crs as _crs
from cotrace.binning import BAD_CELL, Binner
from cotrace.errors import CotraceTypeError, GridError, PositionError
from cotrace.shapes import CellShapes

__all__ = ["BAD_CELL", "Binner", "Grid"]

Kind = Literal["geographic", "projected", "planar"]

_LOW, _HIGH = -(2**31), 2**31 - 1


def _number(name: str, value: object) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise CotraceTypeError(f"{name}={value!r} is not a number of metres")
    return float(value) + 0.0  # the sum makes 0.0 of -0.0


def _origin(value: object) -> tuple[float, float]:
    if not isinstance(value, (Sequence, np.ndarray)) or isinstance(value, str) or len(value) != 2:
        raise CotraceTypeError(f"origin={value!r} is not a pair (dx, dy) of metres")
    dx, dy = (_number("origin", part) for part in value)
    if not (abs(dx) <= 1e9 and abs(dy) <= 1e9):
        raise GridError(f"origin={value!r}: a shift is finite and at most 1,000,000,000 m")
    return dx, dy


def _integers(name: str, value: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(value)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise CotraceTypeError(f"{name}: whole numbers are needed, these are {array.dtype}")
    if array.dtype == np.uint64 and np.any(array > np.uint64(2**63 - 1)):
        raise GridError(f"{name}: numbers of more than 63 bits")
    return array.astype(np.int64)


def _like(given: NDArray[Any], values: NDArray[Any]) -> Any:
    """Return values as they were asked for: one number for one, an array for an array."""
    return values if given.ndim else values.item()


def _bad_positions(
    a: NDArray[np.float64], b: NDArray[np.float64], bad: NDArray[np.intp], lonlat: bool
) -> str:
    text = f"{bad.size} of {a.size} positions cannot be on the grid, the first is number {bad[0]} "
    text += "(counted from 0): "
    if not lonlat:
        return text + "x and y have to be finite, and their columns and rows have to fit 32 bits"
    text += "lon has to be within -180 and 180, lat within -90 and 90, both finite and inside the grid's CRS"
    with np.errstate(invalid="ignore"):
        if np.all((np.abs(b[bad]) > 90) & (np.abs(b[bad]) <= 180) & (np.abs(a[bad]) <= 90)):
            text += "; lon and lat look swapped"
    return text


def _short(value: float) -> str:
    return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


@dataclass(frozen=True, repr=False)
class Grid:
    """A grid of square cells; make one with :meth:`geographic`, :meth:`projected` or :meth:`planar`.

    Grids are frozen, can be hashed, and compare by kind, side, CRS and origin; ``"epsg:32650"``, ``32650``
    and the pyproj object are one CRS.

    Parameters
    ----------
    kind : {"geographic", "projected", "planar"}
        What the positions are.
    cell_m : float
        Side of a cell, metres.
    crs : str, optional
        The CRS of a projected grid.
    origin : (float, float)
        Shift of the edges, metres.

    Examples
    --------
    >>> grid = Grid.geographic(800)
    >>> cell = grid.cell(lon=116.4, lat=39.9)
    >>> grid.unpack(cell)
    (31682, 5523)
    """

    kind: Kind
    cell_m: float
    crs: str | None = None
    origin: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise GridError(f"kind={self.kind!r} is not one of {', '.join(map(repr, get_args(Kind)))}")
        cell_m = _number("cell_m", self.cell_m)
        if not 0 < cell_m < math.inf:
            raise GridError(f"cell_m={self.cell_m!r} is no side of a cell: give metres, more than 0")
        if self.kind == "geographic" and not 0.1 <= cell_m <= 10_000_000:
            raise GridError(
                f"cell_m={_short(cell_m)}: cells of a geographic grid have sides of 0.1 m to 10,000,000 m; "
                "for finer cells use Grid.planar or Grid.projected"
            )
        object.__setattr__(self, "cell_m", cell_m)
        object.__setattr__(self, "origin", _origin(self.origin))
        if (self.crs is not None) != (self.kind == "projected"):
            raise GridError("crs= belongs to Grid.projected, and only to it")
        if self.crs is not None:
            name = _crs.crs_name(self.crs)
            _crs.check_metres(name)
            object.__setattr__(self, "crs", name)

    @classmethod
    def geographic(cls, cell_m: float = 800, *, origin: Sequence[float] = (0.0, 0.0)) -> Grid:
        """Make the grid of the whole earth: rows of one height, each cut into cells as wide as they are high.

        Parameters
        ----------
        cell_m : float
            Side of a cell, metres, from 0.1 on.
        origin : (float, float)
            ``(dx, dy)``: row 0 begins ``dy`` metres of arc north of the equator, and column 0 of every row
            ``dx / cell_m`` cells of that row east of the antimeridian (columns are counted round the earth).

        Returns
        -------
        Grid

        Notes
        -----
        Row *k* begins at the latitude whose WGS 84 meridian arc from the equator is ``k * cell_m`` metres, as
        the nearest double; the greatest *k* that begins at or below a latitude is its row. A row has as many
        columns as cells fit, rounded, round the circle of latitude at its middle, and they begin at the
        antimeridian.
        """
        return cls("geographic", cell_m, None, origin)  # type: ignore[arg-type]

    @classmethod
    def projected(cls, cell_m: float = 800, *, crs: Any, origin: Sequence[float] = (0.0, 0.0)) -> Grid:
        """Make a grid in a named CRS: ``floor(x / cell_m)``, ``floor(y / cell_m)``.

        Parameters
        ----------
        cell_m : float
            Side of a cell, metres of the projection.
        crs : str, int or pyproj.CRS
            A CRS projected in metres. x is east, y is north, whatever order its own definition has.
        origin : (float, float)
            The corner of cell (0, 0), metres.

        Returns
        -------
        Grid

        Raises
        ------
        GridError
            When the CRS is not known or not projected in metres.
        """
        return cls("projected", cell_m, crs, origin)  # type: ignore[arg-type]

    @classmethod
    def planar(cls, cell_m: float = 800, *, origin: Sequence[float] = (0.0, 0.0)) -> Grid:
        """Make a grid in a local plane, for x/y without a CRS: ``floor(x / cell_m)``, ``floor(y / cell_m)``.

        Parameters
        ----------
        cell_m : float
            Side of a cell, metres.
        origin : (float, float)
            The corner of cell (0, 0), metres.

        Returns
        -------
        Grid
        """
        return cls("planar", cell_m, None, origin)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        crs = f", crs={self.crs!r}" if self.crs is not None else ""
        shift = f", origin=({', '.join(map(_short, self.origin))})" if self.origin != (0.0, 0.0) else ""
        return f"Grid.{self.kind}({_short(self.cell_m)}{crs}{shift})"

    def describe(self) -> str:
        """Say in a few words what grid this is.

        Returns
        -------
        str
            Such as ``"800 m geographic (WGS 84)"``.
        """
        name = self.crs if self.crs is None or len(self.crs) < 40 else "a CRS of its own"
        where = {"geographic": " (WGS 84)", "projected": f" ({name})", "planar": ""}[self.kind]
        shift = f", origin {' m, '.join(map(_short, self.origin))} m" if self.origin != (0.0, 0.0) else ""
        return f"{_short(self.cell_m)} m {self.kind}{where}{shift}"

    def binner(self, positions: str, crs: Any = None) -> Binner:
        """Return what turns batches of positions into cells of this grid.

        Parameters
        ----------
        positions : {"lonlat", "xy"}
            WGS 84 degrees, or metres.
        crs : str, int or pyproj.CRS, optional
            The CRS of x/y; None when they are in a plane without a name.

        Returns
        -------
        Binner

        Raises
        ------
        GridError
            When such positions have no place on this grid; the message says which grid to use.
        """
        return Binner(self, positions, crs)

    def cell(self, *, lon: Any = None, lat: Any = None, x: Any = None, y: Any = None) -> Any:
        """Return the cells of positions: ``lon=, lat=`` in WGS 84 degrees, or ``x=, y=`` in metres.

        Parameters
        ----------
        lon, lat, x, y : float or array_like of float
            Geographic grids take lon/lat, planar grids x/y, projected grids either.

        Returns
        -------
        int or int64 array
            As many cells as positions.

        Raises
        ------
        PositionError
            When one of them is not finite, out of range, or so far out that its column or row leaves 32 bits.
        """
        lonlat = lon is not None and lat is not None and x is None and y is None
        if not lonlat and not (x is not None and y is not None and lon is None and lat is None):
            raise GridError("give a position as lon= and lat=, or as x= and y=: both of them, and no others")
        first, second = (lon, lat) if lonlat else (x, y)
        a, b = np.broadcast_arrays(np.asarray(first, np.float64), np.asarray(second, np.float64))
        binner = self.binner("lonlat" if lonlat else "xy", None if lonlat else self.crs)
        cells = binner(a.ravel(), b.ravel())
        bad = np.flatnonzero(cells == BAD_CELL)
        if bad.size:
            raise PositionError(_bad_positions(a.ravel(), b.ravel(), bad, lonlat))
        return cells.reshape(a.shape) if a.ndim else int(cells[0])

    @staticmethod
    def pack(col: ArrayLike, row: ArrayLike) -> Any:
        """Pack columns and rows into cells, ``(col << 32) + row``: cells sort as (column, row) do.

        Parameters
        ----------
        col, row : int or array_like of int
            Numbers of 32 bits; the column -2**31 is not used.

        Returns
        -------
        int or int64 array

        Raises
        ------
        GridError
            When a number does not fit.
        """
        c, r = np.broadcast_arrays(_integers("col", col), _integers("row", row))
        wrong = np.flatnonzero((c <= _LOW) | (c > _HIGH) | (r < _LOW) | (r > _HIGH))
        if wrong.size:
            raise GridError(f"{wrong.size} columns or rows do not fit 32 bits, the first at {wrong[0]}")
        return _like(c, (c << 32) + r)

    @staticmethod
    def unpack(cell: ArrayLike) -> tuple[Any, Any]:
        """Return the columns and rows of cells.

        Parameters
        ----------
        cell : int or array_like of int64

        Returns
        -------
        col, row : int or int64 array
        """
        c = _integers("cell", cell)
        row = c.astype(np.int32).astype(np.int64)  # the lower 32 bits, with their sign
        return _like(c, (c - row) >> 32), _like(c, row)

    def centre(self, cell: ArrayLike) -> tuple[Any, Any]:
        """Return the centres of cells: lon, lat in WGS 84 degrees; x, y on a planar grid.

        Parameters
        ----------
        cell : int or array_like of int64

        Returns
        -------
        lon, lat (or x, y) : float or float64 array
            The middle by arc on a geographic grid, the cells at the poles clipped there. NaN where a cell of
            a projected grid is nowhere on the earth.

        Raises
        ------
        GridError
            When a cell is not one of this grid.
        """
        c = _integers("cell", cell)
        a, b = CellShapes(self).centres(c.ravel())
        return _like(c, a.reshape(c.shape)), _like(c, b.reshape(c.shape))

    def polygon(self, cell: ArrayLike) -> Any:
        """Return the outlines of cells as shapely geometries: lon/lat in WGS 84, x/y on a planar grid.

        Parameters
        ----------
        cell : int or array_like of int64

        Returns
        -------
        shapely.Polygon or array of them
            Counter-clockwise from the corner with the least x and y. A cell that lies across the antimeridian
            (which needs an origin or a CRS) is a MultiPolygon, cut there.

        Raises
        ------
        GridError
            When a cell is not one of this grid.
        """
        c = _integers("cell", cell)
        shapes = CellShapes(self).polygons(c.ravel())
        return shapes.reshape(c.shape) if c.ndim else shapes[0]

    def neighbours(self, cell: ArrayLike) -> NDArray[np.int64]:
        """Return the cells that touch a cell at an edge or a corner.

        Parameters
        ----------
        cell : int or array_like of int64
            One cell, or several for all that touch any of them and are none of them.

        Returns
        -------
        int64 array
            Sorted. Eight in a plane. Rows of a geographic grid are not aligned: there are mostly two cells above
            and two below, more near the poles; all cells round a pole touch there; columns go round the earth.

        Raises
        ------
        GridError
            When a cell is not one of this grid.
        """
        c = np.unique(_integers("cell", cell))
        touching = [CellShapes(self).touching(int(one)) for one in c]
        found = np.unique(np.array([t for some in touching for t in some], np.int64))
        return np.setdiff1d(found, c, assume_unique=True)

    def to_geojson(self, cells: ArrayLike) -> dict[str, Any]:
        """Return cells as a GeoJSON FeatureCollection.

        Parameters
        ----------
        cells : int or array_like of int64

        Returns
        -------
        dict
            One feature a cell, in the order given, with ``cell``, ``cell_col`` and ``cell_row``; its ``id``
            is the cell as text, because readers in JavaScript round large numbers. Cells of a planar grid
            have coordinates in its own metres, which GeoJSON has no way to say; ``grid`` names the grid.
        """
        import shapely

        c = np.atleast_1d(_integers("cell", cells)).ravel()
        columns, rows = self.unpack(c)
        features = [
            {
                "type": "Feature",
                "id": str(one),
                "geometry": shapely.geometry.mapping(shape),
                "properties": {"cell": one, "cell_col": col, "cell_row": row},
            }
            for one, col, row, shape in zip(
                c.tolist(), columns.tolist(), rows.tolist(), CellShapes(self).polygons(c), strict=True
            )
        ]
        return {"type": "FeatureCollection", "grid": repr(self), "features": features}
