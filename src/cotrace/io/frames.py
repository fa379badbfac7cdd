"""Tables in memory, and streams that can be read only once and so are kept in a temporary file."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import CotraceError, CotraceTypeError, ReadError, SchemaError
from cotrace.io.columns import listed
from cotrace.io.source import BATCH_ROWS, Source, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SpoolTask", "TableSource", "kept_file", "open_frame"]


def open_frame(source: Any) -> Source:
    """Return a source for anything that is a table: in memory, or a stream of Arrow batches."""
    if isinstance(source, Mapping):
        return FrameSource("the dict", source, [str(name) for name in source], _dict_table)
    if _is_a(source, "pandas", "DataFrame"):
        return FrameSource("the pandas table", source, [str(name) for name in source.columns], _pandas_table)
    if _is_a(source, "polars", "LazyFrame"):
        raise CotraceTypeError("a polars LazyFrame is not a table yet: pass lazy.collect()")
    if _is_a(source, "polars", "DataFrame"):
        return FrameSource("the polars table", source, list(source.columns), _polars_table)
    import pyarrow as pa

    if isinstance(source, pa.RecordBatch):
        source = pa.Table.from_batches([source])
    if isinstance(source, pa.Table):
        return FrameSource("the Arrow table", source, list(source.column_names), _arrow_table)
    if isinstance(source, pa.RecordBatchReader):
        return SpooledSource("the Arrow stream", source)
    if hasattr(source, "__arrow_c_stream__"):
        return SpooledSource("the Arrow stream", pa.RecordBatchReader.from_stream(source))
    if _is_a(source, "pyarrow.dataset", "Dataset"):
        return SpooledSource("the Arrow dataset", source, lambda c: source.scanner(columns=c).to_reader())
    if _is_a(source, "pyarrow.dataset", "Scanner"):
        return SpooledSource("the Arrow scanner", source.to_reader())
    raise CotraceTypeError(
        f"cannot read pings from a {type(source).__name__}: give a path, a list of paths, a folder, a glob, a "
        "table of pandas, polars, PyArrow or DuckDB, anything with __arrow_c_stream__, or a dict of arrays; "
        "for a stream of record batches make a reader, pa.RecordBatchReader.from_batches(schema, generator)"
    )


def _is_a(source: Any, module: str, name: str) -> bool:
    # whoever has such a table has imported its library: nothing is loaded here to find out
    there = sys.modules.get(module)
    return there is not None and isinstance(source, getattr(there, name, ()))


@dataclass
class TableTask(Task):
    """A slice of a table in memory."""

    table: Any = None

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the slice in batches."""
        yield from self.table.select(list(columns)).to_batches(max_chunksize=BATCH_ROWS)


class TableSource(Source):
    """An Arrow table in memory."""

    table: Any = None

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the table's schema."""
        return [(self.label, self.table.schema)]

    @property
    def n_rows(self) -> int | None:
        """The rows of the table."""
        return None if self.table is None else int(self.table.num_rows)

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return slices of the table, of a batch each."""
        starts = range(0, self.table.num_rows, BATCH_ROWS)
        slices = ((start, self.table.slice(start, BATCH_ROWS)) for start in starts)
        return [TableTask(start, part.num_rows, part) for start, part in slices], 0


class FrameSource(TableSource):
    """A table of some library; the columns that are used become Arrow columns, without a copy where that can be."""

    def __init__(self, label: str, frame: Any, names: list[str], convert: Any) -> None:
        super().__init__(label)
        self._frame, self._names, self._convert = frame, names, convert

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns that there are."""
        return [(self.label, self._names)]

    def load(self, columns: Sequence[str]) -> None:
        """Convert these columns."""
        self.table = self._converted(columns)
        if self.table is None:
            bad = [c for c in columns if self._converted([c]) is None]
            raise SchemaError(
                f"{self.label}: the values of {listed(bad)} are not of one type that can be read: give each column "
                "one type, ids all integers or all strings"
            )

    def _converted(self, columns: Sequence[str]) -> Any:
        """Return a table of these columns, or None; what Arrow says of it may quote an id, and is not passed on."""
        import pyarrow as pa

        try:
            return self._convert(self._frame, [self._names.index(c) for c in columns], list(columns))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            return None


def _arrow_table(frame: Any, indices: list[int], names: list[str]) -> Any:
    return frame.select(indices)


def _polars_table(frame: Any, indices: list[int], names: list[str]) -> Any:
    return frame[:, indices].to_arrow()


def _pandas_table(frame: Any, indices: list[int], names: list[str]) -> Any:
    import pyarrow as pa

    part = frame.iloc[:, indices].set_axis(names, axis=1)
    for index, name in enumerate(names):
        if _holds_objects(part.dtypes.iloc[index]):
            column = part.iloc[:, index]
            told = _one_zone(column)
            if told is not column:
                part = part.assign(**{name: told})
    return pa.Table.from_pandas(part, preserve_index=False).replace_schema_metadata(None)


