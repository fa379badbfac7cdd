"""A key for tests, logs of some lines, and a store that holds three stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cotrace
from cotrace.audit import AuditLog
from cotrace.keys import Key

KEY = Key(lambda: bytes(range(32)), "the tests")
OTHER = Key(lambda: bytes(range(1, 33)), "the tests")


def written(folder: Path, lines: int = 6, key: Key | None = None) -> AuditLog:
    log = AuditLog(folder / "audit.log", key=key)
    for k in range(lines - 1):
        log.record(who=f"person {k % 2}", what="trajectory", whom=[k, 100], purpose="case 17", rows=k)
    return log


def stays() -> cotrace.Stays:
    pings = cotrace.read_pings(
        {"device": ["a", "a", "b", "b"], "time": [0, 4000, 60, 1200], "x": [1.0] * 4, "y": [1.0] * 4},
        unit="s",
    )
    return cotrace.find_stays(pings)


class FakeStore:
    """As much of a store as the contract promises."""

    version = 7

    def __init__(self) -> None:
        self.stays = stays()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.options, self.tz, self.span = self.stays.options, self.stays.tz, self.stays.span
        self.counts, self.device_type = self.stays.counts, self.stays.devices.type

    def read_stays(self, what: str, **asked: Any) -> cotrace.Stays:
        self.asked.append((what, asked))
        return self.stays

    def __repr__(self) -> str:
        return "<Store>"
