"""The oracle of where devices were, in plain Python: stays and gaps, nights and working hours, places of cases.

It imports nothing of cotrace. A stay is (device, cell, start, end), all in whole seconds.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

Stay = tuple[Any, Any, int, int]
Row = dict[str, Any]


def trajectory(stays: list[Stay], devices: list[Any], start: int | None, end: int | None) -> list[Row]:
    """Walk each device's stays in order, and put gaps between them; a cell of None is a gap."""
    rows: list[Row] = []
    for device in sorted(set(devices)):
        mine = [(a, b, cell) for d, cell, a, b in stays if d == device]
        if (start is None or end is None) and not mine:
            continue
        first = min((a for a, _, _ in mine), default=0) if start is None else start
        last = max((b for _, b, _ in mine), default=0) if end is None else end
        now = first
        cut = sorted((max(a, first), cell, min(b, last)) for a, b, cell in mine if a < last and b > first)
        for a, cell, b in [c for c in cut if c[0] < c[2]]:
            if a > now:
                rows.append(_row(device, None, now, a, 0))
            rows.append(_row(device, cell, a, b, max(0, min(now, b) - a)))
            now = max(now, b)
        if last > now:
            rows.append(_row(device, None, now, last, 0))
    return rows


def _row(device: Any, cell: Any, start: int, end: int, overlap: int) -> Row:
    kind = "gap" if cell is None else "stay"
    times = {"started_at": start, "finished_at": end, "duration_s": end - start, "overlap_s": overlap}
    return {"device": device, "kind": kind, "cell": cell, **times}


def hours(
    low: int, high: int, zone: Any, clock: tuple[str, str], weekdays: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Return the intervals of these hours by the clock of a zone, on all days round [low, high)."""
    found = []
    day = datetime.fromtimestamp(low, zone).replace(hour=0, minute=0, second=0) - timedelta(days=2)
    while day.timestamp() < high + 2 * 86_400:
        (h1, m1), (h2, m2) = (map(int, text.split(":")) for text in clock)
        begin = day.replace(hour=h1, minute=m1)
        finish = day.replace(hour=h2, minute=m2) + timedelta(days=(h2, m2) <= (h1, m1))
        if day.weekday() in weekdays and begin.timestamp() < finish.timestamp():
            found.append((int(begin.timestamp()), int(finish.timestamp())))
        day += timedelta(days=1)
    return found


def most_dwell(stays: list[Stay], intervals: list[tuple[int, int]]) -> dict[Any, tuple[Any, int, int]]:
    """Return each device's cell with the most dwell in some intervals, that dwell, and its dwell in all of them."""
    dwell: dict[Any, Counter[Any]] = {}
    for device, cell, a, b in stays:
        inside = sum(max(0, min(b, y) - max(a, x)) for x, y in intervals)
        if inside:
            dwell.setdefault(device, Counter())[cell] += inside
    found = {}
    for device, cells in dwell.items():
        best = min(cells, key=lambda cell: (-cells[cell], cell))
        found[device] = best, cells[best], sum(cells.values())
    return found


def places(stays: list[Stay], case: Any, begin: int, end: int, least: int) -> list[tuple[Any, int, int]]:
    """Return (cell, from, to) of a case's stays, cut to [begin, end), that are at least this long."""
    cut = sorted((max(a, begin), cell, min(b, end)) for d, cell, a, b in stays if d == case)
    return [(cell, a, b) for a, cell, b in cut if b - a >= max(least, 1)]
