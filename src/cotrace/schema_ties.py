"""The tables of common sources, significance and travelling together; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import _CELL_AND_PLACE, _CELL_OR_NONE, _SOURCE, Column, TableSchema

__all__ = [
    "CO_TRAVEL",
    "RIDES",
    "SIGNIFICANCE",
    "SIGNIFICANT_MEETINGS",
    "SOURCES",
    "SOURCE_MEETINGS",
    "SOURCE_PLACES",
    "TABLES",
]

_MET = (
    Column(
        "expected", "float64", "how many chance and habit would give: the mean over its days in other orders"
    ),
    Column(
        "p_value",
        "float64",
        "share of these orders that give as many, the one that was seen included",
        "0 to 1",
    ),
)

SOURCES = TableSchema(
    "sources",
    "one device that met several cases at times that fit their onsets: a candidate for their source",
    (
        Column("rank", "int64", "from 1: by cases met, then by p_value, case days, shared time and id"),
        Column("device", "device", "device id, as the caller gave it"),
        Column("cases_met", "int64", "cases that it met at a time that fits", "devices"),
        Column("cases_asked", "int64", "cases other than itself", "devices"),
        *_MET,
        Column("case_days", "int64", "days on which it met a case, summed over cases", "days"),
        Column("meetings", "int64", "episodes of at least min_shared"),
        Column("shared_s", "int64", "their total length", "s"),
        Column("first_meeting", "instant", "start of the first of them"),
        Column("last_meeting", "instant", "end of the last of them"),
        Column("crowd", "int64", "the smallest crowd of them", "devices"),
        Column("is_case", "bool", "whether it is one of the cases itself"),
        Column("onset", "instant", "its own onset, where it is a case", nullable=True),
        Column("symptoms", "string", "what findings say of its symptoms; removes nobody", nullable=True),
        Column("test", "string", "what findings say of its tests; removes nobody", nullable=True),
    ),
    ("rank",),
)

SOURCE_MEETINGS = TableSchema(
    "source_meetings",
    "one episode of a candidate and a case at a time that fits the case's onset",
    (
        Column("rank", "int64", "of the candidate"),
        Column("device", "device", "the candidate"),
        Column("case_id", "device", "the case"),
        Column("onset", "instant", "the case's onset"),
        *_CELL_OR_NONE,
        Column("started_at", "instant", "first second that the two share"),
        Column("finished_at", "instant", "first second that they no longer share"),
        Column("shared_s", "int64", "length of the episode", "s"),
        Column("crowd", "int64", "the most devices in the cell in any hour that it touches", "devices"),
        _SOURCE,
    ),
    ("rank", "case_id", "started_at", "cell"),
)

SOURCE_PLACES = TableSchema(
    "source_places",
    "one cell in which several cases were at times that fit their onsets",
    (
        Column("rank", "int64", "from 1: by cases met, then by p_value, dwell and cell"),
        *_CELL_AND_PLACE,
        Column(
            "cases_met",
            "int64",
            "cases with a stay of at least min_shared there at a time that fits",
            "devices",
        ),
        Column("expected", "float64", "how many of the cases would be, were they like all other devices"),
        Column("p_value", "float64", "how likely as many of them would be then", "0 to 1"),
        Column("dwell_s", "int64", "the cases' dwell there at these times", "s"),
        Column("first_visit", "instant", "start of the first of these stays"),
        Column("last_visit", "instant", "end of the last of these stays"),
        Column("visitors", "int64", "the most other devices with such a stay in one case's time", "devices"),
    ),
    ("rank",),
)

SIGNIFICANCE = TableSchema(
    "significance",
    "one pair of devices: how many meetings they had, and how many chance would give",
    (
        Column("rank", "int64", "from 1: by p_value, then by the surprise beyond what chance gives, and ids"),
        Column("a", "device", "one device, as the caller gave the pair"),
        Column("b", "device", "the other"),
        Column("days", "int64", "days on which both were seen", "days"),
        Column(
            "meetings",
            "int64",
            "meetings of at least min_shared; one that goes over 04:00 counts on both days",
        ),
        Column("shared_s", "int64", "their total length", "s"),
        Column("expected", "float64", "meetings that chance would give: the mean over orders of their days"),
        Column(
            "lift",
            "float64",
            "meetings as a multiple of expected; null where chance gives none",
            nullable=True,
        ),
        Column(
            "surprise_bits",
            "float64",
            "what the meetings say: more where both go seldom, and few others",
            "bits",
        ),
        Column("expected_bits", "float64", "the same, as chance would give it", "bits"),
        Column(
            "p_value",
            "float64",
            "share of the orders that say as much, the one that was seen included",
            "0 to 1",
        ),
        Column(
            "p_randomised", "float64", "the same with ties at random: uniform where there is no tie", "0 to 1"
        ),
        Column("first_meeting", "instant", "start of the first meeting", nullable=True),
        Column("last_meeting", "instant", "end of the last meeting", nullable=True),
        Column(
            "crowd",
            "int64",
            "the fewest devices in a cell and hour in which a meeting began",
            "devices",
            True,
        ),
    ),
    ("rank",),
)

SIGNIFICANT_MEETINGS = TableSchema(
    "significant_meetings",
    "one meeting of a pair of devices",
    (
        Column("rank", "int64", "of the pair"),
        Column("a", "device", "one device"),
        Column("b", "device", "the other"),
        *_CELL_OR_NONE,
        Column("started_at", "instant", "first second that the two share"),
        Column("finished_at", "instant", "first second that they no longer share, 04:00 at the latest"),
        Column("shared_s", "int64", "its length", "s"),
        Column("crowd", "int64", "devices in the cell in the hour in which it began", "devices"),
        _SOURCE,
    ),
    ("rank", "started_at", "cell"),
)

_AS_OF = Column(
    "as_of", "instant", "the moment that closes the case's lookback, if one was given", nullable=True
)

CO_TRAVEL = TableSchema(
    "co_travel",
    "one device that went the same way as a case at the same times: a candidate from co-location",
    (
        Column("case_id", "device", "device id of the case, as the caller gave it"),
        _AS_OF,
        Column("device", "device", "device id of the one that went along"),
        Column("rides", "int64", "ways that they went together"),
        Column("cells", "int64", "distinct cells that both were seen in on these", "cells"),
        Column("shared_s", "int64", "time together along the way, all rides", "s"),
        Column("longest_s", "int64", "the longest of the rides", "s"),
        Column("first_started_at", "instant", "start of the first ride"),
        Column("last_finished_at", "instant", "end of the last ride"),
        Column("largest_lag_s", "int64", "the most by which their times in one cell are apart", "s"),
    ),
    ("case_id", "as_of", "device"),
)

RIDES = TableSchema(
    "rides",
    "one cell that a case and another device passed on a ride together",
    (
        Column("case_id", "device", "the case"),
        _AS_OF,
        Column("device", "device", "the one that went along"),
        Column("ride", "int64", "number of the ride of these two, from 1"),
        *_CELL_AND_PLACE,
        Column("case_from", "instant", "first ping of the case in the cell"),
        Column("case_to", "instant", "its last ping there"),
        Column("device_from", "instant", "first ping of the other device in the cell"),
        Column("device_to", "instant", "its last ping there"),
    ),
    ("case_id", "as_of", "device", "ride", "case_from"),
)

TABLES = (SOURCES, SOURCE_MEETINGS, SOURCE_PLACES, SIGNIFICANCE, SIGNIFICANT_MEETINGS, CO_TRAVEL, RIDES)
