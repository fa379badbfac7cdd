"""Eight readers and one writer on one store: each read is one whole version.

``python -m tests.store.many --seconds 600 --out docs/store-durability.json``

The writer takes in days, late files, forgets the oldest day and compacts, and writes down for each version what
``find_stays`` makes of all pings that count by then. Each reader reads everything again and again, and writes down
which version it read and what it found. At the end these are compared.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.store import acts, record, store_acts

BAD = ("other", "unknown_version", "errors", "lost")
DAYS_KEPT = 5


def reads(root: Path, out: Path, until: float, number: int) -> None:
    """Read everything until it is time; one line a read."""
    from cotrace.store.store import Store

    with out.open("w") as lines:
        try:
            store = Store(root, threads=1, create=False)
            while time.time() < until:
                version = store.refresh().version
                if number % 2:  # what was opened stays what it is while others write
                    time.sleep(0.05)
                print(json.dumps([version, store_acts.digest(store.stays())]), file=lines)
            store.close()
        except Exception as error:
            print(json.dumps(["error", f"{type(error).__name__}: {error}"]), file=lines)
            raise


def writes(root: Path, out: Path, until: float) -> None:
    """Change the store until it is time; one line a version, with what ``find_stays`` says of it."""
    import cotrace

    parts: list[Any] = []
    number = 0
    with out.open("w") as lines, store_acts.opened(root) as store:
        while time.time() < until:
            turn = number % 3
            day = number // 3
            if turn < 2:
                parts.append((max(day - turn, 0), turn == 1))
                store.ingest(store_acts.pings(*parts[-1]))
            elif day >= DAYS_KEPT:
                edge = day - DAYS_KEPT + 1
                parts = [part for part in parts if part[0] >= edge]
                store.forget(before=store_acts.FIRST + edge * store_acts.DAY)
            else:
                store.compact(keep=1)
            number += 1
            truth = store_acts.digest(cotrace.find_stays(_all(parts)))
            if truth != store_acts.digest(store.stays()):
                print(
                    json.dumps(["error", f"version {store.version} is not what find_stays says"]), file=lines
                )
            print(json.dumps([store.version, truth]), file=lines)


def _all(parts: list[tuple[int, bool]]) -> Any:
    """Return all pings of these files in one."""
    import numpy as np

    import cotrace

    columns = [store_acts.columns(*part) for part in parts]
    return cotrace.read_pings(
        {name: np.concatenate([c[name] for c in columns]) for name in columns[0]}, unit="s"
    )


def run(seconds: float, readers: int, where: Path) -> Counter[str]:
    """Let them all run, and compare what they wrote down."""
    fork = multiprocessing.get_context("fork")
    root = where / "store"
    until = time.time() + seconds
    writer = fork.Process(target=writes, args=(root, where / "w", until))
    writer.start()
    while not (root / "manifest.sqlite").exists():
        time.sleep(0.05)
    others = [fork.Process(target=reads, args=(root, where / f"r{i}", until, i)) for i in range(readers)]
    for process in others:
        process.start()
    for process in [writer, *others]:
        process.join()
    return compared(where, readers)


def compared(where: Path, readers: int) -> Counter[str]:
    """Hold what readers found to what the writer says of these versions."""
    found: Counter[str] = Counter(errors=0)
    truth: dict[int, str] = {}
    for version, digest in map(json.loads, (where / "w").read_text().splitlines()):
        if version == "error":
            print(digest)
            found["errors"] += 1
        else:
            truth[version] = digest
    found["versions"] = len(truth)
    seen = set()
    for number in range(readers):
        lines = (where / f"r{number}").read_text().splitlines()
        found["lost"] += not lines  # a reader that read nothing shows nothing
        for version, digest in map(json.loads, lines):
            found["reads"] += 1
            if version == "error":
                print(digest)
                found["errors"] += 1
            elif version in truth:
                found["whole" if digest == truth[version] else "other"] += 1
                seen.add(version)
            else:  # before the first ingest there is nothing; all else is written down
                found["before_the_first" if version == 0 else "unknown_version"] += 1
    found["versions_read"] = len(seen)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--where", help="a folder to work in")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    acts.warmed()
    start = time.time()
    with tempfile.TemporaryDirectory(dir=given.where) as where:
        found = {"store": run(given.seconds, given.readers, Path(where))}
    section = record.of_counts("readers and one writer", found, BAD, start, readers=given.readers)
    return 1 if record.put(given.out, "readers_and_writer", section) else 0


if __name__ == "__main__":
    raise SystemExit(main())
