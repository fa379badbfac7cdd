"""The one switchboard for compilation: every kernel is decorated here, and every flag stands here.

``NUMBA_DISABLE_JIT=1`` in the environment runs every kernel as plain Python, which is how the tests cover
their lines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

__all__ = ["inlined", "kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel: cached on disk, without the GIL, with exact IEEE arithmetic (no fast-math)."""
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a helper that kernels call: not cached by itself, it goes into the kernels' own cache files."""
    return numba.njit(nogil=True, error_model="numpy", inline="never")(function)  # type: ignore[no-any-return]
