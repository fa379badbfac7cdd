"""What every kind of input looks like from inside: parts with a schema, and tasks that give their batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cotrace.arrays import plain

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["BATCH_ROWS", "Source", "Task", "Window"]

BATCH_ROWS = 131_072


@dataclass(frozen=True)
class Window:
    """The time that is asked for, and how footers tell whether a row group has any of it."""

    start: int | None
    end: int | None
    column: str
    unit: str | None
    slack: int = 0

    def excludes(self, low: int, high: int) -> bool:
        """Tell whether seconds ``low`` to ``high`` lie wholly outside."""
        before = self.start is not None and high + self.slack < self.start
        return before or (self.end is not None and low - self.slack >= self.end)


@dataclass
class Task(ABC):
    """A piece of a source that one thread reads from end to end."""

    first_row: int | None
    n_rows: int | None

    @abstractmethod
    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read the piece."""


@dataclass
class Source(ABC):
    """Something that can be read again in batches.

    Attributes
    ----------
    label : str
        How messages call it.
    files : tuple of str
        The files that it is read from.
    notes : list of str
        What was done to read it: spooled, or files left aside.
    """

    label: str = "the table"
    files: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)

    @abstractmethod
    def names(self) -> list[tuple[str, list[str]]]:
        """Return what each part is called, and its columns."""

    @abstractmethod
    def load(self, columns: Sequence[str]) -> None:
        """Make ready to read these columns, and no others."""

    @abstractmethod
    def schemas(self) -> list[tuple[str, pa.Schema]]:
        """Return what each part is called, and the types of the columns that were loaded."""

    @property
    def n_rows(self) -> int | None:
        """The rows that there are, where that is known without reading them."""
        return None

    @abstractmethod
    def tasks(self, window: Window | None = None) -> tuple[list[Task], int]:
        """Return the pieces in order, and how many rows are in others that were left out."""

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns from end to end, in one thread."""
        for task in self.tasks()[0]:
            yield from task.batches(columns)

    def extremes(self, column: str) -> tuple[int, int]:
        """Return the least and the greatest integer of a column; 0, 0 when there is none."""
        import pyarrow.compute as pc

        low = high = 0
        for batch in self.batches([column]):
            found = pc.min_max(plain(batch.column(column))).as_py()
            if found["min"] is not None:
                low, high = min(low, found["min"]), max(high, found["max"])
        return low, high
