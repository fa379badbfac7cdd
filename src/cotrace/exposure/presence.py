"""Presence from elsewhere becomes stays with a source, beside those from pings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take, view
from cotrace.binning import BAD_CELL
from cotrace.cells import Cells
from cotrace.companions.cases import match_ids
from cotrace.errors import CaseError, CotraceTypeError, OptionError, PositionError, SchemaError
from cotrace.exposure.common import beyond, names_of_cells, seen_codes, warn
from cotrace.exposure.given import GivenTable, Reported
from cotrace.io.batches import Marks
from cotrace.io.positions import PositionReader
from cotrace.schema_places import VISITS
from cotrace.tables import Stays, StaysStore, check_source, taken

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["with_visits"]

Int64 = NDArray[np.int64]

_MOST_SOURCES = 62
_FARTHEST = 2**31 - 1


def with_visits(stays: Stays | StaysStore, visits: Reported, *, places: Any = None, crs: Any = None) -> Stays:
    """Put presence from elsewhere beside stays, as stays with a source.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, everything is read: the result is in memory.
    visits : Reported
        From :func:`cotrace.read_visits`.
    places : table, dict or path, optional
        Where the places are: place, and lon and lat (or x and y, or cell). A place that stands here is the cell that
        it lies in. Any other has a cell of its own, in which only those meet who visited it; where towers are the
        cells, a place is the tower of this id if there is one.
    crs : str, optional
        Of lon/lat in ``places``: WGS 84 by default, ``"gcj02"``, or another geographic CRS.

    Returns
    -------
    Stays
        With ``sources`` and ``source_bits``; every query takes them, and says the source in its rows. Presence of one
        device in one cell that overlaps or touches is one stay, from all its sources together.

    Raises
    ------
    OptionError, SchemaError, PositionError
        When ids cannot be those of the stays' type, there are too many sources, or positions are none.

    Warns
    -----
    CotraceWarning
        Visits that contradict the stays (the device is in another cell at the time; both are kept); visitors without
        pings; places without a position.

    Notes
    -----
    A device that is in two places at once has overlapping stays, and says so in ``trajectory`` (``overlap_s``).
    O(stays), after a sort of those of the devices with visits.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings({"device": [1, 1], "time": [0, 600], "x": [1.0] * 2, "y": [1.0] * 2}, unit="s")
    >>> tickets = cotrace.read_visits(
    ...     {"device": [1], "place": ["hall"], "start": [900], "end": [1800]}, unit="s", source="tickets"
    ... )
    >>> walked = cotrace.trajectory(cotrace.with_visits(cotrace.find_stays(pings), tickets))
    >>> list(zip(walked["place"].to_pylist(), walked["source"].to_pylist()))
    [(None, 'pings'), (None, None), ('hall', 'tickets')]
    """
    check_source(stays)
    if not isinstance(visits, Reported) or visits.schema is not VISITS:
        raise CotraceTypeError(f"{type(visits).__name__} is not visits: read them with cotrace.read_visits()")
    stays = taken(stays, "with_visits")
    if not len(visits):
        return stays
    devices, old_device, device = _devices(stays, visits)
    cells, old_cell, cell = _cells(stays, visits, places, crs)
    base, shift, start, end = _moments(stays, visits)
    sources, bits = _sources(stays, visits)
    old = stays.rows.copy()
    old[:, 0], old[:, 1] = old_device[old[:, 0]], old_cell[old[:, 1]]
    old[:, 2:] += np.int32(shift)
    new = np.stack([device, cell, start, end], axis=1).astype(np.int32)
    old_bits = np.ones(len(old), dtype=np.int64) if stays.source_bits is None else stays.source_bits
    _warn_of_strangers(stays, visits, devices, device, old_device)
    concerned = np.zeros(len(devices), dtype=np.bool_)
    # places that had a cell of their own may have another now: then the stays of all devices are joined anew
    concerned[:] = stays.cells.names is not None
    concerned[device] = True
    rows, row_bits = _joined(old, old_bits, new, bits, concerned)
    first, last = int(start.min()) + base, int(end.max()) + base
    span = (first, last) if stays.span is None else (min(first, stays.span[0]), max(last, stays.span[1]))
    return Stays(
        rows,
        devices,
        cells,
        base=base,
        tz=stays.tz,
        options=stays.options,
        counts=stays.counts,
        span=span,
        sources=sources,
        source_bits=row_bits,
    )


def _devices(stays: Stays, visits: Reported) -> tuple[pa.Array, NDArray[np.int32], Int64]:
    """Return all devices in order, the new code of each old one, and the code of each visit's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    given = visits["device"].combine_chunks()
    kind = stays.devices.type
    if given.type != kind:
        once = given.unique()
        try:
            same = from_values(match_ids(once.to_pylist(), kind), kind)
        except CaseError as error:
            raise OptionError(
                "visits: " + str(error).replace("the case in row", "the id in (distinct) row")
            ) from None
        given = same.take(pc.index_in(given, value_set=once))
    once = given.unique()
    strange = once.filter(pa.array(seen_codes(stays.devices, once) < 0))
    every = pa.concat_arrays([stays.devices, strange])
    order = order_of(every)
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    devices = take(every, order)
    return devices, rank[: len(stays.devices)], seen_codes(devices, given)


