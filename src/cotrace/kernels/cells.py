"""Positions to cells: the inner loops of the grids.

A cell is one int64, ``(column << 32) + row``; ``BAD`` stands for "no cell". Nothing here knows an ellipsoid:
the geographic kernel reads its rows and columns from tables.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["BAD", "BAND", "NODES", "encode_cells", "geographic_cells", "planar_cells"]

BAD = -(2**63)
BAND = 1024  # rows in a band of the tables, a power of two
NODES = 16  # nodes a degree of the table that guesses a row from a latitude

_BAND_BITS = 10
_IN_BAND = BAND - 1
_LIMIT = 2147483648.0
_HALF = 2147483648
_SPLIT = 134217729.0  # 2**27 + 1, Dekker's splitter
# (lon + 180) / 360 * N in floating point is off by less than this for every N below 2**31
_NEAR_COLUMN = 2e-6


@kernel
def planar_cells(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    cell_m: float,
    dx: float,
    dy: float,
    out: NDArray[np.int64],
) -> None:
    """Bin plane positions into squares.

    Parameters
    ----------
    x, y : float64[n]
        Metres.
    cell_m, dx, dy : float
        Side of a cell and place of the corner of cell (0, 0), metres.
    out : int64[n]
        Filled with cells; ``BAD`` where a position is not finite or a column or row leaves 32 bits.

    Notes
    -----
    O(n). True division: a product with the reciprocal would move positions on an edge to the cell below.
    """
    for i in range(x.shape[0]):
        col = np.floor((x[i] - dx) / cell_m)
        row = np.floor((y[i] - dy) / cell_m)
        # column -2**31 is left out: with row 0 it would be BAD, and with a negative row less than any int64
        if -_LIMIT < col < _LIMIT and -_LIMIT <= row < _LIMIT:
            out[i] = (int(col) << 32) + int(row)
        else:
            out[i] = BAD


@inlined
def _column(lon: float, n_columns: float) -> int:
    """Return ``floor((lon + 180) / 360 * n_columns)`` as in exact arithmetic; lon in [-180, 180)."""
    place = (lon + 180.0) * (n_columns * (1.0 / 360.0))
    nearest = np.floor(place + 0.5)
    if abs(place - nearest) > _NEAR_COLUMN:
        return int(place)
    # near an edge: the sign of lon * N - (360 * nearest - 180 * N) decides, the product taken without error
    product = lon * n_columns
    head = lon * _SPLIT
    head = head - (head - lon)
    tail = lon - head
    # N has at most 31 bits: split in two it gives exact partial products
    n_head = n_columns * _SPLIT
    n_head = n_head - (n_head - n_columns)
    n_tail = n_columns - n_head
    error = ((head * n_head - product) + head * n_tail + tail * n_head) + tail * n_tail
    beyond = (product - (360.0 * nearest - 180.0 * n_columns)) + error
    return int(nearest) if beyond >= 0.0 else int(nearest) - 1


@kernel
def geographic_cells(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    rows_at: NDArray[np.float64],
    near_row: float,
    first_row: int,
    last_row: int,
    shift: float,
    slots: NDArray[np.int32],
    edges: NDArray[np.float64],
    columns: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    out: NDArray[np.int64],
) -> int:
    """Bin longitudes and latitudes into the rows and columns of the tables.

    Parameters
    ----------
    lon, lat : float64[n]
        Degrees; lon in [-180, 180], lat in [-90, 90].
    rows_at : float64[180 * NODES + 2]
        Place in rows, as a fraction, of every node of latitude from -90 degrees on; linear between nodes.
    near_row : float
        Bound, in rows and below one half, of the error of that guess; nearer than this to an edge the edge
        itself decides.
    first_row, last_row : int
        The rows of the poles.
    shift : float
        What is taken off the place in columns, as a fraction; 0 for the grid without an origin.
    slots : int32[number of bands]
        For every band of ``BAND`` rows from ``first_row`` on its place in the tables, or -1.
    edges : float64[slots used, BAND]
        Latitude at which each row begins.
    columns : int32[slots used, BAND]
        Number of columns of each row.
    wanted : bool[number of bands]
        Set for bands that are not in the tables.
    out : int64[n]
        Filled with cells; ``BAD`` where a position is out of range or not finite, or its band is missing.

    Returns
    -------
    int
        Number of positions whose band is missing: when it is not 0, add the wanted bands and call again.

    Notes
    -----
    O(n), no trigonometry: one linear interpolation, a look-up and a comparison a position. Columns are those
    of exact arithmetic where ``shift`` is 0.
    """
    missing = 0
    last_index = last_row - first_row
    for i in range(lon.shape[0]):
        a = lon[i]
        b = lat[i]
        if not (-180.0 <= a <= 180.0 and -90.0 <= b <= 90.0):
            out[i] = BAD
            continue
        if a == 180.0:
            a = -180.0
        place = (b + 90.0) * NODES
        node = int(place)
        start = rows_at[node]
        guess = start + (place - node) * (rows_at[node + 1] - start)
        index = min(max(int(np.floor(guess)) - first_row, 0), last_index)
        slot = slots[index >> _BAND_BITS]
        edge = np.floor(guess + 0.5)
        if slot >= 0 and abs(guess - edge) <= near_row:
            # the row is the one that begins at this edge, or the one before
            index = min(max(int(edge) - first_row, 0), last_index)
            slot = slots[index >> _BAND_BITS]
            if slot >= 0 and b < edges[slot, index & _IN_BAND] and index > 0:
                index -= 1
                slot = slots[index >> _BAND_BITS]
        if slot < 0:
            wanted[index >> _BAND_BITS] = True
            missing += 1
            out[i] = BAD
            continue
        n_columns = float(columns[slot, index & _IN_BAND])
        if shift == 0.0:
            col = _column(a, n_columns)
        else:
            col = int(np.floor((a + 180.0) * (n_columns * (1.0 / 360.0)) - shift) % n_columns)
        out[i] = (col << 32) + first_row + index
    return missing


@kernel
def encode_cells(
    cells: NDArray[np.int64],
    first_col: int,
    first_row: int,
    table: NDArray[np.int32],
    ids: NDArray[np.int64],
    n_ids: int,
    codes: NDArray[np.int32],
    start: int,
) -> tuple[int, int, int]:
    """Give cells their codes by a table of a rectangle of columns and rows; unseen ones get the next codes.

    Parameters
    ----------
    cells : int64[n]
        Cells, or ``BAD``.
    first_col, first_row : int
        The cell of ``table[0, 0]``.
    table : int32[columns, rows]
        Codes; -1 where a cell has none yet. Changed.
    ids : int64[m]
        The cell of each code; changed.
    n_ids : int
        How many codes there are.
    codes : int32[n]
        Filled from ``start`` on; -1 for ``BAD``.
    start : int
        The first cell to encode.

    Returns
    -------
    (done, n_ids, n_bad)
        ``done < n`` when a cell is outside the rectangle, or there is no room in ``ids``. ``n_bad`` of those that were
        done are ``BAD``.

    Notes
    -----
    O(n): one access to the table a cell, which is in the cache while devices are in some thousands of cells.
    """
    n_cols, n_rows = np.uint64(table.shape[0]), np.uint64(table.shape[1])
    n_bad = 0
    for i in range(start, cells.size):
        shifted = cells[i] + _HALF  # rows are signed: now they count from 0
        # as unsigned, what lies before the rectangle is far beyond it
        col = np.uint64((shifted >> 32) - first_col)
        row = np.uint64((shifted & 0xFFFFFFFF) - _HALF - first_row)
        if col < n_cols and row < n_rows:
            code = table[col, row]
            if code < 0:
                if n_ids >= ids.size:
                    return i, n_ids, n_bad
                code = n_ids
                table[col, row] = code
                ids[n_ids] = cells[i]
                n_ids += 1
            codes[i] = code
        elif cells[i] == BAD:
            codes[i] = -1
            n_bad += 1
        else:
            return i, n_ids, n_bad
    return cells.size, n_ids, n_bad
