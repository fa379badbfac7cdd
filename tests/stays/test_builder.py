"""The builder of stays: spans of time that are combined give what one span gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrace.errors import CotraceError
from cotrace.options import PingPong, StayOptions
from cotrace.stays.builder import OutOfOrderError, StayBuilder, by_device
from cotrace.stays.shelf import Codes

ORDER = np.array([30, 10, 20, 40], dtype=np.int64)  # the order of cells is not that of their codes

pings = st.lists(
    st.tuples(st.integers(0, 4), st.integers(-40, 40), st.integers(0, 3)), min_size=0, max_size=60
).map(lambda rows: sorted(rows, key=lambda r: r[1]))

options = st.builds(
    StayOptions,
    max_gap=st.sampled_from(["0s", "1s", "5s", "20s"]),
    fill=st.sampled_from(["same_cell", "forward"]),
    smooth=st.sampled_from([None, PingPong("3s"), PingPong("30s")]),
)


def new_builder(chosen: StayOptions, hold_heads: bool = False) -> StayBuilder:
    return StayBuilder(chosen, lambda: ORDER, hold_heads)


def append(builder: StayBuilder, rows: list[tuple[int, int, int]], n_devices: int = 5) -> None:
    columns = np.array(rows, dtype=np.int32).reshape(-1, 3)
    builder.append(*(np.ascontiguousarray(columns[:, k]) for k in range(3)), n_devices)


def stays_of(builder: StayBuilder) -> list[list[int]]:
    return by_device([block.translated() for block in builder.finalize()], 5).tolist()


def codes_of(devices: list[int], cells: list[int]) -> Codes:
    return Codes(np.array(devices, dtype=np.int32), np.array(cells, dtype=np.int32))


def counts_of(builder: StayBuilder) -> tuple[int, int, int, list[list[int]]]:
    return builder.collapsed, builder.conflicts, builder.relabelled, builder.gaps.tolist()


@settings(max_examples=400, deadline=None)
@given(
    pings,
    options,
    st.lists(st.integers(0, 60), max_size=5),
    st.permutations(range(5)),
    st.permutations(range(4)),
    st.booleans(),
)
def test_spans_of_time_combine_to_the_whole(
    rows: list[tuple[int, int, int]],
    chosen: StayOptions,
    cuts: list[int],
    devices: list[int],
    cells: list[int],
    hold: bool,
) -> None:
    whole = new_builder(chosen)
    append(whole, rows)
    expected = stays_of(whole)

    # spans are cut anywhere, within a second too, and have codes of their own for devices and cells
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    joined = new_builder(chosen, hold_heads=hold)
    theirs = ORDER[cells]
    for lo, hi in pairwise(edges):
        span = StayBuilder(chosen, lambda: theirs, hold_heads=True)
        append(span, [(devices.index(d), t, cells.index(c)) for d, t, c in rows[lo:hi]])
        joined.combine(span, codes_of(devices, cells), 5)
    assert stays_of(joined) == expected
    assert counts_of(joined) == counts_of(whole)


@settings(max_examples=100, deadline=None)
@given(pings, options, st.lists(st.integers(0, 60), min_size=3, max_size=3))
def test_it_does_not_matter_which_spans_are_combined_first(
    rows: list[tuple[int, int, int]], chosen: StayOptions, cuts: list[int]
) -> None:
    whole = new_builder(chosen)
    append(whole, rows)
    expected = stays_of(whole)
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    renamed, same = codes_of([4, 3, 2, 1, 0], [0, 1, 2, 3]), codes_of([0, 1, 2, 3, 4], [0, 1, 2, 3])
    a, b, c, d = (new_builder(chosen, hold_heads=True) for _ in range(4))
    for span, (lo, hi) in zip((a, b, c, d), pairwise(edges), strict=True):
        # the second half has other codes, of which both halves of it know
        append(span, [(4 - d if lo >= edges[2] else d, t, c) for d, t, c in rows[lo:hi]])
    a.combine(b, same, 5)
    c.combine(d, same, 5)
    a.combine(c, renamed, 5)
    assert stays_of(a) == expected
    assert counts_of(a) == counts_of(whole)


def test_spans_in_the_wrong_order_are_noticed() -> None:
    earlier, later = (new_builder(StayOptions(fill="forward"), hold_heads=True) for _ in range(2))
    append(earlier, [(0, 10, 1)])
    append(later, [(0, 5, 1), (0, 9, 1)])
    with pytest.raises(OutOfOrderError):
        earlier.combine(later, codes_of([0, 1, 2, 3, 4], [0, 1, 2, 3]), 5)


def test_a_span_without_heads_cannot_follow_another() -> None:
    with pytest.raises(CotraceError, match="heads"):
        new_builder(StayOptions(fill="forward")).combine(
            new_builder(StayOptions(fill="forward")), codes_of([], []), 0
        )


@settings(max_examples=100, deadline=None)
@given(pings, options, st.integers(1, 7))
def test_batches_change_nothing(rows: list[tuple[int, int, int]], chosen: StayOptions, size: int) -> None:
    whole, batched = new_builder(chosen), new_builder(chosen)
    append(whole, rows)
    for at in range(0, len(rows), size):
        append(batched, rows[at : at + size])
    assert stays_of(batched) == stays_of(whole)
    assert counts_of(batched) == counts_of(whole)


def test_only_the_order_within_a_device_matters() -> None:
    builder = new_builder(StayOptions(fill="same_cell"))
    append(builder, [(0, 10, 1), (0, 20, 1), (1, 5, 2), (1, 9, 2)])
    assert stays_of(builder) == [[0, 1, 10, 20], [1, 2, 5, 9]]


def test_a_device_out_of_order_is_noticed() -> None:
    builder = new_builder(StayOptions(fill="same_cell"))
    append(builder, [(0, 10, 1)])
    with pytest.raises(OutOfOrderError):
        append(builder, [(0, 9, 1)])


@pytest.mark.parametrize(
    ("cells", "used", "conflicts"),
    [
        ([0, 1], 0, 1),
        ([1, 0], 0, 1),
        ([1, 1, 0], 0, 2),
        ([0, 1, 0], 0, 1),
        ([2, 2], 2, 0),
        ([1, 2, 0, 3], 3, 3),
    ],
)
def test_the_greatest_cell_of_a_second_is_used(cells: list[int], used: int, conflicts: int) -> None:
    builder = new_builder(StayOptions(fill="forward"))
    append(builder, [(0, 0, c) for c in cells] + [(0, 5, 3)])
    expected = [[0, used, 0, 5]]
    assert stays_of(builder) == expected
    assert (builder.collapsed, builder.conflicts) == (len(cells) - 1, conflicts)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [("same_cell", [[0, 1, 0, 10]]), ("forward", [[0, 1, 0, 14], [0, 2, 14, 20]])],
)
def test_what_a_silence_means(fill: str, expected: list[list[int]]) -> None:
    rows = [(0, 0, 1), (0, 10, 1), (0, 14, 2), (0, 20, 1), (0, 100, 1)]
    builder = new_builder(StayOptions(fill=fill, max_gap="10s"))
    append(builder, rows)
    assert stays_of(builder) == expected


def test_smoothing_cascades_from_left_to_right() -> None:
    # A B A B A within reach: every B is relabelled; the pings are counted, nothing is lost
    rows = [(0, t, c) for t, c in [(0, 1), (2, 2), (3, 2), (4, 1), (6, 2), (8, 1)]]
    builder = new_builder(StayOptions(fill="same_cell", smooth=PingPong("5s")))
    append(builder, rows)
    assert stays_of(builder) == [[0, 1, 0, 8]]
    assert builder.relabelled == 3


def test_smoothing_leaves_a_longer_absence() -> None:
    rows = [(0, t, c) for t, c in [(0, 1), (2, 2), (6, 1), (9, 1)]]
    builder = new_builder(StayOptions(fill="forward", smooth=PingPong("5s")))
    append(builder, rows)
    assert stays_of(builder) == [[0, 1, 0, 2], [0, 2, 2, 6], [0, 1, 6, 9]]
    assert builder.relabelled == 0


def test_nothing_in_nothing_out() -> None:
    builder = new_builder(StayOptions(fill="same_cell"))
    append(builder, [])
    assert stays_of(builder) == []


def test_a_max_gap_of_years_costs_no_memory() -> None:
    builder = new_builder(StayOptions(fill="same_cell", max_gap="36500d"))
    assert builder.gaps.nbytes < 1 << 25
    append(builder, [(0, 0, 1), (0, 2_000_000_000, 1), (0, 2_000_000_100, 2)])
    assert stays_of(builder) == [[0, 1, 0, 2_000_000_000]]
    assert builder.gaps.sum() == 2
