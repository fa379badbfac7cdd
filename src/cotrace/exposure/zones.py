"""Lockdown, control and precaution zones, drawn from the cases' dwell, and the devices that they concern."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.companions.cases import Cases, read_cases
from cotrace.durations import seconds
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.exposure.around import is_store, joined
from cotrace.exposure.common import (
    CANDIDATES,
    device_rows,
    instant,
    seen_codes,
    warn,
)
from cotrace.exposure.drawing import CaseDwell, Drawn, draw_cells, draw_units
from cotrace.exposure.trajectory import _hours, most_dwell_in
from cotrace.exposure.zone_tables import concerned_devices, table_of_cases, table_of_zones
from cotrace.options import ZoneRule
from cotrace.privacy.counts import ALL_TOLD, DEFAULT_K, suppress
from cotrace.shown import Shown
from cotrace.tables import HandsOn, Stays, StaysStore, Table, check_source, taken

__all__ = ["Zones", "zones"]

Int64 = NDArray[np.int64]

_NIGHT = ("22:00", "06:00")
_DRAWN = "Drawn from where phones were taken to be, not from where infections are"


class Zones(HandsOn, Shown):
    """Zones, the cases that they were drawn from, and the devices that they concern.

    Attributes
    ----------
    zones : Table
        One row a zone. Columns: :ref:`data-model-zones`.
    evidence : Table
        One row a case and zone. Columns: :ref:`data-model-zone_cases`.
    devices : Table
        One row a device and zone. Columns: :ref:`data-model-zone_devices`.
    shapes : list
        shapely geometries in the order of ``zones``; None where a zone is a tower, or a place without a position.
    rule : ZoneRule
    now : int
        Unix seconds; the latest ``as_of`` of the cases unless it was given.
    tz : str
    """

    def __init__(
        self, zones: Table, evidence: Table, devices: Table, shapes: list[Any], rule: ZoneRule, now: int
    ) -> None:
        self.zones, self.evidence, self.devices = zones, evidence, devices
        self.shapes, self.rule, self.now = shapes, rule, now
        self.tz = str(devices.to_arrow().schema.field("last_seen_at").type.tz)
        self._plane = False

    def __len__(self) -> int:
        return len(self.zones)

    def __repr__(self) -> str:
        return repr(self.zones)

    def _repr_html_(self) -> str:
        return self.zones._repr_html_()

    def to_geojson(self, *, k: int | None = DEFAULT_K) -> dict[str, Any]:
        """Return the zones as a GeoJSON FeatureCollection, with the columns of ``zones`` as properties.

        Parameters
        ----------
        k : int or None
            Counts of fewer devices or cases are null, and others that would give them back: see
            :func:`cotrace.suppress`. None: all are told, and ``note`` says so.
        """
        import shapely

        table = self._told(k)
        features = [
            {
                "type": "Feature",
                "id": row["zone"],
                "geometry": None if shape is None else json.loads(shapely.to_geojson(shape)),
                "properties": row,
            }
            for row, shape in zip(table.to_arrow().to_pylist(), self.shapes, strict=True)
        ]
        return {"type": "FeatureCollection", "features": features, "note": table.note}

    def to_geoparquet(self, path: str | Path, *, k: int | None = DEFAULT_K) -> None:
        """Write the zones as GeoParquet 1.1: WKB in ``geometry``, WGS 84, or a plane's metres without a CRS.

        ``k`` as in :meth:`to_geojson`.
        """
        from cotrace.shapes import write_geoparquet

        table = self._told(k)
        rows = table.to_arrow().replace_schema_metadata({"cotrace": table.note})
        write_geoparquet(rows, self.shapes, path, plane=self.is_plane)

    @property
    def is_plane(self) -> bool:
        """Whether shapes are in a plane's metres; they are in WGS 84 otherwise."""
        return self._plane

    @property
    def _main(self) -> Table:
        return self.zones

    def _told(self, k: int | None) -> Table:
        """Return the zones with the counts that may be told."""
        if k is None:
            return Table(self.zones.schema, self.zones.to_arrow(), f"{ALL_TOLD} {self.zones.note}")
        return suppress(self.zones, k)


