"""The matcher: stays of any devices against the index of the cases' stays.

The index is rows ``(device, start, end)`` by cell, those of a device together and by start, cut into *segments* (one
device in one cell): ``seg_lo`` has the first row of each segment, ``cell_lo`` the first segment of each cell. What
becomes of the episodes that are found stands in :mod:`cotrace.kernels.episodes`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = [
    "EITHER",
    "N_RECORD",
    "dwell_of_segments",
    "fill_episodes",
    "first_after",
    "match_case",
]

#: whose dwell is asked for
EITHER, BOTH, CASE, COMPANION, PAIR = range(5)
#: what is known of a device with respect to a case
_TOGETHER, _LONG, _COMPANION, _BOTH = 1, 2, 4, 8
#: columns of a record: segment of the case, segment of the companion, episodes, least length of an episode,
#: dwell of the case, dwell of the companion, who meets the cumulative threshold (1 case, 2 companion, 3 both)
SEG_CASE, SEG_OTHER, EPISODES, LEAST, DWELL_CASE, DWELL_OTHER, MET = range(7)
N_RECORD = 7


@inlined
def first_after(rows: NDArray[np.int32], lo: int, hi: int, moment: int) -> int:
    """Return the first row of a segment that ends after ``moment`` (rows do not overlap). O(log n)."""
    while lo < hi:
        mid = (lo + hi) // 2
        if rows[mid, 2] > moment:
            hi = mid
        else:
            lo = mid + 1
    return lo


@inlined
def _dwell(rows: NDArray[np.int32], lo: int, hi: int, start: int, end: int) -> int:
    total = 0
    for i in range(first_after(rows, lo, hi, start), hi):
        if rows[i, 1] >= end:
            break
        total += min(rows[i, 2], end) - max(rows[i, 1], start)
    return total


@kernel
def dwell_of_segments(
    rows: NDArray[np.int32],
    seg_lo: NDArray[np.int64],
    segments: NDArray[np.int64],
    start: int,
    end: int,
    out: NDArray[np.int64],
) -> None:
    """Fill ``out`` (int64[k]) with the dwell in ``[start, end)`` of each of ``segments`` (int64[k])."""
    for k in range(segments.size):
        s = segments[k]
        out[k] = _dwell(rows, seg_lo[s], seg_lo[s + 1], start, end)


@inlined
def _episodes(
    rows: NDArray[np.int32],
    a: int,
    a_end: int,
    b: int,
    b_end: int,
    start: int,
    end: int,
    least: int,
    out: NDArray[np.int32],
) -> int:
    """Write the episodes of at least ``least`` seconds of two segments into ``out``; return how many.

    Two pointers over rows that do not overlap within a segment: O(rows of both in the interval).
    """
    n = 0
    a = first_after(rows, a, a_end, start)
    b = first_after(rows, b, b_end, start)
    while a < a_end and b < b_end:
        lo = max(max(rows[a, 1], rows[b, 1]), start)
        hi = min(min(rows[a, 2], rows[b, 2]), end)
        if lo >= end:
            break
        if hi - lo >= least:
            out[n, 0] = lo
            out[n, 1] = hi
            n += 1
        if rows[a, 2] < rows[b, 2]:
            a += 1
        else:
            b += 1
    return n


@inlined
def _most_within(episodes: NDArray[np.int32], n: int, length: int) -> int:
    """Return the most seconds of ``n`` sorted, disjoint episodes inside any interval of this length.

    The most is reached where the interval begins with an episode, or ends with one: two sweeps, O(n).
    """
    best = 0
    inside, j = 0, 0
    for i in range(n):  # [start_i, start_i + length): episodes i .. j-1 are wholly inside
        until = episodes[i, 0] + length
        while j < n and episodes[j, 1] <= until:
            inside += episodes[j, 1] - episodes[j, 0]
            j += 1
        part = max(0, until - episodes[j, 0]) if j < n else 0
        best = max(best, inside + part)
        if j > i:
            inside -= episodes[i, 1] - episodes[i, 0]
        else:
            j = i + 1
    inside, j = 0, n - 1
    for i in range(n - 1, -1, -1):  # [end_i - length, end_i): episodes j+1 .. i are wholly inside
        since = episodes[i, 1] - length
        while j >= 0 and episodes[j, 0] >= since:
            inside += episodes[j, 1] - episodes[j, 0]
            j -= 1
        part = max(0, episodes[j, 1] - since) if j >= 0 else 0
        best = max(best, inside + part)
        if j < i:
            inside -= episodes[i, 1] - episodes[i, 0]
        else:
            j = i - 1
    return best


@inlined
def _dwell_met(whose: int, least: int, case: int, other: int, joint: int) -> bool:
    if whose == EITHER:
        return max(case, other) >= least
    if whose == BOTH:
        return min(case, other) >= least
    if whose == CASE:
        return case >= least
    if whose == COMPANION:
        return other >= least
    return joint >= least


@kernel
def match_case(
    rows: NDArray[np.int32],
    seg_lo: NDArray[np.int64],
    cell_lo: NDArray[np.int64],
    segments: NDArray[np.int64],
    cells: NDArray[np.int32],
    window: tuple[int, int, int],
    shared: tuple[int, bool, int],
    cumulative: tuple[int, int, bool],
    flags: NDArray[np.uint8],
    episodes: NDArray[np.int32],
    records: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Hold every device in a case's cells to the companion rule.

    Parameters
    ----------
    rows, seg_lo, cell_lo
        The index.
    segments, cells : int64[k], int32[k]
        The case's own segments, by cell, and the cell of each.
    window : (start, end, infectious)
        The lookback, and from when on episodes count (at least ``start``), in seconds from the base.
    shared : (least, summed, per)
        Fewest seconds; whether the pair's joint seconds are tested instead of one episode; and inside which
        length of time these are taken (0: all).
    cumulative : (least, whose, either_clause)
        Fewest seconds of dwell (-1: no such clause), whose, and whether one of the two clauses suffices.
    flags : uint8[devices]
        All zero; changed.
    episodes : int32[rows of two longest segments, 2]
        Scratch.
    records : int64[segments in the case's cells, 7]
        Filled: one a qualifying cell and device, by cell. See ``SEG_CASE`` and what follows it.

    Returns
    -------
    (n_records, together, long_enough, companions, companions_both)
        Records, and distinct devices at each step of the funnel.

    Notes
    -----
    O(rows in the case's cells) at worst; devices that were never there at the case's times cost two binary
    searches.
    """
    start, end, infectious = window
    least_shared, summed, per = shared
    least_dwell, whose, either_clause = cumulative
    n, together, long_enough, companions, both = 0, 0, 0, 0, 0
    for k in range(segments.size):
        own = segments[k]
        a, a_end = seg_lo[own], seg_lo[own + 1]
        dwell_case = _dwell(rows, a, a_end, start, end)
        cell = cells[k]
        for other in range(cell_lo[cell], cell_lo[cell + 1]):
            b, b_end = seg_lo[other], seg_lo[other + 1]
            if other == own or rows[b_end - 1, 2] <= rows[a, 1] or rows[b, 1] >= rows[a_end - 1, 2]:
                continue
            m = _episodes(rows, a, a_end, b, b_end, infectious, end, 1, episodes)
            if m == 0:
                continue
            joint, enough = 0, 0
            for e in range(m):
                length = episodes[e, 1] - episodes[e, 0]
                joint += length
                enough += length >= least_shared
            if summed:
                tested = joint if per == 0 else _most_within(episodes, m, per)
                clause_shared = tested >= least_shared
            else:
                clause_shared = enough > 0
            device = rows[b, 0]
            dwell_other = -1
            met, met_all, met_both = 0, True, True
            if least_dwell >= 0 and (clause_shared or either_clause):
                dwell_other = _dwell(rows, b, b_end, start, end)
                met = int(dwell_case >= least_dwell) + 2 * int(dwell_other >= least_dwell)
                met_all = _dwell_met(whose, least_dwell, dwell_case, dwell_other, joint)
                met_both = met == 3
            known = flags[device]
            now = known | _TOGETHER
            if clause_shared:
                now |= _LONG
            if either_clause:
                qualifies = clause_shared or met_all
                qualifies_both = clause_shared or met_both
            else:
                qualifies = clause_shared and met_all
                qualifies_both = clause_shared and met_both
            if qualifies:
                now |= _COMPANION
                every = summed or (either_clause and met_all)
                records[n, SEG_CASE] = own
                records[n, SEG_OTHER] = other
                records[n, EPISODES] = m if every else enough
                records[n, LEAST] = 1 if every else max(1, least_shared)
                records[n, DWELL_CASE] = dwell_case
                if dwell_other < 0:
                    dwell_other = _dwell(rows, b, b_end, start, end)
                records[n, DWELL_OTHER] = dwell_other
                records[n, MET] = met
                n += 1
            if qualifies_both:
                now |= _BOTH
            new = now & ~known
            together += (new & _TOGETHER) != 0
            long_enough += (new & _LONG) != 0
            companions += (new & _COMPANION) != 0
            both += (new & _BOTH) != 0
            flags[device] = now
    return n, together, long_enough, companions, both


@kernel
def fill_episodes(
    rows: NDArray[np.int32],
    seg_lo: NDArray[np.int64],
    records: NDArray[np.int64],
    since: int,
    until: int,
    first: NDArray[np.int64],
    episodes: NDArray[np.int32],
    record_of: NDArray[np.int64],
) -> None:
    """Write out the qualifying episodes of records.

    Parameters
    ----------
    rows, seg_lo
        The index.
    records : int64[r, 7]
        As :func:`match_case` gives them.
    since, until : int
        From when to when episodes count.
    first : int64[r + 1]
        Where each record's episodes begin.
    episodes : int32[first[r], 2]
        Filled: start, end; by start within a record.
    record_of : int64[first[r]]
        Filled: the record of each.
    """
    for r in range(records.shape[0]):
        a, b = records[r, SEG_CASE], records[r, SEG_OTHER]
        lo, hi = first[r], first[r + 1]
        _episodes(
            rows,
            seg_lo[a],
            seg_lo[a + 1],
            seg_lo[b],
            seg_lo[b + 1],
            since,
            until,
            records[r, LEAST],
            episodes[lo:hi],
        )
        record_of[lo:hi] = r
