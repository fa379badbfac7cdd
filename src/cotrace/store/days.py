"""From the pings of a day and bucket to its rows: the unit is the pair of pings, owned by the day of the second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.builder import StayBuilder, by_device
from cotrace.store.incoming import Compact
from cotrace.store.settings import DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cotrace.options import StayOptions

__all__ = ["Built", "DayCounts", "Tails", "build_day", "build_smoothed", "newest_tails", "no_tails"]

_NEVER = np.iinfo(np.int32).min


class Tails(NamedTuple):
    """The last ping of each device of a day, by device, and what became of all of its pings.

    Codes of devices, seconds of the day, codes of cells; first second, rows of the input, pings used, conflicts.
    """

    devices: NDArray[np.int32]
    seconds: NDArray[np.int32]
    cells: NDArray[np.int32]
    first: NDArray[np.int32]
    pings: NDArray[np.int32]
    used: NDArray[np.int32]
    conflicts: NDArray[np.int32]

    def some(self, which: NDArray[Any]) -> Tails:
        """Return those of some devices."""
        return Tails(*(np.ascontiguousarray(column[which]) for column in self))

    def counts(self) -> DayCounts:
        """Return what became of the pings of all of them."""
        pings, used, conflicts = (
            int(column.sum(dtype=np.int64)) for column in (self.pings, self.used, self.conflicts)
        )
        first, last = int(self.first.min(initial=DAY)), int(self.seconds.max(initial=0))
        return DayCounts(pings, used, pings - used, conflicts, 0, first, last)


def no_tails() -> Tails:
    """Return those of no device."""
    return Tails(*(np.empty(0, dtype=np.int32) for _ in Tails._fields))


@dataclass
class DayCounts:
    """What became of the pings of a day and bucket; ``first`` and ``last`` are seconds of the day."""

    pings: int = 0
    used: int = 0
    collapsed: int = 0
    conflicts: int = 0
    relabelled: int = 0
    first: int = 0
    last: int = 0


@dataclass
class Built:
    """The rows (device, cell, start, end) of a day and bucket, sorted by device, start, and what goes with them."""

    rows: NDArray[np.int32]
    tails: Tails
    counts: DayCounts
    gaps: NDArray[np.int64]


class Carried(NamedTuple):
    """The newest ping of each device before a day: codes, negative seconds from its midnight, codes of cells."""

    devices: NDArray[np.int32]
    seconds: NDArray[np.int32]
    cells: NDArray[np.int32]


class _Ordered(NamedTuple):
    """Pings by device, second; devices are numbered 0, 1, …, and ``codes`` says which these are."""

    codes: NDArray[np.int32]
    pings: Compact
    lo: NDArray[np.int64]


def newest_tails(tails: Sequence[tuple[int, Tails]], n_devices: int, n_buckets: int) -> Carried:
    """Return the newest of the tails of several days; ``tails`` are (days before today, tails), the oldest first.

    Seconds are from today's midnight: negative.
    """
    second = np.full(n_devices, _NEVER, dtype=np.int32)
    cell, code = np.zeros(n_devices, dtype=np.int32), np.zeros(n_devices, dtype=np.int32)
    for back, one in tails:
        at = one.devices // n_buckets
        second[at], cell[at], code[at] = one.seconds - np.int32(back * DAY), one.cells, one.devices
    there = np.flatnonzero(second > _NEVER)
    return Carried(code[there], second[there], cell[there])


def _ordered(sources: Sequence[Compact], n_devices: int, n_buckets: int, n_cells: int) -> _Ordered:
    """Bring pings from several sources together by device, second."""
    from cotrace.kernels.store_pings import distinct_pings, group_pings

    stacks = [
        np.stack([pings.devices // np.int32(n_buckets), pings.seconds, pings.cells], axis=1)
        for pings in sources
    ]
    counts = np.zeros(n_devices, dtype=np.int64)
    for stack in stacks:
        counts += np.bincount(stack[:, 0], minlength=n_devices)
    present = np.flatnonzero(counts)
    number = np.full(n_devices, -1, dtype=np.int32)
    number[present] = np.arange(present.size, dtype=np.int32)
    lo = np.concatenate([[0], np.cumsum(counts[present])]).astype(np.int64)
    n, most = int(lo[-1]), int(counts.max(initial=0))
    keys, numbers, places = np.empty(n, np.int64), np.empty(n, np.int32), lo[:-1].copy()
    same = np.arange(n_cells, dtype=np.int32)
    for stack, pings in zip(stacks, sources, strict=True):
        group_pings(stack, number, same, pings.rows, places, keys, numbers)
    out = Compact(*(np.empty(n, dtype=np.int32) for _ in range(4)))
    n = distinct_pings(keys, numbers, lo, np.empty(most, np.int64), np.empty(most, np.int64), *out)
    pings = Compact(*(column[:n] for column in out))
    bucket = int(sources[0].devices[0] % n_buckets) if n and sources[0].devices.size else 0
    return _Ordered((present * n_buckets + bucket).astype(np.int32), pings, lo)


def build_day(
    sources: Sequence[Compact],
    before: Carried,
    order: NDArray[np.int64],
    options: StayOptions,
    n_devices: int,
    n_buckets: int,
) -> Built:
    """Make the rows of a day and bucket.

    Parameters
    ----------
    sources : sequence of Compact
        The pings of each batch, with the store's codes; at least one ping in all.
    before : Carried
        The newest ping of each device before the day.
    order : int64 array
        What cells are compared by, by code.
    options : StayOptions
        Without smoothing.
    n_devices : int
        More than every local number in the bucket.
    n_buckets : int

    Returns
    -------
    Built
        What begins before the day is cut at the device's first ping of the day.
    """
    from cotrace.kernels.store_rows import cut_rows

    sources = [s for s in sources if s.devices.size]
    here = np.zeros(n_devices, dtype=np.bool_)
    for pings in sources:
        here[pings.devices // n_buckets] = True
    # who has no ping on the day has no pair of pings that the day owns
    which = np.flatnonzero(here[before.devices // n_buckets])
    ones = np.ones(which.size, dtype=np.int32)
    carried = Compact(before.devices[which], before.seconds[which], before.cells[which], ones)
    codes, pings, _ = _ordered([*sources, carried], n_devices, n_buckets, order.size)
    tails = _tails_of(codes, pings, order)
    builder = StayBuilder(options, lambda: order)
    builder.append(pings.devices, pings.seconds, pings.cells, codes.size, pings.rows)
    rows = by_device([block.translated() for block in builder.finalize()], codes.size)
    out = np.empty((rows.shape[0] + which.size, 4), dtype=np.int32)
    out = out[: cut_rows(rows, tails.first, codes, out)]
    return Built(out, tails, tails.counts(), builder.gaps)


def _tails_of(codes: NDArray[np.int32], pings: Compact, order: NDArray[np.int64]) -> Tails:
    """Return the last ping of each device, and the counts; ``codes`` are those of the devices by number."""
    from cotrace.kernels.store_pings import newest_pings

    out = np.empty((len(Tails._fields) - 1, codes.size), dtype=np.int32)
    newest_pings(*pings, order, out)
    return Tails(codes, *out)


def build_smoothed(
    days: Sequence[int],
    sources: Sequence[Sequence[Compact]],
    order: NDArray[np.int64],
    options: StayOptions,
    n_devices: int,
    n_buckets: int,
) -> dict[int, Built]:
    """Make the rows of all days of a bucket at once, cut at midnights, since smoothing looks back without end.

    Parameters
    ----------
    days : sequence of int
        In order.
    sources : sequence of sequence of Compact
        The pings of each of these days.
    order, options, n_devices, n_buckets
        As in :func:`build_day`.

    Returns
    -------
    dict of int to Built
        By day, days without pings among them; the counts of the bucket's smoothing are the first one's.
    """
    moved = [
        Compact(s.devices, s.seconds + np.int32((day - days[0]) * DAY), s.cells, s.rows)
        for day, each in zip(days, sources, strict=True)
        for s in each
    ]
    codes, pings, _ = _ordered(moved, n_devices, n_buckets, order.size)
    builder = StayBuilder(options, lambda: order)
    builder.append(pings.devices, pings.seconds, pings.cells, codes.size, pings.rows)
    stays = by_device([block.translated() for block in builder.finalize()], codes.size)
    stays[:, 0] = codes[stays[:, 0]]
    rows, at = _by_midnight(stays, days[0]), pings.seconds // DAY
    built: dict[int, Built] = {}
    for day in sorted({*days, *rows}):
        mine = np.flatnonzero(at == day - days[0])
        here, numbers = np.unique(pings.devices[mine], return_inverse=True)
        some = Compact(
            numbers.astype(np.int32), pings.seconds[mine] % DAY, pings.cells[mine], pings.rows[mine]
        )
        tails = _tails_of(codes[here], some, order)
        nothing = np.empty((0, 4), dtype=np.int32)
        built[day] = Built(rows.get(day, nothing), tails, tails.counts(), builder.gaps[:, :0])
    built[days[0]].counts.relabelled = builder.relabelled
    built[days[0]].gaps = builder.gaps
    return built


def _by_midnight(stays: NDArray[np.int32], first_day: int) -> dict[int, NDArray[np.int32]]:
    """Cut stays at midnights; return the rows of each day, with seconds from its midnight."""
    begin, end = stays[:, 2] // DAY, (stays[:, 3] - 1) // DAY
    pieces = (end - begin + 1).astype(np.int64)
    which = np.repeat(np.arange(stays.shape[0]), pieces)
    day = begin[which] + (np.arange(which.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)).astype(
        np.int32
    )
    rows = stays[which]
    rows[:, 2] = np.maximum(rows[:, 2] - day * DAY, 0)
    rows[:, 3] = np.minimum(rows[:, 3] - day * DAY, DAY)
    return {int(d) + first_day: np.ascontiguousarray(rows[day == d]) for d in np.unique(day)}
