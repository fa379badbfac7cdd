from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.io.helpers import lonlat, read, refused, table

import cotrace
from cotrace.errors import CotraceWarning, OptionError, PositionError, RefusedRowsError, SchemaError
from cotrace.io import read_towers

LOG = {"device": [1, 2, 3], "time": [0, 60, 120], "tower": [7, 8, 7]}
TOWERS = {"tower": [8, 7], "lon": [116.0, 117.0], "lat": [39.0, 40.0]}


def test_a_tower_log():
    rows, pings = read(LOG, unit="s")
    assert [r[3:] for r in rows] == [(None, None, 7), (None, None, 8), (None, None, 7)]
    assert (pings.positions, pings.has_tower, pings.towers) == ("none", True, None)
    assert pings.tower_type == pa.int64()
    assert "no table" in pings.describe()


def test_a_tower_log_with_a_table():
    pings = cotrace.read_pings(LOG, unit="s", towers=TOWERS)
    assert pings.positions == "none"
    assert pings.towers.to_pylist() == [
        {"tower": 7, "lon": 117.0, "lat": 40.0},
        {"tower": 8, "lon": 116.0, "lat": 39.0},
    ]
    assert "2 towers in the table" in pings.describe()


def test_rows_without_a_tower():
    rows, pings = read({**LOG, "tower": pa.array([7, None, 7])}, unit="s")
    assert len(rows) == 2
    assert refused(pings) == [(1, "no position")]


def test_tower_beside_a_position_may_be_missing():
    rows, pings = read(lonlat(tower=pa.array(["a", None, "b"])), unit="s")
    assert [r[5] for r in rows] == ["a", None, "b"]
    assert (pings.positions, pings.has_tower) == ("lonlat", True)


def test_rows_that_are_left_out_take_their_tower_with_them():
    rows, _ = read(lonlat(lon=[1.0, np.nan, 2.0], tower=["a", "b", "c"]), unit="s")
    assert [r[5] for r in rows] == ["a", "c"]


def test_lac_and_ci_become_one_id():
    log = {"imsi": ["a", "b", "c"], "ts": [0, 1, 2], "tac": [1, 1, None], "eci": [7, 8, 9]}
    rows, pings = read(pd.DataFrame(log), unit="s")
    assert [r[5] for r in rows] == ["1-7", "1-8"]
    assert refused(pings) == [(2, "no position")]
    assert pings.tower_type == pa.large_string()
    towers = {"lac": [1], "ci": [7], "lon": [1.0], "lat": [2.0]}
    assert cotrace.read_pings(log, unit="s", towers=towers).towers["tower"].to_pylist() == ["1-7"]


def test_lac_of_a_type_that_is_none():
    with pytest.raises(SchemaError, match="column 'lac' is of type bool; lac and ci are integers or strings"):
        cotrace.read_pings({"device": [1], "time": [0], "lac": [True], "ci": [1]}, unit="s")


def test_a_table_for_pings_without_towers():
    with pytest.raises(
        OptionError, match="the pings have no tower column: name it by tower=, or leave it out"
    ):
        cotrace.read_pings(table(), unit="s", towers=TOWERS)


def test_table_of_everything_there_can_be():
    found = read_towers({**TOWERS, "radius_m": [500, None], "radio": ["4G", "5G"]})
    assert found.column_names == ["tower", "lon", "lat", "radius_m", "generation"]
    assert found.to_pylist()[1] == {
        "tower": 8,
        "lon": 116.0,
        "lat": 39.0,
        "radius_m": 500.0,
        "generation": "4G",
    }


def test_names_given():
    found = read_towers({"id": ["a"], "east": [1.0], "north": [2.0]}, tower="id", lon="east", lat="north")
    assert found.to_pylist() == [{"tower": "a", "lon": 1.0, "lat": 2.0}]
    pair = read_towers({"p": [1], "q": [2], "lon": [1.0], "lat": [2.0]}, tower=("p", "q"))
    assert pair["tower"].to_pylist() == ["1-2"]


