"""Significance: meetings of two devices, with their days as they were and with their days in other orders.

The pieces of a device (:mod:`cotrace.kernels.days`) are its stays cut at the borders of days, here by cell, day and
start. Crowds are counted by cell, day and hour of the day, from the day's border on.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.crowds import HOUR, HOURS, median, sign, stamp
from cotrace.kernels.days import CELL, DAY, FROM, TO, shuffle
from cotrace.kernels.jit import inlined, kernel

__all__ = ["N_JUDGED", "judge_pairs", "pair_meetings"]

#: columns of what is counted of a pair: meetings, their surprise in thousandths of a bit, meetings in all orders,
#: surprise in all orders, orders with a greater surprise, orders with the same, and the days on which both were seen
MEETINGS, SURPRISE, ALL_MEETINGS, ALL_SURPRISE, GREATER, SAME, DAYS = range(7)
N_JUDGED = 7
#: what is likelier than one day in so many says little
_SELDOM = 64.0


@kernel
def pair_meetings(
    pieces: NDArray[np.int64],
    piece_lo: NDArray[np.int64],
    pairs: NDArray[np.int64],
    days: NDArray[np.int64],
    least: int,
    out: NDArray[np.int64],
) -> int:
    """Find the meetings of pairs: the pieces that they share for at least so many seconds.

    Parameters
    ----------
    pieces : int64[p, 7]
        By device, cell, day, start.
    piece_lo : int64[devices + 1]
        The first piece of each device.
    pairs : int64[m, 2]
        Numbers of devices.
    days : int64[k, 2]
    least : int
    out : int64[n, 4]
        Filled as far as it reaches: pair, cell, start, end; by pair, cell, start.

    Returns
    -------
    int
        How many there are: call it with an empty ``out`` first.

    Notes
    -----
    O(pieces of both) a pair.
    """
    n = 0
    for m in range(pairs.shape[0]):
        a, a_end = piece_lo[pairs[m, 0]], piece_lo[pairs[m, 0] + 1]
        b, b_end = piece_lo[pairs[m, 1]], piece_lo[pairs[m, 1] + 1]
        while a < a_end and b < b_end:
            before = pieces[a, CELL] - pieces[b, CELL]
            if before == 0:
                before = pieces[a, DAY] - pieces[b, DAY]
            if before == 0:
                start, end = max(pieces[a, FROM], pieces[b, FROM]), min(pieces[a, TO], pieces[b, TO])
                if end - start >= least:
                    if n < out.shape[0]:
                        out[n, 0] = m
                        out[n, 1] = pieces[a, CELL]
                        out[n, 2] = start + days[pieces[a, DAY], 0]
                        out[n, 3] = end + days[pieces[a, DAY], 0]
                    n += 1
                before = pieces[a, TO] - pieces[b, TO]
            if before <= 0:
                a += 1
            if before >= 0:
                b += 1
    return n


@inlined
def _go(
    pieces: NDArray[np.int64],
    lo: int,
    hi: int,
    kind_of: NDArray[np.int64],
    last: NDArray[np.int64],
    habit: NDArray[np.int64],
) -> None:
    """Fill ``habit[kind, hour]`` with the days on which a device is where these pieces are, all in one cell."""
    habit[:, :] = 0
    last[:] = -1
    for p in range(lo, hi):
        j = pieces[p, DAY]
        for h in range(pieces[p, FROM] // HOUR, min((pieces[p, TO] - 1) // HOUR, HOURS - 1) + 1):
            if last[h] != j:  # pieces come by day
                last[h] = j
                habit[kind_of[j], h] += 1


@inlined
def _bits(here: float, anywhere: float, chances: float) -> int:
    """Return what a meeting says, in thousandths of a bit.

    ``here`` and ``anywhere`` are the usual crowds, ``chances`` the share of days that both would meet there.
    """
    return math.floor(1000.0 * math.log2(1.0 + (anywhere + 2.0) / (here + 2.0) / (_SELDOM * chances)) + 0.5)


@inlined
def _lay(
    pieces: NDArray[np.int64],
    a: int,
    a_end: int,
    b: int,
    b_end: int,
    least: int,
    cell_of: NDArray[np.int64],
    kind_of: NDArray[np.int64],
    kind_lo: NDArray[np.int64],
    by_kind: NDArray[np.int64],
    crowd: NDArray[np.int32],
    sorted_: NDArray[np.int64],
    habit: NDArray[np.int64],
    seen: NDArray[np.int64],
    signs: NDArray[np.uint64],
    met: NDArray[np.int64],
) -> None:
    """Fill ``met[i, k]``: how many meetings day i of one and day k of the other have on one day, and what they say.

    ``signs`` are filled with what is unusual about each day in the cells that both go to. ``seen[side, kind]`` are the
    days on which each was seen.
    """
    met[:, :, :] = 0
    signs[:] = 0
    said, hours = habit[2], habit[3, 0]
    while a < a_end and b < b_end:
        cell = pieces[a, CELL]
        if cell != pieces[b, CELL]:
            if cell < pieces[b, CELL]:
                a += 1
            else:
                b += 1
            continue
        a_to, b_to = a, b
        while a_to < a_end and pieces[a_to, CELL] == cell:
            a_to += 1
        while b_to < b_end and pieces[b_to, CELL] == cell:
            b_to += 1
        _go(pieces, a, a_to, kind_of, hours, habit[0])
        _go(pieces, b, b_to, kind_of, hours, habit[1])
        for h in range(HOURS):
            one, other = 0, 0
            for kind in range(said.shape[0]):
                one += habit[0, kind, h]
                other += habit[1, kind, h]
                said[kind, h] = -1
            hours[h] = int(one > 0 and other > 0)
        sign(cell, cell_of[cell], hours, crowd, kind_lo, by_kind, sorted_, signs)
        for p in range(a, a_to):
            i = pieces[p, DAY]
            kind = kind_of[i]
            for q in range(b, b_to):
                k = pieces[q, DAY]
                start = max(pieces[p, FROM], pieces[q, FROM])
                if kind_of[k] != kind or min(pieces[p, TO], pieces[q, TO]) - start < least:
                    continue
                h = min(start // HOUR, HOURS - 1)
                if said[kind, h] < 0:
                    lo, hi = kind_lo[kind], kind_lo[kind + 1]
                    here = median(crowd, cell_of[cell], h, by_kind, lo, hi, sorted_)
                    anywhere = median(crowd, crowd.shape[0] - 1, h, by_kind, lo, hi, sorted_)
                    both = float(habit[0, kind, h] * habit[1, kind, h])
                    said[kind, h] = _bits(here, anywhere, both / float(seen[0, kind] * seen[1, kind]))
                met[i, k, 0] += 1
                met[i, k, 1] += said[kind, h]
        a, b = a_to, b_to


@inlined
def _count_days(
    pieces: NDArray[np.int64],
    lo: int,
    hi: int,
    kind_of: NDArray[np.int64],
    marked: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    """Fill ``seen[kind]`` with the number of days on which a device was seen."""
    seen[:] = 0
    marked[:] = 0
    for p in range(lo, hi):
        j = pieces[p, DAY]
        if marked[j] == 0:
            marked[j] = 1
            seen[kind_of[j]] += 1


@inlined
def _group(
    kind_of: NDArray[np.int64],
    signs: NDArray[np.uint64],
    group: NDArray[np.int64],
    by_group: NDArray[np.int64],
) -> int:
    """Bring days together that are alike: of one kind, and with the same unusual crowds. Return how many groups."""
    n, groups = 0, 0
    for j in range(kind_of.size):
        known = False
        for i in range(j):
            known = known or (kind_of[i] == kind_of[j] and signs[i] == signs[j])
        if known:
            continue
        group[groups] = n
        groups += 1
        for k in range(j, kind_of.size):
            if kind_of[k] == kind_of[j] and signs[k] == signs[j]:
                by_group[n] = k
                n += 1
    group[groups] = n
    return groups


@inlined
def _seen_days(
    pieces: NDArray[np.int64],
    lo: int,
    hi: int,
    group: NDArray[np.int64],
    by_group: NDArray[np.int64],
    groups: int,
    mine: NDArray[np.int64],
    order: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    """Fill ``order`` with the days on which a device was seen, by group, and ``mine`` with where groups begin."""
    seen[:] = 0
    for p in range(lo, hi):
        seen[pieces[p, DAY]] = 1
    n = 0
    for g in range(groups):
        mine[g] = n
        for k in range(group[g], group[g + 1]):
            if seen[by_group[k]] == 1:
                order[0, n] = by_group[k]
                order[1, n] = by_group[k]
                n += 1
    mine[groups] = n


@kernel
def judge_pairs(
    pieces: NDArray[np.int64],
    piece_lo: NDArray[np.int64],
    pairs: NDArray[np.int64],
    keys: NDArray[np.uint64],
    asked: tuple[int, int],
    cell_of: NDArray[np.int64],
    kind_of: NDArray[np.int64],
    kind_lo: NDArray[np.int64],
    by_kind: NDArray[np.int64],
    last: NDArray[np.int32],
    crowd: NDArray[np.int32],
    met: NDArray[np.int64],
    orders: NDArray[np.int64],
    groups: NDArray[np.int64],
    track: NDArray[np.int64],
    habit: NDArray[np.int64],
    seen: NDArray[np.int64],
    signs: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    """Count the meetings of pairs, and those that their days in other orders give.

    Parameters
    ----------
    pieces, piece_lo, pairs
        As in :func:`pair_meetings`.
    keys : uint64[m]
        Of each pair's random numbers.
    asked : (least, draws)
        Fewest seconds of a meeting, and how many orders are drawn.
    cell_of : int64[cells]
        The number of each cell of the pieces among the crowds.
    kind_of : int64[k]
        The kind of each day.
    kind_lo, by_kind : int64[kinds + 1], int64[k]
        The days by kind.
    last, crowd : int32[asked cells + 1, k, 25]
        From :func:`cotrace.kernels.crowds.count_crowds`; given back as they were, but for ``last``.
    met : int64[k, k, 2]
    orders : int64[2, 2, k]
    groups : int64[3, k + 1]
    track : int64[3, k]
    habit : int64[4, kinds, 25]
    seen : int64[2, kinds]
    signs : uint64[k]
        Scratch.
    out : int64[m, 7]
        Filled; see ``MEETINGS`` and what follows it.

    Notes
    -----
    O(pieces of both that share a cell, in pairs; hours x days of the cells that both go to; draws x days).
    """
    least, draws = asked
    for m in range(pairs.shape[0]):
        a, b = piece_lo[pairs[m, 0]], piece_lo[pairs[m, 1]]
        a_end, b_end = piece_lo[pairs[m, 0] + 1], piece_lo[pairs[m, 1] + 1]
        # crowds are those of all others: nothing that is held against the two hangs on where they were
        stamp(pieces, a, a_end, cell_of, -2 - 4 * m, -1, last, crowd)
        stamp(pieces, b, b_end, cell_of, -3 - 4 * m, -1, last, crowd)
        sorted_ = track[2]
        _count_days(pieces, a, a_end, kind_of, sorted_, seen[0])
        _count_days(pieces, b, b_end, kind_of, sorted_, seen[1])
        _lay(
            pieces,
            a,
            a_end,
            b,
            b_end,
            least,
            cell_of,
            kind_of,
            kind_lo,
            by_kind,
            crowd,
            sorted_,
            habit,
            seen,
            signs,
            met,
        )
        stamp(pieces, a, a_end, cell_of, -4 - 4 * m, 1, last, crowd)
        stamp(pieces, b, b_end, cell_of, -5 - 4 * m, 1, last, crowd)
        by_group = track[0]
        n = _group(kind_of, signs, groups[2], by_group)
        _seen_days(pieces, a, a_end, groups[2], by_group, n, groups[0], orders[0], track[1])
        _seen_days(pieces, b, b_end, groups[2], by_group, n, groups[1], orders[1], track[1])
        _draw(met, orders, groups, n, track, keys[m], draws, out[m])


@inlined
def _draw(
    met: NDArray[np.int64],
    orders: NDArray[np.int64],
    groups: NDArray[np.int64],
    n_groups: int,
    track: NDArray[np.int64],
    key: np.uint64,
    draws: int,
    out: NDArray[np.int64],
) -> None:
    """Count the meetings with the days as they were, and in other orders."""
    out[:] = 0
    number = 0
    for d in range(-1, draws):
        track[0, :] = -1
        track[1, :] = -1
        for side in range(2):
            if d >= 0:
                for g in range(n_groups):
                    number = shuffle(orders[side, 1], groups[side, g], groups[side, g + 1], key, number)
            for x in range(groups[side, n_groups]):
                track[side, orders[side, 0, x]] = orders[side, 1, x]
        meetings, surprise = 0, 0
        for j in range(track.shape[1]):
            if track[0, j] >= 0 and track[1, j] >= 0:
                meetings += met[track[0, j], track[1, j], 0]
                surprise += met[track[0, j], track[1, j], 1]
                out[DAYS] += int(d < 0)
        if d < 0:
            out[MEETINGS] = meetings
            out[SURPRISE] = surprise
        else:
            out[GREATER] += int(surprise > out[SURPRISE])
            out[SAME] += int(surprise == out[SURPRISE])
        out[ALL_MEETINGS] += meetings
        out[ALL_SURPRISE] += surprise
