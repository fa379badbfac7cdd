"""The options of the commands: the parameters of the Python functions, with dashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

__all__ = ["PRESET_IDS", "StrictCommand", "input_options", "rule_options", "stay_options"]

F = TypeVar("F", bound=Callable[..., Any])
STRICT = ("both", "shared", "cumulative", "no")
#: As in :data:`cotrace.presets.PRESETS`, which is too heavy to load for ``--help``.
PRESET_IDS = ("chongqing_2021", "chengdu_2021", "changsha_2021", "cdc_2020_10", "korea_itaewon_2020")


class StrictCommand(click.Command):
    """A command with ``--strict`` alone or ``--strict=shared``: a path after the bare word is no value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write a bare ``--strict`` out, then parse."""
        end = args.index("--") if "--" in args else len(args)
        for i, word in enumerate(args[:end]):
            if word == "--strict" and (i + 1 == len(args) or args[i + 1] not in STRICT):
                args[i] = "--strict=both"
        return super().parse_args(ctx, args)


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def _column(name: str, what: str) -> Callable[[F], F]:
    return click.option(f"--{name}", metavar="COLUMN", help=f"Column of {what}.")


input_options = _all(
    click.argument("paths", metavar="PATH...", nargs=-1, required=True),
    _column("device", "the device id"),
    _column("time", "the time"),
    click.option("--unit", metavar="s|ms|us|ns", help="Unit of times that are integers."),
    click.option(
        "--time-format",
        metavar="FORMAT",
        help="How times are written, where not in ISO 8601: %Y%m%d%H%M%S for 20211020000002.",
    ),
    click.option("--tz", metavar="ZONE", help="Time zone of times without one, such as Asia/Shanghai."),
    click.option(
        "--clock-change",
        type=click.Choice(["refuse", "earliest", "latest"]),
        help="Local times that a clock change repeats or leaves out: refuse them (default), or read them.",
    ),
    _column("lon", "the longitude, in degrees"),
    _column("lat", "the latitude, in degrees"),
    _column("x", "x, in metres"),
    _column("y", "y, in metres"),
    click.option("--tower", metavar="COLUMN", help="Column of the tower id, or two: lac,ci."),
    click.option(
        "--towers", metavar="FILE", help="Table of towers: tower, lon, lat[, radius_m, generation]."
    ),
    _column("accuracy", "the positions' accuracy, in metres"),
    click.option("--crs", metavar="CRS", help="CRS of x and y (EPSG:32648), or gcj02 for lon and lat."),
    click.option(
        "--errors",
        type=click.Choice(["collect", "raise"]),
        help="Rows that cannot be used: count and hand them back (default), or stop at the first.",
    ),
    click.option("--refused-cap", type=int, metavar="N", help="Refused rows that are kept; all are counted."),
)

stay_options = _all(
    click.option("--cell-m", type=float, metavar="METRES", help="Side of a cell, 800 unless said."),
    click.option("--origin", type=(float, float), metavar="DX DY", help="Shift the grid by metres."),
    click.option("--by", type=click.Choice(["grid", "tower"]), help="What a cell is (default: grid)."),
    click.option(
        "--max-gap", metavar="DURATION", help="Longest gap between two pings that is bridged: 75min."
    ),
    click.option(
        "--fill",
        type=click.Choice(["same_cell", "forward"]),
        help="Where a device is between two pings: in a cell only if both are in it (default for positions), "
        "or in the cell of the first. A tower log has no default.",
    ),
    click.option(
        "--smooth", metavar="DURATION|none", help="Smooth flapping between cells within, say, 5min."
    ),
    click.option("--threads", type=click.IntRange(1), metavar="N", help="Threads; all cores unless said."),
)

rule_options = _all(
    click.option(
        "--preset",
        metavar="ID",
        help=f"A published rule: {', '.join(PRESET_IDS)}. Options given beside it override its own.",
    ),
    click.option("--min-shared", metavar="DURATION", help="Shared time that is asked: 10min."),
    click.option("--min-cumulative", metavar="DURATION|none", help="Dwell in the cell that is asked: 30h."),
    click.option("--lookback", metavar="DURATION", help="How far before as_of is looked at: 14d."),
    click.option(
        "--dwell-of",
        type=click.Choice(["either", "both", "case", "companion", "pair"]),
        help="Whose dwell has to reach --min-cumulative (default: either).",
    ),
    click.option(
        "--strict",
        type=click.Choice(STRICT),
        metavar="[=WHICH]",
        help="Read thresholds as 'more than', not 'at least': --strict=no|shared|cumulative|both; --strict alone "
        "is both, and no takes away what a preset brings.",
    ),
    click.option(
        "--shared",
        type=click.Choice(["unbroken", "cumulative"]),
        help="What --min-shared is asked of: one episode (default), or the sum of all in the cell.",
    ),
    click.option(
        "--per", metavar="DURATION|none", help="With --shared cumulative: the sum inside any such span."
    ),
    click.option(
        "--combine", type=click.Choice(["and", "or"]), help="Whether both clauses must hold (default) or one."
    ),
)
