"""What runs while processes die: jobs on made pings, in phases, each giving tables that are the same every time."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

import cotrace
from cotrace.engine import spark as on_spark

__all__ = ["ACTS", "Act", "Input", "made"]

_DAY = 86_400
_AS_OF = "2021-11-08T00:00:00+00:00"
_FIRST = 1_635_724_800
_RULE = cotrace.CompanionRule(min_cumulative="3h")

Tables = dict[str, pa.Table]
Mark = Callable[[str], None]


def made(rows: int, seed: int = 7, station: float = 0.0) -> pa.Table:
    """Return a week of pings of devices that stay in a few hundred cells, in no order.

    ``station``: the share of pings in one cell where everybody is now and then.
    """
    rng = np.random.default_rng(seed)
    devices = max(20, rows // 300)
    device = rng.integers(0, devices, rows)
    time_ = _FIRST + rng.integers(0, 7 * _DAY // 600, rows) * 600
    home = device % 97
    place = np.where(time_ // 14_400 % 3 == 0, home, (home * 7 + time_ // 14_400) % 211)
    place[rng.random(rows) < station] = 300
    columns = [device, time_, place % 15 * 800.0 + 1, place // 15 * 800.0 + 1]
    return pa.table([pa.array(column) for column in columns], names=["device", "time", "x", "y"])


class Input:
    """Pings in files, as a cluster reads them, and a folder for what is written."""

    def __init__(self, session: Any, folder: Path, rows: int) -> None:
        self.session, self.folder, self.rows = session, folder, rows
        for name, station in (("pings", 0.0), ("busy", 0.4)):
            table = made(rows if name == "pings" else rows // 4, station=station)
            frame = session.createDataFrame(table).repartition(8)
            frame.write.mode("overwrite").parquet(str(folder / name))

    def pings(self, name: str = "pings") -> on_spark.SparkPings:
        return on_spark.read_pings(self.session.read.parquet(str(self.folder / name)), unit="s")


def _companions(given: Input, mark: Mark) -> Tables:
    pings = given.pings()
    mark("the cases' stays")
    found = on_spark.find_companions(pings, list(range(0, 60, 3)), as_of=_AS_OF, rule=_RULE)
    mark("all devices against the cases")
    try:
        tables = {name: getattr(found, name).toArrow() for name in ("companions", "evidence", "funnel")}
        tables["counts"] = pa.table({"rows": [found.counts.rows], "used": [found.counts.used]})
    finally:
        found.unpersist()
    mark("over")
    assert tables["counts"]["rows"].to_pylist() == [given.rows]
    return tables


def _pairs(given: Input, mark: Mark) -> Tables:
    pings = given.pings("busy")
    mark("pairs, with a cell that is split")
    stays = on_spark.find_stays(pings).persist()
    try:
        found = on_spark.pairs(stays, cotrace.CompanionRule(min_shared="20min", min_cumulative=None))
        tables = {"pairs": found.pairs.toArrow()}
    finally:
        stays.unpersist()
    mark("over")
    tables["parts"] = pa.table({"parts": [found.units.parts]})
    return tables


def _store(given: Input, mark: Mark) -> Tables:
    pings, path = given.pings(), given.folder / "store"
    mark("writing a store")
    store = on_spark.write_store(pings, path, buckets=8)
    mark("over")
    stays, batches = store.stays().to_arrow(), list(store.batches)
    wrong = store.verify()
    # files of tasks that died are rubbish, which goes when it is asked for; nothing else does
    store.compact()
    again = store.refresh().stays().to_arrow()
    wrong += store.verify() + ([] if again.equals(stays) else ["other stays after compacting"])
    store.close()
    shutil.rmtree(path)
    assert len(batches) == 1
    return {"stays": stays, "store": pa.table({"batch": [*batches], "wrong": ["; ".join(map(str, wrong))]})}


@dataclass(frozen=True)
class Act:
    """Something that runs, and the phases in which a process is to die."""

    name: str
    phases: tuple[str, ...]
    run: Callable[[Input, Mark], Tables]

    def __call__(self, given: Input, mark: Mark = lambda phase: None) -> Tables:
        """Return the tables, rows in order."""
        tables = self.run(given, mark)
        return {
            name: table.sort_by(
                [(f.name, "ascending") for f in table.schema if not pa.types.is_nested(f.type)]
            )
            for name, table in tables.items()
        }


ACTS = (
    Act("find_companions", ("the cases' stays", "all devices against the cases"), _companions),
    Act("pairs", ("pairs, with a cell that is split",), _pairs),
    Act("write_store", ("writing a store",), _store),
)
