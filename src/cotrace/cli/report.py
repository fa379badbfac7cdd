"""The command that writes cases and their companions as one page to read."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from cotrace.cli.params import StrictCommand, input_options, rule_options, stay_options
from cotrace.cli.progress import Progress, warning_lines
from cotrace.errors import OptionError

__all__ = ["COMMANDS"]


@click.command(cls=StrictCommand, short_help="Write cases and their companions as one page to read.")
@input_options
@click.option("--cases", required=True, metavar="FILE", help="Cases, CSV or Parquet: device, as_of[, ...].")
@click.option("--as-of", metavar="TIME", help="End of the lookback of every case, with its offset.")
@rule_options
@stay_options
@click.option("--out", required=True, metavar="FILE", help="The page; it ends in .html.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="English (default) or Chinese.")
@click.option(
    "--case", metavar="ID", help="One of the cases alone; by default all, to choose from on the page."
)
@click.option("--title", metavar="TEXT", help="The heading of the page.")
@click.option(
    "--overwrite", is_flag=True, help="Replace FILE even where it is no earlier report. Never an input."
)
def report(**given: Any) -> None:
    """Write cases and their companions as one page of HTML that loads nothing.

    The page has the summary, the case's days, a map, a timeline, the list to sort and filter with the evidence for
    each, the rule, what became of every row, and what the rule cannot say. It is as confidential as the pings.
    """
    from cotrace.cli import build, output
    from cotrace.cli.apart import check_apart
    from cotrace.companions import find_companions

    out, started = Path(given["out"]), time.perf_counter()
    check_apart(out, given)
    if out.suffix != ".html":
        raise OptionError(f"--out {out}: a report is one file that ends in .html")
    output.check_file(out, overwrite=given["overwrite"])
    preset = build.named_preset(given)
    rule = build.companion_rule(given, preset)
    cases = build.read_cases(given["cases"])
    progress = Progress()
    with warning_lines(progress, "refused.parquet of 'cotrace companions --out DIR'"):
        pings = build.open_pings(given)
        options = build.stay_options(given, preset, pings)
        found = find_companions(
            pings,
            cases.frame,
            as_of=given["as_of"],
            rule=rule,
            options=options,
            threads=given["threads"],
            progress=progress,
        )
    named = {name: given[name] for name in ("lang", "case", "title") if given[name] is not None}
    output.write_file(out, lambda file: _write(found, file, named), overwrite=given["overwrite"])
    if preset:
        click.echo(build.preset_line(preset, rule, options))
    click.echo(f"written to {out} ({time.perf_counter() - started:.1f} s): open it in a browser")


def _write(found: Any, file: Path, named: dict[str, Any]) -> None:
    found.report(file, **named)


COMMANDS = (report,)
