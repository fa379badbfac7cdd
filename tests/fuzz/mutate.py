"""Changes to good files: what disks, networks, hands and the ill-willed do to them."""

from __future__ import annotations

import json
import random
import re
import struct
from typing import Any

__all__ = ["mutated"]

_NUMBERS = [0, 1, -1, 2**31 - 1, -(2**31), 2**32 - 1, 2**63 - 1, -(2**63), 255, 65_535]
_WORDS = [
    b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\r\n", b"\n", b'"', b",", b"NaN", b"inf", b"-0", b"1e999", b"null",
    b"9" * 30, b"[" * 50, b"{}", b"\xf0\x9d\x84\x9e", b"\xed\xa0\x80", b"2021-02-30T25:61:61+99:99",
    b"0001-01-01T00:00:00Z",
    b"9999-12-31T23:59:60Z", b"\xe2\x80\xa8", b"=1+1", b"type", b"Infinity", b"\t", b";", b"|", b"PAR1", b"ARROW1",
]  # fmt: skip


#: what stands in a field, or in a place of JSON, where something else is expected
_FIELDS = [
    "", "0", "-1", "NaN", "inf", "1e999", "9" * 30, "0" * 400, "nobody", "\u00e9\U0001d11e", '"', '"a,b"', "=1+1",
    "null", "true", "2021-11-01", "2021-02-30T25:61:61+99:99", "0001-01-01T00:00:00Z", "9999-12-31T23:59:60Z",
    "2021-11-01T08:00:00", "180.0000001", "-90", "1,5", " 7 ", "0x10", "1_000", "+8613800138000", "\u0661\u0662",
    "20211020000002", "99999999999999",
]  # fmt: skip
_VALUES: list[Any] = [
    None, True, 0, -1, 1e308, 10**40, "", "x", [], {}, [[]], [None], [[1, 2]], [1e400, 0], {"type": []},
    {"type": "Feature"}, {"type": "Point", "coordinates": []}, {"type": "FeatureCollection", "features": {}},
    {"name": [1]}, [[[0, 0], [1, 1]]],
]  # fmt: skip


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    """Return a file with one to eight changes: of bytes, or of fields where it is a table or JSON."""
    data = bytearray(rng.choice(seeds))
    if rng.random() < 0.5:
        data = bytearray(_fields_changed(rng, bytes(data)))
        if rng.random() < 0.7:
            return bytes(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        _change(rng, data, seeds)
    return bytes(data[: 1 << 20])


def _fields_changed(rng: random.Random, data: bytes) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data
    if text.startswith("{") and text.count("\n") < 2:
        try:
            return json.dumps(_replaced(rng, json.loads(text))).encode()
        except ValueError:
            return data
    rows = [re.split(r"([,;])", line) for line in text.split("\n")]
    for _ in range(rng.choice([1, 1, 2, 4])):
        row = rng.choice(rows)
        row[rng.randrange(0, len(row), 2)] = rng.choice(_FIELDS)
    return "\n".join("".join(row) for row in rows).encode()


def _replaced(rng: random.Random, value: Any) -> Any:
    """Return JSON with one value, at any depth, replaced."""
    if isinstance(value, (dict, list)) and value and rng.random() < 0.8:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        value[key] = _replaced(rng, value[key])
        return value
    return rng.choice(_VALUES)


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
