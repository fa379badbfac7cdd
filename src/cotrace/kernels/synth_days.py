"""What one person does on one day: a list of stops, which follows from the city, the person and the day alone.

A stop is a venue with its first second and the first second after it, in seconds of the day. Between two stops the
person is under way. Nobody is under way at midnight: where a person is then is drawn for each midnight by itself
(:func:`at_midnight`), so that a day can be made without the one before it.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined
from cotrace.kernels.synth_random import bell, key_of, uniform

__all__ = [
    "ARRIVED",
    "DAY_S",
    "HABITS",
    "HOME",
    "LEFT",
    "MAX_STOPS",
    "N_KINDS",
    "OUTING_KINDS",
    "PUPIL",
    "ROLES",
    "SHIFT",
    "VENUE",
    "WEEKEND",
    "WORKER",
    "Town",
    "plan_day",
]

DAY_S = 86_400
#: kinds of venues, and roles of people
HOME, WORK, SCHOOL, SHOP, RESTAURANT, LEISURE = range(6)
N_KINDS = 6
OUTING_KINDS = (SHOP, RESTAURANT, LEISURE, HOME)
OTHER, WORKER, PUPIL, SHIFT, WEEKEND = range(5)
ROLES = ("other", "worker", "pupil", "shift", "weekend")
#: columns of a stop
VENUE, ARRIVED, LEFT = range(3)
MAX_STOPS = 16

#: what a day needs of the city: x, y (float32[venues]), the first venue of each kind and block, and the nearest block
#: that has one (int32[kinds, blocks + 1], int32[kinds, blocks]), blocks along a side, their size in metres, habits
Town: TypeAlias = tuple[
    NDArray[np.float32],
    NDArray[np.float32],
    NDArray[np.int32],
    NDArray[np.int32],
    int,
    float,
    NDArray[np.float64],
]
#: a person's speed on foot (m/s), and the factor on the speed of rides
Pace: TypeAlias = tuple[float, float]

#: places of the habits in their array
(
    LUNCH,
    AFTER_WORK,
    EVENING,
    MORNING,
    AFTERNOON,
    JOINT,
    LATE,
    TO_SHOP,
    TO_RESTAURANT,
    TO_LEISURE,
    REACH_M,
    WALK_M,
    WALK_SPEED,
    RIDE_SPEED,
    RIDE_GAIN,
    SHOP_LEAST,
    SHOP_MORE,
    RESTAURANT_LEAST,
    RESTAURANT_MORE,
    LEISURE_LEAST,
    LEISURE_MORE,
    FRIEND_LEAST,
    FRIEND_MORE,
    WORK_STARTS,
    WORK_LASTS,
    SCHOOL_STARTS,
    SCHOOL_LASTS,
) = range(27)
HABITS = 27

#: numbers of draws: of a person's traits, then of a person's day
_T_WALK, _T_RIDE, _T_START, _T_HOURS, _T_WEEK, _T_REST = 0, 1, 2, 3, 4, 5
_D_LATE, _D_LEAVE, _D_START, _D_HOURS, _D_LUNCH, _D_AFTER, _D_MORNING, _D_AFTERNOON, _D_EVENING = range(9)
_D_NEXT, _D_JOINT, _D_JOIN, _D_WHEN, _D_LATER, _D_LATEST, _D_LATE_VENUE = 9, 10, 11, 12, 13, 14, 15
#: each outing of a day has draws of its own from here on
_OUTING = 16
_PER_OUTING = 8
_FAVOURITES = 64
#: no ride takes longer than this, and nobody comes home from an outing later than that
LONGEST_S = 5_400
LATEST_S = 80_400
_HOUR = 3_600.0
_FARTHEST_M = 20_000.0


@inlined
def _travel_s(dx: float, dy: float, pace: Pace, habits: NDArray[np.float64]) -> int:
    """Return the seconds of a way: straight on foot when it is short, else by two streets, faster when it is long."""
    straight = math.sqrt(dx * dx + dy * dy)
    if straight == 0.0:
        return 0
    if straight <= habits[WALK_M]:
        return int(straight / pace[0]) + 1
    length = abs(dx) + abs(dy)
    speed = (habits[RIDE_SPEED] + min(10.0, length * habits[RIDE_GAIN])) * pace[1]
    return min(int(length / speed) + 1, LONGEST_S)


@inlined
def _between(a: int, b: int, town: Town, pace: Pace) -> int:
    """Return the seconds from one venue to another."""
    x, y = town[0], town[1]
    return _travel_s(np.float64(x[b]) - np.float64(x[a]), np.float64(y[b]) - np.float64(y[a]), pace, town[6])


@inlined
def _near(key: Any, kind: int, base: int, reach_m: float, town: Town) -> int:
    """Draw a venue of a kind: most are near, few far; the first ones of a block are the popular ones."""
    lo, near, side, block_m = town[2], town[3], town[4], town[5]
    u = uniform(key, 0)
    far = min(reach_m * u / (1.0 - u), _FARTHEST_M)
    col = int(max(np.float64(town[0][base]) + far * (2.0 * uniform(key, 1) - 1.0), 0.0) / block_m)
    row = int(max(np.float64(town[1][base]) + far * (2.0 * uniform(key, 2) - 1.0), 0.0) / block_m)
    block = near[kind, min(row, side - 1) * side + min(col, side - 1)]
    n = lo[kind, block + 1] - lo[kind, block]
    u = uniform(key, 3)
    venue: int = lo[kind, block] + int(n * (u if kind == HOME else u * u))
    return venue


@inlined
def _favourite(key: Any, day_key: Any, number: int, kind: int) -> Any:
    """Return the key of the venue gone to: one of three usual ones, or now and then another."""
    u = uniform(day_key, number)
    if u >= 0.85:
        return key_of(day_key, number + 1)
    rank = 0 if u < 0.5 else (1 if u < 0.72 else 2)
    return key_of(key, _FAVOURITES + kind * 3 + rank)


@inlined
def _kind(u: float, habits: NDArray[np.float64]) -> int:
    """Return the kind of an outing for a uniform number."""
    if u < habits[TO_SHOP]:
        return SHOP
    if u < habits[TO_RESTAURANT]:
        return RESTAURANT
    return LEISURE if u < habits[TO_LEISURE] else HOME


@inlined
def _dwell(kind: int, u: float, habits: NDArray[np.float64]) -> int:
    """Return how long an outing of this kind lasts, in seconds: the least, and more of it seldom."""
    at = SHOP_LEAST + 2 * (kind - SHOP) if kind != HOME else FRIEND_LEAST
    return int(60.0 * (habits[at] + habits[at + 1] * u * u))


@inlined
def _works(role: int, key: Any, weekday: int) -> bool:
    """Say whether a person of this role works (or learns) on a day of the week."""
    if role == WEEKEND:
        rest = int(uniform(key, _T_REST) * 7.0)
        return weekday != rest and weekday != (rest + 1) % 7
    return role != OTHER and weekday < 5


@inlined
def _is_night_week(key: Any, day: int) -> bool:
    """Say whether the shift worker's nights of this day's week are worked: one week in three."""
    return (day + 21 + int(uniform(key, _T_WEEK) * 21.0)) // 7 % 3 == 0


@inlined
def at_midnight(
    key: Any,
    day_key: Any,
    role: int,
    home: int,
    place: int,
    day: int,
    weekday: int,
    town: Town,
) -> int:
    """Return the venue where a person is when the day begins: home, work, or out late on Friday and Saturday."""
    if role == SHIFT and 1 <= weekday <= 5 and _is_night_week(key, day - weekday):
        return place
    if weekday >= 5 and role != OTHER and role != PUPIL and uniform(day_key, _D_LATE) < town[6][LATE]:
        return _near(key_of(day_key, _D_LATE_VENUE), LEISURE, home, 3.0 * town[6][REACH_M], town)
    return home


@inlined
def _go(stops: NDArray[np.int64], n: int, venue: int, leave: int, takes: int) -> int:
    """Leave the last stop for another venue; return the number of stops."""
    stops[n - 1, LEFT] = leave
    stops[n, VENUE] = venue
    stops[n, ARRIVED] = leave + takes
    stops[n, LEFT] = DAY_S
    return n + 1


@inlined
def _outing(
    stops: NDArray[np.int64],
    n: int,
    venue: int,
    back: int,
    leave: int,
    dwell: int,
    latest: int,
    town: Town,
    pace: Pace,
) -> int:
    """Go to a venue and then to ``back``, if that is reached by the latest second; return the number of stops."""
    last = stops[n - 1, VENUE]
    leave = max(leave, stops[n - 1, ARRIVED] + 300)
    there = _between(last, venue, town, pace)
    away = _between(venue, back, town, pace)
    if venue == last or venue == back or leave + there + dwell + away > latest:  # noqa: SIM109 - for Numba
        return n
    n = _go(stops, n, venue, leave, there)
    return _go(stops, n, back, leave + there + dwell, away)


@inlined
def _drawn_outing(
    stops: NDArray[np.int64],
    n: int,
    slot: int,
    key: Any,
    day_key: Any,
    base: int,
    back: int,
    leave: int,
    latest: int,
    town: Town,
    pace: Pace,
) -> int:
    """Go on the outing with this number, to a venue near the base; return the number of stops."""
    draw, habits = _OUTING + _PER_OUTING * slot, town[6]
    kind = _kind(uniform(day_key, draw), habits) if slot > 0 else RESTAURANT
    dwell = _dwell(kind, uniform(day_key, draw + 1), habits)
    where = _favourite(key, day_key, draw + 2, kind)
    venue = _near(where, kind, base, habits[REACH_M], town)
    return _outing(stops, n, venue, back, leave, dwell, latest, town, pace)


@inlined
def plan_day(
    seed_key: Any,
    device: int,
    day: int,
    weekday: int,
    role: int,
    home: int,
    place: int,
    town: Town,
    stops: NDArray[np.int64],
) -> int:
    """Fill the stops of a person's day (int64[MAX_STOPS, 3]) and return how many there are."""
    key = key_of(seed_key, 2 * device)
    day_key = key_of(key, 1_000 + day)
    next_key = key_of(key, 1_001 + day)
    pace = _pace(key, town[6])
    now = at_midnight(key, day_key, role, home, place, day, weekday, town)
    then = at_midnight(key, next_key, role, home, place, day + 1, (weekday + 1) % 7, town)
    stops[0, VENUE] = now
    stops[0, ARRIVED] = 0
    stops[0, LEFT] = DAY_S
    n = 1
    free = 0
    if now != home:
        u = uniform(day_key, _D_LEAVE)
        leave = int((6.0 + 1.5 * u) * _HOUR) if now == place else int((0.5 + 2.5 * u) * _HOUR)
        n = _go(stops, n, home, leave, _between(now, home, town, pace))
        free = 46_800 if now == place else 36_000
    if place >= 0 and now != place and then != place and _works(role, key, weekday):
        n = _work_day(stops, n, role, key, day_key, home, place, town, pace)
    else:
        house_key = key_of(seed_key, 2 * home + 1)
        n = _free_day(stops, n, free, day, weekday, key, day_key, house_key, home, town, pace)
    if then == home:
        if uniform(day_key, _D_EVENING) < town[6][EVENING]:
            leave = max(68_400, stops[n - 1, ARRIVED] + 1_800) + int(3_600.0 * uniform(day_key, _D_WHEN))
            n = _drawn_outing(stops, n, 3, key, day_key, home, home, leave, LATEST_S, town, pace)
        return n
    takes = _between(home, then, town, pace)
    leave = DAY_S - takes - 600 - int((6_600.0 if then == place else 5_400.0) * uniform(day_key, _D_NEXT))
    return _go(stops, n, then, max(leave, stops[n - 1, ARRIVED] + 1), takes)