def test_towers_from_files(tmp_path):
    path = tmp_path / "towers.csv"
    path.write_text("tower,lon,lat,radius_m\n007,116.5,39.5,\n8,,,300\n")
    found = read_towers(path)
    assert found.to_pylist() == [
        {"tower": "007", "lon": 116.5, "lat": 39.5, "radius_m": None},
        {"tower": "8", "lon": None, "lat": None, "radius_m": 300.0},
    ]
    for i in (1, 2):
        (tmp_path / f"part{i}.csv").write_text(f"tower,lon,lat\n{i},116.5,39.5\n")
    assert read_towers([tmp_path / "part1.csv", tmp_path / "part2.csv"]).num_rows == 2


def test_ids_take_the_type_of_the_pings(tmp_path):
    path = tmp_path / "towers.csv"
    path.write_text("tower,lon,lat\n7,116.5,39.5\n8,116.6,39.6\n")
    assert cotrace.read_pings(LOG, unit="s", towers=path).towers["tower"].to_pylist() == [7, 8]
    text = {**LOG, "tower": ["7", "8", "7"]}
    assert cotrace.read_pings(text, unit="s", towers=TOWERS).towers["tower"].to_pylist() == ["7", "8"]
    path.write_text("tower,lon,lat\n007,116.5,39.5\n")
    with pytest.raises(
        SchemaError, match="tower ids are large_string, those of the pings int64, and not all can be"
    ):
        cotrace.read_pings(LOG, unit="s", towers=path)


def test_unsigned_tower_ids():
    big = np.array([2**63 + 1], "uint64")
    pings = cotrace.read_pings(
        {"device": [1], "time": [0], "tower": big},
        unit="s",
        towers={"tower": big, "lon": [1.0], "lat": [1.0]},
    )
    assert (pings.tower_type, pings.towers["tower"].to_pylist()) == (pa.uint64(), [2**63 + 1])


def test_the_same_twice_is_one_tower():
    twice = {"tower": [1, 1, 2, 2], "lon": [1.0, 1.0, None, None], "lat": [2.0, 2.0, None, None]}
    assert read_towers(pa.table(twice)).num_rows == 2
    moved = {"tower": [1, 1, 2, 2, 1], "lon": [1.0, 1.5, 0.0, None, 1.0], "lat": [2.0, 2.0, 0.0, None, 2.0]}
    with pytest.raises(SchemaError, match=r"2 towers are listed with several positions, in . rows more"):
        read_towers(pa.table(moved))


def test_towers_without_a_place():
    found = read_towers(pa.table({"tower": [1, 2, 3], "lon": [None, np.nan, 1.0], "lat": [1.0, 1.0, 1.0]}))
    assert found["lon"].to_pylist() == [None, None, 1.0]


def test_bad_tables():
    with pytest.raises(SchemaError, match=r"towers \(the dict\): no column for the tower .*'lon', 'lat'"):
        read_towers({"lon": [1.0], "lat": [1.0]})
    with pytest.raises(SchemaError, match="no column for the longitude"):
        read_towers({"tower": [1], "lat": [1.0]})
    with pytest.raises(SchemaError, match=r"1 rows have no tower id \(first: row 1\)"):
        read_towers({**TOWERS, "tower": ["a", None]})
    with pytest.raises(
        PositionError, match=r"1 of 2 positions are out of range .*\(first: row 0\); are lon and lat sw"
    ):
        read_towers({**TOWERS, "lon": [39.0, 1.0], "lat": [116.0, 1.0]})
    with pytest.raises(PositionError, match=r"out of range or unreadable \(first: row 1\): longitude is"):
        read_towers({**TOWERS, "lon": ["1", "?"]})
    with pytest.raises(SchemaError, match="column 'radius_m' is of type bool"):
        read_towers({**TOWERS, "radius_m": [True, False]})


def test_gcj02_towers():
    found = read_towers({"tower": [1], "lon": [116.4270221], "lat": [39.9024463]}, crs="gcj02")
    assert (found["lon"][0].as_py(), found["lat"][0].as_py()) == pytest.approx(
        (116.42079, 39.90105), abs=1e-7
    )
    pings = cotrace.read_pings(
        LOG, unit="s", crs="gcj02", towers={"tower": [7], "lon": [116.4270221], "lat": [39.9024463]}
    )
    assert pings.towers["lon"][0].as_py() == pytest.approx(116.42079, abs=1e-7)


def test_no_towers():
    assert read_towers({"tower": [], "lon": [], "lat": []}).num_rows == 0
    assert read_towers({"tower": [1], "lon": [1.0], "lat": [1.0]}).num_rows == 1


