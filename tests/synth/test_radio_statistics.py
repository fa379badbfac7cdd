"""Statistics of made networks and logs against what they were made from, within the sampling error."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tests.synth.air import KINDS, small_city

from cotrace import synth
from cotrace.synth.radio import RADIO

FLAT = (1.0,) * 24


def near(found: float, expected: float, deviation: float, n: float) -> bool:
    """Whether a mean of n values is within four standard errors of what is expected."""
    return abs(found - expected) <= 4.0 * deviation / math.sqrt(n)


def share_is(k: int, n: int, p: float) -> bool:
    return near(k / n, p, math.sqrt(p * (1.0 - p)), n)


@pytest.mark.parametrize(("preset", "density"), [("xian", 8.6), ("shanghai", 69.0)])
def test_densities_and_radii_are_the_published_ones(preset: str, density: float) -> None:
    city = synth.city(preset, seed=1, scale=0.003, days=1)
    network = synth.towers(city, seed=1, generations=("2G", "3G", "4G", "5G"), square_m=200)
    assert network.n_stations > city.stations
    for number, g in enumerate(RADIO.values()):
        radius = network.radius_m[network.generation == number]
        assert g.radius_m[0] <= radius.min() <= radius.max() <= g.radius_m[1]
    new = network.generation == 3
    assert abs(new.sum() / network.sectors / city.area_km2 - density) < 0.02 * density + 0.1
    inside = (network.x >= 0) & (network.x <= city.side_m) & (network.y >= 0) & (network.y <= city.side_m)
    assert inside[new].all()
    assert not inside[~new].all()


def test_most_connections_fall_outside_the_voronoi_polygon() -> None:
    """More than 60 % in published data (arXiv 2109.02154), and 95 % within three rings of neighbours: about 37."""
    city = synth.city("xian", seed=5, scale=0.01, days=1)
    network = synth.towers(city, seed=5)
    x, y = network.x[:: network.sectors], network.y[:: network.sectors]
    outside, near = [], []
    for device in range(0, city.population, city.population // 400):
        home = city.home[device]
        px, py = float(city.venue_x[home]), float(city.venue_y[home])
        rank = np.argsort(np.argsort((x - px) ** 2 + (y - py) ** 2))
        shares = network.coverage.shares(px, py)
        outside.append(sum(p for t, p in shares.items() if rank[t // 3] > 0))
        near.append(sum(p for t, p in shares.items() if rank[t // 3] < 37))
    error = np.std(outside) / math.sqrt(len(outside))
    assert abs(np.mean(outside) - 0.62) < 0.05 + 4 * error
    assert np.mean(near) > 0.9


@pytest.mark.parametrize(("options", "least", "most"), [(synth.FULL, 300, 500), (synth.SPARSE, 35, 48)])
@pytest.mark.parametrize("seed", [1, 2])
def test_records_a_day_are_as_published(
    options: synth.SignalOptions, least: float, most: float, seed: int
) -> None:
    city = synth.city("xian", seed=seed, scale=0.002, days=7)
    made = synth.signals(city, synth.towers(city, seed=seed), seed=seed, options=options)
    for day in (2, 6):
        rows = len(made.block(day, 0, 3_000)) / 3_000
        assert least < rows < most


def activities(options: synth.SignalOptions, people: int = 60, days: int = 3) -> list[np.ndarray]:
    """The seconds of each device's activities."""
    city = small_city(11, people=people, days=days)
    network = synth.towers(city, seed=11, square_m=200)
    table = synth.signals(city, network, seed=11, options=options, events=True).to_arrow().to_pandas()
    table = table[table["event"] == "activity"]
    seconds = table["time"].astype("int64") // 1_000_000 - city.base
    return [np.sort(s.to_numpy()) for _, s in seconds.groupby(table["device"])]


def test_times_between_activities_are_exponential() -> None:
    options = replace(synth.FULL.without(), activity_gap="20min", burst=0.0, spread=0.0, rhythm=FLAT)
    gaps = np.concatenate([np.diff(s) for s in activities(options)])
    assert near(gaps.mean(), 1200.5, 1200.0, gaps.size)
    assert near(gaps.std(), 1200.0, 1200.0 * math.sqrt(2.0), gaps.size)
    for q in (0.1, 0.5, 0.9):
        assert share_is(int((gaps > -1200.0 * math.log(q)).sum()), gaps.size, q)


def test_bursts_make_short_gaps_frequent() -> None:
    options = replace(
        synth.FULL.without(), activity_gap="30min", burst=0.5, burst_gap="10s", spread=0.0, rhythm=FLAT
    )
    gaps = np.concatenate([np.diff(s) for s in activities(options)])
    expected = 0.5 * (1.0 - math.exp(-59.0 / 10.0)) + 0.5 * (1.0 - math.exp(-59.0 / 1800.0))
    assert share_is(int((gaps < 60).sum()), gaps.size, expected)


