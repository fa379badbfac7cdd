"""The commands of how right a result is: evaluate, shifted-grids."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from cotrace.cli.meetings import _cases, _table
from cotrace.cli.params import StrictCommand, rule_options
from cotrace.cli.query import case_options, out_options, query_options, run_query

__all__ = ["COMMANDS"]

_IDS = ("case_id", "case", "a", "companion_id", "contact_id", "device", "b")


@click.command(short_help="Hold a list of companions to the truth.")
@click.argument("listed", metavar="LIST")
@click.argument("truth", metavar="TRUTH")
@click.option("--cases", metavar="FILE", help="The cases that were asked of; one without a row counts too.")
@click.option(
    "--devices", type=click.IntRange(2), metavar="N", help="How many devices there are, for the lift."
)
@click.option(
    "--replicates", type=click.IntRange(0), metavar="N", help="Bootstrap samples of the cases: 1000."
)
@click.option("--seed", type=click.IntRange(0), metavar="N", help="Of the samples: 0.")
@out_options
def evaluate(**given: Any) -> None:
    """Hold a list of companions to the truth: precision, recall and the others, with their intervals.

    LIST and TRUTH are CSV or Parquet files with case_id and companion_id, such as companions.parquet of 'cotrace
    companions'; with tier or setting there is a row for each. --out writes the table of measures.
    """
    from cotrace.accuracy.evaluate import evaluate as ask

    named = {n: given[n] for n in ("devices", "replicates", "seed") if given[n] is not None}
    tables = [_table("list", given["listed"]), _table("truth", given["truth"])]
    tables += [_table("cases", given["cases"])] if given["cases"] is not None else []
    result, truth, *cases = _of_one_kind(tables)
    found = ask(result, truth, cases=cases[0] if cases else None, **named)
    if given["out"] is not None:
        _write(given, found.table)
    click.echo(repr(found))
    if given["out"] is not None:
        click.echo(f"written to {given['out']}")


def _of_one_kind(tables: list[Any]) -> list[Any]:
    """Return tables with ids as numbers where a Parquet file has them so: in CSV all ids are text."""
    import pyarrow as pa

    from cotrace.companions.cases import match_ids

    kinds = [t[n].type for t in tables if isinstance(t, pa.Table) for n in _IDS if n in t.column_names]
    if not kinds or not pa.types.is_integer(kinds[0]):
        return tables
    return [
        t
        if isinstance(t, pa.Table)
        else {n: match_ids(v, kinds[0]) if n in _IDS else v for n, v in t.items()}
        for t in tables
    ]


def _write(given: dict[str, Any], table: Any) -> None:
    from cotrace.cli import output
    from cotrace.cli.query import _file
    from cotrace.cli.record import CANDIDATES
    from cotrace.errors import OptionError

    out = Path(given["out"])
    if any(out.resolve() == Path(given[n]).resolve() for n in ("listed", "truth", "cases") if given[n]):
        raise OptionError(f"--out {out} is an input, and would be written over")
    if not output.is_file(out, given["format_"]):
        raise OptionError(f"--out {out}: name a .parquet or .csv file")
    output.check_file(out, overwrite=given["overwrite"])
    run = {"what": CANDIDATES, "command": "evaluate", "reads": table.note}
    output.write_file(out, partial(_file, table=table, run=run), overwrite=given["overwrite"])


@click.command(
    name="shifted-grids", cls=StrictCommand, short_help="Say what the edges of the grid do to a list."
)
@query_options(
    case_options,
    rule_options,
    click.option("--grids", type=click.IntRange(1, 1000), metavar="N", help="How many shifted grids: 16."),
)
def shifted_grids(**given: Any) -> None:
    """Say for each companion in how many shifted grids they remain one, and who would be one in others."""
    from cotrace.accuracy.shifted import shifted_grids as ask
    from cotrace.cli import build

    preset = build.named_preset(given)
    run_query(
        "shifted-grids",
        given,
        lambda _, pings: ask(
            pings,
            _cases(given),
            given["grids"] or 16,
            as_of=given["as_of"],
            rule=build.companion_rule(given, preset),
            options=build.stay_options(given, preset, pings),
            threads=given["threads"],
        ),
        from_pings=True,
    )


COMMANDS = (evaluate, shifted_grids)
