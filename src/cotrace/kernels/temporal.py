"""Meetings: who met the devices that meetings are asked of, each in its own time, and what comes first.

A *seed* is a device and the time in which its meetings count. Meetings are rows of eight numbers (see ``SEED`` and
what follows it), written in batches: a batch ends where no more may fit, and the caller goes on from there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.overlap import _most_within
from cotrace.kernels.sorting import sort_by_keys

__all__ = [
    "CELL",
    "DEVICE",
    "END",
    "FAR",
    "LAG",
    "N_MEETING",
    "SEED",
    "SHARED",
    "SOURCE",
    "START",
    "meetings_in_cells",
    "meetings_in_links",
    "most_seeds",
    "source_bits_at",
]

#: columns of a meeting: number of the seed, the device it met, cell (-1: none), first and last + 1 second, seconds
#: that they shared, seconds from when the seed left until the device came, bits of the sources
SEED, DEVICE, CELL, START, END, SHARED, LAG, SOURCE = range(8)
N_MEETING = 8
#: later than every second: the label (start, minus end, device of the seed, cell) of a device that nobody has met
FAR = 2**40
#: columns of a seed in a cell
_FROM, _UNTIL, _NUMBER, _ROW, _REACH = range(5)


@kernel
def most_seeds(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    window_lo: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Count how many seeds a cell may have.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by cell.
    cell_lo : int64[cells + 1]
        The first row of each cell.
    window_lo : int64[devices + 1]
        The first seed of each device.
    sizes : int64[cells]
        Filled: stays in the cell times the seeds of their devices. O(n).
    """
    for cell in range(sizes.size):
        n = 0
        for i in range(cell_lo[cell], cell_lo[cell + 1]):
            d = np.uint64(rows[i, 0])
            n += window_lo[d + np.uint64(1)] - window_lo[d]
        sizes[cell] = n


@inlined
def _seeds_of_cell(
    rows: NDArray[np.int32],
    lo: int,
    hi: int,
    window_lo: NDArray[np.int64],
    windows: NDArray[np.int32],
    least: int,
    found: NDArray[np.int32],
    seeds: NDArray[np.int32],
    scratch: NDArray[np.int64],
) -> int:
    """Fill ``seeds`` with the presence of seeds in a cell, by start; return how many. O(k log k)."""
    keys, order = scratch[0], scratch[1]
    m = 0
    for i in range(lo, hi):
        d = rows[i, 0]
        for w in range(window_lo[d], window_lo[d + 1]):
            start, end = max(rows[i, 2], windows[w, 0]), min(rows[i, 3], windows[w, 1])
            if end - start >= least:
                found[m, _FROM] = start
                found[m, _UNTIL] = end
                found[m, _NUMBER] = w
                found[m, _ROW] = i
                keys[m] = start
                order[m] = m
                m += 1
    sort_by_keys(keys, order, scratch[2], 0, m)
    for k in range(m):
        at = order[k]
        for column in range(4):
            seeds[k, column] = found[at, column]
        end = found[at, _UNTIL]
        seeds[k, _REACH] = end if k == 0 else max(end, seeds[k - 1, _REACH])
    return m


@inlined
def _first_reaching(seeds: NDArray[np.int32], m: int, moment: int) -> int:
    """Return the first seed from which on some reach beyond ``moment``. O(log m)."""
    lo, hi = 0, m
    while lo < hi:
        middle = (lo + hi) // 2
        if seeds[middle, _REACH] > moment:
            hi = middle
        else:
            lo = middle + 1
    return lo


