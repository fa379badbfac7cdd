"""The builder of stays: create, append a batch, combine two neighbouring spans of time, finalize.

Everything that makes stays uses this one: pings in memory, streamed files, the sorted spill, and later the
store and the cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CotraceError
from cotrace.stays.shelf import Block, CellBlock, Codes, RowShelf, Shelf

if TYPE_CHECKING:
    from cotrace.options import StayOptions

__all__ = [
    "OutOfOrderError",
    "StayBuilder",
    "by_device",
    "rows_by_device",
    "rows_by_key",
    "translations",
]

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
        Whether a span of time before this one will be combined with it: keeps every device's beginning apart.
    shelf : Shelf
        Where closed stays are kept; while runs are still to be smoothed they stay in memory as they are.

    Notes
    -----
    Holds 32 bytes a device (64 with ``hold_heads``), and 16 bytes a stay (20 a run when smoothing). Spans may be cut
    anywhere, within a second too.
    """

    def __init__(
        self,
        options: StayOptions,
        order: Callable[[], NDArray[np.int64]],
        hold_heads: bool = False,
        shelf: Shelf | None = None,
    ) -> None:
        self._options, self._order, self._final = options, order, shelf or RowShelf()
        self._max_gap = options.max_gap_s
        self._forward = options.fill == "forward"
        self._within = options.smooth.within_s if options.smooth else None
        self._hold_heads = hold_heads
        self._width = 4 if self._within is None else 5
        self._shelf = self._final if self._within is None else RowShelf()
        self._state = np.zeros((0, 8), dtype=np.int32)
        self._heads = np.zeros((0, 8), dtype=np.int32)
        self._blocks: list[Any] = []
        self._piece = np.empty((0, self._width), dtype=np.int32)
        self._from = self._to = 0
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

    def _reach(self, n_devices: int) -> None:
        """Make room for devices with codes below ``n_devices``."""
        from cotrace.kernels.stays import CELL, N_STATE, RUN_CELL

        have = self._state.shape[0]
        if n_devices > have:
            # doubled, so that a growing population is copied only a few times
            size = max(n_devices, 2 * have, 1024)
            state = _lines(size, N_STATE)
            state[:, RUN_CELL] = state[:, CELL] = -1
            state[:have] = self._state
            self._state = state
            if self._hold_heads:
                heads = _lines(size, N_STATE)
                heads[:have] = self._heads
                self._heads = heads

    def _room(self, n: int) -> NDArray[np.int32]:
        """Return where at least ``n`` rows can be written."""
        if self._piece.shape[0] - self._to < n:
            self._end_piece()
            if not self._shelf.copies or self._piece.shape[0] < n + self._shelf.piece:
                # doubled up to the shelf's measure, so that little input takes little memory
                size = n + min(2 * self._piece.shape[0], self._shelf.piece)
                self._piece = np.empty((size, self._width), dtype=np.int32)
                self._from = self._to = 0
        return self._piece[self._to :]

    def _end_piece(self) -> None:
        """Make a block of the rows that were written since the last one."""
        if self._to > self._from:
            self._blocks.append(self._shelf.put(self._piece[self._from : self._to]))
            self._from = self._to
        if self._shelf.copies:
            self._from = self._to = 0

    def append(
        self,
        devices: NDArray[np.int32],
        times: NDArray[np.int32],
        cells: NDArray[np.int32],
        n_devices: int,
        rows: NDArray[np.int32] | None = None,
    ) -> None:
        """Take a batch of pings: codes of devices, seconds from the base, codes of cells (negative: no ping).

        ``rows`` says how many rows of the input each ping stands for (none: one each), which counts where one of them
        turns out to be in conflict with another.

        Raises
        ------
        OutOfOrderError
            When a ping is earlier than one of its device before it; the builder is of no use then.
        """
        self._reach(n_devices)
        self._append(devices, times, cells, np.empty(0, dtype=np.int32) if rows is None else rows)

    def _append(self, devices: Column, times: Column, cells: Column, rows: Column) -> None:
        from cotrace.kernels.stays import append_pings

        n, collapsed, conflicts, bad = append_pings(
            devices,
            times,
            cells,
            rows,
            self._order(),
            *self._modes,
            self._state,
            self._heads,
            self.gaps,
            self.longer,
            self._room(devices.size + 1),
        )
        if bad >= 0:
            raise OutOfOrderError("pings of one device are not in the order of time")
        self.collapsed += collapsed
        self.conflicts += conflicts
        self._to += n

    def _settle(self, devices: NDArray[np.int64]) -> None:
        """Settle the newest pings of these devices, each of which has one."""
        from cotrace.kernels.stays import CELL

        # a ping after the end of time settles the one before it
        after = np.full(devices.size, _END_OF_TIME, dtype=np.int32)
        none = np.zeros(devices.size, dtype=np.int32)
        self._append(devices.astype(np.int32), after, none, np.empty(0, dtype=np.int32))
        self._state[devices, CELL] = -1

    def combine(self, later: StayBuilder, codes: Codes, n_devices: int) -> None:
        """Take over the span of time that follows this one; ``later`` is used up.

        Parameters
        ----------
        later : StayBuilder
            Of the following span, with the same options, made with ``hold_heads=True``.
        codes : Codes
            What its codes are here; may be of more devices and cells than it has seen.
        n_devices : int
            Devices here, those of ``later`` included.

        Raises
        ------
        OutOfOrderError
            When a device was seen in the later span before its last ping in this one.
        """
        from cotrace.kernels.stays import CELL, HEAD, RUN_CELL, join_spans

        if not later._hold_heads:
            raise CotraceError("a span of time is combined with one before it only if it held its heads")
        self._reach(n_devices)
        n = min(codes.devices.size, later._state.shape[0])
        to, state, heads = codes.devices[:n], later._state[:n], later._heads[:n]
        cells = np.append(codes.cells, np.int32(-1))  # the last is what -1 points to
        begun = np.flatnonzero(state[:, HEAD])
        self._append_newest(to[begun], heads[begun], cells)
        more = to[np.flatnonzero(state[:, RUN_CELL] >= 0)]
        self._settle(more.astype(np.int64))
        for table in (state, heads):
            table[:, RUN_CELL] = cells[table[:, RUN_CELL]]
        n_out = join_spans(
            to,
            *self._modes,
            self._state,
            self._heads,
            state,
            heads,
            self.gaps,
            self.longer,
            self._room(2 * n + 1),
        )
        self._to += n_out
        self._end_piece()
        later._end_piece()
        for block in later._blocks:
            block.codes = codes if block.codes is None else codes.after(block.codes)
        self._blocks += later._blocks
        newest = np.flatnonzero(state[:, CELL] >= 0)
        self._append_newest(to[newest], state[newest], cells)
        later._blocks = []
        self.gaps += later.gaps
        self.longer += later.longer
        self.collapsed += later.collapsed
        self.conflicts += later.conflicts

    def clear(self) -> None:
        """Forget everything and keep the memory, for another span."""
        from cotrace.kernels.stays import CELL, RUN_CELL

        for array in (self._state, self._heads, self.gaps, self.longer):
            array[:] = 0
        self._state[:, RUN_CELL] = self._state[:, CELL] = -1
        self._blocks = []
        self.used = self.n_devices = self.collapsed = self.conflicts = self.relabelled = 0

    def _append_newest(
        self, devices: NDArray[np.int32], state: NDArray[np.int32], cells: NDArray[np.int32]
    ) -> None:
        """Append one ping of each device, as it stands in rows of a state."""
        from cotrace.kernels.stays import CELL, SAME, TIME

        self._append(devices, state[:, TIME].copy(), cells[state[:, CELL]], state[:, SAME].copy())

    def finalize(self) -> list[Any]:
        """Close everything and return the stays, as blocks of rows ``(device, cell, start, end)``.

        The blocks are those of the shelf: put one after the other, the rows of each device (in each cell, where they
        are by cell) are in the order of time. The builder is empty then.
        """
        from cotrace.kernels.stays import CELL, stays_of_runs

        if self._hold_heads:
            return self._after_nothing()
        self._settle(np.flatnonzero(self._state[:, CELL] >= 0))
        self._end_piece()
        self._close_runs()
        blocks, self._blocks = self._blocks, []
        if self._within is None:
            return blocks
        runs = by_device([b.translated() for b in blocks], self._state.shape[0], self._width)
        cells, stays = runs[:, 1].copy(), np.empty((runs.shape[0], 4), dtype=np.int32)
        n, self.relabelled = stays_of_runs(runs, self._within, self._max_gap, self._forward, cells, stays)
        size = self._final.piece
        return [self._final.put(stays[at : min(at + size, n)]) for at in range(0, n, size)]

    def _after_nothing(self) -> list[Any]:
        """Finalize a span that no other comes before: it is combined with an empty one."""
        whole = StayBuilder(self._options, self._order, shelf=self._final)
        n = self._state.shape[0]
        same = Codes(np.arange(n, dtype=np.int32), np.arange(self._order().size, dtype=np.int32))
        whole.combine(self, same, n)
        blocks = whole.finalize()
        for name in ("used", "n_devices", "collapsed", "conflicts", "relabelled", "gaps", "longer"):
            setattr(self, name, getattr(whole, name))
        return blocks

    def _close_runs(self) -> None:
        """Close every open run at its last ping."""
        from cotrace.kernels.stays import PINGS, RUN_CELL, RUN_END, RUN_START

        there = np.flatnonzero(self._state[:, RUN_CELL] >= 0)
        # every ping but a device's first was counted with the gap before it
        self.n_devices = int(there.size)
        self.used = int(self.gaps.sum()) + self.n_devices
        cell, start, end, pings = self._state[there][:, [RUN_CELL, RUN_START, RUN_END, PINGS]].T
        rows = np.stack([there, cell, start, end, pings][: self._width], axis=1).astype(np.int32)
        # without smoothing a stay of zero length is no stay
        rows = rows if self._within is not None else rows[end > start]
        if rows.size:
            self._blocks.append(self._shelf.put(rows))
        self._state[:, RUN_CELL] = -1


