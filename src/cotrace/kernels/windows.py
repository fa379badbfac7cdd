"""Cells by windows: distinct devices and dwell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel
from cotrace.kernels.sorting import sort_by_keys

__all__ = ["count_windows", "windows_touched"]


@kernel
def windows_touched(rows: NDArray[np.int32], base: int, window: int) -> int:
    """Count the windows that each stay touches, all together.

    ``rows`` (int32[n, 4]) are device, cell, start, end in seconds from ``base``; windows begin at multiples of
    ``window`` from the epoch. O(n).
    """
    n = 0
    for i in range(rows.shape[0]):
        n += (rows[i, 3] - 1 + base) // window - (rows[i, 2] + base) // window + 1
    return n


@kernel
def count_windows(
    rows: NDArray[np.int32],
    base: int,
    window: int,
    touched: NDArray[np.int64],
    order: NDArray[np.int64],
    scratch: NDArray[np.int64],
    out: NDArray[np.int64],
) -> int:
    """Sum up devices and dwell of each cell and window.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by cell, device, start.
    base, window : int
        As in :func:`windows_touched`.
    touched : int64[3, m]
    order, scratch : int64[m]
        Scratch, with ``m`` from :func:`windows_touched`.
    out : int64[m, 4]
        Filled: cell, window (its number from the epoch), devices, dwell; sorted by cell, window.

    Returns
    -------
    int
        Rows of ``out``.

    Notes
    -----
    O(m log m) within a cell.
    """
    n_out, i = 0, 0
    while i < rows.shape[0]:
        cell, m = rows[i, 1], 0
        last, device = 0, -1
        while i < rows.shape[0] and rows[i, 1] == cell:
            start, end = rows[i, 2] + base, rows[i, 3] + base
            for w in range(start // window, (end - 1) // window + 1):
                touched[0, m] = w
                touched[1, m] = 1
                if device == rows[i, 0] and last == w:  # this device was counted in this window
                    touched[1, m] = 0
                touched[2, m] = min(end, (w + 1) * window) - max(start, w * window)
                m += 1
                last = w
                device = rows[i, 0]
            i += 1
        for k in range(m):
            order[k] = k
        sort_by_keys(touched[0], order, scratch, 0, m)
        for k in range(m):
            t = order[k]
            if k == 0 or touched[0, t] != out[n_out - 1, 1]:
                out[n_out, 0] = cell
                out[n_out, 1] = touched[0, t]
                out[n_out, 2] = 0
                out[n_out, 3] = 0
                n_out += 1
            out[n_out - 1, 2] += touched[1, t]
            out[n_out - 1, 3] += touched[2, t]
    return n_out
