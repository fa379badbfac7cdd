"""When a made device is off, when it is silent, and what becomes of an event on its way to the log."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined
from cotrace.kernels.synth_random import key_of, uniform

__all__ = ["DAY_S", "NEVER", "begin_day", "log_event", "spread_of"]

DAY_S = 86_400
NEVER = 1 << 40
#: a phone is put off between 22:30 and 00:30 and on again between 05:30 and 08:30
OFF_FROM_S, OFF_LONG_S, ON_FROM_S, ON_LONG_S = 81_000, 7_200, 19_800, 10_800
#: or, on a day, off from between 9:00 and 21:00 on, at least for ten minutes, and on again by 22:00
OUT_FROM_S, OUT_LONG_S, OUT_LEAST_S, OUT_END_S = 32_400, 43_200, 600, 79_200
SILENT_LEAST_S = 60

#: the places of ``clock``: three times off (from, to), the silence, the time of the day's fixed report, the night's
#: length so far; NIGHT is when the last night's began, on the clock of the day before
C_OFF, C_SILENT, C_FIXED, C_NEXT = 0, 6, 8, 9
CLOCK = 10

#: the places of ``chances``: of 65,536; lost, late and duplicated rows; then probabilities and means
H_LOST, H_LATE, H_DUPLICATED = 0, 1, 2
H_NIGHT, H_OUT, H_SILENT, H_OUT_MEAN, H_SILENT_MEAN, H_LATE_MEAN = 3, 4, 5, 6, 7, 8

#: the places of what is counted, after the kinds of events
N_LOST, N_SILENT, N_NOWHERE, N_DUPLICATED, N_LATE, N_SKEWED, N_LOGGED = 8, 9, 10, 11, 12, 13, 14
N_OFF_S, N_SILENT_S, N_DEVICE_DAYS = 15, 16, 17
COUNTS = 18


@inlined
def spread_of(key: int, number: int, deviation: float) -> float:
    """Return a log-normal factor with mean 1: ``deviation`` is that of its logarithm."""
    u = 1.0 - uniform(key, number)
    normal = math.sqrt(-2.0 * math.log(u)) * math.cos(6.283185307179586 * uniform(key, number + 1))
    return math.exp(deviation * normal - 0.5 * deviation * deviation)


@inlined
def _night(device_key: int, night: int, chance: float, clock: NDArray[np.int64], at: int) -> None:
    """Write when a night off begins and ends, in seconds of the day that it begins on or after; never: NEVER."""
    key = key_of(key_of(device_key, 10), night)
    clock[at] = NEVER
    clock[at + 1] = NEVER
    if uniform(key, 0) < chance:
        clock[at] = OFF_FROM_S + int(uniform(key, 1) * OFF_LONG_S)
        clock[at + 1] = DAY_S + ON_FROM_S + int(uniform(key, 2) * ON_LONG_S)


@inlined
def begin_day(
    device_key: int, day: int, fixed_within: int, chances: NDArray[np.float64], clock: NDArray[np.int64]
) -> int:
    """Write the times of a device's day into ``clock``; return for how many seconds of it the device is off.

    All in seconds from midnight. The morning of the night before comes first, then a time off within the day, then
    this night's beginning; each is ``[NEVER, NEVER)`` where there is none, or cut at the midnights.
    """
    _night(device_key, day, chances[H_NIGHT], clock, 0)
    if clock[0] != NEVER:
        clock[0] = max(clock[0] - DAY_S, 0)
        clock[1] -= DAY_S
    key = key_of(key_of(device_key, 13), day)
    clock[2] = NEVER
    clock[3] = NEVER
    if uniform(key, 0) < chances[H_OUT]:
        clock[2] = OUT_FROM_S + int(uniform(key, 1) * OUT_LONG_S)
        long = OUT_LEAST_S + int(-math.log(1.0 - uniform(key, 2)) * chances[H_OUT_MEAN])
        clock[3] = min(clock[2] + long, OUT_END_S)
    _night(device_key, day + 1, chances[H_NIGHT], clock, 4)
    if clock[4] >= DAY_S:
        clock[4] = NEVER
    clock[5] = NEVER if clock[4] == NEVER else DAY_S
    clock[C_SILENT] = NEVER
    clock[C_SILENT + 1] = NEVER
    if uniform(key, 3) < chances[H_SILENT]:
        clock[C_SILENT] = int(uniform(key, 4) * DAY_S)
        long = SILENT_LEAST_S + int(-math.log(1.0 - uniform(key, 5)) * chances[H_SILENT_MEAN])
        clock[C_SILENT + 1] = min(clock[C_SILENT] + long, DAY_S)
    fixed = key_of(device_key, 11)
    clock[C_FIXED] = NEVER if fixed_within == 0 else DAY_S - 1 - int(uniform(fixed, day + 1) * fixed_within)
    # when yesterday's fixed report was, on today's clock
    clock[C_NEXT] = 0 if fixed_within == 0 else -1 - int(uniform(fixed, day) * fixed_within)
    off = 0
    for k in range(0, 6, 2):
        off += clock[k + 1] - clock[k]
    return off


@inlined
def log_event(
    key: int,
    number: int,
    device: int,
    second: int,
    tower: int,
    kind: int,
    skew: int,
    chances: NDArray[np.float64],
    clock: NDArray[np.int64],
    counts: NDArray[np.int64],
    n: int,
    out: NDArray[np.int32],
) -> int:
    """Count an event, and write what of it comes into the log: no row, one or two; return how many rows there are.

    ``number`` and ``number + 1`` are its draws. A row: device, second of arrival, second logged, tower and kind.
    """
    counts[kind] += 1
    if clock[C_SILENT] <= second < clock[C_SILENT + 1]:
        counts[N_SILENT] += 1
        return n
    if tower < 0:
        counts[N_NOWHERE] += 1
        return n
    word = key_of(key, number)
    low = np.uint64(0xFFFF)
    if float(word & low) < chances[H_LOST]:
        counts[N_LOST] += 1
        return n
    arrives = second
    if float((word >> np.uint64(16)) & low) < chances[H_LATE]:
        arrives += 1 + int(-math.log(1.0 - uniform(key, number + 1)) * chances[H_LATE_MEAN])
        counts[N_LATE] += 1
    if skew != 0:
        counts[N_SKEWED] += 1
    counts[N_LOGGED] += 1
    out[n, 0] = device
    out[n, 1] = arrives
    out[n, 2] = second + skew
    out[n, 3] = tower | (kind << 28)
    if float((word >> np.uint64(32)) & low) < chances[H_DUPLICATED]:
        counts[N_DUPLICATED] += 1
        for c in range(4):
            out[n + 1, c] = out[n, c]
        return n + 2
    return n + 1
