"""Time zones: their names, and local times with them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cotrace.arrays import from_numpy, view
from cotrace.errors import CotraceTypeError, TimeError
from cotrace.io.batches import Marks
from cotrace.io.reasons import AMBIGUOUS_TIME, MISSING_TIME

__all__ = ["ClockChange", "fixed_offset", "local_to_utc", "zone_name"]

ClockChange = Literal["refuse", "earliest", "latest"]

_QUARTER = 900
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?")
_UTC = frozenset({"UTC", "Etc/UTC", "Z", "+00:00", "-00:00", "utc"})

#: Abbreviations that mean different zones in different places, and none of the database.
_SEVERAL = {
    "CST": "China, North America, Cuba",
    "IST": "India, Ireland, Israel",
    "BST": "Britain, Bangladesh",
    "AST": "Arabia, Atlantic Canada",
    "PST": "North America, the Philippines",
    "EDT": "North America, Australia",
    "CDT": "North America, Cuba",
    "SST": "Samoa, Singapore",
    "ECT": "Ecuador, the eastern Caribbean",
    "GST": "the Gulf, South Georgia",
}
_PLACES = "'Asia/Shanghai' or 'America/Chicago', or an offset, '+08:00'"

#: Cities that are asked for, and whose zone the database has under another name.
_CITIES = {
    **dict.fromkeys(
        ("peking", "beijing", "shenzhen", "guangzhou", "chengdu", "wuhan", "nanjing", "tianjin", "china"),
        "Asia/Shanghai",
    ),
    **dict.fromkeys(("osaka", "kyoto", "japan"), "Asia/Tokyo"),
    **dict.fromkeys(("mumbai", "bombay", "delhi", "new_delhi", "bangalore", "india"), "Asia/Kolkata"),
    "hanoi": "Asia/Ho_Chi_Minh",
    **dict.fromkeys(("san_francisco", "seattle"), "America/Los_Angeles"),
    **dict.fromkeys(("washington", "boston"), "America/New_York"),
}


def zone_name(tz: object) -> str:
    """Return the name of a time zone as Arrow knows it: of the IANA database, or ``+hh:mm``; UTC has one name.

    Raises
    ------
    TimeError
        When there is no such zone; the message names those that look alike.
    """
    if isinstance(tz, tzinfo):
        tz = getattr(tz, "key", None) or getattr(tz, "zone", None) or _offset_name(tz)
    if not isinstance(tz, str):
        raise CotraceTypeError(f"tz={tz!r} is no time zone: give a name such as 'Asia/Shanghai', or '+08:00'")
    if tz in _UTC:
        return "UTC"
    offset = _OFFSET.fullmatch(tz)
    if offset:
        name = f"{offset[1]}{offset[2]}:{offset[3] or '00'}"
        return "UTC" if name in _UTC else name
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError):
        raise TimeError(f"tz={tz!r} is no time zone{_alike(tz)}") from None
    return tz


def _offset_name(zone: tzinfo) -> str:
    offset = zone.utcoffset(datetime(2000, 1, 1))
    if offset is None or zone.utcoffset(datetime(2000, 7, 1)) != offset:
        raise CotraceTypeError(f"tz={zone!r} has no name: give one such as 'Asia/Shanghai'")
    minutes = offset // timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _alike(name: str) -> str:
    if name.upper() in _SEVERAL:
        return f": {name.upper()} is ambiguous ({_SEVERAL[name.upper()]}): name a place, such as {_PLACES}"
    city = re.split(r"[/ ]", name)[-1].lower()
    if city in _CITIES:
        return f": did you mean {_CITIES[city]!r}?"
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    close = get_close_matches(name, sorted(available_timezones()), 3, 0.7)
    return f": did you mean {' or '.join(map(repr, close))}?" if close else ", nor does any look alike"


def fixed_offset(zone: str) -> int | None:
    """Return the seconds by which a zone is ahead of UTC all the time, or None when its clock changes."""
    if zone == "UTC":
        return 0
    offset = _OFFSET.fullmatch(zone)
    if not offset:
        return None
    return (1 if offset[1] == "+" else -1) * (int(offset[2]) * 3600 + int(offset[3] or 0) * 60)


def as_tzinfo(zone: str) -> tzinfo:
    """Return a zone as Python's object, for messages."""
    offset = fixed_offset(zone)
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    from zoneinfo import ZoneInfo

    return ZoneInfo(zone)


def local_to_utc(
    local: npt.NDArray[np.int64], zone: str, clock_change: ClockChange, marks: Marks
) -> npt.NDArray[np.int64]:
    """Turn seconds by the local clock into UTC seconds.

    Hours that a clock change repeats or leaves out are marked, or read as asked: ``"earliest"`` is the first of
    the two readings, ``"latest"`` the second; for an hour left out, the second before the change and the one
    after it.
    """
    offset = fixed_offset(zone)
    if offset is not None:
        return local - offset
    if marks.codes is not None and len(local):
        # what stands for a time that is none must not be far from the others
        good = marks.codes == 0
        local = np.where(good, local, local[int(good.argmax())])
    steady = _steady(local, zone)
    return _changing(local, zone, clock_change, marks) if steady is None else steady


def _utc(local: npt.NDArray[np.int64], zone: str, how: Any) -> npt.NDArray[np.int64] | None:
    """Ask Arrow; None when a time is unclear and ``how`` is ``"raise"``."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        naive = from_numpy(local, pa.timestamp("s"))
        return view(pc.assume_timezone(naive, zone, ambiguous=how, nonexistent=how), np.int64)
    except pa.ArrowInvalid:
        return None


def _steady(local: npt.NDArray[np.int64], zone: str) -> npt.NDArray[np.int64] | None:
    """Turn local into UTC seconds where the zone's offset is one from the first to the last; None where it is not.

    Asking for every quarter of an hour between the two is far cheaper than for every time, and no zone ever
    changed its clock and back within one.
    """
    if not len(local):
        return local
    low = int(local.min()) // _QUARTER
    n = int(local.max()) // _QUARTER - low + 2
    if n > max(4096, len(local)):
        return None
    marks = (np.arange(n, dtype=np.int64) + low) * _QUARTER
    utc = _utc(marks, zone, "raise")
    if utc is None or (marks - utc != marks[0] - utc[0]).any():
        return None
    return np.asarray(local - (marks[0] - utc[0]), np.int64)


def _changing(
    local: npt.NDArray[np.int64], zone: str, clock_change: ClockChange, marks: Marks
) -> npt.NDArray[np.int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    utc = _utc(local, zone, "raise" if clock_change == "refuse" else clock_change)
    if utc is not None:
        return utc
    first, second = (np.asarray(_utc(local, zone, how), np.int64) for how in ("earliest", "latest"))
    unclear = first != second
    back = pc.local_timestamp(from_numpy(first, pa.timestamp("s", zone)))
    there = view(back, np.int64) == local
    marks.mark(unclear & there, AMBIGUOUS_TIME)
    marks.mark(unclear & ~there, MISSING_TIME)
    return first
