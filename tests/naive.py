"""The oracle: the companion rule by walking single seconds, in plain Python.

It imports nothing of cotrace and knows no intervals: where a device is, is a dictionary from second to cell,
and everything else is counted from that. It is slow on purpose, short enough to be checked against the
specification by eye, and what cotrace finds is tested against it.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

HOUR = 3600

Device = Any  # int or str
Cell = Any  # (column, row), or a tower id: int or str
Second = int
Row = dict[str, Any]
NO_PLACE = {"cell_lon": None, "cell_lat": None}  # a plane, and towers without positions, have none


@dataclass(frozen=True)
class Rule:
    """The companion rule; durations in seconds."""

    min_shared: int = 600
    min_cumulative: int | None = 108_000
    lookback: int = 1_209_600
    dwell_of: str = "either"
    strict: bool | str = False
    shared: str = "unbroken"
    per: int | None = None
    combine: str = "and"


@dataclass(frozen=True)
class Making:
    """How stays are made; ``cell_m=None``: towers are the cells; ``smooth``: seconds, or None."""

    max_gap: int = 4500
    fill: str = "same_cell"
    smooth: int | None = None
    cell_m: float | None = 800.0


@dataclass(frozen=True)
class Case:
    """A case; instants in unix seconds."""

    device: Device
    as_of: Second
    infectious_from: Second | None = None
    isolated_at: Second | None = None


@dataclass
class Tracks:
    """Where every device was seen, by second, and what was done to get there."""

    seen: dict[Device, dict[Second, Cell]]
    rows: int = 0
    refused: int = 0
    collapsed: int = 0
    conflicts: int = 0
    relabelled: int = 0

    @property
    def used(self) -> int:
        """Rows that were used: one a device and second."""
        return sum(len(seen) for seen in self.seen.values())


@dataclass
class Answer:
    """The four tables as lists of rows, and what the thresholds were compared with."""

    companions: list[Row] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)
    funnel: list[Row] = field(default_factory=list)
    coverage: list[Row] = field(default_factory=list)
    #: one a (case, device, cell) in which the two were together at all
    meetings: list[Row] = field(default_factory=list)


# ---- pings to seconds ------------------------------------------------------------------------------------


def cell_of(x: float, y: float, cell_m: float) -> tuple[int, int]:
    """Return the cell of a plane: the floor of the true quotient."""
    return math.floor(x / cell_m), math.floor(y / cell_m)


def packed(cell: Cell) -> Any:
    """Return the cell as it stands in tables: column and row in one integer, or the tower."""
    return cell[0] * 2**32 + cell[1] if isinstance(cell, tuple) else cell


def tracks(pings: list[tuple[Any, ...]], making: Making) -> Tracks:
    """Return where every device was seen: rows are (device, time, x, y), or (device, time, tower)."""
    found = Tracks({}, rows=len(pings))
    in_second: dict[tuple[Device, Second], list[Cell]] = defaultdict(list)
    for device, time, *place in pings:
        if any(p is None or (isinstance(p, float) and not math.isfinite(p)) for p in place):
            found.refused += 1
            continue
        cell = place[0] if making.cell_m is None else cell_of(place[0], place[1], making.cell_m)
        in_second[device, math.floor(time)].append(cell)
    for (device, second), cells in sorted(in_second.items()):
        used = max(cells)
        found.collapsed += len(cells) - 1
        found.conflicts += sum(cell != used for cell in cells)
        found.seen.setdefault(device, {})[second] = used
    if making.smooth is not None:
        for device, seen in found.seen.items():
            found.seen[device], changed = smoothed(seen, making.smooth)
            found.relabelled += changed
    return found


def smoothed(seen: dict[Second, Cell], within: int) -> tuple[dict[Second, Cell], int]:
    """Relabel the runs between two runs in one cell that are at most ``within`` apart; count the pings."""
    runs: list[list[Second]] = []
    for second in sorted(seen):
        if runs and seen[runs[-1][-1]] == seen[second]:
            runs[-1].append(second)
        else:
            runs.append([second])
    places = [seen[run[0]] for run in runs]
    for k in range(2, len(runs)):
        if places[k] == places[k - 2] and runs[k][0] - runs[k - 2][-1] <= within:
            places[k - 1] = places[k]
    after = {second: place for run, place in zip(runs, places, strict=True) for second in run}
    return after, sum(after[second] != seen[second] for second in seen)


def seconds_in_cells(seen: dict[Second, Cell], making: Making) -> dict[Second, Cell]:
    """Return in which cell the device is taken to be in each second; seconds in no cell are not there."""
    where: dict[Second, Cell] = {}
    order = sorted(seen)
    for one, two in pairwise(order):
        if two - one > making.max_gap:
            continue
        if making.fill == "forward" or seen[one] == seen[two]:
            for second in range(one, two):
                where[second] = seen[one]
    return where


def runs_of(seconds: list[Second]) -> list[tuple[Second, Second]]:
    """Return the unbroken runs of ascending seconds, as half-open intervals."""
    runs: list[tuple[Second, Second]] = []
    for second in seconds:
        if runs and runs[-1][1] == second:
            runs[-1] = (runs[-1][0], second + 1)
        else:
            runs.append((second, second + 1))
    return runs


def stays(where: dict[Device, dict[Second, Cell]]) -> list[tuple[Device, Cell, Second, Second]]:
    """Return the maximal runs of seconds in one cell, sorted by device and start."""
    found = []
    for device in sorted(where):
        in_cell: dict[Cell, list[Second]] = defaultdict(list)
        for second in sorted(where[device]):
            in_cell[where[device][second]].append(second)
        runs = [(a, b, cell) for cell, seconds in in_cell.items() for a, b in runs_of(seconds)]
        found += [(device, cell, a, b) for a, b, cell in sorted(runs, key=lambda run: run[0])]
    return found


def occupancy(where: dict[Device, dict[Second, Cell]], window: int) -> list[tuple[Cell, Second, int, int]]:
    """Return (cell, start of the window, devices, dwell) wherever there is a device, sorted."""
    devices: dict[tuple[Cell, Second], set[Device]] = defaultdict(set)
    dwell: Counter[tuple[Cell, Second]] = Counter()
    for device, seconds in where.items():
        for second, cell in seconds.items():
            devices[cell, second // window * window].add(device)
            dwell[cell, second // window * window] += 1
    return [(cell, start, len(devices[cell, start]), dwell[cell, start]) for cell, start in sorted(devices)]


# ---- the rule --------------------------------------------------------------------------------------------


def reaches(value: int, threshold: int | None, strict: bool) -> bool:
    """Whether a threshold is met; no threshold is met by anything."""
    return threshold is None or (value > threshold if strict else value >= threshold)


def most_within(seconds: list[Second], per: int | None) -> int:
    """Return the most of these seconds that lie inside any [t, t + per)."""
    if per is None or not seconds:
        return len(seconds)
    there, most, now = set(seconds), 0, 0
    for second in range(seconds[0], seconds[-1] + 1):
        now += (second in there) - (second - per in there)
        most = max(most, now)
    return most


def dwell_asked(rule: Rule, mine: int, theirs: int, pair: int) -> int:
    """Return the dwell that the cumulative clause asks of."""
    asked = {"either": max(mine, theirs), "both": min(mine, theirs), "case": mine, "companion": theirs}
    return pair if rule.dwell_of == "pair" else asked[rule.dwell_of]


def met_by(rule: Rule, mine: int, theirs: int) -> str:
    """Say who has the cumulative dwell."""
    if rule.min_cumulative is None:
        return "neither"
    strict = rule.strict in (True, "cumulative")
    case = reaches(mine, rule.min_cumulative, strict)
    companion = reaches(theirs, rule.min_cumulative, strict)
    return {(1, 1): "both", (1, 0): "case", (0, 1): "companion", (0, 0): "neither"}[case, companion]


def judged(rule: Rule, joint: list[Second], mine: int, theirs: int) -> Row:
    """Judge one cell in which two devices were together in these seconds: clauses and qualifying episodes."""
    strict_shared = rule.strict in (True, "shared")
    episodes = runs_of(joint)
    unbroken = rule.shared == "unbroken"
    together = max(b - a for a, b in episodes) if unbroken else most_within(joint, rule.per)
    asked = dwell_asked(rule, mine, theirs, len(joint))
    shared = reaches(together, rule.min_shared, strict_shared)
    cumulative = reaches(asked, rule.min_cumulative, rule.strict in (True, "cumulative"))
    qualifies = (shared or cumulative) if rule.combine == "or" else (shared and cumulative)
    kept = episodes if qualifies else []
    if unbroken and not (rule.combine == "or" and cumulative):
        kept = [(a, b) for a, b in kept if reaches(b - a, rule.min_shared, strict_shared)]
    meeting = {"together": together, "asked": asked, "shared": shared, "cumulative": cumulative}
    return {**meeting, "episodes": kept}


class World:
    """The seconds of all devices, and the crowd in them."""

    def __init__(self, found: Tracks, making: Making) -> None:
        self.seen = found.seen
        self.where = {device: seconds_in_cells(seen, making) for device, seen in found.seen.items()}
        self.counted: dict[tuple[Cell, int], int] = {}

    def crowd(self, cell: Cell, started: Second, finished: Second) -> int:
        """Return the most devices that any hour which [started, finished) touches has in the cell."""
        return max(self.in_hour(cell, hour) for hour in {t // HOUR for t in range(started, finished)})

    def in_hour(self, cell: Cell, hour: int) -> int:
        """Return how many devices were in the cell at some second of the hour."""
        if (cell, hour) not in self.counted:
            seconds = range(hour * HOUR, (hour + 1) * HOUR)
            there = [any(where.get(t) == cell for t in seconds) for where in self.where.values()]
            self.counted[cell, hour] = sum(there)
        return self.counted[cell, hour]

    def dwell(self, device: Device, begin: Second, end: Second) -> Counter[Cell]:
        """Return how many seconds of [begin, end) the device was in each cell."""
        where = self.where.get(device, {})
        return Counter(cell for second, cell in where.items() if begin <= second < end)


def lookback(case: Case, rule: Rule) -> tuple[Second, Second]:
    """Return the case's lookback as a half-open interval; it may be empty."""
    end = case.as_of if case.isolated_at is None else min(case.as_of, case.isolated_at)
    return case.as_of - rule.lookback, end


