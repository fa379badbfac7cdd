"""What Spark measured of jobs: bytes read, shuffled and spilled, CPU time, the longest task beside the median."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["Measured", "Stage", "measuring"]

_MS = 1e-3
_NS = 1e-9
#: whether Parquet's reader asks for several ranges of a file at once
_RANGES = "parquet.hadoop.vectored.io.enabled"


@dataclass(frozen=True)
class Stage:
    """One stage: its tasks, and what they took."""

    number: int
    tasks: int
    failed: int
    read_bytes: int
    shuffled_bytes: int
    spilled_bytes: int
    run_s: float
    jvm_cpu_s: float
    median_s: float
    longest_s: float


@dataclass
class Measured:
    """What the jobs of a block took; filled when the block ends.

    Attributes
    ----------
    wall_s : float
    stages : list of Stage
        Those that ran; others were taken from earlier ones.
    """

    wall_s: float = 0.0
    stages: list[Stage] = field(default_factory=list)

    def _sum(self, name: str) -> Any:
        return sum(getattr(stage, name) for stage in self.stages)

    @property
    def read_bytes(self) -> int:
        """Bytes read from files."""
        return int(self._sum("read_bytes"))

    @property
    def shuffled_bytes(self) -> int:
        """Bytes written for shuffles, compressed."""
        return int(self._sum("shuffled_bytes"))

    @property
    def spilled_bytes(self) -> int:
        """Bytes that Spark wrote to disk for want of memory."""
        return int(self._sum("spilled_bytes"))

    @property
    def run_s(self) -> float:
        """Seconds that tasks ran, all together: core seconds, with waiting for Python."""
        return float(self._sum("run_s"))

    @property
    def jvm_cpu_s(self) -> float:
        """CPU seconds of the JVM; Python's are beside them, in the tasks' own reports."""
        return float(self._sum("jvm_cpu_s"))

    @property
    def failed(self) -> int:
        """Tasks that failed and were done again."""
        return int(self._sum("failed"))

    @property
    def longest(self) -> Stage | None:
        """The stage with the longest task, of those that have several: where a cluster waits for one task."""
        several = [stage for stage in self.stages if stage.tasks > 1] or self.stages
        return max(several, key=lambda stage: stage.longest_s, default=None)


@contextmanager
def measuring(session: SparkSession, what: str = "cotrace") -> Iterator[Measured]:
    """Measure the jobs that this thread runs in a block.

    Parquet is read column by column in the block, not in several ranges at once: Spark counts the bytes that a task's
    own thread reads, and those ranges are read by others.
    """
    context, group, found = session.sparkContext, f"cotrace-{uuid.uuid4()}", Measured()
    context.setJobGroup(group, what)
    begun = time.perf_counter()
    try:
        with _counted_reads(context._jsc.hadoopConfiguration()):
            yield found
    finally:
        found.wall_s = time.perf_counter() - begun
        context._jsc.clearJobGroup()
        found.stages = _stages_of(context, group)


@contextmanager
def _counted_reads(settings: Any) -> Iterator[None]:
    before = settings.get(_RANGES)
    settings.set(_RANGES, "false")
    try:
        yield
    finally:
        if before is None:
            settings.unset(_RANGES)
        else:
            settings.set(_RANGES, before)


def _stages_of(context: Any, group: str) -> list[Stage]:
    inner = context._jsc.sc()
    inner.listenerBus().waitUntilEmpty()
    store, tracker = inner.statusStore(), context.statusTracker()
    numbers: set[int] = set()
    for job in tracker.getJobIdsForGroup(group):
        about = tracker.getJobInfo(job)
        numbers |= set(about.stageIds) if about is not None else set()
    stages = (_stage(context, store, number) for number in sorted(numbers))
    return [stage for stage in stages if stage is not None]


def _stage(context: Any, store: Any, number: int) -> Stage | None:
    try:
        s = store.lastStageAttempt(number)
    except Exception as error:
        # Spark keeps the figures of so many stages, and none of those that were left out
        if "NoSuchElement" in str(error):
            return None
        raise
    if s.status().toString() == "SKIPPED" or not s.numCompleteTasks():
        return None
    median, longest = _quantiles(context, store, s)
    return Stage(
        number,
        int(s.numTasks()),
        int(s.numFailedTasks()),
        int(s.inputBytes()),
        int(s.shuffleWriteBytes()),
        int(s.diskBytesSpilled()),
        s.executorRunTime() * _MS,
        s.executorCpuTime() * _NS,
        median,
        longest,
    )


def _quantiles(context: Any, store: Any, stage: Any) -> tuple[float, float]:
    gateway = context._gateway
    asked = gateway.new_array(gateway.jvm.double, 2)
    asked[0], asked[1] = 0.5, 1.0
    found = store.taskSummary(stage.stageId(), stage.attemptId(), asked)
    if not found.isDefined():
        return 0.0, 0.0
    times = found.get().executorRunTime()
    return float(times.apply(0)) * _MS, float(times.apply(1)) * _MS
