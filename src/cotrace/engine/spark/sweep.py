"""Episodes of the stays in one place and time: a sweep over the order of their starts, many places at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pieces", "episodes", "figures_of_pairs"]

Int64 = NDArray[np.int64]

#: overlaps that are looked at together; some hundred megabytes
_AT_A_TIME = 1 << 21
#: columns of an episode: lesser device, greater device, cell, start, end
_A, _B, _CELL, _START, _END = range(5)


@dataclass(frozen=True)
class Pieces:
    """Stays in parts of units, in no order; int64[n] each, times in seconds that are not negative.

    Parameters
    ----------
    part : numbers of parts, rising from 0
    device, cell : codes
    own : bucket of the device
    crossing : 1 where only devices of different buckets are looked at
    since, until : the time in which an episode has to begin to be the part's
    start, end
    """

    part: Int64
    device: Int64
    cell: Int64
    own: Int64
    crossing: Int64
    since: Int64
    until: Int64
    start: Int64
    end: Int64

    def take(self, at: Int64) -> Pieces:
        """Return these of them."""
        return Pieces(*(values[at] for values in vars(self).values()))


def episodes(pieces: Pieces, least: int) -> Iterator[Int64]:
    """Find the episodes of at least ``least`` seconds that begin in their part's time.

    Yields
    ------
    int64[n, 5]
        Lesser device, greater device, cell, start, end.

    Notes
    -----
    O(n log n + overlaps). Of two stays that overlap the later one's start is that of the episode, so each is found
    from the earlier one, in the part that owns that moment.
    """
    p = pieces.take(np.lexsort((pieces.start, pieces.part)))
    shift = p.part << 32
    keys = shift + p.start
    lo = np.maximum(np.arange(keys.size) + 1, np.searchsorted(keys, shift + np.maximum(p.since, 0)))
    hi = np.searchsorted(keys, shift + np.maximum(np.minimum(p.end, p.until), 0))
    n = np.maximum(hi - lo, 0)
    upto = np.concatenate([[0], np.cumsum(n)])
    first = 0
    while first < keys.size:
        last = max(first + 1, int(np.searchsorted(upto, upto[first] + _AT_A_TIME, side="right")) - 1)
        one = np.repeat(np.arange(first, last), n[first:last])
        other = lo[one] + np.arange(one.size) - (upto[one] - upto[first])
        yield _kept(p, one, other, least)
        first = last


def _kept(p: Pieces, one: Int64, other: Int64, least: int) -> Int64:
    start, end = p.start[other], np.minimum(p.end[one], p.end[other])
    kept = (end - start >= least) & (p.device[one] != p.device[other])
    kept &= (p.crossing[one] == 0) | (p.own[one] != p.own[other])
    one, other, start, end = one[kept], other[kept], start[kept], end[kept]
    a, b = p.device[one], p.device[other]
    return np.stack([np.minimum(a, b), np.maximum(a, b), p.cell[one], start, end], axis=1)


def figures_of_pairs(found: Iterator[Int64]) -> Int64:
    """Sum up episodes by pair and cell.

    Returns
    -------
    int64[n, 8]
        Lesser device, greater device, cell, episodes, seconds, longest, first start, last end.
    """
    parts = [np.empty((0, 8), dtype=np.int64)]
    for rows in found:
        length = rows[:, _END] - rows[:, _START]
        one = np.ones(len(rows), dtype=np.int64)
        figures = [one, length, length, rows[:, _START], rows[:, _END]]
        parts.append(_added(np.stack([*rows[:, :3].T, *figures], axis=1)))
    return _added(np.concatenate(parts))


def _added(rows: Int64) -> Int64:
    if not len(rows):
        return rows
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    new = (np.diff(rows[:, :3], axis=0) != 0).any(axis=1)
    lo = np.concatenate([[0], np.flatnonzero(new) + 1])
    sums = (np.add, np.add, np.maximum, np.minimum, np.maximum)
    figures = [how.reduceat(rows[:, 3 + k], lo) for k, how in enumerate(sums)]
    return np.column_stack([rows[lo, :3], *figures])
