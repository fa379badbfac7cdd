"""The targets of speed and memory, and what was measured of each."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from common import number
from measure import BUSY, FEWEST_ROUNDS, busy_share, counted, middle, ratio

GIB = 2**30
Results = dict[str, dict[str, Any]]


class Measured(NamedTuple):
    """A value, its rounds, and the result that it is from."""

    value: float
    rounds: int
    of: dict[str, Any]


class Target(NamedTuple):
    """What is aimed at: words, limit, whether the value has to be at least that, unit, and how it is found."""

    says: str
    limit: float
    at_least: bool
    unit: str
    find: Callable[[Results], Measured | None]


def companions(
    label: str, find: Callable[[dict[str, Any], dict[str, Any]], float | None]
) -> Callable[[Results], Measured | None]:
    """Return what finds a value in the comparison of a label."""

    def found(results: Results) -> Measured | None:
        result = results.get(f"companions-{label}")
        if result is None or not result["equal"]:
            return None
        value = find(result, results)
        return None if value is None else Measured(value, len(counted(result["runs"], "cotrace")), result)

    return found


def times(tool: str, label: str) -> Callable[[Results], Measured | None]:
    """Return what finds a tool's wall time divided by cotrace's."""
    return companions(label, lambda result, _: ratio(result["runs"], tool, "cotrace", "wall_s"))


def of_decoding(result: dict[str, Any], _: Results) -> float | None:
    """Return the CPU time divided by that of decoding."""
    return ratio(result["runs"], "cotrace", "decoding", "cpu_s")


def peak(result: dict[str, Any], _: Results) -> float:
    """Return the peak memory."""
    return middle(result["runs"], "cotrace", "peak_bytes") / GIB


def than_100m(result: dict[str, Any], results: Results) -> float | None:
    """Return the time divided by that of 100 million pings, which were measured at another time."""
    smaller = results.get("companions-100m")
    if smaller is None:
        return None
    return middle(result["runs"], "cotrace", "wall_s") / middle(smaller["runs"], "cotrace", "wall_s")


def variant(name: str, what: str = "wall", least: int = 0) -> Callable[[Results], Measured | None]:
    """Return what finds a value of a variant, from the most pings that it was measured on, ``least`` at least."""

    def found(results: Results) -> Measured | None:
        sizes = [r for key, r in results.items() if key.startswith("variants-") and r["rows"] >= least]
        for result in sorted(sizes, key=lambda r: -r["rows"]):
            line = result["variants"].get(name)
            if line and what in line and line.get("equal") is not False:
                value = line[what] / (GIB if what == "peak_bytes" else 1)
                return Measured(value, len(counted(line["runs"], "variant")), line)
        return None

    return found


def first_call(results: Results) -> Measured | None:
    """Return how much longer the first call ever takes than a later one."""
    result = results.get("startup")
    if result is None or "calls" not in result:
        return None
    first, later = result["calls"].values()
    return Measured(median(a - b for a, b in zip(first, later, strict=True)), len(first), result)


def faster(says: str, tool: str, label: str, limit: float) -> Target:
    """Return a target of being so many times faster than another tool."""
    return Target(says, limit, True, "×", times(tool, label))


TARGETS = (
    faster("200 M pings, 100 cases, wall: DuckDB ÷ cotrace", "duckdb", "200m", 10),
    faster("200 M pings, 100 cases, wall: Polars ÷ cotrace", "polars", "200m", 12),
    faster("100 M pings, 100 cases, wall: DuckDB ÷ cotrace", "duckdb", "100m", 8),
    faster("100 M pings, 100 cases, wall: Polars ÷ cotrace", "polars", "100m", 9),
    faster("100 M pings, 1,000 cases, wall: DuckDB ÷ cotrace", "duckdb", "100m-1000cases", 12),
    faster("10 M pings, wall: DuckDB ÷ cotrace", "duckdb", "10m", 3),
    faster("1 M pings, wall: DuckDB ÷ cotrace", "duckdb", "1m", 0.8),
    Target(
        "100 M pings, CPU: cotrace ÷ decoding the same columns",
        1.6,
        False,
        "×",
        companions("100m", of_decoding),
    ),
    Target("1 billion pings, 100 cases: peak memory", 3, False, "GiB", companions("1b", peak)),
    Target("1 billion pings, 100 cases: time ÷ time at 100 M", 11, False, "×", companions("1b", than_100m)),
    Target("evidence written too", 1.4, False, "×", variant("evidence")),
    Target('`fill="same_cell"`', 1, False, "×", variant("same_cell")),
    Target("lon/lat instead of x/y", 1.2, False, "×", variant("lonlat")),
    Target("string ids instead of integers", 2, False, "×", variant("string")),
    Target("tower ids with a table", 1, False, "×", variant("tower")),
    Target("100 cases with 100 moments `as_of` spread over two months", 1.3, False, "×", variant("as_of")),
    Target("rows in random order, sorted in memory", 2.5, False, "×", variant("shuffled")),
    Target("rows in random order, spilled", 5, False, "×", variant("spilled")),
    Target("rows in random order, spilled: peak memory", 4, False, "GiB", variant("spilled", "peak_bytes")),
    Target("first call ever, nothing cached, more than a later one", 5, False, "s", first_call),
    Target(
        "100 M pings, stays of everybody kept (`find_stays`) ÷ the companion query",
        2,
        False,
        "×",
        variant("stays", least=100_000_000),
    ),
    Target("stays of everybody kept: bytes a stay", 16, False, "bytes", variant("stays", "bytes_a_stay")),
)


def is_met(target: Target, value: float) -> bool:
    """Whether a value is on the right side of the limit."""
    return value >= target.limit if target.at_least else value <= target.limit


def busy(runs: list[dict[str, Any]]) -> str:
    """Say that a machine had other work during the runs; empty when it had not."""
    share = busy_share(runs)
    return f"undecided: {share:.0%} of the machine was others'" if share > BUSY else ""


def doubt(runs: list[dict[str, Any]], job: str) -> str:
    """Say why runs decide nothing about a target; empty when they do."""
    return "too few rounds" if len(counted(runs, job)) < FEWEST_ROUNDS else busy(runs)


def pings_of(found: Measured) -> str:
    """Say how many pings a value was measured on."""
    return f"{number(found.of['data']['made_rows'] / 1e6)} M"


def row(target: Target, results: Results) -> list[str]:
    """Return the row of a target: words, limit, value, verdict, pings, rounds, day."""
    limit = f"{'≥' if target.at_least else '≤'} {target.limit:g} {target.unit}"
    found = target.find(results)
    if found is None:
        return [target.says, limit, "not measured", "", "", "", ""]
    verdict = "met" if is_met(target, found.value) else "**missed**"
    if found.rounds < FEWEST_ROUNDS:
        verdict = "too few rounds"
    elif isinstance(found.of["runs"], list) and target.unit == "×":
        verdict = busy(found.of["runs"]) or verdict
    day = found.of.get("finished_at", "")[:10]
    return [
        target.says,
        limit,
        f"{found.value:.3g} {target.unit}",
        verdict,
        pings_of(found),
        str(found.rounds),
        day,
    ]
