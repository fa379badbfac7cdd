"""Which towers a place can be served by: the strongest ones at the middle of every small square, with their shares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.synth_random import bell, key_of

__all__ = ["CANDIDATES", "ENOUGH", "NOWHERE", "chosen", "fill_candidates", "holds", "square_of"]

#: towers of a square; with their shares they fill one cache line
CANDIDATES = 8
#: stations that are enough for choosing the strongest among: then those of one more ring of bins, and no further
ENOUGH = 12
#: nearer than this to a station no place is
NEAREST_M = 10.0
#: half-power width of a sector's antenna, and how much weaker it is behind: 3GPP TR 38.901, table 7.3-1
WIDTH_DEG, BEHIND_DB = 65.0, 30.0
#: the share of a square's last candidate ends here
WHOLE = 0xFFFFFFFF
#: in place of a tower: the square has no coverage
NOWHERE = 0xFFFFFFFF

_DEGREES = 57.29577951308232


@inlined
def _bin(place: float, start: float, bin_m: float, bins: int) -> int:
    return min(max(int((place - start) / bin_m), 0), bins - 1)


@inlined
def _ring_of(bin_lo: NDArray[np.int64], across: int, down: int, bx: int, by: int) -> int:
    """Return the smallest ring of bins within which there are enough stations, and one more."""
    ring = 0
    while True:
        left, right = max(bx - ring, 0), min(bx + ring, across - 1)
        low, high = max(by - ring, 0), min(by + ring, down - 1)
        found = 0
        for row in range(low, high + 1):
            found += bin_lo[row * across + right + 1] - bin_lo[row * across + left]
        whole = left == 0 and low == 0 and right == across - 1 and high == down - 1
        if found >= ENOUGH or whole:
            return ring + 1
        ring += 1


@inlined
def _weaker(dx: float, dy: float, azimuth: float) -> float:
    """Return by how many dB a sector that looks to ``azimuth`` (degrees from north) is weaker in a direction."""
    off = abs(math.atan2(dx, dy) * _DEGREES - azimuth) % 360.0
    off = min(off, 360.0 - off) / WIDTH_DEG
    return min(12.0 * off * off, BEHIND_DB)


@inlined
def _insert(power: NDArray[np.float64], tower: NDArray[np.int64], n: int, value: float, which: int) -> int:
    """Put a tower into the list of the strongest, which falls; return how long it is."""
    if n == power.size and value <= power[n - 1]:
        return n
    at = min(n, power.size - 1)
    while at > 0 and power[at - 1] < value:
        power[at] = power[at - 1]
        tower[at] = tower[at - 1]
        at -= 1
    power[at] = value
    tower[at] = which
    return min(n + 1, power.size)


@inlined
def _write_line(
    power: NDArray[np.float64],
    tower: NDArray[np.int64],
    n: int,
    fading_db: float,
    out: NDArray[np.uint32],
    line: int,
) -> None:
    """Write the candidates and where each one's share of 2**32 ends."""
    total = 0.0
    for k in range(n):
        total += math.exp((power[k] - power[0]) / fading_db)
    part = 0.0
    for k in range(CANDIDATES):
        if k < n:
            part += math.exp((power[k] - power[0]) / fading_db)
        out[line, k] = tower[min(k, n - 1)]
        end = int(part / total * WHOLE)
        out[line, CANDIDATES + k] = WHOLE if k >= n - 1 else min(end, WHOLE)


