"""The matcher: the cases held against the index of their cells, and what comes out of it as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted
from cotrace.threads import on_threads

if TYPE_CHECKING:
    from cotrace.companions.index import CellIndex
    from cotrace.options import CompanionRule

__all__ = ["CROWD_WINDOW_S", "Matches", "match"]

CROWD_WINDOW_S = 3600
#: figures of a summary; see :func:`cotrace.kernels.episodes.summarise`
N_SUMMARY = 9
_WHOSE = {"either": 0, "both": 1, "case": 2, "companion": 3, "pair": 4}

#: segments or episodes that are looked at together
_AT_A_TIME = 1 << 18


@dataclass(frozen=True)
class Matches:
    """What the matcher found, by code.

    Parameters
    ----------
    funnel : int64[cases, 4]
        Devices together at all, long enough, companions, companions with ``dwell_of="both"``.
    dwell : int64[cases, 2]
        Observed seconds in the lookback, and cells.
    top : int64[cases, 2]
        The cell that brings the most companions (-1: none), and how many.
    case_of, companion_of : int64[groups]
        Case number and device code of each companion; sorted by these.
    record_lo, episode_lo : int64[groups + 1]
        Where the records and the episodes of each companion begin.
    records : int64[r, 7]
        Qualifying cells; see :mod:`cotrace.kernels.overlap`.
    episodes : int32[e, 2]
        Start and end of qualifying episodes; by start, cell within a companion.
    record_of, crowd : int64[e]
        Record and crowd of each episode.
    summary : int64[groups, 9]
        See :func:`cotrace.kernels.episodes.summarise`.
    """

    funnel: NDArray[np.int64]
    dwell: NDArray[np.int64]
    top: NDArray[np.int64]
    case_of: NDArray[np.int64]
    companion_of: NDArray[np.int64]
    record_lo: NDArray[np.int64]
    episode_lo: NDArray[np.int64]
    records: NDArray[np.int64]
    episodes: NDArray[np.int32]
    record_of: NDArray[np.int64]
    crowd: NDArray[np.int64]
    summary: NDArray[np.int64]


def match(index: CellIndex, windows: NDArray[np.int64], rule: CompanionRule, threads: int) -> Matches:
    """Hold every case against the index.

    Parameters
    ----------
    index : CellIndex
    windows : int64[cases, 3]
        Start and end of each case's lookback and start of its episodes, in seconds from the index's base.
    rule : CompanionRule
    threads : int

    Returns
    -------
    Matches
    """
    one = _OneCase(index, windows, rule)
    found = _Joined(on_threads(one, range(windows.shape[0]), threads))
    crowd = _crowd(index, found, threads)
    summary = np.zeros((found.case_of.size, N_SUMMARY), dtype=np.int64)

    def sum_up(part: slice) -> None:
        from cotrace.kernels.episodes import summarise

        lo = slice(part.start, part.stop + 1)
        of_episodes = found.episode_lo[lo], found.episodes, found.record_of, crowd
        summarise(*of_episodes, found.records, found.record_lo[lo], summary[part])

    on_threads(sum_up, _parts(found.episode_lo), threads)
    return Matches(**vars(found), crowd=crowd, summary=summary)


@dataclass(frozen=True)
class _Found:
    """What was found for one case: its companions by code, each one's cells and episodes."""

    funnel: tuple[int, ...]
    dwell: tuple[int, int]
    top: tuple[int, int]
    companions: NDArray[np.int64]
    record_lo: NDArray[np.int64]
    episode_lo: NDArray[np.int64]
    records: NDArray[np.int64]
    episodes: NDArray[np.int32]
    record_of: NDArray[np.int64]


