"""From batches of pings to cell codes: by grid, by tower, or by the grid cell that a tower stands in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import booleans, view
from cotrace.cells import Cells
from cotrace.errors import CotraceWarning, OptionError
from cotrace.grid import BAD_CELL, Grid
from cotrace.ids import IntIds, ids_of_type
from cotrace.io.reasons import NO_TOWER, OUTSIDE_GRID, UNKNOWN_TOWER
from cotrace.stays.cell_ids import CellIds

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.batches import PingBatch
    from cotrace.io.pings import Pings
    from cotrace.io.tally import Tally
    from cotrace.options import StayOptions

__all__ = ["Locator", "fitting_grid", "located_by", "make_locator"]


class Locator(Protocol):
    """Gives every ping its cell code; what has none is refused and gets -1."""

    def __call__(self, tally: Tally, batch: PingBatch) -> NDArray[np.int32]:
        """Return the code of each ping's cell."""
        ...

    def order(self) -> NDArray[np.int64]:
        """Return, by code, what cells are compared by."""
        ...

    def cells(self) -> Cells:
        """Return the dictionary of cells so far."""
        ...

    @property
    def n_cells(self) -> int:
        """How many codes there are so far."""
        ...

    def adopt(self, other: Any, start: int, stop: int) -> NDArray[np.int32]:
        """Return the codes here of the cells that have the codes ``start`` to ``stop`` in another of the same kind."""
        ...

    def absorb(self, other: Any) -> None:
        """Add what another of the same kind has to say after the pass."""
        ...

    def told(self) -> tuple[int, ...]:
        """Return what there is to say after the pass as plain numbers."""
        ...

    def add(self, *told: int) -> None:
        """Add what :meth:`told` says of another of the same kind."""
        ...

    def warnings(self) -> list[CotraceWarning]:
        """Return what has to be said after the pass."""
        ...


def located_by(pings: Pings, options: StayOptions) -> str:
    """Return what cells come from: ``position``, ``tower`` or ``tower position``."""
    if options.by == "tower":
        if not pings.has_tower:
            raise OptionError("by='tower' makes towers the cells, and these pings have no tower column")
        return "tower"
    if pings.positions != "none":
        return "position"
    if pings.towers is None:
        raise OptionError(
            "a tower log without positions has no grid cells: give read_pings(towers=) a table of tower, lon, lat, "
            "or make towers the cells with StayOptions(by='tower')"
        )
    return "tower position"


def fitting_grid(pings: Pings, cell_m: float = 800, *, towers: bool = False) -> Grid | None:
    """Return the grid that fits the input, or its towers; None where there are no positions."""
    if towers:
        return Grid.geographic(cell_m) if pings.towers is not None else None
    if pings.positions == "lonlat" or (pings.positions == "none" and pings.towers is not None):
        return Grid.geographic(cell_m)
    if pings.positions == "none":
        return None
    return Grid.projected(cell_m, crs=pings.crs) if pings.crs else Grid.planar(cell_m)


def make_locator(pings: Pings, options: StayOptions) -> Locator:
    """Return the locator for these pings; ``options`` with the grid filled in."""
    source = located_by(pings, options)
    if source == "tower":
        return _ByTower(pings, options.grid)
    assert options.grid is not None
    if source == "position":
        return _ByGrid(pings, options.grid)
    return _ByTowerPosition(pings, options.grid)


class _ByGrid:
    """Cells from the pings' own positions."""

    def __init__(self, pings: Pings, grid: Grid) -> None:
        self._grid = grid
        self._bins = grid.binner(pings.positions, pings.crs)
        self._ids = CellIds()

    def __call__(self, tally: Tally, batch: PingBatch) -> NDArray[np.int32]:
        assert batch.a is not None  # pings with positions have both
        assert batch.b is not None
        packed = self._bins(batch.a, batch.b)
        if batch.accuracy is not None:
            self._n_known += int(np.isfinite(batch.accuracy).sum())
            self._n_vague += int((batch.accuracy > self._grid.cell_m / 2).sum())
        codes, n_bad = self._ids.encode(packed)
        if n_bad:
            tally.refuse(batch, codes < 0, OUTSIDE_GRID)
        return codes

    _n_known = _n_vague = 0

    def order(self) -> NDArray[np.int64]:
        return self._ids.array

    @property
    def n_cells(self) -> int:
        return len(self._ids)

    def adopt(self, other: _ByGrid, start: int, stop: int) -> NDArray[np.int32]:
        codes, _ = self._ids.encode(other._ids.array[start:stop])
        return codes

    def absorb(self, other: _ByGrid) -> None:
        self.add(*other.told())

    def told(self) -> tuple[int, ...]:
        return self._bins.n_outside_area, self._n_known, self._n_vague

    def add(self, *told: int) -> None:
        outside, known, vague = told
        self._bins.n_outside_area += outside
        self._n_known += known
        self._n_vague += vague

    def cells(self) -> Cells:
        return Cells(self._ids.values(), self._grid, None, "grid")

    def warnings(self) -> list[CotraceWarning]:
        said = []
        if n := self._bins.n_outside_area:
            crs, cell = self._grid.crs, f"{self._grid.cell_m:g} m"
            but = f"they were used, but cells may not be {cell} there"
            said.append(
                CotraceWarning(
                    f"{n:,} rows lie outside the area of use of {crs}; {but}",
                    "area_of_use",
                    rows=n,
                    crs=crs,
                )
            )
        if self._n_vague:
            half = self._grid.cell_m / 2
            said.append(
                CotraceWarning(
                    f"the grid is finer than the input: {self._n_vague:,} of {self._n_known:,} pings have an accuracy "
                    f"over half a cell ({half:g} m), so a device may have been in other cells than its pings'",
                    "resolution",
                    rows=self._n_vague,
                    of=self._n_known,
                    half_cell_m=half,
                )
            )
        return said


