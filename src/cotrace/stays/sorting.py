"""Pings in any order, put into the order of time: in memory while they fit, else on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["TimeSorter", "memory_for_sorting"]

#: pings of 2**15 s (9.1 hours) are sorted together
_BUCKET_BITS = 15
_BATCH = 1 << 17
#: where the system does not say what is available
_DEFAULT = 4 << 30


def memory_for_sorting() -> int:
    """Return how many bytes may be held for sorting: half of the memory that is available now."""
    available = [_DEFAULT]
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        # in a container the limit of its group counts, not what the host has
        available.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):
        pass
    return min(available or [_DEFAULT]) // 2


class TimeSorter:
    """Takes encoded pings in any order, and gives them back by time.

    Parameters
    ----------
    limit : int
        Bytes to hold; above, everything held goes to files in the folder for temporary files.

    Notes
    -----
    12 bytes a ping in memory or on disk, and 36 a ping of one bucket (9.1 hours) while it is sorted: a bucket is
    held whole, whatever the limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._buckets: dict[int, list[NDArray[np.int32]]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._spilled: set[int] = set()

    @property
    def order(self) -> str:
        """Where the pings were sorted, in words."""
        return "sorted on disk" if self._folder else "sorted in memory"

    def append(self, devices: NDArray[np.int32], times: NDArray[np.int32], cells: NDArray[np.int32]) -> None:
        """Take a batch of pings; rows with a negative cell are left out."""
        rows = np.stack([devices, times, cells], axis=1)
        if (cells < 0).any():
            rows = rows[cells >= 0]
        if not rows.size:
            return
        # 32 - 15 bits and a sign: they fit into 18; numpy sorts 16-bit integers by radix, which the usual span allows
        bucket = rows[:, 1] >> _BUCKET_BITS
        small = bucket.astype(np.int16) if np.abs(bucket).max() < 1 << 15 else bucket
        order = np.argsort(small, kind="stable")
        rows, bucket = rows[order], bucket[order]
        edges = np.flatnonzero(np.diff(bucket)) + 1
        for part in np.split(rows, edges):
            self._buckets.setdefault(int(part[0, 1] >> _BUCKET_BITS), []).append(part)
        self._held += rows.nbytes
        if self._held > self._limit:
            self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="cotrace-sort-")
        for bucket, parts in self._buckets.items():
            with self._file(bucket).open("ab") as file:
                for part in parts:
                    file.write(part.tobytes())
            self._spilled.add(bucket)
        self._buckets.clear()
        self._held = 0

    def _file(self, bucket: int) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / f"{bucket}.pings"

    def batches(self) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]]:
        """Give all pings back in the order of time: devices, times, cells. Uses the sorter up."""
        try:
            for bucket in sorted(self._spilled | self._buckets.keys()):
                rows = self._bucket(bucket)
                order = np.argsort(rows[:, 1])  # the order within a second does not matter
                for at in range(0, order.size, _BATCH):
                    part = rows[order[at : at + _BATCH]]
                    devices, times, cells = (np.ascontiguousarray(part[:, k]) for k in range(3))
                    yield devices, times, cells
        finally:
            self.close()

    def _bucket(self, bucket: int) -> NDArray[np.int32]:
        parts = self._buckets.pop(bucket, [])
        if bucket in self._spilled:
            file = self._file(bucket)
            parts.append(np.fromfile(file, dtype=np.int32).reshape(-1, 3))
            file.unlink()
        return np.concatenate(parts)

    def close(self) -> None:
        """Forget everything, files too."""
        self._buckets.clear()
        if self._folder is not None:
            self._folder.cleanup()
