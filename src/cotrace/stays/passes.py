"""One pass over the pings: read, encoded, and given to the builder of stays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.ids import Ids
from cotrace.stays.builder import OutOfOrderError, StayBuilder, rows_by_device
from cotrace.stays.lane import Encoded, Extent, Lane, Tracked
from cotrace.stays.sharing import Builders, Reading, Span
from cotrace.stays.shelf import Block, CellBlock, CellShelf, Codes, RowShelf
from cotrace.stays.sorting import TimeSorter, memory_for_sorting
from cotrace.tables import Stays
from cotrace.threads import Crew

if TYPE_CHECKING:
    from cotrace.cells import Cells
    from cotrace.counts import Counts
    from cotrace.io.pings import Pings
    from cotrace.io.scan import Scan, Share
    from cotrace.options import StayOptions

__all__ = ["Built", "Progress", "Tracked", "one_pass", "usable_threads"]

Progress = Callable[[int, "int | None"], object]
_DAY = 86_400
#: pings that are built of at a time, once they are sorted
_BATCH = 1 << 17


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

    ``blocks`` are rows (device, cell, start, end), those of one device in the order of time; where devices are
    followed they are by cell, and those of one device in one cell are in the order of time. Devices with a
    code below ``n_tracked`` (in every block, whatever its codes) are those that were asked for; ``n_devices`` were
    seen. ``located`` is what the locator has to say.
    """

    blocks: list[Block] | list[CellBlock]
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
    located: tuple[int, ...] = ()

    def stays(self) -> Stays:
        """Return the table of stays; uses the blocks up."""
        device_order = np.argsort(self.devices.order_keys(), kind="stable")
        cell_order = self.cells.order()
        device_rank, cell_rank = _ranks(device_order), _ranks(cell_order)
        rows = rows_by_device(cast("list[Block]", self.blocks), Codes(device_rank, cell_rank))
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
    in_order: bool = True,
) -> Built:
    """Make stays in one pass; when a device's rows turn out not to be in order, in another one with sorting.

    ``options`` have grid and fill filled in. ``tracked`` are devices to follow.
    ``span`` is the time asked, in unix seconds: whole row groups outside it are skipped.
    ``in_order=False``: they are sorted at once, as they can be read only one time.
    """
    n_threads = usable_threads(threads)
    if sort_memory is not None and (not isinstance(sort_memory, int) or sort_memory < 0):
        raise OptionError(f"sort_memory={sort_memory!r} is no number of bytes")
    if in_order:
        with suppress(OutOfOrderError):
            return _Pass(pings, options, tracked, span, n_threads, progress).stream()
    limit = memory_for_sorting() if sort_memory is None else sort_memory
    return _Pass(pings, options, tracked, span, n_threads, progress).sort(limit)


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
        self.pings, self.options, self.tracked, self.threads = pings, options, tracked, threads
        start, end = span or (None, None)
        self.scan = partial(pings.scan, threads=threads, start=start, end=end, progress=progress)
        self.lane = Lane(pings, options, tracked)
        if tracked is not None:
            tracked.start(self.lane.tracked_codes)
        # who follows devices asks for the stays in their cells
        self.shelf = RowShelf() if tracked is None else CellShelf(self.lane.n_tracked)
        self.builder = StayBuilder(options, self.lane.locate.order, shelf=self.shelf)
        self.extent = Extent()
        self.base: int | None = None

    def stream(self) -> Built:
        """Build stays while reading."""
        with self.scan() as scan:  # left early, its readers stop
            shares = scan.shares()
            if shares is not None:
                self._stream_shares(scan, shares)
            else:
                for batch in self.lane.encoded(scan, scan.tally, self.extent, self._base_of):
                    self._take(batch)
        return self._built(scan.counts, "streamed")

    def _stream_shares(self, scan: Scan, shares: list[Share]) -> None:
        """Build stays of spans of time on several threads, and join them in their order."""
        lanes = self._lanes(shares)
        reading, builders = Reading(scan, shares, lanes, self.lane), self._builders()
        made = reading.each(lambda batches, lane: builders.build(batches, lanes[lane]))
        with closing(made):
            for span, lane in made:
                self.base = reading.base
                self._join(span, reading.codes[lane])
                builders.take_back(span, lanes[lane])
        self.base, self.extent = reading.base, reading.extent

    def sort(self, limit: int) -> Built:
        """Sort while reading, then build."""
        sorter = TimeSorter(limit)
        try:
            with self.scan() as scan:
                codes = self._collect(scan, sorter)
            order = sorter.order
            self._build_sorted(sorter, codes)
        finally:
            sorter.close()
        return self._built(scan.counts, order)

    def _collect(self, scan: Scan, sorter: TimeSorter) -> list[Codes]:
        """Give all pings to the sorter; return what the codes of each lane are in the end."""
        shares = scan.shares()
        if shares is None:
            for batch in self.lane.encoded(scan, scan.tally, self.extent, self._base_of):
                sorter.append(batch, 0)
            return [self._own_codes()]

        def collect(batches: Iterator[Encoded], lane: int) -> None:
            for batch in batches:
                sorter.append(batch, lane)

        reading = Reading(scan, shares, self._lanes(shares), self.lane)
        made = reading.each(collect)
        with closing(made):
            for _ in made:
                pass
        self.base, self.extent = reading.base, reading.extent
        return reading.codes

    def _build_sorted(self, sorter: TimeSorter, codes: list[Codes]) -> None:
        """Build stays of sorted buckets of time on several threads, and join them in their order."""
        builders, own, buckets = self._builders(), self._own_codes(), sorter.buckets()

        def build(number: int, _: int) -> Span:
            return builders.build(sorter.take(buckets[number], codes).parts(_BATCH), self.lane)

        made = Crew(self.threads).run(build, len(buckets), lambda _: None)
        with closing(made):
            for span in made:
                self._join(span, own)
                builders.take_back(span, self.lane)

    def _lanes(self, shares: list[Share]) -> list[Lane]:
        n = min(self.threads, len(shares))
        return [Lane(self.pings, self.options, self.tracked) for _ in range(n)]

    def _builders(self) -> Builders:
        return Builders(self.options, self.shelf, self.lane.n_tracked)

    def _own_codes(self) -> Codes:
        """Return the translation of this pass's own codes: they stay as they are."""
        sizes = len(self.lane.devices), self.lane.locate.n_cells
        return Codes(*(np.arange(n, dtype=np.int32) for n in sizes))

    def _join(self, span: Span, codes: Codes) -> None:
        """Put a span of time after those before it."""
        self.builder.combine(span.builder, codes, len(self.lane.devices))
        for devices, times in span.tracked:
            self._follow(devices, times)

    def _follow(self, devices: NDArray[np.int32], times: NDArray[np.int32]) -> None:
        if self.tracked is not None and devices.size:
            self.tracked.append(devices, times.astype(np.int64) + (self.base or 0))

    def _base_of(self, second: int) -> int:
        if self.base is None:
            self.base = second // _DAY * _DAY
        return self.base

    def _take(self, batch: Encoded) -> None:
        """Give a batch to the builder; each device's pings come in the order of time, or it raises."""
        self.builder.append(*batch, len(self.lane.devices))
        if self.tracked is not None:
            self._follow(*batch.of_tracked(self.lane.n_tracked))

    def _built(self, counts: Counts, order: str) -> Built:
        blocks = self.builder.finalize()
        counts = replace(
            counts,
            used=self.builder.used,
            collapsed=self.builder.collapsed,
            conflicts=self.builder.conflicts,
            relabelled=self.builder.relabelled,
            order=order,
        )
        counts.check()
        locate = self.lane.locate
        for warning in locate.warnings():
            warnings.warn(warning, stacklevel=5)
        return Built(
            blocks,
            self.lane.devices,
            locate.cells(),
            self.base or 0,
            self.extent.span,
            self.pings.tz,
            self.options,
            counts,
            self.builder.gaps,
            self.builder.longer,
            self.builder.n_devices,
            self.lane.n_tracked,
            locate.told(),
        )
