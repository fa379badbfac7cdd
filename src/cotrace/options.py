"""What can be chosen: how stays are made of pings, and how the companion rule is read.

Both objects are frozen, compare by value, print as they were written, and are part of every result. Durations
are strings or timedeltas and are kept in one canonical spelling: ``"4500s"`` and ``"75min"`` are one option.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, get_args

from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.grid import Grid

__all__ = [
    "CONTACT",
    "FLAGS",
    "INVESTIGATORS",
    "MAX_CROWD",
    "CompanionRule",
    "DwellOf",
    "Fill",
    "Flags",
    "PingPong",
    "StayOptions",
    "ZoneRule",
]

Fill = Literal["same_cell", "forward"]
By = Literal["grid", "tower"]
DwellOf = Literal["either", "both", "case", "companion", "pair"]
Strict = bool | Literal["shared", "cumulative"]
Shared = Literal["unbroken", "cumulative"]
Combine = Literal["and", "or"]


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    # 1 == True in Python, and strict=1 would slip through: compare types too
    if not any(value == a and type(value) is type(a) for a in allowed):
        raise OptionError(f"{name}={value!r} is not one of {', '.join(map(repr, allowed))}")


def _keep_duration(self: object, name: str) -> None:
    value = getattr(self, name)
    object.__setattr__(self, name, format_duration(seconds(value, name)))


@dataclass(frozen=True)
class PingPong:
    """Smooth flapping between neighbouring towers: a device that is back within ``within`` never left.

    Left to right over a device's runs of pings in one cell, judged by their places after relabelling: if run
    *k* is where run *k* − 2 is, and no more than ``within`` lies between the last ping of *k* − 2 and the first
    of *k*, the pings of run *k* − 1 are given that place. Nothing is deleted; the number is reported.

    Parameters
    ----------
    within : str or timedelta
        The longest absence that counts as none.
    """

    within: Duration = "5min"

    def __post_init__(self) -> None:
        _keep_duration(self, "within")

    @property
    def within_s(self) -> int:
        """``within`` in seconds."""
        return seconds(self.within, "within")


@dataclass(frozen=True)
class StayOptions:
    """How stays are made of pings.

    Parameters
    ----------
    grid : Grid, optional
        The grid of cells; by default the one that fits the input: ``Grid.geographic(800)`` for lon/lat and for
        towers with positions, ``Grid.projected(800)`` in the input's CRS, ``Grid.planar(800)`` for a plane.
    by : {"grid", "tower"}
        What a cell is: a square of the grid, or a tower.
    max_gap : str or timedelta
        Two consecutive pings further apart than this say nothing about the time between them. An idle phone
        reports every 54 minutes at the latest, and hourly feeds jitter: hence 75 minutes.
    fill : {"same_cell", "forward"}, optional
        Where a device is between two pings. ``"same_cell"`` (default for positions): in a cell only if both
        pings are in it. ``"forward"``: in the cell of the first; for logs that record every change of cell.
        A tower log has no default.
    smooth : PingPong, optional
        Smooth flapping between cells.
    """

    grid: Grid | None = None
    by: By = "grid"
    max_gap: Duration = "75min"
    fill: Fill | None = None
    smooth: PingPong | None = None

    def __post_init__(self) -> None:
        if self.grid is not None and not isinstance(self.grid, Grid):
            raise CotraceTypeError(
                f"grid={self.grid!r} is not a Grid: Grid.geographic(), .projected() or .planar()"
            )
        _one_of("by", self.by, get_args(By))
        if self.fill is not None:
            _one_of("fill", self.fill, get_args(Fill))
        if self.smooth is not None and not isinstance(self.smooth, PingPong):
            raise CotraceTypeError(f"smooth={self.smooth!r} is not a PingPong(within='5min')")
        _keep_duration(self, "max_gap")

    @property
    def max_gap_s(self) -> int:
        """``max_gap`` in seconds."""
        return seconds(self.max_gap, "max_gap")

    def describe(self) -> str:
        """Say in one phrase how stays were made."""
        where = "towers" if self.by == "tower" else self.grid.describe() if self.grid else "the fitting grid"
        smooth = f", smoothed within {spaced(self.smooth.within)}" if self.smooth else ""
        return f"Cells: {where}; fill={self.fill!r}, max_gap={self.max_gap!r}{smooth}"


@dataclass(frozen=True)
class CompanionRule:
    """When a device is a case's companion (时空伴随者): the thresholds, and how the wording is read.

    For a case, another device and a cell: *shared*, an episode of at least ``min_shared`` in the lookback; and
    *cumulative*, at least ``min_cumulative`` of dwell in that cell in the lookback. The device is a companion
    when some cell satisfies both.

    Parameters
    ----------
    min_shared, min_cumulative, lookback : str or timedelta
        10 minutes, 30 hours and 14 days as published. ``min_cumulative=None``: no cumulative clause.
    dwell_of : {"either", "both", "case", "companion", "pair"}
        Whose dwell has to reach ``min_cumulative``; ``"pair"`` is the two's joint time in the cell.
    strict : bool or {"shared", "cumulative"}
        Read thresholds as "more than" instead of "at least": both, or the one named.
    shared : {"unbroken", "cumulative"}
        What ``min_shared`` is asked of: one episode, or the pair's joint seconds in the cell.
    per : str or timedelta, optional
        With ``shared="cumulative"``: the most joint seconds inside any interval of this length.
    combine : {"and", "or"}
        Whether both clauses must hold or one suffices.
    lag : str or timedelta, optional
        For the queries on exposure: a device that enters the cell at most this long after the case left it has met
        it too (person, object, person), if each was there for ``min_shared`` (the other one counted from when both
        had come). Needs ``shared="unbroken"`` and ``min_cumulative=None``.
    """

    min_shared: Duration = "10min"
    min_cumulative: Duration | None = "30h"
    lookback: Duration = "14d"
    dwell_of: DwellOf = "either"
    strict: Strict = False
    shared: Shared = "unbroken"
    per: Duration | None = None
    combine: Combine = "and"
    lag: Duration | None = None

    def __post_init__(self) -> None:
        _one_of("dwell_of", self.dwell_of, get_args(DwellOf))
        _one_of("strict", self.strict, (False, True, "shared", "cumulative"))
        _one_of("shared", self.shared, get_args(Shared))
        _one_of("combine", self.combine, get_args(Combine))
        for name in ("min_shared", "lookback", "min_cumulative", "per", "lag"):
            if getattr(self, name) is not None or name in ("min_shared", "lookback"):
                _keep_duration(self, name)
        if not self.lookback_s:
            raise OptionError("lookback='0s' looks at nothing")
        if self.per is not None and self.shared != "cumulative":
            raise OptionError(f"per={self.per!r} sums joint seconds: it needs shared='cumulative'")
        if self.per is not None and not self.per_s:
            raise OptionError("per='0s' is no interval")
        if self.combine == "or" and self.min_cumulative is None:
            raise OptionError("combine='or' needs both clauses, and min_cumulative=None takes one away")
        if self.lag is not None and (self.shared != "unbroken" or self.min_cumulative is not None):
            raise OptionError(
                f"lag={self.lag!r} is for devices that need not share a second: it needs shared='unbroken' and "
                "min_cumulative=None"
            )

    @property
    def min_shared_s(self) -> int:
        """``min_shared`` in seconds."""
        return seconds(self.min_shared, "min_shared")

    @property
    def min_cumulative_s(self) -> int | None:
        """``min_cumulative`` in seconds, or None."""
        return None if self.min_cumulative is None else seconds(self.min_cumulative, "min_cumulative")

    @property
    def lookback_s(self) -> int:
        """``lookback`` in seconds."""
        return seconds(self.lookback, "lookback")

    @property
    def per_s(self) -> int | None:
        """``per`` in seconds, or None."""
        return None if self.per is None else seconds(self.per, "per")

    @property
    def lag_s(self) -> int | None:
        """``lag`` in seconds, or None."""
        return None if self.lag is None else seconds(self.lag, "lag")

    @property
    def least_shared_s(self) -> int:
        """The fewest whole seconds that satisfy the clause on shared time."""
        return self.min_shared_s + (self.strict in (True, "shared"))

    @property
    def least_cumulative_s(self) -> int | None:
        """The fewest whole seconds that satisfy the cumulative clause, or None when there is none."""
        least = self.min_cumulative_s
        return None if least is None else least + (self.strict in (True, "cumulative"))

    def describe(self) -> str:
        """Say in one sentence how the rule was read."""
        more = {True: "more than", False: "at least"}
        shared = f"{more[self.strict in (True, 'shared')]} {spaced(self.min_shared)}"
        if self.shared == "unbroken":
            shared += " together without a break"
        else:
            shared += " together in all" + (f", within any {spaced(self.per)}" if self.per else "")
        if self.lag is not None:
            clauses = f"{shared}, or one there at most {spaced(self.lag)} after the other left"
        elif self.min_cumulative is None:
            clauses = shared
        else:
            who = {
                "either": "either of the two",
                "both": "each of the two",
                "case": "the case",
                "companion": "the companion",
                "pair": "the two together",
            }[self.dwell_of]
            dwell = f"{who} {more[self.strict in (True, 'cumulative')]} {spaced(self.min_cumulative)} there in all"
            clauses = f"{shared} {self.combine} {dwell}"
        return f"in one cell {clauses}, in the {spaced(self.lookback)} before as_of"

    def as_dict(self) -> dict[str, object]:
        """Return the fields by name, for provenance."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