@kernel
def meetings_in_cells(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    bits: NDArray[np.int64],
    window_lo: NDArray[np.int64],
    windows: NDArray[np.int32],
    wanted: NDArray[np.uint8],
    rule: tuple[int, int],
    first_row: int,
    space: NDArray[np.int32],
    scratch: NDArray[np.int64],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the meetings of seeds with the stays of other devices.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by cell, device, start.
    cell_lo : int64[cells + 1]
        The first row of each cell.
    bits : int64[n] or int64[0]
        Bits of the source of each row; of none: bit 0 for all.
    window_lo : int64[devices + 1]
        The first seed of each device.
    windows : int32[seeds, 3]
        From when and until when a seed's presence counts, and until when that of others does; by device.
    wanted : uint8[devices]
        Whose meetings with seeds are wanted.
    rule : (least, lag)
        Fewest seconds (at least 1); and how long after a seed left a device may come (-1: it may not).
    first_row : int
        Where to begin.
    space, scratch : int32[2, m, 5], int64[3, m]
        Scratch, ``m`` being the most of :func:`most_seeds`.
    out : int32[at least m, 8]
        Filled: meetings by row of the other device, and by start for each.

    Returns
    -------
    (n, next_row)
        Rows of ``out``, and where to go on; the number of rows when all is done.

    Notes
    -----
    O(n + k log k + meetings) for k stays of seeds, and the stays that a longer one of the seeds' reaches over.
    """
    least, lag = rule
    found, seeds = space[0], space[1]
    n, i = 0, first_row
    while i < rows.shape[0]:
        cell = rows[i, 1]
        lo, hi = cell_lo[cell], cell_lo[cell + 1]
        m = _seeds_of_cell(rows, lo, hi, window_lo, windows, least, found, seeds, scratch)
        if m == 0:
            i = hi
        while i < hi:
            d, start, last = rows[i, 0], rows[i, 2], rows[i, 3]
            if wanted[d]:
                if n + m > out.shape[0]:
                    return n, i
                for k in range(_first_reaching(seeds, m, start - lag - 1), m):
                    begin, left = max(start, seeds[k, _FROM]), seeds[k, _UNTIL]
                    if last - begin < least:
                        break
                    w, row = seeds[k, _NUMBER], seeds[k, _ROW]
                    end = min(last, windows[w, 2])
                    shared = min(end, left) - begin
                    late = start - left
                    if (
                        rows[row, 0] == d
                        or end - begin < least
                        or (shared < least and (lag < 0 or late > lag))
                    ):
                        continue
                    out[n, SEED] = w
                    out[n, DEVICE] = d
                    out[n, CELL] = cell
                    out[n, START] = begin
                    out[n, END] = begin + shared if shared >= least else end
                    out[n, SHARED] = max(0, shared)
                    out[n, LAG] = max(0, late)
                    out[n, SOURCE] = 1 if bits.size == 0 else bits[i] | bits[row]
                    n += 1
            i += 1
    return n, i


@kernel
def meetings_in_links(
    links: NDArray[np.int32],
    link_lo: NDArray[np.int64],
    seed_device: NDArray[np.int64],
    windows: NDArray[np.int32],
    wanted: NDArray[np.uint8],
    rule: tuple[int, bool, int],
    first_seed: int,
    episodes: NDArray[np.int32],
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Write the meetings of seeds that are known as contacts from elsewhere.

    Parameters
    ----------
    links : int32[m, 5]
        Device, other device, start, end, number of the source; each contact once from either side; by device, other
        device, source, start, and disjoint within these.
    link_lo : int64[devices + 1]
        The first link of each device.
    seed_device : int64[seeds]
        The device of each seed.
    windows, wanted
        As in :func:`meetings_in_cells`.
    rule : (least, summed, per)
        Fewest seconds; whether the seconds of a pair are summed, and within which length of time (0: all).
    first_seed : int
        Where to begin.
    episodes : int32[links of one device, 2]
        Scratch.
    out : int32[at least the links of one device, 8]
        Filled: meetings by seed, other device, source, start.

    Returns
    -------
    (n, next_seed)
        Rows of ``out``, and where to go on; the number of seeds when all is done.

    Notes
    -----
    O(links of the seeds).
    """
    least, summed, per = rule
    n, k = 0, first_seed
    while k < seed_device.size:
        lo, hi = link_lo[seed_device[k]], link_lo[seed_device[k] + 1]
        if n + hi - lo > out.shape[0]:
            break
        while lo < hi:
            first, other, source = lo, links[lo, 1], links[lo, 4]
            m, joint = 0, 0
            while lo < hi and links[lo, 1] == other and links[lo, 4] == source:
                start, end = max(links[lo, 2], windows[k, 0]), min(links[lo, 3], windows[k, 1])
                if end - start >= (1 if summed else least):
                    episodes[m, 0] = start
                    episodes[m, 1] = end
                    joint += end - start
                    m += 1
                lo += 1
            if wanted[other] == 0 or links[first, 0] == other:
                continue
            if summed and (joint if per == 0 else _most_within(episodes, m, per)) < least:
                continue
            for e in range(m):
                out[n, SEED] = k
                out[n, DEVICE] = other
                out[n, CELL] = -1
                out[n, START] = episodes[e, 0]
                out[n, END] = episodes[e, 1]
                out[n, SHARED] = episodes[e, 1] - episodes[e, 0]
                out[n, LAG] = 0
                out[n, SOURCE] = 1 << source
                n += 1
        k += 1
    return n, k


@kernel
def source_bits_at(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    bits: NDArray[np.int64],
    seed_device: NDArray[np.int64],
    meetings: NDArray[np.int32],
) -> None:
    """Fill the bits of the sources into meetings, from the two stays that each was made of.

    ``rows``, ``cell_lo`` and ``bits`` as in :func:`meetings_in_cells`. O(log n) a meeting.
    """
    for i in range(meetings.shape[0]):
        cell, found = meetings[i, CELL], 0
        for side in range(2):
            device = seed_device[meetings[i, SEED]] if side == 0 else meetings[i, DEVICE]
            lo, hi = cell_lo[cell], cell_lo[cell + 1]
            while lo < hi:  # the last stay of the device that starts no later
                middle = (lo + hi) // 2
                later = rows[middle, 0] > device or (
                    rows[middle, 0] == device and rows[middle, 2] > meetings[i, START]
                )
                if later:
                    hi = middle
                else:
                    lo = middle + 1
            found |= bits[lo - 1]
        meetings[i, SOURCE] = found
