"""One thread and more: the companion query's wall and CPU time, and equal hashes whatever their number.

python benchmarks/threads.py --rows 10_000_000 [--threads 1 2] [--record]
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import data as of
from measure import about_run, describe_machine, failures, in_turn, keep, middle, ratio, run_tool


def show(result: dict[str, Any]) -> None:
    """Print a line for each number of threads."""
    runs = result["runs"]
    for job in result["jobs"]:
        wall, cpu = (middle(runs, job, cost) for cost in ("wall_s", "cpu_s"))
        faster = ratio(runs, result["jobs"][0], job, "wall_s")
        print(f"{job:>10s} {wall:8.2f} s wall {cpu:8.2f} s CPU   {faster:5.2f} times as fast as the first")
    print("the hashes are equal" if result["equal"] else "THE HASHES DIFFER, or a run failed")


def main() -> None:
    """Measure, write everything down, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeat", type=int, default=5, help="paired rounds that count")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    args = parser.parse_args()
    made = of.make(of.Data(rows=args.rows), args.data)
    print(f"threads: {of.describe(made.about)}\n{describe_machine()}", flush=True)
    jobs = {f"{n} thread{'s' * (n > 1)}": ["--threads", str(n)] for n in args.threads}
    runs = in_turn(
        {name: partial(run_tool, "cotrace", made, extra) for name, extra in jobs.items()}, args.repeat
    )
    result = {
        "question": "threads",
        **about_run(),
        "data": made.about,
        "jobs": list(jobs),
        "equal": len({run.get("hash") for run in runs}) == 1 and not failures(runs),
        "runs": runs,
    }
    keep(f"threads-{of.short(args.rows)}", result, args.data, args.record)
    if failed := failures(runs):
        sys.exit("\n".join(failed))
    show(result)
    sys.exit(0 if result["equal"] else 1)


if __name__ == "__main__":
    main()
