"""The tables of made cities: towers, and what is true; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import TOWERS, Column, TableSchema

__all__ = [
    "FIXES",
    "NETWORK",
    "OUTBREAK_CASES",
    "SIGNALS",
    "TABLES",
    "TREE",
    "TRUE_EPISODES",
    "TRUE_INFECTIONS",
    "TRUE_MEETINGS",
]

NETWORK = TableSchema(
    "network",
    "one tower of a made network: one sector of a station",
    (
        *TOWERS.columns,
        Column("station", "int64", "number of its station"),
        Column(
            "azimuth",
            "float64",
            "where its antenna looks, clockwise from north; null: everywhere",
            "degrees",
            True,
        ),
        Column("x", "float64", "place of the station in the city's plane", "m"),
        Column("y", "float64", "place of the station in the city's plane", "m"),
    ),
    ("tower",),
)

SIGNALS = TableSchema(
    "signals",
    "one record of a made network's log",
    (
        Column("device", "device", "number of the device"),
        Column("time", "instant", "when, by the tower's clock"),
        Column("tower", "cell", "number of the tower"),
        Column("x", "float64", "place of the tower, where asked for", "m"),
        Column("y", "float64", "place of the tower, where asked for", "m"),
        Column(
            "event",
            "string",
            "attach, detach, periodic, activity, handover, area, flap or return, where asked for",
        ),
    ),
    (),
)

FIXES = TableSchema(
    "fixes",
    "one GPS fix of a made device",
    (
        Column("device", "device", "number of the device"),
        Column("time", "instant", "when"),
        Column("x", "float64", "where the receiver takes itself to be", "m"),
        Column("y", "float64", "where the receiver takes itself to be", "m"),
        Column("accuracy", "float64", "what it takes its error to be, where asked for", "m"),
    ),
    (),
)

_PAIR = (
    Column("a", "device", "the device that was asked for"),
    Column("b", "device", "the other device"),
)
_SPAN = (
    Column("started_at", "instant", "first second that the two share"),
    Column("finished_at", "instant", "first second that they no longer share"),
    Column("shared_s", "int64", "its length", "s"),
)
_SETTING = "home, work, school, shop, restaurant or leisure: what kind of venue it is"

TRUE_MEETINGS = TableSchema(
    "true_meetings",
    "one unbroken time of two devices in one venue, as it was",
    (
        *_PAIR,
        Column("venue", "int64", "number of the venue"),
        Column("setting", "string", _SETTING),
        *_SPAN,
    ),
    ("a", "b", "started_at"),
)

TRUE_EPISODES = TableSchema(
    "true_episodes",
    "one unbroken time of two devices in one cell, as it was",
    (
        *_PAIR,
        Column("cell", "int64", "the packed cell"),
        Column("cell_col", "int64", "column of the cell on its grid"),
        Column("cell_row", "int64", "row of the cell on its grid"),
        *_SPAN,
    ),
    ("a", "b", "started_at"),
)

TRUE_INFECTIONS = TableSchema(
    "true_infections",
    "one infected device of a made outbreak",
    (
        Column("device", "device", "device id"),
        Column(
            "generation",
            "int64",
            "0 for those that the outbreak begins with, else one more than the infector's",
        ),
        Column("infected_at", "instant", "when"),
        Column("infector", "device", "who infected them", nullable=True),
        Column("venue", "int64", "number of the venue where", nullable=True),
        Column("setting", "string", _SETTING, nullable=True),
        Column("infectious_from", "instant", "first second at which they infect others"),
        Column(
            "infectious_until", "instant", "first second at which they no longer do, were they not isolated"
        ),
        Column("onset", "instant", "when symptoms begin; null: never", nullable=True),
        Column("confirmed_at", "instant", "when they are found, and isolated; null: never", nullable=True),
    ),
    ("infected_at", "device"),
)

TREE = TableSchema(
    "tree",
    "one infection: who infected whom, where and when",
    (
        Column("infector", "device", "device id of who infected"),
        Column("infected", "device", "device id of who was infected"),
        Column("venue", "int64", "number of the venue"),
        Column("setting", "string", _SETTING),
        Column("met_at", "instant", "start of the meeting"),
        Column("infected_at", "instant", "when, within the meeting"),
    ),
    ("infected_at", "infected"),
)

OUTBREAK_CASES = TableSchema(
    "outbreak_cases",
    "one confirmed case of a made outbreak, as find_companions takes it",
    (
        Column("device", "device", "device id"),
        Column("as_of", "instant", "when it was confirmed"),
        Column("infectious_from", "instant", "two days before the onset, or before as_of without one"),
        Column("isolated_at", "instant", "when it was isolated: at as_of"),
        Column("onset", "instant", "when symptoms began; null: never", nullable=True),
    ),
    ("as_of", "device"),
)

TABLES: tuple[TableSchema, ...] = (
    NETWORK,
    SIGNALS,
    FIXES,
    TRUE_MEETINGS,
    TRUE_EPISODES,
    TRUE_INFECTIONS,
    TREE,
    OUTBREAK_CASES,
)
