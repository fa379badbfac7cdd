"""Which pings a question is asked of: described, named, made when they are not there, and removed.

Light on purpose, as ``measure.py`` is: the pings are made by another process.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

from common import read_json

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Data:
    """Made pings and their cases; the defaults are the base of every comparison."""

    rows: int = 10_000_000
    days: int = 14
    seed: int = 1
    ids: str = "int"
    positions: str = "xy"
    city_km: float = 60.0
    step_m: float = 1.0
    gaps: float = 0.0
    shuffle: bool = False
    cases: int = 100
    spread_as_of: bool = False


#: What is about the cases alone: pings are made once for all of these.
OF_CASES = ("cases", "spread_as_of")


class Made(NamedTuple):
    """Data that are on disk."""

    folder: Path
    pings: Path
    cases: Path
    about: dict[str, Any]
    is_new: bool


def short(rows: int) -> str:
    """Write a number of rows as people say it: 10m, 100k."""
    for unit, letter in ((10**9, "b"), (10**6, "m"), (10**3, "k")):
        if rows >= unit and rows % unit == 0:
            return f"{rows // unit}{letter}"
    return str(rows)


def pings_label(data: Data) -> str:
    """Name pings after whatever is not as usual about them."""
    parts = [short(data.rows)]
    parts += [f"{data.days}d"] if data.days != 14 else []
    parts += [f"seed{data.seed}"] if data.seed != 1 else []
    parts += [data.ids] if data.ids != "int" else []
    parts += [data.positions] if data.positions != "xy" else []
    parts += [f"{data.city_km:g}km"] if data.city_km != 60 else []
    parts += [f"{data.step_m:g}m"] if data.step_m != 1 else []
    parts += [f"gaps{data.gaps:g}"] if data.gaps else []
    parts += ["shuffle"] if data.shuffle else []
    return "-".join(parts)


def cases_label(data: Data) -> str:
    """Name the cases likewise; empty when they are as usual."""
    parts = [f"{data.cases}cases"] if data.cases != 100 else []
    return "-".join(parts + (["spread_as_of"] if data.spread_as_of else []))


def label(data: Data) -> str:
    """Name pings and cases."""
    return "-".join(part for part in (pings_label(data), cases_label(data)) if part)


def _make_pings(folder: Path, asked: dict[str, Any]) -> None:
    command = [sys.executable, str(HERE / "make_pings.py"), "--out", str(folder)]
    for name, value in asked.items():
        if value is True:
            command.append(f"--{name.replace('_', '-')}")
        elif value is not False:
            command += [f"--{name.replace('_', '-')}", str(value)]
    # what it prints is about the making, not a result
    subprocess.run(command, check=True, stdout=sys.stderr)


def make(data: Data, root: Path) -> Made:
    """Return the data, made now unless they are there from the same arguments."""
    folder, asked = root / pings_label(data), asdict(data)
    pings = {name: value for name, value in asked.items() if name not in OF_CASES}
    about = read_json(folder / "made.json") or {}
    is_new = any(about.get(name) != value for name, value in pings.items())
    if is_new:
        _make_pings(folder, pings)
    cases = folder / "-".join(part for part in ("cases", cases_label(data)) if part)
    cases = cases.with_name(cases.name + ".csv")
    if not cases.exists():
        of_cases = {name: asked[name] for name in OF_CASES}
        _make_pings(folder, of_cases | {"only_cases": True, "cases_file": cases.name})
    about = read_json(folder / "made.json") | {name: asked[name] for name in OF_CASES}
    return Made(folder, folder / "pings", cases, about, is_new)


def remove(made: Made) -> None:
    """Remove pings, and whatever was put beside them."""
    shutil.rmtree(made.folder, ignore_errors=True)


def describe(about: dict[str, Any]) -> str:
    """Say in a line what was made."""
    return (
        f"{about['made_rows']:,} pings, {about['devices']:,} devices, {about['days']} days, "
        f"{about['cases']:,} cases, {about['bytes'] / 1e6:,.0f} MB"
    )


def tool_arguments(tool: str, data: Data, made: Made) -> list[str]:
    """Return what a tool must be told about this data."""
    if tool == "decoding":
        return []
    extra = ["--text-ids"] if data.ids == "string" else []
    if data.positions == "tower":
        extra += ["--towers", str(made.folder / ("towers.csv" if tool == "cotrace" else "tower_cells.csv"))]
    if data.positions == "lonlat" and tool != "cotrace":
        extra += ["--grid", str(made.folder / "grid.json")]
    return extra


def can_answer(tool: str, data: Data) -> bool:
    """Whether a tool's query is written for this data: that of pandas is for integers, x and y."""
    return tool != "pandas" or (data.ids, data.positions) == ("int", "xy")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe data."""
    for field in fields(Data):
        name = f"--{field.name.replace('_', '-')}"
        if isinstance(field.default, bool):
            parser.add_argument(name, action="store_true")
        else:
            choices = {"ids": ("int", "string"), "positions": ("xy", "lonlat", "tower")}.get(field.name)
            parser.add_argument(name, type=type(field.default), default=field.default, choices=choices)


def from_arguments(args: argparse.Namespace) -> Data:
    """Return the data that the arguments describe."""
    return Data(**{field.name: getattr(args, field.name) for field in fields(Data)})
