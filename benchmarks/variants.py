"""What it costs to ask for more, or to be given other data: each variant beside the base query, in paired rounds.

    python benchmarks/variants.py --rows 10_000_000 [--only evidence stays ...]

Both are cotrace, on the same number of pings: the base has integer ids, x and y, rows in order of time, one
``as_of`` and no evidence. Of each variant DuckDB and Polars find the result once, and the hashes must be equal
(``--no-check`` leaves that out); evidence and stays are hashed as they were written. ``--record`` keeps the runs in
``benchmarks/results/variants-ROWS.json``. Pings that a variant needs are removed when none after it needs them, unless
they were there before.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import data as of
from common import read_json
from measure import (
    HERE,
    RESULTS,
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

GIB = 2**30


@dataclass(frozen=True)
class Variant:
    """What is asked otherwise: of which data, with which arguments, and how many times the base it may cost."""

    says: str
    limit: float | None
    data: dict[str, Any] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    evidence: bool = False
    stays: bool = False
    #: of a variant with rows to sort, the bytes a ping that may be held for it (12 are needed)
    sort_bytes_a_ping: int | None = None
    most_memory: int | None = None


VARIANTS = {
    "evidence": Variant("evidence written too", 1.4, evidence=True),
    "same_cell": Variant('`fill="same_cell"`', 1.0, arguments=("--fill", "same_cell")),
    "lonlat": Variant("lon/lat instead of x/y", 1.2, {"positions": "lonlat"}),
    "string": Variant("string ids instead of integers", 2.0, {"ids": "string"}),
    "tower": Variant("tower ids with a table", 1.0, {"positions": "tower"}),
    "as_of": Variant("`as_of` spread over two months of data", 1.3, {"days": 60, "spread_as_of": True}),
    "shuffled": Variant("rows in random order, sorted in memory", 2.5, {"shuffle": True}),
    "spilled": Variant(
        "rows in random order, spilled, memory capped at 4 GiB",
        5.0,
        {"shuffle": True},
        sort_bytes_a_ping=3,
        most_memory=4 * GIB,
    ),
    "stays": Variant("stays of everybody kept (`find_stays`)", 2.0, stays=True),
    "0.1m": Variant("positions in decimetres", None, {"step_m": 0.1}),
}


def sort_memory(variant: Variant, data: of.Data) -> list[str]:
    """Return how much may be held for sorting: less than all pings need, and never more than fits the cap."""
    if variant.sort_bytes_a_ping is None:
        return []
    return ["--sort-memory", str(min(variant.sort_bytes_a_ping * data.rows, GIB))]


def job(
    variant: Variant, data: of.Data, made: of.Made, threads: int, out: Path
) -> Callable[[], dict[str, Any]]:
    """Return what runs cotrace on a variant."""
    extra = ["--threads", str(threads), *of.tool_arguments("cotrace", data, made), *variant.arguments]
    extra += sort_memory(variant, data) + (["--stays"] if variant.stays else [])
    extra += ["--evidence", str(out / "cotrace.parquet")] if variant.evidence else []
    return partial(run_tool, "cotrace", made, extra)


def hash_of(path: Path) -> str:
    """Return the hash of a table that was written."""
    command = [sys.executable, str(HERE / "compare" / "hash_table.py"), str(path)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return str(json.loads(done.stdout)["hash"])


def check(
    variant: Variant, data: of.Data, made: of.Made, threads: int, out: Path
) -> dict[str, dict[str, Any]]:
    """Let every tool find the result once; return each one's run with the hashes that it came to."""
    found = {}
    for tool in ("cotrace", "duckdb", "polars"):
        if variant.stays and tool == "polars":
            continue
        table = out / f"{tool}.parquet"
        extra = ["--threads", str(threads), *of.tool_arguments(tool, data, made), *variant.arguments]
        if variant.stays:
            extra += ["--write-stays" if tool == "cotrace" else "--stays", str(table)]
        elif variant.evidence:
            extra += ["--evidence", str(table)]
        run = run_tool(tool, made, extra)
        if not run["exit_code"] and table.exists():
            run["hash_of_table"] = hash_of(table)
            table.unlink()
        found[tool] = run
        print(
            f"  checked {tool:10s} {run['wall_s']:8.2f} s wall  {' '.join(run.get('error', []))}",
            file=sys.stderr,
        )
    return found


def equal(checked: dict[str, dict[str, Any]]) -> bool:
    """Whether all tools came to the same hashes."""
    hashes = {(run.get("hash"), run.get("hash_of_table")) for run in checked.values()}
    return len(hashes) == 1 and not any(run["exit_code"] for run in checked.values())


