"""Look-ups: a snapshot of codes mapped into memory, shared by every process that reads it."""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.codes.book import Code
from cotrace.codes.machine import COLOURS
from cotrace.codes.snapshot import head_of, lay_out
from cotrace.errors import CotraceTypeError, SnapshotDamagedError, SnapshotError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Answers", "Snapshot"]

_MASK = 2**64 - 1
_MIX1, _MIX2 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_UNKNOWN = Code("unknown", "", None, None)
_NOTE = "candidates from co-location; decisions are people's"
_DAMAGED = (
    "a part of the snapshot is damaged, and what was asked lies in it: nothing was answered. Write it again, or take "
    "the one before"
)


@dataclass(frozen=True)
class Answers:
    """What a batch of look-ups gave, all of it from one version.

    Parameters
    ----------
    version : str
        Digest of the snapshot that answered.
    at : int
        The instant asked about, unix seconds.
    """

    version: str
    at: int
    _found: NDArray[np.uint64]
    _reasons: tuple[str, ...]

    def __len__(self) -> int:
        return int(self._found.shape[0])

    def __repr__(self) -> str:
        counts = np.bincount(self.numbers, minlength=4).tolist()
        said = ", ".join(f"{n:,} {colour}" for colour, n in zip(COLOURS, counts, strict=True) if n)
        return f"<Answers: {said or 'none'}; {_NOTE}>"

    @cached_property
    def numbers(self) -> NDArray[np.uint8]:
        """The codes as numbers: 0 unknown, 1 green, 2 yellow, 3 red."""
        return ((self._found[:, 0] >> np.uint64(32)) & np.uint64(3)).astype(np.uint8)

    @property
    def colours(self) -> pa.Array:
        """The codes as words."""
        from cotrace.arrays import repeated

        return repeated(COLOURS, self.numbers)

    def __getitem__(self, i: int) -> Code:
        return _code(int(self._found[i, 0]), int(self._found[i, 1]), self._reasons)

    def to_arrow(self) -> pa.Table:
        """Return the columns ``code, reason, since, until``, in the order asked; null where nothing is known."""
        import pyarrow as pa

        from cotrace.arrays import repeated

        none = self._found[:, 0] == 0
        which = (self._found[:, 0] >> np.uint64(34)).astype(np.int64)
        utc = pa.timestamp("s", tz="UTC")
        since = pa.array((self._found[:, 0] & np.uint64(2**32 - 1)).astype(np.int64), pa.int64(), mask=none)
        until = pa.array(self._found[:, 1].astype(np.int64), pa.int64(), mask=self._found[:, 1] == 0)
        reasons = repeated(("", *self._reasons), np.where(none, 0, which + 1))
        columns = [self.colours, reasons, since.cast(utc), until.cast(utc)]
        return pa.table(columns, names=["code", "reason", "since", "until"])


