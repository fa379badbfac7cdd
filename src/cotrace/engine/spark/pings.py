"""Pings of a Spark DataFrame: what is read as what, and the source that a task reads its partition by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from cotrace.engine.spark.frames import Batches, arrow_schema_of, by_device, check_frame, chosen
from cotrace.errors import CotraceTypeError
from cotrace.io import Pings
from cotrace.io import read_pings as read_local
from cotrace.io.frames import FrameSource, _arrow_table
from cotrace.io.source import BATCH_ROWS, Source, Task
from cotrace.io.zones import ClockChange
from cotrace.schema import REFUSED

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["SparkPings", "check_pings", "local_pings", "read_pings", "task_pings"]

#: rows that are looked at where a column's type alone does not tell how it is written
_HEAD = 1024


def read_pings(
    df: DataFrame,
    *,
    device: str | None = None,
    time: str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    x: str | None = None,
    y: str | None = None,
    tower: str | tuple[str, str] | None = None,
    towers: Any = None,
    accuracy: str | None = None,
    crs: Any = None,
    tz: Any = None,
    unit: str | None = None,
    time_format: str | None = None,
    errors: Literal["collect", "raise"] = "collect",
    clock_change: ClockChange = "refuse",
    refused_cap: int = 100_000,
) -> SparkPings:
    """Open a Spark DataFrame as pings: one timestamped position of one device a row.

    Nothing is read but the schema; where times are text, or numbers without ``unit``, also some rows.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
        Any number of rows, in any order and partitioning. Columns that are not named are not read.
    device, time, lon, lat, x, y, tower, towers, accuracy, crs, tz, unit, time_format, errors, clock_change, refused_cap
        As in :func:`cotrace.read_pings`. Timestamps of Spark are instants; results are in ``tz``, or in the session's
        time zone. ``towers`` is a table that the driver has (not a Spark DataFrame): it goes to every task.

    Returns
    -------
    SparkPings
        For :func:`find_stays` and :func:`find_companions` of this module.

    Raises
    ------
    SchemaError, TimeError, PositionError
        As :func:`cotrace.read_pings` does.

    Notes
    -----
    A device's type is that of its column: 64-bit integers or strings. Cast others before. With ``errors="raise"`` the
    task stops at a row that cannot be used, and Spark says so; row numbers count within its partition.
    """
    frame = check_frame(df, "df")
    source = _FrameSource(frame)
    given: dict[str, Any] = {
        "device": device,
        "time": time,
        "lon": lon,
        "lat": lat,
        "x": x,
        "y": y,
        "tower": tower,
    }
    more = {
        "towers": towers,
        "accuracy": accuracy,
        "crs": crs,
        "tz": tz,
        "unit": unit,
        "time_format": time_format,
    }
    template = read_local(
        source, **given, **more, errors=errors, clock_change=clock_change, refused_cap=refused_cap
    )
    return SparkPings(chosen(frame, template.columns.used), template)


class SparkPings:
    """Pings that a cluster reads; made by :func:`read_pings`.

    Attributes
    ----------
    frame : pyspark.sql.DataFrame
        The columns that are used.
    template : Pings
        How they are read.
    """

    def __init__(self, frame: DataFrame, template: Pings) -> None:
        self.frame, self.template = frame, template

    @property
    def tz(self) -> str:
        """The time zone of results."""
        return self.template.tz

    @property
    def device_type(self) -> pa.DataType:
        """The type of device ids."""
        return self.template.device_type

    def by_device(self) -> DataFrame:
        """Return the frame with all rows of a device in one partition."""
        columns = self.template.columns
        return by_device(self.frame, columns.device, columns.time)

    def refused_schema(self) -> pa.Schema:
        """Return the types of the table of refused rows: its own columns, and those of the frame that are used."""
        import pyarrow as pa

        return pa.schema([*REFUSED.arrow(), *arrow_schema_of(self.frame)])

    def recipe(self) -> Recipe:
        """Return what a task needs to read its partition."""
        t = self.template
        return Recipe(t._convert, t.towers, t.errors, t.refused_cap)

    def __repr__(self) -> str:
        return f"<SparkPings: {self.template.columns.describe()}; {self.tz}>"


def check_pings(pings: Any) -> SparkPings:
    """Return pings of this engine, or refuse anything else."""
    if not isinstance(pings, SparkPings):
        raise CotraceTypeError(
            f"{type(pings).__name__} is not SparkPings: read them with cotrace.engine.spark.read_pings()"
        )
    return pings


@dataclass(frozen=True)
class Recipe:
    """How a task reads the batches of its partition; goes to the executors."""

    convert: Any
    towers: Any
    errors: Literal["collect", "raise"]
    refused_cap: int


def task_pings(recipe: Recipe, batches: Batches) -> Pings:
    """Return the pings of a task's partition, which can be read once."""
    source = _PartitionSource(batches)
    return _part(source, recipe)


