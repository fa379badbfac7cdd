"""The builder of stays: create, append a batch, combine two neighbouring spans of time, finalize.

Everything that makes stays uses this one: pings in memory, streamed files, the sorted spill, and later the
store and the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CotraceError

if TYPE_CHECKING:
    from cotrace.options import StayOptions

__all__ = ["OutOfOrderError", "StayBuilder", "by_device", "rows_by_key"]

_END_OF_TIME = 2**31 - 1
_MOST_BINS = 1 << 20

Column: TypeAlias = NDArray[Any]


class OutOfOrderError(CotraceError):
    """A device's pings came out of the order of time; they have to be sorted first."""


class StayBuilder:
    """Makes stays of one span of time, in one pass over pings that come in time order for each device.

    Parameters
    ----------
    options : StayOptions
        With ``fill`` filled in.
    order : callable
        Returns, by code of a cell, what cells are compared by (int64) where two rows of a device have one second.
    hold_heads : bool
        Whether a span of time before this one will be combined with it: keeps every device's first run apart.

    Notes
    -----
    Holds 32 bytes a device (16 more with ``hold_heads``), and 16 bytes a stay (20 a run when smoothing). A second
    belongs to one span: cut spans between seconds.
    """

    def __init__(
        self, options: StayOptions, order: Callable[[], NDArray[np.int64]], hold_heads: bool = False
    ) -> None:
        self._max_gap = options.max_gap_s
        self._forward = options.fill == "forward"
        self._within = options.smooth.within_s if options.smooth else None
        self._order = order
        self._hold_heads = hold_heads
        self._width = 4 if self._within is None else 5
        self._state = np.zeros((0, 8), dtype=np.int32)
        self._heads = np.zeros((0, 4), dtype=np.int32)
        self._blocks: list[NDArray[np.int32]] = []
        self._out = np.empty((0, self._width), dtype=np.int32)
        #: gaps between consecutive pings in seconds, the last bin for all longer ones; row 1: both in one cell
        self.gaps = np.zeros((2, min(2 * self._max_gap + 2, _MOST_BINS)), dtype=np.int64)
        #: what is in the last bins: [same cell, up to max_gap] -> number, seconds
        self.longer = np.zeros((2, 2, 2), dtype=np.int64)
        #: pings that stays were made of, and their devices; known once it is finalized
        self.used = self.n_devices = 0
        self.collapsed = self.conflicts = self.relabelled = 0

    @property
    def _modes(self) -> tuple[int, bool, bool, bool]:
        # runs are smoothed before anything is filled: until then they end at their last ping
        smoothing = self._within is not None
        return self._max_gap, self._forward and not smoothing, smoothing, self._hold_heads

    @property
    def _histogram(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        return self.gaps, self.longer

    def _reach(self, n_devices: int) -> None:
        """Make room for devices with codes below ``n_devices``."""
        from cotrace.kernels.stays import CELL, N_STATE, RUN_CELL

        have = self._state.shape[0]
        if n_devices > have:
            # doubled, so that a growing population is copied only a few times
            size = max(n_devices, 2 * have, 1024)
            state = np.zeros((size, N_STATE), dtype=np.int32)
            state[:, RUN_CELL] = state[:, CELL] = -1
            state[:have] = self._state
            self._state = state
            if self._hold_heads:
                heads = np.zeros((size, 4), dtype=np.int32)
                heads[:have] = self._heads
                self._heads = heads

    def _scratch(self, n: int) -> NDArray[np.int32]:
        if self._out.shape[0] < n:
            self._out = np.empty((n, self._width), dtype=np.int32)
        return self._out

    def _keep(self, n: int) -> None:
        if n:
            self._blocks.append(self._out[:n].copy())

    def append(
        self,
        devices: NDArray[np.int32],
        times: NDArray[np.int32],
        cells: NDArray[np.int32],
        n_devices: int,
    ) -> None:
        """Take a batch of pings: codes of devices, seconds from the base, codes of cells (negative: no ping).

        Raises
        ------
        OutOfOrderError
            When a ping is earlier than one of its device before it, or not later than a span that was settled; the
            builder is of no use then.
        """
        from cotrace.kernels.stays import append_pings

        self._reach(n_devices)
        out = self._scratch(devices.size + 1)
        n, collapsed, conflicts, bad = append_pings(
            devices,
            times,
            cells,
            self._order(),
            *self._modes,
            self._state,
            self._heads,
            *self._histogram,
            out,
        )
        if bad >= 0:
            raise OutOfOrderError("pings of one device are not in the order of time")
        self.collapsed += collapsed
        self.conflicts += conflicts
        self._keep(n)

    def settle(self) -> None:
        """End the span: no more pings of its last second will come."""
        from cotrace.kernels.stays import CELL, append_pings

        open_ = np.flatnonzero(self._state[:, CELL] >= 0).astype(np.int32)
        # a ping after the end of time settles the one before it
        times = np.full(open_.size, _END_OF_TIME, dtype=np.int32)
        cells = np.zeros(open_.size, dtype=np.int32)
        out = self._scratch(open_.size + 1)
        n, *_ = append_pings(
            open_, times, cells, self._order(), *self._modes, self._state, self._heads, *self._histogram, out
        )
        self._state[:, CELL] = -1
        self._keep(n)

    def combine(self, later: StayBuilder, codes: NDArray[np.int32], n_devices: int) -> None:
        """Take over the span of time that follows this one; ``later`` is used up.

        Parameters
        ----------
        later : StayBuilder
            Of the following span, with the same options, made with ``hold_heads=True``; cells have one code in
            both.
        codes : int32[devices of later]
            This builder's code of each of its devices.
        n_devices : int
            Devices here, those of ``later`` included.
        """
        from cotrace.kernels.stays import join_spans

        self.settle()
        later.settle()
        self._reach(n_devices)
        self._check_order(later, codes)
        out = self._scratch(2 * codes.size + 1)
        n = join_spans(
            codes, *self._modes, self._state, self._heads, later._state, later._heads, *self._histogram, out
        )
        self._keep(n)
        for block in later._blocks:
            block[:, 0] = codes[block[:, 0]]
            self._blocks.append(block)
        later._blocks = []
        self.gaps += later.gaps
        self.longer += later.longer
        self.collapsed += later.collapsed
        self.conflicts += later.conflicts

    def _check_order(self, later: StayBuilder, codes: NDArray[np.int32]) -> None:
        from cotrace.kernels.stays import HEAD, RUN_CELL, RUN_END, RUN_START

        mine, theirs = self._state[codes], later._state[: codes.size]
        first = np.where(theirs[:, HEAD] == 1, later._heads[: codes.size, 0], theirs[:, RUN_START])
        both = (mine[:, RUN_CELL] >= 0) & (theirs[:, RUN_CELL] >= 0)
        if (both & (first <= mine[:, RUN_END])).any():
            raise OutOfOrderError(
                "spans of time are combined in order, and cut between seconds: this one is not later"
            )

    def finalize(self) -> list[NDArray[np.int32]]:
        """Close everything and return the stays, as blocks of rows ``(device, cell, start, end)``.

        Put one after the other, the rows of each device are in the order of time. The builder is empty then.
        """
        from cotrace.kernels.stays import stays_of_runs

        self.settle()
        if self._hold_heads:
            self._release_heads()
        self._close_runs()
        blocks, self._blocks = self._blocks, []
        if self._within is None:
            return blocks
        runs = by_device(blocks, self._state.shape[0], self._width)
        cells, stays = runs[:, 1].copy(), np.empty((runs.shape[0], 4), dtype=np.int32)
        n, self.relabelled = stays_of_runs(runs, self._within, self._max_gap, self._forward, cells, stays)
        return [stays[:n]]

    def _close_runs(self) -> None:
        """Close every open run at its last ping."""
        from cotrace.kernels.stays import PINGS, RUN_CELL, RUN_END, RUN_START

        there = np.flatnonzero(self._state[:, RUN_CELL] >= 0)
        # every ping but a device's first was counted with the gap before it
        self.n_devices = int(there.size)
        self.used = int(self.gaps.sum()) + self.n_devices
        cell, start, end, pings = self._state[there][:, [RUN_CELL, RUN_START, RUN_END, PINGS]].T
        self._blocks.append(self._rows(there, cell, start, end, pings))
        self._state[:, RUN_CELL] = -1

    def _release_heads(self) -> None:
        """Put the heads, which nothing came before, in front of the stays that follow them."""
        from cotrace.kernels.stays import HEAD

        held = np.flatnonzero(self._state[:, HEAD] == 1)
        start, end, cell, pings = self._heads[held].T
        self._blocks.insert(0, self._rows(held, cell, start, end, pings))

    def _rows(
        self, device: Column, cell: Column, start: Column, end: Column, pings: Column
    ) -> NDArray[np.int32]:
        rows = np.stack([device, cell, start, end, pings][: self._width], axis=1).astype(np.int32)
        # without smoothing a stay of zero length is no stay
        return rows if self._within is not None else rows[end > start]


def by_device(blocks: list[NDArray[np.int32]], n_devices: int, width: int = 4) -> NDArray[np.int32]:
    """Join blocks of rows into one array sorted by device, keeping the order within a device.

    ``blocks`` is emptied as it is read, so that no more than one copy and a block are held.
    """
    return rows_by_key(blocks, 0, n_devices, width)


def rows_by_key(
    blocks: list[NDArray[np.int32]], column: int, n_keys: int, width: int = 4
) -> NDArray[np.int32]:
    """Join blocks of rows into one array sorted by a column of codes: a stable counting sort. O(n + keys)."""
    from cotrace.kernels.rows import count_keys, scatter_rows

    counts = np.zeros(n_keys + 1, dtype=np.int64)
    for block in blocks:
        count_keys(np.ascontiguousarray(block[:, column]), counts[1:])
    places = np.cumsum(counts)
    rows = np.empty((int(places[-1]), width), dtype=np.int32)
    for block in _drained(blocks):
        scatter_rows(block, column, places, rows)
    return rows


def _drained(blocks: list[NDArray[np.int32]]) -> Iterator[NDArray[np.int32]]:
    blocks.reverse()
    while blocks:
        yield blocks.pop()
