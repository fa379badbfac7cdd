"""Forgetting: devices, or all that is before an instant, out of every file; and closing days to late files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError, StoreBusyError
from cotrace.store import parts
from cotrace.store.asking import asked_values
from cotrace.store.draft import Draft
from cotrace.store.incoming import Compact
from cotrace.store.settings import DAY, Settings, arrow_type, days_back, iso_day

if TYPE_CHECKING:
    from cotrace.store.collecting import Removed
    from cotrace.store.files import FileEntry
    from cotrace.store.ledger import Writer

__all__ = ["Forgotten", "close_days", "forget_before", "forget_devices", "midnight_day", "still_held"]


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten, or closed, and what was removed from the disk for it.

    Attributes
    ----------
    version : int
        The store's version now.
    devices, cells : int
        Ids of devices, and cells, that are in no file any more.
    days : int
        Days that were dropped; where days were closed, those.
    pings, stays : int
        Pings and rows of stays that are not there any more (a stay across midnight is two rows).
    files, bytes : int
        Data files that were removed from the disk, those of old versions and unfinished ones among them.
    kinds : dict
        ``{"files": …, "bytes": …, "rows": …}`` by kind of file.
    versions : tuple of int
        Versions that were removed.
    """

    version: int
    devices: int = 0
    cells: int = 0
    days: int = 0
    pings: int = 0
    stays: int = 0
    files: int = 0
    bytes: int = 0
    kinds: dict[str, dict[str, int]] = field(default_factory=dict)
    versions: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return (
            f"<Forgotten: version {self.version}; {self.devices:,} devices, {self.cells:,} cells, {self.days:,} days, "
            f"{self.pings:,} pings, {self.stays:,} rows of stays; removed {self.files:,} files ({self.bytes:,} bytes) "
            f"and {len(self.versions):,} versions>"
        )

    def with_removed(self, removed: Removed) -> Forgotten:
        """Return the same with what was removed from the disk."""
        return replace(
            self,
            files=removed.files,
            bytes=removed.bytes,
            kinds=removed.kinds,
            versions=tuple(removed.versions),
        )


def still_held(done: Forgotten, removed: Removed) -> StoreBusyError:
    """Return the error for a forgetting that readers of old versions keep from being finished."""
    held = ", ".join(str(v) for v in removed.held)
    return StoreBusyError(
        f"version {done.version} forgets and is what everybody reads from now on, but version {held} is still being "
        "read, so its files are still on the disk: let these readers end (close() or refresh() their stores), then "
        "call compact(), which removes them"
    )


def midnight_day(seconds: int, name: str) -> int:
    """Return the day (since 1970-01-01) that begins at an instant.

    Raises
    ------
    OptionError
        When none does.
    """
    if seconds % DAY:
        raise OptionError(
            f"{name} is {seconds % DAY:,} s after midnight UTC: the store's days begin there, name that instant "
            f"({iso_day(seconds // DAY)}T00:00:00+00:00, or of another day)"
        )
    return seconds // DAY


def forget_before(writer: Writer, day: int, threads: int) -> Forgotten:
    """Make a version as if no ping before a day had ever come, and take none any more."""
    draft = _draft(writer, threads)
    settings = draft.settings
    gone = [
        e
        for kind in ("pings", "tails", "stays", "index", "places")
        for e in draft.of(kind)
        if _is_before(e, day)
    ]
    n_pings = sum(e.meta["pings"] for e in gone if e.kind == "stays")
    n_stays = sum(e.rows for e in gone if e.kind == "stays")
    days = {e.day for e in gone if e.kind == "stays"}
    for entry in gone:
        draft.drop(entry)
    if settings.options.smooth is not None:
        draft.remake({day: set(range(settings.buckets))})
    else:
        for later in range(day, day + days_back(settings.options)):
            n_stays += _cut_rows(draft, later, (day - later) * DAY)
    draft.settings = replace(settings, closed=max(day, settings.closed or day))
    _trim_batches(draft, day)
    devices, cells = draft.retire_devices(list(range(settings.buckets))), draft.retire_cells()
    version = draft.commit({"what": "forget", "days": len(days), "devices": devices, "cells": cells})
    return Forgotten(version, devices, cells, len(days), n_pings, n_stays)


def _draft(writer: Writer, threads: int) -> Draft:
    return Draft(writer, Settings.from_dict(writer.base.settings), threads)


def _is_before(entry: FileEntry, day: int) -> bool:
    return entry.day is not None and entry.day < day


def _cut_rows(draft: Draft, day: int, edge: int) -> int:
    """Leave out what begins before a second (from the day's midnight); return how many rows that were."""
    changed: dict[int, NDArray[np.int32]] = {}
    n = 0
    for entry in draft.of("stays", day):
        rows = parts.read_stays(draft.files, entry)
        keep = rows[:, 2] >= edge
        if not keep.all():
            assert entry.bucket is not None
            changed[entry.bucket] = np.ascontiguousarray(rows[keep])
            n += int(rows.shape[0] - keep.sum())
            draft.put(parts.rewritten_stays(draft.files, changed[entry.bucket], entry))
    if changed:
        draft.reindex(day, changed)
    return n


