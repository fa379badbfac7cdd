"""The numbers of the earth: the WGS 84 ellipsoid, the rows of the geographic grid, and GCJ-02.

Latitudes are measured along the meridian in *rectifying degrees*, of which a quarter of the meridian has
exactly 90: the rectifying latitude is the geographic latitude plus a quickly falling sine series, the same
for every grid. Rows are found from it in double arithmetic with a bound of the error, and the few that the
bound leaves open are decided with 50 decimal digits.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "FLATTENING",
    "SEMI_MAJOR_M",
    "gcj02_to_wgs84",
    "row_columns",
    "row_edges",
    "row_guesses",
    "row_limits",
    "row_middles",
    "wgs84_to_gcj02",
]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

SEMI_MAJOR_M = 6378137.0
FLATTENING = 1 / 298.257223563

_E2 = FLATTENING * (2 - FLATTENING)
_PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
_INVERSE_FLATTENING = Decimal("298.257223563")
_TERMS = 18  # each is about 600 times smaller than the one before: 50 digits
_SPLIT = 134217729.0  # 2**27 + 1, Dekker's splitter
_KNOTS = 4  # knots a degree of the table of exact sines


class _Ellipsoid(NamedTuple):
    """Exact numbers, and their nearest doubles with what is left over."""

    metre_per_degree: Decimal  # metres of arc in a rectifying degree
    series: tuple[Decimal, ...]  # degrees: rectifying = latitude + sum of series[l - 1] * sin(2 l latitude)
    inverse: tuple[float, ...]  # degrees: the series back, to 1e-14 degrees
    sines: Floats  # sin(2 latitude) at the knots: nearest double, and the rest
    cosines: Floats


def _exact() -> Any:
    # a context of our own: the caller's precision, rounding and traps must not reach the grid
    return localcontext(Context(prec=50))


@lru_cache(maxsize=1)
def _ellipsoid() -> _Ellipsoid:
    with _exact():
        n = 1 / (2 * _INVERSE_FLATTENING - 1)
        # the meridian's radius is a (1-n)^2 (1+n) |1 + n exp(2i latitude)|^-3: a product of two binomial
        # series
        power = [Decimal(1)]
        for i in range(2 * _TERMS):
            power.append(power[-1] * n * (Decimal("-1.5") - i) / (i + 1))
        sums = [sum((power[i] * power[i + k] for i in range(_TERMS)), Decimal(0)) for k in range(_TERMS + 1)]
        radius = Decimal(int(SEMI_MAJOR_M)) * (1 - n) ** 2 * (1 + n) * sums[0]
        series = tuple(sums[k] / (k * sums[0]) * 180 / _PI for k in range(1, _TERMS + 1))
        f = float(n)
        back = (  # Helmert's series, to the fifth power
            3 / 2 * f - 27 / 32 * f**3 + 269 / 512 * f**5,
            21 / 16 * f**2 - 55 / 32 * f**4,
            151 / 96 * f**3 - 417 / 128 * f**5,
            1097 / 512 * f**4,
            8011 / 2560 * f**5,
        )
        step = _sin_cos(_PI / 180 * 2 / _KNOTS)
        sines, cosines, now = [], [], (Decimal(0), Decimal(1))
        for _ in range(90 * _KNOTS + 1):
            sines.append(_split(now[0]))
            cosines.append(_split(now[1]))
            now = _turn(now, step)
        return _Ellipsoid(
            radius * _PI / 180,
            series,
            tuple(float(np.degrees(c)) for c in back),
            np.array(sines).T.copy(),
            np.array(cosines).T.copy(),
        )


def _split(value: Decimal) -> tuple[float, float]:
    head = float(value)
    return head, float(value - Decimal(head))


def _turn(a: tuple[Decimal, Decimal], b: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    return a[0] * b[1] + a[1] * b[0], a[1] * b[1] - a[0] * b[0]


def _sin_cos(angle: Decimal) -> tuple[Decimal, Decimal]:
    """Sine and cosine by their series; angle in radians, no more than a few."""
    sine, cosine, term, k = Decimal(0), Decimal(1), Decimal(1), 0
    square = angle * angle
    even = Decimal(1)
    term = angle
    while abs(term) > Decimal("1e-52") or abs(even) > Decimal("1e-52"):
        sine += term
        even = -even * square / ((2 * k + 1) * (2 * k + 2))
        cosine += even
        term = -term * square / ((2 * k + 2) * (2 * k + 3))
        k += 1
    return sine, cosine


def _rectifying(latitude: Decimal) -> Decimal:
    """Rectifying latitude of a latitude, degrees, to some 48 digits."""
    step = _sin_cos(latitude * _PI / 90)
    now, total = step, latitude
    for coefficient in _ellipsoid().series:
        total += coefficient * now[0]
        now = _turn(now, step)
    return total


def _two_product(a: Floats, b: Floats | float) -> tuple[Floats, Floats]:
    """Return a * b as its nearest double and the exact rest (Dekker)."""
    product = a * b
    a_head = a * _SPLIT
    a_head = a_head - (a_head - a)
    b_head = b * _SPLIT
    b_head = b_head - (b_head - b)
    a_tail, b_tail = a - a_head, b - b_head
    return product, ((a_head * b_head - product) + a_head * b_tail + a_tail * b_head) + a_tail * b_tail


def _two_sum(a: Floats, b: Floats | float) -> tuple[Floats, Floats]:
    """Return a + b as its nearest double and the exact rest (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _arc(rows: Ints, cell_m: float, dy: float) -> tuple[Floats, Floats]:
    """Rectifying degrees at which rows begin, as two doubles each."""
    head, tail = _split(_ellipsoid().metre_per_degree)
    product, rest = _two_product(rows.astype(np.float64), cell_m)
    metres, rest_of_sum = _two_sum(product, dy)
    rest = rest + rest_of_sum
    degrees = metres / head
    back, back_rest = _two_product(degrees, head)
    return _two_sum(degrees, ((metres - back) - back_rest + rest - degrees * tail) / head)


def _latitude(rectifying: Floats) -> Floats:
    """Latitude of a rectifying latitude, degrees, to a few units of the last place."""
    angle = np.radians(rectifying)
    bend = (c * np.sin(2 * (j + 1) * angle) for j, c in enumerate(_ellipsoid().inverse))
    return np.asarray(sum(bend, rectifying), np.float64)


def _residual(latitude: Floats, head: Floats, tail: Floats) -> tuple[Floats, Floats]:
    """Return rectifying latitude asked for less that of a latitude >= 0, and a bound of its error."""
    earth = _ellipsoid()
    # sin(2 latitude) from the nearest knot, where it is known to 32 digits: the rest is small, and so is its
    # error
    knot = np.rint(latitude * _KNOTS).astype(np.int64)
    turn = 2 * np.radians(latitude - knot / _KNOTS)
    sine, sine_rest = earth.sines[:, knot]
    cosine = earth.cosines[0, knot]
    half = np.sin(turn / 2)
    small = cosine * np.sin(turn) - 2 * sine * half * half
    first, first_rest = _split(earth.series[0])
    product, rest = _two_product(sine, first)
    rest = rest + first * (small + sine_rest) + first_rest * sine
    angle = np.radians(latitude)
    rest = rest + sum(float(earth.series[j - 1]) * np.sin(2 * j * angle) for j in range(2, 10))
    bound = (
        1e-15 * np.abs(first * small) + 1e-15 * abs(float(earth.series[1])) * np.abs(np.sin(2 * angle)) * 2
    )
    return (((head - latitude) - product) + tail) - rest, bound


def row_edges(rows: ArrayLike, cell_m: float, dy: float = 0.0) -> Floats:
    """Latitudes at which rows of the geographic grid begin: the doubles nearest to the true values.

    Parameters
    ----------
    rows : array_like of int
        Row numbers; row 0 begins at ``dy``.
    cell_m : float
        Height of a row, metres along the meridian.
    dy : float
        Metres of arc from the equator to the beginning of row 0.

    Returns
    -------
    float64 array
        Degrees; -inf for the row of the south pole and those before, +inf for rows beyond the north pole.

    Notes
    -----
    O(n); one row in a thousand needs decimal arithmetic, next to the equator two in a hundred.
    """
    shape, k = np.shape(rows), np.ravel(np.asarray(rows, np.int64))
    first, last = row_limits(cell_m, dy)
    inside = (k > first) & (k <= last)
    head, tail = _arc(np.where(inside, k, 0), cell_m, dy)
    sign = np.where(head < 0, -1.0, 1.0)
    head, tail = head * sign, tail * sign
    start = np.minimum(_latitude(head), 90.0)
    residual, bound = _residual(start, head, tail)
    radius = 1 + sum(
        2 * (j + 1) * np.radians(float(c)) * np.cos(2 * (j + 1) * np.radians(start))
        for j, c in enumerate(_ellipsoid().series[:4])
    )
    nearest, rest = _two_sum(start, residual / radius)
    # the neighbour on the side of the rest, and how far it is from half way to it
    half = np.abs(np.nextafter(nearest, np.where(rest < 0, -np.inf, np.inf)) - nearest) / 2
    for i in np.flatnonzero(inside & (half - np.abs(rest) <= 4 * bound)):
        nearest[i] = _nearest_exactly(int(k[i]), cell_m, dy, float(nearest[i]))
    beyond = np.where(k <= first, -np.inf, np.inf)
    return np.where(inside, nearest * sign + 0.0, beyond).reshape(shape)


def _nearest_exactly(row: int, cell_m: float, dy: float, latitude: float) -> float:
    """Nearest double of the size of the latitude at which a row begins, from a neighbour of it."""
    with _exact():
        goal = abs(row * Decimal(cell_m) + Decimal(dy)) / _ellipsoid().metre_per_degree
        while True:
            above = float(np.nextafter(latitude, np.inf))
            below = float(np.nextafter(latitude, -np.inf))
            if _rectifying((Decimal(latitude) + Decimal(above)) / 2) < goal:
                latitude = above
            elif latitude > 0 and _rectifying((Decimal(latitude) + Decimal(below)) / 2) > goal:
                latitude = below
            else:
                return latitude


@lru_cache(maxsize=256)
def row_limits(cell_m: float, dy: float = 0.0) -> tuple[int, int]:
    """Rows of the south and of the north pole.

    Parameters
    ----------
    cell_m, dy : float
        As for :func:`row_edges`.

    Returns
    -------
    (int, int)
        The greatest rows that begin no later than the poles.
    """
    with _exact():
        quarter = 90 * _ellipsoid().metre_per_degree
        places = ((pole - Decimal(dy)) / Decimal(cell_m) for pole in (-quarter, quarter))
        south, north = (int(p.to_integral_value(ROUND_FLOOR)) for p in places)
        return south, north


def row_middles(rows: ArrayLike, cell_m: float, dy: float = 0.0) -> Floats:
    """Latitudes of the middles of rows, by arc, the rows of the poles clipped at the pole.

    Parameters
    ----------
    rows, cell_m, dy
        As for :func:`row_edges`; rows between those of the poles.

    Returns
    -------
    float64 array
        Degrees.
    """
    return _latitude(90.0 - _from_north(np.asarray(rows, np.int64), cell_m, dy))


def _from_north(rows: Ints, cell_m: float, dy: float) -> Floats:
    """Rectifying degrees from the north pole to the middle of rows."""
    ends = []
    for k in (rows, rows + 1):
        head, tail = _arc(k, cell_m, dy)
        ends.append(np.clip((90.0 - head) - tail, 0.0, 180.0))
    return (ends[0] + ends[1]) / 2


def row_columns(rows: ArrayLike, cell_m: float, dy: float = 0.0) -> Ints:
    """Count the columns of rows: the circle of latitude at the row's middle in cells, rounded, at least one.

    Parameters
    ----------
    rows, cell_m, dy
        As for :func:`row_middles`.

    Returns
    -------
    int64 array
        Columns of each row.
    """
    shape, k = np.shape(rows), np.ravel(np.asarray(rows, np.int64))
    from_north = _from_north(k, cell_m, dy)
    # near a pole the cosine is the sine of a small angle: that one is known to many more digits
    colatitude = np.minimum(from_north, 180.0 - from_north)
    back = sum(
        c * np.sin(2 * (j + 1) * np.radians(colatitude)) * (-1) ** j
        for j, c in enumerate(_ellipsoid().inverse)
    )
    cosine = np.sin(np.radians(colatitude - back))
    width = 2 * np.pi * SEMI_MAJOR_M * cosine / np.sqrt(1 - _E2 * (1 - cosine * cosine)) / cell_m
    columns = np.floor(width + 0.5).astype(np.int64)
    for i in np.flatnonzero(np.abs(width - np.floor(width) - 0.5) < 1e-6):
        columns[i] = _columns_exactly(int(k[i]), cell_m, dy)
    return np.asarray(np.maximum(columns, 1), np.int64).reshape(shape)


def _columns_exactly(row: int, cell_m: float, dy: float) -> int:
    """Count the columns of a row whose circle is within a millionth of a cell of a half."""
    with _exact():
        metre_per_degree = _ellipsoid().metre_per_degree
        ends = [(k * Decimal(cell_m) + Decimal(dy)) / metre_per_degree for k in (row, row + 1)]
        goal = (max(ends[0], Decimal(-90)) + min(ends[1], Decimal(90))) / 2
        latitude = goal
        for _ in range(24):  # the series moves a latitude by less than a 100th of a step
            latitude += goal - _rectifying(latitude)
        sine, cosine = _sin_cos(latitude * _PI / 180)
        f = 1 / _INVERSE_FLATTENING
        circle = 2 * _PI * Decimal(SEMI_MAJOR_M) * cosine / (1 - f * (2 - f) * sine * sine).sqrt()
        return int((circle / Decimal(cell_m) + Decimal("0.5")).to_integral_value(ROUND_FLOOR))


def row_guesses(nodes_per_degree: int, cell_m: float, dy: float = 0.0) -> tuple[Floats, float]:
    """Places of evenly spaced latitudes in rows, for linear interpolation.

    Parameters
    ----------
    nodes_per_degree : int
        Nodes a degree of latitude.
    cell_m, dy : float
        As for :func:`row_edges`.

    Returns
    -------
    places : float64[180 * nodes_per_degree + 2]
        Rows, as a fraction, at each node from -90 degrees on; the last one is there twice.
    error : float
        A bound of the error of linear interpolation between them, in rows.
    """
    nodes = np.arange(180 * nodes_per_degree + 1) / nodes_per_degree - 90.0
    earth = _ellipsoid()
    bend = sum(float(c) * np.sin(2 * (j + 1) * np.radians(nodes)) for j, c in enumerate(earth.series[:6]))
    metres = (nodes + bend) * float(earth.metre_per_degree)
    places = (np.append(metres, metres[-1]) - dy) / cell_m
    # a chord's error is step^2 / 8 times the greatest second derivative, 64 km; then rounding
    chord = np.radians(1 / nodes_per_degree) ** 2 / 8 * 65_000.0
    return places, float((chord + 1e-6 + abs(dy) * 1e-14) / cell_m)


def wgs84_to_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[Any, Any]:
    """Shift WGS 84 positions to GCJ-02, the datum of maps of mainland China.

    Parameters
    ----------
    lon, lat : array_like of float
        Degrees, WGS 84. What is outside the mainland's box (72.004 to 137.8347 E, 0.8293 to 55.8271 N) stays
        as it is, and so does what is not finite.

    Returns
    -------
    lon, lat : float64 array or float
        Degrees, GCJ-02; up to 700 m from where they were.

    Examples
    --------
    >>> lon, lat = wgs84_to_gcj02(116.42079, 39.90105)
    >>> round(lon, 7), round(lat, 7)
    (116.4270221, 39.9024463)
    """
    from cotrace.kernels import gcj02

    return _shifted(gcj02.wgs84_to_gcj02, lon, lat)


def gcj02_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Any, Any]:
    """Take the shift of GCJ-02 off again: the exact inverse of :func:`wgs84_to_gcj02`, by iteration.

    Parameters
    ----------
    lon, lat : array_like of float
        Degrees, GCJ-02. What came from outside the mainland's box stays as it is.

    Returns
    -------
    lon, lat : float64 array or float
        Degrees, WGS 84; shifted forward again they are the input to well below a micrometre.

    Examples
    --------
    >>> lon, lat = gcj02_to_wgs84(116.4270221, 39.9024463)
    >>> round(lon, 6), round(lat, 6)
    (116.42079, 39.90105)
    """
    from cotrace.kernels import gcj02

    return _shifted(gcj02.gcj02_to_wgs84, lon, lat)


def _shifted(kernel: Callable[..., None], lon: ArrayLike, lat: ArrayLike) -> tuple[Any, Any]:
    a, b = np.broadcast_arrays(np.asarray(lon, np.float64), np.asarray(lat, np.float64))
    out = np.empty((2, a.size))
    kernel(a.ravel(), b.ravel(), out[0], out[1])
    return (
        (out[0].reshape(a.shape), out[1].reshape(a.shape)) if a.ndim else (float(out[0, 0]), float(out[1, 0]))
    )
