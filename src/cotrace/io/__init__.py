"""Reading: files, frames and streams become :class:`Pings`, a source that can be read again in batches.

Nothing is loaded before it is asked for: neither pyarrow nor any module of this folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace.io.batches import PingBatch
    from cotrace.io.pings import Pings, read_pings
    from cotrace.io.scan import Scan
    from cotrace.io.towers import read_towers

__all__ = ["PingBatch", "Pings", "Scan", "read_pings", "read_towers"]

_HOMES = {
    "PingBatch": "batches",
    "Pings": "pings",
    "Scan": "scan",
    "read_pings": "pings",
    "read_towers": "towers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
