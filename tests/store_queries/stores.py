"""Stores of stays for tests: one that wraps stays in memory and keeps to the contract, and the real one."""

from __future__ import annotations

from dataclasses import dataclass
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
