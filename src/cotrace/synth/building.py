"""How a made city is built: blocks with densities, households, venues, and who works or learns where."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cotrace.synth.habits import Habits

__all__ = ["HOUSEHOLDS", "ROLE_SHARES", "Built", "build"]

Float64 = NDArray[np.float64]
Int32 = NDArray[np.int32]

#: side of a block, about: densities are drawn for blocks of this size
BLOCK_M = 800.0
#: shares of households of 1 to 6 people: 2.6 on average (our assumption)
HOUSEHOLDS = (0.25, 0.30, 0.21, 0.14, 0.07, 0.03)
#: shares of people: other, workers, pupils, shift workers, workers with other rest days (our assumption)
ROLE_SHARES = (0.26, 0.47, 0.15, 0.04, 0.08)
#: people a venue: jobs of a room at work, pupils of a class, people a shop, restaurant, place of leisure (ours)
PEOPLE_A_VENUE = {"work": 12.0, "school": 35.0, "shop": 120.0, "restaurant": 120.0, "leisure": 250.0}
#: venues in one building, about: households, rooms at work, classes, shops, restaurants, places of leisure (ours)
PER_BUILDING = (40.0, 8.0, 18.0, 4.0, 2.0, 1.0)
#: the density of works has a wider spread than that of homes, and goes with it only so far (ours)
WORK_SIGMA, WORK_TIE = 1.3, 0.5
#: how fast the zones gone to fall off with distance: works and schools, metres (ours)
WORK_REACH_M, SCHOOL_REACH_M = 7_000.0, 1_200.0
#: the most zones along a side
MOST_ZONES = 24


@dataclass(frozen=True, eq=False)
class Built:
    """The arrays of a city.

    Parameters
    ----------
    side : int
        Blocks along a side; block ``row * side + col``.
    block_m : float
        Side of a block, metres.
    density : float64[blocks]
        Share of the people that live in each block, as drawn: log-normal over blocks.
    home : int32[people]
        Venue of the home, which is the number of the household; rising.
    place : int32[people]
        Venue of work or school; -1: none.
    role : int8[people]
    x, y : float32[venues]
        Metres. Venues of one building are in one place.
    kind : int8[venues]
        Venues come by kind, and by block within a kind.
    lo : int32[kinds, blocks + 1]
        The first venue of each kind and block.
    near : int32[kinds, blocks]
        For each kind and block, the nearest block that has one.
    reach : float64[zones, zones]
        For each zone of homes, cumulative shares of the zones of work.
    zone_of : int32[blocks]
        The zone of each block.
    habits : float64[HABITS]
    """

    side: int
    block_m: float
    density: Float64
    home: Int32
    place: Int32
    role: NDArray[np.int8]
    x: NDArray[np.float32]
    y: NDArray[np.float32]
    kind: NDArray[np.int8]
    lo: Int32
    near: Int32
    reach: Float64
    zone_of: Int32
    habits: Float64


def build(seed: int, area_km2: float, people: int, sigma: float, habits: Habits) -> Built:
    """Build a city: everything follows from the seed and these figures."""
    from cotrace.kernels.synth_days import N_KINDS
    from cotrace.kernels.synth_people import fill_households, fill_roles, place_venues

    metres = 1_000.0 * math.sqrt(area_km2)
    side = max(1, round(metres / BLOCK_M))
    block_m = metres / side
    homes, works = _densities(seed, side, sigma)
    home = np.empty(people, np.int32)
    households = fill_households(seed, 10, np.cumsum(HOUSEHOLDS), home)
    role = np.empty(people, np.int8)
    fill_roles(seed, 11, np.cumsum(ROLE_SHARES), role)
    lo = _venues(homes, works, households, role)
    n = int(lo[-1, -1])
    x, y, kind = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.int8)
    for k in range(N_KINDS):
        place_venues(seed, 20 + k, lo[k], PER_BUILDING[k], side, block_m, x, y)
        kind[lo[k, 0] : lo[k, -1]] = k
    last = np.nextafter(np.float32(metres), np.float32(0.0))
    np.minimum(x, last, out=x)
    np.minimum(y, last, out=y)
    near = np.stack([_nearest(np.diff(lo[k]) > 0, side) for k in range(N_KINDS)])
    place, reach, zone_of = _places(seed, side, block_m, lo, home, role)
    return Built(
        side, block_m, homes, home, place, role, x, y, kind, lo, near, reach, zone_of, habits.array()
    )


def _densities(seed: int, side: int, sigma: float) -> tuple[Float64, Float64]:
    """Draw shares of homes and works over the blocks: logarithms are normal, and alike where blocks are near."""
    first, second = (_field(np.random.default_rng([seed, k]), side) for k in (1, 2))
    homes = np.exp(sigma * first)
    tied = WORK_TIE * first + math.sqrt(1.0 - WORK_TIE**2) * second
    works = np.exp(WORK_SIGMA * min(1.0, sigma) * tied)
    return homes / homes.sum(), works / works.sum()


def _field(rng: np.random.Generator, side: int) -> Float64:
    """Draw a normal number for each block, of mean 0 and variance 1 over the blocks; neighbours are alike."""
    rough = rng.standard_normal((side, side))
    smooth = rng.standard_normal((side, side))
    for axis in (0, 1):
        for _ in range(3):
            smooth = smooth + np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis)
    spread = smooth.std()
    mixed = rough if side < 4 or spread == 0.0 else rough * 0.6 + 0.8 * (smooth - smooth.mean()) / spread
    spread = mixed.std()
    field: Float64 = (mixed - mixed.mean()) / (spread if spread > 0.0 else 1.0)
    return field.ravel()


def _venues(homes: Float64, works: Float64, households: int, role: NDArray[np.int8]) -> Int32:
    """Deal venues of all kinds to blocks; return the first of each kind and block."""
    from cotrace.kernels.synth_days import OTHER, PUPIL

    people = role.size
    pupils = int((role == PUPIL).sum())
    workers = people - pupils - int((role == OTHER).sum())
    busy = 0.5 * homes + 0.5 * works
    a = PEOPLE_A_VENUE
    numbers = [
        (homes, households),
        (works, workers / a["work"]),
        (homes, pupils / a["school"]),
        (busy, people / a["shop"]),
        (busy, people / a["restaurant"]),
        (busy, people / a["leisure"]),
    ]
    lo = np.empty((len(numbers), homes.size + 1), np.int32)
    first = 0
    for k, (shares, number) in enumerate(numbers):
        n = max(1, math.ceil(number)) if k else max(1, households)
        lo[k, 0] = first
        # every block gets its share, to less than one venue; a little over the half, so that none falls on an edge
        lo[k, 1:] = first + np.floor(np.cumsum(shares) / shares.sum() * n + 0.5)
        lo[k, -1] = first = first + n
    return lo


def _nearest(has: NDArray[np.bool_], side: int) -> Int32:
    """Return for each block the nearest that has something: by rings of growing size, the first in order of number."""
    there = np.flatnonzero(has)
    out = np.arange(has.size, dtype=np.int32)
    row, col = np.divmod(there, side)
    for block in np.flatnonzero(~has):
        out[block] = there[np.argmin((row - block // side) ** 2 + (col - block % side) ** 2)]
    return out


def _places(
    seed: int, side: int, block_m: float, lo: Int32, home: Int32, role: NDArray[np.int8]
) -> tuple[Int32, Float64, Int32]:
    """Give workers and pupils their places; return them, the reach of works, and the zones of blocks."""
    from cotrace.kernels.synth_days import OTHER, PUPIL, ROLES, SCHOOL, WORK
    from cotrace.kernels.synth_people import fill_places

    zone_of, per_zone = _zones(side)
    zone_blocks = np.argsort(zone_of, kind="stable").astype(np.int32)
    zone_lo = np.searchsorted(zone_of[zone_blocks], np.arange(zone_of.max() + 2)).astype(np.int32)
    home_block = np.repeat(np.arange(side * side, dtype=np.int32), np.diff(lo[0]))
    place = np.full(home.size, -1, np.int32)
    roles = np.arange(len(ROLES))
    pupils = roles == PUPIL
    reaches = []
    for stream, kind, of_role, metres in (
        (30, WORK, (roles != OTHER) & ~pupils, WORK_REACH_M),
        (31, SCHOOL, pupils, SCHOOL_REACH_M),
    ):
        reach = _reach(np.diff(lo[kind]), zone_of, side, per_zone * block_m, metres)
        reaches.append(reach)
        fill_places(
            seed, stream, of_role, role, home_block, home, zone_of, reach, zone_lo, zone_blocks,
            lo[kind], kind == WORK, place,
        )  # fmt: skip
    return place, reaches[0], zone_of


def _zones(side: int) -> tuple[Int32, int]:
    """Return the zone of each block, and the blocks along a zone's side."""
    per_zone = math.ceil(side / MOST_ZONES)
    row, col = np.divmod(np.arange(side * side), side)
    across = math.ceil(side / per_zone)
    return (row // per_zone * across + col // per_zone).astype(np.int32), per_zone


def _reach(venues: NDArray[np.int32], zone_of: Int32, side: int, zone_m: float, metres: float) -> Float64:
    """Return for each zone the cumulative shares of the zones gone to: venues there, times exp(-distance / metres)."""
    zones = int(zone_of.max()) + 1
    across = math.isqrt(zones)
    there = np.bincount(zone_of, venues, zones)
    row, col = np.divmod(np.arange(zones), across)
    far = zone_m * np.hypot(row[:, None] - row, col[:, None] - col)
    np.fill_diagonal(far, 0.4 * zone_m)
    weight = there * np.exp(-far / metres)
    out = np.cumsum(weight, axis=1)
    out /= out[:, -1:]
    # the last zone that has anything ends every row
    out[:, int(np.flatnonzero(there)[-1]) :] = 1.0
    return np.ascontiguousarray(out)
