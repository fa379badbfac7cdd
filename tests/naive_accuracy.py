"""The oracle for how right an answer is: sets, loops and fractions, in plain Python. It imports nothing of cotrace."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Pair = tuple[Any, Any]
NAMES = ("precision", "recall", "f1", "false_per_case", "lift")


def splitmix(seed: int, k: int) -> int:
    """Return output k (from 1) of splitmix64."""
    word = 2**64 - 1
    z = (seed + k * 0x9E3779B97F4A7C15) & word
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & word
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & word
    return z ^ (z >> 31)


def drawn(n: int, replicate: int, seed: int) -> list[int]:
    """Return the cases of one bootstrap sample, by number."""
    return [(splitmix(seed, replicate * n + k) >> 32) * n >> 32 for k in range(1, n + 1)]


def ratio(a: Any, b: Any) -> Fraction | None:
    return None if not b else Fraction(a) / Fraction(b)


def measures(
    cases: list[Any],
    listed: set[Pair],
    truth: set[Pair],
    all_listed: set[Pair],
    all_true: set[Pair],
    devices: int | None,
) -> dict[str, Any]:
    """Measure one part of a result; ``cases`` may hold one case several times."""
    sums = dict.fromkeys(("listed", "hits", "true", "found", "expected"), Fraction(0))
    for case in cases:
        mine = {p for p in listed if p[0] == case}
        theirs = {p for p in truth if p[0] == case}
        sums["listed"] += len(mine)
        sums["hits"] += len(mine & all_true)
        sums["true"] += len(theirs)
        sums["found"] += len(theirs & all_listed)
        if devices is not None:
            sums["expected"] += Fraction(len(mine) * len([p for p in all_true if p[0] == case]), devices - 1)
    return {
        "precision": ratio(sums["hits"], sums["listed"]),
        "recall": ratio(sums["found"], sums["true"]),
        "f1": ratio(sums["hits"] + sums["found"], sums["listed"] + sums["true"]),
        "false_per_case": ratio(sums["listed"] - sums["hits"], len(cases)),
        "lift": ratio(sums["hits"], sums["expected"]),
    }


def ends(values: list[Any], level: float) -> tuple[Any, Any]:
    """Return the outer values of the middle ``level`` of those that are there."""
    kept = sorted(v for v in values if v is not None)
    if not kept:
        return None, None
    tail = (1 - level) / 2 * (len(kept) - 1)
    return kept[math.floor(tail)], kept[math.ceil(len(kept) - 1 - tail)]


def evaluate(
    cases: list[Any],
    listed: list[tuple[Any, ...]],
    truth: list[tuple[Any, ...]],
    *,
    devices: int | None = None,
    replicates: int = 0,
    seed: int = 0,
    level: float = 0.95,
) -> list[dict[str, Any]]:
    """Hold (case, device, setting) to (case, device, setting): a row for all, then one a setting.

    A pair that is there twice has the setting of its first row.
    """
    ours: dict[Pair, Any] = {}
    theirs: dict[Pair, Any] = {}
    for rows, kept in ((listed, ours), (truth, theirs)):
        for case, device, setting in rows:
            if case in cases:
                kept.setdefault((case, device), setting)
    settings = sorted({s for s in (*ours.values(), *theirs.values()) if s is not None})
    rows = []
    for part in [None, *settings]:
        mine = {p for p, s in ours.items() if part is None or s == part}
        true = {p for p, s in theirs.items() if part is None or s == part}
        row: dict[str, Any] = {"part": part, **measures(cases, mine, true, set(ours), set(theirs), devices)}
        samples = [
            measures(
                [cases[k] for k in drawn(len(cases), b, seed)], mine, true, set(ours), set(theirs), devices
            )
            for b in range(replicates if len(cases) > 1 else 0)
        ]
        for name in NAMES:
            row[f"{name}_low"], row[f"{name}_high"] = ends([s[name] for s in samples], level)
        rows.append(row)
    return rows


def list_size(ranked: list[tuple[Any, bool]], missing: int, share: Fraction) -> int | None:
    """Return the least length of a list, whole scores at a time, that holds the share of true pairs."""
    need = math.ceil(share * (sum(t for _, t in ranked) + missing))
    if not need:
        return 0
    for score in sorted({s for s, _ in ranked}, reverse=True):
        top = [t for s, t in ranked if s >= score]
        if sum(top) >= need:
            return len(top)
    return None


def shifts(n: int, cell_m: float) -> list[tuple[float, float]]:
    """Return the shifts in metres: fractions of a cell by the R2 sequence, in whole millimetres."""
    steps = (0.7548776662466927, 0.5698402909980532)
    return [tuple(math.floor((k * s) % 1 * cell_m * 1000) / 1000 for s in steps) for k in range(1, n + 1)]  # type: ignore[misc]


def shifted_grids(
    find: Callable[[float, float], set[tuple[Any, ...]]], n: int, cell_m: float
) -> list[tuple[tuple[Any, ...], bool, int]]:
    """Return (pair, in the base grid, in how many shifted); ``find`` gives the companions for a shift."""
    base, others = find(0.0, 0.0), [find(dx, dy) for dx, dy in shifts(n, cell_m)]
    everybody = base.union(*others)
    return [(pair, pair in base, sum(pair in other for other in others)) for pair in sorted(everybody)]
