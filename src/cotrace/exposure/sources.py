"""Common sources: the devices, and the places, that several cases met at times that fit their onsets."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, from_values, take
from cotrace.companions.index import index_of_stays
from cotrace.companions.matching import match
from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import OptionError
from cotrace.exposure.common import CANDIDATES, Answer, beyond, bools, device_rows, seen_codes, table, warn
from cotrace.exposure.days import Alike, check_alike, check_draws, days_by_kind, local_days
from cotrace.exposure.frames import read_findings, read_onsets
from cotrace.exposure.joined import Joined, join_contacts
from cotrace.exposure.source_places import find_places
from cotrace.options import CompanionRule
from cotrace.schema_ties import SOURCE_MEETINGS, SOURCES
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, Table, instants
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions.index import CellIndex
    from cotrace.companions.matching import Matches

__all__ = ["CommonSources", "common_sources"]

Int64 = NDArray[np.int64]
_CHUNK = 256
_HOW = (
    "expected and p_value: with the device's days in other orders, among days that are alike; "
    "cases met by habit are expected. Neither missing symptoms nor a negative test removes a row"
)


class CommonSources(Answer):
    """The candidates for a common source, the meetings behind each, and the places that the cases share.

    Attributes
    ----------
    evidence : Table
        One row a meeting. Columns: :ref:`data-model-source_meetings`.
    places : Table
        One row a cell in which several cases were. Columns: :ref:`data-model-source_places`.
    """

    places: Table
    _made: _Found

    @classmethod
    def of_parts(cls, main: Table, made: _Found, places: Table) -> CommonSources:
        """Join the tables; the evidence is made when it is asked for."""
        answer = cls(main.schema, main.to_arrow(), main.note)
        answer._made, answer.places = made, places
        return answer

    @cached_property
    def evidence(self) -> Table:  # type: ignore[override]
        """One row a meeting. Columns: :ref:`data-model-source_meetings`."""
        return _meetings(self._made, self.note)


def common_sources(
    stays: Stays | None,
    cases: Any,
    *,
    incubation: tuple[Duration, Duration] = ("1d", "14d"),
    min_shared: Duration = "10min",
    min_cases: int = 2,
    findings: Any = None,
    contacts: Any = None,
    alike: Alike = "weekend",
    draws: int = 999,
    seed: int = 0,
    threads: int | None = None,
) -> CommonSources:
    """Find the devices and places that met several cases at times that fit their onsets.

    The rows are candidates from co-location, ranked by how many cases each explains and how unlikely that is by
    chance and by habit. Neither missing symptoms nor a negative test removes one: they are columns.

    Parameters
    ----------
    stays : Stays or None
        From :func:`cotrace.find_stays`; with visits from elsewhere where :func:`cotrace.with_visits` added them. None:
        contacts alone are looked at.
    cases : frame
        ``device`` and ``onset`` (an instant with a time zone): pandas, polars, Arrow, or a dict of columns. A case
        may be another case's source, and is a row then.
    incubation : (str or timedelta, str or timedelta)
        Shortest and longest time from infection to onset: a meeting counts, as far as it lies in
        ``[onset - longest, onset - shortest)``.
    min_shared : str or timedelta
        Least length of a meeting: an unbroken episode in one cell.
    min_cases : int
        Fewest cases that a device, or a place, has to have met; with a single case, 1.
    findings : frame, optional
        ``device`` with ``symptoms``, ``test`` or both, as text: put beside the rows.
    contacts : Reported or table, optional
        Contacts from elsewhere, as :func:`cotrace.read_contacts` gives or takes them. Each counts as a meeting of its
        two devices, and chance gives it only where a day stays in its place.
    alike : {"weekend", "weekday", "any"}
        The days that a device's day may be laid on: Saturdays and Sundays apart from the others, the same day of the
        week, or any.
    draws : int
        Orders of days that are drawn at most; the least ``p_value`` is ``1 / (draws + 1)``.
    seed : int
        Of the random orders; they hang on this and on the times of a device's stays, and on nothing else.
    threads : int, optional
        How many to use; the result does not depend on it.

    Returns
    -------
    CommonSources
        One row a device, by rank. Columns: :ref:`data-model-sources`. ``evidence`` has the meetings, ``places`` the
        cells that cases share.

    Raises
    ------
    CaseError
        An onset that is missing, has no zone or no time of day; one device with two onsets.
    OptionError
        An incubation that is no time, ``min_cases`` below 1.

    Warns
    -----
    CotraceWarning
        Cases never seen, or whose time of infection lies outside the data.

    Notes
    -----
    A device's *track* of a day is all that it did from 04:00 to 04:00. The null model: its tracks come in any order
    on days that are alike, independently of the cases, who stay as they are. So whoever lives next door meets a case
    on whatever day, and is expected to (``p_value`` 1); a guest of two days who met three families on just these is
    not. Days on which it was not seen are tracks as well. This is a randomisation test: ``p_value`` is ``(1 + r) /
    (1 + n)``, ``r`` of ``n`` orders giving more cases, or as many on as many days; where 20 of the first 99 do, no
    more are drawn. O(stays in the cases' cells), and O(draws x days) for each candidate.

    References
    ----------
    E. S. Edgington, P. Onghena: Randomization Tests, 4th edition, 2007. J. Besag, P. Clifford: Sequential Monte Carlo
    p-values, Biometrika 78, 1991.

    Examples
    --------
    >>> import cotrace
    >>> day = 86_400
    >>> seen = [("A", 9), ("D", 9), ("A", 10), ("D", 10), ("B", 30), ("D", 30), ("B", 31), ("D", 31)]
    >>> pings = cotrace.read_pings(
    ...     {
    ...         "device": [d for d, _ in seen],
    ...         "time": [5 * day + 3600 * h for _, h in seen],
    ...         "x": [1.0 if h < 24 else 5000.0 for _, h in seen],
    ...         "y": [1.0] * len(seen),
    ...     },
    ...     unit="s",
    ... )
    >>> onsets = {"device": ["A", "B"], "onset": ["1970-01-12T00:00:00+00:00", "1970-01-14T00:00:00+00:00"]}
    >>> found = cotrace.common_sources(cotrace.find_stays(pings), onsets)
    >>> found["device"].to_pylist(), found["cases_met"].to_pylist()
    (['D'], [2])
    """
    joined = join_contacts(stays, contacts)
    check_alike(alike)
    check_draws(draws, seed)
    reach = _reach(incubation)
    least = max(1, seconds(min_shared, "min_shared"))
    ids, onsets = read_onsets(cases, joined.stays.devices.type)
    windows = np.stack([onsets - reach[1], onsets - reach[0]], axis=1)
    fewest = _fewest(min_cases, len(ids))
    known = read_findings(findings, joined.stays.devices.type)
    n_threads = usable_threads(threads)
    found = _Found(joined, ids, onsets, windows, least, fewest, n_threads)
    _warn_of_cases(found)
    judged = _judged(found, alike, draws, seed, n_threads)
    when = f"{spaced(incubation[0])} to {spaced(incubation[1])} before onset"
    note = f"{CANDIDATES}. Meetings of at least {spaced(format_duration(least))} in one cell, {when}. {_HOW}"
    main = _table(found, judged, known, note)
    return CommonSources.of_parts(main, found, find_places(joined, ids, windows, least, fewest, note))


def _reach(incubation: Any) -> tuple[int, int]:
    if not isinstance(incubation, tuple | list) or len(incubation) != 2:
        raise OptionError(
            f"incubation={incubation!r} is no pair: give the shortest and the longest, ('1d', '14d')"
        )
    shortest, longest = (seconds(v, "incubation") for v in incubation)
    if shortest >= longest:
        raise OptionError(f"incubation={incubation!r}: the shortest has to be below the longest")
    return shortest, longest


def _fewest(min_cases: Any, n: int) -> int:
    if isinstance(min_cases, bool) or not isinstance(min_cases, int) or min_cases < 1:
        raise OptionError(f"min_cases={min_cases!r} is no whole number from 1 on")
    return min(min_cases, max(1, n))


class _Found:
    """The candidates and what the matcher found of them."""

    index: CellIndex
    matches: Matches

    def __init__(
        self,
        joined: Joined,
        ids: pa.Array,
        onsets: Int64,
        windows: Int64,
        least: int,
        fewest: int,
        threads: int,
    ) -> None:
        stays = joined.stays
        self.joined, self.stays, self.ids, self.onsets = joined, stays, ids, onsets
        self.windows, self.least = windows, least
        self.codes = seen_codes(stays.devices, ids)
        self.index = index_of_stays(stays, ids, threads)
        inside = windows - self.index.base
        rule = CompanionRule(min_shared=f"{least}s", min_cumulative=None)
        self.matches = match(self.index, np.ascontiguousarray(inside[:, [0, 1, 0]]), rule, threads)
        per_device = np.bincount(self.matches.companion_of, minlength=len(stays.devices))
        #: device codes, in order, and for each group of the matcher the candidate that it is of, or -1
        self.candidates: Int64 = np.flatnonzero(per_device >= fewest)
        number = np.full(len(stays.devices) + 1, -1, dtype=np.int64)
        number[self.candidates] = np.arange(self.candidates.size)
        self.candidate_of: Int64 = number[self.matches.companion_of]
        self.rank: Int64 = np.zeros(self.candidates.size, dtype=np.int64)

    def cells_of(self, codes: NDArray[Any]) -> Int64:
        """Return the stays' codes of cells of the index: those that cases were in, in order."""
        rows, _ = device_rows(self.stays, np.unique(self.codes[self.codes >= 0]))
        cells: Int64 = np.unique(self.stays.rows[rows, 1].astype(np.int64))[codes]
        return cells

    def sums(self) -> dict[str, Int64]:
        """Sum up each candidate's meetings over the cases."""
        kept = self.candidate_of >= 0
        whose, summary = self.candidate_of[kept], self.matches.summary[kept]
        n = self.candidates.size
        out = {name: np.zeros(n, dtype=np.int64) for name in ("meetings", "shared_s")}
        np.add.at(out["meetings"], whose, summary[:, 8])
        np.add.at(out["shared_s"], whose, summary[:, 0])
        for name, column, ufunc in (
            ("first", 2, np.minimum),
            ("last", 3, np.maximum),
            ("crowd", 7, np.minimum),
        ):
            start = np.iinfo(np.int64).max if ufunc is np.minimum else np.iinfo(np.int64).min
            out[name] = np.full(n, start, dtype=np.int64)
            ufunc.at(out[name], whose, summary[:, column])
        if (
            self.stays.source_bits is not None
        ):  # of what is known from two sources at once, each second counts once
            out["shared_s"] -= self._twice()
        return out

    def _twice(self) -> Int64:
        """Return the seconds of each candidate that several of its meetings with one case cover."""
        m = self.matches
        group = np.repeat(np.arange(m.case_of.size), np.diff(m.episode_lo))
        start, end = (m.episodes[:, k].astype(np.int64) for k in (0, 1))
        floor = np.full(start.size, start.min(initial=0))
        _, overlap = beyond(start, end, group, floor)
        kept = self.candidate_of[group] >= 0
        twice = np.bincount(
            self.candidate_of[group][kept], weights=overlap[kept], minlength=self.candidates.size
        )
        return np.asarray(twice, dtype=np.int64)


def _warn_of_cases(found: _Found) -> None:
    n = len(found.ids)
    if not n:
        warn("there are no cases, so nobody can be their source", "cases", cases=0)
        return
    if unseen := int((found.codes < 0).sum()):
        warn(
            f"{unseen:,} of {n:,} cases were never seen in the pings: nobody met them here; are their ids of the same "
            "kind?",
            "cases",
            never_seen=unseen,
            cases=n,
        )
    first, last = found.stays.span or (0, -1)
    outside = (found.windows[:, 1] <= first) | (found.windows[:, 0] > last)
    if (beyond := int((outside & (found.codes >= 0)).sum())) and found.stays.span:
        warn(
            f"for {beyond:,} of {n:,} cases all of the time in which they can have been infected lies outside the "
            "data: nobody met them then; are the onsets right?",
            "cases",
            outside=beyond,
            cases=n,
        )


def _judged(found: _Found, alike: Alike, draws: int, seed: int, threads: int) -> Int64:
    """Return for each candidate what :func:`cotrace.kernels.sources.judge_sources` counts."""
    from cotrace.kernels.days import count_pieces, fill_pieces, hash_times
    from cotrace.kernels.presence import device_slices
    from cotrace.kernels.sources import BITS, judge_sources

    stays, windows = found.stays, found.windows - found.stays.base
    days, kinds = local_days(found.windows, stays.tz, stays.span, alike)
    days, (kind_lo, by_kind) = days - stays.base, days_by_kind(kinds)
    of_cases, slices = (np.empty((c.size, 2), dtype=np.int64) for c in (found.codes, found.candidates))
    device_slices(stays.rows, found.codes, of_cases)
    device_slices(stays.rows, found.candidates, slices)
    pieces = np.empty((count_pieces(stays.rows, of_cases, windows, days), 7), dtype=np.int64)
    fill_pieces(stays.rows, of_cases, windows, days, pieces)
    pieces = pieces[np.argsort(pieces[:, 0], kind="stable")]
    piece_lo = np.searchsorted(pieces[:, 0], np.arange(len(stays.cells.values) + 1)).astype(np.int64)
    keys = np.empty(slices.shape[0], dtype=np.uint64)
    span = (int(days.min()), int(days.max())) if days.size else (0, 0)
    hash_times(stays.rows, slices, (stays.base, *span), seed, keys)
    own = np.full(len(stays.devices) + 1, -1, dtype=np.int64)
    own[found.codes[found.codes >= 0]] = np.flatnonzero(found.codes >= 0)
    own = own[found.candidates]
    out = np.empty((slices.shape[0], 5), dtype=np.int64)
    words, k = -(-len(found.ids) // BITS), days.shape[0]

    def judge(at: int) -> None:
        here = slice(at, at + _CHUNK)
        judge_sources(
            stays.rows,
            slices[here],
            own[here],
            pieces,
            piece_lo,
            days,
            kind_lo,
            by_kind,
            (found.least, draws),
            keys[here],
            np.empty((k, k, words), dtype=np.int64),
            np.empty(2 * k + words, dtype=np.int64),
            out[here],
        )

    on_threads(judge, range(0, slices.shape[0], _CHUNK), threads)
    return out


def _table(found: _Found, judged: Int64, known: dict[str, dict[Any, str]], note: str) -> Table:
    """Rank the candidates, and write their table."""
    import pyarrow as pa

    stays, sums = found.stays, found.sums()
    p_value = (1 + judged[:, 3]) / (1 + judged[:, 2])
    order = np.lexsort((found.candidates, -sums["shared_s"], -judged[:, 1], p_value, -judged[:, 0]))
    found.rank[order] = np.arange(1, order.size + 1)
    codes = found.candidates[order]
    ids = take(stays.devices, codes)
    number = np.full(len(stays.devices) + 1, -1, dtype=np.int64)
    number[found.codes[found.codes >= 0]] = np.flatnonzero(found.codes >= 0)
    case = number[codes]
    own_onset = np.where(case >= 0, found.onsets[case] if found.onsets.size else 0, 0)
    onset = instants(own_onset, 0, stays.tz)
    if order.size:
        onset = pa.Array.from_buffers(
            onset.type, order.size, [bools(case >= 0).buffers()[1], onset.buffers()[1]]
        )
    listed = ids.to_pylist() if any(known.values()) else []
    said = {
        name: pa.array([texts.get(one) for one in listed], pa.string())
        if texts
        else pa.nulls(order.size, pa.string())
        for name, texts in known.items()
    }
    columns = {
        "rank": np.arange(1, order.size + 1),
        "device": ids,
        "cases_met": judged[order, 0],
        "cases_asked": len(found.ids) - (case >= 0),
        "expected": (judged[order, 0] + judged[order, 4]) / (1 + judged[order, 2]),
        "p_value": p_value[order],
        "case_days": judged[order, 1],
        "meetings": sums["meetings"][order],
        "shared_s": sums["shared_s"][order],
        "first_meeting": instants(sums["first"][order], stays.base, stays.tz),
        "last_meeting": instants(sums["last"][order], stays.base, stays.tz),
        "crowd": sums["crowd"][order],
        "is_case": bools(case >= 0),
        "onset": onset,
        **said,
    }
    return table(SOURCES, columns, stays, note)


def _meetings(found: _Found, note: str) -> Table:
    """Write the meetings of all candidates."""
    stays, m, index = found.stays, found.matches, found.index
    group = np.repeat(np.arange(m.case_of.size), np.diff(m.episode_lo))
    kept = np.flatnonzero(found.candidate_of[group] >= 0)
    group = group[kept]
    rank = found.rank[found.candidate_of[group]]
    cells = found.cells_of(index.cell_of(m.records[m.record_of[kept], 0]))
    start, end = (m.episodes[kept, k].astype(np.int64) for k in (0, 1))
    order = np.lexsort((cells, start, m.case_of[group], rank))
    group, start, end, cells = group[order], start[order], end[order], cells[order]
    case, device = found.codes[m.case_of[group]], m.companion_of[group]
    columns = {
        "rank": rank[order],
        "device": take(stays.devices, device),
        "case_id": take(found.ids, m.case_of[group])
        if len(found.ids)
        else from_values([], stays.devices.type),
        "onset": instants(found.onsets[m.case_of[group]], 0, stays.tz),
        **found.joined.columns(cells),
        "started_at": instants(start, index.base, stays.tz),
        "finished_at": instants(end, index.base, stays.tz),
        "shared_s": end - start,
        "crowd": from_numpy(m.crowd[kept][order]),
        "source": found.joined.sources(start, cells, case, device),
    }
    return table(SOURCE_MEETINGS, columns, stays, note)
