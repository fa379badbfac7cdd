"""Kill what changes a store, at random moments and at every system call, and count what came of it.

``python -m tests.store.crash --points 200 --every 1 --out docs/store-durability.json``
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.store import acts, record, stops


def random_points(bases: list[stops.Base], points: int, seed: int) -> dict[str, Any]:
    """Kill each act in turn at random moments."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    start = time.time()
    for number, (name, one) in enumerate(stops.at_random(bases, points, seed)):
        found[name].update(one)
        record.told(number, points)
    return record.of_counts("SIGKILL at random moments", found, stops.BAD, start, seed=seed)


def every_call(bases: list[stops.Base], step: int) -> dict[str, Any]:
    """Kill each act at each of its system calls."""
    found: dict[str, Counter[str]] = {base.act.name: Counter() for base in bases}
    start = time.time()
    for base in bases:
        for number, one in enumerate(stops.at_every_call(base, step)):
            found[base.act.name].update(one)
            record.told(number, 0)
    return record.of_counts("SIGKILL at every system call", found, stops.BAD, start, step=step)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=200, help="random moments")
    parser.add_argument("--every", type=int, default=1, help="each how many-th system call; 0: none")
    parser.add_argument("--acts", nargs="*", help="names of acts (all)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--where", help="a folder to work in; one in memory is quicker, a kill does not mind")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    acts.warmed()
    with tempfile.TemporaryDirectory(dir=given.where) as where:
        bases = [stops.Base.of(act, Path(where)) for act in acts.named(given.acts)]
        bad = 0
        if given.points:
            bad += record.put(given.out, "killed_at_random", random_points(bases, given.points, given.seed))
        if given.every and stops.can_trace():
            bad += record.put(given.out, "killed_at_every_call", every_call(bases, given.every))
        elif given.every:
            print("system calls cannot be stopped at here: not done")
    return 1 if bad else 0


if __name__ == "__main__":
    stops.leave(main())
