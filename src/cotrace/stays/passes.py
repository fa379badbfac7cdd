"""One pass over the pings: read, encoded, and given to the builder of stays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.errors import CotraceTypeError, OptionError, TimeError
from cotrace.ids import Ids, ids_of_type
from cotrace.stays.builder import OutOfOrderError, StayBuilder, by_device
from cotrace.stays.locate import Locator, make_locator
from cotrace.stays.sorting import TimeSorter, memory_for_sorting
from cotrace.tables import Stays

if TYPE_CHECKING:
    from cotrace.cells import Cells
    from cotrace.counts import Counts
    from cotrace.io.batches import PingBatch
    from cotrace.io.pings import Pings
    from cotrace.io.scan import Scan
    from cotrace.options import StayOptions

__all__ = ["Built", "Progress", "one_pass", "usable_threads"]

Progress = Callable[[int, "int | None"], None]
_DAY = 86_400
#: int32 seconds reach 68 years; a little is left for sums with gaps
_FARTHEST = 2**31 - 2**25
_LATEST = 2**62


def usable_threads(threads: int | None) -> int:
    """Return how many threads to use: what was asked for, or as many as this process may have."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise CotraceTypeError(f"threads={threads!r} is not a whole number")
    if threads < 1:
        raise OptionError(f"threads={threads!r}: at least 1 is needed")
    return threads


@dataclass
class Built:
    """What one pass over the pings gives: stays in the order in which they were closed, by code.

    ``blocks`` are rows (device, cell, start, end); those of one device are in the order of time. Devices with a
    code below ``n_tracked`` are those that were asked for; ``n_devices`` were seen.
    """

    blocks: list[NDArray[np.int32]]
    devices: Ids
    cells: Cells
    base: int
    span: tuple[int, int] | None
    tz: str
    options: StayOptions
    counts: Counts
    gaps: NDArray[np.int64]
    longer: NDArray[np.int64]
    n_devices: int
    n_tracked: int = 0

    def stays(self) -> Stays:
        """Return the table of stays; uses the blocks up."""
        device_order = np.argsort(self.devices.order_keys(), kind="stable")
        cell_order = self.cells.order()
        device_rank, cell_rank = _ranks(device_order), _ranks(cell_order)
        for block in self.blocks:
            block[:, 0] = device_rank[block[:, 0]]
            block[:, 1] = cell_rank[block[:, 1]]
        rows = by_device(self.blocks, len(self.devices))
        return Stays(
            rows,
            take(self.devices.values(), device_order),
            self.cells.take(cell_order),
            base=self.base,
            tz=self.tz,
            options=self.options,
            counts=self.counts,
            span=self.span,
        )


def _ranks(order: NDArray[np.int64]) -> NDArray[np.int32]:
    ranks = np.empty(order.size, dtype=np.int32)
    ranks[order] = np.arange(order.size, dtype=np.int32)
    return ranks


def one_pass(
    pings: Pings,
    options: StayOptions,
    *,
    tracked: Tracked | None = None,
    span: tuple[int, int] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
) -> Built:
    """Make stays in one pass; when a device's rows turn out not to be in order, in another one with sorting.

    ``options`` have grid and fill filled in. ``tracked`` are devices to follow.
    ``span`` is the time asked, in unix seconds: whole row groups outside it are skipped.
    """
    n_threads = usable_threads(threads)
    if sort_memory is not None and (not isinstance(sort_memory, int) or sort_memory < 0):
        raise OptionError(f"sort_memory={sort_memory!r} is no number of bytes")
    try:
        return _Pass(pings, options, tracked, span, n_threads, progress).stream()
    except OutOfOrderError:
        limit = memory_for_sorting() if sort_memory is None else sort_memory
        return _Pass(pings, options, tracked, span, n_threads, progress).sort(limit)


class Tracked(Protocol):
    """Devices to follow."""

    def start(self, devices: Ids) -> Callable[[NDArray[np.int32], NDArray[np.int64]], None]:
        """Give the devices the first codes; return what takes their pings: codes and unix seconds.

        Called once a pass: what an earlier pass gave is to be forgotten.
        """
        ...


