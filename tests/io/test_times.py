from __future__ import annotations

import datetime as dt
import warnings
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.io.helpers import arrow, read, refused, table

import cotrace
from cotrace.errors import (
    CotraceTypeError,
    CotraceWarning,
    OptionError,
    RefusedRowsError,
    SchemaError,
    TimeError,
)
from cotrace.io.zones import as_tzinfo, zone_name

NOON = 1_635_768_000  # 2021-11-01 12:00 UTC


def times(values: object, **options: object) -> tuple[list[int], str]:
    n = len(values)  # type: ignore[arg-type]
    rows, pings = read(table(n, time=values), **options)
    return [r[2] for r in rows], pings.tz


@pytest.mark.parametrize(("unit", "per"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_integers_with_a_unit_are_floored(unit: str, per: int):
    assert times([NOON * per, NOON * per + per - 1, -1, -per, -per - 1], unit=unit) == (
        [NOON, NOON, -1, -1, -2],
        "UTC",
    )


@pytest.mark.parametrize("kind", ["int8", "int32", "uint8", "uint32", "uint64", "float32", "float64"])
def test_every_number_type(kind: str):
    assert times(np.array([0, 7, 100], kind), unit="s")[0] == [0, 7, 100]


def test_fractions_are_floored_not_cut():
    assert times([0.999, -0.001, -1.0, 12.5], unit="s")[0] == [0, -1, -1, 12]
    assert times([999.9, -0.1, 1000.0], unit="ms")[0] == [0, -1, 1]


def test_floats_that_are_no_time():
    rows, pings = read(table(4, time=np.array([1.0, np.nan, np.inf, 1e30])), unit="s")
    assert [r[2] for r in rows] == [1]
    assert refused(pings) == [(1, "no time"), (2, "unreadable time"), (3, "unreadable time")]


def test_numbers_without_a_unit():
    with pytest.raises(TimeError, match="holds numbers, and unit= is not given") as e:
        cotrace.read_pings(table(time=[1_635_724_800] * 6))
    text = str(e.value)
    assert "first value, 1635724800, would be 2021-11-01 00:00:00 UTC as 's', 1970-01-19" in text
    assert "unit='s' for instance" in text
    with pytest.raises(TimeError, match="Name it: unit='s', 'ms', 'us' or 'ns'"):
        cotrace.read_pings(pa.table(table(0, time=pa.array([], pa.int64()))))


def test_numbers_in_text():
    assert times(["1", "2.7", " 3 ", "-1.5", "1e3"], unit="s")[0] == [1, 2, 3, -2, 1000]
    assert times(["1", "2", "3"], unit="s")[0] == [1, 2, 3]
    # a number of nanoseconds keeps its digits beside one that is no integer
    assert times(["1635724799999999999", "0.5"], unit="ns")[0] == [1_635_724_799, 0]
    rows, pings = read(table(3, time=["1", "one", "9" * 40]), unit="s")
    assert len(rows) == 1
    assert refused(pings) == [(1, "unreadable time"), (2, "unreadable time")]
    with pytest.raises(TimeError, match=r"holds numbers, and unit= is not given.*or write ISO 8601"):
        cotrace.read_pings(table(3, time=["1635724800", "2", "3"]))


def test_a_unit_that_is_none():
    with pytest.raises(OptionError, match="unit='min' is not one of 's', 'ms', 'us', 'ns'"):
        cotrace.read_pings(table(), unit="min")
    with pytest.raises(OptionError, match="those in column 'time' are timestamps"):
        cotrace.read_pings(arrow(1, time=pa.array([0], pa.timestamp("us", "UTC"))), unit="s")


def test_values_that_only_a_finer_unit_explains():
    late = [0, NOON * 1000, NOON * 1000 + 5]
    with pytest.raises(TimeError, match=r"2 of these 3 rows \(first: row 1\) lie after the year 2200") as e:
        times(late, unit="s")
    assert "with unit='ms': give that" in str(e.value)
    with pytest.raises(TimeError, match="with unit='ns': give that"):
        times([NOON * 10**9], unit="s")
    with pytest.raises(TimeError, match=r"numbers were 1,000 times finer before they became timestamps"):
        read(arrow(1, time=pa.array([NOON * 1000], pa.timestamp("s", "UTC"))))


def test_years_after_2200_that_nothing_explains_are_kept():
    end = 253_402_214_400  # 9999-12-31, what databases write for "no end"
    assert times([0, end], unit="s")[0] == [0, end]
    rows, pings = read(table(3, time=[0, 253_402_300_800, -(2**62)]), unit="s")
    assert len(rows) == 1
    assert refused(pings) == [(1, "unreadable time"), (2, "unreadable time")]


def test_values_so_early_that_a_coarser_unit_is_likely():
    pings = cotrace.read_pings(table(1, time=[NOON]), unit="ms")
    with pytest.warns(
        CotraceWarning, match="with unit='s' it would be 2021-11-01 12:00:00 UTC: was that meant?"
    ) as w:
        list(pings.batches())
    assert w[0].message.kind == "unit"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(cotrace.read_pings(table(1, time=[NOON]), unit="s").batches())
        list(cotrace.read_pings(table(1, time=[5]), unit="ms").batches())


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("tz", ["UTC", "Asia/Shanghai"])
def test_timestamps_with_a_zone(unit: str, tz: str):
    per = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    stamps = pa.array([NOON * per, -1, None], pa.timestamp(unit, tz))
    rows, pings = read(arrow(3, time=stamps))
    assert ([r[2] for r in rows], pings.tz) == ([NOON, -1], tz)
    assert refused(pings) == [(2, "no time")]


def test_what_stands_under_a_null_is_no_time():
    values = pa.array(np.array([NOON, 2**62, NOON]))
    stamps = pa.Array.from_buffers(pa.timestamp("s", "UTC"), 3, [pa.py_buffer(b"\x05"), values.buffers()[1]])
    rows, pings = read(arrow(3, time=stamps))
    assert [r[2] for r in rows] == [NOON, NOON]
    assert refused(pings) == [(1, "no time")]


def test_tz_sets_the_zone_of_the_results():
    stamps = pa.array([NOON], pa.timestamp("us", "UTC"))
    assert read(arrow(1, time=stamps), tz="Asia/Shanghai")[1].tz == "Asia/Shanghai"
    assert times([NOON], unit="s", tz="Europe/Berlin") == ([NOON], "Europe/Berlin")


def test_naive_timestamps_need_a_zone():
    naive = pd.DataFrame(table(2, time=pd.to_datetime(["2021-11-01 20:00", "2021-11-01 20:00"])))
    with pytest.raises(
        TimeError, match="have no time zone; name the one that they are in, tz='Asia/Shanghai'"
    ):
        cotrace.read_pings(naive)
    rows, pings = read(naive, tz="Asia/Shanghai")
    assert ([r[2] for r in rows], pings.tz) == ([NOON] * 2, "Asia/Shanghai")
    assert read(naive, tz="UTC")[0][0][2] == NOON + 8 * 3600
    assert read(naive, tz="+08:00")[0][0][2] == NOON


# In Berlin 02:30 is missing on 28 March 2021, and comes twice on 31 October.
CHANGES = [dt.datetime(2021, 3, 28, 2, 30), dt.datetime(2021, 10, 31, 2, 30), dt.datetime(2021, 11, 1, 13)]
TWICE = 1_635_640_200  # 2021-10-31 00:30 UTC, the first of the two
SPRING = 1_616_893_200  # 2021-03-28 01:00 UTC


def test_hours_of_a_clock_change_are_refused():
    rows, pings = read(table(3, time=CHANGES), tz="Europe/Berlin")
    assert [r[2] for r in rows] == [NOON]
    assert refused(pings) == [(0, "missing time"), (1, "ambiguous time")]
    with pytest.warns(
        CotraceWarning, match=r"1 ambiguous time \(clock_change='earliest' or 'latest' reads them\)"
    ):
        list(pings.batches())


@pytest.mark.parametrize(
    ("how", "expected"), [("earliest", [SPRING - 1, TWICE, NOON]), ("latest", [SPRING, TWICE + 3600, NOON])]
)
def test_hours_of_a_clock_change_are_read_as_asked(how: str, expected: list[int]):
    assert times(CHANGES, tz="Europe/Berlin", clock_change=how)[0] == expected
    text = [str(t) for t in CHANGES]
    assert times(text, tz="Europe/Berlin", clock_change=how)[0] == expected


def test_null_times_do_not_disturb_a_clock_change():
    rows, pings = read(table(4, time=[None, *CHANGES]), tz="Europe/Berlin")
    assert len(rows) == 1
    assert refused(pings) == [(0, "no time"), (1, "missing time"), (2, "ambiguous time")]


def test_clock_change_is_one_of_three():
    with pytest.raises(OptionError, match="clock_change='first' is not one of"):
        cotrace.read_pings(table(), unit="s", clock_change="first")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-01T12:00:00Z",
        "2021-11-01 12:00:00z",
        "2021-11-01T12:00Z",
        "2021-11-01T12Z",
        "2021-11-01 12:00:00.25Z",
        "2021-11-01 12:00:00,999999999Z",
        "2021-11-01 12:00:00 UTC",
        "2021-11-01 12:00:00 GMT",
        "2021-11-01T12:00:00+00:00",
        "2021-11-01 12:00:00+00",
        " 2021-11-01T12:00:00.999+0000 ",
    ],
)
def test_ways_to_write_an_instant(text: str):
    assert times([text, text]) == ([NOON, NOON], "UTC")


