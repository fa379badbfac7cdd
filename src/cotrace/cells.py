"""What cells are called: packed grid cells or tower ids, with their columns, rows and centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, order_of, take, view
from cotrace.binning import BAD_CELL

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.grid import Grid

__all__ = ["Cells"]


@dataclass(frozen=True)
class Cells:
    """The dictionary of cells: by code, the packed cell or the tower id.

    Parameters
    ----------
    values : pyarrow.Array
        int64 packed cells, or tower ids of any type.
    grid : Grid, optional
        The grid of the cells; where towers are the cells, the grid that their positions are placed on.
    towers : pyarrow.Table, optional
        Where towers are the cells: what is known of them (``tower``, ``lon``, ``lat``).
    by : {"grid", "tower"}
    names : pyarrow.Array, optional
        Names of places from elsewhere that have a cell of their own; null for all other cells.
    """

    values: pa.Array
    grid: Grid | None
    towers: pa.Table | None
    by: str
    names: pa.Array | None = None

    def take(self, codes: NDArray[Any]) -> Cells:
        """Return the dictionary of these codes alone."""
        names = None if self.names is None else take(self.names, codes)
        return Cells(take(self.values, codes), self.grid, self.towers, self.by, names)

    def order(self) -> NDArray[np.int64]:
        """Return the codes in the order of the cells: (column, row), or tower ids by value or code point."""
        return order_of(self.values)

    def said(self, cell: Any, *, short: bool = False) -> str:
        """Say in words which cell one of these is: the one way for all that is printed, explained or drawn.

        Parameters
        ----------
        cell : int or str
            A value, not a code.
        short : bool
            For labels: ``3, 5`` and the bare name of a place.

        Returns
        -------
        str
            ``column 3, row 5``, ``tower 7``, or ``place hall`` for a place that has a cell of its own.
        """
        if (place := self._place(cell)) is not None:
            return place if short else f"place {place}"
        if self.by == "tower" or self.grid is None:
            return f"tower {cell}"
        col, row = (int(v) for v in self.grid.unpack(cell))
        return f"{col}, {row}" if short else f"column {col}, row {row}"

    def _place(self, cell: Any) -> str | None:
        """Return the name of a place that has a cell of its own."""
        if self.names is None:
            return None
        import pyarrow as pa
        import pyarrow.compute as pc

        at = pc.index(self.values, pa.scalar(cell, self.values.type)).as_py()
        name: str | None = None if at < 0 else self.names[at].as_py()
        return name

    def columns(self, codes: NDArray[Any]) -> dict[str, Any]:
        """Return the table columns ``cell`` to ``cell_lat`` for these codes; null where nothing is known.

        In a plane there are no longitudes: ``cell_lon`` and ``cell_lat`` are null, columns and rows say where.
        """
        known = dict(zip(_NAMES, self._known(), strict=True))
        return {name: take(known[name], codes) for name in _NAMES}

    def _known(self) -> tuple[pa.Array, ...]:
        import pyarrow as pa

        n = len(self.values)
        nothing = pa.nulls(n, pa.float64())
        if self.by == "tower":
            return (self.values, *self._tower_positions())
        if self.grid is None or n == 0:
            return (self.values, pa.nulls(n, pa.int64()), pa.nulls(n, pa.int64()), nothing, nothing)
        if self.names is not None and self.names.null_count < n:
            return self._beside_places()
        packed = view(self.values, np.int64)
        col, row = self.grid.unpack(packed)
        lon, lat = (nothing, nothing)
        if self.grid.kind != "planar":
            lon, lat = (from_numpy(np.asarray(v), pa.float64()) for v in self.grid.centre(packed))
        return (self.values, from_numpy(col, pa.int64()), from_numpy(row, pa.int64()), lon, lat)

    def _beside_places(self) -> tuple[pa.Array, ...]:
        """Return the columns where some cells are places of their own, which are nowhere on the grid."""
        import pyarrow as pa

        assert self.names is not None
        proper = np.flatnonzero(self.names.is_null().to_numpy(zero_copy_only=False))
        at = np.full(len(self.values), -1, dtype=np.int64)
        at[proper] = np.arange(proper.size)
        where = pa.array(at, mask=at < 0)
        plain = Cells(take(self.values, proper), self.grid, None, self.by)
        return (self.values, *(column.take(where) for column in plain._known()[1:]))

    def _tower_positions(self) -> tuple[pa.Array, ...]:
        import pyarrow as pa
        import pyarrow.compute as pc

        n = len(self.values)
        if self.towers is None or self.grid is None:
            return tuple(pa.nulls(n, t) for t in (pa.int64(), pa.int64(), pa.float64(), pa.float64()))
        ids = self.towers["tower"].combine_chunks()
        at = pc.index_in(self.values.cast(ids.type), value_set=ids)
        lon, lat = (self.towers[c].combine_chunks().take(at) for c in ("lon", "lat"))
        known = pc.and_(lon.is_valid(), lat.is_valid()).to_numpy(zero_copy_only=False)
        a, b = (c.to_numpy(zero_copy_only=False).astype(np.float64)[known] for c in (lon, lat))
        packed = np.zeros(n, dtype=np.int64)
        packed[known] = self.grid.binner("lonlat", None)(a, b)
        known &= packed != BAD_CELL  # a place that the grid does not reach has no column
        col, row = self.grid.unpack(packed)
        return (
            pa.array(col, pa.int64(), mask=~known),
            pa.array(row, pa.int64(), mask=~known),
            lon,
            lat,
        )


_NAMES = ("cell", "cell_col", "cell_row", "cell_lon", "cell_lat")
