"""What is true in a made city: stays, visits, meetings and episodes, made from the exact paths."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy
from cotrace.durations import Duration, seconds
from cotrace.errors import GridError, OptionError, TimeError
from cotrace.grid import Grid
from cotrace.schema_synth import TRUE_EPISODES, TRUE_MEETINGS
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, Table, instants
from cotrace.threads import on_threads

if TYPE_CHECKING:
    from datetime import datetime

    from cotrace.schema import TableSchema
    from cotrace.synth.cities import City
    from cotrace.synth.paths import Legs

__all__ = [
    "SETTINGS",
    "Squares",
    "everybody",
    "rows_of",
    "settings",
    "true_episodes",
    "true_meetings",
    "true_stays",
    "visits",
    "zone",
]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Bools = NDArray[np.bool_]
#: what is copied of the legs of one day: the devices' codes, the legs, room for rows -> how many there are
Cut = Callable[[Int32, "Legs", Int32], int]
#: names of the kinds of venues
SETTINGS = ("home", "work", "school", "shop", "restaurant", "leisure")
#: devices whose days are made at a time
BLOCK = 2_048
_MOST_CELLS = 2**31


class Squares:
    """The cells of a plane's grid that a city lies on, by number: ``(col - col0) * n_rows + row - row0``."""

    def __init__(self, city: City, grid: Grid) -> None:
        if grid.kind != "planar":
            raise GridError(f"{grid!r}: a made city lies in a plane; use Grid.planar({grid.cell_m:g})")
        self.grid, (self.dx, self.dy) = grid, grid.origin
        size = grid.cell_m
        self.col0, self.row0 = (math.floor((0.0 - d) / size) for d in grid.origin)
        last = [math.floor((city.side_m - d) / size) for d in grid.origin]
        self.n_rows = last[1] - self.row0 + 1
        self.n = (last[0] - self.col0 + 1) * self.n_rows
        if self.n >= _MOST_CELLS:
            raise GridError(f"{self.n:,} cells of {size:g} m in this city are too many: use larger ones")

    def pack(self, numbers: NDArray[Any]) -> Int64:
        """Return the cells with these numbers."""
        col, row = np.divmod(numbers.astype(np.int64), self.n_rows)
        packed: Int64 = Grid.pack(col + self.col0, row + self.row0)
        return packed

    def cut(self, wanted: Bools) -> Cut:
        """Return what cuts legs at the borders of cells, and keeps the wanted ones (empty: all)."""
        from cotrace.kernels.synth_truth import cut_legs

        size, dx, dy = float(self.grid.cell_m), float(self.dx), float(self.dy)

        def cut(codes: Int32, legs: Legs, out: Int32) -> int:
            return cut_legs(
                codes, legs.offset, legs.t0, legs.t1, legs.x0, legs.y0, legs.x1, legs.y1,
                size, dx, dy, self.col0, self.row0, self.n_rows, wanted, out,
            )  # fmt: skip

        return cut


def visits(wanted: Bools) -> Cut:
    """Return what picks the visits to wanted venues (empty: all)."""
    from cotrace.kernels.synth_truth import pick_visits

    def pick(codes: Int32, legs: Legs, out: Int32) -> int:
        return pick_visits(codes, legs.offset, legs.t0, legs.t1, legs.venue, wanted, out)

    return pick


def everybody(city: City) -> Int64:
    """Return the numbers of all devices."""
    return np.arange(city.n_devices)


def rows_of(city: City, devices: Int64, cut: Cut, days: range, threads: int | None) -> Int32:
    """Return rows (code, place, start, end) of devices over some days, touching ones joined, by code and start.

    A device's code is its place in ``devices``. Blocks of devices are shared out over threads.
    """
    from cotrace.kernels.synth_truth import join_touching

    def block(first: int) -> Int32:
        some = devices[first : first + BLOCK]
        codes = np.arange(first, first + some.size, dtype=np.int32)
        parts = []
        for day in days:
            legs = city.legs_of(some, day)
            out = np.empty((2 * len(legs), 4), np.int32)  # as many as there are, mostly
            n = cut(codes, legs, out)
            if n > out.shape[0]:
                out = np.empty((n, 4), np.int32)
                cut(codes, legs, out)
            parts.append(out[:n].copy())
        rows = np.concatenate([_NONE, *parts])
        rows = np.ascontiguousarray(rows[np.argsort(rows[:, 0], kind="stable")])
        return rows[: join_touching(rows)].copy()

    blocks = on_threads(block, range(0, devices.size, BLOCK), usable_threads(threads))
    return np.concatenate(blocks) if blocks else _NONE.copy()


_NONE = np.empty((0, 4), np.int32)


def true_stays(city: City, devices: Int64, grid: Grid, threads: int | None) -> Stays:
    """Make the stays of devices from their exact paths."""
    from cotrace.cells import Cells
    from cotrace.counts import Counts
    from cotrace.options import StayOptions

    squares = Squares(city, grid)
    chosen = np.unique(devices)
    rows = rows_of(city, chosen, squares.cut(_ANY), range(city.days), threads)
    used, codes = np.unique(rows[:, 1], return_inverse=True)
    rows[:, 1] = codes
    cells = Cells(from_numpy(squares.pack(used)), grid, None, "grid")
    return Stays(
        rows,
        from_numpy(chosen),
        cells,
        base=city.base,
        tz=zone(city.start),
        options=StayOptions(grid=grid, fill="forward", max_gap="0s"),
        counts=Counts(),
        span=(city.base, city.base + 86_400 * city.days),
    )


