"""Stays with weights: in which cells a device may have been during each stay at a tower."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import from_numpy, take
from cotrace.errors import CotraceTypeError
from cotrace.footprints.haunts import find_haunts, place
from cotrace.footprints.options import Certainty
from cotrace.schema_certainty import WEIGHTED_STAYS
from cotrace.tables import Table, instants, taken

if TYPE_CHECKING:
    from cotrace.footprints.result import Footprints
    from cotrace.tables import Stays, StaysStore

__all__ = ["weighted_stays"]


def weighted_stays(
    stays: Stays | StaysStore, footprints: Footprints, *, haunts: Certainty | bool = True
) -> Table:
    """Say in which grid cells devices may have been during their stays at towers.

    Parameters
    ----------
    stays : Stays or Store
        At towers: ``find_stays(pings, options=StayOptions(by="tower", fill=...))``. Of a store, everything is read.
    footprints : Footprints
        From :func:`cotrace.find_footprints`.
    haunts : bool or Certainty
        Whether towers between which a device flaps are taken together, and how they are found; ``False``: each stay
        has the footprint of its own tower.

    Returns
    -------
    Table
        One row a stay and cell, sorted by device, start, cell. Columns: :ref:`data-model-weighted_stays`.

    Raises
    ------
    OptionError
        When the stays are not at towers, or there are no footprints.

    Notes
    -----
    Weights of a stay add up to 1 and ``dwell_s`` to its length, so dwell is conserved: whoever sums ``dwell_s`` by
    cell has the expected dwell there.
    A stay at a tower without a footprint is one row without a cell. O(rows of the result).

    Examples
    --------
    >>> import cotrace
    >>> towers = {"tower": ["a", "b"], "x": [400.0, 1200.0], "y": [400.0, 400.0], "radius_m": [500.0, 500.0]}
    >>> footprints = cotrace.find_footprints(towers, cotrace.Grid.planar(800), model="disc")
    >>> pings = cotrace.read_pings({"device": [7, 7], "time": [0, 600], "tower": ["a", "a"]}, unit="s")
    >>> stays = cotrace.find_stays(pings, options=cotrace.StayOptions(by="tower", fill="same_cell"))
    >>> found = cotrace.weighted_stays(stays, footprints).to_pandas()
    >>> found["weight"].round(2).tolist(), round(found["dwell_s"].sum())
    ([0.05, 0.05, 0.8, 0.05, 0.05], 600)
    """
    if not isinstance(haunts, (bool, Certainty)):
        raise CotraceTypeError(f"haunts={haunts!r} is neither True, False nor a Certainty")
    stays = taken(stays, "weighted_stays")
    placed = place(stays, footprints)
    rows = stays.rows
    if haunts is False or not len(stays):
        lo, cells, p = placed.foot_lo, placed.foot_cell, placed.foot_p
        which = placed.tower_of[rows[:, 1]] if len(stays) else np.empty(0, np.int64)
    else:
        how = Certainty() if haunts is True else haunts
        found = find_haunts(placed, np.arange(len(stays.devices)), None, how)
        lo, cells, p, which = found.cell_lo, found.cells, found.p, found.haunt_of
    known = which >= 0
    at = np.where(known, which, 0)
    sizes = np.where(known, lo[at + 1] - lo[at], 1) if len(stays) else np.empty(0, np.int64)
    stay = np.repeat(np.arange(sizes.size), sizes)
    within = np.arange(stay.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    there = known[stay]
    source = np.where(there, lo[at[stay]] + within, 0)
    weight = np.where(there, p[source], 1.0) if p.size else np.ones(stay.size)
    cell = placed.cells[cells[source]] if p.size else np.zeros(stay.size, np.int64)
    length = (rows[:, 3].astype(np.int64) - rows[:, 2])[stay]
    col, row = footprints.grid.unpack(cell)
    columns: dict[str, Any] = {
        "device": take(stays.devices, rows[stay, 0]),
        "tower": take(stays.cells.values, rows[stay, 1]),
        "started_at": instants(rows[stay, 2], stays.base, stays.tz),
        "finished_at": instants(rows[stay, 3], stays.base, stays.tz),
        **{n: _null(v, there) for n, v in (("cell", cell), ("cell_col", col), ("cell_row", row))},
        "weight": weight,
        "dwell_s": weight * length,
    }
    types = {"device": stays.devices.type, "cell": stays.cells.values.type, "tz": stays.tz}
    note = f"Where devices may have been, not where they were: {footprints.describe()}."
    return Table.from_columns(WEIGHTED_STAYS, columns, note, **types)


def _null(values: Any, valid: Any) -> Any:
    """Return integers as an Arrow array that is null where they are not valid."""
    import pyarrow as pa

    values = np.asarray(values, np.int64)
    if valid.all():
        return from_numpy(values)
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(pa.int64(), values.size, [bits, pa.py_buffer(values)])
