"""What was observed while cases were under way: pings of all devices, as passes through cells."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.errors import TimeError
from cotrace.exposure.common import seen_codes
from cotrace.ids import ids_of_type
from cotrace.io.refused import outside
from cotrace.options import StayOptions
from cotrace.stays.builder import rows_by_key
from cotrace.stays.locate import Locator, fitting_grid, located_by, make_locator

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.cells import Cells
    from cotrace.ids import Ids
    from cotrace.io.pings import Pings

__all__ = ["Observed", "observe"]

Int64 = NDArray[np.int64]
#: int32 seconds reach 68 years
_FARTHEST = 2**31 - 2**25


@dataclass(frozen=True)
class Observed:
    """Passes of all devices while cases were under way.

    Parameters
    ----------
    passes : int32[n, 4]
        Device, cell, first ping, last ping, in seconds from the base; by device, time.
    devices, cells
        The dictionaries, in order.
    cases : int64[m]
        The code of each case, -1 where it was never under way.
    seen : bool[m]
        Whether a case has any ping at all.
    base : int
    options : StayOptions
        With the grid filled in.
    """

    passes: NDArray[np.int32]
    devices: pa.Array
    cells: Cells
    cases: Int64
    seen: NDArray[np.bool_]
    base: int
    options: StayOptions


def observe(
    pings: Pings,
    ids: pa.Array,
    windows: Int64,
    longest: int,
    tolerance: int,
    options: StayOptions,
    threads: int,
) -> Observed:
    """Read pings twice: those of the cases, then those of everybody while a case is under way.

    Parameters
    ----------
    pings : Pings
    ids : pyarrow.Array
        Of the cases.
    windows : int64[m, 2]
        The time asked of each, in unix seconds.
    longest : int
        A longer stop, or silence, is no part of a way.
    tolerance : int
    options : StayOptions
        Of which ``grid`` and ``by`` are used.
    threads : int

    Notes
    -----
    16 bytes are held for each ping of the times in which a case is under way, and some minutes before and after, and
    24 for each ping of the cases.

    Raises
    ------
    TimeError
        When the cases are under way at times that are more than 67 years apart.
    """
    source = located_by(pings, options)
    options = replace(options, grid=options.grid or fitting_grid(pings, towers=source == "tower"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the second time round the same is said
        own = _Reader(pings, options, threads)
        mine = own.ids.encode(ids)
        tracked = len(own.ids)
        parts = [np.stack([d, t, c], axis=1)[d < tracked] for d, t, c in own.batches(None)]
    found = np.concatenate([np.empty((0, 3), dtype=np.int64), *parts])
    seen = np.isin(mine, found[:, 0])
    spans = _under_way(_sorted(found, own), mine, windows, longest, 2 * longest + tolerance)
    base = int(spans[0, 0]) if spans.size else 0
    if spans.size and int(spans[-1, 1]) - base > _FARTHEST:
        raise TimeError("the cases' pings span more than 67 years: is a time wrong, or in another unit?")
    reader = _Reader(pings, options, threads)
    kept = [_rows(d, t, c, spans) for d, t, c in reader.batches(spans)]
    for warning in reader.locate.warnings():
        warnings.warn(warning, stacklevel=outside())
    order = np.argsort(reader.ids.order_keys(), kind="stable")
    cell_order = reader.locate.cells().order()
    ranks, cell_ranks = _ranks(order), _ranks(cell_order)
    for block in kept:
        block[:, 0] = ranks[block[:, 0]]
        block[:, 2] = cell_ranks[block[:, 2]]
    rows = _once(rows_by_key(kept, 0, order.size))
    devices = take(reader.ids.values(), order)
    return Observed(
        _passes(rows, longest),
        devices,
        reader.locate.cells().take(cell_order),
        seen_codes(devices, ids),
        seen,
        base,
        options,
    )


class _Reader:
    """One pass over the pings, as codes; in unix seconds."""

    def __init__(self, pings: Pings, options: StayOptions, threads: int) -> None:
        self._pings, self._threads = pings, threads
        self.ids: Ids = ids_of_type(pings.device_type)
        self.locate: Locator = make_locator(pings, options)

    def batches(self, spans: Int64 | None) -> Iterator[tuple[Int64, Int64, Int64]]:
        """Give device, time and cell of the pings that have a cell."""
        start, end = (
            (None, None) if spans is None or not spans.size else (int(spans[0, 0]), int(spans[-1, 1]))
        )
        with self._pings.scan(threads=self._threads, start=start, end=end) as scan:
            for batch in scan:
                devices, cells = self.ids.encode(batch.device), self.locate(scan.tally, batch)
                good = cells >= 0
                yield devices[good].astype(np.int64), batch.time[good], cells[good].astype(np.int64)


def _ranks(order: Int64) -> NDArray[np.int32]:
    ranks = np.empty(order.size, dtype=np.int32)
    ranks[order] = np.arange(order.size, dtype=np.int32)
    return ranks


def _sorted(found: Int64, reader: _Reader) -> NDArray[np.signedinteger]:
    """Return pings by device and time, cells as their places in the order of cells, one a second."""
    found = found.copy()
    found[:, 2] = _ranks(reader.locate.cells().order())[found[:, 2]]
    return _once(found)


def _once(rows: NDArray[np.signedinteger]) -> NDArray[np.signedinteger]:
    """Sort pings by device, time; of several in one second keep the one in the greatest cell."""
    key = rows[:, 0].astype(np.int64) * 2**40 + rows[:, 1]
    if (key[1:] <= key[:-1]).any():  # pings mostly come in the order of time, one a second
        rows = rows[np.lexsort((rows[:, 2], key))]
        last = np.ones(rows.shape[0], dtype=np.bool_)
        last[:-1] = (rows[1:, :2] != rows[:-1, :2]).any(axis=1)
        rows = rows[last]
    return np.ascontiguousarray(rows[:, :3])


def _rows(devices: Int64, times: Int64, cells: Int64, spans: Int64) -> NDArray[np.int32]:
    """Return the pings within spans as rows: device, time from the first span, cell, 0."""
    inside = np.flatnonzero(_inside(times, spans))
    rows = np.zeros((inside.size, 4), dtype=np.int32)
    for column, values in enumerate((devices, times - (spans[0, 0] if spans.size else 0), cells)):
        rows[:, column] = values[inside]
    return rows


def _under_way(
    rows: NDArray[np.signedinteger], mine: NDArray[np.int32], windows: Int64, longest: int, margin: int
) -> Int64:
    """Return the times in which a case goes from cell to cell, some time before and after among them; disjoint."""
    went = (
        (rows[1:, 0] == rows[:-1, 0])
        & (rows[1:, 2] != rows[:-1, 2])
        & (rows[1:, 1] - rows[:-1, 1] <= longest)
    )
    start, end, device = rows[:-1, 1][went], rows[1:, 1][went], rows[1:, 0][went]
    asked = np.zeros(start.size, dtype=np.bool_)
    for code, (since, until) in zip(mine.tolist(), windows.tolist(), strict=True):
        asked |= (device == code) & (end >= since) & (start < until)
    start, end = start[asked] - margin, end[asked] + margin + 1
    order = np.argsort(start, kind="stable")
    start, end = start[order], np.maximum.accumulate(end[order])
    new = (
        np.flatnonzero(np.concatenate([[True], start[1:] > end[:-1]]))
        if start.size
        else np.empty(0, dtype=np.int64)
    )
    last = np.concatenate([new[1:], [start.size]])[: new.size] - 1
    return np.stack([start[new], end[last]], axis=1).astype(np.int64)


def _inside(times: Int64, spans: Int64) -> NDArray[np.bool_]:
    if not spans.size:
        return np.zeros(times.size, dtype=np.bool_)
    at = np.searchsorted(spans[:, 0], times, side="right") - 1
    inside: NDArray[np.bool_] = (at >= 0) & (times < spans[at, 1])
    return inside


def _passes(rows: NDArray[np.int32], longest: int) -> NDArray[np.int32]:
    """Return the passes; one that is longer than a break is an arrival and a departure."""
    from cotrace.kernels.travel import FROM, TO, count_passes, fill_passes

    rows = np.ascontiguousarray(rows, dtype=np.int32)
    passes = np.empty((count_passes(rows, longest), 4), dtype=np.int32)
    fill_passes(rows, longest, passes)
    stop = passes[:, TO] - passes[:, FROM] > longest
    out = np.repeat(passes, 1 + stop, axis=0)
    arrival = np.flatnonzero(stop) + np.cumsum(stop)[stop] - 1
    out[arrival, TO] = out[arrival, FROM]
    out[arrival + 1, FROM] = out[arrival + 1, TO]
    return out
