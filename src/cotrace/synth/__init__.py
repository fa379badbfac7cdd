"""Made cities whose truth is known: people and their paths, towers, what a network would log, outbreaks.

Everything follows from its seed: the same seed gives the same bytes, on any number of threads.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace.synth.cities import City
    from cotrace.synth.covering import Coverage
    from cotrace.synth.diseases import Disease
    from cotrace.synth.fixes import Fixes, GpsOptions, gps
    from cotrace.synth.habits import Habits
    from cotrace.synth.logs import Signals, signals
    from cotrace.synth.making import city
    from cotrace.synth.networks import Network, towers
    from cotrace.synth.paths import Legs
    from cotrace.synth.presets import PRESETS, CityPreset
    from cotrace.synth.signal_options import FULL, SPARSE, SignalOptions
    from cotrace.synth.spreading import Outbreak, outbreak, outbreaks
    from cotrace.synth.writing import Written, write

__all__ = [
    "FULL",
    "PRESETS",
    "SPARSE",
    "City",
    "CityPreset",
    "Coverage",
    "Disease",
    "Fixes",
    "GpsOptions",
    "Habits",
    "Legs",
    "Network",
    "Outbreak",
    "SignalOptions",
    "Signals",
    "Written",
    "city",
    "gps",
    "outbreak",
    "outbreaks",
    "signals",
    "towers",
    "write",
]

#: where each name lives: it is imported when it is first asked for
_HOMES = {
    "PRESETS": "presets",
    "FULL": "signal_options",
    "SPARSE": "signal_options",
    "SignalOptions": "signal_options",
    "Signals": "logs",
    "signals": "logs",
    "City": "cities",
    "CityPreset": "presets",
    "Coverage": "covering",
    "Disease": "diseases",
    "Fixes": "fixes",
    "GpsOptions": "fixes",
    "Habits": "habits",
    "Legs": "paths",
    "Network": "networks",
    "Outbreak": "spreading",
    "Written": "writing",
    "city": "making",
    "gps": "fixes",
    "outbreak": "spreading",
    "outbreaks": "spreading",
    "towers": "networks",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'cotrace.synth' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"cotrace.synth.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
