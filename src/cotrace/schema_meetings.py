"""The tables of the queries on meetings (contacts, tiers, rings, pairs), as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import _CASE, _CELL_OR_NONE, Column, TableSchema

__all__ = [
    "CONTACTS",
    "HOPS",
    "LINK_FAULTS",
    "MEETINGS",
    "PAIRS",
    "RINGS",
    "RING_SIZES",
    "TABLES",
    "TIERS",
    "TIER_SIZES",
]

_SOURCES = Column("source", "string", "where the meetings are known from; several are joined by +")
_MEETING = (
    *_CELL_OR_NONE,
    Column("started_at", "instant", "first second of the meeting"),
    Column("finished_at", "instant", "first second after it"),
    Column(
        "shared_s",
        "int64",
        "seconds of it that the two share; fewer where one came after the other left",
        "s",
    ),
    Column(
        "lag_s",
        "int64",
        "seconds from when the first one left until the other came; 0 where they share one",
        "s",
    ),
    _SOURCES,
)
_DECIDED = (
    Column(
        "decision", "string", "investigators' latest: confirmed, excluded, isolated or unclear", nullable=True
    ),
    Column("reason", "string", "of the decision", nullable=True),
    Column("decided_by", "string", "who decided", nullable=True),
    Column("decided_at", "instant", "when", nullable=True),
)
_DEVICE = Column("device", "device", "device id, as the caller gave it")
_VIA = Column("via", "device", "the device by which it was first exposed")
_PATH = Column("path", "devices", "the devices from a case to this one, in order")
_COUNTED = tuple(
    Column(word, "int64", f"of these, devices whose latest decision is: {word}", "devices")
    for word in ("confirmed", "excluded", "isolated", "unclear")
)

CONTACTS = TableSchema(
    "contacts",
    "one (case, as_of, contact candidate): a candidate from co-location, not a contact",
    (
        *_CASE,
        Column("contact_id", "device", "device id of the candidate, as the caller gave it"),
        Column("n_meetings", "int64", "qualifying meetings"),
        Column("n_cells", "int64", "cells that they are in; meetings from elsewhere have none"),
        Column("shared_s", "int64", "seconds shared in them, each counted once", "s"),
        Column("longest_s", "int64", "most seconds shared in one of them", "s"),
        Column("lag_s", "int64", "the smallest lag of them; 0 where the two shared a second", "s"),
        Column("first_exposure", "instant", "start of the first qualifying meeting"),
        Column("last_exposure", "instant", "end of the last qualifying meeting"),
        _SOURCES,
    ),
    ("case_id", "as_of", "contact_id"),
)

MEETINGS = TableSchema(
    "meetings",
    "one qualifying meeting of a case and a contact candidate",
    (
        *_CASE,
        Column("contact_id", "device", "device id of the candidate, as the caller gave it"),
        *_MEETING,
    ),
    ("case_id", "as_of", "contact_id", "started_at", "cell", "source"),
)

TIERS = TableSchema(
    "tiers",
    "one device, in the strongest tier that it is in: a candidate from co-location, not a contact",
    (
        _DEVICE,
        Column("tier", "string", "contact_candidate, contact_of_contact or general_risk"),
        _VIA,
        Column("first_exposure", "instant", "start of the first meeting with a device of the tier before"),
        Column("last_exposure", "instant", "end of the last meeting with a device of the tier before"),
        Column(
            "shared_s",
            "int64",
            "seconds shared with devices of the tier before, each counted once; of general risk: in exposed cells and "
            "windows",
            "s",
        ),
        _PATH,
        Column(
            "setting",
            "string",
            "what the cell of the first exposure is to it: home, work, other",
            nullable=True,
        ),
        Column("via_setting", "string", "what it is to the device in via: home, work, other", nullable=True),
        Column(
            "usual_s", "int64", "seconds it shared with via before via's meetings count, at any length", "s"
        ),
        Column(
            "stationary", "bool", "whether it was seen for long, and in one cell alone: a router, a meter"
        ),
        Column(
            "twin_of", "device", "a case or stronger row that it moves with: a second phone", nullable=True
        ),
        *_DECIDED,
    ),
    ("tier", "first_exposure", "device"),
)

TIER_SIZES = TableSchema(
    "tier_sizes",
    "one tier, and what was decided of its devices",
    (
        Column("tier", "string", "contact_candidate, contact_of_contact or general_risk"),
        Column("devices", "int64", "devices in it", "devices"),
        *_COUNTED,
        Column("undecided", "int64", "of these, devices without a decision", "devices"),
    ),
    (),
)

HOPS = TableSchema(
    "hops",
    "one meeting of a listed device with the device by which it was first exposed",
    (_DEVICE, _VIA, *_MEETING),
    ("device", "started_at", "cell", "source"),
)

RINGS = TableSchema(
    "rings",
    "one device that a chain of meetings leads to: a candidate from co-location, not a contact",
    (
        _DEVICE,
        Column("ring", "int64", "the fewest hops from a case; 0 for the cases themselves", "hops"),
        Column("reached_at", "instant", "the earliest arrival by that many hops"),
        Column("earliest_at", "instant", "the earliest arrival by any number of hops up to the depth asked"),
        Column("via", "device", "the device before it on the path; null for cases", nullable=True),
        _PATH,
        *_DECIDED,
    ),
    ("ring", "reached_at", "device"),
)

RING_SIZES = TableSchema(
    "ring_sizes",
    "one ring, its size, and the workload that it means",
    (
        Column("ring", "int64", "hops from a case; 0 for the cases themselves", "hops"),
        Column("devices", "int64", "devices in it", "devices"),
        Column("growth", "float64", "devices in it for each device of the ring before", nullable=True),
        *_COUNTED,
        Column("undecided", "int64", "of these, devices without a decision", "devices"),
        Column(
            "investigators", "int64", "investigators_per_device times its devices, rounded up", "people", True
        ),
        Column(
            "published_low",
            "int64",
            "published experience for so many cases, the lower figure",
            "people",
            True,
        ),
        Column(
            "published_high",
            "int64",
            "published experience for so many cases, the upper figure",
            "people",
            True,
        ),
    ),
    ("ring",),
)

PAIRS = TableSchema(
    "pairs",
    "one pair of devices that were together: from co-location; who met whom, it does not say",
    (
        Column("a", "device", "the lesser of the two device ids"),
        Column("b", "device", "the greater"),
        Column("n_episodes", "int64", "qualifying episodes"),
        Column("n_cells", "int64", "cells that they are in"),
        Column("shared_s", "int64", "their total length", "s"),
        Column("longest_s", "int64", "length of the longest", "s"),
        Column("first_started_at", "instant", "start of the first"),
        Column("last_finished_at", "instant", "end of the last"),
    ),
    ("a", "b"),
)

LINK_FAULTS = TableSchema(
    "link_faults",
    "one row of a link list that has no place in a tree of who infected whom",
    (
        Column("row", "int64", "number of the row in what was given, from 0"),
        Column(
            "fault",
            "string",
            "self-link, no time, cycle, missing parent (the infector is not in the list itself), second infector, or "
            "before its infector (in time)",
        ),
        Column("device", "device", "the infected"),
        Column("infector", "device", "who is said to have infected it"),
    ),
    ("row", "fault"),
)

TABLES = (CONTACTS, MEETINGS, TIERS, TIER_SIZES, HOPS, RINGS, RING_SIZES, PAIRS, LINK_FAULTS)
