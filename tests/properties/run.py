"""Compare many made worlds with the oracle, and write down what was compared.

``python -m tests.properties.run --worlds 100000 --seed 1 --processes 2 --out docs/worlds.json``
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import platform
import sys
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.properties import edges, through, worlds

import cotrace

PACKAGES = ("cotrace", "numpy", "numba", "pandas", "pyarrow", "polars")
CHUNK = 100
KEPT_MISMATCHES = 50


def compare(job: tuple[int, int, int]) -> Counter[Any]:
    """Compare worlds [first, last) of a seed; return what was counted, hits and mismatches by tuples."""
    seed, first, last = job
    found: Counter[Any] = Counter()
    for number in range(first, last):
        world = worlds.seeded(seed, number)
        found["pings"] += len(world.pings)
        try:
            wrong, tracks, answer = through.check(world, threads=1 + number % 2)
        except Exception as error:  # an error in one world must not end the run: it is a mismatch
            found["mismatch", number, f"{type(error).__name__}: {error}"] += 1
            continue
        found.update({("hit", edge): 1 for edge in edges.edges(world, tracks, answer)})
        found["with companions"] += bool(answer.companions)
        found["companions"] += len(answer.companions)
        found["evidence"] += len(answer.evidence)
        found.update({("mismatch", number, text): 1 for text in wrong})
    return found


def source_hash() -> str:
    """Return a hash of cotrace's own files, which says what code was compared."""
    root = Path(cotrace.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def record(arguments: argparse.Namespace, found: Counter[Any], seconds: float) -> dict[str, Any]:
    """Return what is written down of a run."""
    hits = {key[1]: n for key, n in found.items() if isinstance(key, tuple) and key[0] == "hit"}
    wrong = sorted(key[1:] for key in found if isinstance(key, tuple) and key[0] == "mismatch")
    return {
        "what": "made worlds, every table of cotrace compared with the oracle that walks single seconds",
        "command": f"python -m tests.properties.run --worlds {arguments.worlds} --seed {arguments.seed}",
        "worlds": arguments.worlds,
        "seed": arguments.seed,
        "processes": arguments.processes,
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "source_sha256": arguments.source_sha256,
        "pings": found["pings"],
        "worlds_with_companions": found["with companions"],
        "companions": found["companions"],
        "evidence_rows": found["evidence"],
        "worlds_that_hit": dict(sorted(hits.items())),
        "edges_missed": sorted(edges.REQUIRED - set(hits)),
        "worlds_with_mismatches": len({number for number, _ in wrong}),
        "mismatches": [{"world": number, "difference": text} for number, text in wrong[:KEPT_MISMATCHES]],
    }


def main(argv: list[str] | None = None) -> int:
    """Run, write the record, and return 1 when anything differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="the record, as JSON; standard output unless given")
    arguments = parser.parse_args(argv)
    jobs = [(arguments.seed, a, min(a + CHUNK, arguments.worlds)) for a in range(0, arguments.worlds, CHUNK)]
    found: Counter[Any] = Counter()
    arguments.source_sha256 = source_hash()  # before, not after: what the run began with
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        for done, part in enumerate(pool.imap_unordered(compare, jobs), 1):
            found.update(part)
            if sys.stderr.isatty():
                print(f"\r{min(done * CHUNK, arguments.worlds)} worlds", end="", file=sys.stderr)
    written = record(arguments, found, time.perf_counter() - began)
    text = json.dumps(written, indent=2) + "\n"
    if arguments.out is None:
        print(text, end="")
    else:
        arguments.out.write_text(text)
    return 1 if written["mismatches"] else 0


if __name__ == "__main__":
    sys.exit(main())