@pytest.mark.parametrize("kind", [list, lambda v: [str(r) for r in v]])
def test_a_radius_is_more_than_nothing(kind):
    with pytest.raises(
        SchemaError, match=r"2 of 3 radii are zero, negative or no number \(first: row 1\).*leave it empty"
    ):
        read_towers(
            {"tower": [1, 2, 3], "lon": [1.0] * 3, "lat": [1.0] * 3, "radius_m": kind([5.0, 0.0, -1.0])}
        )
    with pytest.raises(SchemaError, match=r"1 of 1 radii are .*first: row 0") as caught:
        read_towers({"tower": [1], "lon": [1.0], "lat": [1.0], "radius_m": ["wide"]})
    assert "wide" not in str(caught.value)
    unknown = {"tower": [1, 2], "lon": [1.0] * 2, "lat": [1.0] * 2, "radius_m": [None, 3.0]}
    assert read_towers(unknown)["radius_m"].to_pylist() == [None, 3.0]


def test_towers_at_zero_zero_are_warned_of():
    with pytest.warns(CotraceWarning, match=r"1 tower stands at \(0, 0\) \(first: row 1\)") as said:
        read_towers({"tower": [1, 2], "lon": [116.0, 0.0], "lat": [39.0, 0.0]})
    assert (said[0].message.kind, said[0].message.figures) == ("positions", {"zeros": 1, "first_row": 1})


def test_the_pair_in_one_word():
    log = {"device": [1, 1], "time": [0, 60], "area": [1, 1], "cell": [2, 3]}
    for pair in ("area,cell", "area, cell", ("area", "cell")):
        rows, pings = read(log, unit="s", tower=pair)
        assert [r[5] for r in rows] == ["1-2", "1-3"]
        assert (pings.columns.lac, pings.columns.ci) == ("area", "cell")
    rows, _ = read({**log, "area,cell": ["a", "b"]}, unit="s", tower="area,cell")
    assert [r[5] for r in rows] == ["a", "b"]
    towers = {"area": [1], "cell": [2], "lon": [1.0], "lat": [1.0]}
    assert read_towers(towers, tower="area,cell")["tower"].to_pylist() == ["1-2"]
    with pytest.raises(SchemaError, match="there is no column 'nocell'"):
        read(log, unit="s", tower="area,nocell")


def stays_of(log, towers, **options):
    pings = cotrace.read_pings(log, unit="s", towers=towers, **options)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cotrace.find_stays(pings, options=cotrace.StayOptions(fill="forward"))
    return " ".join(str(w.message) for w in said if w.message.kind == "refused")


def test_what_is_said_of_towers_without_a_place():
    known = {"tower": [7, 8], "lon": [116.0, None], "lat": [39.0, None]}
    said = stays_of(LOG, known)
    assert "1 unknown tower (all known, but without a position: fill lon and lat of these towers in)" in said
    said = stays_of({**LOG, "tower": [7, 8, 9]}, known)
    assert "2 unknown tower (1 known, but without a position" in said
    assert "; 1 not in the table: add these towers)" in said
    assert "1 unknown tower (not in the table of towers)" in stays_of({**LOG, "tower": [7, 7, 9]}, known)


def test_no_tower_of_the_pings_is_in_the_table():
    log = {**LOG, "tower": ["0007", "0008", "0007"]}
    with pytest.raises(
        RefusedRowsError, match=r"3 unknown tower \(no tower of the pings is among the 2"
    ) as caught:
        stays_of(log, {"tower": [7, 8], "lon": [116.0, 117.0], "lat": [39.0, 39.0]})
    text = str(caught.value)
    assert (
        "ids are large_string in the pings and int64 in the table as given: do they differ in leading zeros"
        in text
    )
    assert "0007" not in text
    with pytest.raises(RefusedRowsError, match="all known, but without a position"):
        stays_of(LOG, {"tower": [7, 8], "lon": [None, None], "lat": pa.array([None, None], pa.float64())})
    with pytest.raises(
        RefusedRowsError, match=r"row 0 cannot be used: unknown tower \(no tower of the pings"
    ):
        stays_of(log, {"tower": [7], "lon": [116.0], "lat": [39.0]}, errors="raise")
