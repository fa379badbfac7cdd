"""The days on which habits are asked: local, from four in the morning, and of kinds that are alike."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.io.zones import as_tzinfo

__all__ = ["Alike", "check_alike", "check_draws", "days_by_kind", "local_days"]

Int64 = NDArray[np.int64]
Alike = Literal["weekend", "weekday", "any"]

#: when the fewest are under way: a night out belongs to the day that it began on
_BORDER = time(4)
#: numbers of the kinds of days that are alike to none
_PARTIAL = 7
_MOST_DRAWS = 1_000_000


def check_alike(alike: object) -> None:
    """Refuse what is no way to tell days that are alike."""
    if alike not in get_args(Alike):
        raise OptionError(f"alike={alike!r} is not one of {', '.join(map(repr, get_args(Alike)))}")


def check_draws(draws: object, seed: object) -> None:
    """Refuse numbers that cannot be."""
    for name, value, least in (("draws", draws, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise OptionError(f"{name}={value!r} is no whole number from {least} on")
    if int(draws) > _MOST_DRAWS:  # type: ignore[call-overload]
        raise OptionError(f"draws={draws!r} is more than {_MOST_DRAWS:,}")
    if int(seed) >= 2**62:  # type: ignore[call-overload]
        raise OptionError(f"seed={seed!r} is too large: below 2**62")


def local_days(
    windows: Int64, tz: str, span: tuple[int, int] | None, alike: Alike = "weekend"
) -> tuple[Int64, Int64]:
    """Return the days that windows touch, and what kind each is.

    Parameters
    ----------
    windows : int64[n, 2]
        Unix seconds, half-open.
    tz : str
        Zone of the days.
    span : (int, int) or None
        First and last second of the data; days outside them are left out.
    alike : {"weekend", "weekday", "any"}
        Kinds: Saturdays and Sundays apart from the others, each day of the week by itself, or all days alike. A day
        that the data begin or end on is alike to none: what was done on half of it says nothing of the other half.

    Returns
    -------
    days : int64[k, 2]
        Start and end in unix seconds, rising: from 04:00 by the local clock to 04:00.
    kinds : int64[k]
        Days of one number are alike.
    """
    if span is None:
        return np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.int64)
    zone = as_tzinfo(tz)
    back = timedelta(hours=_BORDER.hour)
    found: set[date] = set()
    for start, end in np.unique(windows, axis=0).tolist():
        first, last = max(start, span[0]), min(end, span[1] + 1)
        if first < last:
            day, until = (
                (datetime.fromtimestamp(t, zone).replace(tzinfo=None) - back).date()
                for t in (first, last - 1)
            )
            found.update(day + timedelta(days=k) for k in range((until - day).days + 1))
    days = sorted(found)
    borders = [
        [int(datetime.combine(d + timedelta(days=k), _BORDER, zone).timestamp()) for k in (0, 1)]
        for d in days
    ]
    kinds = [
        _kind(day, alike) if span[0] <= start and end <= span[1] + 1 else _PARTIAL + k
        for k, (day, (start, end)) in enumerate(zip(days, borders, strict=True))
    ]
    return np.array(borders, dtype=np.int64).reshape(-1, 2), np.array(kinds, dtype=np.int64)


def _kind(day: date, alike: Alike) -> int:
    if alike == "any":
        return 0
    return int(day.weekday() >= 5) if alike == "weekend" else day.weekday()


def days_by_kind(kinds: Int64) -> tuple[Int64, Int64]:
    """Return where each kind begins, and the days by kind."""
    by_kind = np.argsort(kinds, kind="stable").astype(np.int64)
    if not kinds.size:
        return np.zeros(1, dtype=np.int64), by_kind
    first = np.flatnonzero(np.diff(kinds[by_kind], prepend=-1))
    return np.concatenate([first, [kinds.size]]).astype(np.int64), by_kind
