"""Ids of devices and towers: dense int32 codes with their dictionary beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, order_of, view

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Ids", "IntIds", "StringIds", "ids_of_type"]

_FIRST_BITS = 12
_LARGE = 1 << 18


class Ids(Protocol):
    """A dictionary that grows: values to codes, in the order in which they are first seen."""

    def __len__(self) -> int: ...

    def encode(self, values: pa.Array) -> NDArray[np.int32]:
        """Return the code of each value; unseen values get the next ones. ``values`` has no nulls."""
        ...

    def encode_from(self, other: Any, start: int, stop: int) -> NDArray[np.int32]:
        """Return the codes here of another dictionary's ids, those with codes from ``start`` to ``stop`` there."""
        ...

    def values(self, start: int = 0) -> pa.Array:
        """Return the ids by code, those with codes from ``start`` on."""
        ...

    def order_keys(self) -> NDArray[np.int64]:
        """Return, by code, integers that are ordered as the ids are: by value, strings by code point."""
        ...


class _Slots:
    """The hash table under a dictionary; doubled, or doubled twice, whenever it is half full."""

    def __init__(self) -> None:
        self.n = 0
        self.slots: NDArray[np.int64] = np.zeros((1 << _FIRST_BITS, 2), dtype=np.int64)
        self.shift = np.uint64(64 - _FIRST_BITS)

    @property
    def room(self) -> int:
        return int(self.slots.shape[0] // 2)

    def grow(self) -> None:
        from cotrace.kernels.ids import rehash

        # small tables grow fast; large ones no more than they must, for what counts is how much of them is cached
        bits = 2 if self.slots.shape[0] < _LARGE else 1
        old, self.shift = self.slots, np.uint64(self.shift - np.uint64(bits))
        self.slots = np.zeros((old.shape[0] << bits, 2), dtype=np.int64)
        rehash(old, self.slots, self.shift)


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    bigger = np.empty(size, dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


class IntIds(_Slots):
    """Ids that are 64-bit integers; ``unsigned`` ones are kept by their bits."""

    def __init__(self, unsigned: bool = False) -> None:
        super().__init__()
        self.unsigned = unsigned
        self._ids = np.empty(self.room, dtype=np.int64)

    def __len__(self) -> int:
        return self.n

    def encode(self, values: pa.Array) -> NDArray[np.int32]:
        """See :class:`Ids`."""
        return self.encode_numpy(view(values, np.int64))

    def encode_numpy(self, values: NDArray[np.int64]) -> NDArray[np.int32]:
        """Encode an int64 array (the bits, where ids are unsigned)."""
        from cotrace.kernels.ids import encode_ints

        codes = np.empty(values.size, dtype=np.int32)
        done = 0
        while done < values.size:
            done, self.n = encode_ints(values, self.slots, self.shift, self._ids, self.n, codes, done)
            if done < values.size:
                self.grow()
                self._ids = _grown(self._ids, self.room)
        return codes

    def encode_from(self, other: Any, start: int, stop: int) -> NDArray[np.int32]:
        """See :class:`Ids`."""
        assert isinstance(other, IntIds)
        return self.encode_numpy(other.array[start:stop])

    @property
    def array(self) -> NDArray[np.int64]:
        """The ids by code, as int64 bits: a view."""
        return self._ids[: self.n]

    def values(self, start: int = 0) -> pa.Array:
        """See :class:`Ids`."""
        import pyarrow as pa

        return from_numpy(self.array[start:].copy(), pa.uint64() if self.unsigned else pa.int64())

    def order_keys(self) -> NDArray[np.int64]:
        """See :class:`Ids`."""
        # with the sign bit turned over, unsigned integers compare as signed ones
        return self.array ^ np.int64(-(2**63)) if self.unsigned else self.array


class StringIds(_Slots):
    """Ids that are strings: their bytes are kept one string after the other, each from a whole word on."""

    def __init__(self) -> None:
        super().__init__()
        self._starts = np.zeros(self.room + 1, dtype=np.int64)
        self._sizes = np.zeros(self.room, dtype=np.int64)
        self._arena = np.empty(1 << 13, dtype=np.uint64)
        self._keys = np.empty(0, dtype=np.int64)

    def __len__(self) -> int:
        return self.n

    def encode(self, values: pa.Array) -> NDArray[np.int32]:
        """See :class:`Ids`."""
        import pyarrow as pa

        if pa.types.is_dictionary(values.type):
            codes = self.encode(values.dictionary)
            indices = values.indices
            return np.asarray(codes[view(indices, indices.type.to_pandas_dtype())])
        return self._encode_large(values.cast(pa.large_string()))

    def _encode_large(self, values: pa.Array) -> NDArray[np.int32]:
        from cotrace.kernels.ids import encode_strings, hash_strings

        n = len(values)
        codes = np.empty(n, dtype=np.int32)
        if n == 0:
            return codes
        _, offsets_buffer, data_buffer = values.buffers()
        offsets = np.frombuffer(offsets_buffer, dtype=np.int64)[values.offset : values.offset + n + 1]
        data = np.frombuffer(data_buffer, dtype=np.uint8) if data_buffer else np.empty(0, np.uint8)
        if data.ctypes.data % 8:
            data = data.copy()  # Arrow's own buffers begin at a word; others need not
        words = data[: data.size // 8 * 8].view("<u8")
        keys, begins = np.empty(n, dtype=np.int64), np.empty(n + 1, dtype=np.int64)
        padded = np.empty(int(offsets[-1] - offsets[0]) // 8 + n, dtype=np.uint64)
        hash_strings(offsets, data, words, keys, padded, begins)
        needed = int(self._starts[self.n] + begins[-1])
        if needed > self._arena.size:
            self._arena = _grown(self._arena, 2 * needed)
        done = 0
        while done < n:
            table = self.slots, self.shift, self._starts, self._sizes, self._arena
            done, self.n = encode_strings(keys, padded, begins, offsets, *table, self.n, codes, done)
            if done < n:
                self.grow()
                self._starts = _grown(self._starts, self.room + 1)
                self._sizes = _grown(self._sizes, self.room)
        return codes

    def encode_from(self, other: Any, start: int, stop: int) -> NDArray[np.int32]:
        """See :class:`Ids`."""
        assert isinstance(other, StringIds)
        return self._encode_large(other.values(start).slice(0, stop - start))

    def values(self, start: int = 0) -> pa.Array:
        """See :class:`Ids`."""
        import pyarrow as pa

        from cotrace.kernels.ids import unpack_strings

        # as many as there are now: another thread may be adding more
        n = self.n
        sizes = self._sizes[start:n]
        offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        text = np.empty(int(offsets[-1]), dtype=np.uint8)
        unpack_strings(self._arena, self._starts[start:], sizes, offsets, text)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
        return pa.Array.from_buffers(pa.large_string(), n - start, buffers)

    def order_keys(self) -> NDArray[np.int64]:
        """See :class:`Ids`. Sorted anew only when ids have come since."""
        if self._keys.size != self.n:
            self._keys = np.empty(self.n, dtype=np.int64)
            self._keys[order_of(self.values())] = np.arange(self.n)
        return self._keys


def ids_of_type(kind: pa.DataType) -> IntIds | StringIds:
    """Return an empty dictionary for ids of this Arrow type: int64, uint64 or a string."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return IntIds(unsigned=pa.types.is_uint64(kind))
    return StringIds()
