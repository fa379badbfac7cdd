"""All 160 golden worlds, through every way in, with one thread and with two: equal in every column given."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.properties import through
from tests.properties.golden import COMPANIONS, EVIDENCE, golden_worlds

import cotrace


@pytest.fixture(scope="session")
def golden() -> list[dict[str, Any]]:
    """Return the worlds, their pings as Arrow tables."""
    found = golden_worlds()
    for world in found:
        device, time, x, y = zip(*world["pings"], strict=True)
        floats = [pa.array(column, pa.float64()) for column in (time, x, y)]
        world["table"] = pa.table([pa.array(device, pa.int64()), *floats], names=["device", "time", "x", "y"])
    return found


def _pandas(table: pa.Table, folder: Path) -> Any:
    return table.to_pandas()


def _arrow(table: pa.Table, folder: Path) -> Any:
    return table


def _polars(table: pa.Table, folder: Path) -> Any:
    return pl.from_arrow(table)


def _parquet(table: pa.Table, folder: Path) -> Any:
    pq.write_table(table, folder / "pings.parquet")
    return folder / "pings.parquet"


def _files(table: pa.Table, folder: Path) -> Any:
    for part in range(4):
        rows = list(range(part, table.num_rows, 4))
        pq.write_table(table.take(rows), folder / f"{(part * 3 + 1) % 4}.parquet")
    return folder


WAYS = {"pandas": _pandas, "arrow": _arrow, "polars": _polars, "parquet": _parquet, "files": _files}


def _rule(rule: dict[str, Any]) -> cotrace.CompanionRule:
    durations = ("min_shared", "min_cumulative", "lookback", "per")
    named = {name: None if rule[name] is None else f"{rule[name]}s" for name in durations}
    return cotrace.CompanionRule(**named, **{k: rule[k] for k in ("dwell_of", "strict", "shared", "combine")})


def _cases(world: dict[str, Any]) -> pd.DataFrame:
    device, as_of = zip(*world["cases"], strict=True)
    return pd.DataFrame({"device": device, "as_of": pd.to_datetime(list(as_of), unit="s", utc=True)})


def _compare(world: dict[str, Any], source: Any, options: cotrace.StayOptions, threads: int) -> None:
    rule = _rule(world["rule"])
    found = cotrace.find_companions(source, _cases(world), rule=rule, options=options, threads=threads)
    companions = [[row[name] for name in COMPANIONS] for row in through.rows_of(found.companions)]
    evidence = [[row[name] for name in EVIDENCE] for row in through.rows_of(found.evidence)]
    assert companions == world["companions"], world["name"]
    assert evidence == world["evidence"], world["name"]


def _options(world: dict[str, Any]) -> cotrace.StayOptions:
    rule = world["rule"]
    grid = cotrace.Grid.planar(world["cell_m"])
    return cotrace.StayOptions(grid=grid, max_gap=f"{rule['max_gap']}s", fill=rule["fill"])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("way", [*WAYS, "stays"])
def test_golden_worlds(golden, tmp_path, way, threads):
    assert len(golden) == 160
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cotrace.CotraceWarning)
        for world in golden:
            folder = tmp_path / world["name"]
            folder.mkdir()
            pings = cotrace.read_pings(WAYS.get(way, _arrow)(world["table"], folder), unit="s")
            source = pings
            if way == "stays":
                source = cotrace.find_stays(pings, options=_options(world), threads=threads)
            _compare(world, source, _options(world), threads)
