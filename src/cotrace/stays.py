"""From pings to stays."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.builder import OutOfOrderError, StayBuilder, by_device
from cotrace.errors import CotraceTypeError, CotraceWarning, OptionError, TimeError
from cotrace.ids import Ids, ids_of_type
from cotrace.locate import Locator, fitting_grid, located_by, make_locator
from cotrace.options import StayOptions
from cotrace.sorting import TimeSorter, memory_for_sorting
from cotrace.tables import Stays

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.counts import Counts
    from cotrace.io.pings import Pings, Scan

__all__ = ["Built", "Survey", "build", "find_stays", "resolve_options", "survey", "usable_threads"]

Progress = Callable[[int, "int | None"], None]
_DAY = 86_400
#: int32 seconds reach 68 years; a little is left for sums with gaps
_FARTHEST = 2**31 - 2**24


def find_stays(
    pings: Pings,
    *,
    options: StayOptions | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
) -> Stays:
    """Make the stays of every device.

    Parameters
    ----------
    pings : Pings
        From :func:`cotrace.read_pings`. Any order gives the same stays; when each device's rows come in the order
        of time they are not sorted at all.
    options : StayOptions, optional
        Grid, fill, largest gap, smoothing.
    threads : int, optional
        How many to use; all by default. The result does not depend on it.
    progress : callable, optional
        Called with the rows done and the rows there are (None if unknown).
    sort_memory : int, optional
        Bytes that may be held for rows that have to be sorted; beyond, they are sorted on disk. Half of the
        available memory by default. ``stays.counts.order`` says what was done.

    Returns
    -------
    Stays
        Sorted by device, start. Columns: :ref:`data-model-stays`.

    Raises
    ------
    OptionError
        When a tower log comes without ``fill``, or the options do not fit the input.
    TimeError
        When the pings span more than 68 years.

    Warns
    -----
    CotraceWarning
        Rows refused; more than 1 % conflicts; a usual gap close to ``max_gap``; a grid finer than the input.

    Notes
    -----
    One pass. 32 bytes a device and 16 bytes a stay are held, and never a ping unless rows have to be sorted
    (12 bytes a ping then).

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [7, 7, 7], "time": [0, 600, 900], "x": [10.0, 20.0, 900.0], "y": [0.0, 0.0, 0.0]}, unit="s"
    ... )
    >>> cotrace.find_stays(pings).to_pandas().shape
    (1, 4)
    """
    built = build(
        pings, options or StayOptions(), threads=threads, progress=progress, sort_memory=sort_memory
    )
    return built.stays()


def usable_threads(threads: int | None) -> int:
    """Return how many threads to use: what was asked for, or as many as this process may have."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int):
        raise CotraceTypeError(f"threads={threads!r} is not a whole number")
    if threads < 1:
        raise OptionError(f"threads={threads!r}: at least 1 is needed")
    return threads


def resolve_options(pings: Pings, options: StayOptions) -> StayOptions:
    """Fill in the grid and the fill that fit the input.

    Raises
    ------
    OptionError
        When a tower log comes without ``fill``: the message says what each would mean for the data at hand.
    """
    source = located_by(pings, options)
    grid = options.grid or fitting_grid(pings)
    if options.fill is None and source != "position":
        found = survey(pings, replace(options, grid=grid))
        raise OptionError(
            "a tower log has no default for fill: name StayOptions(fill='same_cell') or (fill='forward'). "
            + found.says_of_fill()
        )
    return replace(options, grid=grid, fill=options.fill or "same_cell")


