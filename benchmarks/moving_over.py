"""Run the code of docs/moving-over.md in the libraries that it is for, each in an environment of its own.

    python benchmarks/moving_over.py [--record] [--python LIBRARY=PROGRAM ...]

Takes what follows ``<!-- run: library -->`` from the page, runs it in a fresh virtual environment (or with the Python
given) beside a small file of made pings, and holds the devices that it finds against cotrace's contacts.
``--record`` puts the table into the page.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import venv
import warnings
from pathlib import Path
from typing import Any

from footprint import LIBRARIES, pip

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "moving-over.md"
AS_OF = "2021-10-23T00:00:00+08:00"
TELL = "\nimport json; print(json.dumps(sorted(int(d) for d in met)))"


def blocks() -> dict[str, str]:
    """Return the code of the page by library."""
    found = re.findall(
        r"<!-- run: ([\w-]+) -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return dict(found)


def made(folder: Path) -> set[int]:
    """Write three days of a made town as CSV, and return whom cotrace finds."""
    import pyarrow.compute as pc
    import pyarrow.csv as csv

    import cotrace
    from cotrace.demo import city_pings

    city = city_pings(120)
    days = city.filter(
        pc.less(
            city["time"], pc.strptime("2021-10-22T16:00:00", "%Y-%m-%dT%H:%M:%S", "s").cast(city["time"].type)
        )
    )
    csv.write_csv(days, folder / "pings.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stays = cotrace.find_stays(cotrace.read_pings(days))
        return set(cotrace.contacts(stays, [101], as_of=AS_OF)["contact_id"].to_pylist())


def ask(library: str, code: str, folder: Path, python: str | None) -> set[int] | str:
    """Run the code and return the devices that it found, or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="cotrace-moving-") as place:
        if python is None:
            venv.create(place, with_pip=True)
            python = str(Path(place) / "bin" / "python")
            held = next((h for what, _, h in LIBRARIES.values() if what == library), [])
            if trouble := pip(Path(python), library, *held):
                return trouble
        command = [python, "-W", "ignore", "-c", code + TELL]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return set(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    """Run all and say what each found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--record", action="store_true", help="put the table into the page")
    parser.add_argument("--python", action="append", default=[], metavar="LIBRARY=PROGRAM")
    args = parser.parse_args()
    given = dict(one.split("=", 1) for one in args.python)
    lines: list[str] = ["| | devices found | also found by cotrace | by cotrace alone |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory(prefix="cotrace-moving-") as place:
        folder = Path(place)
        ours = made(folder)
        lines.append(f"| cotrace, `contacts` | {len(ours)} | | |")
        for library, code in blocks().items():
            theirs: Any = ask(library, code, folder, given.get(library))
            if isinstance(theirs, str):
                lines.append(f"| {library} | {theirs} | | |")
            else:
                lines.append(f"| {library} | {len(theirs)} | {len(theirs & ours)} | {len(ours - theirs)} |")
            print(lines[-1], flush=True)
    if args.record:
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split("<!-- begin: moving-over -->\n")
        tail = rest.split("<!-- end: moving-over -->\n", 1)[1]
        table = "\n".join(lines)
        PAGE.write_text(
            f"{head}<!-- begin: moving-over -->\n{table}\n<!-- end: moving-over -->\n{tail}", encoding="utf-8"
        )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
