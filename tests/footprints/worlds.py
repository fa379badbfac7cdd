"""Small made worlds of towers and stays at towers, for the library and for the oracle."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pyarrow as pa
from tests import naive_certainty as oracle

import cotrace

CELL_M = 800.0
BASE = 1_635_724_800
NOBODY = 0.02


def made_towers(rng: random.Random) -> list[dict[str, Any]]:
    """Return a few towers of one or two generations, some of them sectors on one mast."""
    towers = []
    for name in ("a", "b", "c", "d", "e", "f")[: rng.randint(1, 6)]:
        x, y = rng.uniform(-900, 2600), rng.uniform(-900, 2600)
        if towers and rng.random() < 0.3:
            x, y = towers[-1]["x"], towers[-1]["y"]
        towers.append(
            {
                "tower": name,
                "x": x,
                "y": y,
                "radius": rng.choice([20.0, 300.0, 900.0]),
                "generation": rng.choice(["4G", "4G", "5G"]),
                "azimuth": rng.choice([None, None, 0.0, 120.0, 240.0]),
            }
        )
    return towers


def tower_table(towers: list[dict[str, Any]]) -> dict[str, Any]:
    """Return towers as a table that cotrace reads."""
    return {
        "tower": pa.array([t["tower"] for t in towers], pa.large_string()),
        "x": [t["x"] for t in towers],
        "y": [t["y"] for t in towers],
        "radius_m": [t["radius"] for t in towers],
        "generation": [t["generation"] for t in towers],
        "azimuth": pa.array([t["azimuth"] for t in towers], pa.float64()),
    }


def made_population(rng: random.Random) -> dict[tuple[int, int], float] | None:
    """Return devices by cell, or None."""
    if rng.random() < 0.5:
        return None
    return {
        (c, r): rng.choice([0.0, 1.0, 5.0, 30.0]) + 0.5
        for c in range(-2, 4)
        for r in range(-2, 4)
        if rng.random() < 0.8
    }


def densities(population: dict[tuple[int, int], float] | None) -> dict[tuple[int, int], float] | None:
    """Return the oracle's densities: shares of the mean."""
    if population is None:
        return None
    mean = sum(population.values()) / len(population)
    return {cell: max(v / mean, NOBODY) for cell, v in population.items()}


def population_table(population: dict[tuple[int, int], float] | None) -> dict[str, Any] | None:
    """Return devices by cell as a table that cotrace reads."""
    if population is None:
        return None
    return {"cell": [(c << 32) + r for c, r in population], "population": list(population.values())}


def feet_of(found: cotrace.Footprints) -> dict[Any, oracle.Foot]:
    """Return cotrace's footprints as the oracle has them."""
    feet: dict[Any, oracle.Foot] = {}
    for row in found.table.to_arrow().to_pylist():
        feet.setdefault(row["tower"], {})[row["cell_col"], row["cell_row"]] = row["probability"]
    return feet


def made_stays(rng: random.Random, towers: list[str]) -> list[oracle.Stay]:
    """Return stays of a few devices that go from tower to tower, now and then with a silence between."""
    stays = []
    for device in (3, 10, -5, 7)[: rng.randint(2, 4)]:
        t, at = BASE + rng.randint(0, 20) * 60, rng.choice(towers)
        favourite = rng.choice(towers)
        for _ in range(rng.randint(1, 14)):
            length = rng.choice([60, 300, 600, 1200, 20_000])
            stays.append((device, at, t, t + length))
            t += length + (rng.choice([600, 90_000]) if rng.random() < 0.2 else 0)
            at = rng.choice([one for one in towers if one != at] or [at]) if rng.random() < 0.6 else favourite
            if at == stays[-1][1] and t == stays[-1][3]:
                t += 30
    return stays


def stays_of(stays: list[oracle.Stay]) -> cotrace.Stays:
    """Return the same as cotrace has it."""
    import numpy as np

    from cotrace.cells import Cells
    from cotrace.counts import Counts

    devices, towers = (sorted({s[k] for s in stays}) for k in (0, 1))
    rows = sorted((devices.index(d), towers.index(t), a - BASE, b - BASE) for d, t, a, b in stays)
    rows.sort(key=lambda row: (row[0], row[2]))
    names = pa.array(towers, pa.large_string())
    return cotrace.Stays(
        np.array(rows, dtype=np.int32).reshape(-1, 4),
        pa.array(devices, pa.int64()),
        Cells(names, None, None, "tower"),
        base=BASE,
        tz="UTC",
        options=cotrace.StayOptions(by="tower", fill="forward"),
        counts=Counts(),
        span=(BASE, max((s[3] for s in stays), default=BASE)),
    )


def pings_of(rows: list[tuple[Any, int, Any]]) -> cotrace.Pings:
    """Return a tower log (device, unix second, tower)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        device, time, tower = (list(c) for c in zip(*rows, strict=True))
        return cotrace.read_pings({"device": device, "time": time, "tower": tower}, unit="s")
