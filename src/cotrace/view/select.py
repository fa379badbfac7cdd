"""What a picture needs of a result, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.companions.words import case_number
from cotrace.errors import CaseError

if TYPE_CHECKING:
    from cotrace.companions import Companions

__all__ = [
    "OneCase",
    "clipped",
    "device_stays",
    "evidence_of",
    "is_companion",
    "one_case",
    "rows_of",
    "seconds_of",
]

_MICROS = 1_000_000


@dataclass(frozen=True)
class OneCase:
    """One case, in unix seconds.

    Its lookback is ``[start, end)``, which ends at ``as_of`` or where the case was isolated; episodes count
    from ``infectious`` on.
    """

    case: Any
    as_of: int
    start: int
    end: int
    infectious: int


def one_case(found: Companions, case: Any, as_of: Any = None) -> OneCase:
    """Find the case; a device that is a case several times needs its ``as_of``."""
    number = case_number(found, case, as_of)
    start, end, infectious = found.window(number)
    device = found.funnel["case_id"][number].as_py()  # of the ids' own type, however it was named
    return OneCase(device, int(seconds_of(found.funnel["as_of"])[number]), start, end, infectious)


def seconds_of(column: Any) -> NDArray[np.int64]:
    """Return a column of instants as unix seconds."""
    import pyarrow as pa

    micros = column.combine_chunks().cast(pa.timestamp("us", column.type.tz)).view(pa.int64())
    seconds: NDArray[np.int64] = micros.to_numpy(zero_copy_only=False) // _MICROS
    return seconds


def device_stays(found: Companions, device: Any) -> NDArray[np.int64]:
    """Return a device's stays in the cases' cells: rows of cell code, start and end in unix seconds."""
    import pyarrow as pa
    import pyarrow.compute as pc

    stays = found.stays
    try:
        wanted = pa.scalar(device, stays.devices.type)
    except (pa.ArrowException, TypeError):
        raise CaseError(f"the id is not of the type of these ids, {stays.devices.type}") from None
    code = pc.index(stays.devices, wanted).as_py()
    rows: NDArray[np.int64] = stays.rows[stays.rows[:, 0] == code][:, 1:].astype(np.int64)
    rows[:, 1:] += stays.base
    return rows


def clipped(rows: NDArray[np.int64], one: OneCase) -> NDArray[np.int64]:
    """Return what of these stays lies in the lookback."""
    start, end = np.maximum(rows[:, 1], one.start), np.minimum(rows[:, 2], one.end)
    kept = start < end
    return np.column_stack([rows[:, 0], start, end])[kept]


def evidence_of(found: Companions, one: OneCase, companion: Any = None) -> Any:
    """Return the evidence of a case, and of one of its companions when named."""
    return rows_of(found.evidence.to_arrow(), one, companion)


def is_companion(found: Companions, one: OneCase, device: Any) -> bool:
    """Tell whether a device is on the case's list."""
    return bool(rows_of(found.companions.to_arrow(), one, device).num_rows)


def rows_of(table: Any, one: OneCase, companion: Any = None) -> Any:
    """Return the rows of a table that are a case's, and of one of its companions when named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    chosen = pc.equal(table["case_id"], pa.scalar(one.case, table["case_id"].type))
    ends = pa.scalar(one.as_of * _MICROS, pa.int64()).cast(table["as_of"].type)
    chosen = pc.and_(chosen, pc.equal(table["as_of"], ends))
    if companion is not None:
        named = pa.scalar(companion, table["companion_id"].type)
        chosen = pc.and_(chosen, pc.equal(table["companion_id"], named))
    return table.filter(chosen)
