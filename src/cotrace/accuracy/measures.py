"""Precision, recall and the like of sums over cases, and their bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.schema_accuracy import MEASURES

__all__ = ["check_replicates", "draw", "draws", "interval", "measured", "measures"]

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]

_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def check_replicates(replicates: int, level: float) -> None:
    """Refuse numbers that give no interval."""
    if isinstance(replicates, bool) or not isinstance(replicates, int) or not 0 <= replicates <= 100_000:
        raise OptionError(f"replicates={replicates!r} is no whole number from 0 (no intervals) to 100,000")
    if not 0 < level < 1:
        raise OptionError(f"level={level!r} is no share between 0 and 1")


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64's hash of each number."""
    z = numbers
    z = (z ^ (z >> np.uint64(30))) * np.uint64(_FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(_SECOND)
    mixed: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
    return mixed


def draws(n: int, replicates: int, seed: int) -> Int64:
    """Return how often each of ``n`` cases is drawn in each replicate: int64[replicates, n].

    Draw *k* of all is splitmix64's output *k* from ``seed``, its upper half as a share of ``n``: it depends on nothing
    but these numbers.
    """
    counts = np.zeros((replicates, n), dtype=np.int64)
    for one in range(replicates):
        counts[one] = draw(n, one, seed)
    return counts


def draw(n: int, one: int, seed: int) -> Int64:
    """Return how often each of ``n`` cases is drawn in one replicate; see :func:`draws`."""
    k = np.arange(one * n + 1, (one + 1) * n + 1, dtype=np.uint64)
    drawn = _mixed(np.uint64(seed % 2**64) + k * np.uint64(_GOLDEN))
    which = (drawn >> np.uint64(32)) * np.uint64(n) >> np.uint64(32)
    return np.bincount(which.astype(np.int64), minlength=n).astype(np.int64)


def _over(a: Any, b: Any) -> Floats:
    top, bottom = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    out: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return out


def measures(sums: Floats, n_cases: int) -> dict[str, Floats]:
    """Return each measure of sums over cases (float64[..., 5]: listed, hits, true, found, expected by chance).

    NaN where there is nothing to divide by.
    """
    listed, hits, true, found, expected = np.moveaxis(sums, -1, 0)
    return {
        "precision": _over(hits, listed),
        "recall": _over(found, true),
        "f1": _over(hits + found, listed + true),
        "false_per_case": _over(listed - hits, np.full(listed.shape, n_cases)),
        "lift": _over(hits, expected),
    }


def interval(values: Floats, level: float) -> tuple[float, float]:
    """Return the ends of the middle ``level`` of values: the values themselves, the outer ones of two; NaN of none."""
    kept = np.sort(values[np.isfinite(values)])
    if not kept.size:
        return float("nan"), float("nan")
    tail = (1 - level) / 2 * (kept.size - 1)
    return float(kept[int(np.floor(tail))]), float(kept[int(np.ceil(kept.size - 1 - tail))])


def measured(per_case: Floats, counts: Int64, level: float) -> dict[str, float | None]:
    """Return the measures of a part of a result, with their intervals.

    Parameters
    ----------
    per_case : float64[cases, 5]
        Listed, hits, true, found and expected, a case.
    counts : int64[replicates, cases]
        How often each case is drawn; intervals need two cases at least.
    level : float
        Coverage of the intervals.
    """
    n = per_case.shape[0]
    whole = measures(per_case.sum(axis=0), n)
    drawn = measures(counts @ per_case, n) if n > 1 and counts.shape[0] else {}
    row: dict[str, float | None] = {}
    for name, _, _ in MEASURES:
        low, high = interval(drawn[name], level) if drawn else (float("nan"), float("nan"))
        for key, value in ((name, float(whole[name])), (f"{name}_low", low), (f"{name}_high", high)):
            row[key] = None if np.isnan(value) else value
    return row
