"""What can be chosen of footprints and of certainty."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import CotraceTypeError, OptionError

__all__ = ["MODELS", "RADII", "RADIO", "Certainty", "Model", "Radio"]

Model = Literal["disc", "voronoi", "bayes"]
MODELS: tuple[Model, ...] = ("disc", "voronoi", "bayes")

#: seconds of blur where nothing is known of the pings
BLUR_S = 900
#: metres, by generation, where a tower has no radius of its own: the middle of the published ranges
RADII = {"2G": 7500.0, "3G": 3500.0, "4G": 2000.0, "5G": 200.0}


def _share(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise CotraceTypeError(f"{name}={value!r} is not a number")
    if not low <= value <= high:
        raise OptionError(f"{name}={value!r} is not from {low:g} to {high:g}")


@dataclass(frozen=True)
class Radio:
    """How signals fade, for ``model="bayes"``: log-distance path loss, shadowing, and the pattern of sectors.

    Parameters
    ----------
    exponent : float
        Path loss exponent: 2 in free space, 3 to 4 in cities.
    shadow_db : float
        Standard deviation of the shadowing.
    beam_deg : float
        Width of a sector's beam (at -3 dB), degrees.
    back_db : float
        How much weaker a sector is at its back at most.
    unserved : float
        How strong being out of service is among the choices: 1 as a tower at its radius, 0 where some tower always
        serves.
    reach : float
        Towers further off than so many of the largest radii of their generation are not asked.
    """

    exponent: float = 3.7
    shadow_db: float = 8.0
    beam_deg: float = 65.0
    back_db: float = 25.0
    unserved: float = 1.0
    reach: float = 2.5

    def __post_init__(self) -> None:
        _share("exponent", self.exponent, 1.5, 8)
        _share("shadow_db", self.shadow_db, 0.1, 40)
        _share("beam_deg", self.beam_deg, 5, 360)
        _share("back_db", self.back_db, 0, 100)
        _share("unserved", self.unserved, 0, 1000)
        _share("reach", self.reach, 1, 20)

    @property
    def scale_db(self) -> float:
        """Scale of the Gumbel distribution that has this standard deviation."""
        return self.shadow_db * math.sqrt(6.0) / math.pi


#: the usual ones
RADIO = Radio()


@dataclass(frozen=True)
class Certainty:
    """How the places of two devices hang together over time, for ``find_companions(..., certainty=...)``.

    A device's *haunt* is a set of towers between which it flaps while it is in one place: the tower at which it has
    most dwell, and all that it was at in between when it came back within ``flap`` and their footprints are ``alike``.
    In each haunt a device has one cell, the same from night to night; now and then it is off it, and anywhere by the
    haunt's footprint.

    Parameters
    ----------
    flap : str or timedelta
        The longest absence from a tower that may be flapping.
    alike : float
        The least likeness (cosine, 0 to 1) of two footprints of one haunt.
    roaming : float
        How likely one of two devices is off its cell during one spell.
    spell : str or timedelta
        How long it is there, or off it, at a time.
    blur : str or timedelta, optional
        How well it is known when stays begin and end: a time together as long as this is a real one with probability
        0.63, one three times as long with 0.95. By default the mean time between pings, which is the dwell of all
        stays over the pings that they were made of (15 minutes where that is not known).
    least : float
        Pairs with a smaller probability (before calibration) are not listed.
    calibrated : bool
        Whether probabilities are put on the map that was fitted on made cities; see :func:`cotrace.reliability`.
    """

    flap: Duration = "3h"
    alike: float = 0.02
    roaming: float = 0.1
    spell: Duration = "1h"
    blur: Duration | None = None
    least: float = 0.01
    calibrated: bool = True

    def __post_init__(self) -> None:
        for name in ("flap", "spell", "blur"):
            if name == "blur" and self.blur is None:
                continue
            value = seconds(getattr(self, name), name)
            if not value:
                raise OptionError(f"{name}='0s' is no time")
            object.__setattr__(self, name, format_duration(value))
        _share("alike", self.alike, 0, 1)
        _share("roaming", self.roaming, 0, 1)
        _share("least", self.least, 0, 1)
        if not isinstance(self.calibrated, bool):
            raise CotraceTypeError(f"calibrated={self.calibrated!r} is neither True nor False")

    @property
    def flap_s(self) -> int:
        """``flap`` in seconds."""
        return seconds(self.flap, "flap")

    @property
    def spell_s(self) -> int:
        """``spell`` in seconds."""
        return seconds(self.spell, "spell")

    def blur_s(self, dwell_s: int = 0, pings: int = 0) -> int:
        """Return ``blur`` in seconds: as it was given, or that of so many pings in this dwell."""
        if self.blur is not None:
            return seconds(self.blur, "blur")
        return max(1, round(dwell_s / pings)) if dwell_s and pings else BLUR_S

    def describe(self) -> str:
        """Say in one phrase by which model probabilities are made."""
        blur = spaced(self.blur) if self.blur is not None else "the mean time between pings"
        return (
            f"haunts by flapping within {spaced(self.flap)}, roaming {self.roaming:g} a spell of {spaced(self.spell)}, "
            f"{'calibrated on made cities' if self.calibrated else 'not calibrated'}, blur {blur}"
        )
