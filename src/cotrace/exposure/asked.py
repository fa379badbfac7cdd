"""Places and times that are asked for: one of them, or a table of many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import cast_or_null, null_mask
from cotrace.errors import OptionError, PositionError, SchemaError
from cotrace.exposure.areas import CellFinder, Met
from cotrace.exposure.common import instant, warn
from cotrace.exposure.geometries import (
    column_of,
    geojson_places,
    is_geojson,
    is_geometry,
    is_several,
    to_geometry,
)
from cotrace.exposure.given import GivenTable
from cotrace.io.batches import CODES, Marks
from cotrace.io.positions import PositionReader

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.tables import Stays

__all__ = ["Asked", "read_asked"]

Int64 = NDArray[np.int64]

_GEOMETRIES = ("geometry", "place")
_ROW = "number of the row"
_FILES = (".csv", ".parquet", ".arrow", ".gz")


class Asked:
    """What is asked for: cells and times by number.

    Attributes
    ----------
    met : Met
        The cells of each request.
    names : list of str or None
    start, end : int64[n]
        Unix seconds.
    refused : pyarrow.Table or None
        Rows of a table that could not be used.
    """

    def __init__(
        self, met: Met, names: list[str | None], start: Int64, end: Int64, refused: Any = None
    ) -> None:
        self.met, self.names, self.start, self.end, self.refused = met, names, start, end, refused

    def __len__(self) -> int:
        return int(self.start.size)

    def table(self, n_cells: int, base: int) -> tuple[Int64, Int64, Int64, tuple[int, int]]:
        """Return what the kernels need: cell_lo, asked, longest, span. See :mod:`cotrace.kernels.presence`."""
        met = self.met
        start, end = (v[met.place] - base for v in (self.start, self.end))
        order = np.lexsort((start, met.cell))
        asked = np.ascontiguousarray(np.stack([start, end, np.arange(start.size)], axis=1)[order])
        cell_lo = np.searchsorted(met.cell[order], np.arange(n_cells + 1)).astype(np.int64)
        longest = np.zeros(n_cells, dtype=np.int64)
        np.maximum.at(longest, met.cell, end - start)
        span = (int(start.min()), int(end.max())) if start.size else (0, 0)
        return cell_lo, asked, longest, span


def read_asked(
    stays: Stays,
    place: Any,
    start: Any,
    end: Any,
    columns: Mapping[str, str] | None,
    tz: Any,
    unit: str | None,
    crs: Any,
) -> Asked:
    """Read what is asked for; see :func:`cotrace.visitors`."""
    finder = CellFinder(stays, crs)
    if _is_frame(place):
        asked = _from_table(finder, stays, place, start, end, columns, tz, unit, crs)
    else:
        asked = _from_values(finder, place, start, end)
    _warn_of_small(asked, stays)
    return asked


def _is_frame(place: Any) -> bool:
    if isinstance(place, str):
        return place.lower().endswith(_FILES)
    if is_geojson(place) or is_geometry(place):
        return False
    if isinstance(place, Mapping):
        return True
    import pyarrow as pa

    is_column = isinstance(place, pa.ChunkedArray | pa.Array) or hasattr(place, "to_list")
    return not is_column and (hasattr(place, "columns") or hasattr(place, "__arrow_c_stream__"))


def _from_values(finder: CellFinder, place: Any, start: Any, end: Any) -> Asked:
    names: list[str | None] = [None]
    said: list[Mapping[str, Any]] = [{}]
    if is_geojson(place):
        listed = geojson_places(place)
        names, places, said = [n for n, _, _ in listed], [g for _, g, _ in listed], [p for _, _, p in listed]
        if any(shape is None for shape in places):
            raise PositionError("a feature of the GeoJSON has no geometry: take it out")
    elif is_several(place) and not is_geometry(place) and any(is_geometry(p) for p in place):
        places = list(place)  # several geometries are several places
        names, said = [None] * len(places), [{}] * len(places)
    else:
        places = [place]
    spans = [[s.get(key, given) for key, given in (("start", start), ("end", end))] for s in said]
    if any(moment is None for span in spans for moment in span):
        raise OptionError("start and end are needed: the time in which visitors are asked for")
    moments = np.array([[instant(a, "start"), instant(b, "end")] for a, b in spans], dtype=np.int64).reshape(
        -1, 2
    )
    turned = np.flatnonzero(moments[:, 1] <= moments[:, 0])
    if turned.size:
        raise OptionError(
            f"end is not after start, of place number {turned[0]}: there is no time between them"
        )
    return Asked(finder.find(places), names, *np.ascontiguousarray(moments.T))


def _from_table(
    finder: CellFinder,
    stays: Stays,
    frame: Any,
    start: Any,
    end: Any,
    columns: Mapping[str, str] | None,
    tz: Any,
    unit: str | None,
    crs: Any,
) -> Asked:
    shapes, rest = _shapes(frame, columns)
    times = (
        ("started_at", "finished_at") if start is None and end is None else ("started_at?", "finished_at?")
    )
    roles = (
        *times,
        "name?",
        "lon?",
        "lat?",
        "x?",
        "y?",
        "cell?",
        "tower?",
        *([f"{_ROW}?"] if shapes else ["place?"]),
    )
    given = GivenTable(rest, "places", columns, roles)
    began, ended = _times(given, start, end, tz, unit)
    given.ends(began, ended)
    names = given.text("name", None).to_pylist() if given.has("name") else [None] * given.n
    met = _cells(finder, stays, given, shapes, crs)
    counts = given.counts()
    good = given.good
    number = np.full(given.n, -1, dtype=np.int64)
    number[good] = np.arange(good.size)
    kept = number[met.place] >= 0
    met = Met(
        number[met.place[kept]], met.cell[kept], met.share[kept], number[np.intersect1d(met.small, good)]
    )
    refused = given.refused() if counts.n_refused else None
    return Asked(met, [names[k] for k in good.tolist()], began[good], ended[good], refused)


def _times(given: GivenTable, start: Any, end: Any, tz: Any, unit: str | None) -> tuple[Int64, Int64]:
    found = []
    for role, moment, name in (("started_at", start, "start"), ("finished_at", end, "end")):
        if given.has(role) and moment is None:
            found.append(given.instants((role,), tz, unit, "refuse")[0][0])
        elif moment is not None:
            found.append(np.full(given.n, instant(moment, name), dtype=np.int64))
        else:
            raise OptionError(f"{name} is neither a column of the places nor given")
    return found[0], found[1]


def _shapes(frame: Any, columns: Mapping[str, str] | None) -> tuple[list[Any] | None, Any]:
    """Return the geometries of a frame, and the frame without them."""
    if isinstance(frame, str):
        return None, frame
    if not isinstance(frame, Mapping) and not hasattr(frame, "columns"):
        import pyarrow as pa

        frame = pa.table(frame)
    there = list(
        getattr(frame, "column_names", None) or (frame if isinstance(frame, Mapping) else frame.columns)
    )
    named = (columns or {}).get("place")
    for name in (named,) if named else _GEOMETRIES:
        if name not in there:
            continue
        values = column_of(frame, name)
        shapes = [to_geometry(v) for v in values]
        if any(shape is not None for shape in shapes):
            rest = {str(c): _plain_column(frame, c) for c in there if c != name}
            rest[_ROW] = list(
                range(len(values))
            )  # so that there is a column even where geometry is the only one
            return [s if s is not None else v for s, v in zip(shapes, values, strict=True)], rest
    return None, frame


def _plain_column(frame: Any, name: Any) -> Any:
    column = frame[name]
    return (
        column.to_numpy()
        if type(column).__module__.startswith("pandas") and column.dtype != object
        else column
    )


def _cells(finder: CellFinder, stays: Stays, given: GivenTable, shapes: list[Any] | None, crs: Any) -> Met:
    if shapes is not None:
        given.refuse(np.array([shape is None for shape in shapes]), "no position")
        return _found(finder, shapes)
    for role in ("cell", "tower"):
        if given.has(role):
            return finder.ids(_ids(stays, given, role))
    for axes in (("lon", "lat"), ("x", "y")):
        if given.has(axes[0]) and given.has(axes[1]):
            return _at_points(finder, stays, given, axes, crs)
    if given.has("place"):
        values = given.column("place").to_pylist()
        given.refuse(np.array([v is None for v in values], dtype=np.bool_), "no position")
        return _found(finder, values)
    raise SchemaError(
        "places: no column says where they are: give place or geometry (shapely, GeoJSON, WKT, WKB), cell, tower, or "
        "lon and lat (x and y)"
    )


def _ids(stays: Stays, given: GivenTable, role: str) -> pa.Array:
    """Return cells or towers of the stays' type; from CSV they are text."""
    column, kind = given.column(role), stays.cells.values.type
    given.refuse(null_mask(column), "no position")
    cast = column if column.type == kind else cast_or_null(column, kind)
    if cast.null_count > column.null_count:
        raise SchemaError(f"places: {role} has values that are none of {kind}, which the stays' cells are")
    return cast


