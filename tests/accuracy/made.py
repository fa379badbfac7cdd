"""Small inputs for the tests of accuracy."""

from __future__ import annotations

from typing import Any

import cotrace

AS_OF = "1970-01-02T00:00:00+00:00"


def pings_of(places: dict[Any, tuple[float, float]]) -> cotrace.Pings:
    """Return pings of devices that stay where they are for an hour."""
    rows = [(d, t, x, y) for d, (x, y) in places.items() for t in (0, 3600)]
    return cotrace.read_pings(
        {n: [r[k] for r in rows] for k, n in enumerate(("device", "time", "x", "y"))}, unit="s"
    )


def ids_of(found: Any) -> list[Any]:
    """Return the companions of a result."""
    ids: list[Any] = found.companions["companion_id"].to_pylist()
    return ids
