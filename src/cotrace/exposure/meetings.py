"""Meetings of seeds: the piece that contacts, tiers and rings share.

A seed is a device and the time in which its meetings count: a case and its lookback, or a contact from its own first
exposure on. Meetings come as batches of rows (:mod:`cotrace.kernels.temporal`), which are folded into what is asked
for and then forgotten: no list of all pairs is held.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.kernels.temporal import FAR as NO_LABEL

if TYPE_CHECKING:
    from cotrace.companions.index import CellIndex
    from cotrace.companions.matching import Matches
    from cotrace.exposure.world import World
    from cotrace.options import CompanionRule

__all__ = [
    "NO_LABEL",
    "Seeds",
    "Spans",
    "evidence_of",
    "first_meetings",
    "meetings",
    "new_labels",
    "spans_of",
]

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]
#: rows of a batch; a few megabytes
_BATCH = 1 << 17
#: seeds that are held to a rule of dwell at a time
_CHUNK = 256
_EDGE = 2**31 - 1


@dataclass(frozen=True)
class Seeds:
    """Devices whose meetings are asked for; sorted by device.

    Parameters
    ----------
    device : int64[k]
        Codes; a device may be there several times.
    since, until : int64[k]
        From when and until when its presence counts; seconds from the world's base.
    close : int64[k]
        Until when the presence of others counts (that of those who come after it has left).
    start : int64[k]
        From when on dwell is summed, where the rule asks for dwell; no later than ``since``.
    number : int64[k]
        Where each stood in what was given.
    """

    device: Int64
    since: Int64
    until: Int64
    close: Int64
    start: Int64
    number: Int64

    @classmethod
    def of(cls, device: Int64, since: Int64, until: Int64, close: Int64, start: Int64) -> Seeds:
        """Sort seeds by device and start, and leave out those whose time is empty."""
        order = np.lexsort((since, device))
        order = order[(until > since)[order]]
        given = (device, since, until, close, start, np.arange(device.size))
        return cls(*(np.asarray(v, dtype=np.int64)[order] for v in given))

    def __len__(self) -> int:
        return int(self.device.size)

    def part(self, lo: int, hi: int) -> Seeds:
        """Return the seeds ``[lo, hi)``."""
        mine = (self.device, self.since, self.until, self.close, self.start, self.number)
        return Seeds(*(v[lo:hi] for v in mine))

    def some(self, kept: NDArray[np.bool_]) -> Seeds:
        """Return the seeds that are kept."""
        mine = (self.device, self.since, self.until, self.close, self.start, self.number)
        return Seeds(*(v[kept] for v in mine))

    def windows(self) -> NDArray[np.int32]:
        """Return since, until and close as the kernels take them."""
        columns = np.stack([self.since, self.until, self.close], axis=1)
        return np.clip(columns, -_EDGE, _EDGE).astype(np.int32)


def meetings(
    world: World, seeds: Seeds, rule: CompanionRule, wanted: NDArray[np.uint8] | None = None, threads: int = 1
) -> Iterator[Rows]:
    """Find the meetings of seeds with other devices, batch by batch.

    Parameters
    ----------
    world : World
    seeds : Seeds
    rule : CompanionRule
        What a meeting is. Of contacts from elsewhere only the clause on shared time is asked: they have no cells.
    wanted : uint8[devices], optional
        Whose meetings with the seeds are wanted.
    threads : int
        For rules that ask for dwell or for sums.

    Yields
    ------
    int32[n, 8]
        See :mod:`cotrace.kernels.temporal`; the next batch may overwrite it.

    Notes
    -----
    O(stays in the seeds' cells + meetings) where an unbroken meeting is all that is asked; else as
    :func:`cotrace.find_companions` with the seeds as cases, 256 at a time.
    """
    if not len(seeds):
        return
    if wanted is None:
        wanted = np.ones(world.n, dtype=np.uint8)
    if world.rows.shape[0]:
        plain = rule.shared == "unbroken" and rule.min_cumulative is None
        yield from (
            _in_cells(world, seeds, rule, wanted) if plain else _by_rule(world, seeds, rule, wanted, threads)
        )
    if world.links.shape[0]:
        yield from _in_links(world, seeds, rule, wanted)


def _in_cells(world: World, seeds: Seeds, rule: CompanionRule, wanted: NDArray[np.uint8]) -> Iterator[Rows]:
    from cotrace.kernels.temporal import N_MEETING, meetings_in_cells, most_seeds

    window_lo = np.searchsorted(seeds.device, np.arange(world.n + 1)).astype(np.int64)
    sizes = np.empty(world.cell_lo.size - 1, dtype=np.int64)
    most_seeds(world.rows, world.cell_lo, window_lo, sizes)
    most = int(sizes.max())
    if not most:
        return
    windows, asked = seeds.windows(), (max(1, rule.least_shared_s), -1 if rule.lag_s is None else rule.lag_s)
    space, scratch = np.empty((2, most, 5), dtype=np.int32), np.empty((3, most), dtype=np.int64)
    out, row = np.empty((max(most, _BATCH), N_MEETING), dtype=np.int32), 0
    where = (world.rows, world.cell_lo, world.bits, window_lo, windows, wanted, asked)
    while row < world.rows.shape[0]:
        n, row = meetings_in_cells(*where, row, space, scratch, out)
        if n:
            yield out[:n]


def _in_links(world: World, seeds: Seeds, rule: CompanionRule, wanted: NDArray[np.uint8]) -> Iterator[Rows]:
    from cotrace.kernels.temporal import N_MEETING, meetings_in_links

    most = int(np.diff(world.link_lo).max())
    asked = (max(1, rule.least_shared_s), rule.shared == "cumulative", rule.per_s or 0)
    out, seed = np.empty((max(most, _BATCH), N_MEETING), dtype=np.int32), 0
    where = (world.links, world.link_lo, seeds.device, seeds.windows(), wanted, asked)
    episodes = np.empty((most + 1, 2), dtype=np.int32)
    while seed < len(seeds):
        n, seed = meetings_in_links(*where, seed, episodes, out)
        if n:
            yield out[:n]


def _by_rule(
    world: World, seeds: Seeds, rule: CompanionRule, wanted: NDArray[np.uint8], threads: int
) -> Iterator[Rows]:
    """Hold seeds to a rule of dwell or of sums, as cases are held to it."""
    from cotrace.companions.index import index_of_stays
    from cotrace.companions.matching import match
    from cotrace.kernels.temporal import source_bits_at

    assert world.stays is not None
    shift = world.stays.base - world.base
    for lo in range(0, len(seeds), _CHUNK):
        part = seeds.part(lo, lo + _CHUNK)
        index = index_of_stays(world.stays, take(world.ids, part.device), threads)
        windows = np.stack([part.start, part.until, np.maximum(part.start, part.since)], axis=1) - shift
        rows = _rows_of(world, index, match(index, windows, rule, threads), lo, shift)
        rows = np.ascontiguousarray(rows[wanted[rows[:, 1]] > 0])
        if world.bits.size:
            source_bits_at(world.rows, world.cell_lo, world.bits, seeds.device, rows)
        for at in range(0, rows.shape[0], _BATCH):
            yield rows[at : at + _BATCH]


def _rows_of(world: World, index: CellIndex, found: Matches, first_seed: int, shift: int) -> Rows:
    assert world.stays is not None
    group = np.repeat(np.arange(found.case_of.size), np.diff(found.episode_lo))
    cell_code = _cell_codes(index, world)
    cells = cell_code[index.cell_of(found.records[found.record_of, 0])]
    start, end = (found.episodes[:, k].astype(np.int64) + shift for k in (0, 1))
    device = world.of_stays[found.companion_of[group]]
    columns = [first_seed + found.case_of[group], device, cells, start, end, end - start]
    rows = np.stack([*columns, np.zeros_like(start), np.ones_like(start)], axis=1)
    return rows.astype(np.int32)


def _cell_codes(index: CellIndex, world: World) -> Int64:
    """Return the world's code of each of an index's cells."""
    import pyarrow.compute as pc

    assert world.stays is not None
    found = pc.index_in(index.cells.values, value_set=world.stays.cells.values)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def new_labels(n: int) -> Int64:
    """Return the labels of devices that nobody has met: start, minus end, via, cell."""
    return np.full((n, 4), NO_LABEL, dtype=np.int64)


def first_meetings(
    world: World,
    seeds: Seeds,
    rule: CompanionRule,
    labels: Int64,
    wanted: NDArray[np.uint8] | None = None,
    threads: int = 1,
) -> None:
    """Lower labels (int64[devices, 4]) to each device's first meeting with a seed.

    First is the earliest start; of several the one that ends last, then the least device and cell.
    """
    from cotrace.kernels.folds import fold_first

    for batch in meetings(world, seeds, rule, wanted, threads):
        fold_first(batch, batch.shape[0], seeds.device, labels)


@dataclass(frozen=True)
class Spans:
    """What the meetings of each device come to: the last end, and seconds, each counted once; int64[devices]."""

    last: Int64
    shared: Int64


def spans_of(
    world: World,
    seeds: Seeds,
    rule: CompanionRule,
    wanted: NDArray[np.uint8] | None = None,
    via: Int64 | None = None,
    threads: int = 1,
) -> Spans:
    """Sum up the meetings of each device with seeds, or with the one that ``via`` (int64[devices]) names."""
    from cotrace.kernels.folds import fold_spans, keep_pairs, sum_spans

    last, parts = np.full(world.n, -NO_LABEL, dtype=np.int64), []
    for batch in meetings(world, seeds, rule, wanted, threads):
        n = batch.shape[0]
        if via is not None:
            n = keep_pairs(batch, n, seeds.device, via, batch)
        spans = np.empty((n, 2), dtype=np.int64)
        parts.append(spans[: fold_spans(batch, n, last, spans)].copy())
    spans = np.concatenate([*parts, np.empty((0, 2), np.int64)])
    shared = np.zeros(world.n, dtype=np.int64)
    sum_spans(np.ascontiguousarray(spans[np.argsort(spans[:, 0], kind="stable")]), shared)
    return Spans(last, shared)


def evidence_of(
    world: World,
    seeds: Seeds,
    rule: CompanionRule,
    wanted: NDArray[np.uint8] | None = None,
    via: Int64 | None = None,
    threads: int = 1,
) -> Rows:
    """Return the meetings of each device with seeds, or with the one that ``via`` names, as they come."""
    from cotrace.kernels.folds import keep_pairs
    from cotrace.kernels.temporal import N_MEETING

    kept = [np.empty((0, N_MEETING), dtype=np.int32)]
    for batch in meetings(world, seeds, rule, wanted, threads):
        if via is None:
            kept.append(batch.copy())
        else:
            kept.append(batch[: keep_pairs(batch, batch.shape[0], seeds.device, via, batch)].copy())
    return np.concatenate(kept)
