"""What a task does for the companion rule: the cases' stays, held against the stays of its own devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.companions.cases import Cases
from cotrace.companions.find import _Tracked
from cotrace.companions.index import index_of_stays, may_qualify
from cotrace.companions.matching import CROWD_WINDOW_S, Matches, match
from cotrace.companions.result import Companions, _Parts
from cotrace.counts import Counts
from cotrace.engine.spark.frames import Batches, pack, packed_of
from cotrace.engine.spark.parts import columns_of, seconds_of, stays_of, table_of
from cotrace.engine.spark.work import Building, Stopwatch, said_of, written
from cotrace.exposure.common import seen_codes
from cotrace.exposure.pairs import _with_rows
from cotrace.options import CompanionRule
from cotrace.windows import _counted

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions.index import CellIndex
    from cotrace.engine.spark.meaning import Meaning
    from cotrace.stays.passes import Built
    from cotrace.tables import Stays

__all__ = [
    "CROWD",
    "FUNNEL_KEY",
    "SUMS",
    "CaseStays",
    "Matching",
    "held_to_cases",
    "key_of",
    "keys_of_cases",
    "tallied",
]

Int64 = NDArray[np.int64]

#: what is added up over tasks
SUMS = ("case", "key", "together", "long_enough", "companions", "both", "n")
#: in place of a case: devices in a cell and hour; in place of a cell: the funnel
CROWD, FUNNEL_KEY = -1, -1
#: windows are numbered from the epoch, and some are before it
_EPOCH = 1 << 31


def key_of(cell: Int64, window: Int64) -> Int64:
    """Return one number for a place among the cases' cells and a window of an hour."""
    return (cell << 32) + window + _EPOCH


@dataclass(frozen=True)
class CaseStays:
    """The task of the first job: stays and pings of the cases that are in a partition."""

    how: Building
    listed: Cases
    rule: CompanionRule

    def __call__(self, batches: Batches) -> Iterator[Any]:
        """Do the work of a partition."""
        import pyarrow as pa

        tracked = _Tracked(self.listed, self.rule.lookback_s)
        built = self.how.build(batches, tracked)
        track = tracked.track
        if track is None or not built.counts.used:
            return
        seen = np.flatnonzero(track.seen(len(self.listed)))
        coverage = track.coverage()
        columns = list(zip(*(coverage[i] for i in seen.tolist()), strict=True)) or [(), (), ()]
        numbers = [pa.array(values, pa.int64()) for values in columns]
        yield from packed_of(
            [
                ("stays", _tracked_rows(built)),
                ("coverage", pa.table([pa.array(seen), *numbers], ["case", "pings", "median", "longest"])),
            ]
        )


def _tracked_rows(built: Built) -> pa.Table:
    """Return the stays of the devices that a pass followed."""
    found = [np.empty((0, 4), dtype=np.int32)]
    for block in built.blocks:
        rows = block.tracked.copy()  # type: ignore[union-attr]
        if block.codes is not None:
            rows[:, 0], rows[:, 1] = block.codes.devices[rows[:, 0]], block.codes.cells[rows[:, 1]]
        found.append(rows)
    rows = np.concatenate(found)
    start, end = (rows[:, k].astype(np.int64) + built.base for k in (2, 3))
    return columns_of(
        take(built.devices.values(), rows[:, 0]), take(built.cells.values, rows[:, 1]), start, end
    )


