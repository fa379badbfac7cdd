"""Jobs: what takes long runs in a thread, says how far it is, and keeps its result for a while, for who asked."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Job", "Jobs", "TooManyJobsError"]

Progress = Callable[[int, "int | None"], None]


class TooManyJobsError(Exception):
    """As many jobs wait as may."""


@dataclass
class Job:
    """A job: whose, how far, and what came of it."""

    id: str
    owner: str
    status: str = "waiting"
    done: int = 0
    total: int | None = None
    error: str = ""
    result: Any = None
    ended: float | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def progress(self, done: int, total: int | None) -> None:
        """Take what a query says of how far it is."""
        self.done, self.total = done, total


class Jobs:
    """Jobs of this process.

    Parameters
    ----------
    threads : int
        Jobs that run at once.
    most : int
        Jobs that wait or run.
    ttl : float
        Seconds for which a result is kept.
    """

    def __init__(self, threads: int, most: int, ttl: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._most, self._ttl, self._lock = most, ttl, threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, owner: str, run: Callable[[Progress], Any], asked: dict[str, Any]) -> Job:
        """Start a job as soon as there is a thread for it."""
        with self._lock:
            self._drop_old()
            if sum(job.ended is None for job in self._jobs.values()) >= self._most:
                raise TooManyJobsError
            job = Job(secrets.token_hex(16), owner, asked=asked)
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, run)
        return job

    def _run(self, job: Job, run: Callable[[Progress], Any]) -> None:
        job.status = "running"
        try:
            job.result = run(job.progress)
            job.status = "done"
        except ValueError as error:  # cotrace's own errors: they name no device and no place
            job.error, job.status = str(error), "failed"
        except Exception as error:
            job.error, job.status = f"the service failed ({type(error).__name__})", "failed"
        finally:
            job.ended = time.monotonic()

    def get(self, name: str, owner: str) -> Job | None:
        """Return a job of this owner; None where there is none, or somebody else's."""
        with self._lock:
            self._drop_old()
            job = self._jobs.get(name)
        return job if job is not None and job.owner == owner else None

    def _drop_old(self) -> None:
        old = time.monotonic() - self._ttl
        for job in [j for j in self._jobs.values() if j.ended is not None and j.ended < old]:
            del self._jobs[job.id]

    def counts(self) -> dict[str, int]:
        """Count the jobs by status."""
        counts: dict[str, int] = dict.fromkeys(("waiting", "running", "done", "failed"), 0)
        with self._lock:
            for job in self._jobs.values():
                counts[job.status] += 1
        return counts

    def close(self) -> None:
        """Start no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
