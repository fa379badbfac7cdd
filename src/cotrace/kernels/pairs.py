"""All pairs of a population, device by device; stays cut out of crowds; how much two devices are together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel
from cotrace.kernels.sorting import sort_by_keys
from cotrace.kernels.temporal import CELL, DEVICE, END, LAG, SEED, SHARED, SOURCE, START

__all__ = [
    "N_PAIR",
    "count_cut",
    "fill_cut",
    "meetings_in_windows",
    "order_cells",
    "overlap_of_pairs",
    "pairs_of_devices",
]

#: columns of a pair: the two devices, episodes, cells, seconds shared, longest, first start, last end
A, B, EPISODES, CELLS, TOTAL, LONGEST, FIRST, LAST = range(8)
N_PAIR = 8
#: and, while it is counted, the cell that was counted last
_IN_CELL = 1


@kernel
def meetings_in_windows(
    rows: NDArray[np.int32],
    exposed: NDArray[np.int64],
    exposed_lo: NDArray[np.int64],
    wanted: NDArray[np.uint8],
    bits: NDArray[np.int64],
    first_row: int,
    out: NDArray[np.int32],
) -> tuple[int, int]:
    """Write what stays have of the times in which their cells are exposed, as meetings.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by cell.
    exposed : int64[m, 3]
        Start, end, number of the seed; by cell, start; disjoint within a cell.
    exposed_lo : int64[cells + 1]
        The first of each cell.
    wanted : uint8[devices]
        Whose stays are wanted.
    bits : int64[n] or int64[0]
        Bits of the source of each row.
    first_row : int
        Where to begin.
    out : int32[at least those of one cell, 8]
        Filled; see :mod:`cotrace.kernels.temporal`.

    Returns
    -------
    (n, next_row)

    Notes
    -----
    O(n), and O(log m + what is found) for each stay in an exposed cell.
    """
    n = 0
    for i in range(first_row, rows.shape[0]):
        cell = rows[i, 1]
        lo, hi = exposed_lo[cell], exposed_lo[cell + 1]
        if lo == hi or wanted[rows[i, 0]] == 0:
            continue
        if n + hi - lo > out.shape[0]:
            return n, i
        last = hi
        while lo < last:
            middle = (lo + last) // 2
            if exposed[middle, 1] > rows[i, 2]:
                last = middle
            else:
                lo = middle + 1
        while lo < hi and exposed[lo, 0] < rows[i, 3]:
            out[n, SEED] = exposed[lo, 2]
            out[n, DEVICE] = rows[i, 0]
            out[n, CELL] = cell
            out[n, START] = max(np.int64(rows[i, 2]), exposed[lo, 0])
            out[n, END] = min(np.int64(rows[i, 3]), exposed[lo, 1])
            out[n, SHARED] = out[n, END] - out[n, START]
            out[n, LAG] = 0
            out[n, SOURCE] = 1 if bits.size == 0 else bits[i]
            n += 1
            lo += 1
    return n, rows.shape[0]


@kernel
def overlap_of_pairs(
    rows: NDArray[np.int32],
    device_lo: NDArray[np.int64],
    reach: NDArray[np.int32],
    pairs: NDArray[np.int64],
    cell_seen: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Sum up the seconds that pairs of devices are in one cell, and count the cells.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by device, start.
    device_lo : int64[devices + 1]
        The first row of each device.
    reach : int32[n]
        The latest end of a device's rows so far.
    pairs : int64[p, 2]
        Device codes.
    cell_seen : int64[cells]
        Scratch: all -1.
    out : int64[p, 2]
        Filled: seconds, cells.

    Notes
    -----
    O(rows of both devices) a pair.
    """
    for p in range(pairs.shape[0]):
        j, j_end = device_lo[pairs[p, 1]], device_lo[pairs[p, 1] + 1]
        joint, cells = 0, 0
        for i in range(device_lo[pairs[p, 0]], device_lo[pairs[p, 0] + 1]):
            while j < j_end and reach[j] <= rows[i, 2]:
                j += 1
            k = j
            while k < j_end and rows[k, 2] < rows[i, 3]:
                both = min(rows[i, 3], rows[k, 3]) - max(rows[i, 2], rows[k, 2])
                if both > 0 and rows[i, 1] == rows[k, 1]:
                    joint += both
                    if cell_seen[rows[i, 1]] != p:
                        cell_seen[rows[i, 1]] = p
                        cells += 1
                k += 1
        out[p, 0] = joint
        out[p, 1] = cells


