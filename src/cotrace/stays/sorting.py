"""Pings in any order, put into the order of time: in memory while they fit, else on disk."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cotrace.stays.lane import Encoded
from cotrace.stays.shelf import Codes

__all__ = ["TimeSorter", "memory_for_sorting"]

#: pings of 2**15 s (9.1 hours) are sorted together
_BUCKET_BITS = 15
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
    """Takes encoded pings in any order, and gives them back by time, a bucket of time at a time.

    Threads may share it: each says by a number which of the dictionaries its codes are of.

    Parameters
    ----------
    limit : int
        Bytes to hold; above, everything held goes to files in the folder for temporary files.

    Notes
    -----
    12 bytes a ping in memory or on disk, and 24 a ping of one bucket (9.1 hours) while it is sorted: a bucket is
    held whole, whatever the limit. O(n): dealt to buckets, and sorted by counting seconds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._parts: dict[tuple[int, int], list[NDArray[np.int32]]] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._spilled: set[tuple[int, int]] = set()
        self._lock = threading.Lock()

    @property
    def order(self) -> str:
        """Where the pings were sorted, in words."""
        return "sorted on disk" if self._folder else "sorted in memory"

    def append(self, batch: Encoded, lane: int) -> None:
        """Take a batch of pings with the codes of a lane; rows with a negative cell are left out."""
        from cotrace.kernels.pings import count_buckets, deal_pings

        if not batch.times.size:
            return
        first, last = (int(edge) >> _BUCKET_BITS for edge in (batch.times.min(), batch.times.max()))
        counts = np.zeros(last - first + 1, dtype=np.int64)
        count_buckets(batch.times, batch.cells, _BUCKET_BITS, first, counts)
        ends = np.cumsum(counts)
        out = np.empty((int(ends[-1]), 3), dtype=np.int32)
        deal_pings(*batch, _BUCKET_BITS, first, ends - counts, out)
        with self._lock:
            for bucket in np.flatnonzero(counts).tolist():
                part = out[ends[bucket] - counts[bucket] : ends[bucket]]
                self._parts.setdefault((bucket + first, lane), []).append(part)
            self._held += out.nbytes
            if self._held > self._limit:
                self._spill()

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="cotrace-sort-")
        for key, parts in self._parts.items():
            with self._file(key).open("ab") as file:
                for part in parts:
                    file.write(part.data)
            self._spilled.add(key)
        self._parts.clear()
        self._held = 0

    def _file(self, key: tuple[int, int]) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / f"{key[0]}-{key[1]}.pings"

    def buckets(self) -> list[int]:
        """Return the numbers of the buckets, in the order of time."""
        return sorted({bucket for bucket, _ in self._spilled | self._parts.keys()})

    def take(self, bucket: int, codes: Sequence[Codes]) -> Encoded:
        """Return the pings of a bucket by time, once; ``codes`` say by lane what its codes are outside."""
        from cotrace.kernels.pings import count_seconds, place_pings

        first = bucket << _BUCKET_BITS
        parts = [(lane, part) for lane in range(len(codes)) for part in self._read((bucket, lane))]
        counts = np.zeros(1 << _BUCKET_BITS, dtype=np.int64)
        for _, part in parts:
            count_seconds(part, first, counts)
        ends = np.cumsum(counts)
        places = ends - counts
        sorted_ = Encoded(*(np.empty(int(ends[-1]), dtype=np.int32) for _ in range(3)))
        for lane, part in parts:
            place_pings(part, first, codes[lane].devices, codes[lane].cells, places, *sorted_)
        return sorted_

    def _read(self, key: tuple[int, int]) -> list[NDArray[np.int32]]:
        with self._lock:
            parts = self._parts.pop(key, [])
        if key in self._spilled:
            file = self._file(key)
            parts.append(np.fromfile(file, dtype=np.int32).reshape(-1, 3))
            file.unlink()
        return parts

    def close(self) -> None:
        """Forget everything, files too."""
        self._parts.clear()
        if self._folder is not None:
            self._folder.cleanup()
