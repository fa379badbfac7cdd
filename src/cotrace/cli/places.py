"""The commands of where devices were: trajectories, places, visitors, zones, screening, regions."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cotrace.cli.query import as_ids, case_options, query_options, read_frame, run_query

if TYPE_CHECKING:
    from cotrace.exposure.zones import Zones
    from cotrace.tables import Stays

__all__ = ["COMMANDS"]

_devices = click.option(
    "--devices", metavar="IDS|FILE", help="Device ids with commas between them, or a table of device."
)
_start = click.option("--start", metavar="TIME", help="Start of the time asked, with its offset.")
_end = click.option("--end", metavar="TIME", help="End of the time asked, with its offset.")
_night = click.option("--night", metavar="HH:MM-HH:MM", help="The hours that say where home is: 22:00-06:00.")


def _hours(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("-"))


def _given(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


@click.command(short_help="Show where devices were: stays and gaps, in order.")
@query_options(_devices, _start, _end)
def trajectory(**given: Any) -> None:
    """Show where devices were, in order: their stays, and the gaps in which nothing is known."""
    from cotrace.exposure.trajectory import trajectory as ask

    run_query(
        "trajectory", given, lambda s, _: ask(s, as_ids(given["devices"]), **_given(given, "start", "end"))
    )


@click.command(short_help="Guess where devices are at home and at work.")
@query_options(
    _devices, _night, click.option("--working", metavar="HH:MM-HH:MM", help="Working hours: 09:00-17:00.")
)
def anchors(**given: Any) -> None:
    """Guess where devices spend their nights (home) and their working hours (work)."""
    from cotrace.exposure.trajectory import anchors as ask

    hours = {name: _hours(given[name]) for name in ("night", "working") if given[name] is not None}
    run_query("anchors", given, lambda s, _: ask(s, as_ids(given["devices"]), **hours))  # type: ignore[arg-type]


@click.command(short_help="List every place that cases were at.")
@query_options(
    case_options,
    click.option("--lookback", metavar="DURATION", help="How far before as_of is looked at: 14d."),
    click.option("--min-dwell", metavar="DURATION", help="Leave shorter stays out; none unless said."),
)
def places(**given: Any) -> None:
    """List every place that cases were at, from, to: what an investigator takes to the cameras."""
    from cotrace.cli.build import read_cases
    from cotrace.exposure.trajectory import places as ask

    cases = read_cases(given["cases"]).frame
    run_query(
        "places",
        given,
        lambda s, _: ask(s, cases, as_of=given["as_of"], **_given(given, "lookback", "min_dwell")),
    )


@click.command(short_help="Find the devices that were at a place in a time.")
@query_options(
    click.option(
        "--place",
        required=True,
        metavar="FILE|IDS",
        help="GeoJSON; a table of places, started_at, finished_at and where; or cells (towers, names) with commas.",
    ),
    _start,
    _end,
    click.option(
        "--min-dwell", metavar="DURATION", help="Leave devices with less dwell out; none unless said."
    ),
    click.option("--place-crs", metavar="CRS", help="CRS of the place, where it is not WGS 84: gcj02."),
    click.option("--observed", is_flag=True, help="Read the pings once more to say what was observed."),
)
def visitors(**given: Any) -> None:
    """Find the devices that were at a place in a time, for how long, and whether that was observed."""
    from cotrace.exposure.around import head
    from cotrace.exposure.visitors import visitors as ask

    extra = _given(given, "start", "end", "min_dwell")
    run_query(
        "visitors",
        given,
        lambda s, pings: ask(
            s,
            _place(given["place"], head(s, "visitors")),
            pings=_observed(given, pings),
            tz=given["tz"],
            crs=given["place_crs"],
            **extra,
        ),
    )


def _observed(given: dict[str, Any], pings: Any) -> Any:
    """Return the pings where they are asked for."""
    from cotrace.errors import OptionError

    if given["observed"] and pings is None:
        raise OptionError("--observed reads the pings once more, and the input is a store: leave it out")
    return pings if given["observed"] else None


def _place(text: str, stays: Stays) -> Any:
    """Return a place as the library takes it: GeoJSON, a table, or ids of the cells' type."""
    from cotrace.exposure.asked import _FILES

    frame = read_frame(text)
    if frame != text or text.lower().endswith(_FILES):
        return frame
    parts = [part.strip() for part in text.split(",") if part.strip()]
    whole = str(stays.cells.values.type).endswith("int64")
    ids = [int(part) if whole and part.removeprefix("-").isdigit() else part for part in parts]
    return ids[0] if len(ids) == 1 else ids


_zone_options = (
    case_options,
    click.option("--units", metavar="FILE", help="Polygons with names that people live in, GeoJSON."),
    click.option(
        "--districts", metavar="FILE", help="Their districts, GeoJSON: precaution zones are the rest of them."
    ),
    click.option("--lookback", metavar="DURATION", help="How far before as_of is looked at: 14d."),
    click.option("--lockdown", metavar="DURATION", help="Dwell of cases that makes a lockdown zone: 8h."),
    click.option("--control", metavar="DURATION", help="Dwell of cases that makes a control zone: 30min."),
    click.option(
        "--rings", type=click.IntRange(0), metavar="N", help="Rings of neighbours in precaution: 1."
    ),
    click.option("--now", metavar="TIME", help="For whom is present; the latest as_of unless said."),
    _night,
)


