"""Small inputs for the tests of the rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import cotrace

T0 = datetime(2021, 11, 1, tzinfo=UTC)
AS_OF = T0 + timedelta(days=10)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def stay(
    device: Any, start: int, end: int, x: float = 1.0, step: int = 1800
) -> list[tuple[Any, datetime, float, float]]:
    """Pings that make one stay of [start, end) seconds from T0 at (x, 1)."""
    return [(device, at(t), x, 1.0) for t in [*range(start, end, step), end]]


def pings_of(*rows: list[tuple[Any, datetime, float, float]], **keywords: Any) -> cotrace.Pings:
    listed = [r for part in rows for r in part]
    names = ("device", "time", "x", "y")
    return cotrace.read_pings({n: [r[k] for r in listed] for k, n in enumerate(names)}, **keywords)


def example(end: int = 600) -> cotrace.Pings:
    """The worked example of the specification: A lives in the cell and has 31 h, B meets A for ten minutes."""
    home = stay("A", 0, 31 * 3600)
    return pings_of(home, stay("B", 9 * 3600, 9 * 3600 + end, step=300))


HOUR = 3600
