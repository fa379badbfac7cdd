"""What a job will cost, by counting; and what it did cost, beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

from cotrace.durations import Duration, seconds
from cotrace.engine.spark.companions import SparkCompanions
from cotrace.engine.spark.frames import check_frame, tasks_of
from cotrace.engine.spark.meaning import meaning_of
from cotrace.engine.spark.measured import Measured, measuring
from cotrace.engine.spark.pings import SparkPings
from cotrace.engine.spark.sample import Sample, Scanned, expected_pairs, sample_of, scanned
from cotrace.engine.spark.units import ALL_TIME, Units, block_of, clipped, loads_of
from cotrace.engine.spark.work import SORT_MEMORY, Report
from cotrace.errors import OptionError
from cotrace.options import CONTACT, MAX_CROWD, CompanionRule, StayOptions
from cotrace.schema import STAYS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["Plan", "plan"]

What = Literal["find_stays", "find_companions", "occupancy", "pairs"]

#: what a Python process has before it has any rows: libraries, compiled kernels, a batch on its way
_PYTHON = 260_000_000
#: bytes of a ping while it waits to be sorted, and while its nine hours are
_HELD, _SORTED = 12, 24
#: bytes of a stay while the table of a task is made
_A_STAY = 56
#: bytes of a stay in a shuffle, compressed
_SHUFFLED_STAY = 24
_BUCKET_H = 9.1
#: what is counted as pairs, where it is not the rows of the result
_PAIRS = {"find_companions": "pairs, at most"}


@dataclass
class Plan:
    """What is expected of a job; ``actual`` stands beside it when the job was run under :meth:`measured`.

    Attributes
    ----------
    what : str
    rows : int
        Rows that are read.
    bytes_read, bytes_shuffled : int
        From Parquet, and between machines; compressed, as they are counted by Spark.
    stays : int
    pairs : int
        For ``pairs``, rows of the result. For ``find_companions``, devices with any episode with a case, each counted
        once for every hour: an upper bound of the funnel's first column, which stands beside it.
    tasks : int
        Tasks after the shuffle.
    task_bytes : int
        Memory of the largest task's Python process.
    split : str
        Which cells and days are too heavy for one task, and how they are split.
    how : str
        Where the figures are from.
    actual : Actual or None
    """

    what: str
    rows: int
    bytes_read: int
    bytes_shuffled: int
    stays: int
    pairs: int
    tasks: int
    task_bytes: int
    split: str
    how: str
    session: SparkSession
    actual: Actual | None = None

    @contextmanager
    def measured(self) -> Iterator[Measured]:
        """Run the job in this block; what it took stands in ``actual`` afterwards."""
        with measuring(self.session, f"cotrace {self.what}") as found:
            yield found
        self.actual = Actual(found)

    def tell(self, result: Any) -> None:
        """Take what a result knows: that of :func:`find_companions`, or the number of rows of pairs."""
        if self.actual is None:
            raise OptionError("nothing was measured yet: run the job in a block, with plan.measured()")
        if isinstance(result, SparkCompanions):
            self.actual.report = result.report
            self.actual.pairs = int(result.funnel.agg({"together": "sum"}).collect()[0][0] or 0)
        else:
            self.actual.pairs = int(result)

    def __str__(self) -> str:
        real = self.actual
        stays = real.report.stays if real is not None and real.report is not None else None
        rows = [
            (
                "rows read",
                f"{self.rows:,}",
                None if real is None or real.report is None else f"{real.rows:,}",
            ),
            ("bytes read", _mb(self.bytes_read), real and _mb(real.measured.read_bytes)),
            ("bytes shuffled", _mb(self.bytes_shuffled), real and _mb(real.measured.shuffled_bytes)),
            ("stays", f"{self.stays:,}", None if stays is None else f"{stays:,}"),
            (
                _PAIRS.get(self.what, "pairs"),
                f"{self.pairs:,}",
                None if real is None or real.pairs is None else f"{real.pairs:,}",
            ),
            ("largest task", _mb(self.task_bytes), real and real.task_bytes and _mb(real.task_bytes)),
        ]
        lines = [f"{self.what}: {self.tasks:,} tasks; {self.how}", self.split]
        for name, expected, said in rows:
            lines.append(f"  {name:<16} {expected:>16} expected   {said or 'not measured':>16}")
        if real is not None:
            lines.append(real.describe())
        return "\n".join(line for line in lines if line)


@dataclass
class Actual:
    """What a job did take."""

    measured: Measured
    report: Report | None = None
    pairs: int | None = None

    @property
    def rows(self) -> int:
        """Rows that tasks were given."""
        return 0 if self.report is None else self.report.counts.rows

    @property
    def task_bytes(self) -> int:
        """The most memory that a Python process had."""
        return int(max((t["peak_bytes"] for t in self.report.tasks), default=0)) if self.report else 0

    def describe(self) -> str:
        """Say in one line what it took."""
        m, most = self.measured, self.measured.longest
        skew = f"; longest task {most.longest_s:.1f} s, median {most.median_s:.1f} s" if most else ""
        spilled = f"; {_mb(m.spilled_bytes)} spilled" if m.spilled_bytes else "; nothing spilled"
        took = f"  took {m.wall_s:.1f} s, {m.run_s:.1f} s of all tasks together"
        return f"{took}{skew}{spilled}; {m.failed:,} tasks failed"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB"


def plan(
    source: SparkPings | DataFrame,
    what: What = "find_companions",
    *,
    cases: int = 1,
    options: StayOptions = StayOptions(),
    certainty: bool = False,
    rule: CompanionRule | None = None,
    window: Duration = "1h",
    max_crowd: int | None = MAX_CROWD,
    sort_memory: int | None = None,
) -> Plan:
    """Say what a job will cost before it runs.

    Parameters
    ----------
    source : SparkPings or pyspark.sql.DataFrame
        Pings for ``find_stays`` and ``find_companions``; stays for ``occupancy`` and ``pairs``.
    what : {"find_stays", "find_companions", "occupancy", "pairs"}
    cases : int
        How many cases there are.
    certainty : bool
        Whether ``find_companions`` is to say how sure they are; the result's ``certainty`` has to be asked for too.
    options, rule, window, max_crowd, sort_memory
        As the job will have them.

    Returns
    -------
    Plan
        Print it; run the job under ``plan.measured()`` and print it again.

    Raises
    ------
    OptionError
        When the source is not what the job takes.

    Notes
    -----
    For pings: the footers of the Parquet files, and three pieces of up to 200,000 rows that the driver reads with the
    local engine. For stays: a job that counts them by cell and day, and for pairs the stays of some devices, a million
    at most, of which the driver finds all pairs. Frames that are more than files (filters, joins) are counted by a job
    too.
    """
    if what in ("find_stays", "find_companions"):
        if not isinstance(source, SparkPings):
            raise OptionError(
                f"a plan of {what} is made of pings: read them with cotrace.engine.spark.read_pings()"
            )
        return _of_pings(source, what, cases, options, certainty, sort_memory)
    if what not in ("occupancy", "pairs"):
        raise OptionError(
            f"what={what!r} is not one of 'find_stays', 'find_companions', 'occupancy', 'pairs'"
        )
    return _of_stays(check_frame(source, "source"), what, rule or CONTACT, window, max_crowd)


def _of_pings(
    pings: SparkPings, what: str, cases: int, options: StayOptions, certainty: bool, sort_memory: int | None
) -> Plan:
    found = scanned(pings.frame, pings.template.columns.used)
    sample = sample_of(pings, found, options)
    tasks = tasks_of(pings.frame)
    # one job for stays; for companions the cases' own stays come first, from the same files; and certainty is a third
    sure = what == "find_companions" and certainty
    times = 1 + (what == "find_companions") + sure
    hours = _hours(found, sample)
    return Plan(
        what,
        found.rows,
        found.bytes * times,
        round(found.rows * sample.shuffled_a_row) * (1 + sure),
        round(found.rows * sample.stays_a_ping),
        round(cases * sample.met_an_hour * hours) if what == "find_companions" else 0,
        tasks,
        _memory(found, sample, tasks, hours, SORT_MEMORY if sort_memory is None else sort_memory),
        "by device: no cell is heavy",
        f"{found.how}, and {sample.rows:,} rows read as a sample",
        pings.frame.sparkSession,
    )


def _hours(found: Scanned, sample: Sample) -> float:
    """Return the hours that all rows span, if they are spread as those of the sample are."""
    return max(1.0, found.rows / max(sample.rows, 1) * sample.hours)


def _memory(found: Scanned, sample: Sample, tasks: int, hours: float, sort_memory: int) -> int:
    # devices are dealt to tasks by chance: the largest share is a few standard deviations above the mean
    devices = max(sample.devices, 1) / max(tasks, 1)
    pings = found.rows / max(tasks, 1) * (1 + 3 / sqrt(max(devices, 1)))
    held = min(_HELD * pings, sort_memory)
    return round(
        _PYTHON + held + _SORTED * pings * min(1, _BUCKET_H / hours) + _A_STAY * pings * sample.stays_a_ping
    )


def _of_stays(
    stays: DataFrame, what: str, rule: CompanionRule, window: Duration, max_crowd: int | None
) -> Plan:
    meaning_of(stays)
    length = seconds(window, "window")
    by_pairs, tasks = what == "pairs", tasks_of(stays)
    plain = rule.shared == "unbroken" and rule.min_cumulative is None
    block = block_of(length) if plain or not by_pairs else ALL_TIME
    found = scanned(stays, STAYS.names)
    loads = loads_of(clipped(stays, None, None, block), tasks)
    units = Units.of(loads, tasks, by_pairs)
    copies = sum(
        n * (k - 1) for n, k in zip(*(units.heavy[c].to_pylist() for c in ("n", "buckets")), strict=True)
    )
    rows = loads.rows + (copies if by_pairs else 0)
    pairs, told = expected_pairs(stays, found.rows, rule, window, max_crowd) if by_pairs else (0, "")
    share = rows / max(tasks, 1) * 1.5
    return Plan(
        what,
        found.rows,
        found.bytes * (3 if by_pairs else 2),
        round(rows * _SHUFFLED_STAY),
        found.rows,
        pairs,
        tasks,
        round(_PYTHON + share * 160 + (300_000_000 if by_pairs else 0)),
        units.describe(),
        f"{found.how}, and stays counted by cell and day" + (f"; {told}" if told else ""),
        stays.sparkSession,
    )
