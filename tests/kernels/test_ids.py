"""Ids to codes: as a dictionary does it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrace.ids import IntIds, StringIds, ids_of_type


def expected_codes(values: list[object]) -> list[int]:
    known: dict[object, int] = {}
    return [known.setdefault(v, len(known)) for v in values]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40), max_size=4))
def test_integers(batches: list[list[int]]) -> None:
    ids = IntIds()
    codes = [c for batch in batches for c in ids.encode(pa.array(batch, pa.int64())).tolist()]
    values = [v for batch in batches for v in batch]
    assert codes == expected_codes(values)
    assert ids.values().to_pylist() == list(dict.fromkeys(values))
    assert len(ids) == len(set(values))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=20), max_size=40), max_size=4), st.booleans())
def test_strings_and_their_order(batches: list[list[str]], as_dictionary: bool) -> None:
    ids = StringIds()
    codes = []
    for batch in batches:
        array = pa.array(batch, pa.string())
        codes += ids.encode(array.dictionary_encode() if as_dictionary else array).tolist()
    values = [v for batch in batches for v in batch]
    assert codes == expected_codes(values)
    distinct = list(dict.fromkeys(values))
    assert ids.values().to_pylist() == distinct
    # by code point, as Python compares strings
    assert [distinct[i] for i in np.argsort(ids.order_keys())] == sorted(distinct)


def test_tables_grow() -> None:
    values = np.random.default_rng(1).integers(-(2**60), 2**60, 50_000)
    ids = IntIds()
    codes = np.concatenate([ids.encode_numpy(part) for part in np.array_split(values, 7)])
    assert np.array_equal(ids.array[codes], values)
    texts = [f"device-{v % 20_011}" for v in values]
    names = StringIds()
    found = names.encode(pa.array(texts))
    assert names.values().take(pa.array(found)).to_pylist() == texts


def test_slices_of_arrays_are_read_from_their_offset() -> None:
    names = StringIds()
    array = pa.array(["a", "bb", "ccc", "bb"])
    assert names.encode(array.slice(1)).tolist() == [0, 1, 0]
    assert names.encode(pa.array(["", "ccc"])).tolist() == [2, 1]
    numbers = IntIds()
    assert numbers.encode(pa.array([5, 6, 5]).slice(1)).tolist() == [0, 1]


def test_unsigned_ids_are_ordered_by_value() -> None:
    ids = ids_of_type(pa.uint64())
    ids.encode(pa.array([2**63 + 5, 1, 2**63 - 1], pa.uint64()))
    assert np.argsort(ids.order_keys()).tolist() == [1, 2, 0]
    assert ids.values().to_pylist() == [2**63 + 5, 1, 2**63 - 1]


def test_the_bad_cell_is_a_key_like_any_other() -> None:
    ids = IntIds()
    assert ids.encode_numpy(np.array([-(2**63), 0, -(2**63), -1])).tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.large_string()])
def test_nothing(kind: pa.DataType) -> None:
    ids = ids_of_type(kind)
    assert ids.encode(pa.array([], kind)).tolist() == []
    assert len(ids.values()) == 0
    assert ids.order_keys().tolist() == []
