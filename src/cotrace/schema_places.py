"""The tables of where devices were: trajectories, visitors, zones; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import _CASE, _CELL_AND_PLACE, _CELL_OR_NONE, _SOURCE, Column, TableSchema

__all__ = [
    "ANCHORS",
    "DEVICES",
    "LIFTING",
    "PLACES",
    "REGION_LISTS",
    "REGION_TOTALS",
    "REPORTED_CONTACTS",
    "SCREENING",
    "SCREENING_TOTALS",
    "TABLES",
    "TRAJECTORY",
    "VISITORS",
    "VISITOR_STAYS",
    "VISITS",
    "ZONES",
    "ZONE_CASES",
    "ZONE_DEVICES",
]

TRAJECTORY = TableSchema(
    "trajectory",
    "one stay of a device, or one gap between its stays",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("kind", "string", "stay or gap"),
        *_CELL_OR_NONE,
        Column("started_at", "instant", "first second"),
        Column("finished_at", "instant", "first second after it"),
        Column("duration_s", "int64", "its length", "s"),
        Column(
            "overlap_s",
            "int64",
            "seconds of it that earlier rows of the device cover already; 0 for pings",
            "s",
        ),
        Column("source", "string", _SOURCE.meaning, nullable=True),
    ),
    ("device", "started_at", "cell"),
)

ANCHORS = TableSchema(
    "anchors",
    "one device and kind of hours: the cell where it spends most of them",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("kind", "string", "home (the nights) or work (the working hours)"),
        *_CELL_AND_PLACE,
        Column("dwell_s", "int64", "dwell in this cell in these hours", "s"),
        Column("observed_s", "int64", "dwell in all cells in these hours", "s"),
        Column("share", "float64", "dwell_s as a share of observed_s", "0 to 1"),
    ),
    ("device", "kind"),
)

PLACES = TableSchema(
    "places",
    "one stay of a case in the time in which it may have exposed others",
    (
        *_CASE,
        *_CELL_AND_PLACE,
        Column("started_at", "instant", "first second"),
        Column("finished_at", "instant", "first second after it"),
        Column("duration_s", "int64", "its length", "s"),
        _SOURCE,
    ),
    ("case_id", "as_of", "started_at", "cell"),
)

VISITS = TableSchema(
    "visits",
    "presence known from elsewhere: a device at a place, from, to",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("place", "string", "name of the place"),
        Column("started_at", "instant", "first second"),
        Column("finished_at", "instant", "first second after it"),
        Column("source", "string", "where it is known from: tickets, attendance, check-ins"),
    ),
    ("device", "started_at", "finished_at", "place", "source"),
)

REPORTED_CONTACTS = TableSchema(
    "reported_contacts",
    "a contact known from elsewhere: two devices together, from, to",
    (
        Column("a", "device", "the lesser of the two device ids"),
        Column("b", "device", "the greater"),
        Column("started_at", "instant", "first second"),
        Column("finished_at", "instant", "first second after it"),
        Column("source", "string", "where it is known from: badges, Bluetooth, interviews, tickets"),
    ),
    ("a", "b", "started_at", "finished_at", "source"),
)

DEVICES = TableSchema(
    "devices",
    "one device, and who or what it belongs to",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("person", "string", "id of the person who has it", nullable=True),
        Column("kind", "string", "person unless the table says otherwise, such as vehicle or parcel"),
    ),
    ("device",),
)

_REQUEST = (
    Column("request", "int64", "number of the place and time asked, from 0"),
    Column("name", "string", "name of the place asked, where it has one", nullable=True),
)

_CERTAINTY = Column(
    "certainty", "float64", "share of the cell's area that lies in the place; null where a tower's area is not known",
    "0 to 1", True,
)  # fmt: skip

_OBSERVED = Column(
    "observed", "bool",
    "whether a ping fell into it, or only a stay that spans it; null where stays alone do not tell", nullable=True,
)  # fmt: skip

VISITORS = TableSchema(
    "visitors",
    "one device that was taken to be in cells that meet the place, in the time asked",
    (
        *_REQUEST,
        Column("asked_from", "instant", "first second asked"),
        Column("asked_until", "instant", "first second after the time asked"),
        Column("device", "device", "device id, as the caller gave it"),
        Column("dwell_s", "int64", "dwell in these cells within the time asked", "s"),
        Column("n_stays", "int64", "stays that this comes from", "stays"),
        Column("first_started_at", "instant", "start of the first of them, within the time asked"),
        Column("last_finished_at", "instant", "end of the last of them, within the time asked"),
        Column("certainty", "float64", "the largest certainty of its stays", "0 to 1", True),
        _OBSERVED,
        _SOURCE,
    ),
    ("request", "device"),
)

VISITOR_STAYS = TableSchema(
    "visitor_stays",
    "one stay of a visitor in a cell that meets the place, cut to the time asked",
    (
        *_REQUEST,
        Column("device", "device", "device id, as the caller gave it"),
        *_CELL_AND_PLACE,
        Column("started_at", "instant", "first second"),
        Column("finished_at", "instant", "first second after it"),
        Column("duration_s", "int64", "its length", "s"),
        _CERTAINTY,
        _OBSERVED,
        _SOURCE,
    ),
    ("request", "device", "started_at", "cell"),
)

_ZONE = (
    Column("zone", "string", "name of the zone: that of the unit, or its kind and number by the least cell"),
    Column("zone_kind", "string", "lockdown, control or precaution"),
)

ZONES = TableSchema(
    "zones",
    "one zone: a unit that people live in, or cells that hang together",
    (
        *_ZONE,
        Column("why", "string", "home (a case lives there), dwell (of cases), near (others) or district"),
        Column("cases", "int64", "cases that were there", "cases"),
        Column("case_dwell_s", "int64", "their dwell in its cells, in their lookbacks", "s"),
        Column("n_cells", "int64", "cells that meet it", "cells"),
        Column("at_home", "int64", "devices at home in it", "devices"),
        Column(
            "visitors",
            "int64",
            "devices that were there in the lookback and are not at home there",
            "devices",
        ),
        Column("present_now", "int64", "devices that were last seen there just before now", "devices"),
        Column("certainty", "float64", "the largest share of a cell that lies in it", "0 to 1", True),
    ),
    ("zone_kind", "zone"),
)

ZONE_CASES = TableSchema(
    "zone_cases",
    "one case and zone that it was in: why the zone is one",
    (
        *_ZONE,
        *_CASE,
        Column("dwell_s", "int64", "the case's dwell in its cells, in its lookback", "s"),
        Column("at_home", "bool", "whether the case is at home there"),
    ),
    ("zone_kind", "zone", "case_id", "as_of"),
)

ZONE_DEVICES = TableSchema(
    "zone_devices",
    "one device and zone: at home there, there in the lookback, or there now",
    (
        *_ZONE,
        Column("device", "device", "device id, as the caller gave it"),
        Column("at_home", "bool", "whether it spends its nights in one of its cells"),
        Column("dwell_s", "int64", "its dwell in its cells, in the lookback before now", "s"),
        Column("present_now", "bool", "whether it was last seen there, just before now"),
        Column("last_seen_at", "instant", "end of its last stay in the zone, in the lookback", nullable=True),
        Column("certainty", "float64", "the largest share of a cell that it was in there", "0 to 1", True),
    ),
    ("zone_kind", "zone", "device"),
)

LIFTING = TableSchema(
    "lifting",
    "one zone, and whether it can be lifted on a date",
    (
        *_ZONE,
        Column("asked_on", "string", "the date asked, by the clock of the stays' zone"),
        Column("clear_days", "int64", "days since the last infection, or since the zone was drawn", "days"),
        Column("no_new_infection", "bool", "whether these are enough"),
        Column("contact_days", "int64", "days since the last contact went out", "days", True),
        Column(
            "contacts_clear",
            "bool",
            "whether these are enough, and that contact negative since",
            nullable=True,
        ),
        Column("asked_devices", "int64", "devices at home or present: everybody", "devices"),
        Column(
            "negative_devices", "int64", "those of them that were negative within two days before", "devices"
        ),
        Column("all_negative", "bool", "whether these are all", nullable=True),
        Column("lifted", "bool", "whether every criterion is met"),
        Column("becomes", "string", "lifted, or its kind; under the 9th edition high, medium or low"),
        Column("why", "string", "what is missing, in words", nullable=True),
    ),
    ("zone_kind", "zone"),
)

SCREENING = TableSchema(
    "screening",
    "one device to test, or one person where it is known who has the devices",
    (
        Column("list_number", "int64", "place in the order of risk, from 1"),
        Column("test_day", "int64", "day of testing, from 1"),
        Column("device", "device", "device id, as the caller gave it"),
        Column("person", "string", "the person who has it, where that is known", nullable=True),
        Column("zone", "string", "the zone for which it is listed", nullable=True),
        Column("zone_kind", "string", "lockdown, control or precaution", nullable=True),
        Column("why", "string", "home, present or visitor; listed where devices were given"),
        Column("n_rows", "int64", "rows of the input that this one stands for", "rows"),
    ),
    ("list_number",),
)

SCREENING_TOTALS = TableSchema(
    "screening_totals",
    "one day and zone: how many are tested",
    (
        Column("test_day", "int64", "day of testing, from 1"),
        Column("zone", "string", "the zone", nullable=True),
        Column("zone_kind", "string", "lockdown, control or precaution", nullable=True),
        Column("devices", "int64", "devices to test", "devices"),
    ),
    ("test_day", "zone_kind", "zone"),
)

REGION_LISTS = TableSchema(
    "region_lists",
    "one of the devices asked, on the list of one region, or on unknown",
    (
        Column("region", "string", "name of the region; unknown where nothing says it"),
        Column("device", "device", "device id, as the caller gave it"),
        Column("basis", "string", "home, last seen, or unknown: what the list was chosen by"),
        Column("home_region", "string", "the region in which it spends its nights", nullable=True),
        Column("last_region", "string", "the region in which it was last seen", nullable=True),
        Column("last_seen_at", "instant", "end of its last stay", nullable=True),
        Column(
            "left_at",
            "instant",
            "end of its last stay in the area of the outbreak, if it went on",
            nullable=True,
        ),
        Column(
            "certainty",
            "float64",
            "share of the deciding cell's area that lies in the region",
            "0 to 1",
            True,
        ),
    ),
    ("region", "device"),
)

REGION_TOTALS = TableSchema(
    "region_totals",
    "one region: how many devices are on its list",
    (
        Column("region", "string", "name of the region, or unknown"),
        Column("devices", "int64", "devices on its list", "devices"),
        Column("by_home", "int64", "of these, by where they spend their nights", "devices"),
        Column("by_last_seen", "int64", "of these, by where they were last seen", "devices"),
    ),
    ("region",),
)

TABLES: tuple[TableSchema, ...] = (
    TRAJECTORY,
    ANCHORS,
    PLACES,
    VISITS,
    REPORTED_CONTACTS,
    DEVICES,
    VISITORS,
    VISITOR_STAYS,
    ZONES,
    ZONE_CASES,
    ZONE_DEVICES,
    LIFTING,
    SCREENING,
    SCREENING_TOTALS,
    REGION_LISTS,
    REGION_TOTALS,
)
