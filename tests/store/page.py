"""Put the figures of docs/store-durability.json into docs/store-durability.md.

``python -m tests.store.page``
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
FIGURES = DOCS / "store-durability.json"
PAGE = DOCS / "store-durability.md"
_BETWEEN = re.compile(r"(<!-- figures: [^\n]*-->\n).*?(<!-- end of figures -->)", re.DOTALL)

#: by section: what was done, and what came of it, with the counts' names
ROWS = {
    "killed_at_random": (
        "SIGKILL at random moments of ingest, late file, forget, compact",
        "{stopped} kills: {before} before it counted, {after} after (with {finished} that were done in time)",
    ),
    "killed_at_every_call": (
        "SIGKILL at every system call of one ingest with its commit",
        "{stopped} calls: {before} before, {after} after",
    ),
    "power_lost": (
        "loss of power at random operations of a store's life, simulated",
        "{points} cuts: {last} times the last version, {next} the one in the making, {none_yet} before there was one",
    ),
    "disk_full": ("disk full", "{points} amounts of room: {refused} refused, {done} done"),
    "no_space_at_every_operation": (
        "no space from the n-th operation on",
        "{points} times: {refused} refused",
    ),
    "io_error_at_every_operation": (
        "an I/O error from the n-th operation on",
        "{points} times: {refused} refused",
    ),
    "memory_limit": (
        "memory limit",
        "{points} limits: {done} done, {memory_error} MemoryError, {died} processes ended by the system or a library",
    ),
    "flipped_bits": (
        "one bit flipped in any file",
        "{flips} flips: {refused} refused, {equal} without effect",
    ),
    "flipped_then_written": (
        "one bit of the manifest flipped, then an ingest",
        "{flips} flips: {refused} refused, {equal} without effect",
    ),
    "readers_and_writer": (
        "eight readers and one writer, {seconds:.0f} s",
        "{versions} versions, {whole} reads of whole versions",
    ),
}


class _Counts(dict[str, Any]):
    def __missing__(self, key: str) -> int:
        return 0


def table(found: dict[str, Any]) -> str:
    """Return the table of figures."""
    lines = ["| what | what came of it | bad |", "|---|---|---:|"]
    for name, (what, came) in ROWS.items():
        if name in found:
            section = found[name]
            counts = _Counts({k: f"{n:,}" for k, n in section["total"].items()}, seconds=section["seconds"])
            lines.append(f"| {what.format_map(counts)} | {came.format_map(counts)} | {section['bad']} |")
    lines += ["", "```console"]
    lines += sorted({f"{section['command']}" for section in found.values()})
    return "\n".join([*lines, "```"])


def page(text: str, found: dict[str, Any]) -> str:
    """Return the page with these figures."""
    return _BETWEEN.sub(lambda match: f"{match[1]}\n{table(found)}\n\n{match[2]}", text)


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(), json.loads(FIGURES.read_text())))


if __name__ == "__main__":
    main()
