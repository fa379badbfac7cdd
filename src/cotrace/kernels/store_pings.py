"""Pings on their way into the daily store: dealt to days and buckets, then brought in order device by device."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.sorting import sort_by_keys

__all__ = ["bucket_ids", "count_parts", "deal_parts", "distinct_pings", "group_pings", "newest_pings"]

_DAY = 86_400
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)


@kernel
def bucket_ids(keys: NDArray[np.int64], n_buckets: int, out: NDArray[np.int32]) -> None:
    """Fill ``out`` (int32[n]) with a bucket for each id or hash of one (int64[n]): splitmix64 modulo ``n_buckets``.

    What is kept in a store hangs on it: it never changes. O(n).
    """
    for i in range(keys.size):
        x = np.uint64(keys[i]) + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * _MIX1
        x = (x ^ (x >> np.uint64(27))) * _MIX2
        x = x ^ (x >> np.uint64(31))
        out[i] = np.int32(x % np.uint64(n_buckets))


@kernel
def count_parts(
    devices: NDArray[np.int32],
    times: NDArray[np.int32],
    cells: NDArray[np.int32],
    bucket_of: NDArray[np.int32],
    n_buckets: int,
    first_day: int,
    counts: NDArray[np.int64],
) -> None:
    """Count the pings of each day and bucket.

    Parameters
    ----------
    devices, times, cells : int32[n]
        Codes, seconds from a midnight, codes; rows with a negative cell are left out.
    bucket_of : int32[devices]
        The bucket of each device.
    n_buckets : int
    first_day : int
        The day of the least time, counted from that midnight.
    counts : int64[days * n_buckets]
        Added to. O(n).
    """
    for i in range(times.size):
        if cells[i] >= 0:
            day = times[i] // _DAY - first_day
            counts[np.uint64(day * n_buckets + bucket_of[np.uint64(devices[i])])] += 1


@kernel
def deal_parts(
    devices: NDArray[np.int32],
    times: NDArray[np.int32],
    cells: NDArray[np.int32],
    bucket_of: NDArray[np.int32],
    n_buckets: int,
    first_day: int,
    places: NDArray[np.int64],
    seen_devices: NDArray[np.uint8],
    seen_cells: NDArray[np.uint8],
    out: NDArray[np.int32],
) -> None:
    """Bring the pings of each day and bucket together.

    Parameters
    ----------
    devices, times, cells, bucket_of, n_buckets, first_day
        As in :func:`count_parts`.
    places : int64[days * n_buckets]
        Where the next ping of each goes; counted up.
    seen_devices, seen_cells : uint8[devices], uint8[cells]
        Set to 1 where there is a ping.
    out : int32[pings with a cell, 3]
        Filled: device, second of the day, cell. O(n).
    """
    for i in range(times.size):
        if cells[i] < 0:
            continue
        device, cell = np.uint64(devices[i]), np.uint64(cells[i])
        day = times[i] // _DAY
        part = np.uint64((day - first_day) * n_buckets + bucket_of[device])
        at = np.uint64(places[part])
        places[part] += 1
        seen_devices[device] = 1
        seen_cells[cell] = 1
        out[at, 0] = devices[i]
        out[at, 1] = times[i] - day * _DAY
        out[at, 2] = cells[i]


@kernel
def group_pings(
    pings: NDArray[np.int32],
    new_device: NDArray[np.int32],
    new_cell: NDArray[np.int32],
    rows: NDArray[np.int32],
    places: NDArray[np.int64],
    keys: NDArray[np.int64],
    numbers: NDArray[np.int32],
) -> None:
    """Bring the pings of each device together, as one number a ping that is ordered by second, then by cell.

    Parameters
    ----------
    pings : int32[n, 3]
        Device, second, cell.
    new_device, new_cell : int32[devices], int32[cells]
        The new code of each; pings of a device or a cell with a negative one are left out.
    rows : int32[n or 0]
        How many rows of the input each ping stands for; empty: one each.
    places : int64[new codes of devices]
        Where the next ping of each goes; counted up.
    keys, numbers : int64[pings that stay], int32[pings that stay]
        Filled: ``second << 32 | cell``, and rows of the input. O(n).
    """
    for i in range(pings.shape[0]):
        device = new_device[np.uint64(pings[i, 0])]
        cell = new_cell[np.uint64(pings[i, 2])]
        if device < 0 or cell < 0:
            continue
        at = np.uint64(places[np.uint64(device)])
        places[np.uint64(device)] += 1
        keys[at] = np.int64(pings[i, 1]) << 32 | np.int64(cell)
        numbers[at] = rows[i] if rows.size else 1


@inlined
def _in_order(keys: NDArray[np.int64], lo: int, hi: int) -> bool:
    """Return whether keys never fall from ``lo`` to ``hi``."""
    i = lo + 1
    while i < hi and keys[i] >= keys[i - 1]:
        i += 1
    return i >= hi


@kernel
def distinct_pings(
    keys: NDArray[np.int64],
    numbers: NDArray[np.int32],
    lo: NDArray[np.int64],
    order: NDArray[np.int64],
    scratch: NDArray[np.int64],
    devices: NDArray[np.int32],
    seconds: NDArray[np.int32],
    cells: NDArray[np.int32],
    rows: NDArray[np.int32],
) -> int:
    """Give each ping (device, second, cell) once, in this order, with the number of rows that said so.

    Parameters
    ----------
    keys, numbers : int64[n], int32[n]
        As :func:`group_pings` makes them.
    lo : int64[devices + 1]
        Where the pings of each device begin.
    order, scratch : int64[most pings of a device]
        Scratch.
    devices, seconds, cells, rows : int32[n]
        Filled.

    Returns
    -------
    n_out : int

    Notes
    -----
    O(n) where each device's pings come in order, O(n log n) where they do not.
    """
    n = 0
    for d in range(lo.size - 1):
        begin, size = lo[d], lo[d + 1] - lo[d]
        sorted_ = _in_order(keys, begin, begin + size)
        if not sorted_:
            for k in range(size):
                order[k] = k
            sort_by_keys(keys[begin : begin + size], order, scratch, 0, size)
        for k in range(size):
            at = begin + (k if sorted_ else order[k])
            second, cell = np.int32(keys[at] >> 32), np.int32(keys[at] & 0x7FFFFFFF)
            if k and seconds[n - 1] == second and cells[n - 1] == cell:
                rows[n - 1] += numbers[at]
                continue
            devices[n] = d
            seconds[n] = second
            cells[n] = cell
            rows[n] = numbers[at]
            n += 1
    return n


@kernel
def newest_pings(
    devices: NDArray[np.int32],
    seconds: NDArray[np.int32],
    cells: NDArray[np.int32],
    rows: NDArray[np.int32],
    order: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Find the last ping of each device on a day, and count what became of its pings.

    Parameters
    ----------
    devices, seconds, cells, rows : int32[n]
        As :func:`distinct_pings` makes them. What is before the day's midnight has a negative second, and is not
        looked at.
    order : int64[codes of cells]
        What cells are compared by where two are in one second: the greatest is used.
    out : int32[6, devices]
        Filled: second of the last ping and its cell, first second, rows of the input, pings used (one a second), and
        rows that are not in the cell that is used. O(n).
    """
    out[:, :] = 0
    i, n = 0, devices.size
    while i < n:
        d, second = np.uint64(devices[i]), seconds[i]
        if second < 0:
            i += 1
            continue
        cell, mine, total = cells[i], rows[i], rows[i]
        i += 1
        while i < n and devices[i] == devices[i - 1] and seconds[i] == second:
            total += rows[i]
            if order[cells[i]] > order[cell]:
                cell, mine = cells[i], rows[i]
            i += 1
        if out[4, d] == 0:
            out[2, d] = second
        out[0, d] = second
        out[1, d] = cell
        out[3, d] += total
        out[4, d] += 1
        out[5, d] += total - mine
