"""How likely it is that two devices were in one cell: haunts of all devices against those of the cases."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.haunts import group_towers, haunt_cells, list_sojourns
from cotrace.kernels.jit import inlined, kernel

__all__ = ["meet_haunts"]

#: two haunts that share a cell with a smaller probability are not looked at
NEVER = 1e-9


@inlined
def _first_after(sojourns: NDArray[np.int32], lo: int, hi: int, moment: int) -> int:
    """Return the first sojourn that ends after ``moment``."""
    while lo < hi:
        middle = (lo + hi) // 2
        if sojourns[middle, 1] > moment:
            hi = middle
        else:
            lo = middle + 1
    return lo


@inlined
def _together(
    ours: NDArray[np.int32],
    a: int,
    a_end: int,
    theirs: NDArray[np.int32],
    b: int,
    b_end: int,
    least: int,
    spell: int,
) -> tuple[int, int, int, int]:
    """Return joint seconds, times of at least ``least`` seconds, the spells in these, and the longest."""
    joint, times, spells, longest = 0, 0, 0, 0
    if a < a_end and b < b_end:
        a, b = _first_after(ours, a, a_end, theirs[b, 0]), _first_after(theirs, b, b_end, ours[a, 0])
    while a < a_end and b < b_end:
        length = min(ours[a, 1], theirs[b, 1]) - max(ours[a, 0], theirs[b, 0])
        if length > 0:
            joint += length
            if length >= least:
                times += 1
                spells += max(1, length // spell)
                longest = max(longest, length)
        if ours[a, 1] < theirs[b, 1]:
            a += 1
        else:
            b += 1
    return joint, times, spells, longest


@kernel
def meet_haunts(
    rows: NDArray[np.int32],
    device_lo: NDArray[np.int64],
    first: int,
    last: int,
    tower_of: NDArray[np.int64],
    foot_lo: NDArray[np.int64],
    foot_cell: NDArray[np.int32],
    foot_p: NDArray[np.float64],
    density: NDArray[np.float64],
    flap: int,
    alike: float,
    case_device: NDArray[np.int64],
    at_lo: NDArray[np.int64],
    at_haunt: NDArray[np.int64],
    at_p: NDArray[np.float64],
    haunt_case: NDArray[np.int64],
    sojourn_lo: NDArray[np.int64],
    sojourns: NDArray[np.int32],
    times: tuple[int, int],
    chances: tuple[float, float],
    local: NDArray[np.int32],
    work: NDArray[np.int64],
    theirs: NDArray[np.int32],
    cells: NDArray[np.int32],
    p: NDArray[np.float64],
    shared: NDArray[np.float64],
    met: NDArray[np.int64],
    sums: NDArray[np.float64],
    counts: NDArray[np.int64],
    out: NDArray[np.int64],
    out_p: NDArray[np.float64],
) -> tuple[int, int]:
    """Hold the haunts of devices against those of the cases.

    Two haunts that share a cell with probability ``q = sum over cells of p * p`` and are visited together in ``n``
    spells have no meeting with probability ``persistence (1 - q) + (1 - persistence) (1 - q)^n``; haunts are
    independent of each other. The expected shared time is the sum of ``q`` times the joint time.

    Parameters
    ----------
    rows : int32[n, 4]
        All stays: device, tower, start, end; by device, start.
    device_lo : int64[devices + 1]
        The first stay of each device.
    first, last : int
        The devices to look at: from ``first`` on, before ``last``.
    tower_of, foot_lo, foot_cell, foot_p, density, flap, alike
        See :mod:`cotrace.kernels.haunts`.
    case_device : int64[cases]
        The device of each case, -1 where it was never seen.
    at_lo : int64[all cells + 1]
        Where the haunts that may be in each cell begin.
    at_haunt, at_p : int64[a], float64[a]
        Haunts of the cases by cell, and how likely each is there.
    haunt_case : int64[haunts]
    sojourn_lo : int64[haunts, 2]
        Where the sojourns in each begin and end.
    sojourns : int32[s, 2]
        Start and end, by haunt and start.
    times : (least, spell)
        Fewest seconds of a meeting (at least 1), and seconds of a spell.
    chances : (persistence, smallest)
        The smallest probability that is put out.
    local : int32[towers], all -1
    work : int64[11, longest device + 1]
    theirs : int32[longest device, 2]
    cells, p : int32[largest footprint], float64[largest footprint]
        Scratch.
    shared : float64[haunts]
        Scratch: all zero, and so again at the end.
    met : int64[2, haunts + cases]
        Scratch.
    sums : float64[2, cases], counts : int64[3, cases]
        Scratch: all zero, and so again at the end.
    out : int64[r, 4]
        Filled: case, device, times together of at least ``least``, the longest; by device.
    out_p : float64[r, 2]
        Filled: probability and expected shared seconds.

    Returns
    -------
    (device, n)
        The device to go on with when ``out`` was full (it needs room for all cases), else ``last``; rows filled.

    Notes
    -----
    O(stays of the devices, and for each haunt the haunts of cases in its cells, and sojourns of both).
    """
    least, spell = times
    persistence, smallest = chances
    n = 0
    for device in range(first, last):
        if n + case_device.size > out.shape[0]:
            return device, n
        lo, hi = device_lo[device], device_lo[device + 1]
        m, k = group_towers(rows, lo, hi, tower_of, foot_lo, foot_cell, foot_p, flap, alike, local, work)
        list_sojourns(rows, lo, hi, -(2**31), 2**31, k, work, work[6], theirs)
        n_cases = 0
        for h in range(k):
            n_met = 0
            for c in range(haunt_cells(h, m, foot_lo, foot_cell, foot_p, density, work, cells, p)):
                for a in range(at_lo[cells[c]], at_lo[cells[c] + 1]):
                    own = at_haunt[a]
                    if shared[own] == 0.0:
                        met[0, n_met] = own
                        n_met += 1
                    shared[own] += at_p[a] * p[c]
            for i in range(n_met):
                own = met[0, i]
                q = min(1.0, shared[own])
                shared[own] = 0.0
                case = haunt_case[own]
                if case_device[case] == device or q < NEVER:
                    continue
                joint, enough, spells, longest = _together(
                    sojourns,
                    sojourn_lo[own, 0],
                    sojourn_lo[own, 1],
                    theirs,
                    work[6, h],
                    work[6, h + 1],
                    least,
                    spell,
                )
                if joint == 0:
                    continue
                if counts[2, case] == 0:
                    counts[2, case] = 1
                    met[1, n_cases] = case
                    n_cases += 1
                sums[1, case] += q * joint
                if enough > 0:
                    none = persistence * (1.0 - q) + (1.0 - persistence) * (1.0 - q) ** spells
                    sums[0, case] += math.log(max(none, 1e-300))
                    counts[0, case] += enough
                    counts[1, case] = max(counts[1, case], longest)
        for i in range(n_cases):
            case = met[1, i]
            any_ = -math.expm1(sums[0, case])
            if counts[0, case] > 0 and any_ >= smallest:
                out[n, 0], out[n, 1] = case, device
                out[n, 2], out[n, 3] = counts[0, case], counts[1, case]
                out_p[n, 0], out_p[n, 1] = any_, sums[1, case]
                n += 1
            sums[0, case], sums[1, case] = 0.0, 0.0
            counts[0, case], counts[1, case], counts[2, case] = 0, 0, 0
    return last, n
