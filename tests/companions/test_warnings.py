"""What may be meant is a warning with figures; what cannot be meant is an error."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from tests.companions.helpers import AS_OF, HOUR, at, example, pings_of, stay

import cotrace
from cotrace import CompanionRule, CotraceWarning, StayOptions
from cotrace.errors import CotraceTypeError, GridError, OptionError, TimeError


def warned(call: Any) -> dict[str, CotraceWarning]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()
    return {w.message.kind: w.message for w in seen if isinstance(w.message, CotraceWarning)}


def test_a_clean_question_warns_of_nothing() -> None:
    dense = pings_of(stay("A", 0, 3 * HOUR, step=60), stay("B", 0, HOUR, step=60))
    rule = CompanionRule(lookback="5h", min_cumulative="2h")
    assert warned(lambda: cotrace.find_companions(dense, ["A"], as_of=at(3 * HOUR), rule=rule)) == {}


def test_pings_too_far_apart_to_see_shared_time() -> None:
    said = warned(lambda: cotrace.find_companions(example(), ["A"], as_of=AS_OF))
    assert said["coverage"].figures == {"cases": 1, "largest_median_gap_s": 1800}
    assert "not flagged is not the same as not exposed" in str(said["coverage"])


def test_cases_with_hardly_a_ping() -> None:
    pings = pings_of(stay("A", 0, 31 * HOUR), [("B", at(9), 1.0, 1.0)])
    said = warned(lambda: cotrace.find_companions(pings, ["B"], as_of=AS_OF))
    assert said["coverage"].figures == {"fewer_than_two": 1}


def test_data_that_cover_little_of_the_lookback() -> None:
    said = warned(lambda: cotrace.find_companions(example(), ["A"], as_of=AS_OF))
    assert said["cases"].figures == {"partly": 1, "cases": 1}
    assert "at worst 1.3 of 14.0 days" in str(said["cases"])


def test_cases_infectious_only_after_the_end() -> None:
    cases = {"device": ["A"], "as_of": [at(31 * HOUR)], "infectious_from": [at(40 * HOUR)]}
    rule = CompanionRule(lookback="31h")
    said = warned(lambda: cotrace.find_companions(example(), cases, rule=rule))
    assert said["cases"].figures == {"never_infectious": 1, "cases": 1}


def test_no_cases_at_all() -> None:
    assert warned(lambda: cotrace.find_companions(example(), [], as_of=AS_OF))["cases"].figures == {
        "cases": 0
    }


def test_a_case_never_seen_gives_no_rows() -> None:
    rule = CompanionRule(lookback="31h")
    asked = {"as_of": at(31 * HOUR), "rule": rule}
    said = warned(lambda: cotrace.find_companions(example(), ["A", "ghost"], **asked))
    assert said["cases"].figures == {"never_seen": 1, "cases": 2}
    assert "the first is in row 1" in str(said["cases"])
    stays = cotrace.find_stays(example())
    assert (
        warned(lambda: cotrace.find_companions(stays, ["ghost"], **asked))["cases"].figures["never_seen"] == 1
    )
    with pytest.warns(CotraceWarning, match="1 of 1 cases were never seen"):
        found = cotrace.find_companions(stays, ["ghost"], as_of=AS_OF)
    assert len(found.companions) == 0
    assert len(found.funnel) == len(found.coverage) == 1


@pytest.mark.parametrize("as_of", [at(0), at(31 * HOUR + 14 * 24 * HOUR + 1)])
def test_a_lookback_outside_the_data(as_of: Any) -> None:
    said = warned(lambda: cotrace.find_companions(example(), ["A"], as_of=as_of))
    assert said["cases"].figures == {"outside": 1, "cases": 1}
    assert "2021-11-01T00:00:00 to 2021-11-02T07:00:00 UTC" in str(said["cases"])


def test_thresholds_longer_than_the_lookback() -> None:
    said = warned(
        lambda: cotrace.find_companions(example(), ["A"], as_of=AS_OF, rule=CompanionRule(lookback="29h"))
    )
    assert said["threshold"].figures == {"name": "min_cumulative"}


def test_one_cell_that_brings_most_of_a_long_list() -> None:
    block = [stay(f"neighbour{k:03}", 0, 2 * HOUR) for k in range(120)]
    said = warned(
        lambda: cotrace.find_companions(pings_of(stay("A", 0, 31 * HOUR), *block), ["A"], as_of=AS_OF)
    )
    assert said["crowd"].figures == {"cases": 1, "companions": 120, "share": 1.0}


def test_a_usual_gap_close_to_max_gap() -> None:
    hourly = pings_of(stay("A", 0, 31 * HOUR, step=HOUR))
    said = warned(lambda: cotrace.find_stays(hourly, options=StayOptions(max_gap="61min")))
    assert said["modal_gap"].figures == {"modal_gap_s": 3600, "max_gap_s": 3660}
    assert warned(lambda: cotrace.find_stays(hourly)) == {}


def test_two_places_in_one_second() -> None:
    doubled = pings_of(stay("A", 0, HOUR, step=600), stay("A", 0, HOUR, x=900.0, step=600))
    said = warned(lambda: cotrace.find_stays(doubled))
    assert said["conflicts"].figures == {"conflicts": 7, "pings": 14}
    with pytest.warns(CotraceWarning, match=r"50.0%"):
        counts = cotrace.find_stays(doubled).counts
    assert (counts.rows, counts.used, counts.collapsed, counts.conflicts) == (14, 7, 7, 7)


def test_a_grid_finer_than_the_towers() -> None:
    towers = {"tower": [1, 2], "lon": [116.4, 116.5], "lat": [39.9, 39.9], "radius_m": [1500.0, 300.0]}
    pings = cotrace.read_pings({"device": [5, 5], "time": [0, 60], "tower": [1, 1]}, unit="s", towers=towers)
    said = warned(lambda: cotrace.find_stays(pings, options=StayOptions(fill="forward")))
    assert said["resolution"].figures["towers"] == 1
    assert "1 of 2 towers have a radius over half a cell (400 m" in str(said["resolution"])


def test_a_grid_finer_than_the_positions() -> None:
    rows = {
        "device": [1] * 3,
        "time": [0, 60, 120],
        "x": [0.0] * 3,
        "y": [0.0] * 3,
        "acc": [900.0, None, 5.0],
    }
    pings = cotrace.read_pings(rows, unit="s", accuracy="acc")
    said = warned(lambda: cotrace.find_stays(pings))
    assert said["resolution"].figures == {"rows": 1, "of": 2, "half_cell_m": 400.0}
    assert "1 of 2 pings have an accuracy over half a cell (400 m)" in str(said["resolution"])
    assert warned(lambda: cotrace.find_stays(cotrace.read_pings(rows, unit="s"))) == {}
    text = cotrace.read_pings({**rows, "acc": ["good", "bad", "bad"]}, unit="s", accuracy="acc")
    with pytest.raises(cotrace.CotraceError, match="'acc' is no accuracy in metres"):
        cotrace.find_stays(text)


def test_a_tower_log_wants_its_fill_named() -> None:
    log = {"device": [1] * 4, "time": [0, 600, 1200, 9000], "tower": ["a", "a", "b", "b"]}
    pings = cotrace.read_pings(log, unit="s")
    with pytest.raises(OptionError, match="has no default for fill") as caught:
        cotrace.find_stays(pings, options=StayOptions(by="tower"))
    text = str(caught.value)
    assert "33.3% are over max_gap (4,500 s), and 66.7% have one cell at both ends" in text
    assert "'same_cell' claims only what two pings bracket: 10 min observed" in text
    with pytest.raises(OptionError, match=r"give read_pings\(towers=\) a table"):
        cotrace.find_stays(pings, options=StayOptions(fill="forward"))
    with pytest.raises(OptionError, match="have no tower column"):
        cotrace.find_stays(example(), options=StayOptions(by="tower", fill="forward"))


def test_an_unknown_tower_is_refused_by_grid_and_used_by_tower() -> None:
    log = {"device": [1] * 3, "time": [0, 600, 1200], "tower": ["a", "x", "a"]}
    pings = cotrace.read_pings(log, unit="s", towers={"tower": ["a"], "lon": [116.4], "lat": [39.9]})
    with pytest.warns(CotraceWarning, match="unknown tower"):
        stays = cotrace.find_stays(pings, options=StayOptions(fill="same_cell"))
    assert stays.counts.refused == {"unknown tower": 1}
    assert (stays.counts.rows, stays.counts.used) == (3, 2)
    assert pings.refused["row"].to_pylist() == [1]
    by_tower = cotrace.find_stays(pings, options=StayOptions(by="tower", fill="forward"))
    assert by_tower.counts.used == 3


def test_what_is_off_the_grid_is_refused() -> None:
    pings = cotrace.read_pings(
        {"device": [1, 1], "time": [0, 5], "x": [0.0, 1e30], "y": [0.0, 0.0]}, unit="s"
    )
    with pytest.warns(CotraceWarning, match="outside the grid"):
        stays = cotrace.find_stays(pings)
    assert stays.counts.refused == {"outside the grid": 1}


def test_times_a_life_apart() -> None:
    pings = cotrace.read_pings(
        {"device": [1, 1], "time": [0, 70 * 366 * 86_400], "x": [0.0] * 2, "y": [0.0] * 2}, unit="s"
    )
    with pytest.raises(
        TimeError, match=r"more than 67 years, from 1970-01-01T00:00:00 .row 0. to .* .row 1."
    ):
        cotrace.find_stays(pings)


@pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
def test_stays_on_another_grid_are_not_mixed_in_silence() -> None:
    stays = cotrace.find_stays(example(), options=StayOptions(grid=cotrace.Grid.planar(400)))
    asked = StayOptions(grid=cotrace.Grid.planar(800), max_gap="20min")
    with pytest.raises(
        GridError, match=r"grid=Grid\.planar\(400.* there, Grid\.planar\(800.* asked, .*max_gap='75min' there"
    ):
        cotrace.find_companions(stays, ["A"], as_of=AS_OF, options=asked)
    with pytest.raises(OptionError, match="max_gap='75min' there, '20min' asked"):
        cotrace.find_companions(stays, ["A"], as_of=AS_OF, options=StayOptions(max_gap="20min"))
    same = StayOptions(grid=cotrace.Grid.planar(400))  # fill was filled in
    assert len(cotrace.find_companions(stays, ["A"], as_of=AS_OF, options=same)) == 1
    assert len(cotrace.find_companions(stays, ["A"], as_of=AS_OF, options=stays.options)) == 1


@pytest.mark.parametrize("source", [[1, 2], {"device": [1]}, "pings.csv", None])
def test_pings_must_be_read_first(source: object) -> None:
    with pytest.raises(CotraceTypeError, match="is not Pings, Stays or a Store: read it with"):
        cotrace.find_companions(source, ["A"], as_of=AS_OF)
    with pytest.raises(CotraceTypeError, match="is not Stays: make them with"):
        cotrace.occupancy(source)


@pytest.mark.parametrize(
    ("threads", "error"), [(0, OptionError), (1.5, CotraceTypeError), (True, CotraceTypeError)]
)
def test_threads(threads: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="threads="):
        cotrace.find_stays(example(), threads=threads)


def test_a_preset_is_no_rule() -> None:
    preset = cotrace.presets.chengdu_2021
    with pytest.raises(CotraceTypeError, match=r"rule= is a Preset, not a CompanionRule: use preset\.rule"):
        cotrace.find_companions(example(), ["A"], as_of=AS_OF, rule=preset)
    with pytest.raises(CotraceTypeError, match="options= is a dict"):
        cotrace.find_companions(example(), ["A"], as_of=AS_OF, options={})


def test_sums_that_cannot_be_reached() -> None:
    rule = CompanionRule(shared="cumulative", per="5min")
    said = warned(lambda: cotrace.find_companions(example(), ["A"], as_of=AS_OF, rule=rule))
    assert said["threshold"].figures == {"name": "per"}


@pytest.mark.parametrize("sort_memory", ["1GB", -1])
def test_bytes_for_sorting(sort_memory: Any) -> None:
    with pytest.raises(OptionError, match="no number of bytes"):
        cotrace.find_stays(example(), sort_memory=sort_memory)


def test_a_lost_ping_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from cotrace.stays.lane import Encoded
    from cotrace.stays.sorting import TimeSorter

    rows = [*stay("A", 0, HOUR), *stay("A", 0, HOUR)[::-1]]
    take = TimeSorter.take
    monkeypatch.setattr(TimeSorter, "take", lambda *args: Encoded(*(column[1:] for column in take(*args))))
    with pytest.raises(cotrace.CotraceError, match="6 rows came in, but 5 are accounted for"):
        cotrace.find_stays(pings_of(rows))
