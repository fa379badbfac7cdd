"""The tables of where a tower's devices are, and of how sure a meeting is; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import _CASE, Column, TableSchema

__all__ = ["CERTAINTY", "FOOTPRINTS", "RELIABILITY", "TABLES", "WEIGHTED_STAYS"]

_PLACE = (
    Column("cell_col", "int64", "column of the cell on its grid"),
    Column("cell_row", "int64", "row of the cell on its grid"),
)

FOOTPRINTS = TableSchema(
    "footprints",
    "one cell in which a device may be that a tower serves",
    (
        Column("tower", "device", "tower id, as in the table of towers"),
        Column("cell", "int64", "the packed grid cell"),
        *_PLACE,
        Column("probability", "float64", "that the device is in it; all of a tower's add up to 1", "0 to 1"),
    ),
    ("tower", "cell"),
)

WEIGHTED_STAYS = TableSchema(
    "weighted_stays",
    "one cell in which a device may have been during one stay at a tower",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("tower", "cell", "the tower at which it stayed"),
        Column("started_at", "instant", "first second of the stay"),
        Column("finished_at", "instant", "first second after the stay"),
        Column("cell", "int64", "the packed grid cell; null for a tower without a footprint", nullable=True),
        *(Column(c.name, c.kind, c.meaning, c.unit, True) for c in _PLACE),
        Column(
            "weight", "float64", "the probability that it was this cell; all of a stay add up to 1", "0 to 1"
        ),
        Column("dwell_s", "float64", "weight times the length of the stay: all together are the dwell", "s"),
    ),
    ("device", "started_at", "cell"),
)

CERTAINTY = TableSchema(
    "certainty",
    "one (case, as_of, device) that may have shared a grid cell: a candidate from co-location, not a contact",
    (
        *_CASE,
        Column("companion_id", "device", "device id, as the caller gave it"),
        Column(
            "probability",
            "float64",
            "that the two shared a grid cell for at least min_shared without a break, in the lookback",
            "0 to 1",
        ),
        Column(
            "expected_shared_s",
            "float64",
            "expected time that the two shared a grid cell, in times that long",
            "s",
        ),
        Column("uncalibrated", "float64", "the probability before calibration", "0 to 1"),
        Column(
            "n_episodes",
            "int64",
            "times of at least min_shared in which the two were at towers whose footprints share a cell",
        ),
        Column("longest_s", "int64", "the longest of these", "s"),
        Column("together_s", "int64", "all of these", "s"),
        Column("is_companion", "bool", "whether the two are in companions: at one tower, by the rule"),
    ),
    ("case_id", "as_of", "companion_id"),
)

RELIABILITY = TableSchema(
    "reliability",
    "one bin of pairs with nearly the same probability",
    (
        Column("bin", "int64", "from 1, rising with the probability"),
        Column("lowest", "float64", "least probability in it", "0 to 1"),
        Column("highest", "float64", "greatest probability in it", "0 to 1"),
        Column("pairs", "int64", "pairs in it"),
        Column("mean_probability", "float64", "their mean probability", "0 to 1"),
        Column("share_true", "float64", "share of them that is true", "0 to 1"),
        Column("low", "float64", "lower end of the bootstrap interval of that share", "0 to 1"),
        Column("high", "float64", "upper end of it", "0 to 1"),
    ),
    ("bin",),
)

TABLES: tuple[TableSchema, ...] = (FOOTPRINTS, WEIGHTED_STAYS, CERTAINTY, RELIABILITY)