def _cells(stays: Stays, visits: Reported, places: Any, crs: Any) -> tuple[Cells, NDArray[np.int32], Int64]:
    """Return all cells in order, the new code of each old one, and the code of each visit's."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = visits["place"].combine_chunks()
    once = names.unique()
    known = _placed(stays, places, crs)
    known |= {name: cell for name, cell in _towers(stays, once.to_pylist()).items() if name not in known}
    own = sorted((set(once.to_pylist()) | set(names_of_cells(stays.cells))) - set(known))
    _warn_of_places(stays, own, once.to_pylist(), bool(known))
    kind = stays.cells.values.type
    of_own = dict(zip(own, _own_cells(own, kind), strict=True))
    was_own = names_of_cells(stays.cells)
    values = stays.cells.values.to_pylist() if was_own else None
    if values is not None:  # those that had a cell of their own get it anew: numbers are by name
        for name, code in was_own.items():
            values[code] = of_own[name] if name in of_own else known[name]
        was = from_values(values, kind)
    else:
        was = stays.cells.values
    asked = from_values([known[n] if n in known else of_own[n] for n in once.to_pylist()], kind)
    every = pa.concat_arrays([was, asked]).unique()
    every = take(every, order_of(every))
    back = {cell: name for name, cell in of_own.items()}
    called = [back.get(cell) for cell in every.to_pylist()] if back else [None] * len(every)
    cells = Cells(every, stays.cells.grid, stays.cells.towers, stays.cells.by, pa.array(called, pa.string()))
    old = seen_codes(every, was).astype(np.int32)
    return cells, old, seen_codes(every, asked)[view(pc.index_in(names, value_set=once), np.int32)]


def _own_cells(names: list[str], kind: pa.DataType) -> list[Any]:
    """Return cells that no grid has: numbers of the column that is not used; tower ids that are strings are names."""
    import pyarrow as pa

    if pa.types.is_uint64(kind):
        return [2**64 - len(names) + k for k in range(len(names))]
    if pa.types.is_integer(kind):
        return [BAD_CELL + 1 + k for k in range(len(names))]
    return names


def _towers(stays: Stays, names: list[str]) -> dict[str, Any]:
    """Return the towers that have these ids."""
    import pyarrow as pa

    if stays.cells.by != "tower":
        return {}
    there = set(stays.cells.values.to_pylist()) - set(names_of_cells(stays.cells))
    if stays.cells.towers is not None:
        there |= set(stays.cells.towers["tower"].to_pylist())
    if pa.types.is_integer(stays.cells.values.type):
        return {name: int(name) for name in names if _is_number(name) and int(name) in there}
    return {name: name for name in names if name in there}


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit() and str(int(text)) == text


def _placed(stays: Stays, places: Any, crs: Any) -> dict[str, Any]:
    """Return the cell of every place whose position is given."""
    if places is None:
        return {}
    given = GivenTable(places, "places", None, ("place", "lon?", "lat?", "x?", "y?", "cell?"))
    names = given.text("place", "no place").to_pylist()
    if given.good.size < given.n:
        raise SchemaError(f"places: {given.n - given.good.size:,} rows have no place: take them out")
    cells = given.column("cell").to_pylist() if given.has("cell") else _positions(stays, given, crs)
    found: dict[str, Any] = {}
    for row, (name, cell) in enumerate(zip(names, cells, strict=True)):
        if cell is None:
            raise PositionError(
                f"places: row {row} has no position: take it out, and it has a cell of its own"
            )
        if found.setdefault(name, cell) != cell:
            raise SchemaError(f"places: row {row} gives a place another cell than an earlier row: keep one")
    return found


def _positions(stays: Stays, given: GivenTable, crs: Any) -> list[Any]:
    grid = stays.grid
    if grid is None or stays.cells.by == "tower":
        raise OptionError(
            "places= has positions, and these stays have towers as cells: give a column cell with the tower's id"
        )
    axes: tuple[str, str] = ("x", "y") if grid.kind == "planar" or not given.has("lon") else ("lon", "lat")
    if not all(given.has(axis) for axis in axes):
        raise SchemaError(f"places: for {grid!r} the columns {' and '.join(axes)} are needed, or cell")
    reader = PositionReader("lonlat" if axes[0] == "lon" else "xy", crs, axes)
    marks = Marks(given.n)
    a, b = reader.read(given.column(axes[0]), given.column(axes[1]), marks)
    if marks.codes is not None and marks.codes.any():
        raise PositionError(
            f"places: {int((marks.codes > 0).sum()):,} of {given.n:,} rows have no position, or none that can be used "
            f"(first: row {int((marks.codes > 0).argmax())}): take them out, and they have cells of their own"
        )
    if axes[0] == "lon":
        return list(np.atleast_1d(grid.cell(lon=a, lat=b)).tolist())
    return list(np.atleast_1d(grid.cell(x=a, y=b)).tolist())


def _moments(stays: Stays, visits: Reported) -> tuple[int, int, Int64, Int64]:
    """Return the base of all, how much later the old one was, and the visits' ends from it."""
    import pyarrow as pa

    start, end = (
        view(visits[name].combine_chunks().cast(pa.int64()), np.int64) // 1_000_000
        for name in ("started_at", "finished_at")
    )
    low = int(start.min())
    base = min(stays.base, low - low % 86_400) if len(stays) else low - low % 86_400
    last = int(max(end.max(), int(stays.rows[:, 3].max()) + stays.base if len(stays) else low))
    if last - base > _FARTHEST:
        raise OptionError(
            "visits and stays are more than 68 years apart: is the unit of the visits' times right, and their zone?"
        )
    return base, stays.base - base if len(stays) else 0, start - base, end - base


