"""The commands of where devices were: the same answers as the library's, and files that say what they are."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from tests.cli.conftest import AS_OF, ZONE, Files, cotrace

import cotrace as library

START, END = "2021-11-01T08:00:00+08:00", "2021-11-01T20:00:00+08:00"
BOX = shapely.box(104.05, 30.65, 104.07, 30.67)


def stays(files: Files) -> library.Stays:
    return library.find_stays(library.read_pings(files.pings))


def geojson(path: Path, *shapes: tuple[str, shapely.Geometry]) -> str:
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": json.loads(shapely.to_geojson(shape))}
        for name, shape in shapes
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return str(path)


def table(files: Files, name: str) -> pd.DataFrame:
    return pq.read_table(f"{files.out}/{name}.parquet").to_pandas()


def test_trajectory_writes_what_the_library_says(files):
    result = cotrace(
        "trajectory", files.pings, "--devices", "3,8", "--start", START, "--end", END, "--out", files.out
    )
    assert result.exit_code == 0, result.output
    assert "no proof" in result.output
    wanted = library.trajectory(
        stays(files), [3, 8], start=datetime.fromisoformat(START), end=datetime.fromisoformat(END)
    )
    assert table(files, "trajectory").equals(wanted.to_pandas())
    run = json.loads(Path(files.out, "run.json").read_text())
    assert run["files"] == ["trajectory.parquet"]
    assert run["command"] == "trajectory"
    assert "candidates" in run["what"]


def test_a_file_of_devices_and_one_file_out(files, tmp_path):
    (tmp_path / "ids.csv").write_text("device\n3\n8\n")
    out = str(tmp_path / "walk.csv")
    result = cotrace("trajectory", files.pings, "--devices", str(tmp_path / "ids.csv"), "--out", out)
    assert result.exit_code == 0, result.output
    assert len(pd.read_csv(out)) == len(library.trajectory(stays(files), [3, 8]))


def test_anchors_and_places(files):
    result = cotrace("anchors", files.pings, "--night", "21:00-05:00", "--out", files.out)
    assert result.exit_code == 0, result.output
    wanted = library.anchors(stays(files), night=("21:00", "05:00")).to_pandas()
    pd.testing.assert_frame_equal(table(files, "anchors"), wanted)
    result = cotrace("places", files.pings, "--cases", files.cases, "--lookback", "2d", "--out", files.out)
    assert result.exit_code == 0, result.output
    wanted = library.places(stays(files), [3, 8], as_of=AS_OF, lookback="2d").to_pandas()
    pd.testing.assert_frame_equal(table(files, "places"), wanted)


def test_visitors_of_every_form_of_a_place(files, tmp_path):
    place = geojson(tmp_path / "place.geojson", ("block", BOX))
    asked = ("--start", START, "--end", END, "--out", files.out)
    result = cotrace("visitors", files.pings, "--place", place, "--observed", *asked)
    assert result.exit_code == 0, result.output
    pings = library.read_pings(files.pings)
    wanted = library.visitors(stays(files), BOX, START, END, pings=pings).to_pandas()
    got = table(files, "visitors")
    assert set(got["name"]) == {"block"}
    pd.testing.assert_frame_equal(got.drop(columns="name"), wanted.drop(columns="name"))
    assert len(table(files, "visitor_stays")) == int(got["n_stays"].sum())
    cell = int(table(files, "visitor_stays")["cell"].iloc[0])
    result = cotrace("visitors", files.pings, "--place", f"{cell}", *asked)
    assert result.exit_code == 0, result.output
    assert set(table(files, "visitor_stays")["cell"]) == {cell}
    (tmp_path / "loi.csv").write_text(
        "name,lat,lon,start,end\nshop,30.66,104.06,2021-11-01 10:00,2021-11-01 11:00\n"
        "odd,30.66,104.06,2021-11-01 12:00,2021-11-01 11:00\n"
    )
    result = cotrace(
        "visitors", files.pings, "--place", str(tmp_path / "loi.csv"), "--tz", ZONE, "--out", files.out
    )
    assert result.exit_code == 0, result.output
    assert "1 ends before it starts" in result.stderr
    assert set(table(files, "visitors")["name"]) == {"shop"}


def test_visits_and_whose_devices(files, tmp_path):
    (tmp_path / "tickets.csv").write_text(
        f"device,place,started_at,finished_at,source\n3,hall,{START},{END},tickets\n99,hall,{START},{END},tickets\n"
    )
    (tmp_path / "whose.csv").write_text("device,person,kind\n3,Q,\n99,,vehicle\n")
    args = ("--visits", str(tmp_path / "tickets.csv"), "--device-table", str(tmp_path / "whose.csv"))
    # ids from CSV are text: those of the pings here are integers, and so are the visitors' after matching
    (tmp_path / "whose.parquet").unlink(missing_ok=True)
    pd.DataFrame({"device": [3, 99], "person": ["Q", None], "kind": [None, "vehicle"]}).to_parquet(
        tmp_path / "whose.parquet", index=False
    )
    args = (*args[:3], str(tmp_path / "whose.parquet"))
    result = cotrace(
        "visitors", files.pings, "--place", "hall", "--start", START, "--end", END, *args, "--out", files.out
    )
    assert result.exit_code == 0, result.output
    found = table(files, "visitors")
    assert found["device"].tolist() == [3, 99]
    assert found["source"].tolist() == ["tickets"] * 2
    assert found["device_kind"].tolist() == ["person", "vehicle"]


def test_zones_lifting_and_screening(files, tmp_path):
    rule = ("--lockdown", "6h", "--control", "1h", "--lookback", "3d")
    result = cotrace("zones", files.pings, "--cases", files.cases, *rule, "--out", files.out)
    assert result.exit_code == 0, result.output
    drawn = library.zones(
        stays(files), [3, 8], as_of=AS_OF, rule=library.ZoneRule(lockdown="6h", control="1h", lookback="3d")
    )
    pd.testing.assert_frame_equal(table(files, "zones"), drawn.zones.to_pandas())
    assert set(json.loads(Path(files.out, "run.json").read_text())["files"]) == {
        *(f"{name}.parquet" for name in ("zones", "zone_cases", "zone_devices", "zones_geo")),
        "zones.geojson",
    }
    features = json.loads(Path(files.out, "zones.geojson").read_text())["features"]
    assert features
    assert not any(f["properties"]["cases"] for f in features), "two cases are too few to be told"
    told = cotrace("zones", files.pings, "--cases", files.cases, *rule, "--out", files.out, "--no-suppress")
    assert told.exit_code == 0, told.output
    collection = json.loads(Path(files.out, "zones.geojson").read_text())
    assert [f["properties"]["cases"] for f in collection["features"]] == drawn.zones["cases"].to_pylist()
    assert "NOT suppressed" in collection["note"]
    (tmp_path / "events.csv").write_text("event,at,device\nnegative,2021-11-16,3\n")
    result = cotrace(
        *("lift", files.pings, "--cases", files.cases, *rule, "--events", str(tmp_path / "events.csv")),
        *("--on", "2021-11-17", "--out", files.out),
    )
    assert result.exit_code == 0, result.output
    assert table(files, "lifting")["clear_days"].unique().tolist() == [14]
    result = cotrace(
        "screening", files.pings, "--cases", files.cases, *rule, "--capacity", "5", "--out", files.out
    )
    assert result.exit_code == 0, result.output
    assert table(files, "screening")["test_day"].max() == -(-len(table(files, "screening")) // 5)
    assert table(files, "screening_totals")["devices"].sum() == len(table(files, "screening"))


def test_occupancy_tells_no_small_counts(files):
    busy = library.occupancy(stays(files), window="6h")
    result = cotrace("occupancy", files.pings, "--window", "6h", "--k", "8", "--out", files.out)
    assert result.exit_code == 0, result.output
    found = table(files, "occupancy")
    pd.testing.assert_frame_equal(found, library.suppress(busy, 8).to_pandas())
    assert 0 < len(found) < len(busy)
    assert found["devices"].min() >= 8
    assert (
        "Counts below 8 devices are left out" in json.loads(Path(files.out, "run.json").read_text())["reads"]
    )
    assert cotrace("occupancy", files.pings, "--window", "6h", "--out", files.out).exit_code == 0
    assert len(table(files, "occupancy")) == len(library.suppress(busy))
    result = cotrace("occupancy", files.pings, "--window", "6h", "--no-suppress", "--out", files.out)
    assert "NOT suppressed" in result.output
    assert len(table(files, "occupancy")) == len(busy)
    result = cotrace("occupancy", files.pings, "--k", "3", "--no-suppress")
    assert (result.exit_code, "contradict" in result.output) == (2, True)


def test_zones_of_units(files, tmp_path):
    units = geojson(
        tmp_path / "units.geojson", ("west", BOX), ("east", shapely.box(104.08, 30.65, 104.1, 30.67))
    )
    result = cotrace("zones", files.pings, "--cases", files.cases, "--units", units, "--out", files.out)
    assert result.exit_code == 0, result.output
    assert set(table(files, "zones")["zone"]) <= {"west", "east"}


def test_lists_by_region(files, tmp_path):
    regions = geojson(tmp_path / "regions.geojson", ("west", BOX))
    result = cotrace(
        "split-by-region", files.pings, "--devices", "1,2,3", "--regions", regions, "--out", files.out
    )
    assert result.exit_code == 0, result.output
    assert table(files, "region_totals")["devices"].sum() == 3
    assert cotrace("split-by-region", files.pings, "--regions", regions).exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("visitors", "--place", "no.geojson", "--start", START, "--end", END), "no such file"),
        (("visitors", "--place", "5"), "start and end are needed"),
        (("trajectory", "--devices", "1", "--start", "2021-11-01"), "time"),
        (("trajectory", "--devices", "x"), "no exact counterpart"),
        (("anchors", "--night", "late"), "no pair of hours"),
    ],
)
def test_what_cannot_be_used_is_one_line(files, words, says):
    result = cotrace(words[0], files.pings, *words[1:])
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("error: ")


def test_nothing_that_is_read_is_written_over(files, tmp_path):
    place = geojson(tmp_path / "place.parquet", ("block", BOX))
    result = cotrace(
        "visitors", files.pings, "--place", place, "--start", START, "--end", END, "--out", place
    )
    assert result.exit_code == 2
    assert "is the input --place" in result.stderr
