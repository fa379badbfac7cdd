"""The engine on Spark, held to the local one row for row, for any number of partitions.

    python -m tests.engine.equality --partitions 1 2 7 64 --out docs/spark-equality.json

starts two executor processes and compares, at each number of partitions:

- the golden worlds put together into one input: the stays of every set of options; for every world's own rule the
  companions, evidence, funnel, cases, coverage and counts of the cases of all worlds with its options; and the world's
  own golden answer;
- made cities, GPS fixes and tower logs, by grid and by tower, with both ways to fill: stays, companions, occupancy,
  pairs, visitors and rings.

Prints a line for each number of partitions, and fails on any difference.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from tests.engine.cities import CITIES, QUERIES, CitySource
from tests.engine.one_input import IDS, OneInput, golden_columns
from tests.engine.same import compared
from tests.properties.golden import COMPANIONS, EVIDENCE

import cotrace
from cotrace.engine import spark as on_spark

__all__ = ["Equality", "Found"]

#: queries that wait for Spark at a time: a query of few rows is mostly the driver's planning
_AT_A_TIME = 4
_BY = [(name, "ascending") for name in ("case_id", "as_of", "companion_id")]
_TABLES = ("companions", "evidence", "funnel", "cases")


@dataclass
class Found:
    """What was compared, counted; and what differed."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    _lock: Any = field(default_factory=threading.Lock, repr=False)

    def hold(self, name: str, frame: Any, local: Any) -> pa.Table:
        """Compare a frame with a table of one machine; return what the frame has."""
        table, difference = compared(frame, local)
        with self._lock:
            self.counts.update({"tables": 1, "rows": table.num_rows})
        self.note(name, difference)
        return table

    def note(self, name: str, difference: Any) -> None:
        """Keep a difference, if there is one."""
        if difference:
            with self._lock:
                self.differences.append(f"{name}: {difference}")

    def count(self, name: str) -> None:
        """Count something that was compared as a whole."""
        with self._lock:
            self.counts[name] += 1


class Equality:
    """Compares both engines; what one machine answers is kept from one number of partitions to the next."""

    def __init__(self, session: Any, worlds: OneInput | None = None) -> None:
        self.session, self.worlds = session, worlds or OneInput()
        self._frame = session.createDataFrame(self.worlds.table).repartition(3).persist()
        self._local: dict[Any, Any] = {}
        # compiled loops of one machine are asked by one thread at a time
        self._one = threading.Lock()
        self._cities: dict[str, CitySource] = {}

    @contextmanager
    def partitions(self, n: int) -> Iterator[None]:
        """Set how many partitions a shuffle has."""
        before = self.session.conf.get("spark.sql.shuffle.partitions")
        self.session.conf.set("spark.sql.shuffle.partitions", str(n))
        try:
            yield
        finally:
            self.session.conf.set("spark.sql.shuffle.partitions", before)

    # ---- golden worlds ---------------------------------------------------------------------------------------

    def stays(self, found: Found) -> None:
        """Compare the stays of every set of options."""
        pings = on_spark.read_pings(self._frame, unit="s")
        for options in self.worlds.by_options():
            found.hold(f"stays, {options}", on_spark.find_stays(pings, options=options), self._stays(options))
            found.count("option_sets")

    def companions(self, found: Found, numbers: Iterable[int]) -> None:
        """Compare the companions of worlds, a few queries at a time."""
        with ThreadPoolExecutor(_AT_A_TIME) as threads:
            for done in [threads.submit(self._world, found, number) for number in numbers]:
                done.result()

    def _world(self, found: Found, number: int) -> None:
        """Ask with a world's rule for the cases of all worlds that have its options."""
        options, name = self.worlds.options(number), self.worlds.worlds[number]["name"]
        cases = self.worlds.cases(self.worlds.by_options()[options])
        wanted, coverage, counts = self._answer(number, options, cases)
        pings = on_spark.read_pings(self._frame, unit="s")
        answer = on_spark.find_companions(pings, cases, rule=self.worlds.rule(number), options=options)
        try:
            tables = {t: found.hold(f"{name}: {t}", getattr(answer, t), wanted[t]) for t in _TABLES}
            found.hold(f"{name}: coverage", answer.coverage, coverage)
            found.note(f"{name}: counts", _unlike(answer.counts.as_dict(), counts))
        finally:
            answer.unpersist()
        found.note(f"{name}: golden answer", self._unlike_golden(tables, number))
        found.count("worlds")

    def companions_of_stays(self, found: Found, turn: int = 0) -> None:
        """The same from stays that are kept, for one world of each set of options."""
        pings = on_spark.read_pings(self._frame, unit="s")
        for options, numbers in self.worlds.by_options().items():
            number = numbers[turn % len(numbers)]
            cases = self.worlds.cases(numbers)
            wanted, _, _ = self._answer(number, options, cases)
            stays = on_spark.find_stays(pings, options=options).persist()
            answer = on_spark.find_companions(stays, cases, rule=self.worlds.rule(number))
            for table in _TABLES:
                found.hold(f"world {number} of stays: {table}", getattr(answer, table), wanted[table])
            answer.unpersist()
            stays.unpersist()
            found.count("worlds_of_stays")

    def _stays(self, options: cotrace.StayOptions) -> Any:
        if options not in self._local:
            pings = cotrace.read_pings(self.worlds.table, unit="s")
            self._local[options] = cotrace.find_stays(pings, options=options)
        return self._local[options]

    def _answer(self, number: int, options: cotrace.StayOptions, cases: Any) -> tuple[Any, Any, Any]:
        """Return what one machine answers from stays; coverage and counts from pings."""
        with self._one:
            if number not in self._local:
                asked = {"rule": self.worlds.rule(number), "options": options, "threads": 1}
                of_stays = cotrace.find_companions(self._stays(options), cases, **asked)
                pings = cotrace.read_pings(self.worlds.table, unit="s")
                of_pings = cotrace.find_companions(pings, cases, **asked)
                tables = {table: getattr(of_stays, table).to_arrow() for table in _TABLES}
                coverage = of_pings.coverage.to_arrow()
                self._local[number] = tables, coverage, of_pings.counts.as_dict()
            return self._local[number]

    def _unlike_golden(self, tables: dict[str, pa.Table], number: int) -> str:
        mine = {}
        for name, by in (
            ("companions", _BY),
            ("evidence", [*_BY, ("started_at", "ascending"), ("cell", "ascending")]),
        ):
            table = tables[name]
            of_world = pc.equal(pc.divide(table["case_id"], IDS), number)
            mine[name] = table.filter(of_world).sort_by(by)
        answer = golden_columns(mine["companions"], COMPANIONS), golden_columns(mine["evidence"], EVIDENCE)
        return "" if answer == self.worlds.answers(number) else "is another one"

    # ---- made cities -----------------------------------------------------------------------------------------

    def city(self, found: Found, name: str, queries: Iterable[str] = tuple(QUERIES)) -> None:
        """Compare what both engines say of a made city, a few queries at a time."""
        city = self._cities.setdefault(name, CitySource(name))
        side = city.of_spark(self.session)
        try:
            with ThreadPoolExecutor(_AT_A_TIME) as threads:
                asked = [threads.submit(self._asked, found, city, side, query) for query in queries]
                for done in asked:
                    done.result()
        finally:
            side.stays.unpersist()
        found.count("cities")

    def _asked(self, found: Found, city: CitySource, side: Any, query: str) -> None:
        with self._one:
            wanted = QUERIES[query](city.local, city)
        for table, frame in QUERIES[query](side, city).items():
            found.hold(f"{city.name}: {query}: {table}", frame, wanted[table])
        found.count("city_queries")


