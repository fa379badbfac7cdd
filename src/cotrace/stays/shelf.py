"""Where closed stays are kept while others are still being made."""

from __future__ import annotations

import os
import tempfile
import threading
from dataclasses import dataclass
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "CellBlock", "CellShelf", "Codes", "RowShelf", "Shelf"]

#: bytes of stays that are held in memory before the next ones go to disk
HELD = 1 << 29
#: rows of the largest piece of memory that stays by cell are kept in: so large that it is given back when it is free
_SLAB = 3 << 20


@dataclass
class Codes:
    """What the codes of one pair of dictionaries are in another: int32 by code, of devices and of cells."""

    devices: NDArray[np.int32]
    cells: NDArray[np.int32]

    def after(self, first: Codes) -> Codes:
        """Return both translations in one, ``first`` being done first."""
        return Codes(self.devices[first.devices], self.cells[first.cells])


@dataclass
class Block:
    """Rows (device, cell, start, end) as they were written; ``codes`` says what theirs are, None: as they stand."""

    rows: NDArray[np.int32]
    codes: Codes | None = None

    def translated(self) -> NDArray[np.int32]:
        """Return the rows with codes as they are outside; done in place, once."""
        if self.codes is not None:
            self.rows[:, 0] = self.codes.devices[self.rows[:, 0]]
            self.rows[:, 1] = self.codes.cells[self.rows[:, 1]]
            self.codes = None
        return self.rows


@dataclass
class CellBlock:
    """Rows (device, start, end) by cell, those of one cell in the order in which they came.

    ``cells`` are the codes of the cells that there are, and ``lo`` where each begins in the rows (and the end).
    ``tracked`` are the rows (device, cell, start, end) of the devices that are followed, once more.
    """

    cells: NDArray[np.int32]
    lo: NDArray[np.int32]
    tracked: NDArray[np.int32]
    data: NDArray[np.int32] | None
    shelf: CellShelf
    at: int = 0
    codes: Codes | None = None

    def read(self) -> NDArray[np.int32]:
        """Return the rows, read back where they are on disk."""
        return self.data if self.data is not None else self.shelf.read(self.at, int(self.lo[-1]))


class Shelf(Protocol):
    """Takes rows (device, cell, start, end) and gives a block that stands for them."""

    #: rows that are given at a time
    piece: int

    def put(self, rows: NDArray[np.int32]) -> Any:
        """Keep these rows; whether they are copied, ``copies`` says."""
        ...

    #: whether the caller may write over rows that were put here
    copies: bool


class RowShelf:
    """Keeps rows as they are, in the memory that they were written to: 16 bytes a stay."""

    piece = 1 << 21
    copies = False

    def put(self, rows: NDArray[np.int32]) -> Block:
        """See :class:`Shelf`."""
        return Block(rows)


class CellShelf:
    """Keeps rows by cell, 12 bytes a stay, in memory and from a limit on in a temporary file.

    What is asked later are the stays in some of the cells: these lie together then, and the others are passed over.
    Threads may share a shelf.

    Parameters
    ----------
    n_tracked : int
        Devices with a code below are followed.
    limit : int
        Bytes to hold in memory.
    """

    piece = 1 << 17
    copies = True

    def __init__(self, n_tracked: int, limit: int = HELD) -> None:
        self._n_tracked, self._limit = n_tracked, limit
        self._held = self._written = 0
        self._file: IO[bytes] | None = None
        self._lock = threading.Lock()
        self._scratch = threading.local()

    def put(self, rows: NDArray[np.int32]) -> CellBlock:
        """See :class:`Shelf`."""
        from cotrace.kernels.shelf import group_cells, tally_cells

        counts, found = self._tables(int(rows[:, 1].max()) + 1, rows.shape[0])
        n_found = tally_cells(rows, self._n_tracked, counts, found)
        cells = np.flatnonzero(counts)
        lo = np.concatenate([[0], np.cumsum(counts[cells])]).astype(np.int32)
        counts[cells] = lo[:-1]
        data = self._space(rows.shape[0])
        group_cells(rows, counts, data)
        counts[cells] = 0
        block = CellBlock(cells.astype(np.int32), lo, rows[found[:n_found]], data, self)
        self._settle(block)
        return block

    def _tables(self, n_cells: int, n_rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return this thread's scratch: counts, all zero and left so, and numbers of rows."""
        counts, found = getattr(self._scratch, "tables", (np.empty(0, np.int64), np.empty(0, np.int64)))
        if counts.size < n_cells or found.size < n_rows:
            counts, found = np.zeros(max(counts.size, 2 * n_cells), np.int64), np.empty(n_rows, np.int64)
            self._scratch.tables = counts, found
        return counts, found

    def _space(self, n: int) -> NDArray[np.int32]:
        """Return room for rows in a large piece of memory of this thread's."""
        slab, used = getattr(self._scratch, "slab", (np.empty((0, 3), dtype=np.int32), 0))
        if slab.shape[0] - used < n:
            slab, used = np.empty((max(n, min(2 * slab.shape[0], _SLAB)), 3), dtype=np.int32), 0
        self._scratch.slab = slab, used + n
        return slab[used : used + n]

    def _settle(self, block: CellBlock) -> None:
        """Hold the rows of a block, or write them."""
        assert block.data is not None
        size = block.data.nbytes
        with self._lock:
            if self._held + size <= self._limit:
                self._held += size
                return
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="cotrace-stays-")  # noqa: SIM115  closed with the shelf
            block.at, self._written = self._written, self._written + size
        # written at a place of its own, by several threads at once
        view, done = block.data.data.cast("B"), 0
        while done < size:
            done += os.pwrite(self._file.fileno(), view[done:], block.at + done)
        block.data = None
        slab, used = self._scratch.slab
        self._scratch.slab = slab, used - int(block.lo[-1])  # what was written can be written over

    def read(self, at: int, n: int) -> NDArray[np.int32]:
        """Read ``n`` rows back."""
        assert self._file is not None
        rows = np.empty((n, 3), dtype=np.int32)
        view, done = rows.data.cast("B"), 0
        while done < rows.nbytes:
            got = os.preadv(self._file.fileno(), [view[done:]], at + done)
            if not got:
                raise OSError("a temporary file of stays is shorter than it was")
            done += got
        return rows

    @property
    def spilled(self) -> int:
        """Bytes that were written to disk."""
        return self._written
