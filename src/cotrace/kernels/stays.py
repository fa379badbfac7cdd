"""Pings to stays: one small state a device, one pass, no sort.

The state of a device is one row of eight int32 (32 bytes, half a cache line):

====  =======================================================================================
0     ``RUN_START``, first ping of the open run (a run: consecutive pings in one cell, no gap over ``max_gap``)
1     ``RUN_END``, last ping of the open run
2     ``RUN_CELL``, its cell; -1 when there is no run yet
3     ``TIME``, the second of the newest ping, which may still meet others of the same second
4     ``CELL``, the cell it has so far; -1 when the device is unseen or everything is settled
5     ``SAME``, how many rows of this second are in that cell
6     ``HEAD``, what is kept apart of this span of time: 0 nothing, 1 its first ping, 2 its first run too
7     ``PINGS``, pings of the open run
====  =======================================================================================

A ping is *settled* when a later one of its device comes: only then is it known which row of its second is used.
A settled ping extends the open run or closes it; a closed run is one stay. Times are seconds from a base that
the caller keeps. All kernels need each device's pings in order of time, and nothing of the order between devices.

A span of time that others come before keeps the beginning of every device apart, until it is known what it follows:
the first ping, whose second may have begun in the span before, and the first run of those after it. They are the
device's row of ``heads``, eight int32: ``RUN_START`` to ``RUN_CELL`` and ``PINGS`` of that run, and ``TIME``,
``CELL`` and ``SAME`` of that ping.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel, prefetch

__all__ = [
    "CELL",
    "HEAD",
    "N_STATE",
    "PINGS",
    "RUN_CELL",
    "RUN_END",
    "RUN_START",
    "append_pings",
    "join_spans",
    "stays_of_runs",
]

RUN_START, RUN_END, RUN_CELL, TIME, CELL, SAME, HEAD, PINGS = range(8)
N_STATE = 8
_AHEAD = 16


@inlined
def _end_of_run(last: int, following: int, max_gap: int, forward: bool) -> int:
    """Return where a run's stay ends, given its last ping and the first one after it."""
    return following if forward and following - last <= max_gap else last


@inlined
def _close(
    state: NDArray[np.int32],
    heads: NDArray[np.int32],
    device: int,
    end: int,
    keep_empty: bool,
    hold_heads: bool,
    out: NDArray[np.int32],
    n_out: int,
) -> int:
    """Close the open run of a device at ``end``; return how many rows ``out`` has then."""
    d, n = device, n_out
    start = state[d, RUN_START]
    if hold_heads and state[d, HEAD] == 1:
        state[d, HEAD] = 2
        heads[d, RUN_START] = start
        heads[d, RUN_END] = end
        heads[d, RUN_CELL] = state[d, RUN_CELL]
        heads[d, PINGS] = state[d, PINGS]
        return n_out
    out[n, 0] = device
    out[n, 1] = state[d, RUN_CELL]
    out[n, 2] = start
    out[n, 3] = end
    if keep_empty:
        out[n, 4] = state[d, PINGS]
    return n_out + int(keep_empty or end > start)


