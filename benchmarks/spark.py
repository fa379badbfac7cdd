"""One machine against a cluster of two executors on the same pings in one run: overhead, growth, equal hashes.

    python benchmarks/spark.py --rows 10_000_000 100_000_000 [--repeat 1] [--record]
    python benchmarks/spark.py --skew 16_000_000 [--record]

For each size the local engine and the cluster find the same companions. The overhead is the cluster's wall time, the
second time in one session, over that of a whole local process; the start of Spark and the first time are named apart.
``--skew`` runs occupancy and pairs on stays of which a fifth are in one cell, with the heavy cell split and not.
``python benchmarks/spark_sizing.py`` makes the page of what larger ones need of the result.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import data as of
from measure import about_run, describe_machine, failures, in_turn, keep, middle, run_process

HERE = Path(__file__).parent
SCRIPT = HERE / "run_spark.py"


def partitions(rows: int) -> int:
    """Return how many partitions: about 1.5 million pings each."""
    return max(8, round(rows / 1_500_000))


def one_size(args: argparse.Namespace, rows: int) -> dict[str, Any]:
    """Run both engines on so many pings."""
    made = of.make(of.Data(rows=rows), args.data)
    print(f"spark: {of.describe(made.about)}", flush=True)
    from measure import run_tool

    cluster = [
        str(made.pings),
        str(made.cases),
        "--master",
        args.master,
        "--partitions",
        str(partitions(rows)),
    ]
    jobs = {
        "local": partial(run_tool, "cotrace", made, ["--threads", "2"]),
        "cluster": partial(run_process, [sys.executable, str(SCRIPT), *cluster]),
    }
    if args.warm_up:
        runs = in_turn(jobs, args.repeat)
    else:
        runs = [job() | {"job": name, "repeat": 1, "counted": True} for name, job in jobs.items()]
    if args.remove and made.is_new:
        of.remove(made)
    found: dict[str, Any] = {"rows": rows, "data": made.about, "partitions": partitions(rows), "runs": runs}
    if failures(runs):
        return found | {"equal": False}
    cluster_runs = [run for run in runs if run["job"] == "cluster" and run["counted"]]
    wall = sorted(run["actual"]["wall_s"] for run in cluster_runs)[len(cluster_runs) // 2]
    local = middle(runs, "local", "wall_s")
    return found | {
        "equal": len({run["hash"] for run in runs}) == 1,
        "local_s": local,
        "cluster_s": wall,
        "start_s": sorted(run["stages"]["start"] for run in cluster_runs)[len(cluster_runs) // 2],
        "first_s": sorted(run["first_s"] for run in cluster_runs)[len(cluster_runs) // 2],
        "overhead": wall / local,
    }


def show(result: dict[str, Any]) -> None:
    """Print what came out."""
    for size in result.get("sizes", []):
        if "overhead" not in size:
            print(f"{size['rows']:>13,} pings: a run failed")
            continue
        print(
            f"{size['rows']:>13,} pings: one machine {size['local_s']:.1f} s, cluster {size['cluster_s']:.1f} s "
            f"({size['first_s']:.1f} s the first time, after {size['start_s']:.1f} s to start), "
            f"{size['overhead']:.1f} times as long; "
            + ("the hashes are equal" if size["equal"] else "THE HASHES DIFFER")
        )
    done = [size for size in result.get("sizes", []) if "overhead" in size]
    for one, other in pairwise(done):
        grown = other["rows"] / one["rows"]
        print(
            f"{grown:.0f} times the pings: one machine {other['local_s'] / one['local_s']:.1f} times as long, cluster "
            f"{other['cluster_s'] / one['cluster_s']:.1f} times"
        )
    for name, job in result.get("jobs", {}).items():
        print(
            f"{name:>16s}: longest task {job['longest_task_s']:.2f} s, median {job['median_task_s']:.2f} s, "
            f"{job['wall_s']:.1f} s in all; {job['stays']:,} stays"
        )


def main() -> None:
    """Measure, write everything down, and print what came out."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="*", default=[])
    parser.add_argument("--master", default="local-cluster[2,1,2048]")
    parser.add_argument("--repeat", type=int, default=1, help="rounds that count")
    parser.add_argument("--warm-up", action="store_true", help="a round before those that count")
    parser.add_argument("--skew", type=int, help="stays of the job with a heavy cell")
    parser.add_argument("--remove", action="store_true", help="remove pings that were made for this")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    args = parser.parse_args()
    print(describe_machine(), flush=True)
    about = {**about_run(), "master": args.master}
    if args.skew:
        show(heavy_cell(args, about))
    if args.rows or not args.skew:
        all_sizes(args, about)


def heavy_cell(args: argparse.Namespace, about: dict[str, Any]) -> dict[str, Any]:
    """Run the jobs with a heavy cell, and keep what came out."""
    command = [sys.executable, str(SCRIPT), "none", "none", "--master", args.master, "--skew", str(args.skew)]
    run = run_process(command)
    if run["exit_code"]:
        sys.exit(" ".join(run["error"]))
    result = {"question": "spark-skew", **about, **run}
    keep("spark-skew", result, args.data, args.record)
    return result


def all_sizes(args: argparse.Namespace, about: dict[str, Any]) -> None:
    """Run each size on both engines, keep what came out, and fail where answers differ."""
    sizes = [one_size(args, rows) for rows in args.rows or [10_000_000]]
    result: dict[str, Any] = {"question": "spark", **about, "sizes": sizes}
    keep("spark", result, args.data, args.record)
    show(result)
    wrong = [run for size in sizes for run in failures(size["runs"])]
    if wrong:
        sys.exit("\n".join(wrong))
    sys.exit(0 if all(size["equal"] for size in sizes) else 1)


if __name__ == "__main__":
    main()
