"""One pass over a source of pings."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cotrace.counts import Counts
from cotrace.errors import CotraceError
from cotrace.io.ahead import in_turn, run
from cotrace.io.batches import PingBatch
from cotrace.io.source import Task, Window
from cotrace.io.tally import Tally

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa

    from cotrace.io.pings import Pings

__all__ = ["Progress", "Scan", "Share"]

#: Called after every batch with the rows so far, and all rows where that is known.
Progress: TypeAlias = Callable[[int, int | None], object]


class Share:
    """A part of a scan, for one thread to read; iterated once.

    Attributes
    ----------
    tally : Tally
        What became of its rows so far.
    """

    def __init__(self, pings: Pings, tasks: Sequence[Task]) -> None:
        self.tally = Tally(pings)
        self._pings, self._tasks = pings, tasks

    def __iter__(self) -> Iterator[PingBatch]:
        pings = self._pings
        for batch in in_turn(self._tasks, pings.columns.used, pings._convert):
            self.tally.take(batch)
            yield batch


class Scan:
    """One pass over a source, batch by batch; made by :meth:`Pings.scan`, and iterated once.

    When the last batch was given, the counts become those of the pings, and rows that cannot be used are warned
    of. A stage that refuses more rows (:meth:`refuse`) does so before it asks for the next batch, or calls
    :meth:`finish` when it is done. A pass that is broken off leaves no counts.

    A stage that reads on several threads takes :meth:`shares` instead of batches, and gives each back
    (:meth:`absorb`) in their order when it was read.

    Attributes
    ----------
    tally : Tally
        What became of the rows so far.
    """

    def __init__(self, pings: Pings, threads: int, window: Window | None, progress: Progress | None) -> None:
        self._pings = pings
        self._threads = threads
        self._window = window
        self._progress = progress
        self.tally = Tally(pings)
        # weak, so that a loop that is left ends the reading even when nobody closes the scan
        self._batches: weakref.ref[Generator[PingBatch, None, None]] | None = None
        self._begun = self._done = False

    @property
    def counts(self) -> Counts:
        """Rows, refused and skipped so far, and used: all others."""
        return self.tally.counts

    def _begin(self) -> list[Task]:
        if self._begun:
            raise CotraceError("a scan is one pass and has been made: ask for another, pings.scan()")
        self._begun = True
        tasks, skipped = self._pings._source.tasks(self._window)
        self.tally.skip(skipped)
        return tasks

    def __iter__(self) -> Iterator[PingBatch]:
        batches = self._run(self._begin())
        self._batches = weakref.ref(batches)
        return batches

    def __enter__(self) -> Scan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading; threads that decode ahead end."""
        batches = None if self._batches is None else self._batches()
        if batches is not None:
            batches.close()

    def _run(self, tasks: Sequence[Task]) -> Generator[PingBatch, None, None]:
        pings = self._pings
        stream: Any = run(tasks, pings.columns.used, pings._convert, self._threads)
        try:
            for batch in stream:
                self.tally.take(batch)
                if len(batch):
                    yield batch
                self.report(self.counts.rows)
        finally:
            stream.close()
        self.end()

    @property
    def watched(self) -> bool:
        """Whether somebody wants to know how many rows were read."""
        return self._progress is not None

    def report(self, rows: int) -> None:
        """Tell whoever wants to know how many rows were read."""
        if self._progress is not None:
            self._progress(rows, self._pings.n_rows)

    def end(self) -> None:
        """Finish, all rows having been read."""
        self._done = True
        self.finish()
        self.tally.warn_of_doubts()

    def shares(self) -> list[Share] | None:
        """Return the source in parts that follow one another, for threads to read; None: it is not to be shared.

        The first are large and the last are small, so that threads which take the next one that is left are done at
        about the same time. A part is never less than a task (a row group) of the source.
        """
        tasks, _ = self._pings._source.tasks(self._window)
        sizes = [task.n_rows or 0 for task in tasks]
        if self._threads < 2 or len(tasks) < 2 or any(task.first_row is None for task in tasks):
            return None
        self._begin()
        shares, at, left = [], 0, sum(sizes)
        while at < len(tasks):
            most, begin, mine = left / (2 * self._threads), at, 0
            while at < len(tasks) and (at == begin or mine + sizes[at] <= most):
                mine += sizes[at]
                at += 1
            left -= mine
            shares.append(Share(self._pings, tasks[begin:at]))
        return shares

    def absorb(self, share: Share) -> None:
        """Count what was read of a share; shares are given back in their order."""
        self.tally.merge(share.tally)

    def refuse(
        self, batch: PingBatch, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]], reason: str
    ) -> None:
        """Count pings of a batch of this scan as refused: see :meth:`cotrace.io.tally.Tally.refuse`."""
        self.tally.refuse(batch, which, reason)

    def finish(self) -> None:
        """Hand the counts and the refused rows to the pings, and warn of what was refused.

        Comes by itself at the end of the pass; call it once more when rows were refused after that.
        """
        if not self._done:
            raise CotraceError("the scan is not at its end, so its counts are not those of the whole source")
        self.tally.finish()

    @property
    def refused(self) -> pa.Table:
        """The refused rows of this pass so far."""
        return self.tally.refusals.table(self._pings._schema)