def answer(pings: list[tuple[Any, ...]], cases: list[Case], rule: Rule, making: Making) -> Answer:
    """Answer in every column: companions, evidence, funnel, coverage."""
    return answer_of(World(tracks(pings, making), making), cases, rule)


def answer_of(world: World, cases: list[Case], rule: Rule) -> Answer:
    """Answer for a world that is walked already."""
    found = Answer()
    for case in sorted(set(cases), key=lambda c: (c.device, c.as_of)):
        _answer_case(world, case, rule, found)
    found.evidence.sort(key=lambda e: (e["case_id"], e["as_of"], e["companion_id"], e["started_at"]))
    return found


def _answer_case(world: World, case: Case, rule: Rule, found: Answer) -> None:
    begin, end = lookback(case, rule)
    head = {"case_id": case.device, "as_of": case.as_of}
    where = world.where.get(case.device, {})
    mine = {second: where[second] for second in sorted(where) if begin <= second < end}
    own = Counter(mine.values())
    meetings = [
        {**head, "companion_id": other, "cell": cell, **meeting}
        for other in sorted(world.where)
        if other != case.device
        for cell, meeting in _meetings(world, case, rule, mine, own, other).items()
    ]
    found.meetings += meetings
    companions = sorted({m["companion_id"] for m in meetings if m["episodes"]})
    for other in companions:
        _answer_companion(world, rule, found, head, [m for m in meetings if m["companion_id"] == other])
    brings = Counter(m["cell"] for m in meetings if m["episodes"])
    top = min(brings, key=lambda cell: (-brings[cell], cell)) if brings else None
    found.funnel.append(
        {
            **head,
            "together": len({m["companion_id"] for m in meetings}),
            "long_enough": len({m["companion_id"] for m in meetings if m["shared"]}),
            "companions": len(companions),
            "companions_both": len({m["companion_id"] for m in meetings if m["if_both"]}),
            "n_cells": len(own),
            "top_cell": None if top is None else packed(top),
            "top_cell_share": None if top is None else brings[top] / len(companions),
        }
    )
    found.coverage.append({**head, **_coverage(world, case, begin, end, sum(own.values()))})


