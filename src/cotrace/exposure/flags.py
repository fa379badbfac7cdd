"""Columns to filter by: settings, stationary devices, second phones. They remove nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.exposure.world import World
    from cotrace.options import Flags

__all__ = ["settings", "stationary", "twins"]

Int64 = NDArray[np.int64]


def settings(world: World, device: Int64, cell: Int64) -> pa.Array:
    """Say what a cell is to a device: home, work or other; null where there is no cell, or the device has no stays.

    ``device`` and ``cell`` are codes (int64[n]); cells are -1 where a meeting has none.
    """
    import pyarrow as pa

    words = pa.array(["home", "work", "other"])
    known = np.zeros(world.n, dtype=np.bool_)
    known[world.of_stays] = True
    there = (cell >= 0) & known[device]
    if world.stays is None or not there.any():
        return pa.nulls(device.size, pa.string())
    asked = np.unique(device[there])
    found = np.full((2, world.n), -2, dtype=np.int64)
    for kind, codes, cells in _anchors(world, asked):
        found[kind, codes] = cells
    home, work = found[0, device] == cell, found[1, device] == cell
    which = np.where(home, 0, np.where(work, 1, 2))
    return words.take(pa.array(which, pa.int64(), mask=~there))


def _anchors(world: World, devices: Int64) -> list[tuple[int, Int64, Int64]]:
    """Return homes and workplaces: which of the two, the devices' codes, and the codes of the cells."""
    import pyarrow.compute as pc

    from cotrace.exposure.trajectory import anchors

    assert world.stays is not None
    table = anchors(world.stays, take(world.ids, devices)).to_arrow()
    cells = pc.index_in(table["cell"].combine_chunks(), value_set=world.stays.cells.values)
    code = np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.int64)
    codes = world.codes_of(table["device"].combine_chunks())
    kind = table["kind"].to_numpy(zero_copy_only=False)
    return [(k, codes[kind == word], code[kind == word]) for k, word in enumerate(("home", "work"))]


def stationary(world: World, flags: Flags) -> NDArray[np.bool_]:
    """Say of each device whether it was seen for long, and in one cell alone."""
    out = np.zeros(world.n, dtype=np.bool_)
    rows, device_lo = _by_device(world)
    there = np.flatnonzero(np.diff(device_lo))
    lo = device_lo[there]
    if lo.size:
        same = np.minimum.reduceat(rows[:, 1], lo) == np.maximum.reduceat(rows[:, 1], lo)
        span = np.maximum.reduceat(rows[:, 3], lo).astype(np.int64) - np.minimum.reduceat(rows[:, 2], lo)
        out[there] = same & (span >= flags.stationary_s)
    return out


def _by_device(world: World) -> tuple[NDArray[np.int32], Int64]:
    """Return the rows by device and start, and the first row of each device."""
    if world.stays is None:
        return np.empty((0, 4), dtype=np.int32), np.zeros(world.n + 1, dtype=np.int64)
    rows = world.stays.rows
    counts = np.zeros(world.n + 1, dtype=np.int64)
    counts[world.of_stays + 1] = np.bincount(rows[:, 0], minlength=world.of_stays.size)
    return rows, np.cumsum(counts)


def twins(world: World, listed: Int64, rank: Int64, persons: Int64, flags: Flags) -> Int64:
    """Find, for each listed device, a stronger one that it moves with; -1 where there is none.

    Parameters
    ----------
    world : World
    listed : int64[n]
        Codes of the devices to look at, each once.
    rank : int64[n]
        How strong each is: 0 for cases, then by tier.
    persons : int64[devices]
        A number for each device's person; -1 where none is known.
    flags : Flags

    Returns
    -------
    int64[n]
        The code of the strongest device of the same person, the least of these; else, of the devices that it was
        together with for the asked share of each one's dwell, the one with the most.

    Notes
    -----
    Only devices with the same two cells of most dwell, in the same order, are compared.
    """
    order = np.lexsort((listed, rank))
    place = np.empty(listed.size, dtype=np.int64)
    place[order] = np.arange(listed.size)
    weak, strong, joint = _moving_together(world, listed, place, flags)
    into = np.lexsort((place[strong], -joint, weak))
    first = np.flatnonzero(np.diff(weak[into], prepend=-1))
    codes = np.full(listed.size, -1, dtype=np.int64)
    codes[weak[into][first]] = listed[strong[into][first]]
    return _same_person(listed, order, persons, codes)