def _unlike(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    # in which order rows came is of a task's partition, not of the file
    one, other = ({**counts, "order": ""} for counts in (found, wanted))
    return "" if one == other else f"{one} are not {other}"


def everything(equality: Equality, n: int) -> Found:
    """Compare everything at one number of partitions."""
    found = Found()
    with equality.partitions(n):
        equality.stays(found)
        equality.companions(found, range(len(equality.worlds.worlds)))
        equality.companions_of_stays(found, n)
        for name in CITIES:
            equality.city(found, name)
    return found


def main() -> None:
    from tests.engine.cluster import started

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--partitions", type=int, nargs="+", default=[1, 2, 7, 64])
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    warnings.simplefilter("ignore", cotrace.CotraceWarning)
    session = started("local-cluster[2,1,2048]")
    told = dict[str, dict[str, Any]]()
    try:
        equality = Equality(session)
        for n in asked.partitions:
            begun = time.perf_counter()
            found = everything(equality, n)
            seconds = round(time.perf_counter() - begun, 1)
            told[str(n)] = {**dict(found.counts), "seconds": seconds, "differences": found.differences}
            print(_line(n, told[str(n)]), flush=True)
            for difference in found.differences[:20]:
                print(f"  {difference}", flush=True)
            if asked.out is not None:
                asked.out.write_text(json.dumps(_record(told), indent=2) + "\n")
    finally:
        session.stop()
    if any(one["differences"] for one in told.values()):
        raise SystemExit(1)


def _line(n: int, one: dict[str, Any]) -> str:
    return (
        f"{n} partitions: stays of {one['option_sets']} option sets, companions of {one['worlds']} worlds' rules, "
        f"{one['city_queries']} queries of {one['cities']} made cities: {one['tables']:,} tables, "
        f"{one['rows']:,} rows, {len(one['differences'])} differences ({one['seconds']:.0f} s)"
    )


def _record(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "what": "every table of the engine on Spark beside that of the local engine, row for row",
        "command": f"python -m tests.engine.equality --partitions {' '.join(told)}",
        "master": "local-cluster[2,1,2048]",
        "versions": {name: version(name) for name in ("pyspark", "pyarrow", "numpy")},
        "bad": sum(len(one["differences"]) for one in told.values()),
        "by_partitions": told,
    }


if __name__ == "__main__":
    main()
