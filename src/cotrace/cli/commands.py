"""The commands: each opens its input, calls one function of the library, and writes or prints its result."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.params import StrictCommand, input_options, rule_options, stay_options
from cotrace.cli.progress import Progress, warning_lines

if TYPE_CHECKING:
    from cotrace.io import Pings

__all__ = ["companions", "demo", "info", "stays"]

#: Where refused rows are found when a command writes no folder.
_ELSEWHERE = "refused.parquet of 'cotrace stays --out DIR'"

_format = click.option(
    "--format", "format_", type=click.Choice(["parquet", "csv"]), help="Format of the tables: parquet."
)


@click.command(cls=StrictCommand, short_help="Find the devices that kept cases company.")
@input_options
@click.option("--cases", required=True, metavar="FILE", help="Cases, CSV or Parquet: device, as_of[, ...].")
@click.option("--as-of", metavar="TIME", help="End of the lookback of every case, with its offset.")
@rule_options
@stay_options
@click.option(
    "--out", required=True, metavar="DIR", help="Folder for the tables; an earlier result is replaced."
)
@_format
@click.option("--no-evidence", is_flag=True, help="Leave the table of episodes out.")
def companions(**given: Any) -> None:
    """Find the devices that kept the cases company, with the evidence for each.

    PATH is one or many Parquet, CSV or Arrow files, folders or globs of pings, or a store. DIR gets companions,
    evidence,
    funnel, coverage, cases (as they were used), refused (when rows could not be used) and run.json, whole or
    not at all.
    """
    from cotrace.cli import build, output
    from cotrace.cli.apart import check_apart
    from cotrace.cli.record import results, run_of
    from cotrace.companions import find_companions
    from cotrace.options import StayOptions

    out, suffix, started = Path(given["out"]), given["format_"] or "parquet", time.perf_counter()
    check_apart(out, given)
    output.check_folder(out)
    preset = build.named_preset(given)
    rule = build.companion_rule(given, preset)
    cases = build.read_cases(given["cases"])
    progress = Progress()
    with warning_lines(progress, f"refused.{suffix} in {out}") as warned:
        store = build.open_store(given)
        pings = build.open_pings(given) if store is None else None
        options = StayOptions() if pings is None else build.stay_options(given, preset, pings)
        found = find_companions(
            pings if store is None else store,  # type: ignore[arg-type]
            cases.frame,
            as_of=given["as_of"],
            rule=rule,
            options=options,
            threads=given["threads"],
            progress=progress,
        )
    run = run_of(given, found, preset, warned, cases.sha256)
    output.write_folder(out, partial(results, suffix=suffix, found=found, pings=pings, run=run))
    click.echo(str(found))
    if preset:
        click.echo(build.preset_line(preset, rule, options if store is None else found.options))
    _wrote(out, started)


@click.command(short_help="Make stays of pings.")
@input_options
@stay_options
@click.option("--out", required=True, metavar="FILE|DIR", help="A .parquet or .csv file, or a folder.")
@_format
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace FILE even where it is no earlier result, or CSV, which does not tell. Never an input.",
)
def stays(**given: Any) -> None:
    """Make stays of pings: who was in which cell, from when to when.

    FILE ends in .parquet or .csv; without an ending it is a folder, which gets stays, refused and run.json.
    """
    from cotrace.cli import build, output
    from cotrace.cli.apart import check_apart
    from cotrace.cli.record import stays_file, stays_folder, stays_run
    from cotrace.stays import find_stays

    out, started = Path(given["out"]), time.perf_counter()
    check_apart(out, given)
    as_file = output.is_file(out, given["format_"])
    if as_file:
        output.check_file(out, overwrite=given["overwrite"])
    else:
        output.check_folder(out)
    progress, suffix = Progress(), given["format_"] or "parquet"
    with warning_lines(progress, _ELSEWHERE if as_file else f"refused.{suffix} in {out}") as warned:
        pings = build.open_pings(given)
        options = build.stay_options(given, None, pings)
        found = find_stays(pings, options=options, threads=given["threads"], progress=progress)
    run = stays_run(given, found, warned)
    if as_file:
        output.write_file(out, partial(stays_file, found=found, run=run), overwrite=given["overwrite"])
    else:
        output.write_folder(out, partial(stays_folder, suffix=suffix, found=found, pings=pings, run=run))
    click.echo(str(found))
    _wrote(out, started)


@click.command(short_help="Look at pings before they are used.")
@input_options
@stay_options
def info(**given: Any) -> None:
    """Look at pings before they are used, and say what that means for fill and max_gap."""
    from cotrace.cli import build
    from cotrace.cli.survey import describe
    from cotrace.stays import survey

    progress = Progress()
    with warning_lines(progress, _ELSEWHERE):
        pings = build.open_pings(given)
        options = build.stay_options(given, None, pings)
        seen = survey(pings, options, threads=given["threads"], progress=progress)
    click.echo(describe(seen, options, _placed(pings)))


@click.command(short_help="Run the main job on data that come along.")
@click.option("--out", metavar="DIR", help="Write both results here, as 'cotrace companions' does.")
def demo(out: str | None) -> None:
    """Run the main job on real positions of calves and on a made city; nothing is written without --out."""
    from cotrace import demo as jobs
    from cotrace.cli import output
    from cotrace.cli.record import results, run_of

    for make in (jobs.calves, jobs.city):
        folder = None if out is None else Path(out) / make.__name__
        if folder is not None:
            output.check_folder(folder)
        job = make()
        click.echo(f"== {job.name}\n{job.about}\n")
        with warning_lines() as warned:
            done = jobs.run(job)
        click.echo(f"{done.found}\n\n{job.name}: {done.seconds:.1f} s\n")
        if folder is not None:
            run = run_of({"paths": [f"demo: {job.name}"]}, done.found, None, warned)
            output.write_folder(
                folder, partial(results, suffix="parquet", found=done.found, pings=job.pings, run=run)
            )
            click.echo(f"written to {folder}\n")
    click.echo("The first run on a machine also compiles; the next takes less.")


def _placed(pings: Pings) -> int:
    """Count the towers with a position."""
    if pings.towers is None:
        return 0
    return sum(
        lon.is_valid and lat.is_valid
        for lon, lat in zip(pings.towers["lon"], pings.towers["lat"], strict=True)
    )


def _wrote(out: Path, started: float) -> None:
    click.echo(f"written to {out} ({time.perf_counter() - started:.1f} s)")
