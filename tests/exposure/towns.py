"""Made towns in which everybody comes and goes independently of everybody else; ties are planted on request.

Stays are written down directly, so that thousands of towns take seconds. Times are hours of local days in UTC.
"""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import cotrace
from cotrace.cells import Cells
from cotrace.counts import Counts

HOUR = 3600
#: a Monday
BASE = 1_635_724_800
KINDS = ("routine", "hours", "match")
Plan = list[tuple[int, int, int]]  # cell, start, end


def town(kind: str, seed: int, devices: int = 24, days: int = 14) -> list[Plan]:
    """Return where each device is, drawn independently of the others given the places and what is on there."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    draw = {"routine": _routine, "hours": _hours, "match": _match}[kind]
    return draw(rng, devices, days)


def _routine(rng: np.random.Generator, devices: int, days: int) -> list[Plan]:
    """Homes in four blocks, work in three buildings on weekdays, outings at the weekend and on some evenings."""
    plans = []
    for _ in range(devices):
        home, work = int(rng.integers(4)), 4 + int(rng.integers(3))
        taste = rng.dirichlet(np.full(6, 0.7))
        early, often = rng.normal(8, 0.7), rng.uniform(0.1, 0.7)
        plan: Plan = []
        for day in range(days):
            zero = day * 24 * HOUR
            out = []
            if day % 7 < 5 and rng.random() < 0.9:
                start = early + rng.normal(0, 0.4)
                out.append((work, start, start + rng.normal(8.5, 0.6)))
            if rng.random() < (often if day % 7 < 5 else 0.8):
                start = 18 + rng.random() * 3
                out.append((7 + int(rng.choice(6, p=taste)), start, start + rng.uniform(0.5, 2.5)))
            now = 0.0
            for cell, a, b in out:
                plan.append((home, zero + int(now * HOUR), zero + int(a * HOUR) - 600))
                plan.append((cell, zero + int(a * HOUR), zero + int(b * HOUR)))
                now = b + 0.2
            plan.append((home, zero + int(now * HOUR), zero + 24 * HOUR))
        plans.append(_joined(plan))
    return plans


def _hours(rng: np.random.Generator, devices: int, days: int) -> list[Plan]:
    """Every hour somewhere, by one's own taste and by what is popular at that hour of the day."""
    popular = rng.lognormal(0, 0.7, (24, 8))
    plans = []
    for _ in range(devices):
        chances = popular * rng.dirichlet(np.full(8, 0.5))
        chances /= chances.sum(axis=1, keepdims=True)
        sums = np.tile(chances.cumsum(axis=1), (days, 1))
        cells = (rng.random(24 * days)[:, None] > sums).sum(axis=1).clip(0, 7)
        seen = rng.random(24 * days) < 0.8
        plans.append(_joined([(int(c), h * HOUR, (h + 1) * HOUR) for h, c in enumerate(cells) if seen[h]]))
    return plans


def _match(rng: np.random.Generator, devices: int, days: int) -> list[Plan]:
    """Evenings out by taste; on some days of matches the stadium draws most of the town."""
    matches = np.isin(np.arange(days), rng.choice(days, 3, replace=False))
    stadium = np.where(matches, 12.0, 0.3)
    plans = []
    for _ in range(3 * devices):
        home, taste = int(rng.integers(4)), rng.dirichlet(np.full(5, 1.0))
        draw = np.concatenate([taste[0] * stadium[:, None], np.tile(taste[1:], (days, 1))], axis=1)
        goes = rng.random(days) < draw.sum(axis=1) / (draw.sum(axis=1) + 1.5)
        where = (rng.random(days)[:, None] > draw.cumsum(axis=1) / draw.sum(axis=1)[:, None]).sum(axis=1)
        starts, lengths = rng.integers(0, HOUR, days).tolist(), rng.integers(HOUR, 3 * HOUR, days).tolist()
        plan: Plan = []
        for day in range(days):
            zero = day * 24 * HOUR
            start = zero + 18 * HOUR + starts[day]
            plan.append((home, zero, start - 900))
            if goes[day]:
                plan.append((4 + int(where[day]), start, start + lengths[day]))
                start += lengths[day]
            plan.append((home, start + 900, zero + 24 * HOUR))
        plans.append(_joined(plan))
    return plans


def _joined(plan: Plan) -> Plan:
    found: Plan = []
    for cell, start, end in plan:
        if end <= start:
            continue
        if found and found[-1][0] == cell and found[-1][2] >= start:
            found[-1] = (cell, found[-1][1], end)
        else:
            found.append((cell, start, end))
    return found


def plant(plans: list[Plan], a: int, b: int, rng: np.random.Generator, times: int, days: int = 14) -> None:
    """Let two devices meet some more times, for an hour, at random, in places that nobody else goes to."""
    for _ in range(times):
        cell = 100 + int(rng.integers(40))
        start = int(rng.integers(days)) * 24 * HOUR + int(rng.integers(9 * 2, 22 * 2)) * HOUR // 2
        for device in (a, b):
            rest = []
            for c, s, e in plans[device]:
                rest += [(c, s, min(e, start)), (c, max(s, start + HOUR), e)]
            rest = [r for r in rest if r[1] < r[2]]
            plans[device] = _joined(sorted([*rest, (cell, start, start + HOUR)], key=lambda r: r[1]))


def stays_of_plans(plans: list[Plan]) -> cotrace.Stays:
    """Write plans down as stays; the device is the number of its plan."""
    listed = [(device, *stay) for device, plan in enumerate(plans) for stay in plan]
    rows: NDArray[np.int32] = np.array(listed, dtype=np.int32).reshape(-1, 4)
    return cotrace.Stays(
        rows,
        pa.array(range(len(plans)), pa.int64()),
        Cells(pa.array(range(160), pa.int64()), cotrace.Grid.planar(800), None, "grid"),
        base=BASE,
        tz="UTC",
        options=cotrace.StayOptions(),
        counts=Counts(),
        span=(BASE, BASE + int(rows[:, 3].max(initial=1)) - 1),
    )


def kolmogorov(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the greatest distance from the uniform distribution on (0, 1), and how likely as much is (Kolmogorov)."""
    x, n = np.sort(values), values.size
    at = np.arange(n)
    distance = float(max((x - at / n).max(), ((at + 1) / n - x).max()))
    t = distance * (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n))
    return distance, min(1.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * t) ** 2) for k in range(1, 101)))
