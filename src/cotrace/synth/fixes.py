"""What GPS receivers of made devices say."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.durations import Duration, seconds
from cotrace.errors import OptionError
from cotrace.synth.blocks import Block, Lane, Rows, path_of

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.synth.cities import City

__all__ = ["Fixes", "GpsOptions", "gps"]

#: stream of random numbers of this module
_FIXES = 400
#: side of the squares in which streets are canyons or not, metres
_SQUARE_M = 100.0
_COUNTED = ("logged", "no_fix", "silent", "in_canyon", "outliers", "off_s", "silent_s", "device_days")
_SHARES = ("canyons", "outliers", "no_fix", "off_nights", "off_days", "silent_days")


@dataclass(frozen=True)
class GpsOptions:
    """How often receivers say where they are, and how wrong they are. Shares are from 0 (never) to 1.

    All figures are assumptions.

    Parameters
    ----------
    every_moving, every_still : str or timedelta
        Time from fix to fix, a fifth more or less.
    error_m : float
        Standard deviation of the error along each axis, under an open sky.
    memory : str or timedelta
        How fast an error fades: what is left of it after this is a share of 1/e. ``"0s"``: each error is its own.
    canyons : float
        Share of squares of 100 m that are urban canyons: those with the most venues.
    canyon_error_m, canyon_bias_m : float
        In these: the standard deviation of the error, and of a shift that is always the same in one square.
    outliers, outlier_m : float
        Share of fixes that are off by another error, and how wide that is.
    no_fix : float
        Share of fixes that fail at rest, which is mostly indoors.
    off_nights, off_days, off_for
        As in :class:`SignalOptions`.
    silent_days, silent_for : float, duration
        Sampling gaps: chance that a device gives no fix for some time of a day, and mean length of that.
    """

    every_moving: Duration = "30s"
    every_still: Duration = "5min"
    error_m: float = 5.0
    memory: Duration = "1min"
    canyons: float = 0.05
    canyon_error_m: float = 20.0
    canyon_bias_m: float = 25.0
    outliers: float = 0.002
    outlier_m: float = 300.0
    no_fix: float = 0.1
    off_nights: float = 0.1
    off_days: float = 0.02
    off_for: Duration = "2h"
    silent_days: float = 0.1
    silent_for: Duration = "2h"

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is no share from 0 to 1")
        for name in ("error_m", "canyon_error_m", "canyon_bias_m", "outlier_m"):
            if not 0.0 <= getattr(self, name) <= 10_000.0:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within 0 to 10,000 m")
        for name, least in (("every_moving", 1), ("every_still", 1), ("memory", 0)):
            if not least <= seconds(getattr(self, name), name) <= 86_400:
                raise OptionError(f"{name}={getattr(self, name)!r} is not within {least} s to a day")
        for name in ("off_for", "silent_for"):
            if seconds(getattr(self, name), name) > 86_400:
                raise OptionError(f"{name}={getattr(self, name)!r} is more than a day")

    def without(self, *effects: str) -> GpsOptions:
        """Return the same with these effects (names of shares, ``"error_m"``) switched off; without names, all."""
        unknown = [e for e in effects if e not in (*_SHARES, "error_m")]
        if unknown:
            raise OptionError(f"effects {unknown!r}: there are {', '.join((*_SHARES, 'error_m'))}")
        off: dict[str, Any] = dict.fromkeys(effects or (*_SHARES, "error_m"), 0)
        return replace(self, **off)

    def chances(self) -> NDArray[np.float64]:
        """Return what the kernel draws by, in its order."""
        means = [float(seconds(getattr(self, n), n)) for n in ("off_for", "silent_for")]
        errors = [self.error_m, self.canyon_error_m, self.canyon_bias_m]
        return np.array(
            [
                0.0, 0.0, 0.0, self.off_nights, self.off_days, self.silent_days, *means, 0.0,
                *errors, seconds(self.memory, "memory"), self.outliers, self.outlier_m, self.no_fix,
            ],
            np.float64,
        )  # fmt: skip

    @property
    def rows_a_day(self) -> float:
        """About how many fixes of a device and day to expect, at most; used to choose sizes."""
        still, moving = seconds(self.every_still, "every_still"), seconds(self.every_moving, "every_moving")
        return 78_000.0 / still + 8_400.0 / moving

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


class Fixes(Rows):
    """GPS fixes of all devices; made by :func:`cotrace.synth.gps`."""

    counted = _COUNTED

    def __init__(self, city: City, seed: int, options: GpsOptions, accuracy: bool) -> None:
        super().__init__(city, seed, options.rows_a_day)
        self.options = options
        self.names = ("device", "time", "x", "y", *(("accuracy",) if accuracy else ()))
        across = max(1, math.ceil(city.side_m / _SQUARE_M))
        canyon = _canyons(city, across, options.canyons)
        every = tuple(seconds(v, "every") for v in (options.every_moving, options.every_still))
        self._streets: tuple[Any, ...] = (
            canyon,
            (across, across),
            (0.0, 0.0, _SQUARE_M),
            options.chances(),
            every,
        )

    def __repr__(self) -> str:
        return f"Fixes({self.city!r}, seed {self.seed})"

    def block(self, day: int, first: int, last: int, lane: Lane | None = None) -> Block:
        """Return the fixes of the devices ``first`` to ``last - 1`` on a day."""
        from cotrace.kernels.synth_clock import CLOCK
        from cotrace.kernels.synth_gps import fill_fixes

        lane = lane or Lane()
        legs = self.city.legs(first, last, day)
        while True:
            scratch: tuple[Any, ...] = tuple(np.empty(n, np.int64) for n in (CLOCK, len(_COUNTED)))
            counts = np.zeros(len(_COUNTED), np.int64)
            of_block = (*path_of(legs), *self._streets, *scratch, counts, lane.rows)
            done, n = fill_fixes(self.seed, _FIXES, day, first, (0, last - first), *of_block)
            if done == last - first:
                return Block(self._columns(day, first, n, lane), counts)
            lane.grow()

    def _columns(self, day: int, first: int, n: int, lane: Lane) -> dict[str, NDArray[Any]]:
        from cotrace.kernels.synth_gps import gather_fixes
        from cotrace.kernels.synth_rows import order_rows

        order = lane.column("order", n, np.int32)
        order_rows(lane.rows, n, lane.starts, order)
        columns = {name: lane.column(name, n) for name in ("device", "time")}
        columns |= {name: lane.column(name, n, np.float64) for name in self.names[2:]}
        o = self.options
        accuracies = (max(o.error_m, 1.0), max(math.hypot(o.canyon_error_m, o.canyon_bias_m), 1.0))
        accuracy = columns.get("accuracy", np.empty(0, np.float64))
        midnight = (self.city.base + day * 86_400) * 1_000_000
        places = (columns["x"], columns["y"], accuracy)
        gather_fixes(
            lane.rows, order, first, midnight, accuracies, columns["device"], columns["time"], *places
        )
        return columns

    @property
    def schema(self) -> pa.Schema:
        """The columns' names and types: device, time, x, y, and accuracy where asked for."""
        from cotrace.schema_synth import FIXES

        return self.of(FIXES)

    def rows_of(self, counts: NDArray[np.int64]) -> int:
        """Return how many rows were counted."""
        return int(counts[0])

    def describe(self) -> dict[str, Any]:
        """Return the options by name."""
        return {"options": self.options.as_dict()}


