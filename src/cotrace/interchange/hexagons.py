"""Cells as hexagons of H3: an export, and what it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import view
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.grid import Grid
from cotrace.tables import Stays, not_taken

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import ArrayLike, NDArray

__all__ = ["h3_cells", "to_h3"]

_LOSS = (
    "H3 hexagons of resolution {resolution}: an export with a loss. Squares and hexagons do not nest, so each cell's "
    "dwell is spread evenly over the hexagons that it meets; a cell has {largest:.0%} of its area in its largest "
    "hexagon on average. Dwell adds up; who was together with whom cannot be found from hexagons"
)


def h3_cells(cells: ArrayLike, grid: Grid, resolution: int | None = None) -> pa.Table:
    """Return which H3 hexagons cells meet, and how much of each lies in each.

    Parameters
    ----------
    cells : int or array_like of int64
        Packed cells of ``grid``.
    grid : Grid
        Geographic or projected; a plane is nowhere on earth.
    resolution : int, optional
        0 to 15; by default the one whose hexagons are nearest in size to the cells (8 for 800 m).

    Returns
    -------
    pyarrow.Table
        One row a cell and hexagon that meet: ``cell``, ``h3`` (text), ``share`` (of the cell's area that is in the
        hexagon; 1 together for a cell), ``share_of_h3`` (of the hexagon's area that is in the cell). Sorted by cell and
        hexagon. Needs the extra ``h3``.

    Raises
    ------
    OptionError
        When the grid is a plane, or there is no such resolution.

    Notes
    -----
    Areas are compared in longitude and latitude, which is exact to a thousandth within a cell. O(cells × hexagons
    around each).

    Examples
    --------
    >>> from cotrace import Grid
    >>> from cotrace.interchange import h3_cells
    >>> grid = Grid.geographic(800)
    >>> rows = h3_cells(grid.cell(lon=116.4, lat=39.9), grid)
    >>> rows.num_rows, round(sum(rows["share"].to_pylist()), 9)
    (5, 1.0)
    """
    import pyarrow as pa

    if not isinstance(grid, Grid):
        raise CotraceTypeError(f"grid={grid!r} is not a Grid")
    if grid.kind == "planar":
        raise OptionError(
            "cells of a plane are nowhere on earth, and H3 is: give positions a CRS, or lon and lat"
        )
    resolution = _resolution(grid, resolution)
    packed = np.unique(np.atleast_1d(np.asarray(cells, dtype=np.int64)))
    met = [_met(shape, resolution) for shape in np.atleast_1d(grid.polygon(packed))] if packed.size else []
    n = [len(names) for names, _, _ in met]
    columns = {
        "cell": pa.array(np.repeat(packed, n), pa.int64()),
        "h3": pa.array([name for names, _, _ in met for name in names], pa.string()),
        "share": pa.array(np.concatenate([s for _, s, _ in met]) if met else [], pa.float64()),
        "share_of_h3": pa.array(np.concatenate([s for _, _, s in met]) if met else [], pa.float64()),
    }
    largest = float(np.mean([s.max() for _, s, _ in met])) if met else 1.0
    note = _LOSS.format(resolution=resolution, largest=largest)
    return pa.table(columns).replace_schema_metadata({"cotrace": note})


def to_h3(stays: Stays, resolution: int | None = None) -> pa.Table:
    """Return the dwell of stays by device and H3 hexagon, for tools that know no other cells.

    Parameters
    ----------
    stays : Stays
        On a grid that is on earth.
    resolution : int, optional
        As in :func:`h3_cells`.

    Returns
    -------
    pyarrow.Table
        One row a device and hexagon: ``device``, ``h3`` (text), ``dwell_s`` (float: dwell in a cell is spread over
        the hexagons that it meets by area). Sorted by device and hexagon; the sum of ``dwell_s`` is that of the stays.
        What is lost stands in the table's metadata, under ``cotrace``. Needs the extra ``h3``.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace.interchange import to_h3
    >>> pings = {"device": [1, 1], "time": [0, 600], "lon": [116.4, 116.4], "lat": [39.9, 39.9]}
    >>> rows = to_h3(cotrace.find_stays(cotrace.read_pings(pings, unit="s")))
    >>> rows.num_rows, round(sum(rows["dwell_s"].to_pylist()), 6)
    (5, 600.0)
    """
    import pyarrow as pa

    if not isinstance(stays, Stays):
        raise not_taken(stays, "Stays", "make them with cotrace.find_stays()")
    if stays.grid is None or stays.options.by != "grid":
        raise OptionError("where towers are the cells there is nothing to lay hexagons over: use a grid")
    codes = np.unique(stays.rows[:, 1])
    packed = view(stays.cells.values, np.int64)[codes] if codes.size else np.empty(0, np.int64)
    met = h3_cells(packed, stays.grid, resolution)
    width = np.int64(len(stays.cells.values) + 1)
    keys, which = np.unique(stays.rows[:, 0] * width + stays.rows[:, 1], return_inverse=True)
    dwell = np.bincount(which, weights=stays.rows[:, 3] - stays.rows[:, 2], minlength=keys.size)
    kept = pa.table(
        {"d": keys // width, "cell": view(stays.cells.values, np.int64)[keys % width], "s": dwell}
    )
    spread = kept.join(met, "cell")
    by = {"dwell_s": spread["s"].to_numpy() * spread["share"].to_numpy()}
    summed = (
        pa.table({"d": spread["d"], "h3": spread["h3"], **by})
        .group_by(["d", "h3"])
        .aggregate([("dwell_s", "sum")])
    )
    summed = summed.sort_by([("d", "ascending"), ("h3", "ascending")])
    out = {
        "device": stays.devices.take(summed["d"].combine_chunks()),
        "h3": summed["h3"],
        "dwell_s": summed["dwell_s_sum"],
    }
    return pa.table(out).replace_schema_metadata(met.schema.metadata)


def _resolution(grid: Grid, asked: int | None) -> int:
    import h3

    if asked is None:
        off = [abs(np.log(h3.average_hexagon_area(r, "m^2") / grid.cell_m**2)) for r in range(16)]
        return int(np.argmin(off))
    if isinstance(asked, bool) or not isinstance(asked, int) or not 0 <= asked <= 15:
        raise OptionError(f"resolution={asked!r}: H3 has resolutions from 0 to 15")
    return asked


def _met(shape: Any, resolution: int) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Return the hexagons that an outline meets, and the shares of the outline and of each hexagon."""
    import h3
    import shapely

    names = sorted({h for part in shapely.get_parts(shape) for h in _around(part, resolution)})
    outlines = shapely.polygons(
        [shapely.linearrings([(x, y) for y, x in h3.cell_to_boundary(h)]) for h in names]
    )
    common = shapely.area(shapely.intersection(outlines, shape))
    kept = np.flatnonzero(common > 0)
    share = common[kept] / common[kept].sum()
    return [names[k] for k in kept], share, common[kept] / shapely.area(outlines[kept])


def _around(shape: Any, resolution: int) -> set[str]:
    import h3

    west, south, east, north = shape.bounds
    middle = h3.latlng_to_cell((south + north) / 2, (west + east) / 2, resolution)
    reach = h3.great_circle_distance((south, west), (north, east), unit="m") / 2
    edge = h3.average_hexagon_edge_length(resolution, unit="m")
    # hexagons differ in size by less than a factor of two, and k rings reach at least 1.5 k edges
    return set(h3.grid_disk(middle, int(np.ceil(reach / edge * 1.5)) + 2))
