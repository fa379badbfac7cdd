"""The companion rule (时空伴随者): who kept a case company."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cotrace.companions.cases import NEVER, Cases, read_cases
from cotrace.companions.doubts import warn_of_cases, warn_of_coverage, warn_of_crowds, warn_of_thresholds
from cotrace.companions.index import CellIndex, index_of_built, index_of_stays
from cotrace.companions.matching import CROWD_WINDOW_S, match
from cotrace.companions.result import Companions, _Parts
from cotrace.companions.stored import index_of_snapshot
from cotrace.companions.sure import asked_for, sure_of
from cotrace.companions.track import Track
from cotrace.errors import CotraceTypeError, GridError, OptionError
from cotrace.meter import Progress, reporter
from cotrace.options import CompanionRule, StayOptions
from cotrace.stays.build import build
from cotrace.stays.passes import Built, usable_threads
from cotrace.tables import Stays, not_taken

if TYPE_CHECKING:
    from cotrace.footprints.options import Certainty
    from cotrace.footprints.result import Footprints
    from cotrace.io.pings import Pings
    from cotrace.store.reading import Snapshot
    from cotrace.store.store import Store

__all__ = ["find_companions"]


def find_companions(
    pings_or_stays: Pings | Stays | Store,
    cases: Any,
    *,
    as_of: Any = None,
    rule: CompanionRule = CompanionRule(),
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
    certainty: bool | Certainty = False,
    footprints: Footprints | None = None,
) -> Companions:
    """Find the devices that kept a case company (时空伴随者).

    The rows are candidates from co-location: that two devices were in one cell does not say that two people met.

    Parameters
    ----------
    pings_or_stays : Pings, Stays or Store
        From :func:`cotrace.read_pings` or :func:`cotrace.find_stays`; of a :class:`cotrace.Store` only the days and
        cells of the cases are read.
    cases : ids or frame
        Device ids; or a frame (pandas, polars, Arrow, a dict of columns) with ``device``, ``as_of``, and where
        wanted ``infectious_from`` (episodes before it do not count) and ``isolated_at`` (the lookback ends there).
        One device with two ``as_of`` is two cases; equal rows are one.
    as_of : instant, optional
        The moment that closes the lookback of all cases, with a time zone; required unless it is a column.
    rule : CompanionRule
        Thresholds and readings; the default is the published rule that is spelled out in full.
    options : StayOptions
        How stays are made of pings. For stays that are there already it must be left out or be theirs.
    threads : int, optional
        How many to use; all by default. The result does not depend on it.
    progress, sort_memory
        As in :func:`cotrace.find_stays`.
    certainty : bool or Certainty
        Where towers are the cells (``by="tower"``): also say for each pair how likely it is that the two shared a cell
        of the grid for ``min_shared``, and for how long in all; needs ``footprints``. It reads pings once more.
    footprints : Footprints, optional
        Where the towers' devices are: :func:`cotrace.find_footprints`.

    Returns
    -------
    Companions
        With ``companions`` (one row a case and companion; columns: :ref:`data-model-companions`), ``evidence``,
        ``funnel``, ``coverage``, ``counts``, ``explain()``, and ``certainty`` when it was asked for.

    Raises
    ------
    CaseError
        When ``as_of`` is missing, given twice or naive, or an id has no exact counterpart among the pings'.
    GridError, OptionError
        When stays come with another grid, or with other options, than theirs; when certainty is asked for without
        footprints, or without towers as cells.

    Warns
    -----
    CotraceWarning
        Cases never seen, or with a lookback outside the data; thresholds longer than the lookback; pings too far
        apart to see ``min_shared``; one cell that brings most of a long list; and all of
        :func:`cotrace.find_stays`.

    Notes
    -----
    One pass over the pings, and O(stays in the cases' cells) after it. No ping is held but those of the cases (8 bytes
    each, of the spans of time that are being read); else some 100 bytes a device and thread, 12 a stay up to 512 MiB
    (beyond, stays are kept in a temporary file, for as long as the result lives), and 12 a stay in the cells in which a
    case was long enough for somebody to become its companion.

    References
    ----------
    The published wordings, and which reading each option is: :doc:`/rule`.

    Examples
    --------
    >>> import cotrace
    >>> minutes = range(0, 31 * 60, 10)
    >>> pings = cotrace.read_pings(
    ...     {
    ...         "device": ["A"] * len(minutes) + ["B", "B"],
    ...         "time": [60 * m for m in minutes] + [600, 1200],
    ...         "x": [1.0] * len(minutes) + [2.0, 2.0],
    ...         "y": [1.0] * len(minutes) + [2.0, 2.0],
    ...     },
    ...     unit="s",
    ... )
    >>> found = cotrace.find_companions(pings, ["A"], as_of="1970-01-08T00:00:00+00:00")
    >>> found.companions["companion_id"].to_pylist()
    ['B']
    """
    n_threads = usable_threads(threads)
    _check_kinds(rule, options)
    how = asked_for(certainty, footprints, rule, pings_or_stays, options)
    warn_of_thresholds(rule)
    if isinstance(pings_or_stays, Stays):
        stays = pings_or_stays
        _check_options(stays, options)
        listed = read_cases(cases, as_of, stays.devices.type)
        clock = Clock()
        index = index_of_stays(stays, listed.ids, n_threads)
        clock.lap("index")
        return _sure(
            _found(index, listed, rule, stays, None, n_threads, clock), stays, footprints, how, n_threads
        )
    if hasattr(pings_or_stays, "snapshot"):
        store = cast("Store", pings_or_stays)
        return _in_store(store, cases, as_of, rule, options, how, footprints, n_threads)
    if not hasattr(pings_or_stays, "scan"):
        raise not_taken(pings_or_stays, "Pings, Stays or a Store", "read it with cotrace.read_pings()")
    pings = pings_or_stays
    listed = read_cases(cases, as_of, pings.device_type)
    tracked = _Tracked(listed, rule.lookback_s)
    clock = Clock()
    built = build(
        pings,
        options,
        tracked=tracked,
        span=_time_asked(listed, rule, options),
        threads=n_threads,
        progress=reporter(progress),
        sort_memory=sort_memory,
    )
    clock.lap("stays")
    index = index_of_built(built, listed.ids, rule, n_threads)
    clock.lap("index")
    found = _found(index, listed, rule, built, tracked.track, n_threads, clock)
    return _sure(found, pings, footprints, how, n_threads, sort_memory)


def _in_store(
    store: Store,
    cases: Any,
    as_of: Any,
    rule: CompanionRule,
    options: StayOptions,
    how: Certainty | None,
    footprints: Footprints | None,
    threads: int,
) -> Companions:
    """Find companions in a store: only days and cells of the cases are read."""
    clock, snapshot = Clock(), store.snapshot
    _check_options(snapshot, options)
    listed = read_cases(cases, as_of, snapshot.device_type)
    index = index_of_snapshot(snapshot, listed.ids, listed.windows(rule.lookback_s), rule, threads)
    clock.lap("index")
    found = _found(index, listed, rule, snapshot, None, threads, clock)
    if hasattr(store, "answered"):  # one that is audited
        store.answered("find_companions", listed.ids, len(found))
    if how is None:
        return found
    return _sure(found, store.read_stays(what="find_companions"), footprints, how, threads)


def _sure(
    found: Companions,
    source: Pings | Stays,
    footprints: Footprints | None,
    how: Certainty | None,
    threads: int,
    sort_memory: int | None = None,
) -> Companions:
    """Add certainty to a result when it is asked for."""
    if how is not None and footprints is not None:
        clock, cases = Clock(), found._parts.cases
        found.sure = sure_of(source, cases, found.rule, found.options, footprints, how, threads, sort_memory)
        clock.lap("certainty")
        found.took |= clock.took
    return found


def _time_asked(cases: Cases, rule: CompanionRule, options: StayOptions) -> tuple[int, int] | None:
    """Return the time outside which no ping can change the answer.

    A stay is made of two pings no further apart than ``max_gap``, and a crowd is counted in whole windows around the
    lookback. Smoothing hangs on everything before it, and on what follows within its reach.
    """
    if not len(cases):
        return None
    windows = cases.windows(rule.lookback_s)
    before = options.max_gap_s + CROWD_WINDOW_S
    after = before
    if options.smooth is not None:
        before, after = NEVER, max(before, options.smooth.within_s + CROWD_WINDOW_S)
    return int(windows[:, 0].min()) - before, int(windows[:, 1].max()) + after


def _check_kinds(rule: object, options: object) -> None:
    for name, value, kind in (("rule", rule, CompanionRule), ("options", options, StayOptions)):
        if not isinstance(value, kind):
            mend = (
                f": use preset.{name}"
                if hasattr(value, name)
                else f": make one with cotrace.{kind.__name__}(...)"
            )
            raise CotraceTypeError(f"{name}= is a {type(value).__name__}, not a {kind.__name__}{mend}")
    if isinstance(rule, CompanionRule) and rule.lag is not None:
        raise OptionError(f"lag={rule.lag!r} is for meetings: use cotrace.contacts(), tiers() or rings()")


def _check_options(stays: Stays | Snapshot, options: StayOptions) -> None:
    """Make sure that options, where they are given, are those that the stays were made with."""
    if options == StayOptions():
        return
    theirs = stays.options
    asked = replace(options, grid=options.grid or theirs.grid, fill=options.fill or theirs.fill)
    other = [f.name for f in fields(asked) if getattr(asked, f.name) != getattr(theirs, f.name)]
    if other:
        differ = ", ".join(f"{n}={getattr(theirs, n)!r} there, {getattr(asked, n)!r} asked" for n in other)
        kind = GridError if "grid" in other else OptionError
        raise kind(
            f"these stays were made with other options ({differ}): make stays with find_stays(pings, options=...), "
            "or leave options out"
        )


class Clock:
    """How long each stage took."""

    def __init__(self) -> None:
        self.took: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage; the next one begins."""
        now = time.perf_counter()
        self.took[stage], self._since = now - self._since, now


class _Tracked:
    """The cases as devices that a pass follows."""

    def __init__(self, cases: Cases, lookback: int) -> None:
        self.ids = cases.ids
        self._windows = cases.windows(lookback)
        self.track: Track | None = None

    def start(self, codes: NDArray[np.int32]) -> None:
        self.track = Track(codes.astype(np.int64), self._windows)

    def append(self, devices: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        assert self.track is not None
        self.track.append(devices, times)


def _found(
    index: CellIndex,
    cases: Cases,
    rule: CompanionRule,
    source: Built | Stays | Snapshot,
    track: Track | None,
    threads: int,
    clock: Clock,
) -> Companions:
    windows = cases.windows(rule.lookback_s) - index.base
    matches = match(index, windows, rule, threads)
    clock.lap("match")
    pings = track.coverage() if track else None
    seen = track.seen(len(cases)) if track else index.case_codes >= 0
    warn_of_cases(cases, seen, windows + index.base, source.span, source.counts.skipped)
    warn_of_coverage(pings, rule)
    warn_of_crowds(matches)
    parts = _Parts(cases, index, matches, windows, pings, source.span)
    return Companions(parts, rule, source.options, source.counts, source.tz, clock.took)
