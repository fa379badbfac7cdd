"""What the heavy runs write down: one JSON file, a section a run, with the command and the machine's versions."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def told(number: int, of: int) -> None:
    """Say now and then how far a run is."""
    if number % 100 == 99:
        print(f"{number + 1}{f' of {of}' if of else ''}", file=sys.stderr, flush=True)


def of_counts(
    what: str, found: Mapping[str, Counter[str]], bad: Iterable[str], start: float, **more: Any
) -> dict[str, Any]:
    """Return a section: counts by name, all together, and how many must not be."""
    total: Counter[str] = sum(found.values(), Counter())
    return {
        "what": what,
        **more,
        "seconds": round(time.time() - start, 1),
        "bad": sum(total[word] for word in bad),
        "total": {**dict(sorted(total.items())), **{word: total[word] for word in bad}},
        "by": {name: {k: v for k, v in sorted(counts.items()) if v} for name, counts in found.items()},
    }


def put(path: Path | None, name: str, section: dict[str, Any]) -> int:
    """Print a section, and put it into the file beside those of other runs; return how many things were bad."""
    import pyarrow as pa

    section = {
        **section,
        "command": " ".join(["python -m", *_module(), *_arguments()]),
        "versions": {
            "python": platform.python_version(),
            "pyarrow": pa.__version__,
            "sqlite": sqlite3.sqlite_version,
            "system": platform.system() + " " + platform.release().split("-")[0],
        },
    }
    print(json.dumps({name: section}, indent=2))
    if path is not None:
        known = json.loads(path.read_text()) if path.exists() else {}
        known[name] = section
        path.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")
    return int(section["bad"])


def _module() -> list[str]:
    spec = sys.modules["__main__"].__spec__
    return [spec.name] if spec is not None else []


def _arguments() -> list[str]:
    """Return the arguments but those that say where on this machine."""
    found = []
    given = iter(sys.argv[1:])
    for word in given:
        if word in ("--where", "--behind"):
            next(given)
        elif word == "--out":
            found += [word, f"docs/{Path(next(given)).name}"]
        else:
            found.append(word)
    return found
