"""The grid: from positions to cells and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from cotrace.errors import GridError, PositionError

__all__ = ["BAD_CELL", "Binner", "Grid"]

BAD_CELL = -(2**63)


@dataclass(frozen=True)
class Grid:
    """A grid of square cells: geographic, projected or planar."""

    kind: str
    cell_m: float
    crs: str | None = None
    origin: tuple[float, float] = (0.0, 0.0)

    @classmethod
    def geographic(cls, cell_m: float = 800, *, origin: tuple[float, float] = (0.0, 0.0)) -> Grid:
        """Make the grid of the whole earth (WGS 84)."""
        return cls("geographic", float(cell_m), None, origin)

    @classmethod
    def projected(cls, cell_m: float = 800, *, crs: str, origin: tuple[float, float] = (0.0, 0.0)) -> Grid:
        """Make a grid in a named CRS."""
        return cls("projected", float(cell_m), crs, origin)

    @classmethod
    def planar(cls, cell_m: float = 800, *, origin: tuple[float, float] = (0.0, 0.0)) -> Grid:
        """Make a grid in a local plane."""
        return cls("planar", float(cell_m), None, origin)

    def cell(self, *, lon: Any = None, lat: Any = None, x: Any = None, y: Any = None) -> Any:
        """Return the cells of positions."""
        cells = self.binner("xy", self.crs)(np.asarray(x, np.float64), np.asarray(y, np.float64))
        if np.any(cells == BAD_CELL):
            raise PositionError("positions that are not on the grid")
        return cells

    @staticmethod
    def pack(col: Any, row: Any) -> Any:
        """Pack columns and rows into cells."""
        return (np.asarray(col, np.int64) << 32) + np.asarray(row, np.int64)

    @staticmethod
    def unpack(cell: Any) -> tuple[Any, Any]:
        """Return the columns and rows of cells."""
        cell = np.asarray(cell, np.int64)
        row = cell.astype(np.int32).astype(np.int64)
        return (cell - row) >> 32, row

    def centre(self, cell: Any) -> tuple[Any, Any]:
        """Return the centres of cells."""
        col, row = self.unpack(cell)
        return (col + 0.5) * self.cell_m + self.origin[0], (row + 0.5) * self.cell_m + self.origin[1]

    def describe(self) -> str:
        """Say what grid this is."""
        where = {"geographic": " (WGS 84)", "projected": f" ({self.crs})", "planar": ""}[self.kind]
        return f"{self.cell_m:g} m {self.kind}{where}"

    def binner(self, positions: str, crs: str | None = None) -> Binner:
        """Return what turns batches of positions into cells."""
        if positions == "xy" and self.kind == "geographic":
            raise GridError("a geographic grid needs lon/lat")
        return Binner(self)


class Binner:
    """Turns batches of positions into cells."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.n_outside_area = 0

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Return the cells of positions; ``BAD_CELL`` where there is none."""
        with np.errstate(invalid="ignore"):
            col = np.floor((a - self.grid.origin[0]) / self.grid.cell_m)
            row = np.floor((b - self.grid.origin[1]) / self.grid.cell_m)
            good = (np.abs(col) < 2**31) & (row >= -(2**31)) & (row < 2**31)
        return np.where(good, Grid.pack(np.where(good, col, 0), np.where(good, row, 0)), BAD_CELL)
