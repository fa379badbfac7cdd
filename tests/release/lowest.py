"""The lowest versions that pyproject.toml allows, as constraints for pip.

    python -m tests.release.lowest [EXTRA ...] > lowest.txt
    pip install '.[test]' --constraint lowest.txt

Every ``name>=version`` of the dependencies (and of the extras named) becomes ``name==version``, so an installation with
these constraints has exactly what is claimed to be enough. One mechanism for all: the wheel's test (``make release``)
and whatever runs the suite with the lowest versions.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)(?:\[(?P<extras>[\w, -]+)\])?\s*(?:>=\s*(?P<low>[\w.]+))?")


def constraints(extras: list[str], project: Path = ROOT / "pyproject.toml") -> dict[str, str]:
    """Return the lowest version of each requirement that has one.

    Parameters
    ----------
    extras : list of str
        Extras of the project that are to be held too; extras that they name are followed.
    project : Path
        A pyproject.toml.

    Returns
    -------
    dict
        Version by name; where several bounds are given the greatest of them.
    """
    table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    optional, lowest, seen = table["optional-dependencies"], {}, set()
    ahead = [list(table["dependencies"]), *(optional[extra] for extra in extras)]
    while ahead:
        for requirement in ahead.pop():
            match = _REQUIREMENT.match(requirement)
            assert match, requirement
            name, low = match["name"].lower(), match["low"]
            if name == table["name"]:
                new = {e.strip() for e in match["extras"].split(",")} - seen
                seen |= new
                ahead += [optional[extra] for extra in sorted(new)]
            elif low and _key(low) > _key(lowest.get(name, "")):
                lowest[name] = low
    return lowest


def _key(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def lines(extras: list[str]) -> str:
    """Return the constraints as a file for ``pip install --constraint``."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(constraints(extras).items()))


if __name__ == "__main__":
    sys.stdout.write(lines(sys.argv[1:]))
