"""Small pings, and what is read of them."""

from __future__ import annotations

import warnings
from typing import Any

import pyarrow as pa

import cotrace
from cotrace.errors import CotraceWarning


def table(n: int = 6, **changes: Any) -> dict[str, Any]:
    """Return ``n`` pings of three devices in a plane, with some columns changed; None takes one away."""
    made: dict[str, Any] = {
        "device": [i % 3 for i in range(n)],
        "time": [1_635_724_800 + 60 * i for i in range(n)],
        "x": [float(100 * i) for i in range(n)],
        "y": [float(-i) for i in range(n)],
    }
    made.update(changes)
    return {name: values for name, values in made.items() if values is not None}


def lonlat(**changes: Any) -> dict[str, Any]:
    """Return three pings in degrees."""
    made = table(3, x=None, y=None, lon=[116.0, 116.1, 116.2], lat=[39.0, 39.1, 39.2])
    made.update(changes)
    return made


def arrow(n: int = 6, **changes: Any) -> pa.Table:
    """Return the same as an Arrow table."""
    return pa.table(table(n, **changes))


def rows_of(scan: Any) -> list[tuple[Any, ...]]:
    """Return (row, device, time, a, b, tower) of every ping."""
    rows: list[tuple[Any, ...]] = []
    for batch in scan:
        n = len(batch)
        columns = [batch.row_numbers().tolist(), batch.device.to_pylist(), batch.time.tolist()]
        columns += [[None] * n if v is None else v.tolist() for v in (batch.a, batch.b)]
        columns.append([None] * n if batch.tower is None else batch.tower.to_pylist())
        rows += zip(*columns, strict=True)
    return rows


def read(source: Any, *, threads: int = 1, **options: Any) -> tuple[list[tuple[Any, ...]], Any]:
    """Read pings in seconds whole, without being warned of refused rows; return the rows and the pings."""
    pings = cotrace.read_pings(source, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CotraceWarning)
        rows = rows_of(pings.scan(threads=threads))
    return rows, pings


def refused(pings: Any) -> list[tuple[int, str]]:
    """Return (row, reason) of the refused rows."""
    return [(r["row"], r["reason"]) for r in pings.refused.to_pylist()]
