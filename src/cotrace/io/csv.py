"""CSV files, compressed ones too: every column that is used is read as text, so that no id loses a zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import ReadError, SchemaError
from cotrace.io.files import FilePart
from cotrace.io.paths import FoundFile
from cotrace.io.source import BATCH_ROWS, Task, Window

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CsvPart"]

_BLOCK = 1 << 22
_NULLS = ["", "NULL", "null", "NA", "N/A", "n/a", "NaN", "nan", "None", "none", "NaT", "\\N", "<NA>"]
_DATA = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?|\d{4}-\d{2}-\d{2}.*")

_RAGGED = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")


def _broken(path: str, error: Exception) -> ReadError:
    text = str(error).splitlines()[0]
    if "UTF8" in text or "utf-8" in text:
        return ReadError(f"{path!r} is not in UTF-8: convert it, with iconv for instance")
    if "CSV parse error" in text:
        # the parser's message quotes the row, and with it the id
        text = "a row cannot be parsed"
    return ReadError(
        f"{path!r} cannot be read as CSV ({text.rstrip('.')}): it is damaged or was not written to its end: write "
        "or copy it again"
    )


def _header(file: FoundFile) -> tuple[list[str], str, bool]:
    """Return the columns, what separates them, and whether anything follows the header."""
    import csv

    import pyarrow as pa

    try:
        with pa.input_stream(file.path, compression=file.compression) as stream:
            line, rest, more = b"", b"", b" "
            while more and not rest.strip():
                more = stream.read(1 << 16)
                line, rest = _split(line + rest + more)
        header = line.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise _broken(file.path, error) from error
    separator = max(",;\t|", key=lambda c: (header.count(c), c == ","))
    return next(csv.reader([header], delimiter=separator), []), separator, bool(rest.strip())


def _split(start: bytes) -> tuple[bytes, bytes]:
    """Part the header line from what follows, with its end."""
    parts = re.split(rb"(\r\n|\n|\r)", start, maxsplit=1)
    return parts[0], b"".join(parts[1:])


@dataclass
class CsvTask(Task):
    """One file."""

    path: str = ""
    compression: str | None = None
    separator: str = ","

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Parse the file block by block; the columns are strings."""
        import pyarrow as pa

        try:
            stream = pa.input_stream(self.path, compression=self.compression)
            reader = _reader(stream, columns, self.separator)
            for batch in reader:
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield batch.slice(start, BATCH_ROWS)
        except (OSError, ValueError) as error:
            raise _ragged(self.path, error) or _broken(self.path, error) from None


def _reader(stream: Any, columns: Sequence[str], separator: str) -> Any:
    import pyarrow as pa
    import pyarrow.csv as pc

    return pc.open_csv(
        stream,
        # with threads the numbers of bad rows are not known
        pc.ReadOptions(use_threads=False, block_size=_BLOCK),
        pc.ParseOptions(delimiter=separator, newlines_in_values=False),
        pc.ConvertOptions(
            column_types={c: pa.string() for c in columns},
            include_columns=list(columns),
            null_values=_NULLS,
            strings_can_be_null=True,
        ),
    )


def _ragged(path: str, error: Exception) -> ReadError | None:
    """Say which row has too few or too many fields, if that is what the parser found.

    Its message is read for that: a handler of its own for such rows fails on those that are not in UTF-8.
    """
    found = _RAGGED.search(str(error))
    if found is None:
        return None
    return ReadError(
        f"{path!r}: line {found[1]} has {found[3]} fields, and the header {found[2]}: the file was cut off there, or a "
        "field holds the separator without quotes: write it again"
    )


class CsvPart(FilePart):
    """One CSV file, by its header."""

    def __init__(self, file: FoundFile) -> None:
        super().__init__(file)
        self._file = file
        self._names, self._separator, self._has_rows = _header(file)
        if any(_DATA.fullmatch(name.strip()) for name in self._names):
            raise SchemaError(
                f"{self.path}: its first line looks like data, not like the names of columns: add a header line, "
                "such as device,time,lon,lat"
            )
        if not self._has_rows:
            self.n_rows = 0

    def names(self) -> list[str]:
        """Return the columns of the header."""
        return self._names

    def load(self, columns: Sequence[str]) -> None:
        """Take these columns as text."""
        import pyarrow as pa

        self.schema = pa.schema([(c, pa.string()) for c in columns])

    def tasks(self, first_row: int | None, window: Window | None) -> tuple[list[Task], int]:
        """Return the file as one piece."""
        if not self._has_rows:
            return [], 0
        return [CsvTask(None, None, self.path, self._file.compression, self._separator)], 0
