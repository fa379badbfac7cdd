"""The daily store on Spark: its stays as a frame, and a store made by a cluster; one format, whoever wrote it.

The store's folder is one that the driver and all executors see under one path: a shared file system.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import null_mask, plain, take
from cotrace.engine.spark.frames import (
    PACKED,
    Batches,
    batches_of,
    mapped,
    packed_of,
    plain_schema,
    spark_schema,
    tasks_of,
    to_arrow,
)
from cotrace.engine.spark.meaning import Meaning
from cotrace.engine.spark.pings import Recipe, SparkPings, check_pings, task_pings
from cotrace.engine.spark.stays import building_of, meaning_of_pings, warn_of_refused
from cotrace.engine.spark.work import quiet
from cotrace.errors import StoreError
from cotrace.options import StayOptions
from cotrace.schema import STAYS
from cotrace.store import parts
from cotrace.store.dictionaries import CellBook, buckets_of, rank_of
from cotrace.store.draft import Draft
from cotrace.store.files import FileEntry
from cotrace.store.incoming import Compact, Limits, read_incoming
from cotrace.store.ingest import _bytes_of
from cotrace.store.ledger import Ledger
from cotrace.store.reading import Snapshot
from cotrace.store.settings import Settings, iso_day
from cotrace.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["read_store", "write_store"]

_BUCKET = "cotrace_bucket"


# ---- reading -------------------------------------------------------------------------------------------------


def read_store(session: SparkSession, store: Store) -> DataFrame:
    """Return the stays of a store as a frame; a task a bucket of devices.

    Parameters
    ----------
    session : pyspark.sql.SparkSession
    store : Store
        In a folder that all executors see under the same path. The version that it reads is read, and kept for as long
        as ``store`` is open.

    Returns
    -------
    pyspark.sql.DataFrame
        The rows of ``store.stays()``, as :func:`find_stays` of this module gives them.

    Notes
    -----
    Nothing is shuffled: the store's buckets are what a shuffle by device would make. Lazy: files are read when the
    frame is used.
    """
    snapshot = store.snapshot
    towers = snapshot.cells.towers
    meaning = Meaning(snapshot.options, snapshot.tz, snapshot.device_type, snapshot.cells.values.type, towers)
    schema = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz)
    n = snapshot.settings.buckets
    task = _Read(str(store.path), store.version, schema)
    return mapped(session.range(0, n, 1, n), task, spark_schema(schema, meaning.metadata()))


@dataclass(frozen=True)
class _Read:
    """The task: the stays of some buckets."""

    path: str
    version: int
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        ledger = Ledger.open(self.path)
        with ledger.pin(self.version) as version:
            snapshot = Snapshot(ledger.files, version, 1)
            for batch in batches:
                for bucket in batch.column(0).to_pylist():
                    ids = snapshot.devices.of_bucket(bucket)
                    gone = null_mask(ids)
                    ids = ids if gone is None else take(ids, np.flatnonzero(~gone))
                    if len(ids):
                        yield from batches_of(snapshot.stays(devices=ids).to_arrow(), self.schema)


# ---- writing -------------------------------------------------------------------------------------------------


def write_store(
    pings: SparkPings,
    path: Any,
    *,
    options: StayOptions = StayOptions(),
    buckets: int = 16,
    wait: float = 10.0,
) -> Store:
    """Make a store of pings; from then on one machine reads it, and ingests further days.

    Parameters
    ----------
    pings : SparkPings
    path : path
        A folder that is not there, or a store that has no pings yet; all executors see it under this path.
    options : StayOptions
        How stays are made.
    buckets : int
        Into how many parts devices are dealt: no more tasks than these work at a time.
    wait : float
        Seconds to wait for another writer.

    Returns
    -------
    Store
        With one batch, of the id that one machine would give the same pings.

    Raises
    ------
    StoreError
        When the store has pings already: later days are ingested by one machine, or by another store.
    RefusedRowsError
        When no row can be used; the store stays empty.

    Warns
    -----
    CotraceWarning
        Of rows that cannot be used. What may spoil the stays of the others, :func:`count_pings` says.

    Notes
    -----
    Three jobs under the driver's lock: the cells; all files of each bucket; the index of each day. Tasks write files
    that are named by their content, so a task that is done again writes the same; nothing is seen before the driver
    commits. Files of tasks that died are removed by ``store.compact()``.
    """
    check_pings(pings)
    how = building_of(pings, options, 1, None)
    store = Store(path, how.options, buckets=buckets, wait=wait)
    if store.version or store.batches:
        raise StoreError("the store has pings already: ingest later days by one machine, store.ingest(pings)")
    store.close()
    ledger = Ledger.open(path)
    with ledger.write(wait) as writer:
        settings = Settings.from_dict(writer.base.settings).of_pings(pings.template, how.options)
        cells = _cells_of(pings, how.recipe, settings)
        told = _buckets(pings, str(ledger.root), how.recipe, settings, cells)
        rows, refused = _counted(told)
        warn_of_refused(rows, refused, how)
        _commit(writer, pings, settings, cells, told)
    return store.refresh()


def _cells_of(pings: SparkPings, recipe: Recipe, settings: Settings) -> pa.Array:
    """Return the cells that there are, in order: a job without a shuffle of pings."""
    import pyarrow as pa

    meaning = meaning_of_pings(pings, settings.options)
    kind = plain_schema(STAYS, meaning.device, meaning.cell, meaning.tz).field("cell")
    schema = pa.schema([kind])
    found = mapped(pings.frame, _Cells(recipe, settings.options, schema), spark_schema(schema)).distinct()
    return rank_of(plain(to_arrow(found)["cell"]).cast(meaning.cell))[1]


@dataclass(frozen=True)
class _Cells:
    """The task: the cells of a partition."""

    recipe: Recipe
    options: StayOptions
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        with quiet():
            incoming = read_incoming(task_pings(self.recipe, batches), self.options, 1, Limits(), 1)
        cells = take(incoming.cells, np.flatnonzero(incoming.seen()[1]))
        incoming.close()
        yield from batches_of(pa.table([cells], names=["cell"]), self.schema)


def _buckets(
    pings: SparkPings, path: str, recipe: Recipe, settings: Settings, cells: pa.Array
) -> list[dict[str, Any]]:
    """Write the files of all buckets; return what the tasks said of each."""
    from pyspark.sql.types import IntegerType, StructField, StructType

    n = settings.buckets
    fields = [*pings.frame.schema.fields, StructField(_BUCKET, IntegerType(), False)]
    dealt = mapped(pings.frame, _Deal(recipe, n), StructType(fields))
    dealt = dealt.repartition(min(n, tasks_of(pings.frame)), _BUCKET)
    packed = mapped(dealt, _Bucket(path, recipe, settings, cells), PACKED)
    return [json.loads(row.as_py()) for row in to_arrow(packed)["payload"]]


@dataclass(frozen=True)
class _Deal:
    """The task that says of each row which bucket its device is in; rows without a device are spread."""

    recipe: Recipe
    n_buckets: int

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        from cotrace.io.ids import read_ids

        convert = self.recipe.convert
        for batch in batches:
            ids, none = read_ids(batch.column(convert.columns.device), convert.device_type, "", 0)
            ids = plain(ids).cast(convert.device_type)
            bucket = np.arange(batch.num_rows, dtype=np.int32) % self.n_buckets
            there = np.flatnonzero(~none) if none is not None else np.arange(batch.num_rows)
            bucket[there] = buckets_of(take(ids, there), self.n_buckets)
            names = [*batch.schema.names, _BUCKET]
            yield pa.RecordBatch.from_arrays([*batch.columns, pa.array(bucket)], names=names)


class _BucketDraft(Draft):
    """The next version as a task sees it: all days of its buckets; the index of a day needs all buckets, and waits."""

    def __init__(self, path: str, settings: Settings, cells: pa.Array) -> None:
        from types import SimpleNamespace

        ledger = Ledger.open(path)
        with ledger.pin(0) as base:
            super().__init__(SimpleNamespace(files=ledger.files, base=base), settings, 1)  # type: ignore[arg-type]
        self.cells = CellBook(cells)

    def reindex(self, day: int, rows: Any) -> None:
        """Leave the index alone."""


@dataclass(frozen=True)
class _Bucket:
    """The task: the files of the buckets of a partition, and what the batch's id is made of."""

    path: str
    recipe: Recipe
    settings: Settings
    cells: Any

    def __call__(self, batches: Batches) -> Batches:
        columns = self.recipe.convert.columns.used
        rows = (batch.select(list(columns)) for batch in batches)
        with quiet():
            incoming = read_incoming(
                task_pings(self.recipe, rows), self.settings.options, self.settings.buckets, Limits(), 1
            )
            draft = _BucketDraft(self.path, self.settings, self.cells)
            devices, digests = _put_pings(incoming, draft, self.cells)
            draft.remake(_touched(digests))
        for bucket, ids in devices.items():
            draft.put(parts.write_devices(draft.files, ids, bucket))
        draft.files.settle()
        incoming.close()
        entries = [_kept(e) for kind in ("pings", "tails", "stays", "devices") for e in draft.of(kind)]
        said = {"entries": entries, "digests": digests, "counts": incoming.counts.as_dict()}
        yield from packed_of([("bucket", json.dumps(said).encode())])


