"""How many devices there usually are in each cell: what is known before a tower is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import floats, plain, view
from cotrace.errors import SchemaError

__all__ = ["Population"]

#: a cell that nobody is listed in has this share of the mean of the others
_NOBODY = 0.02


@dataclass(frozen=True)
class Population:
    """Devices by cell.

    Parameters
    ----------
    cells : int64[n] or None
        In order; None where nothing is known, and all cells are alike.
    numbers : float64[n]
        Shares of the mean.
    """

    cells: NDArray[np.int64] | None
    numbers: NDArray[np.float64]

    @classmethod
    def of(cls, given: Any) -> Population:
        """Read a frame (pandas, polars, Arrow, a dict of columns) with ``cell`` and ``population``; None is nothing."""
        import pyarrow as pa

        if given is None:
            return cls(None, np.empty(0))
        table = given if isinstance(given, pa.Table) else pa.table(given)
        if missing := [n for n in ("cell", "population") if n not in table.column_names]:
            raise SchemaError(
                f"population: no column {missing[0]!r}; there are {', '.join(table.column_names)}"
            )
        cells = view(plain(table["cell"]).cast(pa.int64()), np.int64)
        numbers = floats(plain(table["population"]).cast(pa.float64()))
        bad = np.flatnonzero(~(numbers >= 0) | ~np.isfinite(numbers))
        if bad.size or not numbers.sum() > 0:
            where = f"row {bad[0]} is the first" if bad.size else "all are zero"
            raise SchemaError(f"population: {bad.size:,} rows have no number of zero or more ({where})")
        order = np.argsort(cells, kind="stable")
        cells, numbers = cells[order], numbers[order]
        if (twice := int((np.diff(cells) == 0).sum())) > 0:
            raise SchemaError(f"population: {twice:,} cells are listed twice: add them up")
        return cls(cells, np.maximum(numbers / numbers.mean(), _NOBODY))

    def density(self, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the population of cells, as shares of the mean."""
        if self.cells is None:
            return np.ones(cells.size)
        at = np.minimum(np.searchsorted(self.cells, cells), self.cells.size - 1)
        return np.where(self.cells[at] == cells, self.numbers[at], _NOBODY)
