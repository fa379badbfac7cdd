"""Rows of a fixed width in a data file, taken out by their numbers: nothing is decoded, only blocks are read.

A file's column ``row`` holds 12 bytes a row, uncompressed, and one page a row group: valid Parquet, in which the place
of every row is known from the footer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.store.files import FileEntry, Files

__all__ = ["ROW", "Layout", "as_column", "numbered", "rows_at", "rows_of_column", "slices_of"]

#: bytes of a row: three int32
ROW = 12
_NAME = "row"
#: bytes of the header of one page without statistics, at most; two have more
_MOST_HEADER = 44
#: bytes between two slices that are read along rather than asked for apart
_NEAR = 1 << 15

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Where rows begin in a file.

    Attributes
    ----------
    first : int64[groups + 1]
        The first row of each row group, and the end.
    offset : int64[groups]
        The byte at which it begins; negative where the file has to be decoded (an encrypted one).
    """

    first: Int64
    offset: Int64

    @classmethod
    def of(cls, metadata: Any, encrypted: bool) -> Layout:
        """Return the layout of a file, from its footer."""
        if encrypted:
            return cls(np.array([0, metadata.num_rows]), np.array([-1]))
        groups = [metadata.row_group(g) for g in range(metadata.num_row_groups)]
        first = np.cumsum([0, *(g.num_rows for g in groups)]).astype(np.int64)
        return cls(first, np.array([_offset(g) for g in groups], dtype=np.int64))


def _offset(group: Any) -> int:
    """Return where the rows of a row group begin: after the header of its only page."""
    column = group.column(group.num_columns - 1)
    header = column.total_compressed_size - group.num_rows * ROW
    plain = column.path_in_schema == _NAME and column.compression == "UNCOMPRESSED"
    return int(column.data_page_offset) + header if plain and 0 < header < _MOST_HEADER else -1


def as_column(rows: NDArray[np.int32]) -> pa.Array:
    """Return int32[n, 3] as a column of 12 bytes a row, without a copy."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.binary(ROW), len(rows), [None, pa.py_buffer(np.ascontiguousarray(rows))])


def rows_of_column(column: pa.ChunkedArray) -> NDArray[np.int32]:
    """Return a column of 12 bytes a row as int32[n, 3]."""
    found = [np.empty((0, 3), dtype=np.int32)]
    for chunk in column.chunks:
        data = np.frombuffer(chunk.buffers()[1], np.uint8)[chunk.offset * ROW :][: len(chunk) * ROW]
        found.append(data.view(np.int32).reshape(-1, 3))
    return found[-1] if len(found) <= 2 else np.concatenate(found)


def rows_at(files: Files, entry: FileEntry, layout: Layout, lo: Int64, hi: Int64) -> NDArray[np.int32]:
    """Return the rows ``[lo, hi)`` of each slice, one after the other: int32[n, 3].

    Parameters
    ----------
    files : Files
    entry : FileEntry
    layout : Layout
    lo, hi : int64[k]
        Numbers of rows; slices may be empty and in any order.

    Notes
    -----
    Reads and checks the blocks that the slices touch, and those between slices that are close.
    """
    if (layout.offset < 0).any():
        rows = rows_of_column(files.read(entry, columns=[_NAME], use_threads=False)[0])
        return np.concatenate([rows[:0], *(rows[a:b] for a, b in zip(lo.tolist(), hi.tolist(), strict=True))])
    lo, hi, to = _within_groups(layout, lo, hi)
    out = np.empty((int((hi - lo).sum()), 3), dtype=np.int32)
    if not lo.size:
        return out
    group = np.searchsorted(layout.first, lo, side="right") - 1
    begin = layout.offset[group] + (lo - layout.first[group]) * ROW
    end = begin + (hi - lo) * ROW
    order = np.argsort(begin, kind="stable")
    begin, end, to = begin[order], end[order], to[order] * ROW
    far = np.flatnonzero(begin[1:] - np.maximum.accumulate(end)[:-1] > _NEAR) + 1
    edges = np.concatenate([[0], far, [begin.size]])
    flat, source = out.reshape(-1).view(np.uint8), files.source(entry)
    with source.held_open():
        for a, b in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            start = int(begin[a])
            data = np.frombuffer(source.between(start, int(end[a:b].max())), np.uint8)
            pieces = zip(
                (begin[a:b] - start).tolist(), (end[a:b] - start).tolist(), to[a:b].tolist(), strict=True
            )
            for left, right, at in pieces:
                flat[at : at + right - left] = data[left:right]
    return out


def _within_groups(layout: Layout, lo: Int64, hi: Int64) -> tuple[Int64, Int64, Int64]:
    """Cut slices where row groups end; return their ends, and the row of the result where each piece begins."""
    to = np.cumsum(hi - lo) - (hi - lo)
    keep = hi > lo
    lo, hi, to = lo[keep], hi[keep], to[keep]
    over = np.searchsorted(layout.first, hi - 1, side="right") - np.searchsorted(
        layout.first, lo, side="right"
    )
    if not over.any():
        return lo, hi, to
    which = np.repeat(np.arange(lo.size), over + 1)
    nth = np.arange(which.size) - np.repeat(np.cumsum(over + 1) - (over + 1), over + 1)
    group = np.searchsorted(layout.first, lo, side="right")[which] - 1 + nth
    left = np.maximum(lo[which], layout.first[group])
    right = np.minimum(hi[which], layout.first[group + 1])
    return left, right, to[which] + left - lo[which]


def numbered(values: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Return for each number below ``n`` its place among the values, -1 where it is none of them."""
    out = np.full(n, -1, dtype=np.int32)
    inside = values < n
    out[values[inside]] = np.flatnonzero(inside).astype(np.int32)
    return out


def slices_of(
    where: tuple[NDArray[np.int32], NDArray[np.int64]], codes: NDArray[np.int32], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each code and the end, of where codes begin (in order) among ``n`` rows."""
    there, lo = where
    if not there.size:
        return np.zeros(codes.size, np.int64), np.zeros(codes.size, np.int64)
    at = np.searchsorted(there, codes)
    at[at == there.size] = 0
    here = there[at] == codes
    begin, end = lo[at], np.append(lo, n)[at + 1]
    return np.where(here, begin, 0), np.where(here, end, 0)
