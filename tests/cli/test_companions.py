"""``cotrace companions``: every option reaches the library, and its answer reaches the folder."""

from __future__ import annotations

import hashlib
import inspect
import json
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

import cotrace as library
from cotrace import CompanionRule, Grid, PingPong, StayOptions, presets
from cotrace.cli import app
from cotrace.cli.record import CANDIDATES

from .conftest import AS_OF, companions, cotrace, made

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
TABLES = ("companions", "evidence", "funnel", "coverage", "cases")
RULE = {"min_cumulative": "2h", "lookback": "3d"}


def tables(folder: str | Path) -> dict[str, pa.Table]:
    return {name: pq.read_table(Path(folder) / f"{name}.parquet") for name in TABLES}


def same(folder: str | Path, found: library.Companions) -> None:
    for name, table in tables(folder).items():
        wanted = getattr(found, name).to_arrow()
        assert table.schema.equals(wanted.schema), name
        assert table.equals(wanted), name


def from_library(pings, cases=(3, 8), rule=None, options=None, **reading):
    pings = library.read_pings(pings, **reading)
    rule = rule or CompanionRule(**RULE)
    return library.find_companions(
        pings, list(cases), as_of=AS_OF, rule=rule, options=options or StayOptions()
    )


def test_the_tables_are_those_of_the_library(files):
    ran = companions(files)
    assert ran.exit_code == 0, ran.stderr
    found = from_library(files.pings)
    assert len(found) > 3
    same(files.out, found)
    assert sorted(p.name for p in Path(files.out).iterdir()) == sorted(
        [*(f"{t}.parquet" for t in TABLES), "run.json"]
    )
    assert str(found) in ran.stdout
    assert f"written to {files.out} (" in ran.stdout


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (["--min-shared", "40min"], {"min_shared": "40min"}),
        (["--min-cumulative", "5h"], {"min_cumulative": "5h"}),
        (["--min-cumulative", "none"], {"min_cumulative": None}),
        (["--lookback", "1d"], {"lookback": "1d"}),
        *(
            (["--dwell-of", who], {"dwell_of": who})
            for who in ("either", "both", "case", "companion", "pair")
        ),
        (["--strict"], {"strict": True}),
        (["--strict=shared"], {"strict": "shared"}),
        (["--strict", "cumulative"], {"strict": "cumulative"}),
        (["--strict=no"], {"strict": False}),
        (["--shared", "cumulative"], {"shared": "cumulative"}),
        (["--shared", "cumulative", "--per", "6h", "--min-shared", "1h"], {"per": "6h", "min_shared": "1h"}),
        (["--shared", "cumulative", "--per", "none"], {"shared": "cumulative"}),
        (["--combine", "or"], {"combine": "or"}),
    ],
    ids=" ".join,
)
def test_every_option_of_the_rule_reaches_the_library(files, words, rule):
    if "per" in rule:
        rule = {**rule, "shared": "cumulative"}
    ran = companions(files, *words)
    assert ran.exit_code == 0, ran.stderr
    rule = CompanionRule(**{**RULE, **rule})
    same(files.out, from_library(files.pings, rule=rule))
    written = json.loads(Path(files.out, "run.json").read_text())["rule"]
    assert {key: written[key] for key in rule.as_dict()} == rule.as_dict()


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["--cell-m", "500"], {"grid": Grid.geographic(500)}),
        (["--origin", "100", "-50.5"], {"grid": Grid.geographic(800, origin=(100, -50.5))}),
        (["--by", "grid"], {"by": "grid"}),
        (["--max-gap", "20min"], {"max_gap": "20min"}),
        (["--fill", "forward"], {"fill": "forward"}),
        (["--fill", "same_cell"], {"fill": "same_cell"}),
        (["--smooth", "30min"], {"smooth": PingPong("30min")}),
        (["--smooth", "none"], {}),
        (["--threads", "1"], {}),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_every_option_of_stays_reaches_the_library(files, words, options):
    ran = companions(files, *words)
    assert ran.exit_code == 0, ran.stderr
    same(files.out, from_library(files.pings, options=StayOptions(**options)))


