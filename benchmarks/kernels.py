"""How long each kernel takes for one element, on one core, beside a plain loop in the same run.

    python benchmarks/kernels.py [NAME...] [--record | --check]

A line a kernel: nanoseconds an element (the best of three rounds), and how many times the plain loop's time that is.
The loop mixes as many words as the kernel has elements. ``--record`` keeps the ratios in
``benchmarks/results/kernels.json``; ``--check`` names every kernel that is more than 1.3 times slower than its
recorded ratio and ends with 1 if there is one.

Another kernel is another entry of :data:`KERNELS`: the kernels that it times, joined by ``+`` (and after a colon what
on), and a function that makes the input. What is called is the thin wrapper of a kernel where there is one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

import kernel_inputs as given
from common import read_json, write_json
from kernel_lookups import LOOKUPS
from kernel_queries import QUERIES
from kernel_stages import STAGES, Bench
from kernel_store import STORE
from kernel_synth import SYNTH, Timed
from measure import BUSY, RESULTS, about_run, busy_s, describe_machine

RECORDED = RESULTS / "kernels.json"
SECONDS, ROUNDS = 0.15, 3
#: A kernel is named when it takes so many times what was recorded.
SLOWER = 1.3


def asked(make: Callable[[], Callable[[], object]]) -> Callable[[], Bench]:
    """Return what times a query, a stay."""
    return lambda: Bench(len(given.stays()), make())


def timed(make: Callable[[], Timed]) -> Callable[[], Bench]:
    """Return what times a part of a made city, or of the store."""
    return lambda: Bench(*make())


KERNELS: dict[str, Callable[[], Bench]] = dict(STAGES)
KERNELS |= {name: asked(make) for name, make in QUERIES.items()}
KERNELS |= {name: timed(make) for name, make in (SYNTH | STORE | LOOKUPS).items()}


@cache
def reference() -> Callable[[np.ndarray], int]:
    """Return the plain loop: every word mixed, and all of them summed up."""
    import numba

    @numba.njit
    def mixed(words: np.ndarray) -> int:
        total = np.uint64(0)
        for i in range(words.size):
            z = words[i] ^ total
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            total += z ^ (z >> np.uint64(31))
        return total

    return mixed


def best(bench: Bench) -> float:
    """Return the nanoseconds an element of the best of several calls."""
    shortest, spent = float("inf"), 0.0
    while spent < SECONDS:
        arguments = () if bench.fresh is None else (bench.fresh(),)
        start = time.perf_counter()
        bench.call(*arguments)
        took = time.perf_counter() - start
        shortest, spent = min(shortest, took), spent + took
    return shortest / bench.n * 1e9


def measure(name: str) -> tuple[float, float]:
    """Return a kernel's nanoseconds an element, and that divided by the loop's; the best of some rounds."""
    bench = KERNELS[name]()
    words, loop = np.arange(bench.n, dtype=np.uint64), reference()
    if bench.fresh is None:
        bench.call()  # compile, and make the tables
    else:
        bench.call(bench.fresh())
    loop(words)
    rounds = [(best(bench), best(Bench(bench.n, lambda: loop(words)))) for _ in range(ROUNDS)]
    own, plain = (min(values) for values in zip(*rounds, strict=True))
    return own, own / plain


def slower(found: dict[str, tuple[float, float]], recorded: dict[str, Any]) -> dict[str, float]:
    """Return the kernels that became slower, and how many times; a suspect is measured twice again."""
    named = {}
    for name, (_, ratio) in found.items():
        if name not in recorded:
            print(f"{name}: nothing is recorded to compare with")
            continue
        allowed = SLOWER * recorded[name]["ratio"]
        for _ in range(2):
            if ratio > allowed:
                ratio = min(ratio, measure(name)[1])
        if ratio > allowed:
            named[name] = ratio / recorded[name]["ratio"]
    return named


def share_of_others(since: tuple[float, float, float]) -> float:
    """Return the share of the cores that other processes had since (busy seconds, own CPU time, clock)."""
    busy, own, clock = busy_s() - since[0], time.process_time() - since[1], time.perf_counter() - since[2]
    return max(0.0, (busy - own) / clock / (os.cpu_count() or 1))


def arguments(given_arguments: list[str]) -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(KERNELS)}; default: all")
    parser.add_argument("--record", action="store_true", help="keep the ratios, to compare with from now on")
    parser.add_argument("--check", action="store_true", help="compare with the ratios that are kept")
    asked = parser.parse_args(given_arguments)
    if unknown := [name for name in asked.names if name not in KERNELS]:
        parser.error(f"no kernel is called {unknown[0]!r}; there are {', '.join(KERNELS)}")
    return asked


def main(given_arguments: list[str]) -> int:
    """Measure, print, and compare or keep."""
    asked = arguments(given_arguments)
    print(f"kernels, one core: {describe_machine()}")
    found: dict[str, tuple[float, float]] = {}
    since = busy_s(), time.process_time(), time.perf_counter()
    for name in asked.names or KERNELS:
        found[name] = measure(name)
        print(f"{name:52}{found[name][0]:9.2f} ns{found[name][1]:9.2f} times the loop", flush=True)
    if (others := share_of_others(since)) > BUSY:
        print(
            f"other processes had {others:.0%} of the cores: kernels that wait for memory suffer more than the loop"
        )
    recorded = (read_json(RECORDED) or {"kernels": {}})["kernels"]
    if asked.record:
        new = {name: {"ns": round(ns, 3), "ratio": round(ratio, 4)} for name, (ns, ratio) in found.items()}
        kept = {name: line for name, line in (recorded | new).items() if name in KERNELS}
        write_json(RECORDED, about_run() | {"kernels": kept})
    if not asked.check:
        return 0
    named = slower(found, recorded)
    for name, times in named.items():
        print(f"SLOWER: {name} takes {times:.2f} times what was recorded ({SLOWER} is allowed)")
    print(f"{len(found) - len(named)} of {len(found)} entries are as fast as recorded")
    return 1 if named else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
