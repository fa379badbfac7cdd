"""The paths of people of a made city: for each day, legs that cover it without a gap (:mod:`.synth_days`)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel
from cotrace.kernels.synth_days import ARRIVED, LEFT, MAX_STOPS, VENUE, WALK_M, plan_day
from cotrace.kernels.synth_random import key_of

__all__ = ["MAX_LEGS", "RIDE", "VISIT", "WALK", "fill_legs"]

VISIT, WALK, RIDE = 0, 1, 2
#: the most legs of a person's day: a ride has two
MAX_LEGS = 3 * MAX_STOPS - 2


@kernel
def fill_legs(
    seed: int,
    devices: NDArray[np.int64],
    day: int,
    weekday: int,
    role: NDArray[np.int8],
    home: NDArray[np.int32],
    place: NDArray[np.int32],
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    lo: NDArray[np.int32],
    near: NDArray[np.int32],
    side: int,
    block_m: float,
    habits: NDArray[np.float64],
    stops: NDArray[np.int64],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    x0: NDArray[np.float32],
    y0: NDArray[np.float32],
    x1: NDArray[np.float32],
    y1: NDArray[np.float32],
    venue: NDArray[np.int32],
    mode: NDArray[np.int8],
) -> int:
    """Fill the legs of some people on one day, and return how many there are.

    Parameters
    ----------
    seed : int
        Of the city.
    devices : int64[n]
        Numbers of people.
    day, weekday : int
        Days from the city's first, and the day of the week (Monday is 0).
    role : int8[people]
    home, place : int32[people]
        Venue of each one's home, and of work or school (-1: none).
    x, y : float32[venues]
    lo : int32[kinds, blocks + 1]
        The first venue of each kind and block.
    near : int32[kinds, blocks]
        For each kind and block, the nearest block that has one.
    side, block_m : int, float
        Blocks along a side, and their size in metres.
    habits : float64[HABITS]
    stops : int64[MAX_STOPS, 3]
        Scratch.
    offset : int64[n + 1]
        Filled: the first leg of each of these people.
    t0, t1, x0, y0, x1, y1, venue, mode : int32, int32, float32 (four), int32, int8, each [at least n * MAX_LEGS]
        Filled from the front: seconds from the city's start, metres.

    Notes
    -----
    O(legs): some 0.6 microseconds a person and day.
    """
    seed_key = key_of(key_of(np.uint64(0), seed), 1)
    town = (x, y, lo, near, side, block_m, habits)
    base = day * 86_400
    m = 0
    for i in range(devices.size):
        d = devices[i]
        n = plan_day(seed_key, d, day, weekday, role[d], home[d], place[d], town, stops)
        offset[i] = m
        for s in range(n):
            v = stops[s, VENUE]
            if s > 0 and stops[s, ARRIVED] > stops[s - 1, LEFT]:
                # on the way: straight on foot, or along one street and then another
                a = stops[s - 1, VENUE]
                dx, dy = np.float64(x[v]) - np.float64(x[a]), np.float64(y[v]) - np.float64(y[a])
                begins, ends = stops[s - 1, LEFT], stops[s, ARRIVED]
                walks = math.sqrt(dx * dx + dy * dy) <= habits[WALK_M]
                turns = begins
                if not walks:
                    first = abs(dx) if (v + day) % 2 == 0 else abs(dy)
                    turns = begins + int((ends - begins) * (first / (abs(dx) + abs(dy))))
                t0[m] = base + begins
                t1[m] = base + ends
                x0[m], y0[m] = x[a], y[a]
                x1[m], y1[m] = x[v], y[v]
                venue[m] = -1
                mode[m] = WALK if walks else RIDE
                if begins < turns < ends:
                    t1[m] = base + turns
                    if (v + day) % 2 == 0:
                        y1[m] = y[a]
                    else:
                        x1[m] = x[a]
                    m += 1
                    t0[m] = base + turns
                    t1[m] = base + ends
                    x0[m], y0[m] = x1[m - 1], y1[m - 1]
                    x1[m], y1[m] = x[v], y[v]
                    venue[m] = -1
                    mode[m] = RIDE
                m += 1
            if stops[s, LEFT] > stops[s, ARRIVED]:
                t0[m] = base + stops[s, ARRIVED]
                t1[m] = base + stops[s, LEFT]
                x0[m], y0[m] = x[v], y[v]
                x1[m], y1[m] = x[v], y[v]
                venue[m] = v
                mode[m] = VISIT
                m += 1
    offset[devices.size] = m
    return m
