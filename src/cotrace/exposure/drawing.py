"""Which units become zones, of which kind and why: cells that hang together, or polygons that people live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import view
from cotrace.durations import seconds
from cotrace.exposure.areas import CellFinder, Met
from cotrace.exposure.common import names_of_cells, warn
from cotrace.exposure.geometries import named_geometries
from cotrace.options import ZoneRule

if TYPE_CHECKING:
    from cotrace.tables import Stays

__all__ = ["CONTROL", "KINDS", "LOCKDOWN", "PRECAUTION", "CaseDwell", "Drawn", "draw_cells", "draw_units"]

Int64 = NDArray[np.int64]

LOCKDOWN, CONTROL, PRECAUTION = 0, 1, 2
KINDS = ("lockdown", "control", "precaution")


@dataclass(frozen=True)
class CaseDwell:
    """The dwell of cases by cell: one row a case and cell, ``home`` where the case is at home there.

    Parameters
    ----------
    case, cell, dwell : int64[n]
        Number of the case, code of the cell, seconds (0 in a home in which it was not in its lookback).
    home : bool[n]
    """

    case: Int64
    cell: Int64
    dwell: Int64
    home: NDArray[np.bool_]


@dataclass(frozen=True)
class Drawn:
    """Zones, by kind and name.

    Parameters
    ----------
    names : list of str
    kind : int64[n]
        Numbers of :data:`KINDS`.
    why : list of str
    shapes : list
        shapely geometries; None where there is none.
    met : Met
        The cells of each, with stays.
    n_cells : int64[n]
        Cells in all, without stays too.
    """

    names: list[str]
    kind: Int64
    why: list[str]
    shapes: list[Any]
    met: Met
    n_cells: Int64


def _judged(dwell: Int64, home: NDArray[np.bool_], rule: ZoneRule) -> tuple[Int64, NDArray[np.bool_]]:
    """Return the kind of units by their cases' dwell, and which are zones at all."""
    locked = home | (dwell >= seconds(rule.lockdown, "lockdown"))
    some = locked | (dwell >= seconds(rule.control, "control"))
    return np.where(locked, LOCKDOWN, CONTROL).astype(np.int64), some


def draw_units(stays: Stays, cases: CaseDwell, units: Any, districts: Any, rule: ZoneRule) -> Drawn:
    """Draw zones in units that are polygons."""
    import shapely

    names, shapes = named_geometries(units, "units")
    met = CellFinder(stays).find(shapes)
    n = len(names)
    at, row = _joined(met.cell, cases.cell)
    unit = met.place[at]
    dwell, home = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    np.add.at(dwell, unit, cases.dwell[row])
    home[unit[cases.home[row]]] = True
    kind, zone = _judged(dwell, home, rule)
    _warn_of_the_rest(cases, np.unique(row))
    array = np.array(shapes, dtype=object)
    seeds = np.flatnonzero(zone)
    near = (
        _in_districts(array, seeds, districts) if districts is not None else _round(array, seeds, rule.rings)
    )
    near = np.setdiff1d(near, seeds)
    kind[near] = PRECAUTION
    why = ["home" if h else "dwell" for h in home]
    for k in near.tolist():
        why[k] = "near" if districts is None else "district"
    every = np.concatenate([seeds, near])
    every = every[np.lexsort((np.array(names, dtype=object)[every].astype(str), kind[every]))]
    shapely.prepare(array)
    cells = np.bincount(met.place, minlength=n)
    return _drawn(
        [names[k] for k in every],
        kind[every],
        [why[k] for k in every],
        array[every],
        met,
        every,
        cells[every],
    )


def _drawn(
    names: list[str], kind: Int64, why: list[str], shapes: Any, met: Met, which: Int64, n_cells: Int64
) -> Drawn:
    """Give zones new numbers, from 0 in their order."""
    number = np.full(int(max(which.max(initial=-1), met.place.max(initial=-1))) + 1, -1, dtype=np.int64)
    number[which] = np.arange(which.size)
    kept = np.flatnonzero(number[met.place] >= 0)
    place = number[met.place[kept]]
    order = np.lexsort((met.cell[kept], place))
    kept, place = kept[order], place[order]
    small = number[met.small]
    few = Met(place, met.cell[kept], met.share[kept], np.sort(small[small >= 0]))
    return Drawn(names, kind, why, list(shapes), few, n_cells.astype(np.int64))


def _joined(left: Int64, right: Int64) -> tuple[Int64, Int64]:
    """Return the pairs of places at which two arrays are equal."""
    order = np.argsort(left, kind="stable")
    lo, hi = (np.searchsorted(left[order], right, side=side) for side in ("left", "right"))
    size = hi - lo
    row = np.repeat(np.arange(right.size), size)
    first = np.repeat(lo - (np.cumsum(size) - size), size)
    return order[first + np.arange(row.size)].astype(np.int64), row.astype(np.int64)


def _warn_of_the_rest(cases: CaseDwell, inside: Int64) -> None:
    outside = np.ones(cases.cell.size, dtype=np.bool_)
    outside[inside] = False
    if outside.any():
        lost = int(cases.dwell[outside].sum())
        warn(
            f"{np.unique(cases.cell[outside]).size:,} cells in which cases were ({lost:,} s in all) meet no unit: "
            "nothing is drawn there; do the units cover the place?",
            "cases",
            cells=int(np.unique(cases.cell[outside]).size),
            dwell_s=lost,
        )