def _put_pings(incoming: Any, draft: Draft, cells: pa.Array) -> tuple[dict[int, pa.Array], list[Any]]:
    """Write the pings of each day and bucket; codes are places in the order of ids and of cells, as in a new store."""
    from cotrace.store.dictionaries import places_of

    seen_devices, _ = incoming.seen()
    cell = places_of(incoming.cells, cells)
    n_buckets = np.int32(draft.settings.buckets)
    local = np.full(seen_devices.size, -1, dtype=np.int32)
    devices: dict[int, Any] = {}
    for bucket in range(n_buckets):
        mine = np.flatnonzero(seen_devices & (incoming.buckets == bucket))
        if mine.size:
            order, devices[bucket] = rank_of(take(incoming.devices, mine))
            local[mine[order]] = np.arange(mine.size, dtype=np.int32)
            draft.devices.add(bucket, devices[bucket])
    digests = []
    for day in incoming.days():
        for bucket in incoming.buckets_of_day(day):
            pings = incoming.compact(day, bucket, local, cell, len(devices[bucket]))
            incoming.drop(day, bucket)
            of = hashlib.blake2b(f"{(day, bucket)}".encode(), digest_size=32)
            for column in pings:
                of.update(column.data)
            digests.append(
                [day, bucket, of.hexdigest(), int(pings.rows.size), int(pings.rows.sum(dtype=np.int64))]
            )
            coded = Compact(pings.devices * n_buckets + np.int32(bucket), *pings[1:])
            draft.put(parts.write_pings(draft.files, coded, day, bucket, ""))
    return devices, digests


