"""When zones can be lifted: the published criteria, and those of the later edition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values
from cotrace.companions.cases import match_ids
from cotrace.errors import CaseError, CotraceTypeError, OptionError
from cotrace.exposure.common import CANDIDATES, bools, instant, ints
from cotrace.exposure.given import GivenTable
from cotrace.exposure.zones import Zones
from cotrace.io.zones import as_tzinfo
from cotrace.schema_places import LIFTING
from cotrace.tables import Table

__all__ = ["lift"]

Int64 = NDArray[np.int64]
Edition = Literal["8th", "9th"]

_EPOCH = date(1970, 1, 1).toordinal()
_EVENTS = ("infection", "contact_out", "negative")
#: 8th edition: 14 days without an infection; the last contact out for more than 14; everybody tested within 2
_CLEAR, _CONTACT, _TESTED = 14, 14, 2
#: 9th edition: high risk becomes medium after 7 days without an infection and low after 3 more; medium low after 7
_HIGH, _MORE, _MEDIUM = 7, 3, 7
_RISKS = {"lockdown": "high", "control": "medium", "precaution": "low"}


def lift(
    zones: Zones,
    events: Any,
    *,
    on: Any,
    edition: Edition = "8th",
    columns: Mapping[str, str] | None = None,
    tz: Any = None,
    unit: str | None = None,
) -> Table:
    """Say which zones can be lifted on a date, by the published criteria, and what is missing for the others.

    Parameters
    ----------
    zones : Zones
    events : table, dict or path
        One row an event: ``event`` (``infection``; ``contact_out``, a contact that was taken out of the zone;
        ``negative``, a test), ``at`` (a date, or an instant), ``zone`` (as in ``zones``), ``device``. An event
        without a zone is one of every zone that concerns its device.
    on : date, datetime or str
        The date asked, by the clock of the zones' time zone.
    edition : {"8th", "9th"}
        ``"8th"``, all of: 14 days without a new infection; the last contact out for more than 14 days, and negative;
        everybody (at home or present) negative within two days before. ``"9th"``: high risk (lockdown) becomes medium
        after 7 days without an infection and low after 3 more; designated medium (control) low after 7.
    columns, tz, unit
        As in :func:`cotrace.read_visits`.

    Returns
    -------
    Table
        One row a zone. Columns: :ref:`data-model-lifting`.

    Raises
    ------
    OptionError, SchemaError
        When an event is of no known kind, a zone is not one of these, or a date cannot be read.

    Warns
    -----
    CotraceWarning
        Rows of events that cannot be used.

    Notes
    -----
    Days are calendar days by the zones' clock: an infection on the 1st is 14 days ago on the 15th. Where no infection
    is told, the days count from the drawing. Events after ``on`` are left out.

    References
    ----------
    The criteria: :doc:`/howto/zones`.

    Examples
    --------
    >>> import cotrace
    >>> hours = range(25)
    >>> pings = cotrace.read_pings(
    ...     {"device": [1] * 25, "time": [3600 * h for h in hours], "x": [1.0] * 25, "y": [1.0] * 25}, unit="s"
    ... )
    >>> drawn = cotrace.zones(
    ...     cotrace.find_stays(pings), 1, as_of="1970-01-02T00:00:00+00:00", rule=cotrace.ZoneRule(rings=0)
    ... )
    >>> tests = {"event": ["negative"], "at": ["1970-01-15"], "device": [1]}
    >>> said = cotrace.lift(drawn, tests, on="1970-01-16")
    >>> said.to_pandas()[["zone", "clear_days", "lifted"]].values.tolist()
    [['lockdown 1', 14, True]]
    """
    if not isinstance(zones, Zones):
        raise CotraceTypeError(f"{type(zones).__name__} is not Zones: draw them with cotrace.zones()")
    if edition not in get_args(Edition):
        raise OptionError(f"edition={edition!r} is not one of {', '.join(map(repr, get_args(Edition)))}")
    day = _day(on, "on", zones.tz)
    told = _Events(
        zones, GivenTable(events, "events", columns, ("event", "at", "zone?", "device?")), tz, unit, day
    )
    rows = [_judged(zones, told, k, day, edition) for k in range(len(zones))]
    return _table(zones, rows, day, edition)


@dataclass
class _Row:
    """One zone's answer."""

    clear: int
    enough: bool
    contact: int | None
    contacts_clear: bool | None
    asked: int
    negative: int
    all_negative: bool | None
    becomes: str
    why: list[str]

    @property
    def lifted(self) -> bool:
        return not self.why


