"""Made worlds for the exposure queries: stays as plain rows and as cotrace has them, from the same pings."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pyarrow as pa
from tests import naive
from tests.naive import Making

import cotrace

Stay = tuple[Any, Any, int, int]
CELL_M = 800.0


def stays_of(rows: list[tuple[Any, ...]], making: Making, tz: str = "UTC") -> cotrace.Stays:
    """Return cotrace's stays of pings (device, time, x, y) or (device, time, tower)."""
    names = ["device", "time", "tower"] if making.cell_m is None else ["device", "time", "x", "y"]
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)) if rows else {}
    if not rows:
        columns = {
            "device": pa.array([], pa.int64()),
            "x": pa.array([], pa.float64()),
            "y": pa.array([], pa.float64()),
        }
    micros = pa.array([int(t * 1_000_000) for t in columns.get("time", [])], pa.int64())
    columns["time"] = micros.cast(pa.timestamp("us", tz=tz))
    options = cotrace.StayOptions(
        grid=None if making.cell_m is None else cotrace.Grid.planar(making.cell_m),
        by="tower" if making.cell_m is None else "grid",
        max_gap=f"{making.max_gap}s",
        fill=making.fill,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.find_stays(cotrace.read_pings(pa.table(columns)), options=options)


def plain_stays(rows: list[tuple[Any, ...]], making: Making) -> list[Stay]:
    """Return the oracle's stays of the same pings, cells packed."""
    found = naive.tracks(rows, making)
    where = {device: naive.seconds_in_cells(seen, making) for device, seen in found.seen.items()}
    return [(d, naive.packed(c), a, b) for d, c, a, b in naive.stays(where)]


def small_world(
    rng: random.Random, *, by_tower: bool = False, long: bool = False
) -> tuple[list[Any], Making]:
    """Return pings of a few devices in a few cells, over minutes (or days), and how stays are made."""
    step = 1800 if long else rng.choice([1, 7, 60])
    base = rng.choice([0, 1_635_724_800, 1_635_724_800 + 12_345, -86_400])
    count = rng.randint(40, 140) if long else rng.randint(1, 14)
    ids = rng.choice([[3, 10, -5, 7], ["b", "a", "10", "9"]])
    making = Making(
        max_gap=rng.choice([step, 3 * step, 10 * step]),
        fill="forward" if by_tower else rng.choice(["same_cell", "same_cell", "forward"]),
        cell_m=None if by_tower else CELL_M,
    )
    rows: list[Any] = []
    for device in ids[: rng.randint(1, 4)]:
        t, place = base + rng.randint(0, 5) * step, rng.randint(0, 3)
        for _ in range(count):
            spot = (
                (("p", "q", "s", "t")[place],)
                if by_tower
                else (place % 2 * 800.0 + 5, place // 2 * 800.0 + 5)
            )
            rows.append((device, t, *spot))
            t += rng.choice([1, 1, 2, 3, 12]) * step
            place = place if rng.random() < 0.6 else rng.randint(0, 3)
    return rows, making
