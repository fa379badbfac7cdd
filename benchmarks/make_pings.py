"""Make pings for benchmarks: daily Parquet files of a made city, any number of rows, in bounded memory.

    python benchmarks/make_pings.py --rows 10_000_000 --days 14 --out bench-data/10m

writes ``OUT/pings/day-00.parquet`` and so on (zstd, row groups of a million rows, in order of time, columns
``device``, ``time``, ``x``, ``y``), ``OUT/cases.csv`` (``device``, ``as_of``) and ``OUT/made.json`` (what was
made). The same arguments make the same bytes. Event times are whole seconds.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np

#: The first midnight; a Monday.
START = datetime(2021, 11, 1, tzinfo=UTC)
ROW_GROUP = 1_000_000
#: Where the plane's origin is put when positions are asked for as longitude and latitude.
LON_0, LAT_0 = 106.55, 29.56
#: Towers stand on a lattice with this mesh.
TOWER_M, TOWER_SIDE = 700.0, 4096


def device_numbers(n: int) -> np.ndarray:
    """Return ``n`` different 11-digit numbers in no order: ids that are not dense, like phone numbers."""
    span = 6_999_999_937  # a prime: multiplication modulo a prime is one to one
    index = np.arange(1, n + 1, dtype=np.int64)
    factor = 2_654_435_761
    # the product has more than 63 bits: multiply in two halves
    high, low = factor >> 16, factor & 0xFFFF
    return 13_000_000_000 + (((index * high) % span << 16) + index * low) % span


def device_ids(n: int, kind: str) -> Any:
    """Return the device ids as an Arrow array of integers or strings."""
    import pyarrow as pa

    numbers = pa.array(device_numbers(n))
    return numbers.cast(pa.string()) if kind == "string" else numbers


def to_lonlat(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lay the plane on the Earth, near enough for a benchmark; six decimals, as such files have."""
    lon = LON_0 + x / (111_320.0 * np.cos(np.radians(LAT_0)))
    return np.round(lon, 6), np.round(LAT_0 + y / 110_574.0, 6)


