"""Rows of the oracle through the store, and its stays back as rows of the oracle."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.naive import Making
from tests.naive_store import Row, Stay

import cotrace
from cotrace.tables import Stays

CELL_M = 800.0


@contextmanager
def folder() -> Iterator[Path]:
    """Give a folder in memory where there is one: these tests are not of fsync."""
    memory = Path("/dev/shm")
    made = Path(tempfile.mkdtemp(prefix="cotrace-test-", dir=memory if memory.is_dir() else None))
    try:
        yield made / "store"
    finally:
        shutil.rmtree(made)


def pings_of(rows: list[Row], form: str = "xy") -> cotrace.Pings:
    """Return rows as pings: cells are (column, row) of a plane, or towers."""
    import pyarrow as pa

    text = bool(rows) and isinstance(rows[0][0], str)
    devices = pa.array([r[0] for r in rows], pa.string() if text else pa.int64())
    columns: dict[str, Any] = {"device": devices, "time": pa.array([r[1] for r in rows], pa.int64())}
    if form == "tower":
        columns["tower"] = pa.array([r[2] for r in rows], pa.string())
    else:
        for k, name in enumerate("xy"):
            at = [None if r[2] is None else r[2][k] * CELL_M + 1 for r in rows]
            columns[name] = pa.array(at, pa.float64())
    return cotrace.read_pings(pa.table(columns), unit="s")


def options_of(making: Making) -> cotrace.StayOptions:
    """Return the oracle's way of making stays as options."""
    return cotrace.StayOptions(
        by="tower" if making.cell_m is None else "grid",
        max_gap=f"{making.max_gap}s",
        fill=making.fill,  # type: ignore[arg-type]
        smooth=None if making.smooth is None else cotrace.PingPong(f"{making.smooth}s"),
    )


def rows_of(stays: Stays) -> list[Stay]:
    """Return a table of stays as rows of the oracle."""
    ids, cells = stays.devices.to_pylist(), stays.cells.values.to_pylist()
    return [
        (ids[d], _unpacked(cells[c]), a + stays.base, b + stays.base) for d, c, a, b in stays.rows.tolist()
    ]


def _unpacked(cell: Any) -> Any:
    if isinstance(cell, str):
        return cell
    low = cell % 2**32
    low = low - 2**32 if low >= 2**31 else low
    return (cell - low) >> 32, low


def packed(cell: Any) -> Any:
    """Return a cell of the oracle as it stands in tables."""
    return cell[0] * 2**32 + cell[1] if isinstance(cell, tuple) else cell
