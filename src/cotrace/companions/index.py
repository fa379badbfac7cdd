"""The index of the cases' cells: the stays of all devices there, by cell and device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted, take, view
from cotrace.stays.builder import Block, Codes, translations
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.stays.passes import Built
    from cotrace.tables import Stays

__all__ = ["CellIndex", "index_of_built", "index_of_stays"]


@dataclass(frozen=True)
class CellIndex:
    """Stays by cell, cut into segments of one device in one cell.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by cell, a device's rows together, by start. Codes are in the order of the ids.
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
    """

    rows: NDArray[np.int32]
    seg_lo: NDArray[np.int64]
    cell_lo: NDArray[np.int64]
    devices: pa.Array
    cells: Cells
    case_codes: NDArray[np.int64]
    base: int

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
        codes: NDArray[np.int32] = self.rows[self.seg_lo[segments], 1]
        return codes


def index_of_built(built: Built, case_ids: pa.Array, threads: int) -> CellIndex:
    """Index what a pass over pings gave; uses its blocks up."""
    order = np.argsort(built.devices.order_keys(), kind="stable")
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    # the cases were tracked, so all of them have codes
    case_codes = rank[built.devices.encode(case_ids)].astype(np.int64)
    wanted = _cells_of(built.blocks, built.n_tracked, len(built.cells.values))
    devices = take(built.devices.values(), order)
    return _index(built.blocks, rank, wanted, devices, built.cells, case_codes, built.base, threads)


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
    same = np.arange(len(stays.devices), dtype=np.int32)
    blocks = [Block(stays.rows[at : at + (1 << 20)]) for at in range(0, len(stays), 1 << 20)]
    return _index(blocks, same, wanted, stays.devices, stays.cells, case_codes, stays.base, threads)


def _cells_of(blocks: list[Block], n_tracked: int, n_cells: int) -> NDArray[np.bool_]:
    from cotrace.kernels.rows import mark_cells

    wanted = np.zeros(n_cells, dtype=np.bool_)
    for block in blocks:
        if block.codes is None:
            mark_cells(block.rows, n_tracked, wanted)
        else:
            theirs = np.zeros(block.codes.cells.size, dtype=np.bool_)
            mark_cells(block.rows, n_tracked, theirs)
            wanted[block.codes.cells[theirs]] = True
    return wanted


def _index(
    blocks: list[Block],
    new_device: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    devices: pa.Array,
    cells: Cells,
    case_codes: NDArray[np.int64],
    base: int,
    threads: int,
) -> CellIndex:
    order = cells.order()
    order = order[wanted[order]]
    new_cell = np.full(wanted.size, -1, dtype=np.int32)
    new_cell[order] = np.arange(order.size, dtype=np.int32)
    rows, cell_rows = _by_cell(blocks, Codes(new_device, new_cell), order.size)
    seg_lo, cell_lo = _grouped(rows, cell_rows, new_device.size, threads)
    return CellIndex(rows, seg_lo, cell_lo, devices, cells.take(order), case_codes, base)


def _by_cell(blocks: list[Block], new: Codes, n_cells: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the rows of wanted cells by cell, and the first row of each cell; uses the blocks up."""
    from cotrace.kernels.rows import count_rows, place_rows

    codes = translations(blocks, new)
    counts = np.zeros(n_cells + 1, dtype=np.int64)
    for block, mine in zip(blocks, codes, strict=True):
        count_rows(block.rows, 1, mine.cells, counts)
    cell_rows = np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64)
    n = int(cell_rows[-1])
    out = np.empty((n + 1, 4), dtype=np.int32)  # one more, for all that is dropped
    places = np.concatenate([[n], cell_rows[:-1]]).astype(np.int64)
    for mine in codes:
        place_rows(blocks.pop(0).rows, 1, mine.devices, mine.cells, places, out)
    return out[:n], cell_rows


def _grouped(
    rows: NDArray[np.int32], cell_rows: NDArray[np.int64], n_devices: int, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bring each device's rows in a cell together, in place; return where segments and cells begin."""
    from cotrace.kernels.rows import group_devices, mark_segments

    n_cells = cell_rows.size - 1
    largest = int(np.diff(cell_rows).max()) if n_cells else 0
    n_segments = np.zeros(n_cells, dtype=np.int64)

    def group(cells: tuple[int, int]) -> None:
        first, last = cells
        segment_of = np.full(n_devices, -1, dtype=np.int32)
        places, scratch = np.empty(largest, dtype=np.int64), np.empty((largest, 4), dtype=np.int32)
        group_devices(rows, cell_rows, first, last, segment_of, places, scratch, n_segments)

    # cells are shared out so that every thread has about as many rows
    edges = np.searchsorted(cell_rows, np.linspace(0, rows.shape[0], threads + 1)[1:-1])
    edges = np.concatenate([[0], edges.clip(0, n_cells), [n_cells]])
    on_threads(group, list(pairwise(edges.tolist())), threads)
    cell_lo = np.concatenate([[0], np.cumsum(n_segments)]).astype(np.int64)
    seg_lo = np.empty(int(cell_lo[-1]) + 1, dtype=np.int64)
    mark_segments(rows, seg_lo)
    return seg_lo, cell_lo
