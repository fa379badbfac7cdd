"""All pairs of a population, streamed; what a crowd would cost is left out and reported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.durations import Duration, seconds, spaced
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.exposure.common import CANDIDATES, instant, warn
from cotrace.options import CONTACT, MAX_CROWD, CompanionRule
from cotrace.schema import OCCUPANCY
from cotrace.schema_meetings import PAIRS
from cotrace.shown import Shown
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore, Table, check_source, instants, taken

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pairs", "pairs"]

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]
_BATCH = 1 << 16
#: devices that are held to a rule of dwell or sums at a time
_CHUNK = 256
_NO_HOLES = np.empty((0, 3), dtype=np.int64)


@dataclass
class _Counted:
    """What a pass over the pairs has seen so far."""

    pairs: int = 0
    overlaps: int = 0


class Pairs(Shown):
    """All pairs, batch by batch: iterate, or hand it to anything that takes ``__arrow_c_stream__``.

    Nothing is held but one batch, and each pass counts anew.

    Attributes
    ----------
    crowded : Table
        The cells and windows that were left out: more than ``max_crowd`` devices were there. Columns:
        :ref:`data-model-occupancy`.
    schema : TableSchema
        Columns: :ref:`data-model-pairs`.
    note : str
        What the rows are, and by which reading.
    seen : dict
        Of the last pass: ``pairs`` that were given out, ``overlaps`` that were looked at for them.
    """

    def __init__(self, work: _Work, crowded: Table, note: str) -> None:
        self._work, self.crowded, self.note, self.schema = work, crowded, note, PAIRS
        self.seen: dict[str, int] = {}

    @property
    def arrow_schema(self) -> pa.Schema:
        """The Arrow schema of the batches."""
        stays = self._work.stays
        schema = PAIRS.arrow(device=stays.devices.type, tz=stays.tz)
        return schema.with_metadata({"cotrace": self.note})

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        counted, schema = _Counted(), self.arrow_schema
        for rows in self._work.batches(counted):
            table = Table.from_columns(PAIRS, self._columns(rows), self.note, **self._types)
            counted.pairs += rows.shape[0]
            yield from (pa.record_batch(b.columns, schema=schema) for b in table.to_arrow().to_batches())
            self.seen = {"pairs": counted.pairs, "overlaps": counted.overlaps}
        self.seen = {"pairs": counted.pairs, "overlaps": counted.overlaps}

    @property
    def _types(self) -> dict[str, Any]:
        return {"device": self._work.stays.devices.type, "tz": self._work.stays.tz}

    def _columns(self, rows: Int64) -> dict[str, Any]:
        stays = self._work.stays
        a, b, *counts, first, last = np.ascontiguousarray(rows.T)
        return {
            "a": take(stays.devices, a),
            "b": take(stays.devices, b),
            **dict(zip(PAIRS.names[2:6], counts, strict=True)),
            "first_started_at": instants(first, stays.base, stays.tz),
            "last_finished_at": instants(last, stays.base, stays.tz),
        }

    def reader(self) -> pa.RecordBatchReader:
        """Return a reader over one pass."""
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(self.arrow_schema, iter(self))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        n = len(self.crowded)
        return (
            f"pairs, not counted yet: iterate over the batches; a row is {PAIRS.row}\n{self.note}\n"
            f"{n:,} cells and windows are left out as too crowded: see .crowded"
        )


def pairs(
    stays: Stays | StaysStore,
    rule: CompanionRule = CONTACT,
    *,
    start: Any = None,
    end: Any = None,
    min_episodes: int = 1,
    max_crowd: int | None = MAX_CROWD,
    window: Duration = "1h",
    batch_rows: int = _BATCH,
    threads: int | None = None,
) -> Pairs:
    """Stream all pairs of devices that were together.

    Such a list is a map of who is near whom in a whole population: of families, of meetings, of sources and those who
    talk to them. Nothing in it says that two people know each other, and it can do harm to those it is right about,
    and to those it is wrong about. Ask for the cases' contacts instead where that is what is needed, and do not keep
    what is not needed.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays of all devices in the time that counts are read.
    rule : CompanionRule
        What an episode has to be. Its ``lookback`` is not used: there is no case. ``dwell_of`` must not ask for the
        case's dwell or the companion's, and there is no ``lag``: a pair has no direction.
    start, end : instant, optional
        The time that counts, with a time zone; all when left out.
    min_episodes : int
        Fewest qualifying episodes of a pair.
    max_crowd : int, optional
        A cell and window with more devices than this is left out: its seconds count for nobody. All of these are in
        ``crowded``, and warned of. None: nothing is left out, whatever it costs.
    window : str or timedelta
        Length of these windows; aligned to the epoch.
    batch_rows : int
        About how many rows a batch has.
    threads : int, optional
        How many to use, where the rule asks for dwell or sums.

    Returns
    -------
    Pairs
        An iterable of Arrow record batches, by the lesser id, then the greater. Columns: :ref:`data-model-pairs`.

    Raises
    ------
    OptionError
        For rules with a direction, and numbers that cannot be.

    Warns
    -----
    CotraceWarning
        Of crowds that are left out, with how many overlaps they would have cost.

    Notes
    -----
    O(stays + overlaps + pairs), one device after the other; 64 bytes a device and what a batch takes, beside the
    stays by device and by cell.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2, 3, 3], "time": [0, 900, 60, 1000, 500, 1200], "x": [1.0] * 6, "y": [1.0] * 6},
    ...     unit="s",
    ... )
    >>> for batch in cotrace.pairs(cotrace.find_stays(pings)):
    ...     print(batch.select(["a", "b", "shared_s"]).to_pylist())
    [{'a': 1, 'b': 2, 'shared_s': 840}]
    """
    check_source(stays)
    _check_rule(rule)
    _check_numbers(min_episodes=min_episodes, batch_rows=batch_rows, max_crowd=max_crowd)
    length = seconds(window, "window")
    if not length:
        raise OptionError("window='0s' is no window")
    since, until = (
        None if moment is None else instant(moment, name) for moment, name in ((start, "start"), (end, "end"))
    )
    stays = taken(stays, "pairs", start=since, end=until)
    span = _span(stays, since, until)
    crowded, holes = _crowds(stays, span, length, max_crowd)
    left = _with_rows(stays, _cut(stays, holes, span))
    work = _Work(stays, left, span, rule, min_episodes, batch_rows, usable_threads(threads))
    without = (
        "" if max_crowd is None else f"; without windows of {spaced(window)} with over {max_crowd:,} devices"
    )
    note = (
        f"{CANDIDATES}. Pairs with {min_episodes:,} or more episodes, {_reads(rule)}{without}. "
        f"{stays.options.describe()}."
    )
    return Pairs(work, crowded, note)


def _check_numbers(**numbers: object) -> None:
    for name, value in numbers.items():
        if name == "max_crowd" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise OptionError(f"{name}={value!r} is no whole number from 1 on")


def _reads(rule: CompanionRule) -> str:
    return rule.describe().rsplit(", in the ", 1)[0]


def _check_rule(rule: object) -> None:
    if not isinstance(rule, CompanionRule):
        raise CotraceTypeError(
            f"rule= is a {type(rule).__name__}, not a CompanionRule: make one with cotrace.CompanionRule(...)"
        )
    if rule.lag is not None:
        raise OptionError(f"lag={rule.lag!r} has a direction, and a pair has none: use cotrace.contacts()")
    if rule.min_cumulative is not None and rule.dwell_of in ("case", "companion"):
        raise OptionError(
            f"dwell_of={rule.dwell_of!r} has a direction, and a pair has none: 'either', 'both' or 'pair'"
        )


def _span(stays: Stays, start: int | None, end: int | None) -> tuple[int, int]:
    first, last = (int(stays.rows[:, 2].min()), int(stays.rows[:, 3].max())) if len(stays) else (0, 0)
    lo = first if start is None else max(first, start - stays.base)
    hi = last if end is None else min(last, end - stays.base)
    return lo, max(lo, hi)


def _crowds(stays: Stays, span: tuple[int, int], length: int, most: int | None) -> tuple[Table, Int64]:
    """Return the crowded cells and windows as a table, and as (cell, start, end) in seconds from the base."""
    from cotrace.windows import _counted

    rows = np.empty((0, 4), dtype=np.int64)
    if most is not None:
        rows = _counted(_busy(_with_rows(stays, _cut(stays, _NO_HOLES, span)), most), length)
        rows = rows[rows[:, 2] > most]
    columns = {
        **stays.cells.columns(rows[:, 0]),
        "window_started_at": instants(rows[:, 1] * length, 0, stays.tz),
        "devices": rows[:, 2],
        "dwell_s": rows[:, 3],
    }
    types = {"cell": stays.cells.values.type, "tz": stays.tz}
    if len(rows):
        warn(
            f"{len(rows):,} cells and windows have more than max_crowd={most:,} devices (the most: "
            f"{int(rows[:, 2].max()):,}) and are left out: .crowded has them; they could be up to "
            f"{int((rows[:, 2] * (rows[:, 2] - 1) // 2).sum()):,} pairs",
            "crowd",
            windows=len(rows),
            most=int(rows[:, 2].max()),
        )
    start = rows[:, 1] * length - stays.base
    note = (
        f"Left out of the pairs: more than {most:,} devices." if most else "Nothing is left out of the pairs."
    )
    return Table.from_columns(OCCUPANCY, columns, note, **types), np.stack(
        [rows[:, 0], start, start + length], axis=1
    )


def _busy(stays: Stays, most: int) -> Stays:
    """Return the stays in cells that have more stays than a crowd has devices: elsewhere there is none."""
    counts = np.bincount(stays.rows[:, 1], minlength=1)
    kept = counts[stays.rows[:, 1]] > most
    return stays if kept.all() else _with_rows(stays, stays.rows[kept])


def _cut(stays: Stays, holes: Int64, span: tuple[int, int]) -> Rows:
    from cotrace.kernels.pairs import count_cut, fill_cut

    if not len(holes) and len(stays) and span == _span(stays, None, None):
        return stays.rows
    lo = np.searchsorted(holes[:, 0], np.arange(len(stays.cells.values) + 1)).astype(np.int64)
    times = np.ascontiguousarray(holes[:, 1:])
    rows = np.empty((count_cut(stays.rows, times, lo, span), 4), dtype=np.int32)
    fill_cut(stays.rows, times, lo, span, rows)
    return rows


def _with_rows(stays: Stays, rows: Rows) -> Stays:
    return Stays(
        rows,
        stays.devices,
        stays.cells,
        base=stays.base,
        tz=stays.tz,
        options=stays.options,
        counts=stays.counts,
        span=stays.span,
    )


@dataclass(frozen=True)
class _Work:
    """The stays that are left, and what to do with them."""

    stays: Stays
    left: Stays
    span: tuple[int, int]
    rule: CompanionRule
    fewest: int
    batch_rows: int
    threads: int

    def batches(self, counted: _Counted) -> Iterator[Int64]:
        """Find the pairs, some thousand rows at a time: int64[n, 8], see :mod:`cotrace.kernels.pairs`."""
        plain = self.rule.shared == "unbroken" and self.rule.min_cumulative is None
        for rows in self._unbroken(counted) if plain else self._by_rule(counted):
            for at in range(0, rows.shape[0], self.batch_rows):
                yield rows[at : at + self.batch_rows]

    def _unbroken(self, counted: _Counted) -> Iterator[Int64]:
        from cotrace.kernels.pairs import N_PAIR, order_cells, pairs_of_devices
        from cotrace.stays.builder import rows_by_key

        n, n_cells = len(self.left.devices), len(self.left.cells.values)
        by_cell = rows_by_key([self.left.rows], 1, n_cells)
        rows = rows_by_key([by_cell], 0, n)
        sizes = np.bincount(by_cell[:, 1], minlength=n_cells) if n_cells else np.zeros(0, dtype=np.int64)
        cell_lo = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        device_lo = np.concatenate([[0], np.cumsum(np.bincount(rows[:, 0], minlength=n))]).astype(np.int64)
        ordered = np.empty_like(by_cell)
        order_cells(by_cell, cell_lo, np.empty((3, int(sizes.max(initial=0))), dtype=np.int64), ordered)
        del by_cell
        known, touched, scratch = np.zeros((n, N_PAIR), dtype=np.int64), *np.empty((2, n), dtype=np.int64)
        out, device = np.empty((n + self.batch_rows, N_PAIR), dtype=np.int64), 0
        asked = (max(1, self.rule.least_shared_s), self.fewest)
        while device < n:
            where = (rows, device_lo, ordered, cell_lo, (device, n), asked)
            found, device, overlaps = pairs_of_devices(*where, known, touched, scratch, out)
            counted.overlaps += overlaps
            if found:
                yield out[:found].copy()

    def _by_rule(self, counted: _Counted) -> Iterator[Int64]:
        """Hold every device to the rule as a case, and keep the pairs with those after it."""
        from cotrace.companions.index import index_of_stays
        from cotrace.companions.matching import match

        n = len(self.left.devices)
        start, end = self.span
        for lo in range(0, n, _CHUNK):
            codes = np.arange(lo, min(n, lo + _CHUNK))
            index = index_of_stays(self.left, take(self.left.devices, codes), self.threads)
            windows = np.repeat([[start, end, start]], codes.size, axis=0).astype(np.int64)
            found = match(index, windows, self.rule, self.threads)
            a, b, s = codes[found.case_of], found.companion_of, found.summary
            counted.overlaps += int(s[b > a, 8].sum())
            kept = (b > a) & (s[:, 8] >= self.fewest)
            cells = np.diff(found.record_lo)
            rows = np.stack([a, b, s[:, 8], cells, s[:, 0], s[:, 1], s[:, 2], s[:, 3]], axis=1)[kept]
            if rows.size:
                yield np.ascontiguousarray(rows)
