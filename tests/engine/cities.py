"""Made cities (:mod:`cotrace.synth`) as sources for both engines, and every query that is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import pyarrow as pa

import cotrace
from cotrace import synth
from cotrace.engine import spark as on_spark

__all__ = ["CITIES", "QUERIES", "CitySource", "Side"]

_DAYS, _START, _END = 2, "2021-11-01T00:00:00+08:00", "2021-11-03T00:00:00+08:00"
_FIXES = synth.GpsOptions(every_moving="3min", every_still="15min")
_RULE = cotrace.CompanionRule(min_cumulative="2h")

#: by name: what is logged, and how stays are made of it
CITIES = {
    "GPS fixes by grid": ("gps", cotrace.StayOptions()),
    "GPS fixes by grid, fill='forward', ping-pong smoothed": (
        "gps",
        cotrace.StayOptions(max_gap="40min", fill="forward", smooth=cotrace.PingPong("10min")),
    ),
    "tower log by tower, fill='same_cell'": ("log", cotrace.StayOptions(by="tower", fill="same_cell")),
    "tower log by tower, fill='forward'": ("log", cotrace.StayOptions(by="tower", fill="forward")),
    "tower log by grid, fill='same_cell'": ("log", cotrace.StayOptions(by="grid", fill="same_cell")),
    "tower log by grid, fill='forward'": ("log", cotrace.StayOptions(by="grid", fill="forward")),
}


class _City:
    """One city of three square kilometres, for all that is logged of it."""

    @cached_property
    def town(self) -> Any:
        return synth.city(seed=3, area_km2=3.0, population=150, stations=30, days=_DAYS)

    @cached_property
    def network(self) -> Any:
        return synth.towers(self.town, seed=3)

    def table(self, logged: str) -> pa.Table:
        if logged == "gps":
            source = synth.gps(self.town, seed=3, options=_FIXES)
        else:
            source = synth.signals(self.town, self.network, seed=3, options=synth.SPARSE)
        return pa.Table.from_batches([batch for day in range(_DAYS) for batch in source.batches(day)])


class Side(NamedTuple):
    """One engine with its pings and stays; both engines have functions of the same names."""

    engine: Any
    pings: Any
    stays: Any


class CitySource:
    """Pings of one kind, and both engines' view of them."""

    _city = _City()
    #: made once for all
    _tables: ClassVar[dict[str, pa.Table]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.logged, self.options = CITIES[name]
        if self.logged not in self._tables:
            self._tables[self.logged] = self._city.table(self.logged)
        self.table = self._tables[self.logged]

    @property
    def keywords(self) -> dict[str, Any]:
        return {"towers": self._city.network.table().to_arrow()} if self.options.by == "tower" else {}

    @cached_property
    def local(self) -> Side:
        pings = cotrace.read_pings(self.table, tz="Asia/Shanghai", **self.keywords)
        return Side(cotrace, pings, cotrace.find_stays(pings, options=self.options))

    def of_spark(self, session: Any) -> Side:
        """Return the same on a cluster, the stays kept there; let go of them afterwards."""
        frame = session.createDataFrame(self.table).repartition(3)
        pings = on_spark.read_pings(frame, tz="Asia/Shanghai", **self.keywords)
        return Side(on_spark, pings, on_spark.find_stays(pings, options=self.options).persist())

    @cached_property
    def busiest(self) -> list[Any]:
        """The cells with the most stays, the busiest first."""
        counts = self.local.stays.to_arrow()["cell"].value_counts().to_pylist()
        return [one["values"] for one in sorted(counts, key=lambda one: (-one["counts"], one["values"]))]

    @cached_property
    def devices(self) -> list[int]:
        """Some devices that were met at all."""
        return self.local.stays.devices.to_pylist()[:12:4]

    @cached_property
    def crowd(self) -> int:
        """Fewer devices than there are in the fullest cell and hour."""
        most = max(cotrace.occupancy(self.local.stays).to_arrow()["devices"].to_pylist())
        return max(2, most * 2 // 3)

    @cached_property
    def asked(self) -> dict[str, list[Any]]:
        """Two places and times."""
        return {
            "cell": self.busiest[:2],
            "started_at": ["2021-11-01T11:00:00+08:00", "2021-11-02T09:00:00+08:00"],
            "finished_at": ["2021-11-01T14:00:00+08:00", "2021-11-02T09:20:00+08:00"],
        }


Tables = dict[str, Any]


def _stays(side: Side, city: CitySource) -> Tables:
    return {"stays": side.stays}


def _companions(of: str) -> Callable[[Side, CitySource], Tables]:
    def ask(side: Side, city: CitySource) -> Tables:
        asked = {"as_of": _END, "rule": _RULE, "options": city.options}
        found = side.engine.find_companions(getattr(side, of), city.devices, **asked)
        names = ("companions", "evidence", "funnel", "cases", *(["coverage"] if of == "pings" else []))
        return {name: getattr(found, name) for name in names}

    return ask


def _occupancy(window: str) -> Callable[[Side, CitySource], Tables]:
    return lambda side, city: {"occupancy": side.engine.occupancy(side.stays, window=window)}


def _pairs(
    rule: cotrace.CompanionRule, cut: bool = True, **more: Any
) -> Callable[[Side, CitySource], Tables]:
    def ask(side: Side, city: CitySource) -> Tables:
        found = side.engine.pairs(side.stays, rule, max_crowd=city.crowd if cut else None, **more)
        table = found.reader().read_all() if side.engine is cotrace else found.pairs
        return {"pairs": table, "crowded": found.crowded}

    return ask


def _visitors(with_pings: bool) -> Callable[[Side, CitySource], Tables]:
    def ask(side: Side, city: CitySource) -> Tables:
        more = {"pings": side.pings} if with_pings else {"min_dwell": "20min"}
        found = side.engine.visitors(side.stays, city.asked, tz="Asia/Shanghai", **more)
        table = found if side.engine is cotrace else found.visitors
        return {"visitors": table, "evidence": found.evidence}

    return ask


def _rings(side: Side, city: CitySource) -> Tables:
    rule = cotrace.CompanionRule(min_shared="5h", min_cumulative=None)
    found = side.engine.rings(side.stays, city.devices[:2], as_of=_END, depth=2, rule=rule, latency="1h")
    table = found if side.engine is cotrace else found.rings
    return {"rings": table, "evidence": found.evidence, "sizes": found.sizes}


_PLAIN = cotrace.CompanionRule(min_shared="20min", min_cumulative=None)
_SUMS = cotrace.CompanionRule(min_shared="2h", min_cumulative=None, shared="cumulative", per="24h")
_BOTH = cotrace.CompanionRule(min_cumulative="2h", dwell_of="both")

#: by name: what is asked of either engine, by the same code
QUERIES: dict[str, Callable[[Side, CitySource], Tables]] = {
    "stays": _stays,
    "companions of pings": _companions("pings"),
    "companions of stays": _companions("stays"),
    "occupancy": _occupancy("1h"),
    "occupancy by 17 minutes": _occupancy("17min"),
    "pairs, plain": _pairs(_PLAIN, min_episodes=2),
    "pairs, no cut": _pairs(_PLAIN, False, start=_START, end="2021-11-02T12:00:00+08:00"),
    "pairs, dwell": _pairs(_BOTH),
    "pairs, sums": _pairs(_SUMS),
    "visitors": _visitors(False),
    "visitors, with pings": _visitors(True),
    "rings": _rings,
}
