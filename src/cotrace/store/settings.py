"""What a store keeps of how its stays are made, and what may be opened with it or put into it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.errors import CotraceTypeError, OptionError, StoreVersionError, TimeError
from cotrace.grid import Grid
from cotrace.io.zones import as_tzinfo
from cotrace.options import PingPong, StayOptions
from cotrace.stays.locate import located_by

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.pings import Pings

__all__ = [
    "DAY",
    "Settings",
    "arrow_type",
    "check_span",
    "day_limits",
    "days_back",
    "iso_day",
    "kept_options",
]

#: seconds of a day
DAY = 86_400
_LAYOUT = 1
_MOST_DAYS = 24_400
_MOST_BUCKETS = 4096


@dataclass(frozen=True)
class Settings:
    """How the stays of a store are made; as it stands in the manifest.

    Attributes
    ----------
    options : StayOptions
        Grid and fill filled in, once pings have come.
    buckets : int
        Buckets of devices.
    tz : str
        Time zone of results.
    device_type, tower_type : str
        Arrow types of the ids; ``""`` as long as no pings have come, and where pings name no tower.
    located_by : str
        What cells come from: ``position``, ``tower`` or ``tower position``.
    closed : int or None
        Days before this one (since 1970-01-01) take no pings any more.
    """

    options: StayOptions
    buckets: int
    tz: str = ""
    device_type: str = ""
    tower_type: str = ""
    located_by: str = ""
    closed: int | None = None

    @classmethod
    def asked(cls, options: StayOptions, buckets: int) -> Settings:
        """Return the settings that a caller asks for.

        Raises
        ------
        CotraceTypeError, OptionError
            Options that are none, and numbers of buckets that cannot be.
        """
        if not isinstance(options, StayOptions):
            raise CotraceTypeError(f"options={options!r} is not a StayOptions")
        if isinstance(buckets, bool) or not isinstance(buckets, int):
            raise CotraceTypeError(f"buckets={buckets!r} is not a whole number")
        if not 1 <= buckets <= _MOST_BUCKETS:
            raise OptionError(f"buckets={buckets!r}: 1 to {_MOST_BUCKETS:,}")
        return cls(options, buckets)

    @property
    def fixed(self) -> bool:
        """Whether pings have come, so that everything is settled."""
        return bool(self.device_type)

    @property
    def cell_type(self) -> str:
        """Arrow type of cells: packed integers, or what towers are called."""
        return self.tower_type if self.options.by == "tower" else "int64"

    def as_dict(self) -> dict[str, Any]:
        """Return it as what JSON has."""
        return {
            "layout": _LAYOUT,
            **{f.name: getattr(self, f.name) for f in fields(self) if f.name != "options"},
            "options": kept_options(self.options),
        }

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Settings:
        """Return what :meth:`as_dict` gave.

        Raises
        ------
        StoreVersionError
            When a newer cotrace made it.
        """
        if kept.get("layout") != _LAYOUT:
            raise StoreVersionError(
                f"the store's tables have layout {kept.get('layout')!r}, and this cotrace reads layout {_LAYOUT}: "
                "open it with the cotrace that made it, or a newer one"
            )
        known = {f.name for f in fields(cls)} - {"options"}
        return cls(**{k: v for k, v in kept.items() if k in known}, options=_options_of(kept["options"]))

    def check_opened_with(self, options: StayOptions) -> None:
        """Make sure that a store may be opened with these options; ``StayOptions()`` are the store's own.

        Raises
        ------
        OptionError
            When the stays that are there were made otherwise; the message names the difference.
        """
        if options == StayOptions():
            return
        ours = self.options
        asked = replace(options, grid=options.grid or ours.grid, fill=options.fill or ours.fill)
        _refuse(
            {
                f.name: (getattr(ours, f.name), getattr(asked, f.name))
                for f in fields(StayOptions)
                if getattr(ours, f.name) != getattr(asked, f.name)
            },
            "open it with StayOptions(), which stands for the store's own, or make another store",
        )

    def of_pings(self, pings: Pings, options: StayOptions) -> Settings:
        """Return the settings with what the first pings settle; ``options`` have grid and fill filled in."""
        return replace(
            self,
            options=options,
            tz=pings.tz,
            device_type=str(pings.device_type),
            tower_type=str(pings.tower_type) if pings.has_tower else "",
            located_by=located_by(pings, options),
        )

    def check_pings(self, theirs: Settings) -> None:
        """Make sure that pings with these settings fit in.

        Raises
        ------
        OptionError
            When they are of another kind than those that are there; the message names the difference.
        """
        names = ["tz", "device_type", "located_by"]
        if self.located_by != "position":
            names.append("tower_type")
        _refuse(
            {
                name: (getattr(self, name), getattr(theirs, name))
                for name in names
                if getattr(self, name) != getattr(theirs, name)
            },
            "read them as the first ones were read: read_pings(tz=, device=, tower=), ids as integers or as text",
        )


def _refuse(differences: dict[str, tuple[Any, Any]], mend: str) -> None:
    if differences:
        said = "; ".join(
            f"{name} is {ours!r} here and {asked!r} there" for name, (ours, asked) in differences.items()
        )
        raise OptionError(f"this does not fit what is in the store: {said}. Here is the store: {mend}")


def kept_options(options: StayOptions) -> dict[str, Any]:
    """Return options as what JSON has."""
    grid = options.grid
    return {
        "grid": None
        if grid is None
        else {"kind": grid.kind, "cell_m": grid.cell_m, "crs": grid.crs, "origin": list(grid.origin)},
        "by": options.by,
        "max_gap": options.max_gap,
        "fill": options.fill,
        "smooth": None if options.smooth is None else options.smooth.within,
    }


def _options_of(kept: dict[str, Any]) -> StayOptions:
    grid = kept["grid"]
    return StayOptions(
        grid=None if grid is None else Grid(grid["kind"], grid["cell_m"], grid["crs"], tuple(grid["origin"])),
        by=kept["by"],
        max_gap=kept["max_gap"],
        fill=kept["fill"],
        smooth=None if kept["smooth"] is None else PingPong(kept["smooth"]),
    )


def days_back(options: StayOptions) -> int:
    """Return how many days before its own a pair of pings can begin."""
    return -(-options.max_gap_s // DAY)


def arrow_type(name: str) -> pa.DataType:
    """Return the Arrow type of ids by its name."""
    import pyarrow as pa

    return {"int64": pa.int64(), "uint64": pa.uint64(), "large_string": pa.large_string()}[name]


def iso_day(day: int) -> str:
    """Return a day (since 1970-01-01) as text: 2021-11-01."""
    return str(np.datetime64(day, "D"))


def check_span(days: Sequence[int]) -> None:
    """Make sure that seconds from the first of these days fit 32 bits.

    Raises
    ------
    TimeError
        When the days span more than 67 years.
    """
    if days and max(days) - min(days) > _MOST_DAYS:
        raise TimeError(
            f"with these pings the store would span more than 67 years, from {iso_day(min(days))} to "
            f"{iso_day(max(days))}: is a time wrong, or in another unit? Leave such rows out"
        )


def day_limits(day: Any, tz: str) -> tuple[int | None, int | None]:
    """Return the unix seconds in which a calendar day of a time zone begins and ends; None: no limits.

    Raises
    ------
    OptionError
        When it is no date.
    """
    if day is None:
        return None, None
    try:
        date = day if isinstance(day, datetime.date) else datetime.date.fromisoformat(str(day))
        if isinstance(date, datetime.datetime):
            raise ValueError
    except ValueError:
        raise OptionError(f"day={day!r} is no date: give one like '2021-11-01'") from None
    return tuple(_midnight(d, tz) for d in (date, date + datetime.timedelta(days=1)))  # type: ignore[return-value]


def _midnight(date: datetime.date, tz: str) -> int:
    midnight = datetime.datetime.combine(date, datetime.time(), as_tzinfo(tz))
    return int(midnight.timestamp())
