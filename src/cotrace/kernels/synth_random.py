"""Random numbers by counter: each one is a hash of what it is for, so that no order of work can change it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.kernels.jit import inlined, kernel

__all__ = ["bell", "fill_uniform", "key_of", "mixed", "uniform"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_S16, _S32, _S48, _LOW = np.uint64(16), np.uint64(32), np.uint64(48), np.uint64(0xFFFF)
#: 2 ** -53
_UNIT = 1.1102230246251565e-16
#: the square root of 3 over 2 ** 16: a sum of four uniform numbers has the variance 1 / 3
_SPREAD = 1.7320508075688772 / 65536.0


@inlined
def mixed(z: Any) -> Any:
    """Return the word (uint64) that splitmix64 makes of this one: all its bits hang on all of the other's."""
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@inlined
def key_of(key: Any, number: int) -> Any:
    """Return the key (uint64) of the thing with this number (>= 0) under another key."""
    return mixed(key + np.uint64(number + 1) * _GOLDEN)


@inlined
def uniform(key: Any, number: int) -> float:
    """Return the uniform number in [0, 1) with this number under a key: a multiple of 2 ** -53."""
    return float(mixed(key + np.uint64(number + 1) * _GOLDEN) >> _S11) * _UNIT


@inlined
def bell(key: Any, number: int) -> float:
    """Return a number of mean 0 and variance 1 in a bell: the sum of four uniform ones, within 2 sqrt(3) of 0."""
    z = mixed(key + np.uint64(number + 1) * _GOLDEN)
    total = (z & _LOW) + ((z >> _S16) & _LOW) + ((z >> _S32) & _LOW) + (z >> _S48)
    return (float(total) - 131070.0) * _SPREAD


@kernel
def fill_uniform(seed: int, stream: int, out: NDArray[np.float64]) -> None:
    """Fill ``out`` (float64[n]) with the uniform numbers of a stream under a seed (both >= 0). O(n)."""
    key = key_of(key_of(np.uint64(0), seed), stream)
    for i in range(out.size):
        out[i] = uniform(key, i)
