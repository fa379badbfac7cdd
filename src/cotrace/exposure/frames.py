"""Small tables that callers give: onsets, pairs, findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values
from cotrace.companions.cases import _DEVICE_NAMES, _is_missing, _listed, match_ids, to_instant
from cotrace.errors import CaseError, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["columns_of", "ids_of", "read_findings", "read_onsets", "read_pairs"]


def columns_of(frame: Any, what: str, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the columns of a frame that have one of these names, as lists of Python values.

    Raises
    ------
    SchemaError
        When it is no frame, or columns are of different lengths.
    """
    if isinstance(frame, Mapping):
        there: dict[str, Any] = {str(k): v for k, v in frame.items()}
    elif hasattr(frame, "columns") and hasattr(frame, "__getitem__"):
        listed = getattr(frame, "column_names", None) or list(frame.columns)
        there = {str(name): frame[name] for name in listed if str(name) in names}
    elif hasattr(frame, "__arrow_c_stream__"):
        import pyarrow as pa

        return columns_of(pa.table(frame), what, names)
    else:
        raise SchemaError(
            f"{what}= is a {type(frame).__name__}: give a frame (pandas, polars, Arrow, a dict of columns) with "
            f"{', '.join(names)}"
        )
    found = {name: _listed(there[name]) for name in names if name in there}
    if len({len(column) for column in found.values()}) > 1:
        sizes = ", ".join(f"{name} {len(column)}" for name, column in found.items())
        raise SchemaError(f"{what}: the columns are of different lengths: {sizes}")
    return found


def _wanting(what: str, name: str, found: dict[str, list[Any]]) -> SchemaError:
    return SchemaError(
        f"{what} have no column {name!r}; of those that are used they have {', '.join(found) or 'none'}"
    )


def ids_of(values: list[Any], device_type: pa.DataType, what: str) -> list[Any]:
    """Return ids as they stand among ids of this type."""
    try:
        return match_ids(values, device_type)
    except CaseError as error:
        text = str(error).replace("the case in row", f"the id of {what} in row")
        raise CaseError(text.replace("of the cases has", f"of {what} has")) from None


def read_onsets(cases: Any, device_type: pa.DataType) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return cases, each once and in order of their ids, and their onsets in unix seconds."""
    found = columns_of(cases, "cases", (*_DEVICE_NAMES, "onset"))
    named = [name for name in found if name != "onset"]
    if len(named) > 1 and "device" not in named:
        raise SchemaError(
            f"the cases' ids can be {' or '.join(map(repr, named))}: rename the one that is meant to 'device'"
        )
    if not named:
        raise _wanting("the cases", "device", found)
    if "onset" not in found:
        raise _wanting("the cases", "onset", found)
    ids = ids_of(found["device" if "device" in named else named[0]], device_type, "cases")
    onsets: dict[Any, int] = {}
    for row, (one, value) in enumerate(zip(ids, found["onset"], strict=True)):
        if _is_missing(value):
            raise CaseError(
                f"the case in row {row} has no onset: leave it out, or give the day of its first positive sample"
            )
        moment = to_instant(value, "onset", row)
        if onsets.setdefault(one, moment) != moment:
            raise CaseError(
                f"the case in row {row} is there already, with another onset: keep the one that is meant"
            )
    order = sorted(onsets)
    return from_values(order, device_type), np.array([onsets[one] for one in order], dtype=np.int64)


def read_findings(findings: Any, device_type: pa.DataType) -> dict[str, dict[Any, str]]:
    """Return what is known of devices' symptoms and tests, as text: name of the column -> id -> what is said."""
    if findings is None:
        return {"symptoms": {}, "test": {}}
    found = columns_of(findings, "findings", ("device", "symptoms", "test"))
    if "device" not in found:
        raise _wanting("findings", "device", found)
    ids = ids_of(found.pop("device"), device_type, "findings")
    said: dict[str, dict[Any, str]] = {"symptoms": {}, "test": {}}
    for name, values in found.items():
        for row, (one, value) in enumerate(zip(ids, values, strict=True)):
            if _is_missing(value):
                continue
            if said[name].setdefault(one, str(value)) != str(value):
                raise CaseError(
                    f"row {row} of findings says another {name} of a device than an earlier row: keep one"
                )
    return said


#: what the two columns of a table of pairs are called
_PAIR_NAMES = (("a", "b"), ("case_id", "companion_id"), ("case_id", "contact_id"), ("case_id", "device"))


def read_pairs(pairs: Any, device_type: pa.DataType) -> list[tuple[Any, Any]]:
    """Return pairs of ids, each once, whichever comes first, as they first stand there."""
    if hasattr(pairs, "companions") and hasattr(pairs.companions, "to_arrow"):
        pairs = pairs.companions
    if isinstance(pairs, list | tuple | set | frozenset):
        return _once(_of_tuples(list(pairs)), device_type)
    found = columns_of(pairs, "pairs", tuple(dict.fromkeys(name for two in _PAIR_NAMES for name in two)))
    named = [two for two in _PAIR_NAMES if all(name in found for name in two)]
    if not named:
        others = " nor ".join(" and ".join(two) for two in _PAIR_NAMES[1:])
        raise SchemaError(
            f"pairs have no columns a and b (nor {others}); of those that are used they have "
            f"{', '.join(found) or 'none'}"
        )
    return _once((found[named[0][0]], found[named[0][1]]), device_type)


def _of_tuples(pairs: list[Any]) -> tuple[list[Any], list[Any]]:
    for row, two in enumerate(pairs):
        if isinstance(two, str | bytes) or not hasattr(two, "__len__") or len(two) != 2:
            raise CaseError(
                f"row {row} of pairs is no pair of ids: give tuples of two, or a frame with a and b"
            )
    return [two[0] for two in pairs], [two[1] for two in pairs]


def _once(columns: tuple[list[Any], list[Any]], device_type: pa.DataType) -> list[tuple[Any, Any]]:
    a, b = (ids_of(column, device_type, "pairs") for column in columns)
    kept: dict[Any, tuple[Any, Any]] = {}
    for row, (one, other) in enumerate(zip(a, b, strict=True)):
        if one == other:
            raise CaseError(f"row {row} of pairs is a device with itself: take it out")
        kept.setdefault((min(one, other), max(one, other)), (one, other))
    return list(kept.values())
