"""Where made positions are on the Earth: longitude and latitude, towers, and tables of cells for other tools.

The other tools have no grid of the Earth. They are given one that costs them little: for towers the cell of
each, and for longitude and latitude a table of half rows, each with the one edge of a row that can decide.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from common import CELL_M, write_json

#: Where the plane's origin is put when positions are asked for as longitude and latitude.
LON_0, LAT_0 = 106.55, 29.56
METRES_A_DEGREE = 110_574.0
#: Towers stand on a lattice with this mesh.
TOWER_M, TOWER_SIDE = 700.0, 4096
#: How far beyond the city's edge anybody may be.
AROUND_KM = 60.0


def to_lonlat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay the plane on the Earth, near enough for a benchmark; six decimals, as such files have."""
    lon = LON_0 + x / (111_320.0 * np.cos(np.radians(LAT_0)))
    return np.round(lon, 6), np.round(LAT_0 + y / METRES_A_DEGREE, 6)


class Towers:
    """A lattice of towers: which one a position is heard by, and the table of those that were used."""

    def __init__(self) -> None:
        self.used = np.zeros(TOWER_SIDE * TOWER_SIDE, np.bool_)

    def of(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the tower ids of positions."""
        half = TOWER_SIDE // 2
        at = (np.floor(x / TOWER_M) + half).astype(np.int64) * TOWER_SIDE
        at += (np.floor(y / TOWER_M) + half).astype(np.int64)
        self.used[at] = True
        return 46_000_000_000 + at

    def write(self, folder: Path) -> None:
        """Write the table of the towers that were used, and the cell of each for the other tools."""
        from cotrace import Grid

        at = np.flatnonzero(self.used)
        half = TOWER_SIDE // 2
        lon, lat = to_lonlat(
            (at // TOWER_SIDE - half + 0.5) * TOWER_M, (at % TOWER_SIDE - half + 0.5) * TOWER_M
        )
        lines = [
            f"{46_000_000_000 + i},{a:.6f},{b:.6f},{TOWER_M:.0f}"
            for i, a, b in zip(at, lon, lat, strict=True)
        ]
        (folder / "towers.csv").write_text("\n".join(["tower,lon,lat,radius_m", *lines]) + "\n")
        col, row = Grid.unpack(Grid.geographic(CELL_M).cell(lon=lon, lat=lat))
        lines = [f"{46_000_000_000 + i},{c},{r}" for i, c, r in zip(at, col, row, strict=True)]
        (folder / "tower_cells.csv").write_text("\n".join(["tower,cell_col,cell_row", *lines]) + "\n")


def write_grid(path: Path, city_km: float) -> None:
    """Write the rows of the geographic grid around the city, by bins of latitude half a row high.

    ``bin = floor((lat - south) * per_degree)``. The edge nearest to a bin's middle is less than a row away from all
    of the bin: a position is in ``row`` if it is not below ``edge``, else in the row before. ``above`` and ``below``
    are the columns of these two.
    """
    from cotrace.geodesy import row_columns, row_edges

    reach = (city_km / 2 + AROUND_KM) * 1000
    south, per_degree = LAT_0 - reach / METRES_A_DEGREE, 2 * METRES_A_DEGREE / CELL_M
    first = int((LAT_0 * METRES_A_DEGREE - reach) / CELL_M) - 100
    rows = np.arange(first, first + int(2 * reach / CELL_M) + 200)
    edges, columns = row_edges(rows, CELL_M), row_columns(rows, CELL_M)
    bins = np.arange(int(2 * reach / METRES_A_DEGREE * per_degree) + 1)
    middles = south + (bins + 0.5) / per_degree
    at = np.abs(edges[:, None] - middles).argmin(axis=0)
    table = {"bin": bins, "row": rows[at], "edge": edges[at], "above": columns[at], "below": columns[at - 1]}
    lists = {name: values.tolist() for name, values in table.items()}
    write_json(path, {"south": south, "per_degree": per_degree, **lists})
