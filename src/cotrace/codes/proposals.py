"""Proposals: what companions, contacts, tiers, rings and zones ask of a book, each with a reference to its evidence."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import repeated
from cotrace.errors import CodeError, CotraceTypeError
from cotrace.schema_codes import CODE_PROPOSALS
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["evidence_of", "lifted", "propose"]

_NOTE = "Proposals: candidates from co-location. What follows for a person, people decide"
#: where the device and the end of its exposure stand, and what its rows propose
_COLUMNS = {
    "companions": ("companion_id", "last_finished_at"),
    "contacts": ("contact_id", "last_exposure"),
    "tiers": ("device", "last_exposure"),
    "rings": ("device", "reached_at"),
    "zone_devices": ("device", None),
}
_TIERS = ("contact_candidate", "contact_of_contact", "general_risk")


def propose(found: Any, *, at: Any = None) -> Table:
    """Make proposals of what was found.

    Parameters
    ----------
    found : Companions, Tiers, Rings, Zones, or the table that :func:`cotrace.contacts` gives
        Of tiers each device proposes its tier; of rings the first is a contact candidate, and the others contacts of
        contacts; of zones those at home propose the zone's kind. Rows that investigators excluded propose nothing.
    at : instant, optional
        When it is proposed. By default each row's ``as_of``; tiers, rings and zones have none.

    Returns
    -------
    Table
        One row a proposal, for :meth:`Book.apply`. Columns: :ref:`data-model-code_proposals`. ``evidence`` is a
        digest of the list and the number of the row in it: :func:`evidence_of` finds the row again, and nobody else
        learns from it who the case is.

    Raises
    ------
    CodeError
        When ``at`` is missing.
    CotraceTypeError
        For anything else that was found.

    Examples
    --------
    >>> import cotrace
    >>> from cotrace import codes
    >>> stays = cotrace.find_stays(
    ...     cotrace.read_pings(
    ...         {
    ...             "device": ["A", "A", "B", "B"],
    ...             "time": [0, 3600, 600, 1500],
    ...             "x": [1.0] * 4,
    ...             "y": [1.0] * 4,
    ...         },
    ...         unit="s",
    ...     )
    ... )
    >>> found = cotrace.contacts(stays, ["A"], as_of="1970-01-02T00:00:00+00:00")
    >>> proposed = codes.propose(found)
    >>> proposed["device"].to_pylist(), proposed["event"].to_pylist()
    (['B'], ['contact_candidate'])
    >>> codes.evidence_of(found, proposed["evidence"][0].as_py())["shared_s"]
    900
    """
    table = _table_of(found)
    kind = table.schema.name
    device, exposed = _COLUMNS[kind]
    words, events = _events_of(table)
    keep = np.flatnonzero(words >= 0)
    refs = _references(found, table, keep)
    moments = _moments(table, at, len(keep), keep)
    rows = table.to_arrow().take(keep)
    columns = {
        "device": rows[device],
        "at": moments,
        "event": repeated(events, words[keep]),
        "exposed_until": moments if exposed is None else rows[exposed],
        "evidence": refs,
    }
    return _made(columns, rows[device].type)


def lifted(drawn: Any, said: Any, *, at: Any) -> Table:
    """Make the events that lift zones, for those at home in them.

    Parameters
    ----------
    drawn : Zones
        What the zones' proposals were made from.
    said : Table
        What :func:`cotrace.lift` says of them: rows that are ``lifted``.
    at : instant
        When they are lifted.

    Returns
    -------
    Table
        One row a device and zone, for :meth:`Book.apply`. Columns: :ref:`data-model-code_proposals`.
    """
    table = _table_of(drawn)
    rows = said.to_arrow()
    names = {z for z, done in zip(rows["zone"].to_pylist(), rows["lifted"].to_pylist(), strict=True) if done}
    words, _ = _events_of(table)
    zones = table["zone"].to_pylist()
    keep = np.array([i for i in np.flatnonzero(words >= 0).tolist() if zones[i] in names], dtype=np.int64)
    moments = _moments(table, at, len(keep), keep)
    taken = table.to_arrow().take(keep)
    columns = {
        "device": taken["device"],
        "at": moments,
        "event": repeated(("lifted",), np.zeros(len(keep), dtype=np.int64)),
        "exposed_until": moments,
        "evidence": _references(drawn, table, keep),
    }
    return _made(columns, taken["device"].type)


def evidence_of(found: Any, reference: str) -> dict[str, Any]:
    """Return the row that a proposal was made from.

    Raises
    ------
    CodeError
        When the reference is not of this list.
    """
    table = _table_of(found)
    start, _, last = reference.rpartition("/")
    if start != _prefix(table) or not last:
        raise CodeError("the reference is of another list: it was made with other data or another rule")
    if table.schema.name == "zone_devices":
        rows = table.to_arrow()
        at = rows["zone"].to_pylist().index(last) if last in rows["zone"].to_pylist() else -1
        row = rows.slice(at, 1).to_pylist() if at >= 0 else []
        row = [{k: v for k, v in r.items() if k in ("zone", "zone_kind")} for r in row]
    else:
        row = table.to_arrow().slice(int(last), 1).to_pylist() if last.isdigit() else []
    if not row:
        raise CodeError("the reference is of a row that the list does not have")
    return dict(row[0])


def _table_of(found: Any) -> Table:
    table = found if isinstance(found, Table) else getattr(found, "companions", None)
    if table is None:
        table = getattr(found, "devices", None)
    if not isinstance(table, Table) or table.schema.name not in _COLUMNS:
        raise CotraceTypeError(
            f"{type(found).__name__} proposes nothing: give what find_companions, contacts, tiers, rings or zones give"
        )
    return table


def _events_of(table: Table) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return for each row the number of the event that it proposes, -1 for none; and the events."""
    kind, n = table.schema.name, len(table)
    if kind in ("companions", "contacts"):
        return np.zeros(n, dtype=np.int64), (("companion",) if kind == "companions" else _TIERS[:1])
    if kind == "zone_devices":
        events = ("lockdown", "control", "precaution")
        kinds = table["zone_kind"].to_pylist()
        at_home = table["at_home"].to_pylist()
        which = [events.index(k) if home else -1 for k, home in zip(kinds, at_home, strict=True)]
        return np.array(which, dtype=np.int64), events
    if kind == "tiers":
        numbers = [_TIERS.index(tier) for tier in table["tier"].to_pylist()]
    else:
        numbers = [-1 if ring == 0 else min(ring - 1, 1) for ring in table["ring"].to_pylist()]
    excluded = [decision == "excluded" for decision in table["decision"].to_pylist()]
    return np.where(excluded, -1, np.array(numbers, dtype=np.int64).reshape(-1)), _TIERS


