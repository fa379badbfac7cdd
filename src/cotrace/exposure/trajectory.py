"""Where a device was: its stays and gaps in order, its home and work place, and the places of a case."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import repeated, take
from cotrace.companions.cases import read_cases
from cotrace.durations import Duration, seconds, spaced
from cotrace.errors import OptionError
from cotrace.exposure.common import (
    CANDIDATES,
    asked_ids,
    beyond,
    cell_columns,
    device_codes,
    device_rows,
    instant,
    ints,
    seen_codes,
    source_names,
    sources_of,
    span_of,
    table,
    warn,
)
from cotrace.io.zones import as_tzinfo
from cotrace.schema_places import ANCHORS, PLACES, TRAJECTORY
from cotrace.tables import Stays, StaysStore, Table, check_source, instants, taken

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["anchors", "places", "trajectory"]

Int64 = NDArray[np.int64]

_KINDS = ("home", "work")
_MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)
_DAY = 86_400


def trajectory(
    stays: Stays | StaysStore, devices: Any = None, *, start: Any = None, end: Any = None
) -> Table:
    """Return where devices were, in order: their stays, and the gaps in which nothing is known.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays of these devices in this time are read.
    devices : id or sequence of ids, optional
        All devices when left out.
    start, end : instant, optional
        The time asked, with a time zone; what lies outside is cut off. By default from the first second of a
        device's stays to the last.

    Returns
    -------
    Table
        One row a stay or gap, sorted by device and start. Columns: :ref:`data-model-trajectory`. The durations of
        a device's rows, less ``overlap_s``, add up to the time asked, to the second.

    Raises
    ------
    OptionError
        When start or end have no time zone, end is not after start, or an id cannot be one of the stays'.

    Warns
    -----
    CotraceWarning
        Devices that were never seen: with ``start`` and ``end`` they are one gap, without them no row.

    Notes
    -----
    O(rows of these devices), and a bisection a device; the other stays are not looked at.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1] * 4, "time": [0, 600, 9000, 9060], "x": [1.0] * 4, "y": [1.0] * 4}, unit="s"
    ... )
    >>> walked = cotrace.trajectory(cotrace.find_stays(pings), 1)
    >>> list(zip(walked["kind"].to_pylist(), walked["duration_s"].to_pylist()))
    [('stay', 600), ('gap', 8400), ('stay', 60)]
    """
    check_source(stays)
    begin = None if start is None else instant(start, "start")
    finish = None if end is None else instant(end, "end")
    if begin is not None and finish is not None and finish <= begin:
        raise OptionError("end is not after start: there is no time between them")
    asked = asked_ids(stays, devices)
    stays = taken(stays, "trajectory", start=begin, end=finish, devices=asked)
    ids, codes = device_codes(stays, asked)
    walked = _Walk(stays, codes, *(None if t is None else t - stays.base for t in (begin, finish)))
    return table(TRAJECTORY, walked.columns(ids), stays, _note(stays))


class _Walk:
    """The stays of some devices within the time asked, and the gaps between them."""

    def __init__(self, stays: Stays, codes: Int64, begin: int | None, finish: int | None) -> None:
        self._stays = stays
        rows, whose = device_rows(stays, codes)
        start, end = (stays.rows[rows, k].astype(np.int64) for k in (2, 3))
        floor, ceiling = _spans(start, end, whose, codes.size, begin, finish)
        start, end = np.maximum(start, floor[whose]), np.minimum(end, ceiling[whose])
        kept = np.flatnonzero(start < end)
        # what begins before the time asked begins with it: the order may change by that
        kept = kept[np.lexsort((stays.rows[rows[kept], 1], start[kept], whose[kept]))]
        self.rows, self.whose, self.start, self.end = rows[kept], whose[kept], start[kept], end[kept]
        self.before, self.overlap = beyond(self.start, self.end, self.whose, floor[self.whose])
        last = floor.copy()
        np.maximum.at(last, self.whose, self.end)
        self._gaps = _gaps(self.whose, self.before, self.start, last, ceiling)

    def columns(self, ids: pa.Array) -> dict[str, Any]:
        stays, n, (gap_of, gap_from, gap_to) = self._stays, self.rows.size, self._gaps
        nowhere = np.full(gap_of.size, -1, dtype=np.int64)
        whose = np.concatenate([self.whose, gap_of])
        start, end = np.concatenate([self.start, gap_from]), np.concatenate([self.end, gap_to])
        cells = np.concatenate([stays.rows[self.rows, 1].astype(np.int64), nowhere])
        nothing = np.zeros(gap_of.size, dtype=np.int64)
        overlap = np.concatenate([self.overlap, nothing])
        bits = np.concatenate([sources_of(stays, self.rows), nothing])
        order = np.lexsort((cells, start, whose))
        return {
            "device": take(ids, whose[order]),
            "kind": repeated(("stay", "gap"), (order >= n).astype(np.int64)),
            **cell_columns(stays.cells, cells[order]),
            "started_at": instants(start[order], stays.base, stays.tz),
            "finished_at": instants(end[order], stays.base, stays.tz),
            "duration_s": ints((end - start)[order]),
            "overlap_s": ints(overlap[order]),
            "source": source_names(stays.sources, bits[order]),
        }


def _spans(
    start: Int64, end: Int64, whose: Int64, n: int, begin: int | None, finish: int | None
) -> tuple[Int64, Int64]:
    """Return the time asked of each device; where nothing says it and nothing is known, it is empty."""
    far = 2**40
    first, last = np.full(n, far), np.full(n, -far)
    np.minimum.at(first, whose, start)
    np.maximum.at(last, whose, end)
    floor = first if begin is None else np.full(n, begin)
    ceiling = last if finish is None else np.full(n, finish)
    return floor, np.maximum(ceiling, floor)


def _gaps(
    whose: Int64, before: Int64, start: Int64, last: Int64, ceiling: Int64
) -> tuple[Int64, Int64, Int64]:
    """Return the gaps before stays and after the last of each device: whose, from, to."""
    inner, outer = np.flatnonzero(start > before), np.flatnonzero(ceiling > last)
    return (
        np.concatenate([whose[inner], outer]),
        np.concatenate([before[inner], last[outer]]),
        np.concatenate([start[inner], ceiling[outer]]),
    )


def anchors(
    stays: Stays | StaysStore,
    devices: Any = None,
    *,
    night: tuple[str, str] = ("22:00", "06:00"),
    working: tuple[str, str] = ("09:00", "17:00"),
    working_days: tuple[int, ...] = _MONDAY_TO_FRIDAY,
) -> Table:
    """Find where devices spend their nights (home) and their working hours (work).

    Parameters
    ----------
    stays : Stays or Store
        Of a store, all stays of these devices are read.
    devices : id or sequence of ids, optional
        All devices when left out.
    night, working : (str, str)
        Hours of the day by the clock of the stays' time zone, ``"HH:MM"``; a second hour that is not after the
        first is one of the next day.
    working_days : tuple of int
        The days whose working hours count, Monday is 0; of all days the nights count.

    Returns
    -------
    Table
        One row a device and kind, sorted by these; none where the device was not observed in these hours at all.
        Columns: :ref:`data-model-anchors`.

    Raises
    ------
    OptionError
        When hours or days are none, or an id cannot be one of the stays'.

    Notes
    -----
    The cell with the most dwell in these hours, the least of equal ones; ``share`` is its part of what was observed
    in them. O(stays of these devices).

    Examples
    --------
    >>> import cotrace
    >>> hours = range(0, 49)
    >>> pings = cotrace.read_pings(
    ...     {"device": [1] * 49, "time": [3600 * h for h in hours], "y": [1.0] * 49,
    ...      "x": [5000.0 if 8 <= h % 24 < 18 else 1.0 for h in hours]}, unit="s"
    ... )
    >>> found = cotrace.anchors(cotrace.find_stays(pings))
    >>> list(zip(found["kind"].to_pylist(), found["cell_col"].to_pylist(), found["share"].to_pylist()))
    [('home', 0, 1.0), ('work', 6, 1.0)]
    """
    asked = asked_ids(stays, devices)
    stays = taken(stays, "anchors", devices=asked)
    ids, codes = device_codes(stays, asked)
    nights = _hours(stays, night, "night", tuple(range(7)))
    days = _hours(stays, working, "working", working_days)
    found = np.stack([most_dwell_in(stays, codes, hours) for hours in (nights, days)], axis=1)
    device, kind = np.nonzero(found[:, :, 0] >= 0)
    cells, dwell, observed = found[device, kind].T
    columns = {
        "device": take(ids, device),
        "kind": repeated(_KINDS, kind),
        **cell_columns(stays.cells, cells),
        "dwell_s": ints(dwell),
        "observed_s": ints(observed),
        "share": dwell / np.maximum(observed, 1),
    }
    what = f"home: nights from {night[0]} to {night[1]}; work: {working[0]} to {working[1]}, by the clock of {stays.tz}"
    return table(
        ANCHORS,
        columns,
        stays,
        f"{CANDIDATES}. Guesses from dwell, of devices, not people. {what}. {_how(stays)}",
    )


def most_dwell_in(stays: Stays, codes: Int64, hours: Int64) -> Int64:
    """Return, for each device, the cell with the most dwell in some hours (-1: none), that dwell, and all dwell.

    ``hours`` (int64[k, 2]) are disjoint intervals that rise, in seconds from the stays' base.
    """
    from cotrace.kernels.presence import device_slices, most_dwell

    slices = np.empty((codes.size, 2), dtype=np.int64)
    device_slices(stays.rows, codes, slices)
    begins, ends = (np.ascontiguousarray(hours[:, k]) for k in (0, 1))
    before = np.concatenate([[0], np.cumsum(ends - begins)])[:-1].astype(np.int64)
    out = np.empty((codes.size, 3), dtype=np.int64)
    scratch = np.zeros(len(stays.cells.values), dtype=np.int64)
    most_dwell(stays.rows, slices, begins, ends, before, scratch, out)
    return out


def _hours(stays: Stays, hours: tuple[str, str], name: str, weekdays: tuple[int, ...]) -> Int64:
    """Return these hours of all days of the stays as intervals, in seconds from the base."""
    first, last = _clock(hours, name)
    if not set(weekdays) <= set(range(7)):
        raise OptionError(f"working_days={weekdays!r}: days are 0 (Monday) to 6 (Sunday)")
    if not len(stays):
        return np.empty((0, 2), dtype=np.int64)
    zone = as_tzinfo(stays.tz)
    low, high = int(stays.rows[:, 2].min()) + stays.base, int(stays.rows[:, 3].max()) + stays.base
    day, until = (datetime.fromtimestamp(t, zone).date() for t in (low - _DAY, high + _DAY))
    found = []
    while day <= until:
        if day.weekday() in weekdays:
            following = day if last > first else day + timedelta(days=1)
            found.append((_second(day, first, zone), _second(following, last, zone)))
        day += timedelta(days=1)
    # where a clock change turns hours round there is nothing between them
    return np.array([(a, b) for a, b in found if a < b], dtype=np.int64).reshape(-1, 2) - stays.base


def _second(day: date, clock: time, zone: Any) -> int:
    return int(datetime.combine(day, clock, zone).timestamp())


def _clock(hours: tuple[str, str], name: str) -> tuple[time, time]:
    try:
        first, last = (time.fromisoformat(text) for text in hours)
    except (ValueError, TypeError):
        raise OptionError(f"{name}={hours!r} is no pair of hours: write ('22:00', '06:00')") from None
    if first == last:
        raise OptionError(f"{name}={hours!r} begin and end at one time: which part of the day is meant?")
    return first, last


def places(
    stays: Stays | StaysStore,
    cases: Any,
    *,
    as_of: Any = None,
    lookback: Duration = "14d",
    min_dwell: Duration = "0s",
) -> Table:
    """List every place that cases were at, from, to: what an investigator takes to the cameras.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays of the cases in their lookback are read.
    cases : ids or frame
        As for :func:`cotrace.find_companions`. From ``infectious_from``, where it is given, to ``isolated_at``.
    as_of : instant, optional
        The moment that closes the lookback; required unless it is a column of the cases.
    lookback : str or timedelta
        How far before it.
    min_dwell : str or timedelta
        Shorter stays are left out; none by default.

    Returns
    -------
    Table
        One row a case and stay, cut at both ends of the lookback; sorted by case and start. Columns:
        :ref:`data-model-places`.

    Raises
    ------
    CaseError
        As for :func:`cotrace.find_companions`.

    Warns
    -----
    CotraceWarning
        Cases that were never seen.

    Notes
    -----
    O(stays of the cases).

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1] * 3, "time": [0, 600, 1200], "x": [1.0] * 3, "y": [1.0] * 3}, unit="s"
    ... )
    >>> seen = cotrace.places(cotrace.find_stays(pings), 1, as_of="1970-01-01T00:15:00+00:00")
    >>> seen["duration_s"].to_pylist()
    [900]
    """
    check_source(stays)
    listed = read_cases(cases, as_of, stays.device_type)
    windows = listed.windows(seconds(lookback, "lookback"))
    start, end = span_of(windows[:, 2], windows[:, 1])
    stays = taken(stays, "places", start=start, end=end, devices=listed.ids)
    codes = seen_codes(stays.devices, listed.ids)
    if unseen := int((codes < 0).sum()):
        warn(
            f"{unseen:,} of {codes.size:,} cases were never seen in the pings (the first is in row "
            f"{listed.rows[codes < 0].min()}): no place is known of them; are their ids of the same kind?",
            "cases",
            never_seen=unseen,
            cases=codes.size,
        )
    _, ends, begins = (windows - stays.base).T
    rows, whose = device_rows(stays, codes)
    began = np.maximum(stays.rows[rows, 2], begins[whose])
    ended = np.minimum(stays.rows[rows, 3], ends[whose])
    kept = np.flatnonzero(ended - began >= max(1, seconds(min_dwell, "min_dwell")))
    kept = kept[np.lexsort((stays.rows[rows[kept], 1], began[kept], whose[kept]))]
    rows, whose, began, ended = rows[kept], whose[kept], began[kept], ended[kept]
    columns = {
        "case_id": take(listed.ids, whose),
        "as_of": instants(listed.as_of[whose], 0, stays.tz),
        **cell_columns(stays.cells, stays.rows[rows, 1].astype(np.int64)),
        "started_at": instants(began, stays.base, stays.tz),
        "finished_at": instants(ended, stays.base, stays.tz),
        "duration_s": ints(ended - began),
        "source": source_names(stays.sources, sources_of(stays, rows)),
    }
    what = f"Where cases were in the {spaced(lookback)} before as_of"
    return table(PLACES, columns, stays, f"{CANDIDATES}. {what}. {_how(stays)}")


def _how(stays: Stays) -> str:
    return f"{stays.options.describe()}."


def _note(stays: Stays) -> str:
    return f"{CANDIDATES}. Where a device is taken to be is no proof that its owner was there. {_how(stays)}"
