"""The golden worlds as they were given: 160 small worlds with their answers."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden" / "companions.jsonl.gz"
COMPANIONS = [
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
    "crowd",
]
EVIDENCE = [
    "case_id",
    "as_of",
    "companion_id",
    "cell_col",
    "cell_row",
    "started_at",
    "finished_at",
    "case_dwell_s",
    "companion_dwell_s",
    "crowd",
]


def golden_worlds(chunk: int = 0, chunks: int = 1) -> list[dict[str, Any]]:
    """Return every ``chunks``-th golden world from ``chunk`` on."""
    with gzip.open(GOLDEN) as lines:
        return [json.loads(line) for number, line in enumerate(lines) if number % chunks == chunk]