def _sources(stays: Stays, visits: Reported) -> tuple[tuple[str, ...], Int64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    said = visits["source"].combine_chunks()
    sources = stays.sources + tuple(sorted(set(said.unique().to_pylist()) - set(stays.sources)))
    if len(sources) > _MOST_SOURCES:
        raise OptionError(
            f"{len(sources)} sources are more than {_MOST_SOURCES}: name kinds of sources, not single ones"
        )
    at = view(pc.index_in(said, value_set=pa.array(sources, said.type)), np.int32).astype(np.int64)
    return sources, np.int64(1) << at


def _joined(
    old: NDArray[np.int32], old_bits: Int64, new: NDArray[np.int32], bits: Int64, concerned: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], Int64]:
    """Join stays and visits: what overlaps or touches in one cell is one; by device, start, cell."""
    apart = ~concerned[old[:, 0]]
    rows = np.concatenate([old[~apart], new])
    all_bits = np.concatenate([old_bits[~apart], bits])
    order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
    rows, all_bits = rows[order], all_bits[order]
    group = np.cumsum(np.any(np.diff(rows[:, :2], axis=0, prepend=rows[:1, :2]) != 0, axis=1)).astype(
        np.int64
    )
    start, end = rows[:, 2].astype(np.int64), rows[:, 3].astype(np.int64)
    before, _ = beyond(start, end, group, np.full(start.size, start.min() - 1))
    first = np.flatnonzero(start > before)
    merged = rows[first].copy()
    merged[:, 3] = np.maximum.reduceat(end, first)
    merged_bits = np.bitwise_or.reduceat(all_bits, first)
    _warn_of_contradictions(merged, merged_bits)
    every = np.concatenate([old[apart], merged])
    every_bits = np.concatenate([old_bits[apart], merged_bits])
    order = np.lexsort((every[:, 1], every[:, 2], every[:, 0]))
    return np.ascontiguousarray(every[order]), every_bits[order]


def _warn_of_contradictions(rows: NDArray[np.int32], bits: Int64) -> None:
    """Warn of devices that are in two cells at once."""
    order = np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))
    start, end, device = (rows[order, k].astype(np.int64) for k in (2, 3, 0))
    _, overlap = beyond(start, end, device, np.full(start.size, start.min()))
    doubled = np.flatnonzero(overlap)
    if doubled.size:
        devices = np.unique(device[doubled]).size
        warn(
            f"{doubled.size:,} stays of {devices:,} devices overlap a stay of theirs in another cell ("
            f"{int(overlap.sum()):,} s in all): a device that is in two places at once was not where one of its "
            "sources says, or was given to somebody; both are kept",
            "elsewhere",
            stays=int(doubled.size),
            devices=int(devices),
            overlap_s=int(overlap.sum()),
        )


def _warn_of_strangers(
    stays: Stays, visits: Reported, devices: pa.Array, device: Int64, old: NDArray[np.int32]
) -> None:
    strangers = len(devices) - len(stays.devices)
    if strangers:
        known = np.zeros(len(devices), dtype=np.bool_)
        known[old] = True
        warn(
            f"{strangers:,} of {np.unique(device).size:,} visitors have no pings (the first is in row "
            f"{int((~known[device]).argmax())} of the visits, sorted): are their ids of the same kind?",
            "elsewhere",
            strangers=strangers,
        )


def _warn_of_places(stays: Stays, own: list[str], names: list[str], some: bool) -> None:
    missing = sorted(set(own) & set(names))
    if some and missing:
        warn(
            f"{len(missing):,} of {len(names):,} places have no position: only those meet there who visited them by "
            "name",
            "elsewhere",
            without_position=len(missing),
            places=len(names),
        )
