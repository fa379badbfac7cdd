"""One batch of pings, and the marks on its rows that cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.io.reasons import REASONS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["CODES", "Marks", "PingBatch"]

CODES = {reason: code for code, reason in enumerate(REASONS, start=1)}


class Marks:
    """Which rows of a batch cannot be used, and why: the first fault that was found counts."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.codes: npt.NDArray[np.uint8] | None = None
        self.swapped = 0
        #: least and greatest of both coordinates of the usable rows, as the input has them
        self.box: tuple[float, float, float, float] | None = None
        #: usable rows at longitude 0, latitude 0, and the first of them in the batch
        self.zeros = 0
        self.first_zero = 0
        #: usable times written without an offset, and with one
        self.by_clock = 0
        self.with_offset = 0

    def mark(self, where: npt.NDArray[np.bool_] | None, reason: str) -> None:
        """Mark the rows where a mask is true, unless they are marked already."""
        if where is None or not where.any():
            return
        if self.codes is None:
            self.codes = np.zeros(self.n, np.uint8)
        self.codes[where & (self.codes == 0)] = CODES[reason]

    @property
    def good(self) -> npt.NDArray[np.bool_] | None:
        """Return where rows are usable, or None when all are."""
        return None if self.codes is None else self.codes == 0


@dataclass(slots=True)
class PingBatch:
    """Some usable pings, in the order of the source, as read-only columns of one length.

    Parameters
    ----------
    first_row : int
        Number in the source of the first row that the batch was made from.
    rows : int64 array or None
        Numbers in the source of these pings; None: ``first_row``, ``first_row + 1``, and so on.
    device : pyarrow.Array
        Ids, never null: of the source's ``device_type``, or with a dictionary of strings and int32 indices.
    time : int64 array
        Unix seconds, UTC; fractions are floored.
    a, b : float64 array or None
        Longitude and latitude (WGS 84) or x and y; None where positions come from towers.
    tower : pyarrow.Array or None
        Tower ids of the source's ``tower_type``. Null only where ``a`` and ``b`` say where the ping is.
    accuracy : float64 array or None
        Metres, where a column of it was named; NaN where it is not known.
    """

    first_row: int
    rows: npt.NDArray[np.int64] | None
    device: pa.Array
    time: npt.NDArray[np.int64]
    a: npt.NDArray[np.float64] | None
    b: npt.NDArray[np.float64] | None
    tower: pa.Array | None
    accuracy: npt.NDArray[np.float64] | None = None
    _source: Any = field(default=None, repr=False)
    _marks: Marks | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.time)

    def __repr__(self) -> str:
        return f"<PingBatch: {len(self):,} pings from row {self.first_row:,}>"

    def row_number(self, at: int) -> int:
        """Return the number in the source of one ping."""
        return self.first_row + at if self.rows is None else int(self.rows[at])

    def row_numbers(self) -> npt.NDArray[np.int64]:
        """Return the number in the source of every ping."""
        if self.rows is not None:
            return self.rows
        return np.arange(self.first_row, self.first_row + len(self), dtype=np.int64)
