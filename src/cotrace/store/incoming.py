"""What an ingest brings: pings read once, dealt to days and buckets, and brought in order part by part."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cotrace.io.reasons import CLOSED_DAY, OUTSIDE_DAY
from cotrace.stays.lane import Encoded, Extent, Lane
from cotrace.stays.sharing import Reading
from cotrace.stays.shelf import Codes
from cotrace.store.dictionaries import buckets_of
from cotrace.store.settings import DAY

if TYPE_CHECKING:
    from cotrace.io.pings import Pings
    from cotrace.options import StayOptions
    from cotrace.stays.locate import Locator
    from cotrace.stays.passes import Progress

__all__ = ["Compact", "Incoming", "Limits", "read_incoming"]

#: bytes of pings that are held in memory before the next ones go to a temporary file
HELD = 1 << 31


class Compact(NamedTuple):
    """Pings of one day and bucket, each once, sorted by device, second, cell: codes, and how many rows said so."""

    devices: NDArray[np.int32]
    seconds: NDArray[np.int32]
    cells: NDArray[np.int32]
    rows: NDArray[np.int32]


@dataclass(frozen=True)
class Limits:
    """Which pings are taken, unix seconds: those in ``[start, end)``, and those from ``closed`` on.

    Those before ``closed`` are refused, and kept all the same: the content of a file is all that it says.
    """

    start: int | None = None
    end: int | None = None
    closed: int | None = None


class _Limited:
    """A locator that refuses pings outside limits."""

    def __init__(self, inner: Locator, limits: Limits) -> None:
        self._inner, self._limits = inner, limits

    def __call__(self, tally: Any, batch: Any) -> NDArray[np.int32]:
        codes, limits = self._inner(tally, batch), self._limits
        if limits.start is not None and limits.end is not None:
            outside = ((batch.time < limits.start) | (batch.time >= limits.end)) & (codes >= 0)
            if outside.any():
                tally.refuse(batch, outside, OUTSIDE_DAY)
                codes = np.where(outside, np.int32(-1), codes)
        if limits.closed is not None:
            closed = (batch.time < limits.closed) & (codes >= 0)
            if closed.any():
                tally.refuse(batch, closed, CLOSED_DAY)
        return codes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def adopt(self, other: Any, start: int, stop: int) -> NDArray[np.int32]:
        """See :class:`Locator`."""
        return self._inner.adopt(other._inner, start, stop)

    def absorb(self, other: Any) -> None:
        """See :class:`Locator`."""
        self._inner.absorb(other._inner)


class _Part(NamedTuple):
    """Pings (device, second of the day, cell) with the codes of a lane: an array, or a place in the file."""

    lane: int
    rows: NDArray[np.int32] | None
    at: int
    n: int


@dataclass
class Incoming:
    """The pings of one ingest by day and bucket.

    Attributes
    ----------
    devices, cells : pyarrow.Array
        What the pings name, by code.
    seen_devices, seen_cells : bool arrays
        Which of these have a ping.
    buckets : int32 array
        The bucket of each device.
    counts : Counts
        Rows and refused.
    """

    n_buckets: int
    limit: int = HELD
    parts: dict[tuple[int, int], list[_Part]] = field(default_factory=dict)
    base_day: int = 0
    devices: Any = None
    cells: Any = None
    counts: Any = None
    span: tuple[int, int] | None = None
    buckets: Any = None
    warnings: list[Any] = field(default_factory=list)
    _codes: list[Codes] = field(default_factory=list)
    _final: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = field(default_factory=list)
    _lanes: dict[int, _LaneState] = field(default_factory=dict)
    _held: int = 0
    _written: int = 0
    _file: IO[bytes] | None = None
    _lock: Any = field(default_factory=threading.Lock)

    def append(self, batch: Encoded, number: int, lane: Lane) -> None:
        """Take a batch with the codes of a lane."""
        from cotrace.kernels.store_pings import count_parts, deal_parts

        if not batch.times.size:
            return
        state = self._lanes.setdefault(number, _LaneState(self.n_buckets))
        state.reach(lane)
        first, last = (int(edge) // DAY for edge in (batch.times.min(), batch.times.max()))
        counts = np.zeros((last - first + 1) * self.n_buckets, dtype=np.int64)
        count_parts(*batch, state.buckets, self.n_buckets, first, counts)
        ends = np.cumsum(counts)
        out = np.empty((int(ends[-1]), 3), dtype=np.int32)
        deal_parts(
            *batch, state.buckets, self.n_buckets, first, ends - counts, state.devices, state.cells, out
        )
        at = self._settled(out)
        with self._lock:
            for k in np.flatnonzero(counts).tolist():
                lo, n = int(ends[k] - counts[k]), int(counts[k])
                key = (first + k // self.n_buckets, k % self.n_buckets)
                part = (
                    _Part(number, out[lo : lo + n], 0, n) if at < 0 else _Part(number, None, at + 12 * lo, n)
                )
                self.parts.setdefault(key, []).append(part)

    def _settled(self, rows: NDArray[np.int32]) -> int:
        """Hold rows (-1), or write them to a file that has no name: the place there."""
        with self._lock:
            if self._held + rows.nbytes <= self.limit or not rows.nbytes:
                self._held += rows.nbytes
                return -1
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="cotrace-ingest-")  # noqa: SIM115  closed by close()
            at, self._written = self._written, self._written + rows.nbytes
        view, done = rows.data.cast("B"), 0
        while done < rows.nbytes:
            done += os.pwrite(self._file.fileno(), view[done:], at + done)
        return at

    def close(self) -> None:
        """Forget everything."""
        self.parts.clear()
        if self._file is not None:
            self._file.close()

    def days(self) -> list[int]:
        """Return the days (since 1970-01-01) that there are pings of."""
        return sorted({day + self.base_day for day, _ in self.parts})

    def buckets_of_day(self, day: int) -> list[int]:
        """Return the buckets that there are pings of on a day."""
        return sorted(bucket for d, bucket in self.parts if d + self.base_day == day)

    def _rows(self, part: _Part) -> NDArray[np.int32]:
        if part.rows is not None:
            return part.rows
        assert self._file is not None
        rows = np.empty((part.n, 3), dtype=np.int32)
        view, done = rows.data.cast("B"), 0
        while done < rows.nbytes:
            got = os.preadv(self._file.fileno(), [view[done:]], part.at + done)
            if not got:
                raise OSError("a temporary file of pings is shorter than it was")
            done += got
        return rows

    def seen(self, days: Sequence[int] | None = None) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which devices and which cells have a ping, on all days or on some."""
        devices = np.zeros(len(self.devices), dtype=np.bool_)
        cells = np.zeros(len(self.cells), dtype=np.bool_)
        if days is None or set(days) == set(self.days()):
            for number, state in self._lanes.items():
                codes = self._codes[number]
                devices[codes.devices[np.flatnonzero(state.devices)]] = True
                cells[codes.cells[np.flatnonzero(state.cells)]] = True
            return devices, cells
        wanted = {day - self.base_day for day in days}
        for (day, _), parts in self.parts.items():
            for part in parts if day in wanted else ():
                rows, codes = self._rows(part), self._codes[part.lane]
                devices[codes.devices[rows[:, 0]]] = True
                cells[codes.cells[rows[:, 2]]] = True
        return devices, cells

    def compact(
        self,
        day: int,
        bucket: int,
        new_device: NDArray[np.int32],
        new_cell: NDArray[np.int32],
        n_devices: int,
    ) -> Compact:
        """Bring the pings of a day and bucket in order.

        Parameters
        ----------
        day, bucket : int
        new_device, new_cell : int32 arrays
            The number of each device in its bucket and of each cell, by code.
        n_devices : int
            Devices of the bucket.
        """
        from cotrace.kernels.rows import count_rows
        from cotrace.kernels.store_pings import distinct_pings, group_pings

        lanes = self._renumbered(new_device, new_cell)
        loaded = [(self._rows(part), *lanes[part.lane]) for part in self.parts[day - self.base_day, bucket]]
        counts = np.zeros(n_devices + 1, dtype=np.int64)
        for rows, device, _ in loaded:
            count_rows(rows, 0, device, counts)
        lo = np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64)
        n, most = int(lo[-1]), int(counts[1:].max(initial=0))
        keys, numbers, places = np.empty(n, np.int64), np.empty(n, np.int32), lo[:-1].copy()
        none = np.empty(0, dtype=np.int32)
        for rows, device, cell in loaded:
            group_pings(rows, device, cell, none, places, keys, numbers)
        del loaded
        out = Compact(*(np.empty(n, dtype=np.int32) for _ in range(4)))
        scratch = np.empty(most, np.int64), np.empty(most, np.int64)
        n = distinct_pings(keys, numbers, lo, *scratch, *out)
        return Compact(*(column[:n] for column in out))

    def _renumbered(
        self, new_device: NDArray[np.int32], new_cell: NDArray[np.int32]
    ) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Return what the codes of each lane are in the end; made once, as these numbers are always the same."""
        with self._lock:
            if not self._final:
                self._final = [(new_device[codes.devices], new_cell[codes.cells]) for codes in self._codes]
            return self._final

    def drop(self, day: int, bucket: int) -> None:
        """Forget the pings of a day and bucket."""
        self.parts[day - self.base_day, bucket] = []


class _LaneState:
    """What the collector knows of a lane's codes: buckets, and which were seen."""

    def __init__(self, n_buckets: int) -> None:
        self._n_buckets = n_buckets
        self._n = 0
        self.buckets = np.empty(0, dtype=np.int32)
        self.devices = np.empty(0, dtype=np.uint8)
        self.cells = np.empty(0, dtype=np.uint8)

    def reach(self, lane: Lane) -> None:
        """Make room for the codes that the lane has by now."""
        n, cells = len(lane.devices), lane.locate.n_cells
        if n > self.devices.size:
            size = max(n, 2 * self.devices.size, 1024)
            self.buckets, self.devices = _wider(self.buckets, size), _wider(self.devices, size)
        if n > self._n:
            new = lane.devices.values(self._n)
            self.buckets[self._n : n] = buckets_of(new, self._n_buckets)
            self._n = n
        if cells > self.cells.size:
            self.cells = _wider(self.cells, max(cells, 2 * self.cells.size, 1024))