class _OneCase:
    """The work on one case; cases are independent of each other."""

    def __init__(self, index: CellIndex, windows: NDArray[np.int64], rule: CompanionRule) -> None:
        self._index, self._windows = index, windows
        self._shared = (rule.least_shared_s, rule.shared == "cumulative", rule.per_s or 0)
        least = rule.least_cumulative_s
        self._cumulative = (-1 if least is None else least, _WHOSE[rule.dwell_of], rule.combine == "or")
        self._segments = _segments_by_case(index)
        lengths = np.diff(index.seg_lo)
        self._longest = int(lengths.max()) if lengths.size else 0

    def __call__(self, i: int) -> _Found:
        from cotrace.kernels.overlap import N_RECORD, SEG_CASE, dwell_of_segments, match_case

        index, (start, end, infectious) = self._index, (int(v) for v in self._windows[i])
        segments = self._segments.get(int(index.case_codes[i]), np.empty(0, dtype=np.int64))
        dwell = np.empty(segments.size, dtype=np.int64)
        dwell_of_segments(index.rows, index.seg_lo, segments, start, end, dwell)
        segments, dwell = segments[dwell > 0], dwell[dwell > 0]
        cells = index.cell_of(segments)
        bound = int((index.cell_lo[cells + 1] - index.cell_lo[cells]).sum())
        records = np.empty((bound, N_RECORD), dtype=np.int64)
        n, *funnel = match_case(
            index.rows,
            index.seg_lo,
            index.cell_lo,
            segments,
            cells,
            (start, end, infectious),
            self._shared,
            self._cumulative,
            np.zeros(len(index.devices), dtype=np.uint8),
            np.empty((2 * self._longest + 1, 2), dtype=np.int32),
            records,
        )
        # records come by cell, as the case's segments do
        of = cells[np.searchsorted(segments, records[:n, SEG_CASE])]
        grouped = self._by_companion(records[:n], of, infectious, end)
        return _Found(tuple(funnel), (int(dwell.sum()), int(dwell.size)), _top(of), *grouped)

    def _by_companion(
        self, records: NDArray[np.int64], cells: NDArray[np.int32], since: int, until: int
    ) -> tuple[NDArray[Any], ...]:
        """Bring the records of each companion together, its cells in order, and write its episodes out."""
        from cotrace.kernels.episodes import order_episodes
        from cotrace.kernels.overlap import EPISODES, SEG_OTHER, fill_episodes

        index, device = self._index, self._index.device_of(records[:, SEG_OTHER])
        order = np.argsort(device, kind="stable")
        records, cells, device = records[order], cells[order], device[order]
        record_lo = np.append(np.flatnonzero(np.diff(device, prepend=-1)), device.size)
        first = np.concatenate([[0], np.cumsum(records[:, EPISODES])]).astype(np.int64)
        episodes = np.empty((int(first[-1]), 2), dtype=np.int32)
        record_of = np.empty(episodes.shape[0], dtype=np.int64)
        fill_episodes(index.rows, index.seg_lo, records, since, until, first, episodes, record_of)
        episode_lo = first[record_lo]
        order, scratch = np.empty(record_of.size, np.int64), np.empty((2, record_of.size), np.int64)
        order_episodes(episode_lo, episodes, cells[record_of], order, scratch)
        companions = device[record_lo[:-1]].astype(np.int64)
        return companions, record_lo, episode_lo, records, episodes[order], record_of[order]


def _top(cells: NDArray[np.int32]) -> tuple[int, int]:
    """Return the cell with most records (the first of several; -1: none) and how many; ``cells`` are in order."""
    if not cells.size:
        return -1, 0
    first = np.flatnonzero(np.diff(cells, prepend=-1))
    counts = np.diff(first, append=cells.size)
    return int(cells[first[counts.argmax()]]), int(counts.max())


