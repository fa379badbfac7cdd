"""What GPS receivers of made devices say: their days of fixes, from their paths and the streets they are in."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.synth_clock import C_SILENT, DAY_S, begin_day
from cotrace.kernels.synth_radio import square_of
from cotrace.kernels.synth_random import bell, key_of, uniform

__all__ = ["FIX_COUNTS", "fill_fixes", "gather_fixes"]

#: the places of ``chances`` after the first nine, which are those of :mod:`cotrace.kernels.synth_clock`
G_ERROR, G_CANYON_ERROR, G_CANYON_BIAS, G_MEMORY, G_OUTLIERS, G_OUTLIER_M, G_NO_FIX = (
    9,
    10,
    11,
    12,
    13,
    14,
    15,
)
#: the places of what is counted
F_LOGGED, F_NO_FIX, F_SILENT, F_CANYON, F_OUTLIERS, F_OFF_S, F_SILENT_S, F_DEVICE_DAYS = range(8)
FIX_COUNTS = 8
#: positions are whole decimetres in rows; a row in a canyon has this bit beside its device
UNITS, CANYON = 10.0, 1 << 30


@inlined
def _awake(t: int, clock: NDArray[np.int64]) -> int:
    """Return the first second from ``t`` on at which the device is on."""
    for k in range(0, 6, 2):
        if clock[k] <= t < clock[k + 1]:
            t = clock[k + 1]
    return t


@inlined
def _wait(key: Any, number: int, every: int) -> int:
    """Return how long the receiver waits until the next fix: a fifth more or less than it should."""
    return max(1, int(every * (0.8 + 0.4 * uniform(key, number))))


@kernel
def fill_fixes(
    seed: int,
    stream: int,
    day: int,
    first_device: int,
    devices: tuple[int, int],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    x0: NDArray[np.float32],
    y0: NDArray[np.float32],
    x1: NDArray[np.float32],
    y1: NDArray[np.float32],
    mode: NDArray[np.int8],
    canyon: NDArray[np.bool_],
    squares: tuple[int, int],
    frame: tuple[float, float, float],
    chances: NDArray[np.float64],
    every: tuple[int, int],
    clock: NDArray[np.int64],
    of_device: NDArray[np.int64],
    counts: NDArray[np.int64],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the fixes of some devices on one day, each one's in order of time.

    An error is made of one that fades with time, one that is the same whenever anybody is in the square (in canyons
    between high buildings), and now and then a large one.

    Parameters
    ----------
    seed, stream, day, first_device, devices, offset, t0, t1, x0, y0, x1, y1, mode
        As in :func:`cotrace.kernels.synth_signals.fill_signals`.
    canyon : bool[squares]
    squares, frame : (across, down), (x, y, side)
    chances : float64
        By the names ``H_`` and ``G_``.
    every : (moving, still)
        Seconds from fix to fix.
    clock, of_device : int64[CLOCK], int64[FIX_COUNTS]
        Scratch.
    counts : int64[FIX_COUNTS]
        Added to, by the names ``F_``.
    out : int32[room, 4]
        Filled with rows: device in the block (and ``CANYON``), second of the day, x and y in decimetres.

    Returns
    -------
    (end, rows)
        As there.

    Notes
    -----
    O(fixes); some 40 ns each.
    """
    base_key = key_of(key_of(np.uint64(0), seed), stream)
    frozen = key_of(base_key, 1)
    base_key = key_of(base_key, 0)
    n = 0
    for d in range(devices[0], devices[1]):
        mine = key_of(base_key, first_device + d)
        key = key_of(key_of(mine, 12), day)
        start = n
        for c in range(FIX_COUNTS):
            of_device[c] = 0
        of_device[F_OFF_S] = begin_day(mine, day, 0, chances, clock)
        of_device[F_SILENT_S] = clock[C_SILENT + 1] - clock[C_SILENT]
        of_device[F_DEVICE_DAYS] = 1
        t, last, k = int(uniform(key, 0) * every[1]), -DAY_S, 0
        ex, ey = 0.0, 0.0
        for leg in range(offset[d], offset[d + 1]):
            begin, end = t0[leg] - day * DAY_S, t1[leg] - day * DAY_S
            if end <= begin:
                continue
            ax, ay = np.float64(x0[leg]), np.float64(y0[leg])
            vx, vy = (np.float64(x1[leg]) - ax) / (end - begin), (np.float64(y1[leg]) - ay) / (end - begin)
            moving = mode[leg] != 0
            step = every[0] if moving else every[1]
            t = _awake(min(t, max(begin, last + step)), clock)
            while t < end:
                if n >= out.shape[0]:
                    return d, start
                k += 8
                fades = math.exp((last - t) / chances[G_MEMORY]) if chances[G_MEMORY] > 0.0 else 0.0
                fresh = math.sqrt(1.0 - fades * fades)
                ex = fades * ex + fresh * bell(key, k)
                ey = fades * ey + fresh * bell(key, k + 1)
                last = t
                if clock[C_SILENT] <= t < clock[C_SILENT + 1]:
                    of_device[F_SILENT] += 1
                elif not moving and uniform(key, k + 2) < chances[G_NO_FIX]:
                    of_device[F_NO_FIX] += 1
                else:
                    x, y = ax + vx * (t - begin), ay + vy * (t - begin)
                    square = square_of(x, y, frame, squares)
                    wide, high = chances[G_ERROR], 0
                    if canyon[square]:
                        wide, high = chances[G_CANYON_ERROR], CANYON
                        of_device[F_CANYON] += 1
                        x += chances[G_CANYON_BIAS] * bell(key_of(frozen, square), 0)
                        y += chances[G_CANYON_BIAS] * bell(key_of(frozen, square), 1)
                    x += wide * ex
                    y += wide * ey
                    if uniform(key, k + 3) < chances[G_OUTLIERS]:
                        of_device[F_OUTLIERS] += 1
                        x += chances[G_OUTLIER_M] * bell(key, k + 4)
                        y += chances[G_OUTLIER_M] * bell(key, k + 5)
                    of_device[F_LOGGED] += 1
                    out[n, 0] = d | high
                    out[n, 1] = t
                    out[n, 2] = int(np.floor(x * UNITS + 0.5))
                    out[n, 3] = int(np.floor(y * UNITS + 0.5))
                    n += 1
                t = _awake(t + _wait(key, k + 6, step), clock)
        for c in range(FIX_COUNTS):
            counts[c] += of_device[c]
    return devices[1], n


@kernel
def gather_fixes(
    rows: NDArray[np.int32],
    order: NDArray[np.int32],
    first_device: int,
    midnight_us: int,
    accuracies: tuple[float, float],
    device: NDArray[np.int64],
    time: NDArray[np.int64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    accuracy: NDArray[np.float64],
) -> None:
    """Write rows as columns.

    Parameters
    ----------
    rows : int32[at least n, 4]
        As :func:`fill_fixes` makes them.
    order : int32[n]
    first_device, midnight_us : int
    accuracies : (open, canyon)
        Metres.
    device, time, x, y : int64[n] and float64[n]
        Filled.
    accuracy : float64[n or 0]
        Filled unless it is empty. O(n).
    """
    for i in range(order.size):
        row = np.uint64(order[i])
        device[i] = first_device + (rows[row, 0] & (CANYON - 1))
        time[i] = midnight_us + np.int64(rows[row, 1]) * 1_000_000
        x[i] = rows[row, 2] / UNITS
        y[i] = rows[row, 3] / UNITS
    for i in range(accuracy.size):
        accuracy[i] = accuracies[1] if rows[np.uint64(order[i]), 0] & CANYON else accuracies[0]
