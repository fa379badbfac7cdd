"""The stays of a pass, shelved by cell, and what of them is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.builder import translations
from cotrace.threads import on_threads

if TYPE_CHECKING:
    from cotrace.stays.shelf import CellBlock, Codes

__all__ = ["Gathering", "Spans"]

_T = TypeVar("_T")


class Spans:
    """For each cell, when somebody of interest was there: the spans of their stays, joined where they overlap.

    Parameters
    ----------
    stays : int32[n, 4]
        Device, cell, start, end; any order.
    n_cells : int

    Attributes
    ----------
    lo : int64[cells + 1]
        Where the spans of each cell begin.
    spans : int32[s, 2]
        Start and end.
    """

    def __init__(self, stays: NDArray[np.int32], n_cells: int) -> None:
        ordered = stays[np.lexsort((stays[:, 2], stays[:, 1]))]
        cell, start, end = ordered[:, 1].astype(np.int64), ordered[:, 2], ordered[:, 3]
        # the latest end so far in a cell: an offset by cell makes one running maximum of it
        offset = cell << 33
        latest = np.maximum.accumulate(end + offset) if end.size else offset
        new = np.ones(cell.size, dtype=np.bool_)
        new[1:] = start[1:] + offset[1:] > latest[:-1]
        first = np.flatnonzero(new)
        last = np.append(first[1:], cell.size)[: first.size] - 1
        self.spans = np.stack([start[first], (latest - offset)[last]], axis=1).astype(np.int32)
        self.lo = np.searchsorted(cell[first], np.arange(n_cells + 1)).astype(np.int64)


class Gathering:
    """Blocks of stays by cell, with the codes that they have outside, from which rows are taken.

    Parameters
    ----------
    blocks : list of CellBlock
    new : Codes
        The new codes of devices, and of cells: -1 where a cell is not asked for.
    n_cells : int
        New codes of cells.
    threads : int
    """

    def __init__(self, blocks: list[CellBlock], new: Codes, n_cells: int, threads: int) -> None:
        self._blocks, self._codes = blocks, translations(blocks, new)
        self._n_cells, self._threads = n_cells, threads

    def _cells(self, i: int) -> NDArray[np.int32]:
        """Return the new codes of a block's cells."""
        return self._codes[i].cells[self._blocks[i].cells]

    def tracked(self) -> NDArray[np.int32]:
        """Return the stays of the devices that the pass followed: device, cell, start, end, in no order."""
        found = [np.empty((0, 4), dtype=np.int32)]
        for block, codes in zip(self._blocks, self._codes, strict=True):
            rows = block.tracked.copy()
            rows[:, 0], rows[:, 1] = codes.devices[rows[:, 0]], codes.cells[rows[:, 1]]
            found.append(rows)
        return np.concatenate(found)

    def rows(
        self, whole: NDArray[np.bool_] | None = None, spans: Spans | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the stays (device, start, end) of cells, by cell, and the first row of each cell.

        ``whole`` says for each cell whether all of its stays are asked for (None: in all), or only those in spans
        of time, at least in part.
        """
        from cotrace.kernels.shelf import group_cells

        every = np.ones(self._n_cells, dtype=np.bool_) if whole is None else whole
        some = self._in_spans(~every, spans) if spans is not None else np.empty((0, 4), dtype=np.int32)
        counts = np.bincount(some[:, 1], minlength=self._n_cells).astype(np.int64)
        for i in range(len(self._blocks)):
            which, cells = self._asked(i, every)
            counts[cells] += np.diff(self._blocks[i].lo)[which]  # a cell is in a block once
        cell_rows = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        out = np.empty((int(cell_rows[-1]), 3), dtype=np.int32)
        self._copy(every, cell_rows, out)
        # a cell is whole or in part: here go the rows of those in part
        group_cells(some, cell_rows[:-1].copy(), out)
        return out, cell_rows

    def rows_of(self, devices: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the stays (device, cell, start, end) of some devices, in no order."""

        def find(i: int) -> NDArray[np.int32]:
            block, codes = self._blocks[i], self._codes[i]
            grouped, theirs = block.read(), np.flatnonzero(np.isin(codes.devices, devices))
            at = np.flatnonzero(np.isin(grouped[:, 0], theirs))
            cells = self._cells(i)[np.searchsorted(block.lo, at, side="right") - 1]
            rows = np.stack([codes.devices[grouped[at, 0]], cells, grouped[at, 1], grouped[at, 2]], axis=1)
            return rows[cells >= 0]

        return np.concatenate([np.empty((0, 4), dtype=np.int32), *self._over(find)])

    def _asked(self, i: int, asked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return which of a block's cells are asked for, and their new codes."""
        cells = self._cells(i)
        which = np.flatnonzero(np.append(asked, False)[cells])
        return which, cells[which]

    def _copy(self, asked: NDArray[np.bool_], cell_rows: NDArray[np.int64], out: NDArray[np.int32]) -> None:
        """Copy the rows of cells to their places."""
        from cotrace.kernels.shelf import gather_cells

        todo, begins = [], cell_rows[:-1].copy()
        for i, block in enumerate(self._blocks):
            which, cells = self._asked(i, asked)
            todo.append((which, begins[cells]))
            begins[cells] += np.diff(block.lo)[which]

        def copy(i: int) -> None:
            if todo[i][0].size:
                gather_cells(
                    self._blocks[i].read(), self._blocks[i].lo, *todo[i], self._codes[i].devices, out
                )

        self._over(copy)

    def _in_spans(self, asked: NDArray[np.bool_], spans: Spans) -> NDArray[np.int32]:
        """Return the rows of some cells that are in their spans, those of a device in a cell in order."""
        from cotrace.kernels.shelf import filter_cells

        most = max((int(block.lo[-1]) for block in self._blocks), default=0)
        scratch = threading.local()  # memory that is new to the process costs more than what is done with it

        def find(i: int) -> NDArray[np.int32]:
            block, cells = self._blocks[i], self._cells(i)
            if not hasattr(scratch, "out"):
                scratch.out = np.empty((most, 4), dtype=np.int32)
            out: NDArray[np.int32] = scratch.out
            cells[~np.append(asked, False)[cells]] = -1
            n = filter_cells(
                block.read(), block.lo, cells, spans.lo, spans.spans, self._codes[i].devices, out
            )
            return out[:n].copy()

        return np.concatenate([np.empty((0, 4), dtype=np.int32), *self._over(find)])

    def _over(self, work: Callable[[int], _T]) -> list[_T]:
        """Do something with each block, on threads; the results come in order."""
        return on_threads(work, range(len(self._blocks)), self._threads)
