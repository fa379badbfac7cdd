"""Kernels of the daily store: a day of a small made city on its way in, and its rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

import kernel_inputs as given
from kernel_synth import Timed

BUCKETS = 16
DAY = 86_400


@cache
def incoming() -> Any:
    """Return all pings as an ingest has them after reading."""
    from cotrace.stays.lane import Encoded
    from cotrace.stays.shelf import Codes
    from cotrace.store.incoming import Incoming

    made, found = given.pings(), Incoming(1)
    found.append(Encoded(made.code, made.offset, made.cell), 0, lane())
    found._codes = [
        Codes(np.arange(given.DEVICES, dtype=np.int32), np.arange(made.cells.size, dtype=np.int32))
    ]
    return found


def lane() -> Any:
    """Return the dictionaries that the codes are of, as far as the collector looks at them."""
    from cotrace.ids import IntIds

    made, devices = given.pings(), IntIds()
    devices.encode_numpy(made.device)
    return SimpleNamespace(devices=devices, locate=SimpleNamespace(n_cells=made.cells.size))


def bucketed() -> Timed:
    from cotrace.kernels.store_pings import bucket_ids

    ids = given.pings().device[: given.BATCH]
    out = np.empty(ids.size, np.int32)
    return ids.size, lambda: bucket_ids(ids, BUCKETS, out)


def dealt() -> Timed:
    from cotrace.kernels.store_pings import count_parts, deal_parts

    made, batch = given.pings(), slice(0, given.BATCH)
    columns = made.code[batch], made.offset[batch], made.cell[batch]
    bucket_of = np.arange(given.DEVICES, dtype=np.int32) % BUCKETS
    first, last = (int(edge) // DAY for edge in (columns[1].min(), columns[1].max()))
    seen = np.zeros(given.DEVICES, np.uint8), np.zeros(made.cells.size, np.uint8)
    out = np.empty((given.BATCH, 3), np.int32)

    def deal() -> None:
        counts = np.zeros((last - first + 1) * BUCKETS, np.int64)
        count_parts(*columns, bucket_of, BUCKETS, first, counts)
        deal_parts(*columns, bucket_of, BUCKETS, first, np.cumsum(counts) - counts, *seen, out)

    return given.BATCH, deal


def compacted() -> Timed:
    found, made = incoming(), given.pings()
    devices, cells = (np.arange(n, dtype=np.int32) for n in (given.DEVICES, made.cells.size))
    n = sum(part.n for part in found.parts[1, 0])
    return n, lambda: found.compact(1, 0, devices, cells, given.DEVICES)


@cache
def compact() -> Any:
    """Return a day's pings in order."""
    return compacted()[1]()


def newest() -> Timed:
    from cotrace.kernels.store_pings import newest_pings

    out = np.empty((6, given.DEVICES), np.int32)
    order = given.pings().cells
    return compact().rows.size, lambda: newest_pings(*compact(), order, out)


@cache
def rows() -> np.ndarray:
    """Return stays as rows of a store's day."""
    return np.ascontiguousarray(given.stays().rows)


def cut() -> Timed:
    from cotrace.kernels.store_rows import cut_rows

    codes = np.arange(given.DEVICES, dtype=np.int32)
    out = np.empty((rows().shape[0] + given.DEVICES, 4), np.int32)
    return rows().shape[0], lambda: cut_rows(rows(), codes, codes, out)


def joined() -> Timed:
    from cotrace.kernels.store_rows import join_rows

    out = np.empty_like(rows())
    return rows().shape[0], lambda: join_rows(rows(), 0, 14 * DAY, out)


def by_cell() -> Timed:
    from cotrace.store.parts import by_cell

    buckets = [np.ascontiguousarray(rows()[rows()[:, 0] % BUCKETS == b]) for b in range(BUCKETS)]
    return rows().shape[0], lambda: by_cell(buckets, BUCKETS, given.pings().cells.size)


#: The kernels, and what times them.
STORE: dict[str, Callable[[], Timed]] = {
    "bucket_ids": bucketed,
    "count_parts+deal_parts": dealt,
    "group_pings+distinct_pings": compacted,
    "newest_pings": newest,
    "cut_rows": cut,
    "join_rows": joined,
    "merge_by_cell": by_cell,
}
