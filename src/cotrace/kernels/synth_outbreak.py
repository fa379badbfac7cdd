"""Infections over meetings: who of those in a venue is infected by somebody infectious, and when."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.synth_days import HOME
from cotrace.kernels.synth_random import bell, key_of, uniform

__all__ = ["N_DRAWS", "draw_courses", "spread"]

#: draws of a course: a bell for the incubation, and uniform ones for what else is drawn of it
N_DRAWS = 6


@kernel
def draw_courses(seed: int, devices: NDArray[np.int64], out: NDArray[np.float64]) -> None:
    """Fill ``out`` (float64[n, N_DRAWS]) with the draws of each device's course: a bell, then uniform. O(n)."""
    key = key_of(key_of(np.uint64(0), seed), 40)
    for i in range(devices.size):
        mine = key_of(key, devices[i])
        out[i, 0] = bell(mine, 0)
        for k in range(1, N_DRAWS):
            out[i, k] = uniform(mine, k)


@inlined
def _strength(at: float, onset: int, before: float, after: float) -> float:
    """Return how infectious one is: rising to 1 at the onset, falling from then on."""
    since = at - onset
    return max(0.0, 1.0 + since / before if since < 0.0 else 1.0 - since / after)


@kernel
def spread(
    seed: int,
    rows: NDArray[np.int32],
    place_lo: NDArray[np.int64],
    longest: NDArray[np.int32],
    kind: NDArray[np.int8],
    asked: NDArray[np.int32],
    course: NDArray[np.int64],
    force: NDArray[np.float64],
    rates: NDArray[np.float64],
    close: float,
    before: float,
    after: float,
    day: int,
    infected_at: NDArray[np.int32],
    by: NDArray[np.int32],
    where: NDArray[np.int32],
    met_at: NDArray[np.int32],
) -> None:
    """Infect those who meet infectious people on one day; nobody infected on a day infects others on it.

    Parameters
    ----------
    seed : int
        Of the outbreak.
    rows : int32[n, 4]
        Visits of this day: device, place, start, end, by place and start.
    place_lo : int64[places + 1]
    longest : int32[places]
        The longest visit of each place.
    kind : int8[places]
        Of its venue.
    asked : int32[m, 4]
        Visits of those who may infect.
    course : int64[m, 3]
        For each of these: infectious from, until, and onset, in seconds.
    force : float64[m]
        How much more infectious they are than usual.
    rates : float64[kinds]
        Infections an hour of a near contact at the height of infectiousness.
    close : float
        Outside homes, how many others one is near to at most, on average.
    before, after : float
        Seconds from the first infectious one to the onset, and from the onset to the last.
    day : int
        First second of the day.
    infected_at, by, where, met_at : int32[devices]
        When each was infected (2**31 - 1: not yet), by whom, in which place, and when the two met; changed. Of several
        infections the earliest counts, and of these that by the least device.

    Notes
    -----
    O(visits to the place that begin within its longest before) for each of ``asked``. Every draw hangs on the two
    devices and the start of the visit alone: the order of ``asked`` does not matter.
    """
    key = key_of(key_of(np.uint64(0), seed), 41)
    for a in range(asked.shape[0]):
        device, place = int(asked[a, 0]), asked[a, 1]
        start, end = max(int(asked[a, 2]), course[a, 0]), min(int(asked[a, 3]), course[a, 1])
        if start >= end:
            continue
        low, high = place_lo[place], place_lo[place + 1]
        begin = asked[a, 2] - longest[place]
        while low < high:
            middle = (low + high) // 2
            if rows[middle, 2] < begin:
                low = middle + 1
            else:
                high = middle
        others = 0
        for b in range(low, place_lo[place + 1]):
            if rows[b, 2] >= end:
                break
            if rows[b, 3] > start and rows[b, 0] != device:
                others += 1
        if others == 0:
            continue
        share = 1.0 if kind[place] == HOME else close / others
        mine = key_of(key_of(key, device), asked[a, 2])
        for b in range(low, place_lo[place + 1]):
            if rows[b, 2] >= end:
                break
            other = rows[b, 0]
            since, until = max(start, int(rows[b, 2])), min(end, int(rows[b, 3]))
            # who was infected before today is not infected again; who was today may have been earlier
            if until <= since or other == device or infected_at[other] < day:
                continue
            pair = key_of(key_of(mine, int(other)), int(rows[b, 2]))
            rate = rates[kind[place]] * force[a]
            rate *= _strength(0.5 * (since + until), course[a, 2], before, after)
            if rate <= 0.0 or uniform(pair, 0) >= share:
                continue
            at = since - math.log(1.0 - uniform(pair, 1)) / rate * 3600.0
            if at < until:
                t = int(at)
                if t < infected_at[other] or (t == infected_at[other] and device < by[other]):
                    infected_at[other], by[other], where[other], met_at[other] = t, device, place, since
