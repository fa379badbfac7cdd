"""Common sources: the devices, and the places, that several cases met at times that fit their onsets."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, from_values, take
from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import OptionError
from cotrace.exposure.around import with_whole
from cotrace.exposure.common import CANDIDATES, Answer, bools, span_of, table, warn
from cotrace.exposure.days import Alike, check_alike, check_draws
from cotrace.exposure.frames import read_findings, read_onsets
from cotrace.exposure.joined import join_contacts
from cotrace.exposure.source_candidates import Candidates, judge
from cotrace.exposure.source_places import find_places
from cotrace.exposure.world import OR_CONTACTS, links_of
from cotrace.schema_ties import SOURCE_MEETINGS, SOURCES
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore, Table, check_source, instants, taken

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.exposure.world import Links

__all__ = ["CommonSources", "common_sources"]

Int64 = NDArray[np.int64]
#: longer than a day that a time begins or ends within, and the hours of a crowd
_MARGIN = 2 * 86_400
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
    _made: Candidates

    @classmethod
    def of_parts(cls, main: Table, made: Candidates, places: Table) -> CommonSources:
        """Join the tables; the evidence is made when it is asked for."""
        answer = cls(main.schema, main.to_arrow(), main.note)
        answer._made, answer.places = made, places
        return answer

    @cached_property
    def evidence(self) -> Table:  # type: ignore[override]
        """One row a meeting. Columns: :ref:`data-model-source_meetings`."""
        return _meetings(self._made, self.note)


def common_sources(
    stays: Stays | StaysStore | None,
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
    stays : Stays, Store or None
        From :func:`cotrace.find_stays`; with visits from elsewhere where :func:`cotrace.with_visits` added them. Of a
        store, the stays of everybody in the times that fit the onsets are read: how many there were at all tells what
        chance would give. None: contacts alone are looked at.
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
    if stays is not None:
        check_source(stays, OR_CONTACTS)
    links = links_of(contacts, stays)
    check_alike(alike)
    check_draws(draws, seed)
    reach = _reach(incubation)
    least = max(1, seconds(min_shared, "min_shared"))
    kind = join_contacts(None, links).stays.device_type if stays is None else stays.device_type
    ids, onsets = read_onsets(cases, kind)
    windows = np.stack([onsets - reach[1], onsets - reach[0]], axis=1)
    fewest = _fewest(min_cases, len(ids))
    known = read_findings(findings, kind)
    n_threads = usable_threads(threads)
    found = _candidates(stays, links, ids, onsets, windows, least, fewest, n_threads)
    _warn_of_cases(found)
    judged = judge(found, alike, draws, seed, n_threads)
    when = f"{spaced(incubation[0])} to {spaced(incubation[1])} before onset"
    note = f"{CANDIDATES}. Meetings of at least {spaced(format_duration(least))} in one cell, {when}. {_HOW}"
    main = _table(found, judged, known, note)
    return CommonSources.of_parts(main, found, find_places(found.joined, ids, windows, least, fewest, note))


def _candidates(
    stays: Stays | StaysStore | None,
    links: Links | None,
    ids: pa.Array,
    onsets: Int64,
    windows: Int64,
    *how: int,
) -> Candidates:
    """Find the candidates; of a store, the stays of the time asked are read, and theirs whole: they give the keys."""
    if stays is None or isinstance(stays, Stays):
        return Candidates(join_contacts(stays, links), ids, onsets, windows, *how)
    lo, hi = span_of(windows[:, 0], windows[:, 1])
    part = taken(stays, "common_sources", start=lo - _MARGIN, end=hi + _MARGIN)
    found = Candidates(join_contacts(part, links), ids, onsets, windows, *how)
    listed = take(found.stays.devices, found.candidates)
    whole = with_whole(stays, "common_sources", part, listed)
    return Candidates(join_contacts(whole, links), ids, onsets, windows, *how)


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


def _warn_of_cases(found: Candidates) -> None:
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


def _table(found: Candidates, judged: Int64, known: dict[str, dict[Any, str]], note: str) -> Table:
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


def _meetings(found: Candidates, note: str) -> Table:
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
