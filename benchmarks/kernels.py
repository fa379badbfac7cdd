"""How long a kernel takes for one element, on one core.

    python benchmarks/kernels.py [--json] [NAME...]

A line a kernel: nanoseconds an element, and the millions of elements a second that this makes; the best of many calls
with the tables made and the code compiled. Another kernel is another entry of :data:`KERNELS`: a function that makes
the input and returns how many elements a call has, and the call.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

import numpy as np

from cotrace.grid import Grid

#: Pings in a batch.
BATCH = 131_072
SECONDS = 0.5

Bench = tuple[int, Callable[[], object]]


def _within(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Random positions in a square of so many degrees that lies in China."""
    rng = np.random.default_rng(7)
    west, south = (115.9, 39.6) if degrees < 5 else (80.0, 18.0)
    return rng.uniform(west, west + degrees, BATCH), rng.uniform(south, south + degrees, BATCH)


def _cells(degrees: float, cell_m: float) -> Callable[[], Bench]:
    def make() -> Bench:
        lon, lat = _within(degrees)
        binner = Grid.geographic(cell_m).binner("lonlat")
        return BATCH, lambda: binner(lon, lat)

    return make


def _plane() -> Bench:
    x, y = (v * 100_000 for v in _within(0.7))
    binner = Grid.planar(800).binner("xy")
    return BATCH, lambda: binner(x, y)


def _utm_metres() -> Bench:
    rng = np.random.default_rng(7)
    x, y = rng.uniform(4e5, 5e5, BATCH), rng.uniform(4.3e6, 4.5e6, BATCH)
    binner = Grid.projected(800, crs="EPSG:32650").binner("xy", "EPSG:32650")
    return BATCH, lambda: binner(x, y)


def _utm_degrees() -> Bench:
    lon, lat = _within(0.7)
    binner = Grid.projected(800, crs="EPSG:32650").binner("lonlat")
    return BATCH, lambda: binner(lon, lat)


def _gcj02_back() -> Bench:
    from cotrace.geodesy import gcj02_to_wgs84

    lon, lat = _within(30.0)
    return BATCH, lambda: gcj02_to_wgs84(lon, lat)


def _tables() -> Bench:
    from cotrace.geodesy import row_columns, row_edges, row_limits

    first, last = row_limits(800)
    rows = np.arange(first, last + 1)
    return rows.size, lambda: (row_edges(rows, 800), row_columns(rows, 800))


KERNELS: dict[str, Callable[[], Bench]] = {
    "cells-city": _cells(0.7, 800),
    "cells-country": _cells(30.0, 800),
    "cells-earth-tables": _tables,
    "cells-6ft-city": _cells(0.7, 1.8288),
    "cells-plane": _plane,
    "cells-utm-metres": _utm_metres,
    "cells-utm-degrees": _utm_degrees,
    "gcj02-to-wgs84": _gcj02_back,
}


def measure(make: Callable[[], Bench]) -> float:
    """Nanoseconds an element: the best call of half a second."""
    n, call = make()
    call()  # compile, and make the tables
    best, end = float("inf"), time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best / n * 1e9


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(KERNELS)}; default: all")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.names if name not in KERNELS]
    if unknown:
        parser.error(f"no kernel is called {unknown[0]!r}; there are {', '.join(KERNELS)}")
    figures = {}
    for name in asked.names or KERNELS:
        figures[name] = round(measure(KERNELS[name]), 2)
        if not asked.json:
            print(f"{name:20} {figures[name]:8.2f} ns   {1e3 / figures[name]:8.1f} M/s", flush=True)
    if asked.json:
        print(json.dumps({"ns_per_element": figures}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
