"""Legs: the exact paths of people, day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["RIDE", "VISIT", "WALK", "Legs"]

Int32 = NDArray[np.int32]
Float32 = NDArray[np.float32]
#: values of ``Legs.mode``
VISIT, WALK, RIDE = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Legs:
    """The paths of some devices on one day: each device's legs cover the day without a gap or an overlap.

    The position at second ``t0 <= t < t1`` is ``x0 + (x1 - x0) * ((t - t0) / (t1 - t0))``, computed in float64, and
    the same for y: these are the true positions.

    Parameters
    ----------
    devices : int64[n]
        Numbers of the devices.
    day : int
        Days from the city's first.
    offset : int64[n + 1]
        The first leg of each device.
    t0, t1 : int32[m]
        Seconds from the city's start: first, and first after it. At least one second lies between.
    x0, y0, x1, y1 : float32[m]
        Metres, where it begins and ends.
    venue : int32[m]
        The venue, during a visit; -1 under way.
    mode : int8[m]
        0 visit, 1 on foot, 2 riding.
    """

    devices: NDArray[np.int64]
    day: int
    offset: NDArray[np.int64]
    t0: Int32
    t1: Int32
    x0: Float32
    y0: Float32
    x1: Float32
    y1: Float32
    venue: Int32
    mode: NDArray[np.int8]

    def __len__(self) -> int:
        return int(self.t0.size)

    def device(self) -> NDArray[np.int64]:
        """Return the device of each leg."""
        return np.repeat(self.devices, np.diff(self.offset))
