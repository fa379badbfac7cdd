"""cotrace: who kept whom company, where, when, for how long.

Spatiotemporal co-location from location pings: :func:`read_pings`, :func:`find_stays`, :func:`find_companions`.
What is found are candidates from co-location; nothing should follow for a person without review.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace import audit, codes, interchange, presets, privacy, synth
    from cotrace.accuracy.evaluate import Evaluation, evaluate
    from cotrace.accuracy.shifted import shifted_grids
    from cotrace.accuracy.sweep import Sweep, sweep
    from cotrace.companions import Companions, find_companions
    from cotrace.errors import CotraceError, CotraceWarning
    from cotrace.exposure.contacts import contacts
    from cotrace.exposure.elsewhere import read_contacts, read_devices, read_visits, with_persons
    from cotrace.exposure.lifting import lift
    from cotrace.exposure.links import LinkList, read_links
    from cotrace.exposure.pairs import Pairs, pairs
    from cotrace.exposure.presence import with_visits
    from cotrace.exposure.regions import split_by_region
    from cotrace.exposure.rings import Rings, rings
    from cotrace.exposure.screening import Screening, screening
    from cotrace.exposure.significance import significance
    from cotrace.exposure.sources import CommonSources, common_sources
    from cotrace.exposure.tiers import Tiers, tiers
    from cotrace.exposure.trajectory import anchors, places, trajectory
    from cotrace.exposure.travel import co_travel
    from cotrace.exposure.visitors import visitors
    from cotrace.exposure.zones import Zones, zones
    from cotrace.footprints.find import find_footprints
    from cotrace.footprints.options import Certainty, Radio
    from cotrace.footprints.reliability import reliability
    from cotrace.footprints.result import Footprints
    from cotrace.footprints.weighted import weighted_stays
    from cotrace.grid import Grid
    from cotrace.io import Pings, read_pings
    from cotrace.options import CompanionRule, Flags, PingPong, StayOptions, ZoneRule
    from cotrace.privacy import Pseudonymiser, pseudonymise, suppress
    from cotrace.stays import find_stays
    from cotrace.store.store import Store
    from cotrace.tables import Stays, Table
    from cotrace.windows import occupancy

__all__ = [
    "Certainty",
    "CommonSources",
    "CompanionRule",
    "Companions",
    "CotraceError",
    "CotraceWarning",
    "Evaluation",
    "Flags",
    "Footprints",
    "Grid",
    "LinkList",
    "Pairs",
    "PingPong",
    "Pings",
    "Pseudonymiser",
    "Radio",
    "Rings",
    "Screening",
    "StayOptions",
    "Stays",
    "Store",
    "Sweep",
    "Table",
    "Tiers",
    "ZoneRule",
    "Zones",
    "__version__",
    "anchors",
    "audit",
    "co_travel",
    "codes",
    "common_sources",
    "contacts",
    "evaluate",
    "find_companions",
    "find_footprints",
    "find_stays",
    "interchange",
    "lift",
    "occupancy",
    "pairs",
    "places",
    "presets",
    "privacy",
    "pseudonymise",
    "read_contacts",
    "read_devices",
    "read_links",
    "read_pings",
    "read_visits",
    "reliability",
    "rings",
    "screening",
    "shifted_grids",
    "significance",
    "split_by_region",
    "suppress",
    "sweep",
    "synth",
    "tiers",
    "trajectory",
    "visitors",
    "weighted_stays",
    "with_persons",
    "with_visits",
    "zones",
]

__version__ = "0.1.0.dev0"

#: where each name lives: it is imported when it is first asked for, so that ``import cotrace`` stays light
_HOMES = {
    "CommonSources": "exposure.sources",
    "CompanionRule": "options",
    "Companions": "companions",
    "CotraceError": "errors",
    "CotraceWarning": "errors",
    "Certainty": "footprints.options",
    "Footprints": "footprints.result",
    "Radio": "footprints.options",
    "find_footprints": "footprints.find",
    "reliability": "footprints.reliability",
    "weighted_stays": "footprints.weighted",
    "Grid": "grid",
    "PingPong": "options",
    "Pings": "io",
    "StayOptions": "options",
    "Stays": "tables",
    "Store": "store.store",
    "Table": "tables",
    "co_travel": "exposure.travel",
    "common_sources": "exposure.sources",
    "find_companions": "companions",
    "find_stays": "stays",
    "occupancy": "windows",
    "read_pings": "io",
    "anchors": "exposure.trajectory",
    "places": "exposure.trajectory",
    "significance": "exposure.significance",
    "trajectory": "exposure.trajectory",
    "read_contacts": "exposure.elsewhere",
    "read_devices": "exposure.elsewhere",
    "read_visits": "exposure.elsewhere",
    "with_persons": "exposure.elsewhere",
    "with_visits": "exposure.presence",
    "visitors": "exposure.visitors",
    "Zones": "exposure.zones",
    "zones": "exposure.zones",
    "ZoneRule": "options",
    "Flags": "options",
    "contacts": "exposure.contacts",
    "Tiers": "exposure.tiers",
    "tiers": "exposure.tiers",
    "Rings": "exposure.rings",
    "rings": "exposure.rings",
    "Pairs": "exposure.pairs",
    "pairs": "exposure.pairs",
    "read_links": "exposure.links",
    "LinkList": "exposure.links",
    "lift": "exposure.lifting",
    "Screening": "exposure.screening",
    "screening": "exposure.screening",
    "split_by_region": "exposure.regions",
    "Evaluation": "accuracy.evaluate",
    "evaluate": "accuracy.evaluate",
    "shifted_grids": "accuracy.shifted",
    "Sweep": "accuracy.sweep",
    "sweep": "accuracy.sweep",
    "Pseudonymiser": "privacy",
    "pseudonymise": "privacy",
    "suppress": "privacy",
}


def __getattr__(name: str) -> Any:
    if name in ("audit", "codes", "interchange", "presets", "privacy", "synth"):
        return importlib.import_module(f"cotrace.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'cotrace' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"cotrace.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
