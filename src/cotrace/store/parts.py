"""The tables that a store is made of: how each is written, and read again as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, view
from cotrace.store.days import DayCounts, Tails
from cotrace.store.incoming import Compact
from cotrace.store.slices import as_column, rows_of_column

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.store.files import FileEntry, Files

__all__ = [
    "GROUP",
    "by_cell",
    "devices_of_day",
    "joined_towers",
    "numbers_of",
    "places_of_day",
    "read_pings",
    "read_stays",
    "read_tails",
    "rewritten_stays",
    "write_cells",
    "write_devices",
    "write_index",
    "write_pings",
    "write_stays",
    "write_tails",
]

#: rows of a row group of stays and of the index: few enough to be one page
GROUP = 1 << 14


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
    """Write the rows (device, cell, start, end) of a day and bucket: the device, and 12 bytes of all else."""
    device = from_numpy(np.ascontiguousarray(rows[:, 0]))
    return _put_rows(files, {"device": device}, rows[:, 1:], "stays", day, bucket=bucket, meta=_whole(counts))


def _whole(counts: DayCounts) -> dict[str, int]:
    # kernels that are not compiled count in NumPy's numbers
    return {name: int(value) for name, value in vars(counts).items()}


def _put_rows(
    files: Files, before: dict[str, pa.Array], rows: NDArray[np.int32], kind: str, day: int, **of: Any
) -> FileEntry:
    """Write rows of three int32 as bytes that are read without being decoded, after other columns."""
    import pyarrow as pa

    columns = {**before, "row": as_column(rows)}
    # not nullable: a page has nothing but its values then
    schema = pa.schema([pa.field(name, column.type, False) for name, column in columns.items()])
    return files.write(
        pa.Table.from_arrays(list(columns.values()), schema=schema),
        kind=kind,
        day=day,
        compression={**dict.fromkeys(before, "zstd"), "row": "none"},
        use_dictionary=False,
        column_encoding={**dict.fromkeys(before, "DELTA_BINARY_PACKED"), "row": "PLAIN"},
        row_group_size=GROUP,
        data_page_size=1 << 20,
        write_statistics=False,
        **of,
    )


def rewritten_stays(files: Files, rows: NDArray[np.int32], entry: FileEntry) -> FileEntry:
    """Write other rows of a day and bucket, with the counts that stand there."""
    assert entry.day is not None
    assert entry.bucket is not None
    return write_stays(files, rows, DayCounts(**entry.meta), entry.day, entry.bucket)


def read_stays(files: Files, entry: FileEntry) -> NDArray[np.int32]:
    """Read them again."""
    out = np.empty((entry.rows, 4), dtype=np.int32)
    if entry.rows:
        device, row = files.read(entry, use_threads=False).columns
        out[:, 0], out[:, 1:] = view(device.combine_chunks(), np.int32), rows_of_column(row)
    return out


def devices_of_day(files: Files, entry: FileEntry) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the devices of a day and bucket, in order, and the first of the stays of each."""
    (device,) = numbers_of(files.read(entry, columns=["device"], use_threads=False))
    lo = np.flatnonzero(np.diff(device, prepend=-1))
    return device[lo], lo


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

    index = _put_rows(files, {}, rows, "index", day)
    table = pa.Table.from_arrays([from_numpy(cells), from_numpy(lo)], names=["cell", "lo"])
    places = files.write(table, kind="places", day=day, compression="zstd", write_statistics=False)
    return index, places


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
