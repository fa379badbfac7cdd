"""What a made network logs of a device, and what goes wrong on the way: every effect can be switched off."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.durations import Duration, seconds
from cotrace.errors import OptionError

__all__ = ["FULL", "RHYTHM", "SPARSE", "SignalOptions"]

#: how busy phones are in each hour of the day, beside their mean (our assumption)
RHYTHM = (
    0.35, 0.2, 0.15, 0.12, 0.12, 0.2, 0.5, 1.0, 1.25, 1.3, 1.3, 1.35,
    1.4, 1.3, 1.25, 1.25, 1.3, 1.4, 1.55, 1.6, 1.6, 1.5, 1.2, 0.81,
)  # fmt: skip

_SHARES = (
    "burst", "connected", "reselect", "flapping", "off_nights", "off_days", "detach", "silent_days",
    "skewed", "lost", "duplicated", "late",
)  # fmt: skip


@dataclass(frozen=True)
class SignalOptions:
    """What the network logs, and what goes wrong. Shares are from 0 (never) to 1; 0 switches an effect off.

    Only ``periodic`` was published (54 min, the default of T3412 and T3512); all other figures are assumptions.

    Parameters
    ----------
    activity_gap : str or timedelta
        Mean time from one activity (call, message, data) of a device to the next, before bursts; busy hours are more
        frequent by ``rhythm``.
    rhythm : 24 numbers
        How busy each hour is.
    spread : float
        Devices differ: the standard deviation of the logarithm of their activity.
    burst, burst_gap : float, duration
        Share of activities after which the next one comes soon, and after how long on average.
    periodic : str or timedelta
        An idle phone reports when it has not been heard for so long; ``"0s"``: never.
    connected : float
        Share of trips during which the phone is connected, so that every handover is logged.
    hysteresis_db : float
        A connected or moved device stays with its tower until another one is stronger by this.
    reselect : float
        At an event of a device that has not moved: chance that it is served by a tower drawn anew.
    area_m : float
        Side of the areas whose change an idle phone reports; 0: none.
    flapping : float
        Chance that an event at rest is followed by a flap: to another tower within a minute, and back within two.
    off_nights, off_days : float
        Chance that the phone is off at night (from 22:30–00:30 to 5:30–8:30), and for some time during a day.
    off_for : str or timedelta
        Mean length of the latter, besides ten minutes.
    detach : float
        Share of times off that begin with a message; the others just end the log.
    silent_days, silent_for : float, duration
        Chance that nothing of a device is logged for some time of a day, and mean length of that.
    skewed, skew : float, duration
        Share of towers whose clocks are wrong, and by how much at most, either way.
    lost, duplicated, late : float
        Shares of rows.
    late_by : str or timedelta
        Mean delay of a late row. Rows are in the order in which they arrive.
    """

    activity_gap: Duration = "9min"
    rhythm: tuple[float, ...] = RHYTHM
    spread: float = 0.5
    burst: float = 0.5
    burst_gap: Duration = "20s"
    periodic: Duration = "54min"
    connected: float = 0.8
    hysteresis_db: float = 6.0
    reselect: float = 0.1
    area_m: float = 3_000.0
    flapping: float = 0.03
    off_nights: float = 0.1
    off_days: float = 0.02
    off_for: Duration = "2h"
    detach: float = 0.7
    silent_days: float = 0.05
    silent_for: Duration = "2h"
    skewed: float = 0.05
    skew: Duration = "30s"
    lost: float = 0.01
    duplicated: float = 0.005
    late: float = 0.01
    late_by: Duration = "10min"

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is no share from 0 to 1")
        if len(self.rhythm) != 24 or min(self.rhythm) <= 0.0:
            raise OptionError(f"rhythm={self.rhythm!r}: 24 numbers over 0 are needed, one an hour")
        for name, most in (("spread", 2.0), ("hysteresis_db", 100.0), ("area_m", 100_000.0)):
            if not 0.0 <= getattr(self, name) <= most:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within 0 to {most:g}")
        if 0.0 < self.area_m < 100.0:
            raise OptionError(f"area_m={self.area_m!r}: 0 for none, or at least 100 m")
        for name, least in (("activity_gap", 1), ("burst_gap", 1), ("periodic", 0), ("skew", 0)):
            if not least <= seconds(getattr(self, name), name) <= 86_400:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within {least} s to a day")
        for name in ("off_for", "silent_for", "late_by"):
            if seconds(getattr(self, name), name) > 86_400:
                raise OptionError(f"{name}={getattr(self, name)!r} is more than a day")

    def without(self, *effects: str) -> SignalOptions:
        """Return the same with these effects switched off; without names, with nothing going wrong.

        Effects are the names of the shares, and ``"spread"``.

        Examples
        --------
        >>> from cotrace import synth
        >>> synth.SignalOptions().without("lost").lost
        0
        """
        wrong = ("flapping", "off_nights", "off_days", "silent_days", "skewed", "lost", "duplicated", "late")
        unknown = [e for e in effects if e not in (*_SHARES, "spread")]
        if unknown:
            raise OptionError(f"effects {unknown!r}: there are {', '.join((*_SHARES, 'spread'))}")
        off: dict[str, Any] = dict.fromkeys(effects or wrong, 0)
        return replace(self, **off)

    @property
    def rows_a_day(self) -> float:
        """About how many rows of a device and day to expect; used to choose sizes."""
        gap = seconds(self.activity_gap, "activity_gap")
        return (
            86_400.0 / ((1.0 - self.burst) * gap + self.burst * seconds(self.burst_gap, "burst_gap")) + 25.0
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def gaps(self) -> NDArray[np.float64]:
        """Return the mean time between activities in each hour, seconds."""
        busy = np.array(self.rhythm, np.float64)
        return np.asarray(seconds(self.activity_gap, "activity_gap") * busy.mean() / busy, np.float64)

    def chances(self) -> NDArray[np.float64]:
        """Return what the kernel draws by, in its order."""
        rows = [65_536.0 * v for v in (self.lost, self.late, self.duplicated)]
        means = [float(seconds(getattr(self, n), n)) for n in ("off_for", "silent_for", "late_by")]
        burst_gap = float(seconds(self.burst_gap, "burst_gap"))
        return np.array(
            [
                *rows, self.off_nights, self.off_days, self.silent_days, *means, self.connected,
                65_536.0 * self.reselect, self.flapping, self.detach, self.burst, burst_gap, self.spread,
            ],
            np.float64,
        )  # fmt: skip

    def settings(self, fading_db: float, square_m: float) -> NDArray[np.int64]:
        """Return the whole numbers that the kernel reads, in its order."""
        keep = round(65_536.0 * float(np.exp(-self.hysteresis_db / fading_db)))
        step = max(1, round(square_m))
        return np.array([seconds(self.periodic, "periodic"), keep, round(self.area_m), step], np.int64)


#: full signalling: 300 to 500 records a device and day, as published (secondary)
FULL = SignalOptions()
#: a feed of some 40 records a device and day, most of them periodic
SPARSE = SignalOptions(activity_gap="90min", burst=0.0, connected=0.03, flapping=0.02)
