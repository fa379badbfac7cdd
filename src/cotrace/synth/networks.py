"""Towers of a made city, and which of them serve where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.synth.covering import Coverage, bins_of, cover
from cotrace.synth.radio import GENERATIONS, RADIO, shares_of

if TYPE_CHECKING:
    from cotrace.synth.cities import City
    from cotrace.tables import Table

__all__ = ["Network", "towers"]

Float64 = NDArray[np.float64]
#: streams of random numbers of this module
_PLACES, _RADII, _TURNS, _SHADOWS = 200, 210, 220, 230
#: share of 5G stations that stand where people are, and how far from them; the others are spread evenly (ours)
_NEAR_PEOPLE, _NEAR_M = 0.7, 120.0
#: the logarithm of the power under Rayleigh fading is this wide: 10 / ln 10 dB
RAYLEIGH_DB = 4.3429
#: metres a degree of latitude
_DEGREE_M = 111_195.0


@dataclass(frozen=True, eq=False)
class Network:
    """The towers of a made city; :func:`cotrace.synth.towers` makes it.

    A tower is one sector of a station; it is what a log names. Towers are the numbers from 0 on. Positions are metres
    in the city's plane.

    Parameters
    ----------
    seed : int
    x, y : float64[towers]
        The place of its station.
    station : int32[towers]
    generation : int8[towers]
        0 to 3 for 2G to 5G.
    radius_m : float64[towers]
        How far it covers.
    azimuth : float64[towers]
        Where its antenna looks, degrees from north; NaN: everywhere.
    sectors : int
        Towers a station.
    handsets : dict of str to float
        Which share of devices can use which generation at best.
    fading_db : float
    coverage : Coverage
    """

    seed: int
    x: Float64
    y: Float64
    station: NDArray[np.int32]
    generation: NDArray[np.int8]
    radius_m: Float64
    azimuth: Float64
    sectors: int
    handsets: dict[str, float]
    fading_db: float
    coverage: Coverage

    def __len__(self) -> int:
        return int(self.x.size)

    @property
    def n_stations(self) -> int:
        """How many stations there are."""
        return len(self) // self.sectors

    def __repr__(self) -> str:
        stations = np.bincount(self.generation, minlength=4) // self.sectors
        parts = ", ".join(f"{n:,} {g}" for g, n in zip(GENERATIONS, stations, strict=True) if n)
        return f"Network({parts} stations, {len(self):,} towers, seed {self.seed})"

    def table(self, centre: tuple[float, float] | None = None) -> Table:
        """Return the towers as a table that ``read_pings(towers=)`` reads.

        Parameters
        ----------
        centre : (lon, lat), optional
            Where on earth the corner (0, 0) of the city's plane is; without it lon and lat are null.

        Returns
        -------
        Table
            Columns: :ref:`data-model-network`.
        """
        import pyarrow as pa

        from cotrace.arrays import from_numpy, repeated, with_nulls
        from cotrace.schema_synth import NETWORK
        from cotrace.tables import Table

        lon, lat = self.x, self.y
        if centre is not None:
            lon = centre[0] + self.x / (_DEGREE_M * math.cos(math.radians(centre[1])))
            lat = centre[1] + self.y / _DEGREE_M
        unknown = np.full(len(self), centre is None)
        columns: dict[str, Any] = {
            "tower": np.arange(len(self), dtype=np.int64),
            "lon": with_nulls(np.asarray(lon), unknown),
            "lat": with_nulls(np.asarray(lat), unknown),
            "radius_m": self.radius_m,
            "generation": repeated(GENERATIONS, self.generation.astype(np.int64)),
            "station": self.station.astype(np.int64),
            "azimuth": with_nulls(self.azimuth, np.isnan(self.azimuth)),
            "x": from_numpy(self.x),
            "y": from_numpy(self.y),
        }
        return Table.from_columns(NETWORK, columns, cell=pa.int64())


def towers(
    city: City,
    *,
    seed: int,
    generations: Any = ("5G",),
    stations: Mapping[str, int] | None = None,
    overlap: float = 3.0,
    sectors: int = 3,
    square_m: float = 50.0,
    fading_db: float = RAYLEIGH_DB,
    shadows: bool = True,
    holes: bool = False,
    threads: int | None = None,
) -> Network:
    """Put the stations of a network into a city, and find out which of them serve where.

    A tower's signal falls with the logarithm of the distance, is shadowed by buildings (frozen: the same at every
    visit to a square, and for each station on its own), and fades from one event to the next. The strongest one
    serves.

    Parameters
    ----------
    city : City
    seed : int
        Also of the shadows.
    generations : str, list of str, or dict of str to float
        Generations of stations, ``"2G"`` to ``"5G"``: every handset can use all of them. Or which share of handsets
        can use which generation at best: ``{"4G": 0.4, "5G": 0.6}``. A handset is served by the newest generation
        that it can use and that covers the place.
    stations : dict of str to int, optional
        How many stations of a generation the city has. By default those of 5G are the city's, and those of the others
        as many as cover each place ``overlap`` times.
    overlap : float
    sectors : int
        Towers a station: 1, which serve all directions, to 6.
    square_m : float
        Side of the squares in which coverage and shadows are the same.
    fading_db : float
        How strong fading is: the larger, the more often a second or third tower serves; by default as much as where
        signals come on many ways (Rayleigh).
    shadows : bool
        Whether buildings shadow.
    holes : bool
        Whether there is no service beyond the radius of every tower (0 dB); else the strongest serves everywhere.
    threads : int, optional
        How many to compute on; the network does not depend on it.

    Returns
    -------
    Network

    Raises
    ------
    OptionError

    Notes
    -----
    About 5 us a square and generation; 64 bytes a square and kind of handset. Stations of 5G stand near the homes and
    other venues of the city (70 %) or anywhere; the others evenly, also around the city.

    Examples
    --------
    >>> from cotrace import synth
    >>> city = synth.city(seed=1, area_km2=4, population=500, stations=40, days=1)
    >>> network = synth.towers(city, seed=1)
    >>> network
    Network(40 5G stations, 120 towers, seed 1)
    """
    handsets = shares_of(generations)
    _check(seed, overlap, sectors, square_m, fading_db)
    wanted = dict(stations or {})
    bad = [g for g, n in wanted.items() if g not in handsets or not isinstance(n, int) or n < 1]
    if bad:
        raise OptionError(f"stations={wanted!r}: whole numbers of 1 or more for {', '.join(handsets)}")
    per_generation = [_stations(city, seed, g, wanted.get(g), overlap) for g in handsets]
    turns = _uniform(seed, _TURNS, sum(len(p[0]) for p in per_generation))
    x, y, radius = (np.concatenate([p[k] for p in per_generation]) for k in range(3))
    which = np.repeat([GENERATIONS.index(g) for g in handsets], [len(p[0]) for p in per_generation])
    station = np.repeat(np.arange(x.size, dtype=np.int32), sectors)
    towards = 360.0 * (turns[station] + np.arange(station.size) % sectors) / sectors
    azimuth = towards if sectors > 1 else np.full(station.size, np.nan)
    coverage = cover(
        city.side_m,
        [(GENERATIONS[g], *p[:3]) for g, p in zip(np.unique(which), per_generation, strict=True)],
        azimuth,
        seed=seed,
        stream=_SHADOWS,
        sectors=sectors,
        square_m=square_m,
        fading_db=fading_db,
        shadows=shadows,
        holes=holes,
        threads=threads,
    )
    return Network(
        seed,
        x[station],
        y[station],
        station,
        which[station].astype(np.int8),
        radius[station],
        azimuth,
        sectors,
        handsets,
        float(fading_db),
        coverage,
    )


def _check(seed: int, overlap: float, sectors: int, square_m: float, fading_db: float) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**62:
        raise OptionError(f"seed={seed!r} is no whole number from 0 to 2**62")
    if isinstance(sectors, bool) or not isinstance(sectors, int) or not 1 <= sectors <= 6:
        raise OptionError(f"sectors={sectors!r} is no whole number from 1 to 6")
    for name, value, least, most in (
        ("overlap", overlap, 0.1, 100.0),
        ("square_m", square_m, 5.0, 1_000.0),
        ("fading_db", fading_db, 0.01, 20.0),
    ):
        if not least <= value <= most:
            raise OptionError(f"{name}={value!r} is not within {least:g} to {most:g}")


def _uniform(seed: int, stream: int, n: int) -> Float64:
    from cotrace.kernels.synth_random import fill_uniform

    out = np.empty(n, np.float64)
    fill_uniform(seed, stream, out)
    return out


def _stations(
    city: City, seed: int, generation: str, wanted: int | None, overlap: float
) -> tuple[Float64, Float64, Float64]:
    """Return places and radii of the stations of a generation, in an order that keeps near ones together."""
    g, side, number = RADIO[generation], city.side_m, GENERATIONS.index(generation)
    if generation == "5G":
        n = city.stations if wanted is None else wanted
        x, y = _near_people(city, seed, n)
    else:
        around = g.mean_radius_m
        a_m2 = overlap / (math.pi * around**2) if wanted is None else wanted / side**2
        n = math.ceil(a_m2 * (side + 2.0 * around) ** 2)
        x, y = _evenly(_uniform(seed, _PLACES + number, 2), n)
        x, y = (v * (side + 2.0 * around) - around for v in (x, y))
    low, high = g.radius_m
    radius = low + (high - low) * _uniform(seed, _RADII + number, n)
    order = np.argsort(bins_of(x, y).number, kind="stable")
    return x[order], y[order], radius[order]


def _evenly(shift: Float64, n: int) -> tuple[Float64, Float64]:
    """Return n points that fill the unit square evenly: an additive sequence by the plastic number."""
    plastic = 1.324717957244746
    k = np.arange(n)
    return (shift[0] + k / plastic) % 1.0, (shift[1] + k / plastic**2) % 1.0


def _near_people(city: City, seed: int, n: int) -> tuple[Float64, Float64]:
    """Return the places of stations that stand where people live, work and go, and some anywhere."""
    number = GENERATIONS.index("5G")
    u = _uniform(seed, _PLACES + number, 6 * n).reshape(6, n)
    venue = np.minimum((u[1] * city.venue_x.size).astype(np.int64), city.venue_x.size - 1)
    off = _NEAR_M * np.sqrt(-2.0 * np.log(1.0 - u[2]))
    near = u[0] < _NEAR_PEOPLE
    x = np.where(near, city.venue_x[venue] + off * np.cos(2.0 * np.pi * u[3]), u[4] * city.side_m)
    y = np.where(near, city.venue_y[venue] + off * np.sin(2.0 * np.pi * u[3]), u[5] * city.side_m)
    return np.clip(x, 0.0, city.side_m), np.clip(y, 0.0, city.side_m)
