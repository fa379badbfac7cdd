"""What companions on Spark say of themselves: on this machine's own words, with the figures of all tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotrace.companions import words
from cotrace.companions.result import Companions
from cotrace.engine.spark.frames import to_arrow
from cotrace.schema import COMPANIONS
from cotrace.tables import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from cotrace.counts import Counts

__all__ = ["not_observed", "summary"]


class _Printed(Companions):
    """The cases' own result with the funnel of all tasks, and the rows that are printed in place of all rows."""

    def __init__(self, whole: Companions, counts: Counts, rows: Table) -> None:
        super().__init__(whole._parts, whole.rule, whole.options, counts, whole.tz, {})
        vars(self)["companions"] = rows

    def __len__(self) -> int:
        return int(self._parts.matches.funnel[:, 2].sum())


def summary(whole: Companions, companions: DataFrame, counts: Counts) -> str:
    """Return the printed form of a local result, and how much was observed; only rows that it shows are collected."""
    from pyspark.sql import functions

    by = ["crowd", functions.desc("shared_s"), *COMPANIONS.sorted_by]
    rows = to_arrow(companions.orderBy(*by).limit(words.SHOWN))
    own = whole.companions.to_arrow().schema
    printed = _Printed(whole, counts, Table(COMPANIONS, rows.cast(own)))
    return "\n".join(filter(None, [words.summary(printed), not_observed(whole)]))


def not_observed(found: Companions) -> str:
    """Say in one sentence for how much of their lookbacks the cases have a cell; nothing where there are none."""
    shares: list[Any] = found.coverage.to_arrow()["observed_share"].to_pylist()
    if not shares:
        return ""
    low, high = (f"{share:.0%}" for share in (min(shares), max(shares)))
    much = low if low == high else f"{low} to {high}"
    whose = f"the case has a cell for {much} of its lookback"
    if len(shares) > 1:
        whose = f"cases have a cell for {much} of their lookbacks"
    return f"Not observed: {whose}; the rest is unknown, and not flagged is not the same as not exposed."