class _Events:
    """Events by zone and by device, in days since 1970."""

    def __init__(self, zones: Zones, given: GivenTable, tz: Any, unit: str | None, on: int) -> None:
        self._names = zones.zones["zone"].to_pylist()
        devices = zones.devices
        self._zones_of: dict[Any, list[int]] = {}
        self.everybody: list[set[Any]] = [set() for _ in self._names]
        number = {name: k for k, name in enumerate(self._names)}
        flags = (devices["at_home"].to_pylist(), devices["present_now"].to_pylist())
        for zone, device, home, here in zip(
            devices["zone"].to_pylist(), devices["device"].to_pylist(), *flags, strict=True
        ):
            self._zones_of.setdefault(device, []).append(number[zone])
            if home or here:
                self.everybody[number[zone]].add(device)
        self.infections: list[list[int]] = [[] for _ in self._names]
        self.contacts: list[dict[Any, int]] = [{} for _ in self._names]
        self.negatives: dict[Any, list[int]] = {}
        self._read(
            given,
            number,
            devices.to_arrow().schema.field("device").type,
            _days(given, tz, unit, zones.tz),
            on,
        )

    def _read(self, given: GivenTable, number: dict[str, int], kind: Any, days: Int64, on: int) -> None:
        events = given.text("event", "no event").to_pylist()
        zone = given.text("zone", None).to_pylist() if given.has("zone") else [None] * given.n
        device = _devices(given, kind) if given.has("device") else [None] * given.n
        nobody = [z is None and d is None for z, d in zip(zone, device, strict=True)]
        given.refuse(np.array(nobody, dtype=np.bool_), "neither zone nor device")
        without = [
            e in ("negative", "contact_out") and d is None for e, d in zip(events, device, strict=True)
        ]
        given.refuse(np.array(without, dtype=np.bool_), "no device")
        for row in given.good.tolist():
            if events[row] not in _EVENTS:
                raise OptionError(
                    f"events: row {row} is {events[row]!r}, which is not one of {', '.join(map(repr, _EVENTS))}"
                )
            if zone[row] is not None and zone[row] not in number:
                raise OptionError(f"events: row {row} names a zone that is not one of these: {zone[row]!r}")
            if days[row] <= on:
                where = self._zones_of.get(device[row], []) if zone[row] is None else [number[zone[row]]]
                self._add(events[row], int(days[row]), where, device[row])
        given.counts()

    def _add(self, event: str, day: int, where: list[int], device: Any) -> None:
        if event == "negative":
            self.negatives.setdefault(device, []).append(day)
        for k in where if event == "infection" else []:
            self.infections[k].append(day)
        for k in where if event == "contact_out" else []:
            self.contacts[k][device] = max(day, self.contacts[k].get(device, day))

    def negative_since(self, device: Any, first: int) -> bool:
        """Tell whether a device was negative on that day or later."""
        return any(day >= first for day in self.negatives.get(device, []))


def _judged(zones: Zones, told: _Events, k: int, on: int, edition: Edition) -> _Row:
    kind = zones.zones["zone_kind"][k].as_py()
    drawn = _day(datetime.fromtimestamp(zones.now, as_tzinfo(zones.tz)), "now", zones.tz)
    clear = on - max(told.infections[k], default=drawn)
    everybody = told.everybody[k]
    negative = sum(told.negative_since(device, on - _TESTED) for device in everybody)
    last = max(told.contacts[k].values(), default=None)
    contact = None if last is None else on - last
    if edition == "9th":
        becomes, why = _ninth(kind, clear)
        return _Row(clear, not why, contact, None, len(everybody), negative, None, becomes, why)
    of_last = [device for device, day in told.contacts[k].items() if day == last]
    out = last is None or (on - last > _CONTACT and all(told.negative_since(d, last) for d in of_last))
    why = [] if clear >= _CLEAR else [f"{clear} of {_CLEAR} days without an infection"]
    if last is not None and on - last <= _CONTACT:
        why.append(f"the last contact is out for {on - last} days, not more than {_CONTACT}")
    elif not out:
        why.append("the last contact was not negative since")
    if negative < len(everybody):
        why.append(
            f"{len(everybody) - negative} of {len(everybody)} devices not negative within {_TESTED} days"
        )
    becomes = kind if why else "lifted"
    return _Row(
        clear,
        clear >= _CLEAR,
        contact,
        out,
        len(everybody),
        negative,
        negative == len(everybody),
        becomes,
        why,
    )


