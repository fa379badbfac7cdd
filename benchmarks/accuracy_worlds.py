"""The made worlds of ``accuracy.py``: cities, networks, what is logged, and what is true."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import cotrace
from cotrace import synth

GRID = cotrace.Grid.planar(800)
RULE = cotrace.CompanionRule()
#: a mixed network: which share of handsets can use which generation at best (our assumption)
MIXED = {"4G": 0.4, "5G": 0.6}
NETWORKS: dict[str, Any] = {"2G": ("2G",), "3G": ("3G",), "4G": ("4G",), "5G": ("5G",), "mixed": MIXED}
DAYS = 14
#: of random numbers: the city's, the network's, the log's, the choice of devices and cases
SEED = 20_211_101


@dataclass(frozen=True)
class World:
    """A city of which a random sample of devices is looked at, its cases, and what is true of them."""

    city: Any
    people: int
    cases: list[int]

    @property
    def devices(self) -> int:
        """How many devices there are in the sample."""
        return int(self.city.population)

    @property
    def as_of(self) -> Any:
        """The end of the days."""
        from datetime import timedelta

        return self.city.start + timedelta(days=self.city.days)

    @cached_property
    def true_stays(self) -> Any:
        """The true stays of all devices on the usual grid."""
        return self.city.stays(grid=GRID)

    @cached_property
    def met(self) -> Any:
        """Pairs of a case and a device that were in one venue for ten minutes without a break."""
        return pairs_of(self.city.meetings(self.cases).to_arrow(), "a", "b")

    def told_by_rule(self, rule: Any = RULE, stays: Any = None) -> Any:
        """Return what the rule says of the true stays."""
        return cotrace.find_companions(stays or self.true_stays, self.cases, as_of=self.as_of, rule=rule)

    def describe(self) -> dict[str, Any]:
        """Return what the page says of the world."""
        city = self.city
        return {
            "city": city.name,
            "area_km2": round(city.area_km2, 2),
            "people": self.people,
            "devices": self.devices,
            "cases": len(self.cases),
            "days": city.days,
            "stations_5g": city.stations,
            "stations_a_km2": round(city.stations / city.area_km2, 2),
            "seed": city.seed,
        }


def pairs_of(table: Any, case: str, device: str) -> Any:
    """Return the pairs of a table, each once."""
    found = table.group_by([case, device]).aggregate([])
    return found.select([case, device]).rename_columns(["case_id", "companion_id"])


def world(
    preset: str, area_km2: float, devices: int | None, cases: int, *, seed: int = SEED, **more: Any
) -> World:
    """Make a city with a preset's densities, and look at a random sample of its people (None: at everybody)."""
    known = synth.PRESETS[preset]
    city = synth.city(preset, seed=seed, scale=area_km2 / known.area_km2, **({"days": DAYS} | more))
    people, rng = city.population, np.random.default_rng([seed, 1])
    if devices is not None and devices < people:
        kept = np.sort(rng.choice(people, devices, replace=False))
        b = city.built
        # homes, places of work and roles of those who are kept: all venues stay, and stay where they are
        built = replace(b, home=b.home[kept], place=b.place[kept], role=b.role[kept])
        city = replace(city, population=devices, built=built)
    chosen = np.sort(rng.choice(city.population, min(cases, city.population), replace=False))
    return World(city, people, chosen.tolist())


def network(of: World, generations: Any, seed: int = SEED + 2) -> Any:
    """Return a network in the city."""
    return synth.towers(of.city, seed=seed, generations=generations)


def logged(of: World, net: Any, options: Any, seed: int = SEED + 3) -> tuple[Any, Any]:
    """Return what a network logs, as pings with the towers' places, and the source with its counts."""
    source = synth.signals(of.city, net, seed=seed, options=options)
    return cotrace.read_pings(source.to_arrow()), source


def exact(of: World, table: Any) -> Any:
    """Return pings at the times of a log, at the places where the devices were: an error-free position."""
    import pyarrow as pa

    times = table["time"].cast(pa.int64()).to_numpy() // 1_000_000 - of.city.base
    device = table["device"].to_numpy()
    inside = (times >= 0) & (times < of.city.days * 86_400)  # a wrong clock can leave the days
    x, y = of.city.positions(device[inside], times[inside])
    rows = table.filter(pa.array(inside)).select(["device", "time"])
    return cotrace.read_pings(rows.append_column("x", pa.array(x)).append_column("y", pa.array(y)))


def quiet() -> None:
    """Leave warnings out: what they say is on the page in figures."""
    warnings.simplefilter("ignore", cotrace.CotraceWarning)


def options(fill: str = "forward", **more: Any) -> Any:
    """Return stay options on the usual grid."""
    return cotrace.StayOptions(**({"grid": GRID, "fill": fill} | more))


def judged(found: Any, truth: Any, of: World, **more: Any) -> dict[str, Any]:
    """Return precision, recall and the others of a list, as plain values; shares of four digits."""
    asked = {"cases": of.cases if not hasattr(found, "companions") else None, "devices": of.devices}
    row = cotrace.evaluate(found, truth, **(asked | more)).as_dict()
    row = {
        k: round(v, 5) if isinstance(v, float) else v for k, v in row.items() if k not in ("grouping", "part")
    }
    row["flagged_share"] = round(row["listed"] / max(1, row["cases"] * (of.devices - 1)), 5)
    return row
