"""Print the lowest versions that pyproject.toml allows, as requirements: what CI installs once to hold the bounds."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"^([A-Za-z0-9._-]+)>=([0-9.]+)$")


def lowest(requirement: str) -> str | None:
    """Return ``name==version`` of a lower bound; None for other extras of the project itself."""
    found = BOUND.match(requirement.replace(" ", ""))
    if found is None:
        return None
    name, version = found.groups()
    while version.count(".") < 2:
        version += ".0"
    return f"{name}=={version}"


def main() -> None:
    """Print those of the project, and of the extras named on the command line."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"]]
    for extra in sys.argv[1:]:
        asked += project["optional-dependencies"][extra]
    found = (lowest(requirement) for requirement in asked)
    print("\n".join(sorted({line for line in found if line})))


if __name__ == "__main__":
    main()