def _segments_by_case(index: CellIndex) -> dict[int, NDArray[np.int64]]:
    """Return the segments of each device that is a case, by cell."""
    is_case = np.zeros(len(index.devices) + 1, dtype=np.bool_)
    is_case[index.case_codes[index.case_codes >= 0]] = True
    found = [np.empty(0, dtype=np.int64)]
    for lo in range(0, index.seg_lo.size - 1, _AT_A_TIME):
        some = np.arange(lo, min(lo + _AT_A_TIME, index.seg_lo.size - 1))
        found.append(some[is_case[index.device_of(some)]])
    mine = np.concatenate(found)
    device = index.device_of(mine)
    order = np.argsort(device, kind="stable")
    mine, device = mine[order], device[order]
    codes, sizes = counted(device)
    return dict(zip(codes.tolist(), np.split(mine, np.cumsum(sizes)[:-1]), strict=True)) if codes.size else {}


class _Joined:
    """What was found for all cases, one after the other; see :class:`Matches`."""

    def __init__(self, found: list[_Found]) -> None:
        from cotrace.kernels.overlap import N_RECORD

        self.funnel = np.array([f.funnel for f in found], dtype=np.int64).reshape(-1, 4)
        self.dwell = np.array([f.dwell for f in found], dtype=np.int64).reshape(-1, 2)
        self.top = np.array([f.top for f in found], dtype=np.int64).reshape(-1, 2)
        self.case_of = np.repeat(np.arange(len(found)), [f.companions.size for f in found])
        self.companion_of = np.concatenate([np.empty(0, dtype=np.int64), *(f.companions for f in found)])
        records = _starts([len(f.records) for f in found])
        episodes = _starts([len(f.episodes) for f in found])
        self.record_lo = _edges([f.record_lo for f in found], records)
        self.episode_lo = _edges([f.episode_lo for f in found], episodes)
        self.records = np.empty((int(records[-1]), N_RECORD), dtype=np.int64)
        self.episodes = np.empty((int(episodes[-1]), 2), dtype=np.int32)
        self.record_of = np.empty(int(episodes[-1]), dtype=np.int64)
        found.reverse()
        for i in range(len(found)):
            f = found.pop()  # a case's part is let go when it is copied
            self.records[records[i] : records[i + 1]] = f.records
            self.episodes[episodes[i] : episodes[i + 1]] = f.episodes
            np.add(f.record_of, records[i], out=self.record_of[episodes[i] : episodes[i + 1]])


def _starts(sizes: list[int]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _edges(edges: list[NDArray[np.int64]], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the edges of groups, of which each part begins with 0."""
    shifted = [lo[:-1] + start for lo, start in zip(edges, starts, strict=False)]
    return np.concatenate([*shifted, starts[-1:]])


def _crowd(index: CellIndex, found: _Joined, threads: int) -> NDArray[np.int64]:
    """Return the crowd of each episode; cells are shared out over threads."""
    from cotrace.kernels.episodes import count_crowd
    from cotrace.kernels.overlap import SEG_CASE

    episodes = found.episodes
    cells = index.cell_of(found.records[:, SEG_CASE])[found.record_of]
    # sixteen bits are sorted by counting
    by_cell = np.argsort(cells.astype(np.uint16) if index.n_cells < 1 << 16 else cells, kind="stable")
    lo = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=index.n_cells))]).astype(np.int64)
    crowd = np.empty(cells.size, dtype=np.int64)
    span = int(episodes[:, 1].max() - episodes[:, 0].min()) if crowd.size else 0

    def count(part: slice) -> None:
        windows = np.empty(span // CROWD_WINDOW_S + 2, dtype=np.int64)
        of = slice(part.start, part.stop + 1)
        where = (index.rows, index.seg_lo, index.cell_lo[of])
        count_crowd(*where, CROWD_WINDOW_S, lo[of], by_cell, episodes, crowd, windows)

    on_threads(count, _parts(index.cell_lo), threads)
    return crowd


def _parts(lo: NDArray[np.int64]) -> list[slice]:
    """Cut groups, of which ``lo`` are the first members and the end, into slices of not too many members."""
    edges = np.searchsorted(lo, np.arange(lo[0], lo[-1], _AT_A_TIME))
    return [slice(a, b) for a, b in pairwise(np.unique(np.append(edges, lo.size - 1)).tolist())]
