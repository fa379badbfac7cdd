"""How long the queries on where devices were take, after the stays of a made city are in memory.

    python benchmarks/make_pings.py --rows 10_000_000 --out bench-data/10m
    python benchmarks/exposure_places.py bench-data/10m [--json]

A line a query: the median of some calls after a first, and the bar where there is one. It fails when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import shapely

import cotrace

DAY = datetime(2021, 11, 3, 8, tzinfo=UTC)
AS_OF = DAY + timedelta(days=9)

Query = Callable[[], object]
#: name -> (milliseconds that are asked for, or None; makes the query)
QUERIES: dict[str, tuple[float | None, Callable[[cotrace.Stays], Query]]] = {}


def query(name: str, bar_ms: float | None = None) -> Callable[[Any], Any]:
    def add(make: Callable[[cotrace.Stays], Query]) -> Callable[[cotrace.Stays], Query]:
        QUERIES[name] = bar_ms, make
        return make

    return add


def ids(stays: cotrace.Stays, n: int) -> list[Any]:
    return list(stays.devices[:n].to_pylist())


@query("one trajectory", 5)
def trajectory(stays: cotrace.Stays) -> Query:
    one = stays.devices[len(stays.devices) // 3].as_py()
    return lambda: cotrace.trajectory(stays, one)


@query("visitors of one polygon-hour", 50)
def polygon_hour(stays: cotrace.Stays) -> Query:
    busiest = int(np.bincount(stays.rows[:, 1]).argmax())
    cell = stays.grid.polygon(stays.cells.values[busiest].as_py())
    place = cell.centroid.buffer(1.5 * (cell.bounds[2] - cell.bounds[0]))
    return lambda: cotrace.visitors(stays, place, DAY, DAY + timedelta(hours=1))


@query("visitors of 4,000 cell-hours")
def many(stays: cotrace.Stays) -> Query:
    rng = np.random.default_rng(1)
    cells = stays.cells.values.to_numpy()[rng.integers(0, len(stays.cells.values), 4000)]
    start = int(DAY.timestamp()) + rng.integers(0, 10 * 86_400, 4000)
    table = {"cell": cells, "start": start, "end": start + 3600}
    return lambda: cotrace.visitors(stays, table, unit="s")


@query("anchors of all devices")
def anchors(stays: cotrace.Stays) -> Query:
    return lambda: cotrace.anchors(stays)


@query("places of 100 cases")
def places(stays: cotrace.Stays) -> Query:
    cases = ids(stays, 100)
    return lambda: cotrace.places(stays, cases, as_of=AS_OF)


@query("zones of 100 cases")
def zones(stays: cotrace.Stays) -> Query:
    cases = ids(stays, 100)
    return lambda: cotrace.zones(stays, cases, as_of=AS_OF)


@query("regions of 10,000 devices")
def regions(stays: cotrace.Stays) -> Query:
    x0, y0, x1, y1 = shapely.total_bounds(stays.grid.polygon(stays.cells.values.to_numpy()))
    wide, high = (x1 - x0) / 4, (y1 - y0) / 4
    areas = {
        f"{i}-{j}": shapely.box(x0 + i * wide, y0 + j * high, x0 + (i + 1) * wide, y0 + (j + 1) * high)
        for i in range(4)
        for j in range(4)
    }
    listed = ids(stays, 10_000)
    return lambda: cotrace.split_by_region(stays, listed, areas)


def timed(run: Query, calls: int = 7) -> float:
    run()
    took = []
    for _ in range(calls):
        started = time.perf_counter()
        run()
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="what make_pings.py made")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    stays = cotrace.find_stays(cotrace.read_pings(args.folder / "pings"))
    found = {"pings": stays.counts.rows, "stays": len(stays), "devices": len(stays.devices), "ms": {}}
    missed = []
    for name, (bar, make) in QUERIES.items():
        took = timed(make(stays))
        found["ms"][name] = round(took, 2)
        if not args.json:
            print(f"{name:32} {took:9.2f} ms" + (f"   (asked: {bar:g} ms)" if bar else ""))
        if bar is not None and took > bar:
            missed.append(name)
    if args.json:
        print(json.dumps(found, indent=2))
    if missed:
        sys.exit(f"too slow: {', '.join(missed)}")


if __name__ == "__main__":
    main()
