"""What a library costs before it does anything: time to import, size once installed, number of dependencies.

    python benchmarks/footprint.py [--repeat 9] [--record] [--env LIBRARY=FOLDER ...]

Each library gets a fresh virtual environment with nothing else in it, from wheels alone, with the newest versions that
pip chooses; the environment is removed afterwards. Size and number are those of everything that came with it, pip and
setuptools left out. The time to import is the wall time of a whole process, less that of an empty one; the first
imports, which compile bytecode, are not counted; the processors' time is beside it, which other work spoils less. With
``--env`` an environment that was made in the same way is taken in place of a new one. cotrace is built as a wheel
first. With ``--record`` the figures go to benchmarks/results/footprint.json, and docs/footprint.md is made from them;
``--page`` makes the page alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
import venv
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from common import read_json, write_json
from measure import RESULTS, describe_machine, machine

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "footprint.md"
RECORD = RESULTS / "footprint.json"
#: what is installed, what is imported, and what holds it back where the newest of everything does not work
LIBRARIES: dict[str, tuple[str, str, list[str]]] = {
    "cotrace": ("", "cotrace", []),
    "cotrace, its first table read": ("", "cotrace; cotrace.find_stays; cotrace.read_pings({'device': [1, 1],"
    " 'time': [0, 60], 'x': [0.0, 0.0], 'y': [0.0, 0.0]}, unit='s')", []),
    "MovingPandas": ("movingpandas", "movingpandas", []),
    "trackintel": ("trackintel", "trackintel", []),
    "scikit-mobility": (
        "scikit-mobility",
        "skmob",
        ["shapely<2", "pandas<2.1", "numpy<2", "geopandas<0.15", "setuptools<80"],
    ),
}  # fmt: skip


def process(python: Path, code: str) -> tuple[tuple[float, float], str]:
    """Return how long a process takes, what the processors worked, and the last line of what it said if it failed."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(python), "-W", "ignore", "-c", code], capture_output=True, text=True)
    took, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = (done.stderr.strip().splitlines() or ["failed"])[-1] if done.returncode else ""
    return (round(took, 4), round(worked, 4)), said


def pip(python: Path, *arguments: str) -> str:
    """Run pip and return the last line of what went wrong, or nothing."""
    quiet = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--only-binary", ":all:"]
    done = subprocess.run([str(python), *quiet, *arguments], capture_output=True, text=True)
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (errors or ["ERROR: it could not be installed"])[-1] if done.returncode else ""


def distributions(python: Path) -> dict[str, str]:
    """Return what is installed beside pip and setuptools."""
    code = (
        "from importlib.metadata import distributions as d; print(*(f'{x.name}=={x.version}' for x in d()))"
    )
    said = subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    found = dict(one.split("==") for one in said)
    return {name: found[name] for name in sorted(found) if name not in ("pip", "setuptools")}


