"""GCJ-02 and back: the shift that maps of mainland China carry, in closed form, and its inverse.

The algorithm was never published by those who made it; this is the form that every public library uses, with
the Krasovsky 1940 ellipsoid and its own constants. It is known to agree with maps to well below a metre.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["gcj02_to_wgs84", "wgs84_to_gcj02"]

_A = 6378245.0
_EE = 0.00669342162296594323
_DEGREE = math.pi / 180.0
_THIRD = 2.0 / 3.0
# the shift changes by less than 2 % of a step: after one of 5e-11 degrees a tenth of a micrometre is left at most
_STEPS = 12
_ENOUGH = 5e-11


# a tenth of a millimetre: an unshifted position on the rim of the box may come out a few bits beyond it
_RIM = 1e-9


@inlined
def _inside(lon: float, lat: float, rim: float) -> bool:
    in_lon = 72.004 - rim <= lon <= 137.8347 + rim
    return in_lon and 0.8293 - rim <= lat <= 55.8271 + rim


@inlined
def _shift(lon: float, lat: float) -> tuple[float, float]:
    x = lon - 105.0
    y = lat - 35.0
    root = math.sqrt(abs(x))
    common = (20.0 * math.sin(6.0 * math.pi * x) + 20.0 * math.sin(2.0 * math.pi * x)) * _THIRD
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + common
    north += (20.0 * math.sin(math.pi * y) + 40.0 * math.sin(math.pi / 3.0 * y)) * _THIRD
    north += (160.0 * math.sin(math.pi / 12.0 * y) + 320.0 * math.sin(math.pi / 30.0 * y)) * _THIRD
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + common
    east += (20.0 * math.sin(math.pi * x) + 40.0 * math.sin(math.pi / 3.0 * x)) * _THIRD
    east += (150.0 * math.sin(math.pi / 12.0 * x) + 300.0 * math.sin(math.pi / 30.0 * x)) * _THIRD
    sine = math.sin(lat * _DEGREE)
    magic = 1.0 - _EE * sine * sine
    radius = math.sqrt(magic)
    d_lat = north / ((_A * (1.0 - _EE)) / (magic * radius) * _DEGREE)
    d_lon = east / (_A / radius * math.cos(lat * _DEGREE) * _DEGREE)
    return d_lon, d_lat


@kernel
def wgs84_to_gcj02(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    out_lon: NDArray[np.float64],
    out_lat: NDArray[np.float64],
) -> None:
    """Shift WGS 84 positions to GCJ-02.

    Parameters
    ----------
    lon, lat : float64[n]
        Degrees. What is outside the mainland's box, or not finite, is copied as it is.
    out_lon, out_lat : float64[n]
        Filled with degrees.

    Notes
    -----
    O(n): a dozen sines a position.
    """
    for i in range(lon.shape[0]):
        a = lon[i]
        b = lat[i]
        if _inside(a, b, 0.0):
            d_lon, d_lat = _shift(a, b)
            a += d_lon
            b += d_lat
        out_lon[i] = a
        out_lat[i] = b


@inlined
def _unshift(lon: float, lat: float) -> tuple[float, float]:
    a = lon
    b = lat
    for _ in range(_STEPS):
        d_lon, d_lat = _shift(a, b)
        step = abs(lon - d_lon - a) + abs(lat - d_lat - b)
        a = lon - d_lon
        b = lat - d_lat
        if step < _ENOUGH:
            break
    return a, b


@kernel
def gcj02_to_wgs84(
    lon: NDArray[np.float64],
    lat: NDArray[np.float64],
    out_lon: NDArray[np.float64],
    out_lat: NDArray[np.float64],
) -> None:
    """Take the shift off again, exactly: the position whose GCJ-02 position is the one given.

    Parameters
    ----------
    lon, lat : float64[n]
        GCJ-02 degrees. What is more than 0.1 degree outside the mainland's box, or not finite, is copied as
        it is.
    out_lon, out_lat : float64[n]
        Filled with WGS 84 degrees.

    Notes
    -----
    O(n): at most twelve times the forward shift a position, about five in practice. The box is one of WGS 84
    positions: a position is unshifted when what it came from is in the box, and else left alone.
    """
    for i in range(lon.shape[0]):
        a = lon[i]
        b = lat[i]
        out_lon[i] = a
        out_lat[i] = b
        if 71.9 <= a <= 137.95 and 0.72 <= b <= 55.94:
            u, v = _unshift(a, b)
            if _inside(u, v, _RIM):
                out_lon[i] = u
                out_lat[i] = v
