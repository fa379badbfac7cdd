"""What the daily store costs, and what it gives back: ingest by day, bytes, and companions beside those from the pings.

    python benchmarks/store.py [--rows 10_000_000] [--root bench-data] [--record] [--keep]

Makes fifteen days of pings, ``--rows`` of them in the first fourteen. Each day is taken in by a process of its own, as
a service would. After day 14 the companions of 1 and of 100 cases are found from the store and from the pings: a new
process each, which opens the store and answers once (``open``), and then again (``again``: the median). Their hashes
must be equal. Then day 15 comes. Prints what was measured and the machine; ``--record`` keeps it in
``benchmarks/results``. What was made is removed at the end unless ``--keep`` is given.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import sys
import time
import warnings
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import common
import data as of
from common import Stages
from measure import about_run, describe_machine, keep, run_process

HERE = Path(__file__)
DAYS = 15
AGAIN = 7


# ---- jobs: each is a process -------------------------------------------------------------------------------


def job_ingest(args: argparse.Namespace) -> None:
    """Take one file in."""
    stages = Stages()
    with stages("import"):
        import cotrace
    with stages("open"):
        store = cotrace.Store(args.store, cotrace.StayOptions(fill=args.fill), threads=args.threads)
        pings = cotrace.read_pings(args.source)
    with stages("ingest"):
        report = store.ingest(pings)
    common.report(
        "store",
        rows=report.rows,
        digest=report.batch,
        stages=stages,
        bytes=report.bytes,
        made=len(report.made),
    )


def job_companions(args: argparse.Namespace) -> None:
    """Find companions from a store or from pings: once, and some times more."""
    import cotrace
    from run_cotrace import integers

    stages, walls = Stages(), []
    cases = read_cases(args.cases)
    with stages("open"):
        if args.store:
            source: Any = cotrace.Store(args.store, create=False, threads=args.threads)
            given: dict[str, Any] = {}
        else:
            files = sorted(args.source.glob("*.parquet"))[: DAYS - 1]
            source = cotrace.read_pings([str(file) for file in files])
            given = {"options": cotrace.StayOptions(fill=args.fill), "threads": args.threads}
    with stages("companions"):
        found = cotrace.find_companions(source, cases, **given)
        table = found.companions.to_arrow()
    for _ in range(args.again):
        began = time.perf_counter()
        cotrace.find_companions(source, cases, **given).companions.to_arrow()
        walls.append(time.perf_counter() - began)
    read = vars(source.snapshot.read) if args.store else {}
    digest = common.hash_columns(integers(table))
    again = median(walls) if walls else None
    common.report("cotrace", rows=len(table), digest=digest, stages=stages, again_s=again, read=read)


def read_cases(path: Path) -> dict[str, list[Any]]:
    """Read cases as the library takes them."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {"device": [int(row["device"]) for row in rows], "as_of": [row["as_of"] for row in rows]}


def job_stays(args: argparse.Namespace) -> None:
    """Read all stays of a store."""
    import cotrace

    stages = Stages()
    with stages("stays"):
        found = cotrace.Store(args.store, create=False, threads=args.threads).stays()
    common.report("store", rows=len(found), digest=None, stages=stages)


JOBS = {"ingest": job_ingest, "companions": job_companions, "stays": job_stays}


# ---- what is measured --------------------------------------------------------------------------------------


def run(job: str, args: argparse.Namespace, **more: object) -> dict[str, Any]:
    """Run a job as a process; return what it cost and what it printed."""
    command = [sys.executable, str(HERE), "--job", job, "--fill", args.fill, "--threads", str(args.threads)]
    for name, value in more.items():
        command += [f"--{name}", str(value)]
    done = run_process(command)
    if done["exit_code"] and not (job == "companions" and "store" in more):
        sys.exit(f"{job}: {' '.join(done['error'])}")
    return done


def take_in(args: argparse.Namespace, store: Path, file: Path) -> dict[str, Any]:
    """Take one day in, and print a line for it."""
    done = run("ingest", args, store=store, source=file)
    took = done["stages"]["ingest"]
    rate = (
        f"{done['rows'] / took / 1e6:.2f} M pings/s, {done['rows'] / done['cpu_s'] / 1e6:.2f} M a CPU second"
    )
    peak = f"{done['peak_bytes'] / 2**20:,.0f} MiB at most"
    print(f"  {file.name}: {done['rows']:,} rows in {took:.2f} s ({rate}), {peak}", flush=True)
    keys = ("rows", "bytes", "made", "wall_s", "cpu_s", "peak_bytes", "others")
    return {"ingest_s": took} | {key: done[key] for key in keys}


