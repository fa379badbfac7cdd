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
#: nothing is surer than this
SURE = 1.0 - 1e-12


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
    blur: float,
    chance: float,
) -> tuple[int, int, int, float]:
    """Return the times together of at least ``least`` seconds: how long all are, how many, and the longest.

    And the logarithm of how likely all their spells pass without a meeting that ``chance`` gives.
    """
    joint, times, longest, nothing = 0, 0, 0, 0.0
    if a < a_end and b < b_end:
        a, b = _first_after(ours, a, a_end, theirs[b, 0]), _first_after(theirs, b, b_end, ours[a, 0])
    while a < a_end and b < b_end:
        length = min(ours[a, 1], theirs[b, 1]) - max(ours[a, 0], theirs[b, 0])
        if length >= least:
            joint += length
            times += 1
            longest = max(longest, length)
            real = 1.0 - math.exp(-length / blur)
            nothing += max(1, length // spell) * math.log1p(-min(chance * real, SURE))
        if ours[a, 1] < theirs[b, 1]:
            a += 1
        else:
            b += 1
    return joint, times, longest, nothing


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
    chances: tuple[float, float, float],
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

    Each device has one cell in each of its haunts; two haunts are in the same one with probability
    ``q = sum over cells of p * p``. Times together of ``t`` seconds in all have a real one among them with probability
    ``1 - exp(-t / blur)``: when stays begin and end is not well known. In each spell one of the two is off its cell,
    and anywhere by the footprint, with probability ``roaming``. So two haunts have no meeting with probability
    ``q exp(-t / blur) + (1 - q) product over spells of (1 - roaming q (1 - exp(-length / blur)))``, and haunts are
    independent of each other. The expected shared time is the sum of ``q`` times the time together.

    Parameters
    ----------
    rows : int32[n, 4]
        All stays: device, tower, start, end; by device, start.
    device_lo : int64[devices + 1]
        The first stay of each device.
    first, last : int
        The devices to look at: from ``first`` on, before ``last``.
    tower_of, foot_lo, foot_cell, foot_p, flap, alike
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
    chances : (roaming, blur, smallest)
        Blur in seconds; the smallest probability that is put out.
    local : int32[towers], all -1
    work : int64[11, longest device + 1]
    theirs : int32[longest device, 2]
    cells, p : int32[largest footprint], float64[largest footprint]
        Scratch.
    shared : float64[haunts]
        Scratch: all zero, and so again at the end.
    met : int64[2, haunts + cases]
        Scratch.
    sums : float64[2, cases], counts : int64[4, cases]
        Scratch: all zero, and so again at the end.
    out : int64[r, 5]
        Filled: case, device, times together of at least ``least``, the longest, and all of them; by device.
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
    roaming, blur, smallest = chances
    n = 0
    for device in range(first, last):
        if n + case_device.size > out.shape[0]:
            return device, n
        lo, hi = device_lo[device], device_lo[device + 1]
        m, k = group_towers(rows, lo, hi, tower_of, foot_lo, foot_cell, foot_p, flap, alike, local, work)
        list_sojourns(rows, lo, hi, -(2**31), 2**31, least, k, work, work[6], theirs)
        n_cases = 0
        for h in range(k):
            if work[6, h] == work[6, h + 1]:
                continue
            n_met = 0
            for c in range(haunt_cells(h, m, foot_lo, foot_cell, foot_p, work, cells, p)):
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
                joint, enough, longest, nothing = _together(
                    sojourns,
                    sojourn_lo[own, 0],
                    sojourn_lo[own, 1],
                    theirs,
                    work[6, h],
                    work[6, h + 1],
                    least,
                    spell,
                    blur,
                    roaming * q,
                )
                if enough == 0:
                    continue
                if counts[2, case] == 0:
                    counts[2, case] = 1
                    met[1, n_cases] = case
                    n_cases += 1
                sums[1, case] += q * joint
                none = q * math.exp(-joint / blur) + (1.0 - q) * math.exp(nothing)
                sums[0, case] += math.log(max(none, 1e-300))
                counts[0, case] += enough
                counts[1, case] = max(counts[1, case], longest)
                counts[3, case] += joint
        for i in range(n_cases):
            case = met[1, i]
            any_ = -math.expm1(sums[0, case])
            if any_ >= smallest:
                out[n, 0], out[n, 1] = case, device
                out[n, 2], out[n, 3], out[n, 4] = counts[0, case], counts[1, case], counts[3, case]
                out_p[n, 0], out_p[n, 1] = any_, sums[1, case]
                n += 1
            sums[0, case], sums[1, case] = 0.0, 0.0
            counts[:, case] = 0
    return last, n
