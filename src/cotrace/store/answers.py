"""What was read of a store as a table of stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import order_of, take
from cotrace.store.dictionaries import places_of
from cotrace.store.reading import END_OF_TIME, Snapshot
from cotrace.store.slices import numbered
from cotrace.tables import Stays

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["stays_of"]

#: stays of a device on a day, as a guess
_A_DAY = 16


def stays_of(
    snapshot: Snapshot, start: int | None, end: int | None, devices: pa.Array | None, cells: pa.Array | None
) -> Stays:
    """Return stays as a table: see :meth:`cotrace.Store.stays`; unix seconds, ids and cells as Arrow arrays."""
    from cotrace.kernels.store_rows import join_rows

    days = snapshot.days_of(start, end)
    asked = None
    if devices is not None:
        codes = snapshot.devices.encode(devices)
        asked = np.unique(codes[codes >= 0])
    rows = snapshot.rows_of(asked, days) if cells is None else _in_cells(snapshot, cells, asked, days)
    if start is not None or end is not None:
        low = -END_OF_TIME if start is None else _within_reach(start - snapshot.base)
        high = END_OF_TIME if end is None else _within_reach(end - snapshot.base)
        rows = rows[: join_rows(rows, low, high, rows)]
    if asked is None:
        asked = snapshot.devices.known() if cells is None else np.unique(rows[:, 0])
    return _table(snapshot, rows, asked)


def _within_reach(seconds: int) -> int:
    return min(max(seconds, -END_OF_TIME), END_OF_TIME)


def _in_cells(
    snapshot: Snapshot, values: pa.Array, asked: NDArray[np.int32] | None, days: Sequence[int]
) -> NDArray[np.int32]:
    """Return the stays in cells, of some devices or of all, by device, start; by the way that reads less."""
    from cotrace.kernels.store_rows import join_rows

    codes = places_of(values, snapshot.cells.values)
    codes = np.unique(codes[codes >= 0])
    if asked is not None and asked.size * _A_DAY * len(days) < int(snapshot.sizes_in(codes, days).sum()):
        rows = snapshot.rows_of(asked, days)
        return np.ascontiguousarray(rows[np.isin(rows[:, 1], codes)])
    found, lo = snapshot.rows_in(codes, days)
    rows = np.empty((found.shape[0], 4), dtype=np.int32)
    rows[:, 0], rows[:, 1], rows[:, 2:] = found[:, 0], np.repeat(codes, np.diff(lo)), found[:, 1:]
    if asked is not None:
        rows = rows[np.isin(rows[:, 0], asked)]
    rows = np.ascontiguousarray(rows[np.lexsort((rows[:, 2], rows[:, 0]))])
    return rows[: join_rows(rows, -END_OF_TIME, END_OF_TIME, rows)]


def _table(snapshot: Snapshot, rows: NDArray[np.int32], named: NDArray[np.int32]) -> Stays:
    """Return rows as a table, with the devices ``named`` in its dictionary."""
    from cotrace.kernels.rows import count_rows, place_rows

    ids = snapshot.devices.values(named)
    order = order_of(ids)
    cells, cell_rank = snapshot.cells_in_order
    rank = numbered(named[order], int(named.max(initial=-1)) + 1)
    counts = np.zeros(named.size + 1, dtype=np.int64)
    count_rows(rows, 0, rank, counts)
    out = np.empty_like(rows)
    place_rows(rows, rank, cell_rank, np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64), out)
    return Stays(
        out,
        take(ids, order),
        cells,
        base=snapshot.base,
        tz=snapshot.tz,
        options=snapshot.options,
        counts=snapshot.counts,
        span=snapshot.span,
    )
