"""Compare cotrace with DuckDB, Polars and mere decoding on the companion query.

    python benchmarks/companions.py --rows 10_000_000 --repeat 5

Makes the pings where they are not there yet, then runs every tool in turn, each as a whole process, start-up
included; the first round warms the file cache and is not counted. Every run goes into
``bench-data/companions-ROWS.json`` (with ``--record`` also into ``benchmarks/results``, from which
``benchmarks/render.py`` makes ``docs/benchmarks.md``). No ratio is printed unless all results have one hash.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from measure import HERE, SCRIPTS, machine, run_tool

#: What a run costs, as it is named in tables.
COSTS = {"wall_s": "wall", "cpu_s": "CPU", "peak_bytes": "memory"}


def short(rows: int) -> str:
    """Write a number of rows as people say it: 10m, 100k."""
    for unit, letter in ((10**9, "b"), (10**6, "m"), (10**3, "k")):
        if rows >= unit and rows % unit == 0:
            return f"{rows // unit}{letter}"
    return str(rows)


def label(args: argparse.Namespace) -> str:
    """Name a kind of data after whatever is not as usual about it."""
    parts = [short(args.rows)]
    parts += [f"{args.days}d"] if args.days != 14 else []
    parts += [f"{args.cases}cases"] if args.cases != 100 else []
    parts += [args.ids] if args.ids != "int" else []
    parts += [args.positions] if args.positions != "xy" else []
    parts += [f"{args.city_km:g}km"] if args.city_km != 60 else []
    parts += [name for name in ("shuffle", "spread_as_of") if getattr(args, name)]
    return "-".join(parts)


def made_data(args: argparse.Namespace) -> tuple[Path, dict[str, Any]]:
    """Return the folder with the pings, made now unless they are there from the same arguments."""
    folder = args.data / label(args)
    wanted = {
        name: getattr(args, name)
        for name in (
            "rows",
            "days",
            "seed",
            "cases",
            "ids",
            "positions",
            "city_km",
            "shuffle",
            "spread_as_of",
        )
    }
    described = folder / "made.json"
    if described.exists():
        made = json.loads(described.read_text(encoding="utf-8"))
        if all(made.get(name) == value for name, value in wanted.items()):
            return folder, made
    command = [sys.executable, str(HERE / "make_pings.py"), "--out", str(folder)]
    for name, value in wanted.items():
        if value is True:
            command.append(f"--{name.replace('_', '-')}")
        elif value is not False:
            command += [f"--{name.replace('_', '-')}", str(value)]
    subprocess.run(command, check=True)
    return folder, json.loads(described.read_text(encoding="utf-8"))


def extra_arguments(tool: str, args: argparse.Namespace, folder: Path) -> list[str]:
    """Return what a tool must be told about this data and this query."""
    if tool == "decoding":
        return ["--threads", str(args.threads)]
    extra = ["--threads", str(args.threads), "--fill", args.fill]
    if tool == "cotrace":
        extra += ["--text-ids"] if args.ids == "string" else []
        extra += ["--towers", str(folder / "towers.csv")] if args.positions == "tower" else []
    return extra


def measure(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Run all tools in turn, round by round, and return every run."""
    runs = []
    for repeat in range(args.repeat + 1):
        # each round begins with another tool, so that none always follows the same one
        shift = repeat % len(args.tools)
        for tool in args.tools[shift:] + args.tools[:shift]:
            run = run_tool(tool, folder, extra_arguments(tool, args, folder)) | {"repeat": repeat}
            runs.append(run | {"counted": repeat > 0})
            cost = f"{run['wall_s']:8.2f} s wall {run['cpu_s']:8.2f} s CPU"
            kind = f"round {repeat}" if repeat else "warm-up"
            print(f"{kind:8s} {tool:9s} {cost}  {run.get('error', '')}", file=sys.stderr, flush=True)
    return runs


def counted(runs: list[dict[str, Any]], tool: str) -> list[dict[str, Any]]:
    """Return the runs of a tool that count, in order."""
    return [run for run in runs if run["tool"] == tool and run["counted"] and not run["exit_code"]]