@pytest.mark.parametrize("offset", ["+08:00", "+0800", "+08", " +08:00"])
def test_offsets_become_the_zone(offset: str):
    assert times([f"2021-11-01T20:00:00{offset}"] * 2) == ([NOON] * 2, "+08:00")


def test_text_without_an_offset_needs_a_zone():
    with pytest.raises(
        TimeError, match="written without an offset, as '2021-11-01T20:00:00' is; name the time zone"
    ):
        cotrace.read_pings(table(1, time=["2021-11-01T20:00:00"]))
    assert times(["2021-11-01T20:00:00", "2021-11-01 20:00"], tz="Asia/Shanghai") == (
        [NOON] * 2,
        "Asia/Shanghai",
    )


def test_text_of_both_kinds():
    mixed = ["2021-11-01T12:00:00Z", "2021-11-01T20:00:00"]
    with pytest.raises(
        TimeError, match=r"1 of these 2 times in column 'time' \(first: row 1\) have no offset while"
    ):
        times(mixed)
    assert times(mixed, tz="Asia/Shanghai")[0] == [NOON, NOON]


def test_text_with_several_offsets():
    mixed = ["2021-11-01T12:00:00Z", "2021-11-01T20:00:00+08:00"]
    with pytest.raises(
        TimeError, match=r"several offsets: UTC and \+08:00. The instants are clear, .* name it, tz="
    ):
        times(mixed)
    assert times(mixed, tz="Asia/Shanghai") == ([NOON] * 2, "Asia/Shanghai")


