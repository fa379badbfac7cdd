"""The next version of a store while it is being made: its files by what they are, and days made anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, view
from cotrace.store import parts
from cotrace.store.days import Built, Tails, build_day, build_smoothed, newest_tails, no_tails
from cotrace.store.dictionaries import CellBook, Devices
from cotrace.store.incoming import Compact
from cotrace.store.settings import DAY, Settings, arrow_type, days_back
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.store.files import FileEntry, Files
    from cotrace.store.ledger import Version, Writer

__all__ = ["Draft", "Made", "load_cells", "load_devices"]

#: by day and bucket, then by batch
NewPings = dict[tuple[int, int], dict[str, Compact]]
_Part = tuple["int | None", "str | None"]


def load_devices(
    files: Files, version: Version, settings: Settings, known: dict[tuple[str, int], Any] | None = None
) -> Devices:
    """Return the dictionary of devices of a version; what is ``known`` by the names of files is not read again."""
    import pyarrow as pa

    kind = arrow_type(settings.device_type) if settings.fixed else pa.int64()
    entries = {entry.bucket: entry for entry in version.of("devices")}

    def load(bucket: int) -> pa.Array:
        if bucket not in entries:
            return from_values([], kind)
        key = entries[bucket].name, 0
        if known is None or key not in known:
            ids = files.read(entries[bucket], use_threads=False).column(0).combine_chunks()
            if known is None:
                return ids
            known[key] = ids
        return known[key]

    return Devices(kind, settings.buckets, load)


def load_cells(files: Files, version: Version, settings: Settings) -> CellBook:
    """Return the dictionary of cells of a version."""
    import pyarrow as pa

    kind = arrow_type(settings.cell_type) if settings.fixed else pa.int64()
    found = version.of("cells")
    return CellBook(files.read(found[0]).column(0).combine_chunks() if found else from_values([], kind))


@dataclass
class Made:
    """What was made anew: by day the buckets, and the gaps between pings that were looked at."""

    days: dict[int, set[int]] = field(default_factory=dict)
    gaps: NDArray[np.int64] | None = None

    def note(self, day: int, bucket: int, built: Built) -> None:
        """Note one day and bucket."""
        self.days.setdefault(day, set()).add(bucket)
        self.gaps = built.gaps if self.gaps is None else _summed(self.gaps, built.gaps)


def _summed(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    return a if not b.size else b if not a.size else a + b


class Draft:
    """The next version while it is being made.

    Parameters
    ----------
    writer : Writer
    settings : Settings
        Those of the next version.
    threads : int
    """

    def __init__(self, writer: Writer, settings: Settings, threads: int) -> None:
        self.writer, self.settings, self.threads = writer, settings, threads
        self.files: Files = writer.files
        self.base: Version = writer.base
        self._entries: dict[tuple[str, int | None], dict[_Part, FileEntry]] = {}
        for entry in self.base.files:
            self.put(entry)
        self.devices = load_devices(self.files, self.base, settings)
        self.cells = load_cells(self.files, self.base, settings)
        self._tails: dict[tuple[int, int], Tails] = {}

    # ---- files -------------------------------------------------------------------------------------------

    def of(self, kind: str, day: int | None = None, bucket: int | None = None) -> list[FileEntry]:
        """Return the files of a kind, and of a day and bucket where these are given."""
        if day is not None:
            found = list(self._entries.get((kind, day), {}).values())
        else:
            found = [e for key, part in self._entries.items() if key[0] == kind for e in part.values()]
        return [e for e in found if bucket is None or e.bucket == bucket]

    def one(self, kind: str, day: int | None = None, bucket: int | None = None) -> FileEntry | None:
        """Return the file of a kind of which there is one a day and bucket at most."""
        return self._entries.get((kind, day), {}).get((bucket, None))

    def put(self, entry: FileEntry) -> None:
        """Put a file in the place of the one that was there."""
        self._entries.setdefault((entry.kind, entry.day), {})[entry.bucket, entry.batch] = entry

    def drop(self, entry: FileEntry | None) -> None:
        """Leave a file out."""
        if entry is not None:
            del self._entries[entry.kind, entry.day][entry.bucket, entry.batch]

    def days(self, kind: str, bucket: int | None = None) -> list[int]:
        """Return the days that have a file of a kind."""
        return sorted({e.day for e in self.of(kind, bucket=bucket) if e.day is not None})

    def commit(self, what: dict[str, Any]) -> int:
        """Write the dictionaries, and make it a version; return its number."""
        for bucket, ids in self.devices.changed():
            self.put(parts.write_devices(self.files, ids, bucket))
        if self.cells.changed:
            self.put(parts.write_cells(self.files, self.cells.values))
        before = {_key(e): e for e in self.base.files}
        after = {_key(e): e for part in self._entries.values() for e in part.values()}
        for key, entry in before.items():
            if after.get(key) is not entry:
                self.writer.remove(entry)
        for key, entry in after.items():
            if before.get(key) is not entry:
                self.writer.add(entry)
        self.writer.set(self.settings.as_dict())
        return self.writer.commit(what)

    # ---- days made anew ----------------------------------------------------------------------------------

    def remake(self, touched: dict[int, set[int]], new: NewPings | None = None) -> Made:
        """Make rows, tails and index of days and buckets anew, and of the days after them that this changes.

        Parameters
        ----------
        touched : dict
            By day the buckets whose pings are others than before.
        new : dict
            By day and bucket, and then by batch, pings of files that are in the draft already, to save reading them;
            used up.
        """
        made = Made()
        if self.settings.options.smooth is not None:
            self._remake_smoothed(touched, made)
            return made
        todo = {day: set(buckets) for day, buckets in touched.items()}
        back, new = days_back(self.settings.options), new or {}
        while todo:
            day = min(todo)
            buckets = sorted(todo.pop(day))
            rows: dict[int, NDArray[np.int32]] = {}

            def one(bucket: int, day: int = day, rows: dict[int, NDArray[np.int32]] = rows) -> int:
                return self._remake_one(day, bucket, new.pop((day, bucket), None), rows, made)

            changed = on_threads(one, buckets, self.threads)
            for bucket, reach in zip(buckets, changed, strict=True):
                for later in range(day + 1, day + reach + 1):
                    if self.of("pings", later, bucket):
                        todo.setdefault(later, set()).add(bucket)
            self.reindex(day, rows)
            self._tails = {key: t for key, t in self._tails.items() if key[0] >= day - back}
        return made

    def _remake_one(
        self,
        day: int,
        bucket: int,
        new: dict[str, Compact] | None,
        rows: dict[int, NDArray[np.int32]],
        made: Made,
    ) -> int:
        """Make one day and bucket anew; return how many days after it see other last pings than before."""
        before = self.one("tails", day, bucket)
        sources = self._pings(day, bucket, new)
        if not sources:
            self.drop(before)
            self.drop(self.one("stays", day, bucket))
            rows[bucket] = np.empty((0, 4), dtype=np.int32)
            return self._reach(before, no_tails())
        nb, options = self.settings.buckets, self.settings.options
        n_devices = len(self.devices.of_bucket(bucket))
        carried = newest_tails(self._tails_before(day, bucket), n_devices, nb)
        built = build_day(sources, carried, self.cells.order(), options, n_devices, nb)
        self._put_built(day, bucket, built)
        self._tails[day, bucket] = built.tails
        rows[bucket] = built.rows
        made.note(day, bucket, built)
        return self._reach(before, built.tails)

    def _reach(self, before: FileEntry | None, after: Tails) -> int:
        """Return how many days later a pair of pings can begin with a last ping that is another than before."""
        old = no_tails() if before is None else parts.read_tails(self.files, before)
        options = self.settings.options
        for days in range(days_back(options), 0, -1):
            # so late on its day that one so many days later can follow it
            late = [t.some(np.flatnonzero(t.seconds >= days * DAY - options.max_gap_s)) for t in (old, after)]
            if not all(np.array_equal(a, b) for a, b in zip(late[0][:3], late[1][:3], strict=True)):
                return days
        return 0

    def _put_built(self, day: int, bucket: int, built: Built) -> None:
        self.put(parts.write_stays(self.files, built.rows, built.counts, day, bucket))
        if built.tails.devices.size:
            self.put(parts.write_tails(self.files, built.tails, day, bucket))

    def _pings(self, day: int, bucket: int, new: dict[str, Compact] | None) -> list[Compact]:
        """Return the pings of a day and bucket, of each batch."""
        return [
            new[e.batch] if new and e.batch in new else parts.read_pings(self.files, e)
            for e in sorted(self.of("pings", day, bucket), key=lambda e: str(e.batch))
        ]

    def _tails_before(self, day: int, bucket: int) -> list[tuple[int, Tails]]:
        """Return the tails of the days before, as far back as a pair of pings can begin, the oldest first."""
        found = []
        for back in range(days_back(self.settings.options), 0, -1):
            entry = self.one("tails", day - back, bucket)
            if entry is not None:
                known = self._tails.get((day - back, bucket))
                found.append((back, known or parts.read_tails(self.files, entry)))
        return found

    def _remake_smoothed(self, touched: dict[int, set[int]], made: Made) -> None:
        """Make all days of the touched buckets anew."""
        options, nb = self.settings.options, self.settings.buckets
        rows: dict[int, dict[int, NDArray[np.int32]]] = {}

        def one(bucket: int) -> None:
            for entry in [*self.of("stays", bucket=bucket), *self.of("tails", bucket=bucket)]:
                assert entry.day is not None
                rows.setdefault(entry.day, {})[bucket] = np.empty((0, 4), dtype=np.int32)
                self.drop(entry)
            days = self.days("pings", bucket)
            if not days:
                return
            sources = [self._pings(day, bucket, None) for day in days]
            n_devices = len(self.devices.of_bucket(bucket))
            for day, built in build_smoothed(
                days, sources, self.cells.order(), options, n_devices, nb
            ).items():
                self._put_built(day, bucket, built)
                rows.setdefault(day, {})[bucket] = built.rows
                made.note(day, bucket, built)

        # one after the other: a bucket's pings of all days are held
        for bucket in sorted({b for buckets in touched.values() for b in buckets}):
            one(bucket)
        for day, here in sorted(rows.items()):
            self.reindex(day, here)

    def reindex(self, day: int, rows: dict[int, NDArray[np.int32]]) -> None:
        """Write the index of a day; ``rows`` are those of the buckets that changed, the others are read."""
        buckets = []
        for bucket in range(self.settings.buckets):
            entry = self.one("stays", day, bucket)
            if bucket not in rows and entry is not None:
                rows[bucket] = parts.read_stays(self.files, entry)
            buckets.append(rows.get(bucket, np.empty((0, 4), dtype=np.int32)))
        if not sum(map(len, buckets)):
            self.drop(self.one("index", day))
            self.drop(self.one("places", day))
            return
        index, places = parts.write_index(
            self.files, *parts.by_cell(buckets, self.settings.buckets, len(self.cells)), day
        )
        self.put(index)
        self.put(places)

    # ---- who and what is there ---------------------------------------------------------------------------

    def devices_seen(self, buckets: list[int]) -> dict[int, NDArray[np.bool_]]:
        """Return by bucket which local numbers have a ping on any day: those of the tails."""
        seen = {b: np.zeros(len(self.devices.of_bucket(b)), dtype=np.bool_) for b in buckets}

        def look(entry: FileEntry) -> None:
            assert entry.bucket is not None
            (codes,) = parts.numbers_of(self.files.read(entry, ["devices"], use_threads=False))
            seen[entry.bucket][codes // self.settings.buckets] = True

        on_threads(look, [e for e in self.of("tails") if e.bucket in seen], self.threads)
        return seen

    def retire_devices(self, buckets: list[int]) -> int:
        """Forget the ids of devices that have no ping any more; return how many these are."""
        from cotrace.arrays import null_mask

        n = 0
        for bucket, seen in self.devices_seen(buckets).items():
            gone = null_mask(self.devices.of_bucket(bucket))
            local = np.flatnonzero(~seen if gone is None else ~seen & ~gone)
            if local.size:
                self.devices.forget(bucket, local)
                n += local.size
        return n

    def retire_cells(self) -> int:
        """Forget cells that nobody has a ping or a row in any more; return how many these are."""
        seen = np.zeros(len(self.cells), dtype=np.bool_)

        def look(entry: FileEntry) -> None:
            column = {"places": "cell"}.get(entry.kind, "cells")
            table = self.files.read(entry, [column], use_threads=False)
            seen[view(table.column(0).combine_chunks(), np.int32)] = True

        on_threads(look, [e for kind in ("places", "tails", "pings") for e in self.of(kind)], self.threads)
        known = self.cells.known()
        gone = known[~seen[known]]
        if gone.size:
            self.cells.forget(gone)
        return int(gone.size)


def _key(entry: FileEntry) -> tuple[str, int | None, int | None, str | None]:
    return entry.kind, entry.day, entry.bucket, entry.batch
