"""Pairs of a case and a device, from results and from tables of the truth, as codes that both share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CaseError, SchemaError
from cotrace.exposure.common import warn

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Pairs", "columns_of_pairs", "read_both"]

Int64 = NDArray[np.int64]

_CASE_NAMES = ("case_id", "case", "a")
_DEVICE_NAMES = ("companion_id", "contact_id", "device", "b")
_GROUPINGS = ("tier", "setting")


@dataclass(frozen=True)
class Pairs:
    """Pairs, each once, sorted by case and device.

    Parameters
    ----------
    case, device : int64[n]
        Codes: the number of the case, and of the device.
    groups : dict of (str, list)
        By name of a column: its value for each pair, None where there is none.
    """

    case: Int64
    device: Int64
    groups: dict[str, list[str | None]]

    @property
    def keys(self) -> Int64:
        """One number a pair, in order."""
        return self.case << 40 | self.device


@dataclass(frozen=True)
class Both:
    """A result and the truth in the same codes.

    Parameters
    ----------
    listed, truth : Pairs
    cases : pyarrow.Array
        Ids of the cases by code.
    as_of : pyarrow.Array
        Their ``as_of``; null where it was not given.
    """

    listed: Pairs
    truth: Pairs
    cases: pa.Array
    as_of: pa.Array

    @property
    def n_cases(self) -> int:
        """How many cases."""
        return len(self.cases)


def columns_of_pairs(given: Any, what: str) -> pa.Table:
    """Return a table with ``case_id``, ``device``, and where they are given ``as_of``, ``tier`` and ``setting``.

    ``as_of`` is in unix seconds.

    Raises
    ------
    SchemaError
        When there are no columns of cases and devices; the message lists those there are.
    CaseError
        When an id is missing.
    """
    import pyarrow as pa

    if hasattr(given, "companions") and hasattr(given.companions, "to_arrow"):
        given = given.companions
    if isinstance(given, list | tuple | set | frozenset):
        two = list(given)
        if not all(isinstance(row, list | tuple) and len(row) == 2 for row in two):
            raise SchemaError(f"{what}: a list holds pairs (case, device)")
        given = {"case_id": [row[0] for row in two], "device": [row[1] for row in two]}
    table = _with_case(_arrow(given, what))
    case = _named(table, _CASE_NAMES, what, "case_id")
    device = _named(table, tuple(n for n in _DEVICE_NAMES if n != case), what, "companion_id")
    kept = {"case_id": _ids(table[case], what), "device": _ids(table[device], what)}
    kept |= _moments(table) | {name: table[name] for name in _GROUPINGS if name in table.column_names}
    return pa.table(kept)


def _with_case(table: pa.Table) -> pa.Table:
    """Return tiers and rings with the case that each device's path begins with; cases themselves are left out."""
    import pyarrow.compute as pc

    if "path" not in table.column_names or any(name in table.column_names for name in _CASE_NAMES):
        return table
    longer = pc.greater(pc.list_value_length(table["path"]), 1)
    table = table.filter(pc.fill_null(longer, False))
    return table.append_column("case_id", pc.list_element(table["path"], 0))


def _arrow(given: Any, what: str) -> pa.Table:
    import pyarrow as pa

    if hasattr(given, "to_arrow"):
        given = given.to_arrow()
    if isinstance(given, pa.Table):
        return given
    if hasattr(given, "__arrow_c_stream__"):
        return pa.table(given)
    if isinstance(given, dict):
        return pa.table({str(name): _column(values) for name, values in given.items()})
    if hasattr(given, "columns") and hasattr(given, "itertuples"):
        return pa.Table.from_pandas(given, preserve_index=False)
    raise SchemaError(
        f"{what} is a {type(given).__name__}: give a result of cotrace, a frame (pandas, polars, Arrow, a dict of "
        "columns) with case_id and companion_id, or a list of pairs"
    )


def _column(values: Any) -> Any:
    import pyarrow as pa

    return values if isinstance(values, pa.Array | pa.ChunkedArray | np.ndarray) else pa.array(list(values))


