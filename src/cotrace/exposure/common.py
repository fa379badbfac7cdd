"""What the queries share: devices by id, their rows, times asked, columns, and what results say of themselves."""

from __future__ import annotations

import warnings
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, from_values, repeated, take, view
from cotrace.companions.cases import match_ids, to_instant
from cotrace.errors import CaseError, CotraceWarning, OptionError
from cotrace.io.refused import outside
from cotrace.tables import Stays, StaysStore, Table, check_source

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.schema import TableSchema

__all__ = [
    "CANDIDATES",
    "Answer",
    "asked_ids",
    "beyond",
    "bools",
    "cell_columns",
    "device_codes",
    "device_rows",
    "instant",
    "ints",
    "names_of_cells",
    "seen_codes",
    "source_names",
    "sources_of",
    "span_of",
    "table",
    "warn",
]

Int64 = NDArray[np.int64]

CANDIDATES = "Candidates from co-location, not contacts: nothing should follow for a person without review"
_FEW = 512


class Answer(Table):
    """A table with the rows that stand behind it.

    Attributes
    ----------
    evidence : Table
        The stays, meetings or counts that each row was made from.
    """

    evidence: Table
    refused: Any = None

    @classmethod
    def of(cls, main: Table, evidence: Table) -> Answer:
        """Join a table and its evidence."""
        answer = cls(main.schema, main.to_arrow(), main.note)
        answer.evidence = evidence
        return answer


def warn(message: str, kind: str, **figures: object) -> None:
    """Warn, pointing at the caller's own line."""
    warnings.warn(CotraceWarning(message, kind, **figures), stacklevel=outside())


def instant(value: Any, name: str) -> int:
    """Return an instant with a time zone as unix seconds."""
    try:
        return int(to_instant(value, name))
    except CaseError as error:
        if isinstance(value, date) and not isinstance(value, datetime):
            raise OptionError(
                f"{name} is a date without a time of day: name the instant, with its zone"
            ) from None
        raise OptionError(str(error)) from None


def asked_ids(source: Stays | StaysStore, ids: Any) -> pa.Array | None:
    """Return the ids that are asked for as the source has them, each once and in order; None: all that there are.

    ``ids`` is one id, a sequence of them, or None.

    Raises
    ------
    CotraceTypeError
        When the source is neither stays nor a store.
    OptionError
        When one cannot be an id of the source's.
    """
    check_source(source)
    if ids is None:
        return None
    from cotrace.companions.cases import _listed

    try:
        matched = match_ids(_listed(ids), source.device_type)
    except CaseError as error:
        raise OptionError(f"devices: {str(error).replace('the case in', 'the id in')}") from None
    return from_values(sorted(set(matched)), source.device_type)


def device_codes(stays: Stays, asked: pa.Array | None) -> tuple[pa.Array, Int64]:
    """Return ids that :func:`asked_ids` gave, and their codes among the stays' devices; -1 for those never seen."""
    if asked is None:
        return stays.devices, np.arange(len(stays.devices), dtype=np.int64)
    codes = seen_codes(stays.devices, asked)
    if unseen := int((codes < 0).sum()):
        warn(
            f"{unseen:,} of {len(asked):,} devices were never seen in the pings: nothing can be said of where they "
            "were; are their ids of the same kind?",
            "cases",
            never_seen=unseen,
            devices=len(asked),
        )
    return asked, codes


def seen_codes(devices: pa.Array, ids: pa.Array) -> Int64:
    """Return the place of each id among devices, which are in order; -1 where it is not. O(ids log devices)."""
    import pyarrow as pa

    if pa.types.is_integer(devices.type):
        kind = devices.type.to_pandas_dtype()
        have, want = view(devices, kind), view(ids, kind)
        at = np.searchsorted(have, want)
        found = at < have.size
        found[found] = have[at[found]] == want[found]
        return np.where(found, at, -1).astype(np.int64)
    if len(ids) > _FEW:
        import pyarrow.compute as pc

        return view(pc.index_in(ids, value_set=devices).fill_null(-1), np.int32).astype(np.int64)
    return np.array([_bisect(devices, text) for text in ids.to_pylist()], dtype=np.int64)


def _bisect(devices: pa.Array, text: str) -> int:
    lo, hi = 0, len(devices)
    while lo < hi:
        middle = (lo + hi) // 2
        if devices[middle].as_py() < text:  # by code point, as the devices are sorted
            lo = middle + 1
        else:
            hi = middle
    return lo if lo < len(devices) and devices[lo].as_py() == text else -1


