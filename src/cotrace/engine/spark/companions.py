"""The companion rule (时空伴随者) on Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotrace.companions.cases import Cases, read_cases
from cotrace.companions.doubts import warn_of_thresholds
from cotrace.companions.find import (
    _check_kinds,
    _check_options,
)
from cotrace.companions.sure import asked_for
from cotrace.engine.spark.certain import Asked
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
)
from cotrace.engine.spark.matching import CaseStays
from cotrace.engine.spark.meaning import meaning_of
from cotrace.engine.spark.parts import seconds_of, stays_of
from cotrace.engine.spark.pings import SparkPings
from cotrace.engine.spark.result import SparkCompanions
from cotrace.engine.spark.source import Where, of_devices
from cotrace.engine.spark.stays import building_of, meaning_of_pings
from cotrace.errors import OptionError
from cotrace.options import CompanionRule, StayOptions
from cotrace.schema import REFUSED, STAYS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from cotrace.engine.spark.meaning import Meaning
    from cotrace.footprints.options import Certainty
    from cotrace.footprints.result import Footprints
    from cotrace.tables import Stays

__all__ = ["SparkCompanions", "find_companions"]


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
    certainty: bool | Certainty = False,
    footprints: Footprints | None = None,
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
        As in :func:`cotrace.find_companions`; the footprints go to every task. A frame of stays does not say of how
        many pings it was made: then ``Certainty(blur=...)`` has to be named.

    Returns
    -------
    SparkCompanions
        With the tables of :class:`cotrace.Companions` as Spark DataFrames.

    Raises
    ------
    CaseError, OptionError, GridError
        As :func:`cotrace.find_companions` does; also when certainty is asked of stays and no blur is named.
    RefusedRowsError
        When a table is first read, and no row of the pings can be used.

    Warns
    -----
    CotraceWarning
        Of thresholds, of cases never seen and of their coverage at once; of all else that one machine warns of (rows
        refused, lookbacks that the data do not cover, one cell that brings most of a long list) when ``companions``,
        ``evidence``, ``funnel`` or ``counts`` are first read.

    Notes
    -----
    Two jobs. The first runs at once: it makes the stays of the cases alone, which the driver collects. The second runs
    when a table is first asked for, once for all of them: one shuffle of the pings by device (of stays: of those in
    the cases' cells), and then each task holds its own devices against the cases' stays, which go to every task. A
    crowd is a sum over tasks of the devices in a cell and hour, as every device is in one task; counts are kept for
    the cells and hours in which a case was, and no others. ``certainty`` is a third one, of all rows.
    """
    refuse_progress(progress)
    _check_kinds(rule, options)
    if isinstance(pings_or_stays, SparkPings):
        how = asked_for(certainty, footprints, rule, pings_or_stays, options)
        warn_of_thresholds(rule)
        building = building_of(pings_or_stays, options, threads, sort_memory)
        listed = read_cases(cases, as_of, pings_or_stays.device_type)
        where, of_cases, coverage = _of_pings(pings_or_stays, listed, rule, building)
    else:
        frame = check_frame(pings_or_stays, "pings_or_stays")
        meaning = meaning_of(frame)
        how = _with_blur(asked_for(certainty, footprints, rule, meaning, options))
        warn_of_thresholds(rule)
        _check_options(meaning, options)  # type: ignore[arg-type]
        listed = read_cases(cases, as_of, meaning.device)
        where, of_cases, coverage = *_of_stays(frame, listed, meaning), None
    sure = None
    if how is not None and footprints is not None:
        sure = Asked.of(how, footprints, of_cases, listed, rule)
    return SparkCompanions(where, listed, of_cases, coverage, rule, sure)


def _with_blur(how: Certainty | None) -> Certainty | None:
    """Refuse what a frame of stays cannot say."""
    if how is not None and how.blur is None:
        raise OptionError(
            "certainty of a frame of stays needs a blur, which by default is the mean time between pings, and the "
            "frame does not say of how many pings it was made: give certainty=cotrace.Certainty(blur='15min'), or "
            "what the time between pings is, or find companions of the pings"
        )
    return how


def _of_pings(
    pings: SparkPings, listed: Cases, rule: CompanionRule, how: Any
) -> tuple[Where, Stays, list[Any]]:
    meaning = meaning_of_pings(pings, how.options)
    device = pings.template.columns.device
    some = SparkPings(of_devices(pings.frame, device, _ids(listed)), pings.template)
    packed = mapped(some.by_device(), CaseStays(how, listed, rule), PACKED).persist()
    try:
        tables, coverage = tables_of(packed, "stays"), _coverage(tables_of(packed, "coverage"), len(listed))
    finally:
        packed.unpersist()
    every = pings.by_device()
    where = Where(pings.frame, device, every, every, how, meaning, pings.refused_schema())
    return where, stays_of(tables, meaning), coverage


def _coverage(tables: list[pa.Table], n: int) -> list[Any]:
    found: list[Any] = [None] * n
    for table in tables:
        for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
            found[row[0]] = row[1:]
    return found


def _of_stays(stays: DataFrame, listed: Cases, meaning: Meaning) -> tuple[Where, Stays]:
    import pyarrow as pa
    from pyspark.sql import functions

    frame = chosen(stays, STAYS.names)
    of_cases = stays_of([seconds_of(to_arrow(of_devices(frame, "device", _ids(listed))))], meaning)
    schema = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz)
    values = pa.table([of_cases.cells.values.cast(schema.field("cell").type)], names=["cell"])
    cells = frame_of(stays.sparkSession, values, pa.schema([schema.field("cell")]))
    near = frame.join(functions.broadcast(cells), "cell", "left_semi").select(*STAYS.names)
    every = by_device(frame, "device")
    none = pa.schema(list(REFUSED.arrow()))
    return Where(frame, "device", every, by_device(near, "device"), None, meaning, none), of_cases


def _ids(listed: Cases) -> list[Any]:
    return sorted(set(listed.ids.to_pylist()))
