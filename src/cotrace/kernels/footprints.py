"""Footprints of towers: how much of the time at each point of a lattice a device there would be on which tower.

Towers are in buckets, squares of one side: ``bucket_lo`` has the first tower of each, column by column, and the towers
are in their order. A tower is ``(x, y, radius, azimuth)``, metres and radians clockwise from north; its azimuth is NaN
where it sends all round.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["BAYES", "DISC", "VORONOI", "weigh_cells"]

DISC, VORONOI, BAYES = range(3)
X, Y, RADIUS, AZIMUTH = range(4)
#: nobody stands on the antenna
_NEAREST_M = 10.0


@inlined
def _off_axis(dx: float, dy: float, azimuth: float) -> float:
    """Return the angle between where an antenna looks and a point, 0 to pi; 0 for one that looks everywhere."""
    if azimuth != azimuth:
        return 0.0
    off = math.fabs(math.atan2(dx, dy) - azimuth) % (2.0 * math.pi)
    return min(off, 2.0 * math.pi - off)


@inlined
def _strength(
    dx: float, dy: float, radius: float, azimuth: float, exponent: float, beam: float, back: float
) -> float:
    """Return the mean signal in dB over that at the edge of coverage: log-distance, and the pattern of the antenna."""
    distance = max(math.sqrt(dx * dx + dy * dy), _NEAREST_M)
    wide = _off_axis(dx, dy, azimuth) / beam
    return 10.0 * exponent * math.log10(radius / distance) - min(12.0 * wide * wide, back)


@inlined
def _nearest(
    x: float,
    y: float,
    towers: NDArray[np.float64],
    bucket_lo: NDArray[np.int64],
    n_x: int,
    n_y: int,
    i: int,
    j: int,
    side: float,
) -> int:
    """Return the nearest tower; of several on one mast the one that looks here. Rings of buckets, from inside."""
    best, best_d, best_off = -1, np.inf, np.inf
    for ring in range(max(n_x, n_y)):
        for a in range(max(0, i - ring), min(n_x, i + ring + 1)):
            for b in range(max(0, j - ring), min(n_y, j + ring + 1)):
                if abs(a - i) != ring and abs(b - j) != ring:
                    continue
                for t in range(bucket_lo[a * n_y + b], bucket_lo[a * n_y + b + 1]):
                    dx, dy = x - towers[t, X], y - towers[t, Y]
                    d = dx * dx + dy * dy
                    if d > best_d:
                        continue
                    off = _off_axis(dx, dy, towers[t, AZIMUTH])
                    if d < best_d or off < best_off:
                        best, best_d, best_off = t, d, off
        if best >= 0 and best_d <= (ring * side) * (ring * side):
            break
    return best


@kernel
def weigh_cells(
    points: NDArray[np.float64],
    cell_lo: NDArray[np.int64],
    first: int,
    towers: NDArray[np.float64],
    bucket_lo: NDArray[np.int64],
    shape: tuple[int, int],
    place: tuple[float, float, float],
    model: int,
    radio: tuple[float, float, float, float, float],
    total: NDArray[np.float64],
    touched: NDArray[np.int64],
    near: NDArray[np.int64],
    weight: NDArray[np.float64],
    out: NDArray[np.int64],
    out_weight: NDArray[np.float64],
) -> tuple[int, int]:
    """Sum up, cell by cell, the weights that towers have at the cell's points.

    Parameters
    ----------
    points : float64[m, 2]
        x, y; those of one cell together.
    cell_lo : int64[c + 1]
        The first point of each cell.
    first : int
        The cell to begin with.
    towers : float64[n, 4]
        x, y, radius, azimuth; by bucket.
    bucket_lo : int64[columns * rows + 1]
        The first tower of each bucket.
    shape : (columns, rows)
        Of buckets; all points are in one.
    place : (x, y, side)
        The lower left corner of the buckets, and their side: for discs at least the greatest radius, for ``BAYES`` how
        far from a tower it is asked for.
    model : int
        ``DISC``: 1 within the radius, for a sector within 60 degrees of its azimuth; ``VORONOI``: 1 for the nearest;
        ``BAYES``: the share of the time that this tower is the strongest there, shadowing being Gumbel's.
    radio : (exponent, scale, beam, back, unserved)
        Path loss exponent, scale of the shadowing in dB, angle at which the antenna is 12 dB weaker in radians, how
        much weaker it is at its back at most in dB, and the weight of being out of service among the choices (1: as
        strong as a tower at its radius).
    total : float64[n]
        Scratch: all zero, and so again at the end.
    touched, near : int64[n]
        Scratch.
    weight : float64[n]
        Scratch.
    out : int64[r, 2]
        Filled: cell number and tower, by cell.
    out_weight : float64[r]
        Filled: the sum of the tower's weights at the cell's points.

    Returns
    -------
    (cell, n)
        The cell to go on with when ``out`` was full (it needs room for n towers), else c; and the rows filled.

    Notes
    -----
    O(points and towers in the nine buckets round each).
    """
    n_x, n_y = shape
    x0, y0, side = place
    exponent, scale, beam, back, unserved = radio
    n = 0
    for cell in range(first, cell_lo.size - 1):
        if n + towers.shape[0] > out.shape[0]:
            return cell, n
        n_touched = 0
        for m in range(cell_lo[cell], cell_lo[cell + 1]):
            x, y = points[m, 0], points[m, 1]
            i, j = int((x - x0) // side), int((y - y0) // side)
            n_near = 0
            if model == VORONOI:
                t = _nearest(x, y, towers, bucket_lo, n_x, n_y, i, j, side)
                if t >= 0:
                    near[0], weight[0], n_near = t, 1.0, 1
            else:
                served = unserved
                for a in range(max(0, i - 1), min(n_x, i + 2)):
                    for t in range(bucket_lo[a * n_y + max(0, j - 1)], bucket_lo[a * n_y + min(n_y, j + 2)]):
                        dx, dy = x - towers[t, X], y - towers[t, Y]
                        d2 = dx * dx + dy * dy
                        if model == DISC:
                            if d2 > towers[t, RADIUS] * towers[t, RADIUS]:
                                continue
                            if _off_axis(dx, dy, towers[t, AZIMUTH]) > math.pi / 3.0:
                                continue
                            here = 1.0
                        else:
                            if d2 > side * side:
                                continue
                            db = _strength(
                                dx, dy, towers[t, RADIUS], towers[t, AZIMUTH], exponent, beam, back
                            )
                            here = math.exp(db / scale)
                            served += here
                        near[n_near], weight[n_near] = t, here
                        n_near += 1
                if model == BAYES:
                    for k in range(n_near):
                        weight[k] /= served
            for k in range(n_near):
                t = near[k]
                if total[t] == 0.0:
                    touched[n_touched] = t
                    n_touched += 1
                total[t] += weight[k]
        for k in range(n_touched):
            t = touched[k]
            out[n, 0], out[n, 1], out_weight[n] = cell, t, total[t]
            total[t] = 0.0
            n += 1
    return cell_lo.size - 1, n
