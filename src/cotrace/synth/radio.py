"""What is known of radio generations, and what is assumed of how their stations cover a city."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cotrace.errors import OptionError

__all__ = ["GENERATIONS", "RADIO", "Generation", "shares_of"]


@dataclass(frozen=True)
class Generation:
    """One radio generation.

    Parameters
    ----------
    name : str
    radius_m : (float, float)
        Coverage radii, as published: those of stations are uniform between them.
    decay_db : float
        By how many dB a signal is weaker at ten times the distance.
    shadow_db : float
        Standard deviation of the shadows of buildings: that outdoors (6.0 and 7.82 dB) and that of the way into a
        building (4.4 dB), which hangs on the direction too, together.
    source : str
    """

    name: str
    radius_m: tuple[float, float]
    decay_db: float
    shadow_db: float
    source: str

    @property
    def mean_radius_m(self) -> float:
        """The middle of the radii, metres."""
        return (self.radius_m[0] + self.radius_m[1]) / 2.0


_RADII = "radii: as published for these generations (secondary); "
_MODEL = "path loss and shadows: 3GPP TR 38.901, tables 7.4.1-1 and 7.4.3-2, "
_MACRO = _RADII + _MODEL + "UMa NLOS"
_STREET = _RADII + _MODEL + "UMi street canyon NLOS"

#: the generations, from the oldest on
RADIO: dict[str, Generation] = {
    g.name: g
    for g in (
        Generation("2G", (5_000.0, 10_000.0), 39.08, 7.44, _MACRO),
        Generation("3G", (2_000.0, 5_000.0), 39.08, 7.44, _MACRO),
        Generation("4G", (1_000.0, 3_000.0), 39.08, 7.44, _MACRO),
        Generation("5G", (100.0, 300.0), 35.3, 8.97, _STREET),
    )
}
#: their names
GENERATIONS = tuple(RADIO)


def shares_of(generations: object) -> dict[str, float]:
    """Return which share of handsets can use which generation at best; they can use all older ones that there are.

    Parameters
    ----------
    generations : str, sequence of str, or mapping of str to float
        Generations of stations: then every handset can use the newest. Or shares of handsets.
    """
    if isinstance(generations, str):
        generations = (generations,)
    if isinstance(generations, Mapping):
        given = dict(generations)
    elif isinstance(generations, list | tuple):
        given = dict.fromkeys(generations, 0.0)
    else:
        raise OptionError(f"generations={generations!r} is neither a list of generations nor their shares")
    unknown = [g for g in given if g not in RADIO]
    if unknown or not given:
        raise OptionError(f"generations={generations!r}: name some of {', '.join(GENERATIONS)}")
    ordered = {g: given[g] for g in GENERATIONS if g in given}
    if not isinstance(generations, Mapping):
        ordered[list(ordered)[-1]] = 1.0
    numbers = all(
        isinstance(v, int | float) and not isinstance(v, bool) and v >= 0.0 for v in ordered.values()
    )
    if not numbers or abs(sum(ordered.values()) - 1.0) > 1e-6:
        raise OptionError(f"generations={generations!r}: shares of handsets are 0 or more and 1 together")
    return {g: float(v) for g, v in ordered.items()}
