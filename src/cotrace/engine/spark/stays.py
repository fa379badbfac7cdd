"""From pings to stays on Spark."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.counts import Counts
from cotrace.engine.spark.frames import (
    PACKED,
    Batches,
    batches_of,
    mapped,
    packed_of,
    plain_schema,
    refuse_progress,
    spark_schema,
    to_arrow,
)
from cotrace.engine.spark.meaning import Meaning
from cotrace.engine.spark.pings import SparkPings, check_pings, task_pings
from cotrace.engine.spark.work import SORT_MEMORY, Building, Report, Stopwatch, read_reports, said_of, written
from cotrace.errors import CotraceWarning, OptionError, RefusedRowsError
from cotrace.io.refused import outside
from cotrace.io.tally import Tally
from cotrace.options import StayOptions
from cotrace.schema import STAYS
from cotrace.stays.build import resolve_options
from cotrace.stays.locate import located_by, make_locator

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


__all__ = ["building_of", "count_pings", "find_stays", "meaning_of_pings", "warn_of_pings"]


def find_stays(
    pings: SparkPings,
    *,
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    progress: Any = None,
    sort_memory: int | None = None,
) -> DataFrame:
    """Make the stays of every device.

    Parameters
    ----------
    pings : SparkPings
        From :func:`read_pings` of this module.
    options : StayOptions, optional
        As in :func:`cotrace.find_stays`.
    threads : int, optional
        Threads of one task; 1 by default, as Spark runs a task a core.
    progress
        Not on a cluster: leave it out.
    sort_memory : int, optional
        Bytes of pings that a task holds for sorting (12 a ping) before it sorts on disk; 256 MiB by default.

    Returns
    -------
    pyspark.sql.DataFrame
        The rows of :func:`cotrace.find_stays`. Those of a device are in one partition, by start. How they were made
        is written beside the column ``device`` and stays there through filters and Parquet.

    Raises
    ------
    OptionError
        When a tower log comes without ``fill``, or the options do not fit the input.

    Notes
    -----
    Lazy, as everything of Spark is. One shuffle of the pings' used columns, by device. What became of every row says
    :func:`count_pings`.
    """
    check_pings(pings)
    refuse_progress(progress)
    how = building_of(pings, options, threads, sort_memory)
    meaning = meaning_of_pings(pings, how.options)
    schema = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz)
    return mapped(pings.by_device(), _Stays(how, schema), spark_schema(schema, meaning.metadata()))


@dataclass(frozen=True)
class _Stays:
    """The task: stays of a partition, as columns."""

    how: Building
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        built = self.how.build(batches)
        yield from batches_of(built.stays().to_arrow(), self.schema)


def building_of(
    pings: SparkPings, options: StayOptions, threads: int | None, sort_memory: int | None
) -> Building:
    """Fill in what tasks have to know to make stays."""
    if options.fill is None and located_by(pings.template, options) != "position":
        raise OptionError(
            "a tower log has no default for fill: name StayOptions(fill='same_cell') or (fill='forward'), for a "
            "preset dataclasses.replace(preset.options, fill=...); what each would mean says cotrace.find_stays() of "
            "a sample of devices"
        )
    resolved = resolve_options(pings.template, options)
    return Building(
        pings.recipe(), resolved, threads or 1, SORT_MEMORY if sort_memory is None else sort_memory
    )


def meaning_of_pings(pings: SparkPings, options: StayOptions) -> Meaning:
    """Return what stays of these pings mean; ``options`` filled in."""
    import pyarrow as pa

    t = pings.template
    cell = t.tower_type if options.by == "tower" else pa.int64()
    return Meaning(options, t.tz, t.device_type, cell, t.towers if options.by == "tower" else None)


def count_pings(
    pings: SparkPings,
    *,
    options: StayOptions = StayOptions(),
    threads: int | None = None,
    sort_memory: int | None = None,
) -> Counts:
    """Count what becomes of every row, and warn of what may spoil the stays; a job of its own.

    Parameters
    ----------
    pings, options, threads, sort_memory
        As in :func:`find_stays`.

    Returns
    -------
    Counts

    Raises
    ------
    RefusedRowsError
        When no row can be used.

    Warns
    -----
    CotraceWarning
        As :func:`cotrace.find_stays` does: of rows refused, of positions and times that may not be meant, of more than
        1 % conflicts, of a usual gap close to ``max_gap``. Without the numbers of rows.
    """
    check_pings(pings)
    how = building_of(pings, options, threads, sort_memory)
    packed = mapped(pings.by_device(), _Reports(how), PACKED)
    report = read_reports([row.as_py() for row in to_arrow(packed)["payload"]])
    warn_of_pings(report, how)
    return report.counts


@dataclass(frozen=True)
class _Reports:
    """The task: only what is to be said of a partition."""

    how: Building

    def __call__(self, batches: Batches) -> Iterator[Any]:
        watch = Stopwatch()
        yield from packed_of([("report", written(said_of(*self.how.read(batches)), watch))])


def warn_of_pings(report: Report, how: Building, kept: str = "") -> None:
    """Warn of what the tasks saw, once for all; refuse pings of which no row can be used.

    ``kept`` says where refused rows are to be found.
    """
    from cotrace.stays.build import warn_of_conflicts, warn_of_modal_gap
    from cotrace.stays.survey import modal_gap

    warn_of_refused(report.counts.rows, report.counts.refused, how, kept)
    _warn_of_doubts(report, how)
    warn_of_conflicts(report.counts)
    if report.tasks:
        warn_of_modal_gap(modal_gap(report.gaps), how.options.max_gap_s)


def warn_of_refused(rows: int, refused: dict[str, int], how: Building, kept: str = "") -> None:
    """Warn of rows that cannot be used; refuse pings of which none can."""
    if not refused:
        return
    hints, n = how.recipe.convert.hints, sum(refused.values())
    hinted = ((k, reason, hints.get(reason)) for reason, k in sorted(refused.items()))
    reasons = ", ".join(f"{k:,} {reason}{f' ({hint})' if hint else ''}" for k, reason, hint in hinted)
    if n == rows:
        raise RefusedRowsError(
            f"none of the {rows:,} rows can be used: {reasons}{kept}; were the right columns read, in the right unit?"
        )
    warnings.warn(
        CotraceWarning(
            f"{n:,} of {rows:,} rows cannot be used: {reasons}{kept}",
            "refused",
            rows=rows,
            refused=dict(refused),
        ),
        stacklevel=outside(),
    )


def _warn_of_doubts(report: Report, how: Building) -> None:
    """Warn of what all positions and times together show."""
    pings = task_pings(how.recipe, iter(()))
    tally, locator = Tally(pings), make_locator(pings, how.options)
    for told, located in zip(report.read, report.located, strict=True):
        tally.add(told)
        locator.add(*located)
    tally.warn_of_doubts()
    for warning in locator.warnings():
        warnings.warn(warning, stacklevel=outside())
