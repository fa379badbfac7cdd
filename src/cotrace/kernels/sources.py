"""Common sources: how many of several cases a device would have met, had its days come in another order."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.days import DAY, END, FROM, START, TO, WHOSE, first_day, shuffle
from cotrace.kernels.jit import inlined, kernel

__all__ = ["BITS", "WARM_UP", "count_visitors", "judge_sources"]

#: cases in one word of the sets
BITS = 62
#: after so many draws a device that reached its own number often enough is not asked any further
WARM_UP, OFTEN = 99, 20


@inlined
def _size(word: int) -> int:
    n = 0
    while word:
        word &= word - 1
        n += 1
    return n


@inlined
def _lay(
    rows: NDArray[np.int32],
    lo: int,
    hi: int,
    pieces: NDArray[np.int64],
    piece_lo: NDArray[np.int64],
    days: NDArray[np.int64],
    least: int,
    own: int,
    met: NDArray[np.int64],
) -> None:
    """Fill ``met[i, j]``: the set of cases that the track of day i meets when it is laid on day j."""
    met[:, :, :] = 0
    for r in range(lo, hi):
        cell, start, end = rows[r, 1], int(rows[r, 2]), int(rows[r, 3])
        if piece_lo[cell] == piece_lo[cell + 1]:
            continue
        i = first_day(days, start)
        while i < days.shape[0] and days[i, 0] < end:
            a, b = max(start, days[i, 0]) - days[i, 0], min(end, days[i, 1]) - days[i, 0]
            for k in range(piece_lo[cell], piece_lo[cell + 1]):
                if pieces[k, WHOSE] == own:
                    continue
                shared = min(b, pieces[k, TO]) - max(a, pieces[k, FROM])
                if shared > 0 and pieces[k, DAY] == i:  # as it was: an episode is not cut at the border
                    shared = min(end, pieces[k, END]) - max(start, pieces[k, START])
                if shared >= least:
                    case = pieces[k, WHOSE]
                    met[i, pieces[k, DAY], case // BITS] |= 1 << (case % BITS)
            i += 1


@inlined
def _cases_and_days(
    met: NDArray[np.int64], track: NDArray[np.int64], together: NDArray[np.int64]
) -> tuple[int, int]:
    """Return how many cases are met, and on how many days (summed over cases), with these tracks on the days."""
    cases, case_days = 0, 0
    together[:] = 0
    for j in range(track.size):
        for w in range(together.size):
            word = met[track[j], j, w]
            if word:
                together[w] |= word
                case_days += _size(word)
    for w in range(together.size):
        cases += _size(together[w])
    return cases, case_days


@kernel
def judge_sources(
    rows: NDArray[np.int32],
    slices: NDArray[np.int64],
    own: NDArray[np.int64],
    pieces: NDArray[np.int64],
    piece_lo: NDArray[np.int64],
    days: NDArray[np.int64],
    kind_lo: NDArray[np.int64],
    by_kind: NDArray[np.int64],
    asked: tuple[int, int],
    keys: NDArray[np.uint64],
    met: NDArray[np.int64],
    scratch: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Count the cases that devices met, and in how many orders of their days they would have met as many.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device.
    slices : int64[m, 2]
        The rows of each candidate.
    own : int64[m]
        The number of the candidate among the cases, or -1.
    pieces : int64[p, 7]
        The cases' stays in the times that fit, cut at the borders of days (:mod:`cotrace.kernels.days`); by cell.
    piece_lo : int64[cells + 1]
        Where the pieces of each cell begin.
    days : int64[k, 2]
        Start and end of each day.
    kind_lo : int64[kinds + 1]
        Where each kind of days begins in ``by_kind``.
    by_kind : int64[k]
        The days, by kind: a track is laid on days of its own kind.
    asked : (least, draws)
        Fewest shared seconds, and how many orders are drawn.
    keys : uint64[m]
        Of each candidate's random numbers.
    met : int64[k, k, words]
        Scratch.
    scratch : int64[2 k + words]
        Scratch.
    out : int64[m, 5]
        Filled: cases met; days of meeting, summed over cases; orders drawn; of these, those with as many cases on as
        many days, or with more cases; and the cases that all orders met together.

    Notes
    -----
    O(rows of a candidate in the cases' cells, times the pieces there; and draws times k).
    """
    least, draws = asked
    k = days.shape[0]
    order, track, together = scratch[:k], scratch[k : 2 * k], scratch[2 * k :]
    for m in range(slices.shape[0]):
        _lay(rows, slices[m, 0], slices[m, 1], pieces, piece_lo, days, least, own[m], met)
        for j in range(k):
            order[j] = by_kind[j]
            track[j] = j
        cases, case_days = _cases_and_days(met, track, together)
        reached, total, done, number = 0, 0, 0, 0
        while done < draws and not (done == WARM_UP and reached >= OFTEN):
            for kind in range(kind_lo.size - 1):
                number = shuffle(order, kind_lo[kind], kind_lo[kind + 1], keys[m], number)
            for j in range(k):
                track[by_kind[j]] = order[j]
            n, n_days = _cases_and_days(met, track, together)
            reached += int(n > cases or (n == cases and n_days >= case_days))
            total += n
            done += 1
        out[m, 0] = cases
        out[m, 1] = case_days
        out[m, 2] = done
        out[m, 3] = reached
        out[m, 4] = total


@kernel
def count_visitors(
    rows: NDArray[np.int32],
    windows: NDArray[np.int64],
    cell_of: NDArray[np.int64],
    left_out: NDArray[np.bool_],
    least: int,
    last: NDArray[np.int64],
    visitors: NDArray[np.int64],
    seen: NDArray[np.int64],
) -> None:
    """Count the devices in some cells, and anywhere, in each of several windows of time.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; sorted by device.
    windows : int64[c, 2]
    cell_of : int64[cells]
        The number of each cell that is asked for, or -1.
    left_out : bool[devices]
        Devices that are not counted.
    least : int
        Fewest seconds of a stay within the window.
    last : int64[asked cells + 1, c]
        Scratch: all -1.
    visitors : int64[asked cells, c]
        Added to.
    seen : int64[c]
        Added to: devices with such a stay in any cell.

    Notes
    -----
    O(n c).
    """
    for i in range(rows.shape[0]):
        device = rows[i, 0]
        if left_out[device]:
            continue
        cell = cell_of[rows[i, 1]]
        for c in range(windows.shape[0]):
            if min(int(rows[i, 3]), windows[c, 1]) - max(int(rows[i, 2]), windows[c, 0]) < least:
                continue
            if last[visitors.shape[0], c] != device:
                last[visitors.shape[0], c] = device
                seen[c] += 1
            if cell >= 0 and last[cell, c] != device:
                last[cell, c] = device
                visitors[cell, c] += 1
