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
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
#: The processes that are compared, and what each is called in tables.
SCRIPTS = {
    "cotrace": HERE / "run_cotrace.py",
    "duckdb": HERE / "compare" / "duckdb_companions.py",
    "polars": HERE / "compare" / "polars_companions.py",
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


def run_process(command: list[str]) -> dict[str, Any]:
    """Run a process to its end; return what it cost and the line of JSON that it printed last."""
    load = os.getloadavg()[0]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        printed, errors = process.stdout, process.stderr
        assert printed is not None
        assert errors is not None
        text, wrong = printed.read(), errors.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    run = {
        "wall_s": round(wall, 4),
        "user_s": round(usage.ru_utime, 4),
        "system_s": round(usage.ru_stime, 4),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 4),
        "load_before": round(load, 2),
        "exit_code": process.returncode,
    }
    if process.returncode:
        return run | {"error": wrong.strip().splitlines()[-1:] or ["no message"]}
    return run | json.loads(text.strip().splitlines()[-1])


def run_tool(tool: str, data: Path, extra: list[str]) -> dict[str, Any]:
    """Run one of the compared processes on a folder of made pings."""
    command = [sys.executable, str(SCRIPTS[tool]), str(data / "pings"), str(data / "cases.csv")]
    return {"tool": tool} | run_process(command + extra)
