"""Why a row cannot be used: the words that stand in counts, warnings and the table of refused rows."""

from __future__ import annotations

__all__ = [
    "AMBIGUOUS_TIME",
    "BAD_POSITION",
    "BAD_TIME",
    "CLOSED_DAY",
    "MISSING_TIME",
    "NOT_FINITE",
    "NO_DEVICE",
    "NO_POSITION",
    "NO_TIME",
    "NO_TOWER",
    "OUTSIDE_DAY",
    "OUTSIDE_GRID",
    "OUT_OF_RANGE",
    "REASONS",
    "UNKNOWN_TOWER",
]

NO_DEVICE = "no device"
NO_TIME = "no time"
BAD_TIME = "unreadable time"
AMBIGUOUS_TIME = "ambiguous time"
MISSING_TIME = "missing time"
NO_POSITION = "no position"
BAD_POSITION = "unreadable position"
NOT_FINITE = "position not finite"
OUT_OF_RANGE = "position out of range"
NO_TOWER = "no tower"
UNKNOWN_TOWER = "unknown tower"
OUTSIDE_GRID = "outside the grid"
OUTSIDE_DAY = "outside the day"
CLOSED_DAY = "closed day"

#: In the order in which they are looked for: a row with several faults is counted under the first.
REASONS = (
    NO_DEVICE,
    NO_TIME,
    BAD_TIME,
    AMBIGUOUS_TIME,
    MISSING_TIME,
    NO_POSITION,
    BAD_POSITION,
    NOT_FINITE,
    OUT_OF_RANGE,
    NO_TOWER,
    UNKNOWN_TOWER,
    OUTSIDE_GRID,
    OUTSIDE_DAY,
    CLOSED_DAY,
)