def _moments(table: Table, at: Any, n: int, keep: NDArray[np.int64]) -> pa.Array:
    """Return when each is proposed."""
    from cotrace.codes.told import _moment
    from cotrace.tables import instants

    if at is not None:
        return instants(np.full(n, _moment(at, "proposals", "at", 0), dtype=np.int64), 0, "UTC")
    if "as_of" not in table.columns:
        raise CodeError(f"at= is missing: {table.schema.name} have no as_of. Say when it is proposed")
    return table.to_arrow().take(keep)["as_of"]


def _references(found: Any, table: Table, keep: NDArray[np.int64]) -> pa.Array:
    import pyarrow as pa

    prefix = _prefix(table)
    if table.schema.name == "zone_devices":
        zones = table["zone"].to_pylist()
        return pa.array([f"{prefix}/{zones[i]}" for i in keep.tolist()], pa.string())
    return pa.array([f"{prefix}/{i}" for i in keep.tolist()], pa.string())


def _prefix(table: Table) -> str:
    """Name a list by a digest over all of it: nobody finds out a row by trying all ids."""
    digest = hashlib.blake2b(json.dumps([table.note, len(table)]).encode(), digest_size=8)
    for name in table.columns:
        digest.update(json.dumps([name, [str(v) for v in table[name].to_pylist()]]).encode())
    return f"{table.schema.name}/{digest.hexdigest()}"


def _made(columns: dict[str, Any], kind: pa.DataType) -> Table:
    import pyarrow as pa

    utc = pa.timestamp("us", tz="UTC")
    for name in ("at", "exposed_until"):
        columns[name] = columns[name].cast(utc)
    columns = {
        name: c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for name, c in columns.items()
    }
    return Table.from_columns(CODE_PROPOSALS, columns, _NOTE, device=kind)
