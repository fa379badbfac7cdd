"""One pass over a source of pings."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from cotrace.counts import Counts
from cotrace.errors import CotraceError, CotraceWarning
from cotrace.io.ahead import run
from cotrace.io.batches import PingBatch
from cotrace.io.doubts import Doubts
from cotrace.io.reasons import UNKNOWN_TOWER
from cotrace.io.refused import Refusals, code_of, outside
from cotrace.io.source import Window
from cotrace.io.unplaced import UnplacedTowers

if TYPE_CHECKING:
    from types import TracebackType

    import pyarrow as pa

    from cotrace.io.pings import Pings

__all__ = ["Progress", "Scan"]

#: Called after every batch with the rows so far, and all rows where that is known.
Progress: TypeAlias = Callable[[int, int | None], object]


class Scan:
    """One pass over a source, batch by batch; made by :meth:`Pings.scan`, and iterated once.

    When the last batch was given, the counts become those of the pings, and rows that cannot be used are warned
    of. A stage that refuses more rows (:meth:`refuse`) does so before it asks for the next batch, or calls
    :meth:`finish` when it is done. A pass that is broken off leaves no counts.

    Attributes
    ----------
    counts : Counts
        Rows, refused and skipped so far, and used: all others.
    """

    def __init__(self, pings: Pings, threads: int, window: Window | None, progress: Progress | None) -> None:
        self.counts = Counts()
        self._pings = pings
        self._threads = threads
        self._window = window
        self._progress = progress
        self._hints = dict(pings._hints)
        self._refusals = Refusals(self.counts, pings.refused_cap, pings.errors == "raise", self._hints)
        self._unplaced: UnplacedTowers | None = None
        # weak, so that a loop that is left ends the reading even when nobody closes the scan
        self._batches: weakref.ref[Generator[PingBatch, None, None]] | None = None
        self._done = False
        self._latest = -1
        reader = pings._convert.positions
        self._doubts = Doubts(pings.positions, reader.names if reader else ("", ""), pings.crs, pings.tz)

    def __iter__(self) -> Iterator[PingBatch]:
        if self._batches is not None:
            raise CotraceError("a scan is one pass and has been made: ask for another, pings.scan()")
        batches = self._run()
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

    def _run(self) -> Generator[PingBatch, None, None]:
        pings = self._pings
        tasks, skipped = pings._source.tasks(self._window)
        self.counts.rows = self.counts.skipped = skipped
        stream: Any = run(tasks, pings.columns.used, pings._convert, self._threads)
        try:
            for batch in stream:
                self._take(batch)
                if len(batch):
                    yield batch
                if self._progress is not None:
                    self._progress(self.counts.rows, pings.n_rows)
        finally:
            stream.close()
        self._done = True
        self.finish()
        early = pings._convert.times.early(self._latest)
        if early is not None:
            warnings.warn(CotraceWarning(early, "unit", latest=self._latest), stacklevel=outside())
        for doubt in self._doubts.warnings():
            warnings.warn(doubt, stacklevel=outside())

    def _take(self, batch: PingBatch) -> None:
        counts = self.counts
        counts.rows += batch._source.num_rows
        counts.used += len(batch)
        if len(batch) and self._pings._convert.times.unit in ("ms", "us", "ns"):
            self._latest = max(self._latest, int(batch.time.max()))
        marks = batch._marks
        self._doubts.see(batch)
        if marks is not None and marks.codes is not None:
            at = np.flatnonzero(marks.codes)
            self._refusals.add(batch._source, at, marks.codes[at], batch.first_row, marks.swapped)

    def refuse(
        self, batch: PingBatch, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]], reason: str
    ) -> None:
        """Count pings of a batch as refused, for a reason that only a later stage can see.

        Parameters
        ----------
        batch : PingBatch
            A batch of this scan.
        which : array
            A mask over the batch, or positions in it.
        reason : str
            One of :data:`cotrace.io.reasons.REASONS`.
        """
        code = code_of(reason)
        which = np.asarray(which)
        local = np.flatnonzero(which) if which.dtype == np.bool_ else np.unique(which.astype(np.int64))
        if not len(local):
            return
        if reason == UNKNOWN_TOWER and self._pings.towers is not None:
            if self._unplaced is None:
                self._unplaced = UnplacedTowers(self._pings.towers)
            self._unplaced.see(batch.tower, local)
            self._hints[reason] = self._unplaced.hint(self._pings.tower_type, self.counts.used - len(local))
        at = local if batch.rows is None else batch.rows[local] - batch.first_row
        self._refusals.add(
            batch._source, at, np.full(len(at), code, np.uint8), batch.first_row, 0, used=len(at)
        )

    def finish(self) -> None:
        """Hand the counts and the refused rows to the pings, and warn of what was refused.

        Comes by itself at the end of the pass; call it once more when rows were refused after that.
        """
        if not self._done:
            raise CotraceError("the scan is not at its end, so its counts are not those of the whole source")
        if self._unplaced is not None:
            self._hints[UNKNOWN_TOWER] = self._unplaced.hint(self._pings.tower_type, self.counts.used)
        self._pings._finished(self.counts, self._refusals)
        self._refusals.report()

    @property
    def refused(self) -> pa.Table:
        """The refused rows of this pass so far."""
        return self._refusals.table(self._pings._schema)
