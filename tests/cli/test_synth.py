"""``cotrace synth``: the library's cities, as files that the other commands read."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import cotrace

import cotrace as library
from cotrace import synth
from cotrace.cli.synth import CITIES

SMALL = ("--area-km2", "1", "--population", "150", "--stations", "20", "--days", "3")


def run(folder: Path, *args: str) -> Path:
    result = cotrace("synth", *SMALL, "--out", str(folder), *args)
    assert result.exit_code == 0, result.output
    assert "150 people" in result.output
    assert f"written to {folder}" in result.output
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return run(tmp_path_factory.mktemp("synth") / "city", "--records", "sparse", "--seed", "4")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.suffix == ".parquet"
    }


def test_a_city_is_the_librarys(made):
    city = synth.city(seed=4, area_km2=1, population=150, stations=20, days=3)
    outbreak = synth.outbreak(city, seed=4)
    for name in ("cases", "infections", "tree"):
        assert pq.read_table(made / f"{name}.parquet").equals(getattr(outbreak, name).to_arrow())
    meetings = city.meetings(outbreak.infections["device"].to_numpy())
    assert pq.read_table(made / "meetings.parquet").equals(meetings.to_arrow())
    assert sorted(p.name for p in (made / "pings").iterdir()) == [f"day=2021-11-0{d}" for d in (1, 2, 3)]
    truth, run_of = (json.loads((made / name).read_text()) for name in ("truth.json", "run.json"))
    assert truth["city"]["population"] == 150
    assert run_of["command"] == "synth"
    assert run_of["options"]["seed"] == 4
    assert set(run_of["files"]) == {p.name for p in made.iterdir()}


def test_what_was_made_can_be_read_and_asked(made, tmp_path):
    pings = library.read_pings(made / "pings")
    stays = library.find_stays(pings)
    assert stays.counts.rows == json.loads((made / "truth.json").read_text())["rows"]
    cases = tmp_path / "cases.csv"
    cases.write_text("device,as_of\n3,2021-11-04T00:00:00+08:00\n")
    result = cotrace(
        "companions", str(made / "pings"), "--cases", str(cases), "--min-cumulative", "none",
        "--out", str(tmp_path / "found"),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Candidates from co-location" in result.output


def test_the_same_call_makes_the_same_bytes_on_any_threads(made, tmp_path):
    again = run(tmp_path / "again", "--records", "sparse", "--seed", "4", "--threads", "3")
    assert bytes_of(again) == bytes_of(made)
    other = run(tmp_path / "other", "--records", "sparse", "--seed", "5")
    assert bytes_of(other) != bytes_of(made)


def test_an_earlier_city_is_replaced_and_other_files_are_not(made, tmp_path):
    folder = run(tmp_path / "city", "--records", "sparse", "--outbreak", "0")
    assert not (folder / "cases.parquet").exists()
    run(folder, "--records", "sparse", "--outbreak", "2", "--clean", "--generations", "4G=0.5,5G=0.5")
    assert (folder / "cases.parquet").exists()
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["counts"]["lost"] == truth["counts"]["flap"] == 0
    (folder / "mine.txt").write_text("mine")
    result = cotrace("synth", *SMALL, "--out", str(folder))
    assert result.exit_code == 2
    assert "other files" in result.output


def test_fixes_in_place_of_signals(tmp_path):
    folder = run(tmp_path / "gps", "--records", "gps", "--start", "2022-03-05", "--tz", "Asia/Tokyo")
    assert not (folder / "towers.parquet").exists()
    first = folder / "pings" / "day=2022-03-05" / "part-000.parquet"
    assert {"device", "time", "x", "y"} <= set(pq.read_schema(first).names)
    cases = pq.read_schema(folder / "cases.parquet")
    assert cases.field("as_of").type.tz == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--days", "3"), "--area-km2 and --population"),
        ((*SMALL, "--start", "yesterday"), "--start yesterday is no date"),
        ((*SMALL, "--tz", "Mars"), "--tz Mars is no time zone"),
        ((*SMALL, "--generations", "5G=x"), "--generations 5G=x"),
        ((*SMALL, "--generations", "5G", "--records", "gps"), "GPS fixes need no stations"),
        (("--preset", "xian", "--scale", "0"), "--scale 0.0"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path, args, says):
    result = cotrace("synth", "--out", str(tmp_path / "no"), *args)
    assert result.exit_code == 2
    assert says in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert not (tmp_path / "no").exists()


def test_presets_are_the_librarys():
    assert tuple(synth.PRESETS) == CITIES
