"""The oracle of travelling together, in plain Python: all pings of all devices, and loops over their passes.

It imports nothing of cotrace. What was seen is a dictionary from second to cell for each device.
"""

from __future__ import annotations

from typing import Any

Seen = dict[Any, dict[int, Any]]
Pass = tuple[Any, int, int]  # cell, first ping, last ping
Row = dict[str, Any]


def passes_of(seen: dict[int, Any], longest: int) -> list[Pass]:
    """Return the runs of pings in one cell; one that is longer than a break is an arrival and a departure."""
    runs: list[list[Any]] = []
    for second in sorted(seen):
        if runs and runs[-1][0] == seen[second] and second - runs[-1][2] <= longest:
            runs[-1][2] = second
        else:
            runs.append([seen[second], second, second])
    found: list[Pass] = []
    for cell, a, b in runs:
        found += [(cell, a, b)] if b - a <= longest else [(cell, a, a), (cell, b, b)]
    return found


def rides_of(
    mine: list[Pass], theirs: list[Pass], window: tuple[int, int], near: int, longest: int
) -> list[list[tuple[int, int]]]:
    """Return the rides of two devices: lists of pairs of passes."""
    rides: list[list[tuple[int, int]]] = []
    taken = -1
    for i, (cell, a, b) in enumerate(mine):
        if a >= window[1] or b < window[0]:
            continue
        close = [
            j
            for j, (there, c, d) in enumerate(theirs)
            if j > taken and there == cell and c <= b + near and d >= a - near
        ]
        if not close:
            continue
        j = taken = close[0]
        if rides:
            k, m = rides[-1][-1]
            if a - mine[k][2] <= longest and theirs[j][1] - theirs[m][2] <= longest:
                rides[-1].append((i, j))
                continue
        rides.append([(i, j)])
    return rides


def length(ride: list[tuple[int, int]], mine: list[Pass], theirs: list[Pass]) -> int:
    (i, j), (k, m) = ride[0], ride[-1]
    return max(0, min(mine[k][1], theirs[m][1]) - max(mine[i][2], theirs[j][2]))


def co_travel(
    seen: Seen,
    cases: list[tuple[Any, int, int]],
    least: int,
    near: int,
    min_cells: int,
    min_match: float,
    longest: int,
) -> tuple[list[Row], list[Row]]:
    """Return the devices that went along with cases (device, start, end), and the cells of each ride."""
    found, shown = [], []
    passes = {device: passes_of(one, longest) for device, one in seen.items()}
    for case, start, end in sorted(cases):
        for device in sorted(seen):
            mine, theirs = passes.get(case, []), passes[device]
            kept = []
            for ride in rides_of(mine, theirs, (start, end), near, longest) if device != case else []:
                cells = {mine[i][0] for i, _ in ride}
                passed = min(ride[-1][0] - ride[0][0], ride[-1][1] - ride[0][1]) + 1
                long = length(ride, mine, theirs) >= least
                if long and len(cells) >= min_cells and len(ride) >= min_match * passed:
                    kept.append(ride)
            if not kept:
                continue
            both = [(mine[i], theirs[j]) for ride in kept for i, j in ride]
            head = {"case_id": case, "as_of": end, "device": device}
            lengths = [length(ride, mine, theirs) for ride in kept]
            found.append(
                {
                    **head,
                    "rides": len(kept),
                    "cells": len({one[0] for one, _ in both}),
                    "shared_s": sum(lengths),
                    "longest_s": max(lengths),
                    "first_started_at": min(min(one[1], two[1]) for one, two in both),
                    "last_finished_at": max(max(one[2], two[2]) for one, two in both),
                    "largest_lag_s": max(max(0, one[1] - two[2], two[1] - one[2]) for one, two in both),
                }
            )
            for number, ride in enumerate(kept, 1):
                for i, j in ride:
                    times = {"case_from": mine[i][1], "case_to": mine[i][2]}
                    other = {"device_from": theirs[j][1], "device_to": theirs[j][2]}
                    shown.append({**head, "ride": number, "cell": mine[i][0], **times, **other})
    return found, shown
