"""How fast codes are looked up: a snapshot of 25 million devices, batches, single calls, several processes.

    python benchmarks/lookups.py [--devices 25_000_000] [--seconds 3] [--processes 1 2] [--record]

Makes the snapshot (ids that are integers, and ids that are 11 digits as strings), opens it in new processes, and asks
it for devices in random order, one in ten of them unknown. Every process answers batches of 100,000 for so many
seconds, and single calls for as long; a warm-up before that maps the file. The rate of a core is by CPU time.
``--record`` keeps the figures in ``benchmarks/results/lookups.json``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from common import number, write_json
from measure import RESULTS, about_run, busy_s, describe_machine

AT, BATCH = 1_635_868_800, 100_000
FIRST_ID, SPACING = 13_000_000_000, 7
TARGETS = {
    "batches_per_s_per_core": (">=", 1e6),
    "single_p99_us": ("<=", 50.0),
    "bytes": ("<=", 2**30),
    "open_ms": ("<=", 100.0),
}


def make(path: Path, n: int, text: bool) -> dict[str, Any]:
    """Write a snapshot of made codes; return what it cost."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cotrace.codes import write_snapshot

    rng = np.random.default_rng(7)
    ids = pa.array(rng.permutation(np.arange(n) * SPACING + FIRST_ID))
    which = pa.array(rng.choice(3, n, p=[0.97, 0.0295, 0.0005]).astype(np.int32))
    table = pa.table(
        {
            "device": pc.cast(ids, pa.large_string()) if text else ids,
            "code": pa.DictionaryArray.from_arrays(which, pa.array(["green", "yellow", "red"])),
            "reason": pa.DictionaryArray.from_arrays(which, pa.array(["enrolled", "companion", "confirmed"])),
            "since": pa.array(np.full(n, AT - 86_400)),
        }
    )
    began = time.perf_counter()
    head = write_snapshot(path, table, at=AT)
    took = time.perf_counter() - began
    return {"write_s": round(took, 2), "bytes": path.stat().st_size, "counts": head["counts"]}


def asked(n: int, seed: int, size: int) -> np.ndarray:
    """Return ids to ask for, one in ten unknown."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, n, size) * SPACING + FIRST_ID
    return ids + (rng.random(size) < 0.1)


def read(path: Path, n: int, seconds: float, text: bool, seed: int) -> dict[str, Any]:
    """Look up in a process of its own; return rates and latencies."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from cotrace import codes

    began = time.perf_counter()
    snapshot = codes.Snapshot(path)
    opened = time.perf_counter() - began
    ids = asked(n, seed, 20 * BATCH)
    batches: list[Any] = np.split(ids, 20)
    singles: list[Any] = ids[:200_000].tolist()
    if text:
        batches = [pc.cast(pa.array(batch), pa.large_string()) for batch in batches]
        singles = [str(one) for one in singles]
    began, first = time.perf_counter(), time.perf_counter()
    snapshot.one(singles[0], AT)
    first = time.perf_counter() - first
    for batch in batches:  # compile, and map the pages
        snapshot.many(batch, AT)
    done, cpu, began = 0, time.process_time(), time.perf_counter()
    while time.perf_counter() - began < seconds:
        for batch in batches[:5]:
            done += len(snapshot.many(batch, AT))
        batches.append(batches.pop(0))
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    times = []
    began = time.perf_counter()
    for one in singles:
        start = time.perf_counter_ns()
        snapshot.one(one, AT)
        times.append(time.perf_counter_ns() - start)
        if time.perf_counter() - began > seconds:
            break
    p50, p99, p999 = (float(np.percentile(times, q)) / 1000 for q in (50, 99, 99.9))
    return {
        "open_ms": round(opened * 1000, 3),
        "first_call_ms": round(first * 1000, 3),
        "batches_per_s": round(done / wall),
        "batches_per_s_per_core": round(done / cpu),
        "single_p50_us": round(p50, 2),
        "single_p99_us": round(p99, 2),
        "single_p999_us": round(p999, 2),
        "singles": len(times),
    }


def processes(path: Path, n: int, seconds: float, text: bool, count: int) -> dict[str, Any]:
    """Look up in so many processes at once; medians of them, and the rates together."""
    base = [sys.executable, __file__, "--read", str(path), "--devices", str(n), "--seconds", str(seconds)]
    busy, began = busy_s(), time.perf_counter()
    running = [
        subprocess.Popen(
            [*base, "--seed", str(k), *(["--text"] if text else [])], stdout=subprocess.PIPE, text=True
        )
        for k in range(count)
    ]
    runs = [json.loads(process.communicate()[0].splitlines()[-1]) for process in running]
    found = {name: median(run[name] for run in runs) for name in runs[0]}
    found["batches_per_s"] = sum(run["batches_per_s"] for run in runs)
    found["busy_cores"] = round((busy_s() - busy) / (time.perf_counter() - began), 2)
    return {"processes": count, **found}


def main() -> None:
    """Make, look up, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=25_000_000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--record", action="store_true", help="keep the figures in benchmarks/results")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--text", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        print(json.dumps(read(args.read, args.devices, args.seconds, args.text, args.seed)))
        return
    print(f"look-ups, {args.devices:,} devices; {describe_machine()}", flush=True)
    result: dict[str, Any] = {**about_run(), "devices": args.devices, "batch": BATCH, "kinds": {}}
    with tempfile.TemporaryDirectory(prefix="cotrace-lookups-") as folder:
        for kind, text in (("integers", False), ("11 digits as strings", True)):
            path = Path(folder) / "s"
            made = make(path, args.devices, text)
            print(f"{kind}: {made['bytes'] / 2**20:,.0f} MiB, written in {made['write_s']:.1f} s", flush=True)
            runs = [processes(path, args.devices, args.seconds, text, count) for count in args.processes]
            for run in runs:
                together, core = (run[name] / 1e6 for name in ("batches_per_s", "batches_per_s_per_core"))
                print(
                    f"  {run['processes']} at once: opened in {run['open_ms']:.2f} ms; batches "
                    f"{number(together)} M/s together, {number(core)} M/s a core; one call "
                    f"p50 {run['single_p50_us']:.1f} us, p99 {run['single_p99_us']:.1f} us "
                    f"({run['busy_cores']:.1f} cores busy)",
                    flush=True,
                )
            result["kinds"][kind] = {**made, "runs": runs}
            missed = [
                name for name, (sign, value) in TARGETS.items() if not met(made | runs[0], name, sign, value)
            ]
            print(f"  missed: {', '.join(missed)}" if missed else "  every target met", flush=True)
    if args.record:
        write_json(RESULTS / "lookups.json", result)


def met(found: dict[str, Any], name: str, sign: str, value: float) -> bool:
    """Say whether a figure meets its target."""
    return bool(found[name] >= value if sign == ">=" else found[name] <= value)


if __name__ == "__main__":
    main()
