"""Cells by windows of time on Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import take, view
from cotrace.durations import Duration, seconds
from cotrace.engine.spark.frames import (
    Batches,
    batches_of,
    check_frame,
    mapped,
    plain_schema,
    spark_schema,
    tasks_of,
)
from cotrace.engine.spark.meaning import Meaning, meaning_of
from cotrace.engine.spark.parts import columns_of, stays_of
from cotrace.engine.spark.units import Units, block_of, clipped, loads_of, split
from cotrace.errors import OptionError
from cotrace.schema import OCCUPANCY
from cotrace.tables import instants
from cotrace.windows import _counted

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["counted_windows", "occupancy"]


def occupancy(stays: DataFrame, *, window: Duration = "1h") -> DataFrame:
    """Count devices and dwell by cell and window.

    Parameters
    ----------
    stays : pyspark.sql.DataFrame
        From :func:`find_stays` of this module. It is read twice: persist it, or write it to Parquet before.
    window : str or timedelta
        As in :func:`cotrace.occupancy`.

    Returns
    -------
    pyspark.sql.DataFrame
        The rows of :func:`cotrace.occupancy`.

    Raises
    ------
    OptionError
        When the window has no length.

    Notes
    -----
    A first job counts stays by cell and day; cells and days that are too heavy for one task are split by device. Stays
    are brought together by cell and day (and bucket), each task counts, and where something was split its parts are
    added.
    """
    length = seconds(window, "window")
    if not length:
        raise OptionError("window='0s' is no window")
    meaning = meaning_of(check_frame(stays, "stays"))
    return with_cells(counted_windows(stays, meaning, length), meaning, length)


def counted_windows(
    stays: DataFrame, meaning: Meaning, length: int, start: int | None = None, end: int | None = None
) -> DataFrame:
    """Return cell, window (its number from the epoch), devices and dwell."""
    import pyarrow as pa

    tasks, block = tasks_of(stays), block_of(length)
    rows = clipped(stays, start, end, block)
    units = Units.of(loads_of(rows, tasks), tasks, by_pairs=False)
    cell = plain_schema(OCCUPANCY, meaning.device, meaning.cell, meaning.tz).field("cell").type
    names = {"cell": cell, "window": pa.int64(), "devices": pa.int64(), "dwell_s": pa.int64()}
    schema = pa.schema([pa.field(name, kind, False) for name, kind in names.items()])
    counted = mapped(split(rows, units), _Count(meaning, length, block, schema), spark_schema(schema))
    if units.heavy.num_rows:
        from pyspark.sql import functions

        sums = (functions.sum(name).alias(name) for name in ("devices", "dwell_s"))
        counted = counted.groupBy("cell", "window").agg(*sums)
    return counted


def with_cells(counted: DataFrame, meaning: Meaning, length: int) -> DataFrame:
    """Return the table of occupancy: what is known of the cells, and windows as instants."""
    schema = plain_schema(OCCUPANCY, meaning.device, meaning.cell, meaning.tz)
    return mapped(counted, _Cells(meaning, schema, length), spark_schema(schema))


@dataclass(frozen=True)
class _Count:
    """The task: devices and dwell of the cells and windows of a partition, each part of a unit for itself."""

    meaning: Meaning
    length: int
    block: int
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        tables = list(batches)
        if not tables:
            return
        table = pa.Table.from_batches(tables).combine_chunks()
        block, start, end = (
            view(table[name].combine_chunks(), np.int64) for name in ("block", "start", "end")
        )
        start, end = np.maximum(start, block * self.block), np.minimum(end, (block + 1) * self.block)
        stays = stays_of([columns_of(table["device"], table["cell"], start, end)], self.meaning)
        rows = _counted(stays, self.length)
        columns = [take(stays.cells.values, rows[:, 0]), *(pa.array(rows[:, k].copy()) for k in (1, 2, 3))]
        yield from batches_of(pa.table(columns, names=self.schema.names), self.schema)


@dataclass(frozen=True)
class _Cells:
    """The task that fills in what is known of cells."""

    meaning: Meaning
    schema: Any
    length: int

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        for batch in batches:
            if batch.num_rows:
                table = pa.Table.from_batches([batch])
                yield from batches_of(occupancy_table(table, self.meaning, self.length), self.schema)


def occupancy_table(table: pa.Table, meaning: Meaning, length: int) -> pa.Table:
    """Return the columns of occupancy for cell, window, devices and dwell."""
    import pyarrow as pa

    cells = meaning.cells(table["cell"].combine_chunks().cast(meaning.cell))
    window = view(table["window"].combine_chunks(), np.int64)
    columns = {
        **cells.columns(np.arange(table.num_rows)),
        "window_started_at": instants(window * length, 0, meaning.tz),
        "devices": table["devices"],
        "dwell_s": table["dwell_s"],
    }
    return pa.table([columns[name] for name in OCCUPANCY.names], names=list(OCCUPANCY.names))
