"""What meetings are folded into, batch by batch: each device's first, the last end, seconds that count once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel
from cotrace.kernels.temporal import CELL, DEVICE, END, N_MEETING, SEED, SHARED, START

__all__ = ["add_visits", "fold_first", "fold_spans", "keep_pairs", "sum_spans"]


@kernel
def fold_first(
    meetings: NDArray[np.int32], n: int, seed_device: NDArray[np.int64], labels: NDArray[np.int64]
) -> None:
    """Keep the first meeting of each device.

    Parameters
    ----------
    meetings : int32[at least n, 8]
    n : int
    seed_device : int64[seeds]
    labels : int64[devices, 4]
        Start, minus end, device of the seed, cell; changed where a meeting comes before (is less). O(n).
    """
    for i in range(n):
        d = meetings[i, DEVICE]
        start = meetings[i, START]
        if start > labels[d, 0]:
            continue
        end, via = -meetings[i, END], seed_device[meetings[i, SEED]]
        cell = meetings[i, CELL]
        less = start < labels[d, 0] or end < labels[d, 1]
        if not less and end == labels[d, 1]:
            less = via < labels[d, 2] or (via == labels[d, 2] and cell < labels[d, 3])
        if less:
            labels[d, 0] = start
            labels[d, 1] = end
            labels[d, 2] = via
            labels[d, 3] = cell


@kernel
def keep_pairs(
    meetings: NDArray[np.int32],
    n: int,
    seed_device: NDArray[np.int64],
    via: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    """Copy the meetings of each device with the one it was reached by (``via``, int64[devices]); return how many.

    ``out`` (int32[n, 8]) may be ``meetings``. O(n).
    """
    m = 0
    for i in range(n):
        if seed_device[meetings[i, SEED]] == via[meetings[i, DEVICE]]:
            for column in range(N_MEETING):
                out[m, column] = meetings[i, column]
            m += 1
    return m


@kernel
def fold_spans(meetings: NDArray[np.int32], n: int, last: NDArray[np.int64], spans: NDArray[np.int64]) -> int:
    """Join the seconds of meetings that stand beside each other, and keep the last end of each device.

    Parameters
    ----------
    meetings : int32[at least n, 8]
    n : int
    last : int64[devices]
        The latest end of a meeting so far; raised.
    spans : int64[n, 2]
        Filled: device << 32 | start, and end, of what is shared.

    Returns
    -------
    int
        Rows of ``spans``. O(n).
    """
    m = 0
    for i in range(n):
        d = meetings[i, DEVICE]
        last[d] = max(last[d], meetings[i, END])
        if meetings[i, SHARED] == 0:
            continue
        key, end = (
            (np.int64(d) << 32) | np.int64(meetings[i, START]),
            meetings[i, START] + meetings[i, SHARED],
        )
        beside = m > 0 and spans[m - 1, 0] >> 32 == d and spans[m - 1, 0] <= key
        if beside and meetings[i, START] <= spans[m - 1, 1]:
            spans[m - 1, 1] = max(spans[m - 1, 1], end)
            continue
        spans[m, 0] = key
        spans[m, 1] = end
        m += 1
    return m


@kernel
def sum_spans(spans: NDArray[np.int64], total: NDArray[np.int64]) -> None:
    """Add up the seconds of each device, each second once.

    ``spans`` (int64[n, 2], as :func:`fold_spans` makes them, sorted) into ``total`` (int64[devices]). O(n).
    """
    device, until = -1, 0
    for i in range(spans.shape[0]):
        d, start = spans[i, 0] >> 32, spans[i, 0] & 0xFFFFFFFF
        if d != device:
            device, until = d, start
        total[d] += max(0, spans[i, 1] - max(start, until))
        until = max(until, spans[i, 1])


@kernel
def add_visits(
    meetings: NDArray[np.int32], n: int, last: NDArray[np.int64], shared: NDArray[np.int64]
) -> None:
    """Add the seconds of meetings to each device's, and keep its last end (both int64[devices]). O(n)."""
    for i in range(n):
        d = meetings[i, DEVICE]
        last[d] = max(last[d], meetings[i, END])
        shared[d] += meetings[i, SHARED]
