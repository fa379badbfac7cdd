"""Travelling together: what was seen of devices cell by cell, and chains of cells that two pass at the same times.

A *pass* is a run of consecutive pings of one device in one cell, none further than a break from the next.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["chain", "count_close", "count_passes", "fill_close", "fill_passes"]

#: columns of a pass
DEVICE, CELL, FROM, TO = range(4)


@kernel
def count_passes(pings: NDArray[np.int32], longest: int) -> int:
    """Count the passes of :func:`fill_passes`."""
    n = 0
    for i in range(pings.shape[0]):
        n += int(
            i == 0
            or pings[i, 0] != pings[i - 1, 0]
            or pings[i, 2] != pings[i - 1, 2]
            or pings[i, 1] - pings[i - 1, 1] > longest
        )
    return n


@kernel
def fill_passes(pings: NDArray[np.int32], longest: int, out: NDArray[np.int32]) -> None:
    """Make passes of pings.

    Parameters
    ----------
    pings : int32[n, 3]
        Device, time, cell; by device, time.
    longest : int
        Two pings further apart are in two passes.
    out : int32[count_passes(...), 4]
        Filled: device, cell, first ping, last ping; by device, time. O(n).
    """
    n = -1
    for i in range(pings.shape[0]):
        if (
            i == 0
            or pings[i, 0] != pings[i - 1, 0]
            or pings[i, 2] != pings[i - 1, 2]
            or pings[i, 1] - pings[i - 1, 1] > longest
        ):
            n += 1
            out[n, DEVICE] = pings[i, 0]
            out[n, CELL] = pings[i, 2]
            out[n, FROM] = pings[i, 1]
        out[n, TO] = pings[i, 1]


@kernel
def count_close(
    passes: NDArray[np.int32],
    by_cell: NDArray[np.int64],
    cell_lo: NDArray[np.int64],
    latest: NDArray[np.int64],
    cases: NDArray[np.int64],
    tolerance: int,
) -> int:
    """Count the pairs of :func:`fill_close`."""
    n = 0
    for c in range(cases.shape[0]):
        for i in range(cases[c, 0], cases[c, 1]):
            if passes[i, FROM] >= cases[c, 3] or passes[i, TO] < cases[c, 2]:
                continue
            lo, hi = cell_lo[passes[i, CELL]], cell_lo[passes[i, CELL] + 1]
            first, last = hi, passes[i, TO] + tolerance
            while lo < first:  # the first that begins too late
                middle = (lo + first) // 2
                if passes[by_cell[middle], FROM] <= last:
                    lo = middle + 1
                else:
                    first = middle
            k = first - 1
            while k >= cell_lo[passes[i, CELL]] and latest[k] >= passes[i, FROM] - tolerance:
                j = by_cell[k]
                n += int(
                    passes[j, TO] >= passes[i, FROM] - tolerance and passes[j, DEVICE] != passes[i, DEVICE]
                )
                k -= 1
    return n


@kernel
def fill_close(
    passes: NDArray[np.int32],
    by_cell: NDArray[np.int64],
    cell_lo: NDArray[np.int64],
    latest: NDArray[np.int64],
    cases: NDArray[np.int64],
    tolerance: int,
    out: NDArray[np.int64],
) -> None:
    """Find the passes of other devices in the cells of the cases' passes, at the same times.

    Parameters
    ----------
    passes : int32[n, 4]
        By device, time.
    by_cell : int64[n]
        Numbers of passes by cell, first ping.
    cell_lo : int64[cells + 1]
        Where each cell begins in ``by_cell``.
    latest : int64[n]
        The latest last ping of those before it in ``by_cell``, itself among them, in one cell.
    cases : int64[m, 4]
        First pass and the one after the last of each case; start and end of the time that is asked.
    tolerance : int
        By how many seconds two passes may miss each other.
    out : int64[count_close(...), 4]
        Filled: case, device, number of the case's pass, number of the device's.

    Notes
    -----
    O(log n + passes in the cell since the longest that is still going on) for each pass of a case.
    """
    n = 0
    for c in range(cases.shape[0]):
        for i in range(cases[c, 0], cases[c, 1]):
            if passes[i, FROM] >= cases[c, 3] or passes[i, TO] < cases[c, 2]:
                continue
            lo, hi = cell_lo[passes[i, CELL]], cell_lo[passes[i, CELL] + 1]
            first, last = hi, passes[i, TO] + tolerance
            while lo < first:
                middle = (lo + first) // 2
                if passes[by_cell[middle], FROM] <= last:
                    lo = middle + 1
                else:
                    first = middle
            k = first - 1
            while k >= cell_lo[passes[i, CELL]] and latest[k] >= passes[i, FROM] - tolerance:
                j = by_cell[k]
                if passes[j, TO] >= passes[i, FROM] - tolerance and passes[j, DEVICE] != passes[i, DEVICE]:
                    out[n, 0] = c
                    out[n, 1] = passes[j, DEVICE]
                    out[n, 2] = i
                    out[n, 3] = j
                    n += 1
                k -= 1


@kernel
def chain(passes: NDArray[np.int32], close: NDArray[np.int64], longest: int, ride: NDArray[np.int64]) -> int:
    """Chain close passes to rides: in the order of both devices' passes, none further than a break from the next.

    Parameters
    ----------
    passes : int32[n, 4]
    close : int64[m, 4]
        From :func:`fill_close`; by case, device, the case's pass, the device's.
    longest : int
        The longest break in seconds.
    ride : int64[m]
        Filled: the number of the ride of each, from 0; -1 where another of the case's pass, or an earlier one of the
        device, was taken.

    Returns
    -------
    int
        How many rides there are.

    Notes
    -----
    O(m): each pass of the case takes the first of the device's that comes after the one taken last.
    """
    n, last_i, last_j = 0, -1, -1
    for m in range(close.shape[0]):
        i, j = close[m, 2], close[m, 3]
        ride[m] = -1
        new = m == 0 or close[m, 0] != close[m - 1, 0] or close[m, 1] != close[m - 1, 1]
        if not new and (i == last_i or j <= last_j):
            continue
        if (
            new
            or passes[i, FROM] - passes[last_i, TO] > longest
            or passes[j, FROM] - passes[last_j, TO] > longest
        ):
            n += 1
        ride[m] = n - 1
        last_i, last_j = i, j
    return n
