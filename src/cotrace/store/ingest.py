"""Taking pings in: read once, told by their content from what is there, and the days that they touch made anew."""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take, view
from cotrace.errors import OptionError, StoreError
from cotrace.io.reasons import CLOSED_DAY
from cotrace.stays.build import resolve_options, warn_of_conflicts, warn_of_modal_gap
from cotrace.stays.passes import usable_threads
from cotrace.stays.survey import modal_gap
from cotrace.store import parts
from cotrace.store.dictionaries import rank_of
from cotrace.store.draft import Draft, Made, NewPings
from cotrace.store.incoming import Compact, Incoming, Limits, read_incoming
from cotrace.store.settings import DAY, Settings, check_span, day_limits, iso_day
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.pings import Pings
    from cotrace.options import StayOptions
    from cotrace.stays.passes import Progress
    from cotrace.store.ledger import Writer

__all__ = ["Ingested", "ingest"]

#: bytes of pings in order that are held between being told by their content and being written
HELD = 1 << 30


@dataclass(frozen=True)
class Ingested:
    """What an ingest did.

    Attributes
    ----------
    batch : str
        The id of what was brought: the digest of its pings, whatever order its rows have.
    version : int
        The store's version now.
    already : bool
        The same content was there, or had been there and was replaced: nothing changed.
    replaced_by : str or None
        With ``already``: the batch that took its place.
    rows, used, collapsed : int
        Rows of the source; pings taken, one a device and second and cell; further rows that say the same.
    refused : dict
        Rows that cannot be used, by reason.
    days : tuple of str
        Days (UTC) that it has pings of.
    made : tuple of str
        Days whose stays were made anew.
    files, bytes : int
        Data files that were written.
    seconds : float
    """

    batch: str
    version: int
    already: bool = False
    replaced_by: str | None = None
    rows: int = 0
    used: int = 0
    collapsed: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    days: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def __repr__(self) -> str:
        head = f"<Ingested: batch {self.batch[:12]}…, version {self.version}"
        if self.already:
            by = f", replaced by {self.replaced_by[:12]}…" if self.replaced_by else ""
            return f"{head}: there already{by}, nothing changed>"
        refused = "".join(f", {n:,} refused ({reason})" for reason, n in sorted(self.refused.items()))
        days = f"{len(self.days)} day{'' if len(self.days) == 1 else 's'}"
        return (
            f"{head}: {self.rows:,} rows of {days}, {self.used:,} pings{refused}; {len(self.made)} days made anew, "
            f"{self.bytes:,} bytes in {self.files} files, {self.seconds:.1f} s>"
        )


@dataclass
class _Ranked:
    """Devices by bucket and cells of an ingest, numbered in the order of their values: no store's codes are in them."""

    devices: list[pa.Array]
    device: NDArray[np.int32]
    cells: pa.Array
    cell: NDArray[np.int32]


def _ranked(incoming: Incoming, n_buckets: int) -> _Ranked:
    seen_devices, seen_cells = incoming.seen()
    device = np.full(seen_devices.size, -1, dtype=np.int32)
    cell = np.full(seen_cells.size, -1, dtype=np.int32)
    devices = []
    for bucket in range(n_buckets):
        mine = np.flatnonzero(seen_devices & (incoming.buckets == bucket))
        order, ids = rank_of(take(incoming.devices, mine))
        device[mine[order]] = np.arange(mine.size, dtype=np.int32)
        devices.append(ids)
    mine = np.flatnonzero(seen_cells)
    order, cells = rank_of(take(incoming.cells, mine))
    cell[mine[order]] = np.arange(mine.size, dtype=np.int32)
    return _Ranked(devices, device, cells, cell)


