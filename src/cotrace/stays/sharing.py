"""Spans of time on several threads: each reads, encodes and builds with dictionaries of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.builder import StayBuilder
from cotrace.stays.lane import Extent, Lane, Translation
from cotrace.stays.shelf import Codes, Shelf

if TYPE_CHECKING:
    from cotrace.io.scan import Scan, Share
    from cotrace.options import StayOptions

__all__ = ["Span", "read_shares"]

_DAY = 86_400


@dataclass
class Span:
    """What was made of one share: stays of a span of time, and what was noted on the way.

    ``n_devices`` and ``n_cells`` are how many codes the lane had at the end of it; ``codes`` says what they are in
    the dictionaries that the spans are joined with.
    """

    share: Share
    lane: int
    builder: StayBuilder
    extent: Extent = field(default_factory=Extent)
    tracked: list[tuple[NDArray[np.int32], NDArray[np.int64]]] = field(default_factory=list)
    base: int | None = None
    n_devices: int = 0
    n_cells: int = 0
    codes: Codes = field(default_factory=lambda: Codes(*np.empty((2, 0), dtype=np.int32)))


class _Base:
    """What seconds are counted from: the midnight before the first ping of the first share that has any.

    A thread whose share comes later waits until it is known; the shares before are being read then, or are done.
    """

    def __init__(self) -> None:
        self._told: dict[int, int | None] = {}
        self._changed = threading.Condition()

    def tell(self, number: int, second: int | None) -> None:
        """Say what the first second of a share is; None when it has no ping, or nobody will ever know."""
        with self._changed:
            self._told.setdefault(number, None if second is None else second // _DAY * _DAY)
            self._changed.notify_all()

    def known(self, number: int) -> int:
        """Return the base, once the shares up to this one, which has a ping, have told."""

        def told() -> int | bool | None:
            for earlier in range(number + 1):
                if earlier not in self._told:
                    return False
                if self._told[earlier] is not None:
                    return self._told[earlier]
            return None

        with self._changed:
            self._changed.wait_for(lambda: told() is not False)
            return int(told() or 0)


class _Crew:
    """Threads that take one share after the other, and what comes out of them."""

    def __init__(
        self,
        shares: Sequence[Share],
        lanes: Sequence[Lane],
        options: StayOptions,
        shelf: Shelf,
        watched: bool,
    ) -> None:
        self._shares, self._lanes, self._options, self._shelf = shares, lanes, options, shelf
        self._watched = watched
        self._spare: list[list[StayBuilder]] = [[] for _ in lanes]
        self._next = iter(range(len(shares)))
        self._lock = threading.Lock()
        self._base = _Base()
        self._stopped = threading.Event()
        #: rows that were read (int), spans by number, or errors by number
        self.events: queue.SimpleQueue[int | tuple[int, Span | BaseException]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name="cotrace-read", daemon=True)
            for i in range(len(lanes))
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, lane: int) -> None:
        while not self._stopped.is_set():
            with self._lock:
                number = next(self._next, None)
            if number is None:
                return
            try:
                self.events.put((number, self._span(number, lane)))
            except BaseException as error:
                self.events.put((number, error))
                return
            finally:
                self._base.tell(number, None)

    def _span(self, number: int, lane_number: int) -> Span:
        share, lane = self._shares[number], self._lanes[lane_number]
        span = Span(share, lane_number, self._builder(lane_number))

        def base_of(second: int) -> int:
            self._base.tell(number, second)
            span.base = self._base.known(number)
            return span.base

        rows = 0
        for batch in lane.encoded(share, share.tally, span.extent, base_of):
            span.builder.append(*batch, len(lane.devices))
            if lane.n_tracked:
                span.tracked.append(batch.of_tracked(lane.n_tracked, span.base or 0))
            if self._watched:
                self.events.put(share.tally.counts.rows - rows)
                rows = share.tally.counts.rows
            if self._stopped.is_set():
                break
        self.events.put(share.tally.counts.rows - rows)
        span.n_devices, span.n_cells = len(lane.devices), lane.locate.n_cells
        return span

    def _builder(self, lane: int) -> StayBuilder:
        # fresh memory costs more than all that is done with it: builders are used again
        try:
            return self._spare[lane].pop()
        except IndexError:
            return StayBuilder(self._options, self._lanes[lane].locate.order, True, self._shelf)

    def recycle(self, span: Span) -> None:
        """Take back what a span was built with."""
        span.builder.clear()
        self._spare[span.lane].append(span.builder)

    def stop(self) -> None:
        """Let every thread finish the batch that it is at, and no other."""
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def read_shares(
    scan: Scan,
    shares: Sequence[Share],
    new_lane: Callable[[], Lane],
    into: Lane,
    options: StayOptions,
    shelf: Shelf,
    threads: int,
) -> Iterator[Span]:
    """Give the spans in the order of their shares, each as soon as it and those before are there.

    Parameters
    ----------
    scan : Scan
        Whose shares these are.
    shares : sequence of Share
    new_lane : callable
        Makes the dictionaries of a thread.
    into : Lane
        The dictionaries that all codes are translated to.
    options : StayOptions
    shelf : Shelf
        Where the stays are kept.
    threads : int
        How many to start, no more than there are shares.
    """
    lanes = [new_lane() for _ in range(min(threads, len(shares)))]
    translations = [Translation(lane, into) for lane in lanes]
    crew = _Crew(shares, lanes, options, shelf, scan.watched)
    waiting: dict[int, Any] = {}
    rows = scan.counts.rows
    try:
        for number, share in enumerate(shares):
            while number not in waiting:
                event = crew.events.get()
                if isinstance(event, int):
                    rows += event
                    scan.report(rows)
                else:
                    waiting[event[0]] = event[1]
            span = waiting.pop(number)
            if isinstance(span, BaseException):
                raise span
            assert span.share is share
            span.codes = translations[span.lane].reach(span.n_devices, span.n_cells)
            yield span
            crew.recycle(span)
    finally:
        crew.stop()
    for lane in lanes:
        into.locate.absorb(lane.locate)
