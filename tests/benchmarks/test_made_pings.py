"""Made pings are what they were asked to be, and making them can be stopped and gone on with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tests.benchmarks.conftest import BENCHMARKS

import data as of
from common import read_json, write_json
from make_pings import OF_PINGS

SMALL = of.Data(rows=30_000, cases=5, days=3)


def columns(folder: Path) -> tuple[np.ndarray, ...]:
    table = pq.read_table(folder)
    return tuple(table[name].to_numpy() for name in ("device", "x"))


def test_positions_have_the_resolution_that_was_asked_for(tmp_path: Path) -> None:
    coarse, fine = (columns(of.make(replace(SMALL, step_m=m), tmp_path).pings)[1] for m in (1.0, 0.1))
    assert np.array_equal(coarse, np.round(coarse))
    assert not np.array_equal(fine, np.round(fine))
    assert np.abs(coarse - fine).max() <= 0.5
    assert {path.name for path in tmp_path.iterdir()} == {"30k-3d", "30k-3d-0.1m"}


def test_silences_leave_the_number_of_pings_as_it_is(tmp_path: Path) -> None:
    made, sparse = (of.make(replace(SMALL, gaps=gaps), tmp_path).about for gaps in (0.0, 0.5))
    assert abs(sparse["devices"] - 2 * made["devices"]) <= 1
    assert 0.85 < sparse["made_rows"] / made["made_rows"] < 1.15


def test_pings_are_made_once_for_all_cases(tmp_path: Path) -> None:
    first, second = of.make(SMALL, tmp_path), of.make(replace(SMALL, cases=9, spread_as_of=True), tmp_path)
    assert first.is_new
    assert not second.is_new
    assert first.pings == second.pings
    assert [len(made.cases.read_text().splitlines()) - 1 for made in (first, second)] == [5, 9]


def test_days_that_are_there_stay_and_unfinished_ones_go(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "make_pings.py"), "--rows", "30000", "--days", "3"]
    command += ["--out", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    whole = {file.name: file.read_bytes() for file in (tmp_path / "pings").iterdir()}
    # as it is when it was stopped on the second day
    made = read_json(tmp_path / "made.json")
    (tmp_path / "made.json").unlink()
    write_json(tmp_path / "making.json", {name: made[name] for name in OF_PINGS})
    (tmp_path / "pings" / "day-02.parquet").unlink()
    (tmp_path / "pings" / "day-01.parquet").rename(tmp_path / "pings" / "day-01.part")
    before = (tmp_path / "pings" / "day-00.parquet").stat().st_mtime_ns
    subprocess.run(command, check=True, capture_output=True)
    assert {file.name: file.read_bytes() for file in (tmp_path / "pings").iterdir()} == whole
    assert (tmp_path / "pings" / "day-00.parquet").stat().st_mtime_ns == before
    assert not (tmp_path / "making.json").exists()