def _same_person(listed: Int64, order: Int64, persons: Int64, codes: Int64) -> Int64:
    """Let the first device of each person be what that person's others are twins of."""
    person = persons[listed[order]]
    known = np.flatnonzero(person >= 0)
    _, first, which = np.unique(person[known], return_index=True, return_inverse=True)
    leader = known[first][which]
    others = known != leader
    codes = codes.copy()
    codes[order[known[others]]] = listed[order[leader[others]]]
    return codes


def _moving_together(world: World, listed: Int64, place: Int64, flags: Flags) -> tuple[Int64, Int64, Int64]:
    """Return pairs of listed devices that are twins by their movement: weaker, stronger, joint seconds."""
    block, total = _blocks(world, listed)
    moves = (block >= 0) & (total >= max(1, flags.twin_dwell_s))
    order = np.lexsort((total, block))
    order = order[moves[order]]
    rows, device_lo = _by_device(world)
    reach, seen = _reach(rows, device_lo), np.empty(max(1, world.cell_lo.size - 1), dtype=np.int64)
    none, step = np.empty(0, dtype=np.int64), 1
    found = [(none, none, none)]
    while step < order.size:
        a, b = order[:-step], order[step:]
        near = (block[a] == block[b]) & (total[a] >= flags.twin_share * total[b])
        if not near.any():
            break  # devices stand by block and dwell: those further apart are no nearer
        a, b = a[near], b[near]
        joint, cells = _overlap(rows, device_lo, reach, seen, np.stack([listed[a], listed[b]], axis=1))
        most = np.maximum(total[a], total[b])
        twin = (
            (joint >= flags.twin_share * most) & (joint >= flags.twin_dwell_s) & (cells >= flags.twin_cells)
        )
        a, b, joint = a[twin], b[twin], joint[twin]
        later = place[a] > place[b]
        found.append((np.where(later, a, b), np.where(later, b, a), joint))
        step += 1
    weak, strong, joint = (np.concatenate(columns) for columns in zip(*found, strict=True))
    return weak, strong, joint


def _blocks(world: World, listed: Int64) -> tuple[Int64, Int64]:
    """Return a number for each device's two cells of most dwell (-1: it has no two), and its dwell in all."""
    at = np.full(world.n, -1, dtype=np.int64)
    at[listed] = np.arange(listed.size)
    rows = world.rows[at[world.rows[:, 0]] >= 0].astype(np.int64)
    device, cell, n_cells = at[rows[:, 0]], rows[:, 1], max(1, world.cell_lo.size - 1)
    keys, which = np.unique(device * n_cells + cell, return_inverse=True)
    dwell = np.bincount(which, weights=rows[:, 3] - rows[:, 2], minlength=keys.size).astype(np.int64)
    owner = keys // n_cells
    order = np.lexsort((keys % n_cells, -dwell, owner))
    total = np.bincount(owner, weights=dwell, minlength=listed.size).astype(np.int64)
    first = np.searchsorted(owner[order], np.arange(listed.size))
    n = np.bincount(owner, minlength=listed.size)
    block = np.full(listed.size, -1, dtype=np.int64)
    two = np.flatnonzero(n >= 2)
    one, other = ((keys % n_cells)[order][first[two] + k] for k in (0, 1))
    block[two] = one * n_cells + other
    return block, total


def _overlap(
    rows: NDArray[np.int32], device_lo: Int64, reach: NDArray[np.int32], seen: Int64, pairs: Int64
) -> tuple[Int64, Int64]:
    """Return the seconds that pairs of devices are in one cell, and the cells."""
    from cotrace.kernels.pairs import overlap_of_pairs

    seen[:] = -1
    out = np.zeros((pairs.shape[0], 2), dtype=np.int64)
    overlap_of_pairs(rows, device_lo, reach, pairs, seen, out)
    return out[:, 0], out[:, 1]


def _reach(rows: NDArray[np.int32], device_lo: Int64) -> NDArray[np.int32]:
    """Return how far the rows of each device reach so far."""
    group = np.repeat(np.arange(device_lo.size - 1), np.diff(device_lo))
    end = rows[:, 3].astype(np.int64)
    far = int(end.max() - end.min()) + 1 if end.size else 1
    return (np.maximum.accumulate(end + group * far) - group * far).astype(np.int32)
