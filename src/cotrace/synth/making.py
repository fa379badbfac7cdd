"""Making a city: the figures of a preset or of the caller, checked, and what is built of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cotrace.errors import OptionError, TimeError
from cotrace.synth.building import build
from cotrace.synth.cities import City
from cotrace.synth.habits import HABITS, Habits
from cotrace.synth.presets import shape_of

__all__ = ["city"]

#: a Monday
START = datetime(2021, 11, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
#: the most days whose seconds fit 32 bits
MOST_DAYS = 24_000


def city(
    preset: str | None = None,
    *,
    seed: int,
    scale: float = 1.0,
    days: int = 14,
    start: datetime | None = None,
    area_km2: float | None = None,
    population: int | None = None,
    stations: int | None = None,
    habits: Habits = HABITS,
    sigma: float = 1.0,
) -> City:
    """Make a city: the same seed gives the same city, to the last byte.

    Parameters
    ----------
    preset : {"shanghai", "xian", "chongqing"}, optional
        Area, people and 5G stations as published; see :data:`cotrace.synth.PRESETS`.
    seed : int
    scale : float
        Area, people and stations times this: densities stay.
    days : int
    start : datetime, optional
        The first midnight, with a time zone; by default Monday, 2021-11-01 in Asia/Shanghai. A day has 24 hours: where
        clocks are changed, local time runs on.
    area_km2, population, stations : optional
        Instead of the preset's; required without one.
    habits : Habits
        What people do.
    sigma : float
        Standard deviation of the logarithm of the density of people over blocks of 800 m.

    Returns
    -------
    City
        Its ``legs`` are everybody's exact paths; ``stays``, ``meetings`` and ``shared_cells`` are made of these.

    Raises
    ------
    OptionError
        Figures that cannot be; no preset, and no area and population.
    TimeError
        A start that is no midnight, or without a time zone.

    Notes
    -----
    About 0.4 s and 20 MB for every million people; days are made when they are asked for, each by itself.

    References
    ----------
    Areas, stations and populations of the presets: ``PRESETS[...].source``; what is our assumption:
    ``PRESETS[...].assumed``, :class:`Habits` and ``cotrace.synth.building``.

    Examples
    --------
    >>> from cotrace import synth
    >>> synth.city("xian", seed=1, scale=0.001)
    City(xian, 2.324 km2, 13,000 people, 20 stations, 14 days from 2021-11-01, seed 1)
    """
    shape = shape_of(preset, area_km2, population, stations, scale)
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**62:
        raise OptionError(f"seed={seed!r} is no whole number from 0 to 2**62")
    if not 1 <= days <= MOST_DAYS:
        raise OptionError(f"days={days!r} is not from 1 to {MOST_DAYS:,}")
    if not 0.0 <= sigma <= 3.0:
        raise OptionError(f"sigma={sigma!r} is not from 0 to 3")
    first = _midnight(start)
    area, people, masts = shape
    built = build(seed, area, people, sigma, habits)
    return City(preset or "city", seed, first, days, area, people, masts, float(scale), habits, built)


def _midnight(start: datetime | None) -> datetime:
    if start is None:
        return START
    if start.tzinfo is None:
        raise TimeError(
            f"start={start} names no time zone: give it one, such as datetime(..., tzinfo=ZoneInfo('UTC'))"
        )
    if start - start.replace(hour=0, minute=0, second=0, microsecond=0) != timedelta():
        raise TimeError(f"start={start} is no midnight")
    return start
