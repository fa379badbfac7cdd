"""Which towers serve where: the table of candidates of every small square."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.passes import usable_threads
from cotrace.synth.radio import RADIO
from cotrace.threads import on_threads

__all__ = ["Bins", "Coverage", "bins_of", "cover"]

Float64 = NDArray[np.float64]
#: stations of a bin, about
_PER_BIN = 2.0
#: the most bins along a side
_MOST_BINS = 2_048
#: rows of squares that one thread does at a time
_ROWS = 16


@dataclass(frozen=True, eq=False)
class Coverage:
    """The towers that each small square of the city can be served by.

    Parameters
    ----------
    lines : uint32[kinds of handsets * squares, 16]
        Eight towers, the strongest first, and where each one's share of 2**32 ends: at every event the tower is drawn
        anew by these shares, which is what fading does. 4294967295 in the first place: no coverage.
    squares : (int, int)
        Squares across and down, row by row from the south-west.
    frame : (float, float, float)
        The corner of the first square and the side of all, metres.
    """

    lines: NDArray[np.uint32]
    squares: tuple[int, int]
    frame: tuple[float, float, float]

    def shares(self, x: float, y: float, handset: int = -1) -> dict[int, float]:
        """Return the towers that serve at a place, with the probability of each, the strongest first.

        ``handset`` is a kind of handset: they are numbered as :attr:`Network.handsets`; by default the last.
        """
        across, down = self.squares
        col = min(max(int((x - self.frame[0]) / self.frame[2]), 0), across - 1)
        row = min(max(int((y - self.frame[1]) / self.frame[2]), 0), down - 1)
        kinds = len(self.lines) // (across * down)
        line = self.lines[(handset % kinds) * across * down + row * across + col].astype(np.int64)
        if line[0] == 0xFFFFFFFF:
            return {}
        part = np.diff(line[8:], prepend=0) / 0xFFFFFFFF
        return {int(t): float(p) for t, p in zip(line[:8], part, strict=True) if p > 0.0}


@dataclass(frozen=True, eq=False)
class Bins:
    """Stations by squares that hold about two each: the bin of each, how many there are, corner and side."""

    number: NDArray[np.int64]
    bins: tuple[int, int]
    frame: tuple[float, float, float]


def bins_of(x: Float64, y: Float64) -> Bins:
    """Deal stations to bins; O(n)."""
    low_x, low_y = float(x.min()), float(y.min())
    wide, high = float(x.max()) - low_x, float(y.max()) - low_y
    side = max(math.sqrt(wide * high * _PER_BIN / x.size), max(wide, high) / _MOST_BINS, 1.0)
    across, down = int(wide / side) + 1, int(high / side) + 1
    col = np.minimum(((x - low_x) / side).astype(np.int64), across - 1)
    row = np.minimum(((y - low_y) / side).astype(np.int64), down - 1)
    return Bins(row * across + col, (across, down), (low_x, low_y, side))


def cover(
    side_m: float,
    generations: list[tuple[str, Float64, Float64, Float64]],
    azimuth: Float64,
    *,
    seed: int,
    stream: int,
    sectors: int,
    square_m: float,
    fading_db: float,
    shadows: bool,
    holes: bool,
    threads: int | None = None,
) -> Coverage:
    """Find the candidates of every square, for handsets of each generation.

    ``generations`` are name, x, y and radius of their stations, by bin, from the oldest on; ``azimuth`` are those of
    all towers.
    """
    across = max(1, math.ceil(side_m / square_m))
    frame = (0.0, 0.0, float(square_m))
    lines = np.empty((len(generations) * across * across, 16), np.uint32)
    first = 0
    for k, (name, x, y, radius) in enumerate(generations):
        mine = lines[k * across * across : (k + 1) * across * across]
        lower = lines[(k - 1) * across * across : k * across * across] if k else mine
        fallback = 1 if k else 2 if holes else 0
        decay, shadow = RADIO[name].decay_db, RADIO[name].shadow_db if shadows else 0.0
        radio = (decay, shadow, float(fading_db), fallback)
        _fill(
            (seed, stream), (x, y, radius), first, sectors, azimuth, (across, across), frame, radio, lower, mine,
            threads,
        )  # fmt: skip
        first += x.size
    return Coverage(lines, (across, across), frame)


def _fill(
    seeds: tuple[int, int],
    stations: tuple[Float64, Float64, Float64],
    first: int,
    sectors: int,
    azimuth: Float64,
    squares: tuple[int, int],
    frame: tuple[float, float, float],
    radio: tuple[Any, ...],
    lower: NDArray[np.uint32],
    out: NDArray[np.uint32],
    threads: int | None,
) -> None:
    from cotrace.kernels.synth_radio import CANDIDATES, fill_candidates

    bins = bins_of(stations[0], stations[1])
    bin_lo = np.searchsorted(bins.number, np.arange(bins.bins[0] * bins.bins[1] + 1))

    def do(rows: tuple[int, int]) -> None:
        towers = (first, first * sectors, sectors, azimuth, bin_lo, bins.bins, bins.frame)
        scratch = (np.empty(CANDIDATES, np.float64), np.empty(CANDIDATES, np.int64))
        given: tuple[Any, ...] = (
            *seeds,
            *stations,
            *towers,
            squares,
            frame,
            *radio,
            rows,
            *scratch,
            lower,
            out,
        )
        fill_candidates(*given)

    pieces = [(r, min(r + _ROWS, squares[1])) for r in range(0, squares[1], _ROWS)]
    on_threads(do, pieces, usable_threads(threads))