@inlined
def _pace(key: Any, habits: NDArray[np.float64]) -> Pace:
    """Return a person's pace."""
    walk = habits[WALK_SPEED] * (1.0 + 0.12 * bell(key, _T_WALK))
    return walk, 1.0 + 0.1 * bell(key, _T_RIDE)


@inlined
def _work_day(
    stops: NDArray[np.int64],
    n: int,
    role: int,
    key: Any,
    day_key: Any,
    home: int,
    place: int,
    town: Town,
    pace: Pace,
) -> int:
    """Fill a day of work or school: there, perhaps out for lunch, perhaps somewhere on the way home."""
    habits = town[6]
    takes = _between(home, place, town, pace)
    if role == PUPIL:
        starts = habits[SCHOOL_STARTS] + 0.15 * bell(day_key, _D_START)
        lasts = habits[SCHOOL_LASTS] + 0.1 * bell(day_key, _D_HOURS)
    else:
        starts = habits[WORK_STARTS] + 0.6 * bell(key, _T_START) + 0.15 * bell(day_key, _D_START)
        lasts = habits[WORK_LASTS] + 0.5 * bell(key, _T_HOURS) + 0.3 * bell(day_key, _D_HOURS)
    leave = max(int(starts * _HOUR) - takes, stops[n - 1, ARRIVED] + 300)
    n = _go(stops, n, place, leave, takes)
    off = max(min(leave + takes + int(lasts * _HOUR), 72_000), leave + takes + 3_600)
    if role != PUPIL and uniform(day_key, _D_LUNCH) < habits[LUNCH]:
        lunch = int((11.5 + 1.5 * uniform(day_key, _D_MORNING)) * _HOUR)
        n = _drawn_outing(stops, n, 0, key, day_key, place, place, lunch, off - 1_800, town, pace)
    before = n
    if uniform(day_key, _D_AFTER) < habits[AFTER_WORK]:
        base = home if uniform(day_key, _D_AFTERNOON) < 0.6 else place
        n = _drawn_outing(stops, n, 1, key, day_key, base, home, off, LATEST_S, town, pace)
    if n == before:
        n = _go(stops, n, home, off, takes)
    return n


