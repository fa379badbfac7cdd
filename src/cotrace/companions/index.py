"""The index of the cases' cells: the stays of all devices there, by cell and device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted, take, view
from cotrace.companions.gathering import Gathering, Spans
from cotrace.stays.shelf import CellBlock, Codes
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.options import CompanionRule
    from cotrace.stays.passes import Built
    from cotrace.tables import Stays

__all__ = [
    "CellIndex",
    "codes_of_wanted",
    "grouped",
    "index_of_built",
    "index_of_stays",
    "may_qualify",
    "with_cells",
]


@dataclass(frozen=True)
class CellIndex:
    """Stays by cell, cut into segments of one device in one cell.

    Parameters
    ----------
    rows : int32[n, 3]
        Device, start, end; by cell, a device's rows together, by start. Codes are in the order of the ids.
    seg_lo : int64[segments + 1]
        The first row of each segment.
    cell_lo : int64[cells + 1]
        The first segment of each cell.
    devices, cells
        The dictionaries, in order.
    case_codes : int64[cases]
        The device code of each case, -1 where it was never seen.
    base : int
        Unix seconds of second 0.
    gathering : Gathering, optional
        Where the stays come from, if there are more of them in these cells. Without it ``rows`` are all; with it
        they are all where somebody may become a companion, and elsewhere those at a time when a case was there too,
        which is what episodes are made of.
    """

    rows: NDArray[np.int32]
    seg_lo: NDArray[np.int64]
    cell_lo: NDArray[np.int64]
    devices: pa.Array
    cells: Cells
    case_codes: NDArray[np.int64]
    base: int
    gathering: Gathering | None = None

    @property
    def n_known(self) -> int:
        """How many devices there are where the stays come from."""
        return len(self.devices)

    def all_stays(self) -> tuple[NDArray[np.int32], pa.Array, Cells]:
        """Return all stays (device, cell, start, end) of all devices in the cells, by cell, and their dictionaries.

        Those of a device in a cell are in order.
        """
        if self.gathering is not None:
            return with_cells(*self.gathering.rows()), self.devices, self.cells
        return with_cells(self.rows, self.seg_lo[self.cell_lo]), self.devices, self.cells

    def pair(self, case: int, device: Any) -> tuple[NDArray[np.int32], NDArray[np.int32]] | None:
        """Return all stays (device, cell, start, end) in the cells of a case and of another device, in no order.

        ``case`` is its code (-1: never seen). None when the device was never seen.
        """
        at = code_of(self.devices, device)
        if at < 0:
            return None
        both = np.array([case, at])
        if self.gathering is not None:
            rows = self.gathering.rows_of(both)
        else:
            rows = with_cells(self.rows, self.seg_lo[self.cell_lo])
        return rows[rows[:, 0] == case], rows[rows[:, 0] == at]

    @property
    def n_cells(self) -> int:
        """Number of cells."""
        return int(self.cell_lo.size - 1)

    def device_of(self, segments: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the device of each segment."""
        codes: NDArray[np.int32] = self.rows[self.seg_lo[segments], 0]
        return codes

    def cell_of(self, segments: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the cell of each segment."""
        return (np.searchsorted(self.cell_lo, segments, side="right") - 1).astype(np.int32)


def index_of_built(built: Built, case_ids: pa.Array, rule: CompanionRule, threads: int) -> CellIndex:
    """Index what a pass over pings gave that followed the cases."""
    order = np.argsort(built.devices.order_keys(), kind="stable")
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    # the cases were followed, so all of them have codes
    case_codes = rank[built.devices.encode(case_ids)].astype(np.int64)
    blocks = cast("list[CellBlock]", built.blocks)
    wanted = np.zeros(len(built.cells.values), dtype=np.bool_)
    for block in blocks:
        there = block.tracked[:, 1]
        wanted[there if block.codes is None else block.codes.cells[there]] = True
    new_cell, cells = codes_of_wanted(wanted, built.cells)
    gathering = Gathering(blocks, Codes(rank, new_cell), len(cells.values), threads)
    of_cases = gathering.tracked()
    whole = may_qualify(of_cases, rule, len(cells.values))
    rows, cell_rows = gathering.rows(whole, Spans(of_cases, len(cells.values)))
    seg_lo, cell_lo = grouped(rows, cell_rows, rank.size, threads)
    devices = take(built.devices.values(), order)
    return CellIndex(rows, seg_lo, cell_lo, devices, cells, case_codes, built.base, gathering)


def may_qualify(stays: NDArray[np.int32], rule: CompanionRule, n_cells: int) -> NDArray[np.bool_]:
    """Return for each cell whether it can qualify for any of the devices whose stays these are.

    Where a device never was long enough for the clause on shared time nobody can become its companion, whoever was
    there. Nothing is asked of the lookback: a cell too many costs memory and changes nothing.
    """
    if rule.combine == "or":
        return np.ones(n_cells, dtype=np.bool_)
    whole = np.zeros(n_cells, dtype=np.bool_)
    lengths = stays[:, 3] - stays[:, 2].astype(np.int64)
    if rule.shared == "cumulative":
        _, which, inverse = np.unique(
            stays[:, 0].astype(np.int64) << 32 | stays[:, 1], return_index=True, return_inverse=True
        )
        lengths, stays = np.bincount(inverse.ravel(), lengths, which.size).astype(np.int64), stays[which]
    whole[stays[lengths >= rule.least_shared_s, 1]] = True
    return whole


def index_of_stays(stays: Stays, case_ids: pa.Array, threads: int) -> CellIndex:
    """Index stays that are there already."""
    import pyarrow.compute as pc

    found = pc.index_in(case_ids, value_set=stays.devices).fill_null(-1)
    case_codes = view(found, np.int32).astype(np.int64)
    seen, _ = counted(np.sort(case_codes[case_codes >= 0]))
    # stays are sorted by device: a case's rows are one slice
    lo, hi = (np.searchsorted(stays.rows[:, 0], seen, side=side) for side in ("left", "right"))
    wanted = np.zeros(len(stays.cells.values), dtype=np.bool_)
    for a, b in zip(lo, hi, strict=True):
        wanted[stays.rows[a:b, 1]] = True
    new_cell, cells = codes_of_wanted(wanted, stays.cells)
    rows, cell_rows = _by_cell(stays.rows, new_cell, len(cells.values))
    seg_lo, cell_lo = grouped(rows, cell_rows, len(stays.devices), threads)
    return CellIndex(rows, seg_lo, cell_lo, stays.devices, cells, case_codes, stays.base)


def with_cells(rows: NDArray[np.int32], cell_rows: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return rows (device, cell, start, end) of rows by cell, given the first row of each cell."""
    out = np.empty((rows.shape[0], 4), dtype=np.int32)
    out[:, 0], out[:, 2], out[:, 3] = rows.T
    out[:, 1] = np.repeat(np.arange(cell_rows.size - 1, dtype=np.int32), np.diff(cell_rows))
    return out


def codes_of_wanted(wanted: NDArray[np.bool_], cells: Cells) -> tuple[NDArray[np.int32], Cells]:
    """Return the new codes, those of the wanted cells being in their order (-1: not wanted), and these cells."""
    order = cells.order()
    order = order[wanted[order]]
    new_cell = np.full(wanted.size, -1, dtype=np.int32)
    new_cell[order] = np.arange(order.size, dtype=np.int32)
    return new_cell, cells.take(order)


def _by_cell(
    stays: NDArray[np.int32], new_cell: NDArray[np.int32], n_cells: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the rows of wanted cells by cell, and the first row of each cell."""
    from cotrace.kernels.rows import count_rows, place_in_cells

    counts = np.zeros(n_cells + 1, dtype=np.int64)
    count_rows(stays, 1, new_cell, counts)
    cell_rows = np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64)
    n = int(cell_rows[-1])
    out = np.empty((n + 1, 3), dtype=np.int32)  # one more, for all that is dropped
    places = np.concatenate([[n], cell_rows[:-1]]).astype(np.int64)
    place_in_cells(stays, new_cell, places, out)
    return out[:n], cell_rows


def grouped(
    rows: NDArray[np.int32],
    cell_rows: NDArray[np.int64],
    n_devices: int,
    threads: int,
    in_pieces: bool = False,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bring each device's rows in a cell together, in place; return where segments and cells begin.

    ``in_pieces``: rows that touch are joined; what is left of ``rows`` comes first, and ``cell_rows`` is changed alike.
    """
    from cotrace.kernels.rows import group_devices, join_touching, mark_segments

    n_cells = cell_rows.size - 1
    largest = int(np.diff(cell_rows).max()) if n_cells else 0
    n_segments = np.zeros(n_cells, dtype=np.int64)

    def group(cells: tuple[int, int]) -> None:
        first, last = cells
        segment_of = np.full(n_devices, -1, dtype=np.int32)
        places, scratch = np.empty(largest, dtype=np.int64), np.empty((largest, 3), dtype=np.int32)
        group_devices(rows, cell_rows, first, last, segment_of, places, scratch, n_segments)

    # cells are shared out so that every thread has about as many rows
    edges = np.searchsorted(cell_rows, np.linspace(0, rows.shape[0], threads + 1)[1:-1])
    edges = np.concatenate([[0], edges.clip(0, n_cells), [n_cells]])
    on_threads(group, list(pairwise(edges.tolist())), threads)
    if in_pieces:
        rows = rows[: join_touching(rows, cell_rows)]
    cell_lo = np.concatenate([[0], np.cumsum(n_segments)]).astype(np.int64)
    seg_lo = np.empty(int(cell_lo[-1]) + 1, dtype=np.int64)
    mark_segments(rows, cell_rows, seg_lo)
    return seg_lo, cell_lo


def code_of(devices: pa.Array, device: Any) -> int:
    """Return the place of an id among devices, -1 where it is not."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(pc.index(devices, pa.scalar(device, devices.type)).as_py())
