"""Cases: what is taken, and what is refused with which words."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from cotrace.companions.cases import NEVER, read_cases
from cotrace.errors import CaseError, CotraceWarning, SchemaError

AS_OF = dt.datetime(2021, 11, 3, 12, tzinfo=dt.UTC)
SECONDS = int(AS_OF.timestamp())
INTS, TEXTS = pa.int64(), pa.large_string()


@pytest.mark.parametrize(
    "cases",
    [
        [3, 1],
        (3, 1),
        {3, 1},
        np.array([3, 1]),
        pd.Series([3, 1]),
        pl.Series([3, 1]),
        pa.array([3, 1]),
        pa.chunked_array([[3], [1]]),
        duckdb.sql("select unnest([3, 1]) as device"),
        [pa.scalar(3), pa.scalar(1)],
        ["3", "1"],
        [3.0, 1.0],
        {"device": [3, 1]},
        pd.DataFrame({"device": [3, 1], "note": ["x", "y"]}),
        pl.DataFrame({"device": [3, 1]}),
        pa.table({"device": [3, 1]}),
    ],
    ids=lambda c: type(c).__name__,
)
def test_ids_in_every_dress(cases: object) -> None:
    read = read_cases(cases, AS_OF, INTS)
    assert read.ids.to_pylist() == [1, 3]
    assert read.rows.tolist() == ([0, 1] if isinstance(cases, set) else [1, 0])
    assert read.as_of.tolist() == [SECONDS, SECONDS]
    assert read.infectious_from.tolist() == [-NEVER, -NEVER]
    assert read.isolated_at.tolist() == [NEVER, NEVER]


def test_one_id_alone() -> None:
    assert read_cases("007", AS_OF, TEXTS).ids.to_pylist() == ["007"]
    assert read_cases(7, AS_OF, INTS).ids.to_pylist() == [7]


@pytest.mark.parametrize(
    "as_of",
    [
        AS_OF,
        pd.Timestamp(AS_OF),
        "2021-11-03T20:00:00+08:00",
        "2021-11-03 12:00:00.9Z",
        AS_OF.astimezone(dt.timezone(dt.timedelta(hours=-5))),
    ],
    ids=str,
)
def test_one_instant_in_many_spellings(as_of: object) -> None:
    assert read_cases([1], as_of, INTS).as_of.tolist() == [SECONDS]


def test_columns_of_moments_may_have_holes() -> None:
    frame = pd.DataFrame(
        {
            "device": ["b", "a"],
            "as_of": pd.to_datetime([AS_OF, AS_OF]),
            "infectious_from": [pd.NaT, pd.Timestamp("2021-11-01", tz="UTC")],
            "isolated_at": [None, "2021-11-02T00:00:00Z"],
        }
    )
    read = read_cases(frame, None, TEXTS)
    assert read.ids.to_pylist() == ["a", "b"]
    assert read.infectious_from.tolist() == [SECONDS - 216_000, -NEVER]
    assert read.isolated_at.tolist() == [SECONDS - 129_600, NEVER]
    again = read_cases(pl.from_pandas(frame.drop(columns="isolated_at")), None, TEXTS)
    assert again.infectious_from.tolist() == read.infectious_from.tolist()


def test_a_misspelt_column_is_not_passed_over() -> None:
    with pytest.warns(CotraceWarning, match="column 'isolated' is not used: is 'isolated_at' meant"):
        read_cases({"device": [1], "as_of": [AS_OF], "isolated": [AS_OF]}, None, INTS)
    with (
        pytest.warns(CotraceWarning, match="'as_of' meant"),
        pytest.raises(CaseError, match=r"as_of is missing \(the cases have device, asof\)"),
    ):
        read_cases({"device": [1], "asof": [AS_OF]}, None, INTS)


def test_windows() -> None:
    frame = {
        "device": [1, 2],
        "as_of": [AS_OF, AS_OF],
        "infectious_from": [AS_OF - dt.timedelta(hours=1), None],
        "isolated_at": [AS_OF - dt.timedelta(minutes=1), AS_OF - dt.timedelta(days=9)],
    }
    windows = read_cases(frame, None, INTS).windows(86_400) - SECONDS
    assert windows.tolist() == [[-86_400, -60, -3600], [-86_400, -86_400, -86_400]]


@pytest.mark.parametrize(
    ("cases", "as_of", "error", "message"),
    [
        ([1], None, CaseError, "as_of is missing"),
        ({"device": [1], "as_of": [AS_OF]}, AS_OF, CaseError, "given twice"),
        ([1], dt.datetime(2021, 11, 3), CaseError, "no time zone"),
        ([1], np.datetime64("2021-11-03T00:00"), CaseError, "no time zone"),
        ([1], "2021-11-03T00:00:00", CaseError, "no time zone"),
        ([1], dt.date(2021, 11, 3), CaseError, "date without a time of day"),
        ([1], "2021-11-03", CaseError, "date without a time of day"),
        ([1], 1_635_897_600, CaseError, "is int"),
        ([1], "on the third, at noon", CaseError, "cannot be read"),
        ({"device": [1, 2], "as_of": [AS_OF, None]}, None, CaseError, "row 1 has no as_of"),
        ({"device": [1, 2], "as_of": [AS_OF, 5]}, None, CaseError, "row 1 is int"),
        (
            {"device": [1], "as_of": np.array(["2021-11-03T00"], "M8[s]")},
            None,
            CaseError,
            "row 0 has no time zone",
        ),
        ({"name": [1]}, AS_OF, SchemaError, "no column 'device' .*; they have name"),
        ([1, "0012"], AS_OF, CaseError, "row 1 has an id"),
        ([1, 2.5], AS_OF, CaseError, "row 1 has an id"),
        ([True], AS_OF, CaseError, "row 0 has an id"),
        ([None], AS_OF, CaseError, "row 0 of the cases has no device"),
        ([2**63], AS_OF, CaseError, "beyond the range"),
        (["9" * 5000], AS_OF, CaseError, "row 0 has an id"),
        ("cases.csv", AS_OF, CaseError, "name of a file"),
        ({"case": [1], "uid": [2]}, AS_OF, SchemaError, "can be 'case' or 'uid'"),
        ({"device": [1, 2], "as_of": [AS_OF]}, None, CaseError, "different lengths: 1, 2"),
        (
            {"device": [1, 1], "as_of": [AS_OF, AS_OF], "isolated_at": [AS_OF, None]},
            None,
            CaseError,
            "2 rows have one device and one as_of",
        ),
    ],
)
def test_what_is_refused(cases: object, as_of: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_cases(cases, as_of, INTS)


def test_integers_find_their_text_and_big_ones_their_unsigned_kin() -> None:
    assert read_cases([12, "012"], AS_OF, TEXTS).ids.to_pylist() == ["012", "12"]
    assert read_cases([2**63], AS_OF, pa.uint64()).ids.to_pylist() == [2**63]
    with pytest.raises(CaseError, match="beyond the range"):
        read_cases([-1], AS_OF, pa.uint64())


def test_no_cases_are_no_cases() -> None:
    assert len(read_cases([], AS_OF, INTS)) == 0
