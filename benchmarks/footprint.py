"""What a library costs before it does anything: time to import, size once installed, number of dependencies.

    python benchmarks/footprint.py [--repeat 9] [--record]

Each library gets a fresh virtual environment with nothing else in it, from wheels alone, with the newest versions that
pip chooses; the environment is removed afterwards. Size and number are those of everything that came with it, pip and
setuptools left out. The time to import is the wall time of a whole process, less that of an empty one; the first
imports, which compile bytecode, are not counted. cotrace is built as a wheel first. With ``--record`` the figures go to
benchmarks/results/footprint.json, and docs/footprint.md is made from them; ``--page`` makes the page alone.
"""

from __future__ import annotations

import argparse
import platform
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


def process(python: Path, code: str) -> tuple[float, str]:
    """Return how long a process takes, and the last line of what it said if it failed."""
    begun = time.perf_counter()
    done = subprocess.run([str(python), "-W", "ignore", "-c", code], capture_output=True, text=True)
    took = time.perf_counter() - begun
    return took, (done.stderr.strip().splitlines() or ["failed"])[-1] if done.returncode else ""


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
        note = ""
        if not trouble and held and (said := process(python, f"import {code}")[1]):
            note = (
                f"the newest versions install, but the import fails ({said}); measured with {', '.join(held)}"
            )
            trouble = pip(python, what, *held)
        if trouble:
            return {"trouble": trouble}
        said = process(python, f"import {code}")[1]
        if said:
            return {"trouble": said}
        runs: dict[str, list[float]] = {"empty": [], "import": []}
        for _ in range(repeat):
            runs["empty"].append(round(process(python, "pass")[0], 4))
            runs["import"].append(round(process(python, f"import {code}")[0], 4))
        there = distributions(python)
        name = (what or "cotrace").lower()
        return {
            "version": there[name],
            "dependencies": len(there) - 1,
            "bytes": size(Path(folder)),
            "import_s": round(median(runs["import"]) - median(runs["empty"]), 3),
            "runs": runs,
            "installed": there,
            "note": note,
        }


def page(record: dict[str, Any]) -> str:
    """Return docs/footprint.md."""
    rows, notes = [], []
    for name, found in record["libraries"].items():
        if "trouble" in found:
            rows.append(f"| {name} | | | | {found['trouble']} |")
            continue
        mark = ""
        if found["note"]:
            notes.append(f"- {name}: {found['note'].replace('<', '&lt;')}.")
            mark = " (see below)"
        rows.append(
            f"| {name}{mark} | {found['version']} | {found['import_s'] * 1000:,.0f} ms | "
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
            "| | version | import | installed | dependencies |",
            "|---|---|---|---|---|",
            *rows,
            "",
            *notes,
            *([""] if notes else []),
            f"Medians of {record['repeat']} runs in turn with an empty interpreter, whose time is taken off. Python "
            f"{box['python']},",
            f"{box['cores']} cores of {box['cpu']}, {record['finished_at'][:10]}; other work may have been running.",
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
    parser.add_argument("--page", action="store_true", help="only make the page from what was recorded")
    args = parser.parse_args()
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
            found = measure(what, code, held, wheel, args.repeat)
            record["libraries"][name] = found
            shown = found.get("trouble") or {
                k: found[k] for k in ("version", "import_s", "bytes", "dependencies", "note")
            }
            print(f"{name}: {shown}", flush=True)
        record["finished_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        if not args.record:
            return
        write_json(RECORD, record)
    PAGE.write_text(page(read_json(RECORD)), encoding="utf-8")


if __name__ == "__main__":
    main()