def ingest(
    writer: Writer,
    pings: Pings,
    options: StayOptions,
    *,
    day: Any = None,
    replaces: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Ingested:
    """Take pings in: see :meth:`cotrace.Store.ingest`; ``options`` are those that the store was opened with."""
    began, n_threads = time.perf_counter(), usable_threads(threads)
    base = Settings.from_dict(writer.base.settings)
    settings = _settled(base, pings, options)
    _check_replaces(writer, replaces)
    limits = Limits(*day_limits(day, pings.tz), None if base.closed is None else base.closed * DAY)
    incoming = read_incoming(pings, settings.options, settings.buckets, limits, n_threads, progress)
    try:
        return _Ingest(writer, settings, incoming, pings, n_threads).run(replaces, began)
    finally:
        incoming.close()


def _settled(base: Settings, pings: Pings, options: StayOptions) -> Settings:
    """Return the settings that hold from now on."""
    if not base.fixed:
        # it may have been opened without saying what it was made with
        ours = base.options
        asked = replace(ours, grid=ours.grid or options.grid, fill=ours.fill or options.fill)
        return base.of_pings(pings, resolve_options(pings, asked))
    theirs = base.of_pings(pings, base.options)
    base.check_pings(theirs)
    return base


def _check_replaces(writer: Writer, replaces: str | None) -> None:
    if replaces is None or replaces in writer.base.batches:
        return
    by = writer.base.replaced.get(replaces)
    if by is not None:
        return  # a retry, or else said when the content is known
    raise OptionError(
        f"replaces={str(replaces)[:16]!r}… is none of the {len(writer.base.batches)} batches of the store: name the "
        "batch of an earlier report"
    )


class _Ingest:
    """One ingest after its pings were read."""

    def __init__(
        self, writer: Writer, settings: Settings, incoming: Incoming, pings: Pings, threads: int
    ) -> None:
        self.writer, self.settings, self.incoming, self.pings = writer, settings, incoming, pings
        self.threads = threads
        self.ranked = _ranked(incoming, settings.buckets)
        self.keys = [(d, b) for d in incoming.days() for b in incoming.buckets_of_day(d)]
        # before parts are used up
        self._seen = incoming.seen(self._open_days())
        self._kept: dict[tuple[int, int], Compact] = {}

    def run(self, replaces: str | None, began: float) -> Ingested:
        """Find out whether it is there already; else make the next version."""
        batch = self._batch_id()
        known = self._already(batch, replaces)
        if known is not None:
            return known
        draft = Draft(self.writer, self.settings, self.threads)
        check_span([*draft.days("stays"), *self._open_days()])
        touched: dict[int, set[int]] = {}
        taken_out = (
            self._take_out(draft, replaces, touched) if replaces in self.writer.base.batches else set()
        )
        fresh = batch not in self.writer.base.batches
        new = self._put_pings(draft, batch, touched) if fresh else {}
        self._put_towers(draft)
        made = draft.remake(touched, new)
        if taken_out:
            draft.retire_devices(sorted(taken_out))
        report = self._report(batch, made, replaces)
        if fresh:
            self.writer.add_batch(batch, self._meta(report))
        if replaces in self.writer.base.batches:
            self.writer.drop_batch(str(replaces), by=batch)
        before = {entry.name for entry in self.writer.base.files}
        version = draft.commit({"what": "ingest", "batch": batch, "rows": report.rows})
        written = {e.name: e.bytes for e in self.writer.base.files if e.name not in before}
        self._warn(draft, made)
        done = {"version": version, "files": len(written), "bytes": sum(written.values())}
        return Ingested(**{**vars(report), **done, "seconds": time.perf_counter() - began})

    # ---- by content --------------------------------------------------------------------------------------

    def _compact(self, key: tuple[int, int]) -> Compact:
        kept = self._kept.get(key)
        if kept is None:
            n_devices = len(self.ranked.devices[key[1]])
            kept = self.incoming.compact(*key, self.ranked.device, self.ranked.cell, n_devices)
        return kept

    def _batch_id(self) -> str:
        """Return the digest of the pings: of ids and cells in their order, then of each day and bucket."""

        def digest(key: tuple[int, int]) -> tuple[bytes, int, int]:
            pings = self._compact(key)
            of = hashlib.blake2b(f"{key}".encode(), digest_size=32)
            for column in pings:
                of.update(column.data)
            n = pings.rows.size
            if 16 * n * len(self.keys) <= HELD:
                self._kept[key] = pings
                self.incoming.drop(*key)
            return of.digest(), n, int(pings.rows.sum(dtype=np.int64))

        told = on_threads(digest, self.keys, self.threads)
        whole = hashlib.blake2b(digest_size=32)
        for values in [*self.ranked.devices, self.ranked.cells]:
            for piece in _bytes_of(values):
                whole.update(piece)
        for one, _, _ in told:
            whole.update(one)
        counts, closed = self.incoming.counts, self._closed()
        refused = {k: v for k, v in sorted(counts.refused.items()) if k != CLOSED_DAY}
        whole.update(repr((counts.rows, refused)).encode())
        self.n_pings = sum(n for key, (_, n, _) in zip(self.keys, told, strict=True) if not closed(key))
        self.n_rows = sum(n for key, (_, _, n) in zip(self.keys, told, strict=True) if not closed(key))
        return whole.hexdigest()

    def _closed(self) -> Any:
        edge = self.settings.closed
        return lambda key: edge is not None and key[0] < edge

    def _open_days(self) -> list[int]:
        closed = self._closed()
        return sorted({key[0] for key in self.keys if not closed(key)})

    def _already(self, batch: str, replaces: str | None) -> Ingested | None:
        """Return the answer when nothing is to be done."""
        base = self.writer.base
        live, by = batch in base.batches, base.replaced.get(batch)
        told = Ingested(batch, base.number, True, rows=self.incoming.counts.rows)
        if replaces is not None and replaces not in base.batches:
            if base.replaced.get(replaces) == batch:
                return told  # done before
            raise OptionError(
                f"the batch that this is to replace was replaced by {str(base.replaced[replaces])[:16]}… already: "
                "name that one"
            )
        if live and replaces in (None, batch):
            return told
        if by is not None and replaces is None:
            return Ingested(batch, base.number, True, by, rows=self.incoming.counts.rows)
        return None

    # ---- into the next version ---------------------------------------------------------------------------

    def _take_out(self, draft: Draft, replaces: str | None, touched: dict[int, set[int]]) -> set[int]:
        """Take a batch out; return the buckets that it had pings in."""
        meta, closed = self.writer.base.batches[str(replaces)], self.settings.closed
        if closed is not None and any(day < closed for day in meta["days"]):
            raise StoreError(
                f"the batch to replace has pings of days before {iso_day(closed)}, which are closed: they cannot be "
                "taken out any more. Ingest the correction without replaces=, for the days that are open"
            )
        buckets = set()
        for entry in [e for e in draft.of("pings") if e.batch == replaces]:
            assert entry.day is not None
            assert entry.bucket is not None
            touched.setdefault(entry.day, set()).add(entry.bucket)
            buckets.add(entry.bucket)
            draft.drop(entry)
        return buckets

    def _put_pings(self, draft: Draft, batch: str, touched: dict[int, set[int]]) -> NewPings:
        """Give new devices and cells their codes, and write the pings of the open days."""
        seen_devices, seen_cells = self._seen
        local = [self._codes_of(draft, bucket, seen_devices) for bucket in range(self.settings.buckets)]
        cell = self._codes_of_cells(draft, seen_cells)
        n_buckets, closed = np.int32(self.settings.buckets), self._closed()
        new: NewPings = {}

        def put(key: tuple[int, int]) -> None:
            pings = self._compact(key)
            self._kept.pop(key, None)
            self.incoming.drop(*key)
            devices = local[key[1]][pings.devices] * n_buckets + np.int32(key[1])
            pings = Compact(devices, pings.seconds, cell[pings.cells], pings.rows)
            draft.put(parts.write_pings(draft.files, pings, *key, batch))
            if 16 * self.n_pings <= HELD:
                new[key] = {batch: pings}

        for day, bucket in self.keys:
            if not closed((day, bucket)):
                touched.setdefault(day, set()).add(bucket)
        on_threads(put, [key for key in self.keys if not closed(key)], self.threads)
        return new

    def _codes_of(self, draft: Draft, bucket: int, seen: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Return the local number of each ranked device of a bucket, -1 where it has no ping on an open day."""
        ids = self.ranked.devices[bucket]
        mine = np.flatnonzero(seen & (self.incoming.buckets == bucket))
        ranks = np.sort(self.ranked.device[mine])
        local = np.full(len(ids), -1, dtype=np.int32)
        local[ranks] = draft.devices.add(bucket, take(ids, ranks))
        return local

    def _codes_of_cells(self, draft: Draft, seen: NDArray[np.bool_]) -> NDArray[np.int32]:
        ranks = np.sort(self.ranked.cell[np.flatnonzero(seen)])
        codes = np.full(len(self.ranked.cells), -1, dtype=np.int32)
        codes[ranks] = draft.cells.add(take(self.ranked.cells, ranks))
        return codes

    def _put_towers(self, draft: Draft) -> None:
        """Keep where towers stand, where these are the cells: the newest table's word counts."""
        if self.settings.options.by != "tower" or self.pings.towers is None:
            return
        known = draft.one("towers")
        table = self.pings.towers
        if known is not None:
            table = parts.joined_towers(draft.files.read(known), table)
        draft.put(draft.files.write(table, kind="towers", compression="zstd"))

    # ---- what is said of it ------------------------------------------------------------------------------

    def _report(self, batch: str, made: Made, replaces: str | None) -> Ingested:
        counts = self.incoming.counts
        return Ingested(
            batch,
            0,
            rows=counts.rows,
            used=self.n_pings,
            collapsed=self.n_rows - self.n_pings,
            refused=dict(counts.refused),
            days=tuple(iso_day(day) for day in self._open_days()),
            made=tuple(iso_day(day) for day in sorted(made.days)),
        )

    def _meta(self, report: Ingested) -> dict[str, Any]:
        return {"rows": report.rows, "refused": report.refused, "days": self._open_days()}

    def _warn(self, draft: Draft, made: Made) -> None:
        for warning in self.incoming.warnings:
            warnings.warn(warning, stacklevel=5)
        if made.gaps is not None:
            warn_of_modal_gap(modal_gap(made.gaps), self.settings.options.max_gap_s)
        warn_of_conflicts(self._counts_of_made(draft, made))

    def _counts_of_made(self, draft: Draft, made: Made) -> Any:
        from cotrace.counts import Counts

        entries = [draft.one("stays", day, b) for day, buckets in made.days.items() for b in buckets]
        sums = {
            name: sum(e.meta[name] for e in entries if e is not None)
            for name in ("used", "collapsed", "conflicts")
        }
        return Counts(rows=sums["used"] + sums["collapsed"], **sums)


def _bytes_of(values: pa.Array) -> Iterator[Any]:
    """Return the content of an array of ids without nulls, as pieces to be digested."""
    import pyarrow as pa

    yield f"{values.type} {len(values)}".encode()
    if pa.types.is_integer(values.type):
        yield view(values, np.int64).tobytes()
    elif len(values):
        ends = np.frombuffer(values.buffers()[1], np.int64)[values.offset : values.offset + len(values) + 1]
        yield np.diff(ends).tobytes()
        text = values.buffers()[2]
        yield b"" if text is None else memoryview(text)[int(ends[0]) : int(ends[-1])]
