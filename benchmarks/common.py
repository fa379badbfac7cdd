"""What the benchmark processes share: stages, peak memory, the hash of a result, the line that they print.

Light on purpose: nothing here may load NumPy, or start-up would be charged to tools that do not need it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

#: The columns of the result that is compared, all whole numbers: times are unix seconds.
COLUMNS = (
    "case_id",
    "as_of",
    "companion_id",
    "n_episodes",
    "n_cells",
    "shared_s",
    "longest_s",
    "first_started_at",
    "last_finished_at",
    "case_dwell_s",
    "companion_dwell_s",
)

#: The rule with its defaults, in seconds and metres.
MIN_SHARED_S = 600
MIN_CUMULATIVE_S = 30 * 3600
LOOKBACK_S = 14 * 86_400
MAX_GAP_S = 75 * 60
CELL_M = 800


#: The columns of the evidence that are compared.
EVIDENCE = ("case_id", "as_of", "companion_id", "cell", "started_at", "finished_at", "shared_s")
#: The columns of stays that are compared.
STAYS = ("device", "cell", "started_at", "finished_at")


def tool_parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the arguments that all compared processes take."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    parser.add_argument("--text-ids", action="store_true", help="device ids are strings")
    parser.add_argument("--towers", type=Path, help="where towers stand, for a tower log")
    parser.add_argument("--evidence", type=Path, help="write the evidence too, to this Parquet file")
    return parser


def read_cases(path: Path, text: bool = False) -> list[tuple[Any, int]]:
    """Read cases: device, as it is in the pings, and as_of in unix seconds."""
    with path.open(newline="", encoding="utf-8") as lines:
        return [
            (
                row["device"] if text else int(row["device"]),
                int(datetime.fromisoformat(row["as_of"]).timestamp()),
            )
            for row in csv.DictReader(lines)
        ]


def read_json(path: Path) -> Any:
    """Read a JSON file; None where there is none."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def write_json(path: Path, value: object) -> None:
    """Write a JSON file at once: whoever stops this never leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def hash_rows(rows: Iterable[Sequence[int]]) -> str:
    """Return the SHA-256 of rows of integers, sorted, each value as eight little-endian bytes."""
    flat = array("q", [value for row in sorted(rows) for value in row])
    if sys.byteorder == "big":
        flat.byteswap()
    return hashlib.sha256(flat.tobytes()).hexdigest()


def hash_columns(columns: Sequence[object]) -> str:
    """Return the same hash from columns that NumPy understands; for tools that have loaded it anyway."""
    import numpy as np

    table = np.column_stack([np.asarray(column, dtype="<i8") for column in columns])
    order = np.lexsort(table.T[::-1])
    return hashlib.sha256(np.ascontiguousarray(table[order]).tobytes()).hexdigest()


def number(value: float) -> str:
    """Write a number for people: whole from a hundred on, else with three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def peak_memory() -> dict[str, int]:
    """Return the peak resident memory of this process, and what is anonymous of it now, in bytes."""
    status = {}
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            name, _, value = line.partition(":")
            if name in ("VmHWM", "RssAnon", "RssFile"):
                status[name] = int(value.split()[0]) * 1024
    return {"peak_bytes": status["VmHWM"], "anonymous_at_end_bytes": status["RssAnon"]}


class Stages:
    """Seconds by stage, in the order in which the stages ran."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what runs inside and add it to stage ``name``."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def report(tool: str, *, rows: int, digest: str | None, stages: Stages, **more: object) -> None:
    """Print the one line of JSON that a benchmark process ends with."""
    line = {"tool": tool, "rows": rows, "hash": digest}
    line["stages"] = {name: round(s, 4) for name, s in stages.seconds.items()}
    print(json.dumps(line | peak_memory() | more), flush=True)
