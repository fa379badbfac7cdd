"""How right is it? One command that makes every figure of docs/accuracy.md, on made cities whose truth is known.

    python benchmarks/accuracy.py                     # all questions, about a quarter of an hour; then the page
    python benchmarks/accuracy.py --only fills edges  # some of them; the others stay as they were recorded
    python benchmarks/accuracy.py --quick             # small worlds, to see that it runs; nothing is recorded
    python benchmarks/accuracy.py --render            # the page alone, from what is recorded
    python benchmarks/accuracy.py --fit               # fit the calibration of certainty anew, on other cities

Results go to benchmarks/results/accuracy.json, the page and its pictures to docs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import accuracy_certainty
import accuracy_outbreak
import accuracy_page
import accuracy_rule
from accuracy_worlds import SEED, quiet
from common import read_json, write_json
from measure import RESULTS, about_run

RESULT = RESULTS / "accuracy.json"

#: how large worlds are: areas, sampled devices, cases, how often
SIZES = {
    "wide_km2": 400,
    "wide_devices": 3000,
    "town_km2": 100,
    "town_devices": 4000,
    "sweep_devices": 2500,
    "cases": 100,
    "fill_cases": 40,
    "shifts": 20,
    "certainty_km2": 49,
    "certainty_devices": 2500,
    "certainty_cases": 40,
    "outbreak_people": 4000,
    "outbreak_km2": 20,
    "screened": 10,
    "screened_cases": 60,
    "clusters": 200,
    "ring_km2": 49,
    "ring_cases": 8,
}
QUICK = SIZES | {
    "wide_km2": 36,
    "wide_devices": 400,
    "town_km2": 16,
    "town_devices": 400,
    "sweep_devices": 300,
    "cases": 20,
    "fill_cases": 10,
    "shifts": 5,
    "certainty_km2": 25,
    "certainty_devices": 500,
    "certainty_cases": 15,
    "outbreak_people": 2000,
    "outbreak_km2": 4,
    "screened": 3,
    "screened_cases": 20,
    "clusters": 10,
    "ring_km2": 4,
    "ring_cases": 2,
}

QUESTIONS: dict[str, Callable[[dict[str, int]], dict[str, Any]]] = {
    "generations": accuracy_rule.generations,
    "readings": accuracy_rule.readings,
    "fills": accuracy_rule.fills,
    "smoothing": accuracy_rule.smoothing,
    "filters": accuracy_rule.filters,
    "edges": accuracy_rule.edges,
    "certainty": accuracy_certainty.certainty,
    "screening": accuracy_outbreak.screening,
    "sources": accuracy_outbreak.sources,
    "rings": accuracy_outbreak.ring_sizes,
}


def ask(names: list[str], size: dict[str, int], path: Path) -> dict[str, Any]:
    """Ask questions one by one; what is answered is kept at once."""
    kept: dict[str, Any] = read_json(path) or {}
    for name in names:
        print(f"{name} ...", flush=True)
        began, spent = time.perf_counter(), time.process_time()
        answer = QUESTIONS[name](size)
        took, spent = round(time.perf_counter() - began, 1), round(time.process_time() - spent, 1)
        kept[name] = answer | {"seconds": took, "cpu_s": spent, "size": size, "seed": SEED, **about_run()}
        write_json(path, kept)
        print(f"{name}: {took} s", flush=True)
    return kept


def main() -> None:
    """Ask, record, render."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=QUESTIONS, default=list(QUESTIONS))
    parser.add_argument("--quick", action="store_true", help="small worlds; results go to --out")
    parser.add_argument("--out", type=Path, help="where results go instead of benchmarks/results")
    parser.add_argument(
        "--render", action="store_true", help="make the page of what is recorded, and nothing else"
    )
    parser.add_argument(
        "--fit", action="store_true", help="fit the calibration of certainty, and nothing else"
    )
    given = parser.parse_args()
    quiet()
    if given.fit:
        accuracy_certainty.fit(QUICK if given.quick else SIZES)
        return
    path = given.out or (Path("accuracy-quick.json") if given.quick else RESULT)
    if not given.render:
        ask(given.only, QUICK if given.quick else SIZES, path)
    if path == RESULT:
        accuracy_page.write(read_json(RESULT))


if __name__ == "__main__":
    main()