def test_a_plane_gets_a_planar_grid_and_a_crs_a_projected_one(files, frame):
    plane = frame.assign(x=(frame.lon - 104) * 96_000 + 400_000, y=frame.lat * 110_900).drop(
        columns=["lon", "lat"]
    )
    plane.to_parquet(files.pings)
    for words, reading, grid in (
        ([], {}, Grid.planar(700)),
        (["--crs", "EPSG:32648"], {"crs": "EPSG:32648"}, Grid.projected(700, crs="EPSG:32648")),
    ):
        ran = companions(files, "--cell-m", "700", *words)
        assert ran.exit_code == 0, ran.stderr
        same(files.out, from_library(files.pings, options=StayOptions(grid=grid), **reading))


def test_names_units_zones_and_systems_reach_read_pings(files, frame):
    strange = pd.DataFrame(
        {
            "who": frame.device,
            "when": frame.time.astype("int64") // (10**9 if frame.time.dt.unit == "ns" else 10**6),
            "easting": frame.lon,
            "northing": frame.lat,
            "lon": 0.0,
            "lat": 0.0,
        }
    )
    strange.to_parquet(files.pings)
    named = {"device": "who", "time": "when", "lon": "easting", "lat": "northing"}
    named |= {"unit": "s", "tz": "Asia/Tokyo", "crs": "gcj02", "errors": "raise"}
    words = [word for name, value in named.items() for word in (f"--{name}", value)]
    ran = companions(files, *words, "--clock-change", "earliest", "--refused-cap", "7")
    assert ran.exit_code == 0, ran.stderr
    found = from_library(files.pings, **named, clock_change="earliest", refused_cap=7)
    same(files.out, found)
    assert found.tz == "Asia/Tokyo"


def test_towers_with_and_without_positions(files, frame):
    log = pd.DataFrame(
        {"device": frame.device, "time": frame.time, "lac": 1, "ci": (frame.lon * 100).round().astype(int)}
    )
    log.to_parquet(files.pings)
    reading = {"tower": ("lac", "ci")}
    ran = companions(files, "--tower", "lac, ci", "--by", "tower", "--fill", "forward")
    assert ran.exit_code == 0, ran.stderr
    same(files.out, from_library(files.pings, options=StayOptions(by="tower", fill="forward"), **reading))

    towers = log[["lac", "ci"]].drop_duplicates().assign(lon=lambda t: t.ci / 100, lat=30.66)
    towers.to_csv(files.path("towers.csv"), index=False)
    ran = companions(files, "--tower", "lac,ci", "--towers", files.path("towers.csv"), "--fill", "forward")
    assert ran.exit_code == 0, ran.stderr
    same(
        files.out,
        from_library(
            files.pings, options=StayOptions(fill="forward"), towers=files.path("towers.csv"), **reading
        ),
    )


def test_no_parameter_is_without_an_option():
    options = {name for command in ("companions",) for name in (p.name for p in app.commands[command].params)}
    reading = set(inspect.signature(library.read_pings).parameters) - {"source"}
    rule = {f.name for f in fields(CompanionRule)} - {"lag"}  # which find_companions refuses
    for command in ("contacts", "tiers", "rings"):
        assert rule | {"lag"} <= {p.name for p in app.commands[command].params}
    stays = {f.name for f in fields(StayOptions)} - {"grid"} | {"cell_m", "origin"}
    assert reading | rule | stays | {"as_of", "cases", "threads", "preset"} <= options


def test_choices_are_those_of_the_library():
    from typing import get_args

    from cotrace import options

    choices = {
        p.name: set(p.type.choices) for p in app.commands["companions"].params if hasattr(p.type, "choices")
    }
    assert choices["fill"] == set(get_args(options.Fill))
    assert choices["by"] == set(get_args(options.By))
    assert choices["dwell_of"] == set(get_args(options.DwellOf))
    assert choices["shared"] == set(get_args(options.Shared))
    assert choices["combine"] == set(get_args(options.Combine))


def test_several_paths_are_one_input(files, frame):
    for part in range(3):
        frame.iloc[part::3].to_csv(files.path(f"part-{part}.csv"), index=False)
    paths = [files.path(f"part-{part}.csv") for part in range(3)]
    ran = cotrace(
        "companions",
        *paths,
        "--cases",
        files.cases,
        "--out",
        files.out,
        "--min-cumulative",
        "2h",
        "--lookback",
        "3d",
    )
    assert ran.exit_code == 0, ran.stderr
    same(files.out, from_library(paths, cases=["3", "8"]))


def test_as_of_by_option_instead_of_by_column(files):
    Path(files.cases).write_text("device\n3\n8\n")
    assert companions(files, "--as-of", AS_OF).exit_code == 0
    same(files.out, from_library(files.pings))


