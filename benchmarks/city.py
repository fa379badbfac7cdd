"""A made city whose devices are heard like phones on a network: the generator behind ``make_pings.py``.

Every device has a home, a place of work and a few other places; it is heard at most 54 minutes apart when
idle, at every 800 m of a trip, and now and then flaps between two neighbouring cells. Everything a device does
on a day follows from ``(seed, device, day)``, so that days can be made one after the other in bounded memory.
"""

from __future__ import annotations

import numba
import numpy as np

#: The most events of one device on one day; also the number of slots that a device has in a day's buffer.
SLOTS = 60
#: What one device has on an average day, measured; used to choose the number of devices for a number of rows.
EVENTS_A_DAY = 47.47
#: The periodic update of an idle phone.
IDLE_S = 54 * 60
DAY_S = 86_400
#: A flap or a repeated record goes to the neighbouring cell.
NEIGHBOUR_M = 800.0

_jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _mix(z):
    """Splitmix64's finaliser: one well-mixed word out of one word."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@_jit
def _start(rng, seed, device, day):
    """Set the generator to where (seed, device, day) begins; ``day`` -1 is the device's own traits."""
    rng[0] = _mix(
        _mix(np.uint64(seed) + np.uint64(device) * np.uint64(0x9E3779B97F4A7C15)) + np.uint64(day + 1)
    )


@_jit
def _uniform(rng, low, high):
    rng[0] += np.uint64(0x9E3779B97F4A7C15)
    return low + (high - low) * (np.float64(_mix(rng[0]) >> np.uint64(11)) / 9007199254740992.0)


@_jit
def _normal(rng):
    u = 1.0 - _uniform(rng, 0.0, 1.0)
    return np.sqrt(-2.0 * np.log(u)) * np.cos(2.0 * np.pi * _uniform(rng, 0.0, 1.0))


@_jit
def _somewhere(rng, city_m, centred, out):
    """Draw a place: in the middle of the city, in one of eight towns within it, or anywhere in its square."""
    u = _uniform(rng, 0.0, 1.0)
    half = city_m / 2.0
    if u < centred:
        out[0] = _normal(rng) * city_m / 12.0
        out[1] = _normal(rng) * city_m / 12.0
    elif u < centred + 0.3:
        town = int(_uniform(rng, 0.0, 8.0))
        out[0] = half * 0.6 * np.cos(town * 0.7853981634) + _normal(rng) * city_m / 30.0
        out[1] = half * 0.6 * np.sin(town * 0.7853981634) + _normal(rng) * city_m / 30.0
    else:
        out[0] = _uniform(rng, -half, half)
        out[1] = _uniform(rng, -half, half)
    out[0] = min(max(out[0], -half), half)
    out[1] = min(max(out[1], -half), half)


@_jit
def _emit(out, base, k, device, t, x, y):
    """Write event ``k`` of a device: its number, the second of the day, and its place in decimetres."""
    out[base + k, 0] = device
    out[base + k, 1] = t
    out[base + k, 2] = np.int32(np.round(x * 10.0))
    out[base + k, 3] = np.int32(np.round(y * 10.0))
    return k + 1


