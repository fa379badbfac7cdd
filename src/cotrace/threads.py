"""Independent pieces of work on several threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["on_threads"]

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
