"""Made worlds, small but full of edges: pings, cases, a rule, and how stays are made.

One recipe, :func:`make`, asks a *picker* for every choice. With :class:`Seeded` it is fast and makes the many
worlds of CI and of ``python -m tests.properties.run``; with :class:`Drawn` hypothesis makes the choices and
can shrink them. Which edges a world really reaches is said by ``edges.py``, and the recipe is held to it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from tests.naive import Case, Making, Rule

UNSEEN = {"int": 999_983, "str": "nobody"}
IDS = {
    "int": [0, 1, 2, 3, -5, 10, 9, 2**40, 8_613_800_000_000],
    # sorted by code point, "10" < "9", and the clef (beyond the basic plane) after the full-width A
    "str": [
        "a",
        "b",
        "10",
        "9",
        "0071",
        "é",
        "\N{FULLWIDTH LATIN CAPITAL LETTER A}",
        "\N{MUSICAL SYMBOL G CLEF}",
        "B",
    ],
}
TOWERS = {"int": [7, 30, 4, -2], "str": ["460-00-7", "460-00-30", "b", "B"]}
FORMS = ("arrow", "pandas", "polars", "dict")
CLOCKS = ("number", "instant")


@dataclass(frozen=True)
class World:
    """Everything that an answer depends on, and the form in which it is handed over."""

    pings: list[tuple[Any, ...]]
    cases: list[Case]
    rule: Rule
    making: Making
    size: str = "small"
    form: str = "arrow"
    clock: str = "number"

    @property
    def by_tower(self) -> bool:
        """Whether towers are the cells."""
        return self.making.cell_m is None


class Seeded:
    """Choices by a seeded generator."""

    def __init__(self, rng: random.Random) -> None:
        self._random = rng.random

    def upto(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + int(self._random() * (high - low + 1))

    def one(self, values: Sequence[Any]) -> Any:
        """Return one of the values."""
        return values[int(self._random() * len(values))]

    def often(self, percent: int) -> bool:
        """Return True in this share of cases."""
        return self._random() * 100 < percent


class Drawn:
    """Choices by hypothesis; the first value and False are what it shrinks to."""

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def upto(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return self._draw(st.integers(low, high))

    def one(self, values: Sequence[Any]) -> Any:
        """Return one of the values."""
        return self._draw(st.sampled_from(values))

    def often(self, percent: int) -> bool:
        """Return True in about this share of cases."""
        return self._draw(st.integers(0, 99)) >= 100 - percent


Picker = Seeded | Drawn


@dataclass
class Scale:
    """The sizes from which thresholds, lengths and gaps of one kind of world are taken, in seconds."""

    min_shared: list[int]
    min_cumulative: list[int | None]
    lookback: list[int]
    max_gap: list[int]
    per: list[int]
    within: list[int]
    lengths: list[int]
    steps: list[int]
    devices: tuple[int, int]
    segments: tuple[int, int]
    kinds: tuple[str, ...] = ("sit", "company", "company", "flap")


SCALES = {
    "small": Scale(
        min_shared=[3, 0, 1, 2, 5, 8],
        min_cumulative=[None, 10, 0, 1, 3, 5, 10, 20, 30],
        lookback=[200, 400, 40, 15, 1000],
        max_gap=[10, 1, 2, 3, 5, 20],
        per=[10, 1, 2, 5, 20],
        within=[5, 0, 2, 3, 10],
        lengths=[4, 0, 1, 12, 25],
        steps=[1, 2, 4],
        devices=(2, 5),
        segments=(1, 4),
    ),
    "hours": Scale(
        min_shared=[600, 60, 601],
        min_cumulative=[None, 1800, 3600, 600],
        lookback=[86_400, 7200, 3600],
        max_gap=[600, 1800],
        per=[3600, 7200],
        within=[300, 60],
        lengths=[900, 1800],
        steps=[300, 590],
        devices=(2, 4),
        segments=(1, 3),
    ),
    "full": Scale(
        min_shared=[600],
        min_cumulative=[108_000],
        lookback=[1_209_600],
        max_gap=[4500],
        per=[86_400],
        within=[300],
        lengths=[3600],
        steps=[3600, 4500],
        devices=(3, 3),
        segments=(1, 1),
        kinds=("company",),
    ),
}


@dataclass
class _Draft:
    """A world in the making: places by (device, second), and what was meant by them."""

    places: list[tuple[int, int]]
    seen: list[tuple[int, int, int]] = field(default_factory=list)  # device, second, place
    sits: list[tuple[int, int, int]] = field(default_factory=list)  # start, end, place


def make(pick: Picker, size: str = "small") -> World:
    """Make one world."""
    scale = SCALES[size]
    rule, making = _rule(pick, scale, size), _making(pick, scale)
    draft = _Draft(places=[(0, 0), (-1, -1), (0, -1), (1, 0)][: pick.upto(2, 4)])
    base = pick.one([0, 7200, -3600, -360_000, 1_599_998_400]) + pick.upto(-40, 10)
    n_devices = pick.upto(*scale.devices)
    residents = _residents(pick, draft, rule) if size == "full" else 0
    for device in range(residents, n_devices):
        _track(pick, draft, device, rule, making, scale)
    ids = pick.one(["int", "str"])
    cases = _cases(pick, draft, base, rule, n_devices, IDS[ids], UNSEEN[ids])
    pings = _rows(pick, draft, base, making, IDS[ids])
    return World(pings, cases, rule, making, size, pick.one(FORMS), pick.one(CLOCKS))


def _near(pick: Picker, value: int) -> int:
    return max(0, value + pick.one([0, -1, 1]))


def _rule(pick: Picker, scale: Scale, size: str) -> Rule:
    cumulative = pick.one(scale.min_cumulative)
    shared = pick.one(["unbroken", "unbroken", "cumulative"])
    if size == "full":
        shared = "unbroken"
    return Rule(
        min_shared=pick.one(scale.min_shared),
        min_cumulative=cumulative,
        lookback=pick.one(scale.lookback),
        dwell_of=pick.one(["either", "both", "case", "companion", "pair"][: 4 if size == "full" else 5]),
        strict=pick.one([False, True, "shared", "cumulative"]),
        shared=shared,
        per=pick.one([None, *scale.per]) if shared == "cumulative" else None,
        combine="and" if cumulative is None else pick.one(["and", "and", "or"]),
    )


def _making(pick: Picker, scale: Scale) -> Making:
    return Making(
        max_gap=pick.one(scale.max_gap),
        fill=pick.one(["same_cell", "forward"]),
        smooth=pick.one(scale.within) if pick.often(35) else None,
        cell_m=pick.one([800.0, 800.0, 800.0, 250.0, 0.1, None]),
    )


def _sit(
    pick: Picker, draft: _Draft, device: int, start: int, end: int, place: int, making: Making, step: int
) -> None:
    """Let a device be seen in a place from start to end, in steps that bridge, or just do not."""
    step = max(1, min(step, making.max_gap))
    second = start
    while second < end:
        draft.seen.append((device, second, place))
        second += making.max_gap + 1 if pick.often(3) else step
    draft.seen.append((device, end, place))
    draft.sits.append((start, end, place))


def _length(pick: Picker, rule: Rule, scale: Scale) -> int:
    lengths = [rule.min_shared, *scale.lengths]
    if rule.min_cumulative is not None and rule.min_cumulative <= 10_000:
        lengths.append(rule.min_cumulative)
    return _near(pick, pick.one(lengths))


def _track(pick: Picker, draft: _Draft, device: int, rule: Rule, making: Making, scale: Scale) -> None:
    """Let a device sit, keep another company for just so long, flap, and move on."""
    second = pick.upto(0, 5)
    gap = making.max_gap
    for _ in range(pick.upto(*scale.segments)):
        place = pick.upto(0, len(draft.places) - 1)
        step = pick.one([*scale.steps, gap, gap - 1])
        kind = pick.one(scale.kinds)
        if kind == "company" and draft.sits:
            start, end, place = _company(pick, pick.one(draft.sits), rule, scale)
            _sit(pick, draft, device, start, end, place, making, step)
            second = end
        elif kind == "flap":
            second = _flap(pick, draft, device, second, place, making)
        else:
            end = second + _length(pick, rule, scale)
            _sit(pick, draft, device, second, end, place, making, step)
            second = end
        second += pick.one([1, 2, gap - 1, gap, gap + 1, 2 * gap])


def _company(pick: Picker, sit: tuple[int, int, int], rule: Rule, scale: Scale) -> tuple[int, int, int]:
    """Return a sit that overlaps the given one for just about the shared threshold, or all of it."""
    start, end, place = sit
    shared = _near(pick, rule.min_shared)
    extra = pick.one(scale.lengths)
    how = pick.one(["late", "early", "inside", "same"])
    if how == "late":
        return end - shared, end + extra, place
    if how == "early":
        return start - extra, start + shared, place
    if how == "inside":
        return start + 1, start + 1 + shared, place
    return start, end, place


def _flap(pick: Picker, draft: _Draft, device: int, second: int, place: int, making: Making) -> int:
    """Let a device leave a place for another and be back about ``within`` later, once or more."""
    other = (place + 1) % len(draft.places)
    within = 5 if making.smooth is None else making.smooth
    start = second
    for _ in range(pick.upto(1, 3)):
        away = max(2, _near(pick, within))
        draft.seen += [(device, second, place), (device, second + pick.upto(1, away - 1), other)]
        second += away
    draft.seen.append((device, second, place))
    draft.sits.append((start, second, place))
    return second


def _residents(pick: Picker, draft: _Draft, rule: Rule) -> int:
    """Let one device, or two, live in a place for 30 hours, give or take a second; return how many."""
    residents = pick.upto(1, 2)
    for device in range(residents):
        start = pick.upto(0, 3000)
        end = start + _near(pick, rule.min_cumulative or 0)
        step = pick.one([3600, 4500, 3599])
        draft.seen += [(device, second, 0) for second in range(start, end, step)]
        draft.seen.append((device, end, 0))
        draft.sits.append((start, end, 0))
    return residents


def _cases(
    pick: Picker, draft: _Draft, base: int, rule: Rule, n_devices: int, ids: list[Any], unseen: Any
) -> list[Case]:
    """Make cases whose lookbacks begin and end about where something happens."""
    events = [base + second for _, second, _ in draft.seen] + [base + end for _, end, _ in draft.sits]
    last = max(events)

    def moment() -> int:
        return pick.one(events) + pick.one([0, -1, 1, 2])

    def ends() -> int:
        return base + pick.one(draft.sits or [(0, 0, 0)])[1] + pick.one([0, -1, 1, 2])

    cases: list[Case] = []
    for _ in range(pick.upto(1, 4)):
        device = unseen if pick.often(6) else ids[pick.upto(0, n_devices - 1)]
        as_of = pick.one(
            [last + 1, last, last + 2, ends(), ends(), moment() + rule.lookback // pick.upto(1, 3)]
        )
        if pick.often(4):
            as_of = last + 10 * rule.lookback
        infectious = moment() if pick.often(18) else None
        isolated = ends() if pick.often(18) else None
        if any(c.device == device and c.as_of == as_of for c in cases):
            continue
        cases.append(Case(device, as_of, infectious, isolated))
        if pick.often(10):
            cases.append(cases[-1])
        if pick.often(15) and not any(c.device == device and c.as_of == as_of - 2 for c in cases):
            cases.append(Case(device, as_of - 2, infectious, isolated))
    return cases


def _inside(pick: Picker, index: int, cell_m: float) -> float:
    """Return a coordinate of a column or row: its middle, its edge, or a hair off it."""
    low, high = index * cell_m, (index + 1) * cell_m
    places = [(low + high) / 2, low, high - 1e-6, low + cell_m / 8]
    if index == 0:
        places += [-0.0, -5e-324]
    if index == -1:
        places += [-1e-9, high - cell_m * 1e-15]
    return pick.one(places)


def _rows(pick: Picker, draft: _Draft, base: int, making: Making, ids: list[Any]) -> list[tuple[Any, ...]]:
    """Write the draft down as rows, with fractions, duplicates, conflicts and rows that cannot be used."""
    towers = TOWERS[pick.one(["int", "str"])]
    fractions = pick.often(40)

    def row(device: int, second: int, place: int) -> tuple[Any, ...]:
        time = base + second + (pick.one([0.0, 0.25, 0.999]) if fractions else 0)
        if making.cell_m is None:
            return ids[device], time, towers[place]
        column, line = draft.places[place]
        return ids[device], time, _inside(pick, column, making.cell_m), _inside(pick, line, making.cell_m)

    rows = [row(*seen) for seen in draft.seen]
    for _ in range(pick.upto(0, 3)):
        device, second, place = pick.one(draft.seen)
        rows.append(row(device, second, place if pick.often(50) else pick.upto(0, len(draft.places) - 1)))
    if making.cell_m is not None and pick.often(10):
        device, second, _ = pick.one(draft.seen)
        bad = pick.one([float("nan"), float("inf"), float("-inf")])
        time = base + second + (0.25 if fractions else 0)
        rows.append((ids[device], time, *pick.one([(bad, 0.0), (0.0, bad)])))
    for index in range(len(rows) - 1, 0, -1):  # Fisher and Yates
        other = pick.upto(0, index) if isinstance(pick, Seeded) else (index * 7) % (index + 1)
        rows[index], rows[other] = rows[other], rows[index]
    return rows


def sizes(number: int) -> str:
    """Return the size of the world of this number: 1 in 100 is full, 1 in 25 spans hours."""
    if number % 100 == 17:
        return "full"
    return "hours" if number % 25 == 3 else "small"


def seeded(seed: int, number: int) -> World:
    """Return world ``number`` of a seed."""
    return make(Seeded(random.Random(f"{seed}:{number}")), sizes(number))


@st.composite
def worlds(draw: Any, size: str = "small") -> World:
    """Draw a world with hypothesis."""
    return make(Drawn(draw), size)
