"""Episodes that the matcher found: in order, with the crowd of each, and summed up by case and companion.

The index and the records are those of :mod:`cotrace.kernels.overlap`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel
from cotrace.kernels.overlap import DWELL_CASE, DWELL_OTHER, MET, first_after
from cotrace.kernels.sorting import sort_by_keys

__all__ = ["count_crowd", "order_episodes", "summarise"]

_FAR = 2**62


@kernel
def order_episodes(
    group_lo: NDArray[np.int64],
    episodes: NDArray[np.int32],
    cells: NDArray[np.int32],
    order: NDArray[np.int64],
    scratch: NDArray[np.int64],
) -> None:
    """Order the episodes of each group by start, then cell.

    Parameters
    ----------
    group_lo : int64[g + 1]
        Where each group of episodes (one case and companion) begins.
    episodes : int32[n, 2]
        Start, end.
    cells : int32[n]
        The cell's place in the order of cells.
    order : int64[n]
        Filled: which episode comes where.
    scratch : int64[2, n]

    Notes
    -----
    O(n log n) within a group; a group that is in order already is only read.
    """
    for g in range(group_lo.size - 1):
        lo, hi = group_lo[g], group_lo[g + 1]
        ordered = True
        for i in range(lo, hi):
            order[i] = i
            scratch[0, i] = np.int64(episodes[i, 0]) * np.int64(1 << 32) + np.int64(cells[i])
            if i > lo and scratch[0, i] < scratch[0, i - 1]:
                ordered = False
        if not ordered:
            sort_by_keys(scratch[0], order, scratch[1], lo, hi)


@kernel
def count_crowd(
    rows: NDArray[np.int32],
    seg_lo: NDArray[np.int64],
    cell_lo: NDArray[np.int64],
    window: int,
    episode_lo: NDArray[np.int64],
    by_cell: NDArray[np.int64],
    episodes: NDArray[np.int32],
    crowd: NDArray[np.int64],
    devices: NDArray[np.int64],
) -> None:
    """Give each episode the largest number of devices of any window that it touches in its cell.

    Parameters
    ----------
    rows, seg_lo, cell_lo
        The index, with the stays of all devices in these cells at any time.
    window : int
        Length of a window in seconds; windows begin at multiples of it from the base.
    episode_lo : int64[cells + 1]
        Where the episodes of each cell begin in ``by_cell``.
    by_cell : int64[n]
        Episodes by cell.
    episodes : int32[n, 2]
        Start, end.
    crowd : int64[n]
        Filled.
    devices : int64[windows from the first episode of all to the last]
        Scratch: the windows of one cell.

    Notes
    -----
    O(rows and windows of the cells that have episodes).
    """
    for cell in range(episode_lo.size - 1):
        if episode_lo[cell] == episode_lo[cell + 1]:
            continue
        first, last = _FAR, -_FAR
        for k in range(episode_lo[cell], episode_lo[cell + 1]):
            first = min(first, int(episodes[by_cell[k], 0]) // window)
            last = max(last, (int(episodes[by_cell[k], 1]) - 1) // window)
        devices[: last - first + 1] = 0
        for s in range(cell_lo[cell], cell_lo[cell + 1]):
            counted = first - 1
            for i in range(first_after(rows, seg_lo[s], seg_lo[s + 1], first * window), seg_lo[s + 1]):
                lo = max(rows[i, 1] // window, counted + 1)
                hi = min((rows[i, 2] - 1) // window, last)
                for w in range(lo, hi + 1):
                    devices[w - first] += 1
                counted = max(counted, hi)
                if hi == last:
                    break
        for k in range(episode_lo[cell], episode_lo[cell + 1]):
            e = by_cell[k]
            most = 0
            for w in range(episodes[e, 0] // window, (episodes[e, 1] - 1) // window + 1):
                most = max(most, devices[w - first])
            crowd[e] = most


@kernel
def summarise(
    group_lo: NDArray[np.int64],
    episodes: NDArray[np.int32],
    record_of: NDArray[np.int64],
    crowd: NDArray[np.int64],
    records: NDArray[np.int64],
    record_lo: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Sum up each group of episodes (one case and companion).

    Parameters
    ----------
    group_lo : int64[g + 1]
        Where each group's episodes begin.
    episodes, record_of, crowd
        Start and end, record, and crowd of each episode.
    records : int64[r, 7]
    record_lo : int64[g + 1]
        Where each group's records begin.
    out : int64[g, 9]
        Filled: shared, longest, first start, last end, dwell of the case, of the companion, who meets the
        threshold, least crowd, number of episodes.
    """
    for g in range(group_lo.size - 1):
        out[g, 2] = _FAR
        out[g, 3] = -_FAR
        out[g, 7] = _FAR
        for e in range(group_lo[g], group_lo[g + 1]):
            length = episodes[e, 1] - episodes[e, 0]
            out[g, 0] += length
            out[g, 1] = max(out[g, 1], length)
            out[g, 2] = min(out[g, 2], episodes[e, 0])
            out[g, 3] = max(out[g, 3], episodes[e, 1])
            out[g, 7] = min(out[g, 7], crowd[e])
        for r in range(record_lo[g], record_lo[g + 1]):
            out[g, 4] = max(out[g, 4], records[r, DWELL_CASE])
            out[g, 5] = max(out[g, 5], records[r, DWELL_OTHER])
            out[g, 6] |= records[r, MET]
        out[g, 8] = group_lo[g + 1] - group_lo[g]