def _lines(n: int, width: int) -> NDArray[np.int32]:
    """Return zeros, of which no row of up to 64 bytes lies across two cache lines."""
    flat = np.zeros(n * width + 16, dtype=np.int32)
    skip = -flat.ctypes.data % 64 // 4
    return flat[skip : skip + n * width].reshape(n, width)


def by_device(blocks: list[NDArray[np.int32]], n_devices: int, width: int = 4) -> NDArray[np.int32]:
    """Join blocks of rows into one array sorted by device, keeping the order within a device.

    ``blocks`` is emptied as it is read, so that no more than one copy and a block are held.
    """
    return rows_by_key(blocks, 0, n_devices, width)


def translations(blocks: Sequence[Block | CellBlock], final: Codes) -> list[Codes]:
    """Return what the codes of each block are in the end, each different translation made once."""
    made: dict[int, Codes] = {}
    for block in blocks:
        if id(block.codes) not in made:
            made[id(block.codes)] = final if block.codes is None else final.after(block.codes)
    return [made[id(block.codes)] for block in blocks]


def rows_by_device(blocks: list[Block], final: Codes) -> NDArray[np.int32]:
    """Join blocks of stays into one array sorted by device, with codes of ``final`` beside those of the blocks.

    A stable counting sort, O(n + devices); ``blocks`` is emptied as it is read.
    """
    from cotrace.kernels.rows import count_rows, place_rows

    counts = np.zeros(final.devices.size + 1, dtype=np.int64)
    codes = translations(blocks, final)
    for block, mine in zip(blocks, codes, strict=True):
        count_rows(block.rows, 0, mine.devices, counts)
    places = np.concatenate([[0], np.cumsum(counts[1:])]).astype(np.int64)
    rows = np.empty((int(places[-1]), 4), dtype=np.int32)
    for mine in codes:
        place_rows(blocks.pop(0).rows, mine.devices, mine.cells, places, rows)
    return rows


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