@dataclass
class Built:
    """What one pass over the pings gives: stays in the order in which they were closed, by code.

    ``blocks`` are rows (device, cell, start, end); those of one device are in the order of time. Devices with a
    code below ``n_tracked`` are those that were asked for, and ``tracked`` has the (code, second) of their rows.
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
    n_tracked: int = 0
    tracked: list[NDArray[np.int64]] = field(default_factory=list)

    def stays(self) -> Stays:
        """Return the table of stays; uses the blocks up."""
        import pyarrow as pa

        device_order = np.argsort(self.devices.order_keys(), kind="stable")
        cell_order = self.cells.order()
        device_rank, cell_rank = _ranks(device_order), _ranks(cell_order)
        for block in self.blocks:
            block[:, 0] = device_rank[block[:, 0]]
            block[:, 1] = cell_rank[block[:, 1]]
        rows = by_device(self.blocks, len(self.devices))
        return Stays(
            rows,
            self.devices.values().take(pa.array(device_order)),
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


def build(
    pings: Pings,
    options: StayOptions,
    *,
    tracked: pa.Array | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    sort_memory: int | None = None,
) -> Built:
    """Make stays in one pass; when a device's rows turn out not to be in order, again with sorting.

    ``tracked`` are device ids to follow: they get the first codes.
    """
    options = resolve_options(pings, options)
    n_threads = usable_threads(threads)
    try:
        built = _Pass(pings, options, tracked, n_threads, progress).stream()
    except OutOfOrderError:
        limit = memory_for_sorting() if sort_memory is None else sort_memory
        built = _Pass(pings, options, tracked, n_threads, progress).sort(limit)
    _warn_of_conflicts(built.counts)
    _warn_of_modal_gap(built.gaps, options.max_gap_s)
    return built


class _Pass:
    """One pass over the pings: their batches encoded, and given to the builder or to the sorter."""

    def __init__(
        self,
        pings: Pings,
        options: StayOptions,
        tracked: pa.Array | None,
        threads: int,
        progress: Progress | None,
    ) -> None:
        self.pings, self.options, self.threads, self.progress = pings, options, threads, progress
        self.devices = ids_of_type(pings.device_type)
        self.tracked: list[NDArray[np.int64]] = []
        if tracked is not None:
            self.devices.encode(tracked)
        self.n_tracked = len(self.devices)
        self.locate: Locator = make_locator(pings, options)
        self.builder = StayBuilder(options, self.locate.order)
        self.base: int | None = None
        self.first, self.last = 2**62, -(2**62)

    def stream(self) -> Built:
        """Build stays while reading."""
        scan = self.pings.scan(threads=self.threads, progress=self.progress)
        for devices, times, cells in self._encoded(scan):
            self.builder.append(devices, times, cells, len(self.devices))
        return self._built(scan.counts, "streamed")

    def sort(self, limit: int) -> Built:
        """Sort while reading, then build."""
        sorter = TimeSorter(limit)
        scan = self.pings.scan(threads=self.threads, progress=self.progress)
        try:
            for devices, times, cells in self._encoded(scan):
                sorter.append(devices, times, cells)
            order = sorter.order
            for devices, times, cells in sorter.batches():
                self.builder.append(devices, times, cells, len(self.devices))
        finally:
            sorter.close()
        return self._built(scan.counts, order)

    def _encoded(self, scan: Scan) -> Iterator[tuple[NDArray[np.int32], ...]]:
        from cotrace.kernels.times import to_offsets

        for batch in scan:
            if not batch.time.size:
                continue
            if self.base is None:
                self.base = int(batch.time[0]) // _DAY * _DAY
            times = np.empty(batch.time.size, dtype=np.int32)
            least, most = to_offsets(batch.time, self.base, times)
            if max(most - self.base, self.base - least) > _FARTHEST:
                raise TimeError(
                    "the pings span more than 68 years: is a time wrong, or in another unit? "
                    f"They reach from {np.datetime64(min(least, self.first), 's')} "
                    f"to {np.datetime64(max(most, self.last), 's')}"
                )
            devices = self.devices.encode(batch.device)
            cells = self.locate(scan, batch)
            self._note_span(least, most, times, cells)
            if self.n_tracked:
                self._track(devices, times, cells)
            yield devices, times, cells

    def _note_span(self, least: int, most: int, times: NDArray[np.int32], cells: NDArray[np.int32]) -> None:
        if cells.size and cells.min() < 0:  # only rows that have a cell count
            kept = times[cells >= 0]
            if not kept.size:
                return
            assert self.base is not None  # noqa: S101  set by the first batch
            least, most = self.base + int(kept.min()), self.base + int(kept.max())
        self.first, self.last = min(self.first, least), max(self.last, most)

    def _track(
        self, devices: NDArray[np.int32], times: NDArray[np.int32], cells: NDArray[np.int32]
    ) -> None:
        at = np.flatnonzero(devices < self.n_tracked)
        at = at[cells[at] >= 0]
        if at.size:
            self.tracked.append(np.stack([devices[at], times[at]], axis=1).astype(np.int64))

    def _built(self, counts: Counts, order: str) -> Built:
        blocks = self.builder.finalize()
        collapsed = self.builder.collapsed
        counts = replace(
            counts,
            used=counts.rows - counts.n_refused - counts.skipped - collapsed,
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
            self.n_tracked,
            self.tracked,
        )


def _warn_of_conflicts(counts: Counts) -> None:
    usable = counts.used + counts.collapsed
    if counts.conflicts > 0.01 * usable:
        share = counts.conflicts / usable
        warnings.warn(
            CotraceWarning(
                f"{counts.conflicts:,} of {usable:,} pings ({share:.1%}) share their second with a ping of the same "
                "device in another cell; the greatest cell was used: are two devices under one id?",
                "conflicts",
                conflicts=counts.conflicts,
                pings=usable,
            ),
            stacklevel=4,
        )


def modal_gap(gaps: NDArray[np.int64]) -> int | None:
    """Return the most usual gap between consecutive pings in seconds; None without any, or if longer than counted.

    The least of several that are as usual.
    """
    total = gaps.sum(axis=0)
    return int(total.argmax()) if total.any() and total.argmax() < total.size - 1 else None


def _warn_of_modal_gap(gaps: NDArray[np.int64], max_gap: int) -> None:
    mode = modal_gap(gaps)
    if mode is not None and abs(mode - max_gap) <= 0.1 * max_gap:
        warnings.warn(
            CotraceWarning(
                f"the usual gap between pings, {mode:,} s, is within 10 % of max_gap, {max_gap:,} s: whether stays "
                "hold together hangs on jitter; choose max_gap well above or below it",
                "modal_gap",
                modal_gap_s=mode,
                max_gap_s=max_gap,
            ),
            stacklevel=4,
        )


@dataclass(frozen=True)
class Survey:
    """What a source holds, and what that says about ``fill`` and ``max_gap``."""

    rows: int
    used: int
    collapsed: int
    refused: dict[str, int]
    devices: int
    first: int | None
    last: int | None
    median_gap_s: int | None
    modal_gap_s: int | None
    max_gap_s: int
    share_over_max_gap: float
    share_same_cell: float
    observed_h_same_cell: float
    observed_h_forward: float
    positions: str
    tz: str

    def says_of_fill(self) -> str:
        """Say what each ``fill`` would mean for the data at hand."""
        return (
            f"Of the gaps between consecutive pings {self.share_over_max_gap:.1%} are over max_gap "
            f"({self.max_gap_s:,} s), and {self.share_same_cell:.1%} have one cell at both ends. "
            f"'same_cell' claims only what two pings bracket: {self.observed_h_same_cell:,.0f} h observed. "
            f"'forward' keeps a device in a cell until its next ping: {self.observed_h_forward:,.0f} h; it is for "
            "logs that record every change of cell"
        )


def survey(
    pings: Pings, options: StayOptions | None = None, *, threads: int | None = None, progress: Progress | None = None
) -> Survey:
    """Read everything once and say what is there; the pings' counts and refused rows are known afterwards.

    Gaps longer than twice ``max_gap`` are counted, not measured: a median among them is None.
    """
    options = options or StayOptions()
    grid = options.grid or fitting_grid(pings)
    by = "tower" if grid is None else options.by
    # same_cell only because one has to be named: the gaps are the same under both
    options = replace(options, grid=grid, by=by, fill="same_cell", smooth=None)
    try:
        built = _Pass(pings, options, None, usable_threads(threads), progress).stream()
    except OutOfOrderError:
        built = _Pass(pings, options, None, usable_threads(threads), progress).sort(memory_for_sorting())
    gaps, limit = built.gaps, options.max_gap_s
    total = gaps.sum(axis=0)
    n = int(total.sum())
    lengths = np.arange(limit + 1)
    middle = int(np.searchsorted(np.cumsum(total), (n + 1) // 2)) if n else None
    return Survey(
        rows=built.counts.rows,
        used=built.counts.used,
        collapsed=built.counts.collapsed,
        refused=dict(built.counts.refused),
        devices=len(built.devices),
        first=built.span[0] if built.span else None,
        last=built.span[1] if built.span else None,
        median_gap_s=middle if middle is not None and middle < total.size - 1 else None,
        modal_gap_s=modal_gap(gaps),
        max_gap_s=limit,
        share_over_max_gap=float(total[limit + 1 :].sum() / n) if n else 0.0,
        share_same_cell=float(gaps[1].sum() / n) if n else 0.0,
        observed_h_same_cell=float((gaps[1, : limit + 1] * lengths).sum() / 3600),
        observed_h_forward=float((total[: limit + 1] * lengths).sum() / 3600),
        positions=pings.positions,
        tz=pings.tz,
    )
