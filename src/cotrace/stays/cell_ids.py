"""The dictionary of grid cells: a plain table of the rectangle that devices are in, or a hash table beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy
from cotrace.binning import BAD_CELL
from cotrace.ids import IntIds

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CellIds"]

#: cells of the largest rectangle that a table is made of (4 bytes each)
_LARGEST = 1 << 21
_FIRST_ROOM = 1 << 12


class CellIds:
    """Packed cells to dense codes, in the order in which they are first seen.

    A rectangle of up to two million cells has a table of its codes; where cells are further apart, or there are more,
    they are hashed.
    """

    def __init__(self) -> None:
        self._ids = np.empty(_FIRST_ROOM, dtype=np.int64)
        self._n = 0
        self._first = (0, 0)
        self._table = np.empty((0, 0), dtype=np.int32)
        self._hashed: IntIds | None = None

    def __len__(self) -> int:
        return self._n if self._hashed is None else len(self._hashed)

    @property
    def array(self) -> NDArray[np.int64]:
        """The cells by code: a view."""
        return self._ids[: self._n] if self._hashed is None else self._hashed.array

    def values(self) -> pa.Array:
        """Return the cells by code."""
        return from_numpy(self.array.copy())

    def encode(self, cells: NDArray[np.int64]) -> tuple[NDArray[np.int32], int]:
        """Return the code of each cell, -1 where there is none (``BAD_CELL``), and how many these are."""
        from cotrace.kernels.cells import encode_cells

        codes = np.empty(cells.size, dtype=np.int32)
        done, bad = 0, 0
        while self._hashed is None:
            done, self._n, more = encode_cells(
                cells, *self._first, self._table, self._ids, self._n, codes, done
            )
            bad += more
            if done == cells.size:
                return codes, bad
            if self._n == self._ids.size:
                self._ids = np.concatenate([self._ids, np.empty_like(self._ids)])
            else:
                self._widen(cells[done:])
        return codes, bad + self._hash(cells[done:], codes[done:])

    def _hash(self, cells: NDArray[np.int64], codes: NDArray[np.int32]) -> int:
        assert self._hashed is not None
        good = cells != BAD_CELL
        bad = int(cells.size - np.count_nonzero(good))
        if not bad:
            codes[:] = self._hashed.encode_numpy(cells)
        else:
            codes[:] = -1
            codes[good] = self._hashed.encode_numpy(cells[good])
        return bad

    def _widen(self, cells: NDArray[np.int64]) -> None:
        """Make a table that has room for these cells too, or go over to hashing."""
        known = self.array
        cells = np.concatenate([known, cells[cells != BAD_CELL]])
        row = cells.astype(np.int32).astype(np.int64)  # the lower 32 bits, with their sign
        col = (cells - row) >> 32
        lows = int(col.min()), int(row.min())
        sizes = int(col.max()) - lows[0] + 1, int(row.max()) - lows[1] + 1
        # some room at the edges, so that a city is not measured again for every village around it
        rooms = sizes[0] // 4 + 2, sizes[1] // 4 + 2
        shape = sizes[0] + 2 * rooms[0], sizes[1] + 2 * rooms[1]
        if shape[0] * shape[1] > _LARGEST:
            self._hashed = IntIds()
            self._hashed.encode_numpy(known)
            return
        self._first = (lows[0] - rooms[0], lows[1] - rooms[1])
        self._table = np.full(shape, -1, dtype=np.int32)
        n = known.size
        self._table[col[:n] - self._first[0], row[:n] - self._first[1]] = np.arange(n, dtype=np.int32)
