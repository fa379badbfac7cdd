"""What a network hears of made devices: their days of events, one after the other, from their paths and the towers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.synth_clock import (
    C_FIXED,
    C_NEXT,
    COUNTS,
    DAY_S,
    N_DEVICE_DAYS,
    N_OFF_S,
    N_SILENT_S,
    NEVER,
    begin_day,
    log_event,
    spread_of,
)
from cotrace.kernels.synth_radio import CANDIDATES, chosen, holds, square_of
from cotrace.kernels.synth_random import key_of, uniform

__all__ = ["KINDS", "fill_signals"]

#: kinds of events, by code
KINDS = ("attach", "detach", "periodic", "activity", "handover", "area", "flap", "return")
ATTACH, DETACH, PERIODIC, ACTIVITY, HANDOVER, AREA, FLAP, RETURN = 0, 1, 2, 3, 4, 5, 6, 7

#: the places of ``settings``: seconds; the share of the strongest at which a tower is left, of 65,536; metres
S_PERIODIC, S_KEEP, S_AREA_M, S_STEP_M = 0, 1, 2, 3
#: the places of ``chances`` after those of :mod:`cotrace.kernels.synth_clock`
H_CONNECTED, H_RESELECT, H_FLAP, H_DETACH, H_BURST, H_BURST_GAP, H_SPREAD = 9, 10, 11, 12, 13, 14, 15

#: the places of a device's state
ACT, LAST, FLAPS, STAGE, SERVE, BACK, AREA_AT, K, N, ON, SQUARE, STEP, OFF_NEXT, FIXED = range(14)
STATE = 14
#: what comes next
TURN_ON, TURN_OFF, ACTS, UPDATES, FIXES, FLAPPING, STEPS, ENDS = range(8)
#: a flap begins up to a minute after an event, and is over up to two minutes later
FLAP_LEAST_S, AWAY_LONG_S, BACK_LONG_S = 5, 55, 115


@inlined
def _next(state: NDArray[np.int64], clock: NDArray[np.int64], periodic: int, end: int) -> tuple[int, int]:
    """Return the second of what comes next on this leg, and what it is."""
    if state[ON] >= 0:
        return (state[ON], TURN_ON) if state[ON] < end else (end, ENDS)
    t, what = end, ENDS
    off = clock[2 * state[OFF_NEXT]] if state[OFF_NEXT] < 3 else NEVER
    if off < t:
        t, what = off, TURN_OFF
    if state[STEP] < t:
        t, what = state[STEP], STEPS
    if state[ACT] < t:
        t, what = state[ACT], ACTS
    if state[LAST] + periodic < t:
        t, what = state[LAST] + periodic, UPDATES
    if state[FIXED] < t:
        t, what = state[FIXED], FIXES
    if state[FLAPS] < t:
        t, what = state[FLAPS], FLAPPING
    return t, what


@inlined
def _gap(
    key: Any, number: int, t: int, slow: float, gaps: NDArray[np.float64], chances: NDArray[np.float64]
) -> int:
    """Return after how many seconds the device is active again."""
    mean = gaps[min(t // 3600, 23)] * slow
    if chances[H_BURST] > 0.0 and uniform(key, number + 1) < chances[H_BURST]:
        mean = chances[H_BURST_GAP]
    return 1 + min(int(-math.log(1.0 - uniform(key, number)) * mean), NEVER)


@inlined
def _serve(
    key: Any,
    state: NDArray[np.int64],
    square: int,
    lines: NDArray[np.uint32],
    line: int,
    keep: int,
    chances: NDArray[np.float64],
) -> None:
    """Choose the tower that serves the device in a square, or leave it with the one that does."""
    word = int(key_of(key, state[K]) >> np.uint64(16))
    state[K] += 1
    fresh = state[SERVE] < 0
    if not fresh and state[SQUARE] != square:
        fresh = not holds(lines, line, state[SERVE], keep)
    elif not fresh and state[STAGE] != 2:
        fresh = float(word & 0xFFFF) < chances[H_RESELECT]
    if fresh:
        state[SERVE] = chosen(lines, line, word >> 16)
    state[SQUARE] = square


@inlined
def _other(state: NDArray[np.int64], word: int, lines: NDArray[np.uint32], line: int) -> int:
    """Return another candidate of the square than the tower that serves; -1 where there is none."""
    found = chosen(lines, line, word)
    if found >= 0 and found == state[SERVE]:
        for k in range(CANDIDATES):
            if int(lines[line, k]) != state[SERVE]:
                return int(lines[line, k])
        return -1
    return found


@inlined
def _begin_state(state: NDArray[np.int64], clock: NDArray[np.int64]) -> None:
    state[LAST] = clock[C_NEXT]
    state[FLAPS] = NEVER
    state[STAGE] = 0
    state[SERVE] = -1
    state[SQUARE] = -1
    state[AREA_AT] = -1
    state[K] = 0
    state[STEP] = NEVER
    state[FIXED] = clock[C_FIXED]
    state[OFF_NEXT] = 0
    state[ON] = -1
    while state[OFF_NEXT] < 3 and clock[2 * state[OFF_NEXT]] == NEVER:
        state[OFF_NEXT] += 1
    if state[OFF_NEXT] < 3 and clock[2 * state[OFF_NEXT]] == 0:
        state[ON] = clock[1]


@inlined
def _turn_on(state: NDArray[np.int64]) -> None:
    state[ON] = -1
    state[OFF_NEXT] += 1
    state[SERVE] = -1


@inlined
def _turn_off(state: NDArray[np.int64], clock: NDArray[np.int64]) -> None:
    end = clock[2 * state[OFF_NEXT] + 1]
    state[ON] = end if end < DAY_S else NEVER
    state[FLAPS] = NEVER
    state[STAGE] = 0


@inlined
def _skip_off(state: NDArray[np.int64], clock: NDArray[np.int64]) -> None:
    """Look for the next time off that there is."""
    while state[OFF_NEXT] < 3 and clock[2 * state[OFF_NEXT]] == NEVER:
        state[OFF_NEXT] += 1


@inlined
def _area(x: float, y: float, area_m: int) -> int:
    return int(x / area_m) * 65536 + int(y / area_m) if area_m > 0 else 0


@kernel
def fill_signals(
    seed: int,
    stream: int,
    day: int,
    first_device: int,
    devices: tuple[int, int],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    x0: NDArray[np.float32],
    y0: NDArray[np.float32],
    x1: NDArray[np.float32],
    y1: NDArray[np.float32],
    mode: NDArray[np.int8],
    lines: NDArray[np.uint32],
    levels: NDArray[np.float64],
    squares: tuple[int, int],
    frame: tuple[float, float, float],
    skew: NDArray[np.int32],
    gaps: NDArray[np.float64],
    chances: NDArray[np.float64],
    settings: NDArray[np.int64],
    state: NDArray[np.int64],
    clock: NDArray[np.int64],
    of_device: NDArray[np.int64],
    counts: NDArray[np.int64],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Write what the network logs of some devices on one day, each one's events in order of time.

    Parameters
    ----------
    seed, stream : int
    day : int
        Day from the city's start.
    first_device : int
        The number of the block's first device.
    devices : (first, end)
        The devices of the block to do.
    offset, t0, t1, x0, y0, x1, y1, mode : arrays
        The legs of the block: see :class:`cotrace.synth.Legs`.
    lines : uint32[levels * squares, 2 * CANDIDATES]
        As :func:`cotrace.kernels.synth_radio.fill_candidates` makes them, the squares of one kind of handset after
        those of the other.
    levels : float64[kinds of handsets]
        Cumulative shares of these.
    squares, frame : (across, down), (x, y, side)
    skew : int32[towers]
        What each tower's clock is ahead, seconds.
    gaps : float64[24]
        Mean time from one activity to the next in each hour, seconds.
    chances : float64
        By the names ``H_``.
    settings : int64
        By the names ``S_``.
    state, clock, of_device : int64[STATE], int64[CLOCK], int64[COUNTS]
        Scratch.
    counts : int64[COUNTS]
        Added to: events by kind, then by the names ``N_``.
    out : int32[room, 4]
        Filled with rows: device in the block, second of arrival and second logged (from the day's midnight), tower
        and, in the bits from 28 on, kind.

    Returns
    -------
    (end, rows)
        The first device that is not done, and the rows; where ``out`` was full, ``end`` is less than asked, and
        whoever calls empties it and goes on there.

    Notes
    -----
    O(events + steps along connected trips); some 60 ns an event.
    """
    periodic = settings[S_PERIODIC] if settings[S_PERIODIC] > 0 else NEVER
    fixed_within = settings[S_PERIODIC]
    base_key = key_of(key_of(np.uint64(0), seed), stream)
    state[N] = 0
    for d in range(devices[0], devices[1]):
        mine = key_of(base_key, first_device + d)
        key = key_of(key_of(mine, 12), day)
        for c in range(COUNTS):
            of_device[c] = 0
        start = state[N]
        of_device[N_OFF_S] = begin_day(mine, day, fixed_within, chances, clock)
        of_device[N_SILENT_S] = clock[7] - clock[6]
        of_device[N_DEVICE_DAYS] = 1
        _begin_state(state, clock)
        u, level = uniform(mine, 0), 0
        while level < levels.size - 1 and u >= levels[level]:
            level += 1
        first_line = level * squares[0] * squares[1]
        slow = 1.0 / spread_of(mine, 1, chances[H_SPREAD])
        state[ACT] = _gap(key, state[K], 0, slow, gaps, chances)
        state[K] += 2
        for leg in range(offset[d], offset[d + 1]):
            begin, end = t0[leg] - day * DAY_S, t1[leg] - day * DAY_S
            if end <= begin:
                continue
            ax, ay = np.float64(x0[leg]), np.float64(y0[leg])
            vx, vy = (np.float64(x1[leg]) - ax) / (end - begin), (np.float64(y1[leg]) - ay) / (end - begin)
            moving = mode[leg] != 0
            connected, stride = False, NEVER
            state[STEP] = begin
            if moving:
                connected = uniform(key, state[K]) < chances[H_CONNECTED]
                state[K] += 1
                step_m = settings[S_STEP_M] if connected else max(settings[S_AREA_M] // 4, settings[S_STEP_M])
                speed = math.sqrt(vx * vx + vy * vy)
                stride = max(1, int(step_m / speed)) if speed > 0.01 else NEVER
                state[STEP] = begin + stride
                state[FLAPS] = NEVER
                state[STAGE] = 0
            while True:
                t, what = _next(state, clock, periodic, end)
                if what == ENDS:
                    break
                if state[N] + 2 > out.shape[0]:
                    return d, start
                x, y = ax + vx * (t - begin), ay + vy * (t - begin)
                square = square_of(x, y, frame, squares)
                line = first_line + square
                kind = -1
                if what == STEPS:
                    state[STEP] = t + stride
                    area, before = _area(x, y, settings[S_AREA_M]), state[SERVE]
                    if connected:
                        _serve(key, state, square, lines, line, settings[S_KEEP], chances)
                        if before != state[SERVE] and before >= 0:
                            kind = HANDOVER
                    elif area != state[AREA_AT] and state[AREA_AT] != -1:
                        _serve(key, state, square, lines, line, settings[S_KEEP], chances)
                        kind = AREA
                    state[AREA_AT] = area
                elif what == FLAPPING and state[STAGE] == 2:
                    state[SERVE] = state[BACK]
                    state[STAGE] = 0
                    state[FLAPS] = NEVER
                    kind = RETURN
                elif what == FLAPPING:
                    word = int(key_of(key, state[K]) >> np.uint64(32))
                    other = _other(state, word, lines, line)
                    state[STAGE] = 0
                    state[FLAPS] = NEVER
                    if other >= 0:
                        state[BACK] = state[SERVE]
                        state[SERVE] = other
                        state[STAGE] = 2
                        state[FLAPS] = t + FLAP_LEAST_S + int(uniform(key, state[K] + 1) * BACK_LONG_S)
                        kind = FLAP
                    state[K] += 2
                elif what == TURN_OFF:
                    if state[SERVE] < 0:
                        _serve(key, state, square, lines, line, settings[S_KEEP], chances)
                    if uniform(key, state[K]) < chances[H_DETACH]:
                        kind = DETACH
                    state[K] += 1
                    _turn_off(state, clock)
                else:
                    if what == TURN_ON:
                        _turn_on(state)
                        _skip_off(state, clock)
                        state[AREA_AT] = _area(x, y, settings[S_AREA_M])
                        kind = ATTACH
                    elif what == ACTS:
                        kind = ACTIVITY
                    else:
                        kind = PERIODIC
                    if what == FIXES:
                        state[FIXED] = NEVER
                    _serve(key, state, square, lines, line, settings[S_KEEP], chances)
                    if what != UPDATES and what != FIXES:
                        state[ACT] = t + _gap(key, state[K], t, slow, gaps, chances)
                        state[K] += 2
                    if not moving and state[STAGE] == 0 and uniform(key, state[K]) < chances[H_FLAP]:
                        state[STAGE] = 1
                        state[FLAPS] = t + FLAP_LEAST_S + int(uniform(key, state[K] + 1) * AWAY_LONG_S)
                    state[K] += 2
                if kind >= 0:
                    state[LAST] = t
                    tower = state[SERVE]
                    ahead = skew[tower] if tower >= 0 else 0
                    state[N] = log_event(
                        key, state[K], d, t, tower, kind, ahead, chances, clock, of_device, state[N], out
                    )
                    state[K] += 2
        for c in range(COUNTS):
            counts[c] += of_device[c]
    return devices[1], state[N]
