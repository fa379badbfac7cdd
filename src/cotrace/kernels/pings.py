"""Encoded pings put into the order of time: dealt to buckets of time, then sorted by counting within each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["count_buckets", "count_seconds", "deal_pings", "place_pings"]


@kernel
def count_buckets(
    times: NDArray[np.int32], cells: NDArray[np.int32], bits: int, first: int, counts: NDArray[np.int64]
) -> None:
    """Count the pings of each bucket of ``2**bits`` seconds.

    Parameters
    ----------
    times, cells : int32[n]
        Seconds, and codes of cells; rows with a negative one are left out.
    bits : int
    first : int
        The least bucket: ``min(times) >> bits``.
    counts : int64[buckets]
        Added to. O(n).
    """
    for i in range(times.size):
        if cells[i] >= 0:
            counts[np.uint64((times[i] >> bits) - first)] += 1


@kernel
def deal_pings(
    devices: NDArray[np.int32],
    times: NDArray[np.int32],
    cells: NDArray[np.int32],
    bits: int,
    first: int,
    places: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Bring the pings of each bucket together.

    Parameters
    ----------
    devices, times, cells : int32[n]
    bits, first
        As in :func:`count_buckets`.
    places : int64[buckets]
        Where the first ping of each bucket goes; counted up.
    out : int32[pings with a cell, 3]
        Filled: device, second, cell. O(n).
    """
    for i in range(times.size):
        if cells[i] >= 0:
            bucket = np.uint64((times[i] >> bits) - first)
            at = np.uint64(places[bucket])
            places[bucket] += 1
            out[at, 0] = devices[i]
            out[at, 1] = times[i]
            out[at, 2] = cells[i]


@kernel
def count_seconds(pings: NDArray[np.int32], first: int, counts: NDArray[np.int64]) -> None:
    """Count the pings of each second from ``first`` on: ``counts`` (int64[seconds]) is added to.

    ``pings`` are int32[n, 3]: device, second, cell. O(n).
    """
    for i in range(pings.shape[0]):
        counts[np.uint64(pings[i, 1] - first)] += 1


@kernel
def place_pings(
    pings: NDArray[np.int32],
    first: int,
    new_device: NDArray[np.int32],
    new_cell: NDArray[np.int32],
    places: NDArray[np.int64],
    devices: NDArray[np.int32],
    times: NDArray[np.int32],
    cells: NDArray[np.int32],
) -> None:
    """Move pings to the places of their seconds, with new codes.

    Parameters
    ----------
    pings : int32[n, 3]
        Device, second, cell.
    first : int
        The second of ``places[0]``.
    new_device, new_cell : int32[devices], int32[cells]
        The new code of each.
    places : int64[seconds]
        Where the next ping of each second goes; counted up.
    devices, times, cells : int32[pings in all]
        Filled there. O(n).
    """
    for i in range(pings.shape[0]):
        second = np.uint64(pings[i, 1] - first)
        at = np.uint64(places[second])
        places[second] += 1
        devices[at] = new_device[np.uint64(pings[i, 0])]
        times[at] = pings[i, 1]
        cells[at] = new_cell[np.uint64(pings[i, 2])]
