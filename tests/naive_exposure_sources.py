"""The oracle of common sources, in plain Python: sets of seconds become lists of intervals, everything else is loops.

It imports nothing of cotrace. A stay is (device, cell, start, end), all in unix seconds.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from fractions import Fraction
from itertools import permutations
from math import comb
from typing import Any
from zoneinfo import ZoneInfo

Stay = tuple[Any, Any, int, int]
Row = dict[str, Any]
_64 = 2**64 - 1


# ---- random numbers by counter, as SplitMix64 makes them -------------------------------------------------------------


def mixed(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & _64
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & _64
    return x ^ (x >> 31)


STEP = 0x9E3779B97F4A7C15


def drawn(key: int, number: int) -> int:
    return mixed((key + number * STEP) & _64) >> 11


def key_of(stays: list[Stay], seed: int, first: int, last: int) -> int:
    """Return the key of a device's random numbers: its stays' times, by start."""
    key = mixed((seed + STEP) & _64)
    for _, _, a, b in sorted(stays, key=lambda s: s[2]):
        if first <= a < last:
            key = mixed(((key ^ (a & _64)) + STEP) & _64)
            key = mixed(((key ^ (b & _64)) + STEP) & _64)
    return key


# ---- days ------------------------------------------------------------------------------------------------------------


def days_of(
    windows: list[tuple[int, int]], tz: str, span: tuple[int, int], alike: str
) -> list[tuple[int, int, int]]:
    """Return (start, end, kind) of every day, 04:00 to 04:00, that a window touches where there are data."""
    zone = ZoneInfo(tz)

    def border(day: date) -> int:
        return int(datetime.combine(day, time(4), zone).timestamp())

    found = set()
    for start, end in windows:
        first, last = max(start, span[0]), min(end, span[1] + 1)
        day = datetime.fromtimestamp(first, zone).date() - timedelta(days=2)
        while first < last and border(day) < last:
            if border(day + timedelta(days=1)) > first:
                found.add(day)
            day += timedelta(days=1)
    kind = {
        "weekend": lambda d: int(d.weekday() > 4),
        "weekday": lambda d: d.weekday(),
        "any": lambda d: 0,
    }[alike]
    days = [(border(d), border(d + timedelta(days=1)), kind(d)) for d in sorted(found)]
    # a day that the data begin or end on is alike to none
    return [(a, b, k if span[0] <= a and b <= span[1] + 1 else a) for a, b, k in days]


# ---- meetings --------------------------------------------------------------------------------------------------------


def joint(a: tuple[int, int], b: tuple[int, int]) -> int:
    return min(a[1], b[1]) - max(a[0], b[0])


def met_on(
    stays: list[Stay],
    device: Any,
    onsets: dict[Any, int],
    reach: tuple[int, int],
    least: int,
    days: list[Any],
) -> dict[tuple[int, int], set[Any]]:
    """Return for days (i, j) whom the device's day i would have met on day j."""
    found: dict[tuple[int, int], set[Any]] = {}
    for case, onset in onsets.items():
        if case == device:
            continue
        window = (onset - reach[1], onset - reach[0])
        for _, cell, a, b in [s for s in stays if s[0] == device]:
            for _, there, c, d in [s for s in stays if s[0] == case]:
                inside = (max(c, window[0]), min(d, window[1]))
                if cell != there or inside[0] >= inside[1]:
                    continue
                for i, day in enumerate(days):
                    mine = (max(a, day[0]) - day[0], min(b, day[1]) - day[0])
                    for j, other in enumerate(days):
                        theirs = (max(inside[0], other[0]) - other[0], min(inside[1], other[1]) - other[0])
                        if mine[0] >= mine[1] or theirs[0] >= theirs[1]:
                            continue
                        shared = joint(mine, theirs)
                        if i == j and shared > 0:
                            shared = joint((a, b), inside)
                        if shared >= least:
                            found.setdefault((i, j), set()).add(case)
    return found


def cases_and_days(met: dict[tuple[int, int], set[Any]], tracks: list[int]) -> tuple[int, int]:
    sets = [met.get((i, j), set()) for j, i in enumerate(tracks)]
    return len(set().union(*sets)), sum(map(len, sets))


def orders(days: list[Any], key: int, draws: int) -> Any:
    """Draw orders of the tracks, those of each kind of day among themselves."""
    kinds = sorted({d[2] for d in days})
    by_kind = [[j for j, d in enumerate(days) if d[2] == kind] for kind in kinds]
    lists, number = [list(js) for js in by_kind], 0
    for _ in range(draws):
        tracks = list(range(len(days)))
        for js, order in zip(by_kind, lists, strict=True):
            for x in range(len(order) - 1, 0, -1):
                y = drawn(key, number) % (x + 1)
                number += 1
                order[x], order[y] = order[y], order[x]
            for j, i in zip(js, order, strict=True):
                tracks[j] = i
        yield tracks


def all_orders(days: list[Any]) -> Any:
    """Return every order of the tracks, those of each kind of day among themselves."""
    listed: list[list[int]] = [list(range(len(days)))]
    for kind in sorted({d[2] for d in days}):
        js = [j for j, d in enumerate(days) if d[2] == kind]
        new = []
        for tracks in listed:
            for order in permutations(js):
                changed = list(tracks)
                for j, i in zip(js, order, strict=True):
                    changed[j] = i
                new.append(changed)
        listed = new
    return listed