def _meetings(
    world: World, case: Case, rule: Rule, mine: dict[Second, Cell], own: Counter[Cell], other: Device
) -> dict[Cell, Row]:
    """Return what is to be said of every cell in which the case and another device were together."""
    theirs = world.where[other]
    joint: dict[Cell, list[Second]] = defaultdict(list)
    for second, cell in mine.items():
        infectious = case.infectious_from is None or second >= case.infectious_from
        if infectious and theirs.get(second) == cell:
            joint[cell].append(second)
    if not joint:
        return {}
    dwell = world.dwell(other, *lookback(case, rule))
    both = replace(rule, dwell_of="both")
    return {
        cell: {
            **judged(rule, seconds, own[cell], dwell[cell]),
            "if_both": bool(judged(both, seconds, own[cell], dwell[cell])["episodes"]),
            "case_dwell_s": own[cell],
            "companion_dwell_s": dwell[cell],
        }
        for cell, seconds in joint.items()
    }


def _answer_companion(world: World, rule: Rule, found: Answer, head: Row, meetings: list[Row]) -> None:
    rows = []
    for meeting in meetings:
        cell = meeting["cell"]
        grid = isinstance(cell, tuple)
        for a, b in meeting["episodes"]:
            rows.append(
                {
                    **head,
                    "companion_id": meeting["companion_id"],
                    "cell": packed(cell),
                    "cell_col": cell[0] if grid else None,
                    "cell_row": cell[1] if grid else None,
                    **NO_PLACE,
                    "started_at": a,
                    "finished_at": b,
                    "shared_s": b - a,
                    "case_dwell_s": meeting["case_dwell_s"],
                    "companion_dwell_s": meeting["companion_dwell_s"],
                    "dwell_met_by": met_by(rule, meeting["case_dwell_s"], meeting["companion_dwell_s"]),
                    "crowd": world.crowd(cell, a, b),
                }
            )
    mine = max(row["case_dwell_s"] for row in rows)
    theirs = max(row["companion_dwell_s"] for row in rows)
    found.evidence += rows
    found.companions.append(
        {
            **head,
            "companion_id": meetings[0]["companion_id"],
            "n_episodes": len(rows),
            "n_cells": len({row["cell"] for row in rows}),
            "shared_s": sum(row["shared_s"] for row in rows),
            "longest_s": max(row["shared_s"] for row in rows),
            "first_started_at": min(row["started_at"] for row in rows),
            "last_finished_at": max(row["finished_at"] for row in rows),
            "case_dwell_s": mine,
            "companion_dwell_s": theirs,
            "dwell_met_by": met_by(rule, mine, theirs),
            "crowd": min(row["crowd"] for row in rows),
        }
    )


def _coverage(world: World, case: Case, begin: Second, end: Second, observed: int) -> Row:
    pings = sorted(second for second in world.seen.get(case.device, {}) if begin <= second < end)
    gaps = sorted(two - one for one, two in pairwise(pings))
    n = len(gaps)
    return {
        "observed_s": observed,
        "observed_share": observed / (end - begin) if end > begin else 0.0,
        "pings": len(pings),
        "median_gap_s": (gaps[(n - 1) // 2] + gaps[n // 2]) // 2 if gaps else None,
        "longest_gap_s": gaps[-1] if gaps else None,
    }
