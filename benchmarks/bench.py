"""Measure everything, and make docs/benchmarks.md of it: what ``make bench`` and ``make bench-large`` run.

    python benchmarks/bench.py [--large]

Without ``--large`` up to ten million pings: minutes. With it 100 and 200 million and a billion: an hour or more, and
up to 20 GB of disk at a time. Pings that a step made are removed before the next size, those that were there before
stay. A step that fails is named at the end, and the others go on. Stopped by Ctrl-C nothing half-written is left; pings
stay, and the next start goes on with them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

from measure import HERE, describe_machine

#: Free disk that the billion pings need, with something to spare.
DISK = 20 * 10**9

#: Sizes after one another; pings go when a size is done.
SMALL = (
    (
        "companions.py --rows 1_000_000 --repeat 7 --tools cotrace duckdb polars pandas decoding",
        "startup.py",
    ),
    (
        "kernels.py --check",
        "companions.py --rows 10_000_000 --repeat 5 --tools cotrace duckdb polars pandas decoding",
        "companions.py --rows 10_000_000 --step-m 0.1 --repeat 5 --tools cotrace duckdb polars decoding",
        "variants.py --rows 10_000_000 --repeat 5",
        "threads.py --rows 10_000_000 --repeat 5",
        "growth.py --rows 10_000_000 --up-to 10_000_000 --repeat 3",
    ),
)
LARGE = (
    (
        "companions.py --rows 100_000_000 --repeat 5",
        "companions.py --rows 100_000_000 --cases 1000 --repeat 5 --tools cotrace duckdb decoding",
        "variants.py --rows 100_000_000 --repeat 5 --only evidence same_cell stays --no-check",
    ),
    ("companions.py --rows 100_000_000 --step-m 0.1 --repeat 5 --tools cotrace duckdb polars decoding",),
    ("variants.py --rows 100_000_000 --repeat 5 --only shuffled spilled --no-check",),
    ("companions.py --rows 200_000_000 --repeat 5",),
    ("growth.py --axes pings --up-to 200_000_000 --repeat 3",),
    ("companions.py --rows 1_000_000_000 --repeat 5 --tools cotrace decoding",),
)


def folders(root: Path) -> set[Path]:
    """Return the folders of pings."""
    return {path for path in root.iterdir() if path.is_dir()} if root.exists() else set()


def run(step: str, data: Path) -> bool:
    """Run a step; say whether it went well."""
    print(f"\n== {step}", flush=True)
    script, *extra = step.split()
    # a check of kernels compares with what is recorded, and must not replace it
    record = [] if "--check" in extra else ["--record"]
    where = [] if script == "kernels.py" else ["--data", str(data)]
    began = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / script), *extra, *record, *where], check=False)
    print(f"   {time.perf_counter() - began:.0f} s", flush=True)
    return done.returncode == 0


def run_sizes(sizes: tuple[tuple[str, ...], ...], data: Path) -> list[str]:
    """Run all steps, removing the pings that they made after each size; return those that failed."""
    before, failed = folders(data), []
    for steps in sizes:
        failed += [step for step in steps if not run(step, data)]
        for folder in folders(data) - before:
            shutil.rmtree(folder)
    return failed


def main() -> int:
    """Run everything and render the page, whatever failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true", help="100 and 200 million and a billion pings")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    args = parser.parse_args()
    args.data.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(args.data).free
    if args.large and free < DISK:
        sys.exit(f"{free / 1e9:.0f} GB are free where the pings go, and {DISK / 1e9:.0f} GB are needed")
    print(describe_machine())
    try:
        failed = run_sizes(LARGE if args.large else SMALL, args.data)
    except KeyboardInterrupt:
        print(f"\nstopped; the pings made so far are in {args.data}", file=sys.stderr)
        return 130
    subprocess.run([sys.executable, str(HERE / "render.py")], check=True)
    for step in failed:
        print(f"FAILED: {step}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