def exact(met: dict[tuple[int, int], set[Any]], days: list[Any]) -> tuple[Fraction, Fraction]:
    """Return the share of all orders that reach what was seen, and the mean number of cases met."""
    seen = cases_and_days(met, list(range(len(days))))
    every = [cases_and_days(met, tracks) for tracks in all_orders(days)]
    return Fraction(sum(one >= seen for one in every), len(every)), Fraction(
        sum(n for n, _ in every), len(every)
    )


def sources(
    stays: list[Stay],
    onsets: dict[Any, int],
    reach: tuple[int, int],
    least: int,
    fewest: int,
    tz: str,
    span: tuple[int, int],
    alike: str,
    draws: int,
    seed: int,
) -> list[Row]:
    """Rank the devices that met at least so many cases."""
    windows = [(t - reach[1], t - reach[0]) for t in onsets.values()]
    days = days_of(windows, tz, span, alike)
    found = []
    for device in sorted({s[0] for s in stays}):
        episodes = meetings(stays, device, onsets, reach, least)
        if len({e[0] for e in episodes}) < fewest:
            continue
        met = met_on(stays, device, onsets, reach, least, days)
        seen = cases_and_days(met, list(range(len(days))))
        key = key_of([s for s in stays if s[0] == device], seed, days[0][0], days[-1][1])
        reached, total, done = 0, 0, 0
        for tracks in orders(days, key, draws):
            if done == 99 and reached >= 20:
                break
            one = cases_and_days(met, tracks)
            reached, total, done = reached + (one >= seen), total + one[0], done + 1
        found.append(
            {
                "device": device,
                "cases_met": seen[0],
                "cases_asked": len(set(onsets) - {device}),
                "expected": (seen[0] + total) / (1 + done),
                "p_value": (1 + reached) / (1 + done),
                "case_days": seen[1],
                "meetings": len(episodes),
                "shared_s": len({(e[0], t) for e in episodes for t in range(e[2], e[3])}),
                "first_meeting": min(e[2] for e in episodes),
                "last_meeting": max(e[3] for e in episodes),
                "is_case": device in onsets,
                "onset": onsets.get(device),
            }
        )
    found.sort(key=lambda r: (-r["cases_met"], r["p_value"], -r["case_days"], -r["shared_s"]))
    return [{"rank": k, **row} for k, row in enumerate(found, 1)]


def meetings(
    stays: list[Stay], device: Any, onsets: dict[Any, int], reach: tuple[int, int], least: int
) -> list[tuple[Any, Any, int, int]]:
    """Return (case, cell, start, end) of every episode at a time that fits."""
    found = []
    for case, onset in onsets.items():
        for _, cell, a, b in [s for s in stays if s[0] == device != case]:
            for _, there, c, d in [s for s in stays if s[0] == case]:
                start, end = max(a, c, onset - reach[1]), min(b, d, onset - reach[0])
                if cell == there and end - start >= least:
                    found.append((case, cell, start, end))
    return sorted(found, key=lambda e: (e[0], e[2], e[1]))


def places(
    stays: list[Stay], onsets: dict[Any, int], reach: tuple[int, int], least: int, fewest: int
) -> list[Row]:
    """Rank the cells that at least so many cases were in."""
    clipped = [
        (case, device, cell, max(a, onset - reach[1]), min(b, onset - reach[0]))
        for case, onset in onsets.items()
        for device, cell, a, b in stays
        if min(b, onset - reach[0]) - max(a, onset - reach[1]) >= least
    ]
    found = []
    for cell in sorted({s[2] for s in clipped}):
        own = [s for s in clipped if s[2] == cell and s[1] == s[0]]
        cases = {s[0] for s in own}
        if len(cases) < fewest:
            continue
        visitors = {c: {s[1] for s in clipped if s[0] == c and s[2] == cell} - set(onsets) for c in onsets}
        seen = {c: {s[1] for s in clipped if s[0] == c} - set(onsets) for c in onsets}
        chances = [Fraction(1 + len(visitors[c]), 1 + len(seen[c])) for c in onsets]
        found.append(
            {
                "cell": cell,
                "cases_met": len(cases),
                "expected": float(sum(chances)),
                "p_value": float(at_least(chances, len(cases))),
                "dwell_s": sum(s[4] - s[3] for s in own),
                "first_visit": min(s[3] for s in own),
                "last_visit": max(s[4] for s in own),
                "visitors": max(map(len, visitors.values())),
            }
        )
    found.sort(key=lambda r: (-r["cases_met"], r["p_value"], -r["dwell_s"], r["cell"]))
    return [{"rank": k, **row} for k, row in enumerate(found, 1)]


def at_least(chances: list[Fraction], least: int) -> Fraction:
    """Return the chance that at least so many of independent events happen, by adding up all outcomes."""
    total = Fraction(0)
    for outcome in range(2 ** len(chances)):
        one = Fraction(1)
        for k, p in enumerate(chances):
            one *= p if outcome >> k & 1 else 1 - p
        if outcome.bit_count() >= least:
            total += one
    return total


def both_on(n: int) -> Fraction:
    """Return the chance that two given ones of ``n`` days fall on two given days."""
    return Fraction(1, comb(n, 2))