def size(folder: Path) -> int:
    """Return the bytes of the files in site-packages, without compiled bytecode, pip and setuptools."""
    (packages,) = folder.glob("lib/python*/site-packages")
    files = [p for p in packages.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    ours = [
        p
        for p in files
        if p.relative_to(packages).parts[0].split("-")[0] not in ("pip", "setuptools", "pkg_resources")
    ]
    return sum(p.stat().st_size for p in ours)


def measure(what: str, code: str, held: list[str], wheel: Path, repeat: int) -> dict[str, Any]:
    """Install one library into a fresh environment and return its figures."""
    with tempfile.TemporaryDirectory(prefix="cotrace-footprint-") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        trouble = pip(python, what or str(wheel))
        if not trouble and held and process(python, f"import {code}")[1]:
            trouble = pip(python, what, *held)
        return {"trouble": trouble} if trouble else figures(Path(folder), what, code, held, repeat)


def figures(folder: Path, what: str, code: str, held: list[str], repeat: int) -> dict[str, Any]:
    """Return the figures of a library in its environment."""
    python = folder / "bin" / "python"
    if said := process(python, f"import {code}")[1]:
        return {"trouble": said}
    runs: dict[str, list[tuple[float, float]]] = {"empty": [], "import": []}
    for _ in range(repeat):
        runs["empty"].append(process(python, "pass")[0])
        runs["import"].append(process(python, f"import {code}")[0])
    clock, worked = (
        round(median(r[k] for r in runs["import"]) - median(r[k] for r in runs["empty"]), 3) for k in (0, 1)
    )
    there = distributions(python)
    older = bool(held) and there.get("shapely", there.get("Shapely", "2")).startswith("1")
    note = (
        f"its newest versions install but cannot be imported; measured with {', '.join(held)}"
        if older
        else ""
    )
    return {
        "version": there[(what or "cotrace").lower()],
        "dependencies": len(there) - 1,
        "bytes": size(folder),
        "import_s": clock,
        "import_processors_s": worked,
        "runs": runs,
        "installed": there,
        "note": note,
    }


def page(record: dict[str, Any]) -> str:
    """Return docs/footprint.md."""
    rows, notes = [], []
    for name, found in record["libraries"].items():
        if "trouble" in found:
            rows.append(f"| {name} | | | | | {found['trouble']} |")
            continue
        mark = ""
        if found["note"]:
            notes.append(f"- {name}: {found['note'].replace('<', '&lt;')}.")
            mark = " (see below)"
        rows.append(
            f"| {name}{mark} | {found['version']} | {found['import_s'] * 1000:,.0f} ms | "
            f"{found['import_processors_s'] * 1000:,.0f} ms | "
            f"{found['bytes'] / 1e6:,.0f} MB | {found['dependencies']} |"
        )
    box = record["machine"]
    return "\n".join(
        [
            "# What it costs to have",
            "",
            "<!-- Made by `python benchmarks/footprint.py --record`: no figure is typed by hand. -->",
            "",
            "Time to import, size once installed and number of dependencies, each library alone in a fresh virtual",
            "environment with the newest wheels that pip chooses. Measured by one command:",
            "",
            "```console",
            "python benchmarks/footprint.py --record",
            "```",
            "",
            "| | version | import, by the clock | of the processors | installed | dependencies |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
            *notes,
            *([""] if notes else []),
            f"Medians of {record['repeat']} runs in turn with an empty interpreter, whose time is taken off. Python "
            f"{box['python']},",
            f"{box['cores']} cores of {box['cpu']}, {record['finished_at'][:10]}, with a load of {record['load']:.0f}.",
            "",
            "`import cotrace` loads nothing but itself: NumPy, Arrow and the rest come with the first call that needs",
            "them, which is the second row. What it installs is mostly pyarrow, the compiler (llvmlite) and pandas.",
            "These libraries do different things: the figures say what each costs to have, not what it is worth.",
            "",
        ]
    )


def main() -> None:
    """Measure all, print, and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--record", action="store_true", help="keep the figures and make the page")
    parser.add_argument(
        "--env", action="append", default=[], metavar="LIBRARY=FOLDER", help="made in the same way"
    )
    parser.add_argument("--page", action="store_true", help="only make the page from what was recorded")
    args = parser.parse_args()
    given = {name: Path(folder) for name, folder in (one.split("=", 1) for one in args.env)}
    if not args.page:
        sys.path.insert(0, str(ROOT))
        from tests.release.run import build

        wheel = build()
        print(describe_machine(), flush=True)
        record: dict[str, Any] = {
            "machine": {**machine(), "python": platform.python_version()},
            "repeat": args.repeat,
            "libraries": {},
        }
        for name, (what, code, held) in LIBRARIES.items():
            if folder := given.get(what or "cotrace"):
                found = figures(folder, what, code, held, args.repeat)
            else:
                found = measure(what, code, held, wheel, args.repeat)
            record["libraries"][name] = found
            shown = found.get("trouble") or {k: v for k, v in found.items() if k not in ("runs", "installed")}
            print(f"{name}: {shown}", flush=True)
        record["load"] = round(os.getloadavg()[2], 1)
        record["finished_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        if not args.record:
            return
        write_json(RECORD, record)
    PAGE.write_text(page(read_json(RECORD)), encoding="utf-8")


if __name__ == "__main__":
    main()