def test_text_that_is_no_time_is_refused():
    bad = [
        "2021-11-01T12:00:00Z",
        "yesterday",
        "2021-02-30T12:00:00Z",
        "2021-11-01",
        None,
        "2021-11-01T25:00:00Z",
    ]
    rows, pings = read(table(6, time=bad))
    assert [r[2] for r in rows] == [NOON]
    assert refused(pings) == [(i, "no time" if i == 4 else "unreadable time") for i in range(1, 6)]
    # what comes before the first readable time does not decide the zone
    assert times(["?", "2021-11-01T20:00:00+08:00"]) == ([NOON], "+08:00")
    with pytest.raises(
        RefusedRowsError, match=r"none of the 2 rows can be used: 2 unreadable time \(write ISO 8601"
    ):
        times(["?", "??"])


def test_dates_are_not_times():
    for values in ([dt.date(2021, 11, 1)], ["2021-11-01"]):
        with pytest.raises(TimeError, match="holds dates without a time of day"):
            cotrace.read_pings(table(1, time=values), tz="UTC" if not isinstance(values[0], str) else None)


def test_dictionaries_of_times():
    text = pa.array(["2021-11-01T12:00:00Z"] * 2).dictionary_encode()
    assert [r[2] for r in read(arrow(2, time=text))[0]] == [NOON, NOON]
    stamps = pa.array([NOON] * 2, pa.timestamp("s", "UTC")).dictionary_encode()
    assert [r[2] for r in read(arrow(2, time=stamps))[0]] == [NOON, NOON]


def test_types_that_are_no_time():
    with pytest.raises(
        SchemaError, match="column 'time' is of type bool; times are timestamps, ISO 8601 strings, or"
    ):
        cotrace.read_pings(table(1, time=[True]))


def test_a_column_of_nothing():
    with pytest.raises(RefusedRowsError, match="none of the 2 rows can be used: 2 no time"):
        read(table(2, time=[None, None]))


def test_zones_that_differ_between_files(tmp_path):
    import pyarrow.parquet as pq

    for i, tz in enumerate(("UTC", "Asia/Shanghai")):
        stamps = pa.array([NOON + i], pa.timestamp("s", tz))
        pq.write_table(arrow(1, time=stamps), tmp_path / f"{i}.parquet")
    with pytest.raises(
        TimeError, match=r"in several time zones: UTC in .*0.parquet, Asia/Shanghai in .*1.parquet"
    ):
        cotrace.read_pings(tmp_path)
    rows, pings = read(tmp_path, tz="UTC")
    assert ([r[2] for r in rows], pings.tz) == ([NOON, NOON + 1], "UTC")


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("UTC", "UTC"),
        ("Z", "UTC"),
        ("+00:00", "UTC"),
        ("-0530", "-05:30"),
        (ZoneInfo("Asia/Tokyo"), "Asia/Tokyo"),
        (dt.UTC, "UTC"),
        (dt.timezone(dt.timedelta(hours=-3)), "-03:00"),
    ],
)
def test_names_of_zones(zone: object, name: str):
    assert zone_name(zone) == name
    assert dt.datetime(2021, 1, 1, tzinfo=as_tzinfo(name)).utcoffset() is not None


def test_zones_that_are_none():
    with pytest.raises(TimeError, match="tz='Asia/Shangai' is no time zone: did you mean 'Asia/Shanghai'"):
        zone_name("Asia/Shangai")
    with pytest.raises(TimeError, match="is no time zone, nor does any look alike"):
        zone_name("§§§")
    with pytest.raises(CotraceTypeError, match="tz=8 is no time zone: give a name"):
        zone_name(8)

    class Odd(dt.tzinfo):
        def utcoffset(self, when: dt.datetime | None) -> dt.timedelta | None:
            return None

    with pytest.raises(CotraceTypeError, match="has no name"):
        zone_name(Odd())
