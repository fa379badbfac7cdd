"""What all stages on Spark share: frames by device, functions over Arrow batches, tables packed into rows."""

from __future__ import annotations

import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from cotrace.errors import CotraceTypeError, OptionError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from cotrace.schema import TableSchema

__all__ = [
    "PACKED",
    "Batches",
    "arrow_schema_of",
    "batches_of",
    "by_device",
    "check_frame",
    "chosen",
    "frame_of",
    "mapped",
    "pack",
    "packed_of",
    "plain_schema",
    "refuse_progress",
    "result_schema",
    "spark_schema",
    "tables_of",
    "tasks_of",
    "to_arrow",
    "unpack",
    "unpacked",
]

Batches: TypeAlias = Iterator["pa.RecordBatch"]
#: rows of a batch that a task gives back
_OUT = 1 << 16
#: a session's Python is set and put back by one thread at a time
_WRAPPING = threading.Lock()
#: a task's results of several kinds travel as tables packed into rows: what it is, and an Arrow stream
PACKED = "kind string not null, payload binary not null"


def check_frame(frame: Any, what: str) -> DataFrame:
    """Return a Spark DataFrame, or refuse anything else.

    Raises
    ------
    CotraceTypeError
        With how to get one.
    """
    try:
        from pyspark.sql import DataFrame
    except ImportError:
        raise OptionError(
            "cotrace.engine.spark needs pyspark 4 or newer and Java 17: install cotrace[spark]"
        ) from None
    if not isinstance(frame, DataFrame):
        raise CotraceTypeError(
            f"{what} is a {type(frame).__name__}, not a Spark DataFrame: for what is on this machine "
            "there are the functions of cotrace itself"
        )
    return frame


def refuse_progress(progress: Any) -> None:
    """Refuse a function that is to be told of progress: tasks cannot call it."""
    if progress is not None:
        raise OptionError(
            "progress= cannot be told from a cluster: look at Spark's own pages, and leave it out"
        )


def mapped(frame: DataFrame, function: Callable[[Batches], Batches], schema: StructType | str) -> DataFrame:
    """Apply a function to the Arrow batches of each partition, in the driver's Python unless told otherwise."""
    context = frame.sparkSession.sparkContext
    told = os.environ.get("PYSPARK_PYTHON") or context.getConf().get("spark.pyspark.python")
    with _WRAPPING, warnings.catch_warnings():
        # Spark warns of new versions of pandas, which is not used here
        warnings.simplefilter("ignore", FutureWarning)
        before = context.pythonExec
        # what is wrapped now is run by this Python; other users of the session keep theirs
        context.pythonExec = before if told else sys.executable
        try:
            return frame.mapInArrow(_Settling(function), schema)
        finally:
            context.pythonExec = before


class _Settling:
    """A task, after the first of which what modules hold is left out of garbage collection.

    After every task Spark's Python collects garbage, and walks over all objects of all modules for it: with those that
    are imported here it takes longer than a task of few rows does. Modules last as long as the process.
    """

    settled = 0

    def __init__(self, function: Callable[[Batches], Batches]) -> None:
        self.function = function

    def __call__(self, batches: Batches) -> Batches:
        yield from self.function(batches)
        # again when a later task has imported more; never after each task, as what a task leaves behind is garbage
        if _Settling.settled != len(sys.modules):
            _Settling.settled = len(sys.modules)
            gc.collect()
            gc.freeze()


def by_device(frame: DataFrame, device: str, spread: str | None = None) -> DataFrame:
    """Bring the rows of each device into one partition; the only shuffle of pings that there is.

    As many partitions as the session's shuffles have: named, so that Spark does not join them afterwards. Rows
    without a device are refused later, and are spread by another column until then.
    """
    from pyspark.sql import functions

    f = functions
    key = f.xxhash64(f.col(_quoted(device)))
    if spread is not None:
        key = f.when(f.col(_quoted(device)).isNull(), f.xxhash64(f.col(_quoted(spread)))).otherwise(key)
    return frame.repartition(tasks_of(frame), key)


def tasks_of(frame: DataFrame) -> int:
    """Return how many tasks a shuffle of this session has."""
    return int(frame.sparkSession.conf.get("spark.sql.shuffle.partitions"))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def chosen(frame: DataFrame, names: Iterable[str]) -> DataFrame:
    """Return these columns, whatever characters their names have."""
    return frame.select(*(_quoted(name) for name in names))


