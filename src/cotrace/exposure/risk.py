"""General risk: who visited the cells and windows of an exposure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cotrace.exposure.meetings import Seeds
    from cotrace.exposure.world import World
    from cotrace.options import CompanionRule

__all__ = ["Exposed", "exposed_windows", "visits"]

Int64 = NDArray[np.int64]
_BATCH = 1 << 17


@dataclass(frozen=True)
class Exposed:
    """Where and when there was an exposure.

    Parameters
    ----------
    times : int64[m, 3]
        Start, end, number of the case in ``device``; by cell, start; disjoint within a cell.
    cell_lo : int64[cells + 1]
        The first of each cell.
    device : int64[cases]
        Codes of the cases.
    """

    times: Int64
    cell_lo: Int64
    device: Int64


def exposed_windows(world: World, seeds: Seeds, rule: CompanionRule, window: int, end: int) -> Exposed:
    """Find the cells and windows in which a case was for as long as a meeting asks.

    Parameters
    ----------
    world : World
    seeds : Seeds
        The cases.
    rule : CompanionRule
    window : int
        Length of a window in seconds; windows are aligned to the epoch.
    end : int
        Windows are cut there; seconds from the world's base.
    """
    cell, number, case = _windows_of_cases(world, seeds, rule, window)
    devices, which = np.unique(case, return_inverse=True)
    # of the cases that were there in one window, the least; then windows that follow each other are one
    order = np.lexsort((which, number, cell))
    cell, number, which = cell[order], number[order], which[order]
    first = np.ones(cell.size, dtype=np.bool_)
    first[1:] = (np.diff(cell) != 0) | (np.diff(number) != 0)
    cell, number, which = cell[first], number[first], which[first]
    new = np.ones(cell.size, dtype=np.bool_)
    new[1:] = (np.diff(cell) != 0) | (np.diff(number) != 1) | (np.diff(which) != 0)
    lo = np.flatnonzero(new)
    last = np.append(lo[1:], cell.size) - 1 if lo.size else lo
    start = number[lo] * window - world.base
    until = np.minimum((number[last] + 1) * window - world.base, end)
    cell_lo = np.searchsorted(cell[lo], np.arange(world.cell_lo.size)).astype(np.int64)
    return Exposed(np.stack([start, until, which[lo]], axis=1).astype(np.int64), cell_lo, devices)


def _windows_of_cases(
    world: World, seeds: Seeds, rule: CompanionRule, window: int
) -> tuple[Int64, Int64, Int64]:
    """Return the cell, number and case of every window that a case's long enough presence touches."""
    is_case = np.zeros(world.n, dtype=np.bool_)
    is_case[seeds.device] = True
    rows = world.rows[is_case[world.rows[:, 0]]].astype(np.int64)
    lo, hi = (np.searchsorted(seeds.device, rows[:, 0], side=side) for side in ("left", "right"))
    at = np.repeat(np.arange(len(rows)), hi - lo)
    seed = np.arange(at.size) - np.repeat(np.cumsum(hi - lo) - (hi - lo), hi - lo) + lo[at]
    start = np.maximum(rows[at, 2], seeds.since[seed])
    end = np.minimum(rows[at, 3], seeds.until[seed])
    least = max(1, rule.least_shared_s) if rule.shared == "unbroken" and rule.combine == "and" else 1
    kept = end - start >= least
    at, start, end = at[kept], start[kept], end[kept]
    first, last = (start + world.base) // window, (end - 1 + world.base) // window
    n = last - first + 1
    number = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n) + np.repeat(first, n)
    return np.repeat(rows[at, 1], n), number, np.repeat(rows[at, 0], n)


def visits(world: World, exposed: Exposed, wanted: NDArray[np.uint8]) -> Iterator[NDArray[np.int32]]:
    """Find the stays of devices in exposed cells and windows, as meetings with the cases, batch by batch."""
    from cotrace.kernels.pairs import meetings_in_windows
    from cotrace.kernels.temporal import N_MEETING

    most = int(np.diff(exposed.cell_lo).max()) if exposed.times.size else 0
    row = 0 if most else world.rows.shape[0]
    out = np.empty((max(most, _BATCH), N_MEETING), dtype=np.int32)
    while row < world.rows.shape[0]:
        where = (world.rows, exposed.times, exposed.cell_lo, wanted, world.bits)
        n, row = meetings_in_windows(*where, row, out)
        if n:
            yield out[:n]
