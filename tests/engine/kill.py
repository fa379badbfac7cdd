"""Executors killed in the middle of a job: the result is the same, and nothing is there twice.

    python -m tests.engine.kill --times 10 --seed 1

starts two executor processes, runs the companion rule on made pings, kills one of them (SIGKILL) at a random moment of
each run, and holds every run to the first one, which was left alone. Prints one line a run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import threading
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import cotrace
from cotrace.engine import spark as on_spark

__all__ = ["Killed", "killed_runs"]

_DAY = 86_400
_AS_OF = "2021-11-08T00:00:00+00:00"
_FIRST = 1_635_724_800
RULE = cotrace.CompanionRule(min_cumulative="3h")


def made(rows: int, seed: int = 7) -> pa.Table:
    """Return a week of pings of devices that stay in a few hundred cells, in no order."""
    rng = np.random.default_rng(seed)
    devices = max(20, rows // 300)
    device = rng.integers(0, devices, rows)
    time_ = _FIRST + rng.integers(0, 7 * _DAY // 600, rows) * 600
    home = device % 97
    place = np.where(time_ // 14_400 % 3 == 0, home, (home * 7 + time_ // 14_400) % 211)
    columns = [device, time_, place % 15 * 800.0 + 1, place // 15 * 800.0 + 1]
    return pa.table([pa.array(column) for column in columns], names=["device", "time", "x", "y"])


@dataclass(frozen=True)
class Killed:
    """One run: when an executor was killed, whether the job still ran then, and whether all was the same."""

    after_s: float
    took_s: float
    in_the_middle: bool
    same: bool
    rows: int


def executors(session: Any) -> list[int]:
    """Return the process ids of this application's executors."""
    mark, found = session.sparkContext.applicationId, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if (
                "CoarseGrainedExecutorBackend" in words
                and mark in words
                and words.split("\0")[0].endswith("java")
            ):
                found.append(int(folder.name))
    return sorted(found)


def answer(session: Any, table: pa.Table) -> tuple[dict[str, pa.Table], int]:
    """Return the tables of companions, in order, and how many rows were counted."""
    pings = on_spark.read_pings(session.createDataFrame(table).repartition(8), unit="s")
    found = on_spark.find_companions(pings, list(range(0, 60, 3)), as_of=_AS_OF, rule=RULE)
    try:
        tables = {name: getattr(found, name).toArrow() for name in ("companions", "evidence", "funnel")}
        return {
            n: t.sort_by([(c, "ascending") for c in t.column_names]) for n, t in tables.items()
        }, found.counts.rows
    finally:
        found.unpersist()


def killed_runs(session: Any, times: int, seed: int, rows: int) -> list[Killed]:
    """Run the job once as it is, and then with an executor killed at a random moment, so many times."""
    rng, table, runs = random.Random(seed), made(rows), []
    answer(session, made(3_000))  # what is started once is not to be timed
    begun = time.perf_counter()
    wanted, n = answer(session, table)
    length = time.perf_counter() - begun
    assert n == rows
    assert wanted["companions"].num_rows
    for _ in range(times):
        runs.append(_one(session, table, wanted, rng.uniform(0.1, 0.8) * length, rng))
    return runs


def _one(session: Any, table: pa.Table, wanted: Any, after: float, rng: random.Random) -> Killed:
    running, killed = threading.Event(), []
    running.set()

    def kill() -> None:
        time.sleep(after)
        there = executors(session)
        if there:
            os.kill(rng.choice(there), signal.SIGKILL)
            killed.append(running.is_set())

    thread, begun = threading.Thread(target=kill), time.perf_counter()
    thread.start()
    found, n = answer(session, table)
    running.clear()
    took = time.perf_counter() - begun
    thread.join()
    same = n == table.num_rows and all(found[name].equals(wanted[name]) for name in wanted)
    return Killed(after, took, bool(killed and killed[0]), same, n)


def main() -> None:
    from tests.engine.cluster import started

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rows", type=int, default=600_000)
    asked = parser.parse_args()
    warnings.simplefilter("ignore", cotrace.CotraceWarning)
    session = started("local-cluster[2,1,2048]", spark_sql_shuffle_partitions="16")
    try:
        runs = killed_runs(session, asked.times, asked.seed, asked.rows)
    finally:
        session.stop()
    for number, run in enumerate(runs):
        print(
            f"run {number}: an executor killed after {run.after_s:.1f} s"
            f"{'' if run.in_the_middle else ' (the job was over)'}; done after {run.took_s:.1f} s; "
            f"{'the same' if run.same else 'ANOTHER RESULT'}, {run.rows:,} rows"
        )
    middle = sum(run.in_the_middle for run in runs)
    print(f"{middle} of {len(runs)} in the middle of the job; {sum(run.same for run in runs)} the same")
    if not all(run.same for run in runs):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
