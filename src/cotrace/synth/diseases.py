"""How a made disease spreads and is found. Where no source is named the figures are our assumption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError

__all__ = ["DISEASE", "Disease"]

_DAY = 86_400.0


@dataclass(frozen=True)
class Disease:
    """How a made disease spreads and is found.

    Parameters
    ----------
    per_hour : float
        Infections an hour of near contact with one whose infectiousness is at its height.
    settings : (float, float, float, float, float, float)
        Times this at home, at work, in class, in shops, restaurants and places of leisure.
    close : float
        Outside homes: how many of the others in a venue one is near to, on average.
    incubation_median_d, incubation_spread : float
        Days from infection to onset are log-normal: their median, and the standard deviation of their logarithm; kept
        within 1.5 to 14 days. Lauer et al., Annals of Internal Medicine 172, 2020: median 5.1 days.
    before_onset_d, after_onset_d : float
        Infectiousness rises from so long before the onset, though not on the first day after the infection, and falls
        to nothing so long after it.
    asymptomatic : float
        Share that never has symptoms; these have an onset only for what infectiousness hangs on.
    asymptomatic_force : float
        How infectious they are, of those with symptoms.
    superspreaders : float
        Share of people who cause 80 % of what all would cause; 0: all are alike.
    found, found_without : float
        Shares that are confirmed of those with and without symptoms.
    delay_d : (float, float)
        Days from the onset to the confirmation, uniform; without symptoms, from four days after infection.
    isolated : bool
        Whether who is confirmed infects nobody any more.
    """

    per_hour: float = 0.02
    settings: tuple[float, float, float, float, float, float] = (1.0, 1.0, 0.5, 1.0, 3.0, 3.0)
    close: float = 10.0
    incubation_median_d: float = 5.1
    incubation_spread: float = 0.42
    before_onset_d: float = 3.0
    after_onset_d: float = 7.0
    asymptomatic: float = 0.2
    asymptomatic_force: float = 0.5
    superspreaders: float = 0.2
    found: float = 0.9
    found_without: float = 0.4
    delay_d: tuple[float, float] = (1.0, 4.0)
    isolated: bool = True

    def __post_init__(self) -> None:
        for name in ("asymptomatic", "superspreaders", "found", "found_without"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is no share from 0 to 1")
        for name in ("per_hour", "close", "asymptomatic_force", "incubation_spread"):
            if not 0.0 <= getattr(self, name) < 1e6:
                raise OptionError(f"{name}={getattr(self, name)!r} is not 0 or more")
        for name in ("incubation_median_d", "before_onset_d", "after_onset_d"):
            if not 0.01 <= getattr(self, name) <= 60.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within 0.01 to 60 days")
        if len(self.settings) != 6 or min(self.settings) < 0.0:
            raise OptionError(f"settings={self.settings!r}: six factors, none below 0")
        if not 0.0 <= self.delay_d[0] <= self.delay_d[1] <= 60.0:
            raise OptionError(f"delay_d={self.delay_d!r}: the least and the most days, up to 60")

    def rates(self) -> NDArray[np.float64]:
        """Return infections an hour by the kind of venue."""
        return self.per_hour * np.array(self.settings)

    def courses(
        self, infected_at: NDArray[np.int64], draws: NDArray[np.float64]
    ) -> dict[str, NDArray[np.int64]]:
        """Return what becomes of people who were infected at these seconds, by draws of their own.

        ``infectious_from``, ``infectious_until``, ``onset``, ``confirmed_at`` (-1: never) in seconds, ``symptoms`` (0
        or 1), and ``force`` (float64).
        """
        days = self.incubation_median_d * np.exp(self.incubation_spread * draws[:, 0])
        onset = infected_at + (np.clip(days, 1.5, 14.0) * _DAY).astype(np.int64)
        starts = np.maximum(infected_at + int(_DAY), onset - int(self.before_onset_d * _DAY))
        symptoms = draws[:, 1] >= self.asymptomatic
        wait = ((self.delay_d[0] + (self.delay_d[1] - self.delay_d[0]) * draws[:, 3]) * _DAY).astype(np.int64)
        confirmed = np.where(symptoms, onset, infected_at + int(4 * _DAY)) + wait
        is_found = draws[:, 2] < np.where(symptoms, self.found, self.found_without)
        s = self.superspreaders
        force = np.ones(days.size)
        if 0.0 < s < 1.0:
            force = np.where(draws[:, 4] < s, 0.8 / s, 0.2 / (1.0 - s))
        return {
            "infectious_from": starts,
            "infectious_until": onset + int(self.after_onset_d * _DAY),
            "onset": onset,
            "confirmed_at": np.where(is_found, confirmed, -1),
            "symptoms": symptoms.astype(np.int64),
            "force": force * np.where(symptoms, 1.0, self.asymptomatic_force),
        }


#: the usual one
DISEASE = Disease()