def zones(
    stays: Stays | StaysStore,
    cases: Any,
    units: Any = None,
    *,
    as_of: Any = None,
    rule: ZoneRule = ZoneRule(),
    districts: Any = None,
    now: Any = None,
    night: tuple[str, str] = _NIGHT,
) -> Zones:
    """Draw lockdown, control and precaution zones from the cases' dwell.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays in the cells of zones are read, and all stays of the cases and of the devices that ever
        were in such a cell by night.
    cases : ids or frame
        As for :func:`cotrace.find_companions`; their dwell counts from ``infectious_from`` to ``isolated_at``.
    units : GeoJSON, mapping or frame, optional
        The units that people live in (compounds, buildings, districts), as polygons with names. Without them cells are
        the units, and those of one kind that share an edge are one zone.
    as_of : instant, optional
        The moment that closes the lookback; required unless it is a column of the cases.
    rule : ZoneRule
        Thresholds. None was ever published; these are options, with defaults of this library.
    districts : GeoJSON, mapping or frame, optional
        With units: precaution zones are the rest of the units in the districts of the others. Without: the units, or
        cells, that touch them.
    now : instant, optional
        For whom is present; the latest ``as_of`` by default.
    night : (str, str)
        The hours that say where a device is at home; see :func:`cotrace.anchors`.

    Returns
    -------
    Zones
        With ``zones``, ``evidence``, ``devices`` (at home, visitors in the lookback, present now), ``to_geojson()`` and
        ``to_geoparquet()``.

    Raises
    ------
    CaseError, OptionError, PositionError, SchemaError
        When cases, options or polygons cannot be used.

    Warns
    -----
    CotraceWarning
        Cases never seen; cells with dwell of cases that meet no unit; units that are much smaller than a cell.

    Notes
    -----
    Any cell that meets a unit counts wholly for it: where units are smaller than cells, a case's dwell counts for all
    that it may have been in. O(stays).

    References
    ----------
    封控区, 管控区, 防范区: the published words and when zones are lifted stand in :doc:`/howto/zones`.

    Examples
    --------
    >>> import cotrace
    >>> hours = range(25)
    >>> pings = cotrace.read_pings(
    ...     {"device": ["case"] * 25 + ["guest"] * 2, "time": [3600 * h for h in hours] + [0, 600],
    ...      "x": [1.0] * 27, "y": [1.0] * 27}, unit="s"
    ... )
    >>> drawn = cotrace.zones(cotrace.find_stays(pings), "case", as_of="1970-01-02T00:00:00+00:00")
    >>> drawn.zones.to_pandas()[["zone", "why", "at_home", "visitors"]].values.tolist()
    [['lockdown 1', 'home', 2, 0], ['precaution 1', 'near', 0, 0]]
    """
    check_source(stays)
    if not isinstance(rule, ZoneRule):
        raise CotraceTypeError(f"rule={rule!r} is not a ZoneRule")
    if districts is not None and units is None:
        raise OptionError("districts= are for units: give the units that people live in, too")
    listed = read_cases(cases, as_of, stays.device_type)
    moment = _now(listed, now)
    source, stays = stays, taken(stays, "zones", devices=listed.ids)
    homes = _homes(stays, night)
    dwell = _dwell_of_cases(stays, listed, rule, homes)
    drawn = (
        draw_cells(stays, dwell, rule) if units is None else draw_units(stays, dwell, units, districts, rule)
    )
    _warn_of_small(drawn, stays)
    if is_store(source):
        within = seconds(rule.present_within, "present_within")
        stays = _concerned(source, stays, drawn.met.cell, night, (moment - within - 1, moment))
        homes = _homes(stays, night)
    note = f"{CANDIDATES}. {_DRAWN}. {rule.describe()}. {stays.options.describe()}."
    devices = concerned_devices(stays, drawn, homes, rule, moment)
    evidence = table_of_cases(stays, drawn, dwell, listed, note)
    drawn_zones = table_of_zones(stays, drawn, evidence, devices, note)
    found = Zones(drawn_zones, evidence, devices.table(note), drawn.shapes, rule, moment)
    found._plane = stays.grid is not None and stays.grid.kind == "planar"
    return found


def _homes(stays: Stays, night: tuple[str, str]) -> Int64:
    """Return the cell in which each device spends its nights; -1 where it has none."""
    every = np.arange(len(stays.devices), dtype=np.int64)
    return most_dwell_in(stays, every, _hours(stays, night, "night", tuple(range(7))))[:, 0]


def _concerned(
    source: StaysStore, stays: Stays, cells: Int64, night: tuple[str, str], now: tuple[int, int]
) -> Stays:
    """Read the stays in some cells, all stays of those who were there by night, and where all of them are now."""
    there = taken(source, "zones", cells=take(stays.cells.values, np.unique(cells)))
    by_night = take(there.devices, np.flatnonzero(_homes(there, night) >= 0))
    last = taken(source, "zones", start=now[0], end=now[1], devices=there.devices)
    return joined(stays, there, last, taken(source, "zones", devices=by_night))


def _now(cases: Cases, now: Any) -> int:
    if now is not None:
        return instant(now, "now")
    if not len(cases):
        raise OptionError("there are no cases, so now= is needed: when is it?")
    return int(cases.as_of.max())


def _dwell_of_cases(stays: Stays, cases: Cases, rule: ZoneRule, homes: Int64) -> CaseDwell:
    codes = seen_codes(stays.devices, cases.ids)
    if unseen := int((codes < 0).sum()):
        warn(
            f"{unseen:,} of {codes.size:,} cases were never seen in the pings (the first is in row "
            f"{cases.rows[codes < 0].min()}): no zone is drawn for them; are their ids of the same kind?",
            "cases",
            never_seen=unseen,
            cases=int(codes.size),
        )
    _, ends, begins = (cases.windows(seconds(rule.lookback, "lookback")) - stays.base).T
    rows, whose = device_rows(stays, codes)
    inside = np.minimum(stays.rows[rows, 3], ends[whose]) - np.maximum(stays.rows[rows, 2], begins[whose])
    kept = np.flatnonzero(inside > 0)
    n_cells = len(stays.cells.values) + 1
    at_home = (
        np.flatnonzero((codes >= 0) & (homes[codes] >= 0)) if homes.size else np.empty(0, dtype=np.int64)
    )
    keys = np.concatenate(
        [whose[kept] * n_cells + stays.rows[rows[kept], 1], at_home * n_cells + homes[codes[at_home]]]
    )
    once, which = np.unique(keys, return_inverse=True)
    dwell, home = np.zeros(once.size, dtype=np.int64), np.zeros(once.size, dtype=np.bool_)
    np.add.at(dwell, which[: kept.size], inside[kept])
    home[which[kept.size :]] = True
    return CaseDwell(once // n_cells, once % n_cells, dwell, home)


def _warn_of_small(drawn: Drawn, stays: Stays) -> None:
    if drawn.met.small.size and stays.grid is not None:
        warn(
            f"{drawn.met.small.size:,} of {len(drawn.names):,} zones are units much smaller than a cell of "
            f"{stays.grid.cell_m:g} m: what cases did in the cell counts for all units that it meets; look at "
            "certainty",
            "resolution",
            zones=int(drawn.met.small.size),
            of=len(drawn.names),
        )
