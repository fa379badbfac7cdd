"""Daily files of made rows: the same bytes on any number of threads, complete, and readable."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.synth.air import small_city

import cotrace
from cotrace import synth
from cotrace.errors import OptionError
from cotrace.synth import writing


def digests(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def made_signals(seed: int = 1, people: int = 40, days: int = 3) -> synth.Signals:
    city = small_city(seed, people=people, days=days)
    made = synth.signals(city, synth.towers(city, seed=seed), seed=seed, options=synth.SPARSE)
    made.devices_a_block = 4
    return made


def test_the_same_bytes_on_any_number_of_threads(tmp_path: Path) -> None:
    for n in (1, 2, 5):
        synth.write(made_signals(), tmp_path / str(n), threads=n)
    one = digests(tmp_path / "1")
    assert one == digests(tmp_path / "2") == digests(tmp_path / "5")
    days = [f"pings/day=2021-11-0{d}/part-00{p}.parquet" for d in (1, 2, 3) for p in (0, 1)]
    assert sorted(one) == sorted([*days, "towers.parquet", "truth.json"])


def test_everything_is_in_the_files(tmp_path: Path) -> None:
    made = made_signals()
    heard: list[tuple[int, int | None]] = []
    written = synth.write(made, tmp_path / "w", threads=2, progress=lambda *news: heard.append(news))
    pings = cotrace.read_pings(tmp_path / "w" / "pings")
    stays = cotrace.find_stays(pings)
    assert stays.counts.rows == written.rows == made.to_arrow().num_rows
    assert written.files == 6
    assert heard[-1] == (written.rows, written.rows)
    truth = json.loads((tmp_path / "w" / "truth.json").read_text())
    assert truth["counts"] == made_signals().counts == written.counts
    assert truth["options"]["lost"] == 0.01
    assert truth["city"]["population"] == 40
    assert pq.read_table(tmp_path / "w" / "towers.parquet").num_rows == len(made.network)
    day = pq.read_table(tmp_path / "w" / "pings" / "day=2021-11-02", partitioning=None)
    assert day.equals(made.to_arrow(1))
    assert f"{written.rows:,} rows" in str(written)


def test_further_tables_and_fixes(tmp_path: Path) -> None:
    city = small_city(2, people=5)
    fixes = synth.gps(city, seed=2, accuracy=True)
    cases = synth.towers(city, seed=2).table()
    written = synth.write(fixes, tmp_path, tables={"cases": cases}, truth={"more": 1}, threads=1)
    assert (tmp_path / "cases.parquet").exists()
    assert not (tmp_path / "towers.parquet").exists()
    assert json.loads((tmp_path / "truth.json").read_text())["more"] == 1
    assert cotrace.find_stays(cotrace.read_pings(tmp_path / "pings")).counts.rows == written.rows
    with pytest.raises(OptionError, match="not empty"):
        synth.write(fixes, tmp_path)


def test_nobody(tmp_path: Path) -> None:
    written = synth.write(made_signals(people=0, days=1), tmp_path)
    assert written.rows == 0
    assert written.files == 1
    assert pq.read_table(tmp_path / "pings", partitioning=None).num_rows == 0


def test_an_error_leaves_no_file_that_looks_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_signals()
    real = made.block

    def block(day: int, first: int, last: int, lane: object) -> object:
        if day == 1:
            raise RuntimeError("no more")
        return real(day, first, last, lane)

    monkeypatch.setattr(made, "block", block)
    with pytest.raises(RuntimeError, match="no more"):
        synth.write(made, tmp_path, threads=2)
    assert not list((tmp_path / "pings" / "day=2021-11-02").iterdir())
    assert not (tmp_path / "truth.json").exists()


def test_memory_does_not_grow_with_the_days() -> None:
    lane = synth.blocks.Lane(columns_too=True)
    made = made_signals()
    first = made.block(0, 0, 4, lane).columns["device"]
    again = made.block(1, 0, 4, lane).columns["device"]
    assert first.__array_interface__["data"] == again.__array_interface__["data"]
    assert writing._BLOCKS_A_FILE == 8
