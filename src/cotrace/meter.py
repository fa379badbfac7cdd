"""How far a long pass is: a callback for services, or ``progress="bar"`` for a bar in a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from cotrace.errors import OptionError

__all__ = ["Progress", "reporter"]

#: called with what is done, and what there is (None if unknown); or ``"bar"``
Progress: TypeAlias = Callable[[int, "int | None"], object] | Literal["bar"]


def reporter(progress: Progress | None, unit: str = "rows") -> Callable[[int, int | None], object] | None:
    """Return the callback that was given, or one that draws a bar with tqdm.

    Parameters
    ----------
    progress : callable, "bar" or None
    unit : str
        What is counted.

    Returns
    -------
    callable or None

    Raises
    ------
    OptionError
        When it is neither.
    ImportError
        When tqdm is missing; it names the extra that brings it.
    """
    if progress is None or callable(progress):
        return progress
    if progress != "bar":
        raise OptionError(f'progress={progress!r} is neither a function of (done, total) nor "bar"')
    return _Bar(unit)


class _Bar:
    """Draw what is done, a new bar for every pass."""

    def __init__(self, unit: str) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            raise ImportError("a bar needs tqdm: pip install 'cotrace[progress]'") from None
        self._make, self._unit = tqdm, unit
        self._bar: Any = None

    def __call__(self, done: int, total: int | None) -> None:
        if self._bar is not None and done < self._bar.n:  # rows that have to be sorted are read once more
            self._bar.close()
            self._bar = None
        if self._bar is None:
            self._bar = self._make(total=total, unit=f" {self._unit}", unit_scale=self._unit == "rows")
        self._bar.total = total
        self._bar.update(done - self._bar.n)
        if total is not None and done >= total:
            self._bar.close()
            self._bar = None
