"""evaluate() and ranked lists: held to the oracle on made tables, and by hand."""

from __future__ import annotations

import random
import warnings
from fractions import Fraction
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from tests import naive_accuracy as oracle

import cotrace
from cotrace.accuracy.measures import draws
from cotrace.accuracy.ranked import list_sizes

WORLDS = 60


def made(rng: random.Random) -> tuple[list[Any], list[Any], list[Any]]:
    """Return cases, and rows (case, device, setting) of a result and of the truth."""
    ids = rng.choice([list(range(1, 12)), [f"d{k}" for k in range(11)]])
    cases = sorted(rng.sample(ids, rng.randint(1, 5)))
    settings = rng.choice([["home", "work", "other", None], [None]])
    tables = []
    for _ in range(2):
        n = rng.choice([0, 1, 5, 25])
        tables.append([(rng.choice(cases), rng.choice(ids), rng.choice(settings)) for _ in range(n)])
    return cases, *tables


def table(rows: list[Any]) -> pa.Table:
    kind = pa.string() if rows and isinstance(rows[0][0], str) else pa.int64()
    columns = [pa.array([r[k] for r in rows], kind if k < 2 else pa.string()) for k in range(3)]
    return pa.table(dict(zip(("case_id", "companion_id", "setting"), columns, strict=True)))


def near(got: Any, wanted: Any) -> bool:
    return got is None if wanted is None else got == pytest.approx(float(wanted), rel=1e-12)


