"""What it costs to start: imports beside an empty interpreter, and the first call ever beside a later one.

    python benchmarks/startup.py [--repeat 9] [--record]

Every figure is the wall time of a whole process; medians of runs in turn. The first call is made by a copy of the
package without any compiled code, with an empty folder for machine code; the later call by the same copy right
afterwards.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import data as of
from common import write_json
from measure import RESULTS, SCRIPTS, about_run, describe_machine

JOBS = {
    "empty interpreter": "pass",
    "import cotrace": "import cotrace",
    "import numpy": "import numpy",
    "import pyarrow": "import pyarrow",
    "import pandas": "import pandas",
    "import numba": "import numba",
    "first kernel, kept code": "from cotrace.kernels.times import to_offsets as f; import numpy as n;"
    " f(n.zeros(1, n.int64), 0, n.zeros(1, n.int32))",
}
FIRST, LATER = "first call ever", "later call"


def seconds(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Return how long a process takes."""
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def imports(repeat: int) -> dict[str, list[float]]:
    """Return the seconds of every job, run in turn."""
    commands = {name: [sys.executable, "-c", code] for name, code in JOBS.items()}
    for command in commands.values():  # warm the file cache, and compile
        seconds(command)
    runs: dict[str, list[float]] = {name: [] for name in JOBS}
    for _ in range(repeat):
        for name, command in commands.items():
            runs[name].append(round(seconds(command), 4))
    return runs


def package() -> Path:
    """Return where the package is."""
    spec = importlib.util.find_spec("cotrace")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def calls(made: of.Made, repeat: int) -> dict[str, list[float]]:
    """Return the seconds of the first call and of a later one, each time of a new copy of the package."""
    command = [sys.executable, str(SCRIPTS["cotrace"]), str(made.pings), str(made.cases)]
    runs: dict[str, list[float]] = {FIRST: [], LATER: []}
    for _ in range(repeat):
        with tempfile.TemporaryDirectory(prefix="cotrace-first-") as folder:
            without = shutil.ignore_patterns("__pycache__")
            shutil.copytree(package(), Path(folder) / "src" / "cotrace", ignore=without)
            environment = os.environ | {
                "PYTHONPATH": str(Path(folder) / "src"),
                "NUMBA_CACHE_DIR": str(Path(folder) / "code"),
            }
            for name in runs:
                runs[name].append(round(seconds(command, environment), 4))
            kept = list((Path(folder) / "code").rglob("*"))
            assert kept, "the first call kept no machine code: it did not use the empty folder"
    return runs


def main() -> None:
    """Run as a process and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--first-calls", type=int, default=5, help="how often the first call is made")
    parser.add_argument("--rows", type=int, default=1_000_000, help="pings of the calls")
    parser.add_argument("--data", type=Path, default=Path("bench-data"), help="where pings go")
    parser.add_argument("--record", action="store_true", help="keep the figures in benchmarks/results")
    args = parser.parse_args()
    made = of.make(of.Data(rows=args.rows), args.data)
    print(f"start-up; calls on {of.describe(made.about)}\n{describe_machine()}", flush=True)
    runs, first = imports(args.repeat), calls(made, args.first_calls)
    empty = median(runs["empty interpreter"])
    for name, times in (runs | first).items():
        print(f"{name:28s} {median(times) * 1000:7.0f} ms   {(median(times) - empty) * 1000:+7.0f} ms")
    if args.record:
        about = {
            **about_run(),
            "python": platform.python_version(),
            "versions": {p: version(p) for p in ("cotrace", "numpy", "pyarrow", "pandas", "numba")},
            "data": made.about,
            "runs": runs,
            "calls": first,
        }
        write_json(RESULTS / "startup.json", about)


if __name__ == "__main__":
    main()
