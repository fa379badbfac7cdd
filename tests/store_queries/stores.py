"""Stores of stays for tests: one that wraps stays in memory and keeps to the contract, and the real one."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import cotrace


@dataclass(frozen=True)
class Read:
    """What was asked of a store at once, and how many rows it gave."""

    what: str
    start: int | None
    end: int | None
    devices: int | None
    cells: int | None
    rows: int


class FakeStore:
    """Stays in memory, handed out as a store hands them out: cut to the time, with all cells and few devices."""

    def __init__(self, stays: cotrace.Stays) -> None:
        assert stays.source_bits is None
        self._stays, self.asked = stays, list[Read]()

    @property
    def device_type(self) -> pa.DataType:
        return self._stays.devices.type

    def read_stays(
        self, *, what: str, start: Any = None, end: Any = None, devices: Any = None, cells: Any = None
    ) -> cotrace.Stays:
        whole = self._stays
        assert devices is None or devices.type == whole.devices.type
        assert cells is None or cells.type == whole.cells.values.type
        assert all(moment is None or type(moment) is int for moment in (start, end))
        rows = whole.rows.astype(np.int64)
        if start is not None:
            rows[:, 2] = np.maximum(rows[:, 2], start - whole.base)
        if end is not None:
            rows[:, 3] = np.minimum(rows[:, 3], end - whole.base)
        kept = rows[:, 2] < rows[:, 3]
        for column, known, asked in ((0, whole.devices, devices), (1, whole.cells.values, cells)):
            if asked is not None:
                there = pc.is_in(known, value_set=asked).to_numpy(zero_copy_only=False)
                kept &= there[rows[:, column]]
        rows = rows[kept]
        known = np.ones(len(whole.devices), dtype=bool)
        if devices is not None:
            known = pc.is_in(whole.devices, value_set=devices).to_numpy(zero_copy_only=False)
        elif cells is not None:
            known = np.isin(np.arange(known.size), rows[:, 0])
        rows[:, 0] = (np.cumsum(known) - 1)[rows[:, 0]]
        sizes = (None if asked is None else len(asked) for asked in (devices, cells))
        self.asked.append(Read(what, start, end, *sizes, rows=len(rows)))
        return cotrace.Stays(
            rows.astype(np.int32),
            whole.devices.filter(pa.array(known)),
            whole.cells,
            base=whole.base,
            tz=whole.tz,
            options=whole.options,
            counts=whole.counts,
            span=whole.span,
        )


def pings_of(stays: cotrace.Stays) -> pa.Table:
    """Return pings that stays like these are made of: at both ends of each, and often enough between them."""
    step = max(1, stays.options.max_gap_s)
    forward = stays.options.fill == "forward"
    rows = stays.rows.astype(np.int64)
    counts = np.maximum(1, -(-(rows[:, 3] - rows[:, 2]) // step)) + (not forward)
    whose = np.repeat(np.arange(len(rows)), counts)
    number = np.arange(whose.size) - np.repeat(np.cumsum(counts) - counts, counts)
    seconds = np.minimum(rows[whose, 2] + number * step, rows[whose, 3]) + stays.base
    cells = stays.cells.values.take(pa.array(rows[whose, 1]))
    columns = {
        "device": stays.devices.take(pa.array(rows[whose, 0])),
        "time": pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz=stays.tz)),
    }
    if stays.options.by == "tower":
        return pa.table({**columns, "tower": cells})
    grid = stays.cells.grid
    assert grid is not None
    a, b = grid.centre(cells.to_numpy(zero_copy_only=False))
    names = ("x", "y") if grid.kind == "planar" else ("lon", "lat")
    return pa.table({**columns, names[0]: a, names[1]: b})


def stored(
    stays: cotrace.Stays, folder: Path, parts: int, table: pa.Table | None = None
) -> tuple[cotrace.Stays, cotrace.Store]:
    """Return stays in memory and in a store that took the pings in some parts, in any order.

    They are of pings (``table``), or where there are none of such as stays like these may be made of.
    """
    options = replace(stays.options, grid=stays.cells.grid, fill=stays.options.fill or "same_cell")
    table = pings_of(stays) if table is None else table
    shuffled = np.random.default_rng(parts).permutation(table.num_rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cotrace.CotraceWarning)
        memory = cotrace.find_stays(cotrace.read_pings(table), options=options)
        store = cotrace.Store(folder, options, buckets=2)
        for k in range(parts):
            store.ingest(cotrace.read_pings(table.take(pa.array(shuffled[k::parts]))))
    return without_order(memory), store


def without_order(stays: cotrace.Stays) -> cotrace.Stays:
    """Return stays that do not say how their pings were brought in order, as a store does not."""
    return cotrace.Stays(
        stays.rows,
        stays.devices,
        stays.cells,
        base=stays.base,
        tz=stays.tz,
        options=stays.options,
        counts=replace(stays.counts, order=""),
        span=stays.span,
    )
