"""Ids to dense int32 codes, in the order in which they are first seen.

Open addressing with linear probing over 16-byte slots: ``slots[i] = (key, code + 1)``, where 0 in the second
place is an empty slot. Tables are at most half full. A kernel stops when the table has to grow and says how far
it came; the caller grows the table and calls again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel, prefetch

__all__ = ["encode_ints", "encode_strings", "hash_strings", "rehash", "unpack_strings"]

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
def _last_word(data: NDArray[np.uint8], at: int, hi: int) -> np.uint64:
    """Return the at most eight bytes from ``at`` on as a number, byte by byte."""
    word = np.uint64(0)
    for b in range(hi - at):
        word |= np.uint64(data[np.uint64(at + b)]) << np.uint64(8 * b)
    return word


@inlined
def _word_at(words: NDArray[np.uint64], at: int) -> np.uint64:
    """Return the eight bytes from ``at`` on as a number: two words as they lie, put together."""
    k, skip = np.uint64(at >> 3), np.uint64((at & 7) * 8)
    # shifted twice, since a shift by 64 is none
    high = (words[k + np.uint64(1)] << (np.uint64(63) - skip)) << np.uint64(1)
    return np.uint64((words[k] >> skip) | high)


@inlined
def _mixed(h: np.uint64, word: np.uint64) -> np.uint64:
    h = (h ^ word) * _MIX1
    return np.uint64(h ^ (h >> np.uint64(31)))


@kernel
def hash_strings(
    offsets: NDArray[np.int64],
    data: NDArray[np.uint8],
    words: NDArray[np.uint64],
    keys: NDArray[np.int64],
    padded: NDArray[np.uint64],
    starts: NDArray[np.int64],
) -> None:
    """Hash strings, and lay each out from a whole word on, filled up with zeros.

    Parameters
    ----------
    offsets, data : int64[n + 1], uint8
        The strings, as Arrow lays out a large string array.
    words : uint64
        The same bytes, eight at a time, little end first, as far as they go.
    keys : int64[n]
        Filled with hashes; the length goes in.
    padded : uint64[enough: bytes / 8 + n]
        Filled with the strings.
    starts : int64[n + 1]
        Filled: where each begins in ``padded``, and the end.

    Notes
    -----
    O(bytes), a word at a time but for the last bytes of the data.
    """
    k = np.uint64(0)
    safe = 8 * (words.size - 1)  # from there on a word would be read beyond the end
    for i in range(offsets.size - 1):
        at, hi = offsets[i], offsets[i + 1]
        h = np.uint64(hi - at) * _MIX2
        starts[i] = k
        while at < hi:
            left = hi - at
            if at < safe:
                word = _word_at(words, at)
                if left < 8:
                    word &= (np.uint64(1) << np.uint64(8 * left)) - np.uint64(1)
            else:
                word = _last_word(data, at, min(hi, at + 8))
            padded[k] = word
            k += np.uint64(1)
            h = _mixed(h, word)
            at += 8
        keys[i] = np.int64(h)
    starts[offsets.size - 1] = k


@kernel
def encode_strings(
    keys: NDArray[np.int64],
    padded: NDArray[np.uint64],
    begins: NDArray[np.int64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int64],
    shift: np.uint64,
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    arena: NDArray[np.uint64],
    n_ids: int,
    codes: NDArray[np.int32],
    start: int,
) -> tuple[int, int]:
    """Give each string its code; unseen strings are copied into the arena and get the next codes.

    Parameters
    ----------
    keys, padded, begins : int64[n], uint64, int64[n + 1]
        As :func:`hash_strings` makes them (``begins`` are its ``starts``).
    offsets : int64[n + 1]
        Whose differences are the strings' lengths in bytes.
    slots, shift
        The table, as in :func:`encode_ints`; its keys are hashes, and equal hashes are told apart by bytes.
    starts, sizes : int64[at least 2**k / 2 + 1], int64[at least 2**k / 2]
        Where in the arena the string of each code begins, and where the next one will; its bytes. Changed.
    arena : uint64[enough for all new strings]
        The strings of the codes so far, laid out as in ``padded``; changed.
    n_ids, codes, start
        As in :func:`encode_ints`.

    Returns
    -------
    (done, n_ids)
        ``done < n`` when the table has to grow first.

    Notes
    -----
    Three cache lines a string: its slot, asked for ahead of its use, its length and its bytes.
    """
    n = keys.size
    mask = slots.shape[0] - 1
    room = slots.shape[0] // 2
    for i in range(start, n):
        if i + _AHEAD < n:
            prefetch(slots, _slot_of(keys[i + _AHEAD], shift))
        key, size, lo = keys[i], offsets[i + 1] - offsets[i], begins[i]
        n_words = begins[i + 1] - lo
        slot = _slot_of(key, shift)
        while slots[slot, 1] != 0:
            if slots[slot, 0] == key:
                code = np.uint64(slots[slot, 1] - 1)
                same, at = sizes[code] == size, starts[code]
                if same:
                    for k in range(n_words):
                        same &= arena[np.uint64(at + k)] == padded[np.uint64(lo + k)]
                    if same:
                        break
            slot = (slot + 1) & mask
        if slots[slot, 1] == 0:
            if n_ids >= room:
                return i, n_ids
            slots[slot, 0] = key
            slots[slot, 1] = n_ids + 1
            at = starts[n_ids]
            for k in range(n_words):
                arena[at + k] = padded[lo + k]
            starts[n_ids + 1] = at + n_words
            sizes[n_ids] = size
            n_ids += 1
        codes[i] = slots[slot, 1] - 1
    return n, n_ids


@kernel
def unpack_strings(
    arena: NDArray[np.uint64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the strings of an arena one after the other.

    Parameters
    ----------
    arena, starts, sizes
        As in :func:`encode_strings`.
    offsets : int64[strings + 1]
        Where each begins in ``out``, and the end.
    out : uint8[offsets[-1]]
        Filled. O(bytes).
    """
    for i in range(offsets.size - 1):
        for b in range(sizes[i]):
            word = arena[starts[i] + (b >> 3)]
            out[offsets[i] + b] = np.uint8((word >> np.uint64((b & 7) * 8)) & np.uint64(255))
