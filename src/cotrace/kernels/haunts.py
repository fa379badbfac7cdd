"""Haunts: the sets of towers between which a device flaps while it is in one place, and in which cells that may be.

Footprints are given as ``foot_lo`` (int64[towers + 1]), ``foot_cell`` (int32, rising within a tower) and ``foot_p``
(float64, adding up to 1 within a tower). Stays are rows (device, tower, start, end), those of a device together and by
start; ``tower_of`` has the footprint of each of their towers, or -1.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.sorting import sort_by_keys

__all__ = ["LOWEST", "count_haunts", "fill_haunts", "group_towers", "haunt_cells", "list_sojourns"]

#: a footprint that lacks a cell was cut, or the model is wrong there: the cell has at least this probability
LOWEST = 1e-3


@inlined
def _likeness(
    a: int, b: int, foot_lo: NDArray[np.int64], foot_cell: NDArray[np.int32], foot_p: NDArray[np.float64]
) -> float:
    """Return the cosine of two footprints."""
    i, i_end, j, j_end = foot_lo[a], foot_lo[a + 1], foot_lo[b], foot_lo[b + 1]
    both, of_a, of_b = 0.0, 0.0, 0.0
    for k in range(i, i_end):
        of_a += foot_p[k] * foot_p[k]
    for k in range(j, j_end):
        of_b += foot_p[k] * foot_p[k]
    while i < i_end and j < j_end:
        if foot_cell[i] == foot_cell[j]:
            both += foot_p[i] * foot_p[j]
            i += 1
            j += 1
        elif foot_cell[i] < foot_cell[j]:
            i += 1
        else:
            j += 1
    return both / math.sqrt(of_a * of_b)


@inlined
def group_towers(
    rows: NDArray[np.int32],
    lo: int,
    hi: int,
    tower_of: NDArray[np.int64],
    foot_lo: NDArray[np.int64],
    foot_cell: NDArray[np.int32],
    foot_p: NDArray[np.float64],
    flap: int,
    alike: float,
    local: NDArray[np.int32],
    work: NDArray[np.int64],
) -> tuple[int, int]:
    """Group the towers of one device (``rows[lo:hi]``) into haunts.

    The tower with most dwell is the head of the first one; whatever the device was at between two of its stays there,
    no more than ``flap`` apart, joins it when their footprints are ``alike``. The next head is the tower with most
    dwell of those that are left (of two with as much, the one that was seen first).

    Parameters
    ----------
    local : int32[towers]
        Scratch: all -1, and so again at the end.
    work : int64[11, at least hi - lo]
        Filled: ``work[0]`` the footprint of each tower, by number here; ``work[1]`` their dwell; ``work[2]`` their
        haunt; ``work[3]`` the number of the head of each haunt; ``work[4]`` the tower of each stay, by number, or -1.
        The rest is scratch.

    Returns
    -------
    (towers, haunts)

    Notes
    -----
    O(stays, and footprints of the towers between those of each head).
    """
    towers, dwell, haunt, head = work[0], work[1], work[2], work[3]
    of_stay, order, scratch, first, following, asked = work[4], work[5], work[6], work[7], work[8], work[9]
    last = work[10]
    m = 0
    for i in range(lo, hi):
        t = tower_of[rows[i, 1]]
        of_stay[i - lo] = -1
        if t < 0:
            continue
        j = local[t]
        if j < 0:
            j = m
            local[t], towers[j], dwell[j], haunt[j], order[j], asked[j] = m, t, 0, -1, m, -1
            first[j] = i - lo
            m += 1
        else:
            following[last[j]] = i - lo
        of_stay[i - lo], last[j] = j, i - lo
        following[i - lo] = -1
        dwell[j] -= rows[i, 3] - rows[i, 2]  # negative: the most comes first
    sort_by_keys(dwell, order, scratch, 0, m)
    k = 0
    for a in range(m):
        j = order[a]
        dwell[j] = -dwell[j]
        local[towers[j]] = -1
        if haunt[j] >= 0:
            continue
        haunt[j], head[k] = k, j
        s = first[j]
        while following[s] >= 0:
            after = following[s]
            if after > s + 1 and rows[lo + after, 2] - rows[lo + s, 3] <= flap:
                for i in range(s + 1, after):
                    other = of_stay[i]
                    if other >= 0 and haunt[other] < 0 and asked[other] != k:
                        asked[other] = k
                        if _likeness(towers[j], towers[other], foot_lo, foot_cell, foot_p) >= alike:
                            haunt[other] = k
            s = after
        k += 1
    return m, k


@inlined
def haunt_cells(
    k: int,
    m: int,
    foot_lo: NDArray[np.int64],
    foot_cell: NDArray[np.int32],
    foot_p: NDArray[np.float64],
    work: NDArray[np.int64],
    cells: NDArray[np.int32],
    p: NDArray[np.float64],
) -> int:
    """Write the cells in which haunt ``k`` may be, those of its head, with their probabilities; return how many.

    ``log p(cell) = sum over towers of share * log p_tower(cell)``, normalised: *share* is the tower's part of the
    haunt's dwell (a logarithmic opinion pool).
    """
    towers, dwell, haunt, head = work[0], work[1], work[2], work[3]
    h = towers[head[k]]
    lo, n = foot_lo[h], foot_lo[h + 1] - foot_lo[h]
    total, members = 0.0, 0
    for j in range(m):
        if haunt[j] == k:
            total += dwell[j]
            members += 1
    for c in range(n):
        cells[c], p[c] = foot_cell[lo + c], foot_p[lo + c]
    if members == 1 or total == 0.0:
        return int(n)
    for c in range(n):
        p[c] = 0.0
    for j in range(m):
        if haunt[j] != k or dwell[j] == 0:
            continue
        weight = dwell[j] / total
        i, end = foot_lo[towers[j]], foot_lo[towers[j] + 1]
        for c in range(n):
            while i < end and foot_cell[i] < cells[c]:
                i += 1
            here = foot_p[i] if i < end and foot_cell[i] == cells[c] else 0.0
            p[c] += weight * math.log(max(here, LOWEST))
    best = -np.inf
    for c in range(n):
        best = max(best, p[c])
    every = 0.0
    for c in range(n):
        p[c] = math.exp(p[c] - best)
        every += p[c]
    for c in range(n):
        p[c] /= every
    return int(n)


@inlined
def list_sojourns(
    rows: NDArray[np.int32],
    lo: int,
    hi: int,
    start: int,
    end: int,
    least: int,
    k: int,
    work: NDArray[np.int64],
    sojourn_lo: NDArray[np.int64],
    sojourns: NDArray[np.int32],
) -> int:
    """Write a device's sojourns, its unbroken times in one haunt, within ``[start, end)``; return how many.

    Those of fewer than ``least`` seconds are left out.

    ``sojourn_lo`` (int64[at least k + 1]) and ``sojourns`` (int32[at least hi - lo, 2]) are filled: start and end, by
    haunt and start. :func:`group_towers` was called before.
    """
    haunt, of_stay, at = work[2], work[4], work[5]
    for h in range(k + 1):
        sojourn_lo[h] = 0
    for turn in range(2):  # counted, then written
        current, until = -1, 0
        for i in range(lo, hi):
            j = of_stay[i - lo]
            a, b = max(int(rows[i, 2]), start), min(int(rows[i, 3]), end)
            if j < 0 or a >= b:
                continue
            h = haunt[j]
            goes_on = h == current and a == until
            if turn == 0:
                if not goes_on:
                    sojourn_lo[h + 1] += 1
            elif goes_on:
                sojourns[at[h] - 1, 1] = b
            else:
                sojourns[at[h], 0], sojourns[at[h], 1] = a, b
                at[h] += 1
            current, until = h, b
        if turn == 0:
            for h in range(k):
                at[h] = sojourn_lo[h]
                sojourn_lo[h + 1] += sojourn_lo[h]
    kept, first = 0, 0
    for h in range(k):
        last = sojourn_lo[h + 1]
        for i in range(first, last):
            if sojourns[i, 1] - sojourns[i, 0] >= least:
                sojourns[kept, 0], sojourns[kept, 1] = sojourns[i, 0], sojourns[i, 1]
                kept += 1
        first, sojourn_lo[h + 1] = last, kept
    return int(kept)


@kernel
def count_haunts(
    rows: NDArray[np.int32],
    devices: NDArray[np.int64],
    tower_of: NDArray[np.int64],
    foot_lo: NDArray[np.int64],
    foot_cell: NDArray[np.int32],
    foot_p: NDArray[np.float64],
    flap: int,
    alike: float,
    local: NDArray[np.int32],
    work: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Count the haunts of devices, their cells, and at most how many sojourns.

    Parameters
    ----------
    rows : int32[n, 4]
    devices : int64[d, 4]
        First stay and the one after the last of each; start and end of the time that sojourns are asked for.
    flap : int
        Seconds.
    alike : float
    local : int32[towers], all -1
    work : int64[11, longest device]
        Scratch.
    counts : int64[d, 3]
        Filled.
    """
    for d in range(devices.shape[0]):
        lo, hi = devices[d, 0], devices[d, 1]
        _, k = group_towers(rows, lo, hi, tower_of, foot_lo, foot_cell, foot_p, flap, alike, local, work)
        n = 0
        for h in range(k):
            t = work[0, work[3, h]]
            n += foot_lo[t + 1] - foot_lo[t]
        counts[d, 0], counts[d, 1], counts[d, 2] = k, n, hi - lo


