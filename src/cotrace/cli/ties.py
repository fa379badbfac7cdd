"""The commands of ties: common sources, significance, travelling together."""

from __future__ import annotations

from typing import Any

import click

from cotrace.cli.meetings import _cases, _contacts, _reported, _table, _with_evidence
from cotrace.cli.query import case_options, query_options, run_query

__all__ = ["COMMANDS"]

_min_shared = click.option(
    "--min-shared", metavar="DURATION", help="Least length of a meeting in one cell: 10min."
)
_chance = (
    click.option(
        "--alike",
        type=click.Choice(["weekend", "weekday", "any"]),
        help="Days that chance may exchange (default: weekend, apart from the others).",
    ),
    click.option("--draws", type=click.IntRange(1), metavar="N", help="Orders of days that are drawn: 999."),
    click.option("--seed", type=click.IntRange(0), metavar="N", help="Of the random orders: 0."),
)


def _given(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in (*names, "threads") if given.get(name) is not None}


@click.command(
    name="common-sources", short_help="Find who several cases met when they can have been infected."
)
@query_options(
    click.option("--cases", required=True, metavar="FILE", help="Cases, CSV or Parquet: device, onset."),
    click.option(
        "--incubation",
        nargs=2,
        metavar="SHORTEST LONGEST",
        help="Times from infection to onset that are possible: 1d 14d.",
    ),
    _min_shared,
    click.option("--min-cases", type=click.IntRange(1), metavar="N", help="Fewest cases that were met: 2."),
    click.option("--findings", metavar="FILE", help="What is put beside the rows: device, symptoms, test."),
    _contacts,
    *_chance,
)
def common_sources(**given: Any) -> None:
    """Find the devices and places that several cases met at times that fit their onsets.

    Ranked by how many cases each explains, and how unlikely that is by chance and habit. A folder gets sources,
    source_meetings and source_places.
    """
    from cotrace.exposure.sources import common_sources as ask

    named = _given(given, "incubation", "min_shared", "min_cases", "alike", "draws", "seed")
    findings = None if given["findings"] is None else _table("findings", given["findings"])
    run_query(
        "common-sources",
        given,
        lambda s, _: _with_evidence(
            ask(s, _cases(given), findings=findings, contacts=_reported(given), **named)
        ),
    )


@click.command(short_help="Say how many meetings of pairs chance would give.")
@query_options(
    click.option("--pairs", required=True, metavar="FILE", help="Pairs, CSV or Parquet: a, b."),
    click.option("--start", metavar="TIME", help="Start of the time that counts, with its offset."),
    click.option("--end", metavar="TIME", help="End of the time that counts, with its offset."),
    _min_shared,
    _contacts,
    *_chance,
)
def significance(**given: Any) -> None:
    """Say how many meetings chance would give pairs of devices, crowds and habits being what they are.

    The pings are those of everybody: the crowds are counted from them. A folder gets significance and
    significant_meetings.
    """
    from cotrace.exposure.significance import significance as ask

    named = _given(given, "start", "end", "min_shared", "alike", "draws", "seed")
    pairs = _table("pairs", given["pairs"])
    run_query(
        "significance",
        given,
        lambda s, _: _with_evidence(ask(s, pairs, contacts=_reported(given), **named)),
    )


@click.command(name="co-travel", short_help="Find who went the same way as cases: the same train.")
@query_options(
    case_options,
    click.option("--lookback", metavar="DURATION", help="How far before as_of is looked at: 14d."),
    click.option("--min-shared", metavar="DURATION", help="Least time together along the way: 10min."),
    click.option(
        "--tolerance", metavar="DURATION", help="By how much their times in a cell may miss each other: 5min."
    ),
    click.option("--min-cells", type=click.IntRange(2), metavar="N", help="Fewest cells of a way: 3."),
    click.option(
        "--min-match", type=float, metavar="SHARE", help="Share of the cells that both are seen in: 0.5."
    ),
    click.option("--max-break", metavar="DURATION", help="A longer stop or silence ends a ride: 15min."),
)
def co_travel(**given: Any) -> None:
    """Find the devices that passed the same cells as cases, in the same order at the same times.

    From pings, not from stays; as_of may be left out, and all of the data are looked at then. A folder gets co_travel
    and rides.
    """
    from cotrace.cli.build import stay_options
    from cotrace.exposure.travel import co_travel as ask

    names = ("as_of", "lookback", "min_shared", "tolerance", "min_cells", "min_match", "max_break")
    run_query(
        "co-travel",
        given,
        lambda _, pings: ask(
            pings, _cases(given), options=stay_options(given, None, pings), **_given(given, *names)
        ),
        from_pings=True,
    )


COMMANDS = (common_sources, significance, co_travel)
