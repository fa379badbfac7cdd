"""A source of pings whose ids are pseudonyms from the first batch on: refused rows have them too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from cotrace.io.ids import read_ids
from cotrace.io.pings import Pings
from cotrace.io.source import Source, Task, Window
from cotrace.privacy.mapping import Mapping

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.privacy.pseudonyms import Pseudonymiser

__all__ = ["pseudonymous_pings"]


def pseudonymous_pings(pings: Pings, by: Pseudonymiser) -> Pings:
    """Return pings like these, with pseudonyms for ids."""
    import pyarrow as pa

    source = _Source(pings._source, pings.columns.device, Mapping(by, pings.device_type), pings.device_type)
    convert = replace(pings._convert, device_type=pa.large_string())
    return Pings(source, convert, pings.towers, errors=pings.errors, refused_cap=pings.refused_cap)


class _Source(Source):
    """Another source, with the ids of one column replaced."""

    def __init__(self, inner: Source, column: str, mapping: Mapping, kind: pa.DataType) -> None:
        super().__init__(inner.label, inner.files, [*inner.notes, "device ids are pseudonyms"])
        self._inner, self._column, self._mapping, self._kind = inner, column, mapping, kind

    def names(self) -> list[tuple[str, list[str]]]:
        """Return the columns of each part."""
        return self._inner.names()

    def load(self, columns: Sequence[str]) -> None:
        """Make ready to read these columns."""
        self._inner.load(columns)

    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return the types of each part; ids are text."""
        return [(label, self._schema(schema)) for label, schema in self._inner.schemas()]

    def _schema(self, schema: pa.Schema) -> pa.Schema:
        import pyarrow as pa

        at = schema.get_field_index(self._column)
        if at < 0:
            return schema
        return schema.set(at, pa.field(self._column, pa.dictionary(pa.int32(), pa.large_string())))

    @property
    def n_rows(self) -> int | None:
        """The rows that there are."""
        return self._inner.n_rows

    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return the pieces of the source."""
        tasks, skipped = self._inner.tasks(window)
        return [_Task(task.first_row, task.n_rows, task, self) for task in tasks], skipped

    def replaced(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch:
        """Return a batch with pseudonyms."""
        import pyarrow as pa
        import pyarrow.compute as pc

        schema = batch.schema
        at = schema.get_field_index(self._column)
        if at < 0:
            return batch
        ids, none = read_ids(batch.column(at), self._kind, self._column, first_row)
        if none is not None and not ids.null_count:  # ids that were floats have a mark beside them
            ids = pc.if_else(pa.array(none), None, ids)
        columns = [*batch.columns[:at], self._mapping.names(ids), *batch.columns[at + 1 :]]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema(schema))


class _Task(Task):
    """A piece of another source, with the ids of one column replaced."""

    def __init__(self, first_row: int | None, n_rows: int | None, inner: Task, source: _Source) -> None:
        super().__init__(first_row, n_rows)
        self._inner, self._source = inner, source

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read the piece."""
        row = self.first_row or 0
        for batch in self._inner.batches(columns):
            yield self._source.replaced(batch, row)
            row += batch.num_rows