def plain_schema(schema: TableSchema, device: pa.DataType, cell: pa.DataType | None, tz: str) -> pa.Schema:
    """Return a table's Arrow schema as Spark has it: short strings, instants in the results' zone."""
    import pyarrow as pa

    fields = []
    for field in schema.arrow(device=device, cell=cell, tz=tz):
        fields.append(pa.field(field.name, _short(field.type), nullable=field.nullable))
    return pa.schema(fields)


def _short(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_list(kind):
        return pa.list_(pa.field("item", _short(kind.value_type), nullable=kind.value_field.nullable))
    return kind


def spark_schema(schema: pa.Schema, metadata: dict[str, dict[str, Any]] | None = None) -> StructType:
    """Return the Spark schema of an Arrow schema; ``metadata`` goes to columns by name."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import ArrayType, StructField, StructType

    notes, fields = metadata or {}, []
    for made, field in zip(from_arrow_schema(schema).fields, schema, strict=True):
        kind = made.dataType
        if pa.types.is_list(field.type):
            # Spark 4.0 forgets whether items may be null
            kind = ArrayType(kind.elementType, field.type.value_field.nullable)
        fields.append(StructField(made.name, kind, made.nullable, notes.get(made.name, {})))
    return StructType(fields)


def arrow_schema_of(frame: DataFrame) -> pa.Schema:
    """Return the Arrow types in which tasks see a frame; no rows are computed."""
    return frame.limit(0).toArrow().schema


def result_schema(schema: TableSchema, device: pa.DataType, cell: pa.DataType | None, tz: str) -> StructType:
    """Return the Spark schema of one of cotrace's tables."""
    return spark_schema(plain_schema(schema, device, cell, tz))


def batches_of(table: pa.Table, schema: pa.Schema) -> Batches:
    """Give a table in batches, with the types that Spark has."""
    if table.num_rows:
        yield from table.cast(schema).to_batches(max_chunksize=_OUT)


def frame_of(session: SparkSession, table: pa.Table, schema: pa.Schema) -> DataFrame:
    """Make a Spark DataFrame of a small table that the driver has."""
    with warnings.catch_warnings():
        # as in mapped()
        warnings.simplefilter("ignore", FutureWarning)
        return session.createDataFrame(table.cast(schema), spark_schema(schema)).coalesce(1)


def pack(table: pa.Table) -> bytes:
    """Return a table as the bytes of an Arrow stream, compressed."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(table)
    return bytes(sink.getvalue())


def unpack(payload: Any) -> pa.Table:
    """Return the table that :func:`pack` packed; takes bytes or an Arrow scalar of them."""
    import pyarrow as pa

    data = payload.as_buffer() if hasattr(payload, "as_buffer") else payload
    return pa.ipc.open_stream(data).read_all()


def packed_of(parts: Iterable[tuple[str, Any]]) -> Batches:
    """Give packed tables as rows, one batch each, so that no batch is larger than it has to be."""
    import pyarrow as pa

    schema = pa.schema([pa.field("kind", pa.string(), False), pa.field("payload", pa.binary(), False)])
    for kind, table in parts:
        data = table if isinstance(table, bytes) else pack(table)
        yield pa.RecordBatch.from_arrays([pa.array([kind]), pa.array([data], pa.binary())], schema=schema)


class _Unpack:
    """The task that unpacks tables of one kind."""

    def __init__(
        self, kind: str, schema: pa.Schema, change: Callable[[pa.Table], pa.Table] | None = None
    ) -> None:
        self.kind, self.schema, self.change = kind, schema, change

    def __call__(self, batches: Batches) -> Batches:
        for batch in batches:
            for kind, payload in zip(batch.column("kind"), batch.column("payload"), strict=True):
                if kind.as_py() == self.kind:
                    table = unpack(payload)
                    yield from batches_of(table if self.change is None else self.change(table), self.schema)


def unpacked(
    packed: DataFrame,
    kind: str,
    schema: pa.Schema,
    change: Callable[[pa.Table], pa.Table] | None = None,
) -> DataFrame:
    """Return the rows of the packed tables of one kind, changed by a function where one is given."""
    return mapped(packed.where(packed["kind"] == kind), _Unpack(kind, schema, change), spark_schema(schema))


def to_arrow(frame: DataFrame) -> pa.Table:
    """Collect what is small by nature."""
    return frame.toArrow()


def tables_of(packed: DataFrame, kind: str) -> list[pa.Table]:
    """Collect the packed tables of one kind, which are small by nature."""
    rows = to_arrow(packed.where(packed["kind"] == kind).select("payload"))
    return [unpack(payload) for payload in rows["payload"]]
