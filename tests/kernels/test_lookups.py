"""Look-ups against a plain dict: compiled, and again as plain Python; and what flipped bits do."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cotrace import codes
from cotrace.codes.machine import COLOURS
from cotrace.errors import SnapshotDamagedError, SnapshotError

AT = 1_635_868_800


def ids(kind: str, n: int, rng: random.Random) -> list[Any]:
    if kind == "string":
        words = {
            "",
            "é",
            "1" * 7,
            "1" * 8,
            "1" * 9,
            *(f"{rng.getrandbits(rng.choice((4, 60, 130))):x}" for _ in range(n)),
        }
        return sorted(words)
    low, high = (0, 2**64) if kind == "uint64" else (-(2**63), 2**63)
    return sorted({low, high - 1, 0, *(rng.randrange(low, high) >> rng.choice((0, 50)) for _ in range(n))})


def made(
    kind: str, n: int, seed: int
) -> tuple[list[Any], dict[str, Any], dict[Any, list[tuple[int, str, str]]]]:
    """Return devices, the columns of their codes, and the same as a plain dict of steps."""
    rng = random.Random(seed)
    devices = ids(kind, n, rng)
    rng.shuffle(devices)
    known, plain = devices[: len(devices) // 2], {}
    columns: dict[str, list[Any]] = {
        name: [] for name in ("code", "reason", "since", "until", "then_code", "then_reason")
    }
    for device in known:
        since, until = AT - rng.randrange(99), rng.choice([None, AT + rng.randrange(1, 50)])
        row = [rng.choice(COLOURS), rng.choice("abc"), since, until, rng.choice(COLOURS), rng.choice("bcd")]
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
        plain[device] = [(since, row[0], row[1]), *([] if until is None else [(until, row[4], row[5])])]
    arrow = pa.array(known, {"string": pa.large_string(), "uint64": pa.uint64(), "int64": pa.int64()}[kind])
    return devices, {"device": arrow, **columns, "until": pa.array(columns["until"], pa.int64())}, plain


def expected(plain: dict[Any, Any], device: Any, at: int) -> tuple[Any, ...]:
    if device not in plain:
        return ("unknown", "", None, None)
    steps = plain[device]
    if len(steps) == 2 and steps[1][0] <= at:
        return (*steps[1][1:], steps[1][0], None)
    return (*steps[0][1:], steps[0][0], steps[1][0] if len(steps) == 2 else None)


@pytest.mark.parametrize("kind", ["int64", "uint64", "string"])
@pytest.mark.parametrize("n", [0, 1, 60, 500])
def test_as_a_dict_says(kind: str, n: int, tmp_path: Path) -> None:
    devices, columns, plain = made(kind, n, n)
    head = codes.write_snapshot(tmp_path / "s", columns, at=AT)
    snapshot = codes.Snapshot(tmp_path / "s")
    snapshot.verify()
    assert len(snapshot) == head["devices"] == len(plain)
    asked = pa.array(devices, columns["device"].type)
    for at in (AT, AT + 25, AT + 50):
        want = [expected(plain, device, at) for device in devices]
        found = snapshot.many(asked, at)
        assert [tuple(found[i]) for i in range(len(found))] == want
        assert [tuple(snapshot.one(device, at)) for device in devices] == want
        rows = found.to_arrow()
        assert rows["code"].to_pylist() == [w[0] for w in want]
        assert rows["reason"].to_pylist() == [w[1] for w in want]
        assert [t and int(t.timestamp()) for t in rows["until"].to_pylist()] == [w[3] for w in want]


def test_a_wrong_device_never_matches(tmp_path: Path) -> None:
    """Whoever differs in one bit, one byte more or in kind is not there."""
    devices = [f"{n:022d}" for n in range(40)]
    rows = {"device": devices, "code": ["red"] * 40, "reason": ["x"] * 40, "since": [AT] * 40}
    codes.write_snapshot(tmp_path / "s", rows, at=AT)
    snapshot = codes.Snapshot(tmp_path / "s")
    near = [device[:k] + chr(ord(device[k]) ^ 1) + device[k + 1 :] for device in devices for k in range(22)]
    near = [d for d in near if d not in devices]
    near += [d + "\0" for d in devices] + [d[:-1] for d in devices] + ["", "\0"]
    assert set(snapshot.many(near, AT).colours.to_pylist()) == {"unknown"}
    assert {snapshot.one(d, AT).colour for d in near} == {"unknown"}


def flipped(kind: str, folder: Path, flips: int) -> tuple[int, int]:
    """Flip single bits of a snapshot; return how often it was refused, and how many answers were right."""
    devices, columns, plain = made(kind, 40, 3)
    codes.write_snapshot(folder / "s", columns, at=AT)
    data, path, rng = bytearray((folder / "s").read_bytes()), folder / "t", random.Random(1)
    want = [expected(plain, device, AT) for device in devices]
    asked = pa.array(devices, columns["device"].type)
    refused = right = 0
    for number in range(flips):
        bit = rng.randrange(8 * 400) if number % 8 == 0 else rng.randrange(8 * 4096, 8 * len(data))
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(data))
        data[bit // 8] ^= 1 << bit % 8
        try:
            snapshot = codes.Snapshot(path)
        except SnapshotError:
            refused += 1
            continue
        for device, answer in zip(devices, want, strict=True):
            try:
                assert tuple(snapshot.one(device, AT)) == answer
                right += 1
            except SnapshotDamagedError:
                refused += 1
        try:
            found = snapshot.many(asked, AT)
            assert [tuple(found[i]) for i in range(len(found))] == want
            right += len(want)
        except SnapshotDamagedError:
            refused += 1
        with pytest.raises(SnapshotDamagedError):
            snapshot.verify()
    return refused, right


@pytest.mark.parametrize("kind", ["int64", "string"])
def test_flipped_bits_give_no_other_answer(kind: str, tmp_path: Path) -> None:
    """An answer is the right one, or an error that says that the snapshot is damaged."""
    refused, right = flipped(kind, tmp_path, 250)
    assert refused > 250
    assert right > 250


def test_ids_in_slices_and_of_every_width(tmp_path: Path) -> None:
    rows = {"device": np.arange(9), "code": ["green"] * 9, "reason": ["x"] * 9, "since": [AT] * 9}
    codes.write_snapshot(tmp_path / "s", rows, at=AT)
    snapshot = codes.Snapshot(tmp_path / "s")
    for asked in (
        np.arange(3, dtype=np.int32),
        np.arange(6)[::2],
        pa.array([7, 8, 2]).slice(1),
        [1, 2],
        range(3),
    ):
        assert set(snapshot.many(asked, AT).colours.to_pylist()) == {"green"}
    assert len(snapshot.many([], AT)) == 0
