"""What benchmarks/accuracy.py measures by intervals of time, held to single seconds; and its page, to its results."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.benchmarks.conftest import BENCHMARKS

import accuracy_page
import accuracy_time
import cotrace
from accuracy_outbreak import _near, _ranks
from accuracy_words import percent, span

WORLDS = 60


def made(rng: random.Random) -> np.ndarray:
    """Return intervals of a few groups, overlapping as they may."""
    rows = []
    for _ in range(rng.randint(0, 8)):
        start = rng.randint(-20, 40) + 1_635_724_800
        rows.append((rng.choice([0, 3, 5 << 32]), start, start + rng.randint(1, 25)))
    return np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)


def seconds_of(rows: np.ndarray) -> set[tuple[int, int]]:
    return {(g, s) for g, a, b in rows.tolist() for s in range(a, b)}


def test_intervals_are_joined_as_their_seconds_are():
    for number in range(WORLDS):
        rows = made(random.Random(f"joined {number}"))
        out = accuracy_time.joined(rows)
        assert seconds_of(out) == seconds_of(rows)
        assert int((out[:, 2] - out[:, 1]).sum()) == len(seconds_of(rows))
        assert out.tolist() == sorted(out.tolist())


def test_cover_is_counted_as_seconds_are():
    for number in range(WORLDS):
        rng = random.Random(f"covered {number}")
        rows, by = made(rng), made(rng)
        inside = seconds_of(by)
        wanted = [len({(g, s) for s in range(a, b)} & inside) for g, a, b in rows.tolist()]
        assert accuracy_time.covered(rows, accuracy_time.joined(by)).tolist() == wanted, number


def test_what_is_seen_and_what_is_invented():
    true = np.array([[1, 0, 1800], [2, 0, 4000]], dtype=np.int64)
    observed = np.array([[1, 600, 1500], [2, 3000, 5000], [3, 0, 600], [3, 700, 800]], dtype=np.int64)
    half = accuracy_time.seen(observed, true, 1500, 2100)
    assert (half["meetings"], half["seen_share"], half["seen_ten_minutes"]) == (1, 0.5, 1.0)
    said = accuracy_time.invented(observed, true)
    assert (said["episodes"], said["claimed_s"]) == (3, 3500)
    assert said["invented_share"] == pytest.approx(1600 / 3500, abs=1e-5)
    assert said["invented_whole"] == pytest.approx(1 / 3, abs=1e-5)
    assert accuracy_time.seen(observed[:0], true, 1500, 2100)["seen_share"] == 0.0
    assert accuracy_time.invented(observed[:0], true)["invented_share"] is None


def test_time_in_the_right_cell():
    def stays(xs: list[float]) -> Any:
        pings = cotrace.read_pings(
            {
                "device": [1] * len(xs),
                "time": [600 * k for k in range(len(xs))],
                "x": xs,
                "y": [5.0] * len(xs),
            },
            unit="s",
        )
        return cotrace.find_stays(pings, options=cotrace.StayOptions(fill="forward"))

    true, said = stays([5.0, 5.0, 900.0, 900.0, 900.0]), stays([5.0, 900.0, 900.0, 1700.0])
    told = accuracy_time.right_cell(said, true)
    assert told == {"right_share": pytest.approx(2 / 3, abs=1e-5), "observed_share": 0.75}


def test_times_together_are_those_of_contacts():
    pings = cotrace.read_pings(
        {"device": [1, 1, 2, 2], "time": [0, 3600, 600, 1500], "x": [1.0] * 4, "y": [1.0] * 4}, unit="s"
    )
    found = accuracy_time.together(cotrace.find_stays(pings), [1], "1970-01-02T00:00:00+00:00")
    assert found.tolist() == [[(1 << 32) | 2, 600, 1500]]


def test_near_ones_are_all_of_home_and_some_of_the_others():
    n = 2000
    started = pa.array(np.zeros(n, np.int64)).cast(pa.timestamp("us", tz="UTC"))
    met = pa.table(
        {
            "a": np.zeros(n, np.int64),
            "b": np.arange(1, n + 1),
            "venue": np.full(n, 7),
            "setting": ["work"] * (n - 3) + ["home"] * 3,
            "started_at": started,
        }
    )
    kept = _near(met, 100)
    assert {n - 2, n - 1, n} <= set(kept["b"].to_pylist())
    assert 60 < kept.num_rows < 140


def test_ranks_are_counted():
    told = _ranks([1, 3, None, 12])
    assert (told["first_1"], told["first_3"], told["first_10"], told["first_100"]) == (0.25, 0.5, 0.5, 0.75)
    assert (told["not_listed"], told["median_rank"]) == (1, 3)


def test_figures_are_written_for_people():
    assert [percent(v) for v in (None, 0.0, 1.0, 0.5, 0.0512, 0.0004, 0.996)] == [
        "–", "0 %", "100 %", "50 %", "5.1 %", "0.04 %", "99.6 %",
    ]  # fmt: skip
    assert span({"recall": 0.5, "recall_low": 0.25, "recall_high": 0.75}, "recall") == "50 % [25, 75]"


def test_the_committed_page_is_what_the_results_say():
    path = BENCHMARKS / "results" / "accuracy.json"
    kept = json.loads(path.read_text(encoding="utf-8"))
    page = (BENCHMARKS.parent / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert page == accuracy_page.page(kept), "run: python benchmarks/accuracy.py --render"


def test_a_page_of_nothing_says_what_was_not_measured():
    path = BENCHMARKS / "results" / "accuracy.json"
    one = {"fills": json.loads(path.read_text(encoding="utf-8"))["fills"]}
    page = accuracy_page.page(one)
    assert "Not measured: generations, readings, smoothing" in page
    assert "![Reliability" not in page