def hashes(runs: list[dict[str, Any]]) -> set[str]:
    """Return the different hashes of results among all runs."""
    return {run["hash"] for run in runs if run.get("hash")}


def failures(runs: list[dict[str, Any]]) -> list[str]:
    """Say which runs failed, and with what."""
    return [f"{r['tool']}, round {r['repeat']}: {' '.join(r['error'])}" for r in runs if r["exit_code"]]


def medians(runs: list[dict[str, Any]], tool: str) -> dict[str, float]:
    """Return the median cost of a tool."""
    return {cost: median(run[cost] for run in counted(runs, tool)) for cost in COSTS}


def ratios(runs: list[dict[str, Any]], tool: str, to: str = "cotrace") -> dict[str, float]:
    """Return the median, over rounds, of a tool's cost divided by the other's in the same round."""
    others = {run["repeat"]: run for run in counted(runs, to)}
    pairs = [(run, others[run["repeat"]]) for run in counted(runs, tool) if run["repeat"] in others]
    return {cost: median(a[cost] / b[cost] for a, b in pairs) for cost in COSTS} if pairs else {}


def show(result: dict[str, Any]) -> None:
    """Print medians, and ratios unless the results differ."""
    runs, made = result["runs"], result["data"]
    print(f"{made['made_rows']:,} pings, {made['devices']:,} devices, {made['cases']} cases")
    tools = [tool for tool in result["tools"] if counted(runs, tool)]
    print(f"{'':10s}{'wall s':>9s}{'CPU s':>9s}{'MiB':>9s}{'result rows':>13s}")
    for tool in tools:
        m = medians(runs, tool)
        n = 0 if tool == "decoding" else counted(runs, tool)[0]["rows"]
        print(f"{tool:10s}{m['wall_s']:9.2f}{m['cpu_s']:9.2f}{m['peak_bytes'] / 2**20:9.0f}{n or '':>13}")
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
    print("divided by cotrace, median of paired rounds:")
    for tool in tools:
        if tool != "cotrace" and (r := ratios(runs, tool)):
            print(f"{tool:10s}" + "".join(f"{COSTS[cost]:>9s} {value:5.2f}" for cost, value in r.items()))


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="about how many pings")
    parser.add_argument("--repeat", type=int, default=5, help="paired rounds that count")
    parser.add_argument("--tools", nargs="+", choices=tuple(SCRIPTS), default=list(SCRIPTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ids", choices=("int", "string"), default="int")
    parser.add_argument("--positions", choices=("xy", "lonlat", "tower"), default="xy")
    parser.add_argument("--city-km", type=float, default=60.0)
    parser.add_argument("--shuffle", action="store_true")
    parser.add_argument("--spread-as-of", action="store_true")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    parser.add_argument("--clean", action="store_true", help="remove the made pings afterwards")
    return parser


def main() -> None:
    """Measure, write everything down, and print what came out."""
    args = arguments().parse_args()
    if args.positions != "xy" or args.ids != "int":
        # the other tools' queries are written for integers and for x and y
        args.tools = [tool for tool in args.tools if tool in ("cotrace", "decoding")]
    folder, made = made_data(args)
    runs = measure(args, folder)
    result = {
        "question": "companions",
        "label": label(args) + ("" if args.fill == "forward" else f"-{args.fill}"),
        "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {run["tool"]: run["version"] for run in runs if "version" in run},
        "data": made,
        "fill": args.fill,
        "threads": args.threads,
        "tools": args.tools,
        "equal": len(hashes(runs)) == 1 and not failures(runs),
        "runs": runs,
    }
    text = json.dumps(result, indent=1) + "\n"
    name = f"companions-{result['label']}.json"
    (args.data / name).write_text(text, encoding="utf-8")
    if args.record:
        (HERE / "results").mkdir(exist_ok=True)
        (HERE / "results" / name).write_text(text, encoding="utf-8")
    show(result)
    if args.clean:
        shutil.rmtree(folder)
    sys.exit(0 if result["equal"] else 1)


if __name__ == "__main__":
    main()
