"""Episodes, joint seconds and crowds against sets of single seconds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from cotrace.companions.gathering import Gathering
from cotrace.companions.index import _by_cell, grouped, with_cells
from cotrace.kernels import overlap, windows
from cotrace.kernels.episodes import count_crowd, order_episodes
from cotrace.stays.shelf import CellShelf, Codes


@st.composite
def segment(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Disjoint stays with gaps between, by start."""
    moments = sorted(draw(st.sets(st.integers(-30, 30), max_size=14)))
    return list(zip(moments[::2], moments[1::2], strict=False))


def seconds_of(stays: list[tuple[int, int]]) -> set[int]:
    return {t for a, b in stays for t in range(a, b)}


def pieces(seconds: set[int]) -> list[tuple[int, int]]:
    return sorted(
        (t, next(e for e in range(t, 99) if e not in seconds)) for t in seconds if t - 1 not in seconds
    )


def as_rows(*segments: list[tuple[int, int]]) -> NDArray[np.int32]:
    listed = [(d, a, b) for d, stays in enumerate(segments) for a, b in stays]
    return np.array(listed, dtype=np.int32).reshape(-1, 3)


@settings(max_examples=400, deadline=None)
@given(segment(), segment(), st.integers(-35, 35), st.integers(0, 50), st.integers(1, 5), st.integers(1, 40))
def test_episodes_and_the_most_within(
    a: list[tuple[int, int]], b: list[tuple[int, int]], start: int, length: int, least: int, per: int
) -> None:
    table = as_rows(a, b)
    out = np.empty((40, 2), dtype=np.int32)
    end = start + length
    together = seconds_of(a) & seconds_of(b) & set(range(start, end))
    n = overlap._episodes(table, 0, len(a), len(a), len(a) + len(b), start, end, 1, out)
    assert out[:n].tolist() == [list(p) for p in pieces(together)]
    most = max(sum(t <= s < t + per for s in together) for t in range(-80, 80))
    assert overlap._most_within(out, n, per) == most
    assert overlap._dwell(table, 0, len(a), start, end) == len(seconds_of(a) & set(range(start, end)))
    n = overlap._episodes(table, 0, len(a), len(a), len(a) + len(b), start, end, least, out)
    assert out[:n].tolist() == [list(p) for p in pieces(together) if p[1] - p[0] >= least]


