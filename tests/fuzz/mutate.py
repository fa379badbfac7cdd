"""Changes to good files: what disks, networks, hands and the ill-willed do to them."""

from __future__ import annotations

import random
import struct

__all__ = ["mutated"]

_NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 255, 65_535]
_WORDS = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b'"', b",", b"NaN", b"inf", b"-0", b"1e999", b"null",
    b"9" * 30, b"[" * 50, b"{}", b"\xf0\x9d\x84\x9e", b"\xed\xa0\x80", b"2021-02-30T25:61:61+99:99",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:60Z", b"\xe2\x80\xa8", b"=1+1", b"type", b"Infinity", b"\t", b";", b"|", b"PAR1", b"ARROW1",
]  # fmt: skip


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Return a file with one to eight changes."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        _change(rng, data, seeds)
    return bytes(data[: 1 << 20])


def _change(rng: random.Random, data: bytearray, seeds: list[bytes]) -> None:
    at, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    kind = rng.randrange(9)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << rng.randrange(8)
    elif kind == 1 and data:
        data[at % len(data)] = rng.randrange(256)
    elif kind == 2:
        del data[at:end]
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        data[at:at] = data[at : min(end, at + 4096)]
    elif kind == 5:
        data[at:at] = rng.choice(_WORDS)
    elif kind == 6:
        data[at : at + rng.randrange(12)] = rng.choice(_WORDS)
    elif kind == 7:
        number = rng.choice(_NUMBERS)
        size = rng.choice([4, 8])
        data[at : at + size] = struct.pack("<q", number)[:size]
    else:
        other = rng.choice(seeds)
        begin = rng.randrange(len(other) + 1)
        data[at:end] = other[begin : begin + rng.randrange(64)]
