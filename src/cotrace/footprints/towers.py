"""Tables of towers, as footprints need them: places in a plane, radii, azimuths, and the way from there to cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import cast_or_null, floats, order_of, plain, take
from cotrace.errors import GridError, OptionError, SchemaError
from cotrace.footprints.options import RADII

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.grid import Grid

__all__ = ["Sites", "read_sites"]

Floats = NDArray[np.float64]
_EARTH_M = 6_371_008.8


@dataclass(frozen=True)
class Sites:
    """Towers in a plane.

    Parameters
    ----------
    ids : pyarrow.Array
        In ascending order.
    x, y, radius, azimuth : float64[n]
        Metres; radians clockwise from north, NaN where a tower sends all round. A tower without a place is not there.
    generation : list of str
        Empty where it is not known.
    cells : callable
        From x, y of the plane to packed cells.
    unplaced : int
        Rows of the table that have no place.
    """

    ids: pa.Array
    x: Floats
    y: Floats
    radius: Floats
    azimuth: Floats
    generation: list[str]
    cells: Callable[[Floats, Floats], NDArray[np.int64]]
    unplaced: int


def read_sites(towers: Any, grid: Grid) -> Sites:
    """Read a table of towers: ``tower``, ``lon`` and ``lat`` or ``x`` and ``y``, and what is known of the rest.

    ``radius_m``, ``generation`` and ``azimuth`` (degrees clockwise from north) may be missing or null.
    """
    table = _table(towers)
    names = table.column_names
    xy = "x" in names and "y" in names
    if xy == ("lon" in names and "lat" in names):
        raise SchemaError(
            f"towers: give lon and lat, or x and y, one pair of the two; the columns are {', '.join(names)}"
        )
    if "tower" not in names:
        raise SchemaError(f"towers: no column 'tower'; the columns are {', '.join(names)}")
    a, b = (_floats(table, name) for name in (("x", "y") if xy else ("lon", "lat")))
    ids = _ids(plain(table["tower"]))
    order = order_of(ids)
    ids, known = take(ids, order), np.isfinite(a[order]) & np.isfinite(b[order])
    _refuse_twice(ids)
    at = order[known]
    generation = _generations(table, at)
    x, y, cells = _plane(a[at], b[at], xy, grid)
    azimuth = np.radians(_floats(table, "azimuth")[at])
    return Sites(
        take(ids, np.flatnonzero(known)),
        x,
        y,
        _radii(_floats(table, "radius_m")[at], generation, at),
        azimuth,
        generation,
        cells,
        int((~known).sum()),
    )


def _table(towers: Any) -> pa.Table:
    import pyarrow as pa

    from cotrace.io.files import open_source

    if callable(made := getattr(towers, "table", None)):
        towers = made()
    if hasattr(towers, "to_arrow") and not isinstance(towers, pa.Table):
        towers = towers.to_arrow()
    if isinstance(towers, pa.Table):
        return towers
    opened = open_source(towers)
    names = list(opened.names()[0][1])
    opened.load(names)
    batches = list(opened.batches(names))
    return pa.Table.from_batches(batches) if batches else opened.schemas()[0][1].empty_table()


def _ids(ids: pa.Array) -> pa.Array:
    import pyarrow as pa

    if ids.null_count:
        raise SchemaError(f"towers: {ids.null_count:,} rows have no tower id: take them out")
    if pa.types.is_integer(ids.type):
        return ids if ids.type == pa.uint64() else ids.cast(pa.int64())
    return ids.cast(pa.large_string())


def _refuse_twice(ids: pa.Array) -> None:
    if (twice := len(ids) - len(ids.unique())) > 0:
        raise SchemaError(
            f"towers: {twice:,} of {len(ids):,} rows have the id of another row: keep the one that was valid at the "
            "time of the pings"
        )


def _floats(table: pa.Table, name: str) -> Floats:
    import pyarrow as pa

    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return floats(cast_or_null(plain(table[name]), pa.float64()))


def _generations(table: pa.Table, at: NDArray[np.int64]) -> list[str]:
    if "generation" not in table.column_names:
        return [""] * at.size
    words = plain(table["generation"]).to_pylist()
    return [str(words[i] or "") for i in at.tolist()]


def _radii(radius: Floats, generation: list[str], at: NDArray[np.int64]) -> Floats:
    usual = np.array([RADII.get(g, np.nan) for g in generation], dtype=np.float64)
    radius = np.where(np.isnan(radius), usual, radius)
    bad = np.flatnonzero(~(radius > 0) | ~np.isfinite(radius))
    if bad.size:
        raise SchemaError(
            f"towers: {bad.size:,} of {at.size:,} have neither a radius_m over zero nor a generation that has a usual "
            f"one ({', '.join(RADII)}); the first is in row {int(at[bad].min())}"
        )
    return radius


def _plane(a: Floats, b: Floats, xy: bool, grid: Grid) -> tuple[Floats, Floats, Any]:
    """Return places in metres, and what makes cells of these."""
    if xy:
        return a, b, grid.binner("xy", grid.crs)
    if grid.kind == "planar":
        raise GridError(
            f"{grid!r} is a grid of a plane, and these towers have lon and lat: use Grid.geographic()"
        )
    bins = grid.binner("lonlat")
    lon, lat = (float(np.median(v)) if v.size else 0.0 for v in (a, b))
    per_degree = np.pi / 180.0 * _EARTH_M
    wide = per_degree * float(np.cos(np.radians(lat)))
    x, y = (a - lon) * wide, (b - lat) * per_degree
    if x.size and max(np.ptp(x), np.ptp(y)) > 1_000_000:
        raise OptionError(
            "the towers are more than 1,000 km apart: make footprints region by region, each from its own towers"
        )

    def cells(x: Floats, y: Floats) -> NDArray[np.int64]:
        return bins(lon + x / wide, lat + y / per_degree)

    return x, y, cells
