"""Tables that callers give beside the stays: columns by their usual names, ids, times, and rows that cannot be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import null_mask, plain, view
from cotrace.counts import Counts
from cotrace.errors import SchemaError
from cotrace.exposure.common import warn
from cotrace.io.batches import CODES, Marks
from cotrace.io.columns import listed
from cotrace.io.files import open_source
from cotrace.io.ids import common_type, id_kind, read_ids
from cotrace.io.reasons import NO_DEVICE, REASONS
from cotrace.io.times import TimeReader, check_unit, resolve_times
from cotrace.io.zones import ClockChange, zone_name
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.source import Source

__all__ = ["GivenTable", "Reported", "whole_table"]

#: What columns are usually called, in the order in which they are looked for.
ALIASES: dict[str, tuple[str, ...]] = {
    "device": ("device", "device_id", "uid", "user_id", "imsi", "msisdn", "id"),
    "place": ("place", "location", "venue", "event", "name"),
    "started_at": ("started_at", "start", "begin", "from", "start_time"),
    "finished_at": ("finished_at", "end", "until", "to", "end_time"),
}


class Reported(Table):
    """A table of what is known from elsewhere.

    Attributes
    ----------
    counts : Counts
        What became of every row: used, collapsed (said twice) or refused, by reason.
    refused : pyarrow.Table
        The rows that could not be used: row, reason, and the columns that were read.
    tz : str
        The time zone of its instants.
    """

    counts: Counts
    refused: Any
    tz: str


class GivenTable:
    """A table in memory, of which some columns are read; rows with faults are counted under the first one.

    Parameters
    ----------
    source : table, dict or path
        Anything that pings can be read from.
    what : str
        How messages call it.
    named : mapping
        Columns that have other names than usual, by role.
    roles : tuple of str
        The columns to read; those that end in ``?`` need not be there.
    """

    def __init__(
        self, source: Any, what: str, named: Mapping[str, str] | None, roles: tuple[str, ...]
    ) -> None:
        self.what = what
        opened = open_source(source)
        names = opened.names()[0][1]
        unknown = set(named or {}) - {role.rstrip("?") for role in roles}
        if unknown:
            raise SchemaError(f"{what}: columns= names {listed(sorted(unknown))}; there are {listed(roles)}")
        self._taken = {role.rstrip("?") for role in roles}
        self.names = {
            role.rstrip("?"): self._find(role, names, (named or {}).get(role.rstrip("?"))) for role in roles
        }
        used = list(dict.fromkeys(name for name in self.names.values() if name is not None))
        opened.load(used)
        self.table = whole_table(opened, used)
        self.n = int(self.table.num_rows)
        self._reason = np.zeros(self.n, dtype=np.int64)
        self._words = ["", *REASONS]

    def _find(self, role: str, names: list[str], given: str | None) -> str | None:
        needed, role = not role.endswith("?"), role.rstrip("?")
        if given is not None:
            if given not in names:
                raise SchemaError(
                    f"{self.what}: there is no column {given!r} ({role}); it has {listed(names)}"
                )
            return given
        for name in ALIASES.get(role, (role,)):
            # what is another role's own name is that role's
            if name in names and (name == role or name not in self._taken):
                return name
        if needed:
            usual = ", ".join(ALIASES.get(role, (role,)))
            raise SchemaError(
                f"{self.what}: no column for {role} (looked for {usual}); it has {listed(names)}: name the one that it "
                f"is by columns={{{role!r}: ...}}"
            )
        return None

    def has(self, role: str) -> bool:
        """Tell whether there is such a column."""
        return self.names.get(role) is not None

    def column(self, role: str) -> pa.Array:
        """Return a column as it was given."""
        return plain(self.table[str(self.names[role])])

    def refuse(self, where: NDArray[np.bool_] | None, reason: str) -> None:
        """Refuse rows that have no earlier fault."""
        if where is None or not where.any():
            return
        if reason not in self._words:
            self._words.append(reason)
        self._reason[where & (self._reason == 0)] = self._words.index(reason)

    def ids(self, *roles: str) -> list[pa.Array]:
        """Return columns of device ids, all of one type; rows without an id are refused."""
        columns = [(role, self.column(role)) for role in roles]
        kinds = [(self.what, str(self.names[role]), c.type) for role, c in columns]
        kind = common_type(kinds, big=any(map(_big, (c for _, c in columns))), small=False)
        found = []
        for role, column in columns:
            ids, none = read_ids(column, kind, str(self.names[role]), 0)
            self.refuse(none, NO_DEVICE)
            found.append(ids)
        return found

    def text(self, role: str, missing: str | None) -> pa.Array:
        """Return a column as text, trimmed; a row without it is refused for this reason, or stays null."""
        import pyarrow as pa
        import pyarrow.compute as pc

        words = pc.utf8_trim_whitespace(self.column(role).cast(pa.string()))
        words = pc.if_else(pc.equal(words, ""), None, words)
        if missing is not None:
            self.refuse(null_mask(words), missing)
        return words

    def instants(
        self, roles: tuple[str, ...], tz: Any, unit: str | None, clock_change: ClockChange
    ) -> tuple[list[NDArray[np.int64]], str]:
        """Return columns of instants in unix seconds, and their zone; unreadable ones are refused."""
        zone = None if tz is None else zone_name(tz)
        if not self.n:  # the columns of an empty table may be of any type
            said = (getattr(self.column(role).type, "tz", None) for role in roles)
            return [np.empty(0, dtype=np.int64) for _ in roles], zone or next((t for t in said if t), "UTC")
        readers = [self._reader(role, zone, check_unit(unit), clock_change) for role in roles]
        found = []
        for role, reader in zip(roles, readers, strict=True):
            marks = Marks(self.n)
            found.append(reader.read(self.column(role), 0, marks))
            if marks.codes is not None:
                for reason, code in CODES.items():
                    self.refuse(marks.codes == code, reason)
        return found, readers[0].zone

    def _reader(self, role: str, zone: str | None, unit: str | None, clock_change: ClockChange) -> TimeReader:
        column = self.column(role)

        def heads() -> Iterator[pa.Array]:
            yield column

        return resolve_times(
            [(self.what, column.type)],
            heads,
            name=str(self.names[role]),
            tz=zone,
            unit=unit,
            clock_change=clock_change,
        )

    def ends(self, start: NDArray[np.int64], end: NDArray[np.int64]) -> None:
        """Refuse intervals that end before they begin, or have no length."""
        self.refuse(end < start, "ends before it starts")
        self.refuse(end == start, "no length")

    @property
    def good(self) -> NDArray[np.int64]:
        """The numbers of the rows that can be used."""
        return np.flatnonzero(self._reason == 0)

    def counts(self, collapsed: int = 0) -> Counts:
        """Count what became of the rows, and warn of those that were refused."""
        refused = {
            self._words[code]: int(n)
            for code, n in enumerate(np.bincount(self._reason).tolist())
            if code and n
        }
        counts = Counts(rows=self.n, used=self.n - sum(refused.values()) - collapsed, collapsed=collapsed)
        counts.refused = refused
        counts.check()
        if refused:
            reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(refused.items()))
            warn(
                f"{self.what}: {counts.n_refused:,} of {self.n:,} rows cannot be used ({reasons}; first: row "
                f"{int((self._reason > 0).argmax())}): .refused has them",
                "refused",
                refused=refused,
            )
        return counts

    def refused(self) -> pa.Table:
        """Return the refused rows: row, reason, and the columns that were read."""
        import pyarrow as pa

        at = np.flatnonzero(self._reason)
        kept = self.table.take(pa.array(at, pa.int64()))
        words = [self._words[code] for code in self._reason[at].tolist()]
        taken = [name for name in kept.column_names if name not in ("row", "reason")]
        return pa.table(
            [pa.array(at, pa.int64()), pa.array(words, pa.string()), *(kept[name] for name in taken)],
            names=["row", "reason", *taken],
        )


def whole_table(opened: Source, used: list[str]) -> pa.Table:
    """Return these columns of a source, which were loaded, as one table."""
    import pyarrow as pa

    parts = [pa.Table.from_batches([batch]) for batch in opened.batches(used)]
    if not parts:
        return opened.schemas()[0][1].empty_table().select(used)
    return pa.concat_tables(parts, promote_options="permissive").combine_chunks().select(used)


def _big(array: pa.Array) -> bool:
    return id_kind(array.type) == "uint64" and bool((view(plain(array), np.uint64) >= 2**63).any())
