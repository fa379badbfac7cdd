"""Outbreaks: as the naive version has them, over true meetings alone, and with the figures of the disease."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from tests import naive_synth_city as naive
from tests.synth.towns import as_dict, busy, town

import cotrace
from cotrace import synth
from cotrace.synth.spreading import _index_cases

FIERCE = synth.Disease(per_hour=0.3, close=20.0, incubation_median_d=3.0, found=0.5)


def seconds_of(column, city):
    return [None if pd.isna(t) else int((t - city.start).total_seconds()) for t in column]


@pytest.mark.parametrize("seed", range(4))
def test_outbreaks_are_those_of_the_naive_version(seed):
    city = town(seed, population=50, area_km2=1.0, days=9, habits=busy(seed))
    made = synth.outbreak(city, seed=seed + 70, index_cases=2, disease=FIERCE)
    devices, at = _index_cases(city, seed + 70, 2)
    first = dict(zip(devices.tolist(), at.tolist(), strict=True))
    infected, courses = naive.outbreak(seed + 70, as_dict(city), city.days, first, asdict(FIERCE))
    found = made.infections.to_pandas()
    assert sorted(found["device"]) == sorted(infected)
    assert len(infected) > 5
    for row, when, onset, confirmed, since, until in zip(
        found.itertuples(),
        *(seconds_of(found[c], city) for c in ("infected_at", "onset", "confirmed_at")),
        *(seconds_of(found[c], city) for c in ("infectious_from", "infectious_until")),
        strict=True,
    ):
        second, infector, venue, _ = infected[row.device]
        c = courses[row.device]
        assert when == second
        assert (None if pd.isna(row.infector) else row.infector) == infector
        assert (None if pd.isna(row.venue) else row.venue) == venue
        assert (onset, confirmed) == (c["onset"] if c["symptoms"] else None, c["confirmed"])
        assert (since, until) == (c["from"], c["until"])
    tree = made.tree.to_pandas()
    met = dict(zip(tree["infected"], seconds_of(tree["met_at"], city), strict=True))
    assert met == {d: i[3] for d, i in infected.items() if i[1] is not None}


@pytest.fixture(scope="module")
def world():
    city = town(8, population=600, area_km2=1.0, days=18)
    return city, synth.outbreak(city, seed=3, disease=synth.Disease(per_hour=0.08))


def test_everybody_is_infected_once_at_a_true_meeting_by_somebody_infectious(world):
    city, made = world
    tree, everyone = made.tree.to_pandas(), made.infections.to_pandas().set_index("device")
    assert len(tree) > 60
    assert everyone.index.is_unique
    assert set(tree["infected"]) == set(everyone.index[everyone["generation"] > 0])
    source = everyone.loc[tree["infector"]].reset_index()
    assert (tree["infected_at"] >= source["infectious_from"]).all()
    assert (tree["infected_at"] < source["infectious_until"]).all()
    ends = source["confirmed_at"]
    assert (ends.isna() | (tree["infected_at"] < ends)).all(), "nobody infects from isolation"
    assert (tree["infected_at"] - source["infected_at"] >= pd.Timedelta(days=1)).all()
    own = everyone.loc[tree["infected"]].reset_index()
    assert (own["generation"] == source["generation"] + 1).all()
    met = city.meetings(np.unique(tree["infector"]), min_shared="1s").to_pandas()
    both = tree.merge(met, left_on=["infector", "infected", "venue"], right_on=["a", "b", "venue"])
    there = (both["infected_at"] >= both["started_at"]) & (both["infected_at"] < both["finished_at"])
    assert there.sum() == len(tree)
    assert (both[there]["setting_x"] == both[there]["setting_y"]).all()


def test_cases_are_those_confirmed_and_can_be_traced(world):
    city, made = world
    cases, everyone = made.cases.to_pandas(), made.infections.to_pandas().set_index("device")
    end = city.start + pd.Timedelta(days=city.days)
    assert set(cases["device"]) == set(everyone.index[everyone["confirmed_at"] <= end])
    assert cases["as_of"].is_monotonic_increasing
    own = everyone.loc[cases["device"]].reset_index()
    assert (own["confirmed_at"] == cases["as_of"]).all()
    assert (cases["isolated_at"] == cases["as_of"]).all()
    since = cases["onset"].fillna(cases["as_of"])
    assert (since - cases["infectious_from"] == pd.Timedelta(days=2)).all()
    rule = cotrace.CompanionRule(min_cumulative=None)
    with pytest.warns(cotrace.CotraceWarning):
        found = cotrace.find_companions(city.stays(), cases.head(40), rule=rule)
    pairs = set(zip(*(found.companions[c].to_pylist() for c in ("case_id", "companion_id")), strict=True))
    tree = made.tree.to_pandas()
    some = cases.head(40)
    late = dict(zip(some["device"], some["infectious_from"], strict=True))
    traced = [t for t in tree.itertuples() if t.infector in late and t.met_at >= late[t.infector]]
    met_long = [t for t in traced if (t.infector, t.infected) in pairs]
    assert len(met_long) > 0.8 * len(traced), "who was infected in a venue was in its cell"


def test_the_course_has_the_figures_of_the_disease():
    city, disease = town(1, population=6_000, days=1), synth.Disease(found=0.7, found_without=0.3)
    made = synth.outbreak(city, seed=9, index_cases=range(6_000), disease=disease).infections.to_pandas()
    n = len(made)
    ill = made[made["onset"].notna()]
    share = len(ill) / n
    assert abs(share - 0.8) < 4 * np.sqrt(0.8 * 0.2 / n)
    days = (ill["onset"] - ill["infected_at"]).dt.total_seconds() / 86_400
    inner = np.log(days[(days > 1.5) & (days < 14)])
    assert abs(np.median(days) - 5.1) < 4 * 1.25 * 0.42 * 5.1 / np.sqrt(len(days))
    assert abs(inner.std() - 0.42) < 4 * 0.42 / np.sqrt(2 * len(inner)) + 0.01
    for some, expected, delay in ((ill, 0.7, None), (made[made["onset"].isna()], 0.3, 4)):
        found = some["confirmed_at"].notna()
        assert abs(found.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / len(some))
        since = some["onset"] if delay is None else some["infected_at"] + pd.Timedelta(days=delay)
        wait = ((some["confirmed_at"] - since).dt.total_seconds() / 86_400)[found]
        assert wait.between(1, 4).all()
        assert abs(wait.mean() - 2.5) < 4 * np.sqrt(9 / 12 / found.sum())


def test_more_force_infects_more_and_none_nobody():
    city = town(3, population=300, area_km2=1.0, days=14)
    sizes = [
        len(synth.outbreak(city, seed=1, disease=synth.Disease(per_hour=p)).tree) for p in (0.0, 0.05, 0.5)
    ]
    assert sizes[0] == 0
    assert all(a < b for a, b in pairwise(sizes))


def test_several_outbreaks_are_each_what_it_is_alone_on_any_threads():
    city = town(3, population=200, area_km2=1.0, days=12)
    disease = synth.Disease(per_hour=0.2)
    together = synth.outbreaks(city, [4, 5, 4], index_cases=1, disease=disease, threads=3)
    alone = synth.outbreak(city, seed=4, index_cases=1, disease=disease, threads=1)
    for name in ("infections", "tree", "cases"):
        assert getattr(together[0], name).to_arrow().equals(getattr(alone, name).to_arrow())
        assert getattr(together[2], name).to_arrow().equals(getattr(alone, name).to_arrow())
    assert not together[1].infections.to_arrow().equals(alone.infections.to_arrow())


def test_most_ends_it_and_named_index_cases_begin_it():
    city = town(3, population=300, area_km2=1.0, days=20)
    disease = synth.Disease(per_hour=0.2)
    whole = synth.outbreak(city, seed=1, index_cases=[7, 9], disease=disease)
    short = synth.outbreak(city, seed=1, index_cases=[7, 9], disease=disease, most=10)
    first = whole.infections.to_pandas()
    assert sorted(first[first["generation"] == 0]["device"]) == [7, 9]
    assert 10 <= len(short.infections) < len(whole.infections)
    n = len(short.infections)
    assert short.infections["device"].to_pylist() == whole.infections["device"].to_pylist()[:n]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1, "index_cases": 0}, "index_cases=0"),
        ({"seed": 1, "index_cases": 61}, "the city has 60 people"),
        ({"seed": 1, "index_cases": [60]}, "none of the city's 60"),
    ],
)
def test_what_cannot_be_is_refused(given, says):
    with pytest.raises(cotrace.CotraceError, match=says):
        synth.outbreak(town(1), **given)


@pytest.mark.parametrize(
    "given",
    [
        {"found": 2.0},
        {"per_hour": -1.0},
        {"before_onset_d": 0.0},
        {"settings": (1.0,)},
        {"delay_d": (3.0, 1.0)},
    ],
)
def test_diseases_that_cannot_be_are_refused(given):
    with pytest.raises(cotrace.CotraceError, match=next(iter(given))):
        synth.Disease(**given)
