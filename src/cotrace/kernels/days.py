"""Days laid on other days: stays cut at the borders of days, and numbers that are drawn by counting.

What a device did on one day is its *track* of that day. How likely it is that two tracks meet by chance and habit is
asked by laying a device's tracks on its other days, and looking whom they would have met there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["count_pieces", "drawn", "fill_pieces", "first_day", "hash_times", "mixed", "shuffle"]

#: columns of a piece: cell, day, start and end in seconds from the day's border, whose it is, and the start and end
#: of the whole interval that it is a piece of, in seconds from the base
CELL, DAY, FROM, TO, WHOSE, START, END = range(7)
N_PIECE = 7
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


@inlined
def mixed(x: np.uint64) -> np.uint64:
    """Return a number whose bits all hang on all bits of ``x``: the finaliser of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return x ^ (x >> np.uint64(31))


@inlined
def drawn(key: np.uint64, number: int) -> int:
    """Return the ``number``-th random number of a key, from 0 to 2**53 - 1: SplitMix64, by its counter."""
    return int(np.int64(mixed(key + np.uint64(number) * _STEP) >> np.uint64(11)))


@inlined
def first_day(days: NDArray[np.int64], moment: int) -> int:
    """Return the first of the days (int64[n, 2], disjoint, rising) that ends after ``moment``. O(log n)."""
    lo, hi = 0, days.shape[0]
    while lo < hi:
        middle = (lo + hi) // 2
        if days[middle, 1] > moment:
            hi = middle
        else:
            lo = middle + 1
    return lo


@inlined
def shuffle(order: NDArray[np.int64], lo: int, hi: int, key: np.uint64, number: int) -> int:
    """Shuffle ``order[lo:hi]`` (Fisher and Yates), with random numbers from ``number`` on; return the next one."""
    for i in range(hi - 1, lo, -1):
        j = lo + drawn(key, number) % (i - lo + 1)
        number += 1
        order[i], order[j] = order[j], order[i]
    return number


@kernel
def hash_times(
    rows: NDArray[np.int32],
    slices: NDArray[np.int64],
    span: tuple[int, int, int],
    seed: int,
    out: NDArray[np.uint64],
) -> None:
    """Give each device a key for its random numbers, made of the times of its stays alone.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; those of a device by start.
    slices : int64[m, 2]
        The rows of each device.
    span : (base, start, end)
        Unix seconds of second 0; only stays that begin within ``[start, end)``, seconds from there, are looked at.
    seed : int
    out : uint64[m]
        Filled.

    Notes
    -----
    O(rows of these devices). Nothing hangs on codes or on the order of anything.
    """
    base, first, last = span
    for d in range(slices.shape[0]):
        key = mixed(np.uint64(seed) + _STEP)
        for i in range(slices[d, 0], slices[d, 1]):
            if rows[i, 2] >= first and rows[i, 2] < last:
                key = mixed((key ^ np.uint64(base + rows[i, 2])) + _STEP)
                key = mixed((key ^ np.uint64(base + rows[i, 3])) + _STEP)
        out[d] = key


@kernel
def count_pieces(
    rows: NDArray[np.int32], slices: NDArray[np.int64], windows: NDArray[np.int64], days: NDArray[np.int64]
) -> int:
    """Count the pieces of :func:`fill_pieces`."""
    n = 0
    for d in range(slices.shape[0]):
        for i in range(slices[d, 0], slices[d, 1]):
            start = max(int(rows[i, 2]), windows[d, 0])
            end = min(int(rows[i, 3]), windows[d, 1])
            if start < end:
                k = first_day(days, start)
                while k < days.shape[0] and days[k, 0] < end:
                    n += 1
                    k += 1
    return n


@kernel
def fill_pieces(
    rows: NDArray[np.int32],
    slices: NDArray[np.int64],
    windows: NDArray[np.int64],
    days: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Cut stays at the borders of days.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    slices : int64[m, 2]
        The rows of each device that is asked for.
    windows : int64[m, 2]
        What its stays are clipped to.
    days : int64[k, 2]
        Start and end of each day, disjoint and rising; what lies outside all of them is left out.
    out : int64[count_pieces(...), 7]
        Filled; see ``CELL`` and what follows it. ``WHOSE`` is the number of the slice.

    Notes
    -----
    O(rows of these devices and days that they touch).
    """
    n = 0
    for d in range(slices.shape[0]):
        for i in range(slices[d, 0], slices[d, 1]):
            start = max(int(rows[i, 2]), windows[d, 0])
            end = min(int(rows[i, 3]), windows[d, 1])
            if start < end:
                k = first_day(days, start)
                while k < days.shape[0] and days[k, 0] < end:
                    out[n, CELL] = rows[i, 1]
                    out[n, DAY] = k
                    out[n, FROM] = max(start, days[k, 0]) - days[k, 0]
                    out[n, TO] = min(end, days[k, 1]) - days[k, 0]
                    out[n, WHOSE] = d
                    out[n, START] = start
                    out[n, END] = end
                    n += 1
                    k += 1
