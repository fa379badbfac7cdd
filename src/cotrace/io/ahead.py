"""Reading ahead: worker threads decode the pieces of a source, and what they make comes out in order."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from cotrace.io.source import BATCH_ROWS, Task

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["in_turn", "run"]

T = TypeVar("T")
Convert = Callable[["pa.RecordBatch", int], T]

_DEEPEST = 16


def run(tasks: Sequence[Task], columns: Sequence[str], convert: Convert[T], threads: int) -> Iterator[T]:
    """Read tasks and convert their batches; give the results in order.

    With one thread nothing is started. With more, worker *i* of *n* has every *n*-th task where the tasks know
    their first rows, else one worker has them all; each has a queue of its own, deep enough for a row group of
    the usual size, and this generator takes from them in turn. When it is closed, or raises, they stop.
    """
    if threads <= 1 or not tasks:
        yield from in_turn(tasks, columns, convert)
        return
    workers = min(threads, len(tasks)) if all(t.first_row is not None for t in tasks) else 1
    longest = max(t.n_rows or _DEEPEST * BATCH_ROWS for t in tasks)
    depth = max(4, min(_DEEPEST, longest // BATCH_ROWS + 2))
    crew = [_Worker(tasks[i::workers], columns, convert, depth) for i in range(workers)]
    try:
        for index in range(len(tasks) if workers > 1 else 1):
            yield from crew[index % workers].piece()
    finally:
        for worker in crew:
            worker.stop()


def in_turn(tasks: Sequence[Task], columns: Sequence[str], convert: Convert[T]) -> Iterator[T]:
    """Read tasks one after the other and convert their batches."""
    row = 0
    for task in tasks:
        row = row if task.first_row is None else task.first_row
        for batch in task.batches(columns):
            yield convert(batch, row)
            row += batch.num_rows


class _End:
    """Marks the end of a task in a queue."""


class _Worker:
    """A thread that reads tasks into a bounded queue, until it is done or told to stop."""

    def __init__(
        self, tasks: Sequence[Task], columns: Sequence[str], convert: Callable[..., Any], depth: int
    ) -> None:
        self._queue: queue.Queue[Any] = queue.Queue(depth)
        self._stopped = threading.Event()
        groups = [[t] for t in tasks] if all(t.first_row is not None for t in tasks) else [tasks]
        self._thread = threading.Thread(
            target=self._work, args=(groups, columns, convert), name="cotrace-read", daemon=True
        )
        self._thread.start()

    def _work(
        self, groups: Sequence[Sequence[Task]], columns: Sequence[str], convert: Callable[..., Any]
    ) -> None:
        try:
            for group in groups:
                for item in in_turn(group, columns, convert):
                    self._queue.put(item)
                    if self._stopped.is_set():
                        return
                self._queue.put(_End)
        except BaseException as error:
            self._queue.put(error)

    def piece(self) -> Iterator[Any]:
        """Give what comes of the next task."""
        while True:
            item = self._queue.get()
            if item is _End:
                return
            if isinstance(item, BaseException):
                raise item
            yield item

    def stop(self) -> None:
        """Let the thread finish the batch that it is at, and no other."""
        self._stopped.set()
        while self._thread.is_alive():
            # a worker that waits for room in its queue must get it before it can see the flag
            try:
                self._queue.get(timeout=0.002)
            except queue.Empty:
                continue
