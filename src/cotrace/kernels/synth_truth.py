"""What is true in a made city, from its legs: stays in cells, visits, and who was in one place at one time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = [
    "MEETING",
    "cut_legs",
    "join_places",
    "join_touching",
    "longest_of",
    "pick_visits",
    "tell_position",
]

#: columns of a meeting: who was asked for, the other, the place, start, end
MEETING = 5


@inlined
def _at(a: float, b: float, t0: int, t1: int, t: int) -> float:
    """Return where a leg is at a second: never falling with time where ``b >= a``, never rising where not."""
    return a + (b - a) * ((t - t0) / (t1 - t0))


@inlined
def _code(
    x0: float,
    y0: float,
    x1: float,
    y1: float,
    t0: int,
    t1: int,
    t: int,
    cell_m: float,
    dx: float,
    dy: float,
    col0: int,
    row0: int,
    n_rows: int,
) -> int:
    """Return the number of the cell that a leg is in at a second."""
    col = math.floor((_at(x0, x1, t0, t1, t) - dx) / cell_m) - col0
    row = math.floor((_at(y0, y1, t0, t1, t) - dy) / cell_m) - row0
    return int(col) * n_rows + int(row)


@kernel
def cut_legs(
    codes: NDArray[np.int32],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    x0: NDArray[np.float32],
    y0: NDArray[np.float32],
    x1: NDArray[np.float32],
    y1: NDArray[np.float32],
    cell_m: float,
    dx: float,
    dy: float,
    col0: int,
    row0: int,
    n_rows: int,
    wanted: NDArray[np.bool_],
    out: NDArray[np.int32],
) -> int:
    """Cut legs at the seconds at which they come into another cell of a plane.

    Parameters
    ----------
    codes : int32[n]
        The code of each device.
    offset, t0, t1, x0, y0, x1, y1
        The legs of these devices on one day: see :class:`cotrace.synth.Legs`.
    cell_m, dx, dy : float
        Side of a cell and place of the corner of cell (0, 0).
    col0, row0, n_rows : int
        The least column and row, and the number of rows: a cell has the number ``(col - col0) * n_rows + row - row0``.
    wanted : bool[cells], or empty
        Cells to keep; empty: all.
    out : int32[m, 4]
        Filled as far as it reaches: code, number of the cell, start, end; touching ones in one cell are one row.

    Returns
    -------
    int
        How many there are: call it with an empty ``out`` first.

    Notes
    -----
    A device is in the cell that its position is in at each whole second. O(legs), and O(log seconds) a border.
    """
    n = 0
    for i in range(codes.size):
        cell, since, until = -1, 0, 0
        for k in range(offset[i], offset[i + 1]):
            t, end = int(t0[k]), int(t1[k])
            ax, ay, bx, by = np.float64(x0[k]), np.float64(y0[k]), np.float64(x1[k]), np.float64(y1[k])
            last = _code(ax, ay, bx, by, t0[k], t1[k], end - 1, cell_m, dx, dy, col0, row0, n_rows)
            while t < end:
                here = _code(ax, ay, bx, by, t0[k], t1[k], t, cell_m, dx, dy, col0, row0, n_rows)
                # columns and rows never turn back on a leg: what is the same at both ends is the same between
                low, high = t, end
                if here != last:
                    high = end - 1
                    while high - low > 1:
                        middle = (low + high) // 2
                        if (
                            _code(ax, ay, bx, by, t0[k], t1[k], middle, cell_m, dx, dy, col0, row0, n_rows)
                            == here
                        ):
                            low = middle
                        else:
                            high = middle
                if here != cell:
                    if cell >= 0 and (wanted.size == 0 or wanted[cell]):
                        if n < out.shape[0]:
                            out[n, 0], out[n, 1], out[n, 2], out[n, 3] = codes[i], cell, since, until
                        n += 1
                    cell, since = here, t
                t = until = high
        if cell >= 0 and (wanted.size == 0 or wanted[cell]):
            if n < out.shape[0]:
                out[n, 0], out[n, 1], out[n, 2], out[n, 3] = codes[i], cell, since, until
            n += 1
    return n


@kernel
def pick_visits(
    codes: NDArray[np.int32],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    venue: NDArray[np.int32],
    wanted: NDArray[np.bool_],
    out: NDArray[np.int32],
) -> int:
    """Copy the visits to wanted venues (bool[venues], or empty: all) of legs, and return how many there are.

    ``codes`` (int32[n]) are the devices' codes; ``out`` (int32[m, 4]: code, venue, start, end) is filled as far as it
    reaches. O(legs).
    """
    n = 0
    for i in range(codes.size):
        for k in range(offset[i], offset[i + 1]):
            if venue[k] >= 0 and (wanted.size == 0 or wanted[venue[k]]):
                if n < out.shape[0]:
                    out[n, 0], out[n, 1], out[n, 2], out[n, 3] = codes[i], venue[k], t0[k], t1[k]
                n += 1
    return n


@kernel
def join_touching(rows: NDArray[np.int32]) -> int:
    """Make one row of touching rows of one device in one place; return how many are left, at the front.

    ``rows`` (int32[n, 4]) are device, place, start, end, by device and start. O(n).
    """
    n = 0
    for i in range(rows.shape[0]):
        if (
            n
            and rows[n - 1, 0] == rows[i, 0]
            and rows[n - 1, 1] == rows[i, 1]
            and rows[n - 1, 3] == rows[i, 2]
        ):
            rows[n - 1, 3] = rows[i, 3]
        else:
            for c in range(4):
                rows[n, c] = rows[i, c]
            n += 1
    return n


@kernel
def longest_of(rows: NDArray[np.int32], longest: NDArray[np.int32]) -> None:
    """Fill ``longest`` (int32[places], zeros before) with the longest row of each place. O(rows)."""
    for i in range(rows.shape[0]):
        longest[rows[i, 1]] = max(longest[rows[i, 1]], rows[i, 3] - rows[i, 2])


@kernel
def join_places(
    asked: NDArray[np.int32],
    rows: NDArray[np.int32],
    place_lo: NDArray[np.int64],
    longest: NDArray[np.int32],
    least: int,
    out: NDArray[np.int32],
) -> int:
    """Find who was in one place with the devices asked for, at one time.

    Parameters
    ----------
    asked : int32[k, 4]
        Device, place, start, end: of the devices asked for.
    rows : int32[n, 4]
        The same of everybody, by place and start.
    place_lo : int64[places + 1]
        The first row of each place.
    longest : int32[places]
        The longest row of each place.
    least : int
        Seconds that they share at least (1 or more).
    out : int32[m, 5]
        Filled as far as it reaches: the device asked for, the other, place, start, end.

    Returns
    -------
    int
        How many there are: call it with an empty ``out`` first.

    Notes
    -----
    O(rows of the place that begin within its longest before) for each row asked for.
    """
    n = 0
    for a in range(asked.shape[0]):
        place, start, end = asked[a, 1], asked[a, 2], asked[a, 3]
        low, high = place_lo[place], place_lo[place + 1]
        begin = start - longest[place]
        while low < high:
            middle = (low + high) // 2
            if rows[middle, 2] < begin:
                low = middle + 1
            else:
                high = middle
        for b in range(low, place_lo[place + 1]):
            if rows[b, 2] >= end:
                break
            since, until = max(start, rows[b, 2]), min(end, rows[b, 3])
            if until - since >= least and rows[b, 0] != asked[a, 0]:
                if n < out.shape[0]:
                    out[n, 0], out[n, 1], out[n, 2] = asked[a, 0], rows[b, 0], place
                    out[n, 3], out[n, 4] = since, until
                n += 1
    return n


@kernel
def tell_position(
    second: NDArray[np.int64],
    offset: NDArray[np.int64],
    t0: NDArray[np.int32],
    t1: NDArray[np.int32],
    x0: NDArray[np.float32],
    y0: NDArray[np.float32],
    x1: NDArray[np.float32],
    y1: NDArray[np.float32],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> None:
    """Fill ``x`` and ``y`` (float64[n]) with where each of n devices is at its ``second`` (int64[n]) of these legs.

    O(log legs) each; the second has to lie within the legs.
    """
    for i in range(second.size):
        low, high = offset[i], offset[i + 1] - 1
        while low < high:
            middle = (low + high) // 2
            if second[i] < t1[middle]:
                high = middle
            else:
                low = middle + 1
        x[i] = _at(np.float64(x0[low]), np.float64(x1[low]), t0[low], t1[low], second[i])
        y[i] = _at(np.float64(y0[low]), np.float64(y1[low]), t0[low], t1[low], second[i])
