"""From a batch of the input's own columns to a batch of pings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.arrays import frozen
from cotrace.errors import SchemaError
from cotrace.io.batches import Marks, PingBatch
from cotrace.io.columns import Columns
from cotrace.io.ids import pair_ids, read_ids
from cotrace.io.positions import PositionReader
from cotrace.io.reasons import AMBIGUOUS_TIME, BAD_TIME, MISSING_TIME, NO_DEVICE, NO_POSITION
from cotrace.io.times import TimeReader

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Converter"]


@dataclass(frozen=True)
class Converter:
    """How the batches of one source become pings; safe to share between threads."""

    columns: Columns
    device_type: pa.DataType
    tower_type: pa.DataType | None
    times: TimeReader
    positions: PositionReader | None

    @property
    def hints(self) -> dict[str, str]:
        """Return, by reason, what may help with such rows."""
        times = self.times
        bad = (
            "not a number"
            if times.unit
            else "write ISO 8601, such as 2021-11-01T08:30:00+08:00, or name time_format="
        )
        return {
            BAD_TIME: bad if times.form is None else f"does not fit time_format={times.form.text!r}",
            AMBIGUOUS_TIME: "clock_change='earliest' or 'latest' reads them",
            MISSING_TIME: "clock_change='earliest' or 'latest' reads them",
        }

    def hint(self) -> str:
        """Say what is done to positions, for a description."""
        said = self.positions.said if self.positions is not None and self.positions.kind == "lonlat" else None
        return "" if said is None else f", given as {said}"

    def __call__(self, batch: pa.RecordBatch, first_row: int) -> PingBatch:
        """Convert one batch, of which the first row has this number in the source."""
        names = self.columns
        marks = Marks(batch.num_rows)
        device, none = read_ids(batch.column(names.device), self.device_type, names.device, first_row)
        marks.mark(none, NO_DEVICE)
        time = frozen(self.times.read(batch.column(names.time), first_row, marks))
        a = b = tower = None
        if self.positions is not None:
            first, second = self.positions.names
            a, b = self.positions.read(batch.column(first), batch.column(second), marks)
        if self.tower_type is not None:
            tower, none = self._tower(batch, first_row)
            if self.positions is None:
                marks.mark(none, NO_POSITION)
        whole = PingBatch(first_row, None, device, time, a, b, tower, self._accuracy(batch), batch, marks)
        return whole if marks.codes is None else _usable(whole, np.flatnonzero(marks.codes == 0))

    def _accuracy(self, batch: pa.RecordBatch) -> npt.NDArray[np.float64] | None:
        import pyarrow as pa

        if self.columns.accuracy is None:
            return None
        try:
            metres = batch.column(self.columns.accuracy).cast(pa.float64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise SchemaError(
                f"column {self.columns.accuracy!r} is no accuracy in metres: numbers are needed"
            ) from None
        return np.asarray(metres.to_numpy(zero_copy_only=False), dtype=np.float64)

    def _tower(self, batch: pa.RecordBatch, first_row: int) -> tuple[pa.Array, npt.NDArray[np.bool_] | None]:
        names = self.columns
        if names.tower is not None:
            return read_ids(batch.column(names.tower), self.tower_type, names.tower, first_row)
        lac, ci = str(names.lac), str(names.ci)
        return pair_ids(batch.column(lac), batch.column(ci), (lac, ci), first_row)


def _usable(whole: PingBatch, keep: npt.NDArray[np.int64]) -> PingBatch:
    """Return the rows of a batch that can be used."""

    def picked(values: Any) -> Any:
        return None if values is None else frozen(values[keep])

    def taken(values: Any) -> Any:
        return None if values is None else values.take(_indices(keep))

    rows = frozen(keep + whole.first_row)
    return PingBatch(
        whole.first_row,
        rows,
        taken(whole.device),
        picked(whole.time),
        picked(whole.a),
        picked(whole.b),
        taken(whole.tower),
        picked(whole.accuracy),
        whole._source,
        whole._marks,
    )


def _indices(keep: npt.NDArray[np.int64]) -> Any:
    import pyarrow as pa

    return pa.array(keep)
