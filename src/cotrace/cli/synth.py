"""The command that makes a city: pings as daily files, towers, cases, and what is true."""

from __future__ import annotations

import json
import textwrap
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.progress import Progress, warning_lines

if TYPE_CHECKING:
    from cotrace.synth import City
    from cotrace.synth.blocks import Rows
    from cotrace.tables import Table

__all__ = ["COMMANDS"]

#: as in :data:`cotrace.synth.PRESETS`, which need not be loaded for ``--help``
CITIES = ("shanghai", "xian", "chongqing")


@click.command(short_help="Make a city with its truth: pings, towers, cases, who infected whom.")
@click.option("--preset", type=click.Choice(CITIES), help="Area, people and 5G stations of a city.")
@click.option("--scale", type=float, metavar="SHARE", help="Of area, people and stations; densities stay.")
@click.option("--area-km2", type=float, metavar="KM2", help="Area, in place of the preset's.")
@click.option("--population", type=click.IntRange(0), metavar="N", help="People, in place of the preset's.")
@click.option(
    "--stations", type=click.IntRange(1), metavar="N", help="5G stations, in place of the preset's."
)
@click.option("--days", type=click.IntRange(1), metavar="N", help="Days to make: 14.")
@click.option("--start", metavar="DATE", help="The first day: 2021-11-01, a Monday.")
@click.option("--tz", metavar="ZONE", help="Time zone of the city: Asia/Shanghai.")
@click.option(
    "--seed", type=click.IntRange(0), default=1, metavar="N", help="The same seed, the same bytes: 1."
)
@click.option(
    "--records",
    type=click.Choice(["full", "sparse", "gps"]),
    default="sparse",
    help="Some 40 records a device and day (default), full signalling (300 to 500), or GPS fixes.",
)
@click.option(
    "--generations",
    metavar="LIST",
    help="Generations of stations, 2G,3G,4G,5G, or shares of handsets, 4G=0.4,5G=0.6 (default: 5G).",
)
@click.option("--clean", is_flag=True, help="Let nothing go wrong: no loss, no flapping, no skew, no error.")
@click.option(
    "--outbreak",
    type=click.IntRange(0),
    default=3,
    metavar="N",
    help="How many are infected on the first day: 3. 0: no outbreak.",
)
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; all cores unless said.")
@click.option("--out", required=True, metavar="DIR", help="Folder to make; an earlier result is replaced.")
def synth(**given: Any) -> None:
    """Make a city whose truth is known.

    DIR gets pings (a folder a day, Parquet), towers, and of the outbreak: cases (those confirmed, for 'cotrace
    companions --cases'), infections, tree (who infected whom) and meetings (of everybody infected, from 10 minutes
    on). truth.json has seeds, options and counts; run.json says what was called.
    """
    from cotrace import synth as made
    from cotrace.cli import output

    out, started = Path(given["out"]), time.perf_counter()
    output.check_folder(out)
    progress = Progress()
    with warning_lines(progress):
        city = _city(given)
        rows = _rows(city, given)
        tables = _outbreak(city, given)

        def fill(folder: Path) -> None:
            written = made.write(rows, folder, tables=tables, threads=given["threads"], progress=progress)
            progress.clear()
            _write_run(folder, given, {name: len(t) for name, t in tables.items()})
            click.echo(f"{city!r}\n{written}")
            click.echo(_counted(written.counts))

        output.write_folder(out, fill)
    for name, table in tables.items():
        click.echo(f"{name}: {len(table):,} rows")
    click.echo(f"written to {out} ({time.perf_counter() - started:.1f} s)")


def _city(given: dict[str, Any]) -> City:
    from cotrace import synth as made

    named = {
        name: given[name]
        for name in ("scale", "days", "area_km2", "population", "stations")
        if given[name] is not None
    }
    if given["start"] is not None or given["tz"] is not None:
        named["start"] = _start(given["start"] or "2021-11-01", given["tz"] or "Asia/Shanghai")
    return made.city(given["preset"], seed=given["seed"], **named)


def _start(day: str, zone: str) -> datetime:
    from zoneinfo import ZoneInfo

    from cotrace.errors import TimeError

    try:
        tz = ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise TimeError(f"tz={zone!r} is no time zone: write for example 'Asia/Shanghai'") from None
    try:
        return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=tz)
    except ValueError:
        raise TimeError(f"start={day!r} is no date: write for example '2021-11-01'") from None


def _rows(city: City, given: dict[str, Any]) -> Rows:
    """Return what is written: signals or fixes, as asked."""
    from cotrace import synth as made
    from cotrace.errors import OptionError

    if given["records"] == "gps":
        if given["generations"] is not None:
            raise OptionError(f"generations={given['generations']!r}: GPS fixes need no stations")
        fixes = made.GpsOptions()
        return made.gps(city, seed=given["seed"], options=fixes.without() if given["clean"] else fixes)
    network = made.towers(
        city,
        seed=given["seed"],
        generations=_generations(given["generations"] or "5G"),
        threads=given["threads"],
    )
    options = {"full": made.FULL, "sparse": made.SPARSE}[given["records"]]
    return made.signals(
        city, network, seed=given["seed"], options=options.without() if given["clean"] else options
    )


def _generations(text: str) -> list[str] | dict[str, float]:
    """Read ``5G``, ``4G,5G`` or ``4G=0.4,5G=0.6``."""
    from cotrace.errors import OptionError

    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not any("=" in p for p in parts):
        return parts
    try:
        return {name: float(share) for name, share in (p.split("=") for p in parts)}
    except ValueError:
        raise OptionError(
            f"generations={text!r}: write 5G, or 4G,5G, or shares of handsets such as 4G=0.4,5G=0.6"
        ) from None


def _outbreak(city: City, given: dict[str, Any]) -> dict[str, Table]:
    """Return the tables of the outbreak by name."""
    from cotrace import synth as made

    if not given["outbreak"]:
        return {}
    found = made.outbreak(city, seed=given["seed"], index_cases=given["outbreak"], threads=given["threads"])
    infected = found.infections["device"].to_numpy()
    meetings = city.meetings(infected, threads=given["threads"])
    return {
        "cases": found.cases,
        "infections": found.infections,
        "tree": found.tree,
        "meetings": meetings,
    }


def _write_run(folder: Path, given: dict[str, Any], rows: dict[str, int]) -> None:
    """Write ``run.json``: what was called, and what the folder holds, so that it is known as a result."""
    from cotrace import __version__

    files = sorted([p.name for p in folder.iterdir()] + ["run.json"])
    asked = {name: value for name, value in given.items() if name not in ("out", "threads")}
    run = {"cotrace": __version__, "command": "synth", "options": asked, "rows": rows, "files": files}
    (folder / "run.json").write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def _counted(counts: dict[str, int]) -> str:
    """Say what was made and what went wrong, a few lines wide."""
    parts = ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in counts.items())
    return textwrap.fill(f"counted: {parts}", width=110, subsequent_indent="  ", break_long_words=False)


COMMANDS = (synth,)