def test_cases_with_dates_from_csv_and_from_parquet(files):
    Path(files.cases).write_text(
        "\ufeffname, device ,as_of,infectious_from,isolated_at\n"
        f"x,3,{AS_OF},2021-11-01T00:00:00+08:00,\n"
        f"y,8,{AS_OF},,2021-11-02T12:00:00+08:00\n\n"
    )
    assert companions(files).exit_code == 0
    from_csv = tables(files.out)
    used = [
        {k: v and v.isoformat() for k, v in row.items() if k != "case_id"}
        for row in from_csv["cases"].to_pylist()
    ]
    assert used == [
        {"as_of": AS_OF, "infectious_from": "2021-11-01T00:00:00+08:00", "isolated_at": None},
        {"as_of": AS_OF, "infectious_from": None, "isolated_at": "2021-11-02T12:00:00+08:00"},
    ]
    cases = pd.DataFrame(
        {
            "device": [3, 8],
            "as_of": pd.to_datetime([AS_OF, AS_OF]),
            "infectious_from": pd.to_datetime(["2021-11-01T00:00:00+08:00", None]),
            "isolated_at": pd.to_datetime([None, "2021-11-02T12:00:00+08:00"]),
        }
    )
    found = library.find_companions(library.read_pings(files.pings), cases, rule=CompanionRule(**RULE))
    same(files.out, found)
    cases.to_parquet(files.path("cases.parquet"))
    ran = companions(files, "--cases", files.path("cases.parquet"))
    assert ran.exit_code == 0, ran.stderr
    assert all(table.equals(from_csv[name]) for name, table in tables(files.out).items())


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_cases_may_be_separated_as_pings_may(files, mark):
    Path(files.cases).write_text(
        f"device{mark}as_of{mark}name\n3{mark}{AS_OF}{mark}a,b\n8{mark}{AS_OF}{mark}\n"
    )
    assert companions(files).exit_code == 0
    same(files.out, from_library(files.pings))


def test_ids_from_csv_keep_their_leading_zeros(files, frame):
    frame.assign(device=frame.device.map("{:04d}".format)).to_csv(files.path("pings.csv"), index=False)
    Path(files.cases).write_text(f"device,as_of\n0003,{AS_OF}\n")
    ran = cotrace("companions", files.path("pings.csv"), "--cases", files.cases, "--out", files.out)
    assert ran.exit_code == 0, ran.stderr
    assert tables(files.out)["funnel"]["case_id"].to_pylist() == ["0003"]


@pytest.mark.parametrize("preset", sorted(set(presets.PRESETS) - {"changsha_2021", "korea_itaewon_2020"}))
def test_a_preset_is_its_rule_and_its_options(files, preset):
    ran = cotrace("companions", files.pings, "--cases", files.cases, "--out", files.out, "--preset", preset)
    assert ran.exit_code == 0, ran.stderr
    its = presets.PRESETS[preset]
    same(files.out, from_library(files.pings, rule=its.rule, options=its.options))
    assert f"preset {preset}, {its.date}, after {its.source}\n" in ran.stdout
    assert json.loads(Path(files.out, "run.json").read_text())["preset"]["id"] == preset


def test_options_beside_a_preset_override_its_own_and_that_is_said(files):
    ran = companions(files, "--preset", "chengdu_2021", "--strict=no", "--max-gap", "30min")
    assert ran.exit_code == 0, ran.stderr
    same(files.out, from_library(files.pings, options=StayOptions(max_gap="30min")))
    assert "min_cumulative='2h' instead of '30h', lookback='3d' instead of '14d'" in ran.stdout
    assert "strict=False instead of 'shared', max_gap='30min' instead of '75min'" in ran.stdout


def test_the_grid_of_a_preset_takes_the_kind_that_fits(files, frame):
    frame.rename(columns={"lon": "x", "lat": "y"}).to_parquet(files.pings)
    ran = cotrace(
        "companions", files.pings, "--cases", files.cases, "--out", files.out, "--preset", "cdc_2020_10"
    )
    assert ran.exit_code == 0, ran.stderr
    assert "instead of" not in ran.stdout
    run = json.loads(Path(files.out, "run.json").read_text())
    assert (run["options"]["grid"]["kind"], run["options"]["grid"]["cell_m"]) == ("planar", 1.8288)