class _Pass:
    """One pass over the pings: their batches encoded, and given to the builder or to the sorter."""

    def __init__(
        self,
        pings: Pings,
        options: StayOptions,
        tracked: Tracked | None,
        span: tuple[int, int] | None,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self.pings, self.options = pings, options
        start, end = span or (None, None)
        self.scan = partial(pings.scan, threads=threads, start=start, end=end, progress=progress)
        self.devices = ids_of_type(pings.device_type)
        self.track = tracked.start(self.devices) if tracked is not None else None
        self.n_tracked = len(self.devices)
        self.locate: Locator = make_locator(pings, options)
        self.builder = StayBuilder(options, self.locate.order)
        self.base: int | None = None
        self.first, self.last = _LATEST, -_LATEST
        self.first_row = self.last_row = 0

    def stream(self) -> Built:
        """Build stays while reading."""
        with self.scan() as scan:  # left early, its readers stop
            for devices, times, cells in self._encoded(scan):
                self._take(devices, times, cells)
        return self._built(scan.counts, "streamed")

    def sort(self, limit: int) -> Built:
        """Sort while reading, then build."""
        sorter = TimeSorter(limit)
        try:
            with self.scan() as scan:
                for devices, times, cells in self._encoded(scan):
                    sorter.append(devices, times, cells)
            order = sorter.order
            for devices, times, cells in sorter.batches():
                self._take(devices, times, cells)
        finally:
            sorter.close()
        return self._built(scan.counts, order)

    def _take(self, devices: NDArray[np.int32], times: NDArray[np.int32], cells: NDArray[np.int32]) -> None:
        """Give a batch to the builder; each device's pings come in the order of time, or it raises."""
        self.builder.append(devices, times, cells, len(self.devices))
        if self.track is not None:
            at = np.flatnonzero((devices < self.n_tracked) & (cells >= 0))
            self.track(devices[at], times[at].astype(np.int64) + (self.base or 0))

    def _encoded(self, scan: Scan) -> Iterator[tuple[NDArray[np.int32], ...]]:
        from cotrace.kernels.times import to_offsets

        for batch in scan:
            if not batch.time.size:
                continue
            if self.base is None:
                self.base = int(batch.time[0]) // _DAY * _DAY
            times = np.empty(batch.time.size, dtype=np.int32)
            least, most = to_offsets(batch.time, self.base, times)
            devices = self.devices.encode(batch.device)
            cells = self.locate(scan, batch)
            self._note_span(batch, least, most, cells)
            yield devices, times, cells

    def _note_span(self, batch: PingBatch, least: int, most: int, cells: NDArray[np.int32]) -> None:
        """Keep the first and the last second of pings that have a cell, and the numbers of their rows."""
        time = batch.time
        if cells.min() < 0:
            time = time[cells >= 0]
            if not time.size:
                return
            least, most = int(time.min()), int(time.max())
        if least < self.first:
            self.first, self.first_row = least, int(batch.row_numbers()[batch.time.argmin()])
        if most > self.last:
            self.last, self.last_row = most, int(batch.row_numbers()[batch.time.argmax()])
        if self.last - self.first > _FARTHEST:
            raise TimeError(
                "the pings span more than 67 years, from "
                f"{np.datetime64(self.first, 's')} (row {self.first_row:,}) to {np.datetime64(self.last, 's')} "
                f"(row {self.last_row:,}): is a time wrong, or in another unit? Leave such rows out"
            )

    def _built(self, counts: Counts, order: str) -> Built:
        blocks = self.builder.finalize()
        collapsed = self.builder.collapsed
        counts = replace(
            counts,
            used=self.builder.used,
            collapsed=collapsed,
            conflicts=self.builder.conflicts,
            relabelled=self.builder.relabelled,
            order=order,
        )
        counts.check()
        for warning in self.locate.warnings():
            warnings.warn(warning, stacklevel=5)
        return Built(
            blocks,
            self.devices,
            self.locate.cells(),
            self.base or 0,
            None if self.first > self.last else (self.first, self.last),
            self.pings.tz,
            self.options,
            counts,
            self.builder.gaps,
            self.builder.longer,
            self.builder.n_devices,
            self.n_tracked,
        )
