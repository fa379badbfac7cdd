"""The candidates for a common source: whom the matcher found, and what days in other orders would have given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.companions.index import index_of_stays
from cotrace.companions.matching import match
from cotrace.exposure.common import beyond, device_rows, seen_codes
from cotrace.exposure.days import Alike, days_by_kind, local_days
from cotrace.options import CompanionRule
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.companions.index import CellIndex
    from cotrace.companions.matching import Matches
    from cotrace.exposure.joined import Joined

__all__ = ["Candidates", "judge"]

Int64 = NDArray[np.int64]
_CHUNK = 256


class Candidates:
    """The candidates and what the matcher found of them."""

    index: CellIndex
    matches: Matches

    def __init__(
        self,
        joined: Joined,
        ids: pa.Array,
        onsets: Int64,
        windows: Int64,
        least: int,
        fewest: int,
        threads: int,
    ) -> None:
        stays = joined.stays
        self.joined, self.stays, self.ids, self.onsets = joined, stays, ids, onsets
        self.windows, self.least = windows, least
        self.codes = seen_codes(stays.devices, ids)
        self.index = index_of_stays(stays, ids, threads)
        inside = windows - self.index.base
        rule = CompanionRule(min_shared=f"{least}s", min_cumulative=None)
        self.matches = match(self.index, np.ascontiguousarray(inside[:, [0, 1, 0]]), rule, threads)
        per_device = np.bincount(self.matches.companion_of, minlength=len(stays.devices))
        #: device codes, in order, and for each group of the matcher the candidate that it is of, or -1
        self.candidates: Int64 = np.flatnonzero(per_device >= fewest)
        number = np.full(len(stays.devices) + 1, -1, dtype=np.int64)
        number[self.candidates] = np.arange(self.candidates.size)
        self.candidate_of: Int64 = number[self.matches.companion_of]
        self.rank: Int64 = np.zeros(self.candidates.size, dtype=np.int64)

    def cells_of(self, codes: NDArray[Any]) -> Int64:
        """Return the stays' codes of cells of the index: those that cases were in, in order."""
        rows, _ = device_rows(self.stays, np.unique(self.codes[self.codes >= 0]))
        cells: Int64 = np.unique(self.stays.rows[rows, 1].astype(np.int64))[codes]
        return cells

    def sums(self) -> dict[str, Int64]:
        """Sum up each candidate's meetings over the cases."""
        kept = self.candidate_of >= 0
        whose, summary = self.candidate_of[kept], self.matches.summary[kept]
        n = self.candidates.size
        out = {name: np.zeros(n, dtype=np.int64) for name in ("meetings", "shared_s")}
        np.add.at(out["meetings"], whose, summary[:, 8])
        np.add.at(out["shared_s"], whose, summary[:, 0])
        for name, column, ufunc in (
            ("first", 2, np.minimum),
            ("last", 3, np.maximum),
            ("crowd", 7, np.minimum),
        ):
            start = np.iinfo(np.int64).max if ufunc is np.minimum else np.iinfo(np.int64).min
            out[name] = np.full(n, start, dtype=np.int64)
            ufunc.at(out[name], whose, summary[:, column])
        if (
            self.stays.source_bits is not None
        ):  # of what is known from two sources at once, each second counts once
            out["shared_s"] -= self._twice()
        return out

    def _twice(self) -> Int64:
        """Return the seconds of each candidate that several of its meetings with one case cover."""
        m = self.matches
        group = np.repeat(np.arange(m.case_of.size), np.diff(m.episode_lo))
        start, end = (m.episodes[:, k].astype(np.int64) for k in (0, 1))
        floor = np.full(start.size, start.min(initial=0))
        _, overlap = beyond(start, end, group, floor)
        kept = self.candidate_of[group] >= 0
        twice = np.bincount(
            self.candidate_of[group][kept], weights=overlap[kept], minlength=self.candidates.size
        )
        return np.asarray(twice, dtype=np.int64)


def judge(found: Candidates, alike: Alike, draws: int, seed: int, threads: int) -> Int64:
    """Return for each candidate what :func:`cotrace.kernels.sources.judge_sources` counts."""
    from cotrace.kernels.days import count_pieces, fill_pieces, hash_times
    from cotrace.kernels.presence import device_slices
    from cotrace.kernels.sources import BITS, judge_sources

    stays, windows = found.stays, found.windows - found.stays.base
    days, kinds = local_days(found.windows, stays.tz, stays.span, alike)
    days, (kind_lo, by_kind) = days - stays.base, days_by_kind(kinds)
    of_cases, slices = (np.empty((c.size, 2), dtype=np.int64) for c in (found.codes, found.candidates))
    device_slices(stays.rows, found.codes, of_cases)
    device_slices(stays.rows, found.candidates, slices)
    pieces = np.empty((count_pieces(stays.rows, of_cases, windows, days), 7), dtype=np.int64)
    fill_pieces(stays.rows, of_cases, windows, days, pieces)
    pieces = pieces[np.argsort(pieces[:, 0], kind="stable")]
    piece_lo = np.searchsorted(pieces[:, 0], np.arange(len(stays.cells.values) + 1)).astype(np.int64)
    keys = np.empty(slices.shape[0], dtype=np.uint64)
    span = (int(days.min()), int(days.max())) if days.size else (0, 0)
    hash_times(stays.rows, slices, (stays.base, *span), seed, keys)
    own = np.full(len(stays.devices) + 1, -1, dtype=np.int64)
    own[found.codes[found.codes >= 0]] = np.flatnonzero(found.codes >= 0)
    own = own[found.candidates]
    out = np.empty((slices.shape[0], 5), dtype=np.int64)
    words, k = -(-len(found.ids) // BITS), days.shape[0]

    def some(at: int) -> None:
        here = slice(at, at + _CHUNK)
        judge_sources(
            stays.rows,
            slices[here],
            own[here],
            pieces,
            piece_lo,
            days,
            kind_lo,
            by_kind,
            (found.least, draws),
            keys[here],
            np.empty((k, k, words), dtype=np.int64),
            np.empty(2 * k + words, dtype=np.int64),
            out[here],
        )

    on_threads(some, range(0, slices.shape[0], _CHUNK), threads)
    return out
