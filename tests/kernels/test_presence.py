"""The kernels of presence: compiled, as plain Python, and both as a few lines of Python say."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from cotrace.kernels import presence


def both(function: Any) -> list[Any]:
    return [function, function.py_func]


def rows_of(rng: random.Random) -> np.ndarray:
    rows = []
    for device in range(rng.randint(0, 5)):
        t = rng.randint(0, 30)
        for _ in range(rng.randint(0, 6)):
            end = t + rng.randint(1, 20)
            rows.append((device, rng.randint(0, 3), t, end))
            t = end + rng.choice([0, 3])
    return np.array(rows, dtype=np.int32).reshape(-1, 4)


@pytest.mark.parametrize("which", [0, 1])
def test_slices_are_those_of_a_search(which):
    for seed in range(60):
        rows = rows_of(random.Random(seed))
        codes = np.array([-1, 0, 1, 2, 3, 4, 5, 9], dtype=np.int64)
        out = np.empty((codes.size, 2), dtype=np.int64)
        both(presence.device_slices)[which](rows, codes, out)
        for code, (lo, hi) in zip(codes, out, strict=True):
            assert (rows[lo:hi, 0] == code).all()
            assert hi - lo == int((rows[:, 0] == code).sum())


@pytest.mark.parametrize("which", [0, 1])
def test_most_dwell_is_what_counting_says(which):
    for seed in range(60):
        rng = random.Random(seed)
        rows = rows_of(rng)
        codes = np.arange(6, dtype=np.int64)
        slices = np.empty((6, 2), dtype=np.int64)
        presence.device_slices(rows, codes, slices)
        edges = sorted(rng.sample(range(80), 2 * rng.randint(0, 4)))
        begins, ends = (np.array(edges[k::2], dtype=np.int64) for k in (0, 1))
        before = np.concatenate([[0], np.cumsum(ends - begins)])[:-1].astype(np.int64)
        dwell, out = np.zeros(4, dtype=np.int64), np.empty((6, 3), dtype=np.int64)
        both(presence.most_dwell)[which](rows, slices, begins, ends, before, dwell, out)
        assert not dwell.any()
        inside = {t for a, b in zip(begins, ends, strict=True) for t in range(a, b)}
        for device in range(6):
            counts = [0] * 4
            for d, cell, a, b in rows.tolist():
                counts[cell] += sum(t in inside for t in range(a, b)) if d == device else 0
            best = min(range(4), key=lambda cell: (-counts[cell], cell))
            assert out[device].tolist() == [best if sum(counts) else -1, max(counts), sum(counts)]


@pytest.mark.parametrize("which", [0, 1])
def test_meets_are_all_pairs_that_overlap(which):
    for seed in range(100):
        rng = random.Random(seed)
        rows = rows_of(rng)
        asked = []
        for number in range(rng.randint(0, 8)):
            start = rng.randint(-5, 90)
            asked.append((rng.randint(0, 3), start, start + rng.randint(1, 30), number))
        asked.sort()
        cells = np.array([a[0] for a in asked], dtype=np.int64)
        table = np.array([a[1:] for a in asked], dtype=np.int64).reshape(-1, 3)
        cell_lo = np.searchsorted(cells, np.arange(5)).astype(np.int64)
        longest = np.zeros(4, dtype=np.int64)
        for cell, start, end, _ in asked:
            longest[cell] = max(longest[cell], end - start)
        span = (min((a[1] for a in asked), default=0), max((a[2] for a in asked), default=0))
        n = both(presence.count_meets)[which](rows, cell_lo, table, longest, span)
        out = np.empty((n, 2), dtype=np.int64)
        both(presence.fill_meets)[which](rows, cell_lo, table, longest, span, out)
        wanted = [
            (number, i)
            for i, (_, cell, a, b) in enumerate(rows.tolist())
            for c, start, end, number in asked
            if c == cell and start < b and end > a
        ]
        assert sorted(map(tuple, out.tolist())) == sorted(wanted)
