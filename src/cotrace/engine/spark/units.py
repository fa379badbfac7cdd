"""Cells by blocks of windows as units of work, the heavy ones split by device.

A station or a stadium may have more stays in a day than one task should have. Such a unit is cut into buckets of
devices: for counts each bucket is a part, whose figures are added; for pairs each two buckets are a part, so that every
pair of devices is in exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from cotrace.engine.spark.frames import chosen, spark_schema, tasks_of, to_arrow
from cotrace.schema import STAYS

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

__all__ = ["ALL_TIME", "Loads", "Units", "block_of", "clipped", "loads_of", "split"]

#: a block that holds all time
ALL_TIME = 0
#: parts of which a task gets about so many, so that their sizes even out
_PARTS_OF_A_TASK = 4
#: rows below which a unit is never split
_LEAST = 2_000
_MOST_BUCKETS = 128
_DAY = 86_400


def block_of(window: int) -> int:
    """Return how long a block is: whole windows, and about a day."""
    return window * ceil(_DAY / window)


def clipped(stays: DataFrame, start: int | None, end: int | None, block: int) -> DataFrame:
    """Return stays (device, cell, start, end in unix seconds) once for each block that they touch.

    What lies outside ``[start, end)`` is cut off. With ``ALL_TIME`` there is one block.
    """
    from pyspark.sql import functions

    f = functions
    begin, until = (f.col(name).cast("long") for name in ("started_at", "finished_at"))
    if start is not None:
        begin = f.greatest(begin, f.lit(start))
    if end is not None:
        until = f.least(until, f.lit(end))
    rows = chosen(stays, STAYS.names).select("device", "cell", begin.alias("start"), until.alias("end"))
    rows = rows.where("start < end")
    if block == ALL_TIME:
        return rows.withColumn("block", f.lit(0).cast("long"))
    first, last = (f.floor(f.expr(text) / block).cast("long") for text in ("start", "end - 1"))
    return rows.withColumn("block", f.explode(f.sequence(first, last)))


@dataclass(frozen=True)
class Loads:
    """How many rows the units have.

    Attributes
    ----------
    rows, squares : float
        Rows of all units, and the sum of their squares.
    largest : int
        Rows of the largest.
    heavy : pyarrow.Table
        The units that may have to be split: cell, block, rows.
    """

    rows: float
    squares: float
    largest: int
    heavy: pa.Table


def loads_of(rows: DataFrame, tasks: int) -> Loads:
    """Count the rows of units; a job of its own, of which only sums and the heavy units are collected."""
    from pyspark.sql import functions

    f = functions
    counts = rows.groupBy("cell", "block").agg(f.count("*").alias("n")).persist()
    try:
        n = f.col("n").cast("double")
        whole = counts.agg(f.sum(n).alias("r"), f.sum(n * n).alias("s"), f.max("n").alias("m")).collect()[0]
        total, squares, largest = whole["r"] or 0.0, whole["s"] or 0.0, whole["m"] or 0
        # whether rows or pairs are counted, a unit below both of these is light
        least = min(total, sqrt(squares) if squares else 0.0) / (_PARTS_OF_A_TASK * max(tasks, 1))
        heavy = to_arrow(counts.where(f.col("n") > max(least, _LEAST)))
    finally:
        counts.unpersist()
    return Loads(float(total), float(squares), int(largest), heavy)


@dataclass(frozen=True)
class Units:
    """Which units are split, and into how many buckets of devices.

    Attributes
    ----------
    heavy : pyarrow.Table
        cell, block, rows, buckets.
    by_pairs : bool
        Whether each two buckets are a part, or each one.
    """

    heavy: pa.Table
    by_pairs: bool

    @classmethod
    def of(cls, loads: Loads, tasks: int, by_pairs: bool, least: int = _LEAST) -> Units:
        """Decide from the rows of the units; ``least``: no unit with fewer rows is split."""
        import numpy as np
        import pyarrow as pa

        n = loads.heavy["n"].to_numpy().astype(np.float64)
        work = n * n if by_pairs else n
        share = (loads.squares if by_pairs else loads.rows) / (_PARTS_OF_A_TASK * max(tasks, 1))
        times = work / max(share, 1.0)
        buckets = np.ceil(np.sqrt(2 * times) if by_pairs else times).clip(1, _MOST_BUCKETS).astype(np.int64)
        buckets[n <= least] = 1
        kept = buckets > 1
        table = loads.heavy.filter(pa.array(kept)).append_column("buckets", pa.array(buckets[kept]))
        return cls(table, by_pairs)

    @property
    def parts(self) -> int:
        """Into how many parts the heavy units are cut, all together."""
        buckets = [int(k) for k in self.heavy["buckets"].to_pylist()]
        return sum(k * (k + 1) // 2 if self.by_pairs else k for k in buckets)

    def describe(self) -> str:
        """Say in one line what is split."""
        n = self.heavy.num_rows
        if not n:
            return "no cell and block is heavy: none is split"
        most = max(self.heavy["n"].to_pylist())
        how = (
            "each two buckets of devices are a part" if self.by_pairs else "each bucket of devices is a part"
        )
        return f"{n:,} heavy cells and blocks (the largest: {most:,} rows) are cut into {self.parts:,} parts: {how}"


def split(rows: DataFrame, units: Units) -> DataFrame:
    """Return rows with the part that they belong to, brought together by part.

    Adds ``own`` (the bucket of the device), ``low`` and ``high`` (the buckets of the part; 0, 0 in light units).
    """
    from pyspark.sql import functions

    f = functions
    if units.heavy.num_rows:
        rows = rows.join(f.broadcast(_heavy(rows, units)), ["cell", "block"], "left")
        k = f.coalesce(f.col("buckets"), f.lit(1))
        # another seed than that of Spark's own hash of the key, so that buckets are not those of partitions
        rows = rows.withColumn("own", f.pmod(f.xxhash64(f.col("device"), f.lit(1)), k))
        if units.by_pairs:
            rows = rows.withColumn("other", f.explode(f.sequence(f.lit(0).cast("bigint"), k - 1)))
            rows = rows.withColumns({"low": f.least("own", "other"), "high": f.greatest("own", "other")})
        else:
            rows = rows.withColumns({"low": f.col("own"), "high": f.col("own")})
    else:
        zero: Column = f.lit(0).cast("bigint")
        rows = rows.withColumns({"own": zero, "low": zero, "high": zero})
    rows = rows.select("device", "cell", "start", "end", "block", "own", "low", "high")
    return rows.repartition(tasks_of(rows), f.xxhash64("cell", "block", "low", "high"))


def _heavy(rows: DataFrame, units: Units) -> Any:
    import pyarrow as pa

    from cotrace.engine.spark.frames import frame_of

    table = units.heavy.select(["cell", "block", "buckets"])
    kinds = {"cell": table.schema.field("cell").type, "block": pa.int64(), "buckets": pa.int64()}
    schema = pa.schema([pa.field(name, kind, False) for name, kind in kinds.items()])
    assert spark_schema(schema)["cell"].dataType == rows.schema["cell"].dataType
    return frame_of(rows.sparkSession, table, schema)
