"""What a picture needs of a result, as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CaseError, OptionError

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions import Companions

__all__ = ["OneCase", "clipped", "device_stays", "evidence_of", "one_case"]

_MICROS = 1_000_000


@dataclass(frozen=True)
class OneCase:
    """One case with its lookback, in unix seconds."""

    case: Any
    start: int
    as_of: int


def one_case(found: Companions, case: Any, as_of: Any = None) -> OneCase:
    """Find the case; a device that is a case several times needs its ``as_of``."""
    ids, ends = found.funnel["case_id"].to_pylist(), seconds_of(found.funnel["as_of"])
    there = [int(end) for device, end in zip(ids, ends, strict=True) if device == case]
    if not there:
        raise CaseError(f"this device is none of the {len(ids)} cases of the result")
    if as_of is not None:
        there = [end for end in there if end == _moment(as_of)]
        if not there:
            raise CaseError(f"as_of={as_of!s} is none of this case's")
    if len(there) > 1:
        raise CaseError(f"this device is a case {len(there)} times: name the one by as_of=")
    return OneCase(case, there[0] - found.rule.lookback_s, there[0])


def _moment(value: Any) -> float:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        zone = moment.tzinfo
    except (ValueError, AttributeError):
        raise OptionError(
            f"as_of={value!r} is no moment: write 2021-11-03T00:00:00+08:00, or a datetime"
        ) from None
    if zone is None:
        raise OptionError(f"as_of={value!s} has no time zone: write 2021-11-03T00:00:00+08:00")
    return float(moment.timestamp())


def seconds_of(column: pa.ChunkedArray) -> NDArray[np.int64]:
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
    codes = pc.index(stays.devices, pa.scalar(device, stays.devices.type)).as_py()
    rows = stays.rows[stays.rows[:, 0] == codes][:, 1:].astype(np.int64)
    rows[:, 1:] += stays.base
    return rows


def clipped(rows: NDArray[np.int64], one: OneCase) -> NDArray[np.int64]:
    """Return what of these stays lies in the lookback."""
    start, end = np.maximum(rows[:, 1], one.start), np.minimum(rows[:, 2], one.as_of)
    kept = start < end
    return np.column_stack([rows[:, 0], start, end])[kept]


def evidence_of(found: Companions, one: OneCase, companion: Any = None) -> pa.Table:
    """Return the evidence of a case, and of one of its companions when named."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if found.evidence is None:
        raise OptionError("the result was made with evidence=False, and the picture shows the evidence")
    table = found.evidence.to_arrow()
    chosen = pc.equal(table["case_id"], pa.scalar(one.case, table["case_id"].type))
    ends = pa.scalar(one.as_of * _MICROS, pa.int64()).cast(table["as_of"].type)
    chosen = pc.and_(chosen, pc.equal(table["as_of"], ends))
    if companion is not None:
        named = pa.scalar(companion, table["companion_id"].type)
        chosen = pc.and_(chosen, pc.equal(table["companion_id"], named))
    return table.filter(chosen)