def test_devices_differ_by_the_spread() -> None:
    options = replace(synth.FULL.without(), activity_gap="10min", burst=0.0, spread=0.6, rhythm=FLAT)
    each = np.array([s.size / 3.0 for s in activities(options, people=400)])
    logs = np.log(each)
    assert near(logs.mean(), math.log(143.9) - 0.18, 0.6, each.size)
    # counting adds a little to the spread of rates
    assert 0.6 - 4 * 0.6 / math.sqrt(2 * each.size) < logs.std() < 0.65 + 4 * 0.6 / math.sqrt(2 * each.size)


def test_nights_are_quiet() -> None:
    seconds = np.concatenate(activities(replace(synth.FULL.without(), spread=0.0)))
    hours = np.bincount(seconds % 86_400 // 3600, minlength=24)
    assert hours[2:5].mean() < 0.2 * hours[8:22].mean()


def test_shares_of_what_goes_wrong() -> None:
    city = synth.city("xian", seed=3, scale=0.004, days=3)
    network = synth.towers(city, seed=3)
    made = synth.signals(city, network, seed=3)
    o, block = made.options, made.block(1, 0, 8_000)
    c = dict(zip(made.counted, block.counts.tolist(), strict=True))
    heard = c["logged"] + c["lost"]
    assert share_is(c["lost"], heard, o.lost)
    assert share_is(c["late"], c["logged"], o.late)
    assert share_is(c["duplicated"], c["logged"], o.duplicated)
    wrong = made.skew_s != 0
    assert share_is(int(wrong.sum()), wrong.size, o.skewed)
    assert np.abs(made.skew_s).max() <= 30
    # every device attaches after a night off and after an outage by day
    assert share_is(c["attach"], 8_000, o.off_nights + o.off_days)
    assert near(c["silent_s"] / 8_000, 0.05 * 5_700.0, 0.25 * 7_200.0, 8_000)
    assert abs(c["flap"] - c["return"]) < 0.01 * c["flap"]


def test_the_share_of_flapping_is_what_was_asked_for() -> None:
    """At rest, an event starts a flap with this chance unless one is under way already."""
    city = synth.city("shanghai", seed=4, scale=0.002, days=1)
    options = replace(synth.SPARSE.without(), flapping=0.1, connected=0.0, area_m=0.0)
    made = synth.signals(city, synth.towers(city, seed=4), seed=4, options=options, events=True)
    c = dict(zip(made.counted, made.block(0, 0, 4_000).counts.tolist(), strict=True))
    starts = c["activity"] + c["periodic"]
    # six devices of a hundred are on their way, where they do not flap
    assert 0.085 < c["flap"] / starts < 0.1


def test_a_flap_is_away_and_back_within_minutes() -> None:
    city = small_city(12, people=40, days=2)
    options = replace(synth.SPARSE.without(), flapping=0.3, connected=0.0, reselect=0.0, area_m=0.0)
    made = synth.signals(city, synth.towers(city, seed=12), seed=12, options=options, events=True)
    table = made.to_arrow().to_pandas().sort_values(["device", "time"], kind="stable").reset_index(drop=True)
    away = np.flatnonzero((table["event"] == "flap").to_numpy())
    there, lasted = [], []
    for i in away.tolist():
        rest = table[(table.index > i) & (table["device"] == table["device"][i])]
        if len(rest) and rest["event"].iloc[0] == "return":
            there.append(rest["tower"].iloc[0] == table["tower"][i - 1])
            assert table["tower"][i] != rest["tower"].iloc[0]
            lasted.append((rest["time"].iloc[0] - table["time"][i]).total_seconds())
    assert len(there) > 0.9 * away.size > 50
    assert all(there)
    assert 5 <= min(lasted) <= max(lasted) < 120


def test_handovers_follow_the_way() -> None:
    """Who is connected on the way is handed over about once in a few hundred metres where stations are so far apart."""
    city = synth.city("xian", seed=6, scale=0.004, days=1)
    options = replace(synth.FULL.without(), connected=1.0)
    made = synth.signals(city, synth.towers(city, seed=6), seed=6, options=options)
    n = 3_000
    handovers = int(made.block(0, 0, n).counts[KINDS.index("handover")])
    legs = city.legs(0, n, 0)
    way = np.hypot(legs.x1 - legs.x0, legs.y1 - legs.y0).sum()
    assert 60 < way / handovers < 400
