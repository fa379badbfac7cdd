"""What a plan is made of: the footers of the Parquet files, some row groups, the stays of some devices."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.durations import Duration
from cotrace.engine.spark.frames import to_arrow
from cotrace.engine.spark.meaning import meaning_of
from cotrace.engine.spark.parts import seconds_of, stays_of
from cotrace.engine.spark.pings import SparkPings, local_pings
from cotrace.engine.spark.stays import building_of
from cotrace.engine.spark.work import quiet
from cotrace.errors import CotraceWarning
from cotrace.exposure.pairs import pairs as local_pairs
from cotrace.options import CompanionRule, StayOptions
from cotrace.schema import STAYS
from cotrace.stays.passes import one_pass
from cotrace.windows import _counted

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

__all__ = ["Sample", "Scanned", "expected_pairs", "sample_of", "scanned"]

#: footers that are read; of more files the others are taken to be like them
_FOOTERS = 200
#: rows of the sample, and of one piece of it
_ROWS, _PIECE = 600_000, 200_000
#: stays of the devices that pairs are counted of, and the smallest crowd that a sample can tell
_STAYS, _CROWD = 1_000_000, 20
#: bytes that Spark compresses together
_BLOCK = 1 << 15
#: bytes of a text that are looked at
_LONGEST = 256


@dataclass(frozen=True)
class Scanned:
    """What the footers say.

    Attributes
    ----------
    rows : int
    bytes : int
        Of the columns that are used, as they are compressed in the files.
    files : int
    how : str
        Where the figures are from.
    pieces : list
        Files and row groups for a sample.
    """

    rows: int
    bytes: int
    files: int
    how: str
    pieces: list[tuple[str, int]]


def scanned(frame: DataFrame, names: Sequence[str]) -> Scanned:
    """Read the footers of a frame's Parquet files; without any, count its rows by a job."""
    files = sorted(frame.inputFiles()) if _is_plain_scan(frame) else []
    if not files or not all(".parquet" in name for name in files):
        rows = frame.count()
        size = frame._jdf.queryExecution().optimizedPlan().stats().sizeInBytes()
        return Scanned(
            rows, min(int(str(size)), 1 << 62), 0, "counted by a job: these are no Parquet files", []
        )
    read = files if len(files) <= _FOOTERS else [files[i * len(files) // _FOOTERS] for i in range(_FOOTERS)]
    rows = total = 0
    pieces: list[tuple[str, int]] = []
    for name in read:
        footer = _open(name).metadata
        rows += footer.num_rows
        for group in range(footer.num_row_groups):
            pieces.append((name, group))
            about = footer.row_group(group)
            columns = (about.column(k) for k in range(about.num_columns))
            total += sum(c.total_compressed_size for c in columns if c.path_in_schema.split(".")[0] in names)
    times = len(files) / len(read)
    how = f"from the footers of {len(read):,} of {len(files):,} Parquet files"
    return Scanned(round(rows * times), round(total * times), len(files), how, pieces)


def _is_plain_scan(frame: DataFrame) -> bool:
    """Say whether a frame is files and nothing but a choice of columns: no filter, no join."""
    nodes = frame._jdf.queryExecution().optimizedPlan().toString().strip().splitlines()
    return all(line.strip(" +-:").startswith(("Relation ", "Project ", "RelationV2")) for line in nodes)


def _open(name: str) -> Any:
    import pyarrow.parquet as pq
    from pyarrow import fs

    system, path = fs.FileSystem.from_uri(name)
    return pq.ParquetFile(path, filesystem=system)


@dataclass(frozen=True)
class Sample:
    """What the sample says, for one ping or one hour.

    Attributes
    ----------
    rows : int
    stays_a_ping : float
    devices : int
    shuffled_a_row : float
        Bytes of a row as Spark writes it into a shuffle, compressed.
    met_an_hour : float
        Other devices in its cell in an hour, for a device that is seen.
    hours : float
        That the sample spans.
    """

    rows: int
    stays_a_ping: float
    devices: int
    shuffled_a_row: float
    met_an_hour: float
    hours: float


def sample_of(pings: SparkPings, found: Scanned, options: StayOptions) -> Sample:
    """Read some row groups with the local engine."""
    tables = [_sampled(pings, piece) for piece in _spread(found.pieces)] if found.pieces else [_head(pings)]
    how = building_of(pings, options, 1, None)
    n = stays = devices = 0
    met = hours = 0.0
    for table in tables:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CotraceWarning)
            built = one_pass(local_pings(how.recipe, table), how.options, threads=1)
        made = built.stays()
        n, stays, devices = n + table.num_rows, stays + len(made), devices + built.n_devices
        if built.span is not None:
            hours += (built.span[1] - built.span[0]) / 3600
        crowd = _counted(made, 3600)[:, 2].astype(np.float64)
        met += float((crowd * (crowd - 1)).sum() / max(crowd.sum(), 1)) / len(tables)
    a_row = sum(_shuffled(table) * table.num_rows for table in tables) / max(n, 1)
    return Sample(n, stays / max(n, 1), devices, a_row, met, hours)


def _spread(pieces: list[tuple[str, int]]) -> list[tuple[str, int]]:
    n = min(len(pieces), _ROWS // _PIECE)
    return [pieces[(2 * i + 1) * len(pieces) // (2 * n)] for i in range(n)]


def _sampled(pings: SparkPings, piece: tuple[str, int]) -> pa.Table:
    """Return a row group, as Spark gives it to tasks."""
    name, group = piece
    read = _open(name).read_row_group(group, columns=list(pings.template.columns.used))
    schema = pings.template._source.schemas()[0][1]
    return read.slice(0, max(_PIECE, 1)).select(schema.names).cast(schema)


def _head(pings: SparkPings) -> pa.Table:
    return to_arrow(pings.frame.limit(_PIECE))


def _shuffled(table: pa.Table) -> float:
    """Return the bytes of a row in a shuffle: Spark's rows of eight bytes a value, in any order, compressed."""
    import pyarrow as pa

    if not table.num_rows:
        return 0.0
    at = np.random.default_rng(0).permutation(table.num_rows)[:50_000]
    some = table.take(pa.array(np.sort(at) if table.num_rows < 2 else at))
    words = [np.zeros((some.num_rows, 1), np.int64)]  # which values are null
    for column in some.columns:
        words += _words(column.combine_chunks())
    rows = np.ascontiguousarray(np.concatenate(words, axis=1))
    data = rows.tobytes()
    codec = pa.Codec("lz4_raw")
    pieces = [data[k : k + _BLOCK] for k in range(0, min(len(data), 1 << 22), _BLOCK)]
    ratio = sum(codec.compress(piece).size for piece in pieces) / sum(map(len, pieces))
    return float((8 * rows.shape[1] + 4) * ratio)


def _words(array: pa.Array) -> list[NDArray[np.int64]]:
    """Return the words of eight bytes that a column is in Spark's rows: a number is one, a text several."""
    import pyarrow as pa

    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        texts = [(text or b"")[:_LONGEST] for text in array.cast(pa.large_binary()).to_pylist()]
        whole = -(-max(map(len, texts)) // 8) or 1
        sizes = np.array([[len(text)] for text in texts], np.int64)
        return [sizes, np.array(texts, f"S{8 * whole}").view(np.int64).reshape(len(texts), whole)]
    floating = pa.types.is_floating(array.type)
    numbers = array.cast(pa.float64() if floating else pa.int64(), safe=False).fill_null(0)
    return [np.asarray(numbers).view(np.int64).reshape(-1, 1)]


def expected_pairs(
    stays: DataFrame, rows: float, rule: CompanionRule, window: Duration, max_crowd: int | None
) -> tuple[int, str]:
    """Estimate how many pairs there are, from all pairs among some devices; return also how it was done.

    Of ``n`` devices among ``N`` every pair of the ``N`` is seen with the same chance, so the estimate is right on
    average, whatever the rule; it scatters as the root of the pairs that were seen. A crowd shrinks with the sample:
    where ``max_crowd`` becomes too few devices to tell, crowds are left in, and the estimate is too high.
    """
    from pyspark.sql import functions

    f, meaning = functions, meaning_of(stays)
    k = max(1, ceil(rows / _STAYS))
    some = stays.where(f.pmod(f.xxhash64(f.col("device"), f.lit(1)), f.lit(k)) == 0) if k > 1 else stays
    held = stays_of([seconds_of(to_arrow(some.select(*STAYS.names)))], meaning)
    crowd = None if max_crowd is None or max_crowd < _CROWD * k else max_crowd // k
    with quiet():
        found = sum(
            batch.num_rows for batch in local_pairs(held, rule, max_crowd=crowd, window=window, threads=1)
        )
    n = len(held.devices)
    whole = n if k == 1 else stays.agg(f.approx_count_distinct("device")).collect()[0][0]
    times = 1.0 if k == 1 else whole * (whole - 1) / max(n * (n - 1), 1)
    left_in = ", crowds left in" if max_crowd is not None and crowd is None else ""
    return round(found * times), f"pairs counted among {n:,} devices{left_in}"
