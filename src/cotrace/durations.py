"""Durations as people write them: ``"10min"``, ``"30h"``, ``"1h30min"``, or a ``timedelta``."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from typing import TypeAlias

from cotrace.errors import CotraceTypeError, OptionError

__all__ = ["Duration", "format_duration", "seconds", "spaced"]

Duration: TypeAlias = str | timedelta

_UNITS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
#: far beyond all data, and far from where sums of seconds would overflow
_LONGEST = 1_000_000 * 86_400
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(d|h|min|s)\s*")


def seconds(value: Duration, name: str) -> int:
    """Return a duration in whole seconds; ``name`` is the option's name, for the error.

    Raises
    ------
    CotraceTypeError
        For a bare number: 10 what?
    OptionError
        For text that is no duration, for a negative one, and for parts of a second.
    """
    if isinstance(value, timedelta):
        micros = value // timedelta(microseconds=1)
        total, rest = divmod(micros, 1_000_000)
        if rest:
            raise OptionError(f"{name}={value!r}: durations are whole seconds")
    elif isinstance(value, str):
        total = _parse(value, name)
    else:
        raise CotraceTypeError(
            f"{name}={value!r} has no unit: write a duration such as '10min', '30h', '14d', or a timedelta"
        )
    if total < 0:
        raise OptionError(f"{name}={value!r} is negative")
    if total > _LONGEST:
        raise OptionError(f"{name}={value!r} is longer than {_LONGEST // 86_400:,} days")
    return total


def _parse(text: str, name: str) -> int:
    position, total = 0, Fraction(0)
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            break
        total += Fraction(part[1]) * _UNITS[part[2]]
        position = part.end()
    if position < len(text) or not text.strip():
        if text.strip().startswith("-"):
            raise OptionError(f"{name}={text!r} is negative")
        raise OptionError(
            f"{name}={text!r} is no duration: write '10min', '30h', '14d' or '1h30min' (d, h, min, s)"
        )
    if total.denominator != 1:
        raise OptionError(f"{name}={text!r}: durations are whole seconds")
    return int(total)


def format_duration(total: int) -> str:
    """Write whole seconds in the largest unit that divides them: 600 is ``"10min"``, 108000 is ``"30h"``.

    Days are used for whole days beyond two, so that thresholds of 30 h and 48 h read as they are published.
    """
    for unit, size in _UNITS.items():
        if total and total % size == 0 and not (unit == "d" and total < 3 * size):
            return f"{total // size}{unit}"
    return f"{total}s"


def spaced(value: Duration) -> str:
    """Write a duration as it stands in a sentence: ``"10min"`` is ``10 min``, ``"14d"`` is ``14 days``."""
    text = format_duration(seconds(value, "duration"))
    number = text.rstrip("dhmins")
    unit = text[len(number) :]
    return f"{int(number):,} {'day' + 's' * (number != '1') if unit == 'd' else unit}"
