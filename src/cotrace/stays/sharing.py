"""One pass shared out to threads: each reads and encodes with dictionaries of its own, and builds spans of time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.builder import StayBuilder
from cotrace.stays.lane import Encoded, Extent, Lane, Translation
from cotrace.stays.shelf import Codes, Shelf
from cotrace.threads import Crew

if TYPE_CHECKING:
    from cotrace.io.scan import Scan, Share
    from cotrace.options import StayOptions

__all__ = ["Builders", "Reading", "Span"]

T = TypeVar("T")
_DAY = 86_400


@dataclass
class Span:
    """A span of time: a builder with its stays, and the pings (codes, seconds) of devices that are followed."""

    builder: StayBuilder
    tracked: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = field(default_factory=list)


class Builders:
    """Makes the builders of spans and takes them back: fresh memory costs more than all that is done with it."""

    def __init__(self, options: StayOptions, shelf: Shelf, n_tracked: int) -> None:
        self._options, self._shelf, self._n_tracked = options, shelf, n_tracked
        self._spare: dict[int, list[StayBuilder]] = {}

    def build(self, batches: Iterable[Encoded], lane: Lane) -> Span:
        """Build one span of batches with the codes of a lane."""
        try:
            span = Span(self._spare.setdefault(id(lane), []).pop())
        except IndexError:
            span = Span(StayBuilder(self._options, lane.locate.order, True, self._shelf))
        for batch in batches:
            span.builder.append(*batch, len(lane.devices))
            if self._n_tracked:
                span.tracked.append(batch.of_tracked(self._n_tracked))
        return span

    def take_back(self, span: Span, lane: Lane) -> None:
        """Forget a span and keep its memory."""
        span.builder.clear()
        self._spare[id(lane)].append(span.builder)


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
        with self._changed:
            self._changed.wait_for(lambda: self._until(number)[0])
            return int(self._until(number)[1] or 0)

    def final(self) -> int | None:
        """Return the base after all shares were read; None without any ping."""
        return self._until(len(self._told) - 1)[1]

    def _until(self, number: int) -> tuple[bool, int | None]:
        """Return whether it is known from the shares up to this one, and the base."""
        for earlier in range(number + 1):
            if earlier not in self._told:
                return False, None
            if self._told[earlier] is not None:
                return True, self._told[earlier]
        return True, None


class Reading:
    """The shares of a scan, read and encoded on threads.

    Parameters
    ----------
    scan : Scan
        Whose shares these are.
    shares : sequence of Share
    lanes : sequence of Lane
        One for each thread.
    into : Lane
        The dictionaries that all codes are translated to.

    Attributes
    ----------
    extent : Extent
        First and last second of what was read so far.
    """

    def __init__(self, scan: Scan, shares: Sequence[Share], lanes: Sequence[Lane], into: Lane) -> None:
        self._scan, self._shares, self._lanes, self._into = scan, shares, lanes, into
        self._translations = [Translation(lane, into) for lane in lanes]
        self._base = _Base()
        self._crew = Crew(len(lanes))
        self._rows = scan.counts.rows
        self.extent = Extent()

    @property
    def base(self) -> int | None:
        """What seconds are counted from, when all is read; None without any ping."""
        return self._base.final()

    @property
    def codes(self) -> list[Codes]:
        """What the codes of each lane are in the dictionaries that all are translated to, so far."""
        return [translation.codes for translation in self._translations]

    def each(self, make: Callable[[Iterator[Encoded], int], T]) -> Generator[tuple[T, int], None, None]:
        """Give ``make(batches, lane)`` of every share with the number of its lane, in their order.

        ``make`` runs in the lane's thread. Its codes are translated when the result is given.
        """

        def work(number: int, thread: int) -> tuple[T, int, Extent, tuple[int, int]]:
            lane, extent = self._lanes[thread], Extent()
            try:
                made = make(self._encoded(number, lane, extent), thread)
            finally:
                self._base.tell(number, None)
            return made, thread, extent, (len(lane.devices), lane.locate.n_cells)

        results = self._crew.run(work, len(self._shares), self._hear)
        for share, (made, thread, extent, sizes) in zip(self._shares, results, strict=True):
            self._scan.absorb(share)
            self.extent.merge(extent)
            self._translations[thread].reach(*sizes)
            yield made, thread
        for lane in self._lanes:
            self._into.locate.absorb(lane.locate)
        self._scan.end()

    def _encoded(self, number: int, lane: Lane, extent: Extent) -> Iterator[Encoded]:
        share, told = self._shares[number], 0

        def base_of(second: int) -> int:
            self._base.tell(number, second)
            return self._base.known(number)

        for batch in lane.encoded(share, share.tally, extent, base_of):
            yield batch
            if self._crew.stopped:
                return
            if self._scan.watched:
                self._crew.tell(share.tally.counts.rows - told)
                told = share.tally.counts.rows
        self._crew.tell(share.tally.counts.rows - told)

    def _hear(self, rows: int) -> None:
        self._rows += rows
        self._scan.report(self._rows)