def _dict_table(frame: Mapping[Any, Any], indices: list[int], names: list[str]) -> Any:
    import pyarrow as pa

    values = list(frame.values())
    columns = [_as_array(values[i], name) for i, name in zip(indices, names, strict=True)]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        each = ", ".join(f"{name!r} {len(c):,}" for name, c in zip(names, columns, strict=True))
        raise SchemaError(f"the columns of the dict differ in length: {each}")
    return pa.table(columns, names=names)


def _as_array(values: Any, name: str) -> Any:
    import pyarrow as pa

    if isinstance(values, (list, tuple)) or _holds_objects(getattr(values, "dtype", None)):
        values = _one_zone(values)
    elif isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
        raise CotraceTypeError(
            f"column {name!r} of the dict is a {type(values).__name__}, not a list or an array"
        )
    if getattr(values, "ndim", 1) != 1:
        raise CotraceTypeError(
            f"column {name!r} of the dict has {values.ndim} dimensions: give one array a column"
        )
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if hasattr(values, "__arrow_c_stream__") and not _is_a(values, "pandas", "Series"):
        return pa.chunked_array(values)
    return pa.array(values)


def _holds_objects(dtype: Any) -> bool:
    return str(dtype) == "object"


def _one_zone(values: Any) -> Any:
    """Return a column of Python objects; as text when they are times of several zones, or some without any.

    Arrow would quietly read them in the zone of the first; text keeps what each of them says.
    """
    from datetime import datetime

    stamps = [v for v in values if isinstance(v, datetime) and v == v]  # NaT is a datetime too
    zones = {id(v.tzinfo): v.tzinfo for v in stamps}
    if len({_zone_key(zone) for zone in zones.values()}) < 2:
        return values
    texts = [v.isoformat() if isinstance(v, datetime) and v == v else v for v in values]
    return [text if isinstance(text, str) else None for text in texts] if _only_times(values) else values


def _zone_key(zone: Any) -> Any:
    from cotrace.io.zones import zone_name

    if zone is None:
        return None
    try:
        return zone_name(zone)
    except CotraceError:
        return zone


def _only_times(values: Any) -> bool:
    from datetime import datetime

    return all(v is None or v != v or isinstance(v, datetime) for v in values)


@dataclass
class SpoolTask(Task):
    """The temporary file of a stream."""

    path: str = ""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the file's batches, as views of the mapped file."""
        import pyarrow as pa

        with pa.memory_map(self.path) as data:
            for whole in pa.ipc.open_stream(data):
                batch = whole.select(list(columns))
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)


class SpooledSource(Source):
    """A stream that can be read only once: what is used of it goes to a temporary file, for as long as needed."""

    def __init__(self, label: str, reader: Any, opening: Any = None) -> None:
        super().__init__(label)
        self._reader = reader
        self._opening = opening
        self._schema = reader.schema
        self._path = ""
        self._rows = 0

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns of the stream."""
        return [(self.label, list(self._schema.names))]

    def load(self, columns: Sequence[str]) -> None:
        """Read the stream to its end and keep these columns in a temporary file."""
        import os

        import pyarrow as pa

        self._path = kept_file(self)
        self._schema = pa.schema([self._schema.field(c) for c in columns])
        try:
            # the stream format, because dictionaries may change from batch to batch
            with pa.ipc.new_stream(self._path, self._schema) as file:
                reader = self._reader if self._opening is None else self._opening(list(columns))
                for batch in reader:
                    file.write_batch(batch.select(list(columns)))
                    self._rows += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise ReadError(
                f"{self.label} broke off after {self._rows:,} rows, or there was no room for it on disk "
                f"({type(error).__name__}): {str(error).splitlines()[0]}"
            ) from error
        self._reader = self._opening = None
        size = os.path.getsize(self._path)
        self.notes.append(f"{self._rows:,} rows of a stream kept in a temporary file of {size / 1e6:,.1f} MB")

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the schema of what is kept."""
        return [(self.label, self._schema)]

    @property
    def n_rows(self) -> int | None:
        """The rows of the stream."""
        return self._rows

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return the file as one piece."""
        return [SpoolTask(0, self._rows, self._path)], 0


def kept_file(owner: object) -> str:
    """Make a temporary file that lives for as long as its owner."""
    import os
    import tempfile
    import weakref

    handle, path = tempfile.mkstemp(prefix="cotrace-", suffix=".arrow")
    os.close(handle)
    weakref.finalize(owner, _remove, path)
    return path


def _remove(path: str) -> None:
    import contextlib
    import os

    with contextlib.suppress(OSError):
        os.remove(path)