def _drawn(stays: Stays, given: dict[str, Any]) -> Zones:
    from cotrace.cli.build import read_cases
    from cotrace.exposure.zones import zones as draw
    from cotrace.options import ZoneRule

    rule = ZoneRule(**_given(given, "lookback", "lockdown", "control", "rings"))
    extra = {"night": _hours(given["night"])} if given["night"] else {}
    return draw(
        stays,
        read_cases(given["cases"]).frame,
        read_frame(given["units"]),
        as_of=given["as_of"],
        rule=rule,
        districts=read_frame(given["districts"]),
        now=given["now"],
        **extra,  # type: ignore[arg-type]
    )


def _maps(drawn: Zones, folder: Path, k: int | None) -> list[str]:
    """Write the zones as GeoJSON and as GeoParquet."""
    text = json.dumps(drawn.to_geojson(k=k), ensure_ascii=False, indent=1)
    (folder / "zones.geojson").write_text(text + "\n", encoding="utf-8")
    drawn.to_geoparquet(folder / "zones_geo.parquet", k=k)
    return ["zones.geojson", "zones_geo.parquet"]


_suppress_options = (
    click.option(
        "--k", type=click.IntRange(1), metavar="N", help="Counts of fewer devices are not told: 16."
    ),
    click.option("--no-suppress", is_flag=True, help="Tell all counts: small ones tell of single devices."),
)


def _least(given: dict[str, Any]) -> int | None:
    """Return the least count that may be told; None: all are."""
    from cotrace.errors import OptionError
    from cotrace.privacy.counts import DEFAULT_K

    if not given["no_suppress"]:
        return given["k"] or DEFAULT_K
    if given["k"] is not None:
        raise OptionError("--k and --no-suppress contradict each other: leave one out")
    return None


@click.command(short_help="Count devices by cell and window.")
@query_options(
    click.option("--window", metavar="DURATION", help="Length of a window, aligned to the epoch: 1h."),
    *_suppress_options,
)
def occupancy(**given: Any) -> None:
    """Count devices and their dwell by cell and window; rows with few devices are left out.

    With them go as many others as it takes that totals by cell or by window do not give them back.
    """
    from cotrace.privacy.counts import ALL_TOLD, suppress
    from cotrace.tables import Table
    from cotrace.windows import occupancy as ask

    k = _least(given)

    def counted(stays: Stays) -> Table:
        found = ask(stays, **_given(given, "window"))
        return (
            Table(found.schema, found.to_arrow(), f"{ALL_TOLD} {found.note}")
            if k is None
            else suppress(found, k)
        )

    run_query("occupancy", given, lambda s, _: counted(s))


@click.command(short_help="Draw lockdown, control and precaution zones.")
@query_options(*_zone_options, *_suppress_options)
def zones(**given: Any) -> None:
    """Draw lockdown, control and precaution zones from the cases' dwell, and list the devices that they concern.

    A folder gets zones (also as GeoJSON and GeoParquet, without small counts), zone_cases and zone_devices.
    """
    run_query("zones", given, lambda s, _: _drawn(s, given), partial(_maps, k=_least(given)))


@click.command(short_help="Say which zones can be lifted on a date.")
@query_options(
    *_zone_options,
    click.option("--events", required=True, metavar="FILE", help="Events: event, at[, zone, device]."),
    click.option("--on", required=True, metavar="DATE", help="The date asked: 2021-11-17."),
    click.option("--edition", type=click.Choice(["8th", "9th"]), help="Whose criteria (default: 8th)."),
)
def lift(**given: Any) -> None:
    """Draw the zones, and say which can be lifted on a date and what is missing for the others."""
    from cotrace.exposure.lifting import lift as ask

    extra = _given(given, "edition", "tz")
    run_query("lift", given, lambda s, _: ask(_drawn(s, given), given["events"], on=given["on"], **extra))


@click.command(short_help="List who is to be tested, by day.")
@query_options(
    *_zone_options,
    click.option("--capacity", required=True, type=click.IntRange(1), metavar="N", help="Tests a day."),
)
def screening(**given: Any) -> None:
    """Draw the zones, and list who is to be tested on which day, each once, in the order of risk."""
    from cotrace.exposure.elsewhere import read_devices
    from cotrace.exposure.screening import screening as ask

    known = None if given["device_table"] is None else read_devices(given["device_table"])
    whose = {**given, "device_table": None}  # the list has the persons itself
    run_query("screening", whose, lambda s, _: ask(_drawn(s, given), given["capacity"], devices=known))


@click.command(name="split-by-region", short_help="Put every listed device on one region's list.")
@query_options(
    _devices,
    click.option("--regions", required=True, metavar="FILE", help="Polygons with names, GeoJSON."),
    click.option("--outbreak", metavar="FILE", help="The area that devices left, GeoJSON."),
    click.option("--prefer", type=click.Choice(["home", "last_seen"]), help="What decides (default: home)."),
    _night,
)
def split_by_region(**given: Any) -> None:
    """Put every listed device on the list of the region in which it lives or was last seen, or on unknown."""
    from cotrace.errors import OptionError
    from cotrace.exposure.regions import split_by_region as ask

    if given["devices"] is None:
        raise OptionError("--devices is missing: the list that is to be split")
    extra: dict[str, Any] = {"night": _hours(given["night"])} if given["night"] else {}
    if given["prefer"] is not None:
        extra["by"] = given["prefer"]
    run_query(
        "split-by-region",
        given,
        lambda s, _: ask(
            s,
            as_ids(given["devices"]),
            read_frame(given["regions"]),
            outbreak=read_frame(given["outbreak"]),
            **extra,
        ),
    )


COMMANDS = (trajectory, anchors, places, visitors, occupancy, zones, lift, screening, split_by_region)
