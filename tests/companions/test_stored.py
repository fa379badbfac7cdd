"""Companions of a store are those of its stays in memory: every table, every word, whatever was read."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.properties import through, worlds
from tests.properties.golden import golden_worlds
from tests.store.through import folder
from tests.test_golden import _compare, _options

import cotrace
from cotrace.store.store import Store

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
TABLES = ("cases", "companions", "evidence", "funnel", "coverage", "stays")


def stored(
    path: Path, table: pa.Table, options: cotrace.StayOptions, clock: Any, parts: int, **how: Any
) -> Store:
    """Make a store of a table that comes in parts, in no order."""
    store = Store(path, options, buckets=3, threads=2)
    for part in range(parts):
        rows = np.arange(part, table.num_rows, parts)
        if rows.size:
            store.ingest(cotrace.read_pings(table.take(pa.array(rows)), **clock, **how))
    return store


def same(a: cotrace.Companions, b: cotrace.Companions) -> None:
    for name in TABLES:
        assert getattr(a, name).to_arrow().equals(getattr(b, name).to_arrow()), name
    # how pings were brought in order is said of one pass, and a store has many
    words = [" ".join(repr(found).split()) for found in (a, b)]
    assert words[0] == re.sub("; (streamed|sorted in memory|sorted on disk)", "", words[1])


@pytest.fixture(scope="module")
def both() -> Iterator[list[tuple[cotrace.Companions, cotrace.Companions]]]:
    """Results of made worlds, from a store and from all stays in memory."""
    made = []
    with folder() as path:
        for number in range(60):
            world = worlds.seeded(33, number)
            stays = cotrace.find_stays(through.read(world), options=through.options_of(world.making))
            store = Store(path / str(number), through.options_of(world.making), buckets=1 + number % 3)
            store.ingest(through.read(world))
            made.append((through.find(world, pings=store), through.find(world, pings=stays)))
        yield made


def test_made_worlds(both: list[tuple[cotrace.Companions, cotrace.Companions]]) -> None:
    for of_store, of_stays in both:
        same(of_store, of_stays)
    assert sum(len(of_store) for of_store, _ in both) > 20


def test_every_pair_is_explained_alike(both: list[tuple[cotrace.Companions, cotrace.Companions]]) -> None:
    n = 0
    for of_store, of_stays in both[:30]:
        devices = [
            *of_stays._parts.index.devices.to_pylist()[:6],
            *of_store._parts.index.devices.to_pylist()[:2],
        ]
        for number, case in enumerate(through.rows_of(of_stays.cases)):
            for device in devices:
                assert of_store.meetings(number, device) == of_stays.meetings(number, device)
                n += 1
            if len(of_stays.cases) == len(set(of_stays.cases["case_id"].to_pylist())):
                for device in set(devices) - {case["case_id"]}:
                    assert of_store.explain(case["case_id"], device) == of_stays.explain(
                        case["case_id"], device
                    )
    assert n > 100


def test_golden_worlds_from_a_store() -> None:
    with folder() as path:
        for number, world in enumerate(golden_worlds()[::4]):
            device, time, x, y = zip(*world["pings"], strict=True)
            floats = [pa.array(column, pa.float64()) for column in (time, x, y)]
            table = pa.table([pa.array(device, pa.int64()), *floats], names=["device", "time", "x", "y"])
            store = stored(path / str(number), table, _options(world), {"unit": "s"}, 3)
            _compare(world, store, _options(world), 2)


def test_little_is_read_for_one_case() -> None:
    """A city in which everybody stays in a cell of their own street, and the case in one."""
    n, per_day = 600, 48
    second = np.tile(np.arange(per_day * 3) * 1800, n)
    device = np.repeat(np.arange(n), per_day * 3)
    table = pa.table(
        {"device": device, "time": second, "x": device % 60 * 800.0 + 1, "y": device // 60 * 8000.0 + 1}
    )
    with folder() as path:
        store = stored(path, table, cotrace.StayOptions(), {"unit": "s"}, 1)
        stays = cotrace.find_stays(cotrace.read_pings(table, unit="s"))
        read = store.snapshot.read
        read.clear()
        rule = cotrace.CompanionRule(min_cumulative="1h")
        asked: dict[str, Any] = {"as_of": "1970-01-04T00:00:00+00:00", "rule": rule}
        found = cotrace.find_companions(store, [7], **asked)
        # its own stays of three days, and all stays of three days in its cell
        assert read.rows <= 3 * (3 + 3)
        assert read.rows_passed > 20 * read.rows
        same(found, cotrace.find_companions(stays, [7], **asked))


def test_options_and_unknown_devices(tmp_path: Path) -> None:
    table = pa.table({"device": ["a", "a"], "time": [0, 600], "x": [1.0, 1.0], "y": [1.0, 1.0]})
    store = stored(tmp_path / "store", table, cotrace.StayOptions(), {"unit": "s"}, 1)
    asked: dict[str, Any] = {"as_of": "1970-01-08T00:00:00+00:00"}
    with pytest.raises(cotrace.CotraceError, match="max_gap"):
        cotrace.find_companions(store, ["a"], options=cotrace.StayOptions(max_gap="1h"), **asked)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = cotrace.find_companions(store, ["nobody"], **asked)
    assert len(found) == 0
    assert any("never seen" in str(w.message) for w in said)
    assert found.meetings(0, "a") == []
    assert found.meetings(0, "somebody else") is None
    assert cotrace.find_companions(store, [], **asked).companions.to_arrow().num_rows == 0