def _found(finder: CellFinder, places: list[Any]) -> Met:
    """Find those that are there, under their numbers."""
    there = [k for k, place in enumerate(places) if place is not None]
    met = finder.find([places[k] for k in there])
    numbers = np.array(there, dtype=np.int64)
    return Met(numbers[met.place], met.cell, met.share, numbers[met.small])


def _at_points(finder: CellFinder, stays: Stays, given: GivenTable, axes: tuple[str, str], crs: Any) -> Met:
    planar = stays.grid is not None and stays.grid.kind == "planar"
    if planar != (axes[0] == "x"):
        raise SchemaError(f"places: cells are of {stays.grid!r}, and positions are {axes[0]} and {axes[1]}")
    marks = Marks(given.n)
    reader = PositionReader("xy" if planar else "lonlat", crs, axes)
    a, b = reader.read(given.column(axes[0]), given.column(axes[1]), marks)
    if marks.codes is not None:
        for reason, code in CODES.items():
            given.refuse(marks.codes == code, reason)
    good = given.good
    met = finder.points(a[good], b[good])
    return Met(good[met.place], met.cell, met.share, good[met.small])


def _warn_of_small(asked: Asked, stays: Stays) -> None:
    n = asked.met.small.size
    if n and stays.grid is not None:
        warn(
            f"{n:,} of {len(asked):,} places are much smaller than a cell of {stays.grid.cell_m:g} m (points, or less "
            f"than a quarter of its area): most of the devices listed were elsewhere in the cell; look at certainty",
            "resolution",
            places=int(n),
            of=len(asked),
            cell_m=float(stays.grid.cell_m),
        )


def names_column(names: list[str | None], which: Int64) -> pa.Array:
    """Return the names of requests as a column."""
    import pyarrow as pa

    return pa.array(names, pa.string()).take(pa.array(which, pa.int64()))
