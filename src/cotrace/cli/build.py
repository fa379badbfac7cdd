"""From the words of the command line to the objects of the library."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotrace.errors import OptionError, ReadError, SchemaError

if TYPE_CHECKING:
    from cotrace.grid import Grid
    from cotrace.io import Pings
    from cotrace.options import CompanionRule, StayOptions
    from cotrace.presets import Preset
    from cotrace.store.store import Store

__all__ = [
    "CaseFile",
    "companion_rule",
    "named_preset",
    "open_pings",
    "open_store",
    "preset_line",
    "read_cases",
    "stay_options",
]

Given = Mapping[str, Any]
#: The parameters of ``read_pings``, of the same names here.
_READ = (
    *("device", "time", "lon", "lat", "x", "y", "tower"),
    *("towers", "accuracy", "crs", "tz", "unit", "time_format", "clock_change", "errors", "refused_cap"),
)
#: What a store has of its own; the zone and unit of times are asked of other files too.
_OF_STORES = (*(name for name in _READ if name not in ("tz", "unit")), "by", "max_gap", "fill", "smooth")
_NONE = "none"


def open_pings(given: Given) -> Pings:
    """Open the input: every option that was given goes to ``read_pings`` under its own name."""
    from cotrace.io import read_pings

    paths = list(given["paths"])
    if any(_is_store(path) for path in paths):
        raise OptionError("a store is among the inputs: this command reads pings")
    named = {name: given[name] for name in _READ if given.get(name) is not None}
    if "," in named.get("tower", ""):
        named["tower"] = tuple(part.strip() for part in named["tower"].split(","))
    return read_pings(paths[0] if len(paths) == 1 else paths, **named)


def _is_store(path: str) -> bool:
    return (Path(path) / "manifest.sqlite").is_file()


def open_store(given: Given) -> Store | None:
    """Open the store that the input is; None where the input is pings.

    Raises
    ------
    GridError, OptionError
        When options of pings or of stays are given, or a preset's are not the store's.
    """
    if len(given["paths"]) != 1 or not _is_store(given["paths"][0]):
        return None
    from cotrace.companions.find import _check_options
    from cotrace.store.store import Store

    named = [name for name in (*_OF_STORES, "cell_m", "origin") if given.get(name) is not None]
    if named:
        words = ", ".join("--" + name.replace("_", "-") for name in named)
        raise OptionError(
            f"{words}: the input is a store, which was made with options of its own: leave it out"
        )
    store = Store(given["paths"][0], create=False, threads=given["threads"])
    if (preset := named_preset(given)) is not None:
        own, asked = store.snapshot.options, preset.options
        if _same_square(own.grid, asked.grid):
            asked = replace(asked, grid=own.grid)
        _check_options(store.snapshot, asked)
    return store


def named_preset(given: Given) -> Preset | None:
    """Look the preset up, or None when none was asked for."""
    name = given.get("preset")
    if name is None:
        return None
    from cotrace.presets import PRESETS

    if name not in PRESETS:
        raise OptionError(f"preset={name!r} is not one of {', '.join(map(repr, PRESETS))}")
    return PRESETS[name]


def companion_rule(given: Given, preset: Preset | None) -> CompanionRule:
    """Make the rule: the preset's or the default one, with what was given in its place."""
    from cotrace.options import CompanionRule

    changes = {f.name: given[f.name] for f in fields(CompanionRule) if given.get(f.name) is not None}
    for name in ("min_cumulative", "per"):
        if changes.get(name) == _NONE:
            changes[name] = None
    if "strict" in changes:
        changes["strict"] = {"both": True, "no": False}.get(changes["strict"], changes["strict"])
    return replace(preset.rule, **changes) if preset else CompanionRule(**changes)


def stay_options(given: Given, preset: Preset | None, pings: Pings) -> StayOptions:
    """Make the options of stays; a grid of another size or origin is of the kind that fits the input."""
    from cotrace.options import PingPong, StayOptions

    base = preset.options if preset else StayOptions()
    changes = {name: given[name] for name in ("by", "max_gap", "fill") if given.get(name) is not None}
    smooth = given.get("smooth")
    if smooth is not None:
        changes["smooth"] = None if smooth == _NONE else PingPong(within=smooth)
    base = replace(base, **changes)
    return replace(base, grid=_fitting_grid(given, base, pings))


