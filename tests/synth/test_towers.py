"""Made networks: the towers that serve a place are the oracle's, and as dense and as far-reaching as published."""

from __future__ import annotations

import random

import numpy as np
import pytest
from tests import naive_synth_radio as oracle
from tests.synth.air import small_city

import cotrace
from cotrace import synth
from cotrace.errors import OptionError
from cotrace.synth.covering import bins_of
from cotrace.synth.radio import RADIO


def stations_of(network: synth.Network, generation: int) -> list[dict]:
    found = []
    for tower in np.flatnonzero(network.generation == generation).tolist():
        azimuth = None if np.isnan(network.azimuth[tower]) else float(network.azimuth[tower])
        if not found or found[-1]["number"] != network.station[tower]:
            where = {"x": network.x[tower], "y": network.y[tower], "radius": network.radius_m[tower]}
            found.append({"number": int(network.station[tower]), "towers": [], **where})
        found[-1]["towers"].append((tower, azimuth))
    return found


def oracles_line(network: synth.Network, generation: int, square: int) -> list[tuple[float, int]]:
    stations = stations_of(network, generation)
    bins = bins_of(*(np.array([s[axis] for s in stations]) for axis in "xy"))
    grid = {"corner": bins.frame[:2], "side": bins.frame[2], "number": bins.bins}
    known = list(RADIO.values())[generation]
    radio = {"decay": known.decay_db, "shadow": known.shadow_db, "seed": network.seed, "stream": 230}
    (across, _), (_, _, side) = network.coverage.squares, network.coverage.frame
    middle = ((square % across + 0.5) * side, (square // across + 0.5) * side)
    return oracle.candidates(stations, square, middle, grid, radio)


@pytest.mark.parametrize("seed", range(6))
def test_candidates_are_the_oracles(seed: int) -> None:
    rng = random.Random(seed)
    city = small_city(seed)
    network = synth.towers(
        city, seed=seed, sectors=rng.choice([1, 3, 6]), square_m=150, fading_db=rng.choice([0.5, 4.3]),
        stations={"5G": rng.choice([1, 3, 40])},
    )  # fmt: skip
    across, down = network.coverage.squares
    for square in rng.sample(range(across * down), 8):
        found = oracles_line(network, 3, square)
        row, col = divmod(square, across)
        mine = network.coverage.shares((col + 0.5) * 150, (row + 0.5) * 150)
        theirs = oracle.shares(found, network.fading_db)
        assert [t for t in mine if theirs[t] > 1e-8] == [t for t in theirs if theirs[t] > 1e-8]
        assert all(abs(mine.get(t, 0.0) - p) < 1e-8 for t, p in theirs.items())
        assert abs(sum(mine.values()) - 1.0) < 1e-9


def test_older_generations_serve_where_newer_ones_do_not_reach() -> None:
    city = small_city(2)
    network = synth.towers(city, seed=2, generations={"4G": 0.3, "5G": 0.7}, square_m=100)
    across, down = network.coverage.squares
    n = across * down
    kinds = {0: set(), 1: set()}
    for square in range(0, n, 7):
        level = oracles_line(network, 3, square)[0][0]
        old, new = (network.coverage.lines[k * n + square, :8] for k in (0, 1))
        assert set(network.generation[old]) == {2}
        assert set(network.generation[new]) == {3 if level >= 0.0 else 2}
        kinds[int(level >= 0.0)].add(square)
    assert kinds[0]
    assert kinds[1]


def test_without_service_beyond_the_radius_there_are_holes() -> None:
    city = small_city(3)
    options = {"seed": 3, "square_m": 100.0, "stations": {"5G": 4}, "fading_db": 1.0}
    whole = synth.towers(city, **options).coverage
    holes = synth.towers(city, holes=True, **options).coverage
    none = holes.lines[:, 0] == 0xFFFFFFFF
    assert 0.3 < none.mean() < 0.95
    assert np.array_equal(whole.lines[~none], holes.lines[~none])
    square = int(np.flatnonzero(none)[0])
    middle = [(square % holes.squares[0] + 0.5) * 100.0, (square // holes.squares[0] + 0.5) * 100.0]
    assert holes.shares(*middle) == {}


def test_the_network_does_not_depend_on_threads() -> None:
    city = small_city(4)
    one, three = (synth.towers(city, seed=4, square_m=40, threads=n).coverage.lines for n in (1, 3))
    assert np.array_equal(one, three)


def test_shadows_can_be_switched_off() -> None:
    city = small_city(5)
    network = synth.towers(city, seed=5, sectors=1, shadows=False, fading_db=0.01, square_m=100)
    # then the strongest is the one with the least distance by its radius
    for x, y in ((250.0, 350.0), (1150.0, 1750.0)):
        far = np.hypot(network.x - x, network.y - y) / network.radius_m
        assert next(iter(network.coverage.shares(x, y))) == int(np.argmin(far))


def test_the_table_is_one_that_pings_are_read_with() -> None:
    city = small_city(6)
    network = synth.towers(city, seed=6)
    made = synth.signals(city, network, seed=6, positions=False)
    table = network.table(centre=(108.9, 34.2))
    pings = cotrace.read_pings(made, towers=table.to_arrow())
    assert pings.towers.num_rows == len(network)
    stays = cotrace.find_stays(pings, options=cotrace.StayOptions(fill="forward"))
    assert len(stays) > 0
    assert network.table()["lon"].null_count == len(network)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"generations": "6G"}, "6G"),
        ({"generations": ()}, "name some of"),
        ({"generations": 5}, "neither a list"),
        ({"generations": {"4G": 0.5}}, "1 together"),
        ({"sectors": 0}, "sectors=0"),
        ({"square_m": 1.0}, "square_m=1.0"),
        ({"stations": {"4G": 3}}, "stations="),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_networks_that_cannot_be(options: dict, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        synth.towers(small_city(1), **{"seed": 1, **options})