class _OfTable:
    """Nothing has to be said of pings: what there is to say of towers says their table."""

    def absorb(self, other: _OfTable) -> None:
        pass

    def told(self) -> tuple[int, ...]:
        return ()

    def add(self, *told: int) -> None:
        pass


class _ByTower(_OfTable):
    """Towers are the cells; positions are only for showing."""

    def __init__(self, pings: Pings, grid: Grid | None) -> None:
        self._ids = ids_of_type(pings.tower_type)
        self._towers, self._grid = pings.towers, grid

    def __call__(self, tally: Tally, batch: PingBatch) -> NDArray[np.int32]:
        return _encode_towers(self._ids.encode, tally, batch)

    def order(self) -> NDArray[np.int64]:
        return self._ids.order_keys()

    @property
    def n_cells(self) -> int:
        return len(self._ids)

    def adopt(self, other: _ByTower, start: int, stop: int) -> NDArray[np.int32]:
        return self._ids.encode_from(other._ids, start, stop)

    def cells(self) -> Cells:
        return Cells(
            self._ids.values(), self._grid if self._towers is not None else None, self._towers, "tower"
        )

    def warnings(self) -> list[CotraceWarning]:
        return []


class _ByTowerPosition(_OfTable):
    """Cells of the grid that the towers stand in."""

    def __init__(self, pings: Pings, grid: Grid) -> None:
        import pyarrow.compute as pc

        assert pings.towers is not None
        towers = pings.towers.filter(pc.and_(pings.towers["lon"].is_valid(), pings.towers["lat"].is_valid()))
        self._towers = ids_of_type(pings.tower_type)
        self._towers.encode(towers["tower"].cast(pings.tower_type).combine_chunks())
        self._n_known = len(self._towers)
        self._cells = IntIds()
        lon, lat = (view(towers[c].combine_chunks(), np.float64) for c in ("lon", "lat"))
        packed = grid.binner("lonlat", None)(lon, lat)
        self._cell_of = self._cells.encode_numpy(packed)
        self._cell_of[packed == BAD_CELL] = -1
        self._grid = grid
        self._known = np.full(1, -1, dtype=np.int32)
        self._radii = None
        if "radius_m" in towers.column_names:
            self._radii = view(towers["radius_m"].combine_chunks().drop_null(), np.float64)

    def __call__(self, tally: Tally, batch: PingBatch) -> NDArray[np.int32]:
        towers = _encode_towers(self._towers.encode, tally, batch)
        if self._known.size != len(self._towers) + 1:
            self._known = np.full(len(self._towers) + 1, -1, dtype=np.int32)  # the last is what -1 points to
            self._known[: self._n_known] = self._cell_of
        codes = self._known.take(towers, mode="wrap")  # -1 is the last, and all others are in range
        if codes.size and codes.min() < 0 and (lost := (codes < 0) & (towers >= 0)).any():
            tally.refuse(batch, lost, UNKNOWN_TOWER)
        return codes

    def order(self) -> NDArray[np.int64]:
        return self._cells.array

    @property
    def n_cells(self) -> int:
        return len(self._cells)

    def adopt(self, other: _ByTowerPosition, start: int, stop: int) -> NDArray[np.int32]:
        # cells are those of the table of towers, in its order, for every one of this kind
        return np.arange(start, stop, dtype=np.int32)

    def cells(self) -> Cells:
        return Cells(self._cells.values(), self._grid, None, "grid")

    def warnings(self) -> list[CotraceWarning]:
        half = self._grid.cell_m / 2
        if self._radii is None or not (n := int((self._radii > half).sum())):
            return []
        median = float(np.median(self._radii))
        return [
            CotraceWarning(
                f"the grid is finer than the input: {n:,} of {self._radii.size:,} towers have a radius over half a "
                f"cell ({half:g} m; the median is {median:g} m), so a device may have been in other cells than its "
                "tower's",
                "resolution",
                towers=n,
                of=int(self._radii.size),
                median_radius_m=median,
                half_cell_m=half,
            )
        ]


def _encode_towers(encode: object, tally: Tally, batch: PingBatch) -> NDArray[np.int32]:
    """Return tower codes; rows whose tower is null (their position was given otherwise) are refused."""
    tower: pa.Array = batch.tower
    if not tower.null_count:
        return encode(tower)  # type: ignore[operator,no-any-return]
    missing = booleans(tower.is_null())
    codes = np.full(len(tower), -1, dtype=np.int32)
    codes[~missing] = encode(tower.drop_null())  # type: ignore[operator]
    tally.refuse(batch, missing, NO_TOWER)
    return codes