def keys_of_cases(stays: Stays, listed: Cases, rule: CompanionRule) -> Int64:
    """Return the cells and hours in which an episode with a case may lie, as sorted keys.

    An episode is part of a stay of its case, between the moments from which and until which it counts.
    """
    index = seen_codes(stays.devices, listed.ids)
    whole = may_qualify(stays.rows, rule, len(stays.cells.values))
    keys = [np.empty(0, dtype=np.int64)]
    for code, (_, until, since) in zip(index.tolist(), listed.windows(rule.lookback_s).tolist(), strict=True):
        lo, hi = np.searchsorted(stays.rows[:, 0], [code, code + 1])
        rows = stays.rows[lo:hi].astype(np.int64) if code >= 0 else np.empty((0, 4), dtype=np.int64)
        start, end = np.maximum(rows[:, 2] + stays.base, since), np.minimum(rows[:, 3] + stays.base, until)
        kept = (start < end) & whole[rows[:, 1]]
        first = start[kept] // CROWD_WINDOW_S
        n = (end[kept] - 1) // CROWD_WINDOW_S - first + 1
        window = np.repeat(first - np.concatenate([[0], np.cumsum(n)[:-1]]) if n.size else first, n)
        keys.append(key_of(np.repeat(rows[kept, 1], n), window + np.arange(int(n.sum()))))
    return np.unique(np.concatenate(keys))


