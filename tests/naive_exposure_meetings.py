"""The oracle for contacts, tiers, rings and pairs: single seconds and plain loops; it imports nothing of cotrace.

A world is stays ``(device, cell, start, end)`` and contacts from elsewhere ``(a, b, start, end, source)``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

Device = Any
FAR = 2**40


@dataclass(frozen=True)
class Rule:
    """What a meeting is; seconds."""

    min_shared: int = 3
    lookback: int = 1000
    strict: bool = False
    shared: str = "unbroken"
    per: int | None = None
    min_cumulative: int | None = None
    dwell_of: str = "either"
    lag: int | None = None

    @property
    def least(self) -> int:
        """The fewest seconds."""
        return max(1, self.min_shared + self.strict)


@dataclass(frozen=True)
class Case:
    """A case."""

    device: Device
    as_of: int
    infectious_from: int | None = None
    isolated_at: int | None = None


@dataclass(frozen=True)
class Seed:
    """A device whose meetings are asked for: since, until; close for those who come after; start of the dwell."""

    device: Device
    since: int
    until: int
    close: int
    start: int


@dataclass
class World:
    """Stays and contacts."""

    stays: list[tuple[Device, Any, int, int]]
    contacts: list[tuple[Device, Device, int, int, str]]

    def devices(self) -> list[Device]:
        """Return all devices, sorted."""
        found = {s[0] for s in self.stays} | {c[0] for c in self.contacts} | {c[1] for c in self.contacts}
        return sorted(found)


Meeting = tuple[int, int, int, int, Any, str]  # start, end, shared, lag, cell, source


def most_within(seconds: set[int], per: int | None) -> int:
    """Return the most of these seconds inside any interval of this length."""
    if per is None or not seconds:
        return len(seconds)
    return max(
        sum(t in seconds for t in range(s, s + per)) for s in range(min(seconds) - per, max(seconds) + 1)
    )


def runs(seconds: set[int]) -> list[tuple[int, int]]:
    """Return unbroken runs as half-open intervals."""
    found: list[list[int]] = []
    for t in sorted(seconds):
        if found and found[-1][1] == t:
            found[-1][1] = t + 1
        else:
            found.append([t, t + 1])
    return [(a, b) for a, b in found]


def meetings(world: World, seed: Seed, other: Device, rule: Rule) -> list[Meeting]:
    """Return the qualifying meetings of a seed and another device."""
    if other == seed.device:
        return []
    return sorted(
        [*_stay_meetings(world, seed, other, rule), *_contact_meetings(world, seed, other, rule)], key=repr
    )


def _stay_meetings(world: World, seed: Seed, other: Device, rule: Rule) -> list[Meeting]:
    mine = [s for s in world.stays if s[0] == seed.device]
    theirs = [s for s in world.stays if s[0] == other]
    if rule.shared == "cumulative" or rule.min_cumulative is not None:
        return _by_cell(mine, theirs, seed, rule)
    found = []
    for _, cell, s0, e0 in mine:
        start, left = max(s0, seed.since), min(e0, seed.until)
        for _, where, s1, e1 in theirs:
            if where != cell or left - start < rule.least:
                continue
            end = min(e1, seed.close)
            begin, both = max(start, s1), min(left, end)
            if both - begin >= rule.least:
                found.append((begin, both, both - begin, 0, cell, "pings"))
            elif rule.lag is not None and s1 - left <= rule.lag and end - begin >= rule.least:
                found.append((begin, end, max(0, both - begin), max(0, s1 - left), cell, "pings"))
    return found


def _by_cell(mine: list[Any], theirs: list[Any], seed: Seed, rule: Rule) -> list[Meeting]:
    found = []
    for cell in sorted({s[1] for s in mine} & {s[1] for s in theirs}):
        a, b = ({t for s in stays if s[1] == cell for t in range(s[2], s[3])} for stays in (mine, theirs))
        joint = {t for t in a & b if seed.since <= t < seed.until}
        dwell = [sum(seed.start <= t < seed.until for t in seconds) for seconds in (a, b)]
        episodes = runs(joint)
        longest = max((e - s for s, e in episodes), default=0)
        together = longest if rule.shared == "unbroken" else most_within(joint, rule.per)
        asked = {"either": max(dwell), "both": min(dwell), "pair": len(joint)}.get(rule.dwell_of)
        asked = {"case": dwell[0], "companion": dwell[1]}.get(rule.dwell_of, asked)
        if not joint or together < rule.min_shared + rule.strict:
            continue
        if rule.min_cumulative is not None and asked < rule.min_cumulative + rule.strict:
            continue
        for s, e in episodes:
            if rule.shared == "cumulative" or e - s >= rule.least:
                found.append((s, e, e - s, 0, cell, "pings"))
    return found


def _contact_meetings(world: World, seed: Seed, other: Device, rule: Rule) -> list[Meeting]:
    by_source: dict[str, set[int]] = defaultdict(set)
    for a, b, s, e, source in world.contacts:
        if {a, b} == {seed.device, other}:
            by_source[source] |= set(range(s, e))
    found: list[Meeting] = []
    for source, seconds in by_source.items():
        joint = {t for t in seconds if seed.since <= t < seed.until}
        if rule.shared == "cumulative" and most_within(joint, rule.per) < rule.least:
            continue
        for s, e in runs(joint):
            if rule.shared == "cumulative" or e - s >= rule.least:
                found.append((s, e, e - s, 0, None, source))
    return found


def window(case: Case, rule: Rule) -> tuple[int, int, int]:
    """Return since, until and the start of the lookback."""
    start = case.as_of - rule.lookback
    until = case.as_of if case.isolated_at is None else min(case.as_of, case.isolated_at)
    since = start if case.infectious_from is None else max(start, case.infectious_from)
    return since, until, start


def contacts(world: World, cases: list[Case], rule: Rule) -> dict[Any, list[Meeting]]:
    """Return the meetings of each (case, as_of, contact)."""
    found = {}
    for case in sorted(set(cases), key=repr):
        since, until, start = window(case, rule)
        if until <= since:
            continue
        for other in world.devices():
            if met := meetings(world, Seed(case.device, since, until, case.as_of, start), other, rule):
                found[case.device, case.as_of, other] = met
    return found


def roots(cases: list[Case], rule: Rule) -> list[Seed]:
    """Return the cases as seeds; the times of one device that touch are one."""
    end, found = max(c.as_of for c in cases), []
    times = sorted((c.device, *window(c, rule)) for c in set(cases))
    for device, since, until, start in times:
        if until <= since:
            continue
        last = found[-1] if found else None
        if last is not None and last.device == device and since <= last.until:
            found[-1] = Seed(device, last.since, max(until, last.until), end, min(start, last.start))
        else:
            found.append(Seed(device, since, until, end, start))
    return found


def first(world: World, seeds: list[Seed], others: list[Device], rule: Rule) -> dict[Device, tuple[Any, ...]]:
    """Return each one's first meeting: start, minus end, device of the seed, seed's number; the least counts."""
    found = {}
    for other in others:
        keys = [(m[0], -m[1], seed.device) for seed in seeds for m in meetings(world, seed, other, rule)]
        if keys:
            found[other] = min(keys)
    return found


Decided = dict[Device, tuple[str, int]]


def onward(
    labels: dict[Device, Any], devices: list[Device], decided: Decided, isolated: dict[Device, int],
    passes: set[Device] | None, end: int, rule: Rule, latency: int,
) -> list[Seed]:  # fmt: skip
    """Return contacts as seeds of the next hop."""
    found = []
    for device in devices:
        if decided.get(device, ("", 0))[0] == "excluded" or (passes is not None and device not in passes):
            continue
        since, until = labels[device][0] + latency, min(end, isolated.get(device, FAR))
        if until > since:
            found.append(Seed(device, since, until, end, min(since, end - rule.lookback)))
    return found


def _summary(world: World, seeds: list[Seed], device: Device, rule: Rule) -> tuple[int, int]:
    met = [m for seed in seeds for m in meetings(world, seed, device, rule)]
    shared = {t for m in met for t in range(m[0], m[0] + m[2])}
    return max(m[1] for m in met), len(shared)


def usual(world: World, seeds: list[Seed], via: Device, device: Device) -> int:
    """Return the seconds shared with ``via`` before its time begins."""
    since = min(s.since for s in seeds if s.device == via)
    met = meetings(world, Seed(via, -FAR, since, since, -FAR), device, Rule(min_shared=0))
    return len({t for m in met for t in range(m[0], m[1])})


def tiers(
    world: World, cases: list[Case], rule: Rule, latency: int = 0, length: int = 60,
    decided: Decided | None = None, isolated: dict[Device, int] | None = None, passes: set[Device] | None = None,
) -> list[tuple[Any, ...]]:  # fmt: skip
    """Return rows (tier, first, device, via, last, shared, path, usual), sorted by the first three."""
    decided, isolated = decided or {}, isolated or {}
    if not cases:
        return []
    sick, end = {c.device for c in cases}, max(c.as_of for c in cases)
    free = [d for d in world.devices() if d not in sick]
    start = roots(cases, rule)
    one = first(world, start, free, rule)
    seeds = onward(one, sorted(one), decided, isolated, passes, end, rule, latency)
    two = first(world, seeds, [d for d in free if d not in one], rule)
    rows = []
    for number, labels, from_ in ((0, one, start), (1, two, seeds)):
        for device, (when, _, via) in labels.items():
            path = (via, device) if number == 0 else (one[via][2], via, device)
            last, shared = _summary(world, from_, device, rule)
            rows.append((number, when, device, via, last, shared, path, usual(world, from_, via, device)))
    rest = [d for d in free if d not in one and d not in two]
    rows += _risk(world, start, rest, rule, length, end)
    return sorted(rows)


def _risk(
    world: World, start: list[Seed], rest: list[Device], rule: Rule, length: int, end: int
) -> list[tuple[Any, ...]]:
    exposed: dict[tuple[Any, int], Device] = {}
    least = rule.least if rule.shared == "unbroken" else 1
    for seed in start:
        for device, cell, s, e in world.stays:
            a, b = max(s, seed.since), min(e, seed.until)
            if device == seed.device and b - a >= least:
                for t in range(a, b):
                    key = cell, t // length
                    exposed[key] = min(exposed.get(key, device), device)
    rows = []
    for device in rest:
        there = [
            (t, exposed[cell, t // length])
            for d, cell, s, e in world.stays
            for t in range(s, min(e, end))
            if d == device and (cell, t // length) in exposed
        ]
        if there:
            (when, via), last, shared = min(there), max(there)[0] + 1, len(there)
            rows.append((2, when, device, via, last, shared, (via, device), usual(world, start, via, device)))
    return rows


def rings(
    world: World, cases: list[Case], rule: Rule, depth: int, latency: int = 0,
    decided: Decided | None = None, isolated: dict[Device, int] | None = None, passes: set[Device] | None = None,
) -> dict[Device, tuple[Any, ...]]:  # fmt: skip
    """Return, by device: ring, arrival by so few hops, earliest arrival by any number, path."""
    decided, isolated = decided or {}, isolated or {}
    if not cases:
        return {}
    sick, end = {c.device for c in cases}, max(c.as_of for c in cases)
    free = [d for d in world.devices() if d not in sick]
    found: dict[Device, tuple[Any, ...]] = {}
    best: dict[Device, tuple[Any, ...]] = {}
    seeds = roots(cases, rule)
    routes: dict[Device, tuple[Device, ...]] = {d: (d,) for d in sick}
    for hop in range(depth):
        reached = first(world, seeds, free, rule)
        now, paths = dict(best), {d: routes[d] for d in best} | {d: (d,) for d in sick}
        for device, key in reached.items():
            if device not in best or key[0] < best[device][0]:
                now[device], paths[device] = key, (*routes[key[2]], device)
        for device in now:
            if device not in found:
                found[device] = (hop + 1, now[device][0], paths[device])
        best, routes = now, paths
        seeds = onward(best, sorted(best), decided, isolated, passes, end, rule, latency)
    ready = {d: (ring, when, best[d][0], path) for d, (ring, when, path) in found.items()}
    return ready | {d: (0, min(window(c, rule)[0] for c in cases if c.device == d), None, (d,)) for d in sick}


def pairs(
    world: World, rule: Rule, fewest: int, most: int | None, length: int, span: tuple[int, int]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return pairs (a, b, episodes, cells, shared, longest, first, last) and crowded (cell, window, devices)."""
    there: dict[tuple[Any, int], set[Device]] = defaultdict(set)
    inside = [(d, cell, max(s, span[0]), min(e, span[1])) for d, cell, s, e in world.stays]
    for device, cell, s, e in inside:
        for t in range(s, e):
            there[cell, t // length].add(device)
    crowded = {key: len(who) for key, who in there.items() if most is not None and len(who) > most}
    left = World([], [])
    for device, cell, s, e in inside:
        seconds = {t for t in range(s, e) if (cell, t // length) not in crowded}
        left.stays += [(device, cell, a, b) for a, b in runs(seconds)]
    rows = []
    devices = left.devices()
    for i, a in enumerate(devices):
        for b in devices[i + 1 :]:
            met = meetings(left, Seed(a, span[0], span[1], span[1], span[0]), b, rule)
            if met and len(met) >= fewest:
                lengths = [m[2] for m in met]
                cells = len({m[4] for m in met})
                ends = min(m[0] for m in met), max(m[1] for m in met)
                rows.append((a, b, len(met), cells, sum(lengths), max(lengths), *ends))
    return rows, sorted((cell, w * length, n) for (cell, w), n in crowded.items())
