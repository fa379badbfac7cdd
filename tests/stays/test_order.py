"""Rows in any order give the same stays: streamed, sorted in memory, sorted on disk."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import cotrace
from cotrace.stays.lane import Encoded
from cotrace.stays.shelf import Codes
from cotrace.stays.sorting import TimeSorter, memory_for_sorting


def made(n: int = 8000) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "device": rng.integers(0, 10, n),
            "time": np.sort(rng.integers(-40_000, 40_000, n)),
            "x": rng.integers(0, 3, n) * 800.0,
            "y": 0.0,
        }
    )


@pytest.fixture
def expected() -> cotrace.Stays:
    return cotrace.find_stays(cotrace.read_pings(made(), unit="s"))


@pytest.mark.parametrize(("sort_memory", "order"), [(None, "sorted in memory"), (10_000, "sorted on disk")])
@pytest.mark.parametrize("threads", [1, 2])
def test_shuffled_rows(expected: cotrace.Stays, sort_memory: int | None, order: str, threads: int) -> None:
    shuffled = cotrace.read_pings(made().sample(frac=1, random_state=1), unit="s")
    stays = cotrace.find_stays(shuffled, sort_memory=sort_memory, threads=threads)
    assert expected.counts.order == "streamed"
    assert stays.counts.order == order
    assert stays.to_arrow().equals(expected.to_arrow())
    assert stays.counts.collapsed == expected.counts.collapsed > 0
    assert stays.counts.conflicts == expected.counts.conflicts > 0
    assert stays.span == expected.span


def test_rows_by_device_need_no_sorting(expected: cotrace.Stays) -> None:
    by_device = cotrace.read_pings(made().sort_values(["device", "time"]), unit="s")
    stays = cotrace.find_stays(by_device)
    assert stays.counts.order == "streamed"
    assert stays.to_arrow().equals(expected.to_arrow())


def test_one_row_late_is_enough_to_sort(expected: cotrace.Stays) -> None:
    late = pd.concat([made().iloc[1:], made().iloc[:1]])
    stays = cotrace.find_stays(cotrace.read_pings(late, unit="s"))
    assert stays.counts.order == "sorted in memory"
    assert stays.to_arrow().equals(expected.to_arrow())


def test_nothing_of_the_spill_is_left(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shuffled = cotrace.read_pings(made().sample(frac=1, random_state=2), unit="s")
    cotrace.find_stays(shuffled, sort_memory=1)
    assert list(tmp_path.iterdir()) == []


def test_the_sorter_keeps_every_ping_and_orders_by_time() -> None:
    rng = np.random.default_rng(3)
    # a wide span of time, and a narrow one
    for low, high in ((-(2**31) + 2**24, 2**31 - 2**24), (-70_000, 40_000)):
        times = rng.integers(low, high, 5000).astype(np.int32)
        devices = np.arange(5000, dtype=np.int32)
        cells = rng.integers(-1, 5, 5000).astype(np.int32)
        # the second lane has other codes for both
        same = Codes(devices, np.arange(5, dtype=np.int32))
        other = Codes(devices[::-1].copy(), np.array([4, 3, 2, 1, 0], dtype=np.int32))
        for limit in (1, 1 << 30):
            sorter = TimeSorter(limit)
            for k, part in enumerate(np.array_split(np.arange(5000), 9)):
                sorter.append(Encoded(devices[part], times[part], cells[part]), k % 2)
            sorter.append(Encoded(devices[:0], times[:0], cells[:0]), 0)
            parts = [sorter.take(bucket, [same, other]) for bucket in sorter.buckets()]
            sorter.close()
            found = np.concatenate([np.stack(p) for p in parts], axis=1)
            assert (np.diff(found[1]) >= 0).all()
            expected = []
            for k, part in enumerate(np.array_split(np.arange(5000), 9)):
                of = (same, other)[k % 2]
                expected += [
                    (int(of.devices[i]), int(times[i]), int(of.cells[cells[i]]))
                    for i in part
                    if cells[i] >= 0
                ]
            assert sorted(map(tuple, found.T.tolist())) == sorted(expected)


def test_half_of_the_memory_is_for_sorting() -> None:
    assert memory_for_sorting() > 1 << 20
