"""Run benchmark processes and measure them from outside: wall time, CPU time and peak memory of each.

Light on purpose: what this process holds when it starts another counts towards the other's peak memory.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from common import write_json
from data import Made

HERE = Path(__file__).parent
RESULTS = HERE / "results"
#: A median of fewer rounds says nothing about a target.
FEWEST_ROUNDS = 5
#: From this share of the cores on, other work spoils wall times: a tool with more threads suffers more.
BUSY = 0.1
#: The processes that are compared, and what each is called in tables.
SCRIPTS = {
    "cotrace": HERE / "run_cotrace.py",
    "duckdb": HERE / "compare" / "duckdb_companions.py",
    "polars": HERE / "compare" / "polars_companions.py",
    "pandas": HERE / "compare" / "pandas_companions.py",
    "decoding": HERE / "compare" / "decode_parquet.py",
}


def machine() -> dict[str, Any]:
    """Say what this machine is: cores that may be used, model, memory, system."""
    cpu, memory = "unknown", 0
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) * 1024
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu,
        "memory_bytes": memory,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def describe_machine() -> str:
    """Say in a line what this machine is."""
    box = machine()
    memory = f"{box['memory_bytes'] / 2**30:.0f} GiB"
    return f"{box['cores']} cores ({box['cpu']}), {memory}, Python {box['python']}"


def busy_s() -> float:
    """Return the seconds that all cores together were busy since the start, with whatever process."""
    with open("/proc/stat", encoding="ascii") as lines:
        # user, nice, system, idle, waiting, interrupts, soft ones, stolen by the host
        ticks = [int(value) for value in lines.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def run_process(command: list[str]) -> dict[str, Any]:
    """Run a process to its end; return what it cost and the line of JSON that it printed last."""
    load, before = os.getloadavg()[0], busy_s()
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        printed, errors = process.stdout, process.stderr
        assert printed is not None
        assert errors is not None
        text, wrong = printed.read(), errors.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    others = busy_s() - before - usage.ru_utime - usage.ru_stime
    run = {
        "wall_s": round(wall, 4),
        "user_s": round(usage.ru_utime, 4),
        "system_s": round(usage.ru_stime, 4),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 4),
        "load_before": round(load, 2),
        # the share of all cores that other processes had meanwhile
        "others": round(max(0.0, others / wall / (os.cpu_count() or 1)), 3),
        "exit_code": process.returncode,
    }
    if process.returncode:
        return run | {"error": wrong.strip().splitlines()[-1:] or ["no message"]}
    return run | json.loads(text.strip().splitlines()[-1])


def run_tool(tool: str, made: Made, extra: list[str]) -> dict[str, Any]:
    """Run one of the compared processes on made pings."""
    command = [sys.executable, str(SCRIPTS[tool]), str(made.pings), str(made.cases)]
    return {"tool": tool} | run_process(command + extra)


def in_turn(jobs: dict[str, Callable[[], dict[str, Any]]], repeat: int) -> list[dict[str, Any]]:
    """Run all jobs in turn, round by round, and return every run; the first round is not counted."""
    runs, names = [], list(jobs)
    for number in range(repeat + 1):
        # each round begins with another job, so that none always follows the same one
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            run = jobs[name]() | {"job": name, "repeat": number, "counted": number > 0}
            runs.append(run)
            cost = f"{run['wall_s']:8.2f} s wall {run['cpu_s']:8.2f} s CPU"
            kind = f"round {number} of {repeat}" if number else "warm-up"
            wrong = " ".join(run.get("error", []))
            print(f"  {kind:15s} {name:14s} {cost}  {wrong}", file=sys.stderr, flush=True)
    return runs


def counted(runs: list[dict[str, Any]], job: str) -> list[dict[str, Any]]:
    """Return the runs of a job that count and came to an end, in order."""
    return [run for run in runs if run["job"] == job and run["counted"] and not run["exit_code"]]


def failures(runs: list[dict[str, Any]]) -> list[str]:
    """Say which runs failed, and with what."""
    return [f"{r['job']}, round {r['repeat']}: {' '.join(r['error'])}" for r in runs if r["exit_code"]]


def middle(runs: list[dict[str, Any]], job: str, cost: str) -> float:
    """Return the median of what a job cost."""
    return median(run[cost] for run in counted(runs, job))


def ratio(runs: list[dict[str, Any]], job: str, to: str, cost: str) -> float | None:
    """Return the median, over rounds, of a job's cost divided by another's in the same round."""
    others = {run["repeat"]: run for run in counted(runs, to)}
    pairs = [(run, others[run["repeat"]]) for run in counted(runs, job) if run["repeat"] in others]
    return median(a[cost] / b[cost] for a, b in pairs) if pairs else None


def busy_share(runs: list[dict[str, Any]]) -> float:
    """Return the median share of the cores that other processes had during the runs that count."""
    return median([run["others"] for run in runs if run["counted"] and "others" in run] or [0.0])


def about_run() -> dict[str, Any]:
    """Return what every result says of itself: when, and on what machine."""
    return {"finished_at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine()}


def keep(name: str, result: dict[str, Any], folder: Path, record: bool) -> None:
    """Write a result beside the data, and where wanted to where the page is made from."""
    write_json(folder / f"{name}.json", result)
    if record:
        write_json(RESULTS / f"{name}.json", result)