def write_cases(made: of.Made, folder: Path, n: int) -> Path:
    """Write the first cases, with ``as_of`` the end of day 14."""
    with made.cases.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))[:n]
    path = folder / f"cases-{n}.csv"
    with path.open("w", encoding="utf-8") as out:
        out.write("device,as_of\n")
        for row in rows:
            at = datetime.fromisoformat(row["as_of"]) - timedelta(days=1)
            out.write(f"{row['device']},{at.isoformat()}\n")
    return path


def companions(args: argparse.Namespace, made: of.Made, store: Path, folder: Path, n: int) -> dict[str, Any]:
    """Find the companions of so many cases from the store and from the pings."""
    cases = write_cases(made, folder, n)
    pings = run("companions", args, source=made.pings, cases=cases, again=0)
    kept = run("companions", args, store=store, cases=cases, again=AGAIN)
    from_pings = pings["stages"]["open"] + pings["stages"]["companions"]
    found = {"cases": n, "rows": pings["rows"], "hash": pings["hash"], "from_pings_s": from_pings}
    if kept["exit_code"]:
        print(f"  {n} cases from the store: {' '.join(kept['error'])}")
        return found | {"error": kept["error"]}
    if kept["hash"] != pings["hash"]:
        sys.exit(f"{n} cases: the store's companions are not those of the pings")
    first = kept["stages"]["open"] + kept["stages"]["companions"]
    found |= {"open_s": first, "again_s": kept["again_s"], "read": kept["read"]}
    times = from_pings / kept["again_s"]
    print(
        f"  {n} cases, {pings['rows']:,} companions: {1000 * kept['again_s']:,.0f} ms from the store "
        f"({1000 * first:,.0f} ms the first time), {from_pings:.2f} s from the pings: {times:.0f} times; equal hashes"
    )
    return found


def sizes(store: Path) -> dict[str, int]:
    """Return the bytes of a store by kind of file, and of the manifest."""
    import cotrace

    kinds: Counter[str] = Counter()
    with cotrace.Store(store, create=False) as opened:
        for entry in opened.snapshot.version.files:
            kinds[entry.kind] += entry.bytes
    kinds["manifest"] = (store / "manifest.sqlite").stat().st_size
    return dict(kinds)


def measure(args: argparse.Namespace, made: of.Made, folder: Path) -> dict[str, Any]:
    """Measure everything."""
    store = folder / "store"
    files = sorted(made.pings.glob("*.parquet"))
    print("ingest, a day a process:")
    days = [take_in(args, store, file) for file in files[: DAYS - 1]]
    rows, raw = sum(d["rows"] for d in days), sum(f.stat().st_size for f in files[: DAYS - 1])
    held = sizes(store)
    print(f"bytes a ping: {sum(held.values()) / rows:.2f}, the raw Parquet {raw / rows:.2f}")
    print("  " + ", ".join(f"{kind} {size / rows:.2f}" for kind, size in sorted(held.items())))
    print("companions:")
    asked = [companions(args, made, store, folder, n) for n in (1, 100)]
    stays = run("stays", args, store=store)
    print(f"all {stays['rows']:,} stays read in {stays['stages']['stays']:.2f} s")
    print("day 15:")
    last = take_in(args, store, files[DAYS - 1])
    usual = median(d["ingest_s"] / d["rows"] for d in days[1:])
    ratio = last["ingest_s"] / last["rows"] / usual
    print(
        f"  a ping of day 15 takes {ratio:.2f} times one of days 2 to 14 (median); {last['made']} day made anew"
    )
    again = run("ingest", args, store=store, source=files[DAYS - 1])["stages"]["ingest"]
    print(f"  the same file again: {again:.2f} s, and nothing changes")
    return {
        "data": made.about,
        "ingest": {"days": days, "last": last, "last_to_usual": ratio, "again_s": again},
        "bytes": held,
        "raw_bytes": raw,
        "rows_14_days": rows,
        "companions": asked,
        "stays": {"rows": stays["rows"], "seconds": stays["stages"]["stays"]},
        **about_run(),
    }


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="pings in fourteen days")
    parser.add_argument("--root", type=Path, default=HERE.parent.parent / "bench-data")
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--record", action="store_true", help="keep the figures in benchmarks/results")
    parser.add_argument("--keep", action="store_true", help="leave pings and store where they are")
    for name in ("job", "store", "source", "cases", "again"):
        kind = {"job": str, "again": int}.get(name, Path)
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Measure and print, or be one of the processes that are measured."""
    args = arguments().parse_args()
    if args.job:
        warnings.simplefilter("ignore")
        JOBS[args.job](args)
        return
    print(describe_machine())
    made = of.make(of.Data(rows=round(args.rows * DAYS / (DAYS - 1)), days=DAYS), args.root)
    folder = args.root / f"store-{of.short(args.rows)}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(of.describe(made.about))
    try:
        found = measure(args, made, folder)
        keep(f"store-{of.short(args.rows)}", found, args.root, args.record)
    finally:
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
            of.remove(made)


if __name__ == "__main__":
    main()
