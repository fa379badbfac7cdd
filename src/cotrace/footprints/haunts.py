"""Stays at towers put together with footprints: codes of cells, and the haunts of some devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.footprints.result import Footprints
from cotrace.tables import Stays, not_taken

if TYPE_CHECKING:
    from cotrace.footprints.options import Certainty

__all__ = ["Haunts", "Placed", "find_haunts", "place"]

Ints = NDArray[np.int64]
_EVER = (-(2**31), 2**31)
_MOMENTS = (-(2**31), 2**31 - 1)


@dataclass(frozen=True)
class Placed:
    """Stays at towers, and where each tower's devices are.

    Parameters
    ----------
    stays : Stays
    tower_of : int64[cells of the stays]
        The footprint of each tower, -1 where it has none.
    foot_lo, foot_cell, foot_p : int64[towers + 1], int32[n], float64[n]
        The footprints, cells by code.
    cells : int64[all cells]
        Packed cells by code, in order.
    device_lo : int64[devices + 1]
        The first stay of each device.
    """

    stays: Stays
    tower_of: Ints
    foot_lo: Ints
    foot_cell: NDArray[np.int32]
    foot_p: NDArray[np.float64]
    cells: Ints
    device_lo: Ints

    @property
    def longest(self) -> int:
        """The most stays of a device."""
        return int(np.diff(self.device_lo).max(initial=0))

    @property
    def largest(self) -> int:
        """The most cells of a footprint."""
        return int(np.diff(self.foot_lo).max(initial=0))

    def dwell(self) -> tuple[int, int]:
        """Return seconds of all stays, and of those at towers without a footprint."""
        length = self.stays.rows[:, 3].astype(np.int64) - self.stays.rows[:, 2]
        unknown = self.tower_of[self.stays.rows[:, 1]] < 0 if length.size else np.empty(0, np.bool_)
        return int(length.sum()), int(length[unknown].sum())

    def local(self) -> NDArray[np.int32]:
        """Return scratch for kernels: -1 for every tower."""
        return np.full(self.foot_lo.size - 1, -1, dtype=np.int32)

    def work(self) -> Ints:
        """Return scratch for kernels."""
        return np.empty((11, self.longest + 1), dtype=np.int64)


def place(stays: object, footprints: object) -> Placed:
    """Put stays and footprints together; refuse what are none, or do not fit."""
    if not isinstance(stays, Stays):
        raise not_taken(stays, "Stays", "make them with cotrace.find_stays()")
    if not isinstance(footprints, Footprints):
        what = "there are none" if footprints is None else f"{type(footprints).__name__} is not Footprints"
        raise OptionError(
            f"where a tower's devices are has to be known ({what}): give "
            "footprints=cotrace.find_footprints(towers, grid)"
        )
    if stays.options.by != "tower":
        raise OptionError(
            f"footprints are of towers, and these stays are in cells of the grid ({stays.options.describe()}): make "
            "stays with StayOptions(by='tower', fill=...)"
        )
    cells, code = np.unique(footprints.cell, return_inverse=True)
    return Placed(
        stays,
        footprints.codes(stays.cells.values),
        np.ascontiguousarray(footprints.lo),
        code.astype(np.int32),
        np.ascontiguousarray(footprints.p),
        cells,
        np.searchsorted(stays.rows[:, 0], np.arange(len(stays.devices) + 1)).astype(np.int64),
    )


@dataclass(frozen=True)
class Haunts:
    """The haunts of some devices; see :func:`cotrace.kernels.haunts.fill_haunts`.

    Parameters
    ----------
    first : int64[devices + 1]
        The first haunt of each device.
    cell_lo, cells, p
        In which cells each haunt may be: codes, and probabilities.
    sojourn_lo, sojourns
        When the device was there.
    haunt_of : int64[stays]
        The haunt of each stay of these devices, one device after the other.
    """

    first: Ints
    cell_lo: Ints
    cells: NDArray[np.int32]
    p: NDArray[np.float64]
    sojourn_lo: Ints
    sojourns: NDArray[np.int32]
    haunt_of: Ints

    def moved(self, by: int) -> Haunts:
        """Return the same haunts with sojourns that many seconds later; what leaves 32 bits meets nobody."""
        later = (self.sojourns.astype(np.int64) + by).clip(*_MOMENTS).astype(np.int32)
        return replace(self, sojourns=later)


def find_haunts(
    placed: Placed, devices: Ints, windows: Ints | None, options: Certainty, least: int = 0
) -> Haunts:
    """Find the haunts of devices (codes, -1 for one that was never seen).

    ``windows`` (int64[devices, 2], seconds from the base) is when sojourns count (None: always), of ``least``
    seconds at least.
    """
    from cotrace.kernels.haunts import count_haunts, fill_haunts

    lo, hi = placed.device_lo[:-1], placed.device_lo[1:]
    seen = devices >= 0
    asked = np.zeros((devices.size, 4), dtype=np.int64)
    asked[seen, 0], asked[seen, 1] = lo[devices[seen]], hi[devices[seen]]
    asked[:, 2:] = _EVER if windows is None else windows
    given = (
        np.ascontiguousarray(placed.stays.rows), asked, placed.tower_of, placed.foot_lo, placed.foot_cell, placed.foot_p
    )  # fmt: skip
    how = (options.flap_s, float(options.alike))
    scratch = placed.local(), placed.work()
    counts = np.empty((devices.size, 3), dtype=np.int64)
    count_haunts(*given, *how, *scratch, counts)
    base = np.concatenate([np.zeros((1, 3), dtype=np.int64), np.cumsum(counts, axis=0)])
    haunts, cells, stays = base[-1].tolist()
    found = Haunts(
        np.ascontiguousarray(base[:, 0]),
        np.zeros(haunts + 1, dtype=np.int64),
        np.empty(cells, dtype=np.int32),
        np.empty(cells),
        np.empty((haunts, 2), dtype=np.int64),
        np.empty((stays, 2), dtype=np.int32),
        np.empty(stays, dtype=np.int64),
    )
    fill_haunts(
        *given, *how, least, *scratch, base, found.cell_lo, found.cells, found.p, found.sojourn_lo,
        found.sojourns, found.haunt_of,
    )  # fmt: skip
    return found
