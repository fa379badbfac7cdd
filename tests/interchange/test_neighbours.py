"""Frames in the shapes that neighbours write; what the libraries really write is read by benchmarks/moving_over.py."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString

import cotrace
from cotrace.errors import CotraceTypeError, SchemaError, TimeError
from cotrace.interchange import VISIT_COLUMNS, read_movingpandas, read_nomad, read_skmob, read_trackintel
from cotrace.testing import assert_tables_equal

LOCAL = pd.DatetimeIndex(
    ["2021-11-01 08:00", "2021-11-01 08:30", "2021-11-01 08:00", "2021-11-01 08:30"], name="t"
)
UTC = LOCAL.tz_localize("Asia/Shanghai")
LON, LAT = np.array([116.4, 116.4, 116.5, 116.5]), np.array([39.9] * 4)
WHO = [1, 1, 2, 2]
POINTS = gpd.points_from_xy(LON, LAT)
EXPECTED = cotrace.find_stays(
    cotrace.read_pings({"device": WHO, "time": UTC, "lon": LON, "lat": LAT}, tz="Asia/Shanghai")
)


def same(pings: cotrace.Pings, **casts: Any) -> None:
    found = cotrace.find_stays(pings).to_pandas()
    assert_tables_equal(found.astype(casts), EXPECTED, types="loose")


def test_scikit_mobility() -> None:
    frame = pd.DataFrame({"uid": WHO, "datetime": LOCAL, "lat": LAT, "lng": LON, "tid": [1] * 4})
    same(read_skmob(frame, tz="Asia/Shanghai"))
    with pytest.raises(TimeError, match="tz="):
        read_skmob(frame)
    with pytest.raises(SchemaError, match="there is no column 'uid'"):
        read_skmob(frame.drop(columns="uid"), tz="Asia/Shanghai")
    same(read_skmob(frame.rename(columns={"uid": "user"}), device="user", tz="Asia/Shanghai"))


def test_nomad_by_seconds_and_by_datetime() -> None:
    frame = pd.DataFrame(
        {
            "user_id": [str(w) for w in WHO],
            "timestamp": UTC.as_unit("s").asi8,
            "datetime": [t.isoformat() for t in UTC],
            "tz_offset": [28_800] * 4,
            "longitude": LON,
            "latitude": LAT,
            "x": LON * 1e5,
            "y": LAT * 1e5,
            "date": ["2021-11-01"] * 4,
            "ha": [20.0] * 4,
        }
    )
    same(read_nomad(frame, tz="Asia/Shanghai"), device="int64")
    same(read_nomad(frame.drop(columns="timestamp"), tz="Asia/Shanghai"), device="int64")
    plane = read_nomad(frame.drop(columns=["longitude", "latitude"]), tz="Asia/Shanghai")
    assert plane.positions == "xy"
    with pytest.raises(CotraceTypeError, match="not known before it is read"):
        read_nomad(iter([frame]))


def test_nomad_files(tmp_path: Any) -> None:
    path = tmp_path / "gc-data.csv"
    pd.DataFrame(
        {"user_id": WHO, "timestamp": UTC.as_unit("s").asi8, "latitude": LAT, "longitude": LON}
    ).to_csv(path, index=False)
    same(read_nomad(path, tz="Asia/Shanghai"), device="int64")


def positionfixes(**columns: Any) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"user_id": WHO, "tracked_at": UTC, **columns}, geometry=POINTS, crs="EPSG:4326")


def test_trackintel() -> None:
    same(read_trackintel(positionfixes(accuracy=[5.0] * 4)))
    same(read_trackintel(positionfixes().rename_geometry("geom")))
    metres = read_trackintel(positionfixes().to_crs("EPSG:32650"))
    assert (metres.positions, metres.crs) == ("xy", "EPSG:32650")
    with pytest.raises(SchemaError, match=r"no positionfixes of trackintel: no column 'tracked_at'"):
        read_trackintel(positionfixes().drop(columns="tracked_at"))


def test_points_that_are_missing_are_refused_and_counted() -> None:
    fixes = positionfixes()
    fixes.geometry = [None, *POINTS[1:]]
    pings = read_trackintel(fixes)
    with pytest.warns(cotrace.CotraceWarning):
        counts = cotrace.find_stays(pings).counts
    assert (counts.rows, counts.n_refused) == (4, 1)
    fixes.geometry = [LineString([(0, 0), (1, 1)]), *POINTS[1:]]
    with pytest.raises(SchemaError, match="1 of 4 geometries are no points, the first in row 0"):
        read_trackintel(fixes)
    with pytest.raises(CotraceTypeError, match="it has no geometry"):
        read_trackintel(pd.DataFrame({"user_id": [1], "tracked_at": UTC[:1]}))


def trajectory(who: int, *, zone: Any = None, column: str = "traj_id") -> SimpleNamespace:
    """What a Trajectory of MovingPandas has: local times without a zone, and the zone of its input beside them."""
    rows = [k for k, w in enumerate(WHO) if w == who]
    frame = gpd.GeoDataFrame(
        {column: [who] * 2, "trip": [who * 10] * 2}, geometry=POINTS[rows], crs=4326, index=LOCAL[rows]
    )
    return SimpleNamespace(df=frame, df_orig_tz=zone, traj_id_col_name=column, id=who)


def test_movingpandas() -> None:
    both = SimpleNamespace(trajectories=[trajectory(1), trajectory(2)])
    same(read_movingpandas(both, tz="Asia/Shanghai"))
    same(read_movingpandas(pd.concat([t.df for t in both.trajectories]), tz="Asia/Shanghai"))
    with pytest.raises(TimeError, match="tz="):
        read_movingpandas(both)
    knowing = SimpleNamespace(trajectories=[trajectory(w, zone=UTC.tz, column="phone") for w in (1, 2)])
    same(read_movingpandas(knowing))
    assert read_movingpandas(knowing, device="trip").device_type == "int64"
    with pytest.raises(SchemaError, match="no column 'nobody'; there are 'phone', 'trip', 'geometry'"):
        read_movingpandas(knowing, device="nobody")
    mixed = SimpleNamespace(trajectories=[trajectory(1), trajectory(2, column="phone")])
    with pytest.raises(SchemaError, match="call their ids differently"):
        read_movingpandas(mixed, tz="Asia/Shanghai")
    with pytest.raises(CotraceTypeError, match="it has no index of times"):
        read_movingpandas(both.trajectories[0].df.reset_index())


@pytest.mark.parametrize("library", VISIT_COLUMNS)
def test_stops_are_read_as_visits(library: str) -> None:
    names = {k: k for k in ("device", "place", "started_at", "finished_at")} | dict(VISIT_COLUMNS[library])
    numbers = library == "nomad"
    begin, end = (t.as_unit("s").asi8 if numbers else t for t in (UTC[:2], UTC[:2] + pd.Timedelta("1h")))
    stops = pd.DataFrame(
        {
            names["device"]: [1, 2],
            names["place"]: [3, 4],
            names["started_at"]: begin,
            names["finished_at"]: end,
        }
    )
    read = cotrace.read_visits(
        stops, columns=VISIT_COLUMNS[library], source=library, unit="s" if numbers else None
    )
    assert read["source"].to_pylist() == [library] * 2
    assert read["place"].to_pylist() == ["3", "4"]
