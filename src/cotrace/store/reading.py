"""Reading one version of a store: only the days, buckets, row groups and cells that are asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.cells import Cells
from cotrace.counts import Counts
from cotrace.store import parts
from cotrace.store.draft import load_cells, load_devices
from cotrace.store.settings import DAY, Settings
from cotrace.store.slices import Layout, numbered, rows_at, slices_of
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.options import StayOptions
    from cotrace.store.files import FileEntry, Files
    from cotrace.store.ledger import Version
    from cotrace.tables import Stays

__all__ = ["END_OF_TIME", "Pruned", "Snapshot"]

#: seconds from the base that nothing reaches
END_OF_TIME = 2**31 - 1
#: bytes that are remembered of where devices and cells begin in files
_REMEMBERED = 1 << 28


@dataclass
class Pruned:
    """What was read of the data files, and what was passed over.

    Attributes
    ----------
    files, files_passed : int
        Files of stays or of the index that something was read of, and those of other days and buckets.
    rows, rows_passed : int
        Rows that were read of these files, and the others in them.
    """

    files: int = 0
    files_passed: int = 0
    rows: int = 0
    rows_passed: int = 0

    def clear(self) -> None:
        """Count from nought again."""
        for name in vars(self):
            setattr(self, name, 0)


class Snapshot:
    """One version of a store, pinned: what queries read. Threads may share it.

    Parameters
    ----------
    files : Files
    version : Version
    threads : int
        How many may read.

    Attributes
    ----------
    read : Pruned
        What was read so far.
    """

    def __init__(self, files: Files, version: Version, threads: int, before: Snapshot | None = None) -> None:
        self.files, self.version, self.threads = files, version, threads
        self.settings = Settings.from_dict(version.settings)
        self.read = Pruned()
        self._lock = threading.Lock()
        self._stays = {(e.day, e.bucket): e for e in version.of("stays")}
        self._index = {e.day: e for e in version.of("index")}
        self._places = {e.day: e for e in version.of("places")}
        # files are named by their content: what is known of one holds in every version
        names = {e.name for e in version.files}
        kept = {} if before is None else before._known
        self._known: dict[str, tuple[NDArray[np.int32], NDArray[np.int64]]] = {
            name: value for name, value in kept.items() if name in names
        }
        self._layouts: dict[str, Layout] = {} if before is None else before._layouts
        ids = {} if before is None else before._ids
        self._ids: dict[tuple[str, int], Any] = {k: value for k, value in ids.items() if k[0] in names}
        self.devices = load_devices(files, version, self.settings, self._ids)

    def close(self) -> None:
        """Let go of the version."""
        self.version.close()

    # ---- what it is of -----------------------------------------------------------------------------------

    @property
    def options(self) -> StayOptions:
        """How the stays are made, grid and fill filled in."""
        return self.settings.options

    @property
    def tz(self) -> str:
        """Time zone of results."""
        return self.settings.tz or "UTC"

    @property
    def device_type(self) -> pa.DataType:
        """Type of device ids."""
        return self.devices.kind

    @cached_property
    def days(self) -> list[int]:
        """Days (since 1970-01-01) that there are pings or stays of, in order."""
        return sorted({day for day, _ in self._stays if day is not None})

    @cached_property
    def base(self) -> int:
        """Unix seconds of the first day's midnight: what times are counted from."""
        return self.days[0] * DAY if self.days else 0

    @cached_property
    def cells(self) -> Cells:
        """The cells by code; those that were forgotten are null, and no row has them."""
        book = load_cells(self.files, self.version, self.settings)
        towers = self.version.of("towers")
        table = self.files.read(towers[0]) if towers else None
        grid = self.options.grid
        if self.options.by == "tower":
            return Cells(book.values, grid if table is not None else None, table, "tower")
        return Cells(book.values, grid, None, "grid")

    @cached_property
    def cells_in_order(self) -> tuple[Cells, NDArray[np.int32]]:
        """All cells that are known, ascending, and the place of each code among them (-1: forgotten).

        They are in every answer: queries carry codes from one to the next, and look places up among them.
        """
        there = np.flatnonzero(self.cells.values.is_valid().to_numpy(zero_copy_only=False))
        order = there[self.cells.take(there).order()]
        rank = np.full(len(self.cells.values), -1, dtype=np.int32)
        rank[order] = np.arange(order.size, dtype=np.int32)
        return self.cells.take(order), rank

    @cached_property
    def counts(self) -> Counts:
        """What became of all rows, as one pass over everything would count them."""
        counts = Counts()
        for meta in self.version.batches.values():
            for reason, n in meta["refused"].items():
                counts.refused[reason] = counts.refused.get(reason, 0) + n
                counts.rows += n
        for entry in self._stays.values():
            counts.rows += entry.meta["pings"]
            for name in ("used", "collapsed", "conflicts", "relabelled"):
                setattr(counts, name, getattr(counts, name) + entry.meta[name])
        counts.refused = dict(sorted(counts.refused.items()))
        counts.check()
        return counts

    @cached_property
    def span(self) -> tuple[int, int] | None:
        """Unix seconds of the first ping and of the last."""
        there = [(int(day or 0) * DAY, e.meta) for (day, _), e in self._stays.items() if e.meta["used"]]
        if not there:
            return None
        return min(at + m["first"] for at, m in there), max(at + m["last"] for at, m in there)

    # ---- rows --------------------------------------------------------------------------------------------

    def days_of(self, start: int | None, end: int | None) -> list[int]:
        """Return the days whose rows can lie in ``[start, end)``, unix seconds; None: no limit."""
        back = self.options.max_gap_s if self.options.smooth is None else 0
        return [
            day
            for day in self.days
            if (start is None or (day + 1) * DAY > start) and (end is None or day * DAY - back < end)
        ]

    def rows_of(self, codes: NDArray[np.int32] | None, days: Sequence[int]) -> NDArray[np.int32]:
        """Return the stays of devices (None: of all) on days.

        Parameters
        ----------
        codes : int32[m] or None
            Codes of devices.
        days : sequence of int
            Some of :attr:`days`.

        Returns
        -------
        int32[n, 4]
            Device, cell, start and end in seconds from :attr:`base`; by device, start. Rows that touch are joined.
        """
        from cotrace.kernels.rows import count_keys, scatter_rows
        from cotrace.kernels.store_rows import join_rows

        nb = self.settings.buckets
        asked = None if codes is None else np.unique(codes[codes >= 0])
        wanted = list(range(nb)) if asked is None else np.unique(asked % nb).tolist()
        found = [(day, bucket) for day in sorted(days) for bucket in wanted if (day, bucket) in self._stays]
        self._pass_over(len(self._stays) - len(found))

        def one(key: tuple[int, int]) -> NDArray[np.int32]:
            mine = None if asked is None else asked[asked % nb == key[1]]
            return self._rows_of_file(self._stays[key], mine, key[0])

        blocks = on_threads(one, found, self.threads)
        if not sum(map(len, blocks)):
            return np.empty((0, 4), dtype=np.int32)
        # by device, each one's rows as they come: day by day
        most = max(int(b[:, 0].max()) for b in blocks if len(b)) + 1
        keys = np.arange(most, dtype=np.int32) if asked is None else numbered(asked, most)
        counts = np.zeros((most if asked is None else asked.size) + 1, dtype=np.int64)
        for block in blocks:
            count_keys(keys[block[:, 0]], counts[1:])
        places = np.cumsum(counts)
        rows = np.empty((int(places[-1]), 4), dtype=np.int32)
        for block in blocks:
            block[:, 0] = keys[block[:, 0]]
            scatter_rows(block, 0, places, rows)
        blocks.clear()
        n = join_rows(rows, -END_OF_TIME, END_OF_TIME, rows)
        rows = rows[:n]
        if asked is not None:
            rows[:, 0] = asked[rows[:, 0]]
        return rows

    def _rows_of_file(self, entry: FileEntry, codes: NDArray[np.int32] | None, day: int) -> NDArray[np.int32]:
        """Return the rows of a file, of devices that are in it, with seconds from the base."""
        if codes is None:
            self._count(entry, entry.rows)
            rows = parts.read_stays(self.files, entry)
        else:
            lo, hi = slices_of(self._devices_of(entry), codes, entry.rows)
            rows = np.empty((int((hi - lo).sum()), 4), dtype=np.int32)
            rows[:, 0], rows[:, 1:] = np.repeat(codes, hi - lo), self._rows_at(entry, lo, hi)
        rows[:, 2:] += np.int32(day * DAY - self.base)
        return rows

    def _devices_of(self, entry: FileEntry) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        return self._once(entry, lambda: parts.devices_of_day(self.files, entry))

    def _rows_at(self, entry: FileEntry, lo: NDArray[np.int64], hi: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return slices of a file's rows."""
        self._count(entry, int((hi - lo).sum()))
        if not (hi > lo).any():
            return np.empty((0, 3), dtype=np.int32)
        layout = self._layouts.get(entry.name)
        if layout is None:
            layout = self._layouts[entry.name] = Layout.of(
                self.files.open(entry).metadata, self.files.encryption is not None
            )
        return rows_at(self.files, entry, layout, lo, hi)

    def rows_in(
        self, cells: NDArray[np.int32], days: Sequence[int]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the rows of all devices in cells on days.

        Parameters
        ----------
        cells : int32[m]
            Codes of cells, each once.
        days : sequence of int
            Some of :attr:`days`.

        Returns
        -------
        (rows, lo)
            int32[n, 3]: device, start and end in seconds from :attr:`base`, cell by cell in the order asked; within a
            cell day by day, within a day by device, start. A stay across midnight is several rows, each touching the
            next. int64[m + 1]: where each cell begins, and the end.
        """
        found = [day for day in sorted(days) if day in self._index]
        self._pass_over(len(self._index) - len(found))
        cells = np.ascontiguousarray(cells)

        def one(day: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
            return self._rows_in_day(day, cells)

        read = on_threads(one, found, self.threads)
        sizes = np.array([size for _, size in read], dtype=np.int64).reshape(len(read), cells.size)
        lo = np.concatenate([[0], np.cumsum(sizes.sum(axis=0))]).astype(np.int64)
        out = np.empty((int(lo[-1]), 3), dtype=np.int32)
        at = lo[:-1].copy()
        for rows, size in read:
            # each row goes where its cell is, after what the days before gave
            shift = np.repeat(at - (np.cumsum(size) - size), size)
            out[shift + np.arange(len(rows))] = rows
            at += size
        return out, lo

    def rows_of_day(self, day: int, cells: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return a day's rows of cells, in seconds from its own midnight.

        Parameters
        ----------
        day : int
        cells : int32[m]
            Codes of cells, each once.

        Returns
        -------
        (rows, lo)
            int32[n, 3]: device, start and end, cell by cell in the order asked, within a cell by device, start;
            int64[m + 1]: where each cell begins, and the end.
        """
        if day not in self._index:
            return np.empty((0, 3), dtype=np.int32), np.zeros(cells.size + 1, dtype=np.int64)
        lo, hi = self._where(day, cells)
        return self._rows_at(self._index[day], lo, hi), np.concatenate([[0], np.cumsum(hi - lo)]).astype(
            np.int64
        )

    def _rows_in_day(self, day: int, cells: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return a day's rows of cells with seconds from the base; and how many each has."""
        rows, lo = self.rows_of_day(day, cells)
        rows[:, 1:] += np.int32(day * DAY - self.base)
        return rows, np.diff(lo)

    def sizes_in(self, cells: NDArray[np.int32], days: Sequence[int]) -> NDArray[np.int64]:
        """Return how many rows each cell has on days: read from the places alone."""
        total = np.zeros(cells.size, dtype=np.int64)
        for day in days:
            if day in self._index:
                lo, hi = self._where(day, cells)
                total += hi - lo
        return total

    def _where(self, day: int, cells: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first row of each cell in a day's index, and the end."""
        entry = self._places[day]
        places = self._once(entry, lambda: parts.places_of_day(self.files, entry))
        return slices_of(places, cells, self._index[day].rows)

    # ---- files -------------------------------------------------------------------------------------------

    def _once(
        self, entry: FileEntry, read: Callable[[], tuple[NDArray[np.int32], NDArray[np.int64]]]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Read where things begin in a file, and remember it while there is room."""
        known = self._known.get(entry.name)
        if known is None:
            known = read()
            with self._lock:
                held = (
                    sum(a.nbytes + b.nbytes for a, b in self._known.values())
                    if len(self._known) % 64 == 0
                    else 0
                )
                if held > _REMEMBERED:
                    self._known.clear()
                self._known[entry.name] = known
        return known

    def _pass_over(self, files: int) -> None:
        with self._lock:
            self.read.files_passed += files

    def _count(self, entry: FileEntry, rows: int) -> None:
        with self._lock:
            self.read.files += rows > 0
            self.read.files_passed += not rows
            self.read.rows += rows
            self.read.rows_passed += entry.rows - rows

    def stays(
        self,
        start: int | None = None,
        end: int | None = None,
        devices: pa.Array | None = None,
        cells: pa.Array | None = None,
    ) -> Stays:
        """Return stays as a table: see :meth:`cotrace.Store.stays`; ids and cells are Arrow arrays."""
        from cotrace.store.answers import stays_of

        return stays_of(self, start, end, devices, cells)
