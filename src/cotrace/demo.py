"""Two jobs that need no data of your own: real positions of calves, and a made city."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from cotrace.grid import Grid
from cotrace.options import CompanionRule, PingPong, StayOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions import Companions
    from cotrace.io import Pings

__all__ = ["Done", "Job", "calves", "city", "city_pings", "run"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_CALVES = """\
20 calves in one pen, three days, 193,551 real fixes (data set calves2018 of the R package contact, CC0).
A pen is no city, so the figures of the rule are scaled to it:
  grid    10 m: the pen is 45 m wide, and in cells of 800 m everyone would always be together
  shared  30 min in one cell without a break: 52 of all 190 pairs; with 10 min it would be 162
  dwell   6 h in 3 days, as 30 h are in 14 days: 9 % of the time
  gaps    up to 5 min are bridged (98.6 % of them are shorter); a calf that is back within 1 min never left
The data name no time zone: America/Chicago is a choice, and another would give the same companions."""

_CITY = """\
A made city: 800 devices with homes, work places and outings, 14 days, a ping every half hour to 54 minutes.
The rule as it is by default: 800 m cells, 10 min together, 30 h of either of the two, 14 days."""


@dataclass(frozen=True)
class Job:
    """One run of ``find_companions`` with everything that it needs."""

    name: str
    about: str
    pings: Pings
    cases: list[Any]
    as_of: datetime
    rule: CompanionRule
    options: StayOptions


@dataclass(frozen=True)
class Done:
    """A job's result and how long it took."""

    found: Companions
    seconds: float


def run(job: Job, *, threads: int | None = None) -> Done:
    """Find the companions of a job's cases, and time it."""
    from cotrace.companions import find_companions

    started = time.perf_counter()
    found = find_companions(
        job.pings, job.cases, as_of=job.as_of, rule=job.rule, options=job.options, threads=threads
    )
    return Done(found, time.perf_counter() - started)


def calves() -> Job:
    """Make the job on real data: the calves that kept three of them company."""
    from importlib.resources import as_file, files

    from cotrace.io import read_pings

    zone = "America/Chicago"
    with as_file(files("cotrace") / "data" / "calves2018.parquet") as path:
        pings = read_pings(path, device="calftag", time="dateTime", x="x", y="y", tz=zone)
    return Job(
        name="calves",
        about=_CALVES,
        pings=pings,
        cases=["598", "570", "688"],
        as_of=datetime(2018, 6, 4, 6, tzinfo=ZoneInfo(zone)),
        rule=CompanionRule(min_shared="30min", min_cumulative="6h", lookback="3d"),
        options=StayOptions(grid=Grid.planar(10), max_gap="5min", smooth=PingPong("1min")),
    )


def city(devices: int = 800, *, seed: int = 2021) -> Job:
    """Make the job on a made city: the rule as it is by default, and three cases."""
    from cotrace.io import read_pings

    return Job(
        name="city",
        about=_CITY,
        pings=read_pings(city_pings(devices, seed=seed)),
        cases=[101, 202, 303],
        as_of=datetime(2021, 11, 3, tzinfo=ZoneInfo("Asia/Shanghai")),
        rule=CompanionRule(),
        options=StayOptions(),
    )


# The city: 12 km by 12 km, and days that look like days. Everything is drawn from one seeded generator.
_DAYS = 14
_CENTRE = (104.07, 30.66)
_HALF_M = 6_000.0
_HOUR = 3_600.0
_M_PER_DEGREE = 111_195.0


def city_pings(devices: int = 800, *, seed: int = 2021) -> pa.Table:
    """Make the pings of a city as an Arrow table ``device, time, lon, lat``, in order of time.

    Homes lie in blocks, work places in few buildings. On weekdays a device goes to work in the morning and
    back in the evening, and on some days out to one of the places that people go to; about every 40 minutes
    it is seen, within some 40 m of where it is.
    """
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    device, second = _moments(rng, devices)
    x, y = _places(rng, devices, device, second)
    x, y = (v + rng.normal(0, 40, len(v)) for v in (x, y))
    lat = _CENTRE[1] + y / _M_PER_DEGREE
    lon = _CENTRE[0] + x / (_M_PER_DEGREE * np.cos(np.radians(_CENTRE[1])))
    start = datetime(2021, 11, 3, tzinfo=ZoneInfo("Asia/Shanghai")) - timedelta(days=_DAYS)
    order = np.argsort(second, kind="stable")
    instants = pa.array(second[order] + int(start.timestamp()), pa.timestamp("s", "Asia/Shanghai"))
    columns = [pa.array(device[order] + 1), instants, pa.array(lon[order]), pa.array(lat[order])]
    return pa.table(columns, names=["device", "time", "lon", "lat"])


def _moments(rng: np.random.Generator, devices: int) -> tuple[Ints, Ints]:
    """Draw when each device is seen: gaps of 30 to 54 minutes."""
    longest = int(_DAYS * 24 * 2) + 1
    seconds = np.cumsum(rng.integers(30 * 60, 54 * 60, (devices, longest)), axis=1)
    rows, columns = np.nonzero(seconds < _DAYS * 24 * _HOUR)
    return rows, seconds[rows, columns]


def _places(rng: np.random.Generator, devices: int, device: Ints, second: Ints) -> tuple[Floats, Floats]:
    """Say where each device is at each moment."""
    home, work, out = _anchors(rng, devices)
    day, hour = np.divmod(second, 24 * int(_HOUR))
    hour_of_day = hour / _HOUR
    # the 14 days begin on a Wednesday
    working = (np.arange(_DAYS) + 2) % 7 < 5
    size = (devices, _DAYS)
    leaves, returns = rng.normal(8, 0.7, size), rng.normal(18, 1.0, size)
    goes, stays = rng.normal(19.5, 0.5, size), rng.uniform(0.5, 2.5, size)
    free = rng.random(size) < np.where(working, 0.3, 0.6)
    where = out[rng.integers(0, len(out), size)]

    at = (device, day)
    share = _share_of_way(hour_of_day, leaves[at], returns[at]) * working[day]
    position = home[device] + share[:, None] * (work[device] - home[device])
    is_out = free[at] & (hour_of_day >= goes[at]) & (hour_of_day < goes[at] + stays[at])
    position[is_out] = where[at][is_out]
    return position[:, 0], position[:, 1]


def _share_of_way(hour: Floats, leaves: Floats, returns: Floats) -> Floats:
    """From 0 (home) to 1 (work), with half an hour under way in between."""
    return np.clip((hour - leaves) / 0.5, 0, 1) * np.clip((returns - hour) / 0.5, 0, 1)


def _anchors(rng: np.random.Generator, devices: int) -> tuple[Floats, Floats, Floats]:
    """Draw homes in blocks, work places in buildings, and places to go out to."""
    blocks = rng.uniform(-_HALF_M, _HALF_M, (90, 2))
    home = blocks[rng.integers(0, len(blocks), devices)] + rng.normal(0, 120, (devices, 2))
    buildings = rng.normal(0, _HALF_M / 2.5, (40, 2))
    share = rng.dirichlet(np.full(len(buildings), 0.7))
    work = buildings[rng.choice(len(buildings), devices, p=share)]
    return home, work, rng.normal(0, _HALF_M / 2, (25, 2))
