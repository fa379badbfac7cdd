"""Flip bits of a store's files, one at a time, and read everything: it is refused, or it is what it was.

``python -m tests.store.flips --flips 10000 --out docs/store-durability.json``
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.store import acts, record, stops

BAD = ("other", "undocumented", "crashed")
CHUNK = 250
#: how often the files of a kind are flipped
WEIGHTS = {"data": 12, "manifest.sqlite": 12}


def places(root: Path) -> dict[str, list[Path]]:
    """Return the files of a store by kind: those of a kind are flipped as often as those of another."""
    found: dict[str, list[Path]] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.stat().st_size):
        kind = "data" if path.suffix == ".parquet" else path.name if path.parent == root else path.parent.name
        found.setdefault(kind, []).append(path)
    return found


def flip(path: Path, at: int, bit: int) -> None:
    """Flip one bit of a file in place."""
    fd = os.open(path, os.O_RDWR)
    try:
        byte = os.pread(fd, 1, at)[0] ^ (1 << bit)
        os.pwrite(fd, bytes([byte]), at)
    finally:
        os.close(fd)


def somewhere(path: Path, rng: random.Random) -> int:
    """Return a place in a file: half of them where something is written, a manifest is mostly noughts."""
    data = path.read_bytes()
    for _ in range(1000 * rng.randrange(2)):
        at = rng.randrange(len(data))
        if data[at]:
            return at
    return rng.randrange(len(data))


def read_all(state: Callable[[Path], Any], root: Path) -> Any:
    """Return what a store answers, or the name of the documented error that it gives."""
    from cotrace.errors import StoreError

    try:
        return state(root)
    except StoreError as error:
        return f"refused: {type(error).__name__}"


def _outcome(kind: str, state: Callable[[Path], Any], root: Path, good: Any) -> Counter[str]:
    try:
        found = read_all(state, root)
    except Exception as error:
        print(f"{kind}: {type(error).__name__}: {error}", file=sys.stderr)
        return Counter({"undocumented": 1, f"{kind}: undocumented": 1})
    if isinstance(found, str) and found.startswith("refused"):
        return Counter({"refused": 1, f"{kind}: {found}": 1})
    word = "equal" if found == good else "other"
    return Counter({word: 1, f"{kind}: {word}": 1})


def flips(state: Callable[[Path], Any], root: Path, number: int, seed: Any) -> Counter[str]:
    """Flip so many bits of a store, each by itself; what SQLite does to the files is undone too."""
    rng = random.Random(seed)
    good = state(root)
    files = places(root)
    manifest = (root / "manifest.sqlite").read_bytes()
    found: Counter[str] = Counter()
    for _ in range(number):
        kind = rng.choices(sorted(files), [WEIGHTS.get(kind, 1) for kind in sorted(files)])[0]
        path = rng.choice(files[kind])
        at, bit = somewhere(path, rng), rng.randrange(8)
        flip(path, at, bit)
        found["flips"] += 1
        found[f"{kind}: flips"] += 1
        found.update(_outcome(kind, state, root, good))
        if kind == "manifest.sqlite":
            for more in root.glob("manifest.sqlite-*"):
                more.unlink()
            (root / "manifest.sqlite").write_bytes(manifest)
        else:
            flip(path, at, bit)
    assert state(root) == good
    return found


def pairs(state: Callable[[Path], Any], root: Path, number: int, seed: Any) -> Counter[str]:
    """Flip a bit of the manifest and then write to the store: what is read after that is whole, or refused."""
    from cotrace.errors import StoreError

    rng = random.Random(seed)
    before = root.with_name("flipped")
    found: Counter[str] = Counter()
    good = root.with_name("good")
    shutil.copytree(root, good)
    acts.ingest(good)
    after = state(good)
    shutil.rmtree(good)
    for _ in range(number):
        shutil.copytree(root, before)
        path = before / "manifest.sqlite"
        flip(path, somewhere(path, rng), rng.randrange(8))
        found["flips"] += 1
        try:
            acts.ingest(before)
            word = "equal" if state(before) == after else "other"
        except StoreError:
            word = "refused"
        found[word] += 1
        shutil.rmtree(before)
    return found


def many(
    one: Callable[..., Counter[str]], state: Callable[[Path], Any], root: Path, number: int, seed: int
) -> Counter[str]:
    """Do so many in children: a flip that brings a process down is found, too."""
    found: Counter[str] = Counter()
    for chunk in range(0, number, CHUNK):
        copy = root.with_name("chunk")
        shutil.copytree(root, copy)
        try:
            some = min(CHUNK, number - chunk)
            found.update(stops.forked(lambda c=copy, s=some, k=chunk: one(state, c, s, f"{seed} {k}"), 600))  # type: ignore[misc]
        except stops.ChildError as error:
            print(error, file=sys.stderr)
            found["crashed"] += 1
        shutil.rmtree(root.with_name("flipped"), ignore_errors=True)
        shutil.rmtree(copy)
        record.told(chunk // CHUNK, number // CHUNK)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=10_000, help="of all stores together")
    parser.add_argument(
        "--writes", type=int, default=1_000, help="flips of the manifest that are followed by an ingest"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--where", help="a folder to work in")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    acts.warmed()
    bad = 0
    with tempfile.TemporaryDirectory(dir=given.where) as where:
        start = time.time()
        found = {}
        worlds = acts.worlds()
        for name, prepare, state in worlds:
            root = Path(where) / name
            stops.forked(lambda p=prepare, r=root: p(r))  # type: ignore[misc]
            found[name] = many(flips, state, root, given.flips // len(worlds), given.seed)
        section = record.of_counts("flipped bits", found, BAD, start, seed=given.seed)
        bad += record.put(given.out, "flipped_bits", section)
        start = time.time()
        root = Path(where) / "written"
        stops.forked(lambda: acts.prepare(root))
        written = {"ledger": many(pairs, acts.state, root, given.writes, given.seed)}
        section = record.of_counts(
            "flipped bits of the manifest, then an ingest", written, BAD, start, seed=given.seed
        )
        bad += record.put(given.out, "flipped_then_written", section)
    return 1 if bad else 0


if __name__ == "__main__":
    stops.leave(main())
