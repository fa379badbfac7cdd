"""Companions of cases, as Spark DataFrames."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import view
from cotrace.companions import words
from cotrace.companions.cases import Cases, match_ids
from cotrace.companions.doubts import beyond, warn_of_cases, warn_of_coverage, warn_of_crowds, warn_of_span
from cotrace.companions.result import NOT_ASKED, Companions
from cotrace.companions.sure import warn_of_unplaced
from cotrace.counts import Counts
from cotrace.engine.spark import frames
from cotrace.engine.spark.certain import Asked, Certain, dwell_of
from cotrace.engine.spark.crowds import Crowds, WithCrowd
from cotrace.engine.spark.frames import PACKED, frame_of, plain_schema, to_arrow, unpacked
from cotrace.engine.spark.matching import (
    CROWD,
    FUNNEL_KEY,
    SUMS,
    Matching,
    held_to_cases,
    keys_of_cases,
    tops_of,
)
from cotrace.engine.spark.parts import table_of
from cotrace.engine.spark.source import Where
from cotrace.engine.spark.stays import warn_of_pings
from cotrace.engine.spark.telling import not_observed, summary
from cotrace.engine.spark.work import Report, read_reports
from cotrace.errors import OptionError
from cotrace.options import CompanionRule
from cotrace.schema import CASES, COMPANIONS, COVERAGE, EVIDENCE, FUNNEL, TableSchema
from cotrace.schema_certainty import CERTAINTY

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from cotrace.tables import Stays

__all__ = ["SparkCompanions"]

Int64 = NDArray[np.int64]


class SparkCompanions:
    """Companions of cases, as Spark DataFrames; made by :func:`find_companions`.

    The work is done when a table is first asked for, and kept until :meth:`unpersist`.

    Attributes
    ----------
    rule : CompanionRule
    options : StayOptions
        How stays were made, grid and fill filled in.
    tz : str
        Time zone of the results.
    packed : pyspark.sql.DataFrame
        What the tasks gave, packed.
    """

    def __init__(
        self,
        where: Where,
        listed: Cases,
        of_cases: Stays,
        coverage: list[Any] | None,
        rule: CompanionRule,
        sure: Asked | None = None,
    ) -> None:
        self._where, self._listed, self._of_cases, self._sure = where, listed, of_cases, sure
        self.rule, self.options, self.tz = rule, where.meaning.options, where.meaning.tz
        known = None if coverage is None else [c or (0, None, None) for c in coverage]
        self._own, _ = held_to_cases(of_cases, listed, rule, known)
        index, matches = self._own._parts.index, self._own._parts.matches
        self._own_tops = tops_of(index, matches, listed, cases_too=True)
        self._seen: NDArray[np.bool_] = (
            index.case_codes >= 0
            if coverage is None
            else np.array([c is not None for c in coverage], dtype=bool)
        )
        self._warned = False
        warn_of_cases(listed, self._seen, self._windows, None, 0)
        warn_of_coverage(known, rule)
        self._cells = of_cases.cells.values
        keys, funnel = keys_of_cases(of_cases, listed, rule), np.ascontiguousarray(matches.funnel)
        mine = table_of(of_cases)
        self._task = Matching(where.how, where.meaning, listed, mine, self._cells, keys, rule, funnel)
        self.packed = frames.mapped(where.near, self._task, PACKED).persist()

    def unpersist(self) -> None:
        """Let go of what the tasks gave; a table that is asked for again is computed anew."""
        self.packed.unpersist()
        if "_certain" in vars(self):
            self._certain.unpersist()

    @property
    def cases(self) -> DataFrame:
        """One row a case, as it was used. Columns: :ref:`data-model-cases`."""
        return self._of_driver(CASES, self._own.cases.to_arrow())

    @cached_property
    def companions(self) -> DataFrame:
        """One row a (case, as_of, companion). Columns: :ref:`data-model-companions`."""
        self._warn()
        return self._of_tasks(COMPANIONS)

    @cached_property
    def evidence(self) -> DataFrame:
        """One row a qualifying episode. Columns: :ref:`data-model-evidence`."""
        self._warn()
        return self._of_tasks(EVIDENCE)

    @cached_property
    def funnel(self) -> DataFrame:
        """One row a (case, as_of): how many are left after each clause. Columns: :ref:`data-model-funnel`."""
        self._warn()
        return self._of_driver(FUNNEL, self._whole.funnel.to_arrow())

    @property
    def coverage(self) -> DataFrame:
        """One row a (case, as_of): what was observed at all. Columns: :ref:`data-model-coverage`."""
        return self._of_driver(COVERAGE, self._own.coverage.to_arrow())

    @cached_property
    def certainty(self) -> DataFrame:
        """One row a pair that may have shared a grid cell, where certainty was asked for.

        Columns: :ref:`data-model-certainty`. A third job, which reads the input once more; of pings the second one
        comes before it, as it counts the pings and their dwell, which the blur is made of.
        """
        if self._sure is None:
            raise OptionError(NOT_ASKED)
        packed = self._certain
        if self.report is not None:
            self._warn()
        all_s, unknown_s = dwell_of(packed)
        warn_of_unplaced(unknown_s, all_s, self._sure.footprints)
        return unpacked(packed, "certainty", self._schema(CERTAINTY))

    @cached_property
    def _certain(self) -> DataFrame:
        """What the tasks of the third job give, packed."""
        assert self._sure is not None
        report, where = self.report, self._where
        dwell_s, used = (0, 0) if report is None else (report.dwell_s, report.counts.used)
        threads = 1 if where.how is None else where.how.threads
        task = Certain(self._task, self._sure, self._sure.options.blur_s(dwell_s, used), threads)
        return frames.mapped(where.every, task, PACKED).persist()

    @cached_property
    def counts(self) -> Counts:
        """What became of every row of the pings; all zero where stays were given."""
        self._warn()
        return Counts() if self.report is None else self.report.counts

    @cached_property
    def refused(self) -> DataFrame:
        """Rows that cannot be used: row, reason, and the columns of the pings that are used; none of stays.

        As many as ``refused_cap`` of :func:`read_pings` says, of all tasks together. ``row`` counts within the
        partition that the row was in after the pings were brought together by device.
        """
        schema, where = self._where.refused, self._where
        rows = unpacked(self.packed, "refused", schema)
        return rows.limit(0 if where.how is None else where.how.recipe.refused_cap)

    def _warn(self) -> None:
        """Warn, once, of what only the second job shows: of rows, of the time that the data cover, of crowds."""
        if self._warned:
            return
        if self.report is not None and self._where.how is not None:
            warn_of_pings(self.report, self._where.how, "; .refused has the first of them")
        span = self._span
        if span is not None:
            warn_of_span(self._listed, self._seen, self._windows, span)
        warn_of_crowds(self._whole._parts.matches)
        self._warned = True

    @property
    def _windows(self) -> Int64:
        return self._listed.windows(self.rule.lookback_s)

    @cached_property
    def _span(self) -> tuple[int, int] | None:
        """The first and the last second of the data, as far as it matters.

        A frame of stays is asked only where the cases' own stays leave a doubt: the data reach no less far than these.
        """
        if self.report is not None:
            return self.report.span
        of_cases = self._of_cases.span
        if of_cases is None or not any(
            some.any() for some in beyond(self._seen, self._windows, of_cases)[:2]
        ):
            return of_cases
        return self._where.span()

    @cached_property
    def report(self) -> Report | None:
        """What the tasks said of the pings and of themselves; None where stays were given."""
        if self._where.how is None:
            return None
        rows = to_arrow(self.packed.where(self.packed["kind"] == "report").select("payload"))
        return read_reports([row.as_py() for row in rows["payload"]])

    @cached_property
    def _whole(self) -> Companions:
        """The driver's part with the funnel of all tasks; its other tables are of cases alone."""
        rows = self._sums[self._sums[:, 0] != CROWD]
        old = self._own._parts.matches
        funnel, top = old.funnel.copy(), old.top.copy()
        of_cells = rows[:, 1] != FUNNEL_KEY
        funnel[rows[~of_cells, 0]] += rows[~of_cells, 2:6]
        most = np.concatenate([rows[of_cells][:, [0, 1, 6]], self._own_tops])
        for case in np.unique(most[:, 0]).tolist():
            mine = most[most[:, 0] == case]
            totals = np.bincount(mine[:, 1], mine[:, 2])
            top[case] = totals.argmax(), totals.max()
        matches = replace(old, funnel=funnel, top=top)
        return Companions(
            replace(self._own._parts, matches=matches), self.rule, self.options, Counts(), self.tz, {}
        )

    @cached_property
    def _crowds(self) -> Crowds:
        """The devices in the cells and hours that matter, from all tasks."""
        rows = self._sums[self._sums[:, 0] == CROWD]
        order = np.argsort(rows[:, 1])
        return Crowds(self._cells, rows[order, 1], rows[order, 6])

    @cached_property
    def _sums(self) -> Int64:
        """What is added up over tasks, few by nature: by hour and cell of cases, and by case."""
        import pyarrow as pa

        parts = unpacked(self.packed, "sums", pa.schema([pa.field(name, pa.int64(), False) for name in SUMS]))
        summed = to_arrow(parts.groupBy(*SUMS[:2]).sum(*SUMS[2:]))
        return np.stack([view(column.combine_chunks(), np.int64) for column in summed.columns], axis=1)

    def _of_tasks(self, schema: TableSchema) -> DataFrame:
        change = WithCrowd(self._crowds, schema.name)
        arrow = self._schema(schema)
        own = change.of(self._own.evidence.to_arrow(), self._own.companions.to_arrow())
        found = unpacked(self.packed, "found", arrow, change)
        session = self.packed.sparkSession
        return found.unionAll(frame_of(session, own, arrow)) if own.num_rows else found

    def _of_driver(self, schema: TableSchema, table: pa.Table) -> DataFrame:
        return frame_of(self.packed.sparkSession, table, self._schema(schema))

    def _schema(self, schema: TableSchema) -> pa.Schema:
        return plain_schema(schema, self._where.meaning.device, self._where.meaning.cell, self.tz)

    def explain(
        self,
        case: Any,
        companion: Any,
        *,
        as_of: Any = None,
        audience: Literal["tracer", "companion"] = "tracer",
    ) -> str:
        """Say in words why a device is on a case's list, and what speaks against it.

        A job collects the stays of this one device; crowds are those of all devices.

        Parameters
        ----------
        case, companion, as_of, audience
            As of :meth:`cotrace.Companions.explain`.

        Returns
        -------
        str
            What a local result says of the two.

        Raises
        ------
        CaseError
            When the device is no case of this result, or has several ``as_of`` and none was named.
        """
        device = match_ids([companion], self._where.meaning.device)[0]
        words.case_number(self._own, case, as_of)
        if audience not in ("tracer", "companion") or device in self._listed.ids.to_pylist():
            stays = self._of_cases  # nobody else is asked for, or it is going to be refused
        else:
            stays = self._where.stays_with(self._of_cases, device)
        found, _ = held_to_cases(stays, self._listed, self.rule, self._own._parts.pings)
        if device in found.companions.to_arrow()["companion_id"].to_pylist():
            found = self._crowds.filled(found)
        return found.explain(case, companion, as_of=as_of, audience=audience)

    def summary(self) -> str:
        """Return what a local result prints: what the rows are, the funnel, the rarest meetings first; does the work.

        And for how much of their lookbacks the cases have a cell at all.
        """
        return summary(self._whole, self.companions, self.counts)

    def __repr__(self) -> str:
        n, seen = len(self._listed), not_observed(self._own)
        return (
            f"<SparkCompanions of {words.count(n, 'case')}: {self.rule.describe()}. Candidates from co-location, not "
            f"contacts. {seen}{' ' if seen else ''}How crowded it was is in 'crowd'. .companions, .evidence, .funnel "
            "and .coverage are Spark DataFrames; .summary() prints the rarest meetings first, .explain() one pair>"
        )
