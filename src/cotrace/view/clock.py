"""Time on an axis: days and hours in the result's own time zone, with the years beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DAY", "ticks", "time_axis", "years", "zone_of"]

DAY = 86_400
_SOME_DAYS, _LONG = 4, 300  # days from which on ticks are days, and from which on they name the year


def zone_of(name: str) -> tzinfo:
    """Return the time zone of a name, or of an offset such as ``+08:00``."""
    from datetime import UTC, datetime

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an offset is no name of a zone
        return datetime.strptime(name, "%z").tzinfo or UTC


def time_axis(ax: Axes, start: float, end: float, tz: str) -> None:
    """Put ticks on a time axis that counts days since 1970, and name zone and years below it."""
    ticks(ax, start, end, tz)
    ax.set_xlim(start, end)
    ax.set_xlabel(f"time ({tz}), {years(start, end, zone_of(tz))}")


def ticks(ax: Axes, start: float, end: float, tz: str) -> None:
    """Put ticks on a time axis: days every second or third, hours that part the day evenly."""
    from matplotlib.dates import AutoDateLocator
    from matplotlib.ticker import FuncFormatter

    zone = zone_of(tz)
    # of days every second or third, also past the end of a month; of hours those that part the day evenly
    even = end - start < _SOME_DAYS
    ax.xaxis.set_major_locator(AutoDateLocator(tz=zone, minticks=4, maxticks=9, interval_multiples=even))
    ax.xaxis.set_major_formatter(FuncFormatter(_tick(zone, end - start > _LONG)))


def _tick(zone: Any, with_years: bool) -> Callable[[float, int | None], str]:
    """Return what writes a tick: a day as ``21 Oct``, an hour as ``09:00``."""
    from matplotlib.dates import num2date

    def written(value: float, position: int | None = None) -> str:
        moment = num2date(value, zone)
        if (moment.hour, moment.minute, moment.second) != (0, 0, 0):
            return f"{moment:%H:%M:%S}".removesuffix(":00")
        return f"{moment.day} {moment:%b %Y}" if with_years else f"{moment.day} {moment:%b}"

    return written


def years(start: float, end: float, zone: Any) -> str:
    """Name the year or years of a span."""
    from matplotlib.dates import num2date

    first, last = (num2date(value, zone).year for value in (start, end))
    return str(first) if first == last else f"{first} to {last}"