def local_pings(recipe: Recipe, table: pa.Table) -> Pings:
    """Return the pings of a table that a task has in memory, which can be read again."""
    source = FrameSource("a partition of the Spark table", table, list(table.column_names), _arrow_table)
    source.load(recipe.convert.columns.used)
    return _part(source, recipe)


def _part(source: Source, recipe: Recipe) -> Pings:
    return Pings(
        source,
        recipe.convert,
        recipe.towers,
        errors=recipe.errors,
        refused_cap=recipe.refused_cap,
        is_part=True,
    )


@dataclass
class _BatchTask(Task):
    """The batches of a partition, joined to the size that the stages work with."""

    rows: Any = None

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the batches."""
        held: list[pa.RecordBatch] = []
        n = 0
        for batch in self.rows:
            held.append(batch)
            n += batch.num_rows
            if n >= BATCH_ROWS:
                yield from _joined(held, columns)
                held, n = [], 0
        yield from _joined(held, columns)


def _joined(batches: list[pa.RecordBatch], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    if batches:
        table = pa.Table.from_batches(batches).select(list(columns)).combine_chunks()
        yield from table.to_batches()


class _PartitionSource(Source):
    """The rows of a partition, as they come from Spark: once."""

    def __init__(self, batches: Batches) -> None:
        super().__init__("a partition of the Spark table")
        self._batches = batches
        self._schema: pa.Schema | None = None

    def names(self) -> list[tuple[str, list[str]]]:
        """Return nothing: columns were looked up by the driver."""
        return [(self.label, [])]

    def load(self, columns: Sequence[str]) -> None:
        """Nothing is to be done."""

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the schema of the batches, once one was read."""
        import pyarrow as pa

        return [(self.label, self._schema or pa.schema([]))]

    def tasks(self, window: Any = None) -> tuple[list[Task], int]:
        """Return the partition as one piece."""
        return [_BatchTask(None, None, self._seen())], 0

    def _seen(self) -> Batches:
        for batch in self._batches:
            self._schema = batch.schema
            yield batch


class _FrameSource(Source):
    """A Spark DataFrame as the driver sees it: names and types, and some rows where these do not tell."""

    def __init__(self, frame: DataFrame) -> None:
        super().__init__("the Spark table")
        self._frame = frame
        self._columns: list[str] = []

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns that there are."""
        return [(self.label, list(self._frame.columns))]

    def load(self, columns: Sequence[str]) -> None:
        """Keep these columns."""
        self._columns = list(columns)

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the Arrow types that tasks will see."""
        return [(self.label, arrow_schema_of(chosen(self._frame, self._columns)))]

    def tasks(self, window: Any = None) -> tuple[list[Task], int]:
        """Return nothing: the driver reads no pings."""
        return [], 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give some rows."""
        yield from chosen(self._frame, columns).limit(_HEAD).toArrow().to_batches()
