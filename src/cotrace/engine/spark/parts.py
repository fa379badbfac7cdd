"""Stays of a task: made of the columns of a frame, and put back into columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import order_of, plain, take, view
from cotrace.counts import Counts
from cotrace.ids import ids_of_type
from cotrace.tables import Stays

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.engine.spark.meaning import Meaning

__all__ = ["coded", "columns_of", "numbers", "seconds_of", "stays_of", "table_of"]

_MICROS, _DAY = 1_000_000, 86_400
_COLUMNS = ("device", "cell", "started_at", "finished_at")


def columns_of(device: Any, cell: Any, start: NDArray[np.int64], end: NDArray[np.int64]) -> pa.Table:
    """Return stays as a table of ids, cells and unix seconds: what is sent to tasks and back."""
    import pyarrow as pa

    return pa.table([device, cell, pa.array(start), pa.array(end)], names=["device", "cell", "start", "end"])


def seconds_of(table: pa.Table) -> pa.Table:
    """Return the columns of a frame of stays with unix seconds; see :func:`columns_of`."""
    moments = (numbers(table, name) // _MICROS for name in _COLUMNS[2:])
    return columns_of(table["device"], table["cell"], *moments)


def stays_of(
    tables: Sequence[pa.Table],
    meaning: Meaning,
    cells: pa.Array | None = None,
    devices: Sequence[pa.Array] = (),
) -> Stays:
    """Make stays of columns of ids, cells and unix seconds; every row once, in any order.

    ``cells``, in ascending order, are the dictionary where the caller has one that all rows are in; ``devices`` are
    some that may have no stay.
    """
    known, found = ids_of_type(meaning.device), ids_of_type(meaning.cell)
    for ids in devices:
        known.encode(plain(ids).cast(meaning.device))
    if cells is not None:
        found.encode(cells)
    rows = []
    for table in tables:
        device = known.encode(plain(table["device"]).cast(meaning.device))
        cell = found.encode(plain(table["cell"]).cast(meaning.cell))
        rows.append((device, cell, numbers(table, "start"), numbers(table, "end")))
    base = min((int(start.min()) for _, _, start, _ in rows if start.size), default=0) // _DAY * _DAY
    device_order, cell_order = order_of(known.values()), order_of(found.values())
    rank, cell_rank = _ranks(device_order), _ranks(cell_order)
    parts = [
        np.stack([rank[d], cell_rank[c], (s - base).astype(np.int32), (e - base).astype(np.int32)], axis=1)
        for d, c, s, e in rows
    ]
    joined = np.concatenate([np.empty((0, 4), dtype=np.int32), *parts])
    joined = np.ascontiguousarray(joined[np.lexsort((joined[:, 2], joined[:, 0]))])
    span = (int(joined[:, 2].min()) + base, int(joined[:, 3].max()) + base) if len(joined) else None
    return Stays(
        joined,
        take(known.values(), device_order),
        meaning.cells(take(found.values(), cell_order)),
        base=base,
        tz=meaning.tz,
        options=meaning.options,
        counts=Counts(),
        span=span,
    )


def numbers(table: pa.Table, name: str) -> NDArray[np.int64]:
    """Return a column of integers as NumPy's, without a copy where it is in one piece."""
    return view(table[name].combine_chunks(), np.int64)


def coded(column: pa.ChunkedArray, kind: pa.DataType) -> tuple[NDArray[np.int64], pa.Array]:
    """Return codes in the order of the ids, and the ids in that order."""
    ids = ids_of_type(kind)
    codes = ids.encode(plain(column).cast(kind))
    order = order_of(ids.values())
    return _ranks(order)[codes].astype(np.int64), take(ids.values(), order)


def _ranks(order: NDArray[np.int64]) -> NDArray[np.int32]:
    ranks = np.empty(order.size, dtype=np.int32)
    ranks[order] = np.arange(order.size, dtype=np.int32)
    return ranks


def table_of(stays: Stays, rows: NDArray[np.int32] | None = None) -> pa.Table:
    """Return stays (or some rows of them) as columns of ids, cells and unix seconds."""
    some = stays.rows if rows is None else rows
    start, end = (some[:, k].astype(np.int64) + stays.base for k in (2, 3))
    return columns_of(take(stays.devices, some[:, 0]), take(stays.cells.values, some[:, 1]), start, end)
