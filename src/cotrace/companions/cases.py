"""The cases from which tracing starts: ids, the moments that close their lookbacks, and what limits them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values
from cotrace.errors import CaseError, CotraceWarning, SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["NEVER", "Cases", "match_ids", "read_cases", "to_instant"]

#: no such moment: far beyond every time that pings can have
NEVER = 2**60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DEVICE_NAMES = ("device", "case_id", "case", "uid", "user_id", "imsi", "msisdn", "id")
#: whose frames hold any Python objects in columns; those of others are read as Arrow
_FRAMES = ("pandas", "polars", "pyarrow")
_MOMENTS = ("as_of", "infectious_from", "isolated_at")
_MEND = "write for example '2021-11-03T00:00:00+08:00'"


@dataclass(frozen=True)
class Cases:
    """Cases, each once, sorted by id and ``as_of``; moments in unix seconds, floored.

    Parameters
    ----------
    ids : pyarrow.Array
        Of the pings' type.
    rows : int64[n]
        The first row of each in what the caller gave.
    as_of, infectious_from, isolated_at : int64[n]
        Where there is no ``infectious_from`` it is ``-NEVER``; where there is no ``isolated_at``, ``NEVER``.
    """

    ids: pa.Array
    rows: NDArray[np.int64]
    as_of: NDArray[np.int64]
    infectious_from: NDArray[np.int64]
    isolated_at: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.as_of.size)

    def windows(self, lookback: int) -> NDArray[np.int64]:
        """Return each case's lookback and the start of what counts as an episode: int64[n, 3].

        ``[start, end)`` and ``infectious``, which is ``start`` at the earliest; where nothing is left, ``end``
        is ``start``.
        """
        start = self.as_of - lookback
        end = np.maximum(np.minimum(self.as_of, self.isolated_at), start)
        return np.stack([start, end, np.maximum(start, self.infectious_from)], axis=1)


def read_cases(cases: Any, as_of: Any, device_type: pa.DataType) -> Cases:
    """Read the cases and match their ids to the pings' type.

    Parameters
    ----------
    cases : ids, or a frame
        One id, a sequence or array of ids; or a frame (pandas, polars, Arrow, a dict of columns) with ``device``,
        ``as_of``, and where wanted ``infectious_from`` and ``isolated_at``.
    as_of : instant, optional
        For all cases, where they have no such column.
    device_type : pyarrow.DataType
        int64, uint64 or a string.

    Raises
    ------
    CaseError
        No ``as_of`` or two of them; naive, date-only or missing moments; an id that has no exact counterpart among
        ids of the pings' type; one case with two different limits.
    SchemaError
        A frame without a column of ids.
    """
    columns, names = _columns(cases)
    _warn_of_near_names(names)
    ids = match_ids(columns.pop("device"), device_type)
    n = len(ids)
    if "as_of" in columns and as_of is not None:
        raise CaseError("as_of is given twice, by column and by parameter: leave one out")
    if "as_of" not in columns:
        if as_of is None:
            there = f" (the cases have {', '.join(names)})" if names else ""
            raise CaseError(
                f"as_of is missing{there}: it closes the lookback. Give a column or as_of=; {_MEND}"
            )
        columns["as_of"] = [to_instant(as_of, "as_of")] * n
    rows = list(
        zip(
            ids,
            _moments(columns["as_of"], "as_of", None),
            _moments(columns.get("infectious_from", [None] * n), "infectious_from", -NEVER),
            _moments(columns.get("isolated_at", [None] * n), "isolated_at", NEVER),
            strict=True,
        )
    )
    return _unique(rows, device_type)


def _warn_of_near_names(names: list[str]) -> None:
    """Warn of a column that is not used and is nearly one that would be: it changes what counts."""
    for name in names:
        near = get_close_matches(name.lower(), _MOMENTS, 1, 0.7)
        if near and name not in _MOMENTS:
            warnings.warn(
                CotraceWarning(
                    f"the cases' column {name!r} is not used: is {near[0]!r} meant? Rename it",
                    "cases",
                    column=name,
                ),
                stacklevel=4,
            )


def _unique(rows: list[tuple[Any, int, int, int]], device_type: pa.DataType) -> Cases:
    # strings compare by code point, integers by value: Python's own order
    first_row = {row: number for number, row in reversed(list(enumerate(rows)))}
    rows = sorted(first_row)
    for one, other in pairwise(rows):
        if one[:2] == other[:2]:
            same = sum(r[:2] == one[:2] for r in rows)
            raise CaseError(
                f"{same} rows have one device and one as_of, but different infectious_from or isolated_at: "
                "keep the one that is meant"
            )
    moments = np.array([r[1:] for r in rows], dtype=np.int64).reshape(-1, 3)
    numbers = np.array([first_row[row] for row in rows], dtype=np.int64)
    return Cases(from_values([r[0] for r in rows], device_type), numbers, *np.ascontiguousarray(moments.T))


def _columns(cases: Any) -> tuple[dict[str, list[Any]], list[str]]:
    """Return the columns of cases as lists of Python values, ``device`` among them, and the names of all."""
    if isinstance(cases, str) and cases.lower().endswith((".csv", ".parquet", ".arrow", ".gz")):
        raise CaseError(
            "cases= is the name of a file: read it first, for instance with pandas.read_csv(..., dtype=str)"
        )
    if isinstance(cases, str | int | np.integer):
        return {"device": [cases]}, []
    if isinstance(cases, Mapping):
        found = {str(k): _listed(v) for k, v in cases.items()}
    elif hasattr(cases, "columns") and type(cases).__module__.split(".")[0] in _FRAMES:
        names = getattr(cases, "column_names", None) or list(cases.columns)
        wanted = {*_DEVICE_NAMES, *_MOMENTS}
        found = {str(name): _listed(cases[name]) for name in names if str(name) in wanted}
        found |= {str(name): [] for name in names if str(name) not in wanted}
    elif hasattr(cases, "__arrow_c_stream__") and not _is_column(cases):
        import pyarrow as pa

        return _columns(pa.table(cases))
    else:
        return {"device": _listed(cases)}, []
    ids = ["device"] if "device" in found else [name for name in _DEVICE_NAMES if name in found]
    if len(ids) > 1:
        raise SchemaError(
            f"the cases' ids can be {' or '.join(map(repr, ids))}: rename the one that is meant to 'device'"
        )
    if not ids:
        there, others = ", ".join(found) or "none", ", ".join(_DEVICE_NAMES[1:])
        raise SchemaError(f"the cases have no column 'device' (nor {others}); they have {there}")
    lengths = {len(v) for name, v in found.items() if name in (*ids, *_MOMENTS)}
    if len(lengths) > 1:
        raise CaseError(
            f"the cases' columns are of different lengths: {', '.join(map(str, sorted(lengths)))}"
        )
    moments = {name: found[name] for name in _MOMENTS if name in found}
    return {"device": found[ids[0]], **moments}, list(found)


def _is_column(values: Any) -> bool:
    import pyarrow as pa

    return isinstance(values, pa.ChunkedArray) or hasattr(values, "to_list")


def _listed(values: Any) -> list[Any]:
    """Return a column as a list of Python values; nanoseconds are cut to microseconds."""
    import pyarrow as pa

    if isinstance(values, pa.Array | pa.ChunkedArray):
        if pa.types.is_timestamp(values.type) and values.type.unit == "ns":
            values = values.cast(pa.timestamp("us", tz=values.type.tz), safe=False)
        return list(values.to_pylist())
    if isinstance(values, np.ndarray):
        return list(values) if values.dtype.kind in "mM" else list(values.tolist())
    for method in ("to_list", "tolist"):  # a Series of pandas or polars
        if hasattr(values, method):
            return list(getattr(values, method)())
    if isinstance(values, Sequence | set | frozenset | range) and not isinstance(values, str | bytes):
        return list(values)
    if isinstance(values, Iterable) and not isinstance(values, str | bytes):
        return list(values)
    return [values]


def match_ids(values: list[Any], device_type: pa.DataType) -> list[Any]:
    """Return ids as they stand among ids of this type, if nothing is lost by it; see :func:`read_cases`."""
    import pyarrow as pa

    integers = pa.types.is_integer(device_type)
    lowest, highest = (0, 2**64) if pa.types.is_uint64(device_type) else (-(2**63), 2**63)
    matched: list[Any] = []
    for row, given in enumerate(values):
        value = given.as_py() if hasattr(given, "as_py") else given
        number = _whole(value, text=integers)
        if integers and number is not None:
            if not lowest <= number < highest:
                raise CaseError(
                    f"the case in row {row} has an id beyond the range of the pings' {device_type} ids"
                )
            matched.append(number)
        elif _is_missing(value):
            raise CaseError(f"row {row} of the cases has no device")
        elif not integers and isinstance(value, str):
            matched.append(value)
        elif not integers and number is not None:
            matched.append(str(number))
        else:
            raise CaseError(
                f"the case in row {row} has an id ({type(value).__name__}) that has no exact counterpart among the "
                f"pings' ids ({device_type}): give ids of that type (leading zeros and fractions would be lost)"
            )
    return matched


def _whole(value: Any, *, text: bool) -> int | None:
    """Return an id as an integer if nothing is lost by it."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)  # what pandas makes of integers beside a missing value
    if text and isinstance(value, str):
        digits = value.removeprefix("-")
        if len(digits) < 21 and digits.isascii() and digits.isdigit() and str(int(value)) == value:
            return int(value)
    return None


