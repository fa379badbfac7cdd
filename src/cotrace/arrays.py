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

__all__ = [
    "booleans",
    "cast_or_null",
    "counted",
    "floats",
    "from_numpy",
    "from_values",
    "frozen",
    "null_mask",
    "order_of",
    "plain",
    "repeated",
    "take",
    "view",
    "with_nulls",
]


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


def from_numpy(values: npt.NDArray[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Wrap numbers as an Arrow array of this type (by default their own), without a copy where they fit it."""
    import pyarrow as pa

    kind = kind or pa.from_numpy_dtype(values.dtype)
    width = np.dtype(f"{'f' if pa.types.is_floating(kind) else 'i'}{kind.bit_width // 8}")
    if values.dtype.itemsize != width.itemsize or (values.dtype.kind == "f") != (width.kind == "f"):
        values = values.astype(width)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


def from_values(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Return an array of Python integers (of 64 bits) or strings (large ones)."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return from_numpy(np.array(values, dtype=kind.to_pandas_dtype()), kind)
    codes = [value.encode() for value in values]
    offsets = np.cumsum([0, *map(len, codes)], dtype=np.int64)
    return pa.Array.from_buffers(
        kind, len(codes), [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(codes))]
    )


def counted(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Return the distinct values of a sorted array and how often each occurs.

    As ``numpy.unique`` does, which loads much more than it needs for that.
    """
    first = np.flatnonzero(values[1:] != values[:-1]) + 1
    lo = np.concatenate([[0], first]) if len(values) else first
    return values[lo], np.diff(lo, append=len(values))


def is_plain_numbers(array: pa.Array) -> bool:
    """Say whether an array is integers or floats of 64 bits, none of them null."""
    import pyarrow as pa

    kind = array.type
    return bool(kind in (pa.int64(), pa.uint64(), pa.float64()) and not array.null_count)


def take(array: pa.Array, at: npt.NDArray[Any]) -> pa.Array:
    """Return the values at these places."""
    if is_plain_numbers(array):
        return from_numpy(view(array, array.type.to_pandas_dtype())[at], array.type)
    return array.take(from_numpy(at, None))


def order_of(array: pa.Array) -> npt.NDArray[np.int64]:
    """Return the places of the values in ascending order: numbers by value, strings by code point."""
    if is_plain_numbers(array):
        return np.argsort(view(array, array.type.to_pandas_dtype()), kind="stable")
    import pyarrow.compute as pc

    # UTF-8 bytes are ordered as code points are
    return view(pc.sort_indices(array), np.uint64).astype(np.int64)


def repeated(words: tuple[str, ...], which: npt.NDArray[Any]) -> pa.Array:
    """Return an array of strings: ``words[which]``."""
    import pyarrow as pa

    codes = [word.encode() for word in words]
    lengths = np.array([len(code) for code in codes], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths[which])]).astype(np.int32)
    data = b"".join([codes[w] for w in which.tolist()])
    return pa.Array.from_buffers(pa.string(), len(which), [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def booleans(array: pa.Array) -> npt.NDArray[np.bool_]:
    """Return an array of truth values, of which none is null."""
    bits = np.frombuffer(array.buffers()[1], np.uint8) if len(array) else np.empty(0, np.uint8)
    whole = np.unpackbits(bits, count=array.offset + len(array), bitorder="little")
    return whole[array.offset :].astype(np.bool_)


def floats(array: pa.Array) -> npt.NDArray[np.float64]:
    """Return an array of float64 as NumPy's, NaN where it is null; a copy, if anything is."""
    values = view(array, np.float64)
    none = null_mask(array)
    return values if none is None else np.where(none, np.nan, values)


def with_nulls(values: npt.NDArray[np.float64], none: npt.NDArray[np.bool_]) -> pa.Array:
    """Return numbers as an Arrow array that is null where ``none`` says so."""
    import pyarrow as pa

    valid = pa.py_buffer(np.packbits(~none, bitorder="little")) if none.any() else None
    return pa.Array.from_buffers(
        pa.float64(), len(values), [valid, pa.py_buffer(np.ascontiguousarray(values, np.float64))]
    )


def null_mask(array: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Return where an array is null, or None when it nowhere is."""
    if not array.null_count:
        return None
    return booleans(array.is_null())


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
