"""Options, rules, durations and presets: what can be said, and what contradicts itself."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotrace import CompanionRule, Grid, PingPong, StayOptions, presets
from cotrace.durations import format_duration, seconds
from cotrace.errors import CotraceError, CotraceTypeError, OptionError
from cotrace.schema import COMPANIONS, TABLES


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("10min", 600),
        ("30h", 108_000),
        ("14d", 1_209_600),
        ("1h30min", 5_400),
        (" 1 h 30 min 5 s ", 5_405),
        ("0s", 0),
        ("0.5h", 1_800),
        ("1.1h", 3_960),
        (timedelta(minutes=10), 600),
    ],
)
def test_durations(text: Any, total: int) -> None:
    assert seconds(text, "x") == total


@given(st.integers(0, 10**8))
def test_durations_are_written_as_they_are_read(total: int) -> None:
    assert seconds(format_duration(total), "x") == total


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (600, CotraceTypeError, "x=600 has no unit"),
        (1.5, CotraceTypeError, "has no unit"),
        (None, CotraceTypeError, "has no unit"),
        ("-5min", OptionError, "is negative"),
        (timedelta(seconds=-1), OptionError, "is negative"),
        ("ten minutes", OptionError, "is no duration"),
        ("10", OptionError, "is no duration"),
        ("", OptionError, "is no duration"),
        ("10min later", OptionError, "is no duration"),
        ("0.5s", OptionError, "whole seconds"),
        ("1000001d", OptionError, "longer than 1,000,000 days"),
        (timedelta(milliseconds=1), OptionError, "whole seconds"),
    ],
)
def test_what_is_no_duration(value: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        seconds(value, "x")


def test_one_option_in_two_spellings_is_one_option() -> None:
    assert StayOptions(max_gap="4500s") == StayOptions(max_gap=timedelta(minutes=75)) == StayOptions()
    assert hash(CompanionRule(min_shared="600s")) == hash(CompanionRule())
    assert repr(CompanionRule(min_shared="600s")) == repr(CompanionRule())
    assert CompanionRule().min_cumulative == "30h"
    with pytest.raises(dataclasses.FrozenInstanceError):
        CompanionRule().min_shared = "1min"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: CompanionRule(dwell_of="any"), OptionError, "dwell_of='any' is not one of 'either', 'both'"),
        (lambda: CompanionRule(strict="yes"), OptionError, "strict='yes' is not one of"),
        (lambda: CompanionRule(strict=1), OptionError, "strict=1 is not one of"),
        (lambda: CompanionRule(shared="all"), OptionError, "shared='all'"),
        (lambda: CompanionRule(combine="xor"), OptionError, "combine='xor'"),
        (lambda: CompanionRule(per="24h"), OptionError, "needs shared='cumulative'"),
        (lambda: CompanionRule(per="0s", shared="cumulative"), OptionError, "no interval"),
        (lambda: CompanionRule(min_cumulative=None, combine="or"), OptionError, "takes one away"),
        (lambda: CompanionRule(min_shared=10), CotraceTypeError, "min_shared=10 has no unit"),
        (lambda: CompanionRule(min_shared=None), CotraceTypeError, "min_shared=None has no unit"),
        (lambda: CompanionRule(min_cumulative="-1h"), OptionError, "negative"),
        (lambda: CompanionRule(lookback="0s"), OptionError, "looks at nothing"),
        (lambda: StayOptions(by="cell"), OptionError, "by='cell' is not one of 'grid', 'tower'"),
        (lambda: StayOptions(fill="back"), OptionError, "fill='back'"),
        (lambda: StayOptions(grid=800), CotraceTypeError, "is not a Grid"),
        (lambda: StayOptions(smooth="5min"), CotraceTypeError, "is not a PingPong"),
        (lambda: StayOptions(max_gap=75), CotraceTypeError, "max_gap=75 has no unit"),
        (lambda: PingPong(within="-1s"), OptionError, "negative"),
    ],
)
def test_what_cannot_be_meant(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        make()
    assert isinstance(caught.value, CotraceError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            CompanionRule(),
            "in one cell at least 10 min together without a break and either of the two at least 30 h there in all, "
            "in the 14 days before as_of",
        ),
        (
            CompanionRule(strict=True, dwell_of="pair", shared="cumulative", per="24h", combine="or"),
            "in one cell more than 10 min together in all, within any 24 h or the two together more than 30 h there "
            "in all, in the 14 days before as_of",
        ),
        (
            CompanionRule(min_cumulative=None, strict="shared"),
            "in one cell more than 10 min together without a break, in the 14 days before as_of",
        ),
    ],
)
def test_a_rule_says_how_it_is_read(rule: CompanionRule, words: str) -> None:
    assert rule.describe() == words


def test_strict_is_one_second_more() -> None:
    assert (CompanionRule().least_shared_s, CompanionRule().least_cumulative_s) == (600, 108_000)
    strict = CompanionRule(strict=True)
    assert (strict.least_shared_s, strict.least_cumulative_s) == (601, 108_001)
    assert CompanionRule(strict="shared").least_cumulative_s == 108_000
    assert CompanionRule(strict="cumulative").least_shared_s == 600
    assert CompanionRule(min_cumulative=None).least_cumulative_s is None


def test_a_rule_can_be_written_down_and_made_again() -> None:
    rule = CompanionRule(shared="cumulative", per="24h", strict="shared")
    assert CompanionRule(**rule.as_dict()) == rule


def test_presets_are_as_published() -> None:
    rules = {name: p.rule for name, p in presets.PRESETS.items()}
    assert rules["chongqing_2021"] == CompanionRule(strict=True)
    assert rules["chengdu_2021"] == CompanionRule(strict="shared")
    assert rules["changsha_2021"] == CompanionRule(min_cumulative=None)
    assert rules["cdc_2020_10"] == CompanionRule("15min", None, shared="cumulative", per="24h")
    assert rules["korea_itaewon_2020"] == CompanionRule("30min", None, strict="shared")
    assert presets.changsha_2021.options == presets.korea_itaewon_2020.options == StayOptions(by="tower")
    assert presets.cdc_2020_10.options.grid == Grid.geographic(1.8288)
    for name, preset in presets.PRESETS.items():
        assert preset.id == name
        assert getattr(presets, name) is preset
        assert preset.source
        assert preset.date[:4] in ("2020", "2021")
        assert preset.note


def test_schemas() -> None:
    assert len({t.name for t in TABLES}) == len(TABLES)
    for table in TABLES:
        assert len(set(table.names)) == len(table.names)
        assert set(table.sorted_by) <= set(table.names)
        assert all(c.meaning for c in table.columns)
    assert COMPANIONS["shared_s"].unit == "s"
    with pytest.raises(KeyError, match="companions has no column 'sum'; it has case_id"):
        COMPANIONS["sum"]


def test_no_column_is_a_reserved_word() -> None:
    import duckdb

    from cotrace import schema_meetings, schema_places, schema_ties

    reserved = {
        row[0]
        for row in duckdb.sql(
            "select keyword_name from duckdb_keywords() where keyword_category = 'reserved'"
        ).fetchall()
    }
    assert "select" in reserved
    every = (*TABLES, *schema_places.TABLES, *schema_meetings.TABLES, *schema_ties.TABLES)
    assert not reserved & {name for table in every for name in table.names}
