"""The dictionaries of a store: devices by bucket and cells, each with a code for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted, from_values, null_mask, order_of, take, view
from cotrace.ids import ids_of_type

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CellBook", "Devices", "buckets_of", "order_keys", "places_of", "without"]


#: from so many ids on a dictionary is not hashed as a whole to look for some
_SMALL = 1 << 17


def buckets_of(ids: pa.Array, n_buckets: int) -> NDArray[np.int32]:
    """Return the bucket of each id (int64, uint64 or large_string, no nulls); the same for ever."""
    import pyarrow as pa

    from cotrace.kernels.store_pings import bucket_ids

    out = np.empty(len(ids), dtype=np.int32)
    keys = view(ids, np.int64) if pa.types.is_integer(ids.type) else _hashes(ids)
    bucket_ids(keys, n_buckets, out)
    return out


def _hashes(ids: pa.Array) -> NDArray[np.int64]:
    from cotrace.kernels.ids import hash_strings

    n = len(ids)
    keys = np.empty(n, dtype=np.int64)
    if n:
        _, offsets_buffer, text = ids.buffers()
        offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[ids.offset : ids.offset + n + 1]
        data = np.frombuffer(text, dtype=np.uint8) if text else np.empty(0, np.uint8)
        if data.ctypes.data % 8:
            data = data.copy()
        words = data[: data.size // 8 * 8].view("<u8")
        padded = np.empty(int(offsets[-1] - offsets[0]) // 8 + n, dtype=np.uint64)
        hash_strings(offsets, data, words, keys, padded, np.empty(n + 1, dtype=np.int64))
    return keys


def places_of(asked: pa.Array, known: pa.Array) -> NDArray[np.int32]:
    """Return where each value is in ``known`` (distinct, nulls among them), -1 where it is not.

    In a large dictionary few ids are looked for without a table of all of it.
    """
    if known.null_count or len(known) > _SMALL:
        return _places_by_arrow(asked, known)
    # pyarrow.compute takes longer to load than this takes
    ids = ids_of_type(known.type)
    ids.encode(known)
    found = ids.encode(asked)
    found[found >= len(known)] = -1
    return found


def _places_by_arrow(asked: pa.Array, known: pa.Array) -> NDArray[np.int32]:
    import pyarrow.compute as pc

    if len(asked) * 4 < len(known):
        distinct = asked.unique()
        at = view(pc.index_in(known, value_set=distinct).fill_null(-1), np.int32)
        there = np.flatnonzero(at >= 0)
        where = np.full(len(distinct) + 1, -1, dtype=np.int32)
        where[at[there]] = there
        found: NDArray[np.int32] = where[view(pc.index_in(asked, value_set=distinct).fill_null(-1), np.int32)]
        return found
    return view(pc.index_in(asked, value_set=known).fill_null(-1), np.int32)


def order_keys(values: pa.Array) -> NDArray[np.int64]:
    """Return numbers that are ordered as the values are: by value, or by code point; nulls have any."""
    import pyarrow as pa

    if pa.types.is_int64(values.type):
        return view(values, np.int64)
    if pa.types.is_uint64(values.type):
        # with the sign bit turned over, unsigned integers compare as signed ones
        return view(values, np.int64) ^ np.int64(-(2**63))
    keys = np.empty(len(values), dtype=np.int64)
    keys[order_of(values)] = np.arange(len(values))
    return keys


def without(values: pa.Array, gone: NDArray[Any]) -> pa.Array:
    """Return the values with nulls at these places: their bytes are not there any more."""
    keep = np.arange(len(values), dtype=np.int64)
    import pyarrow as pa

    mask = np.zeros(len(values), dtype=np.bool_)
    mask[gone] = True
    return values.take(pa.array(keep, mask=mask))


class Devices:
    """The ids of all devices of a store by code: ``code = local * buckets + bucket``.

    Parameters
    ----------
    kind : pyarrow.DataType
        Of the ids.
    n_buckets : int
    load : callable
        Gives the ids of a bucket by local number; null: forgotten.
    """

    def __init__(self, kind: pa.DataType, n_buckets: int, load: Callable[[int], pa.Array]) -> None:
        self.kind, self.n_buckets = kind, n_buckets
        self._load = load
        self._ids: dict[int, pa.Array] = {}
        self._changed: set[int] = set()

    def of_bucket(self, bucket: int) -> pa.Array:
        """Return the ids of a bucket by local number."""
        if bucket not in self._ids:
            self._ids[bucket] = self._load(bucket)
        return self._ids[bucket]

    def encode(self, ids: pa.Array) -> NDArray[np.int32]:
        """Return the code of each id (of the store's type, no nulls), -1 where it is unknown."""
        codes = np.full(len(ids), -1, dtype=np.int32)
        buckets = buckets_of(ids, self.n_buckets)
        for bucket in _distinct(buckets):
            mine = np.flatnonzero(buckets == bucket)
            local = places_of(take(ids, mine), self.of_bucket(bucket))
            codes[mine] = np.where(local >= 0, local * self.n_buckets + bucket, -1)
        return codes

    def values(self, codes: NDArray[np.int32]) -> pa.Array:
        """Return the ids of codes."""
        import pyarrow as pa

        if not codes.size:
            return from_values([], self.kind)
        buckets = codes % self.n_buckets
        parts, order = [], []
        for bucket in _distinct(buckets):
            mine = np.flatnonzero(buckets == bucket)
            parts.append(take(self.of_bucket(bucket), (codes[mine] // self.n_buckets).astype(np.int64)))
            order.append(mine)
        back = np.empty(codes.size, dtype=np.int64)
        back[np.concatenate(order)] = np.arange(codes.size)
        return take(pa.concat_arrays(parts), back)

    def known(self) -> NDArray[np.int32]:
        """Return the codes of all devices that were not forgotten."""
        parts = []
        for bucket in range(self.n_buckets):
            ids = self.of_bucket(bucket)
            gone = null_mask(ids)
            local = np.arange(len(ids), dtype=np.int32)
            parts.append((local if gone is None else local[~gone]) * self.n_buckets + bucket)
        return np.concatenate(parts).astype(np.int32)

    def add(self, bucket: int, ids: pa.Array) -> NDArray[np.int32]:
        """Return the local numbers of distinct ids of a bucket; those that are new get the next ones."""
        import pyarrow as pa

        known = self.of_bucket(bucket)
        local = places_of(ids, known)
        new = np.flatnonzero(local < 0)
        if new.size:
            local = local.copy()
            local[new] = np.arange(len(known), len(known) + new.size, dtype=np.int32)
            self._ids[bucket] = pa.concat_arrays([known, take(ids, new)])
            self._changed.add(bucket)
        return local

    def forget(self, bucket: int, local: NDArray[Any]) -> None:
        """Leave the ids of these local numbers out."""
        self._ids[bucket] = without(self.of_bucket(bucket), local)
        self._changed.add(bucket)

    def changed(self) -> Iterable[tuple[int, pa.Array]]:
        """Return what has to be written: buckets with their ids."""
        return [(bucket, self._ids[bucket]) for bucket in sorted(self._changed)]


class CellBook:
    """The cells of a store by code: packed grid cells, or tower ids.

    Parameters
    ----------
    values : pyarrow.Array
        By code; null: forgotten.
    """

    def __init__(self, values: pa.Array) -> None:
        self.values = values
        self.changed = False
        self._keys: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def order(self) -> NDArray[np.int64]:
        """Return by code what cells are compared by."""
        if self._keys is None or self._keys.size != len(self.values):
            self._keys = order_keys(self.values)
        return self._keys

    def encode(self, cells: pa.Array) -> NDArray[np.int32]:
        """Return the code of each cell, -1 where it is unknown."""
        return places_of(cells, self.values)

    def add(self, cells: pa.Array) -> NDArray[np.int32]:
        """Return the codes of distinct cells; those that are new get the next ones."""
        import pyarrow as pa

        codes = self.encode(cells)
        new = np.flatnonzero(codes < 0)
        if new.size:
            codes = codes.copy()
            codes[new] = np.arange(len(self.values), len(self.values) + new.size, dtype=np.int32)
            self.values = pa.concat_arrays([self.values, take(cells, new)])
            self.changed = True
        return codes

    def forget(self, codes: NDArray[Any]) -> None:
        """Leave these cells out."""
        self.values, self._keys, self.changed = without(self.values, codes), None, True

    def known(self) -> NDArray[np.int32]:
        """Return the codes of all cells that were not forgotten."""
        gone = null_mask(self.values)
        codes = np.arange(len(self.values), dtype=np.int32)
        return codes if gone is None else codes[~gone]


def _distinct(values: NDArray[np.int32]) -> list[int]:
    return [int(v) for v in counted(np.sort(values))[0]]


def rank_of(values: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the order of distinct values, and the values in this order."""
    order = np.argsort(order_keys(values), kind="stable")
    return order, take(values, order)
