"""How fast made cities are written: pings a second, daily Parquet files included, with everything switched on.

    python benchmarks/synth.py --rows 20_000_000 [--repeat 5] [--days 14] [--only full sparse gps] [--record]

Three logs of the preset ``xian``, scaled so that each has about so many rows: full signalling (300 to 500 records a
device and day), a sparse feed (about 40), GPS fixes; all with their defaults, which switch every effect on. Whole
processes in turn, the first round not counted. The rate is rows by the time from the finished city to the last file;
what the city and its network take, once, stands beside it, and the processors' time of a row, which hangs less on what
else the machine does. Then, in one process, what encodings of the files cost. It ends with 1 when
a rate misses ``--least``. ``--record`` keeps the result in ``benchmarks/results/synth.json``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from common import Stages, number, report
from measure import (
    about_run,
    busy_share,
    counted,
    describe_machine,
    failures,
    in_turn,
    keep,
    middle,
    run_process,
)

LOGS = ("full", "sparse", "gps")
#: people of the preset, and rows of a person and day, about
PEOPLE, ROWS_A_DAY = 13_000_000, {"full": 365.0, "sparse": 37.0, "gps": 290.0}
#: the bar of the issue, and what is aimed at: rows a second
LEAST, AIM = 5e6, 10e6
ENCODINGS: dict[str, dict[str, Any]] = {
    "plain": {"use_dictionary": False, "compression": "none"},
    "plain, lz4": {"use_dictionary": False, "compression": "lz4"},
    "plain, zstd level 1": {"use_dictionary": False, "compression": "zstd", "compression_level": 1},
    "dictionaries, zstd level 1": {"compression": "zstd", "compression_level": 1},
    "dictionaries": {"compression": "none"},
}


def made_rows(log: str, rows: int, days: int, stages: Stages) -> Any:
    """Return the source of a log of about so many rows."""
    from cotrace import synth

    scale = rows / (days * PEOPLE * ROWS_A_DAY[log])
    with stages("city"):
        city = synth.city("xian", seed=1, scale=scale, days=days)
    if log == "gps":
        return synth.gps(city, seed=1)
    with stages("network"):
        network = synth.towers(city, seed=1)
    return synth.signals(city, network, seed=1, options=synth.FULL if log == "full" else synth.SPARSE)


def one(log: str, rows: int, days: int, threads: int, data: Path) -> None:
    """Be one of the processes that are measured."""
    from cotrace import synth

    stages = Stages()
    made = made_rows(log, rows, days, stages)
    made.block(0, 0, min(2, made.city.population))  # kernels are loaded
    with tempfile.TemporaryDirectory(dir=data) as folder:
        began, cpu = time.perf_counter(), time.process_time()
        written = synth.write(made, folder, threads=threads)
        stages.seconds["write"] = time.perf_counter() - began
        cpu = time.process_time() - cpu
    rate = {"rate": written.rows / stages.seconds["write"], "bytes_a_row": written.size / written.rows}
    rate["ns_a_row"] = cpu / written.rows * 1e9
    about = {"people": made.city.population, "days": days, "counts": written.counts}
    report("synth", rows=written.rows, digest=None, stages=stages, **rate, **about)


def run_one(log: str, args: argparse.Namespace) -> dict[str, Any]:
    """Measure one such process."""
    asked = [f"--{name}={getattr(args, name)}" for name in ("rows", "days", "threads", "data")]
    return run_process([sys.executable, __file__, "--one", log, *asked])


def encodings(data: Path) -> dict[str, dict[str, float]]:
    """Return nanoseconds and bytes a row of one block of full signalling, written in several ways."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from cotrace.synth.writing import encoding_of

    made = made_rows("full", 2_000_000, 1, Stages())
    table = pa.Table.from_batches([next(made.batches(0))])
    found = {}
    with tempfile.NamedTemporaryFile(dir=data, suffix=".parquet") as file:
        for name, how in {"as written": encoding_of(made.names), **ENCODINGS}.items():
            spent = []
            for _ in range(5):
                began = time.process_time()
                pq.write_table(table, file.name, row_group_size=table.num_rows, **how)
                spent.append(time.process_time() - began)
            size = Path(file.name).stat().st_size
            found[name] = {
                "ns_a_row": min(spent) / table.num_rows * 1e9,
                "bytes_a_row": size / table.num_rows,
            }
    return found


def summary(runs: list[dict[str, Any]], log: str) -> dict[str, Any]:
    """Return what a log costs: medians over the rounds."""
    mine = counted(runs, log)
    last = mine[-1]
    costs = {cost: middle(runs, log, cost) for cost in ("rate", "ns_a_row", "peak_bytes", "bytes_a_row")}
    rates = [run["rate"] for run in mine]
    # the processors' time of the writing says what the rate is where nobody else has a share of the cores
    return {
        **costs,
        "rates": [min(rates), max(rates)],
        **{name: last[name] for name in ("rows", "people", "days", "counts")},
        "setup_s": sum(s for name, s in last["stages"].items() if name != "write"),
        "others": busy_share(mine),
    }


def show(log: str, result: dict[str, Any]) -> None:
    """Print a line for a log."""
    low, high = (f"{rate / 1e6:.1f}" for rate in result["rates"])
    print(
        f"{log:7s} {result['rate'] / 1e6:6.1f} M rows/s ({low} to {high}), {number(result['rows'])} rows, "
        f"{result['ns_a_row']:.0f} ns of one core a row, "
        f"{result['bytes_a_row']:.1f} bytes a row, {result['peak_bytes'] / 2**20:,.0f} MiB, "
        f"city and network {result['setup_s']:.1f} s, others had {result['others']:.0%} of the cores",
        flush=True,
    )


def main() -> None:
    """Measure all logs, and print and keep the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", choices=LOGS, nargs="+", default=LOGS)
    parser.add_argument("--least", type=float, default=LEAST, help="rows a second that each log must reach")
    parser.add_argument("--data", type=Path, default=Path("bench-data"))
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--one", choices=LOGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    args.data.mkdir(parents=True, exist_ok=True)
    if args.one:
        one(args.one, args.rows, args.days, args.threads, args.data)
        return
    print(f"synth: {describe_machine()}; {shutil.disk_usage(args.data).free / 1e9:.0f} GB free", flush=True)
    runs = in_turn({log: partial(run_one, log, args) for log in args.only}, args.repeat)
    if failed := failures(runs):
        sys.exit("\n".join(failed))
    logs = {log: summary(runs, log) for log in args.only}
    for log, result in logs.items():
        show(log, result)
    pages = encodings(args.data)
    for name, cost in pages.items():
        print(f"  {name:28s} {cost['ns_a_row']:6.1f} ns a row, {cost['bytes_a_row']:5.1f} bytes a row")
    bars = {"least": LEAST, "aim": AIM, "threads": args.threads}
    keep(
        "synth",
        {"question": "synth", "logs": logs, "encodings": pages, **bars, **about_run()},
        args.data,
        args.record,
    )
    if slow := [log for log, result in logs.items() if result["rate"] < args.least]:
        sys.exit(f"under {args.least / 1e6:g} M rows a second: {', '.join(slow)}")


if __name__ == "__main__":
    main()
