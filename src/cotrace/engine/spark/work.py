"""What a task does with the pings of its partition: the builder of stays, and what it reports of itself."""

from __future__ import annotations

import json
import resource
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.counts import Counts
from cotrace.engine.spark.frames import Batches
from cotrace.engine.spark.pings import Recipe, task_pings
from cotrace.errors import CotraceWarning
from cotrace.stays.passes import Built, Tracked, one_pass

if TYPE_CHECKING:
    from cotrace.io.pings import Pings
    from cotrace.options import StayOptions

__all__ = ["Building", "Report", "Stopwatch", "quiet", "read_reports", "said_of", "written"]

#: bytes of pings that a task holds for sorting before it sorts on disk; several tasks share a machine
SORT_MEMORY = 1 << 28


@contextmanager
def quiet() -> Iterator[None]:
    """Keep warnings of a task to itself: the driver says them once, of all tasks together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CotraceWarning)
        yield


@dataclass(frozen=True)
class Building:
    """How tasks make stays; goes to the executors."""

    recipe: Recipe
    options: StayOptions
    threads: int
    sort_memory: int

    def build(self, batches: Batches, tracked: Tracked | None = None) -> Built:
        """Make the stays of a partition."""
        return self.read(batches, tracked)[0]

    def read(self, batches: Batches, tracked: Tracked | None = None) -> tuple[Built, Pings]:
        """Make the stays of a partition; return its pings too, which know what was refused."""
        pings = task_pings(self.recipe, batches)
        with quiet():
            built = one_pass(
                pings,
                self.options,
                tracked=tracked,
                threads=self.threads,
                sort_memory=self.sort_memory,
                in_order=False,
            )
        return built, pings


class Stopwatch:
    """What a task takes: wall and CPU time from here on."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def took(self) -> dict[str, float]:
        """Return what it took so far, and the most memory that this process ever had."""
        return {
            "wall_s": time.perf_counter() - self.wall,
            "cpu_s": time.process_time() - self.cpu,
            "peak_bytes": float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024),
        }


def said_of(built: Built, pings: Pings) -> dict[str, Any]:
    """Return what a task has to say of its pings; before the stays are made of what the pass gave."""
    return {
        "counts": built.counts.as_dict(),
        "span": built.span,
        "stays": _n_stays(built),
        "gaps": zlib.compress(built.gaps.astype(np.int64).tobytes()).hex(),
        "longer": built.longer.tolist(),
        "read": pings._told,
        "located": built.located,
    }


def written(said: dict[str, Any], watch: Stopwatch) -> bytes:
    """Return what a task says as bytes, with what it took so far."""
    return json.dumps({"took": watch.took(), **said}, default=lambda number: number.item()).encode()


def _n_stays(built: Built) -> int:
    return sum(int(b.rows.shape[0]) if hasattr(b, "rows") else int(b.lo[-1]) for b in built.blocks)


@dataclass
class Report:
    """What all tasks together said of the pings.

    Attributes
    ----------
    counts : Counts
    span : (int, int) or None
        Unix seconds of the first ping and of the last.
    gaps, longer
        As of :class:`cotrace.stays.builder.StayBuilder`.
    stays : int
    tasks : list of dict
        Wall and CPU seconds, rows, and peak memory of the Python process of each.
    dwell_s : int
        Seconds of all stays; 0 where pings were only counted.
    read, located : list
        What each task has to say of what it read, and of cells; see :meth:`cotrace.io.tally.Tally.told`.
    """

    counts: Counts
    span: tuple[int, int] | None
    gaps: Any
    longer: Any
    stays: int
    tasks: list[dict[str, float]]
    dwell_s: int = 0
    read: list[dict[str, Any]] = field(default_factory=list)
    located: list[list[int]] = field(default_factory=list)


def read_reports(parts: list[bytes]) -> Report:
    """Add up what the tasks said."""
    counts, tasks, spans = Counts(), [], []
    gaps: Any = 0
    longer: Any = 0
    stays = dwell = 0
    every = [json.loads(part) for part in parts]
    for said in every:
        c = said["counts"]
        for name in ("rows", "used", "collapsed", "conflicts", "skipped", "relabelled"):
            setattr(counts, name, getattr(counts, name) + c[name])
        for reason, n in c["refused"].items():
            counts.refused[reason] = counts.refused.get(reason, 0) + n
        counts.order = c["order"] if c["order"] > counts.order else counts.order
        gaps = gaps + np.frombuffer(zlib.decompress(bytes.fromhex(said["gaps"])), np.int64).reshape(2, -1)
        longer = longer + np.array(said["longer"], dtype=np.int64)
        spans += [said["span"]] if said["span"] else []
        stays += said["stays"]
        dwell += said.get("dwell", 0)
        tasks.append({**said["took"], "rows": c["rows"], "stays": said["stays"]})
    counts.check()
    span = (min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None
    read, located = ([said[name] for said in every] for name in ("read", "located"))
    return Report(counts, span, gaps, longer, stays, tasks, dwell, read, located)
