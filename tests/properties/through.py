"""Take a made world through cotrace, and say where its answer differs from the oracle's."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute
from tests import naive
from tests.naive import Case, Making, Rule
from tests.properties.worlds import World

import cotrace

#: half an hour off: windows are aligned to the epoch, not to local hours
ZONE = "Asia/Kolkata"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TABLES = ("companions", "evidence", "funnel", "coverage")


# ---- what goes in ----------------------------------------------------------------------------------------


def instants(seconds: list[Any], zone: str = "UTC") -> pa.Array:
    """Return unix seconds as timestamps; None stays null."""
    micros = [None if s is None else round(s * 1_000_000) for s in seconds]
    return pa.array(micros, pa.int64()).cast(pa.timestamp("us", tz=zone))


def arrow_pings(rows: list[tuple[Any, ...]], by_tower: bool, clock: str = "number") -> pa.Table:
    """Return rows of pings as an Arrow table."""
    names = ["device", "time", "tower"] if by_tower else ["device", "time", "x", "y"]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    if clock == "instant":
        return pa.table({**columns, "time": instants(columns["time"], ZONE)})
    return pa.table(columns)


def in_form(table: pa.Table, form: str) -> Any:
    """Return an Arrow table as what a caller may hold."""
    if form == "pandas":
        return table.to_pandas()
    if form == "polars":
        return pl.from_arrow(table)
    if form == "dict":
        numpy = {name: table[name].combine_chunks() for name in table.column_names}
        return {
            name: column if pa.types.is_timestamp(column.type) else column.to_numpy(zero_copy_only=False)
            for name, column in numpy.items()
        }
    return table


def rule_of(rule: Rule) -> cotrace.CompanionRule:
    """Return the oracle's rule as cotrace's."""
    durations = {
        name: None if getattr(rule, name) is None else f"{getattr(rule, name)}s"
        for name in ("min_shared", "min_cumulative", "lookback", "per")
    }
    return cotrace.CompanionRule(
        **durations, dwell_of=rule.dwell_of, strict=rule.strict, shared=rule.shared, combine=rule.combine
    )


def options_of(making: Making) -> cotrace.StayOptions:
    """Return how stays are made as cotrace's options."""
    return cotrace.StayOptions(
        grid=None if making.cell_m is None else cotrace.Grid.planar(making.cell_m),
        by="tower" if making.cell_m is None else "grid",
        max_gap=f"{making.max_gap}s",
        fill=making.fill,
        smooth=None if making.smooth is None else cotrace.PingPong(within=f"{making.smooth}s"),
    )


def cases_of(cases: list[Case], form: str = "arrow") -> tuple[Any, dict[str, Any]]:
    """Return cases as ids with one ``as_of`` where that says it all, else as a frame; and the keywords."""
    plain = all(c.infectious_from is None and c.isolated_at is None for c in cases)
    moments = {c.as_of for c in cases}
    if plain and len(moments) == 1:
        return [c.device for c in cases], {"as_of": EPOCH + timedelta(seconds=moments.pop())}
    columns = {"device": pa.array([c.device for c in cases]), "as_of": instants([c.as_of for c in cases])}
    if not plain:
        columns["infectious_from"] = instants([c.infectious_from for c in cases])
        columns["isolated_at"] = instants([c.isolated_at for c in cases])
    return in_form(pa.table(columns), "arrow" if form == "dict" else form), {}


# ---- what comes out --------------------------------------------------------------------------------------


def rows_of(table: Any) -> list[dict[str, Any]]:
    """Return a table of cotrace as rows, instants as unix seconds."""
    arrow = table.to_arrow()
    columns = {}
    for name in arrow.column_names:
        column = arrow[name]
        if pa.types.is_timestamp(column.type):
            micros = column.cast(pa.timestamp("us", tz=column.type.tz)).cast(pa.int64()).to_pylist()
            columns[name] = [
                m if m is None else m / 1_000_000 if m % 1_000_000 else m // 1_000_000 for m in micros
            ]
        else:
            columns[name] = column.to_pylist()
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def difference(name: str, expected: list[dict[str, Any]], got: list[dict[str, Any]]) -> str | None:
    """Say where two lists of rows differ first, or None."""
    if expected == got:
        return None
    for number, (one, two) in enumerate(zip(expected, got, strict=False)):
        if one != two:
            keys = [key for key in {**one, **two} if one.get(key, "absent") != two.get(key, "absent")]
            wanted, had = ({key: row.get(key, "absent") for key in keys} for row in (one, two))
            return f"{name} row {number}: expected {wanted}, got {had}"
    more = expected[len(got) :] or got[len(expected) :]
    return f"{name}: expected {len(expected)} rows, got {len(got)}; first of the rest: {more[0]}"


