"""Which counts of a table have to be hidden so that no total gives a small one back.

A table with totals over rows that have one key (``a``) and rows that have another (``b``) is a table of two ways, in
which each line and its total sum to nought. Whatever alternates plus and minus *t* around a closed path of hidden
numbers gives another table with the same published numbers: that is how it is shown, for every small count, that it
could as well be ``k``. Paths that are looked for, in this order:

0. the small count and another hidden row of the same two keys;
1. a rectangle: the small count, a row of the same ``a``, one of the same ``b``, and the row that closes it;
2. the same with totals for one of the sides: the small count, a row of the same ``b`` that is hidden anyway, and the
   totals of both their ``a``; or the other way round;
3. the small count, the total of its ``a``, that of its ``b``, and the grand total: always there.

Rows that have to become smaller in the other table must have enough to remain at least 1.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["Hidden", "hide"]

Int64 = NDArray[np.int64]
#: rows that are tried as partners of a small count before a total is hidden instead
_TRIED = 6


@dataclass
class Hidden:
    """What must not be published: rows by number, totals by the code of their key, and the grand total."""

    rows: set[int] = field(default_factory=set)
    a: set[int] = field(default_factory=set)
    b: set[int] = field(default_factory=set)
    grand: bool = False


class _Line:
    """The rows of one key, by their counts: those with the least that is enough are found first."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.counts: list[int] = []
        #: rows that were large enough to be told, and are hidden for others
        self.given: list[int] = []

    def partners(self, least: int, row: int, all_counts: list[int]) -> list[int]:
        """Return a few rows other than ``row`` with at least so many, those that were given for others first."""
        start = bisect_left(self.counts, least)
        enough = [r for r in self.given[-_TRIED:] if all_counts[r] >= least]
        return [r for r in dict.fromkeys([*enough, *self.rows[start : start + _TRIED + 1]]) if r != row]


class _Table:
    """Counts by two keys, with their totals."""

    def __init__(self, counts: Int64, a: Int64, b: Int64, k: int) -> None:
        # lists, because single values of them are looked at over and over
        self.counts, self.a, self.b, self.k = counts.tolist(), a.tolist(), b.tolist(), k
        self.total_a = np.bincount(a, counts, minlength=1).astype(np.int64)
        self.total_b = np.bincount(b, counts, minlength=1).astype(np.int64)
        self.hidden = Hidden()
        self.at: dict[tuple[int, int], _Line] = defaultdict(_Line)
        self.of_a: dict[int, _Line] = defaultdict(_Line)
        self.of_b: dict[int, _Line] = defaultdict(_Line)
        for row in np.argsort(counts, kind="stable").tolist():
            for line in self._lines(row):
                line.rows.append(row)
                line.counts.append(self.counts[row])

    def _lines(self, row: int) -> tuple[_Line, _Line, _Line]:
        a, b = self.a[row], self.b[row]
        return self.at[a, b], self.of_a[a], self.of_b[b]

    def partners(self, line: _Line, row: int) -> list[int]:
        """Return rows of a line that can give what ``row`` lacks to ``k``, and have one left."""
        return line.partners(self.k - self.counts[row] + 1, row, self.counts)

    def give(self, *rows: int) -> None:
        """Hide rows for the sake of others."""
        for row in rows:
            if row not in self.hidden.rows:
                self.hidden.rows.add(row)
                for line in self._lines(row):
                    line.given.append(row)

    def protect(self, row: int) -> None:
        """Hide what has to be hidden beside a small count."""
        a, b = self.a[row], self.b[row]
        small_a, small_b = self.total_a[a] < self.k, self.total_b[b] < self.k
        if not small_a and not small_b and (self._beside(row) or self._rectangle(row)):
            return
        if not small_b and self._two_totals(row, self.of_b[b], self.a, self.hidden.a):
            return
        if not small_a and self._two_totals(row, self.of_a[a], self.b, self.hidden.b):
            return
        self.hidden.a.add(a)
        self.hidden.b.add(b)
        self.hidden.grand = True

    def _beside(self, row: int) -> bool:
        found = self.partners(self.at[self.a[row], self.b[row]], row)
        if found:
            self.give(min(found, key=lambda r: r not in self.hidden.rows))
        return bool(found)

    def _rectangle(self, row: int) -> bool:
        a, b = self.a[row], self.b[row]
        best: tuple[int, ...] = ()
        least = 4
        others = [r for r in self.partners(self.of_b[b], row) if self.a[r] != a]
        for one in self.partners(self.of_a[a], row):
            for other in others if self.b[one] != b else ():
                closing = self.at.get((self.a[other], self.b[one]))
                if closing is None:
                    continue
                corners = one, other, closing.rows[0]
                new = sum(r not in self.hidden.rows for r in corners)
                if new < least:
                    best, least = corners, new
                if not new:
                    return True
        self.give(*best)
        return bool(best)

    def _two_totals(self, row: int, line: _Line, keys: list[int], totals: set[int]) -> bool:
        for other in self.partners(line, row):
            # a row that is told so far is worth more than a total
            if keys[other] != keys[row] and other in self.hidden.rows:
                totals.update((keys[row], keys[other]))
                return True
        return False


def hide(counts: Int64, small: NDArray[np.bool_], a: Int64, b: Int64, k: int) -> Hidden:
    """Return what has to be hidden so that each small count could be ``k`` by all that is published.

    Parameters
    ----------
    counts : int64[n]
        Devices of each row.
    small : bool[n]
        The rows that must be hidden; none of another count is below ``k`` and above 0.
    a, b : int64[n]
        Codes of the two keys over which totals are published, from 0; all 0 where there is no such key.
    k : int
        The least count that may be told.

    Notes
    -----
    O(n log n).
    """
    table = _Table(counts, a, b, k)
    rows = np.flatnonzero(small)
    table.hidden.rows.update(rows.tolist())
    # those that lack most first: what is hidden for them serves the others too
    for row in rows[np.argsort(counts[rows], kind="stable")].tolist():
        table.protect(row)
    return table.hidden