@kernel
def fill_haunts(
    rows: NDArray[np.int32],
    devices: NDArray[np.int64],
    tower_of: NDArray[np.int64],
    foot_lo: NDArray[np.int64],
    foot_cell: NDArray[np.int32],
    foot_p: NDArray[np.float64],
    flap: int,
    alike: float,
    least: int,
    local: NDArray[np.int32],
    work: NDArray[np.int64],
    base: NDArray[np.int64],
    cell_lo: NDArray[np.int64],
    cells: NDArray[np.int32],
    p: NDArray[np.float64],
    sojourn_lo: NDArray[np.int64],
    sojourns: NDArray[np.int32],
    haunt_of: NDArray[np.int64],
) -> None:
    """Find the haunts of devices, the cells in which each may be, and the sojourns there.

    Parameters
    ----------
    rows, devices, tower_of, foot_lo, foot_cell, foot_p, flap, alike, local, work
        As for :func:`count_haunts`.
    least : int
        Fewest seconds of a sojourn.
    base : int64[d + 1, 3]
        Sums of what :func:`count_haunts` counted, before each device.
    cell_lo : int64[haunts + 1]
        Filled: where the cells of each haunt begin.
    cells, p : int32[n], float64[n]
        Filled; the cells of a haunt rise.
    sojourn_lo : int64[haunts, 2]
        Filled: where the sojourns of each begin and end.
    sojourns : int32[s, 2]
        Filled: start and end, by start within a haunt.
    haunt_of : int64[stays of these devices, one device after the other]
        Filled: the haunt of each stay, -1 where its tower has no footprint.
    """
    stay = 0
    for d in range(devices.shape[0]):
        lo, hi = devices[d, 0], devices[d, 1]
        m, k = group_towers(rows, lo, hi, tower_of, foot_lo, foot_cell, foot_p, flap, alike, local, work)
        first, n, s = base[d, 0], base[d, 1], base[d, 2]
        for i in range(hi - lo):
            j = work[4, i]
            haunt_of[stay] = first + work[2, j] if j >= 0 else -1
            stay += 1
        for h in range(k):
            cell_lo[first + h] = n
            n += haunt_cells(h, m, foot_lo, foot_cell, foot_p, work, cells[n:], p[n:])
        cell_lo[first + k] = n
        # the heads are no longer needed: where the sojourns of each begin takes their place
        list_sojourns(rows, lo, hi, devices[d, 2], devices[d, 3], least, k, work, work[6], sojourns[s:])
        for h in range(k):
            sojourn_lo[first + h, 0], sojourn_lo[first + h, 1] = s + work[6, h], s + work[6, h + 1]
