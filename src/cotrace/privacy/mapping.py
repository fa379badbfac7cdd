"""Ids of arrays to pseudonyms: each distinct id is hashed once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, plain
from cotrace.ids import ids_of_type

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.privacy.pseudonyms import Pseudonymiser

__all__ = ["Mapping", "names_of_array"]

#: distinct ids whose pseudonyms are kept; beyond that the memory of them starts anew
_KEPT = 1 << 22


def names_of_array(ids: pa.Array | pa.ChunkedArray, by: Pseudonymiser) -> pa.Array:
    """Return the pseudonyms of an array of ids (large strings); null where there is no id."""
    import pyarrow as pa

    encoded = plain(ids).dictionary_encode()
    names = pa.array(by.names_of(encoded.dictionary.to_pylist()), pa.large_string())
    return names.take(encoded.indices)


class Mapping:
    """Pseudonyms of ids that come batch by batch, in several threads.

    Parameters
    ----------
    by : Pseudonymiser
        Makes them.
    kind : pyarrow.DataType
        Of the ids: int64, uint64 or large_string.
    """

    def __init__(self, by: Pseudonymiser, kind: pa.DataType) -> None:
        self._by, self._kind, self._lock = by, kind, threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._ids = ids_of_type(self._kind)
        self._names: NDArray[np.bytes_] = np.empty(1 << 10, dtype=f"S{self._by.width}")

    def names(self, ids: pa.Array) -> pa.Array:
        """Return a dictionary array (int32, large_string) of the pseudonyms of a batch's ids; nulls stay."""
        import pyarrow as pa

        if not pa.types.is_dictionary(ids.type):
            ids = ids.dictionary_encode()
        distinct = ids.dictionary.cast(self._kind)
        with self._lock:
            known = len(self._ids)
            codes = self._ids.encode(distinct)
            self._add(distinct, codes, known)
            names = self._names[codes]
            if len(self._ids) > _KEPT:
                self._forget()
        return pa.DictionaryArray.from_arrays(ids.indices.cast(pa.int32()), _strings(names))

    def _add(self, distinct: pa.Array, codes: NDArray[np.int32], known: int) -> None:
        # new ids get the next codes, in the order in which they stand; an unused value may stand there twice
        new = np.flatnonzero(codes >= known)
        new = new[np.unique(codes[new], return_index=True)[1]]
        total = len(self._ids)
        if total > self._names.size:
            grown = np.empty(max(total, 2 * self._names.size), dtype=self._names.dtype)
            grown[:known] = self._names[:known]
            self._names = grown
        made: list[Any] = self._by.names_of(distinct.take(from_numpy(new)).to_pylist())
        self._names[codes[new]] = np.array(made, dtype=self._names.dtype)


def _strings(names: NDArray[np.bytes_]) -> pa.Array:
    """Return bytes of one width as large strings."""
    import pyarrow as pa

    offsets = np.arange(len(names) + 1, dtype=np.int64) * names.dtype.itemsize
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(names))]
    return pa.Array.from_buffers(pa.large_string(), len(names), buffers)
