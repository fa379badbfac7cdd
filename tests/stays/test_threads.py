"""Work that is shared out over threads comes back in order, and errors come out."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cotrace.arrays import counted
from cotrace.threads import on_threads


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_order(threads: int) -> None:
    assert on_threads(lambda n: n * n, range(50), threads) == [n * n for n in range(50)]
    assert on_threads(str, [], threads) == []


def test_the_work_is_shared() -> None:
    meeting = threading.Barrier(2, timeout=120)
    # two pieces that wait for each other are done only by two threads
    assert on_threads(lambda n: meeting.wait() >= 0, range(2), 2) == [True, True]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_ends_it(threads: int) -> None:
    def halve(n: int) -> float:
        return 1 / (n - 5)

    with pytest.raises(ZeroDivisionError):
        on_threads(halve, range(1000), threads)


@pytest.mark.parametrize("values", [[], [3], [1, 1, 2, 5, 5, 5]])
def test_distinct_values_and_how_often(values: list[int]) -> None:
    found = counted(np.array(values, dtype=np.int64))
    expected = np.unique(np.array(values, dtype=np.int64), return_counts=True)
    assert [f.tolist() for f in found] == [e.tolist() for e in expected]
