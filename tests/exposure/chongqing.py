"""The investigation that was published of Chongqing, January 2020, in a made town; names as letters.

A works in a supermarket (onset 14 January), B and C are a couple (16 and 17 January) who know nothing of A. D came
from Wuhan on 7 January, never fell ill, was in the supermarket on 8 and 9 January, and at family gatherings with B and
C on the same days. E is a colleague of A. Around them are neighbours (of A, of B and C, of the family's flat, some of
whom shop where A works), regular customers, and people who pass by.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

import cotrace

ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = datetime(2019, 12, 31, tzinfo=ZONE), datetime(2020, 1, 26, tzinfo=ZONE)
ONSETS = {
    "device": ["A", "B", "C"],
    "onset": [datetime(2020, 1, day, tzinfo=ZONE) for day in (14, 16, 17)],
}
FINDINGS = {
    "device": ["D", "E"],
    "symptoms": ["none", "none"],
    "test": ["positive 25 January", "negative, negative"],
}
#: places of the town, cells of 800 m apart
PLACES = {
    name: (1600.0 * (k % 8) + 400, 1600.0 * (k // 8) + 400)
    for k, name in enumerate(
        [
            "market",
            "home A",
            "home BC",
            "family",
            "hotel",
            "work B",
            "work C",
            *[f"block {k}" for k in range(25)],
        ]
    )
}
Plan = list[tuple[str, datetime, datetime]]


def _days(first: datetime = FIRST) -> list[datetime]:
    return [first + timedelta(days=k) for k in range((LAST - first).days)]


def _hours(day: datetime, start: float, end: float) -> tuple[datetime, datetime]:
    return day + timedelta(hours=start), day + timedelta(hours=end)


def _with_home(home: str, outings: Plan, first: datetime = FIRST) -> Plan:
    """Fill a plan up: at home whenever nowhere else, with a quarter of an hour on the way."""
    way, plan, now = timedelta(minutes=15), [], first
    for place, start, end in sorted(outings, key=lambda o: o[1]):
        if start < now:
            continue
        plan += [(home, now, start - way)] if start - way > now else []
        plan.append((place, start, end))
        now = end + way
    return [*plan, (home, now, LAST)]


def plans(seed: int = 0, neighbours: int = 40, visitors: int = 120) -> dict[str, Plan]:
    """Return where everybody is, and when."""
    rng = random.Random(f"chongqing {seed}")
    work = [d for d in _days() if d.weekday() < 5]
    gathered = [datetime(2020, 1, day, tzinfo=ZONE) for day in (8, 9)]

    def at_work(place: str) -> Plan:
        return [(place, *_hours(d, 8 + rng.random() / 4, 17)) for d in work]

    def evenings(place: str) -> Plan:
        return [(place, *_hours(d, 18.5, 21.5)) for d in gathered]

    plan = {
        "A": _with_home("home A", [("market", *_hours(d, 7.5, 17)) for d in _days()]),
        "B": _with_home("home BC", at_work("work B") + evenings("family")),
        "C": _with_home("home BC", at_work("work C") + evenings("family")),
        "D": _with_home(
            "hotel",
            [("market", *_hours(d, 10, 10.75)) for d in gathered] + evenings("family"),
            datetime(2020, 1, 7, 15, tzinfo=ZONE),
        ),
        "E": _with_home("block 0", [("market", *_hours(d, 8, 17.5)) for d in _days()]),
    }
    for home in ("home A", "home BC", "family", "hotel"):
        for k in range(neighbours):
            jobs = at_work(rng.choice(list(PLACES)[5:])) if k % 3 else []
            plan[f"{home} {k:03}"] = _with_home(home, jobs + _shopping(rng, often=0.15 if k % 2 else 0.0))
    for k in range(visitors):
        jobs = at_work(rng.choice(list(PLACES)[5:])) if k % 2 else []
        plan[f"visitor {k:03}"] = _with_home(
            f"block {k % 25}", jobs + _shopping(rng, often=0.25) + _calls(rng)
        )
    return plan


def _shopping(rng: random.Random, often: float) -> Plan:
    """Go to the market now and then, for a quarter of an hour to one."""
    found = []
    for day in _days():
        if rng.random() < often:
            start = rng.choice([9.0, 11.0, 18.0]) + rng.random()
            found.append(("market", *_hours(day, start, start + 0.25 + 0.75 * rng.random())))
    return found


def _calls(rng: random.Random) -> Plan:
    """Call on somebody anywhere in town, once or twice."""
    found = []
    for day in rng.sample(_days(), rng.randint(1, 2)):
        start = 18 + 2 * rng.random()
        found.append((rng.choice(list(PLACES)), *_hours(day, start, start + 0.5 + rng.random())))
    return found


def town(seed: int = 0, **size: int) -> cotrace.Stays:
    """Return the stays of the town."""
    device, time, x, y = [], [], [], []
    for name, plan in plans(seed, **size).items():
        for place, start, end in plan:
            moments = [
                start + timedelta(minutes=m) for m in range(0, int((end - start).total_seconds() // 60), 45)
            ]
            for moment in [*moments, end]:
                device.append(name)
                time.append(moment)
                x.append(PLACES[place][0])
                y.append(PLACES[place][1])
    stamps = pa.array(time, pa.timestamp("s", tz="Asia/Shanghai"))
    pings = cotrace.read_pings(pa.table({"device": device, "time": stamps, "x": x, "y": y}))
    return cotrace.find_stays(pings)