def _touched(digests: list[Any]) -> dict[int, set[int]]:
    touched: dict[int, set[int]] = {}
    for day, bucket, *_ in digests:
        touched.setdefault(day, set()).add(bucket)
    return touched


def _kept(entry: FileEntry) -> dict[str, Any]:
    return {**asdict(entry), "blocks": entry.blocks.hex()}


def _entry(kept: dict[str, Any]) -> FileEntry:
    return FileEntry(**{**kept, "blocks": bytes.fromhex(kept["blocks"])})


@dataclass(frozen=True)
class _Index:
    """The task: the index of some days, of the stays of all buckets."""

    path: str
    settings: Settings
    cells: Any
    stays: dict[int, list[dict[str, Any]]]

    def __call__(self, batches: Batches) -> Batches:
        draft = _BucketDraft(self.path, self.settings, self.cells)
        entries = []
        for batch in batches:
            for day in batch.column(0).to_pylist():
                for kept in self.stays.get(day, []):
                    draft.put(_entry(kept))
                Draft.reindex(draft, day, {})
                entries += [_kept(e) for kind in ("index", "places") for e in draft.of(kind, day)]
        draft.files.settle()
        yield from packed_of([("index", json.dumps(entries).encode())])


def _commit(
    writer: Any, pings: SparkPings, settings: Settings, cells: pa.Array, told: list[dict[str, Any]]
) -> None:
    """Write the index of all days by a job, and make it all a version."""
    draft = Draft(writer, settings, 1)
    entries = [_entry(kept) for one in told for kept in one["entries"]]
    digests = sorted(row for one in told for row in one["digests"])
    rows, refused = _counted(told)
    batch = _batch_id(draft, settings, cells, entries, digests, (rows, refused))
    for entry in entries:
        draft.put(replace(entry, batch=batch) if entry.kind == "pings" else entry)
    draft.cells.add(cells)
    for entry in _indexed(pings, str(writer.root), settings, cells, entries):
        draft.put(entry)
    if settings.options.by == "tower" and pings.template.towers is not None:
        draft.put(draft.files.write(pings.template.towers, kind="towers", compression="zstd"))
    days = sorted({day for day, *_ in digests})
    writer.add_batch(batch, {"rows": rows, "refused": refused, "days": days})
    said = {"what": "ingest", "batch": batch, "rows": rows, "by": "spark"}
    draft.commit(said | {"days": [iso_day(day) for day in days[:1]]})


