"""The tables of how right an answer is; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import _CASE, Column, TableSchema

__all__ = [
    "EVALUATED_CASES",
    "EVALUATION",
    "LIST_SIZES",
    "MEASURES",
    "SHIFTED_GRIDS",
    "SWEEP",
    "TABLES",
]

#: what is measured: name, meaning, unit
MEASURES = (
    ("precision", "share of the pairs listed that are true", "0 to 1"),
    ("recall", "share of the true pairs that are listed", "0 to 1"),
    ("f1", "pairs listed and true, twice, over pairs listed plus pairs true", "0 to 1"),
    ("false_per_case", "pairs listed and not true, a case", "devices"),
    ("lift", "pairs listed and true, over those that random lists of the same sizes would have", ""),
)


def _measured() -> tuple[Column, ...]:
    columns = []
    for name, meaning, unit in MEASURES:
        columns.append(Column(name, "float64", meaning, unit, nullable=True))
        for end in ("low", "high"):
            columns.append(
                Column(
                    f"{name}_{end}", "float64", f"{end} end of its bootstrap interval", unit, nullable=True
                )
            )
    return tuple(columns)


_COUNTED = (
    Column("cases", "int64", "cases (of one as_of each) that were looked at"),
    Column("listed", "int64", "pairs of case and device in the result"),
    Column("hits", "int64", "of these, pairs that are true"),
    Column("true_pairs", "int64", "pairs of case and device in the truth"),
    Column("found", "int64", "of these, pairs that are listed"),
)

EVALUATION = TableSchema(
    "evaluation",
    "one part of a result, held to the truth",
    (
        Column("grouping", "string", "all, or the column that tells parts apart: tier, setting"),
        Column("part", "string", "the value of that column; null for all", nullable=True),
        *_COUNTED,
        *_measured(),
    ),
    (),
)

EVALUATED_CASES = TableSchema(
    "evaluated_cases",
    "one case, held to the truth",
    (
        Column("case_id", "device", "device id of the case, as the caller gave it"),
        Column("as_of", "instant", "the moment that closes its lookback, where it was given", nullable=True),
        *_COUNTED[1:],
        Column("precision", "float64", "hits over listed", "0 to 1", nullable=True),
        Column("recall", "float64", "found over true_pairs", "0 to 1", nullable=True),
    ),
    ("case_id", "as_of"),
)

SWEEP = TableSchema(
    "sweep",
    "one reading of the data and the rule, held to the truth",
    (
        Column("run", "int64", "number of the run, from 0; 0 is the reading that the others vary"),
        Column("varied", "string", "the option that differs from run 0; several are joined by a comma"),
        Column("choice", "string", "what it was set to"),
        Column("source", "string", "name of the pings, where several were given", nullable=True),
        *_COUNTED,
        *_measured(),
        Column("reading", "string", "rule and stay options of the run, in words"),
        Column("warned", "string", "kinds of warnings that the run gave, joined by +", nullable=True),
    ),
    ("run",),
)

SHIFTED_GRIDS = TableSchema(
    "shifted_grids",
    "one (case, as_of, device) that is a companion in any of the grids: a candidate from co-location, not a contact",
    (
        *_CASE,
        Column("companion_id", "device", "device id of the companion, as the caller gave it"),
        Column("in_base", "bool", "whether it is one in the grid that was asked for, not shifted"),
        Column("n_grids", "int64", "shifted grids, the one asked for not among them"),
        Column("remains_in", "int64", "of these, grids in which it is a companion"),
        Column("share", "float64", "remains_in over n_grids", "0 to 1"),
    ),
    ("case_id", "as_of", "companion_id"),
)

LIST_SIZES = TableSchema(
    "list_sizes",
    "one share of the true pairs, and how long a ranked list has to be to hold it",
    (
        Column("share", "float64", "share of the true pairs that is asked for", "0 to 1"),
        Column("true_pairs", "int64", "how many pairs that is, rounded up"),
        Column(
            "list_size", "int64", "the least rows from the top that hold them, ties taken whole", "", True
        ),
        Column("random_size", "float64", "rows that a random list needs for it, on average", "", True),
    ),
    ("share",),
)

TABLES = (EVALUATION, EVALUATED_CASES, SWEEP, SHIFTED_GRIDS, LIST_SIZES)
