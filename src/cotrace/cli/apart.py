"""Nothing that a command reads may be written over by it, or be read as pings by the next run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cotrace.errors import OptionError

__all__ = ["check_apart"]

#: options that name a file to read
_NAMED = (
    *(
        "cases",
        "towers",
        "visits",
        "places",
        "device_table",
        "contacts",
        "adjudications",
        "findings",
        "devices",
        "ids",
        "key_file",
    ),
    *("place", "units", "districts", "regions", "outbreak", "events", "pairs"),
)


def check_apart(out: Path, given: Mapping[str, Any]) -> None:
    """Refuse an ``--out`` that is an input, lies among the inputs, or holds one.

    The inputs are the pings, and every file that an option names. Nothing lets this pass, ``--overwrite`` neither.

    Raises
    ------
    OptionError
        Which says in what way it is not apart.
    """
    place = out.resolve()
    for what, name in _inputs(given):
        source = Path(os.path.expanduser(name))
        there = source.resolve()
        if place == there or _same(place, there):
            raise _refused(out, f"is the input {what}{name}, and would be written over")
        if there.is_dir():
            if place.is_relative_to(there):
                raise _refused(
                    out, f"lies inside the input folder {name}, and would be read with it next time"
                )
        elif not there.exists() and _matches(source, place):
            raise _refused(out, f"is one of {name}, and would be written over or be read with them next time")
        if any(file.resolve().is_relative_to(place) for file in _files(source)):
            raise _refused(out, f"holds the input {what}{name}, and is replaced as a whole")


def _inputs(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from (("", name) for name in given["paths"])
    yield from ((f"--{name.replace('_', '-')} ", given[name]) for name in _NAMED if given.get(name))


def _same(place: Path, source: Path) -> bool:
    # also by another name: a hard link, or another spelling where the file system does not mind capitals
    return place.exists() and source.exists() and place.samefile(source)


def _matches(pattern: Path, place: Path) -> bool:
    """Tell whether a glob would read ``place``, or a folder that it is in."""
    parts, there = Path(os.path.abspath(pattern)).parts, place.parts
    fixed = parts[: next((i for i, part in enumerate(parts) if re.search(r"[*?\[]", part)), 0)]
    if not fixed:
        return False
    base = Path(*fixed).resolve()
    if "**" in parts:
        return place.is_relative_to(base)
    wanted = (*base.parts, *parts[len(fixed) :])
    return len(there) >= len(wanted) and all(map(fnmatchcase, there, wanted))


def _files(source: Path) -> Iterator[Path]:
    """Return what is read, as far as it is there: the files of a glob, or the path itself."""
    if source.exists():
        yield source
        return
    from glob import glob

    yield from map(Path, glob(str(source), recursive=True))


def _refused(out: Path, why: str) -> OptionError:
    return OptionError(f"--out {out} {why}: name another place")