@kernel
def fill_candidates(
    seed: int,
    stream: int,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    radius: NDArray[np.float64],
    first_station: int,
    first_tower: int,
    sectors: int,
    azimuth: NDArray[np.float64],
    bin_lo: NDArray[np.int64],
    bins: tuple[int, int],
    bin_frame: tuple[float, float, float],
    squares: tuple[int, int],
    frame: tuple[float, float, float],
    decay_db: float,
    shadow_db: float,
    fading_db: float,
    fallback: int,
    rows: tuple[int, int],
    power: NDArray[np.float64],
    tower: NDArray[np.int64],
    lower: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> None:
    """Find the strongest towers of one generation in the middle of every square, for some rows of squares.

    A tower's strength is 0 dB at its radius and falls by ``decay_db`` a decade of distance; the antenna's direction
    and a shadow, frozen for a station and a square, come on top. With a fading of its own for every event (the
    logarithm of an exponential number, ``fading_db`` wide) the strongest one at that moment is candidate *k* with
    the probability exp(strength / fading_db), in proportion.

    Parameters
    ----------
    seed, stream : int
        Of the shadows.
    x, y, radius : float64[stations]
        Stations of this generation, by bin; metres.
    first_station, first_tower : int
        The number of the first of them, and of its first tower.
    sectors : int
        Towers a station.
    azimuth : float64[towers]
        Degrees from north, of all towers; NaN where a tower serves all directions.
    bin_lo : int64[bins + 1]
        First station of each bin, row by row.
    bins, bin_frame : (across, down), (x, y, side)
        Number of bins; corner of the first one and their side, metres.
    squares, frame : (across, down), (x, y, side)
        The same of the squares.
    decay_db, shadow_db, fading_db : float
    fallback : int
        What a square has where the strongest is below 0 dB: 0 the same, 1 the line of ``lower``, 2 nothing.
    rows : (first, end)
        Rows of squares to do; they are independent of each other.
    power, tower : float64[CANDIDATES], int64[CANDIDATES]
        Scratch.
    lower : uint32[squares, 2 * CANDIDATES]
        The lines of the generations below; may be ``out``.
    out : uint32[squares, 2 * CANDIDATES]
        Filled: towers, the strongest first, and where the share of each ends, of 2**32. The last is repeated where
        there are fewer. ``NOWHERE`` in the first place: no coverage.

    Notes
    -----
    O(squares x towers of at least ``ENOUGH`` stations); about 3 us a square.
    """
    key = key_of(key_of(np.uint64(0), seed), stream)
    for row in range(rows[0], rows[1]):
        py = frame[1] + (row + 0.5) * frame[2]
        by = _bin(py, bin_frame[1], bin_frame[2], bins[1])
        for col in range(squares[0]):
            px = frame[0] + (col + 0.5) * frame[2]
            bx = _bin(px, bin_frame[0], bin_frame[2], bins[0])
            ring = _ring_of(bin_lo, bins[0], bins[1], bx, by)
            line = row * squares[0] + col
            n = 0
            for b in range(max(by - ring, 0), min(by + ring, bins[1] - 1) + 1):
                left, right = max(bx - ring, 0), min(bx + ring, bins[0] - 1)
                for s in range(bin_lo[b * bins[0] + left], bin_lo[b * bins[0] + right + 1]):
                    dx, dy = px - x[s], py - y[s]
                    far = max(math.sqrt(dx * dx + dy * dy), NEAREST_M)
                    level = -decay_db * math.log10(far / radius[s])
                    level += shadow_db * bell(key_of(key, first_station + s), line)
                    for k in range(sectors):
                        which = first_tower + s * sectors + k
                        turned = azimuth[which]
                        loss = 0.0 if math.isnan(turned) else _weaker(dx, dy, turned)
                        n = _insert(power, tower, n, level - loss, which)
            if fallback == 0 or power[0] >= 0.0:
                _write_line(power, tower, n, fading_db, out, line)
            elif fallback == 1:
                for k in range(2 * CANDIDATES):
                    out[line, k] = lower[line, k]
            else:
                out[line, 0] = NOWHERE


@inlined
def square_of(x: float, y: float, frame: tuple[float, float, float], squares: tuple[int, int]) -> int:
    """Return the square of a place; outside, the nearest one at the edge."""
    col = min(max(int((x - frame[0]) / frame[2]), 0), squares[0] - 1)
    row = min(max(int((y - frame[1]) / frame[2]), 0), squares[1] - 1)
    return row * squares[0] + col


@inlined
def chosen(lines: NDArray[np.uint32], line: int, word: int) -> int:
    """Return the tower that serves in a square under a word of 32 bits; -1 where there is no coverage."""
    if lines[line, 0] == NOWHERE:
        return -1
    k = 0
    while k < CANDIDATES - 1 and word > int(lines[line, CANDIDATES + k]):
        k += 1
    return int(lines[line, k])


@inlined
def holds(lines: NDArray[np.uint32], line: int, tower: int, keep: int) -> bool:
    """Say whether a tower is still good enough in a square: its share at least ``keep`` / 65536 of the strongest's."""
    before, first = 0, int(lines[line, CANDIDATES])
    for k in range(CANDIDATES):
        end = int(lines[line, CANDIDATES + k])
        if int(lines[line, k]) == tower and end > before:
            return (end - before) * 65536 >= keep * first
        before = end
    return False
