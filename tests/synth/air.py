"""Small made networks, for the library and for the oracle."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from tests import naive_synth_signals as oracle

from cotrace import synth
from cotrace.durations import seconds

KINDS = ("attach", "detach", "periodic", "activity", "handover", "area", "flap", "return")
WRONG = (
    "flapping",
    "off_nights",
    "off_days",
    "silent_days",
    "skewed",
    "lost",
    "duplicated",
    "late",
    "reselect",
)


def small_city(seed: int, people: int = 6, days: int = 2, area_km2: float = 4.0) -> synth.City:
    return synth.city(seed=seed, area_km2=area_km2, population=people, stations=24, days=days)


def odd_options(rng: random.Random) -> synth.SignalOptions:
    """Return options under which rare things are frequent."""
    options = replace(
        rng.choice([synth.FULL, synth.SPARSE]),
        activity_gap=f"{rng.choice([5, 20, 60])}min",
        **{name: rng.choice([0.0, 0.2, 0.9]) for name in (*WRONG, "connected", "detach", "burst")},
        periodic=rng.choice(["54min", "20min", "0s"]),
        area_m=rng.choice([0.0, 700.0, 3000.0]),
        spread=rng.choice([0.0, 0.5]),
        off_for="1h",
        silent_for=rng.choice(["20min", "3h"]),
    )
    return options.without("spread") if rng.random() < 0.2 else options


def options_of(made: synth.Signals) -> dict[str, Any]:
    """Return options as the oracle takes them."""
    o = made.options.as_dict()
    for name in ("burst_gap", "periodic", "off_for", "silent_for", "late_by"):
        o[name] = seconds(o[name], name)
    _, keep, _, step = made.options.settings(made.network.fading_db, made.network.coverage.frame[2]).tolist()
    return o | {"gaps": made.options.gaps().tolist(), "keep": keep, "step_m": step}


def world_of(made: synth.Signals) -> dict[str, Any]:
    """Return the network as the oracle takes it."""
    coverage = made.network.coverage
    across, down = coverage.squares
    lines = [oracle.line_of(line) for line in coverage.lines.tolist()]
    n = across * down

    def square(x: float, y: float) -> int:
        col, row = (min(max(int(v / coverage.frame[2]), 0), across - 1) for v in (x, y))
        return row * across + col

    return {
        "lines": [lines[k : k + n] for k in range(0, len(lines), n)],
        "handsets": np.cumsum(list(made.network.handsets.values())).tolist(),
        "skew": made.skew_s.tolist(),
        "square": square,
    }


def legs_of(city: synth.City, device: int, day: int) -> list[tuple[Any, ...]]:
    """Return a device's day as the oracle takes it."""
    legs = city.legs(device, device + 1, day)
    times = [(t - day * 86_400).tolist() for t in (legs.t0, legs.t1)]
    places = [v.astype(np.float64).tolist() for v in (legs.x0, legs.y0, legs.x1, legs.y1)]
    return list(zip(*times, *places, (legs.mode != 0).tolist(), strict=True))


def expected(made: synth.Signals, day: int) -> tuple[list[tuple[Any, ...]], Counter[str]]:
    """Return all rows of a day, in the order of arrival, and what is counted, by the oracle."""
    world, o = world_of(made), options_of(made)
    rows, counts = [], Counter[str]()
    for device in range(made.city.population):
        found, counted = oracle.signals_of(made.seed, device, day, legs_of(made.city, device, day), world, o)
        rows += [(row[0], device, *row[1:]) for row in found]
        counts += counted
    rows.sort(key=lambda row: row[0])
    return [row[1:] for row in rows], counts
