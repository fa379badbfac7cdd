"""When each case was seen: pings and the gaps between them, counted while the pings go by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import counted

__all__ = ["Track"]

_FOLD_AT = 1 << 21


class Track:
    """Counts the pings of the cases in their lookbacks, and the gaps between consecutive ones.

    Pings come in the order of time for each device. They are kept as one number each until two million are there,
    and are then folded into counts of gaps by length: what is held does not grow with the pings.

    Parameters
    ----------
    codes : int64[cases]
        The device code of each case.
    windows : int64[cases, 3]
        Lookbacks in unix seconds: start, end (and from when episodes count).
    """

    def __init__(self, codes: NDArray[np.int64], windows: NDArray[np.int64]) -> None:
        self._windows = windows
        self._cases_of: dict[int, list[int]] = {}
        for case, code in enumerate(codes.tolist()):
            self._cases_of.setdefault(code, []).append(case)
        self._last: dict[int, int] = {}
        self._pings = [0] * len(windows)
        self._gaps: list[dict[int, int]] = [{} for _ in windows]
        self._keys: list[NDArray[np.int64]] = []
        self._n_keys = 0

    def append(self, devices: NDArray[np.int32], times: NDArray[np.int64]) -> None:
        """Take pings of tracked devices: their codes, and unix seconds (within 68 years of 1970 or of each other)."""
        if not devices.size:
            return
        self._keys.append((devices.astype(np.int64) << 40) + times + (1 << 39))
        self._n_keys += devices.size
        if self._n_keys >= _FOLD_AT:
            self._fold()

    def seen(self, n: int) -> NDArray[np.bool_]:
        """Say of each of the ``n`` cases whether it was seen at all."""
        self._fold()
        seen = np.zeros(n, dtype=np.bool_)
        for code in self._last:
            seen[self._cases_of[code]] = True
        return seen

    def coverage(self) -> list[tuple[int, int | None, int | None]]:
        """Return each case's pings in its lookback, their median gap (floored) and their longest."""
        self._fold()
        rows: list[tuple[int, int | None, int | None]] = []
        for pings, gaps in zip(self._pings, self._gaps, strict=True):
            if gaps:
                lengths = np.array(sorted(gaps), dtype=np.int64)
                upto = np.cumsum([gaps[length] for length in lengths.tolist()])
                n = int(upto[-1])
                middle = lengths[np.searchsorted(upto, [(n - 1) // 2 + 1, n // 2 + 1])]
                rows.append((pings, int(middle.sum()) // 2, int(lengths[-1])))
            else:
                rows.append((pings, None, None))
        return rows

    def _fold(self) -> None:
        if not self._keys:
            return
        keys, _ = counted(np.sort(np.concatenate(self._keys)))  # one ping a second
        self._keys, self._n_keys = [], 0
        device = keys >> 40
        codes, sizes = counted(device)
        seconds = keys - (device << 40) - (1 << 39)
        for code, part in zip(codes.tolist(), np.split(seconds, np.cumsum(sizes)[:-1]), strict=True):
            self._count(code, part)

    def _count(self, code: int, seconds: NDArray[np.int64]) -> None:
        last = self._last.get(code)
        if last is not None and seconds[0] == last:
            seconds = seconds[1:]
        if not seconds.size:
            return
        self._last[code] = int(seconds[-1])
        for case in self._cases_of[code]:
            start, end, _ = self._windows[case].tolist()
            inside = seconds[np.searchsorted(seconds, start) : np.searchsorted(seconds, end)]
            self._pings[case] += inside.size
            if inside.size and last is not None and inside[0] == seconds[0] and last >= start:
                inside = np.concatenate([[last], inside])
            of_case = self._gaps[case]
            lengths, numbers = counted(np.sort(np.diff(inside)))
            for length, n in zip(lengths.tolist(), numbers.tolist(), strict=True):
                of_case[length] = of_case.get(length, 0) + n
