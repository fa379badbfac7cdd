"""Travelling together: devices that pass the same cells in the same order at the same times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.companions.cases import NEVER, Cases, _columns, _Instant, read_cases
from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import OptionError
from cotrace.exposure.common import CANDIDATES, Answer, bools, cell_columns, warn
from cotrace.exposure.under_way import Observed, observe
from cotrace.options import StayOptions
from cotrace.schema_ties import CO_TRAVEL, RIDES
from cotrace.stays.passes import usable_threads
from cotrace.tables import Table, instants, not_taken

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.pings import Pings

__all__ = ["co_travel"]

Int64 = NDArray[np.int64]


def co_travel(
    pings: Pings,
    cases: Any,
    *,
    min_shared: Duration = "10min",
    tolerance: Duration = "5min",
    min_cells: int = 3,
    min_match: float = 0.5,
    max_break: Duration = "15min",
    as_of: Any = None,
    lookback: Duration = "14d",
    options: StayOptions = StayOptions(),
    threads: int | None = None,
) -> Answer:
    """Find the devices that went along with a case: the same train.

    They pass the same cells in the same order at about the same times, though they may never have ten minutes in one
    cell. It works on what was observed, the pings, and not on filled stays. The rows are candidates from co-location:
    two trains on one line, or two cars on one road, look like one.

    Parameters
    ----------
    pings : Pings
        From :func:`cotrace.read_pings`.
    cases : ids or frame
        As in :func:`cotrace.find_companions`; ``as_of`` may be left out, and all of the data are looked at then.
    min_shared : str or timedelta
        Least time together along the way: from when both have left the first cell until one enters the last.
    tolerance : str or timedelta
        By how much the times at which the two were seen in a cell may miss each other.
    min_cells : int
        Fewest distinct cells of a ride, at least 2.
    min_match : float
        Least share of the cells of the way that both were seen in: of those in which the one was seen that was seen in
        fewer.
    max_break : str or timedelta
        A longer stop in one cell, or a longer silence, ends a ride.
    as_of : instant, optional
        The moment that closes the lookback of all cases.
    lookback : str or timedelta
        How far before ``as_of`` is looked at, where there is one.
    options : StayOptions
        Of which ``grid`` and ``by`` are used: what a cell is.
    threads : int, optional
        How many to use; the result does not depend on it.

    Returns
    -------
    Answer
        One row a case and device. Columns: :ref:`data-model-co_travel`; ``evidence`` has the cells of each ride.

    Raises
    ------
    CaseError
        As in :func:`cotrace.find_companions`.
    OptionError
        Options that cannot be.

    Warns
    -----
    CotraceWarning
        Cases never seen, and what reading the pings warns of.

    Notes
    -----
    A *pass* is a run of pings of a device in one cell, none further than ``max_break`` from the next; one that lasts
    longer than that is an arrival and a departure. Two passes of one cell match when they overlap after either is made
    longer by ``tolerance``. In the order of its passes, each pass of the case takes the first matching one of the
    device after the one taken last; a ride goes on while neither of the two is unseen for more than ``max_break``
    between one taken pass and the next.

    The pings are read twice; 16 bytes are held a ping of the times in which a case is under way.

    Examples
    --------
    >>> import cotrace
    >>> minutes = range(0, 30, 2)
    >>> pings = cotrace.read_pings(
    ...     {
    ...         "device": ["A"] * 15 + ["B"] * 15,
    ...         "time": [60 * m for m in minutes] + [60 * m + 30 for m in minutes],
    ...         "x": [2500.0 * m for m in minutes] * 2,  # 150 km an hour
    ...         "y": [0.0] * 30,
    ...     },
    ...     unit="s",
    ... )
    >>> found = cotrace.co_travel(pings, ["A"], tolerance="2min")
    >>> found["device"].to_pylist(), found["shared_s"].to_pylist()
    (['B'], [1650])
    """
    if not hasattr(pings, "scan"):
        raise not_taken(pings, "Pings", "it works on what was observed; read it with cotrace.read_pings()")
    least, near, longest = (
        seconds(value, name)
        for value, name in ((min_shared, "min_shared"), (tolerance, "tolerance"), (max_break, "max_break"))
    )
    _check(min_cells, min_match, longest)
    listed, dated = _cases(cases, as_of, pings.device_type)
    windows = listed.windows(seconds(lookback, "lookback") if dated else NEVER)
    windows = np.stack([windows[:, 2], windows[:, 1]], axis=1)
    seen = observe(pings, listed.ids, windows, longest, near, options, usable_threads(threads))
    _warn_of_cases(listed, seen)
    close, ride = _rides(seen, windows - seen.base, longest, near)
    kept = _kept(seen, close, ride, least, min_cells, min_match)
    note = (
        f"{CANDIDATES}. The same way: at least {min_cells} cells in the same order, each within "
        f"{spaced(format_duration(near))}, together for at least {spaced(format_duration(least))} along the way; from "
        f"pings, not from filled stays. {seen.options.describe().split(';')[0]}"
    )
    return _answer(listed, dated, seen, close[kept >= 0], kept[kept >= 0], pings.tz, note)


def _check(min_cells: Any, min_match: Any, longest: int) -> None:
    if isinstance(min_cells, bool) or not isinstance(min_cells, int) or min_cells < 2:
        raise OptionError(f"min_cells={min_cells!r} is no whole number from 2 on: one cell is no way")
    if isinstance(min_match, bool) or not isinstance(min_match, int | float) or not 0 <= min_match <= 1:
        raise OptionError(f"min_match={min_match!r} is no share from 0 to 1")
    if not longest:
        raise OptionError("max_break='0s' leaves no way")


def _cases(cases: Any, as_of: Any, kind: pa.DataType) -> tuple[Cases, bool]:
    """Return the cases, and whether they have an ``as_of``."""
    dated = as_of is not None or "as_of" in _columns(cases)[0]
    return read_cases(cases, as_of if dated else _Instant(NEVER // 2), kind), dated


def _warn_of_cases(cases: Cases, seen: Observed) -> None:
    n = len(cases)
    if unseen := int((~seen.seen).sum()):
        warn(
            f"{unseen:,} of {n:,} cases were never seen in the pings (the first is in row "
            f"{cases.rows[~seen.seen].min()}): nobody went along with them here; are their ids of the same kind?",
            "cases",
            never_seen=unseen,
            cases=n,
        )


def _rides(seen: Observed, windows: Int64, longest: int, near: int) -> tuple[Int64, Int64]:
    """Return close passes (case, device, the case's pass, the device's), in order, and the ride of each or -1."""
    from cotrace.kernels.presence import device_slices
    from cotrace.kernels.travel import CELL, FROM, TO, chain, count_close, fill_close

    passes = seen.passes
    slices = np.empty((seen.cases.size, 2), dtype=np.int64)
    device_slices(passes, seen.cases, slices)
    wanted = np.zeros(len(seen.cells.values), dtype=np.bool_)
    for lo, hi in slices.tolist():
        wanted[passes[lo:hi, CELL]] = True
    there = np.flatnonzero(wanted[passes[:, CELL]])
    by_cell = there[np.lexsort((passes[there, FROM], passes[there, CELL]))].astype(np.int64)
    cell = passes[by_cell, CELL]
    cell_lo = np.searchsorted(cell, np.arange(len(seen.cells.values) + 1)).astype(np.int64)
    far = int(passes[:, TO].max(initial=0)) + 1
    latest = (
        np.maximum.accumulate(passes[by_cell, TO] + cell.astype(np.int64) * far) - cell.astype(np.int64) * far
    )
    cases = np.concatenate([slices, windows], axis=1)
    close = np.empty((count_close(passes, by_cell, cell_lo, latest, cases, near), 4), dtype=np.int64)
    fill_close(passes, by_cell, cell_lo, latest, cases, near, close)
    close = close[np.lexsort(close.T[::-1])]
    ride = np.empty(close.shape[0], dtype=np.int64)
    chain(passes, close, longest, ride)
    return close, ride


def _kept(seen: Observed, close: Int64, ride: Int64, least: int, min_cells: int, min_match: float) -> Int64:
    """Return the ride of each close pass if it is long enough, else -1."""
    from cotrace.kernels.travel import CELL

    at = np.flatnonzero(ride >= 0)
    if not at.size:
        return ride
    first, last, n = _ends(ride[at])
    start, end, lengths = at[first], at[last], _length(seen, close[at[first]], close[at[last]])
    number = np.unique(
        np.stack([ride[at], seen.passes[close[at, 2], CELL].astype(np.int64)], axis=1), axis=0
    )[:, 0]
    cells = np.bincount(number, minlength=first.size)
    passed = np.minimum(close[end, 2] - close[start, 2], close[end, 3] - close[start, 3]) + 1
    good = (lengths >= least) & (cells >= min_cells) & (n >= min_match * passed)
    return np.where((ride >= 0) & good[np.maximum(ride, 0)], ride, -1)


def _ends(ride: Int64) -> tuple[Int64, Int64, Int64]:
    """Return the first and the last of each ride, and how many it has; rides rise."""
    first = np.flatnonzero(np.diff(ride, prepend=-1))
    last = np.concatenate([first[1:], [ride.size]]) - 1
    return first, last, last - first + 1


def _length(seen: Observed, first: Int64, last: Int64) -> Int64:
    """Return the time from when both have left the first cell until one enters the last."""
    from cotrace.kernels.travel import FROM, TO

    passes = seen.passes.astype(np.int64)
    left = np.maximum(passes[first[:, 2], TO], passes[first[:, 3], TO])
    entered = np.minimum(passes[last[:, 2], FROM], passes[last[:, 3], FROM])
    lengths: Int64 = np.maximum(0, entered - left)
    return lengths


def _answer(
    cases: Cases, dated: bool, seen: Observed, close: Int64, ride: Int64, tz: str, note: str
) -> Answer:
    """Write the tables: one row a case and device, and one a cell of each ride."""
    from cotrace.kernels.travel import CELL, FROM, TO

    passes = seen.passes.astype(np.int64)
    first, last, _ = _ends(ride) if ride.size else (ride, ride, ride)
    lengths = _length(seen, close[first], close[last])
    # rides come by case, device
    pair = (
        np.flatnonzero(np.any(np.diff(close[first, :2], axis=0, prepend=-1) != 0, axis=1))
        if first.size
        else first
    )
    of_pair = np.repeat(np.arange(pair.size), np.diff(pair, append=first.size))
    of_pass = np.repeat(of_pair, last - first + 1)
    mine, theirs = passes[close[:, 2]], passes[close[:, 3]]
    lag = np.maximum(0, np.maximum(mine[:, FROM] - theirs[:, TO], theirs[:, FROM] - mine[:, TO]))
    cells = np.unique(np.stack([of_pass, mine[:, CELL]], axis=1), axis=0)[:, 0]
    entered = np.minimum(mine[:, FROM], theirs[:, FROM])
    left = np.maximum(mine[:, TO], theirs[:, TO])
    head = _head(cases, dated, close[first[pair], 0], tz)
    columns = {
        **head,
        "device": take(seen.devices, close[first[pair], 1]),
        "rides": np.bincount(of_pair, minlength=pair.size),
        "cells": np.bincount(cells, minlength=pair.size),
        "shared_s": _folded(np.add, lengths, pair),
        "longest_s": _folded(np.maximum, lengths, pair),
        "first_started_at": instants(_folded(np.minimum, entered, first[pair]), seen.base, tz),
        "last_finished_at": instants(_folded(np.maximum, left, first[pair]), seen.base, tz),
        "largest_lag_s": _folded(np.maximum, lag, first[pair]),
    }
    types = {"device": seen.devices.type, "cell": seen.cells.values.type, "tz": tz}
    number = np.arange(first.size) - pair[of_pair] + 1
    shown = {
        **_head(cases, dated, close[:, 0], tz),
        "device": take(seen.devices, close[:, 1]),
        "ride": np.repeat(number, last - first + 1),
        **cell_columns(seen.cells, mine[:, CELL]),
        "case_from": instants(mine[:, FROM], seen.base, tz),
        "case_to": instants(mine[:, TO], seen.base, tz),
        "device_from": instants(theirs[:, FROM], seen.base, tz),
        "device_to": instants(theirs[:, TO], seen.base, tz),
    }
    tables = [
        Table.from_columns(schema, cs, note, **types) for schema, cs in ((CO_TRAVEL, columns), (RIDES, shown))
    ]
    return Answer.of(*tables)


def _folded(fold: np.ufunc, values: Int64, first: Int64) -> Int64:
    return (
        np.asarray(fold.reduceat(values, first), dtype=np.int64)
        if first.size
        else np.empty(0, dtype=np.int64)
    )


def _head(cases: Cases, dated: bool, numbers: Int64, tz: str) -> dict[str, Any]:
    """Return the columns that say which case; without an ``as_of`` that is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    moments = instants(cases.as_of[numbers] if dated else np.zeros(numbers.size, dtype=np.int64), 0, tz)
    told = bools(np.full(numbers.size, dated))
    return {
        "case_id": take(cases.ids, numbers),
        "as_of": pc.if_else(told, moments, pa.scalar(None, moments.type)),
    }
