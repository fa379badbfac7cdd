"""What neighbouring libraries write, read as pings: their names of columns, their geometries, their clocks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.errors import CotraceTypeError, SchemaError
from cotrace.io.columns import listed
from cotrace.io.files import open_source
from cotrace.io.pings import read_pings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cotrace.io.pings import Pings

__all__ = ["VISIT_COLUMNS", "read_movingpandas", "read_nomad", "read_skmob", "read_trackintel"]

#: What tables of stops are called by whom, for ``cotrace.read_visits(table, columns=VISIT_COLUMNS["trackintel"])``:
#: staypoints with locations, stops with clusters, stops with locations.
VISIT_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "trackintel": MappingProxyType({"device": "user_id", "place": "location_id"}),
        "skmob": MappingProxyType(
            {"device": "uid", "place": "cluster", "started_at": "datetime", "finished_at": "leaving_datetime"}
        ),
        "nomad": MappingProxyType(
            {
                "device": "user_id",
                "place": "location_id",
                "started_at": "start_timestamp",
                "finished_at": "end_timestamp",
            }
        ),
    }
)


def read_skmob(trajectories: Any, *, tz: Any = None, **options: Any) -> Pings:
    """Open a ``TrajDataFrame`` of scikit-mobility, or a frame of its form: ``uid, datetime, lat, lng``.

    Parameters
    ----------
    trajectories : skmob.TrajDataFrame or frame
        Times of scikit-mobility have no zone.
    tz : str
        The zone that they are in.
    **options
        Further ones of :func:`cotrace.read_pings`; they win over the convention.

    Returns
    -------
    Pings

    Raises
    ------
    SchemaError, TimeError
        When there is no ``uid`` (a frame of one individual: give it one), or no zone was named.

    References
    ----------
    ``skmob/utils/constants.py`` and ``TrajDataFrame`` of scikit-mobility.

    Examples
    --------
    >>> import pandas as pd
    >>> from cotrace.interchange import read_skmob
    >>> times = pd.to_datetime(["2021-11-01 08:00"])
    >>> frame = pd.DataFrame({"uid": [1], "datetime": times, "lat": [39.9], "lng": [116.4]})
    >>> read_skmob(frame, tz="Asia/Shanghai").columns.describe()
    "device='uid', time='datetime', lon='lng', lat='lat'"
    """
    columns = {"device": "uid", "time": "datetime", "lon": "lng", "lat": "lat"}
    return read_pings(trajectories, **{**columns, "tz": tz, **options})


def read_nomad(frame: Any, *, tz: Any = None, **options: Any) -> Pings:
    """Open a trajectory table of NOMAD: ``user_id``, ``timestamp`` or ``datetime``, and its positions.

    Parameters
    ----------
    frame : table or path
        ``timestamp`` (unix seconds) is read where there is one, else ``datetime``; ``longitude`` and ``latitude`` where
        they are, else ``x`` and ``y``; ``ha`` as the accuracy. ``tz_offset`` is not needed: instants are instants.
    tz : str, optional
        The zone of results, and of ``datetime`` where it has none.
    **options
        Further ones of :func:`cotrace.read_pings`, such as ``crs`` of x and y; they win over the convention.

    Returns
    -------
    Pings

    References
    ----------
    ``DEFAULT_SCHEMA`` in ``nomad/constants.py`` of Watts-Lab/nomad.

    Examples
    --------
    >>> import pandas as pd
    >>> from cotrace.interchange import read_nomad
    >>> frame = pd.DataFrame({"user_id": ["a"], "timestamp": [1635724800], "datetime": ["2021-11-01T08:00:00+08:00"],
    ...                       "longitude": [116.4], "latitude": [39.9], "ha": [12.5], "tz_offset": [28800]})
    >>> read_nomad(frame, tz="Asia/Shanghai").columns.describe()
    "device='user_id', time='timestamp', lon='longitude', lat='latitude', accuracy='ha'"
    """
    names = _names(frame)
    columns: dict[str, Any] = {"device": "user_id"}
    if "timestamp" in names:
        columns |= {"time": "timestamp", "unit": "s"}
    else:
        columns["time"] = "datetime"
    lonlat = {"longitude", "latitude"} <= set(names)
    columns |= {"lon": "longitude", "lat": "latitude"} if lonlat else {"x": "x", "y": "y"}
    if "ha" in names:
        columns["accuracy"] = "ha"
    return read_pings(frame, **{**columns, "tz": tz, **options})


def read_trackintel(positionfixes: Any, **options: Any) -> Pings:
    """Open positionfixes of trackintel, or a GeoDataFrame of their form: ``user_id, tracked_at`` and points.

    Parameters
    ----------
    positionfixes : trackintel.Positionfixes or geopandas.GeoDataFrame
        Points in any CRS; ``tracked_at`` has a time zone, as trackintel asks for.
    **options
        Further ones of :func:`cotrace.read_pings`.

    Returns
    -------
    Pings
        Rows without a point, or with an empty one, are refused and counted.

    References
    ----------
    ``trackintel/model/positionfixes.py`` of trackintel.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> from cotrace.interchange import read_trackintel
    >>> fixes = gpd.GeoDataFrame(
    ...     {"user_id": [0], "tracked_at": pd.to_datetime(["2021-11-01 08:00:00+08:00"])},
    ...     geometry=gpd.points_from_xy([116.4], [39.9]), crs="EPSG:4326")
    >>> read_trackintel(fixes)
    <Pings: the dict, 1 rows; device='user_id', time='tracked_at', lon='lon', lat='lat'; +08:00; not read yet>
    """
    names = _names(positionfixes)
    missing = [name for name in ("user_id", "tracked_at") if name not in names]
    if missing:
        raise SchemaError(
            f"no positionfixes of trackintel: no column {listed(missing)}; there are {listed(names)}"
        )
    columns = {name: positionfixes[name] for name in ("user_id", "tracked_at")}
    return _points(positionfixes, columns, {"device": "user_id", "time": "tracked_at", **options})


def read_movingpandas(
    trajectories: Any, *, device: str | None = None, tz: Any = None, **options: Any
) -> Pings:
    """Open trajectories of MovingPandas: one, a collection, or the frame of ``to_point_gdf()``.

    Parameters
    ----------
    trajectories : movingpandas.TrajectoryCollection, movingpandas.Trajectory or geopandas.GeoDataFrame
        MovingPandas drops time zones, and keeps those of its input only for itself.
    device : str, optional
        The column of the device. By default the trajectory's id; name it where one device has several trajectories.
    tz : str, optional
        The zone of the local times. Not needed where the trajectories know the zone of their input.
    **options
        Further ones of :func:`cotrace.read_pings`.

    Returns
    -------
    Pings

    Raises
    ------
    SchemaError, TimeError
        When there is no such column, or no zone.

    References
    ----------
    ``Trajectory`` and ``TrajectoryCollection``, MovingPandas 0.23.

    Examples
    --------
    >>> import geopandas as gpd, pandas as pd
    >>> from cotrace.interchange import read_movingpandas
    >>> points = gpd.GeoDataFrame(
    ...     {"traj_id": [7, 7]}, geometry=gpd.points_from_xy([0.0, 60.0], [0.0, 0.0]), crs="EPSG:31256",
    ...     index=pd.DatetimeIndex(["2018-01-01 12:00", "2018-01-01 12:06"], name="t"))
    >>> read_movingpandas(points, tz="Europe/Vienna")
    <Pings: the dict, 2 rows; device='traj_id', time='t', x='x', y='y'; Europe/Vienna; not read yet>
    """
    import pandas as pd

    frames = []
    for one in getattr(trajectories, "trajectories", [trajectories]):
        frame = getattr(one, "df", one)
        if not isinstance(getattr(frame, "index", None), pd.DatetimeIndex):
            raise CotraceTypeError(f"{type(one).__name__} is no trajectory: it has no index of times")
        zone = getattr(one, "df_orig_tz", None)
        if tz is None and zone is not None and frame.index.tz is None:
            frame = frame.tz_localize(zone)
        name = str(device or getattr(one, "traj_id_col_name", "traj_id"))
        if name not in frame.columns:
            raise SchemaError(
                f"trajectories have no column {name!r}; there are {listed(map(str, frame.columns))}: "
                "name the device's by device="
            )
        frames.append((frame, name))
    if len({name for _, name in frames}) != 1:
        raise SchemaError(
            f"trajectories call their ids differently: {listed(sorted({n for _, n in frames}))}; "
            "name one column by device="
        )
    whole, name = pd.concat([frame for frame, _ in frames]), frames[0][1]
    time = whole.index.name or "t"
    columns = {name: whole[name].reset_index(drop=True), time: whole.index.to_series().reset_index(drop=True)}
    return _points(whole, columns, {"device": name, "time": time, "tz": tz, **options})


def _points(frame: Any, columns: dict[str, Any], options: dict[str, Any]) -> Pings:
    """Open a GeoDataFrame of points: longitude and latitude, or x and y in the frame's CRS."""
    import shapely

    if not hasattr(frame, "geometry"):
        raise CotraceTypeError(f"{type(frame).__name__} is not a GeoDataFrame: it has no geometry")
    shapes = np.asarray(frame.geometry.array)
    other = ~np.isin(shapely.get_type_id(shapes), (-1, 0))  # no geometry, or a point
    if other.any():
        raise SchemaError(
            f"{int(other.sum()):,} of {shapes.size:,} geometries are no points, the first in row "
            f"{int(other.argmax())}: pings are points"
        )
    crs = frame.crs
    geographic = crs is not None and crs.is_geographic
    axes = ("lon", "lat") if geographic else ("x", "y")
    clash = [name for name in axes if name in columns]
    if clash:
        raise SchemaError(f"column {listed(clash)} is called as the points' own; give it another name")
    data = {**columns, **dict(zip(axes, (shapely.get_x(shapes), shapely.get_y(shapes)), strict=True))}
    given = {axis: axis for axis in axes}
    return read_pings(data, **{**given, "crs": crs, **options})


def _names(frame: Any) -> list[str]:
    """Return the names of the columns; a stream that can be read once is left alone."""
    if hasattr(frame, "__next__") or hasattr(frame, "read_next_batch"):
        raise CotraceTypeError(
            f"the columns of a {type(frame).__name__} are not known before it is read: give a table or files, or name "
            "the columns to cotrace.read_pings()"
        )
    return open_source(frame).names()[0][1]
