"""Who was at a place: a polygon, cells, towers or GeoJSON, or many places and times at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.durations import Duration, seconds
from cotrace.errors import OptionError
from cotrace.exposure.around import head
from cotrace.exposure.asked import Asked, names_column, read_asked
from cotrace.exposure.common import (
    CANDIDATES,
    Answer,
    beyond,
    bools,
    cell_columns,
    ints,
    source_names,
    sources_of,
    span_of,
    table,
)
from cotrace.exposure.observed import observed_in
from cotrace.schema_places import VISITOR_STAYS, VISITORS
from cotrace.tables import Stays, StaysStore, check_source, instants, taken

if TYPE_CHECKING:
    from cotrace.io.pings import Pings

__all__ = ["visitors"]

Int64 = NDArray[np.int64]


def visitors(
    stays: Stays | StaysStore,
    place: Any,
    start: Any = None,
    end: Any = None,
    *,
    min_dwell: Duration | None = None,
    pings: Pings | None = None,
    columns: Mapping[str, str] | None = None,
    tz: Any = None,
    unit: str | None = None,
    crs: Any = None,
) -> Answer:
    """Find the devices that were at a place in a time.

    Any cell that meets the place counts, so that a device may have been elsewhere in the cell: ``certainty`` says
    how much of the cell lies in the place.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays in the cells of the places, in the time asked, are read.
    place : geometry, cell, tower, GeoJSON, or a table
        One place: a shapely geometry (longitude and latitude; the plane's metres on a planar grid), a cell or a list
        of cells, the id of a tower or a list of them where towers are the cells, or the name of a place that visits
        were made to. Several places: GeoJSON (each feature is one, with ``properties.name``, ``start`` and ``end``), a
        list of geometries, or a table with started_at, finished_at, name, and where: place or geometry (shapely,
        GeoJSON, WKT, WKB), cell, tower, or lon and lat (x and y).
    start, end : instant, optional
        The time asked, with a time zone; not needed where the places have their own.
    min_dwell : str or timedelta, optional
        Leave out devices with less dwell; by default a visit of a second is in the answer.
    pings : Pings, optional
        The pings that the stays were made of: they are read once more, and ``observed`` is then never null.
    columns, tz, unit
        For a table of places: which column is which, the zone of naive times, the unit of times that are numbers.
    crs : str, optional
        Of geometries and positions: WGS 84 by default, ``"gcj02"``, or another geographic CRS.

    Returns
    -------
    Answer
        One row a request and device, sorted by these. Columns: :ref:`data-model-visitors`. ``evidence`` has the stays
        that stand behind it: :ref:`data-model-visitor_stays`. ``refused`` has the rows of a table of places that could
        not be used, or is None.

    Raises
    ------
    OptionError, PositionError, SchemaError
        When the place or the time cannot be used.

    Warns
    -----
    CotraceWarning
        Places that are much smaller than a cell; rows of a table of places that cannot be used.

    Notes
    -----
    ``observed`` is true where a stay begins or ends with a ping in the time asked, or is there for ``max_gap`` or
    longer; false for presence that no ping says; null where a stay spans the time asked and stays alone do not tell.
    O(stays), in one pass over all; places are looked up among the cells that have stays.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {"device": [1, 1, 2, 2], "time": [0, 3600, 60, 180], "x": [1.0] * 4, "y": [1.0] * 4}, unit="s"
    ... )
    >>> stays = cotrace.find_stays(pings)
    >>> hour = {"start": "1970-01-01T00:00:30+00:00", "end": "1970-01-01T00:40:00+00:00"}
    >>> found = cotrace.visitors(stays, cotrace.Grid.planar().cell(x=1.0, y=1.0), **hour)
    >>> list(zip(*(found[c].to_pylist() for c in ("device", "dwell_s", "observed"))))
    [(1, 2370, None), (2, 120, True)]
    >>> cotrace.visitors(stays, 0, **hour, pings=pings)["observed"].to_pylist()
    [False, True]
    """
    check_source(stays)
    least = 1 if min_dwell is None else max(1, seconds(min_dwell, "min_dwell"))
    if pings is not None and getattr(pings, "device_type", None) != stays.device_type:
        raise OptionError("pings= are not those of the stays: their device ids are of another type")
    known = head(stays, "visitors")
    asked = read_asked(known, place, start, end, columns, tz, unit, crs)
    lo, hi = span_of(asked.start, asked.end)
    cells = take(known.cells.values, np.unique(asked.met.cell))
    # a second more on either side: what is cut there neither begins nor ends in the time asked
    stays = taken(stays, "visitors", start=lo - 1, end=hi + 1, cells=cells)
    meets = find_meets(stays, asked).of_devices(least)
    told = observed_in(stays, meets.rows, meets.start, meets.end, meets.begin, meets.until, pings)
    answer = Answer.of(_visitors(stays, asked, meets, told), _stays(stays, asked, meets, told))
    answer.refused = asked.refused
    return answer


class Meets:
    """Stays that meet requests, by request, device, start.

    Attributes
    ----------
    request, rows : int64[n]
        Number of the request, and of the stay.
    start, end : int64[n]
        The stay within the time asked, in seconds from the base.
    begin, until : int64[n]
        The time asked.
    share : float64[n]
    device : int64[n]
    group : int64[n]
        Rises with (request, device).
    overlap : int64[n]
        Seconds that earlier stays of the same group cover already.
    """

    def __init__(
        self, stays: Stays, asked: Asked, request: Int64, rows: Int64, share: NDArray[np.float64]
    ) -> None:
        begin, until = (v[request] - stays.base for v in (asked.start, asked.end))
        start, end = (stays.rows[rows, k].astype(np.int64) for k in (2, 3))
        start, end = np.maximum(start, begin), np.minimum(end, until)
        order = np.lexsort((stays.rows[rows, 1], start, stays.rows[rows, 0], request))
        self.request, self.rows, self.share = request[order], rows[order], share[order]
        self.start, self.end, self.begin, self.until = start[order], end[order], begin[order], until[order]
        self._stays, self._asked = stays, asked
        self.device = stays.rows[self.rows, 0].astype(np.int64)
        new = (np.diff(self.request, prepend=-1) != 0) | (np.diff(self.device, prepend=-1) != 0)
        self.group = np.cumsum(new) - 1
        _, self.overlap = beyond(self.start, self.end, self.group, self.begin)
        self.first = np.flatnonzero(new)

    @property
    def dwell(self) -> Int64:
        """Dwell of each group."""
        return _sums(self.end - self.start - self.overlap, self.first)

    def of_devices(self, least: int) -> Meets:
        """Return those of devices that have at least this dwell in all."""
        kept = np.flatnonzero((self.dwell >= least)[self.group]) if self.rows.size else self.rows
        if kept.size == self.rows.size:
            return self
        return Meets(self._stays, self._asked, self.request[kept], self.rows[kept], self.share[kept])


def _sums(values: Int64, first: Int64) -> Int64:
    return np.add.reduceat(values, first) if first.size else values[:0]


def find_meets(stays: Stays, asked: Asked) -> Meets:
    """Find the stays in the cells and times asked."""
    from cotrace.kernels.presence import count_meets, fill_meets

    cell_lo, times, longest, span = asked.table(len(stays.cells.values), stays.base)
    pairs = np.empty((count_meets(stays.rows, cell_lo, times, longest, span), 2), dtype=np.int64)
    fill_meets(stays.rows, cell_lo, times, longest, span, pairs)
    met = asked.met
    return Meets(
        stays, asked, met.place[pairs[:, 0]], np.ascontiguousarray(pairs[:, 1]), met.share[pairs[:, 0]]
    )


def _visitors(stays: Stays, asked: Asked, meets: Meets, told: NDArray[np.int8]) -> Any:
    import pyarrow as pa

    first, n = meets.first, meets.first.size
    request = meets.request[first]
    with np.errstate(invalid="ignore"):
        certainty = np.fmax.reduceat(meets.share, first) if n else meets.share[:0]
    bits = sources_of(stays, meets.rows)
    columns = {
        "request": ints(request),
        "name": names_column(asked.names, request),
        "asked_from": instants(asked.start[request], 0, stays.tz),
        "asked_until": instants(asked.end[request], 0, stays.tz),
        "device": take(stays.devices, meets.device[first]),
        "dwell_s": ints(meets.dwell),
        "n_stays": ints(np.diff(np.append(first, meets.rows.size))),
        "first_started_at": instants(meets.start[first], stays.base, stays.tz),
        "last_finished_at": instants(_largest(meets.end, first), stays.base, stays.tz),
        "certainty": pa.array(certainty, pa.float64(), from_pandas=True),
        "observed": _said(np.maximum.reduceat(told, first) if n else told),
        "source": source_names(stays.sources, np.bitwise_or.reduceat(bits, first) if n else bits),
    }
    return table(VISITORS, columns, stays, _note(stays))


def _largest(values: Int64, first: Int64) -> Int64:
    return np.maximum.reduceat(values, first) if first.size else values[:0]


def _stays(stays: Stays, asked: Asked, meets: Meets, told: NDArray[np.int8]) -> Any:
    import pyarrow as pa

    columns = {
        "request": ints(meets.request),
        "name": names_column(asked.names, meets.request),
        "device": take(stays.devices, meets.device),
        **cell_columns(stays.cells, stays.rows[meets.rows, 1].astype(np.int64)),
        "started_at": instants(meets.start, stays.base, stays.tz),
        "finished_at": instants(meets.end, stays.base, stays.tz),
        "duration_s": ints(meets.end - meets.start),
        "certainty": pa.array(meets.share, pa.float64(), from_pandas=True),
        "observed": _said(told),
        "source": source_names(stays.sources, sources_of(stays, meets.rows)),
    }
    return table(VISITOR_STAYS, columns, stays, _note(stays))


def _said(told: NDArray[np.int8]) -> Any:
    """Return ``observed``: 2 is true, 0 false, 1 not known."""
    return bools(told == 2, told != 1)


def _note(stays: Stays) -> str:
    return f"{CANDIDATES}; any cell that meets the place counts. {stays.options.describe()}."