def _named(table: pa.Table, names: tuple[str, ...], what: str, usual: str) -> str:
    found = [name for name in names if name in table.column_names]
    if not found:
        raise SchemaError(
            f"{what} has no column {usual} (nor {', '.join(n for n in names if n != usual)}); it has "
            f"{', '.join(table.column_names) or 'none'}"
        )
    return found[0]


def _ids(column: pa.ChunkedArray, what: str) -> pa.Array:
    import pyarrow as pa

    if column.null_count:
        at = column.is_null().to_pylist().index(True)
        raise CaseError(
            f"{column.null_count:,} rows of {what} have no id (the first is row {at}): take them out"
        )
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if pa.types.is_integer(array.type):
        return array if array.type == pa.uint64() else array.cast(pa.int64())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return array.cast(pa.large_string())
    if pa.types.is_null(array.type):
        return array.cast(pa.int64())
    raise CaseError(f"{what} has ids of type {array.type}: integers or strings are needed")


def read_both(result: Any, truth: Any, cases: Any = None) -> Both:
    """Read a result and the truth of it.

    Parameters
    ----------
    result, truth
        As in :func:`cotrace.evaluate`.
    cases : ids, optional
        The cases that were asked of; by default those of the result where it knows them, else all of both tables.

    Raises
    ------
    CaseError
        When ids are of different kinds, or ``as_of`` is needed and missing.
    """
    listed, true = columns_of_pairs(result, "result"), columns_of_pairs(truth, "truth")
    asked = _asked(result, cases)
    timed = _timed(listed, true, asked)
    tables = [listed, true, *([asked] if asked is not None else [])]
    _same_ids(tables)
    if asked is None:
        asked = _stacked([t.select(_key(timed)) for t in (listed, true)])
    ids, moments, lookup = _numbered(asked, timed)
    devices = _codes_of([t["device"] for t in (listed, true)])
    both = [
        _pairs(table, _case_codes(table, lookup, timed), codes, what)
        for table, codes, what in ((listed, devices[0], "the result"), (true, devices[1], "the truth"))
    ]
    return Both(both[0], both[1], ids, moments)


def _key(timed: bool) -> list[str]:
    return ["case_id", "as_of"] if timed else ["case_id"]


def _asked(result: Any, cases: Any) -> pa.Table | None:
    """Return the cases that were asked of, where that is known."""
    if cases is None:
        own: Any = getattr(result, "cases", None)
        return _keyed(own.to_arrow(), "case_id") if hasattr(own, "to_arrow") else None
    if (
        not isinstance(cases, dict)
        and not hasattr(cases, "__arrow_c_stream__")
        and not hasattr(cases, "columns")
    ):
        cases = {"case_id": [cases] if isinstance(cases, str | int) else list(cases)}
    table = _arrow(cases, "cases")
    name = _named(table, ("case_id", "device", "case"), "cases", "case_id")
    return _keyed(table, name)


def _keyed(table: pa.Table, name: str) -> pa.Table:
    import pyarrow as pa

    return pa.table({"case_id": _ids(table[name], "cases"), **_moments(table)})


def _timed(listed: pa.Table, true: pa.Table, asked: pa.Table | None) -> bool:
    """Say whether cases are told apart by their ``as_of`` too: where all know it."""
    tables = [t for t in (listed, true, asked) if t is not None]
    if all("as_of" in t.column_names for t in tables):
        return True
    for t, what in ((listed, "the result"), (asked, "the cases")):
        if t is not None and "as_of" in t.column_names:
            rows = t.select(["case_id", "as_of"]).group_by(["case_id", "as_of"]).aggregate([])
            if rows.num_rows > len(rows["case_id"].unique()):
                raise CaseError(
                    f"{what} has a case with several as_of, and not all tables have that column: give the truth one too"
                )
    return False


def _same_ids(tables: list[pa.Table]) -> None:
    kinds = {str(t["case_id"].type) for t in tables if len(t)} | {
        str(t["device"].type) for t in tables[:2] if len(t)
    }
    if len({"text" if "string" in kind else "number" for kind in kinds}) > 1:
        raise CaseError(
            f"result, truth and cases have ids of different kinds ({', '.join(sorted(kinds))}): make them one kind"
        )


