"""Make pings for benchmarks: daily Parquet files of a made city, any number of rows, in bounded memory.

    python benchmarks/make_pings.py --rows 10_000_000 --days 14 --out bench-data/10m

writes ``OUT/pings/day-00.parquet`` and so on (zstd, row groups of a million rows, in order of time, columns
``device``, ``time``, ``x``, ``y``), ``OUT/cases.csv`` (``device``, ``as_of``) and ``OUT/made.json`` (what was
made). The same arguments make the same bytes. Event times are whole seconds, positions whole metres
(``--step-m``). Stopped and called again, it goes on with the day that it had come to. ``--only-cases`` writes
another file of cases for pings that are there.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Semaphore
from typing import Any

import numpy as np

from common import read_json, write_json
from places import Towers, to_lonlat, write_grid

#: The first midnight; a Monday.
START = datetime(2021, 11, 1, tzinfo=UTC)
ROW_GROUP = 1_000_000
#: What decides about the pings alone; cases are drawn from them afterwards.
OF_PINGS = ("rows", "days", "seed", "ids", "positions", "city_km", "step_m", "gaps", "shuffle")


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


class DayWriter:
    """Writes days as Parquet files, one file a day, in the columns asked for."""

    def __init__(self, folder: Path, ids: Any, positions: str, step_m: float) -> None:
        import pyarrow as pa

        self.folder, self.ids, self.positions = folder, ids, positions
        self.step = float(round(step_m * 10))
        self.towers = Towers()
        self.names = {"xy": ("x", "y"), "lonlat": ("lon", "lat"), "tower": ("tower",)}[positions]
        types = [pa.int64()] if positions == "tower" else [pa.float64(), pa.float64()]
        fields = [("device", ids.type), ("time", pa.timestamp("us", tz="UTC"))]
        self.schema = pa.schema([*fields, *zip(self.names, types, strict=True)])

    def file(self, day: int) -> Path:
        """Return the file of a day."""
        return self.folder / f"day-{day:02d}.parquet"

    def table(self, code: np.ndarray, at: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        """Return rows as an Arrow table of the schema."""
        import pyarrow as pa

        if self.positions == "tower":
            places: tuple[np.ndarray, ...] = (self.towers.of(x, y),)
        else:
            places = to_lonlat(x, y) if self.positions == "lonlat" else (x, y)
        columns = [self.ids.take(pa.array(code)), pa.array(at).cast(self.schema.field("time").type)]
        return pa.table([*columns, *(pa.array(p) for p in places)], schema=self.schema)

    def write(self, day: int, out: np.ndarray, counts: np.ndarray) -> None:
        """Sort a day's events by time and write its file, which has its name only when it is whole."""
        import pyarrow.parquet as pq

        from city import gather, order_by_second

        order = np.empty(int(counts.sum()), np.int32)
        order_by_second(out, counts, order)
        midnight = int((START + timedelta(days=day)).timestamp()) * 1_000_000
        unfinished = self.file(day).with_suffix(".part")
        with pq.ParquetWriter(unfinished, self.schema, compression="zstd") as writer:
            for begin in range(0, order.size, ROW_GROUP):
                part = order[begin : begin + ROW_GROUP]
                code, at = np.empty(part.size, np.int32), np.empty(part.size, np.int64)
                x, y = np.empty(part.size), np.empty(part.size)
                gather(out, part, midnight, self.step, code, at, x, y)
                writer.write_table(self.table(code, at, x, y), row_group_size=ROW_GROUP)
        unfinished.rename(self.file(day))


class Progress:
    """Lines on stderr for work that takes long: at most one in five seconds."""

    def __init__(self, days: int) -> None:
        self.days, self.began, self.said, self.rows = days, time.perf_counter(), time.perf_counter(), 0

    def __call__(self, day: int, rows: int) -> None:
        """Say that a day was simulated."""
        self.rows, now = self.rows + rows, time.perf_counter()
        if now - self.said >= 5:
            self.said, spent = now, now - self.began
            left = spent / (day + 1) * (self.days - day - 1)
            line = f"day {day + 1} of {self.days}: {self.rows:,} rows, {spent:.0f} s, about {left:.0f} s left"
            print(line, file=sys.stderr, flush=True)


