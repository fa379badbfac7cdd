"""Made rows as daily Parquet files, on any number of threads and in bounded memory."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.meter import Progress, reporter
from cotrace.stays.passes import usable_threads
from cotrace.synth.blocks import Lane, Rows
from cotrace.threads import Crew

if TYPE_CHECKING:
    import os

    from cotrace.tables import Table

__all__ = ["Written", "encoding_of", "write"]

#: blocks of a file: some eight million rows
_BLOCKS_A_FILE = 8
#: found by measurement (benchmarks/synth.py): a fifth of the size of plain pages, for 25 ns a row more
_ENCODED: dict[str, Any] = {
    "compression": "none",
    "use_dictionary": ["x", "y", "event", "accuracy"],
    "column_encoding": dict.fromkeys(("device", "time", "tower"), "DELTA_BINARY_PACKED"),
}


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    folder : Path
    files : int
        Files of rows.
    rows, size : int
        Rows, and bytes of their files.
    seconds : float
        How long it took.
    counts : dict of str to int
    """

    folder: Path
    files: int
    rows: int
    size: int
    seconds: float
    counts: dict[str, int]

    def __str__(self) -> str:
        rate = self.rows / max(self.seconds, 1e-9) / 1e6
        return (
            f"{self.rows:,} rows in {self.files:,} files, {self.size / 1e6:,.1f} MB, {self.seconds:,.1f} s "
            f"({rate:.1f} million rows a second)"
        )


def write(
    rows: Rows,
    folder: str | os.PathLike[str],
    *,
    tables: Mapping[str, Table] | None = None,
    truth: Mapping[str, Any] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write made rows as daily Parquet files, and beside them the towers and what is true.

    Parameters
    ----------
    rows : Signals or Fixes
        As :func:`cotrace.synth.signals` and :func:`cotrace.synth.gps` make them.
    folder : path
        Is made where it is not there; must be empty of what is written.
    tables : dict of str to Table, optional
        Further tables by the name of their file: cases, meetings, tree.
    truth : dict, optional
        What else ``truth.json`` is to say.
    threads : int, optional
        The files do not depend on it, to the byte.
    progress : callable or "bar", optional
        Called with the rows so far and how many there will be, about; as in :func:`cotrace.find_stays`.

    Returns
    -------
    Written

    Raises
    ------
    OptionError
        When there are files of this kind in the folder.

    Notes
    -----
    ``pings/day=2021-11-01/part-000.parquet`` and so on: days by the city's clock, a block of devices a row group, rows
    in the order of their arrival within it. ``towers.parquet`` for signals; ``truth.json``: seeds, options, counts,
    versions. About 150 MB a thread, whatever the size of the city.

    Examples
    --------
    >>> import tempfile
    >>> from cotrace import synth
    >>> city = synth.city(seed=1, area_km2=4, population=100, stations=40, days=2)
    >>> made = synth.signals(city, synth.towers(city, seed=1), seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = synth.write(made, folder)
    >>> written.files, written.rows == made.counts["logged"] + made.counts["duplicated"]
    (2, True)
    """
    began, to = time.perf_counter(), Path(folder)
    pings = to / "pings"
    if pings.exists() and any(pings.iterdir()):
        raise OptionError(f"{str(pings)!r} is not empty: name a new folder, or take out what is there")
    pings.mkdir(parents=True, exist_ok=True)
    total, size, files = _write_days(rows, pings, usable_threads(threads), reporter(progress))
    rows.keep_counts(total)
    given = dict(tables or {})
    network = getattr(rows, "network", None)
    if network is not None:
        given.setdefault("towers", network.table())
    import pyarrow.parquet as pq

    for name, table in given.items():
        pq.write_table(table.to_arrow(), to / f"{name}.parquet", compression="zstd")
    n = rows.rows_of(total)
    facts = {**about(rows), **(truth or {}), "rows": n, "counts": rows.counts}
    (to / "truth.json").write_text(json.dumps(facts, indent=1, default=str) + "\n")
    return Written(to, files, n, size, time.perf_counter() - began, rows.counts)


def about(rows: Rows) -> dict[str, Any]:
    """Say what rows were made from: city, seeds, options, versions."""
    import pyarrow as pa

    from cotrace import __version__

    city = rows.city
    names = ("name", "seed", "scale", "area_km2", "population", "stations", "days", "start")
    return {
        "what": f"{type(rows).__name__.lower()} of a made city",
        "city": {name: getattr(city, name) for name in names},
        "seed": rows.seed,
        **rows.describe(),
        "versions": {
            "cotrace": __version__,
            "numpy": np.__version__,
            "pyarrow": pa.__version__,
            "python": platform.python_version(),
        },
    }


def _write_days(
    rows: Rows, folder: Path, threads: int, progress: Callable[[int, int | None], object] | None
) -> tuple[NDArray[np.int64], int, int]:
    """Write all files; return what was counted, their bytes and their number."""
    pieces = []
    for day in range(rows.city.days):
        blocks = rows.blocks(day)
        to = folder / f"day={(rows.city.start + timedelta(days=day)).date().isoformat()}"
        to.mkdir(exist_ok=True)
        for part, first in enumerate(range(0, max(1, len(blocks)), _BLOCKS_A_FILE)):
            pieces.append((to / f"part-{part:03d}.parquet", blocks[first : first + _BLOCKS_A_FILE]))
    crew = Crew(threads)
    lanes = [Lane(columns_too=True) for _ in range(min(threads, len(pieces)))]
    done, everything = [0, 0], rows.city.population * rows.city.days

    def work(piece: int, thread: int) -> NDArray[np.int64]:
        return _write_file(rows, *pieces[piece], lanes[thread], crew)

    def hear(news: int) -> None:
        done[0] += news >> 32
        done[1] += news & 0xFFFFFFFF
        if progress is not None:
            progress(done[0], round(done[0] * everything / max(1, done[1])))

    total = np.zeros(len(rows.counted), np.int64)
    for counts in crew.run(work, len(pieces), hear):
        total += counts
    return total, sum(path.stat().st_size for path, _ in pieces), len(pieces)


def _write_file(
    rows: Rows, path: Path, blocks: list[tuple[int, int, int]], lane: Lane, crew: Crew
) -> NDArray[np.int64]:
    """Write one file, which has its name only when it is whole; return what was counted."""
    import pyarrow.parquet as pq

    total = np.zeros(len(rows.counted), np.int64)
    unfinished = path.with_suffix(".unfinished")
    try:
        with pq.ParquetWriter(unfinished, rows.schema, **encoding_of(rows.names)) as writer:
            for at in blocks:
                if crew.stopped:
                    return total
                block = rows.block(*at, lane)
                total += block.counts
                if len(block):
                    writer.write_batch(rows.arrow(block.columns), row_group_size=len(block))
                crew.tell((len(block) << 32) + at[2] - at[1])
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return total


def encoding_of(names: tuple[str, ...]) -> dict[str, Any]:
    """Return how these columns are written."""
    return {
        "compression": _ENCODED["compression"],
        "use_dictionary": [n for n in names if n in _ENCODED["use_dictionary"]],
        "column_encoding": {n: e for n, e in _ENCODED["column_encoding"].items() if n in names},
    }
