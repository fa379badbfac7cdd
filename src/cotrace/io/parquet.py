"""Parquet files: memory-mapped, a row group a task, with what their footers tell of times and rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import ReadError
from cotrace.io.checked import check_schema, check_text
from cotrace.io.files import FilePart
from cotrace.io.instants import PER_SECOND
from cotrace.io.paths import FoundFile
from cotrace.io.source import BATCH_ROWS, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ParquetPart"]

_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


def _open(path: str, metadata: Any = None) -> Any:
    """Open a file; checksums of pages are verified where the writer left any."""
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(path, metadata=metadata, memory_map=True, page_checksum_verification=True)
        if metadata is None:
            check_schema(opened.schema_arrow)
        return opened
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: str, error: Exception) -> ReadError:
    return ReadError(
        f"{path!r} cannot be read as Parquet ({str(error).splitlines()[0].rstrip('.')}): it is damaged, was not "
        "written to its end, or is of another format: write or copy it again"
    )


@dataclass
class RowGroupTask(Task):
    """One row group."""

    path: str = ""
    metadata: Any = None
    group: int = 0

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Decode the row group batch by batch."""
        # opened anew for each row group: while a file is mapped, all of it that was read counts as memory
        file = _open(self.path, self.metadata)
        try:
            yield from self._decoded(file, columns)
        finally:
            file.close(force=True)

    def _decoded(self, file: Any, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        groups = file.iter_batches(
            BATCH_ROWS, row_groups=[self.group], columns=list(columns), use_threads=False
        )
        left = self.n_rows or 0
        while True:
            try:
                batch = next(groups, None)
                if batch is not None:
                    check_text(batch)
            except (OSError, ValueError) as error:
                raise _damaged(self.path, error) from error
            if batch is None:
                break
            left -= batch.num_rows
            yield batch
        if left:
            raise ReadError(
                f"{self.path!r}: row group {self.group} has {left} rows less than its footer says: it is damaged"
            )


class ParquetPart(FilePart):
    """One Parquet file, by its footer."""

    def __init__(self, file: FoundFile) -> None:
        super().__init__(file)
        opened = _open(file.path)
        self._metadata = opened.metadata
        self._all = opened.schema_arrow
        self._leaves = {self._metadata.schema.column(i).path: i for i in range(self._metadata.num_columns)}
        self.n_rows = int(self._metadata.num_rows)
        opened.close()

    def names(self) -> list[str]:
        """Return the columns of the file."""
        return list(self._all.names)

    def load(self, columns: Sequence[str]) -> None:
        """Look up the types of these columns."""
        import pyarrow as pa

        self.schema = pa.schema([self._all.field(c) for c in columns])

    def tasks(self, first_row: int | None, window: Window | None) -> tuple[list[Task], int]:
        """Return the row groups that are not outside the window."""
        tasks: list[Task] = []
        row, skipped = first_row, 0
        for group in range(self._metadata.num_row_groups):
            n = int(self._metadata.row_group(group).num_rows)
            if window is not None and self._outside(group, window):
                skipped += n
            elif n:
                tasks.append(RowGroupTask(row, n, self.path, self._metadata, group))
            row = None if row is None else row + n
        return tasks, skipped

    def span(self, column: str) -> tuple[int, int] | None:
        """Return the first and last time by the footer, in a nanosecond or a unit of the file's own."""
        per = self._per_second(column, None)
        scale = 1 if per is None else 1_000_000_000 // per
        found = self._range(column)
        return None if found is None else (found[0] * scale, found[1] * scale)

    def extremes(self, column: str) -> tuple[int, int] | None:
        """Return the least and the greatest integer by the footer."""
        found = self._range(column)
        return (0, 0) if not self.n_rows else None if found is None else (min(0, found[0]), max(0, found[1]))

    def _range(self, column: str) -> tuple[int, int] | None:
        lows, highs = [], []
        for group in range(self._metadata.num_row_groups):
            if self._metadata.row_group(group).num_rows:
                found = self._statistics(group, column)
                if found is None:
                    return None
                lows.append(found[0])
                highs.append(found[1])
        return (min(lows), max(highs)) if lows else None

    def _statistics(self, group: int, column: str) -> tuple[int, int] | None:
        """Return the least and greatest integer, or tick of a timestamp, of a row group."""
        leaf = self._leaves.get(column)
        if leaf is None:
            return None
        chunk = self._metadata.row_group(group).column(leaf)
        statistics = chunk.statistics if chunk.is_stats_set else None
        if statistics is None or not statistics.has_min_max or chunk.physical_type not in ("INT32", "INT64"):
            return None
        low, high = int(statistics.min_raw), int(statistics.max_raw)
        if self._logical(leaf).get("isSigned") is False:
            bits = 1 << (32 if chunk.physical_type == "INT32" else 64)
            low, high = low % bits, high % bits
        return low, high

    def _logical(self, leaf: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._metadata.schema.column(leaf).logical_type.to_json())
        return found

    def _per_second(self, column: str, unit: str | None) -> int | None:
        """Return how many ticks of the file's own a second has."""
        leaf = self._leaves.get(column)
        logical = self._logical(leaf) if leaf is not None else {}
        if logical.get("Type") == "Timestamp":
            unit = _UNITS.get(str(logical.get("timeUnit")))
        elif logical.get("Type") not in ("None", "Int"):
            unit = None
        return PER_SECOND.get(unit or "")

    def _outside(self, group: int, window: Window) -> bool:
        per = self._per_second(window.column, window.unit)
        found = self._statistics(group, window.column) if per is not None else None
        return per is not None and found is not None and window.excludes(found[0] // per, found[1] // per)
