"""What it costs to import cotrace, beside an empty interpreter and the packages that it puts off.

    python benchmarks/startup.py [--repeat 9] [--record]

Every figure is the wall time of a whole process; medians of runs in turn.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

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


def seconds(code: str) -> float:
    """Return how long a fresh interpreter takes to run ``code``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main() -> None:
    """Run as a process and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--record", action="store_true", help="keep the figures in benchmarks/results")
    args = parser.parse_args()
    for code in JOBS.values():  # warm the file cache, and compile
        seconds(code)
    runs = {name: [] for name in JOBS}
    for _ in range(args.repeat):
        for name, code in JOBS.items():
            runs[name].append(round(seconds(code), 4))
    empty = median(runs["empty interpreter"])
    for name, times in runs.items():
        print(f"{name:28s} {median(times) * 1000:7.0f} ms   {(median(times) - empty) * 1000:+7.0f} ms")
    if args.record:
        about = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "versions": {p: version(p) for p in ("cotrace", "numpy", "pyarrow", "pandas", "numba")},
            "runs": runs,
        }
        path = Path(__file__).parent / "results" / "startup.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