def gps(city: City, *, seed: int, options: GpsOptions | None = None, accuracy: bool = False) -> Fixes:
    """Say what GPS receivers of the devices of a city would say.

    Errors fade from fix to fix, are larger between high buildings, where they also have a part that is always the same
    in one place, and are very large now and then. Receivers give fewer fixes at rest, fail indoors, and have gaps.

    Parameters
    ----------
    city : City
    seed : int
    options : GpsOptions, optional
    accuracy : bool
        Whether rows have the error that the receiver takes itself to have.

    Returns
    -------
    Fixes
        A source that can be read again: ``read_pings(fixes)``, ``fixes.batches(day)``, ``fixes.counts``.

    Notes
    -----
    Of the times at which a receiver tries, each was ``logged``, a failure (``no_fix``), or within a gap (``silent``).

    Examples
    --------
    >>> from cotrace import synth
    >>> city = synth.city(seed=1, area_km2=4, population=100, days=1)
    >>> fixes = synth.gps(city, seed=1)
    >>> fixes.to_arrow().num_rows == fixes.counts["logged"]
    True
    """
    return Fixes(city, seed, options or GpsOptions(), accuracy)


def _canyons(city: City, across: int, share: float) -> NDArray[np.bool_]:
    """Return the squares that are urban canyons: this share, those with the most venues."""
    n = across * across
    col, row = (
        np.minimum((v // _SQUARE_M).astype(np.int64), across - 1) for v in (city.venue_x, city.venue_y)
    )
    venues = np.bincount(row * across + col, minlength=n)
    out = np.zeros(n, np.bool_)
    out[np.argsort(-venues, kind="stable")[: round(share * n)]] = True
    return out & (venues > 0)
