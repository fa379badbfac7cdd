"""Ids of every type, times before 1970, a clock change, and a device that comes again after it was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.store.through import folder

import cotrace


@pytest.fixture
def path() -> Iterator[Path]:
    with folder() as made:
        yield made


def columns(ids: pa.Array, first: int, n: int = 400) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    at = first + rng.integers(0, 3 * 86_400, n)
    return {
        "device": ids.take(pa.array(rng.integers(0, len(ids), n))),
        "time": pa.array(at),
        "x": pa.array(rng.integers(-2, 2, n) * 800.0 + 1),
        "y": pa.array(np.full(n, -1.0)),
    }


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([2**63 + 5, 7, 2**64 - 1], pa.uint64()),
        pa.array([-(2**63), -1, 2**63 - 1], pa.int64()),
        pa.array(["", "0007", "7", "日本"], pa.string()),
        pa.array(["x", "y"]).dictionary_encode(),
    ],
    ids=lambda ids: str(ids.type).partition("<")[0],
)
@pytest.mark.parametrize("first", [-5 * 86_400 - 40_000, 0, 1_635_724_800])
def test_ids_and_times(path: Path, ids: pa.Array, first: int) -> None:
    table = pa.table(columns(ids, first))
    store = cotrace.Store(path, cotrace.StayOptions(max_gap="3h", fill="forward"), buckets=2)
    for at in (200, 0, 300):
        store.ingest(cotrace.read_pings(table[at : at + (100 if at else 200)], unit="s"))
    store.close()
    whole = cotrace.find_stays(cotrace.read_pings(table, unit="s"), options=store.options)
    found = cotrace.Store(path).stays()
    assert found.to_arrow().equals(whole.to_arrow())
    assert found.devices.equals(whole.devices)
    assert found.span == whole.span
    some = found.devices[1:2]
    mine = store.stays(devices=some)
    assert mine.devices.equals(some)
    assert len(mine) == int(np.sum(found.rows[:, 0] == 1)) > 0


def test_a_device_that_was_forgotten_is_a_new_one(path: Path) -> None:
    store = cotrace.Store(path, buckets=1)
    made = {"device": [1, 1, 2, 2], "time": [0, 60, 0, 60], "x": [1.0] * 4, "y": [1.0] * 4}
    store.ingest(cotrace.read_pings(made, unit="s"))
    store.forget(device=2)
    made["time"] = [120, 180, 120, 180]
    store.ingest(cotrace.read_pings(made, unit="s"))
    assert store.snapshot.devices.encode(pa.array([1, 2])).tolist() == [0, 2]
    assert store.stays().rows[:, 2:].tolist() == [[0, 180], [120, 180]]


def test_a_day_of_a_clock_change_has_23_hours(path: Path) -> None:
    # in Berlin the clock went from 2:00 to 3:00 on 28 March 2021
    naive = ["2021-03-28 00:30:00", "2021-03-28 23:30:00", "2021-03-29 00:10:00"]
    made = {"device": [1] * 3, "time": naive, "x": [1.0] * 3, "y": [1.0] * 3}
    pings = cotrace.read_pings(made, tz="Europe/Berlin")
    with pytest.warns(cotrace.CotraceWarning, match="outside the day"):
        report = cotrace.Store(path).ingest(pings, day="2021-03-28")
    assert (report.used, report.refused) == (2, {"outside the day": 1})
