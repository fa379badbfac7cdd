"""Rows of what was logged: in order of arrival, and as columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["gather_places", "gather_rows", "order_rows"]


@kernel
def order_rows(rows: NDArray[np.int32], n: int, starts: NDArray[np.int64], order: NDArray[np.int32]) -> None:
    """Order rows by their second of arrival; those of one second stay as they are.

    Parameters
    ----------
    rows : int32[at least n, 4]
        As :func:`cotrace.kernels.synth_signals.fill_signals` writes them.
    n : int
    starts : int64[seconds + 1]
        Scratch; rows that arrive later than all of these seconds come last.
    order : int32[at least n]
        Filled. O(n + seconds).
    """
    last = starts.size - 2
    for k in range(starts.size):
        starts[k] = 0
    for i in range(n):
        starts[np.uint64(min(max(rows[i, 1], 0), last) + 1)] += 1
    for k in range(last + 1):
        starts[k + 1] += starts[k]
    for i in range(n):
        second = np.uint64(min(max(rows[i, 1], 0), last))
        order[np.uint64(starts[second])] = i
        starts[second] += 1


@kernel
def gather_rows(
    rows: NDArray[np.int32],
    order: NDArray[np.int32],
    first_device: int,
    midnight_us: int,
    device: NDArray[np.int64],
    time: NDArray[np.int64],
    tower: NDArray[np.int64],
    kind: NDArray[np.int8],
) -> None:
    """Write rows as columns.

    Parameters
    ----------
    rows : int32[at least n, 4]
    order : int32[n]
    first_device, midnight_us : int
        Number of the block's first device; microseconds since the epoch at the day's beginning.
    device, time, tower : int64[n]
        Filled; times are microseconds since the epoch.
    kind : int8[n or 0]
        Filled unless it is empty. O(n).
    """
    for i in range(order.size):
        row = np.uint64(order[i])
        device[i] = first_device + rows[row, 0]
        time[i] = midnight_us + np.int64(rows[row, 2]) * 1_000_000
        tower[i] = rows[row, 3] & 0x0FFFFFFF
    for i in range(kind.size):
        kind[i] = rows[np.uint64(order[i]), 3] >> 28


@kernel
def gather_places(
    tower: NDArray[np.int64],
    tower_x: NDArray[np.float64],
    tower_y: NDArray[np.float64],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> None:
    """Fill ``x`` and ``y`` (float64[n]) with the places of towers (int64[n]). O(n)."""
    for i in range(tower.size):
        which = np.uint64(tower[i])
        x[i] = tower_x[which]
        y[i] = tower_y[which]
