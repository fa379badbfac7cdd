"""A disk that loses its power: what it has to keep of a sequence of operations, and what it may drop.

Kept is what was fsynced: the bytes of a file by an fsync of the file, its name by an fsync of its folder. All else may
be there, in part, or not at all: of the bytes any writes, the last of them cut; of the names any changes. That is less
than usual file systems keep, which do it in order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: what a disk writes in one go
SECTOR = 512


@dataclass(frozen=True)
class Operation:
    letter: str
    path: str
    more: bytes
    data: bytes

    @property
    def number(self) -> int:
        return int.from_bytes(self.more, "little")


def operations(log: bytes) -> Iterator[Operation]:
    """Read what the shim wrote down."""
    at = 0

    def part() -> bytes:
        nonlocal at
        size = int.from_bytes(log[at : at + 8], "little")
        at += 8 + size
        return log[at - size : at]

    while at < len(log):
        letter = chr(log[at])
        at += 1
        path, more, data = part(), part(), part()
        yield Operation(letter, path.decode(), more, data)


@dataclass
class _File:
    kept: bytes = b""
    #: (place, bytes) of writes and (size, None) of cuts since the last fsync
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)

    def after(self, changes: list[tuple[int, bytes | None]]) -> bytes:
        data = bytearray(self.kept)
        for at, written in changes:
            if written is None:
                data = data[:at].ljust(at, b"\0")
            else:
                data = data.ljust(at, b"\0")
                data[at : at + len(written)] = written
        return bytes(data)


@dataclass
class _Name:
    """A change of names: ``node`` is at ``path`` from now on (None: nothing is), and no longer at ``was``."""

    path: str
    node: _File | None
    was: str | None = None
    folder: bool = False

    def in_folder(self, folder: str) -> bool:
        return folder in (_above(self.path), _above(self.was or self.path))


def _above(path: str) -> str:
    return path.rpartition("/")[0]


class Disk:
    """What is on a disk, and what is on its way there."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._now: dict[str, _File | None] = {}  # a folder is None
        self._kept: dict[str, _File | None] = {}
        self._pending: list[_Name] = []

    def do(self, op: Operation) -> None:
        """Do one operation."""
        if op.letter in "CD":
            self._named(_Name(op.path, _File() if op.letter == "C" else None, folder=op.letter == "D"))
        elif op.letter == "R":
            self._named(_Name(op.more.decode(), self._now[op.path], was=op.path))
        elif op.letter == "U":
            self._named(_Name(op.path, None))
        elif op.letter in "WT":
            node = self._node(op.path)
            if node is not None:
                node.pending.append((op.number, op.data if op.letter == "W" else None))
        elif op.letter == "S":
            self._synced(op.path)

    def _node(self, path: str) -> _File | None:
        return self._now.get(path)

    def _named(self, change: _Name) -> None:
        self._pending.append(change)
        _applied(self._now, change)

    def _synced(self, path: str) -> None:
        node = self._now.get(path)
        if node is not None:
            node.kept, node.pending = node.after(node.pending), []
            return
        for change in self._pending:
            if change.in_folder(path):
                _applied(self._kept, change)
        self._pending = [change for change in self._pending if not change.in_folder(path)]

    def crashed(self, rng: random.Random) -> dict[str, bytes | None]:
        """Return what may be there after a loss of power now: bytes by path, None: a folder."""
        names = dict(self._kept)
        share = rng.choice([0.0, 0.5, 0.5, 1.0])
        for change in self._pending:
            if rng.random() < share:
                _applied(names, change)
        found: dict[str, bytes | None] = {}
        for path, node in names.items():
            if path != self.root and not self._reached(path, names):
                continue
            found[path] = None if node is None else node.after(_survivors(node.pending, rng))
        return found

    def _reached(self, path: str, names: dict[str, _File | None]) -> bool:
        above = _above(path)
        while above != self.root:
            if above not in names:
                return False
            above = _above(above)
        return True


def _applied(names: dict[str, _File | None], change: _Name) -> None:
    if change.was is not None:
        names.pop(change.was, None)
    if change.node is None and not change.folder:
        names.pop(change.path, None)
    else:
        names[change.path] = change.node


def _survivors(pending: list[tuple[int, bytes | None]], rng: random.Random) -> list[tuple[int, bytes | None]]:
    """Return what reaches the disk of writes that were not fsynced: a beginning, or any of them, the last cut."""
    if rng.random() < 0.5:
        kept = pending[: rng.randint(0, len(pending))]
    else:
        kept = [change for change in pending if rng.random() < 0.5]
    if kept and kept[-1][1] and rng.random() < 0.5:
        at, data = kept[-1]
        size = rng.randrange(0, len(data) + 1)
        kept[-1] = (at, data[: size // SECTOR * SECTOR])
    return kept


def put(found: dict[str, bytes | None], root: str, to: Path) -> None:
    """Make folders and files of what is on a disk."""
    to.mkdir(mode=0o700)
    for path, data in sorted(found.items()):
        if path == root:
            continue
        at = to / path.removeprefix(root).lstrip("/")
        if data is None:
            at.mkdir(mode=0o700, exist_ok=True)
        else:
            at.parent.mkdir(mode=0o700, exist_ok=True)
            at.write_bytes(data)
            at.chmod(0o600)
