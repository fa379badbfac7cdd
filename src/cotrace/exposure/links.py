"""Link lists: who is known to have infected whom, as contacts; with what does not fit a tree reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, repeated
from cotrace.companions.cases import _is_missing, to_instant
from cotrace.durations import Duration, seconds
from cotrace.errors import CaseError, OptionError, SchemaError, TimeError
from cotrace.exposure.common import warn
from cotrace.exposure.elsewhere import read_contacts
from cotrace.exposure.frames import columns_of, ids_of
from cotrace.schema_meetings import LINK_FAULTS
from cotrace.shown import Shown
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.exposure.given import Reported

__all__ = ["LinkList", "read_links"]

Int64 = NDArray[np.int64]
FAULTS = ("self-link", "no time", "cycle", "missing parent", "second infector", "before its infector")
_ROLES = ("infected", "infector", "at")
_NOWHEN = -(2**62)


class LinkList(Shown):
    """A link list as contacts.

    Attributes
    ----------
    contacts : Reported
        One contact a link, from its time on: what ``contacts=`` of the queries takes. A contact has no direction.
    faults : Table
        Rows that have no place in a tree. Columns: :ref:`data-model-link_faults`. Self-links and links without a time
        are no contacts; the others are, and are never followed for ever.
    roots : pyarrow.Array
        Devices for which no infector is named.
    """

    def __init__(self, contacts: Reported, faults: Table, roots: pa.Array) -> None:
        self.contacts, self.faults, self.roots = contacts, faults, roots

    def __repr__(self) -> str:
        return (
            f"links: {len(self.contacts):,} contacts, {len(self.roots):,} without an infector, "
            f"{len(self.faults):,} faults: see .faults"
        )


def read_links(
    table: Any,
    *,
    columns: Mapping[str, str] | None = None,
    length: Duration = "1d",
    tz: str | None = None,
    source: str = "links",
) -> LinkList:
    """Read who is known to have infected whom.

    Parameters
    ----------
    table : frame
        Columns ``infected``, ``infector`` (null where none is known) and ``at``: when the contact was, an instant or
        a day. pandas, polars, Arrow, or a dict of columns.
    columns : mapping, optional
        Which column is which, where they have other names: ``{"infected": "case_ID"}``.
    length : str or timedelta
        How long a contact lasts from ``at`` on.
    tz : str, optional
        The time zone of days and naive times.
    source : str
        What the contacts are said to be known from.

    Returns
    -------
    LinkList
        ``contacts`` for the queries, ``faults``, ``roots``.

    Raises
    ------
    SchemaError
        When a column is missing.
    TimeError
        When days or naive times have no ``tz``, or a time cannot be read.

    Warns
    -----
    CotraceWarning
        Of faults, with their kinds and counts.

    Notes
    -----
    O(links). Link lists are small: they are read in plain Python.

    Examples
    --------
    >>> import cotrace
    >>> links = cotrace.read_links(
    ...     {"infected": [1, 2, 3], "infector": [None, 1, 2], "at": ["2015-05-11", "2015-05-18", "2015-05-20"]},
    ...     tz="Asia/Seoul",
    ... )
    >>> found = cotrace.rings(None, [1], as_of="2015-06-01T00:00:00+09:00", contacts=links.contacts,
    ...                       rule=cotrace.CompanionRule(min_cumulative=None, lookback="30d"))
    >>> list(zip(found["device"].to_pylist(), found["ring"].to_pylist()))
    [(1, 0), (2, 1), (3, 2)]
    """
    lasting = seconds(length, "length")
    if not lasting:
        raise OptionError("length='0s' is no contact")
    found = _columns(table, columns)
    infected, infector, kind = _ids(found)
    at = [_moment(value, row, tz) for row, value in enumerate(found["at"])]
    faults = sorted(_faults(infected, infector, at))
    bad = {row for row, fault in faults if fault < 2}
    kept = [i for i, who in enumerate(infector) if who is not None and i not in bad]
    contacts = read_contacts(
        _contacts_table(
            kind, [infector[i] for i in kept], [infected[i] for i in kept], [at[i] for i in kept], lasting, tz
        ),
        source=source,
    )
    named = {one for one, who in zip(infected, infector, strict=True) if who is not None}
    everyone = {*infected, *(who for who in infector if who is not None)}
    _warn_of_faults(faults)
    return LinkList(
        contacts, _fault_table(faults, infected, infector, kind), from_values(sorted(everyone - named), kind)
    )


def _columns(table: Any, names: Mapping[str, str] | None) -> dict[str, list[Any]]:
    called = {role: (names or {}).get(role, role) for role in _ROLES}
    if unknown := set(names or {}) - set(_ROLES):
        raise SchemaError(
            f"links: columns= names {', '.join(sorted(unknown))}; there are {', '.join(_ROLES)}"
        )
    there = columns_of(table, "links", tuple(called.values()))
    for role, name in called.items():
        if name not in there:
            raise SchemaError(
                f"links have no column {name!r} ({role}): name the one that it is by columns={{{role!r}: ...}}"
            )
    return {role: there[name] for role, name in called.items()}


def _ids(found: dict[str, list[Any]]) -> tuple[list[Any], list[Any], pa.DataType]:
    import pyarrow as pa

    given = [v for role in ("infected", "infector") for v in found[role] if not _is_missing(v)]
    text = any(isinstance(v, str) for v in given)
    kind = pa.large_string() if text else pa.int64()
    infected = ids_of(found["infected"], kind, "links")
    known = [i for i, v in enumerate(found["infector"]) if not _is_missing(v) and v != ""]
    infector: list[Any] = [None] * len(infected)
    for i, who in zip(known, ids_of([found["infector"][i] for i in known], kind, "links"), strict=True):
        infector[i] = who
    return infected, infector, kind


def _moment(value: Any, row: int, tz: str | None) -> int:
    """Return an instant in unix seconds; a day begins at midnight in ``tz``."""
    from zoneinfo import ZoneInfo

    if _is_missing(value) or value == "":
        return _NOWHEN
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise TimeError(f"links: at in row {row} cannot be read as an ISO day or instant") from None
    if isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime) and value.tzinfo is None:
        if tz is None:
            raise TimeError(
                f"links: at in row {row} has no time zone: name it by tz=, such as tz='Asia/Seoul'"
            )
        value = datetime(*value.timetuple()[:6], tzinfo=ZoneInfo(tz))
    try:
        return int(to_instant(value, "at", row))
    except CaseError as error:
        raise TimeError(str(error).replace("of the case in row", "of the link in row")) from None


def _contacts_table(
    kind: pa.DataType, a: list[Any], b: list[Any], at: list[int], length: int, tz: str | None
) -> pa.Table:
    import pyarrow as pa

    start = np.array(at, dtype=np.int64) * 1_000_000
    stamp = pa.timestamp("us", tz=tz or "UTC")
    times = [pa.array(start + extra * 1_000_000, pa.int64()).cast(stamp) for extra in (0, length)]
    ids = [from_values(side, kind) for side in (a, b)]
    return pa.table([*ids, *times], names=["a", "b", "started_at", "finished_at"])


def _faults(infected: list[Any], infector: list[Any], at: list[int]) -> Iterator[tuple[int, int]]:
    """Find what does not fit a tree: (row, number among :data:`FAULTS`)."""
    listed, circle = set(infected), _on_circles(infected, infector)
    first_of: dict[Any, Any] = {}
    since: dict[Any, int] = {}
    for one, who, when in zip(infected, infector, at, strict=True):
        if when != _NOWHEN and who != one:
            since[one] = min(when, since.get(one, when))
    for row, (one, who, when) in enumerate(zip(infected, infector, at, strict=True)):
        if who is None:
            continue
        if who == one:
            yield row, 0
            continue
        if when == _NOWHEN:
            yield row, 1
        if circle.get(one) is not None and circle.get(one) == circle.get(who):
            yield row, 2
        if who not in listed:
            yield row, 3
        if first_of.setdefault(one, who) != who:
            yield row, 4
        if when != _NOWHEN and when < since.get(who, when):
            yield row, 5


def _on_circles(infected: list[Any], infector: list[Any]) -> dict[Any, int]:
    """Give each strongly connected part of several devices a number (Tarjan's algorithm, without recursion)."""
    after: dict[Any, list[Any]] = {}
    for one, who in zip(infected, infector, strict=True):
        if who is not None and who != one:
            after.setdefault(who, []).append(one)
    number: dict[Any, int] = {}
    low: dict[Any, int] = {}
    open_: list[Any] = []
    is_open: set[Any] = set()
    parts: dict[Any, int] = {}
    for root in after:
        if root in number:
            continue
        work = [(root, iter(after[root]))]
        number[root] = low[root] = len(number)
        open_.append(root)
        is_open.add(root)
        while work:
            here, rest = work[-1]
            following = next(rest, None)
            if following is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[here])
                if low[here] == number[here]:
                    part = open_[open_.index(here) :]
                    del open_[-len(part) :]
                    is_open.difference_update(part)
                    if len(part) > 1:
                        parts.update(dict.fromkeys(part, number[here]))
            elif following not in number:
                number[following] = low[following] = len(number)
                open_.append(following)
                is_open.add(following)
                work.append((following, iter(after.get(following, ()))))
            elif following in is_open:
                low[here] = min(low[here], number[following])
    return parts


def _fault_table(
    faults: list[tuple[int, int]], infected: list[Any], infector: list[Any], kind: pa.DataType
) -> Table:
    rows = [row for row, _ in faults]
    columns = {
        "row": np.array(rows, dtype=np.int64),
        "fault": repeated(FAULTS, np.array([fault for _, fault in faults], dtype=np.int64)),
        "device": from_values([infected[row] for row in rows], kind),
        "infector": from_values([infector[row] for row in rows], kind),
    }
    return Table.from_columns(
        LINK_FAULTS, columns, "What has no place in a tree of who infected whom.", device=kind
    )


def _warn_of_faults(faults: list[tuple[int, int]]) -> None:
    if not faults:
        return
    counts = {
        FAULTS[k]: sum(fault == k for _, fault in faults) for k in sorted({fault for _, fault in faults})
    }
    said = ", ".join(f"{n:,} {word}" for word, n in counts.items())
    warn(
        f"links: {len({row for row, _ in faults}):,} rows do not fit a tree of who infected whom ({said}; first: row "
        f"{faults[0][0]}): .faults has them",
        "links",
        faults=counts,
    )
