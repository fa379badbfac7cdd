"""What people of a made city do: shares, hours, speeds. All of it is our assumption unless a source is named."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError

__all__ = ["HABITS", "Habits"]


@dataclass(frozen=True)
class Habits:
    """How people spend their days. Shares are of people and days, minutes are of a visit, hours are of the day.

    The figures are assumptions: none of them was published for these cities. A visit to a shop lasts
    ``shop_min[0] + shop_min[1] * u ** 2`` minutes, ``u`` being uniform in [0, 1): short ones are usual.

    Parameters
    ----------
    lunch, after_work, evening, morning, afternoon : float
        Share of days with an outing then: ``lunch`` and ``after_work`` on days of work, ``morning`` and ``afternoon``
        on free days.
    joint : float
        Share of weekend days on which a household goes out together.
    late : float
        Share of Friday and Saturday nights on which a working person is out over midnight.
    shops, restaurants, leisure : float
        Shares of outings that go there; the rest are visits to other people's homes.
    reach_m : float
        Half of all outings go to a venue that is no farther than about this, along each axis; one in ten goes nine
        times as far.
    walk_m : float
        Ways up to this length are walked.
    walk_speed : float
        Metres a second on foot, on average; people differ by 12 %.
    ride_speed, ride_gain : float
        Speed of a ride: ``ride_speed + min(10, ride_gain * length)`` m/s; people differ by 10 %. None takes longer than
        90 minutes.
    shop_min, restaurant_min, leisure_min, friend_min : (float, float)
        How long a visit lasts, as above.
    work_starts, work_lasts, school_starts, school_lasts : float
        Hours; people differ by 36 and days by 9 minutes in when work starts.
    """

    lunch: float = 0.35
    after_work: float = 0.35
    evening: float = 0.25
    morning: float = 0.6
    afternoon: float = 0.5
    joint: float = 0.4
    late: float = 0.06
    shops: float = 0.45
    restaurants: float = 0.2
    leisure: float = 0.2
    reach_m: float = 900.0
    walk_m: float = 1_000.0
    walk_speed: float = 1.35
    ride_speed: float = 4.0
    ride_gain: float = 1 / 1_500
    shop_min: tuple[float, float] = (8.0, 67.0)
    restaurant_min: tuple[float, float] = (25.0, 95.0)
    leisure_min: tuple[float, float] = (30.0, 210.0)
    friend_min: tuple[float, float] = (45.0, 255.0)
    work_starts: float = 8.5
    work_lasts: float = 9.0
    school_starts: float = 7.8
    school_lasts: float = 8.5

    def __post_init__(self) -> None:
        for name in ("lunch", "after_work", "evening", "morning", "afternoon", "joint", "late"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is no share from 0 to 1")
        parts = (self.shops, self.restaurants, self.leisure)
        if min(parts) < 0.0 or sum(parts) > 1.0 + 1e-9:
            raise OptionError(
                f"shops, restaurants and leisure are {parts}: shares of outings, together at most 1"
            )
        for name, least, most in _RANGES:
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within {least:g} to {most:g}")
        for name in ("shop_min", "restaurant_min", "leisure_min", "friend_min"):
            low, more = getattr(self, name)
            if not (low >= 1.0 and more >= 0.0 and low + more <= 720.0):
                raise OptionError(
                    f"{name}={getattr(self, name)!r}: the least minutes (1 or more) and how many more, 720 at most"
                )

    def array(self) -> NDArray[np.float64]:
        """Return the figures as the kernels read them."""
        flat: list[float] = []
        for f in fields(self):
            value = getattr(self, f.name)
            flat += value if isinstance(value, tuple) else [value]
        out = np.array(flat, np.float64)
        out[7:10] = np.cumsum(out[7:10])
        return out


#: least and most of what the plan of a day can carry
_RANGES = (
    ("reach_m", 1.0, 20_000.0),
    ("walk_m", 0.0, 5_000.0),
    ("walk_speed", 0.5, 3.0),
    ("ride_speed", 1.0, 30.0),
    ("ride_gain", 0.0, 1.0),
    ("work_starts", 6.0, 12.0),
    ("work_lasts", 2.0, 12.0),
    ("school_starts", 6.0, 12.0),
    ("school_lasts", 2.0, 12.0),
)

#: the usual ones
HABITS = Habits()
