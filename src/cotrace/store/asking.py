"""What a caller asks a store for: instants, devices and cells, brought to the store's own types."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import cast_or_null, from_numpy, from_values, view
from cotrace.errors import OptionError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["asked_instant", "asked_values"]


def asked_instant(value: Any, name: str) -> int | None:
    """Return an instant as unix seconds, floored; None: no limit.

    Raises
    ------
    OptionError
        When it is not a datetime or an ISO text with a time zone, nor a whole number of unix seconds.
    """
    if value is None or (isinstance(value, int | np.integer) and not isinstance(value, bool)):
        return None if value is None else int(value)
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime.datetime) or value.utcoffset() is None:
        raise OptionError(
            f"{name} is no instant with a time zone: give '2021-11-01T00:00:00+08:00', a datetime with a zone, or "
            "unix seconds"
        )
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (value - epoch) // datetime.timedelta(seconds=1)


def asked_values(values: Any, kind: pa.DataType, name: str) -> pa.Array | None:
    """Return ids or cells as an array of this type, each once; None: all.

    ``values`` is one of them, an Arrow array, or any iterable. Text that is written as an integer is one where ids are
    integers, and integers are text where ids are text.

    Raises
    ------
    OptionError
        When some have no exact counterpart of this type; the message says how many.
    """
    import pyarrow as pa

    if values is None:
        return None
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        single = isinstance(values, str) or not isinstance(values, Iterable)
        listed = [values] if single else list(values.tolist() if hasattr(values, "tolist") else values)
        try:
            values = pa.array(listed) if listed else from_values([], kind)
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
            raise OptionError(f"{name}= holds values of several types: give all as {kind}") from None
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_string(values.type):
        values = values.cast(pa.large_string())
    exact = values if values.type == kind else _exact(values, kind)
    if exact is None or exact.null_count:
        n = len(values) if exact is None else exact.null_count
        raise OptionError(
            f"{n:,} of {len(values):,} values in {name}= are null or have no exact counterpart among the store's, "
            f"which are {kind}: give them as {kind}"
        )
    if pa.types.is_integer(kind):
        return from_numpy(np.unique(view(exact, kind.to_pandas_dtype())), kind)
    return exact.unique()


def _exact(values: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """Return values of another type where nothing is lost by it; null where something is, None where all is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = pa.types.is_integer(values.type) or pa.types.is_large_string(values.type)
    if not whole:
        return None
    cast = cast_or_null(values, kind) if len(values) else values.cast(kind)
    same = pc.equal(cast.cast(values.type), values)
    return pc.if_else(same.fill_null(False), cast, pa.scalar(None, kind))
