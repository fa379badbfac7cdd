"""cotrace: who kept whom company, where, when, for how long.

Spatiotemporal co-location from location pings: :func:`read_pings`, :func:`find_stays`, :func:`find_companions`.
What is found are candidates from co-location; nothing should follow for a person without review.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace import presets
    from cotrace.companions import Companions, find_companions
    from cotrace.errors import CotraceError, CotraceWarning
    from cotrace.exposure.elsewhere import read_contacts, read_devices, read_visits, with_persons
    from cotrace.exposure.presence import with_visits
    from cotrace.exposure.sources import CommonSources, common_sources
    from cotrace.exposure.trajectory import anchors, places, trajectory
    from cotrace.exposure.visitors import visitors
    from cotrace.grid import Grid
    from cotrace.io import Pings, read_pings
    from cotrace.options import CompanionRule, PingPong, StayOptions
    from cotrace.stays import find_stays
    from cotrace.tables import Stays, Table
    from cotrace.windows import occupancy

__all__ = [
    "CommonSources",
    "CompanionRule",
    "Companions",
    "CotraceError",
    "CotraceWarning",
    "Grid",
    "PingPong",
    "Pings",
    "StayOptions",
    "Stays",
    "Table",
    "__version__",
    "anchors",
    "common_sources",
    "find_companions",
    "find_stays",
    "occupancy",
    "places",
    "presets",
    "read_contacts",
    "read_devices",
    "read_pings",
    "read_visits",
    "trajectory",
    "visitors",
    "with_persons",
    "with_visits",
]

__version__ = "0.1.0.dev0"

#: where each name lives: it is imported when it is first asked for, so that ``import cotrace`` stays light
_HOMES = {
    "CommonSources": "exposure.sources",
    "CompanionRule": "options",
    "Companions": "companions",
    "CotraceError": "errors",
    "CotraceWarning": "errors",
    "Grid": "grid",
    "PingPong": "options",
    "Pings": "io",
    "StayOptions": "options",
    "Stays": "tables",
    "Table": "tables",
    "common_sources": "exposure.sources",
    "find_companions": "companions",
    "find_stays": "stays",
    "occupancy": "windows",
    "read_pings": "io",
    "anchors": "exposure.trajectory",
    "places": "exposure.trajectory",
    "trajectory": "exposure.trajectory",
    "read_contacts": "exposure.elsewhere",
    "read_devices": "exposure.elsewhere",
    "read_visits": "exposure.elsewhere",
    "with_persons": "exposure.elsewhere",
    "with_visits": "exposure.presence",
    "visitors": "exposure.visitors",
}


def __getattr__(name: str) -> Any:
    if name == "presets":
        return importlib.import_module("cotrace.presets")
    if name not in _HOMES:
        raise AttributeError(f"module 'cotrace' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"cotrace.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
