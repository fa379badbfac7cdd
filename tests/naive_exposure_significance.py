"""The oracle of significance, in plain Python: dictionaries of days and hours, and every order where there are few.

It imports nothing of cotrace. A stay is (device, cell, start, end), all in unix seconds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from fractions import Fraction
from itertools import permutations, product
from typing import Any

from tests.naive_exposure_sources import STEP, days_of, drawn, key_of, mixed

Stay = tuple[Any, Any, int, int]
Row = dict[str, Any]
Pieces = dict[int, list[tuple[Any, int, int]]]  # day -> cell, start and end from its border
_64 = 2**64 - 1
HOUR = 3600


def pieces_of(stays: list[Stay], days: list[Any], window: tuple[int, int]) -> Pieces:
    """Cut a device's stays at the borders of the window and of days."""
    found: Pieces = defaultdict(list)
    for _, cell, a, b in stays:
        for j, (start, end, _) in enumerate(days):
            lo, hi = max(a, start, window[0]), min(b, end, window[1])
            if lo < hi:
                found[j].append((cell, lo - start, hi - start))
    return found


def hours(a: int, b: int) -> range:
    return range(a // HOUR, min((b - 1) // HOUR, 24) + 1)


class World:
    """Crowds, pieces and days."""

    def __init__(
        self,
        stays: list[Stay],
        tz: str,
        span: tuple[int, int],
        window: tuple[int, int],
        alike: str,
        least: int,
    ) -> None:
        self.days = days_of([window], tz, (max(span[0], window[0]), min(span[1], window[1] - 1)), alike)
        self.window, self.least = window, least
        self.there: dict[Any, set[Any]] = defaultdict(set)  # (cell or None, day, hour) -> devices
        self.stays: dict[Any, list[Stay]] = defaultdict(list)
        for stay in stays:
            self.stays[stay[0]].append(stay)
            for j, (start, end, _) in enumerate(self.days):
                lo, hi = max(stay[2], start), min(stay[3], end)
                if lo < hi:
                    for h in hours(lo - start, hi - start):
                        self.there[stay[1], j, h].add(stay[0])
                        self.there[None, j, h].add(stay[0])
        self.pieces = {d: pieces_of(own, self.days, window) for d, own in self.stays.items()}

    def others(self, pair: tuple[Any, Any], cell: Any, j: int, h: int) -> int:
        # whoever is outside the window still counts; the two are left out where they are looked at
        looked = {
            d
            for d in pair
            for c, a, b in self.pieces.get(d, {}).get(j, [])
            if (cell is None or c == cell) and h in hours(a, b)
        }
        return len(self.there[cell, j, h] - looked)

    def usual(self, pair: tuple[Any, Any], cell: Any, kind: int, h: int) -> float:
        crowds = sorted(self.others(pair, cell, j, h) for j, day in enumerate(self.days) if day[2] == kind)
        return (crowds[(len(crowds) - 1) // 2] + crowds[len(crowds) // 2]) / 2

    def signs(self, pair: tuple[Any, Any]) -> list[Any]:
        """Return for every day its kind, and which cells are unusual in hours in which both go there."""
        gone = [defaultdict(set), defaultdict(set)]
        for side, device in enumerate(pair):
            for listed in self.pieces.get(device, {}).values():
                for cell, a, b in listed:
                    gone[side][cell] |= set(hours(a, b))
        found = []
        for j, (_, _, kind) in enumerate(self.days):
            unusual = set()
            for cell in set(gone[0]) & set(gone[1]):
                for h in gone[0][cell] & gone[1][cell]:
                    n, m = self.others(pair, cell, j, h), self.usual(pair, cell, kind, h)
                    times = max((n + 1) / (m + 1), (m + 1) / (n + 1))
                    if abs(n - m) > 5 * math.sqrt(m + 1) and times >= 2:
                        unusual.add(cell)
            found.append((kind, frozenset(unusual)))
        return found

    def meetings(self, pair: tuple[Any, Any]) -> list[tuple[Any, int, int, int]]:
        """Return (cell, start, end, crowd) of every meeting."""
        one, two = (self.pieces.get(d, {}) for d in pair)
        found = []
        for j, (zero, _, _) in enumerate(self.days):
            for (cell, a, b), (there, c, d) in product(one.get(j, []), two.get(j, [])):
                start = max(a, c)
                if cell == there and min(b, d) - start >= self.least:
                    crowd = len(self.there[cell, j, min(start // HOUR, 24)])
                    found.append((cell, zero + start, zero + min(b, d), crowd))
        return sorted(found, key=lambda m: (m[1], m[0]))

    def laid(self, pair: tuple[Any, Any]) -> dict[tuple[int, int], tuple[int, int]]:
        """Return for two days how many meetings there would be on one day, and their surprise."""
        one, two = (self.pieces.get(d, {}) for d in pair)
        found: dict[tuple[int, int], tuple[int, int]] = {}
        for i, k in product(one, two):
            kind, n, said = self.days[i][2], 0, 0
            if kind != self.days[k][2]:
                continue
            for (cell, a, b), (there, c, d) in product(one[i], two[k]):
                start = max(a, c)
                if cell == there and min(b, d) - start >= self.least:
                    h = min(start // HOUR, 24)
                    here, all_ = self.usual(pair, cell, kind, h), self.usual(pair, None, kind, h)
                    both = self.share(one, cell, kind, h) * self.share(two, cell, kind, h)
                    said += math.floor(
                        1000 * math.log2(1 + (all_ + 2) / (here + 2) / (64 * float(both))) + 0.5
                    )
                    n += 1
            found[i, k] = (n, said)
        return found

    def share(self, pieces: Pieces, cell: Any, kind: int, h: int) -> Fraction:
        """Return the share of a device's days of a kind on which it is in a cell in an hour."""
        seen = [listed for j, listed in pieces.items() if self.days[j][2] == kind]
        there = [any(c == cell and h in hours(a, b) for c, a, b in listed) for listed in seen]
        return Fraction(sum(there), len(there))

    def groups(self, pair: tuple[Any, Any]) -> tuple[list[list[int]], list[list[int]]]:
        """Return for each of the two the days on which it was seen, in groups of those that are alike."""
        signs = self.signs(pair)
        labels = list(dict.fromkeys(signs))
        seen = [set(self.pieces.get(d, {})) for d in pair]
        return tuple(
            [[j for j, s in enumerate(signs) if s == label and j in days] for label in labels]
            for days in seen
        )


def total(laid: dict[Any, tuple[int, int]], one: dict[int, int], two: dict[int, int]) -> tuple[int, int]:
    found = [laid.get((one[j], two[j]), (0, 0)) for j in one if j in two]
    return sum(n for n, _ in found), sum(s for _, s in found)


def significance(world: World, pair: tuple[Any, Any], draws: int, seed: int) -> Row:
    """Judge one pair."""
    pair = (min(pair), max(pair))
    laid, sides = world.laid(pair), world.groups(pair)
    same = [{j: j for group in groups for j in group} for groups in sides]
    meetings, said = total(laid, *same)
    lo, hi = (key_of(world.stays[d], seed, *world.window) for d in pair)
    key = (lo * 3 + hi) & _64
    number, greater, equal, all_meetings, all_said = 0, 0, 0, meetings, said
    lists = [[list(group) for group in groups] for groups in sides]
    for _ in range(draws):
        orders = []
        for groups, shuffled in zip(sides, lists, strict=True):
            order = {}
            for days, tracks in zip(groups, shuffled, strict=True):
                for x in range(len(tracks) - 1, 0, -1):
                    y = drawn(key, number) % (x + 1)
                    number += 1
                    tracks[x], tracks[y] = tracks[y], tracks[x]
                order |= dict(zip(days, tracks, strict=True))
            orders.append(order)
        n, bits = total(laid, *orders)
        greater, equal = greater + (bits > said), equal + (bits == said)
        all_meetings, all_said = all_meetings + n, all_said + bits
    tie = ((mixed(key ^ 2**63) >> 11) + 0.5) / 2**53
    found = world.meetings(pair)
    expected = all_meetings / (draws + 1)
    return {
        "days": len(set(same[0]) & set(same[1])),
        "meetings": meetings,
        "shared_s": sum(m[2] - m[1] for m in found),
        "expected": expected,
        "lift": meetings / expected if expected else None,
        "surprise_bits": said / 1000,
        "expected_bits": all_said / (draws + 1) / 1000,
        "p_value": (1 + greater + equal) / (draws + 1),
        "p_randomised": (greater + tie * (1 + equal)) / (draws + 1),
        "first_meeting": min((m[1] for m in found), default=None),
        "last_meeting": max((m[2] for m in found), default=None),
        "crowd": min((m[3] for m in found), default=None),
    }


def exact(world: World, pair: tuple[Any, Any]) -> tuple[Fraction, Fraction]:
    """Return the share of all orders that say as much as what was seen, and the mean number of meetings."""
    pair = (min(pair), max(pair))
    laid, sides = world.laid(pair), world.groups(pair)
    said = total(laid, *({j: j for group in groups for j in group} for groups in sides))[1]
    # orders of the one against the other as it was: the same as orders of both where both are seen on the same days
    every = [every_order(groups) for groups in sides]
    found = [total(laid, one, two) for one, two in product(*every)]
    return Fraction(sum(bits >= said for _, bits in found), len(found)), Fraction(
        sum(n for n, _ in found), len(found)
    )


def every_order(groups: list[list[int]]) -> list[dict[int, int]]:
    listed: list[dict[int, int]] = [{}]
    for days in groups:
        listed = [one | dict(zip(days, order, strict=True)) for one in listed for order in permutations(days)]
    return listed


__all__ = ["STEP", "World", "exact", "significance"]
