"""Rows of the daily store ``(device, cell, start, end)``: cut at a day's first ping, ordered by cell, joined again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["cut_rows", "join_rows", "merge_by_cell"]


@kernel
def cut_rows(
    rows: NDArray[np.int32], first: NDArray[np.int32], code: NDArray[np.int32], out: NDArray[np.int32]
) -> int:
    """Cut what begins before a day's midnight at the device's first ping of the day, and give devices their codes.

    Parameters
    ----------
    rows : int32[n, 4]
        Number of the device, cell, start, end.
    first : int32[devices]
        Second of each one's first ping from midnight on.
    code : int32[devices]
        The code of each.
    out : int32[n + devices, 4]
        Filled, in the same order.

    Returns
    -------
    n_out : int
        O(n).
    """
    n = 0
    for i in range(rows.shape[0]):
        d = np.uint64(rows[i, 0])
        start, end = rows[i, 2], rows[i, 3]
        out[n, 0] = code[d]
        out[n, 1] = rows[i, 1]
        out[n, 2] = start
        out[n, 3] = end
        if start < 0 and end > first[d]:
            out[n, 3] = first[d]
            n += 1
            out[n, 0] = code[d]
            out[n, 1] = rows[i, 1]
            out[n, 2] = first[d]
            out[n, 3] = end
        n += 1
    return n


@kernel
def merge_by_cell(
    rows: NDArray[np.int32],
    at: NDArray[np.int64],
    stop: NDArray[np.int64],
    n_devices: int,
    places: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Bring the rows of buckets into the order of cell, device, start.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; those of each bucket together, by device, start. The buckets take turns: device
        ``d`` is in bucket ``d % buckets``.
    at, stop : int64[buckets]
        Where the rows of each bucket begin and end; ``at`` is counted up.
    n_devices : int
        More than the greatest code.
    places : int64[cells]
        Where the first row of each cell goes; counted up.
    out : int32[n, 3]
        Filled: device, start, end. O(n + n_devices).
    """
    n_buckets = at.size
    for device in range(n_devices):
        bucket = np.uint64(device % n_buckets)
        i = at[bucket]
        while i < stop[bucket] and rows[i, 0] == device:
            cell = np.uint64(rows[i, 1])
            to = np.uint64(places[cell])
            places[cell] += 1
            out[to, 0] = rows[i, 0]
            out[to, 1] = rows[i, 2]
            out[to, 2] = rows[i, 3]
            i += 1
        at[bucket] = i


@kernel
def join_rows(rows: NDArray[np.int32], lowest: int, highest: int, out: NDArray[np.int32]) -> int:
    """Join rows of one device in one cell that touch, and clip them to ``[lowest, highest)``.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device, start.
    lowest, highest : int
    out : int32[n, 4]
        Filled; may be ``rows`` itself. What is empty when it is clipped is left out.

    Returns
    -------
    n_out : int
        O(n).
    """
    n, i = 0, 0
    while i < rows.shape[0]:
        device, cell, start, end = rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3]
        i += 1
        while i < rows.shape[0] and rows[i, 0] == device and rows[i, 1] == cell and rows[i, 2] == end:
            end = rows[i, 3]
            i += 1
        if end > lowest and start < highest:
            out[n, 0] = device
            out[n, 1] = cell
            out[n, 2] = max(start, lowest)
            out[n, 3] = min(end, highest)
            n += 1
    return n