def _stacked(tables: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    filled = [t for t in tables if len(t)] or tables[:1]
    return pa.concat_tables(filled, promote_options="permissive")


def _codes_of(columns: list[pa.ChunkedArray]) -> list[Int64]:
    """Return codes of several columns of ids, equal ids having equal codes."""
    import pyarrow as pa

    parts = [c.combine_chunks() for c in columns]
    parts = [p if isinstance(p, pa.Array) else pa.concat_arrays(p.chunks) for p in parts]
    kind = next((p.type for p in parts if len(p)), parts[0].type)
    codes = pa.concat_arrays([p.cast(kind) for p in parts]).dictionary_encode().indices
    whole = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.split(whole, np.cumsum([len(p) for p in parts])[:-1])


def _moments(table: pa.Table) -> dict[str, Any]:
    """Return the column ``as_of`` in unix seconds, where there is one."""
    import pyarrow as pa

    if "as_of" not in table.column_names:
        return {}
    column = table["as_of"]
    if not pa.types.is_timestamp(column.type) or column.null_count:
        from cotrace.companions.cases import to_instant

        listed = enumerate(column.to_pylist())
        return {"as_of": pa.array([int(to_instant(v, "as_of", row)) for row, v in listed], pa.int64())}
    if column.type.tz is None:
        raise CaseError("as_of has no time zone: write for example '2021-11-03T00:00:00+08:00'")
    micros = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    return {"as_of": pa.array(np.array(micros.to_pylist(), dtype=np.int64) // 1_000_000)}


def _numbered(asked: pa.Table, timed: bool) -> tuple[pa.Array, pa.Array, dict[Any, int]]:
    """Return the cases in order, their ``as_of``, and the number of each."""
    import pyarrow as pa

    ids = asked["case_id"].to_pylist()
    moments = asked["as_of"].to_pylist() if timed else [None] * len(ids)
    keys = sorted(set(zip(ids, moments, strict=True)), key=lambda k: (k[0], k[1] or 0))
    lookup = {key: number for number, key in enumerate(keys)}
    stamps = pa.array([None if k[1] is None else k[1] * 1_000_000 for k in keys], pa.int64())
    kind = asked["case_id"].type if len(asked) else pa.int64()
    return pa.array([k[0] for k in keys], kind), stamps.cast(pa.timestamp("us", tz="UTC")), lookup


def _case_codes(table: pa.Table, lookup: dict[Any, int], timed: bool) -> Int64:
    """Return the number of each row's case, -1 where it was not asked of."""
    (codes,) = _codes_of([table["case_id"]])
    moments = (
        np.array(table["as_of"].to_pylist(), dtype=np.int64) if timed else np.zeros(codes.size, np.int64)
    )
    kinds, first, which = np.unique(
        np.stack([codes, moments], axis=1), axis=0, return_index=True, return_inverse=True
    )
    ids = table["case_id"].take(first.tolist()).to_pylist() if first.size else []
    found = [lookup.get((one, int(k[1]) if timed else None), -1) for one, k in zip(ids, kinds, strict=True)]
    return np.array(found, dtype=np.int64)[which.reshape(-1)] if found else np.empty(0, np.int64)


def _pairs(table: pa.Table, case: Int64, device: Int64, what: str) -> Pairs:
    """Return the pairs of the cases asked of, each once; say how many rows are of others."""
    if others := int((case < 0).sum()):
        warn(
            f"{others:,} of {case.size:,} rows of {what} are of cases that were not asked of (the first is row "
            f"{int(np.argmax(case < 0))}): they are left out",
            "cases",
            rows=others,
        )
    kept = np.flatnonzero(case >= 0)
    _, first = np.unique(case[kept] << 40 | device[kept], return_index=True)
    rows = kept[first]
    groups = {name: table[name].take(rows).to_pylist() for name in _GROUPINGS if name in table.column_names}
    return Pairs(case[rows], device[rows], groups)
