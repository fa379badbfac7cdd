"""The one switchboard for compilation: every kernel is decorated here, and every flag stands here.

A kernel is compiled by Numba when it is first called with arguments of these types, and its machine code is kept
beside the source (or in the user's cache folder). From then on the code is loaded by llvmlite alone: Numba, which
takes longer to start than a million pings take to match, is not imported at all. :mod:`cotrace.kernels.machine`
does this.

Kernels therefore keep to a few rules: arrays are C-contiguous, arguments are arrays, numbers, booleans and tuples
of these, what is returned is an integer, a boolean, a tuple of integers or nothing, and nothing is allocated inside:
scratch space is an argument. A kernel that breaks one of them still runs, by Numba and with its start-up.

``NUMBA_DISABLE_JIT=1`` in the environment runs every kernel as plain Python, which is how the tests cover their
lines.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

__all__ = ["Inlined", "Kernel", "inlined", "kernel", "prefetch"]

P = ParamSpec("P")
R = TypeVar("R")

#: exact IEEE arithmetic (no fast-math), division by zero as NumPy does it, no reference to Python objects
OPTIONS = {"nogil": True, "error_model": "numpy"}
_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
_LOCK = threading.Lock()


class Inlined:
    """A helper that kernels call; it becomes part of their machine code."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__

    def __call__(self, *args: Any) -> Any:
        """Run it as plain Python."""
        return self.py_func(*args)


class Kernel:
    """A compiled function over arrays; without the GIL while it runs.

    Parameters
    ----------
    function : callable
        The same in plain Python: ``py_func``.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.py_func = function
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__
        self._compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def __call__(self, *args: Any) -> Any:
        """Run it, compiled for arguments of these types."""
        if _DISABLED:
            return self.py_func(*args)
        types = tuple([_type_of(a) for a in args])
        run = self._compiled.get(types)
        if run is None:
            run = self._prepare(types)
        return run(*args)

    def _prepare(self, types: tuple[Any, ...]) -> Callable[..., Any]:
        from cotrace.kernels.machine import load_or_compile

        with _LOCK:
            if types not in self._compiled:
                self._compiled[types] = load_or_compile(self.py_func, types)
        return self._compiled[types]


def _type_of(value: Any) -> Any:
    """Return what a kernel is compiled for: ``int``, ``(dtype, dimensions)``, a list of types for a tuple, ..."""
    kind = type(value)
    if kind is int or kind is bool or kind is float:
        return kind
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return ("tuple", *[_type_of(v) for v in value]) if kind is tuple else kind
    if not value.shape:
        return dtype.char if dtype.isnative else None
    return (dtype.char if dtype.isnative else None, value.ndim, value.flags.c_contiguous)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Make a kernel of a function: see the head of this module for what it may do."""
    return Kernel(function)  # type: ignore[return-value]


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Make a helper that kernels call."""
    return Inlined(function)  # type: ignore[return-value]


@inlined
def prefetch(array: Any, row: int) -> None:
    """Ask for the cache line of ``array[row]`` (a row of a C-ordered 2-d array) ahead of its use.

    A hint to the processor, put in when a kernel is compiled; as plain Python it does nothing.
    """