#: what counts as a meeting in the queries on exposure, unless another rule is given: the clause on shared time alone
CONTACT = CompanionRule(min_cumulative=None)

#: the most devices that may be in a cell in one window before :func:`cotrace.pairs` leaves it out and reports it
MAX_CROWD = 1000

#: published: investigators for one case's first, second and third ring
INVESTIGATORS = ((20, 30), (200, 300), (2000, 3000))


@dataclass(frozen=True)
class Flags:
    """When a listed device is flagged as stationary, or as a second phone. Flags remove nobody.

    Parameters
    ----------
    stationary : str or timedelta
        A device that was seen over at least this span, in one cell alone, is ``stationary`` (a router, a meter).
    twin_share : float
        Two devices are twins that were together for at least this share of the dwell of each.
    twin_dwell : str or timedelta
        The least time that they must have been together.
    twin_cells : int
        The fewest cells that they must have been together in: neighbours who stay at home are no twins.
    """

    stationary: Duration = "3d"
    twin_share: float = 0.9
    twin_dwell: Duration = "24h"
    twin_cells: int = 3

    def __post_init__(self) -> None:
        _keep_duration(self, "stationary")
        _keep_duration(self, "twin_dwell")
        if not 0.5 < self.twin_share <= 1:
            raise OptionError(f"twin_share={self.twin_share!r} is no share over one half")
        if self.twin_cells < 2:
            raise OptionError(f"twin_cells={self.twin_cells!r}: what moves is in two cells at least")

    @property
    def stationary_s(self) -> int:
        """``stationary`` in seconds."""
        return seconds(self.stationary, "stationary")

    @property
    def twin_dwell_s(self) -> int:
        """``twin_dwell`` in seconds."""
        return seconds(self.twin_dwell, "twin_dwell")