def test_csv_has_the_same_rows(files):
    assert companions(files, "--format", "csv").exit_code == 0
    found = from_library(files.pings)
    for name in TABLES:
        wanted = getattr(found, name).to_arrow()
        instants = {f.name for f in wanted.schema if pa.types.is_timestamp(f.type)}
        types = {f.name: pa.string() if f.name in instants else f.type for f in wanted.schema}
        options = pacsv.ConvertOptions(column_types=types, strings_can_be_null=True)
        back = pacsv.read_csv(Path(files.out, f"{name}.csv"), convert_options=options)
        for column in wanted.column_names:
            values = wanted[column].to_pylist()
            if column in instants:
                values = [v and v.isoformat() for v in values]
            assert back[column].to_pylist() == values, (name, column)
    assert sorted(p.suffix for p in Path(files.out).iterdir()) == [".csv"] * 5 + [".json"]


def test_no_evidence(files):
    assert companions(files).exit_code == 0
    assert companions(files, "--no-evidence").exit_code == 0
    assert not Path(files.out, "evidence.parquet").exists()
    wanted = from_library(files.pings).companions.to_arrow()
    assert pq.read_table(Path(files.out, "companions.parquet")).equals(wanted)
    assert "evidence" not in json.loads(Path(files.out, "run.json").read_text())["rows"]


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_rows_that_cannot_be_used_are_handed_back(files, frame, suffix):
    frame = frame.assign(lat=frame.lat.where(frame.index != 5, 95.0), lon=frame.lon.where(frame.index != 9))
    frame.to_parquet(files.pings, index=False)
    ran = companions(files, "--format", suffix)
    assert ran.exit_code == 0, ran.stderr
    pings = library.read_pings(files.pings)
    library.find_stays(pings)
    file = Path(files.out, f"refused.{suffix}")
    back = pq.read_table(file) if suffix == "parquet" else pacsv.read_csv(file)
    assert back["row"].to_pylist() == pings.refused["row"].to_pylist() == [5, 9]
    assert back["reason"].to_pylist() == pings.refused["reason"].to_pylist()
    run = json.loads(Path(files.out, "run.json").read_text())
    assert run["counts"] == pings.counts.as_dict() | {"order": run["counts"]["order"]}
    assert run["counts"]["n_refused"] == 2


def test_the_run_says_what_it_is_and_how_it_was_made(files):
    Path(files.cases).write_text(f"device,as_of\n3,{AS_OF}\n999,{AS_OF}\n")
    ran = companions(files, "--dwell-of", "both")
    run = json.loads(Path(files.out, "run.json").read_text())
    assert run["cotrace"] == library.__version__
    assert run["what"] == CANDIDATES
    assert run["command"] == "companions"
    assert run["paths"] == [files.pings]
    assert run["cases_sha256"] == hashlib.sha256(Path(files.cases).read_bytes()).hexdigest()
    assert run["given"] == {
        "cases": files.cases,
        "min_cumulative": "2h",
        "lookback": "3d",
        "dwell_of": "both",
    }
    assert run["rule"]["reads"] == CompanionRule(**RULE, dwell_of="both").describe()
    assert run["options"]["max_gap"] == "75min"
    assert run["options"]["fill"] == "same_cell"
    assert run["rows"] == {name: table.num_rows for name, table in tables(files.out).items()}
    assert {w["kind"] for w in run["warnings"]} == {"cases", "coverage"}
    assert run["warnings"][0]["figures"] == {"never_seen": 1, "cases": 2}
    assert "warning: 1 of 2 cases were never seen" in ran.stderr
    for name in TABLES:
        said = pq.read_schema(Path(files.out, f"{name}.parquet")).metadata
        assert said[b"cotrace.what"].decode() == CANDIDATES
        assert said[b"cotrace.rule"].decode() == run["rule"]["reads"]
        assert json.loads(said[b"cotrace.run"]) == run


def test_two_runs_write_the_same_bytes(files):
    assert companions(files, "--threads", "1").exit_code == 0
    first = {p.name: p.read_bytes() for p in Path(files.out).iterdir()}
    assert companions(files, "--threads", "2").exit_code == 0
    assert {p.name: p.read_bytes() for p in Path(files.out).iterdir()} == first


def test_another_world_replaces_the_first(files):
    assert companions(files).exit_code == 0
    made(seed=8).to_parquet(files.pings, index=False)
    assert companions(files).exit_code == 0
    same(files.out, from_library(files.pings))
