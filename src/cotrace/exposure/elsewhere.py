"""What is known from elsewhere: presence (tickets), contacts (badges, interviews), and whose devices are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import SchemaError
from cotrace.exposure.given import GivenTable, Reported
from cotrace.io.zones import ClockChange
from cotrace.schema import Column, TableSchema
from cotrace.schema_places import DEVICES, REPORTED_CONTACTS, VISITS
from cotrace.tables import Table, instants

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_contacts", "read_devices", "read_visits", "with_persons"]

_UNSAID = "elsewhere"
_PERSON = "person"


def read_visits(
    table: Any,
    *,
    columns: Mapping[str, str] | None = None,
    source: str = _UNSAID,
    tz: Any = None,
    unit: str | None = None,
    clock_change: ClockChange = "refuse",
) -> Reported:
    """Read presence known from elsewhere: tickets, attendance lists, check-ins.

    Parameters
    ----------
    table : table, dict or path
        Columns device, place (a name, or the id of a tower), started_at, finished_at, and where there is one source.
    columns : mapping, optional
        Which column is which, where they have other names: ``{"place": "Venue"}``.
    source : str
        Where the rows are from, when there is no column that says it.
    tz : str, optional
        The time zone of naive times.
    unit : {"s", "ms", "us", "ns"}, optional
        What times that are numbers count.
    clock_change : {"refuse", "earliest", "latest"}
        As in :func:`cotrace.read_pings`.

    Returns
    -------
    Reported
        Columns: :ref:`data-model-visits`; with ``counts`` and ``refused``. :func:`cotrace.with_visits` makes stays of
        them.

    Raises
    ------
    SchemaError, TimeError
        When a column is missing, or times have no zone.

    Warns
    -----
    CotraceWarning
        Rows that cannot be used, with their reasons: no device, no place, no time, an end before the start.

    Examples
    --------
    >>> import cotrace
    >>> tickets = {"device": [7], "place": ["theatre"], "start": ["2021-11-01T19:00+08:00"],
    ...            "end": ["2021-11-01T22:00+08:00"]}
    >>> cotrace.read_visits(tickets, source="tickets").to_arrow().to_pylist()[0]["source"]
    'tickets'
    """
    given = GivenTable(table, "visits", columns, ("device", "place", "started_at", "finished_at", "source?"))
    (device,) = given.ids("device")
    place = given.text("place", "no place")
    (start, end), zone = given.instants(("started_at", "finished_at"), tz, unit, clock_change)
    given.ends(start, end)
    where = _sources(given, source)
    found = {"device": device, "place": place, "started_at": start, "finished_at": end, "source": where}
    return _reported(VISITS, given, found, zone, "Presence known from elsewhere, not from pings.")


def read_contacts(
    table: Any,
    *,
    columns: Mapping[str, str] | None = None,
    source: str = _UNSAID,
    tz: Any = None,
    unit: str | None = None,
    clock_change: ClockChange = "refuse",
) -> Reported:
    """Read contacts known from elsewhere: badges, Bluetooth, interviews, tickets.

    Parameters
    ----------
    table : table, dict or path
        Columns a, b (devices), started_at, finished_at, and where there is one source. A contact has no direction.
    columns, source, tz, unit, clock_change
        As in :func:`cotrace.read_visits`.

    Returns
    -------
    Reported
        Columns: :ref:`data-model-reported_contacts`; with ``counts`` and ``refused``. Rows that say the same are one;
        intervals of one pair are not joined here.

    Raises
    ------
    SchemaError, TimeError
        When a column is missing, or times have no zone.

    Warns
    -----
    CotraceWarning
        Rows that cannot be used, with their reasons: a device with itself, an end before the start.

    Examples
    --------
    >>> import cotrace
    >>> badges = {"a": [9, 4], "b": [4, 9], "started_at": [0, 20], "finished_at": [20, 40]}
    >>> cotrace.read_contacts(badges, unit="s", source="badges")["a"].to_pylist()
    [4, 4]
    """
    given = GivenTable(table, "contacts", columns, ("a", "b", "started_at", "finished_at", "source?"))
    a, b = given.ids("a", "b")
    (start, end), zone = given.instants(("started_at", "finished_at"), tz, unit, clock_change)
    a, b, same = _ordered(a, b)
    given.refuse(same, "a device with itself")
    given.ends(start, end)
    where = _sources(given, source)
    found = {"a": a, "b": b, "started_at": start, "finished_at": end, "source": where}
    return _reported(REPORTED_CONTACTS, given, found, zone, "Contacts known from elsewhere, not from pings.")


def read_devices(table: Any, *, columns: Mapping[str, str] | None = None) -> Table:
    """Read whose devices are: which belong to one person, and which are vehicles or parcels.

    Parameters
    ----------
    table : table, dict or path
        Columns device, person and kind, the last two where they are known. A kind that is not given is ``person``.
    columns : mapping, optional
        Which column is which, where they have other names.

    Returns
    -------
    Table
        One row a device. Columns: :ref:`data-model-devices`.

    Raises
    ------
    SchemaError
        When a column is missing, a row has no device, or rows contradict each other.

    Examples
    --------
    >>> import cotrace
    >>> known = cotrace.read_devices({"device": [1, 2, 3], "person": ["p", "p", None], "kind": [None, None, "vehicle"]})
    >>> known["kind"].to_pylist()
    ['person', 'person', 'vehicle']
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    given = GivenTable(table, "devices", columns, ("device", "person?", "kind?"))
    (device,) = given.ids("device")
    n = len(device)
    person = given.text("person", None) if given.has("person") else pa.nulls(n, pa.string())
    kind = given.text("kind", None) if given.has("kind") else pa.nulls(n, pa.string())
    if given.good.size < n:
        bad = np.setdiff1d(np.arange(n), given.good)
        raise SchemaError(f"devices: {bad.size:,} rows have no device (first: row {bad[0]}): take them out")
    rows = pa.table({"device": device, "person": person, "kind": pc.utf8_lower(pc.fill_null(kind, _PERSON))})
    rows = rows.group_by(rows.column_names).aggregate([]).sort_by("device")
    ids = rows["device"].combine_chunks()
    again = np.asarray(pc.equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False), dtype=bool)
    if again.any():
        raise SchemaError(
            f"devices: {int(again.sum()):,} devices have rows that contradict each other in person or kind: keep the "
            "one that is meant"
        )
    return Table.from_columns(
        DEVICES,
        {name: rows[name].combine_chunks() for name in DEVICES.names},
        "Whose devices are, as the caller said.",
        device=ids.type,
    )


