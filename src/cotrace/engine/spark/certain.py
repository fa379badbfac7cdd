"""How sure companions at towers are, on Spark: each task holds its own devices against the cases' haunts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.companions.sure import Sure, codes_among, windows_of
from cotrace.engine.spark.frames import Batches, packed_of, tables_of
from cotrace.engine.spark.matching import Matching
from cotrace.footprints.certainty import Meetings, haunts_of_cases, meet
from cotrace.footprints.haunts import place

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from cotrace.companions.cases import Cases
    from cotrace.footprints.haunts import Haunts
    from cotrace.footprints.options import Certainty
    from cotrace.footprints.result import Footprints
    from cotrace.options import CompanionRule
    from cotrace.tables import Stays

__all__ = ["Asked", "Certain", "dwell_of"]


@dataclass(frozen=True)
class Asked:
    """How certainty is asked for, and the haunts of the cases, which is all that a task has to know of them.

    Parameters
    ----------
    options : Certainty
    footprints : Footprints
    haunts : Haunts
        Sojourns in seconds from ``base``. Cells are numbered by the footprints, so they are the same everywhere.
    base : int
    """

    options: Certainty
    footprints: Footprints
    haunts: Haunts
    base: int

    @classmethod
    def of(
        cls,
        options: Certainty,
        footprints: Footprints,
        of_cases: Stays,
        listed: Cases,
        rule: CompanionRule,
    ) -> Asked:
        """Find the haunts of the cases in all of their stays."""
        codes = codes_among(listed.ids, of_cases.devices)
        windows = windows_of(listed, rule, of_cases.base)
        haunts = haunts_of_cases(place(of_cases, footprints), codes, windows, rule, options)
        return cls(options, footprints, haunts, of_cases.base)


@dataclass(frozen=True)
class Certain:
    """The task of the third job: how likely devices of a partition shared a cell with cases.

    A figure of a pair is added up over the haunts of its two devices, in their order, and all stays of a device are in
    one partition: so figures do not hang on how many partitions there are.

    Parameters
    ----------
    matching : Matching
        The task of the second job: it knows who is a companion.
    asked : Asked
    blur_s : int
        Of all pings.
    threads : int
    """

    matching: Matching
    asked: Asked
    blur_s: int
    threads: int

    def __call__(self, batches: Batches) -> Iterator[Any]:
        """Do the work of a partition."""
        stays, _, _ = self.matching.stays(batches)
        if not len(stays):
            return
        asked, listed, rule = self.asked, self.matching.listed, self.matching.rule
        placed = place(stays, asked.footprints)
        haunts = asked.haunts.moved(asked.base - stays.base)
        codes = codes_among(listed.ids, stays.devices)
        found = meet(placed, haunts, codes, rule, asked.options, self.blur_s, self.threads)
        all_s, unknown_s = placed.dwell()
        met = Meetings(*found, unknown_s, all_s, self.blur_s)
        result, _ = self.matching.held(self.matching.near(stays)[0])
        table = Sure(met, stays, asked.footprints, asked.options).table(result).to_arrow()
        yield from packed_of(
            [("certainty", table.replace_schema_metadata(None)), ("dwell", _numbers(all_s, unknown_s))]
        )


def _numbers(all_s: int, unknown_s: int) -> Any:
    import pyarrow as pa

    return pa.table({"all": pa.array([all_s], pa.int64()), "unknown": pa.array([unknown_s], pa.int64())})


def dwell_of(packed: DataFrame) -> tuple[int, int]:
    """Return seconds of all stays, and of those at towers without a footprint, of all tasks; does the job."""
    tables = tables_of(packed, "dwell")
    all_s, unknown_s = (sum(table[name][0].as_py() for table in tables) for name in ("all", "unknown"))
    return all_s, unknown_s
