"""Rows of made devices, a block of devices and a day at a time: what signals and GPS fixes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from cotrace.errors import OptionError

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.schema import TableSchema
    from cotrace.synth.cities import City
    from cotrace.synth.paths import Legs

__all__ = ["Block", "Lane", "Rows", "check_seed", "path_of"]

#: rows of a block, about: a row group of a file
ROWS_A_BLOCK = 1 << 20
#: rows may arrive this long after their day
_ARRIVAL_S = 2 * 86_400


@dataclass(frozen=True, eq=False)
class Block:
    """The rows of some devices on one day, in the order in which they arrive.

    Parameters
    ----------
    columns : dict of str to array
        The columns in their order; times are microseconds since the epoch, UTC.
    counts : int64
        What was counted, in the order of :attr:`Rows.counted`.
    """

    columns: dict[str, NDArray[Any]]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return int(next(iter(self.columns.values())).size)


class Lane:
    """Memory of one thread, used again from block to block.

    Parameters
    ----------
    columns_too : bool
        Whether columns are in this memory too: then those of one block are gone when the next one is made.
    """

    def __init__(self, columns_too: bool = False) -> None:
        self.rows = np.empty((ROWS_A_BLOCK + ROWS_A_BLOCK // 4, 4), np.int32)
        self.starts = np.empty(_ARRIVAL_S + 1, np.int64)
        self._columns: dict[str, NDArray[Any]] | None = {} if columns_too else None

    def grow(self) -> None:
        """Make room for twice as many rows; what is there is lost."""
        self.rows = np.empty((2 * len(self.rows), 4), np.int32)

    def column(self, name: str, n: int, kind: npt.DTypeLike = np.int64) -> NDArray[Any]:
        """Return memory for n values."""
        if self._columns is None:
            return np.empty(n, kind)
        if name not in self._columns or len(self._columns[name]) < n:
            self._columns[name] = np.empty(max(n, ROWS_A_BLOCK), kind)
        return self._columns[name][:n]


class Rows(ABC):
    """Rows of made devices: a source that can be read again and again, day by day, in bounded memory.

    Attributes
    ----------
    city : City
    seed : int
    names : tuple of str
        The columns.
    counted : tuple of str
        What is counted.
    """

    names: tuple[str, ...]
    counted: tuple[str, ...]

    def __init__(self, city: City, seed: int, rows_a_day: float) -> None:
        self.city, self.seed = city, check_seed(seed)
        self.devices_a_block = 1 << max(0, int(np.log2(max(1.0, ROWS_A_BLOCK / rows_a_day))))
        self._counts: dict[str, int] | None = None

    @abstractmethod
    def block(self, day: int, first: int, last: int, lane: Lane | None = None) -> Block:
        """Return the rows of the devices ``first`` to ``last - 1`` on a day."""

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The columns' names and types."""

    @abstractmethod
    def rows_of(self, counts: NDArray[np.int64]) -> int:
        """Return how many rows were counted."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the rows are made by besides the city: options and seeds by name."""

    def of(self, table: TableSchema) -> pa.Schema:
        """Return the columns of these rows, of the table that has them."""
        import pyarrow as pa

        whole = table.arrow(cell=pa.int64(), tz=str(self.city.start.tzinfo))
        return pa.schema([whole.field(name) for name in self.names])

    def arrow(self, columns: dict[str, NDArray[Any]]) -> pa.RecordBatch:
        """Return the columns of a block as a record batch of :attr:`schema`."""
        import pyarrow as pa

        from cotrace.arrays import from_numpy, repeated

        schema = self.schema
        arrays = [
            repeated(self.counted[:8], columns[f.name].astype(np.int64))
            if f.name == "event"
            else from_numpy(columns[f.name], f.type)
            for f in schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def blocks(self, day: int) -> list[tuple[int, int, int]]:
        """Return (day, first, last) of the blocks of a day: the same on any number of threads."""
        n, step = self.city.population, self.devices_a_block
        return [(day, first, min(first + step, n)) for first in range(0, n, step)]

    def batches(self, day: int | None = None) -> Iterator[pa.RecordBatch]:
        """Give the rows of a day, or of all days, block by block; in the order of their arrival within a block."""
        if day is not None and not 0 <= day < self.city.days:
            raise OptionError(f"day={day}: the city has the days 0 to {self.city.days - 1}")
        lane, total = Lane(), np.zeros(len(self.counted), np.int64)
        for one in range(self.city.days) if day is None else (day,):
            for at in self.blocks(one):
                block = self.block(*at, lane)
                total += block.counts
                yield self.arrow(block.columns)
        if day is None:
            self.keep_counts(total)

    def keep_counts(self, total: NDArray[np.int64]) -> None:
        """Keep what was counted over all days."""
        self._counts = dict(zip(self.counted, total.tolist(), strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """What was counted over all days; the rows are made for it unless that was done."""
        if self._counts is None:
            for _ in self.batches():
                pass
        return dict(self._counts or {})

    def to_arrow(self, day: int | None = None) -> pa.Table:
        """Return all rows, or those of a day, as a table."""
        import pyarrow as pa

        return pa.Table.from_batches(list(self.batches(day)), self.schema)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        import pyarrow as pa

        reader = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)


def path_of(legs: Legs) -> tuple[Any, ...]:
    """Return what the kernels read of legs, in their order."""
    return (legs.offset, legs.t0, legs.t1, legs.x0, legs.y0, legs.x1, legs.y1, legs.mode)


def check_seed(seed: int) -> int:
    """Return a seed."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**62:
        raise OptionError(f"seed={seed!r} is no whole number from 0 to 2**62")
    return seed