def _ninth(kind: str, clear: int) -> tuple[str, list[str]]:
    """Return what a zone becomes under the 9th edition, and what is missing until it is low."""
    risk = _RISKS[kind]
    if risk == "high":
        needed = _HIGH + _MORE
        becomes = "low" if clear >= needed else "medium" if clear >= _HIGH else "high"
    else:
        needed = _MEDIUM if risk == "medium" else 0
        becomes = "low" if clear >= needed else risk
    return becomes, [] if becomes == "low" else [f"{clear} of {needed} days without an infection"]


def _table(zones: Zones, rows: list[_Row], on: int, edition: Edition) -> Table:
    import pyarrow as pa

    def flags(values: list[bool | None]) -> Any:
        there = np.array([v is not None for v in values], dtype=np.bool_)
        return bools(np.array([bool(v) for v in values], dtype=np.bool_), there)

    columns = {
        "zone": zones.zones["zone"].combine_chunks(),
        "zone_kind": zones.zones["zone_kind"].combine_chunks(),
        "asked_on": pa.array([date.fromordinal(on + _EPOCH).isoformat()] * len(rows), pa.string()),
        "clear_days": ints([r.clear for r in rows]),
        "no_new_infection": flags([r.enough for r in rows]),
        "contact_days": pa.array([r.contact for r in rows], pa.int64()),
        "contacts_clear": flags([r.contacts_clear for r in rows]),
        "asked_devices": ints([r.asked for r in rows]),
        "negative_devices": ints([r.negative for r in rows]),
        "all_negative": flags([r.all_negative for r in rows]),
        "lifted": flags([r.lifted for r in rows]),
        "becomes": pa.array([r.becomes for r in rows], pa.string()),
        "why": pa.array(["; ".join(r.why) or None for r in rows], pa.string()),
    }
    return Table.from_columns(
        LIFTING,
        columns,
        f"{CANDIDATES}. By the criteria of the {edition} edition; the decision is the authority's.",
    )


def _devices(given: GivenTable, kind: Any) -> list[Any]:
    """Return devices as ids of the zones' type; None where there is none."""
    values = given.column("device").to_pylist()
    there = [k for k, value in enumerate(values) if value is not None and value == value and value != ""]
    try:
        matched = from_values(match_ids([values[k] for k in there], kind), kind).to_pylist()
    except CaseError as error:
        raise OptionError("events: " + str(error).replace("the case in", "the device in")) from None
    found: list[Any] = [None] * len(values)
    for k, value in zip(there, matched, strict=True):
        found[k] = value
    return found


def _day(value: Any, name: str, tz: str) -> int:
    """Return a date as days since 1970; of an instant, the date by the clock of this zone."""
    if isinstance(value, str) and len(value.strip()) == len("2021-11-03"):
        try:
            value = date.fromisoformat(value.strip())
        except ValueError:
            raise OptionError(f"{name}={value!r} is no date: write '2021-11-03'") from None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.toordinal() - _EPOCH
    moment = datetime.fromtimestamp(0, as_tzinfo("UTC")) + timedelta(seconds=instant(value, name))
    return moment.astimezone(as_tzinfo(tz)).date().toordinal() - _EPOCH


def _days(given: GivenTable, tz: Any, unit: str | None, zone: str) -> Int64:
    """Return the column ``at`` as days since 1970, by the clock of the zones; dates are what they are."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = given.column("at")
    if pa.types.is_date(column.type):
        given.refuse(np.asarray(column.is_null().to_numpy(zero_copy_only=False)), "no time")
        return np.asarray(column.cast(pa.date32()).cast(pa.int32()).fill_null(0).to_numpy(), dtype=np.int64)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    if text and pc.all(pc.match_substring_regex(column, r"^\s*\d{4}-\d{2}-\d{2}\s*$")).as_py():
        given.refuse(np.asarray(column.is_null().to_numpy(zero_copy_only=False)), "no time")
        return np.array([0 if v is None else _day(v, "at", zone) for v in column.to_pylist()], dtype=np.int64)
    (seconds,), _ = given.instants(("at",), tz, unit, "refuse")
    local = pc.local_timestamp(pa.array(seconds, pa.timestamp("s", zone))).cast(pa.int64())
    return np.asarray(local.to_numpy(), dtype=np.int64) // 86_400
