"""The companion rule by the examples that people give."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.companions.helpers import AS_OF, HOUR, at, example, pings_of, stay

import cotrace
from cotrace import CompanionRule, StayOptions

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def names(found: cotrace.Companions) -> list[str]:
    return found.companions["companion_id"].to_pylist()


def test_the_worked_example() -> None:
    found = cotrace.find_companions(example(), ["A"], as_of=AS_OF)
    row = found.companions.to_arrow().to_pylist()[0]
    assert row["companion_id"] == "B"
    assert row["shared_s"] == 600
    assert row["case_dwell_s"] == 31 * HOUR
    assert row["companion_dwell_s"] == 600
    assert row["dwell_met_by"] == "case"
    assert row["crowd"] == 2


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        (599, CompanionRule()),
        (600, CompanionRule(strict=True)),
        (600, CompanionRule(strict="shared")),
        (600, CompanionRule(dwell_of="both")),
        (600, CompanionRule(dwell_of="companion")),
        (600, CompanionRule(dwell_of="pair")),
        (600, CompanionRule(min_cumulative="31h", strict="cumulative")),
    ],
)
def test_who_is_no_companion(end: int, rule: CompanionRule) -> None:
    assert names(cotrace.find_companions(example(end), ["A"], as_of=AS_OF, rule=rule)) == []


@pytest.mark.parametrize(
    "rule",
    [
        CompanionRule(strict="cumulative"),
        CompanionRule(min_cumulative="31h"),
        CompanionRule(dwell_of="case"),
        CompanionRule(min_cumulative=None, dwell_of="both"),
        CompanionRule(min_cumulative="0s", dwell_of="both"),
        CompanionRule(shared="cumulative", per="24h"),
        CompanionRule(min_shared="20h", combine="or"),
    ],
)
def test_who_is_one_by_another_reading(rule: CompanionRule) -> None:
    assert names(cotrace.find_companions(example(), ["A"], as_of=AS_OF, rule=rule)) == ["B"]


def test_the_other_way_round_the_companion_has_the_dwell() -> None:
    found = cotrace.find_companions(example(), ["B"], as_of=AS_OF)
    assert names(found) == ["A"]
    assert found.companions["dwell_met_by"].to_pylist() == ["companion"]


def test_episodes_before_the_case_was_infectious_do_not_count_but_dwell_does() -> None:
    cases = {"device": ["A"], "as_of": [AS_OF], "infectious_from": [at(9 * HOUR + 1)]}
    assert names(cotrace.find_companions(example(), cases)) == []
    found = cotrace.find_companions(example(601), cases)
    assert found.companions["shared_s"].to_pylist() == [600]
    assert found.companions["case_dwell_s"].to_pylist() == [31 * HOUR]


def test_the_lookback_ends_with_isolation() -> None:
    cases = {"device": ["A"], "as_of": [AS_OF], "isolated_at": [at(30 * HOUR)]}
    found = cotrace.find_companions(example(), cases)
    assert found.companions["case_dwell_s"].to_pylist() == [30 * HOUR]
    cases["isolated_at"] = [at(30 * HOUR - 1)]
    assert names(cotrace.find_companions(example(), cases)) == []


def test_the_lookback_is_half_open() -> None:
    rule = CompanionRule(min_cumulative=None, lookback="1h")
    end = 9 * HOUR + 600
    assert names(cotrace.find_companions(example(), ["A"], as_of=at(end), rule=rule)) == ["B"]
    assert names(cotrace.find_companions(example(), ["A"], as_of=at(end - 1), rule=rule)) == []
    first = end - 600 + HOUR
    assert names(cotrace.find_companions(example(), ["A"], as_of=at(first), rule=rule)) == ["B"]
    assert names(cotrace.find_companions(example(), ["A"], as_of=at(first + 1), rule=rule)) == []


def test_one_device_with_two_as_of_is_two_cases_and_equal_rows_are_one() -> None:
    cases = {"device": ["A", "A", "A"], "as_of": [AS_OF, AS_OF, AS_OF - timedelta(days=9, hours=20)]}
    found = cotrace.find_companions(example(), cases)
    assert len(found.funnel) == 2
    assert found.companions["as_of"].to_pylist() == [AS_OF]


def test_the_funnel_says_how_many_are_left() -> None:
    passers = [stay(f"P{k}", HOUR * k, HOUR * k + 60, step=60) for k in range(3)]
    found = cotrace.find_companions(
        pings_of(stay("A", 0, 31 * HOUR), stay("B", 0, 32 * HOUR), stay("C", 0, 700, step=100), *passers),
        ["A"],
        as_of=AS_OF,
    )
    row = found.funnel.to_arrow().to_pylist()[0]
    assert (row["together"], row["long_enough"], row["companions"], row["companions_both"]) == (5, 2, 2, 1)
    assert (row["n_cells"], row["top_cell"], row["top_cell_share"]) == (1, 0, 1.0)
    assert found.companions["crowd"].to_pylist() == [4, 4]


def test_coverage_says_what_was_not_observed() -> None:
    found = cotrace.find_companions(example(), ["A"], as_of=AS_OF)
    row = found.coverage.to_arrow().to_pylist()[0]
    assert row["observed_s"] == 31 * HOUR
    assert row["observed_share"] == pytest.approx(31 / (14 * 24))
    assert (row["pings"], row["median_gap_s"], row["longest_gap_s"]) == (63, 1800, 1800)
    from_stays = cotrace.find_companions(cotrace.find_stays(example()), ["A"], as_of=AS_OF)
    row = from_stays.coverage.to_arrow().to_pylist()[0]
    assert (row["pings"], row["median_gap_s"], row["longest_gap_s"]) == (None, None, None)


def test_towers_as_cells() -> None:
    rows = {
        "device": [1, 1, 2, 2],
        "time": [0, 900, 0, 900],
        "tower": ["b", "b", "b", "b"],
    }
    towers = {"tower": ["b"], "lon": [116.4], "lat": [39.9]}
    rule = CompanionRule(min_cumulative=None)
    options = StayOptions(by="tower", fill="same_cell")
    as_of = "1970-01-02T00:00:00Z"
    plain = cotrace.find_companions(
        cotrace.read_pings(rows, unit="s"), [1], as_of=as_of, rule=rule, options=options
    )
    row = plain.evidence.to_arrow().to_pylist()[0]
    assert (row["cell"], row["cell_col"], row["cell_lon"]) == ("b", None, None)
    placed = cotrace.find_companions(
        cotrace.read_pings(rows, unit="s", towers=towers), [1], as_of=as_of, rule=rule, options=options
    )
    row = placed.evidence.to_arrow().to_pylist()[0]
    assert (row["cell"], row["cell_lon"], row["cell_lat"]) == ("b", 116.4, 39.9)
    col, line = cotrace.Grid.geographic(800).unpack(cotrace.Grid.geographic(800).cell(lon=116.4, lat=39.9))
    assert (row["cell_col"], row["cell_row"]) == (int(col), int(line))
    by_grid = cotrace.find_companions(
        cotrace.read_pings(rows, unit="s", towers=towers),
        [1],
        as_of=as_of,
        rule=rule,
        options=StayOptions(fill="same_cell"),
    )
    assert by_grid.evidence["cell_col"].to_pylist() == [int(col)]
