"""Times written otherwise than in ISO 8601."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.io.helpers import read, refused, table

import cotrace
from cotrace.errors import CotraceTypeError, OptionError, RefusedRowsError, TimeError
from cotrace.io.timeformat import TimeFormat, calendar_format

DIGITS = "%Y%m%d%H%M%S"
LOCAL = dt.datetime(2021, 10, 20, 0, 0, 2, tzinfo=dt.timezone(dt.timedelta(hours=8)))


def seconds(values, time_format, **options):
    rows, pings = read(pa.table(table(len(values), time=values)), time_format=time_format, **options)
    return [r[2] for r in rows], pings


@pytest.mark.parametrize(
    ("value", "time_format"),
    [
        (20211020000002, DIGITS),
        ("20211020000002", DIGITS),
        (20211020000002.0, DIGITS),
        ("2021/10/20 00:00:02", "%Y/%m/%d %H:%M:%S"),
        ("2021/10/20  0:0:2 ", "%Y/%m/%d %H:%M:%S"),
        ("20.10.2021 00.00.02", "%d.%m.%Y %H.%M.%S"),
        ("20-OCT-21 00:00:02.75", "%d-%b-%y %T.%f"),
        ("October 20, 2021 00:00:02", "%B %d, %Y %H:%M:%S"),
    ],
)
def test_what_a_format_reads(value, time_format):
    found, pings = seconds([value, None, value], time_format, tz="Asia/Shanghai")
    assert found == [LOCAL.timestamp()] * 2
    assert refused(pings) == [(1, "no time")]
    assert pings.tz == "Asia/Shanghai"
    assert time_format in pings.describe()


def test_an_offset_in_the_format():
    found, pings = seconds(["2021-10-20 00:00:02 +0800"] * 2, "%F %T %z")
    assert (found, pings.tz) == ([LOCAL.timestamp()] * 2, "+08:00")


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2068, 12, 31)),
    st.sampled_from(
        [DIGITS, "%y%m%d%H%M%S", "%d/%m/%Y %H:%M:%S", "%d %b %Y %H:%M", "%Y-%m-%dT%H", "%H:%M %m/%d/%y"]
    ),
)
def test_the_same_as_strptime(when, time_format):
    written = when.strftime(time_format)
    meant = dt.datetime.strptime(written, time_format).replace(tzinfo=dt.UTC)
    (iso,) = TimeFormat(time_format).iso(pa.array([written])).to_pylist()
    assert dt.datetime.fromisoformat(iso).replace(tzinfo=dt.UTC) == meant
    if written.isdigit():
        assert TimeFormat(time_format).iso(pa.array([int(written)])).to_pylist() == [iso]


def test_what_does_not_fit_is_refused():
    values = [
        "20211020000002",
        "2021102000000",
        "20210230000000",
        "20211020240000",
        "2021-10-20T00:00:02",
        "x",
    ]
    found, pings = seconds(values, DIGITS, tz="UTC")
    assert len(found) == 1
    assert refused(pings) == [(i, "unreadable time") for i in range(1, 6)]
    floats = [20211020000002.0, 20211020000002.5, np.inf, 1e300, -1.0, np.nan]
    found, pings = seconds(pa.array(floats, from_pandas=False), DIGITS, tz="UTC")
    assert len(found) == 1
    with pytest.raises(
        RefusedRowsError, match=r"2 unreadable time \(does not fit time_format='%Y%m%d%H%M%S'"
    ):
        seconds(["x", "y"], DIGITS, tz="UTC")


def test_a_zone_is_needed():
    with pytest.raises(TimeError, match="written without an offset"):
        seconds([20211020000002], DIGITS)


def test_digits_that_pandas_made_floats():
    frame = pd.DataFrame(table(2, time=[20211020000002, None]))
    rows, pings = read(frame, time_format=DIGITS, tz="+08:00")
    assert [r[2] for r in rows] == [LOCAL.timestamp()]
    assert refused(pings) == [(1, "no time")]


@pytest.mark.parametrize("value", [20211020000002, "20211020000002", 20211020000002.0])
@pytest.mark.parametrize("unit", [None, "s", "ms", "us", "ns"])
def test_digits_without_a_format_name_it(value, unit):
    for tz in (None, "UTC"):
        with pytest.raises(
            TimeError, match=r"looks? like YYYYMMDDhhmmss.* time_format='%Y%m%d%H%M%S'"
        ) as caught:
            read(table(2, time=[value] * 2), unit=unit, tz=tz)
        assert "unit='s'" not in str(caught.value)


def test_text_of_another_form_names_the_option():
    with pytest.raises(RefusedRowsError, match="or name time_format="):
        read(table(2, time=["2021/10/20 00:00:02"] * 2), tz="UTC")


def test_what_looks_like_a_calendar():
    assert calendar_format("20211020000002") == DIGITS
    assert calendar_format("202110200000") == "%Y%m%d%H%M"
    for number in ("1634688002000", "1634688002", "20211320000002", "20211020250002", "2021102000", "x"):
        assert calendar_format(number) is None


@pytest.mark.parametrize(
    ("time_format", "message"),
    [
        ("%Y%m%d", r"has no hour \(%H\)"),
        ("%m%d%H", "has no year"),
        ("%Y%H", "has no month"),
        ("%Y%m%H", "has no day"),
        ("%I:%M %p", "%I cannot be read here"),
        ("%Y %Y", "has one part twice"),
        ("%Y%y%m%d%H", "has one part twice"),
        ("%Y%m%d%H%S", "has %S, but no %M"),
        ("%Y%m%d%H%M.%f", "has %f, but no %S"),
        ("%Y%", "ends with a single %"),
    ],
)
def test_formats_that_cannot_be(time_format, message):
    with pytest.raises(OptionError, match=message):
        cotrace.read_pings(table(), time_format=time_format)


def test_formats_that_contradict():
    with pytest.raises(OptionError, match="give one of them"):
        cotrace.read_pings(table(), time_format=DIGITS, unit="s")
    with pytest.raises(OptionError, match="are timestamps already"):
        cotrace.read_pings(table(1, time=[LOCAL]), time_format=DIGITS)
    with pytest.raises(OptionError, match="are dates without a time of day"):
        cotrace.read_pings(table(1, time=[LOCAL.date()]), time_format=DIGITS)
    with pytest.raises(CotraceTypeError, match="is no text"):
        cotrace.read_pings(table(), time_format=5)