@kernel
def append_pings(
    devices: NDArray[np.int32],
    times: NDArray[np.int32],
    cells: NDArray[np.int32],
    rows: NDArray[np.int32],
    order: NDArray[np.int64],
    max_gap: int,
    forward: bool,
    keep_empty: bool,
    hold_heads: bool,
    state: NDArray[np.int32],
    heads: NDArray[np.int32],
    gaps: NDArray[np.int64],
    longer: NDArray[np.int64],
    out: NDArray[np.int32],
) -> tuple[int, int, int, int]:
    """Take a batch of pings into the state, and give out the stays that they close.

    Parameters
    ----------
    devices, times, cells : int32[n]
        Codes of devices, seconds from the base, codes of cells. A row with a negative cell is passed over.
    rows : int32[n or 0]
        How many rows of the input each ping stands for; empty: one each.
    order : int64[number of cell codes]
        What cells are compared by where two rows of one device have one second: the greatest is used.
    max_gap : int
        Seconds.
    forward : bool
        Whether a device stays in the cell of the first of two pings until the second (else only if both agree).
    keep_empty : bool
        Give out runs as they are, those of zero length too, each ending at its last ping: for smoothing.
    hold_heads : bool
        Keep the beginning of every device apart in ``heads``, to be joined with the span of time before.
    state : int32[devices, 8]
        Changed; see the module's head.
    heads : int32[devices or 0, 8]
        Changed; see the module's head.
    gaps : int64[2, m]
        Histogram of the gaps between consecutive pings in seconds, the last bin for all longer ones; row 1 where
        both are in one cell. Changed.
    longer : int64[2, 2, 2]
        Of those in the last bin: both in one cell or not, up to ``max_gap`` or not, their number and their seconds.
        Changed.
    out : int32[n, 4 or 5]
        Filled: device, cell, start, end (, pings).

    Returns
    -------
    (n_out, collapsed, conflicts, bad)
        Rows of ``out``; rows that share their second with another; of these, rows not in the cell that is used;
        and the first row that is earlier than a row of its device before it, or -1: then the state is spoiled.

    Notes
    -----
    One half cache line a ping, asked for ahead of its use; O(1) a ping.
    """
    n_out, collapsed, conflicts = 0, 0, 0
    n, longest = devices.size, gaps.shape[1] - 1
    for i in range(n):
        if i + _AHEAD < n:
            prefetch(state, devices[i + _AHEAD])
        # unsigned, or numba checks every index for being negative
        d, t, c = np.uint64(devices[i]), times[i], cells[i]
        if c < 0:
            continue
        r = rows[i] if rows.size else 1
        cell, time = state[d, CELL], state[d, TIME]
        if cell >= 0:
            if t <= time:
                if t < time:
                    return n_out, collapsed, conflicts, i
                collapsed += 1
                if c == cell:
                    state[d, SAME] += r
                elif order[c] > order[cell]:
                    conflicts += state[d, SAME]
                    state[d, CELL] = c
                    state[d, SAME] = r
                else:
                    conflicts += r
                continue
            # the newest ping is settled: written out here, for a call with arrays costs 20 ns
            run_cell, last = state[d, RUN_CELL], state[d, RUN_END]
            gap = np.int64(time) - np.int64(last)
            same, near = run_cell == cell, gap <= max_gap
            if run_cell >= 0:
                gaps[np.uint64(same), np.uint64(min(gap, longest))] += 1
                if gap >= longest:
                    longer[int(same), int(near), 0] += 1
                    longer[int(same), int(near), 1] += gap
            if same and near:
                state[d, RUN_END] = time
                state[d, PINGS] += 1
            elif hold_heads and state[d, HEAD] == 0:
                state[d, HEAD] = 1
                heads[d, TIME] = time
                heads[d, CELL] = cell
                heads[d, SAME] = state[d, SAME]
            else:
                if run_cell >= 0:
                    start = state[d, RUN_START]
                    end = time if forward and near else last
                    if hold_heads and state[d, HEAD] == 1:
                        state[d, HEAD] = 2
                        heads[d, RUN_START] = start
                        heads[d, RUN_END] = end
                        heads[d, RUN_CELL] = run_cell
                        heads[d, PINGS] = state[d, PINGS]
                    else:
                        k = np.uint64(n_out)
                        out[k, 0] = devices[i]
                        out[k, 1] = run_cell
                        out[k, 2] = start
                        out[k, 3] = end
                        if keep_empty:
                            out[k, 4] = state[d, PINGS]
                        # written in any case, counted if it is a stay: no branch to mispredict
                        n_out += int(keep_empty | (end > start))
                state[d, RUN_START] = time
                state[d, RUN_END] = time
                state[d, RUN_CELL] = cell
                state[d, PINGS] = 1
        state[d, TIME] = t
        state[d, CELL] = c
        state[d, SAME] = r
    return n_out, collapsed, conflicts, -1