def summary(variant: Variant, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what came out of the paired rounds of a variant."""
    last = counted(runs, "variant")[-1]
    found = {
        "says": variant.says,
        "limit": variant.limit,
        "wall": ratio(runs, "variant", "base", "wall_s"),
        "cpu": ratio(runs, "variant", "base", "cpu_s"),
        "peak_bytes": middle(runs, "variant", "peak_bytes"),
        "most_memory": variant.most_memory,
        "order": last["order"],
        "bytes_a_stay": last.get("bytes_a_stay"),
    }
    return {name: value for name, value in found.items() if value is not None or name == "limit"}


def is_met(found: dict[str, Any]) -> bool | None:
    """Whether a variant's targets are met; None when it has none."""
    if found["limit"] is None:
        return None
    fits = found["peak_bytes"] <= found.get("most_memory", float("inf"))
    return bool(found["wall"] <= found["limit"] and fits and found.get("bytes_a_stay", 0) <= 16)


def verdict(found: dict[str, Any]) -> str:
    """Say whether a variant's targets are met."""
    return {None: "no target", True: "met", False: "missed"}[is_met(found)]


def data_of(name: str, rows: int) -> of.Data:
    """Return the data of a variant."""
    return replace(of.Data(rows=rows), **VARIANTS[name].data)


def measure(name: str, args: argparse.Namespace, base: of.Made) -> dict[str, Any]:
    """Measure one variant."""
    variant, usual, data = VARIANTS[name], of.Data(rows=args.rows), data_of(name, args.rows)
    made = of.make(data, args.data)
    print(f"{name}: {of.describe(made.about)}", flush=True)
    with tempfile.TemporaryDirectory(dir=args.data, prefix="out-") as folder:
        out = Path(folder)
        jobs = {
            "base": job(Variant("", None), usual, base, args.threads, out),
            "variant": job(variant, data, made, args.threads, out),
        }
        runs = in_turn(jobs, args.repeat)
        checked = check(variant, data, made, args.threads, out) if args.check else {}
    if failed := failures(runs):
        return {"says": variant.says, "limit": variant.limit, "failed": failed, "runs": runs}
    more = {"equal": equal(checked), "checked": checked} if args.check else {}
    return summary(variant, runs) | more | {"data": made.about, "runs": runs}


def show(found: dict[str, Any]) -> None:
    """Print a line for a variant."""
    if "failed" in found:
        print(f"  {found['says']}: failed: {'; '.join(found['failed'])}", flush=True)
        return
    same = {True: "hashes equal", False: "HASHES DIFFER", None: "not checked"}[found.get("equal")]
    limit = "" if found["limit"] is None else f" (at most {found['limit']:g})"
    stay = f", {found['bytes_a_stay']:g} bytes a stay" if "bytes_a_stay" in found else ""
    peak = f"{found['peak_bytes'] / 2**20:,.0f} MiB, {found['order']}{stay}"
    times = f"{found['wall']:.2f} times the base{limit}"
    print(f"  {found['says']}: {times}: {verdict(found)}; {peak}; {same}", flush=True)


def arguments() -> argparse.Namespace:
    """Return the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeat", type=int, default=5, help="paired rounds that count")
    parser.add_argument("--only", nargs="+", choices=tuple(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-check", dest="check", action="store_false", help="do not ask the other tools")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings and results go")
    parser.add_argument("--record", action="store_true", help="keep the result in benchmarks/results too")
    return parser.parse_args()


def main() -> None:
    """Measure all variants that are asked for; those recorded before are kept beside them."""
    args = arguments()
    base = of.make(of.Data(rows=args.rows), args.data)
    print(f"variants, base: {of.describe(base.about)}\n{describe_machine()}", flush=True)
    name = f"variants-{of.short(args.rows)}"
    before = read_json(RESULTS / f"{name}.json") or {"variants": {}}
    found: dict[str, Any] = {}
    there = set(args.data.iterdir())
    for number, variant in enumerate(args.only):
        found[variant] = measure(variant, args, base) | about_run()
        show(found[variant])
        known = before["variants"] | found
        ordered = {v: known[v] for v in VARIANTS if v in known}
        result = {"question": "variants", "rows": args.rows, "threads": args.threads, **about_run()}
        keep(name, result | {"base": base.about, "variants": ordered}, args.data, args.record)
        following = {of.pings_label(data_of(v, args.rows)) for v in args.only[number + 1 :]}
        label = of.pings_label(data_of(variant, args.rows))
        if args.data / label not in there and label not in following:
            shutil.rmtree(args.data / label)
    wrong = [v for v, line in found.items() if "failed" in line or line.get("equal") is False]
    sys.exit(f"failed or different: {', '.join(wrong)}" if wrong else 0)


if __name__ == "__main__":
    main()