#: the usual ones
FLAGS = Flags()


@dataclass(frozen=True)
class ZoneRule:
    """When a unit (a compound, a building, a district, or a cell) is a lockdown, control or precaution zone.

    The published words: lockdown (封控) for a case's compound and frequent surroundings; control (管控) where there is
    some risk; precaution (防范) for the rest of the district. No figure was ever published: these are this library's.

    Parameters
    ----------
    lookback : str or timedelta
        How far before each case's ``as_of`` its dwell counts, and before now that of visitors.
    lockdown : str or timedelta
        A unit in which cases together have this dwell is locked down; so is one in which a case is at home.
    control : str or timedelta
        One in which they have this dwell is controlled.
    rings : int
        Without districts: how many rings of neighbours round these are precaution zones.
    present_within : str or timedelta
        A device is present now that was last seen no longer ago than this.
    """

    lookback: Duration = "14d"
    lockdown: Duration = "8h"
    control: Duration = "30min"
    rings: int = 1
    present_within: Duration = "2h"

    def __post_init__(self) -> None:
        for name in ("lookback", "lockdown", "control", "present_within"):
            _keep_duration(self, name)
        if isinstance(self.rings, bool) or not isinstance(self.rings, int) or not 0 <= self.rings <= 100:
            raise OptionError(f"rings={self.rings!r} is no whole number from 0 to 100")
        if not seconds(self.lookback, "lookback"):
            raise OptionError("lookback='0s' looks at nothing")
        if not 0 < seconds(self.control, "control") <= seconds(self.lockdown, "lockdown"):
            raise OptionError(
                f"control={self.control!r} and lockdown={self.lockdown!r}: some dwell, and no more than for a lockdown"
            )

    def describe(self) -> str:
        """Say in one sentence when a unit is what."""
        return (
            f"lockdown: a case's home, or {spaced(self.lockdown)} of cases' dwell in the {spaced(self.lookback)} "
            f"before as_of; control: {spaced(self.control)}"
        )
