"""Kernels of look-ups, timed on a snapshot of a million devices; elements are look-ups or devices."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

#: elements, and what is timed
Timed = tuple[int, Callable[[], object]]
_DEVICES, _AT = 1_000_000, 1_635_868_800


@cache
def _devices() -> Any:
    return np.random.default_rng(7).permutation(np.arange(_DEVICES) * 7919)


@cache
def _snapshot() -> Any:
    from cotrace import codes

    n = _DEVICES
    rows = {"device": _devices(), "code": ["green"] * n, "reason": ["enrolled"] * n, "since": np.full(n, _AT)}
    with tempfile.TemporaryDirectory() as folder:
        codes.write_snapshot(Path(folder) / "s", rows, at=_AT)
        return codes.Snapshot(Path(folder) / "s")


def looked_up() -> Timed:
    """Look every device up."""
    snapshot, asked = _snapshot(), np.random.default_rng(8).permutation(_devices())
    return asked.size, lambda: snapshot.many(asked, _AT)


def placed() -> Timed:
    """Lay out the file of all devices."""
    from cotrace.codes.snapshot import _place, lay_out

    steps, lo = np.full(_DEVICES, _AT | 1 << 32, dtype=np.uint64), np.arange(_DEVICES + 1)
    laid = lay_out(_devices())
    return _DEVICES, lambda: _place(laid, steps, lo, 7)


def checked() -> Timed:
    """Check every record."""
    from cotrace.kernels.lookups import check_records

    snapshot = _snapshot()
    seed = np.uint64(int(snapshot.head["seed"], 16))
    return _DEVICES, lambda: check_records(snapshot._directory, snapshot._records, seed)


LOOKUPS: dict[str, Callable[[], Timed]] = {
    "hash_words+look_up": looked_up,
    "place_records": placed,
    "check_records": checked,
}