_ANY = np.empty(0, np.bool_)


def true_meetings(
    city: City, devices: Int64, min_shared: Duration, start: Any, end: Any, threads: int | None
) -> Table:
    """Find who was in one venue with these devices."""
    n_venues = city.venue_x.size
    found = _joined(city, devices, visits, n_venues, min_shared, _seconds(city, start, end), threads)
    kinds = city.venue_kind[found[:, 2]]
    columns = {
        "venue": found[:, 2].astype(np.int64),
        "setting": settings(kinds),
    }
    note = "True meetings: both in one venue (a flat, a room, a class, a shop), to the second"
    return _table(TRUE_MEETINGS, city, found, columns, note)


def true_episodes(
    city: City, devices: Int64, grid: Grid, min_shared: Duration, start: Any, end: Any, threads: int | None
) -> Table:
    """Find who was in one cell with these devices."""
    squares = Squares(city, grid)
    found = _joined(city, devices, squares.cut, squares.n, min_shared, _seconds(city, start, end), threads)
    packed = squares.pack(found[:, 2])
    col, row = grid.unpack(packed)
    columns = {"cell": packed, "cell_col": col, "cell_row": row}
    return _table(
        TRUE_EPISODES,
        city,
        found,
        columns,
        f"True episodes: both in one cell ({grid.describe()}), to the second",
    )


def _joined(
    city: City,
    devices: Int64,
    cut: Callable[[Bools], Cut],
    n_places: int,
    min_shared: Duration,
    within: tuple[int, int],
    threads: int | None,
) -> Int32:
    """Return the meetings of devices with everybody in the places where they were: device, other, place, start, end."""
    from cotrace.kernels.synth_truth import MEETING, join_places, longest_of

    least = max(1, seconds(min_shared, "min_shared"))
    days = range(within[0] // 86_400, min(city.days, -(-within[1] // 86_400)))
    chosen = np.unique(devices)
    asked = rows_of(city, chosen, cut(_ANY), days, threads)
    asked[:, 0] = chosen[asked[:, 0]]
    wanted = np.zeros(n_places, np.bool_)
    wanted[asked[:, 1]] = True
    rows = rows_of(city, everybody(city), cut(wanted), days, threads)
    asked, rows = (_clipped(r, within) for r in (asked, rows))
    used = np.flatnonzero(wanted).astype(np.int32)
    for r in (asked, rows):
        r[:, 1] = np.searchsorted(used, r[:, 1])
    rows = np.ascontiguousarray(rows[np.lexsort((rows[:, 0], rows[:, 2], rows[:, 1]))])
    lo = np.searchsorted(rows[:, 1], np.arange(used.size + 1)).astype(np.int64)
    longest = np.zeros(used.size, np.int32)
    longest_of(rows, longest)
    found = np.empty((join_places(asked, rows, lo, longest, least, _NO_MEETINGS), MEETING), np.int32)
    join_places(asked, rows, lo, longest, least, found)
    found[:, 2] = used[found[:, 2]]
    return np.ascontiguousarray(found[np.lexsort((found[:, 2], found[:, 3], found[:, 1], found[:, 0]))])


_NO_MEETINGS = np.empty((0, 5), np.int32)


def _clipped(rows: Int32, within: tuple[int, int]) -> Int32:
    rows[:, 2:] = np.clip(rows[:, 2:], *within)
    return np.ascontiguousarray(rows[rows[:, 2] < rows[:, 3]])


def _seconds(city: City, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """Return the time asked for in seconds from the city's start, within its days."""
    out = []
    for name, value, default in (("start", start, 0), ("end", end, 86_400 * city.days)):
        if value is not None and value.tzinfo is None:
            raise TimeError(f"{name}={value} names no time zone")
        at = default if value is None else math.floor(value.timestamp()) - city.base
        out.append(min(max(at, 0), 86_400 * city.days))
    if out[0] > out[1]:
        raise OptionError(f"start={start} is after end={end}")
    return out[0], out[1]


def settings(kinds: NDArray[Any]) -> Any:
    """Return the names of kinds of venues, as an Arrow array; kinds below 0 are null."""
    import pyarrow as pa

    codes = kinds.astype(np.int32)
    mask = codes < 0
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), pa.array(SETTINGS)).cast(pa.string())


def _table(schema: TableSchema, city: City, found: Int32, columns: dict[str, Any], note: str) -> Table:
    tz = zone(city.start)
    columns |= {
        "a": found[:, 0].astype(np.int64),
        "b": found[:, 1].astype(np.int64),
        "started_at": instants(found[:, 3], city.base, tz),
        "finished_at": instants(found[:, 4], city.base, tz),
        "shared_s": (found[:, 4] - found[:, 3]).astype(np.int64),
    }
    return Table.from_columns(schema, columns, f"{note}. {city!r}", tz=tz)


def zone(start: datetime) -> str:
    """Return the name of a moment's time zone as results carry it."""
    key = getattr(start.tzinfo, "key", None)
    if key:
        return str(key)
    offset = start.utcoffset()
    assert offset is not None
    minutes = round(offset.total_seconds() / 60)
    return (
        "UTC"
        if not minutes
        else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    )
