"""Independent pieces of work on several threads."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

__all__ = ["Crew", "on_threads"]

T = TypeVar("T")
R = TypeVar("R")


def on_threads(function: Callable[[T], R], items: Sequence[T], threads: int) -> list[R]:
    """Return ``function(item)`` for every item, in order; each thread takes the next item that is left.

    The first error ends the work and is raised. (``concurrent.futures`` does as much, and takes longer to import
    than the work that is shared out here takes to do.)
    """
    results: list[R | None] = [None] * len(items)
    errors: list[BaseException] = []
    numbers = iter(range(len(items)))
    lock = threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            try:
                results[number] = function(items[number])
            except BaseException as error:
                errors.append(error)

    others = [threading.Thread(target=work, name="cotrace") for _ in range(min(threads, len(items)) - 1)]
    for other in others:
        other.start()
    work()
    for other in others:
        other.join()
    if errors:
        raise errors[0]
    return results  # type: ignore[return-value]  # every item has its result


class Crew:
    """Threads that take one piece of work after the other, and give the results in the order of the pieces.

    Parameters
    ----------
    threads : int
        How many to start at most; a thread is told its number.

    Attributes
    ----------
    stopped : bool
        Whether to leave off: work that takes long looks at it now and then.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._events: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self.stopped = False

    def tell(self, news: int) -> None:
        """Tell whoever waits for the results how far this thread came."""
        self._events.put((-1, news))

    def run(
        self, work: Callable[[int, int], R], pieces: int, hear: Callable[[int], None]
    ) -> Generator[R, None, None]:
        """Give ``work(piece, thread)`` for every piece, in order; an error is raised when its turn comes.

        ``hear`` is called, in the thread that asks for results, with what the others tell. When the generator is
        closed, or raises, the threads are told to stop and waited for.
        """
        numbers, lock = iter(range(pieces)), threading.Lock()

        def take_turns(thread: int) -> None:
            while not self.stopped:
                with lock:
                    number = next(numbers, None)
                if number is None:
                    return
                try:
                    self._events.put((number, (work(number, thread), None)))
                except BaseException as error:
                    self._events.put((number, (None, error)))
                    return

        threads = [
            threading.Thread(target=take_turns, args=(i,), name="cotrace", daemon=True)
            for i in range(min(self._threads, pieces))
        ]
        for thread in threads:
            thread.start()
        try:
            yield from self._in_order(pieces, hear)
        finally:
            self.stopped = True
            for thread in threads:
                thread.join()

    def _in_order(self, pieces: int, hear: Callable[[int], None]) -> Generator[Any, None, None]:
        waiting: dict[int, Any] = {}
        for piece in range(pieces):
            while piece not in waiting:
                number, found = self._events.get()
                if number < 0:
                    hear(found)
                else:
                    waiting[number] = found
            result, error = waiting.pop(piece)
            if error is not None:
                raise error
            yield result
