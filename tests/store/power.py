"""Cut the power of a disk at random operations of a store's life, and look at what it comes back with.

``python -m tests.store.power --points 100 --out docs/store-durability.json``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.store import acts, disk, record, shim, stops

BAD = ("fewer", "broken", "not_mended", "left")


def told(state: Any) -> str:
    """Return a digest of a state."""
    return hashlib.sha256(json.dumps(state, sort_keys=True, default=str).encode()).hexdigest()


def live(journey: acts.Journey, root: Path) -> None:
    """Live through a store's life, and put into the shim's log what it promised at which moment."""
    for number, step in enumerate(journey.steps):
        step(root)
        shim.mark(f"{number} {told(journey.state(root))}")


class Life:
    """A recorded life: operations, and what was promised after each step."""

    def __init__(self, journey: acts.Journey, library: Path, where: Path) -> None:
        self.journey = journey
        self.root = str(where / "life")
        log = where / "log"
        arguments = ["--live", self.root, "--journey", journey.name]
        shim.run("tests.store.power", arguments, library, Path(self.root), log)
        self.operations = list(disk.operations(log.read_bytes()))
        self.promised = [op.path.split()[1] for op in self.operations if op.letter == "M"]
        shutil.rmtree(self.root)
        log.unlink()

    def cut(self, rng: random.Random, where: Path) -> Counter[str]:
        """Cut the power at a random operation, look, then go on with the step that was cut."""
        at = rng.randint(0, len(self.operations))
        store = disk.Disk(self.root)
        steps = 0
        for op in self.operations[:at]:
            steps += op.letter == "M"
            store.do(op)
        shutil.rmtree(where, ignore_errors=True)
        disk.put(store.crashed(rng), self.root, where)
        try:
            return Counter(stops.forked(lambda: self._looked(where, steps)))
        except stops.ChildError as error:
            print(f"operation {at}: {error}", file=sys.stderr)
            return Counter(points=1, broken=1)

    def _looked(self, root: Path, steps: int) -> Counter[str]:
        from cotrace.errors import StoreError

        found: Counter[str] = Counter(points=1)
        promised = self.promised[steps - 1] if steps else None
        following = self.promised[steps] if steps < len(self.promised) else None
        try:
            state = told(self.journey.state(root))
            found["last" if state == promised else "next" if state == following else "fewer"] += 1
        except StoreError as error:
            # before the store was made nothing was promised
            found["none_yet" if promised is None else "explicit_error"] += 1
            if promised is not None:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                return found
        if steps < len(self.promised):
            self.journey.steps[steps](root)
            found["not_mended"] += told(self.journey.state(root)) != following
            found["left"] += bool(self.journey.wrong(root))
        return found


def cuts(journey: acts.Journey, points: int, seed: int, where: Path, library: Path) -> Counter[str]:
    """Cut the power of one journey many times."""
    life = Life(journey, library, where)
    rng = random.Random(seed)
    found: Counter[str] = Counter(operations=len(life.operations))
    for number in range(points):
        found.update(life.cut(rng, where / "trial"))
        record.told(number, points)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="cuts of each journey")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--journey", help="one journey (all)")
    parser.add_argument("--live", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--where", help="a folder to work in")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    journeys = {journey.name: journey for journey in acts.journeys()}
    if given.live is not None:
        live(journeys[given.journey], given.live)
        return 0
    acts.warmed()
    start = time.time()
    found = {}
    with tempfile.TemporaryDirectory(dir=given.where) as where:
        library = shim.built(Path(where))
        if library is None:
            print("there is no C compiler: not done")
            return 0
        for name in [given.journey] if given.journey else journeys:
            found[name] = cuts(journeys[name], given.points, given.seed, Path(where), library)
    section = record.of_counts("loss of power, simulated", found, BAD, start, seed=given.seed)
    return 1 if record.put(given.out, "power_lost", section) else 0


if __name__ == "__main__":
    stops.leave(main())
