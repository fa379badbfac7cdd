"""What a book is told: proposals, tests and decisions, read from frames into events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from cotrace.codes.fold import Event
from cotrace.codes.machine import DECISIONS, EVENTS, RANKS
from cotrace.codes.rules import PROPOSALS
from cotrace.companions.cases import _is_missing, to_instant
from cotrace.errors import CaseError, CodeError, SchemaError
from cotrace.exposure.frames import columns_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["contradictions", "device_kind", "read_told"]

#: tests are told as these
_RESULTS = ("negative", "positive")
#: what each table is called, the column that names its event, and the events that it may name
_TABLES = {
    "proposals": ("event", (*PROPOSALS, "lifted", "enrolled")),
    "tests": ("result", _RESULTS),
    "adjudications": ("decision", DECISIONS),
    "events": ("event", EVENTS),
}


def read_told(frame: Any, what: str) -> Iterator[tuple[Any, Event]]:
    """Read a table of proposals, tests, decisions or events: device and event, row by row.

    Raises
    ------
    SchemaError
        When it is no table, or a column is missing.
    CodeError
        For an event that is none, a decision that nobody made, and for a moment or an id that is none.
    """
    column, allowed = _TABLES[what]
    names = ("device", column, "at", "exposed_until", "evidence", "reason", "by")
    found = columns_of(frame, what, names)
    for name in ("device", column, "at"):
        if name not in found:
            raise SchemaError(f"{what} have no column {name!r}; they have {', '.join(found) or 'none'}")
    n = len(found["device"])
    empty: list[Any] = [None] * n
    columns = (found.get(name, empty) for name in names)
    for row, (device, event, at, exposed, evidence, reason, by) in enumerate(zip(*columns, strict=True)):
        if event not in allowed:
            raise CodeError(f"{what}: the {column} in row {row} is none of {', '.join(allowed)}")
        moment = _moment(at, what, "at", row)
        until = moment if _is_missing(exposed) else _moment(exposed, what, "exposed_until", row)
        texts = [("" if _is_missing(text) else str(text)) for text in (evidence, reason, by)]
        if event in DECISIONS and not texts[2]:
            raise CodeError(f"{what}: the decision in row {row} is nobody's: say in 'by' who decided")
        yield _id(device, what, row), Event(moment, RANKS[event], event, until, *texts)


def _moment(value: Any, what: str, name: str, row: int) -> int:
    if type(value) is int:
        return value
    try:
        return int(to_instant(value, name, row))
    except CaseError as error:
        raise CodeError(str(error).replace("of the case in row", f"of {what} in row")) from None


def _id(value: Any, what: str, row: int) -> int | str:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**64:
        return value
    if hasattr(value, "__index__") and not isinstance(value, bool):
        return int(value.__index__())
    raise CodeError(f"{what}: the device in row {row} is no id: ids are integers of 64 bits or strings")


def device_kind(devices: Any) -> pa.DataType:
    """Return the Arrow type of ids: int64, uint64 where they need it, or strings."""
    import pyarrow as pa

    if any(isinstance(device, str) for device in devices):
        return pa.large_string()
    return pa.uint64() if any(device >= 2**63 for device in devices) else pa.int64()


def contradictions(events: list[Event]) -> bool:
    """Say whether two decisions of one second differ."""
    decided: dict[int, str] = {}
    return any(decided.setdefault(e.at, e.event) != e.event for e in events if e.event in DECISIONS)