def _counted(told: list[dict[str, Any]]) -> tuple[int, dict[str, int]]:
    """Return how many rows all tasks were given, and how many of them they refused for what."""
    refused = Counter[str]()
    for one in told:
        refused.update(one["counts"]["refused"])
    return sum(one["counts"]["rows"] for one in told), dict(refused)


def _batch_id(
    draft: Draft,
    settings: Settings,
    cells: pa.Array,
    entries: list[FileEntry],
    digests: list[Any],
    counted: tuple[int, dict[str, int]],
) -> str:
    """Return the digest of the pings, as an ingest by one machine makes it."""
    rows, refused = counted
    whole = hashlib.blake2b(digest_size=32)
    of_bucket = {entry.bucket: entry for entry in entries if entry.kind == "devices"}
    none = draft.devices.of_bucket(0)[:0]
    for bucket in range(settings.buckets):
        entry = of_bucket.get(bucket)
        values = none if entry is None else plain(draft.files.read(entry).column(0))
        for piece in _bytes_of(values):
            whole.update(piece)
    for piece in _bytes_of(cells):
        whole.update(piece)
    for _, _, digest, _, _ in digests:
        whole.update(bytes.fromhex(digest))
    whole.update(repr((rows, dict(sorted(refused.items())))).encode())
    return whole.hexdigest()


def _indexed(
    pings: SparkPings, path: str, settings: Settings, cells: pa.Array, entries: list[FileEntry]
) -> list[FileEntry]:
    """Write the index of every day, a task a day."""
    by_day: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        if entry.kind == "stays" and entry.day is not None:
            by_day.setdefault(entry.day, []).append(_kept(entry))
    if not by_day:
        return []
    session = pings.frame.sparkSession
    first, last = min(by_day), max(by_day) + 1
    days = session.range(first, last, 1, min(last - first, tasks_of(pings.frame)))
    packed = mapped(days, _Index(path, settings, cells, by_day), PACKED)
    return [_entry(kept) for row in to_arrow(packed)["payload"] for kept in json.loads(row.as_py())]
