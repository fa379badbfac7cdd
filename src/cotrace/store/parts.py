"""The tables that a store is made of: how each is written, and read again as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, view
from cotrace.store.days import DayCounts, Tails
from cotrace.store.incoming import Compact

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.store.files import FileEntry, Files

__all__ = [
    "INDEX_GROUP",
    "STAYS_GROUP",
    "by_cell",
    "joined_towers",
    "numbers_of",
    "places_of_day",
    "read_pings",
    "read_stays",
    "read_tails",
    "rewritten_stays",
    "rows_of_index",
    "write_cells",
    "write_devices",
    "write_index",
    "write_pings",
    "write_stays",
    "write_tails",
]

#: rows of a row group: of stays, where devices are found by the statistics, and of the index by cell. Groups of stays
#: are small and not compressed: a hundred cases are a few rows in each of many files
STAYS_GROUP, INDEX_GROUP = 1 << 12, 1 << 13
_ROW = 12


def _table(names: Sequence[str], columns: Sequence[NDArray[Any]]) -> pa.Table:
    import pyarrow as pa

    arrays = [from_numpy(np.ascontiguousarray(column), pa.int32()) for column in columns]
    return pa.Table.from_arrays(arrays, names=list(names))


def numbers_of(table: pa.Table) -> list[NDArray[np.int32]]:
    """Return the int32 columns of a table as arrays."""
    return [view(column.combine_chunks(), np.int32) for column in table.columns]


def write_pings(files: Files, pings: Compact, day: int, bucket: int, batch: str) -> FileEntry:
    """Write what a batch brought of a day and bucket: a few bytes a ping."""
    return files.write(
        _table(Compact._fields, pings),
        kind="pings",
        day=day,
        bucket=bucket,
        batch=batch,
        meta={"pings": int(pings.rows.sum(dtype=np.int64))},
        compression="zstd",
        use_dictionary=["devices", "cells", "rows"],
        column_encoding={"seconds": "DELTA_BINARY_PACKED"},
        write_statistics=False,
    )


def read_pings(files: Files, entry: FileEntry) -> Compact:
    """Read them again."""
    return Compact(*numbers_of(files.read(entry, use_threads=False)))


def write_tails(files: Files, tails: Tails, day: int, bucket: int) -> FileEntry:
    """Write the last ping of each device of a day and bucket."""
    return files.write(
        _table(Tails._fields, tails),
        kind="tails",
        day=day,
        bucket=bucket,
        compression="zstd",
        use_dictionary=["cells", "pings", "used", "conflicts"],
        column_encoding={"devices": "DELTA_BINARY_PACKED", "seconds": "PLAIN", "first": "PLAIN"},
        write_statistics=False,
    )


def read_tails(files: Files, entry: FileEntry) -> Tails:
    """Read them again."""
    return Tails(*numbers_of(files.read(entry, use_threads=False)))


def write_stays(files: Files, rows: NDArray[np.int32], counts: DayCounts, day: int, bucket: int) -> FileEntry:
    """Write the rows (device, cell, start, end) of a day and bucket."""
    return files.write(
        _table(("device", "cell", "start", "end"), [rows[:, k] for k in range(4)]),
        kind="stays",
        day=day,
        bucket=bucket,
        meta=vars(counts),
        compression="none",
        use_dictionary=["device", "cell"],
        column_encoding={"start": "DELTA_BINARY_PACKED", "end": "DELTA_BINARY_PACKED"},
        row_group_size=STAYS_GROUP,
        write_statistics=["device"],
    )


def rewritten_stays(files: Files, rows: NDArray[np.int32], entry: FileEntry) -> FileEntry:
    """Write other rows of a day and bucket, with the counts that stand there."""
    assert entry.day is not None
    assert entry.bucket is not None
    return write_stays(files, rows, DayCounts(**entry.meta), entry.day, entry.bucket)


def read_stays(
    files: Files, entry: FileEntry, row_groups: Sequence[int] | None = None, metadata: Any = None
) -> NDArray[np.int32]:
    """Read them again, or some of their row groups."""
    if not entry.rows:
        return np.empty((0, 4), dtype=np.int32)
    table = files.read(entry, row_groups=row_groups, metadata=metadata, use_threads=False)
    return np.stack(numbers_of(table), axis=1)


def by_cell(
    buckets: Sequence[NDArray[np.int32]], n_buckets: int, n_cells: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Bring the rows of a day's buckets into the order of cell, device, start.

    Parameters
    ----------
    buckets : sequence of int32[n, 4]
        The rows of each of the buckets, in their order.
    n_buckets, n_cells : int

    Returns
    -------
    (rows, cells, lo)
        int32[n, 3] device, start, end; the cells that there are, and the first row of each.
    """
    from cotrace.kernels.rows import count_keys
    from cotrace.kernels.store_rows import merge_by_cell

    rows = np.concatenate(buckets) if len(buckets) > 1 else np.ascontiguousarray(buckets[0])
    counts = np.zeros(n_cells, dtype=np.int64)
    count_keys(np.ascontiguousarray(rows[:, 1]), counts)
    ends = np.cumsum(counts)
    out = np.empty((rows.shape[0], 3), dtype=np.int32)
    stop = np.cumsum([len(b) for b in buckets]).astype(np.int64)
    at = np.concatenate([[0], stop[:-1]]).astype(np.int64)
    merge_by_cell(rows, at, stop, int(rows[:, 0].max(initial=-1)) + 1, ends - counts, out)
    cells = np.flatnonzero(counts)
    return out, cells.astype(np.int32), (ends - counts)[cells]


