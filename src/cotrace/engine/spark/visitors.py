"""Who was at a place, on Spark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cotrace.arrays import take
from cotrace.durations import Duration, seconds
from cotrace.engine.spark.frames import (
    PACKED,
    Batches,
    by_device,
    check_frame,
    chosen,
    frame_of,
    mapped,
    plain_schema,
    to_arrow,
    unpacked,
)
from cotrace.engine.spark.meaning import Meaning, meaning_of
from cotrace.engine.spark.parts import seconds_of, stays_of
from cotrace.engine.spark.pings import Recipe, SparkPings, check_pings, local_pings
from cotrace.engine.spark.work import quiet
from cotrace.errors import OptionError
from cotrace.exposure.asked import Asked, read_asked
from cotrace.exposure.observed import observed_in
from cotrace.exposure.visitors import _stays, _visitors, find_meets
from cotrace.schema import STAYS
from cotrace.schema_places import VISITOR_STAYS, VISITORS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["SparkVisitors", "visitors"]


class SparkVisitors(NamedTuple):
    """Who was at places, with the stays that stand behind it.

    Attributes
    ----------
    visitors, evidence : pyspark.sql.DataFrame
        Columns: :ref:`data-model-visitors`, :ref:`data-model-visitor_stays`.
    refused : pyarrow.Table or None
        Rows of a table of places that could not be used.
    """

    visitors: DataFrame
    evidence: DataFrame
    refused: Any


def visitors(
    stays: DataFrame,
    place: Any,
    start: Any = None,
    end: Any = None,
    *,
    min_dwell: Duration | None = None,
    pings: SparkPings | None = None,
    columns: Mapping[str, str] | None = None,
    tz: Any = None,
    unit: str | None = None,
    crs: Any = None,
) -> SparkVisitors:
    """Find the devices that were at a place in a time.

    Parameters
    ----------
    stays : pyspark.sql.DataFrame
        From :func:`find_stays` of this module. It is read twice: persist it, or write it to Parquet before.
    place, start, end, min_dwell, columns, tz, unit, crs
        As in :func:`cotrace.visitors`; places are a table that the driver has.
    pings : SparkPings, optional
        The pings that the stays were made of: ``observed`` is then never null. They are brought together by device.

    Returns
    -------
    SparkVisitors
        ``visitors`` and ``evidence`` with the rows of :func:`cotrace.visitors`.

    Raises
    ------
    OptionError, PositionError, SchemaError
        As :func:`cotrace.visitors` does.

    Notes
    -----
    The driver looks the places up among the cells that have stays, which are few by nature; only stays in these cells
    and times are brought together by device.
    """
    meaning = meaning_of(check_frame(stays, "stays"))
    least = 1 if min_dwell is None else max(1, seconds(min_dwell, "min_dwell"))
    if pings is not None and check_pings(pings).device_type != meaning.device:
        raise OptionError("pings= are not those of the stays: their device ids are of another type")
    every = stays_of(
        [], meaning, to_arrow(stays.select("cell").distinct())["cell"].combine_chunks().cast(meaning.cell)
    )
    asked = read_asked(every, place, start, end, columns, tz, unit, crs)
    near = _near(stays, meaning, asked, every.cells.values)
    recipe = None
    if pings is not None:
        near, recipe = _with_pings(near, pings, asked), pings.recipe()
    asked.refused, refused = None, asked.refused
    task = _Visitors(meaning, every.cells.values, asked, least, recipe)
    packed = mapped(by_device(near, "device"), task, PACKED)
    tables = [
        unpacked(packed, name, plain_schema(schema, meaning.device, meaning.cell, meaning.tz))
        for name, schema in (("visitors", VISITORS), ("evidence", VISITOR_STAYS))
    ]
    return SparkVisitors(tables[0], tables[1], refused)


def _near(stays: DataFrame, meaning: Meaning, asked: Asked, cells: pa.Array) -> DataFrame:
    """Return the stays that are in some of the cells, and in the time from the first request to the last."""
    import pyarrow as pa
    from pyspark.sql import functions

    f = functions
    kind = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz).field("cell")
    met = pa.table([take(cells, np.unique(asked.met.cell)).cast(kind.type)], names=["cell"])
    wanted = frame_of(stays.sparkSession, met, pa.schema([kind]))
    begin, until = (int(asked.start.min()), int(asked.end.max())) if len(asked) else (0, 0)
    rows = chosen(stays, STAYS.names).where(
        (f.col("started_at").cast("long") < until) & (f.col("finished_at").cast("long") > begin)
    )
    return rows.join(f.broadcast(wanted), "cell", "left_semi").select(*STAYS.names)


def _with_pings(near: DataFrame, pings: SparkPings, asked: Asked) -> DataFrame:
    """Put the pings of the devices that were near beside their stays, in columns of their own."""
    from pyspark.sql import functions

    f = functions
    own = pings.template.columns
    kind = near.schema["device"].dataType
    theirs = pings.frame.select(
        f.col(f"`{own.device}`").cast(kind).alias("device"),
        f.struct(*(f"`{name}`" for name in own.used)).alias("ping"),
    )
    theirs = theirs.join(near.select("device").distinct(), "device", "left_semi")
    return near.unionByName(theirs, allowMissingColumns=True)


@dataclass(frozen=True)
class _Visitors:
    """The task: the local query on the stays of a partition; places are codes of ``cells`` already."""

    meaning: Meaning
    cells: Any
    asked: Asked
    least: int
    recipe: Recipe | None

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa
        import pyarrow.compute as pc

        from cotrace.engine.spark.frames import packed_of

        held = [batch for batch in batches if batch.num_rows]
        if not held:
            return
        table, pings = pa.Table.from_batches(held), None
        if self.recipe is not None:
            rows = table.filter(table["started_at"].is_null())["ping"].combine_chunks()
            pings = local_pings(self.recipe, pa.Table.from_struct_array(rows))
            table = table.filter(pc.is_valid(table["started_at"]))
        stays = stays_of([seconds_of(table)], self.meaning, self.cells)
        with quiet():
            meets = find_meets(stays, self.asked).of_devices(self.least)
            if not meets.rows.size:
                return
            told = observed_in(stays, meets.rows, meets.start, meets.end, meets.begin, meets.until, pings)
            answers = _visitors(stays, self.asked, meets, told), _stays(stays, self.asked, meets, told)
        named = zip(("visitors", "evidence"), answers, strict=True)
        yield from packed_of(
            (name, answer.to_arrow().replace_schema_metadata(None)) for name, answer in named
        )
