"""Questions to made worlds, for every query that takes stays: functions of the stays, or of a store of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import shapely
from tests.exposure.made_meetings import Made, frame_of
from tests.exposure.towns import KINDS, _joined, stays_of_plans, town
from tests.exposure.worlds_of_stays import CELL_M, Making, small_world, stays_of

import cotrace

Question = Callable[[Any], Any]
DAY = 86_400


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


class World:
    """Stays of a few devices, and what can be asked about them."""

    def __init__(self, number: int) -> None:
        self.rng = random.Random(f"store queries {number}")
        self.by_tower, self.long = number % 5 == 4, number % 2 == 1
        rows, making = small_world(self.rng, by_tower=self.by_tower, long=self.long)
        zone = self.rng.choice(["UTC", "Asia/Shanghai", "America/New_York"])
        self.stays = stays_of(rows, making, zone)
        self.times = sorted({row[1] for row in rows})
        self.ids = sorted({row[0] for row in rows})
        self.unseen = "nobody" if isinstance(self.ids[0], str) else 999_983

    def moment(self) -> int:
        return self.rng.choice(self.times) + self.rng.choice([-DAY, -5, 0, 0, 3, 7200])

    def span(self) -> tuple[datetime, datetime]:
        start = self.moment()
        return at(start), at(start + self.rng.choice([1, 30, 600, 9000, DAY]))

    def some(self) -> list[Any]:
        return self.rng.sample([*self.ids, self.unseen], self.rng.randint(1, len(self.ids)))

    def cases(self) -> dict[str, list[Any]]:
        rng, low, high = self.rng, self.times[0], self.times[-1]
        devices = self.some()
        frame: dict[str, list[Any]] = {
            "device": devices,
            "as_of": [at(rng.randint(low, high + 60)) for _ in devices],
        }
        if rng.random() < 0.5:
            frame["infectious_from"] = [rng.choice([None, at(rng.randint(low - 60, high))]) for _ in devices]
        if rng.random() < 0.5:
            frame["isolated_at"] = [rng.choice([None, at(rng.randint(low - 60, high))]) for _ in devices]
        return frame

    def box(self) -> Any:
        x, y = (self.rng.choice([-50.0, 0.0, 5.0, 400.0, 800.0]) for _ in range(2))
        return shapely.box(x, y, x + self.rng.choice([1.0, 800.0, 1500.0]), y + self.rng.choice([2.0, 800.0]))

    def place(self) -> Any:
        if self.by_tower:
            return self.rng.choice(["p", "q", ["s", "t"], "nowhere"])
        cell = cotrace.Grid.planar(CELL_M).cell(x=5.0, y=805.0)
        return self.rng.choice([self.box(), [self.box(), self.box()], cell, [cell, cell + 2**32]])

    def questions(self) -> Iterator[tuple[str, Question]]:
        """Give a question to each query."""
        yield from self._of_devices()
        yield from self._of_places()
        yield from self._of_all()

    def _of_devices(self) -> Iterator[tuple[str, Question]]:
        rng = self.rng
        some, (start, end) = rng.choice([None, self.some(), self.ids[0]]), self.span()
        ends = rng.choice([{}, {"start": start}, {"end": end}, {"start": start, "end": end}])
        yield "trajectory", lambda s: cotrace.trajectory(s, some, **ends)
        listed = rng.choice([None, self.some()])
        yield "anchors", lambda s: cotrace.anchors(s, listed)
        cases, lookback = self.cases(), rng.choice(["14d", "1h", "10min"])
        least = rng.choice(["0s", "1min"])
        yield "places", lambda s: cotrace.places(s, cases, lookback=lookback, min_dwell=least)
        if not self.by_tower:
            regions = {"west": shapely.box(-100, -100, 700, 2000), "east": shapely.box(700, -100, 2000, 2000)}
            more = {"by": rng.choice(["home", "last_seen"]), "outbreak": rng.choice([None, self.box()])}
            mine = self.some()
            yield "split_by_region", lambda s: cotrace.split_by_region(s, mine, regions, **more)

    def _of_places(self) -> Iterator[tuple[str, Question]]:
        rng, place, (start, end) = self.rng, self.place(), self.span()
        least = rng.choice([None, "1min"])
        yield "visitors", lambda s: cotrace.visitors(s, place, start, end, min_dwell=least)
        if not self.by_tower:
            spans = [self.span() for _ in range(3)]
            asked = {
                "place": [self.box(), self.box(), None],
                "started_at": pa.array([a for a, _ in spans], pa.timestamp("us", tz="UTC")),
                "finished_at": pa.array([b for _, b in spans], pa.timestamp("us", tz="UTC")),
                "name": ["one", None, "three"],
            }
            yield "visitors", lambda s: cotrace.visitors(s, asked)
        cases = {k: v for k, v in self.cases().items() if k != "isolated_at"}
        rule = cotrace.ZoneRule(
            rings=rng.choice([0, 1]), lookback=rng.choice(["1d", "14d"]), lockdown="1h", control="10min"
        )
        units = None if self.by_tower or rng.random() < 0.5 else self._units()
        now = rng.choice([None, self.span()[0]])
        yield "zones", lambda s: cotrace.zones(s, cases, units, rule=rule, now=now)

    def _units(self) -> dict[str, Any]:
        return {
            f"u{i}{j}": shapely.box(i * 500.0, j * 900.0, (i + 1) * 500.0, (j + 1) * 900.0)
            for i in range(3)
            for j in range(2)
        }

    def _of_all(self) -> Iterator[tuple[str, Question]]:
        rng, (start, end) = self.rng, self.span()
        window = rng.choice(["1h", "7min", "1d"])
        yield "occupancy", lambda s: cotrace.occupancy(s, window=window)
        rule = rng.choice(
            [
                cotrace.CompanionRule(min_shared="1min", min_cumulative=None),
                cotrace.CompanionRule(min_shared="1s", min_cumulative="10min", dwell_of="either"),
                cotrace.CompanionRule(min_shared="1s", min_cumulative=None, shared="cumulative"),
            ]
        )
        ends = rng.choice([{}, {"start": start}, {"end": end}, {"start": start, "end": end}])
        crowd = rng.choice([None, None, 2, 3])
        yield "pairs", lambda s: cotrace.pairs(s, rule, **ends, max_crowd=crowd, threads=1)
        yield from self._of_chance()
        if self.long and len(self.ids) > 1:
            visits = self._visits()
            yield "with_visits", lambda s: cotrace.with_visits(s, visits)
        if self.by_tower:
            towers = {"tower": ["p", "q", "s"], "x": [400.0, 900.0, 2000.0], "y": [400.0] * 3}
            footprints = cotrace.find_footprints(
                {**towers, "radius_m": [500.0] * 3}, cotrace.Grid.planar(800), model="disc"
            )
            yield "weighted_stays", lambda s: cotrace.weighted_stays(s, footprints)

    def _of_chance(self) -> Iterator[tuple[str, Question]]:
        rng = self.rng
        if len(self.ids) < 2:
            return
        pairs = [tuple(rng.sample([*self.ids, self.unseen], 2)) for _ in range(2)]
        start, end = self.span()
        ends = rng.choice([{}, {"start": start}, {"end": end}, {"start": start, "end": end}])
        how = {"min_shared": rng.choice(["1s", "10min"]), "draws": 9, "threads": 1}
        contacts = rng.choice([None, self._contacts()])
        more = {**how, **ends, "contacts": contacts}
        yield "significance", lambda s: cotrace.significance(s, pairs, **more)
        cases = {"device": self.ids[:2], "onset": [at(self.moment() + rng.choice([0, DAY])) for _ in "ab"]}
        incubation = rng.choice([("0s", "2h"), ("1h", "1d"), ("0s", "14d")])
        least = rng.choice([1, 2])
        yield (
            "common_sources",
            lambda s: cotrace.common_sources(
                s, cases, incubation=incubation, min_cases=least, contacts=contacts, **how
            ),
        )

    def _contacts(self) -> Any:
        start = self.moment()
        a, b = self.rng.sample(self.ids, 2)
        return cotrace.read_contacts({"a": [a], "b": [b], "start": [start], "end": [start + 900]}, unit="s")

    def _visits(self) -> Any:
        start = self.moment()
        return cotrace.read_visits(
            {"device": self.ids[:2], "place": ["hall", "inn"], "start": [start] * 2, "end": [start + 60] * 2},
            unit="s",
            source="tickets",
        )


def in_town(number: int) -> tuple[cotrace.Stays, Iterator[tuple[str, Question]]]:
    """Return stays of some weeks in a made town, and questions of chance about them, which cut nights in two."""
    rng = random.Random(f"store town {number}")
    plans = town(KINDS[number % 2], number, devices=20, days=15)
    for plan in plans[
        ::2
    ]:  # who is ill stays in bed: a stay of days, which begins in the time asked and ends after it
        ill = 86_400 * rng.randint(2, 5) + rng.randint(0, 86_400), 86_400 * rng.randint(9, 12)
        around = [stay for stay in plan if stay[2] <= ill[0] or stay[1] >= ill[1]]
        plan[:] = _joined(sorted([*around, (plan[0][0], *ill)], key=lambda stay: stay[1]))
    stays = stays_of_plans(plans)
    first, last = stays.span or (0, 0)

    def asked() -> Iterator[tuple[str, Question]]:
        hours = [rng.randint(first, last) for _ in range(4)]
        start, end = first + rng.randint(0, 3 * DAY), first + rng.randint(5 * DAY, 8 * DAY)
        ends = {"start": at(start), "end": at(end)} if number % 3 else {"end": at(end)}
        how = {"draws": 99, "threads": 1, "alike": "any"}
        pairs = [tuple(rng.sample(range(20), 2)) for _ in range(3)]
        yield "significance", lambda s: cotrace.significance(s, pairs, **ends, **how)
        cases = {"device": [1, 2, 3], "onset": [at(h) for h in hours[:3]]}
        incubation = rng.choice([("0s", "5d"), ("1d", "6d"), ("5h", "20h")])
        yield "common_sources", lambda s: cotrace.common_sources(s, cases, incubation=incubation, **how)

    return stays, asked()


def along_chains(number: int) -> tuple[cotrace.Stays, Iterator[tuple[str, Question]]]:
    """Return stays of some devices in many cells, and questions whose answers lie several hops away."""
    rng = random.Random(f"store chains {number}")
    base = rng.choice([0, 18_519 * DAY - 300])
    making = Making(max_gap=60, fill="same_cell", cell_m=CELL_M)
    rows: list[Any] = []
    for device in range(8):
        t = base + rng.randint(0, 40)
        while t < base + 600:
            x, length = 800.0 * rng.randint(0, 9) + 5, rng.choice([4, 9, 25, 50])
            rows += [(device, t, x, 5.0), (device, t + length, x, 5.0)]
            t += length + rng.choice([1, 20, 70])
    cases = {
        "device": rng.sample(range(8), 2),
        "as_of": [at(base + rng.randint(200, 600)) for _ in "ab"],
        "infectious_from": [at(base + rng.randint(0, 200)), None],
    }
    kinds = [{}, {"lag": "30s"}, {"shared": "cumulative"}, {"min_cumulative": "9s", "dwell_of": "both"}]
    shared: dict[str, Any] = {
        "min_shared": "3s",
        "min_cumulative": None,
        "lookback": rng.choice(["5min", "1d"]),
    }
    rule = cotrace.CompanionRule(**{**shared, **kinds[number % 4]})  # type: ignore[arg-type]
    more: dict[str, Any] = {"rule": rule, "latency": rng.choice(["0s", "20s"])}
    if number % 3 == 0:
        decided = {"device": [rng.randint(0, 7)], "decision": ["isolated"], "at": [at(base + 300)]}
        more["adjudications"] = decided
    if number % 5 == 0:
        a, b = rng.sample(range(8), 2)
        badge = {"a": [a], "b": [b], "start": [base + 100], "end": [base + 110]}
        more["contacts"] = cotrace.read_contacts(badge, unit="s")

    def asked() -> Iterator[tuple[str, Question]]:
        yield "tiers", lambda s: cotrace.tiers(s, cases, **more, window="2min")
        yield "rings", lambda s: cotrace.rings(s, cases, **more, depth=4)

    return stays_of(rows, making), asked()


def tracing(made: Made) -> Iterator[tuple[str, Question]]:
    """Give the questions of who met whom, to a made world of meetings."""
    cases = frame_of(made.cases)
    yield "contacts", lambda s: cotrace.contacts(s, cases, **made.options)
    window = f"{made.window}s"
    flags = cotrace.Flags(stationary="10s", twin_dwell="4s", twin_cells=2)
    yield "tiers", lambda s: cotrace.tiers(s, cases, **made.tracing, window=window, flags=flags)
    for depth in (1, 4):
        yield "rings", lambda s, depth=depth: cotrace.rings(s, cases, **made.tracing, depth=depth)
    few = {name: column[:1] for name, column in cases.items()}
    rest = {name: column[1:] for name, column in cases.items()}
    yield "rings", lambda s: cotrace.rings(s, few, **made.tracing).extend(cases=rest, depth=3)


def pings_and_options(world: dict[str, Any]) -> tuple[pa.Table, cotrace.StayOptions]:
    """Return the pings of a golden world, and how its stays are made."""
    device, time, x, y = zip(*world["pings"], strict=True)
    micros = pa.array([int(t) * 1_000_000 for t in time], pa.timestamp("us", tz="UTC"))
    table = pa.table({"device": pa.array(device, pa.int64()), "time": micros, "x": x, "y": y})
    rule = world["rule"]
    grid = cotrace.Grid.planar(world["cell_m"])
    return table, cotrace.StayOptions(grid=grid, max_gap=f"{rule['max_gap']}s", fill=rule["fill"])


def _cases_and_rule(world: dict[str, Any]) -> tuple[dict[str, list[Any]], cotrace.CompanionRule]:
    device, as_of = (list(column) for column in zip(*world["cases"], strict=True))
    given = world["rule"]
    durations = ("min_shared", "min_cumulative", "lookback", "per")
    named = {name: None if given[name] is None else f"{given[name]}s" for name in durations}
    rule = cotrace.CompanionRule(
        **named, **{k: given[k] for k in ("dwell_of", "strict", "shared", "combine")}
    )
    return {"device": device, "as_of": [at(t) for t in as_of]}, rule


def of_golden(world: dict[str, Any]) -> Iterator[tuple[str, Question]]:
    """Give questions about the cases of a golden world, by its rule."""
    cases, rule = _cases_and_rule(world)
    drawn = cotrace.ZoneRule(lookback=rule.lookback, lockdown="10min", control="5min")
    yield "contacts", lambda s: cotrace.contacts(s, cases, rule=rule)
    yield "tiers", lambda s: cotrace.tiers(s, cases, rule=rule)
    yield "rings", lambda s: cotrace.rings(s, cases, rule=rule, depth=3)
    yield "places", lambda s: cotrace.places(s, cases, lookback=rule.lookback)
    yield "trajectory", lambda s: cotrace.trajectory(s, cases["device"], end=min(cases["as_of"]))
    yield "zones", lambda s: cotrace.zones(s, cases, rule=drawn)


def by_rules(world: dict[str, Any]) -> Iterator[tuple[str, Question]]:
    """Give questions by the companion rule: the list, and the list under other readings."""
    cases, rule = _cases_and_rule(world)
    one, first = cases["device"][0], {name: column[:1] for name, column in cases.items()}
    truth = [(one, other) for other in range(5) if other != one]
    over = {"min_shared": ["1s", "10min"], "lookback": ["1h", "14d"]}
    yield "find_companions", lambda s: cotrace.find_companions(s, cases, rule=rule, threads=1)
    yield "sweep", lambda s: cotrace.sweep(s, first, truth, rule=rule, over=over, replicates=9).table
