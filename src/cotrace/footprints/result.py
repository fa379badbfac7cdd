"""Footprints: for each tower, a distribution over cells."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_numpy, take, view
from cotrace.errors import OptionError, SchemaError
from cotrace.schema_certainty import FOOTPRINTS
from cotrace.shown import Shown
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.footprints.options import Model, Radio
    from cotrace.footprints.population import Population
    from cotrace.grid import Grid

__all__ = ["Footprints"]


class Footprints(Shown):
    """Where a device may be that a tower serves; made by :func:`cotrace.find_footprints`.

    Attributes
    ----------
    towers : pyarrow.Array
        Tower ids, in order.
    lo : int64[towers + 1]
        Where each tower's cells begin.
    cell : int64[n]
        Packed cells, in order within a tower.
    p : float64[n]
        Their probabilities; those of a tower add up to 1.
    grid, model, radio
        What they were made with.
    unplaced : int
        Towers that have no footprint, because nobody knows where they stand.
    """

    def __init__(
        self,
        towers: pa.Array,
        lo: NDArray[np.int64],
        cell: NDArray[np.int64],
        p: NDArray[np.float64],
        *,
        grid: Grid,
        model: Model,
        radio: Radio,
        people: Population,
        unplaced: int = 0,
    ) -> None:
        for array in (lo, cell, p):
            array.setflags(write=False)
        self.towers, self.lo, self.cell, self.p = towers, lo, cell, p
        self.grid, self.model, self.radio, self.people, self.unplaced = grid, model, radio, people, unplaced

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what can be made again: this goes to every task of a cluster."""
        return {name: value for name, value in vars(self).items() if name != "table"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        for array in (self.lo, self.cell, self.p):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.towers)

    @cached_property
    def table(self) -> Table:
        """One row a tower and cell. Columns: :ref:`data-model-footprints`."""
        which = np.repeat(np.arange(len(self)), np.diff(self.lo))
        col, row = self.grid.unpack(self.cell)
        columns = {
            "tower": take(self.towers, which),
            "cell": from_numpy(self.cell),
            "cell_col": np.asarray(col, np.int64),
            "cell_row": np.asarray(row, np.int64),
            "probability": self.p,
        }
        return Table.from_columns(FOOTPRINTS, columns, self.describe(), device=self.towers.type)

    def of(self, tower: Any) -> pa.Table:
        """Return the rows of one tower.

        Raises
        ------
        OptionError
            When it has no footprint.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        at = pc.index(self.towers, pa.scalar(tower, self.towers.type)).as_py()
        if at < 0:
            raise OptionError(
                "this tower has no footprint: it was not in the table of towers, or without a place"
            )
        return self.table.to_arrow().slice(int(self.lo[at]), int(self.lo[at + 1] - self.lo[at]))

    def codes(self, towers: pa.Array) -> NDArray[np.int64]:
        """Return the number of each tower here; -1 where it has no footprint."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not len(towers):
            return np.empty(0, np.int64)
        try:
            asked = towers.cast(self.towers.type)
        except pa.ArrowInvalid:
            raise SchemaError(
                f"the stays' tower ids are {towers.type}, those of the footprints {self.towers.type}: give both tables "
                "ids of one kind"
            ) from None
        return view(pc.index_in(asked, value_set=self.towers).fill_null(-1), np.int32).astype(np.int64)

    @property
    def kind(self) -> str:
        """What a calibration has to fit: the model, and ``+population`` where cells have their population."""
        return self.model if self.people.cells is None else f"{self.model}+population"

    def describe(self) -> str:
        """Say in one sentence what these are."""
        people = "" if self.people.cells is None else ", weighted by population"
        return f"{self.model} footprints of {len(self):,} towers on cells of {self.grid.describe()}{people}"

    def __repr__(self) -> str:
        cells = np.diff(self.lo)
        many = f"; a tower has {np.median(cells):g} cells (median)" if cells.size else ""
        return f"Footprints: {self.describe()}{many}"