def _fitting_grid(given: Given, base: StayOptions, pings: Pings) -> Grid | None:
    from cotrace.grid import Grid

    named = {"cell_m": given.get("cell_m"), "origin": given.get("origin")}
    asked = {name: value for name, value in named.items() if value is not None}
    if base.by == "tower":
        if asked:
            words = " and ".join("--" + name.replace("_", "-") for name in asked)
            raise OptionError(
                f"{words} shapes a grid, and with by='tower' towers are the cells: leave one out"
            )
        return None
    if base.grid is not None:
        asked = {"cell_m": base.grid.cell_m, "origin": base.grid.origin, **asked}
    if not asked:
        return None  # the library's own choice
    if pings.positions == "xy":
        return Grid.projected(crs=pings.crs, **asked) if pings.crs else Grid.planar(**asked)
    return Grid.geographic(**asked)


def preset_line(preset: Preset, rule: CompanionRule, options: StayOptions) -> str:
    """Name the preset, its source, and every option that was given another value."""
    other = []
    for mine, its in ((rule, preset.rule), (options, preset.options)):
        for field in fields(mine):
            new, old = getattr(mine, field.name), getattr(its, field.name)
            if new != old and not (field.name == "grid" and _same_square(new, old)):
                other.append(f"{field.name}={new!r} instead of {old!r}")
    changed = f"; with {', '.join(other)}" if other else ""
    return f"preset {preset.id}, {preset.date}, after {preset.source}{changed}"


def _same_square(new: Grid | None, old: Grid | None) -> bool:
    # the kind of a grid follows the input; its size and origin are the preset's
    return new is not None and old is not None and (new.cell_m, new.origin) == (old.cell_m, old.origin)


@dataclass(frozen=True)
class CaseFile:
    """The cases as ``find_companions`` takes them, and the SHA-256 of the file that they came from."""

    frame: Any
    sha256: str


def read_cases(path: str) -> CaseFile:
    """Read the cases' file, Parquet or CSV.

    From CSV everything is text: ids keep their leading zeros, and are matched to the pings' type later.
    """
    try:
        body = Path(path).read_bytes()  # once: a pipe has it once, and what is hashed is what is used
    except FileNotFoundError:
        raise ReadError(f"--cases {path}: there is no such file") from None
    except IsADirectoryError:
        raise ReadError(f"--cases {path} is a folder: name a CSV or Parquet file") from None
    frame = _cases_parquet(path, body) if body[:4] == b"PAR1" else _cases_csv(path, body)
    return CaseFile(frame, hashlib.sha256(body).hexdigest())


def _cases_parquet(file: str, body: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"--cases {file} is damaged: {error}") from None


def _cases_csv(file: str, body: bytes) -> dict[str, list[str | None]]:
    try:
        text = body.decode("utf-8-sig")
        head = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
        # as for pings: whichever of these the header has most often
        separator = max(",;\t|", key=lambda mark: (head.count(mark), mark == ","))
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except UnicodeDecodeError:
        raise ReadError(f"--cases {file} is neither Parquet nor text in UTF-8") from None
    except csv.Error as error:
        raise ReadError(f"--cases {file} is damaged: {error}") from None
    rows = [row for row in rows if row]
    header = [name.strip() for name in rows[0]] if rows else []
    doubled = [name for name in header if header.count(name) > 1]
    if not header or doubled:
        what = f"has two columns {doubled[0]!r}" if doubled else "is empty"
        raise SchemaError(
            f"--cases {file} {what}: it wants a header with device, as_of[, infectious_from, isolated_at]"
        )
    below = rows[1:]
    odd = [i for i, row in enumerate(below) if len(row) != len(header)]
    if odd:
        raise ReadError(
            f"--cases {file}: {len(odd)} rows have not the header's {len(header)} fields, first row {odd[0]}"
        )
    # an empty field is no date; an empty device is left for the library to refuse
    return {name: [row[i].strip() or None for row in below] for i, name in enumerate(header)}
