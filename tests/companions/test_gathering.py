"""The index keeps all stays only where somebody may become a companion; nothing that is asked later may show it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties import through, worlds

import cotrace
from cotrace.companions.gathering import Spans
from cotrace.kernels.shelf import filter_cells

INTERVALS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-5, 30), st.integers(1, 9)), max_size=15
)


def rows_of(drawn: list[tuple[int, int, int, int]]) -> np.ndarray:
    return np.array([(d, c, t, t + n) for d, c, t, n in drawn], dtype=np.int32).reshape(-1, 4)


@settings(max_examples=200, deadline=None)
@given(INTERVALS, INTERVALS)
def test_rows_in_the_spans_of_their_cell_are_kept(
    there: list[tuple[int, int, int, int]], asked: list[tuple[int, int, int, int]]
) -> None:
    spans = Spans(rows_of(there), 3)
    for cell in range(3):
        seconds = {s for _, c, t, n in there if c == cell for s in range(t, t + n)}
        of_cell = spans.spans[spans.lo[cell] : spans.lo[cell + 1]].tolist()
        assert {s for a, b in of_cell for s in range(a, b)} == seconds
        # apart and in order: a span begins where the one before has ended for good
        assert all(b < c for (_, b), (c, _) in pairwise(of_cell))
    rows = rows_of(sorted(asked, key=lambda row: row[1]))
    grouped = np.ascontiguousarray(rows[:, [0, 2, 3]])
    lo = np.searchsorted(rows[:, 1], np.arange(4)).astype(np.int64)
    out = np.empty_like(rows)
    wanted, renamed = np.array([2, -1, 0], dtype=np.int32), np.array([7, 5, 6, 4], dtype=np.int32)
    n = filter_cells(grouped, lo, wanted, spans.lo, spans.spans, renamed, out)
    expected = [
        [renamed[d], wanted[c], start, end]
        for d, c, start, end in rows.tolist()
        if wanted[c] >= 0
        and any(
            start < b and a < end
            for a, b in spans.spans[spans.lo[wanted[c]] : spans.lo[wanted[c] + 1]].tolist()
        )
    ]
    assert out[:n].tolist() == expected


@pytest.fixture(scope="module")
def both() -> list[tuple[cotrace.Companions, cotrace.Companions]]:
    """Results of made worlds, from pings and from all stays."""
    made = []
    for number in range(200):
        drawn = worlds.seeded(21, number)
        # asked for longer, cases are long enough in few cells
        world = replace(drawn, rule=replace(drawn.rule, min_shared=60 + 10 * drawn.rule.min_shared))
        stays = cotrace.find_stays(through.read(world), options=through.options_of(world.making))
        made.append((through.find(world), through.find(world, pings=stays)))
    return made


@pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
def test_stays_and_meetings_are_those_of_an_index_that_has_all(
    both: list[tuple[cotrace.Companions, cotrace.Companions]],
) -> None:
    left_out = 0
    for streamed, whole in both:
        assert streamed.stays.to_arrow().equals(whole.stays.to_arrow())
        left_out += len(streamed.stays) - len(streamed._parts.index.rows)
        devices = streamed._parts.index.devices.to_pylist()
        for number in range(len(streamed.coverage)):
            for device in devices:
                # a case that was never seen is in one dictionary and not in the other
                met = [found.meetings(number, device) or [] for found in (streamed, whole)]
                assert sorted(met[0]) == sorted(met[1])
    assert left_out > 100  # or else nothing was tested
