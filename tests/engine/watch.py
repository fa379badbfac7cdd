"""What Spark itself says of a run: its jobs, the tasks that were lost and done again, the executors that are gone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Moment", "Ran", "Watch", "executors", "workers"]

#: what Spark writes beside a task that was lost with its process
_LOST = ("ExecutorLostFailure", "Resubmitted", "FetchFailed", "Python worker exited unexpectedly")


def _processes() -> dict[int, tuple[int, list[str]]]:
    """Return parent and words of every process of this machine."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue  # it has ended meanwhile
            found[int(folder.name)] = parent, words
    return found


def executors(session: Any) -> dict[int, str]:
    """Return this application's executors: process id, and the id that Spark has for it."""
    mark, found = session.sparkContext.applicationId, {}
    for number, (_, words) in _processes().items():
        is_java = words[0].endswith("java")
        if is_java and mark in words and any("CoarseGrainedExecutorBackend" in word for word in words):
            found[number] = words[words.index("--executor-id") + 1]
    return dict(sorted(found.items()))


def workers(session: Any) -> dict[int, str]:
    """Return the Python workers of this application: process id, and the id of the executor."""
    processes, own, found = _processes(), executors(session), {}
    for number, (parent, words) in processes.items():
        # a worker is forked from the daemon that an executor has started
        grandparent = processes.get(parent, (0, []))[0]
        if grandparent in own and any("pyspark.daemon" in word for word in words):
            found[number] = own[grandparent]
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class Moment:
    """What ran at a moment: the job (its number in the run), the stage, and how many of its tasks were done."""

    job: int
    stage: int
    done: int
    tasks: int


@dataclass(frozen=True)
class Task:
    """One attempt of a task: of which stage (and attempt of it), which of its tasks; times in ms since the epoch."""

    stage: tuple[int, int]
    number: int
    begun: int
    ended: int
    lost: bool


@dataclass(frozen=True)
class Ran:
    """What came of a run, by Spark's own record.

    Attributes
    ----------
    jobs : list of (int, int, list of int)
        When each job began and ended, in milliseconds since the epoch, and its stages.
    tasks : list of Task
        All attempts, however they ended.
    """

    jobs: list[tuple[int, int, list[int]]]
    tasks: list[Task]

    @property
    def lost(self) -> int:
        """Tasks that were lost with their process, or whose results were."""
        return sum(task.lost for task in self.tasks)

    def in_a_job(self, moment: int) -> bool:
        """Whether a job ran at a moment."""
        return any(since <= moment <= until for since, until, _ in self.jobs)

    def at(self, moment: int) -> Moment | None:
        """Return what ran at a moment; None: no job did."""
        for number, (since, until, stages) in enumerate(self.jobs, 1):
            if since <= moment <= until:
                mine = [task for task in self.tasks if task.stage[0] in stages]
                busy = [task.stage for task in mine if task.begun <= moment < task.ended]
                stage = min(busy)[0] if busy else -1
                of = [task for task in mine if task.stage[0] == stage]
                done = {task.number for task in of if task.ended <= moment and not task.lost}
                return Moment(number, stage, len(done), len({task.number for task in of}))
        return None


class Watch:
    """Looks at the jobs that a session runs from here on."""

    def __init__(self, session: Any) -> None:
        self._inner = session.sparkContext._jsc.sc()
        self._first = 1 + max((job.jobId() for job in self._jobs()), default=-1)

    def _jobs(self) -> list[Any]:
        self._inner.listenerBus().waitUntilEmpty()
        return _each(self._inner.statusStore().jobsList(None))

    def ran(self) -> Ran:
        """Return what came of the jobs since this was made; they have ended."""
        store, jobs, attempts = self._inner.statusStore(), [], set[tuple[int, int]]()
        for job in self._jobs():
            if job.jobId() < self._first or job.completionTime().isEmpty():
                continue
            stages = [int(number) for number in _each(job.stageIds())]
            moments = (job.submissionTime().get().getTime(), job.completionTime().get().getTime())
            jobs.append((*moments, stages))
            attempts |= {key for stage in stages for key in self._attempts(store, stage)}
        tasks = [
            _task(key, task) for key in sorted(attempts) for task in _each(store.taskList(*key, 100_000))
        ]
        return Ran(sorted(jobs), tasks)

    @staticmethod
    def _attempts(store: Any, stage: int) -> list[tuple[int, int]]:
        try:
            last = store.lastStageAttempt(stage)
        except Exception as error:
            if "NoSuchElement" in str(error):
                return []  # it was left out, as its results were there
            raise
        return [(stage, number) for number in range(last.attemptId() + 1)]

    def removed(self, executor: str, patience_s: float = 20.0) -> int | None:
        """Return when Spark took an executor for lost, in milliseconds since the epoch; None: it did not."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            self._inner.listenerBus().waitUntilEmpty()
            for one in _each(self._inner.statusStore().executorList(False)):
                if one.id() == executor and one.removeTime().isDefined():
                    return int(one.removeTime().get().getTime())
            time.sleep(0.1)
        return None

    def wait_for_executors(self, n: int, patience_s: float = 60.0) -> None:
        """Wait until so many executors are there again."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            there = [e.id() for e in _each(self._inner.statusStore().executorList(True))]
            if len([name for name in there if name != "driver"]) >= n:
                return
            time.sleep(0.1)
        raise RuntimeError(f"fewer than {n} executors came back")


def _each(sequence: Any) -> list[Any]:
    return [sequence.apply(number) for number in range(sequence.size())]


def _task(stage: tuple[int, int], task: Any) -> Task:
    said, begun = task.errorMessage(), int(task.launchTime().getTime())
    took = int(task.duration().get()) if task.duration().isDefined() else 0
    lost = said.isDefined() and any(word in said.get() for word in _LOST)
    return Task(stage, int(task.index()), begun, begun + took, bool(lost))