def with_persons(result: Table, devices: Table) -> Table:
    """Say beside every device of a result who or what it belongs to.

    Parameters
    ----------
    result : Table
        What a query gave.
    devices : Table
        From :func:`cotrace.read_devices`.

    Returns
    -------
    Table
        The result with two more columns for each column of device ids, ``<column>_person`` and ``<column>_kind``;
        null where the device is not in the table.

    Raises
    ------
    SchemaError
        When the ids are of another type than the result's.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings({"device": [1, 1], "time": [0, 60], "x": [1.0] * 2, "y": [1.0] * 2}, unit="s")
    >>> walked = cotrace.trajectory(cotrace.find_stays(pings))
    >>> known = cotrace.read_devices({"device": [1], "kind": ["parcel"]})
    >>> cotrace.with_persons(walked, known)["device_kind"].to_pylist()
    ['parcel']
    """
    import pyarrow.compute as pc

    rows, known = result.to_arrow(), devices.to_arrow()
    added, columns = [], list(result.schema.columns)
    for column in result.schema.columns:
        if column.kind != "device":
            continue
        ids = known["device"].combine_chunks()
        if ids.type != rows[column.name].type:
            raise SchemaError(
                f"the device table has ids of type {ids.type}, {result.schema.name} of type {rows[column.name].type}: "
                "give both one type"
            )
        at = pc.index_in(rows[column.name], value_set=ids)
        for name, what in (("person", "who has"), ("kind", "what is")):
            added.append((f"{column.name}_{name}", known[name].combine_chunks().take(at)))
            columns.append(
                Column(f"{column.name}_{name}", "string", f"{what} this {column.name}", nullable=True)
            )
    for name, values in added:
        rows = rows.append_column(name, values)
    schema = TableSchema(result.schema.name, result.schema.row, tuple(columns), result.schema.sorted_by)
    return Table(schema, rows, result.note)


def _sources(given: GivenTable, source: str) -> pa.Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not given.has("source"):
        return pa.array([source] * given.n, pa.string())
    return pc.fill_null(given.text("source", None), source)


def _ordered(a: pa.Array, b: pa.Array) -> tuple[pa.Array, pa.Array, NDArray[np.bool_]]:
    """Return the lesser and the greater of two ids, and where they are one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(a.type):
        a, b = a.dictionary_decode(), b.dictionary_decode()
    first = pc.less_equal(a, b)
    same = pc.fill_null(pc.equal(a, b), False).to_numpy(zero_copy_only=False)
    return pc.if_else(first, a, b), pc.if_else(first, b, a), np.asarray(same, dtype=bool)


def _reported(
    schema: TableSchema, given: GivenTable, found: dict[str, Any], zone: str, note: str
) -> Reported:
    """Make the table: rows that can be used, each once, in order."""
    import pyarrow as pa

    good = pa.array(given.good, pa.int64())
    rows = {}
    for name, values in found.items():
        array = pa.array(values, pa.int64()) if isinstance(values, np.ndarray) else values
        array = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
        rows[name] = array.take(good)
    whole = pa.table(rows)
    once = whole.group_by(whole.column_names).aggregate([])
    once = once.sort_by([(name, "ascending") for name in schema.sorted_by]).combine_chunks()
    columns: dict[str, Any] = {name: once[name].combine_chunks() for name in schema.names}
    for name in ("started_at", "finished_at"):
        columns[name] = instants(np.asarray(once[name].to_numpy(), dtype=np.int64), 0, zone)
    kind = columns[schema.names[0]].type
    table = Reported.from_columns(schema, columns, note, device=kind, tz=zone)
    assert isinstance(table, Reported)
    table.counts = given.counts(collapsed=whole.num_rows - once.num_rows)
    table.refused, table.tz = given.refused(), zone
    return table
