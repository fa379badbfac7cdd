"""The matcher: the cases held against the index of their cells, and what comes out of it as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted
from cotrace.threads import on_threads

if TYPE_CHECKING:
    from cotrace.companions.index import CellIndex
    from cotrace.options import CompanionRule

__all__ = ["CROWD_WINDOW_S", "Matches", "match"]

CROWD_WINDOW_S = 3600
_WHOSE = {"either": 0, "both": 1, "case": 2, "companion": 3, "pair": 4}

#: segments or episodes that are looked at together
_AT_A_TIME = 1 << 20


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
        See :func:`cotrace.kernels.overlap.summarise`.
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
    found = on_threads(one, range(windows.shape[0]), threads)
    return _joined(index, windows, found)


@dataclass(frozen=True)
class _Found:
    records: NDArray[np.int64]
    funnel: tuple[int, ...]
    dwell: tuple[int, int]


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
        from cotrace.kernels.overlap import N_RECORD, dwell_of_segments, match_case

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
        return _Found(records[:n].copy(), tuple(funnel), (int(dwell.sum()), int(dwell.size)))


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


def _joined(index: CellIndex, windows: NDArray[np.int64], found: list[_Found]) -> Matches:
    from cotrace.kernels.overlap import EPISODES, N_RECORD, SEG_OTHER, fill_episodes

    n_cases = len(found)
    records = np.concatenate([f.records for f in found] or [np.empty((0, N_RECORD), np.int64)])
    case_of = np.repeat(np.arange(n_cases), [f.records.shape[0] for f in found])
    top = _top_cells(index, records, case_of, n_cases)
    device_of = index.device_of(records[:, SEG_OTHER]).astype(np.int64)
    # records come by case, cell: bring those of one companion together, its cells in order
    key = case_of * (len(index.devices) + 1) + device_of
    order = np.argsort(key, kind="stable")
    records, key = records[order], key[order]
    record_lo = np.flatnonzero(np.diff(key, prepend=-1, append=-1) if key.size else np.zeros(0))
    record_lo = record_lo if key.size else np.zeros(1, dtype=np.int64)
    starts = record_lo[:-1]
    first = np.concatenate([[0], np.cumsum(records[:, EPISODES])]).astype(np.int64)
    episodes = np.empty((int(first[-1]), 2), dtype=np.int32)
    record_of = np.empty(episodes.shape[0], dtype=np.int64)
    spans = np.ascontiguousarray(windows[case_of[order]][:, [2, 1]])
    fill_episodes(index.rows, index.seg_lo, records, spans, first, episodes, record_of)
    episode_lo = first[record_lo]
    crowd, summary = _ordered(index, records, record_lo, episode_lo, episodes, record_of)
    return Matches(
        np.array([f.funnel for f in found], dtype=np.int64).reshape(n_cases, 4),
        np.array([f.dwell for f in found], dtype=np.int64).reshape(n_cases, 2),
        top,
        case_of[order][starts],
        device_of[order][starts],
        record_lo,
        episode_lo,
        records,
        episodes,
        record_of,
        crowd,
        summary,
    )


def _ordered(
    index: CellIndex,
    records: NDArray[np.int64],
    record_lo: NDArray[np.int64],
    episode_lo: NDArray[np.int64],
    episodes: NDArray[np.int32],
    record_of: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order the episodes of each companion in place; return their crowd and each companion's summary."""
    from cotrace.kernels.overlap import SEG_CASE, count_crowd, order_episodes, summarise

    cell_of = index.cell_of(records[:, SEG_CASE])
    for group, last in _slices(episode_lo):
        lo, hi = episode_lo[group], episode_lo[last]
        order, scratch = np.empty(hi - lo, dtype=np.int64), np.empty((2, hi - lo), dtype=np.int64)
        some, of = episodes[lo:hi], record_of[lo:hi]
        order_episodes(episode_lo[group : last + 1] - lo, some, cell_of[of], order, scratch)
        some[:], of[:] = some[order], of[order]
    cells = cell_of[record_of]
    by_cell = np.argsort(cells, kind="stable")
    per_cell = np.bincount(cells, minlength=index.n_cells)
    cell_episode_lo = np.concatenate([[0], np.cumsum(per_cell)]).astype(np.int64)
    crowd = np.empty(record_of.size, dtype=np.int64)
    span = int(episodes[:, 1].max() - episodes[:, 0].min()) if crowd.size else 0
    windows = np.empty(span // CROWD_WINDOW_S + 2, dtype=np.int64)
    where = (index.rows, index.seg_lo, index.cell_lo)
    count_crowd(*where, CROWD_WINDOW_S, cell_episode_lo, by_cell, episodes, crowd, windows)
    summary = np.zeros((episode_lo.size - 1, 9), dtype=np.int64)
    summarise(episode_lo, episodes, record_of, crowd, records, record_lo, summary)
    return crowd, summary


def _slices(lo: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut groups, of which ``lo`` are the first members and the end, into slices of not too many members."""
    edges = np.searchsorted(lo, np.arange(lo[0], lo[-1], _AT_A_TIME))
    return pairwise(np.unique(np.append(edges, lo.size - 1)).tolist())


def _top_cells(
    index: CellIndex, records: NDArray[np.int64], case_of: NDArray[np.int64], n_cases: int
) -> NDArray[np.int64]:
    """Return for each case the cell with most companions (the first of several) and how many they are."""
    from cotrace.kernels.overlap import SEG_CASE

    top = np.full((n_cases, 2), (-1, 0), dtype=np.int64)
    cells = index.cell_of(records[:, SEG_CASE])
    edges = np.searchsorted(case_of, np.arange(n_cases + 1))
    for i in np.flatnonzero(np.diff(edges)):
        of_case = cells[edges[i] : edges[i + 1]]
        # a case's records are one a cell and device, by cell
        first = np.flatnonzero(np.diff(of_case, prepend=-1))
        counts = np.diff(first, append=of_case.size)
        top[i] = of_case[first[counts.argmax()]], counts.max()
    return top
