"""Kernels of made cities, timed through the functions that call them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

#: What is timed: how many elements there are, and the call.
Timed = tuple[int, Callable[[], object]]

DEVICES = 4_000


@cache
def town() -> Any:
    """Return a city of so many people."""
    from cotrace import synth

    return synth.city(seed=1, area_km2=4.0, population=DEVICES, stations=40, days=10)


@cache
def network() -> Any:
    """Return its towers."""
    from cotrace import synth

    return synth.towers(town(), seed=1)


def built() -> Timed:
    from cotrace import synth

    return DEVICES, lambda: synth.city(seed=1, area_km2=4.0, population=DEVICES)


def legs() -> Timed:
    return len(town().legs(0, DEVICES, 2)), lambda: town().legs(0, DEVICES, 2)


def stays() -> Timed:
    from cotrace.grid import Grid

    grid = Grid.planar(800)
    return len(town().stays(grid=grid)), lambda: town().stays(grid=grid, threads=1)


def meetings() -> Timed:
    asked = np.arange(0, DEVICES, 20)
    return len(town().meetings(asked)), lambda: town().meetings(asked, threads=1)


def positions() -> Timed:
    devices = np.arange(DEVICES)
    seconds = devices * 37 % 86_400
    return DEVICES, lambda: town().positions(devices, seconds)


def outbreak() -> Timed:
    from cotrace import synth

    everybody = np.arange(0, DEVICES, 4)
    disease = synth.Disease(per_hour=0.01)
    return 10 * DEVICES, lambda: synth.outbreak(
        town(), seed=1, index_cases=everybody, disease=disease, threads=1
    )


def uniform() -> Timed:
    from cotrace.kernels.synth_random import fill_uniform

    out = np.empty(1 << 16)
    return out.size, lambda: fill_uniform(1, 2, out)


def coverage() -> Timed:
    from cotrace import synth

    squares = round(town().area_km2 * 1e6 / 50.0**2)
    return squares, lambda: synth.towers(town(), seed=1, threads=1)


def signals() -> Timed:
    from cotrace import synth

    made = synth.signals(town(), network(), seed=1)
    return len(made.block(1, 0, 1_000)), lambda: made.block(1, 0, 1_000)


def fixes() -> Timed:
    from cotrace import synth

    made = synth.gps(town(), seed=1)
    return len(made.block(1, 0, 1_000)), lambda: made.block(1, 0, 1_000)


SYNTH: dict[str, Callable[[], Timed]] = {
    "fill_households+fill_roles+place_venues+fill_places": built,
    "fill_legs": legs,
    "cut_legs+join_touching": stays,
    "pick_visits+longest_of+join_places": meetings,
    "tell_position": positions,
    "draw_courses+spread": outbreak,
    "fill_uniform": uniform,
    "fill_candidates": coverage,
    "fill_signals+order_rows+gather_rows+gather_places": signals,
    "fill_fixes+gather_fixes": fixes,
}
