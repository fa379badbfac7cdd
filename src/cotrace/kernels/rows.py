"""Stays as rows ``(device, cell, start, end)`` of int32: sorted by counting, cut into segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = [
    "count_keys",
    "count_rows",
    "group_devices",
    "join_touching",
    "mark_segments",
    "place_in_cells",
    "place_rows",
    "scatter_rows",
]


@kernel
def count_rows(
    rows: NDArray[np.int32], column: int, new_code: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Count rows by the new code of what is in a column.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    column : int
        0 for devices, 1 for cells.
    new_code : int32[devices or cells]
        The new code of each, or -1 where it is not wanted.
    counts : int64[1 + new codes]
        Added to: first the rows that are not wanted. O(n).
    """
    for i in range(rows.shape[0]):
        counts[np.uint64(new_code[np.uint64(rows[i, column])] + 1)] += 1


@kernel
def place_rows(
    rows: NDArray[np.int32],
    new_device: NDArray[np.int32],
    new_cell: NDArray[np.int32],
    places: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Move rows to the places of their devices, with new codes.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    new_device, new_cell : int32[devices], int32[cells]
        The new code of each.
    places : int64[new codes of devices]
        Where the next row of each goes; counted up.
    out : int32[n, 4]
        Filled, keeping the order within a device.

    Notes
    -----
    O(n); writes go to as many places as there are devices.
    """
    for i in range(rows.shape[0]):
        device = np.uint64(new_device[np.uint64(rows[i, 0])])
        at = np.uint64(places[device])
        places[device] += 1
        out[at, 0] = device
        out[at, 1] = new_cell[np.uint64(rows[i, 1])]
        out[at, 2] = rows[i, 2]
        out[at, 3] = rows[i, 3]


@kernel
def place_in_cells(
    rows: NDArray[np.int32], new_cell: NDArray[np.int32], places: NDArray[np.int64], out: NDArray[np.int32]
) -> None:
    """Move the rows of some cells to the places of these, and leave the cell out.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    new_cell : int32[cells]
        The new code of each, or -1 where it is not wanted.
    places : int64[1 + new codes]
        Where the next row of each goes; counted up. The first is a row of ``out`` for all that is dropped.
    out : int32[wanted rows + 1, 3]
        Filled: device, start, end; keeping the order within a cell.

    Notes
    -----
    O(n), without branches; writes go to as many places as there are cells.
    """
    for i in range(rows.shape[0]):
        key = new_cell[np.uint64(rows[i, 1])] + 1
        at = np.uint64(places[np.uint64(key)])
        places[np.uint64(key)] += int(key > 0)
        out[at, 0] = rows[i, 0]
        out[at, 1] = rows[i, 2]
        out[at, 2] = rows[i, 3]


@kernel
def group_devices(
    rows: NDArray[np.int32],
    cell_rows: NDArray[np.int64],
    first_cell: int,
    last_cell: int,
    segment_of: NDArray[np.int32],
    places: NDArray[np.int64],
    scratch: NDArray[np.int32],
    n_segments: NDArray[np.int64],
) -> None:
    """Bring the rows of each device in a cell together, in place: segments.

    Parameters
    ----------
    rows : int32[n, 3]
        Device, start, end; by cell, those of one device by start. Changed: a device's rows together, devices as
        they come.
    cell_rows : int64[cells + 1]
        The first row of each cell.
    first_cell, last_cell : int
        The cells to do: ``[first_cell, last_cell)``; ranges of cells are independent of each other.
    segment_of : int32[devices]
        Scratch: all -1, and so left.
    places, scratch : int64[rows of the largest cell], int32[rows of the largest cell, 3]
        Scratch.
    n_segments : int64[cells]
        Filled: how many segments a cell has.

    Notes
    -----
    O(n); one access to ``segment_of`` a row and pass, the rows of a cell stay in the cache.
    """
    for cell in range(first_cell, last_cell):
        lo, m, n = cell_rows[cell], cell_rows[cell + 1] - cell_rows[cell], 0
        for i in range(m):
            row = np.uint64(lo + i)
            scratch[i, 0] = rows[row, 0]
            scratch[i, 1] = rows[row, 1]
            scratch[i, 2] = rows[row, 2]
            d = np.uint64(rows[row, 0])
            if segment_of[d] < 0:
                segment_of[d] = n
                places[n] = 0
                n += 1
            places[np.uint64(segment_of[d])] += 1
        at = lo
        for s in range(n):
            size = places[s]
            places[s] = at
            at += size
        for i in range(m):
            segment = np.uint64(segment_of[np.uint64(scratch[i, 0])])
            row = np.uint64(places[segment])
            places[segment] += 1
            rows[row, 0] = scratch[i, 0]
            rows[row, 1] = scratch[i, 1]
            rows[row, 2] = scratch[i, 2]
        for i in range(m):
            segment_of[np.uint64(scratch[i, 0])] = -1
        n_segments[cell] = n


@kernel
def join_touching(rows: NDArray[np.int32], cell_rows: NDArray[np.int64]) -> int:
    """Join rows of one device in one cell of which the next begins where the one before ends, in place.

    Parameters
    ----------
    rows : int32[n, 3]
        Device, start, end, grouped as :func:`group_devices` does it. Changed: what is left comes first.
    cell_rows : int64[cells + 1]
        The first row of each cell. Changed alike.

    Returns
    -------
    n_left : int

    Notes
    -----
    O(n), one pass. Devices and cells keep at least one row each, so their numbers stay as they are.
    """
    n = 0
    for cell in range(cell_rows.size - 1):
        lo, hi = cell_rows[cell], cell_rows[cell + 1]
        first = n
        for i in range(lo, hi):
            device, start, end = rows[i, 0], rows[i, 1], rows[i, 2]
            if n > first and rows[n - 1, 0] == device and rows[n - 1, 2] == start:
                rows[n - 1, 2] = end
            else:
                rows[n, 0] = device
                rows[n, 1] = start
                rows[n, 2] = end
                n += 1
        cell_rows[cell] = first
    cell_rows[cell_rows.size - 1] = n
    return n


@kernel
def mark_segments(rows: NDArray[np.int32], cell_rows: NDArray[np.int64], seg_lo: NDArray[np.int64]) -> None:
    """Fill ``seg_lo`` (int64[segments + 1]) with the first row of each segment, and the end. O(n).

    ``rows`` are grouped as :func:`group_devices` does it, and ``cell_rows`` as there.
    """
    n = 0
    for cell in range(cell_rows.size - 1):
        for i in range(cell_rows[cell], cell_rows[cell + 1]):
            if i == cell_rows[cell] or rows[i, 0] != rows[i - 1, 0]:
                seg_lo[n] = i
                n += 1
    seg_lo[n] = rows.shape[0]


@kernel
def count_keys(keys: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Add to ``counts`` (int64[number of keys]) how often each key occurs. O(n)."""
    for i in range(keys.size):
        counts[np.uint64(keys[i])] += 1


@kernel
def scatter_rows(
    rows: NDArray[np.int32], column: int, places: NDArray[np.int64], out: NDArray[np.int32]
) -> None:
    """Move rows to their places: one pass of a stable counting sort.

    Parameters
    ----------
    rows, out : int32[n, 4 or 5]
    column : int
        The column that holds the key.
    places : int64[number of keys]
        Where the first row of each key goes; counted up.

    Notes
    -----
    O(n); writes go to as many places as there are keys.
    """
    width = rows.shape[1]
    for i in range(rows.shape[0]):
        key = np.uint64(rows[i, column])  # unsigned, or numba checks every index for being negative
        at = np.uint64(places[key])
        places[key] += 1
        # four columns written out: a loop over columns is twice as slow
        out[at, 0] = rows[i, 0]
        out[at, 1] = rows[i, 1]
        out[at, 2] = rows[i, 2]
        out[at, 3] = rows[i, 3]
        if width == 5:
            out[at, 4] = rows[i, 4]
