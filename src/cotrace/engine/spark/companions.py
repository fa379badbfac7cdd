"""The companion rule (时空伴随者) on Spark."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import view
from cotrace.companions.cases import Cases, read_cases
from cotrace.companions.doubts import warn_of_cases, warn_of_coverage, warn_of_crowds, warn_of_thresholds
from cotrace.companions.find import (
    _check_kinds,
    _check_options,
)
from cotrace.companions.matching import CROWD_WINDOW_S
from cotrace.companions.result import Companions
from cotrace.counts import Counts
from cotrace.engine.spark.frames import (
    PACKED,
    by_device,
    check_frame,
    chosen,
    frame_of,
    mapped,
    plain_schema,
    refuse_progress,
    tables_of,
    to_arrow,
    unpack,
    unpacked,
)
from cotrace.engine.spark.matching import (
    CROWD,
    FUNNEL_KEY,
    SUMS,
    CaseStays,
    Matching,
    held_to_cases,
    key_of,
    keys_of_cases,
    tops_of,
)
from cotrace.engine.spark.meaning import Meaning, meaning_of
from cotrace.engine.spark.parts import seconds_of, stays_of, table_of
from cotrace.engine.spark.pings import SparkPings
from cotrace.engine.spark.stays import building_of, meaning_of_pings, warn_of_pings
from cotrace.engine.spark.work import Building, Report, read_reports
from cotrace.errors import OptionError
from cotrace.exposure.common import seen_codes
from cotrace.options import CompanionRule, StayOptions
from cotrace.schema import CASES, COMPANIONS, COVERAGE, EVIDENCE, FUNNEL, STAYS, TableSchema

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from cotrace.tables import Stays

__all__ = ["SparkCompanions", "find_companions"]

Int64 = NDArray[np.int64]

#: more ids than this are joined instead of listed in a filter
_LISTED = 5_000


def find_companions(
    pings_or_stays: SparkPings | DataFrame,
    cases: Any,
    *,
    as_of: Any = None,
    rule: CompanionRule = CompanionRule(),
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    progress: Any = None,
    sort_memory: int | None = None,
    certainty: Any = False,
    footprints: Any = None,
) -> SparkCompanions:
    """Find the devices that kept a case company (时空伴随者).

    Parameters
    ----------
    pings_or_stays : SparkPings or pyspark.sql.DataFrame
        From :func:`read_pings` or :func:`find_stays` of this module.
    cases, as_of, rule, options
        As in :func:`cotrace.find_companions`; the cases are a table that the driver has.
    threads, progress, sort_memory
        As in :func:`find_stays` of this module.
    certainty, footprints
        Not on a cluster: ask one machine, with the pings of the cases and of the companions that were found.

    Returns
    -------
    SparkCompanions
        With the tables of :class:`cotrace.Companions` as Spark DataFrames.

    Raises
    ------
    CaseError, OptionError, GridError
        As :func:`cotrace.find_companions` does.

    Warns
    -----
    CotraceWarning
        Of cases never seen and of their coverage at once; of rows refused when ``counts`` are read; of one cell that
        brings most of a list when ``funnel`` is read.

    Notes
    -----
    Two jobs. The first runs at once: it makes the stays of the cases alone, which the driver collects. The second runs
    when a table is first asked for, once for all of them: one shuffle of the pings by device (of stays: of those in
    the cases' cells), and then each task holds its own devices against the cases' stays, which go to every task. A
    crowd is a sum over tasks of the devices in a cell and hour, as every device is in one task; counts are kept for
    the cells and hours in which a case was, and no others.
    """
    refuse_progress(progress)
    if certainty or footprints is not None:
        raise OptionError(
            "certainty is not made on a cluster: read the pings of the cases and of those that were found on one "
            "machine, and ask cotrace.find_companions(..., certainty=True)"
        )
    _check_kinds(rule, options)
    warn_of_thresholds(rule)
    if isinstance(pings_or_stays, SparkPings):
        work = _of_pings(
            pings_or_stays, cases, as_of, rule, building_of(pings_or_stays, options, threads, sort_memory)
        )
    else:
        work = _of_stays(check_frame(pings_or_stays, "pings_or_stays"), cases, as_of, rule, options)
    return work


def _of_pings(
    pings: SparkPings, cases: Any, as_of: Any, rule: CompanionRule, how: Building
) -> SparkCompanions:
    listed = read_cases(cases, as_of, pings.device_type)
    meaning = meaning_of_pings(pings, how.options)
    columns = pings.template.columns
    some = SparkPings(_of_devices(pings.frame, columns.device, listed), pings.template)
    packed = mapped(some.by_device(), CaseStays(how, listed, rule), PACKED).persist()
    try:
        tables, coverage = tables_of(packed, "stays"), _coverage(tables_of(packed, "coverage"), len(listed))
    finally:
        packed.unpersist()
    of_cases = stays_of(tables, meaning)
    return SparkCompanions(pings.by_device(), how, meaning, listed, of_cases, coverage, rule)


def _coverage(tables: list[pa.Table], n: int) -> list[Any]:
    found: list[Any] = [None] * n
    for table in tables:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            found[row[0]] = row[1:]
    return found


def _of_stays(
    stays: DataFrame, cases: Any, as_of: Any, rule: CompanionRule, options: StayOptions
) -> SparkCompanions:
    meaning = meaning_of(stays)
    _check_options(meaning, options)  # type: ignore[arg-type]
    listed = read_cases(cases, as_of, meaning.device)
    frame = chosen(stays, STAYS.names)
    mine = seconds_of(to_arrow(_of_devices(frame, "device", listed)))
    of_cases = stays_of([mine], meaning)
    schema = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz)
    import pyarrow as pa

    values = pa.table([of_cases.cells.values.cast(schema.field("cell").type)], names=["cell"])
    cells = frame_of(stays.sparkSession, values, pa.schema([schema.field("cell")]))
    from pyspark.sql import functions

    near = by_device(
        frame.join(functions.broadcast(cells), "cell", "left_semi").select(*STAYS.names), "device"
    )
    return SparkCompanions(near, None, meaning, listed, of_cases, None, rule)


def _of_devices(frame: DataFrame, device: str, listed: Cases) -> DataFrame:
    """Return the rows of the cases."""
    ids = sorted(set(listed.ids.to_pylist()))
    column = frame[f"`{device}`"]
    if len(ids) <= _LISTED:
        return frame.where(column.isin(ids))
    from pyspark.sql import functions

    kind = "bigint" if isinstance(ids[0], int) else "string"
    wanted = frame.sparkSession.createDataFrame([(value,) for value in ids], f"id {kind}")
    return frame.join(functions.broadcast(wanted), column == wanted["id"], "left_semi")


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
        frame: DataFrame,
        how: Building | None,
        meaning: Meaning,
        listed: Cases,
        of_cases: Stays,
        coverage: list[Any] | None,
        rule: CompanionRule,
    ) -> None:
        self._session: SparkSession = frame.sparkSession
        self._meaning, self._listed, self._of_pings = meaning, listed, how is not None
        self.rule, self.options, self.tz = rule, meaning.options, meaning.tz
        known = None if coverage is None else [c or (0, None, None) for c in coverage]
        self._own, self._own_tops = held_to_cases(of_cases, listed, rule, known)
        index, matches = self._own._parts.index, self._own._parts.matches
        self._own_tops = tops_of(index, matches, listed, cases_too=True)
        seen = (
            index.case_codes >= 0
            if coverage is None
            else np.array([c is not None for c in coverage], dtype=bool)
        )
        warn_of_cases(listed, seen, listed.windows(rule.lookback_s), None, 0)
        warn_of_coverage(known, rule)
        self._cells = of_cases.cells.values
        keys = keys_of_cases(of_cases, listed, rule)
        task = Matching(
            how,
            meaning,
            listed,
            table_of(of_cases),
            self._cells,
            keys,
            rule,
            np.ascontiguousarray(matches.funnel),
        )
        self.packed = mapped(frame, task, PACKED).persist()

    def unpersist(self) -> None:
        """Let go of what the tasks gave; a table that is asked for again is computed anew."""
        self.packed.unpersist()

    @property
    def cases(self) -> DataFrame:
        """One row a case, as it was used. Columns: :ref:`data-model-cases`."""
        return self._of_driver(CASES, self._own.cases.to_arrow())

    @cached_property
    def companions(self) -> DataFrame:
        """One row a (case, as_of, companion). Columns: :ref:`data-model-companions`."""
        return self._of_tasks(COMPANIONS)

    @cached_property
    def evidence(self) -> DataFrame:
        """One row a qualifying episode. Columns: :ref:`data-model-evidence`."""
        return self._of_tasks(EVIDENCE)

    @cached_property
    def funnel(self) -> DataFrame:
        """One row a (case, as_of): how many are left after each clause. Columns: :ref:`data-model-funnel`."""
        whole = self._whole
        warn_of_crowds(whole._parts.matches)
        return self._of_driver(FUNNEL, whole.funnel.to_arrow())

    @property
    def coverage(self) -> DataFrame:
        """One row a (case, as_of): what was observed at all. Columns: :ref:`data-model-coverage`."""
        return self._of_driver(COVERAGE, self._own.coverage.to_arrow())

    @cached_property
    def counts(self) -> Counts:
        """What became of every row of the pings; all zero where stays were given."""
        if self.report is None:
            return Counts()
        warn_of_pings(self.report, self.options)
        return self.report.counts

    @cached_property
    def report(self) -> Report | None:
        """What the tasks said of the pings and of themselves; None where stays were given."""
        if not self._of_pings:
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
    def _crowds(self) -> _Crowds:
        """The devices in the cells and hours that matter, from all tasks."""
        rows = self._sums[self._sums[:, 0] == CROWD]
        order = np.argsort(rows[:, 1])
        return _Crowds(self._cells, rows[order, 1], rows[order, 6])

    @cached_property
    def _sums(self) -> Int64:
        """What is added up over tasks, few by nature: by hour and cell of cases, and by case."""
        import pyarrow as pa

        parts = unpacked(self.packed, "sums", pa.schema([pa.field(name, pa.int64(), False) for name in SUMS]))
        summed = to_arrow(parts.groupBy(*SUMS[:2]).sum(*SUMS[2:]))
        return np.stack([view(column.combine_chunks(), np.int64) for column in summed.columns], axis=1)

    def _of_tasks(self, schema: TableSchema) -> DataFrame:
        change = _WithCrowd(self._crowds, schema.name)
        arrow = self._schema(schema)
        own = change.of(self._own.evidence.to_arrow(), self._own.companions.to_arrow())
        found = unpacked(self.packed, "found", arrow, change)
        return found.unionAll(frame_of(self._session, own, arrow)) if own.num_rows else found

    def _of_driver(self, schema: TableSchema, table: pa.Table) -> DataFrame:
        return frame_of(self._session, table, self._schema(schema))

    def _schema(self, schema: TableSchema) -> pa.Schema:
        return plain_schema(schema, self._meaning.device, self._meaning.cell, self.tz)

    def __repr__(self) -> str:
        return (
            f"<SparkCompanions of {len(self._listed):,} cases: {self.rule.describe()}. Candidates from co-location, "
            "not contacts; .companions, .evidence, .funnel, .coverage are Spark DataFrames>"
        )


class _Crowds:
    """Devices by cell and hour."""

    def __init__(self, cells: pa.Array, keys: Int64, devices: Int64) -> None:
        self.cells, self.keys, self.devices = cells, keys, devices

    def of_episodes(self, cell: pa.Array, start: Int64, end: Int64) -> Int64:
        """Return the largest crowd of any hour that each episode touches."""
        if not start.size:
            return start
        first = start // CROWD_WINDOW_S
        n = (end - 1) // CROWD_WINDOW_S - first + 1
        lo = np.concatenate([[0], np.cumsum(n)])
        window = np.repeat(first - lo[:-1], n) + np.arange(int(lo[-1]))
        keys = key_of(np.repeat(seen_codes(self.cells, cell), n), window)
        counts: Int64 = self.devices[np.searchsorted(self.keys, keys)]
        return np.maximum.reduceat(counts, lo[:-1])


class _WithCrowd:
    """Fills the crowds in: what a task could not know, as it has seen its own devices alone."""

    def __init__(self, crowds: _Crowds, name: str) -> None:
        self.crowds, self.name = crowds, name

    def __call__(self, both: pa.Table) -> pa.Table:
        return self.of(*(unpack(both[name][0]) for name in ("evidence", "companions")))

    def of(self, evidence: pa.Table, companions: pa.Table) -> pa.Table:
        """Return the one of both tables that is asked for, with crowds."""
        import pyarrow as pa

        cell = evidence["cell"].combine_chunks().cast(self.crowds.cells.type)
        moments = [evidence[name].combine_chunks() for name in ("started_at", "finished_at")]
        start, end = (view(moment, np.int64) // 1_000_000 for moment in moments)
        crowd = self.crowds.of_episodes(cell, start, end)
        table = evidence
        if self.name == COMPANIONS.name:
            # evidence is in the order of the companions, each with so many episodes
            n = view(companions["n_episodes"].combine_chunks(), np.int64)
            lo = np.concatenate([[0], np.cumsum(n)[:-1]]) if n.size else n
            crowd = np.minimum.reduceat(crowd, lo) if n.size else crowd
            table = companions
        at = table.column_names.index("crowd")
        return table.set_column(at, table.schema.field(at), pa.array(crowd, pa.int64()))
