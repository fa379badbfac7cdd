"""What is done to a store while something goes wrong: small ingests, forgettings and compactions of a ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.store.stops import Act

SETTINGS = {"buckets": 2, "tz": "UTC"}


def table(day: int, bucket: int, salt: int, rows: int = 3000) -> Any:
    """Return a table whose content says what it is of."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng([day, bucket, salt])
    device = np.sort(rng.integers(0, 1000, rows)).astype(np.int32)
    second = rng.integers(0, 86400, rows).astype(np.int32)
    return pa.table({"device": device, "second": second})


def prepare(root: Path) -> None:
    """Make a store of two days in three versions."""
    from cotrace.store.ledger import Ledger

    ledger = Ledger.create(root, SETTINGS)
    for day in (1, 2):
        _ingested(ledger, day, f"b{day}")


def _ingested(ledger: Any, day: int, batch: str) -> None:
    with ledger.write() as writer:
        if batch in writer.base.batches:
            return
        for bucket in range(2):
            pings = writer.files.write(
                table(day, bucket, 0), kind="pings", day=day, bucket=bucket, batch=batch
            )
            writer.add(pings)
            # the day before is made anew: its files go
            for old in writer.base.of("stays", day - 1, bucket):
                writer.remove(old)
                made = writer.files.write(
                    table(day - 1, bucket, day), kind="stays", day=day - 1, bucket=bucket
                )
                writer.add(made)
            writer.add(writer.files.write(table(day, bucket, 1), kind="stays", day=day, bucket=bucket))
        writer.add_batch(batch, {"rows": 6000})
        writer.set({"base": 1})
        writer.commit({"ingested": batch})


def ingest(root: Path) -> None:
    """Take in a third day."""
    from cotrace.store.ledger import Ledger

    _ingested(Ledger.open(root), 3, "b3")


def forget(root: Path) -> None:
    """Remove the first day, and remove it really."""
    from cotrace.store.ledger import Ledger

    with Ledger.open(root).write() as writer:
        gone = [entry for entry in writer.base.files if entry.day == 1]
        if gone:
            for entry in gone:
                writer.remove(entry)
            writer.drop_batch("b1")
            writer.commit({"forgot": 1})
        writer.collect()


def compact(root: Path) -> None:
    """Join both days' pings into one file each bucket."""
    from cotrace.store.ledger import Ledger

    with Ledger.open(root).write() as writer:
        for bucket in range(2):
            old = writer.base.of("pings", bucket=bucket)
            if len(old) > 1:
                for entry in old:
                    writer.remove(entry)
                writer.add(writer.files.write(table(9, bucket, 9), kind="pings", day=9, bucket=bucket))
        if len(writer.base.of("pings")) > 2:
            writer.commit({"compacted": True})
        writer.collect()


def content(ledger: Any, version: Any) -> Any:
    """Return all that a version has, read from its files, as a digest by file."""
    files = []
    for entry in version.files:
        rows = ledger.files.read(entry, use_threads=False)
        digest = hashlib.sha256()
        for column in rows.column_names:
            digest.update(rows[column].combine_chunks().to_numpy(zero_copy_only=False).tobytes())
        files.append((entry.kind, entry.day, entry.bucket, entry.batch, digest.hexdigest()))
    return sorted(files, key=str), version.batches, version.replaced, version.settings, version.what


def state(root: Path) -> Any:
    """Return what the newest version has."""
    from cotrace.store.ledger import Ledger

    ledger = Ledger.open(root)
    with ledger.pin() as version:
        return content(ledger, version)


def wrong(root: Path) -> list[str]:
    """Return what is damaged, and what was begun and is still there."""
    from cotrace.store.ledger import Ledger

    ledger = Ledger.open(root)
    found = [str(error) for error in ledger.verify()]
    found += [f"left in tmp: {path.name}" for path in (root / "tmp").iterdir()]
    found += [f"a journal: {path.name}" for path in root.glob("*-journal")]
    return found


def wrong_or_more(root: Path) -> list[str]:
    """Return that, and what is there beside what the newest version needs."""
    from cotrace.store.ledger import Ledger

    ledger = Ledger.open(root)
    found = wrong(root)
    with ledger.pin() as version:
        needed = {entry.name for entry in version.files}
        found += [f"versions: {ledger.versions()}"] * (ledger.versions() != [version.number])
    found += [f"left: {path.name}" for path in (root / "objects").glob("*/*") if path.stem not in needed]
    found += [
        f"lease: {path.name}" for path in (root / "leases").iterdir() if path.name != str(version.number)
    ]
    return found


INGEST = Act("ledger-ingest", prepare, ingest, state, wrong)
FORGET = Act("ledger-forget", prepare, forget, state, wrong_or_more)
COMPACT = Act("ledger-compact", prepare, compact, state, wrong_or_more)
LEDGER = (INGEST, FORGET, COMPACT)


def warmed() -> None:
    """Import what the acts need, so that children need not; starts no threads and runs no kernel."""
    import fcntl  # noqa: F401
    import io
    import sqlite3  # noqa: F401

    import pandas as pd  # noqa: F401
    import pyarrow as pa
    import pyarrow.parquet as pq
    from tests.store import store_acts

    import cotrace.store.ledger  # noqa: F401

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    file = io.BytesIO()
    pq.write_table(table(1, 0, 0), file)
    pq.ParquetFile(file).read(use_threads=False)["device"].combine_chunks().to_numpy()
    store_acts.warmed()


def every() -> tuple[Act, ...]:
    """Return all acts."""
    from tests.store import store_acts

    return *LEDGER, *store_acts.ACTS


@dataclass(frozen=True)
class Journey:
    """A store's life, step by step; each step, done again after it was cut, must come to the same."""

    name: str
    steps: tuple[Callable[[Path], Any], ...]
    state: Callable[[Path], Any]
    wrong: Callable[[Path], list[str]]


def created(root: Path) -> None:
    """Make an empty store."""
    from cotrace.store.ledger import Ledger

    Ledger.create(root, SETTINGS)


def _day(day: int) -> Callable[[Path], None]:
    def step(root: Path) -> None:
        from cotrace.store.ledger import Ledger

        _ingested(Ledger.open(root), day, f"b{day}")

    return step


LEDGER_LIFE = Journey("ledger", (created, _day(1), _day(2), ingest, forget, compact), state, wrong)


def journeys() -> tuple[Journey, ...]:
    """Return all journeys."""
    from tests.store import store_acts

    return LEDGER_LIFE, store_acts.JOURNEY


def worlds() -> tuple[tuple[str, Callable[[Path], Any], Callable[[Path], Any]], ...]:
    """Return stores to be damaged: name, how they are made, all that they answer."""
    from tests.store import store_acts

    return ("ledger", prepare, all_versions), ("store", store_acts.prepare, store_acts.all_of_it)


def all_versions(root: Path) -> Any:
    """Return what every version has."""
    from cotrace.store.ledger import Ledger

    ledger = Ledger.open(root)
    found = []
    for number in ledger.versions():
        with ledger.pin(number) as version:
            found.append((number, version.made_at, content(ledger, version)))
    return found
