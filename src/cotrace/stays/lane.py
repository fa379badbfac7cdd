"""What one thread has for itself while pings are read: dictionaries, and the way from a batch to codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import TimeError
from cotrace.ids import Ids, ids_of_type
from cotrace.stays.locate import Locator, make_locator
from cotrace.stays.shelf import Codes

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.batches import PingBatch
    from cotrace.io.pings import Pings
    from cotrace.io.tally import Tally
    from cotrace.options import StayOptions

__all__ = ["Encoded", "Extent", "Lane", "Tracked"]

#: int32 seconds reach 68 years; a little is left for sums with gaps
_FARTHEST = 2**31 - 2**25
_LATEST = 2**62


class Tracked(Protocol):
    """Devices to follow."""

    @property
    def ids(self) -> pa.Array:
        """Their ids; in every dictionary they have the first codes."""
        ...

    def start(self, codes: NDArray[np.int32]) -> None:
        """Begin a pass: forget what an earlier one gave. ``codes`` are those of the ids."""
        ...

    def append(self, devices: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Take some of their pings, each device's in the order of time: codes, and unix seconds."""
        ...


class Extent:
    """The first and the last second of pings that have a cell, and the numbers of their rows."""

    def __init__(self) -> None:
        self.first, self.last = _LATEST, -_LATEST
        self.first_row = self.last_row = 0

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last second; None without any ping."""
        return None if self.first > self.last else (self.first, self.last)

    def note(self, batch: PingBatch, least: int, most: int, cells: NDArray[np.int32]) -> None:
        """Look at a batch, whose times lie between ``least`` and ``most``."""
        if least >= self.first and most <= self.last:
            return
        time = batch.time
        if cells.min() < 0:
            time = time[cells >= 0]
            if not time.size:
                return
            least, most = int(time.min()), int(time.max())
        if least < self.first:
            self.first, self.first_row = least, batch.row_number(int(batch.time.argmin()))
        if most > self.last:
            self.last, self.last_row = most, batch.row_number(int(batch.time.argmax()))
        self._check()

    def merge(self, other: Extent) -> None:
        """Add what another part of the pass saw."""
        if other.first < self.first:
            self.first, self.first_row = other.first, other.first_row
        if other.last > self.last:
            self.last, self.last_row = other.last, other.last_row
        self._check()

    def _check(self) -> None:
        if self.last - self.first > _FARTHEST:
            raise TimeError(
                "the pings span more than 67 years, from "
                f"{np.datetime64(self.first, 's')} (row {self.first_row:,}) to {np.datetime64(self.last, 's')} "
                f"(row {self.last_row:,}): is a time wrong, or in another unit? Leave such rows out"
            )


class Encoded(NamedTuple):
    """A batch of pings as codes of devices, seconds from the base and codes of cells (-1: refused)."""

    devices: NDArray[np.int32]
    times: NDArray[np.int32]
    cells: NDArray[np.int32]

    def of_tracked(self, n_tracked: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return codes and seconds of the pings of devices that are followed."""
        at = np.flatnonzero((self.devices < n_tracked) & (self.cells >= 0))
        return self.devices[at], self.times[at]

    def parts(self, size: int) -> Iterator[Encoded]:
        """Return the batch in pieces."""
        for at in range(0, self.times.size, size):
            yield Encoded(*(column[at : at + size] for column in self))


class Lane:
    """Dictionaries of devices and cells, and what encodes batches with them; for one thread at a time."""

    def __init__(self, pings: Pings, options: StayOptions, tracked: Tracked | None) -> None:
        self.devices: Ids = ids_of_type(pings.device_type)
        self.tracked_codes = (
            self.devices.encode(tracked.ids) if tracked is not None else np.empty(0, dtype=np.int32)
        )
        self.n_tracked = len(self.devices)
        self.locate: Locator = make_locator(pings, options)

    def encoded(
        self, batches: Iterable[PingBatch], tally: Tally, extent: Extent, base_of: Callable[[int], int]
    ) -> Iterator[Encoded]:
        """Encode batches; ``base_of`` says from a first second what seconds are counted from."""
        from cotrace.kernels.times import to_offsets

        base: Any = None
        for batch in batches:
            if not batch.time.size:
                continue
            if base is None:
                base = base_of(int(batch.time[0]))
            times = np.empty(batch.time.size, dtype=np.int32)
            least, most = to_offsets(batch.time, base, times)
            devices = self.devices.encode(batch.device)
            cells = self.locate(tally, batch)
            extent.note(batch, least, most, cells)
            yield Encoded(devices, times, cells)


class Translation:
    """What a lane's codes are in another's, which takes over the lane's ids as they come."""

    def __init__(self, lane: Lane, into: Lane) -> None:
        self._lane, self._into = lane, into
        self.codes = Codes(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))

    def reach(self, n_devices: int, n_cells: int) -> Codes:
        """Return the translation of at least the first codes, as many as that."""
        codes, lane, into = self.codes, self._lane, self._into
        if n_devices > codes.devices.size:
            new = into.devices.encode_from(lane.devices, codes.devices.size, n_devices)
            codes.devices = np.concatenate([codes.devices, new])
        if n_cells > codes.cells.size:
            new = into.locate.adopt(lane.locate, codes.cells.size, n_cells)
            codes.cells = np.concatenate([codes.cells, new])
        return codes
