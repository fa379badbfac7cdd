"""Ids to dense int32 codes, in the order in which they are first seen.

Open addressing with linear probing over 16-byte slots: ``slots[i] = (key, code + 1)``, where 0 in the second
place is an empty slot. Tables are at most half full. A kernel stops when the table has to grow and says how far
it came; the caller grows the table and calls again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel, prefetch

__all__ = ["encode_bytes", "encode_ints", "rehash"]

_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_AHEAD = 24


@inlined
def _slot_of(key: np.int64, shift: np.uint64) -> int:
    """Return the first slot to look in: the high bits of a mixed key (a multiply-xorshift finaliser)."""
    x = np.uint64(key)
    x = (x ^ (x >> np.uint64(32))) * _MIX1
    x = (x ^ (x >> np.uint64(29))) * _MIX2
    return int(np.int64(x >> shift))


@kernel
def encode_ints(
    values: NDArray[np.int64],
    slots: NDArray[np.int64],
    shift: np.uint64,
    ids: NDArray[np.int64],
    n_ids: int,
    codes: NDArray[np.int32],
    start: int,
) -> tuple[int, int]:
    """Give each value its code; unseen values get the next ones.

    Parameters
    ----------
    values : int64[n]
        Ids.
    slots : int64[2**k, 2]
        The table; changed.
    shift : uint64
        ``64 - k``.
    ids : int64[at least 2**k / 2]
        The id of each code; changed.
    n_ids : int
        How many codes there are.
    codes : int32[n]
        Filled from ``start`` on.
    start : int
        The first value to encode.

    Returns
    -------
    (done, n_ids)
        ``done < n`` when the table is half full and has to grow first.

    Notes
    -----
    One cache line a value while the load is low, asked for ahead of its use.
    """
    n = values.size
    mask = slots.shape[0] - 1
    room = slots.shape[0] // 2
    for i in range(start, n):
        if i + _AHEAD < n:
            prefetch(slots, _slot_of(values[i + _AHEAD], shift))
        key = values[i]
        at = _slot_of(key, shift)
        while slots[at, 1] != 0 and slots[at, 0] != key:
            at = (at + 1) & mask
        if slots[at, 1] == 0:
            if n_ids >= room:
                return i, n_ids
            slots[at, 0] = key
            slots[at, 1] = n_ids + 1
            ids[n_ids] = key
            n_ids += 1
        codes[i] = slots[at, 1] - 1
    return n, n_ids


@kernel
def rehash(old: NDArray[np.int64], slots: NDArray[np.int64], shift: np.uint64) -> None:
    """Move every slot of ``old`` into the larger, empty table ``slots`` (``2**(64 - shift)`` rows)."""
    mask = slots.shape[0] - 1
    for i in range(old.shape[0]):
        if old[i, 1] != 0:
            at = _slot_of(old[i, 0], shift)
            while slots[at, 1] != 0:
                at = (at + 1) & mask
            slots[at, 0] = old[i, 0]
            slots[at, 1] = old[i, 1]


@inlined
def _hash_bytes(data: NDArray[np.uint8], lo: int, hi: int) -> np.int64:
    """Hash bytes, eight at a time; the length goes in, so that trailing zeros count."""
    h = np.uint64(hi - lo) * _MIX2
    at = lo
    while at < hi:
        word = np.uint64(0)
        for k in range(min(8, hi - at)):
            word |= np.uint64(data[at + k]) << np.uint64(8 * k)
        h = (h ^ word) * _MIX1
        h ^= h >> np.uint64(31)
        at += 8
    return np.int64(h)


@inlined
def _same_bytes(
    a: NDArray[np.uint8], a_lo: int, a_hi: int, b: NDArray[np.uint8], b_lo: int, b_hi: int
) -> bool:
    if a_hi - a_lo != b_hi - b_lo:
        return False
    for k in range(a_hi - a_lo):  # noqa: SIM110  compiled: a loop is the fastest form
        if a[a_lo + k] != b[b_lo + k]:
            return False
    return True


@kernel
def encode_bytes(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    slots: NDArray[np.int64],
    shift: np.uint64,
    arena_offsets: NDArray[np.int64],
    arena: NDArray[np.uint8],
    n_ids: int,
    codes: NDArray[np.int32],
    start: int,
) -> tuple[int, int]:
    """Give each string its code; unseen strings are copied into the arena and get the next codes.

    Parameters
    ----------
    offsets, data : int64[n + 1], uint8
        The strings, as Arrow lays out a large string array.
    slots, shift
        The table, as in :func:`encode_ints`; its keys are hashes, and equal hashes are told apart by bytes.
    arena_offsets, arena : int64[at least 2**k / 2 + 1], uint8[enough for all new bytes]
        The strings of the codes so far, laid out alike; changed.
    n_ids, codes, start
        As in :func:`encode_ints`.

    Returns
    -------
    (done, n_ids)
        ``done < n`` when the table has to grow first.

    Notes
    -----
    Cost: about one nanosecond for two bytes, and two cache lines a string.
    """
    n = offsets.size - 1
    mask = slots.shape[0] - 1
    room = slots.shape[0] // 2
    for i in range(start, n):
        lo, hi = offsets[i], offsets[i + 1]
        key = _hash_bytes(data, lo, hi)
        at = _slot_of(key, shift)
        while slots[at, 1] != 0:
            if slots[at, 0] == key:
                code = slots[at, 1] - 1
                if _same_bytes(data, lo, hi, arena, arena_offsets[code], arena_offsets[code + 1]):
                    break
            at = (at + 1) & mask
        if slots[at, 1] == 0:
            if n_ids >= room:
                return i, n_ids
            slots[at, 0] = key
            slots[at, 1] = n_ids + 1
            end = arena_offsets[n_ids]
            for k in range(lo, hi):
                arena[end + k - lo] = data[k]
            arena_offsets[n_ids + 1] = end + hi - lo
            n_ids += 1
        codes[i] = slots[at, 1] - 1
    return n, n_ids
