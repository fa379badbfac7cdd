"""Certainty on a cluster: the rows of one machine, bit for bit, for any number of partitions."""

from __future__ import annotations

import importlib
import pickle
import warnings

import numpy as np
import pyarrow as pa
import pytest
from tests.engine.conftest import assert_same
from tests.engine.test_in_process import ROOMS, _here

import cotrace
from cotrace.engine import spark as on_spark

START, HOUR = 1_635_724_800, 3600
AS_OF = "2021-11-05T00:00:00+00:00"
RULE = cotrace.CompanionRule(min_cumulative="2h")
OPTIONS = cotrace.StayOptions(by="tower", fill="forward")
NOWHERE = "t11"


def towers() -> dict[str, list]:
    """Return towers close enough for their footprints to share cells; one of them nobody knows the place of."""
    rng = np.random.default_rng(3)
    lon, lat = 104.0 + rng.random(12) * 0.03, 30.6 + rng.random(12) * 0.03
    named = [f"t{k:02d}" for k in range(12)]
    placed = [None if name == NOWHERE else value for name, value in zip(named, lon.tolist(), strict=True)]
    return {"tower": named, "lon": placed, "lat": lat.tolist(), "radius_m": [900.0] * 12}


def log(seed: int = 5, devices: int = 90, days: int = 3, of: int = 12) -> pa.Table:
    """Return a tower log of devices that flap between the towers near to where they are."""
    rng = np.random.default_rng(seed)
    n = devices * days * 50
    device = rng.integers(0, devices, n)
    time = START + rng.integers(0, days * 24 * HOUR // 300, n) * 300
    place = (device % 7 + time // (8 * HOUR) * (device % 3)) % of
    tower = (place + (rng.random(n) < 0.2)) % of
    names = pa.array([f"d{k:03d}" for k in range(devices)]).take(pa.array(device))
    columns = [names, pa.array(time), pa.array([f"t{k:02d}" for k in range(of)]).take(pa.array(tower))]
    return pa.table(columns, names=["device", "time", "tower"])


CASES = {
    "device": ["d003", "d010", "d003", "nobody", "d021"],
    "as_of": [AS_OF, AS_OF, "2021-11-02T12:00:00+00:00", AS_OF, AS_OF],
    "infectious_from": [None, None, None, None, "2021-11-02T00:00:00+00:00"],
}


@pytest.fixture(scope="module")
def feet() -> cotrace.Footprints:
    return cotrace.find_footprints(towers(), cotrace.Grid.geographic(800))


@pytest.fixture(scope="module")
def local_pings() -> cotrace.Pings:
    return cotrace.read_pings(log(), unit="s")


@pytest.fixture(scope="module")
def pings(spark):
    return on_spark.read_pings(spark.createDataFrame(log()).repartition(3).persist(), unit="s")


def asked(feet: cotrace.Footprints, certainty: object = True, rule: cotrace.CompanionRule = RULE) -> dict:
    return {"rule": rule, "options": OPTIONS, "certainty": certainty, "footprints": feet}


@pytest.mark.parametrize("partitions", [1, 2, 7, 64], indirect=True)
def test_of_pings(pings, local_pings, feet, partitions):
    wanted = cotrace.find_companions(local_pings, CASES, **asked(feet))
    frame = wanted.certainty.to_pandas()
    assert frame["is_companion"].nunique() == 2
    assert frame["companion_id"].isin(CASES["device"]).any()  # cases among themselves, too
    assert len(frame) > 100
    found = on_spark.find_companions(pings, CASES, **asked(feet))
    assert_same(found.certainty, wanted.certainty)
    assert_same(found.companions, wanted.companions)
    found.unpersist()


HOWS = {
    "plain": cotrace.Certainty(calibrated=False, least=0.0),
    "blurred": cotrace.Certainty(blur="7min", alike=0.5, flap="30min"),
    "rare": cotrace.Certainty(least=0.9, roaming=0.0),
}


@pytest.mark.parametrize("name", HOWS)
def test_of_stays_and_pings(spark, pings, local_pings, feet, name):
    how = HOWS[name]
    local = cotrace.find_companions(local_pings, CASES, **asked(feet, how))
    found = on_spark.find_companions(pings, CASES, **asked(feet, how))
    assert_same(found.certainty, local.certainty)
    found.unpersist()
    if how.blur is None:
        return
    stays = on_spark.find_stays(pings, options=OPTIONS)
    found = on_spark.find_companions(stays, CASES, **asked(feet, how))
    assert_same(found.certainty, local.certainty)
    assert len(local.certainty) > 10
    found.unpersist()


def test_plan_beside_what_came(spark, tmp_path, feet):
    spark.createDataFrame(log(devices=600)).repartition(2).write.parquet(str(tmp_path / "pings"))
    pings = on_spark.read_pings(spark.read.parquet(str(tmp_path / "pings")), unit="s")
    plain, sure = (on_spark.plan(pings, cases=4, options=OPTIONS, certainty=how) for how in (False, True))
    assert (sure.bytes_read, sure.bytes_shuffled) == (1.5 * plain.bytes_read, 2 * plain.bytes_shuffled)
    assert (
        on_spark.plan(pings, "find_stays", options=OPTIONS, certainty=True).bytes_read == plain.bytes_read / 2
    )
    with sure.measured() as real:
        found = on_spark.find_companions(pings, CASES, **asked(feet))
        assert found.companions.count() > 0
        assert found.certainty.count() > 0
    assert 0.5 < sure.bytes_shuffled / real.shuffled_bytes < 2
    # two files, so two tasks read them; results that are kept count as read as well, by four tasks
    files = sum(stage.read_bytes for stage in real.stages if stage.tasks == 2)
    assert 0.9 * sure.bytes_read < files < 1.5 * sure.bytes_read
    found.unpersist()


def test_in_this_process(spark, monkeypatch, local_pings, feet):
    """The tasks' own lines, where a debugger sees them."""
    for room in ROOMS:
        monkeypatch.setattr(importlib.import_module(f"cotrace.engine.spark.{room}"), "mapped", _here)
    frame = on_spark.read_pings(spark.createDataFrame(log()), unit="s")
    wanted = cotrace.find_companions(local_pings, CASES, **asked(feet))
    found = on_spark.find_companions(frame, CASES, **asked(feet))
    assert_same(found.certainty, wanted.certainty)
    assert found.explain("d010", "d003") == wanted.explain("d010", "d003")
    assert found.explain("d010", "d004") == wanted.explain("d010", "d004")


def test_stays_do_not_know_their_pings(pings, feet):
    stays = on_spark.find_stays(pings, options=OPTIONS)
    with pytest.raises(cotrace.CotraceError, match=r"needs a blur.*Certainty\(blur='15min'\)"):
        on_spark.find_companions(stays, CASES, **asked(feet))


WRONG = {
    "neither": {"certainty": "yes"},
    "alone": {"certainty": False},
    "no footprints": {"footprints": None},
    "other footprints": {"footprints": "towers"},
    "cells": {"options": cotrace.StayOptions(fill="forward")},
    "sums": {"rule": cotrace.CompanionRule(shared="cumulative")},
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_use_is_refused_alike(pings, local_pings, feet, name):
    keywords = {**asked(feet), **WRONG[name]}
    with pytest.raises((ValueError, TypeError)) as wanted:
        cotrace.find_companions(local_pings, CASES, **keywords)
    with pytest.raises(type(wanted.value)) as found:
        on_spark.find_companions(pings, CASES, **keywords)
    assert str(found.value) == str(wanted.value)


def test_ids_of_another_kind_are_refused_at_once(pings, local_pings):
    numbers = {"tower": [1, 2], "lon": [104.0, 104.01], "lat": [30.6, 30.61], "radius_m": [900.0] * 2}
    other = cotrace.find_footprints(numbers, cotrace.Grid.geographic(800))
    for ask, source in ((cotrace.find_companions, local_pings), (on_spark.find_companions, pings)):
        with pytest.raises(cotrace.CotraceError, match="give both tables ids of one kind"):
            ask(source, CASES, **asked(other))


def test_not_asked_for(pings, local_pings):
    keywords = {"rule": RULE, "options": OPTIONS}
    with pytest.raises(cotrace.CotraceError) as wanted:
        _ = cotrace.find_companions(local_pings, CASES, **keywords).certainty
    with pytest.raises(cotrace.CotraceError) as found:
        _ = on_spark.find_companions(pings, CASES, **keywords).certainty
    assert str(found.value) == str(wanted.value)


def said(ask) -> list[tuple[str, str, dict]]:
    """Return what is warned of about resolution."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ask()
    found = [w.message for w in caught if isinstance(w.message, cotrace.CotraceWarning)]
    return [(w.kind, str(w), w.figures) for w in found if w.kind == "resolution"]


def test_dwell_at_unknown_towers_is_warned_of_alike(pings, local_pings, feet):
    wanted = said(lambda: cotrace.find_companions(local_pings, CASES, **asked(feet)).certainty)
    found = on_spark.find_companions(pings, CASES, **asked(feet))
    assert said(lambda: found.certainty) == wanted
    assert len(wanted) == 1
    assert said(lambda: found.certainty) == []
    found.unpersist()


def test_nobody_is_met(spark, feet):
    alone = on_spark.read_pings(spark.createDataFrame(log(devices=1)), unit="s")
    for case in ("d000", "nobody"):
        found = on_spark.find_companions(alone, [case], as_of=AS_OF, **asked(feet))
        assert found.certainty.count() == 0


def test_footprints_travel_light(feet):
    assert len(feet.table)  # what was shown of them stays here
    there = pickle.loads(pickle.dumps(feet))
    assert "table" not in vars(there)
    assert there.table.to_arrow().equals(feet.table.to_arrow())
    assert not there.p.flags.writeable
