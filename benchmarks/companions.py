"""Compare cotrace with DuckDB, Polars, pandas and mere decoding on the companion query.

    python benchmarks/companions.py --rows 10_000_000 --repeat 5

Makes the pings where they are not there yet, then runs every tool in turn, each as a whole process, start-up
included; the first round warms the file cache and is not counted. Every run goes into
``bench-data/companions-ROWS.json`` (with ``--record`` also into ``benchmarks/results``, from which
``benchmarks/render.py`` makes ``docs/benchmarks.md``). No ratio is printed unless all results have one hash.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import data as of
from measure import (
    SCRIPTS,
    about_run,
    counted,
    describe_machine,
    failures,
    in_turn,
    keep,
    middle,
    ratio,
    run_tool,
)

#: What a run costs, as it is named in tables.
COSTS = {"wall_s": "wall", "cpu_s": "CPU", "peak_bytes": "memory"}


def extra_arguments(tool: str, args: argparse.Namespace, data: of.Data, made: of.Made) -> list[str]:
    """Return what a tool must be told about this data and this query."""
    fill = [] if tool == "decoding" else ["--fill", args.fill]
    return ["--threads", str(args.threads), *fill, *of.tool_arguments(tool, data, made)]


def hashes(runs: list[dict[str, Any]]) -> set[str]:
    """Return the different hashes of results among all runs."""
    return {run["hash"] for run in runs if run.get("hash")}


def show(result: dict[str, Any]) -> None:
    """Print medians, and ratios unless the results differ."""
    runs = result["runs"]
    tools = [tool for tool in result["tools"] if counted(runs, tool)]
    print(f"{'':10s}{'wall s':>9s}{'CPU s':>9s}{'MiB':>9s}{'result rows':>13s}")
    for tool in tools:
        wall, cpu, peak = (middle(runs, tool, cost) for cost in COSTS)
        n = 0 if tool == "decoding" else counted(runs, tool)[0]["rows"]
        print(f"{tool:10s}{wall:9.2f}{cpu:9.2f}{peak / 2**20:9.0f}{n or '':>13}")
    if failed := failures(runs):
        print("some runs failed, so no ratios are printed:")
        print("\n".join(f"  {line}" for line in failed))
        return
    if not result["equal"]:
        print("the results differ, so no ratios are printed:")
        for tool in tools:
            if tool != "decoding":
                print(f"  {tool}: {', '.join(sorted(hashes(counted(runs, tool))))}")
        return
    if "cotrace" in tools:
        print("divided by cotrace, median of paired rounds:")
    for tool in tools:
        if tool != "cotrace" and "cotrace" in tools:
            costs = {name: ratio(runs, tool, "cotrace", cost) for cost, name in COSTS.items()}
            print(f"{tool:10s}" + "".join(f"{name:>9s} {value:5.2f}" for name, value in costs.items()))


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    of.add_arguments(parser)
    tools = [tool for tool in SCRIPTS if tool != "pandas"]
    parser.add_argument("--repeat", type=int, default=5, help="paired rounds that count")
    parser.add_argument("--tools", nargs="+", choices=tuple(SCRIPTS), default=tools)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    parser.add_argument("--clean", action="store_true", help="remove the made pings afterwards")
    return parser


def main() -> None:
    """Measure, write everything down, and print what came out."""
    args = arguments().parse_args()
    data = of.from_arguments(args)
    tools = [tool for tool in args.tools if of.can_answer(tool, data)]
    made = of.make(data, args.data)
    print(f"companions: {of.describe(made.about)}\n{describe_machine()}", flush=True)
    runs = in_turn(
        {t: partial(run_tool, t, made, extra_arguments(t, args, data, made)) for t in tools}, args.repeat
    )
    label = of.label(data) + ("" if args.fill == "forward" else f"-{args.fill}")
    result = {
        "question": "companions",
        "label": label,
        **about_run(),
        "versions": {run["tool"]: run["version"] for run in runs if "version" in run},
        "data": made.about,
        "fill": args.fill,
        "threads": args.threads,
        "tools": tools,
        # decoding has no result to compare
        "equal": len(hashes(runs)) == (tools != ["decoding"]) and not failures(runs),
        "runs": runs,
    }
    keep(f"companions-{label}", result, args.data, args.record)
    show(result)
    if args.clean:
        of.remove(made)
    sys.exit(0 if result["equal"] else 1)


if __name__ == "__main__":
    main()