@kernel
def join_spans(
    codes: NDArray[np.int32],
    max_gap: int,
    forward: bool,
    keep_empty: bool,
    hold_heads: bool,
    state: NDArray[np.int32],
    heads: NDArray[np.int32],
    later: NDArray[np.int32],
    later_heads: NDArray[np.int32],
    gaps: NDArray[np.int64],
    longer: NDArray[np.int64],
    out: NDArray[np.int32],
) -> int:
    """Join the runs of two neighbouring spans of time, a device at a time.

    What a device's first ping in the later span changes is done before (it is appended), and everything is settled
    of the devices that have more; the later span's newest pings are appended after.

    Parameters
    ----------
    codes : int32[devices of the later span]
        Their codes in the earlier one, which has a row for each.
    max_gap, forward, keep_empty, hold_heads
        As in :func:`append_pings`; ``hold_heads`` is that of the earlier span.
    state, heads
        Of the earlier span; changed into those of both.
    later, later_heads
        Of the later span, which held its heads.
    gaps, longer
        As in :func:`append_pings`: the gaps between the two spans are counted here.
    out : int32[2 * devices of the later span, 4 or 5]
        Filled with the stays that the join closes. The stays of the later span come after these.

    Returns
    -------
    n_out : int

    Notes
    -----
    O(devices of the later span).
    """
    n_out, longest = 0, gaps.shape[1] - 1
    for k in range(codes.size):
        if later[k, RUN_CELL] < 0:
            continue
        d = codes[k]
        closed = later[k, HEAD] == 2
        first = later_heads[k, RUN_START] if closed else later[k, RUN_START]
        cell = later_heads[k, RUN_CELL] if closed else later[k, RUN_CELL]
        pings = later_heads[k, PINGS] if closed else later[k, PINGS]
        merged = False
        if state[d, RUN_CELL] >= 0:
            last = state[d, RUN_END]
            gap = np.int64(first) - np.int64(last)
            same, near = state[d, RUN_CELL] == cell, gap <= max_gap
            gaps[int(same), min(gap, longest)] += 1
            if gap >= longest:
                longer[int(same), int(near), 0] += 1
                longer[int(same), int(near), 1] += gap
            merged = bool(same and near)
            if not merged:
                end = first if forward and near else last
                n_out = _close(state, heads, d, end, keep_empty, hold_heads, out, n_out)
        if merged:
            state[d, PINGS] += pings
        else:
            state[d, RUN_START] = first
            state[d, RUN_CELL] = cell
            state[d, PINGS] = pings
        if closed:
            # the later span's first run is closed already: close it here, then take over its open run
            n_out = _close(state, heads, d, later_heads[k, RUN_END], keep_empty, hold_heads, out, n_out)
            state[d, RUN_START] = later[k, RUN_START]
            state[d, RUN_CELL] = later[k, RUN_CELL]
            state[d, PINGS] = later[k, PINGS]
        state[d, RUN_END] = later[k, RUN_END]
    return n_out


@inlined
def _relabel(lo: int, hi: int, cells: NDArray[np.int32], runs: NDArray[np.int32], within: int) -> int:
    """Relabel the pieces of one device in place; return how many pings were given another cell."""
    relabelled = 0
    # pieces [a, b) are run k-2, [b, c) run k-1, [c, e) run k; a run may be several pieces, with long gaps between
    a, b, c = lo, lo, lo
    while c < hi:
        e = c + 1
        while e < hi and runs[e, 1] == runs[c, 1]:
            e += 1
        if a < b and b < c and cells[a] == cells[c] and runs[c, 2] - runs[b - 1, 3] <= within:
            for k in range(b, c):
                relabelled += runs[k, 4]
                cells[k] = cells[c]
        a, b, c = b, c, e
    return relabelled


@kernel
def stays_of_runs(
    runs: NDArray[np.int32],
    within: int,
    max_gap: int,
    forward: bool,
    cells: NDArray[np.int32],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Smooth flapping, and make stays of what is left.

    Parameters
    ----------
    runs : int32[n, 5]
        Device, cell, first ping, last ping, number of pings; sorted by device, first ping.
    within : int
        Seconds: a device that is back in a cell after no longer than this never left it.
    max_gap, forward
        As in :func:`append_pings`.
    cells : int32[n]
        The cell of each run; changed into the cell after smoothing.
    out : int32[n, 4]
        Filled: device, cell, start, end; sorted by device, start.

    Returns
    -------
    (n_out, relabelled)
        Stays, and pings that were given another cell.

    Notes
    -----
    O(n), left to right over each device.
    """
    n_out, relabelled, lo = 0, 0, 0
    while lo < runs.shape[0]:
        hi = lo + 1
        while hi < runs.shape[0] and runs[hi, 0] == runs[lo, 0]:
            hi += 1
        relabelled += _relabel(lo, hi, cells, runs, within)
        start, last = runs[lo, 2], runs[lo, 3]
        for k in range(lo + 1, hi + 1):
            end = last
            if k < hi:
                if cells[k] == cells[k - 1] and runs[k, 2] - last <= max_gap:
                    last = runs[k, 3]
                    continue
                end = _end_of_run(last, runs[k, 2], max_gap, forward)
            if end > start:
                out[n_out, 0] = runs[lo, 0]
                out[n_out, 1] = cells[k - 1]
                out[n_out, 2] = start
                out[n_out, 3] = end
                n_out += 1
            if k < hi:
                start, last = runs[k, 2], runs[k, 3]
        lo = hi
    return n_out, relabelled
