"""The index of the cases' cells, read from a store: their days and cells, and no others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take
from cotrace.companions.gathering import Spans
from cotrace.companions.index import CellIndex, codes_of_wanted, grouped, may_qualify, with_cells
from cotrace.companions.matching import CROWD_WINDOW_S
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.options import CompanionRule
    from cotrace.store.reading import Snapshot

__all__ = ["StoredIndex", "index_of_snapshot"]

_DAY = 86_400
_EVER = -(2**31), 2**31 - 1


@dataclass(frozen=True)
class StoredIndex(CellIndex):
    """An index that a version of a store is behind.

    Its devices are those whose stays it holds, and the cases.

    Parameters
    ----------
    snapshot : Snapshot
        What is read when more is asked for than the index holds.
    codes : int32[cells]
        The store's code of each cell.
    threads : int
    """

    snapshot: Snapshot | None = None
    codes: NDArray[np.int32] | None = None
    threads: int = 1

    @property
    def n_known(self) -> int:
        """See :meth:`CellIndex.n_known`: all devices of the store."""
        assert self.snapshot is not None
        return int(self.snapshot.devices.known().size)

    def all_stays(self) -> tuple[NDArray[np.int32], pa.Array, Cells]:
        """See :meth:`CellIndex.all_stays`; reads these cells on all days."""
        assert self.snapshot is not None
        assert self.codes is not None
        n = self.codes.size
        spans = _Asked(self.codes, np.ones(n, dtype=np.bool_), np.empty((0, 4), dtype=np.int32), _EVER)
        rows, cell_rows = spans.read(self.snapshot, self.threads)
        devices, _ = _in_order(self.snapshot, rows, np.empty(0, dtype=np.int32))
        grouped(rows, cell_rows, len(devices), self.threads, in_pieces=True)
        return with_cells(rows[: cell_rows[-1]], cell_rows), devices, self.cells

    def pair(self, case: int, device: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        """See :meth:`CellIndex.pair`; reads the two devices' stays on all days."""
        assert self.snapshot is not None
        ids = [device, *([self.devices[case].as_py()] if case >= 0 else [])]
        codes = self.snapshot.devices.encode(from_values(ids, self.devices.type))
        if codes[0] < 0:
            return None
        theirs = self._rows_of(codes[:1])
        return (self._rows_of(codes[1:]) if case >= 0 else theirs[:0]), theirs

    def _rows_of(self, device: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return a device's stays in the cells, with the codes of cells that they have here."""
        assert self.snapshot is not None
        assert self.codes is not None
        rows = self.snapshot.rows_of(device, self.snapshot.days)
        new_cell = np.full(len(self.snapshot.cells.values), -1, dtype=np.int32)
        new_cell[self.codes] = np.arange(self.codes.size, dtype=np.int32)
        rows[:, 1] = new_cell[rows[:, 1]]
        return rows[rows[:, 1] >= 0]


def index_of_snapshot(
    snapshot: Snapshot, case_ids: pa.Array, windows: NDArray[np.int64], rule: CompanionRule, threads: int
) -> StoredIndex:
    """Index what a store has of the cases' cells.

    Parameters
    ----------
    snapshot : Snapshot
    case_ids : pyarrow.Array
        Of the store's type of devices.
    windows : int64[cases, 3]
        Each case's lookback in unix seconds, as :meth:`Cases.windows` gives it.
    rule : CompanionRule
    threads : int

    Notes
    -----
    Reads the cases' own stays on all days; then all stays of the lookbacks in those cells in which a case was long
    enough for somebody to become its companion; and in its other cells the days on which it was there.
    """
    codes = snapshot.devices.encode(case_ids)
    own = snapshot.rows_of(np.unique(codes[codes >= 0]), snapshot.days)
    wanted = np.zeros(len(snapshot.cells.values), dtype=np.bool_)
    wanted[own[:, 1]] = True
    new_cell, cells = codes_of_wanted(wanted, snapshot.cells)
    of_cell = np.empty(len(cells.values), dtype=np.int32)
    of_cell[new_cell[wanted]] = np.flatnonzero(wanted)
    own[:, 1] = new_cell[own[:, 1]]
    asked = _time_asked(windows - snapshot.base)
    near = own[(own[:, 3] > asked[0]) & (own[:, 2] < asked[1])]
    whole = may_qualify(near, rule, of_cell.size)
    rows, cell_rows = _Asked(of_cell, whole, near, asked).read(snapshot, threads)
    devices, rank = _in_order(snapshot, rows, codes[codes >= 0])
    case_codes = rank[codes].astype(np.int64)
    seg_lo, cell_lo = grouped(rows, cell_rows, len(devices), threads, in_pieces=True)
    base = snapshot.base
    return StoredIndex(
        rows[: cell_rows[-1]],
        seg_lo,
        cell_lo,
        devices,
        cells,
        case_codes,
        base,
        snapshot=snapshot,
        codes=of_cell,
        threads=threads,
    )


def _time_asked(windows: NDArray[np.int64]) -> tuple[int, int]:
    """Return the time in which a stay can matter: all lookbacks, and the windows in which crowds are counted."""
    if not windows.size:
        return 0, 0
    return int(windows[:, 0].min()) - CROWD_WINDOW_S, int(windows[:, 1].max()) + CROWD_WINDOW_S


class _Asked:
    """What is asked of a store's cells.

    Parameters
    ----------
    codes : int32[cells]
        The store's code of each.
    whole : bool[cells]
        Whether all stays in ``time`` are asked for, or only those at a time of ``near``.
    near : int32[n, 4]
        Stays (device, cell, start, end) of the cases.
    time : (int, int)
    """

    def __init__(
        self,
        codes: NDArray[np.int32],
        whole: NDArray[np.bool_],
        near: NDArray[np.int32],
        time: tuple[int, int],
    ) -> None:
        self._codes = codes
        lo, hi = (min(max(moment, _EVER[0]), _EVER[1]) for moment in time)
        all_of_it = np.zeros((int(whole.sum()), 4), dtype=np.int32)
        all_of_it[:, 1], all_of_it[:, 2], all_of_it[:, 3] = np.flatnonzero(whole), lo, hi
        in_part = near[~whole[near[:, 1]]]
        self._spans = Spans(np.concatenate([all_of_it, in_part]), codes.size)
        of_cell = np.repeat(np.arange(codes.size), np.diff(self._spans.lo))
        self._of_cell = of_cell.astype(np.int32)

    def read(self, snapshot: Snapshot, threads: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows (device, start, end) by cell, in the store's codes of devices, and where cells begin."""
        from cotrace.kernels.shelf import place_blocks

        found = on_threads(lambda day: self._of_day(snapshot, day), snapshot.days, threads)
        counts = np.zeros(self._codes.size, dtype=np.int64)
        for _, sizes, cells in found:
            counts[cells] += sizes  # a cell is in a day once
        cell_rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        out, places = np.empty((int(cell_rows[-1]), 3), dtype=np.int32), cell_rows[:-1].copy()
        for rows, sizes, cells in found:  # day after day, so that a device's rows in a cell stay in order
            place_blocks(rows, sizes, cells, places, out)
        return out, cell_rows

    def _of_day(
        self, snapshot: Snapshot, day: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int32]]:
        """Return the rows (device, start, end) that are asked for of one day's, by cell; their numbers, and cells."""
        from cotrace.kernels.shelf import sift_cells

        # a day has what lies between two pings, of which the later is of that day
        midnight = day * _DAY - snapshot.base
        since, until = midnight - snapshot.options.max_gap_s, midnight + _DAY
        there = (self._spans.spans[:, 0] < until) & (self._spans.spans[:, 1] > since)
        cells = np.unique(self._of_cell[there])
        rows, lo = snapshot.rows_of_day(day, self._codes[cells])
        sizes = np.empty(cells.size, dtype=np.int64)
        n = sift_cells(rows, lo, cells, midnight, self._spans.lo, self._spans.spans, sizes)
        return rows[:n], sizes, cells


def _in_order(
    snapshot: Snapshot, rows: NDArray[np.int32], more: NDArray[np.int32]
) -> tuple[pa.Array, NDArray[np.int32]]:
    """Give the devices of rows (and ``more``) codes in the order of their ids; return the ids, and the new codes."""
    top = max(int(column.max()) if column.size else -1 for column in (rows[:, 0], more))
    used = np.zeros(top + 1, dtype=np.bool_)
    used[rows[:, 0]] = True
    used[more] = True
    codes = np.flatnonzero(used).astype(np.int32)
    ids = snapshot.devices.values(codes)
    order = order_of(ids)
    rank = np.full(top + 2, -1, dtype=np.int32)  # one more, for who was never seen
    rank[codes[order]] = np.arange(order.size, dtype=np.int32)
    rows[:, 0] = rank[rows[:, 0]]
    return take(ids, order), rank
