"""Figures about the service, as text that monitoring tools read; none about people."""

from __future__ import annotations

from bisect import bisect_left

__all__ = ["Metrics"]

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Requests by route and status, and how long they took; devices looked up."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, int], int] = {}
        self._took: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        self.devices = 0
        self.unwritten = 0

    def saw(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests[route, status] = self._requests.get((route, status), 0) + 1
        buckets = self._took.setdefault(route, [0] * (len(_BOUNDS) + 1))
        buckets[bisect_left(_BOUNDS, seconds)] += 1
        self._sums[route] = self._sums.get(route, 0.0) + seconds

    def text(self, gauges: dict[str, float]) -> str:
        """Return all of it."""
        lines = ["# TYPE cotrace_requests_total counter"]
        lines += [
            f'cotrace_requests_total{{route="{route}",status="{status}"}} {n}'
            for (route, status), n in sorted(self._requests.items())
        ]
        lines.append("# TYPE cotrace_request_seconds histogram")
        for route, buckets in sorted(self._took.items()):
            total = 0
            for bound, n in zip((*map(str, _BOUNDS), "+Inf"), buckets, strict=True):
                total += n
                lines.append(f'cotrace_request_seconds_bucket{{route="{route}",le="{bound}"}} {total}')
            lines.append(f'cotrace_request_seconds_sum{{route="{route}"}} {self._sums[route]:.6f}')
            lines.append(f'cotrace_request_seconds_count{{route="{route}"}} {total}')
        counters = {"devices_looked_up_total": self.devices, "audit_failures_total": self.unwritten}
        for name, value in counters.items():
            lines += [f"# TYPE cotrace_{name} counter", f"cotrace_{name} {value}"]
        for name, gauge in gauges.items():
            lines += [f"# TYPE cotrace_{name} gauge", f"cotrace_{name} {gauge:g}"]
        return "\n".join(lines) + "\n"
