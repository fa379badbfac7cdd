"""The geographic and the plane grid from their definitions, one position at a time: Decimal and fractions.

Imports nothing of cotrace, and shares no formula with it: the meridian's arc is integrated term by term from the
binomial series in the eccentricity.
"""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from fractions import Fraction
from functools import cache

A = Decimal(6378137)
F = 1 / Decimal("298.257223563")
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def exact():
    return localcontext(Context(prec=50))


def sin_cos(x: Decimal) -> tuple[Decimal, Decimal]:
    """Sine and cosine of an angle in radians, of at most a right angle."""
    sine = cosine = Decimal(0)
    term = Decimal(1)
    for k in range(80):
        if k % 2:
            sine += term if k % 4 == 1 else -term
        else:
            cosine += term if k % 4 == 0 else -term
        term = term * x / (k + 1)
    return sine, cosine


def arc(degrees: Decimal) -> Decimal:
    """Metres of meridian from the equator to a latitude."""
    with exact():
        e2 = F * (2 - F)
        phi = degrees * PI / 180
        sine, cosine = sin_cos(phi)
        integral, coefficient, power = phi, Decimal(1), sine * cosine
        total = integral
        for k in range(1, 24):
            # the integral of sin^2k, from that of sin^(2k-2)
            integral = ((2 * k - 1) * integral - power) / (2 * k)
            power *= sine * sine
            coefficient *= e2 * (Decimal("0.5") + k) / k
            total += coefficient * integral
        return A * (1 - e2) * total


@cache
def quarter() -> Decimal:
    return arc(Decimal(90))


def floor(x: Decimal) -> int:
    return int(x.to_integral_value(ROUND_FLOOR))


def row_of(lat: float, cell_m: float, dy: float = 0.0) -> int:
    """The greatest row whose beginning, rounded to the nearest double, is at or below the latitude.

    That is the greatest whose true beginning is below the point half way to the next double.
    """
    with exact():
        up = Decimal(lat) if lat == 90 else (Decimal(lat) + Decimal(math.nextafter(lat, math.inf))) / 2
        return floor((arc(up) - Decimal(dy)) / Decimal(cell_m))


def latitude_of(metres: Decimal) -> Decimal:
    """The latitude with an arc from the equator, by Newton's method."""
    with exact():
        degree = quarter() / 90
        latitude = metres / degree
        for _ in range(24):
            latitude += (metres - arc(latitude)) / degree
        return latitude


def edge_of(row: int, cell_m: float, dy: float = 0.0) -> float:
    """The nearest double to the latitude at which a row begins."""
    with exact():
        return float(latitude_of(row * Decimal(cell_m) + Decimal(dy)))


def columns_of(row: int, cell_m: float, dy: float = 0.0) -> int:
    """Number of columns in a row."""
    with exact():
        begin = max(row * Decimal(cell_m) + Decimal(dy), -quarter())
        end = min((row + 1) * Decimal(cell_m) + Decimal(dy), quarter())
        sine, cosine = sin_cos(latitude_of((begin + end) / 2) * PI / 180)
        nu = A / (1 - F * (2 - F) * sine * sine).sqrt()
        return max(1, floor(2 * PI * nu * cosine / Decimal(cell_m) + Decimal("0.5")))


def column_of(lon: float, n: int) -> int:
    """Column of a longitude in a row of n, in fractions."""
    if lon == 180:
        lon = -180.0
    return min(n - 1, math.floor((Fraction(lon) + 180) / 360 * n))


def geographic(lon: float, lat: float, cell_m: float) -> tuple[int, int]:
    """Column and row on the geographic grid."""
    row = row_of(lat, cell_m)
    return column_of(lon, columns_of(row, cell_m)), row


def plane(x: float, y: float, cell_m: float, origin: tuple[float, float] = (0.0, 0.0)) -> tuple[int, int]:
    """Column and row in a plane: floor of the quotient that a double division gives."""
    col, row = ((v - shift) / cell_m for v, shift in zip((x, y), origin, strict=True))
    return math.floor(Fraction(col)), math.floor(Fraction(row))