def _moments(values: Iterable[Any], name: str, missing: int | None) -> list[int]:
    moments = []
    for row, value in enumerate(values):
        if _is_missing(value):
            if missing is None:
                raise CaseError(f"the case in row {row} has no {name}; {_MEND}")
            moments.append(missing)
        else:
            moments.append(to_instant(value, name, row))
    return moments


class _Instant(int):
    """Unix seconds that were checked already."""


def _is_missing(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return bool(value != value)  # NaT is not itself


def to_instant(value: Any, name: str, row: int | None = None) -> int:
    """Return an instant in unix seconds, floored.

    Raises
    ------
    CaseError
        For what is no instant: no time zone, no time of day, a bare number.
    """
    where = f"{name} of the case in row {row}" if row is not None else name
    if isinstance(value, _Instant):
        return value
    if isinstance(value, str):
        value = _parsed(value, where)
    if isinstance(value, np.datetime64):
        raise CaseError(f"{where} has no time zone; {_MEND}")
    if not isinstance(value, datetime):
        kind = "a date without a time of day" if isinstance(value, date) else f"{type(value).__name__}"
        raise CaseError(f"{where} is {kind}: an instant with a time zone is needed; {_MEND}")
    if value.tzinfo is None or value.utcoffset() is None:
        raise CaseError(f"{where} has no time zone; {_MEND}")
    moment = datetime(*value.timetuple()[:6], value.microsecond, tzinfo=value.tzinfo, fold=value.fold)
    return _Instant((moment - _EPOCH) // timedelta(seconds=1))


def _parsed(text: str, where: str) -> datetime:
    if len(text.strip()) <= len("2021-11-03"):
        raise CaseError(
            f"{where} is a date without a time of day: which moment of that day is meant? {_MEND}"
        )
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise CaseError(f"{where} cannot be read as an ISO instant; {_MEND}") from None