@inlined
def _free_day(
    stops: NDArray[np.int64],
    n: int,
    free: int,
    day: int,
    weekday: int,
    key: Any,
    day_key: Any,
    house_key: Any,
    home: int,
    town: Town,
    pace: Pace,
) -> int:
    """Fill a day without work: out in the morning, in the afternoon, at weekends perhaps with the household."""
    habits = town[6]
    house_day = key_of(house_key, 1_000 + day)
    joint = weekday >= 5 and uniform(house_day, _D_JOINT) < habits[JOINT]
    meets = int((13.5 + 2.0 * uniform(house_day, _D_WHEN)) * _HOUR)
    if uniform(day_key, _D_MORNING) < habits[MORNING]:
        leave = max(free, 28_800) + int(10_800.0 * uniform(day_key, _D_LATER))
        n = _drawn_outing(stops, n, 1, key, day_key, home, home, leave, meets - 300, town, pace)
    if joint and free <= meets and uniform(day_key, _D_JOIN) < 0.8:
        pace = _pace(house_key, habits)
        return _drawn_outing(stops, n, 4, house_key, house_day, home, home, meets, LATEST_S, town, pace)
    if uniform(day_key, _D_AFTERNOON) < habits[AFTERNOON]:
        leave = max(free, 48_600) + int(12_600.0 * uniform(day_key, _D_LATEST))
        n = _drawn_outing(stops, n, 2, key, day_key, home, home, leave, LATEST_S, town, pace)
    return n