def _round(shapes: NDArray[Any], seeds: Int64, rings: int) -> Int64:
    """Return the units that touch others, ring by ring."""
    import shapely

    tree, found, border = shapely.STRtree(shapes), np.zeros(shapes.size, dtype=np.bool_), seeds
    found[seeds] = True
    for _ in range(rings):
        _, touched = tree.query(shapes[border], predicate="intersects")
        border = np.unique(touched[~found[touched]])
        found[border] = True
    return np.flatnonzero(found)


def _in_districts(shapes: NDArray[Any], seeds: Int64, districts: Any) -> Int64:
    """Return the units that lie in the districts of others, by a point inside them."""
    import shapely

    _, areas = named_geometries(districts, "districts")
    points = shapely.point_on_surface(shapes)
    unit, area = shapely.STRtree(np.array(areas, dtype=object)).query(points, predicate="intersects")
    return np.unique(unit[np.isin(area, area[np.isin(unit, seeds)])]).astype(np.int64)


def draw_cells(stays: Stays, cases: CaseDwell, rule: ZoneRule) -> Drawn:
    """Draw zones of cells; cells of one kind that share an edge are one zone."""
    codes = np.unique(cases.cell)
    at = np.searchsorted(codes, cases.cell)
    dwell, home = np.zeros(codes.size, dtype=np.int64), np.zeros(codes.size, dtype=np.bool_)
    np.add.at(dwell, at, cases.dwell)
    home[at[cases.home]] = True
    kind, zone = _judged(dwell, home, rule)
    codes, kind, home = codes[zone], kind[zone], home[zone]
    own = set(names_of_cells(stays.cells).values())
    flat = stays.cells.by == "tower" or stays.grid is None
    apart = np.array([flat or int(c) in own for c in codes], dtype=np.bool_)
    parts = [] if flat else _on_grid(stays, codes[~apart], kind[~apart], home[~apart], rule.rings)
    for code, k, h in zip(codes[apart].tolist(), kind[apart].tolist(), home[apart].tolist(), strict=True):
        parts.append((k, "home" if h else "dwell", None, 1, np.array([code], dtype=np.int64)))
    return _numbered(parts)


def _numbered(parts: list[tuple[int, str, Any, int, Int64]]) -> Drawn:
    """Name zones by kind and number, in the order in which they come."""
    order = sorted(range(len(parts)), key=lambda k: parts[k][0])
    parts = [parts[k] for k in order]
    kind = np.array([p[0] for p in parts], dtype=np.int64)
    of_kind = [int((kind[:k] == kind[k]).sum()) + 1 for k in range(kind.size)]
    names = [f"{KINDS[k]} {number}" for k, number in zip(kind.tolist(), of_kind, strict=True)]
    cells = [p[4] for p in parts]
    place = np.repeat(np.arange(len(parts)), [c.size for c in cells])
    cell = np.concatenate(cells) if cells else np.empty(0, dtype=np.int64)
    met = Met(place, cell, np.ones(cell.size), np.empty(0, dtype=np.int64))
    n_cells = np.array([p[3] for p in parts], dtype=np.int64)
    return Drawn(names, kind, [p[1] for p in parts], [p[2] for p in parts], met, n_cells)


def _on_grid(
    stays: Stays, codes: Int64, kind: Int64, home: NDArray[np.bool_], rings: int
) -> list[tuple[int, str, Any, int, Int64]]:
    """Return zones on the grid: kind, why, shape, cells in all, codes of those with stays."""
    packed = view(stays.cells.values, np.int64)
    seeds, around = packed[codes], packed[codes]
    for _ in range(rings if seeds.size else 0):
        around = np.union1d(around, stays.grid.neighbours(around))
    near = np.setdiff1d(around, seeds)
    groups = [(k, seeds[kind == k]) for k in (LOCKDOWN, CONTROL)] + [(PRECAUTION, near)]
    at_home = set(seeds[home].tolist())
    found = []
    for k, cells in groups:
        for shape, members in _dissolved(stays.grid, np.sort(cells)):
            why = "near" if k == PRECAUTION else "home" if at_home & set(members.tolist()) else "dwell"
            there = np.searchsorted(packed, members)
            there = there[(there < packed.size) & (packed[np.minimum(there, packed.size - 1)] == members)]
            found.append((k, why, shape, members.size, there.astype(np.int64)))
    return found


def _dissolved(grid: Any, cells: Int64) -> list[tuple[Any, Int64]]:
    """Return the shapes that cells hang together in, each with its cells; by the least cell."""
    import shapely

    if not cells.size:
        return []
    outlines = grid.polygon(cells)
    shapes = shapely.get_parts(shapely.union_all(outlines))
    inside, part = shapely.STRtree(shapes).query(shapely.point_on_surface(outlines), predicate="intersects")
    first = np.full(cells.size, -1, dtype=np.int64)
    first[inside[::-1]] = part[::-1]
    found = [(shape, cells[first == k]) for k, shape in enumerate(shapes)]
    return sorted(found, key=lambda one: int(one[1][0]) if one[1].size else 0)
