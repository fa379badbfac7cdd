"""Where companions are found on Spark: the frames that jobs read, and how stays are made of their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.engine.spark import frames
from cotrace.engine.spark.frames import PACKED, Batches, packed_of, tables_of, to_arrow
from cotrace.engine.spark.parts import seconds_of, stays_of, table_of
from cotrace.engine.spark.work import Building

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from cotrace.engine.spark.meaning import Meaning
    from cotrace.tables import Stays

__all__ = ["Where", "of_devices"]

#: more ids than this are joined instead of listed in a filter
_LISTED = 5_000


@dataclass(frozen=True)
class Where:
    """What the jobs read.

    Parameters
    ----------
    rows : pyspark.sql.DataFrame
        Pings, or stays, in any order.
    device : str
        Their column of devices.
    every, near : pyspark.sql.DataFrame
        All rows of each device in one partition; and of these all that may matter to the rule.
    how : Building or None
        How stays are made of pings; None: they are there.
    meaning : Meaning
    refused : pyarrow.Schema
        Of the table of refused rows.
    """

    rows: DataFrame
    device: str
    every: DataFrame
    near: DataFrame
    how: Building | None
    meaning: Meaning
    refused: pa.Schema

    def stays_with(self, known: Stays, device: Any) -> Stays:
        """Return the stays that are known and those of one more device; a job.

        A device that has pings and no stay is among the devices too.
        """
        rows, parts = of_devices(self.rows, self.device, [device]), [table_of(known)]
        if self.how is None:
            return stays_of([*parts, seconds_of(to_arrow(rows))], self.meaning)
        packed = frames.mapped(rows.repartition(1), _OfSome(self.how), PACKED).persist()
        try:
            parts += tables_of(packed, "stays")
            seen = [table["device"].combine_chunks() for table in tables_of(packed, "devices")]
        finally:
            packed.unpersist()
        return stays_of(parts, self.meaning, devices=seen)

    def span(self) -> tuple[int, int] | None:
        """Return the first and the last second of a frame of stays; a job that reads two columns."""
        from pyspark.sql import functions

        f = functions
        first, last = f.min(f.col("started_at")).cast("long"), f.max(f.col("finished_at")).cast("long")
        found = to_arrow(self.rows.agg(first.alias("first"), last.alias("last"))).to_pylist()[0]
        return None if found["first"] is None else (found["first"], found["last"])


@dataclass(frozen=True)
class _OfSome:
    """The task: stays of a few devices, and which of these were seen at all."""

    how: Building

    def __call__(self, batches: Batches) -> Iterator[Any]:
        import pyarrow as pa

        built = self.how.build(batches)
        if built.counts.used:
            devices = pa.table([built.devices.values()], names=["device"])
            yield from packed_of([("devices", devices), ("stays", table_of(built.stays()))])


def of_devices(frame: DataFrame, device: str, ids: list[Any]) -> DataFrame:
    """Return the rows of some devices."""
    column = frame[f"`{device}`"]
    if len(ids) <= _LISTED:
        return frame.where(column.isin(ids))
    from pyspark.sql import functions

    kind = "bigint" if isinstance(ids[0], int) else "string"
    wanted = frame.sparkSession.createDataFrame([(value,) for value in ids], f"id {kind}")
    return frame.join(functions.broadcast(wanted), column == wanted["id"], "left_semi")
