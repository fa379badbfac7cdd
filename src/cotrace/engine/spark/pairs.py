"""All pairs of a population on Spark."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import plain, take, view
from cotrace.durations import Duration, seconds
from cotrace.engine.spark.frames import (
    Batches,
    batches_of,
    check_frame,
    frame_of,
    mapped,
    plain_schema,
    spark_schema,
    tasks_of,
    to_arrow,
)
from cotrace.engine.spark.meaning import Meaning, meaning_of
from cotrace.engine.spark.parts import coded, numbers, stays_of
from cotrace.engine.spark.sweep import Pieces, episodes, figures_of_pairs
from cotrace.engine.spark.units import ALL_TIME, Units, block_of, clipped, loads_of, split
from cotrace.engine.spark.windows import counted_windows, occupancy_table
from cotrace.errors import OptionError
from cotrace.exposure.common import instant, seen_codes, warn
from cotrace.exposure.pairs import _check_numbers, _check_rule, _with_rows
from cotrace.exposure.pairs import pairs as local_pairs
from cotrace.options import CONTACT, MAX_CROWD, CompanionRule
from cotrace.schema import OCCUPANCY
from cotrace.schema_meetings import PAIRS
from cotrace.tables import instants

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["SparkPairs", "pairs"]

Int64 = NDArray[np.int64]
_DAY = 86_400
#: of each pair and cell: episodes, seconds, the longest, the first start, the last end
_FIGURES = ("n_episodes", "shared_s", "longest_s", "first", "last")


class SparkPairs(NamedTuple):
    """All pairs, and what was left out.

    Attributes
    ----------
    pairs : pyspark.sql.DataFrame
        Columns: :ref:`data-model-pairs`.
    crowded : pyspark.sql.DataFrame
        The cells and windows that were left out. Columns: :ref:`data-model-occupancy`.
    units : Units
        Which cells and days were split.
    """

    pairs: DataFrame
    crowded: DataFrame
    units: Units


def pairs(
    stays: DataFrame,
    rule: CompanionRule = CONTACT,
    *,
    start: Any = None,
    end: Any = None,
    min_episodes: int = 1,
    max_crowd: int | None = MAX_CROWD,
    window: Duration = "1h",
    batch_rows: int | None = None,
    threads: int | None = None,
) -> SparkPairs:
    """Find all pairs of devices that were together; read the warning of :func:`cotrace.pairs` first.

    Parameters
    ----------
    stays : pyspark.sql.DataFrame
        From :func:`find_stays` of this module. It is read up to four times: persist it, or write it to Parquet before.
    rule, start, end, min_episodes, max_crowd, window
        As in :func:`cotrace.pairs`.
    batch_rows
        Not on a cluster: results are a DataFrame.
    threads : int, optional
        Threads of one task, where the rule asks for dwell or sums; 1 by default.

    Returns
    -------
    SparkPairs
        ``pairs`` with the rows of :func:`cotrace.pairs`, ``crowded`` and ``units``.

    Raises
    ------
    OptionError
        As :func:`cotrace.pairs` does.

    Warns
    -----
    CotraceWarning
        Of crowds that are left out.

    Notes
    -----
    Work is shared out by cell and day (by cell, where the rule asks for dwell or sums), and a heavy one is split into
    buckets of devices, each two of which are a part: every pair has one owner. An episode belongs to the day in which
    it begins. Crowds are counted first, by a job of their own, in cells that have so many stays at all.
    """
    meaning = meaning_of(check_frame(stays, "stays"))
    _check_rule(rule)
    _check_numbers(min_episodes=min_episodes, max_crowd=max_crowd)
    if batch_rows is not None:
        raise OptionError("batch_rows= is for the stream of one machine: a DataFrame has its own batches")
    length = seconds(window, "window")
    if not length:
        raise OptionError("window='0s' is no window")
    span = [None if v is None else instant(v, name) for v, name in ((start, "start"), (end, "end"))]
    plain = rule.shared == "unbroken" and rule.min_cumulative is None
    tasks = tasks_of(stays)
    crowded = _crowds(stays, meaning, length, max_crowd, span[0], span[1])
    rows = clipped(stays, span[0], span[1], block_of(length) if plain else ALL_TIME)
    units = Units.of(loads_of(rows, tasks), tasks, by_pairs=True)
    holes = _Holes.of(crowded, length)
    task = _Pairs(
        meaning, rule, holes, block_of(length) if plain else None, threads or 1, _schema(meaning, plain)
    )
    found = mapped(split(rows, units), task, spark_schema(task.schema))
    main = _added(found, meaning, min_episodes, plain)
    return SparkPairs(main, _crowded_frame(stays, crowded, meaning, length), units)


def _crowds(
    stays: DataFrame, meaning: Meaning, length: int, most: int | None, start: int | None, end: int | None
) -> pa.Table:
    """Return cell, window, devices, dwell of the crowded cells and windows, in order; few by nature."""
    from pyspark.sql import functions

    f = functions
    if most is None:
        none = stays.sparkSession.createDataFrame([], stays.select("cell").schema).withColumns(
            {name: f.lit(0).cast("bigint") for name in ("window", "devices", "dwell_s")}
        )
        return to_arrow(none)
    # elsewhere there is no crowd
    busy = stays.groupBy("cell").count().where(f.col("count") > most).select("cell")
    near = stays.join(f.broadcast(busy), "cell", "left_semi")
    counted = counted_windows(near, meaning, length, start, end)
    found = to_arrow(counted.where(f.col("devices") > most))
    found = found.sort_by([("cell", "ascending"), ("window", "ascending")])
    if n := found.num_rows:
        devices = view(found["devices"].combine_chunks(), np.int64)
        warn(
            f"{n:,} cells and windows have more than max_crowd={most:,} devices (the most: {int(devices.max()):,}) and "
            f"are left out: .crowded has them; they could be up to {int((devices * (devices - 1) // 2).sum()):,} pairs",
            "crowd",
            windows=n,
            most=int(devices.max()),
        )
    return found


def _crowded_frame(stays: DataFrame, crowded: pa.Table, meaning: Meaning, length: int) -> DataFrame:
    schema = plain_schema(OCCUPANCY, meaning.device, meaning.cell, meaning.tz)
    return frame_of(stays.sparkSession, occupancy_table(crowded, meaning, length), schema)


@dataclass(frozen=True)
class _Holes:
    """Cells and times that count for nobody; by cell, start, in unix seconds."""

    cells: Any
    start: Int64
    end: Int64

    @classmethod
    def of(cls, crowded: pa.Table, length: int) -> _Holes:
        """Make them of crowded cells and windows."""
        window = view(crowded["window"].combine_chunks(), np.int64)
        return cls(crowded["cell"].combine_chunks(), window * length, (window + 1) * length)

    def cut(self, rows: NDArray[np.int32], cells: pa.Array, base: int) -> NDArray[np.int32]:
        """Cut holes out of rows (anything, cell, start, end); ``cells`` in order, seconds from ``base``."""
        from cotrace.kernels.pairs import count_cut, fill_cut

        code = seen_codes(cells, self.cells.cast(cells.type))
        there = np.flatnonzero(code >= 0)
        if not there.size or not len(rows):
            return rows
        span = (int(rows[:, 2].min()), int(rows[:, 3].max()))
        holes = np.stack([code, self.start - base, self.end - base], axis=1)[there]
        holes = holes[np.lexsort((holes[:, 1], holes[:, 0]))]
        lo = np.searchsorted(holes[:, 0], np.arange(len(cells) + 1)).astype(np.int64)
        times = np.ascontiguousarray(holes[:, 1:])
        out = np.empty((count_cut(rows, times, lo, span), 4), dtype=np.int32)
        fill_cut(rows, times, lo, span, out)
        return out


def _schema(meaning: Meaning, plain: bool) -> pa.Schema:
    """Return what tasks give: figures of pairs by cell, or of pairs."""
    import pyarrow as pa

    kinds = plain_schema(OCCUPANCY, meaning.device, meaning.cell, meaning.tz)
    ids = plain_schema(PAIRS, meaning.device, meaning.cell, meaning.tz)
    middle = kinds.field("cell") if plain else pa.field("n_cells", pa.int64(), False)
    figures = [pa.field(name, pa.int64(), False) for name in _FIGURES]
    return pa.schema([ids.field("a"), ids.field("b"), middle, *figures])


@dataclass(frozen=True)
class _Pairs:
    """The task: the pairs of the parts of units that are in a partition.

    ``block`` is the length of a block in seconds; None: a unit is a cell at all times.
    """

    meaning: Meaning
    rule: CompanionRule
    holes: _Holes
    block: int | None
    threads: int
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        held = [batch for batch in batches if batch.num_rows]
        if not held:
            return
        table = pa.Table.from_batches(held)
        parts = self._by_day(table) if self.block is not None else self._by_rule(table)
        for part in parts:
            yield from batches_of(part, self.schema)

    def _by_day(self, table: pa.Table) -> Iterator[pa.Table]:
        """Find unbroken episodes, each in the block in which it begins."""
        import pyarrow as pa

        device, devices = coded(table["device"], self.meaning.device)
        cell, cells = coded(table["cell"], self.meaning.cell)
        start, end, block, own, low, high = (
            numbers(table, name) for name in ("start", "end", "block", "own", "low", "high")
        )
        base, length = int(start.min()) // _DAY * _DAY, self.block or 0
        part, row = _parts_of([cell, block, low, high])
        for some in _slices(part):
            at = row[some]
            rows = np.stack([np.arange(at.size), cell[at], start[at] - base, end[at] - base], axis=1)
            rows = self.holes.cut(rows.astype(np.int32), cells, base).astype(np.int64)
            of = at[rows[:, 0]]
            since = block[of] * length - base
            crossing = (low[of] != high[of]).astype(np.int64)
            where = (part[some][rows[:, 0]], device[of], cell[of], own[of], crossing, since, since + length)
            found = episodes(Pieces(*where, rows[:, 2], rows[:, 3]), max(1, self.rule.least_shared_s))
            pairs = figures_of_pairs(found)
            pairs[:, 6:] += base
            ids = [take(devices, pairs[:, 0]), take(devices, pairs[:, 1]), take(cells, pairs[:, 2])]
            yield pa.table([*ids, *_columns(pairs[:, 3:])], names=self.schema.names)

    def _by_rule(self, table: pa.Table) -> Iterator[pa.Table]:
        """Hold the devices of each part to the rule by the local function; those of light cells all at once."""
        import pyarrow as pa

        cell, _ = coded(table["cell"], self.meaning.cell)
        low, high = numbers(table, "low"), numbers(table, "high")
        is_whole = (low == 0) & (high == 0)
        # the first two buckets of a heavy cell look like a light one, and are as good
        if is_whole.any():
            yield from self._held(table.filter(pa.array(is_whole)), False)
        rest = np.flatnonzero(~is_whole)
        part, row = _parts_of([cell[rest], low[rest], high[rest]])
        for some in _slices(part, 1):
            at = rest[row[some]]
            yield from self._held(table.take(pa.array(at)), bool(low[at[0]] != high[at[0]]))

    def _held(self, piece: pa.Table, crossing: bool) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.compute as pc

        stays = stays_of([piece], self.meaning)
        stays = _with_rows(stays, self.holes.cut(stays.rows, stays.cells.values, stays.base))
        ids, own = plain(piece["device"]).cast(self.meaning.device), plain(piece["own"])
        for batch in local_pairs(stays, self.rule, max_crowd=None, threads=self.threads):
            found = pa.Table.from_batches([batch])
            if crossing:
                a, b = (own.take(pc.index_in(plain(found[side]), value_set=ids)) for side in ("a", "b"))
                found = found.filter(pc.not_equal(a, b))
            first, last = (pa.array(numbers(found, name) // 1_000_000) for name in PAIRS.names[6:8])
            figures = (found[name] for name in ("n_cells", "n_episodes", "shared_s", "longest_s"))
            yield pa.table([found["a"], found["b"], *figures, first, last], names=self.schema.names)


def _columns(rows: Int64) -> list[pa.Array]:
    import pyarrow as pa

    return [pa.array(np.ascontiguousarray(values)) for values in rows.T]


def _parts_of(keys: list[Int64]) -> tuple[Int64, Int64]:
    """Return numbers of the groups with equal keys, rising, and the rows in that order."""
    row = np.lexsort(keys[::-1])
    new = np.zeros(row.size, dtype=np.bool_)
    for key in keys:
        new[1:] |= np.diff(key[row]) != 0
    return np.cumsum(new).astype(np.int64), row.astype(np.int64)


def _slices(part: Int64, most: int = 1 << 18) -> Iterator[slice]:
    """Cut rows into slices of whole parts, of not many more rows than ``most``."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(part)) + 1, [part.size]])
    lo = 0
    while lo < part.size:
        hi = int(edges[min(int(np.searchsorted(edges, lo + most)), edges.size - 1)])
        yield slice(lo, hi)
        lo = hi


