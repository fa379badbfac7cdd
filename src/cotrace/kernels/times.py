"""Seconds since the epoch to int32 seconds from a base."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import kernel

__all__ = ["to_offsets"]

_NO_LEAST, _NO_MOST = 2**62, -(2**62)
_EDGE = 2**31 - 1


@kernel
def to_offsets(times: NDArray[np.int64], base: int, out: NDArray[np.int32]) -> tuple[int, int]:
    """Fill ``out`` (int32[n]) with ``times - base``; return the least and the greatest time.

    What does not fit is cut off in ``out``: the caller compares the returned times with the range of int32. With
    no times at all the least is greater than the greatest. O(n).
    """
    least, most = _NO_LEAST, _NO_MOST
    for i in range(times.size):
        t = int(times[i])
        least = min(least, t)
        most = max(most, t)
        out[i] = min(max(t - base, -_EDGE), _EDGE)
    return least, most
