"""Small made cities for the tests, and the same as the naive version reads them."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from cotrace import synth
from cotrace.synth.habits import HABITS


def town(seed, *, population=60, area_km2=3.0, days=8, habits=HABITS, **more):
    return synth.city(seed=seed, area_km2=area_km2, population=population, days=days, habits=habits, **more)


def busy(seed):
    """Habits under which every branch of a day is gone through."""
    share = (0.3, 0.6, 0.9)[seed % 3]
    return synth.Habits(
        lunch=share,
        after_work=share,
        evening=share,
        morning=share,
        afternoon=share,
        joint=0.7,
        late=0.5,
        shops=0.2,
        restaurants=0.2,
        leisure=0.2,
        walk_m=(0.0, 400.0, 1_000.0)[seed % 3],
    )


def as_dict(city):
    """The city as :mod:`tests.naive_synth_city` reads it."""
    built = city.built
    block = np.concatenate([np.repeat(np.arange(built.side**2), np.diff(lo)) for lo in built.lo])
    return {
        "seed": city.seed,
        "weekday": city.start.weekday(),
        "role": city.role.tolist(),
        "home": city.home.tolist(),
        "place": city.place.tolist(),
        "x": city.venue_x.tolist(),
        "y": city.venue_y.tolist(),
        "kind": city.venue_kind.tolist(),
        "block": block.tolist(),
        "side": built.side,
        "block_m": built.block_m,
        "habits": asdict(city.habits),
    }


def rows(legs):
    """Legs as the naive version has them, one list a device."""
    columns = (legs.t0, legs.t1, legs.x0, legs.y0, legs.x1, legs.y1, legs.venue, legs.mode)
    flat = list(zip(*(c.tolist() for c in columns), strict=True))
    return [flat[a:b] for a, b in zip(legs.offset[:-1], legs.offset[1:], strict=True)]