def _added(found: DataFrame, meaning: Meaning, fewest: int, plain: bool) -> DataFrame:
    """Add up the figures of pairs over parts, and bring them into the columns of the table."""
    from pyspark.sql import functions

    f = functions
    how = {"n_episodes": f.sum, "shared_s": f.sum, "longest_s": f.max, "first": f.min, "last": f.max}
    sums = [function(name).alias(name) for name, function in how.items()]
    if plain:
        by_cell = found.groupBy("a", "b", "cell").agg(*sums)
        whole = by_cell.groupBy("a", "b").agg(f.count("*").alias("n_cells"), *sums)
    else:
        whole = found.groupBy("a", "b").agg(f.sum("n_cells").alias("n_cells"), *sums)
    whole = whole.where(f.col("n_episodes") >= fewest)
    schema = plain_schema(PAIRS, meaning.device, meaning.cell, meaning.tz)
    return mapped(whole, _Instants(schema, meaning.tz), spark_schema(schema))


@dataclass(frozen=True)
class _Instants:
    """The task that makes instants of seconds."""

    schema: Any
    tz: str

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa

        for batch in batches:
            columns = {name: batch.column(name) for name in batch.schema.names}
            for short, name in (("first", "first_started_at"), ("last", "last_finished_at")):
                columns[name] = instants(view(columns.pop(short), np.int64), 0, self.tz)
            yield from batches_of(
                pa.table([columns[n] for n in self.schema.names], names=self.schema.names), self.schema
            )
