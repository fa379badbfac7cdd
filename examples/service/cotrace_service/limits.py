"""How much one key may ask: a bucket of tokens each, in each process."""

from __future__ import annotations

import math
import time

__all__ = ["Limits"]

_MOST_KEYS = 10_000


class Limits:
    """Tokens that come back at a rate, up to a burst; what is asked costs as many as it has devices."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: dict[str, tuple[float, float]] = {}

    def wait_for(self, key: str, cost: float) -> int:
        """Take tokens; return 0, or after how many seconds there will be enough."""
        now = time.monotonic()
        left, then = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        cost = min(cost, self._burst)  # one large batch is let through when the bucket is full
        if left < cost:
            self._left[key] = (left, now)
            return max(1, math.ceil((cost - left) / self._rate))
        if len(self._left) >= _MOST_KEYS:
            self._left.clear()
        self._left[key] = (left - cost, now)
        return 0
