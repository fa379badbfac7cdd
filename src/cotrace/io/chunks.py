"""Tables in pieces: lists of them, iterators that give one after the other, and Arrow datasets."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cotrace.errors import CotraceTypeError, ReadError, SchemaError
from cotrace.io.columns import listed
from cotrace.io.frames import SpoolTask, TableSource, kept_file, open_frame
from cotrace.io.source import Source, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ListSource", "PieceSource", "open_pieces"]


def open_pieces(source: Iterator[Any]) -> Source:
    """Return a source for an iterator of tables, which is read to its end when it is loaded."""
    first = next(source, None)
    if first is None:
        raise ReadError("the iterator of tables is at its end: it gave none, or was read before")
    return PieceSource(itertools.chain([first], source), _opened(first, 0))


def _opened(piece: Any, index: int) -> TableSource:
    try:
        opened = open_frame(piece)
    except CotraceTypeError:
        opened = None
    if not isinstance(opened, TableSource):
        raise CotraceTypeError(
            f"piece {index} of the pings is a {type(piece).__name__}: an iterator or a list gives tables of pandas, "
            "polars or PyArrow, or record batches; for another stream of batches make a reader, "
            "pa.RecordBatchReader.from_batches(schema, generator)"
        )
    opened.label = f"piece {index}"
    return opened


def _check_columns(piece: TableSource, columns: Sequence[str]) -> None:
    names = piece.names()[0][1]
    missing = [c for c in columns if c not in names]
    if missing:
        raise SchemaError(
            f"{piece.label}: no column {listed(missing)}, which the first piece has; its columns are {listed(names)}"
        )


class ListSource(Source):
    """A list of tables in memory, read as if they were one."""

    def __init__(self, tables: Iterable[Any]) -> None:
        self._parts = [_opened(table, index) for index, table in enumerate(tables)]
        super().__init__(f"the list of {len(self._parts)} tables")

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns of each table."""
        return [part.names()[0] for part in self._parts]

    def load(self, columns: Sequence[str]) -> None:
        """Convert these columns of each table."""
        for part in self._parts:
            _check_columns(part, columns)
            part.load(columns)

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the types of each table."""
        return [part.schemas()[0] for part in self._parts]

    @property
    def n_rows(self) -> int | None:
        """The rows of all tables."""
        rows = [part.n_rows for part in self._parts]
        return None if None in rows else sum(r for r in rows if r is not None)

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return slices of all tables, in their order."""
        tasks: list[Task] = []
        row = 0
        for part in self._parts:
            for task in part.tasks()[0]:
                task.first_row = (task.first_row or 0) + row
                tasks.append(task)
            row += part.n_rows or 0
        return tasks, 0


class PieceSource(Source):
    """Tables that come one by one and only once; each run of equal types goes to a temporary file of its own."""

    def __init__(self, pieces: Iterator[Any], first: TableSource) -> None:
        super().__init__("the iterator of tables")
        self._pieces: Iterator[Any] | None = pieces
        self._names = first.names()[0][1]
        self._kept: list[tuple[str, pa.Schema, SpoolTask]] = []

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns of the first table."""
        return [(self.label, self._names)]

    def load(self, columns: Sequence[str]) -> None:
        """Read the iterator to its end and keep these columns in temporary files."""
        import pyarrow as pa

        assert self._pieces is not None
        tables = (self._table(piece, index, columns) for index, piece in enumerate(self._pieces))
        row = 0
        for schema, run in itertools.groupby(tables, key=lambda named: named[1].schema):
            path = kept_file(self)
            start, label = row, ""
            try:
                with pa.ipc.new_stream(path, schema) as file:
                    for name, table in run:
                        label = label or name
                        file.write_table(table)
                        row += table.num_rows
            except (pa.ArrowException, OSError) as error:
                raise ReadError(
                    f"{self.label} broke off after {row:,} rows, or there was no room for it on disk "
                    f"({type(error).__name__})"
                ) from error
            self._kept.append((label, schema, SpoolTask(start, row - start, path)))
        self._pieces = None
        self.notes.append(f"{row:,} rows of an iterator kept in {len(self._kept)} temporary files")

    def _table(self, piece: Any, index: int, columns: Sequence[str]) -> tuple[str, pa.Table]:
        opened = _opened(piece, index)
        _check_columns(opened, columns)
        opened.load(columns)
        return opened.label, opened.table.replace_schema_metadata(None)

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the types of each run of tables."""
        return [(label, schema) for label, schema, _ in self._kept]

    @property
    def n_rows(self) -> int | None:
        """The rows of all tables, once they were read."""
        return None if self._pieces is not None else sum(task.n_rows or 0 for _, _, task in self._kept)

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return the files, in order."""
        return [task for _, _, task in self._kept], 0