@pytest.mark.parametrize("chunk", range(3))
def test_evaluations_are_the_oracles(chunk):
    for number in range(chunk, WORLDS, 3):
        rng = random.Random(f"evaluate {number}")
        cases, listed, true = made(rng)
        devices, seed, level = (
            rng.choice([None, 12, 1000]),
            rng.choice([0, 7, 2**63]),
            rng.choice([0.5, 0.95]),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = cotrace.evaluate(
                table(listed),
                table(true),
                cases=cases,
                devices=devices,
                replicates=20,
                seed=seed,
                level=level,
            )
        wanted = oracle.evaluate(cases, listed, true, devices=devices, replicates=20, seed=seed, level=level)
        got = found.table.to_arrow().to_pylist()
        assert [r["part"] for r in got] == [r["part"] for r in wanted], number
        for one, two in zip(got, wanted, strict=True):
            for name, value in two.items():
                assert name == "part" or near(one[name], value), (number, two["part"], name)
        assert sum(found.cases["listed"].to_pylist()) == got[0]["listed"]
        assert sum(found.cases["found"].to_pylist()) == got[0]["found"] == got[0]["hits"]


def test_samples_are_splitmix():
    counts = draws(5, 4, 3)
    for b in range(4):
        assert [oracle.drawn(5, b, 3).count(k) for k in range(5)] == counts[b].tolist()


def test_cases_without_a_row_count():
    found = cotrace.evaluate([(1, 5)], [(1, 5), (3, 5)], cases=[1, 2, 3], replicates=0)
    assert (found.precision, found.recall, found.false_per_case) == (1.0, 0.5, 0.0)
    assert found.cases["case_id"].to_pylist() == [1, 2, 3]
    assert found.cases["precision"].to_pylist() == [1.0, None, None]
    assert found.lift is None


def test_forms_that_are_taken():
    columns = {"case_id": [1, 1], "contact_id": [5, 6]}
    truth = [(1, 5)]
    for form in (columns, pd.DataFrame(columns), pl.DataFrame(columns), pa.table(columns), [(1, 5), (1, 6)]):
        assert cotrace.evaluate(form, truth).precision == 0.5
    assert cotrace.evaluate({"case_id": ["a"], "device": ["b"]}, {"a": ["a"], "b": ["b"]}).f1 == 1.0


def test_nothing_listed_and_nothing_true():
    found = cotrace.evaluate([], [])
    row = found.as_dict()
    assert (row["cases"], row["listed"], row["precision"], row["recall"], row["f1"]) == (
        0,
        0,
        None,
        None,
        None,
    )
    assert len(found.cases) == 0
    assert found.table.schema.name == "evaluation"


def test_one_device_with_two_moments_is_two_cases():
    times = pd.to_datetime(["2021-11-01", "2021-11-02"], utc=True)
    result = pd.DataFrame({"case_id": [1, 1], "as_of": times, "companion_id": [5, 6]})
    truth = pd.DataFrame({"case_id": [1, 1], "as_of": times, "companion_id": [5, 7]})
    found = cotrace.evaluate(result, truth)
    assert found.as_dict()["cases"] == 2
    assert found.precision == 0.5
    with pytest.raises(cotrace.CotraceError, match="several as_of"):
        cotrace.evaluate(result, [(1, 5)])
    with pytest.raises(cotrace.CotraceError, match="no time zone"):
        cotrace.evaluate(result.assign(as_of=times.tz_localize(None)), truth)


def test_rows_of_others_are_left_out_and_counted():
    with pytest.warns(cotrace.CotraceWarning, match=r"2 of 3 rows of the truth .* first is row 1"):
        found = cotrace.evaluate([(1, 5)], [(1, 5), (2, 5), (3, 5)], cases=[1])
    assert found.recall == 1.0


@pytest.mark.parametrize(
    ("listed", "true", "keywords", "said"),
    [
        ({"x": [1]}, [], {}, "result has no column case_id .* it has x"),
        ({"case_id": [1]}, [], {}, "result has no column companion_id"),
        ([(1, 2, 3)], [], {}, "a list holds pairs"),
        (3, [], {}, "result is a int"),
        ([(1, 5)], [("a", "b")], {}, "ids of different kinds"),
        ({"case_id": [1, None], "device": [1, 2]}, [], {}, "1 rows of result have no id .* row 1"),
        ({"case_id": [1.5], "device": [1]}, [], {}, "ids of type double"),
        ([(1, 5)], [], {"devices": 1}, "devices=1"),
        ([(1, 5)], [], {"replicates": -1}, "replicates=-1"),
        ([(1, 5)], [], {"level": 1.0}, "level=1.0"),
    ],
)
def test_what_cannot_be_judged(listed, true, keywords, said):
    with pytest.raises(cotrace.CotraceError, match=said):
        cotrace.evaluate(listed, true, **keywords)


def test_it_says_what_it_is():
    listed = {"case_id": [1, 2], "companion_id": [5, 5], "setting": ["home", "work"]}
    text = repr(cotrace.evaluate(listed, [(1, 5), (2, 7)], devices=100))
    assert "precision       0.500 [0.000, 1.000]   (1 of 2 listed)" in text
    assert "setting home: precision 1.000" in text
    assert "candidates from co-location" in text
    with pytest.raises(AttributeError, match="no 'accuracy'"):
        _ = cotrace.evaluate([], []).accuracy


# ---- ranked lists --------------------------------------------------------------------------------------------


def test_list_sizes_are_the_oracles():
    for number in range(100):
        rng = random.Random(f"ranked {number}")
        ranked = [(rng.randint(0, 9) / 9, rng.random() < 0.3) for _ in range(rng.choice([0, 1, 7, 40]))]
        missing, shares = rng.choice([0, 0, 3]), [0.1, 0.5, 0.99, 1.0]
        got = list_sizes([s for s, _ in ranked], [t for _, t in ranked], missing=missing, shares=shares)
        wanted = [oracle.list_size(ranked, missing, Fraction(str(s))) for s in shares]
        assert got["list_size"].to_pylist() == wanted, number


def test_random_lists_are_as_long_as_they_are_on_average():
    rng, need, true, pairs = random.Random(1), 3, 4, 20
    lengths = [sorted(rng.sample(range(1, pairs + 1), true))[need - 1] for _ in range(20_000)]
    (asked,) = list_sizes([0.0] * 4, [True] * 4, population=pairs, shares=[0.75])["random_size"].to_pylist()
    assert sum(lengths) / len(lengths) == pytest.approx(asked, rel=0.01)


def test_what_is_no_ranking():
    with pytest.raises(cotrace.CotraceError, match="1 scores and 2 truths"):
        list_sizes([1.0], [True, False])
    with pytest.raises(cotrace.CotraceError, match=r"1 scores are not finite \(the first is row 1\)"):
        list_sizes([1.0, float("inf")], [True, False])
    with pytest.raises(cotrace.CotraceError, match="shares="):
        list_sizes([1.0], [True], shares=[0.0])