class Snapshot:
    """One version of the codes, mapped into memory: it is opened at once, and checked where it is read.

    Parameters
    ----------
    path : str or Path
        What :func:`write_snapshot` wrote.

    Raises
    ------
    SnapshotError
        When it is no snapshot, or one of another version of this library.
    SnapshotDamagedError
        When its head or its length are not what was written.

    Notes
    -----
    Any number of threads and processes may read one; they share its pages. A file is never changed once it is
    written: another version is another file.
    """

    def __init__(self, path: str | Path) -> None:
        if sys.byteorder != "little":
            raise SnapshotError("snapshots are written and read on machines that store the little end first")
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not os.fstat(handle).st_size:
                raise SnapshotError("the file is empty: no snapshot of codes")
            data = mmap.mmap(handle, 0, prot=mmap.PROT_READ)
        finally:
            os.close(handle)
        self.head, start = head_of(data)
        self.version: str = self.head["digest"]
        self.as_of: int = self.head["as_of"]
        self._reasons = tuple(self.head["reasons"])
        self._seed = int(self.head["seed"], 16)
        self._kind: str = self.head["kind"]
        self._n: int = self.head["buckets"]
        whole = np.frombuffer(data, dtype=np.uint64, offset=start)
        self._directory, self._records = whole[: self._n], whole[self._n :]
        # plain integers out of the same memory, without an array scalar for each
        self._words = memoryview(data)[start:].cast("Q")

    def __len__(self) -> int:
        return int(self.head["devices"])

    def __repr__(self) -> str:
        counts = ", ".join(f"{n:,} {colour}" for colour, n in self.head["counts"].items() if n)
        return f"<Snapshot: {len(self):,} devices, {counts or 'none'}; {_NOTE}>"

    def one(self, device: int | str, at: int) -> Code:
        """Look one device up.

        Parameters
        ----------
        device : int or str
        at : int
            The instant that is asked about, unix seconds; not before ``as_of``. What ends until then has ended.

        Returns
        -------
        Code
            ``unknown`` for a device that is not in the snapshot.

        Raises
        ------
        CotraceTypeError
            For an id of another kind than the snapshot's.
        SnapshotError
            For an instant before the snapshot's.
        SnapshotDamagedError
            When what is asked lies in a damaged part.
        """
        if at < self.as_of:
            raise self._too_early()
        words, size = self._words_of(device)
        if not words and size:
            return _UNKNOWN
        own = _mixed_all(self._seed, (size, *words))
        bucket = ((own >> 32) * self._n) >> 32
        return self._in_bucket(bucket, words, size, at)

    def _words_of(self, device: int | str) -> tuple[list[int], int]:
        """Return an id as words, and its bytes; no words for a number that is none of the snapshot's."""
        if isinstance(device, str):
            if self._kind != "string":
                raise self._other_kind()
            text = device.encode()
            return [int.from_bytes(text[k : k + 8], "little") for k in range(0, len(text), 8)], len(text)
        if self._kind == "string" or isinstance(device, bool) or not hasattr(device, "__index__"):
            raise self._other_kind()
        low, high = (0, 2**64) if self._kind == "uint64" else (-(2**63), 2**63)
        return ([device.__index__() & _MASK] if low <= device < high else []), 8

    def _in_bucket(self, bucket: int, words: list[int], size: int, at: int) -> Code:
        memory, end = self._words, len(self._words)
        entry = memory[bucket]
        if _mixed_all(self._seed, (bucket, entry & 0xFFFFFFFFFF)) >> 40 != entry >> 40:
            raise SnapshotDamagedError(_DAMAGED)
        lo = self._n + (entry & 0x3FFFFFFFF)
        for _ in range((entry >> 34) & 63):
            if lo >= end:
                raise SnapshotDamagedError(_DAMAGED)
            head = memory[lo]
            length, n_steps = head & 0xFFFF, (head >> 16) & 0xFFFF
            steps_at = lo + 1 + ((length + 7) >> 3)
            if steps_at + n_steps > end:
                raise SnapshotDamagedError(_DAMAGED)
            id_words = memory[lo + 1 : steps_at].tolist()
            steps = memory[steps_at : steps_at + n_steps].tolist()
            own = _mixed_all(self._seed, (length, *id_words, head & 0xFFFFFFFF, *steps))
            if own & 0xFFFFFFFF != head >> 32:
                raise SnapshotDamagedError(_DAMAGED)
            if length == size and id_words == words:
                return _at(steps, at, self._reasons)
            lo = steps_at + n_steps
        return _UNKNOWN

    def many(self, devices: Any, at: int) -> Answers:
        """Look many devices up; all of them are answered, or none.

        Parameters
        ----------
        devices : array or list
            NumPy or Arrow integers, or strings (Arrow, or a list).
        at : int
            As in :meth:`one`.

        Raises
        ------
        CotraceTypeError, SnapshotError, SnapshotDamagedError
            As in :meth:`one`.
        """
        from cotrace.kernels.lookups import look_up

        if at < self.as_of:
            raise self._too_early()
        laid = lay_out(devices)
        if laid.sizes.size and laid.kind != self._kind:
            laid = self._matched(laid, devices)
        out = np.empty((laid.sizes.size, 2), dtype=np.uint64)
        asked = laid.words, laid.begins, laid.sizes, laid.hashes(self._seed)
        wrong = look_up(self._directory, self._records, np.uint64(self._seed), *asked, int(at), out)
        if wrong:
            raise SnapshotDamagedError(_DAMAGED)
        return Answers(self.version, int(at), out, self._reasons)

    def _matched(self, laid: Any, devices: Any) -> Any:
        """Return integers as the snapshot's kind of integers, where all of them are such."""
        if "string" in (laid.kind, self._kind):
            raise self._other_kind()
        if (laid.words >> np.uint64(63)).any():
            raise CotraceTypeError(f"some ids are outside {self._kind}, which the snapshot's ids are")
        return lay_out(laid.words.view(self._kind))

    def verify(self) -> None:
        """Read all of it and check every record, and the digest of the whole.

        Raises
        ------
        SnapshotDamagedError
            When it is not what was written; the message counts the damaged parts.
        """
        import hashlib

        from cotrace.kernels.lookups import check_records

        damaged, devices = check_records(self._directory, self._records, np.uint64(self._seed))
        digest = hashlib.blake2b(digest_size=32)
        digest.update(self._words)
        if damaged or devices != len(self) or digest.hexdigest() != self.version:
            raise SnapshotDamagedError(
                f"the snapshot is damaged: {damaged:,} of {self._n:,} buckets do not fit their checks. Write it "
                "again, or take the one before"
            )

    def _too_early(self) -> SnapshotError:
        return SnapshotError(
            "the snapshot is of a later instant than the one asked about: what held before is not in it; ask the book"
        )

    def _other_kind(self) -> CotraceTypeError:
        kind = "strings" if self._kind == "string" else f"{self._kind} integers"
        return CotraceTypeError(f"the snapshot's ids are {kind}: ask for ids of that kind")


def _mixed_all(h: int, words: tuple[int, ...]) -> int:
    """Mix words in, one after the other, as the kernels do."""
    for word in words:
        h = ((h ^ word) * _MIX1) & _MASK
        h = ((h ^ (h >> 31)) * _MIX2) & _MASK
        h ^= h >> 31
    return h


def _at(steps: list[int], at: int, reasons: tuple[str, ...]) -> Code:
    step, until = steps[0], 0
    for other in steps[1:]:
        second = other & 0xFFFFFFFF
        if second <= at:
            step = other
        else:
            until = second
            break
    return _code(step, until, reasons)


def _code(step: int, until: int, reasons: tuple[str, ...]) -> Code:
    if not step:
        return _UNKNOWN
    return Code(COLOURS[(step >> 32) & 3], reasons[step >> 34], step & 0xFFFFFFFF, until or None)
