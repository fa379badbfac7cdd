"""Local times against Python's own calendar."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotrace.errors import TimeError
from cotrace.io.batches import CODES, Marks
from cotrace.io.zones import fixed_offset, local_to_utc, zone_name

ZONES = [
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Asia/Kathmandu",
]
EPOCH = dt.datetime(1970, 1, 1)


def by_python(local: int, zone: str) -> tuple[str, int, int]:
    """Return what a local time is (clear, ambiguous or missing), and its two readings."""
    naive = EPOCH + dt.timedelta(seconds=local)
    both = [naive.replace(tzinfo=ZoneInfo(zone), fold=f) for f in (0, 1)]
    utc = [int(t.timestamp()) for t in both]
    if utc[0] == utc[1]:
        return "clear", *utc
    back = dt.datetime.fromtimestamp(utc[0], ZoneInfo(zone)).replace(tzinfo=None)
    return ("ambiguous" if back == naive else "missing"), *utc


@settings(max_examples=200, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    start=st.one_of(
        st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2037, 1, 1)),
        # round the hours at which clocks change, at the end of March and of October
        st.builds(
            lambda year, month, day, minute: dt.datetime(year, month, day, 0) + dt.timedelta(minutes=minute),
            st.integers(1996, 2030),
            st.sampled_from([3, 4, 10, 11]),
            st.integers(1, 30),
            st.integers(0, 300),
        ),
    ),
    steps=st.lists(st.one_of(st.integers(0, 900), st.integers(0, 200_000)), min_size=1, max_size=60),
    how=st.sampled_from(["refuse", "earliest", "latest"]),
)
def test_as_python_reads_them(zone: str, start: dt.datetime, steps: list[int], how: str):
    first = (start - EPOCH) // dt.timedelta(seconds=1)
    local = np.cumsum([first, *steps]).astype(np.int64)
    marks = Marks(len(local))
    utc = local_to_utc(local, zone, how, marks)
    codes = np.zeros(len(local), np.uint8) if marks.codes is None else marks.codes
    for seconds, found, code in zip(local.tolist(), utc.tolist(), codes.tolist(), strict=True):
        kind, early, late = by_python(seconds, zone)
        if kind == "clear":
            assert (found, code) == (early, 0)
        elif how == "refuse":
            assert code == CODES[f"{kind} time"]
        elif kind == "ambiguous":
            assert found == (early if how == "earliest" else late)
        else:
            # the clock jumps between the two: the last second before it, or the first after it
            assert late <= found <= early


@pytest.mark.parametrize("size", [1, 20_000])
def test_far_apart_times(size: int):
    local = np.random.default_rng(size).integers(0, 2_000_000_000, size)
    marks = Marks(size)
    utc = local_to_utc(local, "America/New_York", "latest", marks)
    for seconds, found in list(zip(local.tolist(), utc.tolist(), strict=True))[:300]:
        kind, early, late = by_python(seconds, "America/New_York")
        assert kind == "missing" or found == late
        assert kind != "clear" or early == late


def test_nothing():
    assert len(local_to_utc(np.empty(0, np.int64), "Europe/Berlin", "refuse", Marks(0))) == 0


@pytest.mark.parametrize(
    ("zone", "seconds"), [("UTC", 0), ("+05:30", 19800), ("-03:00", -10800), ("Asia/Tokyo", None)]
)
def test_offsets(zone: str, seconds: int | None):
    assert fixed_offset(zone) == seconds


@pytest.mark.parametrize("name", ["CST", "cst", "IST"])
def test_abbreviations_of_several_zones(name):
    with pytest.raises(
        TimeError, match=rf"{name.upper()} is ambiguous .*: name a place, such as 'Asia/Shanghai'"
    ):
        zone_name(name)


@pytest.mark.parametrize(
    ("name", "meant"),
    [("Asia/Peking", "Asia/Shanghai"), ("Beijing", "Asia/Shanghai"), ("Asia/Mumbai", "Asia/Kolkata")],
)
def test_cities_that_the_database_does_not_have(name, meant):
    with pytest.raises(TimeError, match=f"did you mean '{meant}'"):
        zone_name(name)
    assert zone_name(meant) == meant


def test_every_zone_that_is_suggested_is_one():
    from cotrace.io import zones

    assert {zone_name(meant) for meant in zones._CITIES.values()} == set(zones._CITIES.values())
    for short in zones._SEVERAL:
        with pytest.raises(TimeError):
            zone_name(short)
