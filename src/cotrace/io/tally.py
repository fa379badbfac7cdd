"""What became of the rows of one pass, or of a part of it: counts, refused rows, and what may not be meant."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.counts import Counts
from cotrace.errors import CotraceWarning
from cotrace.io.doubts import Doubts
from cotrace.io.reasons import UNKNOWN_TOWER
from cotrace.io.refused import Refusals, code_of, outside
from cotrace.io.unplaced import UnplacedTowers

if TYPE_CHECKING:
    from cotrace.io.batches import PingBatch
    from cotrace.io.pings import Pings

__all__ = ["Tally"]


class Tally:
    """Counts while batches go by; those of the parts of a pass are merged, in the order of the source.

    Attributes
    ----------
    counts : Counts
        Rows, refused and skipped so far, and used: all others.
    """

    def __init__(self, pings: Pings) -> None:
        self.counts = Counts()
        self._pings = pings
        self._hints = dict(pings._hints)
        self.refusals = Refusals(self.counts, pings.refused_cap, pings.errors == "raise", self._hints)
        self._unplaced: UnplacedTowers | None = None
        self._latest = -1
        reader = pings._convert.positions
        self._doubts = Doubts(pings.positions, reader.names if reader else ("", ""), pings.crs, pings.tz)

    def skip(self, rows: int) -> None:
        """Count rows that are not read at all."""
        self.counts.rows += rows
        self.counts.skipped += rows

    def take(self, batch: PingBatch) -> None:
        """Count a batch."""
        counts = self.counts
        counts.rows += batch._source.num_rows
        counts.used += len(batch)
        if len(batch) and self._pings._convert.times.unit in ("ms", "us", "ns"):
            self._latest = max(self._latest, int(batch.time.max()))
        marks = batch._marks
        self._doubts.see(batch)
        if marks is not None and marks.codes is not None:
            at = np.flatnonzero(marks.codes)
            self.refusals.add(batch._source, at, marks.codes[at], batch.first_row, marks.swapped)

    def refuse(
        self, batch: PingBatch, which: npt.NDArray[np.bool_] | npt.NDArray[np.integer[Any]], reason: str
    ) -> None:
        """Count pings of a batch as refused, for a reason that only a later stage can see.

        Parameters
        ----------
        batch : PingBatch
            A batch that was counted here.
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
        self.refusals.add(
            batch._source, at, np.full(len(at), code, np.uint8), batch.first_row, 0, used=len(at)
        )

    def merge(self, later: Tally) -> None:
        """Add what a later part of the same pass counted."""
        self.counts.rows += later.counts.rows
        self.counts.used += later.counts.used
        self.counts.skipped += later.counts.skipped
        self.refusals.merge(later.refusals)
        self._latest = max(self._latest, later._latest)
        self._doubts.merge(later._doubts)
        if later._unplaced is not None:
            if self._unplaced is None:
                self._unplaced = later._unplaced
            else:
                self._unplaced.merge(later._unplaced)

    def told(self) -> dict[str, Any]:
        """Return what a part of a pass that is read elsewhere shows beside its counts, as plain numbers."""
        return {"latest": self._latest, "doubts": self._doubts.told()}

    def add(self, told: dict[str, Any]) -> None:
        """Add what :meth:`told` says of a part; its counts are added elsewhere."""
        self._latest = max(self._latest, told["latest"])
        self._doubts.add(told["doubts"])

    def finish(self) -> None:
        """Hand the counts and the refused rows to the pings, and warn of what was refused."""
        if self._unplaced is not None:
            self._hints[UNKNOWN_TOWER] = self._unplaced.hint(self._pings.tower_type, self.counts.used)
        self._pings._finished(self)
        if not self._pings.is_part:
            self.refusals.report()

    def warn_of_doubts(self) -> None:
        """Warn of what a whole pass shows."""
        early = self._pings._convert.times.early(self._latest)
        if early is not None:
            warnings.warn(CotraceWarning(early, "unit", latest=self._latest), stacklevel=outside())
        for doubt in self._doubts.warnings():
            warnings.warn(doubt, stacklevel=outside())
