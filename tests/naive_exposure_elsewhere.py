"""The oracle of presence from elsewhere, in plain Python: seconds of a device in a cell, and which sources say so.

It imports nothing of cotrace.
"""

from __future__ import annotations

from typing import Any

Stay = tuple[Any, Any, int, int]
Visit = tuple[Any, str, int, int, str]


def with_visits(stays: list[Stay], visits: list[Visit], cell_of: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return (device, cell, start, end, sources), joined where they overlap or touch; a name is a cell of its own."""
    rows = [(d, c, a, b, "pings") for d, c, a, b in stays]
    rows += [(d, cell_of.get(place, place), a, b, source) for d, place, a, b, source in visits]
    joined = []
    for device, cell in {row[:2] for row in rows}:
        mine = sorted((row[2:] for row in rows if row[:2] == (device, cell)), key=lambda row: row[:2])
        runs: list[list[Any]] = []
        for a, b, source in mine:
            if runs and a <= runs[-1][1]:
                runs[-1][1] = max(b, runs[-1][1])
                runs[-1][2].add(source)
            else:
                runs.append([a, b, {source}])
        joined += [(device, cell, a, b, frozenset(sources)) for a, b, sources in runs]
    return sorted(joined, key=lambda row: (row[0], row[2], str(row[1])))