@dataclass(frozen=True)
class Matching:
    """The task of the second job: devices of a partition that are companions of cases.

    Parameters
    ----------
    how : Building or None
        How stays are made; None: the partition has stays.
    meaning : Meaning
    listed : Cases
    of_cases : pyarrow.Table
        All stays of all cases.
    cells : pyarrow.Array
        The cells of the cases, in order.
    keys : int64[k]
        Cells and hours whose crowds matter; sorted.
    rule : CompanionRule
    own_funnel : int64[cases, 4]
        What the cases themselves add to the funnel; every task sees them, and must not count them.
    """

    how: Building | None
    meaning: Meaning
    listed: Cases
    of_cases: pa.Table
    cells: pa.Array
    keys: Int64
    rule: CompanionRule
    own_funnel: Int64

    def __call__(self, batches: Batches) -> Iterator[Any]:
        """Do the work of a partition."""
        watch = Stopwatch()
        stays, said, refused = self.stays(batches)
        near, place = self.near(stays)
        if len(near):
            yield from packed_of([("sums", self._crowds(near, place)), *self._found(near)])
        if refused is not None and refused.num_rows:
            yield from packed_of([("refused", refused.replace_schema_metadata(None))])
        if said is not None:
            yield from packed_of([("report", written(said, watch))])

    def stays(self, batches: Batches) -> tuple[Stays, dict[str, Any] | None, pa.Table | None]:
        """Return the stays of a partition; of pings also what is to be said of them, and rows that are refused."""
        if self.how is None:
            return stays_of([seconds_of(_table(batch)) for batch in batches], self.meaning), None, None
        built, pings = self.how.read(batches)
        said = said_of(built, pings)
        stays = built.stays()
        said["dwell"] = int((stays.rows[:, 3].astype(np.int64) - stays.rows[:, 2]).sum())
        return stays, said, pings.refused

    def near(self, stays: Stays) -> tuple[Stays, Int64]:
        """Return the stays in the cases' cells, and the place of each cell among these (-1: none of them)."""
        place = np.full(len(stays.cells.values), -1, dtype=np.int64)
        at = seen_codes(stays.cells.values, self.cells)
        place[at[at >= 0]] = np.flatnonzero(at >= 0)
        return _with_rows(stays, stays.rows[place[stays.rows[:, 1]] >= 0]), place

    def _crowds(self, near: Stays, place: Int64) -> pa.Table:
        """Count the devices in the cells and hours that matter; devices are in one partition, so counts add up."""
        rows = _counted(near, CROWD_WINDOW_S)
        keys = key_of(place[rows[:, 0]], rows[:, 1])
        at = np.searchsorted(self.keys, keys)
        at[at == self.keys.size] = 0
        kept = self.keys[at] == keys if self.keys.size else np.zeros(keys.size, dtype=np.bool_)
        return sums_of(np.full(int(kept.sum()), CROWD), keys[kept], rows[kept, 2])

    def _others(self, near: Stays) -> pa.Table:
        """Return the stays of the devices that are no cases."""
        is_case = np.zeros(len(near.devices) + 1, dtype=np.bool_)
        is_case[seen_codes(near.devices, self.listed.ids)] = True
        return table_of(near, near.rows[~is_case[near.rows[:, 0]]])

    def held(self, near: Stays) -> tuple[Companions, Int64]:
        """Hold the cases and the devices of this partition to the rule; see :func:`held_to_cases`."""
        stays = stays_of([self.of_cases, self._others(near)], self.meaning)
        return held_to_cases(stays, self.listed, self.rule)

    def _found(self, near: Stays) -> list[tuple[str, pa.Table]]:
        """Return what is found of the devices of this partition that are no cases."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found, tops = self.held(near)
        m = found._parts.matches
        sums = tallied(m.funnel - self.own_funnel, tops)
        tables = []
        for table in (found.evidence.to_arrow(), found.companions.to_arrow()):
            mine = pc.invert(pc.is_in(table["companion_id"], value_set=self.listed.ids))
            tables.append(table.filter(mine).replace_schema_metadata(None))
        if not tables[1].num_rows:
            return [("sums", sums)]
        both = pa.table([pa.array([pack(t)], pa.binary()) for t in tables], names=["evidence", "companions"])
        return [("sums", sums), ("found", both)]


def _table(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def held_to_cases(
    stays: Stays, listed: Cases, rule: CompanionRule, coverage: list[Any] | None = None, threads: int = 1
) -> tuple[Companions, Int64]:
    """Hold devices to the rule; return what was found, and rows (case, cell, companions that are no cases).

    Cells are places among those of the cases, in their order.
    """
    index = index_of_stays(stays, listed.ids, threads)
    windows = listed.windows(rule.lookback_s) - index.base
    matches = match(index, windows, rule, threads)
    parts = _Parts(listed, index, matches, windows, coverage, None)
    return Companions(parts, rule, stays.options, Counts(), stays.tz, {}), tops_of(index, matches, listed)


def tops_of(index: CellIndex, matches: Matches, listed: Cases, cases_too: bool = False) -> Int64:
    """Return rows (case, cell, companions), of companions that are no cases unless they are asked for too."""
    n = np.diff(matches.record_lo)
    case, companion = np.repeat(matches.case_of, n), np.repeat(matches.companion_of, n)
    cell = index.cell_of(matches.records[:, 0]).astype(np.int64)
    kept = np.full(case.size, True) if cases_too else ~np.isin(companion, index.case_codes)
    pairs, counts = np.unique(np.stack([case[kept], cell[kept]], axis=1), axis=0, return_counts=True)
    return np.column_stack([pairs.reshape(-1, 2), counts]).astype(np.int64)


def sums_of(case: Int64, key: Int64, n: Int64, funnel: Int64 | None = None) -> pa.Table:
    """Return figures that are added up over tasks, by case and key; see :data:`SUMS`.

    Of ``CROWD`` the key is a cell and hour, and ``n`` devices; of a case it is ``FUNNEL_KEY``, or a cell and ``n`` the
    companions that it brings.
    """
    import pyarrow as pa

    four = np.zeros((n.size, 4), dtype=np.int64) if funnel is None else funnel
    columns = [case, key, *four.T, n]
    arrays = [pa.array(np.ascontiguousarray(column, dtype=np.int64)) for column in columns]
    return pa.table(arrays, names=list(SUMS))


def tallied(funnel: Int64, tops: Int64) -> pa.Table:
    """Return the sums of a funnel (int64[cases, 4]), and of rows (case, cell, companions)."""
    import pyarrow as pa

    some = np.flatnonzero(funnel.any(axis=1))
    upper = sums_of(some, np.full(some.size, FUNNEL_KEY), np.zeros_like(some), funnel[some])
    return pa.concat_tables([upper, sums_of(tops[:, 0], tops[:, 1], tops[:, 2])])
