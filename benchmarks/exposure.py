"""How long the exposure queries take, after the stays of a made city are in memory; and all its pairs, streamed.

    python benchmarks/make_pings.py --rows 10_000_000 --out bench-data/10m
    python benchmarks/exposure.py bench-data/10m [--json]

A line a query (those of ``exposure_places.py`` among them): the median of some calls after a first, and the bar where
there is one. Then one pass over all pairs: pairs and overlaps a second, and what it added to the memory. It fails when
a bar is missed. The bar of the best interval joins in public tables is 70 to 90 million overlaps a second and core.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cotrace
from common import peak_memory
from exposure_places import QUERIES, Query, ids, query, timed

BEST_JOIN = (70e6, 90e6)
HUNDRED = "of 100 cases"


def end_of(stays: cotrace.Stays) -> datetime:
    assert stays.span is not None
    return datetime.fromtimestamp(stays.span[1], UTC)


@query(f"contacts {HUNDRED}")
def contacts(stays: cotrace.Stays) -> Query:
    cases = ids(stays, 100)
    return lambda: cotrace.contacts(stays, cases, as_of=end_of(stays))


@query(f"tiers {HUNDRED}", 2000)
def tiers(stays: cotrace.Stays) -> Query:
    cases = ids(stays, 100)
    return lambda: cotrace.tiers(stays, cases, as_of=end_of(stays))


@query(f"rings to depth 3 {HUNDRED}", 5000)
def rings(stays: cotrace.Stays) -> Query:
    cases = ids(stays, 100)
    return lambda: cotrace.rings(stays, cases, as_of=end_of(stays), depth=3)


@query(f"rings to depth 3 {HUNDRED}, lag 1 h")
def rings_lag(stays: cotrace.Stays) -> Query:
    cases, rule = ids(stays, 100), cotrace.CompanionRule(min_cumulative=None, lag="1h")
    return lambda: cotrace.rings(stays, cases, as_of=end_of(stays), depth=3, rule=rule)


@query("common sources of 10 cases", 1000)
def common_sources(stays: cotrace.Stays) -> Query:
    onset = [end_of(stays) - timedelta(days=k % 3) for k in range(10)]
    cases = {"device": ids(stays, 10), "onset": onset}
    return lambda: cotrace.common_sources(stays, cases)


@query("significance of 100 pairs")
def significance(stays: cotrace.Stays) -> Query:
    listed = ids(stays, 200)
    return lambda: cotrace.significance(stays, list(zip(listed[::2], listed[1::2], strict=True)))


def all_pairs(stays: cotrace.Stays) -> dict[str, Any]:
    """Stream all pairs, and say what that took."""
    for _ in cotrace.pairs(stays._slice(1000)):
        pass  # kernels are compiled
    before = peak_memory()["peak_bytes"]
    began = time.perf_counter()
    found = cotrace.pairs(stays)
    for _ in found:
        pass
    took = time.perf_counter() - began
    return {
        **found.seen,
        "seconds": round(took, 3),
        "pairs_a_second": round(found.seen["pairs"] / took),
        "overlaps_a_second": round(found.seen["overlaps"] / took),
        "added_to_the_peak_bytes": peak_memory()["peak_bytes"] - before,
        "left_out": len(found.crowded),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="what make_pings.py made")
    parser.add_argument("--only", metavar="WORD", default="", help="queries whose name has this word in it")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    stays = cotrace.find_stays(cotrace.read_pings(args.folder / "pings"))
    found: dict[str, Any] = {"pings": stays.counts.rows, "stays": len(stays), "devices": len(stays.devices)}
    found["ms"], missed = {}, []
    for name, (bar, make) in QUERIES.items():
        if args.only not in name:
            continue
        took = timed(make(stays), 3)
        found["ms"][name] = round(took, 2)
        if not args.json:
            print(f"{name:36} {took:9.2f} ms" + (f"   (asked: {bar:g} ms)" if bar else ""))
        if bar is not None and took > bar:
            missed.append(name)
    if args.only in (name := "co-travel of 10 cases, from pings"):
        pings, cases = cotrace.read_pings(args.folder / "pings"), ids(stays, 10)
        found["ms"][name] = took = timed(lambda: cotrace.co_travel(pings, cases, as_of=end_of(stays)), 1)
        if not args.json:
            print(f"{name:36} {took:9.2f} ms")
    if args.only in "all pairs":
        found["pairs"] = one = all_pairs(stays)
        low, high = (one["overlaps_a_second"] / rate for rate in BEST_JOIN[::-1])
        if not args.json:
            print(
                f"all pairs: {one['pairs']:,} of {one['overlaps']:,} overlaps in {one['seconds']:.2f} s: "
                f"{one['pairs_a_second']:,} pairs and {one['overlaps_a_second']:,} overlaps a second "
                f"({low:.0%} to {high:.0%} of the best interval join), "
                f"{one['added_to_the_peak_bytes'] / 2**20:.0f} MiB more memory"
            )
    if args.json:
        print(json.dumps(found, indent=2))
    if missed:
        sys.exit(f"too slow: {', '.join(missed)}")


if __name__ == "__main__":
    main()