def make_days(writer: DayWriter, args: argparse.Namespace, devices: int) -> int:
    """Simulate the days in turn while two threads write those that are not there yet; return the rows."""
    from city import SLOTS, keep_silent, simulate_day

    buffers = [(np.empty((devices * SLOTS, 4), np.int32), np.zeros(devices, np.int32)) for _ in range(2)]
    free = list(range(len(buffers)))
    waiting = Semaphore(len(buffers))
    heard = np.full(devices, -1, np.int32)
    heard -= (np.arange(devices) * 7919 % 3000).astype(np.int32)
    progress = Progress(args.days)

    def write(day: int, buffer: int) -> None:
        try:
            if not writer.file(day).exists():
                writer.write(day, *buffers[buffer])
        finally:
            free.append(buffer)
            waiting.release()

    with ThreadPoolExecutor(len(buffers)) as pool:
        written = []
        for day in range(args.days):
            waiting.acquire()
            buffer = free.pop()
            out, counts = buffers[buffer]
            simulate_day(args.seed, day, 0, devices, args.city_km * 1000.0, heard, out, counts)
            if args.gaps:
                keep_silent(args.seed, day, args.gaps, out, counts)
            progress(day, int(counts.sum()))
            written.append(pool.submit(write, day, buffer))
        for done in written:
            done.result()
    return progress.rows


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


def begin(args: argparse.Namespace, folder: Path) -> None:
    """Make the folder ready: days that were written for the same arguments stay, all else goes."""
    asked = {name: getattr(args, name) for name in OF_PINGS}
    begun = args.out / "making.json"
    folder.mkdir(parents=True, exist_ok=True)
    # towers are noted while days are written, and shuffled files are no days: these begin anew
    goes_on = read_json(begun) == asked and args.positions != "tower" and not args.shuffle
    for old in [*folder.iterdir(), *args.out.glob("made.json"), *args.out.glob("*.csv")]:
        if not (goes_on and old.match("day-*.parquet")):
            old.unlink()
    write_json(begun, asked)


def make(args: argparse.Namespace) -> dict[str, Any]:
    """Make everything that the arguments ask for and return what was made."""
    from city import EVENTS_A_DAY

    began = time.perf_counter()
    folder = args.out / "pings"
    begin(args, folder)
    devices = max(1, round(args.rows / args.days / EVENTS_A_DAY / (1 - args.gaps)))
    ids = device_ids(devices, args.ids)
    writer = DayWriter(folder, ids, args.positions, args.step_m)
    rows = make_days(writer, args, devices)
    if args.shuffle:
        shuffle_files(folder, args.seed)
    if args.positions == "tower":
        writer.towers.write(args.out)
    if args.positions == "lonlat":
        write_grid(args.out / "grid.json", args.city_km)
    made = {name: getattr(args, name) for name in OF_PINGS}
    made["devices"], made["made_rows"] = devices, rows
    made["bytes"] = sum(f.stat().st_size for f in folder.glob("*.parquet"))
    write_json(args.out / "made.json", made)
    (args.out / "making.json").unlink()
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
    parser.add_argument("--step-m", type=float, default=1.0, help="resolution of positions, metres")
    parser.add_argument("--gaps", type=float, default=0.0, help="share of time in which a device is silent")
    parser.add_argument("--shuffle", action="store_true", help="rows in random order over all files")
    parser.add_argument("--spread-as-of", action="store_true", help="each case's as_of on a day of its own")
    parser.add_argument("--cases-file", default="cases.csv", help="name of the file of cases")
    parser.add_argument("--only-cases", action="store_true", help="the pings are there: write cases alone")
    return parser


def check(args: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Refuse what cannot be made."""
    if args.step_m < 0.1 or abs(args.step_m * 10 - round(args.step_m * 10)) > 1e-9:
        parser.error(f"--step-m {args.step_m}: a whole number of decimetres is needed")
    if not 0 <= args.gaps < 1:
        parser.error(f"--gaps {args.gaps}: a share below 1 is needed")


def main() -> None:
    """Make the pings and the cases, and print what was made."""
    parser = arguments()
    args = parser.parse_args()
    check(args, parser)
    made = read_json(args.out / "made.json") if args.only_cases else make(args)
    if made is None:
        parser.error(f"--only-cases: there are no pings in {args.out}")
    ids, cases = device_ids(made["devices"], made["ids"]), args.out / args.cases_file
    asked = {"cases": args.cases, "days": made["days"], "spread": args.spread_as_of, "seed": made["seed"]}
    write_cases(cases, ids, **asked)
    if "seconds" in made:
        rate = made["made_rows"] / made["seconds"] / 1e6
        print(
            f"{made['made_rows']:,} rows, {made['devices']:,} devices, {made['days']} days, "
            f"{made['bytes']:,} bytes, {made['seconds']} s ({rate:.1f} M pings/s)"
        )


if __name__ == "__main__":
    main()
