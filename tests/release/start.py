"""Follow docs/start.md word by word in an empty environment, and count the minutes.

    python -m tests.release.start [--record]

A copy of the checkout goes to an empty folder; every line of the page's ``console`` blocks is run there in turn, and
then every ``>>>`` example with the Python that they installed, what is printed held to the page (savefig too, which the
doctests of the docs skip). ``--record`` keeps the seconds in benchmarks/results/start.json and puts them into the page.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.release.lowest import ROOT

PAGE = ROOT / "docs" / "start.md"
RECORD = ROOT / "benchmarks" / "results" / "start.json"
KEPT = ("src", "pyproject.toml", "README.md", "LICENSE", "docs/start.md")
CHECK = """
import doctest, sys, warnings
warnings.simplefilter("ignore")
failed, tried = doctest.testfile("docs/start.md", module_relative=False)
print(f"{tried} examples, {failed} failed")
sys.exit(failed > 0)
"""


def commands(page: str) -> list[str]:
    """Return the lines of the page's console blocks."""
    blocks = re.findall(r"^```console\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


def checkout(folder: Path) -> None:
    """Copy what a user's checkout has of what the page needs; no example is skipped there."""
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.nb?"))
        else:
            shutil.copy(ROOT / name, folder / name)
    page = folder / "docs" / "start.md"
    page.write_text(page.read_text(encoding="utf-8").replace("  # doctest: +SKIP", ""), encoding="utf-8")


def follow(folder: Path) -> list[tuple[str, float]]:
    """Do what the page says and return each step with its seconds."""
    steps: list[tuple[str, list[str] | str]] = [
        (line, line) for line in commands(PAGE.read_text(encoding="utf-8"))
    ]
    steps.append(("the examples", ["trying/bin/python", "-c", CHECK]))
    took = []
    for name, command in steps:
        begun = time.monotonic()
        done = subprocess.run(
            command, shell=isinstance(command, str), cwd=folder, capture_output=True, text=True
        )
        took.append((name, round(time.monotonic() - begun, 1)))
        print(f"{took[-1][1]:7.1f} s  {name}", flush=True)
        if done.returncode:
            sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
            raise SystemExit(f"the page says {name!r}, and that fails")
    if not (folder / "pair.png").stat().st_size > 10_000:
        raise SystemExit("no picture was drawn")
    return took


def told(record: dict[str, object]) -> str:
    """Return the lines of the page that say how long it took."""
    steps = record["steps"]
    assert isinstance(steps, list)
    total = sum(seconds for _, seconds in steps)
    rows = "\n".join(f"| `{name}` | {seconds:,.0f} s |" for name, seconds in steps)
    return (
        f"{total / 60:.1f} minutes for the machine, installing and compiling included, on {record['machine']}, Python "
        f"{record['python']}, {str(record['finished_at'])[:10]}; the rest is for reading.\n\n"
        f"| step | time |\n|---|---|\n{rows}\n"
    )


def main() -> None:
    """Follow the page, and keep the minutes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="keep the seconds, and put them into the page")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cotrace-start-") as place:
        checkout(Path(place))
        steps = follow(Path(place))
    print(f"{sum(s for _, s in steps) / 60:.1f} minutes")
    if args.record:
        import os

        record = {
            "finished_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": f"{os.cpu_count()} cores ({platform.machine()}), shared with other work",
            "python": platform.python_version(),
            "steps": steps,
        }
        RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split("<!-- begin: start-time -->\n")
        tail = rest.split("<!-- end: start-time -->", 1)[1]
        text = f"{head}<!-- begin: start-time -->\n{told(record)}<!-- end: start-time -->{tail}"
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
