"""Chains of meetings on Spark: hop by hop, the devices that were reached last against all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cotrace.durations import Duration, seconds
from cotrace.engine.spark.frames import check_frame, chosen, frame_of, plain_schema
from cotrace.engine.spark.meaning import meaning_of
from cotrace.engine.spark.reach import Reach
from cotrace.exposure.rings import Rings, _check_depth
from cotrace.exposure.rings import rings as local_rings
from cotrace.options import CONTACT, CompanionRule
from cotrace.schema import STAYS
from cotrace.schema_meetings import HOPS, RING_SIZES, RINGS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["SparkRings", "rings"]


class SparkRings(NamedTuple):
    """Rings, the meetings behind them, and their sizes.

    Attributes
    ----------
    rings, evidence, sizes : pyspark.sql.DataFrame
        Columns: :ref:`data-model-rings`, :ref:`data-model-hops`, :ref:`data-model-ring_sizes`.
    local : Rings
        The same as one machine gives it, with ``extend()`` left out of use: it has the stays of the rings alone.
    """

    rings: DataFrame
    evidence: DataFrame
    sizes: DataFrame
    local: Rings


def rings(
    stays: DataFrame,
    cases: Any,
    *,
    as_of: Any = None,
    depth: int = 2,
    rule: CompanionRule = CONTACT,
    latency: Duration = "0s",
    investigators_per_device: float | None = None,
    adjudications: Any = None,
    contacts: Any = None,
    devices: Any = None,
    through: str | Sequence[str] | None = None,
    threads: int | None = None,
) -> SparkRings:
    """Follow chains of meetings from cases, up to a number of hops, in the order of time.

    Parameters
    ----------
    stays : pyspark.sql.DataFrame
        From :func:`find_stays` of this module. It is read twice a hop: persist it, or write it to Parquet before.
    cases, as_of, depth, rule, latency, investigators_per_device, adjudications, contacts, devices, through
        As in :func:`cotrace.rings`; tables that the driver has.
    threads : int, optional
        Of the driver, which joins the hops.

    Returns
    -------
    SparkRings
        ``rings``, ``evidence`` and ``sizes`` with the rows of :func:`cotrace.rings`.

    Raises
    ------
    CaseError, OptionError, SchemaError
        As :func:`cotrace.rings` does.

    Notes
    -----
    For each hop a job: the stays of the devices that were reached last go to every task, which says whom of its own
    devices they met; the stays of these are then collected. The rings themselves are made by the local function from
    the stays of all that were reached, so the driver must hold these: 16 bytes a stay, and ring by ring more. Whoever
    was not reached needs no row: nothing of the answer hangs on them.
    """
    meaning = meaning_of(check_frame(stays, "stays"))
    _check_depth(depth, 0)
    frame = chosen(stays, STAYS.names)
    more = {"adjudications": adjudications, "devices": devices, "through": through}
    reach = Reach(frame, meaning, rule, seconds(latency, "latency"), threads or 1)
    known = reach.stays(cases, as_of, depth, contacts, more)
    found = local_rings(
        known,
        cases,
        as_of=as_of,
        depth=depth,
        rule=rule,
        latency=latency,
        investigators_per_device=investigators_per_device,
        contacts=contacts,
        threads=threads,
        **more,
    )
    tables = (
        (RINGS, found.to_arrow()),
        (HOPS, found.evidence.to_arrow()),
        (RING_SIZES, found.sizes.to_arrow()),
    )
    frames = [
        frame_of(
            stays.sparkSession,
            table.replace_schema_metadata(None),
            plain_schema(schema, meaning.device, meaning.cell, meaning.tz),
        )
        for schema, table in tables
    ]
    return SparkRings(frames[0], frames[1], frames[2], found)
