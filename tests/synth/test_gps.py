"""GPS fixes of made devices: held to the oracle, counted, conserved, and as wrong as they are asked to be."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests import naive_synth_gps as oracle
from tests.synth.air import legs_of, small_city

import cotrace
from cotrace import synth
from cotrace.durations import seconds
from cotrace.errors import OptionError


def canyon_of(fixes: synth.Fixes) -> Any:
    canyon, (across, _), (_, _, side) = fixes._streets[:3]

    def square(x: float, y: float) -> int | None:
        col, row = (min(max(int(v / side), 0), across - 1) for v in (x, y))
        return row * across + col if canyon[row * across + col] else None

    return square


def options_of(options: synth.GpsOptions) -> dict[str, Any]:
    o = options.as_dict()
    for name in ("every_moving", "every_still", "memory", "off_for", "silent_for"):
        o[name] = seconds(o[name], name)
    return o


def odd_options(rng: random.Random) -> synth.GpsOptions:
    return synth.GpsOptions(
        every_moving=rng.choice(["10s", "2min"]),
        every_still=rng.choice(["3min", "20min"]),
        memory=rng.choice(["0s", "1min", "1h"]),
        canyons=rng.choice([0.0, 0.05, 1.0]),
        **{
            name: rng.choice([0.0, 0.2, 0.9])
            for name in ("outliers", "no_fix", "off_nights", "off_days", "silent_days")
        },
    )


@pytest.mark.parametrize("seed", range(8))
def test_every_fix_is_the_oracles(seed: int) -> None:
    rng = random.Random(seed)
    city = small_city(seed, people=rng.choice([1, 3]), days=3)
    options = odd_options(rng)
    made = synth.gps(city, seed=seed, options=options, accuracy=True)
    for day in (0, 2):
        rows, counts = [], Counter[str]()
        for device in range(city.population):
            legs = legs_of(city, device, day)
            found, counted = oracle.fixes_of(seed, device, day, legs, canyon_of(made), options_of(options))
            rows += [(t, device, x, y, high) for t, x, y, high in found]
            counts += counted
        rows.sort(key=lambda row: row[0])
        block = made.block(day, 0, city.population)
        c = {name: values.tolist() for name, values in block.columns.items()}
        second = [t // 1_000_000 - city.base - day * 86_400 for t in c["time"]]
        high = [a > 10 for a in c["accuracy"]]
        assert list(zip(second, c["device"], c["x"], c["y"], high, strict=True)) == rows
        assert dict(zip(made.counted, block.counts.tolist(), strict=True)) == {
            name: counts[name] for name in made.counted
        }


def test_without_effects_a_fix_is_the_true_place() -> None:
    city = small_city(2, people=8)
    made = synth.gps(city, seed=2, options=synth.GpsOptions().without())
    assert made.counts["no_fix"] == made.counts["silent"] == made.counts["off_s"] == 0
    columns = made.block(1, 0, 8).columns
    second = columns["time"] // 1_000_000 - city.base
    legs = city.legs(0, 8, 1)
    for device, t, x, y in zip(columns["device"], second, columns["x"], columns["y"], strict=True):
        at = legs.offset[device] + np.searchsorted(
            legs.t1[legs.offset[device] : legs.offset[device + 1]], t, "right"
        )
        part = (t - legs.t0[at]) / (legs.t1[at] - legs.t0[at])
        assert abs(x - (legs.x0[at] + (legs.x1[at] - legs.x0[at]) * part)) < 0.06
        assert abs(y - (legs.y0[at] + (legs.y1[at] - legs.y0[at]) * part)) < 0.06


def test_errors_are_as_wide_as_asked_for() -> None:
    """The standard deviation, within four of its own: errors of one device and hour hang together, so by device."""
    city = small_city(3, people=20, days=1)
    exact = replace(synth.GpsOptions().without(), memory="0s", every_still="2min")
    right = synth.gps(city, seed=3, options=exact).block(0, 0, 20).columns
    wrong = synth.gps(city, seed=3, options=replace(exact, error_m=5.0)).block(0, 0, 20).columns
    assert np.array_equal(right["time"], wrong["time"])
    error = np.concatenate([wrong[axis] - right[axis] for axis in "xy"])
    assert abs(error.mean()) < 4 * 5.0 / np.sqrt(error.size)
    assert abs(error.std() - 5.0) < 4 * 5.0 / np.sqrt(2 * error.size)


def test_canyons_shift_everybody_alike() -> None:
    city = small_city(4, people=40, days=1)
    exact = replace(synth.GpsOptions().without(), canyons=0.02)
    made = synth.gps(city, seed=4, options=replace(exact, canyon_error_m=0.0), accuracy=True)
    right = synth.gps(city, seed=4, options=exact.without()).block(0, 0, 40).columns
    columns = made.block(0, 0, 40).columns
    shifted = np.hypot(columns["x"] - right["x"], columns["y"] - right["y"]) > 0.2
    in_canyon = columns["accuracy"] > 10
    assert 0 < in_canyon.sum() < in_canyon.size
    assert not shifted[~in_canyon].any()
    assert shifted[in_canyon].mean() > 0.99


def test_fixes_are_counted_and_conserved() -> None:
    city = small_city(5, people=10)
    made = synth.gps(city, seed=5, options=replace(synth.GpsOptions(), no_fix=0.5, silent_days=0.5))
    c = made.counts
    assert made.to_arrow().num_rows == c["logged"]
    # at rest half of them fail, and nothing fails on the way
    assert 0.4 < c["no_fix"] / (c["no_fix"] + c["logged"]) < 0.5
    assert c["silent"] > 0
    assert c["device_days"] == 20
    assert cotrace.find_stays(cotrace.read_pings(made)).counts.rows == c["logged"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"no_fix": -0.1}, "no_fix"),
        ({"error_m": 1e6}, "error_m"),
        ({"every_still": "0s"}, "every_still"),
        ({"silent_for": "3d"}, "silent_for"),
    ],
)
def test_options_that_cannot_be(options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        synth.GpsOptions(**options)
    with pytest.raises(OptionError, match="there are"):
        synth.GpsOptions().without("rain")
