"""Which of the listed devices live in which region, or were last seen there, and when they left an area."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.errors import OptionError, SchemaError
from cotrace.exposure.areas import CellFinder, Met
from cotrace.exposure.common import CANDIDATES, Answer, asked_ids, device_codes, device_rows, ints, table
from cotrace.exposure.geometries import geojson_places, is_geojson, is_geometry, named_geometries
from cotrace.exposure.trajectory import _hours, most_dwell_in
from cotrace.schema_places import REGION_LISTS, REGION_TOTALS
from cotrace.tables import Stays, StaysStore, Table, check_source, taken

__all__ = ["split_by_region"]

Int64 = NDArray[np.int64]
By = Literal["home", "last_seen"]

_UNKNOWN = "unknown"


def split_by_region(
    stays: Stays | StaysStore,
    devices: Any,
    regions: Any,
    *,
    outbreak: Any = None,
    by: By = "home",
    night: tuple[str, str] = ("22:00", "06:00"),
) -> Answer:
    """Put every listed device on the list of exactly one region, or on ``unknown``.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, all stays of these devices are read.
    devices : id or sequence of ids
        The devices listed; each counts once.
    regions : GeoJSON, mapping or frame
        Polygons with names.
    outbreak : geometry, GeoJSON, or cells, optional
        The area that devices left: ``left_at`` is the end of the last stay there, of those that were seen elsewhere
        afterwards.
    by : {"home", "last_seen"}
        What decides where both are known: where a device spends its nights, or where it was last seen. The other is
        used where the first says nothing.
    night : (str, str)
        The hours that say where a device is at home; see :func:`cotrace.anchors`.

    Returns
    -------
    Answer
        One row a device, sorted by region and device. Columns: :ref:`data-model-region_lists`. ``evidence`` has the
        totals (:ref:`data-model-region_totals`), which add up to the devices listed.

    Raises
    ------
    OptionError, PositionError, SchemaError
        When regions have no names of their own, or polygons cannot be used.

    Warns
    -----
    CotraceWarning
        Devices that were never seen: they are on ``unknown``.

    Notes
    -----
    A cell belongs to the region in which the largest share of its area lies, the first by name of equal ones. O(stays
    of these devices).

    Examples
    --------
    >>> import cotrace, shapely
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2], "time": [0, 600, 0, 600], "x": [1.0, 1.0, 900.0, 900.0], "y": [1.0] * 4}, unit="s"
    ... )
    >>> regions = {"west": shapely.box(0, 0, 800, 800), "east": shapely.box(800, 0, 1600, 800)}
    >>> found = cotrace.split_by_region(cotrace.find_stays(pings), [1, 2, 3], regions)
    >>> list(zip(found["device"].to_pylist(), found["region"].to_pylist()))
    [(2, 'east'), (3, 'unknown'), (1, 'west')]
    """
    check_source(stays)
    if by not in get_args(By):
        raise OptionError(f"by={by!r} is not one of {', '.join(map(repr, get_args(By)))}")
    names, shapes = named_geometries(regions, "regions")
    if _UNKNOWN in names:
        raise SchemaError(
            "regions: 'unknown' is the list of those that are in none: give that region another name"
        )
    if devices is None:
        raise OptionError("devices= is the list that is to be split: name them")
    asked = asked_ids(stays, devices)
    stays = taken(stays, "split_by_region", devices=asked)
    ids, codes = device_codes(stays, asked)
    order = sorted(range(len(names)), key=names.__getitem__)
    names, shapes = [names[k] for k in order], [shapes[k] for k in order]
    finder = CellFinder(stays)
    region_of, share_of = _regions_of_cells(finder.find(shapes), len(stays.cells.values))
    home = most_dwell_in(stays, codes, _hours(stays, night, "night", tuple(range(7))))[:, 0]
    rows, whose = device_rows(stays, codes)
    last_cell, last_end = _last_seen(stays, rows, whose, codes.size)
    left = _left(stays, rows, whose, codes.size, None if outbreak is None else _area(finder, outbreak))
    found = _Lists(names, region_of, share_of, home, last_cell, by)
    return _answer(stays, ids, found, last_end, left, by)


def _regions_of_cells(met: Met, n_cells: int) -> tuple[Int64, NDArray[np.float64]]:
    """Return the region of each cell (-1: none) with its share: the largest, the first of equal ones."""
    region, best = np.full(n_cells + 1, -1, dtype=np.int64), np.full(n_cells + 1, -1.0)
    share = np.nan_to_num(met.share, nan=0.0)
    order = np.lexsort((met.place, -share, met.cell))
    first = np.flatnonzero(np.diff(met.cell[order], prepend=-1) != 0)
    region[met.cell[order[first]]], best[met.cell[order[first]]] = (
        met.place[order[first]],
        share[order[first]],
    )
    return region, best


def _last_seen(stays: Stays, rows: Int64, whose: Int64, n: int) -> tuple[Int64, Int64]:
    """Return the cell (-1: none) and the end of each device's stay that ended last; of equal ones the later."""
    cell, end = np.full(n, -1, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    ends = stays.rows[rows, 3].astype(np.int64)
    order = np.lexsort((np.arange(rows.size), ends, whose))
    last = order[np.append(np.diff(whose[order]) != 0, True)] if rows.size else order
    cell[whose[last]], end[whose[last]] = stays.rows[rows[last], 1], ends[last]
    return cell, end


def _area(finder: CellFinder, outbreak: Any) -> Int64:
    places = [shape for _, shape, _ in geojson_places(outbreak)] if is_geojson(outbreak) else [outbreak]
    if not is_geojson(outbreak) and not is_geometry(outbreak) and isinstance(outbreak, list | tuple):
        places = list(outbreak)
    return np.unique(finder.find(places).cell)


def _left(stays: Stays, rows: Int64, whose: Int64, n: int, area: Int64 | None) -> Int64:
    """Return the end of each device's last stay in the area, where it has a later stay elsewhere; else -1."""
    left = np.full(n, -1, dtype=np.int64)
    if area is None:
        return left
    inside = np.zeros(len(stays.cells.values), dtype=np.bool_)
    inside[area] = True
    there = inside[stays.rows[rows, 1]]
    start, end = (stays.rows[rows, k].astype(np.int64) for k in (2, 3))
    np.maximum.at(left, whose[there], end[there])
    later = np.full(n, -1, dtype=np.int64)
    np.maximum.at(later, whose[~there], start[~there])
    return np.where((left >= 0) & (later >= left), left, -1)


class _Lists:
    """The region of each device, and what it was chosen by."""

    def __init__(
        self,
        names: list[str],
        region_of: Int64,
        share_of: NDArray[np.float64],
        home: Int64,
        last: Int64,
        by: By,
    ) -> None:
        self.names = names
        # what is nowhere points to the last cell, which has no region
        self.home, self.last = region_of[home], region_of[last]
        first, second = (self.home, self.last) if by == "home" else (self.last, self.home)
        cells = (home, last) if by == "home" else (last, home)
        self.region = np.where(first >= 0, first, second)
        self.share = np.where(first >= 0, share_of[cells[0]], share_of[cells[1]])
        at_first = np.where(first >= 0, 0, np.where(second >= 0, 1, 2))
        self.basis = np.where(at_first < 2, at_first ^ (by != "home"), 2) if at_first.size else at_first

    def words(self, which: Int64, otherwise: str | None = None) -> list[str | None]:
        return [otherwise if k < 0 else self.names[k] for k in which.tolist()]


def _answer(stays: Stays, ids: Any, found: _Lists, last_end: Int64, left: Int64, by: By) -> Answer:
    import pyarrow as pa

    region = found.words(found.region, _UNKNOWN)
    every = sorted({*found.names, _UNKNOWN})
    rank = np.array([every.index(name) for name in region if name is not None], dtype=np.int64)
    order = np.argsort(rank, kind="stable")

    def moments(values: Int64) -> pa.Array:
        micros = (values[order] + stays.base) * 1_000_000
        return pa.array(micros, pa.timestamp("us", tz=stays.tz), mask=values[order] < 0)

    def words(values: list[str | None]) -> pa.Array:
        return pa.array([values[k] for k in order.tolist()], pa.string())

    basis = ("home", "last seen", _UNKNOWN)
    columns = {
        "region": words(region),
        "device": take(ids, order),
        "basis": words([basis[k] for k in found.basis.tolist()]),
        "home_region": words(found.words(found.home)),
        "last_region": words(found.words(found.last)),
        "last_seen_at": moments(last_end),
        "left_at": moments(left),
        "certainty": pa.array(found.share[order], pa.float64(), mask=found.region[order] < 0),
    }
    what = "where they spend their nights" if by == "home" else "where they were last seen"
    note = f"{CANDIDATES}. Split by {what}. {stays.options.describe()}."
    n = len(every)
    totals = {
        "region": pa.array(every, pa.string()),
        "devices": ints(np.bincount(rank, minlength=n)),
        "by_home": ints(np.bincount(rank[found.basis == 0], minlength=n)),
        "by_last_seen": ints(np.bincount(rank[found.basis == 1], minlength=n)),
    }
    return Answer.of(
        table(REGION_LISTS, columns, stays, note), Table.from_columns(REGION_TOTALS, totals, note)
    )