def counts_of(counts: Any) -> dict[str, int]:
    """Return what was counted of the rows of pings."""
    names = ("rows", "used", "collapsed", "conflicts", "relabelled")
    return {**{name: getattr(counts, name) for name in names}, "refused": counts.n_refused}


def find(world: World, *, threads: int = 1, pings: Any = None) -> Any:
    """Run find_companions over a world, or over other pings (or stays) with its cases and rule."""
    source = read(world, threads=threads) if pings is None else pings
    cases, keywords = cases_of(world.cases, world.form)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.find_companions(
            source,
            cases,
            rule=rule_of(world.rule),
            options=options_of(world.making),
            threads=threads,
            **keywords,
        )


def read(world: World, *, threads: int = 1) -> Any:
    """Return a world's pings as a source; for several threads in the order of time, and in pieces to share out."""
    table = arrow_pings(world.pings, world.by_tower, world.clock)
    keywords = {"unit": "s"} if world.clock == "number" else {}
    if threads == 1:
        return cotrace.read_pings(in_form(table, world.form), **keywords)
    table = table.take(pa.compute.sort_indices(table, [("time", "ascending")]))
    size = max(1, table.num_rows // 7)
    pieces = [table.slice(at, size) for at in range(0, max(1, table.num_rows), size)]
    return cotrace.read_pings(pieces, **keywords)


def check(world: World, *, threads: int = 1) -> tuple[list[str], naive.Tracks, naive.Answer]:
    """Compare every table of a world with the oracle's; return the differences and the oracle's answer."""
    tracks = naive.tracks(world.pings, world.making)
    walked = naive.World(tracks, world.making)
    answer = naive.answer_of(walked, world.cases, world.rule)
    found = find(world, threads=threads)
    wrong = [difference(name, getattr(answer, name), rows_of(getattr(found, name))) for name in TABLES]
    counted = {name: getattr(tracks, name) for name in counts_of(found.counts)}
    wrong.append(difference("counts", [counted], [counts_of(found.counts)]))
    wrong += check_stays(world, walked, answer, threads)
    return [text for text in wrong if text], tracks, answer


def check_stays(world: World, walked: naive.World, answer: naive.Answer, threads: int) -> list[str | None]:
    """Compare stays and occupancy, and what is found from stays instead of pings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stays = cotrace.find_stays(
            read(world, threads=threads), options=options_of(world.making), threads=threads
        )
        crowded = rows_of(cotrace.occupancy(stays, window="1h"))
    names = ("device", "cell", "started_at", "finished_at")
    expected = [
        dict(zip(names, (d, naive.packed(c), a, b), strict=True)) for d, c, a, b in naive.stays(walked.where)
    ]
    wrong = [difference("stays", expected, rows_of(stays))]
    columns = ("cell", "window_started_at", "devices", "dwell_s")
    wanted = [(naive.packed(c), *rest) for c, *rest in naive.occupancy(walked.where, naive.HOUR)]
    got = [{name: row[name] for name in columns} for row in crowded]
    wrong.append(difference("occupancy", [dict(zip(columns, row, strict=True)) for row in wanted], got))
    found = find(world, threads=threads, pings=stays)
    unknown = {"pings": None, "median_gap_s": None, "longest_gap_s": None}
    for name in TABLES:
        rows = getattr(answer, name)
        if name == "coverage":
            rows = [{**row, **unknown} for row in rows]
        wrong.append(difference(f"{name} from stays", rows, rows_of(getattr(found, name))))
    return wrong