def write_index(
    files: Files, rows: NDArray[np.int32], cells: NDArray[np.int32], lo: NDArray[np.int64], day: int
) -> tuple[FileEntry, FileEntry]:
    """Write the rows of a day by cell, as bytes that are read without being decoded, and where each cell begins."""
    import pyarrow as pa

    column = pa.Array.from_buffers(pa.binary(_ROW), len(rows), [None, pa.py_buffer(rows)])
    index = files.write(
        pa.Table.from_arrays([column], names=["row"]),
        kind="index",
        day=day,
        compression="none",
        use_dictionary=False,
        column_encoding="PLAIN",
        row_group_size=INDEX_GROUP,
        data_page_size=1 << 20,
        write_statistics=False,
    )
    table = pa.Table.from_arrays([from_numpy(cells), from_numpy(lo)], names=["cell", "lo"])
    places = files.write(table, kind="places", day=day, compression="zstd", write_statistics=False)
    return index, places


def rows_of_index(table: pa.Table) -> NDArray[np.int32]:
    """Return rows (device, start, end) of the index's column, without a copy where it is in one piece."""
    parts = []
    for chunk in table.column(0).chunks:
        data = np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * _ROW :][: len(chunk) * _ROW]
        parts.append(data.view(np.int32).reshape(-1, 3))
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty((0, 3), dtype=np.int32)


def places_of_day(files: Files, entry: FileEntry) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the cells of a day and the first row of each in the index, and the end."""
    cells, lo = files.read(entry, use_threads=False).columns
    return view(cells.combine_chunks(), np.int32), view(lo.combine_chunks(), np.int64)


def write_devices(files: Files, ids: pa.Array, bucket: int) -> FileEntry:
    """Write the ids of a bucket by local number."""
    import pyarrow as pa

    return files.write(
        pa.Table.from_arrays([ids], names=["device"]),
        kind="devices",
        bucket=bucket,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )


def write_cells(files: Files, values: pa.Array) -> FileEntry:
    """Write the cells by code."""
    import pyarrow as pa

    return files.write(
        pa.Table.from_arrays([values], names=["cell"]),
        kind="cells",
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )


def joined_towers(known: pa.Table, newer: pa.Table) -> pa.Table:
    """Return a table of towers with those of a newer one put in, which counts where both have a tower."""
    import pyarrow as pa
    import pyarrow.compute as pc

    old = known.filter(pc.invert(pc.is_in(known["tower"], value_set=newer["tower"].combine_chunks())))
    joined = pa.concat_tables([newer, old], promote_options="permissive") if old.num_rows else newer
    return joined.sort_by("tower")
