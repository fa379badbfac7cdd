"""Which column is what: by the caller's word, else by the usual names when exactly one fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cotrace.errors import CotraceTypeError, SchemaError

__all__ = ["ALIASES", "Columns", "find_columns", "listed", "one_column", "tower_pair"]

#: What columns are usually called; compared without case, with spaces and dashes read as underscores.
ALIASES: dict[str, tuple[str, ...]] = {
    "device": (
        "device", "device_id", "deviceid", "uid", "user", "user_id", "userid", "imsi", "msisdn", "imei",
        "subscriber", "subscriber_id", "vehicle", "vehicle_id",
    ),
    "time": (
        "time", "datetime", "date_time", "timestamp", "ts", "event_time", "unixtime", "unix_time", "epoch",
    ),
    "lon": ("lon", "lng", "long", "longitude"),
    "lat": ("lat", "latitude"),
    "x": ("x", "easting"),
    "y": ("y", "northing"),
    "tower": ("tower", "tower_id", "towerid", "base_station", "base_station_id", "bts", "bts_id"),
    "lac": ("lac", "tac"),
    "ci": ("ci", "eci", "nci", "cell_id", "cellid"),
    "radius_m": ("radius_m", "radius"),
    "generation": ("generation", "radio", "rat"),
}  # fmt: skip

_MEANING = {
    "device": "device",
    "time": "time",
    "lon": "longitude",
    "lat": "latitude",
    "x": "x",
    "y": "y",
    "tower": "tower",
    "lac": "location area (lac)",
    "ci": "cell identity (ci)",
    "radius_m": "radius",
    "generation": "generation",
    "accuracy": "accuracy",
}


@dataclass(frozen=True)
class Columns:
    """The columns that a source of pings is read from; ``lac`` and ``ci`` are the two halves of a tower id."""

    device: str
    time: str
    lon: str | None = None
    lat: str | None = None
    x: str | None = None
    y: str | None = None
    tower: str | None = None
    lac: str | None = None
    ci: str | None = None
    accuracy: str | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """The columns, each once, in the order of the roles."""
        place = (self.lon, self.lat, self.x, self.y, self.tower, self.lac, self.ci, self.accuracy)
        roles = (self.device, self.time, *place)
        return tuple(dict.fromkeys(c for c in roles if c is not None))

    @property
    def has_tower(self) -> bool:
        """Whether rows name a tower."""
        return self.tower is not None or self.lac is not None

    @property
    def kind(self) -> Literal["lonlat", "xy", "tower"]:
        """Where positions come from."""
        return "lonlat" if self.lon is not None else "xy" if self.x is not None else "tower"

    def describe(self) -> str:
        """Name the columns with what they are read as."""
        pairs = [(role, getattr(self, role)) for role in self.__dataclass_fields__]
        return ", ".join(f"{role}={name!r}" for role, name in pairs if name is not None)


def listed(names: Iterable[str]) -> str:
    """Quote names for a message, the first forty of them."""
    names = list(names)
    more = f" and {len(names) - 40} more" if len(names) > 40 else ""
    return ", ".join(repr(n) for n in names[:40]) + more if names else "none"


def find_columns(names: Sequence[str], given: Mapping[str, Any], where: str) -> Columns:
    """Find the columns of pings.

    Parameters
    ----------
    names : sequence of str
        The columns that there are.
    given : mapping
        What the caller named: ``device, time, lon, lat, x, y, tower, accuracy``; ``tower`` may be a pair
        (lac, ci).
    where : str
        How messages call the source.

    Raises
    ------
    SchemaError
        When one is missing, when two fit, or when two kinds of position do.
    """
    device = one_column("device", names, given.get("device"), where)
    time = one_column("time", names, given.get("time"), where)
    kind = _position_kind(names, given, where)
    position = {role: one_column(role, names, given.get(role), where) for role in _AXES.get(kind, ())}
    tower = _tower_columns(names, tower_pair(names, given.get("tower")), where, needed=kind == "tower")
    accuracy = given.get("accuracy")
    if accuracy is not None:  # never found by its name: it costs reading
        accuracy = one_column("accuracy", names, accuracy, where)
    found = Columns(str(device), str(time), **position, **tower, accuracy=accuracy)
    if len(found.used) < sum(getattr(found, role) is not None for role in found.__dataclass_fields__):
        raise SchemaError(f"{where}: one column is named for two things: {found.describe()}")
    return found


_AXES = {"lonlat": ("lon", "lat"), "xy": ("x", "y")}


def one_column(role: str, names: Sequence[str], given: Any, where: str, *, needed: bool = True) -> str | None:
    """Find one column, or None when it is neither there nor needed."""
    if given is not None:
        if not isinstance(given, str):
            raise CotraceTypeError(f"{role}={given!r} is not the name of a column")
        return _once(given, names, role, where)
    fits = _fits(role, names)
    if len(fits) == 1:
        return _once(fits[0], names, role, where)
    if fits:
        raise SchemaError(
            f"{where}: {len(fits)} columns fit the {_MEANING[role]}: {listed(fits)}; name the one to read, "
            f"{role}={fits[0]!r} for instance. The columns are {listed(names)}"
        )
    if not needed:
        return None
    raise SchemaError(
        f"{where}: no column for the {_MEANING[role]} (looked for {', '.join(ALIASES[role])}). "
        f"The columns are {listed(names)}: name the one that it is by {role}="
    )


def _once(name: str, names: Sequence[str], role: str, where: str) -> str:
    n = sum(n == name for n in names)
    if n == 0:
        raise SchemaError(f"{where}: there is no column {name!r} ({role}=); the columns are {listed(names)}")
    if n > 1:
        raise SchemaError(f"{where}: {n} columns are called {name!r}; give each a name of its own")
    return name


def _fits(role: str, names: Sequence[str]) -> list[str]:
    plain = (n.strip().lower().replace(" ", "_").replace("-", "_") for n in names)
    return list(dict.fromkeys(n for n, p in zip(names, plain, strict=True) if p in ALIASES[role]))


def tower_pair(names: Sequence[str], given: Any) -> Any:
    """Return ``"lac,ci"`` as the pair that it means, unless a column is called so; anything else as it is."""
    if isinstance(given, str) and given not in names and given.count(",") == 1:
        return tuple(half.strip() for half in given.split(","))
    return given


def _position_kind(names: Sequence[str], given: Mapping[str, Any], where: str) -> str:
    named = {kind for kind, axes in _AXES.items() if any(given.get(a) is not None for a in axes)}
    if len(named) == 2:
        raise SchemaError(f"{where}: lon/lat and x/y are both named; positions come from one of them")
    if named:
        return named.pop()
    there = {kind: [bool(_fits(a, names)) for a in axes] for kind, axes in _AXES.items()}
    whole = [kind for kind, both in there.items() if all(both)]
    if len(whole) == 2:
        raise SchemaError(
            f"{where}: lon/lat and x/y are both there ({listed(names)}); name the pair to read: "
            "lon= and lat=, or x= and y="
        )
    if whole:
        return whole[0]
    if (
        given.get("tower") is not None
        or _fits("tower", names)
        or (_fits("lac", names) and _fits("ci", names))
    ):
        return "tower"
    for kind, both in there.items():
        if any(both):
            return kind  # one axis is there: the message will say which is not
    raise SchemaError(
        f"{where}: no columns for a position: neither lon and lat, nor x and y, nor a tower, nor lac and ci. "
        f"The columns are {listed(names)}: name them by lon= and lat=, x= and y=, or tower="
    )


def _tower_columns(names: Sequence[str], given: Any, where: str, *, needed: bool) -> dict[str, str | None]:
    if isinstance(given, (tuple, list)):
        if len(given) != 2:
            raise CotraceTypeError(f"tower={given!r}: give one column, or the pair (lac, ci)")
        return {
            role: one_column(role, names, name, where)
            for role, name in zip(("lac", "ci"), given, strict=True)
        }
    if given is not None:
        return {"tower": one_column("tower", names, given, where)}
    single, lac, ci = (_fits(role, names) for role in ("tower", "lac", "ci"))
    if single and lac and ci and needed:
        raise SchemaError(
            f"{where}: both a tower ({listed(single)}) and a pair of lac and ci ({listed(lac + ci)}) fit; name "
            f"one: tower={single[0]!r}, or tower=({lac[0]!r}, {ci[0]!r})"
        )
    if needed or len(single) == 1:
        if single:
            return {"tower": one_column("tower", names, None, where)}
        return {role: one_column(role, names, None, where) for role in ("lac", "ci")}
    if len(lac) == 1 and len(ci) == 1:
        return {"lac": lac[0], "ci": ci[0]}
    return {}
