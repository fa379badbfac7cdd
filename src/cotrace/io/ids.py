"""Ids of devices and towers: integers or strings, one type for a whole source, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.arrays import cast_or_null, from_numpy, null_mask, plain, view
from cotrace.errors import SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["common_type", "id_kind", "pair_ids", "read_ids"]

_EXACT = float(2**53)


def id_kind(kind: pa.DataType) -> str:
    """Sort a column's type: ``int``, ``uint64``, ``float``, ``string`` or ``null``; ``""`` for all others."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    if pa.types.is_uint64(kind):
        return "uint64"
    if pa.types.is_integer(kind):
        return "int"
    if pa.types.is_floating(kind):
        return "float"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_string_view(kind):
        return "string"
    return "null" if pa.types.is_null(kind) else ""


def _is_string_view(kind: pa.DataType) -> bool:
    return str(kind) == "string_view"


def common_type(parts: Iterable[tuple[str, str, pa.DataType]], *, big: bool, small: bool) -> pa.DataType:
    """Return the one type that the ids of all parts have: int64, uint64 or large_string.

    Parameters
    ----------
    parts : iterable of (str, str, DataType)
        What the part is called, the column, its type.
    big, small : bool
        Whether an unsigned value is too large for int64; whether any signed column may hold a negative one.
    """
    import pyarrow as pa

    seen: dict[str, tuple[str, str, Any]] = {}
    for where, name, kind in parts:
        sort = id_kind(kind)
        if not sort:
            raise SchemaError(
                f"{where}: ids in column {name!r} are of type {kind}; ids are integers or strings: cast the column"
            )
        seen.setdefault(sort, (where, name, kind))
    numbers = [sort for sort in ("int", "uint64", "float") if sort in seen]
    if "string" in seen and numbers:
        (one, name, kind), (other, _, text) = seen[numbers[0]], seen["string"]
        raise SchemaError(
            f"ids in column {name!r} are {kind} in {one} and {text} in {other}: are 7 and '007' one device? "
            "Give all parts one type (ids from CSV are strings)"
        )
    if "string" in seen:
        return pa.large_string()
    if big and (small or "float" in seen):
        where, name, _ = seen["uint64"]
        raise SchemaError(
            f"{where}: ids in column {name!r} exceed int64 while other parts are signed or of type float: no one "
            "integer type holds both; cast the ids to strings"
        )
    return pa.uint64() if big else pa.int64()


def read_ids(
    array: pa.Array, kind: pa.DataType, name: str, first_row: int
) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
    """Bring ids to the source's type; return them, and where there is none.

    Ids with a dictionary of strings keep it, with int32 indices.
    """
    import pyarrow as pa

    if array.type == kind and not array.null_count:
        return array, None
    sort = id_kind(array.type)
    if sort == "null":
        return pa.nulls(len(array), kind), np.ones(len(array), np.bool_)
    if pa.types.is_dictionary(array.type) and sort == "string" and not array.dictionary.null_count:
        return array.cast(pa.dictionary(pa.int32(), pa.large_string())), null_mask(array)
    array = plain(array)
    if sort == "float":
        return _integral(array, kind, name, first_row)
    if pa.types.is_int32(array.type) and pa.types.is_int64(kind) and not array.null_count:
        return from_numpy(view(array, np.int32).astype(np.int64), kind), None
    return array.cast(kind), null_mask(array)


def _integral(
    array: pa.Array, kind: pa.DataType, name: str, first_row: int
) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
    """Read ids that became floats because some were missing, as pandas does; they must be exact."""
    import pyarrow as pa

    values = np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
    none = np.isnan(values)
    whole = np.where(none, 0.0, values)
    with np.errstate(invalid="ignore"):
        bad = ~((np.abs(whole) < _EXACT) & (np.floor(whole) == whole))
    if bad.any():
        raise SchemaError(
            f"column {name!r} holds ids as floats, and {int(bad.sum())} of these {len(values)} rows (first: row "
            f"{first_row + int(bad.argmax())}) are no whole numbers below 2**53, so that digits may be lost: "
            "read the ids as integers or strings"
        )
    return from_numpy(whole.astype(np.int64), pa.int64()).cast(kind), none if none.any() else None


def pair_ids(
    lac: pa.Array, ci: pa.Array, names: tuple[str, str], first_row: int
) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
    """Join the two halves of tower ids to strings ``"lac-ci"``; null where either is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    halves = []
    for half, name in zip((lac, ci), names, strict=True):
        values = plain(half)
        if id_kind(values.type) == "float":
            values, none = _integral(values, pa.int64(), name, first_row)
            values = values if none is None else pc.if_else(pa.array(~none), values, None)
        halves.append(values.cast(pa.large_string()))
    joined = pc.binary_join_element_wise(*halves, pa.scalar("-", pa.large_string()))
    return joined, null_mask(joined)


def as_type(ids: pa.Array, kind: pa.DataType, where: str) -> pa.Array:
    """Bring a tower table's ids to the type of the pings', without loss.

    Strings become integers only when they are written as one: ``"7"`` but not ``"007"``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if ids.type == kind:
        return ids
    cast = cast_or_null(ids, kind)
    if cast.null_count or (
        pa.types.is_large_string(ids.type) and not pc.all(pc.equal(cast.cast(ids.type), ids)).as_py()
    ):
        raise SchemaError(
            f"{where}: tower ids are {ids.type}, those of the pings {kind}, and not all can be read as such "
            "without loss: give both one type"
        )
    return cast
