"""Crowds by cell, day and hour of the day: how large they are, how large usually, and on which days unusually."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.days import CELL, DAY, FROM, TO, first_day, mixed
from cotrace.kernels.jit import inlined, kernel

__all__ = ["HOUR", "HOURS", "count_crowds", "median", "sign", "stamp"]

HOUR, HOURS = 3600, 25
#: a crowd is unusual when it is this many standard deviations (of a Poisson count) off its usual size, and also this
#: many times as large, or as small
_DEVIATIONS, _TIMES = 5.0, 2.0


@kernel
def count_crowds(
    rows: NDArray[np.int32],
    days: NDArray[np.int64],
    cell_of: NDArray[np.int64],
    last: NDArray[np.int32],
    crowd: NDArray[np.int32],
) -> None:
    """Count the devices in some cells, and anywhere, by day and hour.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device.
    days : int64[k, 2]
        Start and end of each day, in the rows' seconds.
    cell_of : int64[cells]
        The number of each cell that is asked for, or -1.
    last : int32[asked cells + 1, k, 25]
        Scratch: all -1.
    crowd : int32[asked cells + 1, k, 25]
        Added to; the last is of all cells together.

    Notes
    -----
    O(n and hours that stays touch).
    """
    every = crowd.shape[0] - 1
    for i in range(rows.shape[0]):
        device, cell = rows[i, 0], cell_of[rows[i, 1]]
        start, end = int(rows[i, 2]), int(rows[i, 3])
        j = first_day(days, start)
        while j < days.shape[0] and days[j, 0] < end:
            a, b = max(start, days[j, 0]) - days[j, 0], min(end, days[j, 1]) - days[j, 0]
            for h in range(a // HOUR, min((b - 1) // HOUR, HOURS - 1) + 1):
                if last[every, j, h] != device:
                    last[every, j, h] = device
                    crowd[every, j, h] += 1
                if cell >= 0 and last[cell, j, h] != device:
                    last[cell, j, h] = device
                    crowd[cell, j, h] += 1
            j += 1


@inlined
def stamp(
    pieces: NDArray[np.int64],
    lo: int,
    hi: int,
    cell_of: NDArray[np.int64],
    stamp: int,
    add: int,
    last: NDArray[np.int32],
    crowd: NDArray[np.int32],
) -> None:
    """Add a number to the crowds that a device is part of, each once."""
    every = crowd.shape[0] - 1
    for p in range(lo, hi):
        cell, j = cell_of[pieces[p, CELL]], pieces[p, DAY]
        for h in range(pieces[p, FROM] // HOUR, min((pieces[p, TO] - 1) // HOUR, HOURS - 1) + 1):
            if last[cell, j, h] != stamp:
                last[cell, j, h] = stamp
                crowd[cell, j, h] += add
            if last[every, j, h] != stamp:
                last[every, j, h] = stamp
                crowd[every, j, h] += add


@inlined
def median(
    crowd: NDArray[np.int32],
    cell: int,
    h: int,
    alike: NDArray[np.int64],
    lo: int,
    hi: int,
    sorted_: NDArray[np.int64],
) -> float:
    """Return the median crowd of a cell in an hour of the days ``alike[lo:hi]``."""
    n = hi - lo
    for i in range(n):
        value = int(crowd[cell, alike[lo + i], h])
        k = i
        while k > 0 and sorted_[k - 1] > value:
            sorted_[k] = sorted_[k - 1]
            k -= 1
        sorted_[k] = value
    return float(sorted_[(n - 1) // 2] + sorted_[n // 2]) / 2.0


@inlined
def _is_unusual(crowd: int, usual: float) -> bool:
    off = abs(crowd - usual)
    times = max((crowd + 1.0) / (usual + 1.0), (usual + 1.0) / (crowd + 1.0))
    return off > _DEVIATIONS * math.sqrt(usual + 1.0) and times >= _TIMES


@inlined
def sign(
    cell: int,
    number: int,
    hours: NDArray[np.int64],
    crowd: NDArray[np.int32],
    kind_lo: NDArray[np.int64],
    by_kind: NDArray[np.int64],
    sorted_: NDArray[np.int64],
    signs: NDArray[np.uint64],
) -> None:
    """Put a mark of the cell on the days on which its crowd is unusual in an hour in which both devices go there."""
    for kind in range(kind_lo.size - 1):
        lo, hi = kind_lo[kind], kind_lo[kind + 1]
        for k in range(lo, hi):
            unusual = False
            for h in range(HOURS):
                if hours[h] == 1 and not unusual:
                    usual = median(crowd, number, h, by_kind, lo, hi, sorted_)
                    unusual = _is_unusual(int(crowd[number, by_kind[k], h]), usual)
            if unusual:
                signs[by_kind[k]] += mixed(np.uint64(cell) + np.uint64(1))