class Towers:
    """A lattice of towers: which one a position is heard by, and the table of those that were used."""

    def __init__(self) -> None:
        self.used = np.zeros(TOWER_SIDE * TOWER_SIDE, np.bool_)

    def of(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the tower ids of positions."""
        half = TOWER_SIDE // 2
        at = (np.floor(x / TOWER_M) + half).astype(np.int64) * TOWER_SIDE
        at += (np.floor(y / TOWER_M) + half).astype(np.int64)
        self.used[at] = True
        return 46_000_000_000 + at

    def write(self, path: Path) -> None:
        """Write the table of the towers that were used."""
        at = np.flatnonzero(self.used)
        half = TOWER_SIDE // 2
        lon, lat = to_lonlat(
            (at // TOWER_SIDE - half + 0.5) * TOWER_M, (at % TOWER_SIDE - half + 0.5) * TOWER_M
        )
        lines = [
            f"{46_000_000_000 + i},{a:.6f},{b:.6f},{TOWER_M:.0f}"
            for i, a, b in zip(at, lon, lat, strict=True)
        ]
        path.write_text("\n".join(["tower,lon,lat,radius_m", *lines]) + "\n")


class DayWriter:
    """Writes days as Parquet files, one file a day, in the columns asked for."""

    def __init__(self, folder: Path, ids: Any, positions: str) -> None:
        import pyarrow as pa

        self.folder, self.ids, self.positions = folder, ids, positions
        self.towers = Towers()
        self.names = {"xy": ("x", "y"), "lonlat": ("lon", "lat"), "tower": ("tower",)}[positions]
        types = [pa.int64()] if positions == "tower" else [pa.float64(), pa.float64()]
        fields = [("device", ids.type), ("time", pa.timestamp("us", tz="UTC"))]
        self.schema = pa.schema([*fields, *zip(self.names, types, strict=True)])

    def table(self, code: np.ndarray, at: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        """Return rows as an Arrow table of the schema."""
        import pyarrow as pa

        if self.positions == "tower":
            places: tuple[np.ndarray, ...] = (self.towers.of(x, y),)
        else:
            places = to_lonlat(x, y) if self.positions == "lonlat" else (x, y)
        columns = [self.ids.take(pa.array(code)), pa.array(at).cast(self.schema.field("time").type)]
        return pa.table([*columns, *(pa.array(p) for p in places)], schema=self.schema)

    def write(self, day: int, out: np.ndarray, counts: np.ndarray) -> int:
        """Sort a day's events by time and write its file; return the rows."""
        import pyarrow.parquet as pq

        from city import gather, order_by_second

        order = np.empty(int(counts.sum()), np.int32)
        order_by_second(out, counts, order)
        midnight = int((START + timedelta(days=day)).timestamp()) * 1_000_000
        with pq.ParquetWriter(
            self.folder / f"day-{day:02d}.parquet", self.schema, compression="zstd"
        ) as writer:
            for begin in range(0, order.size, ROW_GROUP):
                part = order[begin : begin + ROW_GROUP]
                code, at = np.empty(part.size, np.int32), np.empty(part.size, np.int64)
                x, y = np.empty(part.size), np.empty(part.size)
                gather(out, part, midnight, code, at, x, y)
                writer.write_table(self.table(code, at, x, y), row_group_size=ROW_GROUP)
        return int(order.size)


def make_days(writer: DayWriter, *, devices: int, days: int, seed: int, city_m: float) -> int:
    """Simulate the days in turn while two threads write those that are done; return the rows."""
    from city import SLOTS, simulate_day

    buffers = [(np.empty((devices * SLOTS, 4), np.int32), np.zeros(devices, np.int32)) for _ in range(2)]
    free = list(range(len(buffers)))
    waiting = Semaphore(len(buffers))
    heard = np.full(devices, -1, np.int32)
    heard -= (np.arange(devices) * 7919 % 3000).astype(np.int32)

    def write(day: int, buffer: int) -> int:
        try:
            return writer.write(day, *buffers[buffer])
        finally:
            free.append(buffer)
            waiting.release()

    with ThreadPoolExecutor(len(buffers)) as pool:
        written = []
        for day in range(days):
            waiting.acquire()
            buffer = free.pop()
            simulate_day(seed, day, 0, devices, city_m, heard, *buffers[buffer])
            written.append(pool.submit(write, day, buffer))
        return sum(done.result() for done in written)


def shuffle_files(folder: Path, seed: int) -> None:
    """Deal the rows of all files to as many new ones, and each of these in random order: no order is left."""
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    files = sorted(folder.glob("*.parquet"))
    schema = pq.read_schema(files[0])
    dealt = [folder / f"dealt-{i:02d}.parquet" for i in range(len(files))]
    writers = [pq.ParquetWriter(path, schema, compression="zstd") for path in dealt]
    for file in files:
        for batch in pq.ParquetFile(file).iter_batches(ROW_GROUP):
            to = rng.integers(0, len(dealt), batch.num_rows)
            for i, writer in enumerate(writers):
                writer.write_batch(batch.take(np.flatnonzero(to == i)))
        file.unlink()
    for i, (path, writer) in enumerate(zip(dealt, writers, strict=True)):
        writer.close()
        table = pq.read_table(path)
        table = table.take(rng.permutation(table.num_rows))
        pq.write_table(table, folder / f"part-{i:02d}.parquet", compression="zstd", row_group_size=ROW_GROUP)
        path.unlink()


def write_cases(path: Path, ids: Any, *, cases: int, days: int, spread: bool, seed: int) -> None:
    """Write cases drawn at random, as_of the end of the data or spread over all of it after day 14."""
    chosen = np.random.default_rng(seed).permutation(len(ids))[:cases]
    end = START + timedelta(days=days)
    lines = ["device,as_of"]
    for n, i in enumerate(chosen):
        back = timedelta(hours=n * 24 * max(0, days - 14) // max(1, cases)) if spread else timedelta()
        lines.append(f"{ids[int(i)].as_py()},{(end - back).isoformat()}")
    path.write_text("\n".join(lines) + "\n")


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Make everything that the arguments ask for and return what was made."""
    from city import EVENTS_A_DAY

    began = time.perf_counter()
    folder = args.out / "pings"
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*folder.glob("*.parquet"), *args.out.glob("made.json")]:
        old.unlink()
    devices = max(1, round(args.rows / args.days / EVENTS_A_DAY))
    ids = device_ids(devices, args.ids)
    writer = DayWriter(folder, ids, args.positions)
    rows = make_days(writer, devices=devices, days=args.days, seed=args.seed, city_m=args.city_km * 1000.0)
    if args.shuffle:
        shuffle_files(folder, args.seed)
    if args.positions == "tower":
        writer.towers.write(args.out / "towers.csv")
    cases = args.out / "cases.csv"
    write_cases(cases, ids, cases=args.cases, days=args.days, spread=args.spread_as_of, seed=args.seed)
    made = {k: v for k, v in vars(args).items() if k != "out"}
    made["devices"], made["made_rows"] = devices, rows
    made["bytes"] = sum(f.stat().st_size for f in folder.glob("*.parquet"))
    (args.out / "made.json").write_text(json.dumps(made, indent=1) + "\n")
    return made | {"seconds": round(time.perf_counter() - began, 2)}


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000, help="about how many pings")
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--ids", choices=("int", "string"), default="int")
    parser.add_argument("--positions", choices=("xy", "lonlat", "tower"), default="xy")
    parser.add_argument(
        "--city-km", type=float, default=60.0, help="side of the city: smaller is more crowded"
    )
    parser.add_argument("--shuffle", action="store_true", help="rows in random order over all files")
    parser.add_argument("--spread-as-of", action="store_true", help="each case's as_of on a day of its own")
    return parser


def main() -> None:
    """Make the pings and print what was made."""
    made = make(arguments().parse_args())
    rate = made["made_rows"] / made["seconds"] / 1e6
    print(
        f"{made['made_rows']:,} rows, {made['devices']:,} devices, {made['days']} days, "
        f"{made['bytes']:,} bytes, {made['seconds']} s ({rate:.1f} M pings/s)"
    )


if __name__ == "__main__":
    main()
