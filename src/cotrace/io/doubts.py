"""What a whole pass shows that a batch alone may not: degrees read as metres, (0, 0), times of two kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cotrace.errors import CotraceWarning
from cotrace.io.batches import Marks, PingBatch

__all__ = ["ELSEWHERE", "Doubts"]

Box = tuple[float, float, float, float]

_SAMPLE = 512
#: What is seen, but for the number of a row.
_SEEN = ("_box", "_zeros", "_sampled", "_fine", "_by_clock", "_with_offset")
#: Degrees from (0, 0) beyond which a position is elsewhere.
ELSEWHERE = 1.0


class Doubts:
    """Collects, batch by batch, what may not be meant.

    Parameters
    ----------
    kind : str
        What positions are: ``lonlat``, ``xy`` or ``none``.
    names : tuple of str
        Their columns, for messages.
    crs : str or None
        The CRS of x and y; None for a plane.
    zone : str
        The zone that times without an offset are in.
    """

    def __init__(self, kind: str, names: tuple[str, str], crs: str | None, zone: str) -> None:
        self._kind, self._names, self._crs, self._zone = kind, names, crs, zone
        self._box: Box | None = None
        self._zeros = 0
        self._first_zero: int | None = None
        self._sampled = 0
        self._fine = 0
        self._by_clock = 0
        self._with_offset = 0

    def see(self, batch: PingBatch) -> None:
        """Look at one batch; cheap, since its least and greatest values are known already."""
        marks = batch._marks
        if marks is not None:
            self._by_clock += marks.by_clock
            self._with_offset += marks.with_offset
            if marks.box is not None:
                self._look_at(marks, batch)

    def _look_at(self, marks: Marks, batch: PingBatch) -> None:
        assert marks.box is not None
        self._box = marks.box if self._box is None else _around(self._box, marks.box)
        if marks.zeros:
            self._zeros += marks.zeros
            if self._first_zero is None:
                self._first_zero = batch.first_row + marks.first_zero
        if self._kind == "xy" and _within_degrees(self._box):
            self._sample(batch)

    def _sample(self, batch: PingBatch) -> None:
        step = max(1, len(batch) // _SAMPLE)
        for values in (batch.a, batch.b):
            if values is not None:
                some = values[::step]
                self._sampled += len(some)
                self._fine += int(_finer_than_a_millimetre(some).sum())

    def merge(self, later: Doubts) -> None:
        """Add what was seen in a later part of the source."""
        if later._box is not None:
            self._box = later._box if self._box is None else _around(self._box, later._box)
        if self._first_zero is None:
            self._first_zero = later._first_zero
        self._zeros += later._zeros
        self._sampled += later._sampled
        self._fine += later._fine
        self._by_clock += later._by_clock
        self._with_offset += later._with_offset

    def told(self) -> dict[str, Any]:
        """Return what was seen as plain numbers, for a part that is read elsewhere; but for numbers of rows."""
        return {name: getattr(self, name) for name in _SEEN}

    def add(self, told: dict[str, Any]) -> None:
        """Add what :meth:`told` says of a part."""
        part = Doubts(self._kind, self._names, self._crs, self._zone)
        vars(part).update(told)
        self.merge(part)

    def warnings(self) -> list[CotraceWarning]:
        """Return what has to be said after the pass."""
        return [w for w in (self._two_kinds(), self._no_fix(), self._degrees()) if w is not None]

    def _two_kinds(self) -> CotraceWarning | None:
        if not (self._by_clock and self._with_offset):
            return None
        return CotraceWarning(
            f"times without an offset ({self._by_clock:,}) were read by the clock of {self._zone}, beside times with "
            f"one ({self._with_offset:,}), read as they are: if all are by one clock, write them alike",
            "zones",
            by_clock=self._by_clock,
            with_offset=self._with_offset,
            zone=self._zone,
        )

    def _no_fix(self) -> CotraceWarning | None:
        # in the Gulf of Guinea itself, (0, 0) is a position like any other
        if not self._zeros or self._box is None or max(map(abs, self._box)) < ELSEWHERE:
            return None
        rows = "1 row has" if self._zeros == 1 else f"{self._zeros:,} rows have"
        first = "" if self._first_zero is None else f" (first: row {self._first_zero})"
        return CotraceWarning(
            f"{rows} the position (0, 0){first}, which devices without a fix often report; they were used, and devices "
            "with such rows seem to meet there: leave these rows out before reading",
            "positions",
            zeros=self._zeros,
            first_row=self._first_zero,
        )

    def _degrees(self) -> CotraceWarning | None:
        box = self._box
        if self._kind != "xy" or box is None or not self._look_like_degrees(box):
            return None
        x, y = self._names
        read = "metres" if self._crs is None else f"metres of {self._crs}"
        return CotraceWarning(
            f"positions look like degrees, but were read as {read}: {x!r} lies in {box[0]:.6g} to {box[1]:.6g} and "
            f"{y!r} in {box[2]:.6g} to {box[3]:.6g}, so that all devices are within {_metres(box)} of one another: if "
            f"they are longitude and latitude, read them with lon={x!r}, lat={y!r}",
            "positions",
            box=box,
        )

    def _look_like_degrees(self, box: Box) -> bool:
        """Tell degrees from metres in a room or a pen, which fit into the same numbers.

        Degrees of a town or region lie close together and far from the origin; degrees of a country are finer
        than a millimetre would be. A plane of a pen begins near its origin, or is measured in centimetres. In a
        projected CRS nothing is that near the origin.
        """
        wide, high = box[1] - box[0], box[3] - box[2]
        if not _within_degrees(box) or wide + high == 0:
            return False
        if self._crs is not None:
            return True
        far_x, far_y = max(abs(box[0]), abs(box[1])), max(abs(box[2]), abs(box[3]))
        if wide <= 0.1 * far_x and high <= 0.1 * far_y:
            return True
        fine = 2 * self._fine > self._sampled
        regional = wide <= 20 and high <= 20 and high <= 0.2 * far_y and far_y >= 20
        return fine and (regional or far_x >= 60)


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), max(one[3], other[3])


def _within_degrees(box: Box) -> bool:
    return box[0] >= -180 and box[1] <= 180 and box[2] >= -90 and box[3] <= 90


def _finer_than_a_millimetre(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    thousandths = values * 1000
    return np.asarray(np.abs(thousandths - np.rint(thousandths)) > 1e-4)


def _metres(box: Box) -> str:
    across = float(np.hypot(box[1] - box[0], box[3] - box[2]))
    return f"{across:.3g} m"
