"""Files as one source: their parts in order, and what their footers tell."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from cotrace.errors import ReadError, SchemaError
from cotrace.io.columns import listed
from cotrace.io.paths import FoundFile, find_files, is_path, natural
from cotrace.io.source import Source, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["FilePart", "FileSource", "open_source"]


class FilePart(ABC):
    """One file: its columns, types and tasks."""

    def __init__(self, file: FoundFile) -> None:
        self.path = file.path
        self.schema: pa.Schema = None
        self.n_rows: int | None = None

    @abstractmethod
    def names(self) -> list[str]:
        """Return the columns that there are."""

    @abstractmethod
    def load(self, columns: Sequence[str]) -> None:
        """Set ``schema`` to these columns."""

    @abstractmethod
    def tasks(self, first_row: int | None, window: Window | None) -> tuple[list[Task], int]:
        """Return the pieces of the file, and how many rows are in others that are outside the window."""

    def span(self, column: str) -> tuple[int, int] | None:
        """Return the first and the last time by the footer, in whatever unit; None when it does not tell."""
        return None

    def extremes(self, column: str) -> tuple[int, int] | None:
        """Return the least and the greatest integer by the footer; None when it does not tell."""
        return None


class FileSource(Source):
    """Files, read one after the other as if they were one."""

    def __init__(self, files: list[FoundFile], own_order: bool, notes: list[str]) -> None:
        label = os.path.basename(files[0].path) if len(files) == 1 else f"{len(files)} files"
        super().__init__(label, (), notes)
        for file in files:
            _check_content(file.path)
        self.parts = [_part(file) for file in files]
        self._own_order = own_order
        self.files = tuple(p.path for p in self.parts)

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns of each file."""
        return [(p.path, p.names()) for p in self.parts]

    def load(self, columns: Sequence[str]) -> None:
        """Look up the types of these columns in every file."""
        for part in self.parts:
            missing = [c for c in columns if c not in part.names()]
            if missing:
                raise SchemaError(
                    f"{part.path}: no column {listed(missing)}, which {self.parts[0].path} has; its columns are "
                    f"{listed(part.names())}"
                )
            part.load(columns)

    def order_by(self, time: str) -> None:
        """Put the files in the order of their first times, where footers tell these and spans do not overlap."""
        spans = [(p.span(time), p) for p in self.parts if p.n_rows != 0]
        known = sorted(((s, natural(p.path), p) for s, p in spans if s is not None), key=lambda k: k[:2])
        if known and len(known) == len(spans):
            apart = all(a[0][1] <= b[0][0] for a, b in pairwise(known))
            empty = [p for p in self.parts if p.n_rows == 0]
            if apart:
                self.parts = [p for _, _, p in known] + empty
            else:
                self.parts.sort(key=lambda p: natural(p.path))
        elif not self._own_order:
            self.parts.sort(key=lambda p: natural(p.path))
        self.files = tuple(p.path for p in self.parts)

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the types of the loaded columns of each file."""
        return [(p.path, p.schema) for p in self.parts]

    @property
    def n_rows(self) -> int | None:
        """The rows of all files, where their footers tell."""
        rows = [p.n_rows for p in self.parts]
        return None if None in rows else sum(r for r in rows if r is not None)

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return the pieces of all files in order, and the rows of those outside the window."""
        tasks: list[Task] = []
        skipped, row = 0, 0 if self.n_rows is not None else None
        for part in self.parts:
            pieces, outside = part.tasks(row, window)
            tasks += pieces
            skipped += outside
            if row is not None and part.n_rows is not None:
                row += part.n_rows
        return tasks, skipped

    def extremes(self, column: str) -> tuple[int, int]:
        """Return the least and the greatest integer of a column, by the footers where they tell."""
        known = [p.extremes(column) for p in self.parts]
        if any(k is None for k in known):
            return super().extremes(column)
        return min(k[0] for k in known if k), max(k[1] for k in known if k)


def open_source(source: Any) -> Source:
    """Return a source for anything that pings can be read from."""
    if isinstance(source, Iterator) and not hasattr(source, "__arrow_c_stream__"):
        source = _of_iterator(source)
    if isinstance(source, Source):
        return source
    if isinstance(source, (list, tuple)) and source and not any(map(is_path, source)):
        from cotrace.io.chunks import ListSource

        return ListSource(source)
    if is_path(source) or isinstance(source, (list, tuple)):
        notes: list[str] = []
        files, own_order = find_files(source, notes)
        return FileSource(files, own_order, notes)
    from cotrace.io.frames import open_frame

    return open_frame(source)


def _of_iterator(source: Iterator[Any]) -> Any:
    """Return a list of paths, or a source for tables that come one by one."""
    first = next(source, None)
    if is_path(first):
        return [first, *source]
    from cotrace.io.chunks import open_pieces

    return open_pieces(chain([] if first is None else [first], source))


def _check_content(path: str) -> None:
    try:
        with open(path, "rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise ReadError(f"{path!r} cannot be opened: {error.strerror}") from error
    if empty:
        raise ReadError(
            f"{path!r} is empty (0 bytes), not even column names: write it again, or take it away"
        )


def _part(file: FoundFile) -> FilePart:
    if file.format == "Parquet":
        from cotrace.io.parquet import ParquetPart

        return ParquetPart(file)
    if file.format == "CSV":
        from cotrace.io.csv import CsvPart

        return CsvPart(file)
    from cotrace.io.arrow import ArrowPart

    return ArrowPart(file)
