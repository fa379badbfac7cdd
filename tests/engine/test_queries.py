"""Occupancy, pairs, visitors and rings on a cluster: row for row those of one machine, for any number of partitions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.engine.conftest import assert_same

import cotrace
from cotrace.engine import spark as on_spark
from cotrace.engine.spark import units

#: all numbers of partitions have their turn in test_equality.py; devices are strings here
PARTITIONS = pytest.mark.parametrize("partitions", [7], indirect=True)
HOUR = 3600
START = 1_635_724_800 - 5 * HOUR


def made(seed: int = 1, devices: int = 60, days: int = 3) -> pa.Table:
    """Return pings of devices that wander over a few cells, one of which is a station where half of them are."""
    rng = np.random.default_rng(seed)
    n = devices * days * 60
    device = rng.integers(0, devices, n)
    place = np.where(rng.random(n) < 0.5, 0, rng.integers(0, 12, n))
    time = START + rng.integers(0, days * 24 * HOUR // 300, n) * 300
    names = pa.array([f"d{k:03d}" for k in range(devices)]).take(pa.array(device))
    x, y = place % 4 * 800.0 + 5, place // 4 * 800.0 + 5
    stamps = pa.array(time * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
    return pa.table([names, stamps, pa.array(x), pa.array(y)], names=["device", "time", "x", "y"])


@pytest.fixture(scope="module")
def local():
    return cotrace.find_stays(
        cotrace.read_pings(made()), options=cotrace.StayOptions(max_gap="50min", fill="forward")
    )


@pytest.fixture(scope="module")
def pings(spark):
    return on_spark.read_pings(spark.createDataFrame(made()))


@pytest.fixture(scope="module")
def stays(pings):
    options = cotrace.StayOptions(max_gap="50min", fill="forward")
    return on_spark.find_stays(pings, options=options).persist()


@pytest.fixture
def always_split(monkeypatch):
    """Split units as if every one of a few rows were heavy."""
    monkeypatch.setattr(units, "_LEAST", 20)
    monkeypatch.setattr(units.Units.of.__func__, "__defaults__", (20,))


@PARTITIONS
def test_occupancy(stays, local, partitions):
    assert_same(on_spark.occupancy(stays), cotrace.occupancy(local))


@pytest.mark.parametrize("window", ["17min", "36h"])
def test_occupancy_split(stays, local, window, always_split):
    assert_same(on_spark.occupancy(stays, window=window), cotrace.occupancy(local, window=window))


def table_of(pairs):
    return pairs.reader().read_all()


@PARTITIONS
def test_pairs(stays, local, partitions):
    found = on_spark.pairs(stays, max_crowd=25)
    wanted = cotrace.pairs(local, max_crowd=25)
    assert len(wanted.crowded) > 3
    assert_same(found.pairs, table_of(wanted))
    assert_same(found.crowded, wanted.crowded)


RULES = {
    "plain": {"rule": cotrace.CompanionRule(min_shared="20min", min_cumulative=None), "min_episodes": 3},
    "dwell": {"rule": cotrace.CompanionRule(min_cumulative="2h", dwell_of="both"), "max_crowd": 20},
    "sums": {
        "rule": cotrace.CompanionRule(min_shared="2h", min_cumulative=None, shared="cumulative", per="24h"),
        "max_crowd": None,
    },
}


@pytest.mark.parametrize("name", RULES)
def test_pairs_split(stays, local, name, always_split):
    keywords = RULES[name] | {"start": "2021-11-01T01:30:00+00:00", "end": "2021-11-02T20:00:00+00:00"}
    found = on_spark.pairs(stays, **keywords)
    assert found.units.parts > 3
    assert "are cut into" in found.units.describe()
    wanted = table_of(cotrace.pairs(local, **keywords))
    assert wanted.num_rows > 20
    assert_same(found.pairs, wanted)


@pytest.mark.parametrize("partitions", [2, 7], indirect=True)
def test_visitors(stays, local, pings, partitions):
    cells = local.cells.values.to_pylist()
    asked = {"started_at": ["2021-11-01T03:00:00Z", "2021-11-02T03:00:00Z"], "cell": [cells[0], cells[3]]}
    asked |= {"finished_at": ["2021-11-01T09:00:00Z", "2021-11-02T03:20:00Z"], "name": ["station", None]}
    for keywords in ({}, {"min_dwell": "30min"}):
        found, wanted = (
            on_spark.visitors(stays, asked, **keywords),
            cotrace.visitors(local, asked, **keywords),
        )
        assert len(wanted) > 5
        assert_same(found.visitors, wanted)
        assert_same(found.evidence, wanted.evidence)
    with_pings = on_spark.visitors(stays, asked, pings=pings)
    wanted = cotrace.visitors(local, asked, pings=cotrace.read_pings(made()))
    assert wanted["observed"].null_count == 0
    assert_same(with_pings.visitors, wanted)


@pytest.mark.parametrize("partitions", [2, 7], indirect=True)
def test_rings(stays, local, partitions):
    cases = ["d003", "d041"]
    hard = cotrace.CompanionRule(min_shared="90min", min_cumulative=None)
    told = {"device": ["d007"], "decision": ["excluded"], "at": ["2021-11-02T00:00:00Z"]}
    badges = {
        "a": ["d041"],
        "b": ["z1"],
        "started_at": ["2021-11-01T10:00:00Z"],
        "finished_at": ["2021-11-01T11:00:00Z"],
    }
    keywords = {
        "as_of": "2021-11-03T12:00:00+00:00",
        "depth": 3,
        "rule": hard,
        "adjudications": told,
        "latency": "1h",
    }
    keywords["contacts"] = badges
    found, wanted = on_spark.rings(stays, cases, **keywords), cotrace.rings(local, cases, **keywords)
    assert wanted.sizes["devices"].to_pylist()[1] > 1
    assert_same(found.rings, wanted)
    assert_same(found.evidence, wanted.evidence)
    assert_same(found.sizes, wanted.sizes)
