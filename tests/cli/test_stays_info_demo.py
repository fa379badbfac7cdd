"""``cotrace stays``, ``info`` and ``demo``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import cotrace as library
from cotrace import PingPong, StayOptions, demo
from cotrace.cli.survey import describe
from cotrace.stays import survey

from .conftest import cotrace

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def stays_of(files, **options):
    return library.find_stays(library.read_pings(files.pings), options=StayOptions(**options)).to_arrow()


def test_stays_as_one_file(files):
    out = files.path("made/stays.parquet")
    ran = cotrace(
        "stays", files.pings, "--out", out, "--max-gap", "30min", "--smooth", "1h", "--threads", "1"
    )
    assert ran.exit_code == 0, ran.stderr
    assert pq.read_table(out).equals(stays_of(files, max_gap="30min", smooth=PingPong("1h")))
    assert f"written to {out}" in ran.stdout
    run = json.loads(pq.read_schema(out).metadata[b"cotrace.run"])
    assert (run["command"], run["options"]["max_gap"]) == ("stays", "30min")
    assert [p.name for p in Path(files.path("made")).iterdir()] == ["stays.parquet"]


def test_stays_as_csv(files):
    out = files.path("stays.csv")
    assert cotrace("stays", files.pings, "--out", out).exit_code == 0
    wanted = stays_of(files)
    back = pacsv.read_csv(out, convert_options=pacsv.ConvertOptions(column_types={"started_at": pa.string()}))
    assert back["cell"].equals(wanted["cell"])
    assert back["started_at"].to_pylist() == [v.isoformat() for v in wanted["started_at"].to_pylist()]


def test_stays_as_a_folder(files, frame):
    frame.assign(lat=frame.lat.where(frame.index != 7, 95.0)).to_parquet(files.pings)
    ran = cotrace("stays", files.pings, "--out", files.out, "--format", "csv")
    assert ran.exit_code == 0, ran.stderr
    assert sorted(p.name for p in Path(files.out).iterdir()) == ["refused.csv", "run.json", "stays.csv"]
    run = json.loads(Path(files.out, "run.json").read_text())
    assert run["rows"] == {"stays": len(stays_of(files))}
    assert run["counts"]["n_refused"] == 1
    assert "warning: 1 of 3,600 rows cannot be used" in ran.stderr
    assert f"refused.csv in {files.out} has them, with their reasons" in ran.stderr
    assert "refused.csv in " in run["warnings"][0]["says"]
    for command in (["info"], ["stays", "--out", files.path("s.parquet")]):
        ran = cotrace(command[0], files.pings, *command[1:])
        assert "refused.parquet of 'cotrace stays --out DIR' has them" in ran.stderr


def test_stays_refuses_a_folder_for_a_file(files):
    ran = cotrace("stays", files.pings, "--out", files.path("s.csv"), "--format", "parquet")
    assert ran.exit_code == 2
    Path(files.path("d.csv")).mkdir()
    assert cotrace("stays", files.pings, "--out", files.path("d.csv")).exit_code == 2


def test_info_is_the_survey_in_words(files):
    ran = cotrace("info", files.pings, "--max-gap", "30min", "--cell-m", "400", "--threads", "1")
    assert ran.exit_code == 0, ran.stderr
    options = StayOptions(max_gap="30min", grid=library.Grid.geographic(400))
    assert ran.stdout == describe(survey(library.read_pings(files.pings), options), options) + "\n"
    assert "rows          3,600: 3,600 used, 0 collapsed, 0 refused" in ran.stdout
    assert "devices       24" in ran.stdout


def test_info_of_a_tower_log_needs_no_fill(files, frame):
    frame.assign(tower=(frame.lon * 100).astype(int))[["device", "time", "tower"]].to_parquet(files.pings)
    ran = cotrace("info", files.pings)
    assert ran.exit_code == 0, ran.stderr
    assert "positions     tower ids without positions" in ran.stdout
    assert "fill must be named for a tower log" in ran.stdout
    towers = "tower,lon,lat\n10406,104.06,30.66\n10409,104.09,30.66\n10407,,\n"
    Path(files.path("towers.csv")).write_text(towers)
    ran = cotrace("info", files.pings, "--towers", files.path("towers.csv"))
    assert ran.exit_code == 0, ran.stderr
    assert "positions     tower ids, 2 with positions" in ran.stdout


def test_info_of_nothing(files, frame):
    frame.iloc[:0].to_parquet(files.pings)
    ran = cotrace("info", files.pings)
    assert ran.exit_code == 0, ran.stderr
    assert "No row can be used." in ran.stdout


def test_demo_runs_both_jobs_and_writes_only_when_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo.city, "__defaults__", (100,))
    ran = cotrace("demo")
    assert ran.exit_code == 0, ran.stderr
    for words in (
        "== calves",
        "== city",
        "193,551 rows, 193,551 used",
        "Candidates from co-location",
        "10 m planar",
    ):
        assert words in ran.stdout
    assert list(tmp_path.iterdir()) == []
    ran = cotrace("demo", "--out", "demo-out")
    assert ran.exit_code == 0, ran.stderr
    assert sorted(p.name for p in Path("demo-out").iterdir()) == ["calves", "city"]
    found = demo.run(demo.calves()).found
    assert pq.read_table("demo-out/calves/companions.parquet").equals(found.companions.to_arrow())
    assert json.loads(Path("demo-out/city/run.json").read_text())["paths"] == ["demo: city"]
    assert cotrace("demo", "--out", "demo-out").exit_code == 0


def test_what_the_demo_says_of_the_calves_is_so():
    job = demo.calves()
    calves = [str(c) for c in library.find_stays(job.pings).devices.to_pylist()]
    job = replace(job, cases=calves)
    listed = {
        shared: len(demo.run(replace(job, rule=replace(job.rule, min_shared=shared))).found) // 2
        for shared in ("30min", "10min")
    }
    assert listed == {"30min": 52, "10min": 162}
    assert len(calves) * (len(calves) - 1) // 2 == 190
    said = survey(job.pings, job.options)
    assert 1 - said.share_over_max_gap == pytest.approx(0.986, abs=5e-4)


def test_the_zone_of_the_calves_changes_no_companion():
    job = demo.calves()
    found = demo.run(job).found.companions
    path = Path(demo.__file__).parent / "data" / "calves2018.parquet"
    pings = library.read_pings(path, device="calftag", time="dateTime", x="x", y="y", tz="Asia/Tokyo")
    as_of = datetime(2018, 6, 4, 6, tzinfo=ZoneInfo("Asia/Tokyo"))
    other = library.find_companions(
        pings, job.cases, as_of=as_of, rule=job.rule, options=job.options
    ).companions
    same = [name for name in found.columns if found.schema[name].kind != "instant"]
    assert found.to_arrow().select(same).equals(other.to_arrow().select(same))


def test_the_city_is_the_same_every_time_and_obeys_its_words():
    pings = demo.city_pings(50)
    assert pings.equals(demo.city_pings(50))
    assert not pings.equals(demo.city_pings(50, seed=1))
    frame = pings.to_pandas()
    assert frame.time.is_monotonic_increasing
    assert frame.device.nunique() == 50
    gaps = frame.groupby("device").time.diff().dropna().dt.total_seconds()
    assert gaps.between(30 * 60, 54 * 60).all()
    assert frame.time.min() >= datetime(2021, 10, 19, 16, tzinfo=UTC)
    assert frame.time.max() < datetime(2021, 11, 2, 16, tzinfo=UTC)
    night = frame[(frame.time.dt.hour < 5)]
    spread = night.groupby("device")[["lon", "lat"]].std().max(axis=1)
    assert (np.asarray(spread) < 0.002).all()
