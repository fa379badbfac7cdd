"""Write docs/data-model.md from the schemas in cotrace.schema.

Run ``python docs/make_data_model.py`` after a change of a schema; a test holds the page to it.
"""

from __future__ import annotations

from pathlib import Path

from cotrace.schema import TABLES, Column, TableSchema
from cotrace.schema_accuracy import TABLES as ACCURACY_TABLES
from cotrace.schema_certainty import TABLES as CERTAINTY_TABLES
from cotrace.schema_codes import TABLES as CODE_TABLES
from cotrace.schema_meetings import TABLES as MEETING_TABLES
from cotrace.schema_places import TABLES as PLACE_TABLES
from cotrace.schema_synth import TABLES as SYNTH_TABLES
from cotrace.schema_ties import TABLES as TIE_TABLES

PAGE = Path(__file__).with_name("data-model.md")

HEAD = """\
# The data model

<!-- Made from src/cotrace/schema.py by `python docs/make_data_model.py`: change the schema, not this page. -->

Every table that cotrace gives out or takes in, column by column. Tables are read-only; `to_arrow()`, `to_pandas()`,
`to_polars()` and `__arrow_c_stream__` hand them on, and `table["name"]` is one column. All columns are there even
when a table has no rows.

| type here | what it is |
|---|---|
| id | a device id as the caller gave it: `int64`, `uint64` or `large_string` |
| ids | a list of ids |
| cell | a grid cell packed into one `int64` ([how](grid.md)), or a tower id: `int64`, `uint64` or `large_string` |
| instant | a timestamp in microseconds with the time zone of the input; whole seconds, as cotrace has no finer ones |
| int64, float64, string, bool | as in Arrow |

*Null* says whether a value may be missing. Durations are whole seconds and their names end in `_s`. Intervals are
half-open: `started_at` belongs to them, `finished_at` does not. What the words mean stands in the
[glossary](glossary.md).
"""

KINDS = {"device": "id", "devices": "ids", "cell": "cell", "instant": "instant"}

