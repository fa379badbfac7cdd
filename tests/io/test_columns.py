from __future__ import annotations

import pytest
from tests.io.helpers import lonlat, read, table

import cotrace
from cotrace.errors import CotraceTypeError, SchemaError
from cotrace.io.columns import ALIASES, find_columns, listed


@pytest.mark.parametrize(
    "name", ["device", "uid", "user_id", "imsi", "msisdn", "User ID", "DEVICE-ID", " uid "]
)
def test_device_by_alias(name: str):
    assert find_columns([name, "ts", "x", "y"], {}, "t").device == name


@pytest.mark.parametrize("name", ["datetime", "timestamp", "time", "ts", "dateTime"])
def test_time_by_alias(name: str):
    assert find_columns(["uid", name, "x", "y"], {}, "t").time == name


@pytest.mark.parametrize(("lon", "lat"), [("lng", "lat"), ("lon", "latitude"), ("Longitude", "LAT")])
def test_lonlat_by_alias(lon: str, lat: str):
    found = find_columns(["uid", "ts", lon, lat], {}, "t")
    assert (found.kind, found.lon, found.lat) == ("lonlat", lon, lat)


@pytest.mark.parametrize(("lac", "ci"), [("lac", "ci"), ("tac", "eci"), ("TAC", "NCI"), ("lac", "cell_id")])
def test_pair_of_lac_and_ci(lac: str, ci: str):
    found = find_columns(["imsi", "ts", lac, ci], {}, "t")
    assert (found.kind, found.lac, found.ci, found.has_tower) == ("tower", lac, ci, True)


def test_missing_column_lists_those_there_are():
    with pytest.raises(
        SchemaError, match=r"the dict: no column for the device \(looked for device.*'who', 'time'"
    ) as e:
        cotrace.read_pings({"who": [1], "time": [1], "x": [1.0], "y": [1.0]}, unit="s")
    assert "by device=" in str(e.value)


def test_named_column_that_is_not_there():
    with pytest.raises(
        SchemaError, match=r"there is no column 'who' \(device=\); the columns are 'device', 'time'"
    ):
        cotrace.read_pings(table(), device="who", unit="s")


def test_two_that_fit_are_listed():
    with pytest.raises(
        SchemaError, match=r"2 columns fit the device: 'imsi', 'msisdn'; name the one .*device='imsi'"
    ):
        cotrace.read_pings(table(device=None, imsi=[1] * 6, msisdn=[2] * 6), unit="s")
    rows, _ = read(table(device=None, imsi=[1] * 6, msisdn=[2] * 6), unit="s", device="msisdn")
    assert {r[1] for r in rows} == {2}


def test_two_kinds_of_position_must_be_named():
    both = {**table(3), **lonlat()}
    with pytest.raises(
        SchemaError, match=r"lon/lat and x/y are both there .* name the pair to read: lon= and lat=, or x="
    ):
        cotrace.read_pings(both, unit="s")
    assert cotrace.read_pings(both, unit="s", lon="lon").positions == "lonlat"
    assert cotrace.read_pings(both, unit="s", x="x", y="y").positions == "xy"
    with pytest.raises(SchemaError, match="both named; positions come from one"):
        cotrace.read_pings(both, unit="s", x="x", lon="lon")


def test_half_a_position():
    with pytest.raises(SchemaError, match=r"no column for the latitude .*'device', 'time', 'lon'"):
        cotrace.read_pings({"device": [1], "time": [1], "lon": [1.0]}, unit="s")


def test_no_position_at_all():
    with pytest.raises(SchemaError, match="neither lon and lat, nor x and y, nor a tower, nor lac and ci"):
        cotrace.read_pings({"device": [1], "time": [1]}, unit="s")


def test_one_column_for_two_things():
    with pytest.raises(SchemaError, match="one column is named for two things"):
        cotrace.read_pings(table(), unit="s", x="x", y="x")


def test_names_twice():
    with pytest.raises(SchemaError, match="2 columns are called 'device'; give each a name of its own"):
        find_columns(["device", "device", "time", "x", "y"], {"device": "device"}, "t")


def test_what_is_no_name():
    with pytest.raises(CotraceTypeError, match="device=3 is not the name of a column"):
        cotrace.read_pings(table(), device=3, unit="s")  # type: ignore[arg-type]
    with pytest.raises(CotraceTypeError, match=r"give one column, or the pair \(lac, ci\)"):
        find_columns(["a", "b", "c"], {"device": "a", "time": "b", "tower": ("c",)}, "t")


def test_tower_beside_a_position_is_kept():
    found = find_columns(["uid", "ts", "lon", "lat", "tower"], {}, "t")
    assert (found.kind, found.tower) == ("lonlat", "tower")
    found = find_columns(["uid", "ts", "lon", "lat", "lac", "ci"], {}, "t")
    assert (found.kind, found.lac, found.ci) == ("lonlat", "lac", "ci")
    # where positions are there, a cell identity alone is no tower, and no error
    assert not find_columns(["uid", "ts", "lon", "lat", "ci"], {}, "t").has_tower


def test_tower_and_pair_both_fit():
    with pytest.raises(SchemaError, match=r"tower='tower', or tower=\('lac', 'ci'\)"):
        find_columns(["uid", "ts", "tower", "lac", "ci"], {}, "t")
    assert find_columns(["uid", "ts", "tower", "lac", "ci"], {"tower": ("lac", "ci")}, "t").lac == "lac"
    assert find_columns(["uid", "ts", "tower", "lac", "ci"], {"tower": "tower"}, "t").lac is None


def test_long_lists_are_cut():
    text = listed(f"c{i}" for i in range(50))
    assert text.endswith("'c39' and 10 more")
    assert listed([]) == "none"


def test_no_alias_means_two_things():
    words = [a for role in ALIASES.values() for a in role]
    assert len(words) == len(set(words))


def test_used_columns_are_each_there_once():
    assert find_columns(["uid", "ts", "x", "y", "note"], {}, "t").used == ("uid", "ts", "x", "y")
