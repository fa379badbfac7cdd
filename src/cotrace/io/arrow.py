"""Arrow IPC files (Feather too), in the file format and in the stream format; memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import ReadError
from cotrace.io.checked import check_buffers, check_schema
from cotrace.io.files import FilePart
from cotrace.io.paths import FoundFile
from cotrace.io.source import BATCH_ROWS, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowPart"]


def _open(path: str) -> Any:
    """Open a file of either format."""
    import pyarrow as pa

    try:
        data = pa.memory_map(path)
        seekable = data.read(6) == b"ARROW1"
        data.seek(0)
        opened = pa.ipc.open_file(data) if seekable else pa.ipc.open_stream(data)
        check_schema(opened.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return opened


def _damaged(path: str, error: Exception) -> ReadError:
    return ReadError(
        f"{path!r} cannot be read as an Arrow file ({str(error).splitlines()[0].rstrip('.')}): it is damaged, was not "
        "written to its end, or is of another format: write or copy it again"
    )


def _raw_batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(reader, "get_batch"):
        for index in range(reader.num_record_batches):
            yield reader.get_batch(index)
    else:
        yield from reader


@dataclass
class ArrowTask(Task):
    """One file."""

    path: str = ""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Give the file's batches, none too large."""
        import pyarrow as pa

        raw = _raw_batches(_open(self.path))
        while True:
            try:
                batch = next(raw, None)
                if batch is not None:
                    batch = batch.select(list(columns))
                    check_buffers(batch)
            except (pa.ArrowException, OSError, ValueError) as error:
                raise _damaged(self.path, error) from error
            if batch is None:
                return
            for start in range(0, batch.num_rows, BATCH_ROWS):
                yield batch.slice(start, BATCH_ROWS)


class ArrowPart(FilePart):
    """One Arrow file, by its schema."""

    def __init__(self, file: FoundFile) -> None:
        super().__init__(file)
        self._all = _open(file.path).schema

    def names(self) -> list[str]:
        """Return the columns of the file."""
        return list(self._all.names)

    def load(self, columns: Sequence[str]) -> None:
        """Look up the types of these columns."""
        import pyarrow as pa

        self.schema = pa.schema([self._all.field(c) for c in columns])

    def tasks(self, first_row: int | None, window: Window | None) -> tuple[list[Task], int]:
        """Return the file as one piece."""
        return [ArrowTask(None, None, self.path)], 0
