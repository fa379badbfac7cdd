"""The places that several cases share: cells in which they were at times that fit their onsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.exposure.common import device_rows, seen_codes, table
from cotrace.schema_ties import SOURCE_PLACES
from cotrace.tables import instants

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.exposure.joined import Joined
    from cotrace.tables import Table

__all__ = ["find_places", "tail"]

Int64 = NDArray[np.int64]


def find_places(joined: Joined, ids: pa.Array, windows: Int64, least: int, fewest: int, note: str) -> Table:
    """Return the cells with stays of several cases in their windows, ranked.

    A case would be in a cell by chance as often as other devices were, in the same time: ``(1 + visitors) / (1 +
    devices)`` of them. The number of cases is then a sum of independent ones (Poisson's binomial distribution).
    """
    stays = joined.stays
    codes = seen_codes(stays.devices, ids)
    rows, whose = device_rows(stays, codes)
    inside = windows - stays.base
    start = np.maximum(stays.rows[rows, 2], inside[whose, 0])
    end = np.minimum(stays.rows[rows, 3], inside[whose, 1])
    long = (end - start >= least) & (stays.rows[rows, 1] < joined.n_cells)
    cell, start, end, whose = stays.rows[rows[long], 1].astype(np.int64), start[long], end[long], whose[long]
    # one a cell and case, then cells with enough of them
    met = np.unique(np.stack([cell, whose], axis=1), axis=0)
    cells, n_cases = np.unique(met[:, 0], return_counts=True)
    cells, n_cases = cells[n_cases >= fewest], n_cases[n_cases >= fewest]
    visitors, seen = _visitors(joined, codes, inside, cells, least)
    chance = (1 + visitors) / (1 + seen)[None, :]
    p_value = np.array([tail(row, int(n)) for row, n in zip(chance, n_cases, strict=True)])
    at = np.full(len(stays.cells.values) + 1, -1, dtype=np.int64)
    at[cells] = np.arange(cells.size)
    place = at[cell]
    kept = place >= 0
    dwell, first, last = (np.zeros(cells.size, dtype=np.int64) for _ in range(3))
    np.add.at(dwell, place[kept], (end - start)[kept])
    first[:], last[:] = 2**62, -(2**62)
    np.minimum.at(first, place[kept], start[kept])
    np.maximum.at(last, place[kept], end[kept])
    order = np.lexsort((cells, -dwell, p_value, -n_cases))
    columns = {
        "rank": np.arange(1, order.size + 1),
        **joined.columns(cells[order]),
        "cases_met": n_cases[order],
        "expected": chance.sum(axis=1)[order],
        "p_value": p_value[order],
        "dwell_s": dwell[order],
        "first_visit": instants(first[order], stays.base, stays.tz),
        "last_visit": instants(last[order], stays.base, stays.tz),
        "visitors": visitors.max(axis=1, initial=0)[order],
    }
    return table(SOURCE_PLACES, columns, stays, note)


def _visitors(joined: Joined, codes: Int64, windows: Int64, cells: Int64, least: int) -> tuple[Int64, Int64]:
    """Return for each cell and case the other devices there in its window, and for each case those seen at all."""
    from cotrace.kernels.sources import count_visitors

    stays = joined.stays
    rows = stays.rows
    if joined.n_cells < len(stays.cells.values):  # a contact is no presence anywhere
        rows = np.ascontiguousarray(rows[rows[:, 1] < joined.n_cells])
    cell_of = np.full(len(stays.cells.values), -1, dtype=np.int64)
    cell_of[cells] = np.arange(cells.size)
    left_out = np.zeros(len(stays.devices), dtype=np.bool_)
    left_out[codes[codes >= 0]] = True
    visitors = np.zeros((cells.size, codes.size), dtype=np.int64)
    seen = np.zeros(codes.size, dtype=np.int64)
    last = np.full((cells.size + 1, codes.size), -1, dtype=np.int64)
    if cells.size:
        count_visitors(rows, np.ascontiguousarray(windows), cell_of, left_out, least, last, visitors, seen)
    return visitors, seen


def tail(chances: NDArray[np.float64], least: int) -> float:
    """Return how likely at least so many of independent events are."""
    counts = np.zeros(chances.size + 1)
    counts[0] = 1.0
    for p in chances.tolist():
        counts[1:] = counts[1:] * (1 - p) + counts[:-1] * p
        counts[0] *= 1 - p
    return float(min(1.0, counts[least:].sum()))