def device_rows(stays: Stays, codes: Int64) -> tuple[Int64, Int64]:
    """Return the numbers of the stays of devices, one device after the other, and to which of them each belongs."""
    from cotrace.kernels.presence import device_slices

    slices = np.empty((codes.size, 2), dtype=np.int64)
    device_slices(stays.rows, codes, slices)
    sizes = slices[:, 1] - slices[:, 0]
    whose = np.repeat(np.arange(codes.size), sizes)
    first = np.repeat(slices[:, 0] - (np.cumsum(sizes) - sizes), sizes)
    return first + np.arange(whose.size), whose


def span_of(start: Int64, end: Int64) -> tuple[int, int]:
    """Return the time from the first start to the last end of intervals; of none, and of empty ones, it is empty."""
    some = end > start
    return (int(start[some].min()), int(end[some].max())) if some.any() else (0, 0)


def beyond(start: Int64, end: Int64, group: Int64, floor: Int64) -> tuple[Int64, Int64]:
    """Return how far each interval's group was covered before it, and how much of the interval that covers.

    Parameters
    ----------
    start, end : int64[n]
        Intervals, by group and start.
    group : int64[n]
        Numbers that rise.
    floor : int64[n]
        Where each one's group begins, no later than its intervals.

    Returns
    -------
    before : int64[n]
        The latest end of the group's earlier intervals; ``floor`` for the first.
    overlap : int64[n]
        Seconds of the interval that lie before that.
    """
    if not start.size:
        return start, start
    far = int(max(end.max(), floor.max()) - min(start.min(), floor.min())) + 1
    shifted = np.maximum.accumulate(end + group * far)
    before = np.concatenate([[0], shifted[:-1]]) - group * far
    first = np.concatenate([[True], group[1:] != group[:-1]])
    before = np.where(first, floor, before)
    return before, np.clip(np.minimum(before, end) - start, 0, None)


def bools(values: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None) -> pa.Array:
    """Return truth values as an Arrow array; null where they are not valid."""
    import pyarrow as pa

    bits = [None if b is None else pa.py_buffer(np.packbits(b, bitorder="little")) for b in (valid, values)]
    return pa.Array.from_buffers(pa.bool_(), len(values), bits)


def cell_columns(cells: Cells, codes: NDArray[Any]) -> dict[str, Any]:
    """Return the table columns ``cell`` to ``cell_lat`` and ``place``; null where a code is -1.

    Only the cells that occur are looked up.
    """
    import pyarrow as pa

    there = codes >= 0
    used = np.zeros(len(cells.values), dtype=np.bool_)
    used[codes[there]] = True
    few = np.flatnonzero(used)
    place = np.cumsum(used) - 1
    at = np.where(there, place[np.where(there, codes, 0)], -1) if few.size else np.full(codes.size, -1)
    known = cells.take(few)
    columns = {**known.columns(np.arange(few.size)), "place": _names(known)}
    if there.all():
        return {name: take(column, at) for name, column in columns.items()}
    bits = pa.py_buffer(np.packbits(there, bitorder="little"))
    where = pa.Array.from_buffers(pa.int64(), at.size, [bits, pa.py_buffer(at.astype(np.int64))])
    return {name: column.take(where) for name, column in columns.items()}


def _names(cells: Cells) -> pa.Array:
    import pyarrow as pa

    return pa.nulls(len(cells.values), pa.string()) if cells.names is None else cells.names


def names_of_cells(cells: Cells) -> dict[str, int]:
    """Return the code of every place that has a cell of its own, by name."""
    if cells.names is None:
        return {}
    return {name: code for code, name in enumerate(cells.names.to_pylist()) if name is not None}


def sources_of(stays: Stays, rows: Int64) -> Int64:
    """Return the source bits of some stays."""
    if stays.source_bits is None:
        return np.ones(rows.size, dtype=np.int64)
    bits: Int64 = stays.source_bits[rows]
    return bits


def source_names(sources: tuple[str, ...], bits: Int64) -> pa.Array:
    """Return sources as words, several joined by ``+``; null where there is none."""
    import pyarrow as pa

    kinds, which = np.unique(bits, return_inverse=True)
    words = tuple("+".join(s for k, s in enumerate(sources) if b >> k & 1) for b in kinds.tolist())
    names = repeated(words, which) if bits.size else pa.nulls(0, pa.string())
    if (bits == 0).any():
        import pyarrow.compute as pc

        return pc.if_else(bools(bits != 0), names, None)
    return names


def ints(values: Any) -> pa.Array:
    """Return integers as an Arrow column."""
    return from_numpy(np.asarray(values, dtype=np.int64))


def table(schema: TableSchema, columns: dict[str, Any], stays: Stays, note: str) -> Table:
    """Make a result table with the stays' types of devices, cells and instants."""
    types = {"device": stays.devices.type, "cell": stays.cells.values.type, "tz": stays.tz}
    return Table.from_columns(schema, columns, note, **types)