@settings(max_examples=200, deadline=None)
@given(st.lists(segment(), min_size=1, max_size=4), st.integers(1, 20))
def test_crowd_is_the_fullest_window_that_an_episode_touches(
    segments: list[list[tuple[int, int]]], window: int
) -> None:
    table = as_rows(*segments)
    if not table.size:
        return
    seg_lo, cell_lo = grouped(table, np.array([0, len(table)]), len(segments), 1)
    episodes = np.ascontiguousarray(table[:, 1:])
    crowd = np.empty(len(table), dtype=np.int64)
    count_crowd(
        table,
        seg_lo,
        cell_lo,
        window,
        np.array([0, len(table)]),
        np.arange(len(table)),
        episodes,
        crowd,
        np.empty(64, dtype=np.int64),
    )
    where = [{t // window for t in seconds_of(s)} for s in segments]
    expected = [
        max(sum(w in there for there in where) for w in range(a // window, (b - 1) // window + 1))
        for a, b in episodes.tolist()
    ]
    assert crowd.tolist() == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(segment(), min_size=1, max_size=4), st.integers(1, 20), st.integers(-7, 7))
def test_windows_hold_distinct_devices_and_all_dwell(
    segments: list[list[tuple[int, int]]], window: int, base: int
) -> None:
    table = np.insert(as_rows(*segments), 1, 0, axis=1)  # all in cell 0
    n = windows.windows_touched(table, base, window)
    touched, out = np.empty((3, n), dtype=np.int64), np.empty((n, 4), dtype=np.int64)
    order, scratch = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)
    found = out[: windows.count_windows(table, base, window, touched, order, scratch, out)].tolist()
    moments = [(d, t + base) for d, s in enumerate(segments) for t in seconds_of(s)]
    expected = [
        [0, w, len({d for d, t in moments if t // window == w}), sum(t // window == w for _, t in moments)]
        for w in sorted({t // window for _, t in moments})
    ]
    assert found == expected


def test_episodes_of_a_group_are_ordered_by_start_then_cell() -> None:
    episodes = np.array([[5, 6], [1, 2], [-3, -1], [1, 9], [0, 1]], dtype=np.int32)
    order = np.empty(5, dtype=np.int64)
    order_episodes(
        np.array([0, 4, 5]), episodes, np.array([0, 2, 1, 1, 0], np.int32), order, np.empty((2, 5), np.int64)
    )
    assert order.tolist() == [2, 3, 1, 0, 4]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=40),
    st.lists(st.integers(0, 40), max_size=3),
    st.permutations(range(5)),
)
def test_rows_come_by_wanted_cell_and_device(
    drawn: list[tuple[int, int]], cuts: list[int], renamed: list[int]
) -> None:
    # of six cells the odd ones are wanted; the position in the list stands for time
    table = np.array([(d, c, k, k + 1) for k, (d, c) in enumerate(drawn)], dtype=np.int32).reshape(-1, 4)
    new_cell = np.array([-1, 0, -1, 1, -1, 2], dtype=np.int32)
    edges = [0, *sorted(cuts), len(table)]
    new = Codes(np.array(renamed, dtype=np.int32), new_cell)
    by_cell, cell_rows = _by_cell(table, new_cell, 3)
    by_cell[:, 0] = new.devices[by_cell[:, 0]]
    for threads in (1, 2, 5):
        # the same from pieces that were put on a shelf, all of them on disk or none
        for limit in (0, 1 << 20):
            shelf = CellShelf(0, limit)
            blocks = [shelf.put(table[a:b]) for a, b in pairwise(edges) if table[a:b].size]
            gathered, rows = Gathering(blocks, new, 3, threads).rows()
            assert gathered.tolist() == by_cell.tolist()
            assert rows.tolist() == cell_rows.tolist()
            assert shelf.spilled == (12 * len(table) if limit == 0 else 0)
        found = by_cell.copy()
        seg_lo, cell_lo = grouped(found, cell_rows, 5, threads)
        whole = with_cells(found, seg_lo[cell_lo])
        segments = [whole[a:b].tolist() for a, b in pairwise(seg_lo)]
        expected: dict[tuple[int, int], list[list[int]]] = {}
        for d, c, start, end in table.tolist():
            if c % 2:
                expected.setdefault((c // 2, renamed[d]), []).append([renamed[d], c // 2, start, end])
        assert {(s[0][1], s[0][0]): s for s in segments} == expected
        assert len(segments) == len(expected)
        assert [s[0][1] for s in segments] == sorted(s[0][1] for s in segments)
        assert cell_lo.tolist() == [sum(c < k for c, _ in expected) for k in range(4)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(segment(), st.integers(0, 1)), max_size=6), st.sets(st.integers(-30, 30)))
def test_stays_that_were_cut_are_joined_again(
    drawn: list[tuple[list[tuple[int, int]], int]], cuts: set[int]
) -> None:
    expected, pieces = [], []
    for device, (stays, cell) in enumerate(drawn):
        # stays of one device in one cell never touch: what touches was cut
        apart = [s for k, s in enumerate(stays) if k == 0 or stays[k - 1][1] < s[0]]
        expected += [[cell, device, a, b] for a, b in apart]
        for a, b in apart:
            edges = [a, *sorted(t for t in cuts if a < t < b), b]
            pieces += [[cell, device, s, e] for s, e in pairwise(edges)]
    table = np.array(sorted(pieces), dtype=np.int32).reshape(-1, 4)
    cell_rows = np.searchsorted(table[:, 0], np.arange(3)).astype(np.int64)
    rows = np.ascontiguousarray(table[:, 1:])
    seg_lo, cell_lo = grouped(rows, cell_rows, len(drawn), 2, in_pieces=True)
    assert cell_rows[-1] == len(expected) == seg_lo[-1]
    whole = with_cells(rows[: cell_rows[-1]], cell_rows)
    assert sorted([c, d, a, b] for d, c, a, b in whole.tolist()) == sorted(expected)
    for a, b in pairwise(seg_lo.tolist()):
        assert rows[a:b, 1].tolist() == sorted(rows[a:b, 1].tolist())
        assert len(set(rows[a:b, 0].tolist())) == 1
    assert cell_lo[-1] == seg_lo.size - 1
