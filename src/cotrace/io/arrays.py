"""Arrow arrays and NumPy arrays: views of one another, and casts that say which rows they failed on.

``Array.to_numpy`` and ``pyarrow.array`` load pandas when first called, and ``Array.cast`` and ``Array.take`` load
pyarrow.compute; what stands here and is on the way of every batch reads the buffers instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["cast_or_null", "from_numpy", "frozen", "null_mask", "plain", "view"]


def view(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the values of an array of a fixed width without a copy, read-only; nulls have any value."""
    kind = np.dtype(dtype)
    data = array.buffers()[1]
    if data is None or not len(array):
        return frozen(np.empty(0, kind))
    return frozen(np.frombuffer(data, kind, len(array), array.offset * kind.itemsize))


def frozen(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Make an array read-only, so that all batches look alike to compiled kernels."""
    values.flags.writeable = False
    return values


def from_numpy(values: npt.NDArray[np.int64], kind: pa.DataType) -> pa.Array:
    """Wrap 64-bit integers as an Arrow array without a copy."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def null_mask(array: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Return where an array is null, or None when it nowhere is."""
    if not array.null_count:
        return None
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


def plain(array: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one array without a dictionary or a run-length encoding around it."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        import pyarrow.compute as pc

        return pc.run_end_decode(array)
    return array


def cast_or_null(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast an array; values that cannot be cast become null, all others are kept.

    O(n), and O(log n) further casts for each value that cannot be cast.
    """
    import pyarrow as pa

    try:
        return array.cast(kind)
    except pa.ArrowInvalid:
        if len(array) == 1:
            return pa.nulls(1, kind)
    half = len(array) // 2
    return pa.concat_arrays([cast_or_null(array[:half], kind), cast_or_null(array[half:], kind)])
