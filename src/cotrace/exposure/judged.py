"""Pairs held to chance: the days that they are judged on, and what the kernels count of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values
from cotrace.errors import OptionError
from cotrace.exposure.common import instant, seen_codes, warn
from cotrace.exposure.days import Alike, days_by_kind, local_days
from cotrace.exposure.joined import Joined

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["AskedPairs", "Judged", "judge"]

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class AskedPairs:
    """Pairs and the days that they are judged on."""

    joined: Joined
    ids: tuple[pa.Array, pa.Array]
    #: codes, the lesser first; -1 for devices that were never seen
    pairs: Int64
    days: Int64
    kinds: Int64
    window: tuple[int, int]
    least: int

    @classmethod
    def of(
        cls, joined: Joined, pairs: list[tuple[Any, Any]], start: Any, end: Any, least: int, alike: Alike
    ) -> AskedPairs:
        """Find the pairs among the devices, and the days between start and end, with a kind for each.

        ``least`` is the least length of a meeting in seconds. Warns of pairs with a device that was never seen.
        """
        stays = joined.stays
        first, last = stays.span or (0, -1)
        since = first if start is None else max(first, instant(start, "start"))
        until = last + 1 if end is None else min(last + 1, instant(end, "end"))
        if start is not None and end is not None and instant(start, "start") >= instant(end, "end"):
            raise OptionError("end= is not after start=")
        days, kinds = local_days(np.array([[since, until]]), stays.tz, (since, until - 1), alike)
        kind = stays.devices.type
        ids = (from_values([a for a, _ in pairs], kind), from_values([b for _, b in pairs], kind))
        codes = np.stack([seen_codes(stays.devices, one) for one in ids], axis=1).reshape(-1, 2)
        if unseen := int((codes < 0).any(axis=1).sum()):
            warn(
                f"{unseen:,} of {len(pairs):,} pairs have a device that was never seen: nothing can be said of them; "
                "are their ids of the same kind?",
                "cases",
                never_seen=unseen,
                pairs=len(pairs),
            )
        window = (since - stays.base, max(since, until) - stays.base)
        return cls(joined, ids, np.sort(codes, axis=1), days - stays.base, kinds, window, least)


@dataclass(frozen=True)
class Judged:
    """What the kernels count: of each pair; its meetings (pair, cell, start, end, crowd); a random number a pair."""

    counts: Int64
    meetings: Int64
    ties: Int64

    @classmethod
    def of(cls, parts: list[Judged]) -> Judged:
        """Join what was counted of several parts."""
        none = np.empty((0, 7), dtype=np.int64), np.empty((0, 5), dtype=np.int64), np.empty(0, dtype=np.int64)
        columns = zip(none, *((p.counts, p.meetings, p.ties) for p in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def judge(asked: AskedPairs, part: slice, draws: int, seed: int) -> Judged:
    """Judge some pairs."""
    from cotrace.kernels.days import count_pieces, fill_pieces, hash_times
    from cotrace.kernels.presence import device_slices
    from cotrace.kernels.significance import pair_meetings

    stays, pairs = asked.joined.stays, asked.pairs[part]
    devices, numbers = np.unique(pairs, return_inverse=True)
    numbers = np.ascontiguousarray(numbers.reshape(-1, 2))
    slices = np.empty((devices.size, 2), dtype=np.int64)
    device_slices(stays.rows, devices, slices)
    windows = np.tile(np.array(asked.window, dtype=np.int64), (devices.size, 1))
    pieces = np.empty((count_pieces(stays.rows, slices, windows, asked.days), 7), dtype=np.int64)
    fill_pieces(stays.rows, slices, windows, asked.days, pieces)
    pieces = pieces[np.lexsort((pieces[:, 2], pieces[:, 1], pieces[:, 0], pieces[:, 4]))]
    piece_lo = np.searchsorted(pieces[:, 4], np.arange(devices.size + 1)).astype(np.int64)
    keys = np.empty(devices.size, dtype=np.uint64)
    hash_times(stays.rows, slices, (stays.base, *asked.window), seed, keys)
    key = keys[numbers[:, 0]] * np.uint64(3) + keys[numbers[:, 1]]
    counts, crowd, cell_of = _counted(asked, pieces, piece_lo, numbers, key, draws)
    size = pair_meetings(pieces, piece_lo, numbers, asked.days, asked.least, np.empty((0, 4), dtype=np.int64))
    met = np.empty((size, 4), dtype=np.int64)
    pair_meetings(pieces, piece_lo, numbers, asked.days, asked.least, met)
    day = np.searchsorted(asked.days[:, 0], met[:, 2], side="right") - 1
    hour = np.minimum((met[:, 2] - asked.days[day, 0]) // 3600, crowd.shape[2] - 1) if size else day
    there = crowd[cell_of[met[:, 1]], day, hour].astype(np.int64) if size else day
    met[:, 0] += part.start
    ties = (_mixed(key) >> np.uint64(11)).astype(np.int64)
    return Judged(counts, np.concatenate([met, there[:, None]], axis=1), ties)


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the random number before the first of each key, which breaks ties."""
    from cotrace.kernels.days import mixed

    with np.errstate(over="ignore"):
        return np.array([mixed(key ^ np.uint64(2**63)) for key in keys], dtype=np.uint64)


def _counted(
    asked: AskedPairs, pieces: Int64, piece_lo: Int64, pairs: Int64, keys: NDArray[np.uint64], draws: int
) -> tuple[Int64, NDArray[np.int32], Int64]:
    """Return what is counted of each pair, the crowds, and the number of each cell among them."""
    from cotrace.kernels.crowds import HOURS, count_crowds
    from cotrace.kernels.significance import N_JUDGED, judge_pairs

    stays, k = asked.joined.stays, asked.days.shape[0]
    kind_lo, by_kind = days_by_kind(asked.kinds)
    kind_of = np.empty(k, dtype=np.int64)
    kind_of[by_kind] = np.repeat(np.arange(kind_lo.size - 1), np.diff(kind_lo))
    cells = np.unique(pieces[:, 0])
    cell_of = np.full(len(stays.cells.values) + 1, -1, dtype=np.int64)
    cell_of[cells] = np.arange(cells.size)
    crowd = np.zeros((cells.size + 1, k, HOURS), dtype=np.int32)
    last = np.full(crowd.shape, -1, dtype=np.int32)
    count_crowds(stays.rows, asked.days, cell_of, last, crowd)
    kinds = kind_lo.size - 1
    out = np.empty((pairs.shape[0], N_JUDGED), dtype=np.int64)
    judge_pairs(
        pieces,
        piece_lo,
        pairs,
        keys,
        (asked.least, draws),
        cell_of,
        kind_of,
        kind_lo,
        by_kind,
        last,
        crowd,
        np.empty((k, k, 2), dtype=np.int64),
        np.empty((2, 2, k), dtype=np.int64),
        np.empty((3, k + 1), dtype=np.int64),
        np.empty((3, k), dtype=np.int64),
        np.empty((4, max(1, kinds), HOURS), dtype=np.int64),
        np.empty((2, max(1, kinds)), dtype=np.int64),
        np.empty(k, dtype=np.uint64),
        out,
    )
    return out, crowd, cell_of