@_jit
def _room(k, t):
    """How many events more than the idle ones a device may still have today."""
    # eight are kept for the departures and arrivals of the day, which are never left out
    return SLOTS - k - ((DAY_S - t) // IDLE_S + 9)


@_jit
def _plan(rng, traits, places, day, until, where):
    """Fill the day's visits: visit ``v`` is at place ``where[v]`` until second ``until[v]``; return how many."""
    n = 0
    where[0] = 0
    if day % 7 < 5 and traits[2] > 0.0:
        until[0] = traits[1] + _uniform(rng, -1200.0, 1200.0)
        where[1] = 1
        until[1] = until[0] + traits[2] + _uniform(rng, -1800.0, 1800.0)
        n = 2
        if _uniform(rng, 0.0, 1.0) < 0.3:
            where[2] = 2 + int(_uniform(rng, 0.0, 3.0))
            until[2] = until[1] + _uniform(rng, 3600.0, 9000.0)
            n = 3
    elif _uniform(rng, 0.0, 1.0) < 0.6:
        until[0] = _uniform(rng, 9.0 * 3600.0, 17.0 * 3600.0)
        where[1] = 2 + int(_uniform(rng, 0.0, 3.0))
        until[1] = until[0] + _uniform(rng, 3600.0, 5.0 * 3600.0)
        n = 2
    where[n] = 0
    until[n] = DAY_S
    return n + 1


@_jit
def _visit(rng, out, base, k, device, t, end, x, y, flap_x, flap_y, mean_gap):
    """Emit the events of a visit that lasts until ``end``; ``t`` is when the device was last heard."""
    while True:
        gap = IDLE_S
        if _room(k, t) > 0:
            # on the first event of a day, wait from midnight on: yesterday's part of the wait is known to be quiet
            gap = max(0, -t) + 20 + int(-mean_gap * np.log(1.0 - _uniform(rng, 0.0, 1.0)))
            gap = min(IDLE_S, gap)
        if t + gap >= end:
            return k, t
        t += gap
        px = x + _uniform(rng, -60.0, 60.0)
        py = y + _uniform(rng, -60.0, 60.0)
        k = _emit(out, base, k, device, t, px, py)
        u = _uniform(rng, 0.0, 1.0)
        if u < 0.03 and _room(k, t) > 2:
            away = t + 15 + int(_uniform(rng, 0.0, 180.0))
            back = away + 15 + int(_uniform(rng, 0.0, 180.0))
            if back < end:
                k = _emit(out, base, k, device, away, px + flap_x, py + flap_y)
                k = _emit(out, base, k, device, back, px, py)
                t = back
        elif u < 0.034 and _room(k, t) > 1:
            k = _emit(out, base, k, device, t, px, py)
        elif u < 0.036 and _room(k, t) > 1:
            k = _emit(out, base, k, device, t, px + flap_x, py + flap_y)


@_jit
def _trip(rng, out, base, k, device, t, begin, from_x, from_y, to_x, to_y):
    """Emit the departure and every 800 m of a trip (fewer of a long one); return the count and the last time."""
    distance = np.hypot(to_x - from_x, to_y - from_y)
    lasts = 300.0 + distance / (6.0 + distance / 6000.0)
    hops = min(24, 1 + int(distance / NEIGHBOUR_M))
    for hop in range(hops + 1):
        at = int(begin + lasts * hop / hops)
        if at <= t or at >= DAY_S or (0 < hop < hops and _room(k, at) <= 0):
            continue
        part = hop / hops
        px = from_x + (to_x - from_x) * part + _uniform(rng, -60.0, 60.0)
        py = from_y + (to_y - from_y) * part + _uniform(rng, -60.0, 60.0)
        k = _emit(out, base, k, device, at, px, py)
        t = at
    return k, t


@_jit
def _traits(rng, seed, device, city_m, traits, places, spot):
    """Draw what a device always has: mean gap, hour of leaving, hours at work (0: none), flap, five places."""
    _start(rng, seed, device, -1)
    traits[0] = _uniform(rng, 40.0, 160.0) * 60.0
    traits[1] = _uniform(rng, 6.5, 9.5) * 3600.0
    traits[2] = _uniform(rng, 7.0, 9.0) * 3600.0 if _uniform(rng, 0.0, 1.0) < 0.75 else 0.0
    side = int(_uniform(rng, 0.0, 4.0))
    traits[3] = NEIGHBOUR_M * (1 - side) if side % 2 == 0 else 0.0
    traits[4] = NEIGHBOUR_M * (2 - side) if side % 2 == 1 else 0.0
    for place in range(5):
        _somewhere(rng, city_m, 0.3 if place == 0 else 0.5, spot)
        if place > 0 and _uniform(rng, 0.0, 1.0) < 0.7:
            # most of what people do is near home
            spot[0] = places[0, 0] + _normal(rng) * 3500.0
            spot[1] = places[0, 1] + _normal(rng) * 3500.0
        places[place, 0] = spot[0]
        places[place, 1] = spot[1]


@_jit
def simulate_day(seed, day, first, last, city_m, heard, out, counts):
    """Make one day of the devices ``first`` to ``last`` - 1.

    heard : int32[devices], second at which each was last heard, before this day (negative); updated in place
    out : int32[devices * SLOTS, 4]: device, second of the day, x and y in decimetres; device ``i`` has the slots
    from ``i * SLOTS``; counts : int32[devices], how many of them are used.
    Cost: about 60 ns an event.
    """
    rng = np.zeros(1, np.uint64)
    traits = np.zeros(5)
    places = np.zeros((5, 2))
    spot = np.zeros(2)
    until = np.zeros(5)
    where = np.zeros(5, np.int64)
    for device in range(first, last):
        _traits(rng, seed, device, city_m, traits, places, spot)
        _start(rng, seed, device, day)
        base = np.int64(device) * SLOTS
        k = 0
        t = np.int64(heard[device])
        if _uniform(rng, 0.0, 1.0) < 0.02:
            # switched off for the night: a gap that says nothing
            t = np.int64(_uniform(rng, 2.0, 6.0) * 3600.0)
        visits = _plan(rng, traits, places, day, until, where)
        x, y = places[0, 0], places[0, 1]
        for v in range(visits):
            if v > 0:
                to_x, to_y = places[where[v], 0], places[where[v], 1]
                k, t = _trip(rng, out, base, k, device, t, until[v - 1], x, y, to_x, to_y)
                x, y = to_x, to_y
            k, t = _visit(
                rng, out, base, k, device, t, min(int(until[v]), DAY_S), x, y, traits[3], traits[4], traits[0]
            )
        counts[device] = k
        heard[device] = t - DAY_S


@_jit
def order_by_second(out, counts, order):
    """Fill ``order`` (int32[events]) with the slots in order of time, then of device; a counting sort."""
    starts = np.zeros(DAY_S + 1, np.int64)
    for device in range(counts.size):
        base = np.int64(device) * SLOTS
        for k in range(counts[device]):
            starts[out[base + k, 1] + 1] += 1
    for second in range(DAY_S):
        starts[second + 1] += starts[second]
    for device in range(counts.size):
        base = np.int64(device) * SLOTS
        for k in range(counts[device]):
            second = out[base + k, 1]
            order[starts[second]] = base + k
            starts[second] += 1


@_jit
def keep_silent(seed, day, share, out, counts):
    """Drop the events of this share of all (device, quarter of a day): long silences, in which nothing is heard."""
    rng = np.zeros(1, np.uint64)
    silent = np.zeros(4, np.bool_)
    for device in range(counts.size):
        _start(rng, seed + 1, device, day)
        for quarter in range(4):
            silent[quarter] = _uniform(rng, 0.0, 1.0) < share
        base, k = np.int64(device) * SLOTS, 0
        for i in range(counts[device]):
            if not silent[out[base + i, 1] * 4 // DAY_S]:
                out[base + k] = out[base + i]
                k += 1
        counts[device] = k


@_jit
def gather(out, order, midnight_us, step, code, time, x, y):
    """Copy the events ``order`` into columns: device number, microseconds since the epoch, metres.

    ``step`` is the resolution of positions in decimetres.
    """
    for i in range(order.size):
        slot = order[i]
        code[i] = out[slot, 0]
        time[i] = midnight_us + np.int64(out[slot, 1]) * 1_000_000
        x[i] = np.round(out[slot, 2] / step) * step / 10.0
        y[i] = np.round(out[slot, 3] / step) * step / 10.0
