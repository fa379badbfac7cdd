"""Stays of some devices, their dwell in hours of the day, and the stays that meet places and times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["count_meets", "device_slices", "fill_meets", "most_dwell"]


@kernel
def device_slices(rows: NDArray[np.int32], codes: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    """Find the rows of devices by bisection.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device.
    codes : int64[m]
        Device codes; of -1 there are none.
    out : int64[m, 2]
        Filled: first row, and the row after the last.

    Notes
    -----
    O(m log n).
    """
    for i in range(codes.size):
        for side in range(2):
            lo, hi, target = 0, rows.shape[0], codes[i] + side
            while lo < hi:
                middle = (lo + hi) // 2
                if rows[middle, 0] < target:
                    lo = middle + 1
                else:
                    hi = middle
            out[i, side] = lo


@inlined
def elapsed(t: int, begins: NDArray[np.int64], ends: NDArray[np.int64], before: NDArray[np.int64]) -> int:
    """Return how many seconds of the intervals lie before ``t``.

    ``begins`` and ``ends`` (int64[k]) are disjoint and rise; ``before`` (int64[k]) is the length of all intervals
    before each. O(log k).
    """
    lo, hi = 0, begins.size
    while lo < hi:
        middle = (lo + hi) // 2
        if begins[middle] <= t:
            lo = middle + 1
        else:
            hi = middle
    if lo == 0:
        return 0
    total: int = before[lo - 1] + min(t, ends[lo - 1]) - begins[lo - 1]
    return total


@kernel
def most_dwell(
    rows: NDArray[np.int32],
    slices: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    before: NDArray[np.int64],
    dwell: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Find the cell in which each device has most of its dwell within some hours.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device.
    slices : int64[m, 2]
        The rows of each device.
    begins, ends, before : int64[k]
        The hours, as in :func:`elapsed`; seconds from the rows' base.
    dwell : int64[cells]
        Scratch: all 0, and so left.
    out : int64[m, 3]
        Filled: the cell (the least code of those that are equal; -1 without dwell), its dwell, the dwell in all.

    Notes
    -----
    O(n log k).
    """
    for i in range(slices.shape[0]):
        best, most, total = -1, 0, 0
        for r in range(slices[i, 0], slices[i, 1]):
            cell = rows[r, 1]
            inside = elapsed(rows[r, 3], begins, ends, before) - elapsed(rows[r, 2], begins, ends, before)
            total += inside
            dwell[cell] += inside
            now = dwell[cell]
            if now > most or (now == most and inside > 0 and cell < best):
                best, most = cell, now
        for r in range(slices[i, 0], slices[i, 1]):
            dwell[rows[r, 1]] = 0
        out[i, 0] = best
        out[i, 1] = most
        out[i, 2] = total


@inlined
def first_after(asked: NDArray[np.int64], lo: int, hi: int, t: int) -> int:
    """Return the first of ``asked[lo:hi]``, sorted by start, that starts after ``t``. O(log n)."""
    while lo < hi:
        middle = (lo + hi) // 2
        if asked[middle, 0] <= t:
            lo = middle + 1
        else:
            hi = middle
    return lo


@kernel
def count_meets(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    asked: NDArray[np.int64],
    longest: NDArray[np.int64],
    span: tuple[int, int],
) -> int:
    """Count the pairs of a stay and a time asked of its cell that overlap.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    cell_lo : int64[cells + 1]
        Where the times asked of each cell begin in ``asked``.
    asked : int64[m, 3]
        Start, end, number; by cell, start.
    longest : int64[cells]
        The longest time asked of each cell.
    span : (int, int)
        The earliest start and the latest end of all.

    Returns
    -------
    int

    Notes
    -----
    O(n), and O(log m + what is found) for each stay in a cell that is asked for.
    """
    n, (first, last) = 0, span
    for i in range(rows.shape[0]):
        if rows[i, 3] <= first or rows[i, 2] >= last:
            continue
        cell = np.uint64(rows[i, 1])
        lo, hi = cell_lo[cell], cell_lo[cell + np.uint64(1)]
        if lo == hi:
            continue
        for k in range(first_after(asked, lo, hi, rows[i, 2] - longest[cell]), hi):
            if asked[k, 0] >= rows[i, 3]:
                break
            n += int(asked[k, 1] > rows[i, 2])
    return n


@kernel
def fill_meets(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    asked: NDArray[np.int64],
    longest: NDArray[np.int64],
    span: tuple[int, int],
    out: NDArray[np.int64],
) -> None:
    """Fill ``out`` (int64[count_meets(...), 2]) with number and row of each pair, rows in order. See there."""
    n, (first, last) = 0, span
    for i in range(rows.shape[0]):
        if rows[i, 3] <= first or rows[i, 2] >= last:
            continue
        cell = np.uint64(rows[i, 1])
        lo, hi = cell_lo[cell], cell_lo[cell + np.uint64(1)]
        if lo == hi:
            continue
        for k in range(first_after(asked, lo, hi, rows[i, 2] - longest[cell]), hi):
            if asked[k, 0] >= rows[i, 3]:
                break
            if asked[k, 1] > rows[i, 2]:
                out[n, 0] = asked[k, 2]
                out[n, 1] = i
                n += 1
