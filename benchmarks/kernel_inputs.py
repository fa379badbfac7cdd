"""What the kernels are measured on: two weeks of a small made city, and what cotrace makes of it."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import numpy as np

#: Pings in a batch, as the library reads them.
BATCH = 131_072
DEVICES, DAYS, SEED, CITY_M = 3_000, 14, 1, 15_000.0
CASES = 50
HOUR_S = 3600
DEVICES_OF_SPANS = 100_000


class Pings(NamedTuple):
    """Pings by time: ids and codes of devices, unix seconds, seconds from the start, metres, codes of cells."""

    device: np.ndarray
    code: np.ndarray
    time: np.ndarray
    offset: np.ndarray
    x: np.ndarray
    y: np.ndarray
    cell: np.ndarray
    cells: np.ndarray


@cache
def pings() -> Pings:
    """Return the pings of the city: about two million."""
    from city import SLOTS, gather, order_by_second, simulate_day
    from cotrace.grid import Grid
    from cotrace.ids import IntIds
    from make_pings import START, device_numbers

    out, counts = np.empty((DEVICES * SLOTS, 4), np.int32), np.zeros(DEVICES, np.int32)
    heard, days, first = np.full(DEVICES, -1, np.int32), [], int(START.timestamp())
    for day in range(DAYS):
        simulate_day(SEED, day, 0, DEVICES, CITY_M, heard, out, counts)
        n = int(counts.sum())
        order = np.empty(n, np.int32)
        order_by_second(out, counts, order)
        columns = np.empty(n, np.int32), np.empty(n, np.int64), np.empty(n), np.empty(n)
        gather(out, order, (first + day * 86_400) * 1_000_000, 10.0, *columns)
        days.append(columns)
    number, micros, x, y = (np.concatenate(parts) for parts in zip(*days, strict=True))
    device, time = device_numbers(DEVICES)[number], micros // 1_000_000
    devices, cells = IntIds(), IntIds()
    code, cell = devices.encode_numpy(device), cells.encode_numpy(Grid.planar(800).binner("xy")(x, y))
    return Pings(device, code, time, (time - first).astype(np.int32), x, y, cell, cells.array)


def options(**more: Any) -> Any:
    """Return the options of the stays."""
    import cotrace

    return cotrace.StayOptions(fill="forward", grid=cotrace.Grid.planar(800), **more)


def filled(builder: Any, first: int, last: int) -> Any:
    """Return a builder of stays after the pings ``[first, last)``, batch by batch."""
    made = pings()
    for at in range(first, last, BATCH):
        batch = slice(at, min(at + BATCH, last))
        builder.append(made.code[batch], made.offset[batch], made.cell[batch], DEVICES)
    return builder


def new_builder(hold_heads: bool = False, **more: Any) -> Any:
    """Return a builder of stays."""
    from cotrace.stays.builder import StayBuilder

    return StayBuilder(options(**more), lambda: pings().cells, hold_heads)


@cache
def smoothing_builder() -> Any:
    """Return a builder that has all pings and is to smooth them."""
    import cotrace

    return filled(new_builder(smooth=cotrace.PingPong("5min")), 0, pings().code.size)


@cache
def two_spans(devices: int = DEVICES_OF_SPANS) -> tuple[Any, Any]:
    """Return builders of two neighbouring spans of many devices, each heard twice in both."""
    codes = np.tile(np.arange(devices, dtype=np.int32), 2)
    cells = np.arange(codes.size, dtype=np.int32) % pings().cells.size
    spans = new_builder(), new_builder(hold_heads=True)
    for start, span in zip((0, 2 * HOUR_S), spans, strict=True):
        times = np.repeat(np.array([start, start + HOUR_S], np.int32), devices)
        span.append(codes, times, cells, devices)
    return spans


def copies(value: Any) -> Any:
    """Return a copy that a call may use up."""
    return deepcopy(value)


@cache
def stays() -> Any:
    """Return the stays of everybody."""
    import cotrace

    made = pings()
    table = {"device": made.device, "time": made.time, "x": made.x, "y": made.y}
    return cotrace.find_stays(cotrace.read_pings(table, unit="s"), options=options(), threads=1)


@cache
def case_ids() -> Any:
    """Return the ids of the cases: some devices, spread over all."""
    from cotrace.arrays import take

    return take(stays().devices, np.linspace(0, len(stays().devices) - 1, CASES).astype(np.int64))


@cache
def index() -> Any:
    """Return the index of the cases' cells."""
    from cotrace.companions.index import index_of_stays

    return index_of_stays(stays(), case_ids(), 1)


def windows() -> np.ndarray:
    """Return the lookback of each case: all of the data."""
    return np.tile(np.array([0, DAYS * 86_400, 0], np.int64), (CASES, 1))


@cache
def matches() -> Any:
    """Return what the matcher finds."""
    import cotrace
    from cotrace.companions.matching import match

    return match(index(), windows(), cotrace.CompanionRule(), 1)