def _trim_batches(draft: Draft, day: int) -> None:
    """Forget what batches said of days before; of a batch that has none left only its id stays, so that it is known."""
    for batch, meta in draft.base.batches.items():
        left = [d for d in meta["days"] if d >= day]
        if left != meta["days"]:
            rest = {"refused": meta["refused"]} if left else {"refused": {}}
            draft.writer.add_batch(batch, {**meta, **rest, "days": left})


def forget_devices(writer: Writer, devices: Any, threads: int) -> Forgotten:
    """Make a version as if devices, by id, had never been there; a store that is empty stays what it is.

    Raises
    ------
    OptionError
        Ids that have no exact counterpart of the store's type.
    """
    settings = Settings.from_dict(writer.base.settings)
    ids = asked_values(devices, arrow_type(settings.device_type), "device") if settings.fixed else None
    if ids is None:
        return Forgotten(writer.base.number)
    draft = _draft(writer, threads)
    codes = draft.devices.encode(ids)
    codes = np.unique(codes[codes >= 0])
    nb = draft.settings.buckets
    buckets = [int(b) for b in np.unique(codes % nb)]
    n_pings, n_stays = _leave_out(draft, codes, buckets)
    for bucket in buckets:
        draft.devices.forget(bucket, codes[codes % nb == bucket] // nb)
    cells = draft.retire_cells() if codes.size else 0
    version = draft.commit({"what": "forget", "devices": int(codes.size), "cells": cells})
    return Forgotten(version, int(codes.size), cells, 0, n_pings, n_stays)


def _leave_out(draft: Draft, codes: NDArray[np.int32], buckets: list[int]) -> tuple[int, int]:
    """Leave devices out of pings, tails, stays and indexes; return how many pings and rows of stays they had."""
    open_days: dict[int, set[int]] = {}
    closed: dict[int, dict[int, NDArray[np.int32]]] = {}
    before = _totals(draft, buckets)

    def one(bucket: int) -> None:
        mine = codes[codes % draft.settings.buckets == bucket]
        for entry in draft.of("pings", bucket=bucket):
            assert entry.day is not None
            if _without_pings(draft, entry, mine):
                open_days.setdefault(entry.day, set()).add(bucket)
        for entry in draft.of("tails", bucket=bucket):
            assert entry.day is not None
            if bucket not in open_days.get(entry.day, ()):
                rows = _without_rows(draft, entry, mine)
                if rows is not None:
                    closed.setdefault(entry.day, {})[bucket] = rows

    for bucket in buckets:
        one(bucket)
    for day, rows in sorted(closed.items()):
        draft.reindex(day, rows)
    draft.remake(open_days)
    after = _totals(draft, buckets)
    return before[0] - after[0], before[1] - after[1]


def _totals(draft: Draft, buckets: list[int]) -> tuple[int, int]:
    entries = [e for e in draft.of("stays") if e.bucket in buckets]
    return sum(e.meta["pings"] for e in entries), sum(e.rows for e in entries)


def _without_pings(draft: Draft, entry: FileEntry, codes: NDArray[np.int32]) -> bool:
    """Write what a batch brought of a day and bucket without devices; return whether any of them was in it."""
    assert entry.day is not None
    assert entry.bucket is not None
    assert entry.batch is not None
    (devices,) = parts.numbers_of(draft.files.read(entry, ["devices"], use_threads=False))
    gone = np.isin(devices, codes)
    if not gone.any():
        return False
    pings = parts.read_pings(draft.files, entry)
    draft.drop(entry)
    if not gone.all():
        rest = Compact(*(column[~gone] for column in pings))
        draft.put(parts.write_pings(draft.files, rest, entry.day, entry.bucket, entry.batch))
    return True


def _without_rows(draft: Draft, entry: FileEntry, codes: NDArray[np.int32]) -> NDArray[np.int32] | None:
    """Write the tails and the stays of a closed day and bucket without devices; return the rows, None: none had any."""
    assert entry.day is not None
    assert entry.bucket is not None
    tails = parts.read_tails(draft.files, entry)
    keep = ~np.isin(tails.devices, codes)
    if keep.all():
        return None
    stays = draft.one("stays", entry.day, entry.bucket)
    assert stays is not None
    rows = parts.read_stays(draft.files, stays)
    rows = np.ascontiguousarray(rows[~np.isin(rows[:, 0], codes)])
    draft.drop(entry)
    draft.drop(stays)
    if keep.any():
        tails = tails.some(keep)
        draft.put(parts.write_tails(draft.files, tails, entry.day, entry.bucket))
        draft.put(parts.write_stays(draft.files, rows, tails.counts(), entry.day, entry.bucket))
    return rows


def close_days(writer: Writer, day: int, threads: int) -> Forgotten:
    """Make a version that takes no pings of days before this one any more, and has dropped those it had."""
    draft = _draft(writer, threads)
    settings = draft.settings
    if settings.options.smooth is not None:
        raise OptionError(
            "stays are smoothed here, and smoothing looks back without end: days cannot be closed. Leave close_before "
            "out, or keep a store without smooth="
        )
    gone = [e for e in draft.of("pings") if _is_before(e, day)]
    for entry in gone:
        draft.drop(entry)
    draft.settings = replace(settings, closed=max(day, settings.closed or day))
    days = {e.day for e in gone}
    version = writer.base.number
    if gone or draft.settings != settings:
        version = draft.commit({"what": "close", "days": len(days)})
    return Forgotten(version, days=len(days), pings=sum(e.meta["pings"] for e in gone))
