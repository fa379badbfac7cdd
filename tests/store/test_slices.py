"""Rows that are taken out of a file are those that were put in, wherever slices and row groups begin."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrace.errors import StoreDamagedError
from cotrace.store import slices
from cotrace.store.files import FileEntry, Files
from cotrace.store.slices import Layout, as_column, rows_at, rows_of_column

N = 20_000
ROWS = np.arange(3 * N, dtype=np.int32).reshape(-1, 3)
EDGES = st.lists(st.one_of(st.integers(0, N), st.sampled_from([0, 499, 500, 501, N - 1, N])), max_size=12)


def written(files: Files, rows: np.ndarray, group: int) -> FileEntry:
    column = as_column(rows)
    table = pa.Table.from_arrays([column], schema=pa.schema([pa.field("row", column.type, False)]))
    how = {
        "compression": "none",
        "use_dictionary": False,
        "column_encoding": "PLAIN",
        "write_statistics": False,
    }
    return files.write(table, kind="index", day=0, row_group_size=group, data_page_size=1 << 20, **how)


@pytest.fixture(scope="module", params=[500, 1 << 14])
def stored(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Files, FileEntry]:
    files = Files(tmp_path_factory.mktemp("slices"))
    return files, written(files, ROWS, request.param)


@settings(max_examples=60, deadline=None)
@given(edges=EDGES, near=st.sampled_from([0, 1 << 10, 1 << 30]))
def test_slices_are_the_rows_that_were_written(
    stored: tuple[Files, FileEntry], edges: list[int], near: int
) -> None:
    files, entry = stored
    layout = Layout.of(files.open(entry).metadata, encrypted=False)
    assert (layout.offset > 0).all()
    bounds = [sorted(pair) for pair in pairwise(edges)]
    lo, hi = (np.array([b[k] for b in bounds], dtype=np.int64) for k in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_NEAR", near)
        found = rows_at(files, entry, layout, lo, hi)
    expected = [ROWS[a:b] for a, b in bounds]
    assert np.array_equal(found, np.concatenate([ROWS[:0], *expected]))
    # a file that has to be decoded gives the same
    decoded = rows_at(files, entry, Layout.of(files.open(entry).metadata, encrypted=True), lo, hi)
    assert np.array_equal(decoded, found)


def test_a_group_of_several_pages_is_decoded(tmp_path: Path) -> None:
    files = Files(tmp_path)
    column = as_column(ROWS)
    table = pa.Table.from_arrays([column], schema=pa.schema([pa.field("row", column.type, False)]))
    entry = files.write(table, kind="index", compression="none", use_dictionary=False, data_page_size=1 << 12)
    layout = Layout.of(files.open(entry).metadata, encrypted=False)
    assert (layout.offset < 0).all()
    assert rows_at(files, entry, layout, np.array([7]), np.array([9])).tolist() == ROWS[7:9].tolist()


def test_a_flipped_bit_in_a_block_that_is_read_is_found(tmp_path: Path) -> None:
    files = Files(tmp_path)
    entry = written(files, ROWS, 1 << 14)
    layout = Layout.of(files.open(entry).metadata, encrypted=False)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    data = bytearray(path.read_bytes())
    data[int(layout.offset[1]) + 12 * 100] ^= 4
    path.write_bytes(data)
    at = int(layout.first[1]) + 100
    with pytest.raises(StoreDamagedError, match="block"):
        rows_at(files, entry, layout, np.array([at]), np.array([at + 1]))
    assert rows_at(files, entry, layout, np.array([0]), np.array([1])).tolist() == ROWS[:1].tolist()


def test_columns_and_rows_are_the_same_bytes() -> None:
    chunks = pa.chunked_array([as_column(ROWS[:5]), as_column(ROWS[5:9]).slice(1)])
    assert rows_of_column(chunks).tolist() == np.delete(ROWS[:9], 5, axis=0).tolist()
    assert rows_of_column(pa.chunked_array([], pa.binary(12))).tolist() == []
