"""The oracle of what a GPS receiver of a made device says on a day, in plain Python.

It imports nothing of cotrace. Options are a dictionary with the names of ``GpsOptions``, durations in seconds.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from tests.naive_synth_radio import bell, keyed, uniform, word
from tests.naive_synth_signals import DAY, silence, times_off

Fix = tuple[int, float, float, bool]  # second, x, y, whether in a canyon


def fixes_of(
    seed: int, number: int, day: int, legs: list[Any], canyon: Any, o: dict[str, Any]
) -> tuple[list[Fix], Counter[str]]:
    """Return the fixes of a device on a day; ``canyon(x, y)`` is the number of a canyon's square, or None."""
    device = keyed(seed, 400, 0, number)
    key = word(word(device, 12), day)
    off, silent = times_off(device, day, o), silence(device, day, o)
    counts = Counter(off_s=sum(b - a for a, b in off), silent_s=silent[1] - silent[0], device_days=1)

    def awake(t: int) -> int:
        for a, b in off:
            if a <= t < b:
                t = b
        return t

    fixes: list[Fix] = []
    t, last, k = int(uniform(key, 0) * o["every_still"]), -DAY, 0
    ex = ey = 0.0
    for begin, end, x0, y0, x1, y1, moving in legs:
        every = o["every_moving"] if moving else o["every_still"]
        t = awake(min(t, max(begin, last + every)))
        while t < end:
            k += 8
            left = math.exp((last - t) / o["memory"]) if o["memory"] else 0.0
            new = math.sqrt(1.0 - left * left)
            ex, ey = left * ex + new * bell(key, k), left * ey + new * bell(key, k + 1)
            last = t
            if silent[0] <= t < silent[1]:
                counts["silent"] += 1
            elif not moving and uniform(key, k + 2) < o["no_fix"]:
                counts["no_fix"] += 1
            else:
                x = x0 + (x1 - x0) / (end - begin) * (t - begin)
                y = y0 + (y1 - y0) / (end - begin) * (t - begin)
                square, wide = canyon(x, y), o["error_m"]
                if square is not None:
                    frozen = keyed(seed, 400, 1, square)
                    x += o["canyon_bias_m"] * bell(frozen, 0)
                    y += o["canyon_bias_m"] * bell(frozen, 1)
                    wide = o["canyon_error_m"]
                    counts["in_canyon"] += 1
                x, y = x + wide * ex, y + wide * ey
                if uniform(key, k + 3) < o["outliers"]:
                    x += o["outlier_m"] * bell(key, k + 4)
                    y += o["outlier_m"] * bell(key, k + 5)
                    counts["outliers"] += 1
                counts["logged"] += 1
                fixes.append(
                    (
                        t,
                        math.floor(x * 10.0 + 0.5) / 10.0,
                        math.floor(y * 10.0 + 0.5) / 10.0,
                        square is not None,
                    )
                )
            t = awake(t + max(1, int(every * (0.8 + 0.4 * uniform(key, k + 6)))))
    return fixes, counts
