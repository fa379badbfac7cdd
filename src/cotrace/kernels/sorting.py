"""A sort inside kernels, without a copy that has to be allocated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined

__all__ = ["sort_by_keys"]


@inlined
def sort_by_keys(
    keys: NDArray[np.int64], order: NDArray[np.int64], scratch: NDArray[np.int64], lo: int, hi: int
) -> None:
    """Sort ``order[lo:hi]`` by the keys of what it points to: ``keys[order[i]]`` rises. Stable.

    ``scratch`` (int64, as long as ``order``) is changed. Merges runs of doubling length: O(n log n).
    """
    width = 1
    while width < hi - lo:
        for left in range(lo, hi, 2 * width):
            middle, right = min(left + width, hi), min(left + 2 * width, hi)
            a, b = left, middle
            for k in range(left, right):
                if b >= right or (a < middle and keys[order[a]] <= keys[order[b]]):
                    scratch[k] = order[a]
                    a += 1
                else:
                    scratch[k] = order[b]
                    b += 1
        for k in range(lo, hi):
            order[k] = scratch[k]
        width *= 2