@kernel
def order_cells(
    rows: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    scratch: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Order the rows of each cell by start.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by cell.
    cell_lo : int64[cells + 1]
    scratch : int64[3, rows of the largest cell]
    out : int32[n, 4]
        Filled: device, start, end, and the latest end in the cell so far.

    Notes
    -----
    O(n log n) within a cell.
    """
    keys, order = scratch[0], scratch[1]
    for cell in range(cell_lo.size - 1):
        lo, m = cell_lo[cell], cell_lo[cell + 1] - cell_lo[cell]
        for i in range(m):
            keys[i] = rows[lo + i, 2]
            order[i] = i
        sort_by_keys(keys, order, scratch[2], 0, m)
        for i in range(m):
            row = lo + order[i]
            end = rows[row, 3]
            out[lo + i, 0] = rows[row, 0]
            out[lo + i, 1] = rows[row, 2]
            out[lo + i, 2] = end
            out[lo + i, 3] = end if i == 0 else max(end, out[lo + i - 1, 3])


@inlined
def _meet(
    known: NDArray[np.int64], touched: NDArray[np.int64], n: int, device: int, cell: int, start: int, end: int
) -> int:
    """Count an episode with a device; return how many devices were met by now."""
    if known[device, EPISODES] == 0:
        touched[n] = device
        n += 1
        known[device, CELLS] = 0
        known[device, TOTAL] = 0
        known[device, LONGEST] = 0
        known[device, FIRST] = start
        known[device, LAST] = end
        known[device, _IN_CELL] = -1
    known[device, EPISODES] += 1
    known[device, TOTAL] += end - start
    known[device, LONGEST] = max(known[device, LONGEST], end - start)
    known[device, FIRST] = min(known[device, FIRST], start)
    known[device, LAST] = max(known[device, LAST], end)
    if known[device, _IN_CELL] != cell:
        known[device, _IN_CELL] = cell
        known[device, CELLS] += 1
    return n


@kernel
def pairs_of_devices(
    rows: NDArray[np.int32],
    device_lo: NDArray[np.int64],
    by_cell: NDArray[np.int32],
    cell_lo: NDArray[np.int64],
    devices: tuple[int, int],
    rule: tuple[int, int],
    known: NDArray[np.int64],
    touched: NDArray[np.int64],
    scratch: NDArray[np.int64],
    out: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Write the pairs of some devices with all that come after them.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end; by device, cell, start.
    device_lo : int64[devices + 1]
        The first row of each device.
    by_cell : int32[n, 4]
        As :func:`order_cells` makes it.
    cell_lo : int64[cells + 1]
    devices : (first, last)
        The devices to do: ``[first, last)``.
    rule : (least, episodes)
        Fewest seconds of an episode (at least 1), and fewest episodes of a pair.
    known : int64[devices, 8]
        Scratch: all 0, and so left.
    touched, scratch : int64[devices]
        Scratch.
    out : int64[at least devices, 8]
        Filled: see ``A`` and what follows it; by the first device, then the second.

    Returns
    -------
    (n, next_device, overlaps)
        Rows of ``out``, the first device that was not done, and how many episodes of at least a second were seen.

    Notes
    -----
    O(n + overlaps + pairs log pairs), and the stays that a longer one reaches over.
    """
    least, fewest = rule
    n, overlaps, a = 0, 0, devices[0]
    while a < devices[1] and n + known.shape[0] <= out.shape[0]:
        m = 0
        for i in range(device_lo[a], device_lo[a + 1]):
            cell, start, end = rows[i, 1], rows[i, 2], rows[i, 3]
            lo, hi = cell_lo[cell], cell_lo[cell + 1]
            last = hi
            while lo < last:  # the first from which on some reach into this stay
                middle = (lo + last) // 2
                if by_cell[middle, 3] > start:
                    last = middle
                else:
                    lo = middle + 1
            for k in range(lo, hi):
                if by_cell[k, 1] >= end:
                    break
                if by_cell[k, 0] <= a or by_cell[k, 2] <= start:
                    continue
                overlaps += 1
                both, until = max(start, by_cell[k, 1]), min(end, by_cell[k, 2])
                if until - both >= least:
                    m = _meet(known, touched, m, by_cell[k, 0], cell, both, until)
        for k in range(m):
            scratch[k] = touched[k]
        # ids in order: the devices themselves are the keys
        _sort(scratch, touched, m)
        for k in range(m):
            b = scratch[k]
            if known[b, EPISODES] >= fewest:
                for column in range(2, N_PAIR):
                    out[n, column] = known[b, column]
                out[n, A] = a
                out[n, B] = b
                n += 1
            known[b, EPISODES] = 0
        a += 1
    return n, a, overlaps


@inlined
def _sort(values: NDArray[np.int64], other: NDArray[np.int64], n: int) -> None:
    """Sort ``values[:n]``, which are different; ``other`` is changed. O(n log n)."""
    width = 1
    while width < n:
        for left in range(0, n, 2 * width):
            middle, right = min(left + width, n), min(left + 2 * width, n)
            a, b = left, middle
            for k in range(left, right):
                if b >= right or (a < middle and values[a] < values[b]):
                    other[k] = values[a]
                    a += 1
                else:
                    other[k] = values[b]
                    b += 1
        for k in range(n):
            values[k] = other[k]
        width *= 2


@inlined
def _next_hole(holes: NDArray[np.int64], lo: int, hi: int, moment: int) -> int:
    """Return the first of ``holes[lo:hi]`` that ends after ``moment``. O(log n)."""
    while lo < hi:
        middle = (lo + hi) // 2
        if holes[middle, 1] > moment:
            hi = middle
        else:
            lo = middle + 1
    return lo


@kernel
def count_cut(
    rows: NDArray[np.int32], holes: NDArray[np.int64], holes_lo: NDArray[np.int64], span: tuple[int, int]
) -> int:
    """Count the pieces that are left of stays when holes are cut out of them; see :func:`fill_cut`."""
    n = 0
    for i in range(rows.shape[0]):
        start, end = int(max(rows[i, 2], span[0])), int(min(rows[i, 3], span[1]))
        hi = holes_lo[rows[i, 1] + 1]
        h = _next_hole(holes, holes_lo[rows[i, 1]], hi, start)
        while start < end:
            until = end
            if h < hi and holes[h, 0] < end:
                until = max(start, holes[h, 0])
            n += int(until > start)
            start = end if until == end else holes[h, 1]
            h += 1
    return n


@kernel
def fill_cut(
    rows: NDArray[np.int32],
    holes: NDArray[np.int64],
    holes_lo: NDArray[np.int64],
    span: tuple[int, int],
    out: NDArray[np.int32],
) -> None:
    """Write the pieces that are left of stays when holes are cut out of them.

    Parameters
    ----------
    rows : int32[n, 4]
        Device, cell, start, end.
    holes : int64[m, 2]
        Start, end; by cell, start; disjoint within a cell.
    holes_lo : int64[cells + 1]
        The first hole of each cell.
    span : (start, end)
        What lies outside is cut away too.
    out : int32[as many as :func:`count_cut` says, 4]
        Filled, in the order of the rows.

    Notes
    -----
    O(n log m + pieces).
    """
    n = 0
    for i in range(rows.shape[0]):
        start, end = int(max(rows[i, 2], span[0])), int(min(rows[i, 3], span[1]))
        hi = holes_lo[rows[i, 1] + 1]
        h = _next_hole(holes, holes_lo[rows[i, 1]], hi, start)
        while start < end:
            until = end
            if h < hi and holes[h, 0] < end:
                until = max(start, holes[h, 0])
            if until > start:
                out[n, 0] = rows[i, 0]
                out[n, 1] = rows[i, 1]
                out[n, 2] = start
                out[n, 3] = until
                n += 1
            start = end if until == end else holes[h, 1]
            h += 1
