"""Stays by cell, as rows ``(device, start, end)`` of int32: put there, and some of them taken out again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["filter_cells", "gather_cells", "group_cells", "place_blocks", "sift_cells", "tally_cells"]


@kernel
def tally_cells(
    rows: NDArray[np.int32], n_tracked: int, counts: NDArray[np.int64], tracked: NDArray[np.int64]
) -> int:
    """Count the rows of each cell, and find those of devices with a code below ``n_tracked``.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    n_tracked : int
    counts : int64[cells]
        Added to.
    tracked : int64[n]
        Filled with the numbers of those rows.

    Returns
    -------
    n_found : int
        How many these are. O(n), without branches.
    """
    n = np.uint64(0)
    for i in range(rows.shape[0]):
        counts[np.uint64(rows[i, 1])] += 1
        tracked[n] = i
        n += np.uint64(rows[i, 0] < n_tracked)
    return int(n)


@kernel
def group_cells(rows: NDArray[np.int32], places: NDArray[np.int64], out: NDArray[np.int32]) -> None:
    """Move rows to the places of their cells, and leave the cell out.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    places : int64[cells]
        Where the first row of each cell goes; counted up.
    out : int32[n, 3]
        Filled: device, start, end. O(n).
    """
    for i in range(rows.shape[0]):
        cell = np.uint64(rows[i, 1])
        at = np.uint64(places[cell])
        places[cell] += 1
        out[at, 0] = rows[i, 0]
        out[at, 1] = rows[i, 2]
        out[at, 2] = rows[i, 3]


@kernel
def gather_cells(
    grouped: NDArray[np.int32],
    lo: NDArray[np.int32],
    which: NDArray[np.int64],
    places: NDArray[np.int64],
    new_device: NDArray[np.int32],
    out: NDArray[np.int32],
) -> None:
    """Copy the rows of some cells from where they are grouped by cell.

    Parameters
    ----------
    grouped : int32[n, 3]
        Device, start, end.
    lo : int32[cells here + 1]
        Where the rows of each cell begin.
    which : int64[k]
        The cells to copy.
    places : int64[k]
        Where the rows of each go in ``out``.
    new_device : int32[devices]
        The new code of each device.
    out : int32[m, 3]
        Filled there: device, start, end. O(rows of these cells).
    """
    for k in range(which.size):
        cell = which[k]
        shift = places[k] - lo[cell]
        for i in range(lo[cell], lo[cell + 1]):
            at = np.uint64(i + shift)
            out[at, 0] = new_device[np.uint64(grouped[i, 0])]
            out[at, 1] = grouped[i, 1]
            out[at, 2] = grouped[i, 2]


@kernel
def filter_cells(
    grouped: NDArray[np.int32],
    lo: NDArray[np.int32],
    new_cell: NDArray[np.int32],
    span_lo: NDArray[np.int64],
    spans: NDArray[np.int32],
    new_device: NDArray[np.int32],
    out: NDArray[np.int32],
) -> int:
    """Copy those rows of some cells that lie in given spans of time, at least in part.

    Parameters
    ----------
    grouped, lo, new_device
        As in :func:`gather_cells`.
    new_cell : int32[cells here]
        The new code of each, or -1 where it is not wanted.
    span_lo : int64[new cells + 1]
        Where the spans of each cell begin.
    spans : int32[s, 2]
        Start and end; of one cell in order, and apart.
    out : int32[rows of these cells, 4]
        Filled: device, cell, start, end.

    Returns
    -------
    n_out : int

    Notes
    -----
    O(rows of these cells * log(spans of a cell)).
    """
    n = np.uint64(0)
    for k in range(new_cell.size):
        cell = new_cell[k]
        if cell < 0 or span_lo[cell] == span_lo[cell + 1]:
            continue
        for i in range(lo[k], lo[k + 1]):
            row = np.uint64(i)
            start, end = grouped[row, 1], grouped[row, 2]
            at, last = span_lo[cell], span_lo[cell + 1] - 1
            while at < last:  # the first span that ends after the start, or else the last
                middle = (at + last) >> 1
                if spans[np.uint64(middle), 1] > start:
                    last = middle
                else:
                    at = middle + 1
            out[n, 0] = new_device[np.uint64(grouped[row, 0])]
            out[n, 1] = cell
            out[n, 2] = start
            out[n, 3] = end
            n += np.uint64((spans[np.uint64(at), 0] < end) & (spans[np.uint64(at), 1] > start))
    return int(n)


@kernel
def sift_cells(
    rows: NDArray[np.int32],
    lo: NDArray[np.int64],
    cells: NDArray[np.int32],
    shift: int,
    span_lo: NDArray[np.int64],
    spans: NDArray[np.int32],
    sizes: NDArray[np.int64],
) -> int:
    """Keep those rows of cells that lie in given spans of time, at least in part, and shift them in time.

    Parameters
    ----------
    rows : int32[n, 3]
        Device, start, end, cell by cell. Changed: those that are kept come first, in their order.
    lo : int64[k + 1]
        Where the rows of each cell begin.
    cells : int32[k]
        The code of each cell; each has a span.
    shift : int
        Seconds that are added to start and end.
    span_lo, spans
        As in :func:`filter_cells`.
    sizes : int64[k]
        Filled: how many rows of each cell are kept.

    Returns
    -------
    n_kept : int

    Notes
    -----
    O(n * log(spans of a cell)), in place: memory that is new costs more than what is done with it.
    """
    n = np.uint64(0)
    for k in range(cells.size):
        cell, before = cells[k], n
        for i in range(lo[k], lo[k + 1]):
            row = np.uint64(i)
            device, start, end = rows[row, 0], rows[row, 1] + shift, rows[row, 2] + shift
            at, last = span_lo[cell], span_lo[cell + 1] - 1
            while at < last:  # the first span that ends after the start, or else the last
                middle = (at + last) >> 1
                if spans[np.uint64(middle), 1] > start:
                    last = middle
                else:
                    at = middle + 1
            rows[n, 0] = device
            rows[n, 1] = start
            rows[n, 2] = end
            n += np.uint64((spans[np.uint64(at), 0] < end) & (spans[np.uint64(at), 1] > start))
        sizes[k] = n - before
    return int(n)


@kernel
def place_blocks(
    rows: NDArray[np.int32],
    sizes: NDArray[np.int64],
    cells: NDArray[np.int32],
    places: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Copy rows that come cell by cell to the places of their cells.

    Parameters
    ----------
    rows : int32[n, 3]
    sizes : int64[k]
        How many rows each cell has.
    cells : int32[k]
        The code of each.
    places : int64[cells]
        Where the next row of each goes; counted up.
    out : int32[m, 3]
        Filled there. O(n).
    """
    i = np.uint64(0)
    for k in range(cells.size):
        at = np.uint64(places[cells[k]])
        for _ in range(sizes[k]):
            out[at, 0] = rows[i, 0]
            out[at, 1] = rows[i, 1]
            out[at, 2] = rows[i, 2]
            at += np.uint64(1)
            i += np.uint64(1)
        places[cells[k]] += sizes[k]
