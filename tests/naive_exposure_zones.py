"""The oracle of zones, their lifting, and lists of people to test, in plain Python.

It imports nothing of cotrace. A stay is (device, cell, start, end), a cell (column, row).
"""

from __future__ import annotations

from typing import Any

Stay = tuple[Any, Any, int, int]
Case = tuple[Any, int, int]  # device, begin and end of the time in which its dwell counts
DAY = 86_400


def case_dwell(stays: list[Stay], cases: list[Case]) -> dict[tuple[int, Any], int]:
    """Return the dwell of each case (by number) in each cell."""
    found: dict[tuple[int, Any], int] = {}
    for number, (device, begin, end) in enumerate(cases):
        for d, cell, a, b in stays:
            inside = min(b, end) - max(a, begin)
            if d == device and inside > 0:
                found[number, cell] = found.get((number, cell), 0) + inside
    return found


def kind_of(dwell: int, home: bool, lockdown: int, control: int) -> str | None:
    """Return what a unit is by the dwell of cases in it."""
    return "lockdown" if home or dwell >= lockdown else "control" if dwell >= control else None


def kinds_of_cells(
    dwell: dict[Any, int], homes: set[Any], lockdown: int, control: int, rings: int
) -> dict[Any, tuple[str, str]]:
    """Return kind and reason of every cell that is in a zone."""
    found = {}
    for cell in set(dwell) | homes:
        kind = kind_of(dwell.get(cell, 0), cell in homes, lockdown, control)
        if kind:
            found[cell] = kind, "home" if cell in homes else "dwell"
    border = set(found)
    for _ in range(rings):
        border = {(c + x, r + y) for c, r in border for x in (-1, 0, 1) for y in (-1, 0, 1)} - set(found)
        found |= dict.fromkeys(border, ("precaution", "near"))
    return found


def zones_of_cells(kinds: dict[Any, tuple[str, str]]) -> list[tuple[str, str, frozenset[Any]]]:
    """Return kind, reason and cells of zones: cells of one kind that hang together by edges; by the least cell."""
    left, zones = dict(kinds), []
    while left:
        cell, (kind, _) = next(iter(left.items()))
        group, todo = set(), [cell]
        while todo:
            c, r = todo.pop()
            if (c, r) in group or kinds.get((c, r), ("",))[0] != kind:
                continue
            group.add((c, r))
            todo += [(c + 1, r), (c - 1, r), (c, r + 1), (c, r - 1)]
        reasons = {kinds[one][1] for one in group}
        why = "near" if kind == "precaution" else "home" if "home" in reasons else "dwell"
        zones.append((kind, why, frozenset(group)))
        for one in group:
            del left[one]
    return sorted(
        zones, key=lambda zone: (["lockdown", "control", "precaution"].index(zone[0]), min(zone[2]))
    )


def devices_of_zone(
    stays: list[Stay], cells: frozenset[Any], homes: dict[Any, Any], begin: int, now: int, within: int
) -> dict[Any, tuple[bool, int, bool]]:
    """Return at home, dwell in [begin, now) and present now, for every device that a zone concerns."""
    found = {}
    for device in {s[0] for s in stays}:
        mine = sorted((a, b, cell) for d, cell, a, b in stays if d == device)
        dwell = sum(max(0, min(b, now) - max(a, begin)) for a, b, cell in mine if cell in cells)
        before = [s for s in mine if s[0] < now]
        present = bool(before) and before[-1][2] in cells and before[-1][1] >= now - within
        home = homes.get(device) in cells
        if home or dwell or present:
            found[device] = home, dwell, present
    return found


def lifted(
    last_infection: int,
    contacts: dict[Any, int],
    negatives: dict[Any, list[int]],
    everybody: set[Any],
    on: int,
) -> tuple[bool, bool, bool]:
    """Return the three published criteria; days are numbers, the last infection that of the drawing at the latest."""
    clear = on - last_infection >= 14
    last = max(contacts.values(), default=None)
    of_last = [d for d, day in contacts.items() if day == last]
    out = last is None or (
        on - last > 14 and all(any(last <= n <= on for n in negatives.get(d, [])) for d in of_last)
    )
    all_negative = all(any(on - 2 <= n <= on for n in negatives.get(d, [])) for d in everybody)
    return clear, out, all_negative
