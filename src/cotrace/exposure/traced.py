"""What tracing starts from and what stops it: cases, investigators' decisions, kinds of devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, take
from cotrace.companions.cases import NEVER, Cases, _is_missing, _unique, read_cases, to_instant
from cotrace.errors import CaseError, CotraceTypeError, OptionError, SchemaError
from cotrace.exposure.around import Around, is_store
from cotrace.exposure.common import seen_codes, span_of, warn
from cotrace.exposure.frames import columns_of, ids_of
from cotrace.exposure.meetings import Seeds
from cotrace.exposure.world import OR_CONTACTS, Links, World, as_ids_of, links_of, make_world
from cotrace.options import CompanionRule
from cotrace.tables import Stays, Table, check_source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "DECISIONS",
    "Asked",
    "Decisions",
    "ask",
    "ids_of_cases",
    "may_pass",
    "persons_of",
    "place",
    "place_cases",
    "read_decisions",
    "warn_of_unseen",
    "with_cases",
]

Int64 = NDArray[np.int64]
Flags = NDArray[np.bool_]
#: what investigators may have decided about a device
DECISIONS = ("confirmed", "excluded", "isolated", "unclear")
_EXCLUDED, _ISOLATED = 1, 2
_COLUMNS = ("device", "decision", "reason", "by", "at")


@dataclass(frozen=True)
class Asked:
    """The cases of a query, in a world.

    Parameters
    ----------
    world : World
    cases : Cases
    codes : int64[cases]
        The device code of each case.
    windows : int64[cases, 3]
        Start and end of each one's lookback, and from when its meetings count; seconds from the world's base.
    end : int
        The latest ``as_of``: until then the meetings of contacts count.
    around : Around, optional
        Where the world's stays are from.
    links : Links, optional
        Contacts from elsewhere.
    """

    world: World
    cases: Cases
    codes: Int64
    windows: Int64
    end: int
    around: Around | None = None
    links: Links | None = None

    @property
    def partial(self) -> bool:
        """Whether the world has only the stays of a store that were asked for."""
        return self.around is not None and self.around.partial

    def near(self, seeds: Seeds) -> Asked:
        """Return the same in a world that has all stays around these seeds, too."""
        assert self.around is not None
        base = self.world.base
        windows = np.stack([seeds.since, seeds.until], axis=1) + base
        return self._within(self.around.add(take(self.world.ids, seeds.device), windows))

    def whole(self, codes: Int64) -> Asked:
        """Return the same in a world that has all stays of these devices, too."""
        assert self.around is not None
        return self._within(self.around.whole(take(self.world.ids, codes)))

    def _within(self, stays: Stays) -> Asked:
        world = make_world(stays, self.links, self.cases.ids)
        windows = self.windows + self.world.base - world.base
        end = self.end + self.world.base - world.base
        codes = world.codes_of(self.cases.ids)
        return replace(self, world=world, codes=codes, windows=windows, end=end)

    def each(self) -> Seeds:
        """Return every case as a seed of its own."""
        start, end, since = self.windows.T
        return Seeds.of(self.codes, since, end, self.cases.as_of - self.world.base, start)

    def joined(self) -> Seeds:
        """Return the cases as seeds; the times of one device that touch or overlap are one."""
        start, end, since = self.windows.T
        order = np.lexsort((since, self.codes))
        order = order[(end > since)[order]]
        rows: list[list[int]] = []
        for code, s, e, lookback in zip(
            *(v[order].tolist() for v in (self.codes, since, end, start)), strict=True
        ):
            if rows and rows[-1][0] == code and s <= rows[-1][2]:
                rows[-1][2], rows[-1][3] = max(rows[-1][2], e), min(rows[-1][3], lookback)
            else:
                rows.append([code, s, e, lookback])
        code, s, e, lookback = np.array(rows, dtype=np.int64).reshape(-1, 4).T
        return Seeds.of(code, s, e, np.full(code.size, self.end), lookback)

    def is_case(self) -> Flags:
        """Say of each device whether it is a case."""
        flags = np.zeros(self.world.n, dtype=np.bool_)
        flags[self.codes] = True
        return flags


def ask(
    stays: Any,
    cases: Any,
    as_of: Any,
    rule: Any,
    contacts: Any,
    what: str,
    adjudications: Any = None,
    before: int | None = None,
) -> Asked:
    """Read the cases of a query, and make the world that they are in.

    Of a store the stays around the cases are read: those within the lookbacks, for contacts; with ``before`` from so
    many seconds before these until the latest ``as_of``, for tiers and rings.
    """
    if not isinstance(rule, CompanionRule):
        raise CotraceTypeError(
            f"rule= is a {type(rule).__name__}, not a CompanionRule: make one with cotrace.CompanionRule(...)"
        )
    links = links_of(contacts, stays)
    if stays is not None:
        check_source(stays, OR_CONTACTS)
    kind = stays.device_type if stays is not None else None if links is None else links.a.type
    if kind is None:
        make_world(stays, links)  # which says what is missing
    listed = read_cases(cases, as_of, kind)
    asked = place_cases(stays, links, listed, rule, what, adjudications, before)
    warn_of_unseen(asked)
    return asked


def place_cases(
    stays: Any,
    links: Links | None,
    cases: Cases,
    rule: CompanionRule,
    what: str,
    adjudications: Any,
    before: int | None,
) -> Asked:
    """Bring cases into a world; see :func:`ask`."""
    windows = cases.windows(rule.lookback_s)
    around = None
    if is_store(stays):
        lo, hi = span_of(windows[:, 0], windows[:, 1])
        if len(cases) and (before is not None or rule.lag is not None):
            lo, hi = lo - (before or 0), int(cases.as_of.max())
        around = Around(stays, what, lo, hi, _decided_too(cases.ids, adjudications))
        stays = around.add(cases.ids, windows[:, [2, 1]])
    elif stays is not None:
        around = Around(stays, what, 0, 0, cases.ids)
    return replace(place(make_world(stays, links, cases.ids), cases, rule), around=around, links=links)


def place(world: World, cases: Cases, rule: CompanionRule) -> Asked:
    """Bring cases into a world that has their ids."""
    end = int(cases.as_of.max()) - world.base if len(cases) else 0
    windows = cases.windows(rule.lookback_s) - world.base
    return Asked(world, cases, world.codes_of(cases.ids), windows, end)


def _decided_too(ids: pa.Array, adjudications: Any) -> pa.Array:
    """Return the ids of cases and of those that investigators decided about: that they were seen has to be known."""
    found = {} if adjudications is None else columns_of(adjudications, "adjudications", _COLUMNS)
    if "device" not in found:
        return ids
    decided = ids_of(found["device"], ids.type, "adjudications")
    return from_values(sorted({*ids.to_pylist(), *decided}), ids.type)


def with_cases(cases: Cases, more: Cases) -> Cases:
    """Return the cases of both, each once."""
    both = [
        (c.ids.to_pylist(), c.as_of.tolist(), c.infectious_from.tolist(), c.isolated_at.tolist())
        for c in (cases, more)
    ]
    return _unique([row for columns in both for row in zip(*columns, strict=True)], cases.ids.type)


def warn_of_unseen(asked: Asked) -> None:
    """Warn of cases that neither stays nor contacts know."""
    world, codes, cases = asked.world, asked.codes, asked.cases
    if not len(cases):
        warn("there are no cases, so nobody met one", "cases", cases=0)
        return
    seen = np.diff(world.link_lo) > 0
    seen[world.of_stays] = True
    unseen = ~seen[codes]
    if unseen.any():
        warn(
            f"{int(unseen.sum()):,} of {len(cases):,} cases were never seen, neither in the stays nor in contacts (the "
            f"first is in row {int(cases.rows[unseen].min())}): nobody met them here; are their ids of the same kind?",
            "cases",
            never_seen=int(unseen.sum()),
            cases=len(cases),
        )


@dataclass(frozen=True)
class Decisions:
    """What investigators decided, by code of the device.

    Parameters
    ----------
    word : int64[devices]
        Number of the latest decision among :data:`DECISIONS`; -1: none.
    row : int64[devices]
        Its row in the columns that follow; -1: none.
    reason, by : list of str or None
    at : int64[rows]
        Unix seconds.
    isolated_at : int64[devices]
        The earliest ``isolated``, in seconds from the world's base; far off where there is none.
    elsewhere : int
        Decisions about devices that are not among those seen.
    """

    word: Int64
    row: Int64
    reason: list[str | None]
    by: list[str | None]
    at: Int64
    isolated_at: Int64
    elsewhere: int = 0

    @property
    def excluded(self) -> Flags:
        """Whose meetings lead to no further hop."""
        flags: Flags = self.word == _EXCLUDED
        return flags

    def columns(self, world: World, codes: Int64) -> dict[str, Any]:
        """Return the columns ``decision`` to ``decided_at`` of some devices; null where nothing was decided."""
        import pyarrow as pa

        row = self.row[codes]
        none = row < 0
        at = pa.array(np.where(none, 0, row), pa.int64(), mask=none)
        words = pa.array(DECISIONS).take(pa.array(np.maximum(self.word[codes], 0), pa.int64(), mask=none))
        moments = world.instants(self.at - world.base)
        return {
            "decision": words,
            "reason": pa.array(self.reason, pa.string()).take(at),
            "decided_by": pa.array(self.by, pa.string()).take(at),
            "decided_at": moments.take(at),
        }


def read_decisions(adjudications: Any, world: World) -> Decisions:
    """Read investigators' decisions; the latest of a device counts.

    Raises
    ------
    SchemaError
        When ``device``, ``decision`` or ``at`` is missing.
    OptionError
        For a decision that is none of :data:`DECISIONS`, and for two of one device at one time that differ.
    """
    word, row = np.full((2, world.n), -1, dtype=np.int64)
    isolated = np.full(world.n, NEVER, dtype=np.int64)
    if adjudications is None:
        return Decisions(word, row, [], [], np.empty(0, dtype=np.int64), isolated)
    found = columns_of(adjudications, "adjudications", _COLUMNS)
    for name in ("device", "decision", "at"):
        if name not in found:
            raise SchemaError(
                f"adjudications have no column {name!r}; they have {', '.join(found) or 'none of those that are used'}"
            )
    n = len(found["device"])
    ids = from_values(ids_of(found["device"], world.ids.type, "adjudications"), world.ids.type)
    at = np.array([_moment(value, i) for i, value in enumerate(found["at"])], dtype=np.int64)
    words = np.array([_word(value, i) for i, value in enumerate(found["decision"])], dtype=np.int64)
    codes = world.codes_of(ids)
    _check_contradictions(codes, at, words)
    texts = [_texts(found.get(name, [None] * n)) for name in ("reason", "by")]
    for i in sorted(range(n), key=lambda i: (at[i], words[i], *(column[i] or "" for column in texts))):
        if (code := int(codes[i])) >= 0:
            word[code], row[code] = words[i], i
            if words[i] == _ISOLATED:
                isolated[code] = min(int(isolated[code]), int(at[i]) - world.base)
    reason, by = texts
    return Decisions(word, row, reason, by, at, isolated, int((codes < 0).sum()))


def _moment(value: Any, row: int) -> int:
    try:
        return int(to_instant(value, "at", row))
    except CaseError as error:
        raise OptionError(str(error).replace("of the case in row", "of adjudications in row")) from None


def _word(value: Any, row: int) -> int:
    if value not in DECISIONS:
        raise OptionError(
            f"adjudications: the decision in row {row} is none of {', '.join(DECISIONS)}: an excluded contact is not "
            "followed further, an isolated one until then"
        )
    return DECISIONS.index(value)


def _texts(values: list[Any]) -> list[str | None]:
    return [None if _is_missing(value) else str(value) for value in values]


def _check_contradictions(codes: Int64, at: Int64, words: Int64) -> None:
    order = np.lexsort((words, at, codes))
    same = (np.diff(codes[order]) == 0) & (np.diff(at[order]) == 0) & (np.diff(words[order]) != 0)
    same &= codes[order][1:] >= 0
    if same.any():
        rows = np.sort(np.maximum(order[1:], order[:-1])[same])
        raise OptionError(
            f"adjudications: {rows.size:,} decisions differ from another of the same device at the same time (first: "
            f"row {rows[0]}): keep the one that is meant"
        )


def _known(devices: Any, world: World) -> tuple[Int64, pa.Table] | None:
    """Return the code of each row of the device table, and the table."""
    if devices is None:
        return None
    from cotrace.exposure.elsewhere import read_devices

    table = (devices if isinstance(devices, Table) else read_devices(devices)).to_arrow()
    ids = as_ids_of(table["device"].combine_chunks(), world.ids.type, "the device table's devices")
    return seen_codes(world.ids, ids), table


def may_pass(devices: Any, through: str | Sequence[str] | None, world: World) -> Flags:
    """Say of each device whether chains may run through it: its kind is one of ``through``.

    A device that the table does not name is a person's.
    """
    known = _known(devices, world)
    passes = np.ones(world.n, dtype=np.bool_)
    if through is None:
        return passes
    kinds = {through} if isinstance(through, str) else set(through)
    if known is None:
        raise OptionError(f"through={through!r} asks for kinds of devices: give the table of them, devices=")
    codes, table = known
    there = {"person", *table["kind"].to_pylist()}
    if kinds - there:
        raise OptionError(f"through={through!r}: the device table has the kinds {', '.join(sorted(there))}")
    passes[:] = "person" in kinds
    ours = codes >= 0
    passes[codes[ours]] = np.array([kind in kinds for kind in table["kind"].to_pylist()], dtype=np.bool_)[
        ours
    ]
    return passes


def persons_of(devices: Any, world: World) -> Int64:
    """Return a number for each device's person; -1 where none is known."""
    persons = np.full(world.n, -1, dtype=np.int64)
    known = _known(devices, world)
    if known is not None:
        codes, table = known
        said = table["person"].combine_chunks().dictionary_encode()
        number = said.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        persons[codes[codes >= 0]] = number[codes >= 0]
    return persons


def ids_of_cases(asked: Asked, numbers: Int64) -> dict[str, Any]:
    """Return the columns ``case_id`` and ``as_of`` of some cases."""
    from cotrace.tables import instants

    return {
        "case_id": take(asked.cases.ids, numbers),
        "as_of": instants(asked.cases.as_of[numbers], 0, asked.world.tz),
    }
