"""Look-ups in a snapshot of codes: a directory of buckets, and records of whole words behind it.

A record is a head, the id filled up to whole words, and steps. The head holds the bytes of the id (16 bits), the number
of steps (16 bits) and a check over everything else (32 bits); a step holds the second from which it counts (32 bits),
the colour (2 bits) and the number of the reason (12 bits). An entry of the directory holds the word at which a bucket
begins (34 bits), its records (6 bits) and a check over both (24 bits). Every record and entry that is read is checked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel, prefetch

__all__ = ["check_records", "hash_words", "look_up", "place_records"]

_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_FAR, _NEAR = 24, 10
_S6, _S16, _S31, _S32, _S34, _S40 = (np.uint64(n) for n in (6, 16, 31, 32, 34, 40))
_LOW6, _LOW16, _LOW32, _LOW34, _LOW40 = (np.uint64(2**n - 1) for n in (6, 16, 32, 34, 40))
_ONE = np.uint64(1)


@inlined
def _mixed(h: np.uint64, word: np.uint64) -> np.uint64:
    h = (h ^ word) * _MIX1
    h = (h ^ (h >> _S31)) * _MIX2
    return np.uint64(h ^ (h >> _S31))


@inlined
def _bucket_of(h: np.uint64, n_buckets: np.uint64) -> np.uint64:
    """Return the bucket of a hash: its high half, scaled to the number of buckets."""
    return np.uint64(((h >> _S32) * n_buckets) >> _S32)


@inlined
def _entry_check(entry: np.uint64, bucket: np.uint64, seed: np.uint64) -> np.uint64:
    return np.uint64(_mixed(_mixed(seed, bucket), entry & _LOW40) >> _S40)


@kernel
def hash_words(
    words: NDArray[np.uint64],
    begins: NDArray[np.int64],
    sizes: NDArray[np.int64],
    seed: np.uint64,
    out: NDArray[np.uint64],
) -> None:
    """Hash ids that are laid out in whole words, filled up with zeros; the length goes in.

    Parameters
    ----------
    words : uint64
        The ids, eight bytes at a time, little end first.
    begins : int64[n + 1]
        Where each begins in ``words``, and the end.
    sizes : int64[n]
        Their bytes.
    seed : uint64
        Of the snapshot.
    out : uint64[n]
        Filled. O(words).
    """
    for i in range(sizes.size):
        h = _mixed(seed, np.uint64(sizes[i]))
        for k in range(begins[i], begins[i + 1]):
            h = _mixed(h, words[k])
        out[i] = h


@kernel
def place_records(
    order: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    words: NDArray[np.uint64],
    begins: NDArray[np.int64],
    sizes: NDArray[np.int64],
    steps: NDArray[np.uint64],
    step_lo: NDArray[np.int64],
    seed: np.uint64,
    directory: NDArray[np.uint64],
    records: NDArray[np.uint64],
) -> int:
    """Write the directory and the records of a snapshot.

    Parameters
    ----------
    order : int64[n]
        Numbers of the ids in ascending order of their hashes.
    hashes, words, begins, sizes
        As in :func:`hash_words`, by number of the id.
    steps, step_lo : uint64, int64[n + 1]
        The steps of each id one after the other, and where they begin.
    seed : uint64
        Of the snapshot.
    directory : uint64[buckets]
        Filled.
    records : uint64[n + words of ids + steps]
        Filled.

    Returns
    -------
    int
        0; or 1 + the number of an id that is there twice; or -1 when a bucket has too many records. O(words).
    """
    n_buckets = np.uint64(directory.size)
    at, i = 0, 0
    for b in range(directory.size):
        bucket, first, n, lo = np.uint64(b), i, 0, at
        while i < order.size and _bucket_of(hashes[order[i]], n_buckets) == bucket:
            one = order[i]
            if i + _FAR < order.size:
                ahead = order[i + _FAR]
                prefetch(hashes, ahead)
                prefetch(begins, ahead)
                prefetch(sizes, ahead)
                prefetch(step_lo, ahead)
                ahead = order[i + _NEAR]
                prefetch(words, begins[ahead])
                prefetch(steps, step_lo[ahead])
            for j in range(first, i):
                other = order[j]
                if hashes[other] == hashes[one] and sizes[other] == sizes[one]:
                    same = True
                    for k in range(begins[one + 1] - begins[one]):
                        same &= words[begins[one] + k] == words[begins[other] + k]
                    if same:
                        return int(one + 1)
            n_steps = step_lo[one + 1] - step_lo[one]
            low = np.uint64(sizes[one]) | (np.uint64(n_steps) << _S16)
            check = _mixed(hashes[one], low)
            put = at + 1
            for k in range(begins[one], begins[one + 1]):
                records[put] = words[k]
                put += 1
            for k in range(step_lo[one], step_lo[one + 1]):
                records[put] = steps[k]
                check = _mixed(check, steps[k])
                put += 1
            records[at] = low | ((check & _LOW32) << _S32)
            at, n, i = put, n + 1, i + 1
        if n > 63:
            return -1
        entry = np.uint64(lo) | (np.uint64(n) << _S34)
        directory[b] = entry | (_entry_check(entry, bucket, seed) << _S40)
    return 0


@kernel
def look_up(
    directory: NDArray[np.uint64],
    records: NDArray[np.uint64],
    seed: np.uint64,
    words: NDArray[np.uint64],
    begins: NDArray[np.int64],
    sizes: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    at: int,
    out: NDArray[np.uint64],
) -> int:
    """Look ids up.

    Parameters
    ----------
    directory, records : uint64
        Of the snapshot.
    seed : uint64
        Of the snapshot.
    words, begins, sizes, hashes
        The ids, as :func:`hash_words` takes and fills them.
    at : int
        The second that is asked about.
    out : uint64[n, 2]
        Filled: the step that counts then, and the second at which the next one does. Both 0 for an id that is not
        there; the second 0 where no other follows.

    Returns
    -------
    int
        0; or 1 + the number of an id whose bucket is damaged: nothing in ``out`` is to be used then.

    Notes
    -----
    Two cache lines a look-up, asked for ahead of their use.
    """
    n, n_buckets = sizes.size, np.uint64(directory.size)
    end = records.size
    for i in range(n):
        if i + _FAR < n:
            prefetch(directory, int(np.int64(_bucket_of(hashes[i + _FAR], n_buckets))))
        if i + _NEAR < n:
            ahead = int(np.int64(directory[_bucket_of(hashes[i + _NEAR], n_buckets)] & _LOW34))
            if ahead < end:
                prefetch(records, ahead)
        bucket = _bucket_of(hashes[i], n_buckets)
        entry = directory[bucket]
        if _entry_check(entry, bucket, seed) != entry >> _S40:
            return i + 1
        lo = np.int64(entry & _LOW34)
        out[i, 0] = 0
        out[i, 1] = 0
        for _ in range(np.int64((entry >> _S34) & _LOW6)):
            if lo >= end:
                return i + 1
            head = records[lo]
            size, n_steps = np.int64(head & _LOW16), np.int64((head >> _S16) & _LOW16)
            n_words = (size + 7) >> 3
            if lo + 1 + n_words + n_steps > end:
                return i + 1
            h = _mixed(seed, np.uint64(size))
            same = size == sizes[i]
            for k in range(n_words):
                word = records[lo + 1 + k]
                h = _mixed(h, word)
                if same:
                    same = word == words[begins[i] + k]
            h = _mixed(h, head & _LOW32)
            lo += 1 + n_words
            for k in range(n_steps):
                step = records[lo + k]
                h = _mixed(h, step)
                if same:
                    second = np.int64(step & _LOW32)
                    if k == 0 or second <= at:
                        out[i, 0] = step
                    elif out[i, 1] == 0:
                        out[i, 1] = np.uint64(second)
            if h & _LOW32 != head >> _S32:
                return i + 1
            if same:
                break
            lo += n_steps
    return 0


@kernel
def check_records(
    directory: NDArray[np.uint64], records: NDArray[np.uint64], seed: np.uint64
) -> tuple[int, int]:
    """Check every entry and every record of a snapshot.

    Parameters
    ----------
    directory, records, seed
        Of the snapshot.

    Returns
    -------
    (damaged, devices)
        Buckets that are damaged, out of their place included; and records in the others. O(words).
    """
    damaged, devices, expected = 0, 0, 0
    n_buckets, end = np.uint64(directory.size), records.size
    for b in range(directory.size):
        bucket = np.uint64(b)
        entry = directory[b]
        lo, n = int(np.int64(entry & _LOW34)), int(np.int64((entry >> _S34) & _LOW6))
        good = _entry_check(entry, bucket, seed) == entry >> _S40 and (lo == expected or damaged > 0)
        for _ in range(n):
            if good and lo < end:
                head = records[lo]
                n_words = (int(np.int64(head & _LOW16)) + 7) >> 3
                n_steps = int(np.int64((head >> _S16) & _LOW16))
                if lo + 1 + n_words + n_steps > end:
                    good = False
                else:
                    h = _mixed(seed, head & _LOW16)
                    for k in range(lo + 1, lo + 1 + n_words):
                        h = _mixed(h, records[k])
                    good = _bucket_of(h, n_buckets) == bucket
                    h = _mixed(h, head & _LOW32)
                    for k in range(lo + 1 + n_words, lo + 1 + n_words + n_steps):
                        h = _mixed(h, records[k])
                    good &= h & _LOW32 == head >> _S32
                    lo += 1 + n_words + n_steps
            else:
                good = False
        if good:
            devices += n
            expected = lo
        else:
            damaged += 1
    if damaged == 0 and expected != end:
        damaged = 1
    return damaged, devices
