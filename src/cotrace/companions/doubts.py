"""What has to be said of a result before anybody trusts it: cases, coverage, thresholds, crowds."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.companions.cases import NEVER, Cases
from cotrace.errors import CotraceWarning
from cotrace.io.refused import outside

if TYPE_CHECKING:
    from cotrace.companions.matching import Matches
    from cotrace.options import CompanionRule

__all__ = [
    "beyond",
    "warn_of_cases",
    "warn_of_coverage",
    "warn_of_crowds",
    "warn_of_span",
    "warn_of_thresholds",
]

_MANY = 100
_FAR = 2**62
_MOSTLY = 0.8


def _warn(message: str, kind: str, **figures: object) -> None:
    warnings.warn(CotraceWarning(message, kind, **figures), stacklevel=outside())


def warn_of_thresholds(rule: CompanionRule) -> None:
    """Warn of thresholds that nothing can reach."""
    for name in ("min_shared", "min_cumulative"):
        value = getattr(rule, name)
        if value is not None and getattr(rule, f"{name}_s") > rule.lookback_s:
            _warn(
                f"{name}={value!r} is longer than the lookback of {rule.lookback}: nothing can reach it",
                "threshold",
                name=name,
            )
    if rule.per_s is not None and rule.per_s < rule.least_shared_s:
        _warn(
            f"per={rule.per!r} is shorter than min_shared={rule.min_shared!r}: nothing can reach it",
            "threshold",
            name="per",
        )


def warn_of_cases(
    cases: Cases,
    seen: NDArray[np.bool_],
    windows: NDArray[np.int64],
    span: tuple[int, int] | None,
    skipped: int,
) -> None:
    """Warn of cases never seen, outside the data (``windows``: int64[cases, 3]), or never infectious."""
    n = len(cases)
    if not n:
        _warn("there are no cases, so nobody is anybody's companion", "cases", cases=0)
    read = f", of which {skipped:,} outside all lookbacks were not read" if skipped else ""
    if unseen := int((~seen).sum()):
        _warn(
            f"{unseen:,} of {n:,} cases were never seen in the pings{read} (the first is in row "
            f"{cases.rows[~seen].min()}): they have no companions here; are their ids of the same kind?",
            "cases",
            never_seen=unseen,
            cases=n,
        )
    if span:
        warn_of_span(cases, seen, windows, span)
    _, end, infectious = windows.T
    never = (infectious >= end) & (cases.infectious_from > -NEVER)
    if never.any():
        _warn(
            f"{int(never.sum()):,} of {n:,} cases are infectious only from the end of their lookback on (the first is "
            f"in row {cases.rows[never].min()}): they have no companions; are infectious_from and isolated_at swapped?",
            "cases",
            never_infectious=int(never.sum()),
            cases=n,
        )


def beyond(
    seen: NDArray[np.bool_], windows: NDArray[np.int64], span: tuple[int, int]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Say of each case that was seen whether its lookback is outside the data, or less than half of it is covered.

    And how many seconds of each are covered.
    """
    first, last = span
    start, end, _ = windows.T
    outside = (end <= first) | (start > last)
    covered = np.minimum(end, last + 1) - np.maximum(start, first)
    return outside & seen, seen & ~outside & (2 * covered < end - start), covered


def warn_of_span(
    cases: Cases, seen: NDArray[np.bool_], windows: NDArray[np.int64], span: tuple[int, int]
) -> None:
    """Warn of lookbacks that the data, which reach over ``span``, do not cover, or not half."""
    n, (first, last) = len(cases), span
    start, end, _ = windows.T
    outside, partly, covered = beyond(seen, windows, span)
    if outside.any():
        _warn(
            f"{int(outside.sum()):,} of {n:,} cases have a lookback outside the data, which reach from {_day(first)} "
            f"to {_day(last)} UTC (the first is in row {cases.rows[outside].min()}): they have no companions here; "
            "are as_of and isolated_at right?",
            "cases",
            outside=int(outside.sum()),
            cases=n,
        )
    if partly.any():
        worst = int(np.where(partly, covered, _FAR).argmin())
        _warn(
            f"for {int(partly.sum()):,} of {n:,} cases the data cover less than half of the lookback (at worst "
            f"{covered[worst] / 86_400:.1f} of {(end - start)[worst] / 86_400:.1f} days; they reach from {_day(first)} "
            f"to {_day(last)} UTC): cumulative dwell can hardly be reached, and not flagged is not the same as not "
            "exposed",
            "cases",
            partly=int(partly.sum()),
            cases=n,
        )


def _day(moment: int) -> str:
    return str(np.datetime64(moment, "s"))


def warn_of_coverage(pings: list[tuple[int, int | None, int | None]] | None, rule: CompanionRule) -> None:
    """Warn of cases that were seen too seldom; ``pings`` are number, median gap and longest gap of each."""
    medians = [median for _, median, _ in pings or [] if median is not None]
    if few := sum(n < 2 for n, *_ in pings or []):
        _warn(
            f"{few:,} of {len(pings or []):,} cases have fewer than two pings in their lookback: nothing can be said "
            "of whom they met",
            "coverage",
            fewer_than_two=few,
        )
    sparse = [m for m in medians if m > rule.min_shared_s > 0]
    if sparse:
        _warn(
            f"for {len(sparse):,} of {len(medians):,} cases the median gap between pings is over min_shared "
            f"({rule.min_shared}; the largest median is {max(sparse):,} s): shared time as short as that is often not "
            "seen, and not flagged is not the same as not exposed",
            "coverage",
            cases=len(sparse),
            largest_median_gap_s=max(sparse),
        )


def warn_of_crowds(matches: Matches) -> None:
    """Warn of long lists most of which come from one cell."""
    companions, most = matches.funnel[:, 2], matches.top[:, 1]
    crowded = (companions >= _MANY) & (most >= _MOSTLY * companions)
    if crowded.any():
        worst = int(np.where(crowded, companions, 0).argmax())
        share = most[worst] / companions[worst]
        _warn(
            f"for {int(crowded.sum()):,} of {companions.size:,} cases one cell brings at least {_MOSTLY:.0%} of the "
            f"companions (in the longest list {share:.0%} of {companions[worst]:,}): look at funnel.top_cell; it is "
            "often the block where the case lives",
            "crowd",
            cases=int(crowded.sum()),
            companions=int(companions[worst]),
            share=float(share),
        )