FROM = {
    "stays": "`cotrace.find_stays(pings)`, and `found.stays` (those in the cases' cells alone)",
    "cases": "`found.cases`",
    "companions": "`found.companions`, `found` being what `cotrace.find_companions` returns",
    "evidence": "`found.evidence`",
    "funnel": "`found.funnel`",
    "coverage": "`found.coverage`",
    "occupancy": "`cotrace.occupancy(stays)`",
    "towers": "`cotrace.read_pings(towers=...)` takes it, `pings.towers` shows it",
    "visits": "`cotrace.read_visits(table)`",
    "reported_contacts": "`cotrace.read_contacts(table)`",
    "devices": "`cotrace.read_devices(table)`",
    "trajectory": "`cotrace.trajectory(stays, devices)`",
    "anchors": "`cotrace.anchors(stays)`",
    "places": "`cotrace.places(stays, cases)`",
    "contacts": "`cotrace.contacts(stays, cases)`",
    "meetings": "`found.evidence`, `found` being what `cotrace.contacts` returns",
    "tiers": "`cotrace.tiers(stays, cases)`",
    "tier_sizes": "`found.sizes`, `found` being what `cotrace.tiers` returns",
    "hops": "`found.evidence`, `found` being what `cotrace.tiers` or `cotrace.rings` returns",
    "rings": "`cotrace.rings(stays, cases)`",
    "ring_sizes": "`found.sizes`, `found` being what `cotrace.rings` returns",
    "pairs": "`cotrace.pairs(stays)`, batch by batch",
    "link_faults": "`links.faults`, `links` being what `cotrace.read_links` returns",
    "visitors": "`cotrace.visitors(stays, place, start, end)`",
    "visitor_stays": "`.evidence` of what `cotrace.visitors` gives",
    "zones": "`.zones` of what `cotrace.zones(stays, cases)` gives",
    "zone_cases": "`.evidence` of the same",
    "zone_devices": "`.devices` of the same",
    "lifting": "`cotrace.lift(zones, events, on=date)`",
    "sources": "`cotrace.common_sources(stays, cases)`",
    "source_meetings": "`.evidence` of the same",
    "source_places": "`.places` of the same",
    "significance": "`cotrace.significance(stays, pairs)`",
    "significant_meetings": "`.evidence` of the same",
    "co_travel": "`cotrace.co_travel(pings, cases)`",
    "rides": "`.evidence` of the same",
    "screening": "`cotrace.screening(zones, capacity_per_day)`",
    "screening_totals": "`.evidence` of the same",
    "footprints": "`.table` of what `cotrace.find_footprints(towers, grid)` gives",
    "weighted_stays": "`cotrace.weighted_stays(stays, footprints)`",
    "certainty": "`found.certainty`, `found` being what `cotrace.find_companions(..., certainty=True)` returns",
    "reliability": "`cotrace.reliability(probability, true)`",
    "region_lists": "`cotrace.split_by_region(stays, devices, regions)`",
    "region_totals": "`.evidence` of the same",
    "evaluation": "`found.table`, `found` being what `cotrace.evaluate` returns",
    "evaluated_cases": "`found.cases`, `found` being what `cotrace.evaluate` returns",
    "sweep": "`found.table`, `found` being what `cotrace.sweep` returns",
    "shifted_grids": "`cotrace.shifted_grids(pings, cases)`",
    "list_sizes": "`cotrace.accuracy.ranked.list_sizes(scores, true)`",
    "network": "`network.table()`, `network` being what `cotrace.synth.towers` makes; towers.parquet",
    "signals": "`cotrace.synth.signals`, in batches; pings/, a folder a day",
    "fixes": "`cotrace.synth.gps`, in batches; pings/, a folder a day",
    "true_meetings": "`city.meetings(devices)`, `city` being what `cotrace.synth.city` makes; meetings.parquet",
    "true_episodes": "`city.shared_cells(devices)`",
    "true_infections": "`made.infections`, `made` being what `cotrace.synth.outbreak` makes; infections.parquet",
    "tree": "`made.tree`; tree.parquet",
    "outbreak_cases": "`made.cases`; cases.parquet",
    "code_proposals": "`cotrace.codes.propose(found)` and `cotrace.codes.lifted(drawn, said)`",
    "code_events": "`book.events`, `book` being a `cotrace.codes.Book`",
    "code_changes": "`book.history(device)` and `book.advance(to=)`",
    "codes": "`book.as_of(at)`",
    "refused": "`pings.refused`, after a pass over the pings; the input's own columns follow these",
}

#: what tables without columns to sort by are in the order of, beside strength
_UNSORTED = dict.fromkeys(("signals", "fixes"), "day, block of devices, and arrival")


def row_of(column: Column) -> str:
    """Return a column as one line of a Markdown table."""
    kind = KINDS.get(column.kind, column.kind)
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {kind} | {column.unit} | {null} | {column.meaning} |"


def section(table: TableSchema) -> str:
    """Return one table's part of the page."""
    lines = [
        f"(data-model-{table.name})=",
        f"## {table.name}",
        "",
        f"One row is {table.row}.",
        "",
        f"- From: {FROM[table.name]}.",
        f"- Sorted by: {', '.join(f'`{name}`' for name in table.sorted_by) or _UNSORTED.get(table.name, 'strength')}.",
        "",
        "| column | type | unit | null | meaning |",
        "|---|---|---|---|---|",
        *(row_of(column) for column in table.columns),
    ]
    return "\n".join(lines)


def page() -> str:
    """Return the whole page."""
    tables = (
        *TABLES,
        *PLACE_TABLES,
        *MEETING_TABLES,
        *TIE_TABLES,
        *CERTAINTY_TABLES,
        *ACCURACY_TABLES,
        *SYNTH_TABLES,
        *CODE_TABLES,
    )
    return "\n\n".join([HEAD.rstrip(), *(section(table) for table in tables)]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE.name}: {page().count('(data-model-')} tables")
