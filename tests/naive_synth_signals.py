"""The oracle of what a made network logs of a device on a day, in plain Python: one event after the other.

It imports nothing of cotrace. Options are a dictionary with the names of ``SignalOptions``, durations in seconds; a
line of coverage is a list of (tower, end of its share of 2**32).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from tests.naive_synth_radio import WHOLE, keyed, uniform, word

DAY = 86_400
NEVER = 1 << 40

Row = tuple[int, int, int, str]  # second of arrival, second logged, tower, kind


def times_off(device: int, day: int, o: dict[str, Any]) -> list[tuple[int, int]]:
    """When the device is off, in seconds of the day."""

    def night(number: int) -> tuple[int, int] | None:
        key = word(word(device, 10), number)
        if uniform(key, 0) >= o["off_nights"]:
            return None
        return 81_000 + int(uniform(key, 1) * 7_200), DAY + 19_800 + int(uniform(key, 2) * 10_800)

    found = []
    last, this = night(day), night(day + 1)
    if last:
        found.append((max(last[0] - DAY, 0), last[1] - DAY))
    key = word(word(device, 13), day)
    if uniform(key, 0) < o["off_days"]:
        start = 32_400 + int(uniform(key, 1) * 43_200)
        found.append((start, min(start + 600 + int(-math.log(1.0 - uniform(key, 2)) * o["off_for"]), 79_200)))
    if this and this[0] < DAY:
        found.append((this[0], DAY))
    return found


def silence(device: int, day: int, o: dict[str, Any]) -> tuple[int, int]:
    key = word(word(device, 13), day)
    if uniform(key, 3) >= o["silent_days"]:
        return NEVER, NEVER
    start = int(uniform(key, 4) * DAY)
    return start, min(start + 60 + int(-math.log(1.0 - uniform(key, 5)) * o["silent_for"]), DAY)


class Phone:
    """One device on one day."""

    def __init__(self, seed: int, number: int, day: int, world: dict[str, Any], o: dict[str, Any]) -> None:
        self.device = keyed(seed, 300, number)
        self.key = word(word(self.device, 12), day)
        self.o, self.world, self.drawn = o, world, 0
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.off = times_off(self.device, day, o)
        self.silent = silence(self.device, day, o)
        u = 1.0 - uniform(self.device, 1)
        normal = math.sqrt(-2.0 * math.log(u)) * math.cos(6.283185307179586 * uniform(self.device, 2))
        self.slow = 1.0 / math.exp(o["spread"] * normal - 0.5 * o["spread"] * o["spread"])
        handset = sum(uniform(self.device, 0) >= s for s in world["handsets"][:-1])
        self.lines = world["lines"][handset]
        self.tower: int | None = None
        self.square = self.area = None
        self.back: int | None = None
        self.away = False
        reports = word(self.device, 11)
        self.last, fixed = 0, NEVER
        if o["periodic"]:
            self.last = -1 - int(uniform(reports, day) * o["periodic"])
            fixed = DAY - 1 - int(uniform(reports, day + 1) * o["periodic"])
        self.is_off = bool(self.off) and self.off[0][0] == 0
        # at one second, the first of these comes first
        self.due = {
            "stop": NEVER,
            "step": NEVER,
            "activity": NEVER,
            "update": NEVER,
            "fixed": fixed,
            "flap": NEVER,
        }
        self.due["stop"] = self.off[0][0] if self.off else NEVER
        self.due["activity"] = self.gap(0)

    def draw(self, n: int) -> int:
        """The number of the first of the next n draws."""
        self.drawn += n
        return self.drawn - n

    def gap(self, t: int) -> int:
        k = self.draw(2)
        mean = self.o["gaps"][min(t // 3600, 23)] * self.slow
        if self.o["burst"] and uniform(self.key, k + 1) < self.o["burst"]:
            mean = float(self.o["burst_gap"])
        return 1 + int(-math.log(1.0 - uniform(self.key, k)) * mean)

    def pick(self, line: list[tuple[int, int]], bits: int) -> int | None:
        return next((tower for tower, end in line if bits <= end), None)

    def good(self, line: list[tuple[int, int]]) -> bool:
        ends = [0, *(end for _, end in line)]
        for k, (tower, end) in enumerate(line):
            if tower == self.tower and end > ends[k]:
                return (end - ends[k]) * 65536 >= self.o["keep"] * ends[1]
        return False

    def serve(self, square: int) -> None:
        line, bits = self.lines[square], word(self.key, self.draw(1))
        if self.tower is None:
            again = True
        elif square != self.square:
            again = not self.good(line)
        else:
            again = not self.away and ((bits >> 16) & 0xFFFF) < 65536.0 * self.o["reselect"]
        if again:
            self.tower = self.pick(line, bits >> 32)
        self.square = square

    def log(self, t: int, kind: str) -> None:
        self.last = t
        k = self.draw(2)
        self.counts[kind] += 1
        if self.silent[0] <= t < self.silent[1]:
            self.counts["silent"] += 1
            return
        if self.tower is None:
            self.counts["no_service"] += 1
            return
        bits = word(self.key, k)
        if (bits & 0xFFFF) < 65536.0 * self.o["lost"]:
            self.counts["lost"] += 1
            return
        arrives = t
        if ((bits >> 16) & 0xFFFF) < 65536.0 * self.o["late"]:
            self.counts["late"] += 1
            arrives += 1 + int(-math.log(1.0 - uniform(self.key, k + 1)) * self.o["late_by"])
        ahead = self.world["skew"][self.tower]
        self.counts["skewed"] += ahead != 0
        self.counts["logged"] += 1
        twice = ((bits >> 32) & 0xFFFF) < 65536.0 * self.o["duplicated"]
        self.counts["duplicated"] += twice
        self.rows += [(arrives, t + ahead, self.tower, kind)] * (1 + twice)

    def area_of(self, x: float, y: float) -> tuple[int, int]:
        side = self.o["area_m"]
        return (int(x / side), int(y / side)) if side else (0, 0)

    def travel(self, leg: tuple[int, int, float, float, float, float, bool]) -> None:
        begin, end, x0, y0, x1, y1, moving = leg
        vx, vy = (x1 - x0) / (end - begin), (y1 - y0) / (end - begin)
        connected, stride = False, NEVER
        self.due["step"] = begin
        if moving:
            connected = uniform(self.key, self.draw(1)) < self.o["connected"]
            speed = math.sqrt(vx * vx + vy * vy)
            metres = self.o["step_m"] if connected else max(round(self.o["area_m"]) // 4, self.o["step_m"])
            stride = max(1, int(metres / speed)) if speed > 0.01 else NEVER
            self.due["step"] = begin + stride
            self.due["flap"] = NEVER
            self.away = False
        while True:
            self.due["update"] = self.last + self.o["periodic"] if self.o["periodic"] else NEVER
            if self.is_off:
                what, t = "on", self.off[0][1] if self.off[0][1] < DAY else NEVER
            else:
                what = min(self.due, key=lambda name: self.due[name])
                t = self.due[what]
            if t >= end:
                return
            x, y = x0 + vx * (t - begin), y0 + vy * (t - begin)
            getattr(self, what)(t, x, y, connected, stride, moving)

    def step(self, t: int, x: float, y: float, connected: bool, stride: int, moving: bool) -> None:
        self.due["step"] = t + stride
        area, before, square = self.area_of(x, y), self.tower, self.world["square"](x, y)
        entered = self.area is not None and area != self.area
        self.area = area
        if connected:
            self.serve(square)
            if before is not None and before != self.tower:
                self.log(t, "handover")
        elif entered:
            self.serve(square)
            self.log(t, "area")

    def flap(self, t: int, x: float, y: float, *rest: Any) -> None:
        self.due["flap"] = NEVER
        if self.away:
            self.tower, self.away = self.back, False
            self.log(t, "return")
            return
        line, k = self.lines[self.world["square"](x, y)], self.draw(2)
        other = self.pick(line, word(self.key, k) >> 32)
        if other is not None and other == self.tower:
            other = next((tower for tower, _ in line if tower != self.tower), None)
        if other is not None:
            self.back, self.tower, self.away = self.tower, other, True
            self.due["flap"] = t + 5 + int(uniform(self.key, k + 1) * 115)
            self.log(t, "flap")

    def stop(self, t: int, x: float, y: float, *rest: Any) -> None:
        if self.tower is None:
            self.serve(self.world["square"](x, y))
        leaves = uniform(self.key, self.draw(1)) < self.o["detach"]
        self.is_off, self.away, self.due["flap"] = True, False, NEVER
        if leaves:
            self.log(t, "detach")

    def on(self, t: int, x: float, y: float, *rest: Any) -> None:
        self.off.pop(0)
        self.due["stop"] = self.off[0][0] if self.off else NEVER
        self.is_off, self.tower, self.area = False, None, self.area_of(x, y)
        self.event(t, x, y, "attach", rest[-1], acts=True)

    def activity(self, t: int, x: float, y: float, *rest: Any) -> None:
        self.event(t, x, y, "activity", rest[-1], acts=True)

    def update(self, t: int, x: float, y: float, *rest: Any) -> None:
        self.event(t, x, y, "periodic", rest[-1], acts=False)

    def fixed(self, t: int, x: float, y: float, *rest: Any) -> None:
        self.due["fixed"] = NEVER
        self.event(t, x, y, "periodic", rest[-1], acts=False)

    def event(self, t: int, x: float, y: float, kind: str, moving: bool, acts: bool) -> None:
        self.serve(self.world["square"](x, y))
        if acts:
            self.due["activity"] = t + self.gap(t)
        k = self.draw(2)
        if not moving and self.due["flap"] == NEVER and uniform(self.key, k) < self.o["flapping"]:
            self.due["flap"] = t + 5 + int(uniform(self.key, k + 1) * 55)
        self.log(t, kind)


def signals_of(
    seed: int, number: int, day: int, legs: list[Any], world: dict[str, Any], o: dict[str, Any]
) -> tuple[list[Row], Counter[str]]:
    """Return the rows of a device on a day, in order of its events, and what was counted."""
    phone = Phone(seed, number, day, world, o)
    for leg in legs:
        phone.travel(leg)
    phone.counts["off_s"] += sum(b - a for a, b in times_off(phone.device, day, o))
    phone.counts["silent_s"] += phone.silent[1] - phone.silent[0]
    phone.counts["device_days"] += 1
    return phone.rows, phone.counts


def line_of(codes: list[int]) -> list[tuple[int, int]]:
    """Return a line of coverage as pairs; empty where there is none."""
    return [] if codes[0] == WHOLE else list(zip(codes[:8], codes[8:], strict=True))
