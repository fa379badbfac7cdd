"""What queries read of a store: the stays of some devices, and those around them. Stays themselves are all there."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take
from cotrace.exposure.common import beyond, device_rows, seen_codes
from cotrace.tables import Stays, StaysStore, taken

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Around", "head", "is_store", "joined", "with_whole"]

Int64 = NDArray[np.int64]
Source = Stays | StaysStore


def is_store(source: object) -> TypeGuard[StaysStore]:
    """Say whether stays have to be read first."""
    return source is not None and not isinstance(source, Stays)


def head(source: Source, what: str) -> Stays:
    """Return a store's stays without a row: its cells, options and span are there."""
    if isinstance(source, Stays):
        return source
    return taken(source, what, devices=from_values([], source.device_type))


def with_whole(source: Source, what: str, stays: Stays, ids: pa.Array) -> Stays:
    """Return stays of a source with all stays of these devices, from their first second to their last."""
    if isinstance(source, Stays):
        return source
    return joined(stays, taken(source, what, devices=ids))


class Around:
    """The stays of one span of time in the cells in which some devices were.

    More are read as more devices are asked about; of stays that are there, all are there from the beginning.

    Parameters
    ----------
    source : Stays or Store
    what : str
        The query.
    start, end : int
        Unix seconds: when others count.
    ids : pyarrow.Array
        Devices of which it has to be known whether they were ever seen.

    Attributes
    ----------
    stays : Stays
        What was read so far.
    """

    def __init__(self, source: Source, what: str, start: int, end: int, ids: pa.Array) -> None:
        self.source, self._what, self._start, self._end = source, what, start, end
        self.stays = taken(source, what, start=start, end=start, devices=ids)
        self._there = np.zeros(len(self.stays.cells.values), dtype=np.bool_)

    @property
    def partial(self) -> bool:
        """Whether there may be more to read."""
        return is_store(self.source)

    def add(self, ids: pa.Array, windows: Int64) -> Stays:
        """Read the stays in the cells in which devices were, each in a time of its own (int64[n, 2], unix seconds)."""
        kept = np.flatnonzero(windows[:, 1] > windows[:, 0])
        if self.partial and kept.size:
            ids, windows = take(ids, kept), windows[kept]
            lo, hi = int(windows[:, 0].min()), int(windows[:, 1].max())
            mine = taken(self.source, self._what, start=lo, end=hi, devices=ids.unique())
            fresh = np.setdiff1d(_cells_of(mine, ids, windows), np.flatnonzero(self._there))
            self._there[fresh] = True
            cells = take(mine.cells.values, fresh)
            near = taken(self.source, self._what, start=self._start, end=self._end, cells=cells)
            self.stays = joined(self.stays, mine, near)
        return self.stays

    def whole(self, ids: pa.Array) -> Stays:
        """Read all stays of some devices, at any time."""
        self.stays = with_whole(self.source, self._what, self.stays, ids)
        return self.stays


def _cells_of(stays: Stays, ids: pa.Array, windows: Int64) -> Int64:
    """Return the codes of the cells in which each device was in its time."""
    rows, whose = device_rows(stays, seen_codes(stays.devices, ids))
    inside = windows - stays.base
    start = np.maximum(stays.rows[rows, 2], inside[whose, 0])
    end = np.minimum(stays.rows[rows, 3], inside[whose, 1])
    return np.unique(stays.rows[rows[start < end], 1].astype(np.int64))


def joined(*parts: Stays) -> Stays:
    """Join stays that were read of one store: what overlaps or touches in one cell is one stay.

    Stays are as long as they can be, so that pieces of one that touch are pieces of one stay.
    """
    import pyarrow as pa

    first = parts[0]
    every = pa.chunked_array([part.devices for part in parts]).unique()
    devices = take(every, order_of(every))
    base = min(part.base for part in parts)
    listed = []
    for part in parts:
        rows = part.rows.astype(np.int64)
        rows[:, 0] = seen_codes(devices, part.devices)[rows[:, 0]]
        rows[:, 2:] += part.base - base
        listed.append(rows)
    return Stays(
        _merged(np.concatenate(listed)).astype(np.int32),
        devices,
        first.cells,
        base=base,
        tz=first.tz,
        options=first.options,
        counts=first.counts,
        span=first.span,
        sources=first.sources,
    )


def _merged(rows: Int64) -> Int64:
    """Join rows of a device and cell that overlap or touch; by device, start, cell."""
    rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
    if not rows.size:
        return rows
    other = np.any(np.diff(rows[:, :2], axis=0, prepend=rows[:1, :2]) != 0, axis=1)
    start, end = rows[:, 2], rows[:, 3]
    before, _ = beyond(start, end, np.cumsum(other), np.full(start.size, start.min() - 1))
    lo = np.flatnonzero(start > before)
    merged = rows[lo]
    merged[:, 3] = np.maximum.reduceat(end, lo)
    return np.ascontiguousarray(merged[np.lexsort((merged[:, 1], merged[:, 2], merged[:, 0]))])
