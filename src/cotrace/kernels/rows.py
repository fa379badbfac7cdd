"""Stays as rows ``(device, cell, start, end)`` of int32: filtered, sorted by counting, cut into segments."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["count_keys", "keep_cells", "mark_cells", "scatter_rows", "segments_of"]


@kernel
def mark_cells(rows: NDArray[np.int32], n_cases: int, wanted: NDArray[np.bool_]) -> None:
    """Mark the cells in ``wanted`` (bool[cells]) that devices with a code below ``n_cases`` were in. O(n)."""
    for i in range(rows.shape[0]):
        if rows[i, 0] < n_cases:
            wanted[rows[i, 1]] = True


@kernel
def keep_cells(
    rows: NDArray[np.int32],
    new_device: NDArray[np.int32],
    new_cell: NDArray[np.int32],
    out: NDArray[np.int32],
) -> int:
    """Copy the rows of cells that are wanted, with new codes for both.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    new_device : int32[devices]
        The new code of each device.
    new_cell : int32[cells]
        The new code of each cell, or -1 where it is not wanted.
    out : int32[at least as many rows as are kept plus one, 4]
        Filled, in the order of ``rows``.

    Returns
    -------
    int
        Rows that were kept. O(n), without branches.
    """
    n = 0
    last = out.shape[0] - 1
    for i in range(rows.shape[0]):
        cell = new_cell[np.uint64(rows[i, 1])]
        out[n, 0] = new_device[np.uint64(rows[i, 0])]
        out[n, 1] = cell
        out[n, 2] = rows[i, 2]
        out[n, 3] = rows[i, 3]
        n = min(n + (cell >= 0), last)
    return n


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


@kernel
def segments_of(
    rows: NDArray[np.int32], n_cells: int, seg_lo: NDArray[np.int64], cell_lo: NDArray[np.int64]
) -> int:
    """Cut rows that are sorted by cell, device into segments of one device in one cell.

    Parameters
    ----------
    rows : int32[n, 4]
        Sorted by cell, device, start.
    n_cells : int
    seg_lo : int64[n + 1]
        Filled: the first row of each segment, and ``n`` after the last.
    cell_lo : int64[n_cells + 1]
        Filled: the first segment of each cell, and the number of segments after the last.

    Returns
    -------
    int
        Number of segments. O(n + cells).
    """
    n_seg, cell = 0, 0
    cell_lo[0] = 0
    for i in range(rows.shape[0]):
        if i == 0 or rows[i, 1] != rows[i - 1, 1] or rows[i, 0] != rows[i - 1, 0]:
            while cell < rows[i, 1]:
                cell += 1
                cell_lo[cell] = n_seg
            seg_lo[n_seg] = i
            n_seg += 1
    while cell < n_cells:
        cell += 1
        cell_lo[cell] = n_seg
    seg_lo[n_seg] = rows.shape[0]
    return n_seg
