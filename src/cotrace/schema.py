"""Every table of cotrace: its columns, their types and units, what they mean, and how rows are sorted.

The one place where a column's name, type and unit are written down. Tables are built and checked by these
objects, and the data-model page of the documentation is made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "CASES",
    "COMPANIONS",
    "COVERAGE",
    "EVIDENCE",
    "FUNNEL",
    "OCCUPANCY",
    "REFUSED",
    "STAYS",
    "TABLES",
    "TOWERS",
    "Column",
    "TableSchema",
]

#: ``device``, ``cell`` and ``instant`` depend on the input: ids as they were given (``devices``: lists of them),
#: tower ids or packed cells, and timestamps in the input's time zone. The others are Arrow types.
Kind = Literal["device", "devices", "cell", "instant", "int64", "float64", "string", "bool"]


@dataclass(frozen=True)
class Column:
    """One column: name, kind of value, unit, meaning, and whether it may be null."""

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class TableSchema:
    """One table: name, what one row is, its columns, and the columns that its rows are sorted by."""

    name: str
    row: str
    columns: tuple[Column, ...]
    sorted_by: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(c.name for c in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}; it has {', '.join(self.names)}")

    def arrow(self, *, device: Any = None, cell: Any = None, tz: str = "UTC") -> pa.Schema:
        """Return the Arrow schema, for device ids and cells of these Arrow types and instants in this zone.

        ``device`` and ``cell`` are 64-bit integers unless given.
        """
        import pyarrow as pa

        device = device if device is not None else pa.int64()
        types = {
            "device": device,
            "devices": pa.list_(pa.field("item", device, nullable=False)),
            "cell": cell if cell is not None else pa.int64(),
            "instant": pa.timestamp("us", tz=tz),
            "int64": pa.int64(),
            "float64": pa.float64(),
            "string": pa.string(),
            "bool": pa.bool_(),
        }
        return pa.schema([pa.field(c.name, types[c.kind], nullable=c.nullable) for c in self.columns])


_CASE = (
    Column("case_id", "device", "device id of the case, as the caller gave it"),
    Column("as_of", "instant", "the moment that closes the case's lookback"),
)
_CELL = (
    Column("cell", "cell", "the packed grid cell, or the tower id where towers are the cells"),
    Column("cell_col", "int64", "column of the cell on its grid", nullable=True),
    Column("cell_row", "int64", "row of the cell on its grid", nullable=True),
    Column("cell_lon", "float64", "longitude of the cell's centre, or of the tower", "degrees WGS 84", True),
    Column("cell_lat", "float64", "latitude of the cell's centre, or of the tower", "degrees WGS 84", True),
)

STAYS = TableSchema(
    "stays",
    "one stay: a maximal half-open interval in which a device is taken to be in one cell",
    (
        Column("device", "device", "device id, as the caller gave it"),
        Column("cell", "cell", "the packed grid cell, or the tower id where towers are the cells"),
        Column("started_at", "instant", "first second of the stay"),
        Column("finished_at", "instant", "first second after the stay"),
    ),
    ("device", "started_at"),
)

COMPANIONS = TableSchema(
    "companions",
    "one (case, as_of, companion): a candidate from co-location, not a contact",
    (
        *_CASE,
        Column("companion_id", "device", "device id of the companion, as the caller gave it"),
        Column("n_episodes", "int64", "qualifying episodes"),
        Column("n_cells", "int64", "cells that the qualifying episodes are in"),
        Column("shared_s", "int64", "total length of the qualifying episodes", "s"),
        Column("longest_s", "int64", "length of the longest qualifying episode", "s"),
        Column("first_started_at", "instant", "start of the first qualifying episode"),
        Column("last_finished_at", "instant", "end of the last qualifying episode"),
        Column(
            "case_dwell_s", "int64", "the case's largest dwell in one of these cells, in the lookback", "s"
        ),
        Column("companion_dwell_s", "int64", "the companion's largest dwell in one of these cells", "s"),
        Column(
            "dwell_met_by",
            "string",
            "who has the cumulative dwell in any of these cells: case, companion, both or neither",
        ),
        Column("crowd", "int64", "the smallest crowd of its evidence", "devices"),
    ),
    ("case_id", "as_of", "companion_id"),
)

EVIDENCE = TableSchema(
    "evidence",
    "one qualifying episode of a case and a companion",
    (
        *_CASE,
        Column("companion_id", "device", "device id of the companion, as the caller gave it"),
        *_CELL,
        Column("started_at", "instant", "first second that the two share"),
        Column("finished_at", "instant", "first second that they no longer share"),
        Column("shared_s", "int64", "length of the episode", "s"),
        Column("case_dwell_s", "int64", "the case's dwell in this cell, in the lookback", "s"),
        Column("companion_dwell_s", "int64", "the companion's dwell in this cell, in the lookback", "s"),
        Column(
            "dwell_met_by",
            "string",
            "who has the cumulative dwell in this cell: case, companion, both or neither",
        ),
        Column(
            "crowd",
            "int64",
            "the largest number of devices that any one-hour window which the episode touches has in the cell",
            "devices",
        ),
    ),
    ("case_id", "as_of", "companion_id", "started_at", "cell"),
)

FUNNEL = TableSchema(
    "funnel",
    "one (case, as_of): how many devices are left after each clause",
    (
        *_CASE,
        Column("together", "int64", "devices with any episode with the case in the lookback", "devices"),
        Column("long_enough", "int64", "of these, devices that meet the clause on shared time", "devices"),
        Column("companions", "int64", "devices that meet the rule", "devices"),
        Column("companions_both", "int64", "devices that meet it with dwell_of='both'", "devices"),
        Column("n_cells", "int64", "cells that the case was in", "cells"),
        Column("top_cell", "cell", "the cell that brings the most companions", nullable=True),
        Column("top_cell_share", "float64", "share of the companions that it brings", "0 to 1", True),
    ),
    ("case_id", "as_of"),
)

CASES = TableSchema(
    "cases",
    "one case, as it was used",
    (
        *_CASE,
        Column("infectious_from", "instant", "episodes before this do not count", nullable=True),
        Column("isolated_at", "instant", "the lookback ends here", nullable=True),
    ),
    ("case_id", "as_of"),
)

COVERAGE = TableSchema(
    "coverage",
    "one (case, as_of): how much of the lookback was observed at all",
    (
        *_CASE,
        Column("observed_s", "int64", "time in some cell in the lookback", "s"),
        Column("observed_share", "float64", "share of the lookback that this is", "0 to 1"),
        Column("pings", "int64", "pings of the case in the lookback that were used", "pings", True),
        Column("median_gap_s", "int64", "median time between two of them, floored", "s", True),
        Column("longest_gap_s", "int64", "longest time between two of them", "s", True),
    ),
    ("case_id", "as_of"),
)

OCCUPANCY = TableSchema(
    "occupancy",
    "one (cell, window) in which a device was",
    (
        *_CELL,
        Column("window_started_at", "instant", "start of the window; windows are aligned to the epoch"),
        Column("devices", "int64", "distinct devices with a stay that the window touches", "devices"),
        Column("dwell_s", "int64", "sum of their dwell in the cell and window", "s"),
    ),
    ("cell", "window_started_at"),
)

TOWERS = TableSchema(
    "towers",
    "one tower, as given to read_pings(towers=)",
    (
        Column("tower", "cell", "tower id, of the pings' type"),
        Column("lon", "float64", "longitude", "degrees", True),
        Column("lat", "float64", "latitude", "degrees", True),
        Column("radius_m", "float64", "coverage radius", "m", True),
        Column("generation", "string", "2G, 3G, 4G or 5G", nullable=True),
    ),
    ("tower",),
)

REFUSED = TableSchema(
    "refused",
    "one row of the input that could not be used, before the input's own columns",
    (
        Column("row", "int64", "number of the row in the source, from 0, over all its files in order"),
        Column("reason", "string", "why it could not be used"),
    ),
    ("row",),
)

_CELL_OR_NONE = (
    *(Column(c.name, c.kind, c.meaning, c.unit, True) for c in _CELL),
    Column("place", "string", "name of a place from elsewhere that has a cell of its own", nullable=True),
)
_CELL_AND_PLACE = (_CELL[0], *_CELL_OR_NONE[1:])
_SOURCE = Column("source", "string", "where the presence is known from; several are joined by +")

TABLES: tuple[TableSchema, ...] = (
    STAYS,
    CASES,
    COMPANIONS,
    EVIDENCE,
    FUNNEL,
    COVERAGE,
    OCCUPANCY,
    TOWERS,
    REFUSED,
)
