"""Units of time, the limits of the calendar, and how instants are written in messages."""

from __future__ import annotations

from cotrace.io.timeformat import calendar_format

__all__ = ["EARLIEST", "LATEST", "PER_SECOND", "say_instant", "say_units"]

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

#: Years 1 to 9999, the instants that Python's calendar holds.
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799


def say_instant(seconds: float) -> str:
    """Write an instant for a message; beyond the calendar, the year."""
    if EARLIEST <= seconds <= LATEST:
        from datetime import UTC, datetime, timedelta

        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
    return f"the year {1970 + seconds / 31_556_952:,.0f}"


def say_units(number: float, text: str) -> str:
    """Say what a number would be in each unit, or in which format its digits are a date and time."""
    calendar = calendar_format(text)
    if calendar is not None:
        parts = "YYYYMMDDhhmmss" if calendar.endswith("%S") else "YYYYMMDDhhmm"
        return f"Its first value, {text}, looks like {parts}: time_format={calendar!r}"
    meant = ", ".join(f"{say_instant(number / per)} as {unit!r}" for unit, per in PER_SECOND.items())
    return f"Its first value, {text}, would be {meant}: name the one that is meant, unit='s' for instance"