def _wider(array: NDArray[Any], size: int) -> NDArray[Any]:
    out = np.zeros(size, dtype=array.dtype)
    out[: array.size] = array
    return out


def read_incoming(
    pings: Pings,
    options: StayOptions,
    n_buckets: int,
    limits: Limits,
    threads: int,
    progress: Progress | None = None,
    limit: int = HELD,
) -> Incoming:
    """Read pings once, on several threads where the source can be shared out."""
    incoming, into = Incoming(n_buckets, limit), _lane(pings, options, limits)
    with pings.scan(threads=threads, progress=progress) as scan:
        shares = scan.shares()
        if shares is None:
            extent, base = Extent(), _Base()
            for batch in into.encoded(scan, scan.tally, extent, base):
                incoming.append(batch, 0, into)
            sizes = len(into.devices), into.locate.n_cells
            incoming._codes = [Codes(*(np.arange(n, dtype=np.int32) for n in sizes))]
            incoming.base_day, incoming.span = base.day, extent.span
        else:
            lanes = [_lane(pings, options, limits) for _ in range(min(threads, len(shares)))]
            reading = Reading(scan, shares, lanes, into)

            def collect(batches: Any, number: int) -> None:
                for batch in batches:
                    incoming.append(batch, number, lanes[number])

            with closing(reading.each(collect)) as made:
                for _ in made:
                    pass
            incoming._codes = reading.codes
            incoming.base_day, incoming.span = (reading.base or 0) // DAY, reading.extent.span
        incoming.counts = scan.counts
    incoming.devices, incoming.cells = into.devices.values(), into.locate.cells().values
    incoming.buckets = buckets_of(incoming.devices, n_buckets)
    incoming.warnings = into.locate.warnings()
    return incoming


class _Base:
    """What seconds are counted from: the midnight before the first ping."""

    day = 0
    _known = False

    def __call__(self, second: int) -> int:
        if not self._known:
            self.day, self._known = second // DAY, True
        return self.day * DAY


def _lane(pings: Pings, options: StayOptions, limits: Limits) -> Lane:
    lane = Lane(pings, options, None)
    if limits != Limits():
        lane.locate = _Limited(lane.locate, limits)
    return lane
