"""The golden worlds put together into one input: far apart, so that nobody of one world meets anybody of another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import pyarrow as pa
from tests.properties.golden import COMPANIONS, EVIDENCE, golden_worlds
from tests.test_golden import _options, _rule

import cotrace

#: ids of a world are in a range of their own, and so are its cells: 3,277 km, a whole number of cells, apart
IDS, APART_M = 1000, 800.0 * 4096
APART_CELLS = 4096


class OneInput:
    """All worlds as one table of pings, and what is asked of each."""

    def __init__(self) -> None:
        self.worlds = golden_worlds()
        rows = [
            (number * IDS + device, time, x + number * APART_M, y)
            for number, world in enumerate(self.worlds)
            for device, time, x, y in world["pings"]
        ]
        device, *floats = zip(*rows, strict=True)
        columns = [pa.array(device, pa.int64()), *(pa.array(column, pa.float64()) for column in floats)]
        self.table = pa.table(columns, names=["device", "time", "x", "y"])

    def by_options(self) -> dict[cotrace.StayOptions, list[int]]:
        """Return the numbers of the worlds by their options for stays."""
        found: dict[cotrace.StayOptions, list[int]] = {}
        for number, world in enumerate(self.worlds):
            found.setdefault(_options(world), []).append(number)
        return found

    def options(self, number: int) -> cotrace.StayOptions:
        return _options(self.worlds[number])

    def rule(self, number: int) -> cotrace.CompanionRule:
        return _rule(self.worlds[number]["rule"])

    def cases(self, numbers: list[int]) -> pd.DataFrame:
        """Return the cases of worlds."""
        rows = [(n * IDS + device, as_of) for n in numbers for device, as_of in self.worlds[n]["cases"]]
        device, as_of = zip(*rows, strict=True)
        return pd.DataFrame({"device": device, "as_of": pd.to_datetime(list(as_of), unit="s", utc=True)})

    def answers(self, number: int) -> tuple[list[list[Any]], list[list[Any]]]:
        """Return the golden companions and evidence of a world, as they stand in the one input."""
        world = self.worlds[number]
        found = []
        for names, rows in ((COMPANIONS, world["companions"]), (EVIDENCE, world["evidence"])):
            found.append(
                [
                    [_moved(name, value, number) for name, value in zip(names, row, strict=True)]
                    for row in rows
                ]
            )
        return found[0], found[1]


def _moved(name: str, value: Any, number: int) -> Any:
    if name in ("case_id", "companion_id"):
        return value + number * IDS
    return value + number * APART_CELLS if name == "cell_col" else value


def golden_columns(table: pa.Table, names: list[str]) -> list[list[Any]]:
    """Return the rows of a table in the columns that golden answers have; instants as unix seconds."""
    columns = []
    for name in names:
        column = table[name]
        if pa.types.is_timestamp(column.type):
            column = pa.chunked_array([chunk.view(pa.int64()) for chunk in column.chunks], pa.int64())
            columns.append([v // 1_000_000 for v in column.to_pylist()])
        else:
            columns.append(column.to_pylist())
    return [list(row) for row in zip(*columns, strict=True)]


def each(step: int) -> Iterator[int]:
    """Return every so manieth world."""
    return iter(range(0, 160, step))
