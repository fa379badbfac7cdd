"""What the heavy runs wrote down is whole and good, and the how-to quotes it as it is."""

from __future__ import annotations

import json

from tests.engine import page
from tests.engine.acts import ACTS
from tests.engine.cities import CITIES, QUERIES


def test_the_page_quotes_the_records() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.page(text) == text, "run python -m tests.engine.page"


def test_both_engines_were_the_same_in_everything() -> None:
    told = json.loads(page.EQUALITY.read_text())
    assert told["bad"] == 0
    assert sorted(map(int, told["by_partitions"])) == [1, 2, 7, 64]
    for one in told["by_partitions"].values():
        assert (one["option_sets"], one["worlds"], one["cities"]) == (8, 160, len(CITIES))
        assert one["city_queries"] == len(CITIES) * len(QUERIES)
        assert one["differences"] == []


def test_enough_processes_died_and_nothing_differed() -> None:
    told = json.loads(page.KILLS.read_text())
    assert (told["bad"], told["other_results"]) == (0, 0)
    assert told["counted"]["executor"] >= 10
    assert told["counted"]["Python worker"] >= 2
    counted = [run for run in told["runs"] if run["in_the_middle"]]
    assert all(run["job"] > 0 and run["lost"] + run["again"] > 0 for run in counted)
    of_executors = {run["phase"] for run in counted if run["who"] == "executor"}
    assert of_executors == {phase for act in ACTS for phase in act.phases}
