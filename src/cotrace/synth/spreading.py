"""Outbreaks over true meetings: who infected whom, where and when, who fell ill, and who was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.schema_synth import OUTBREAK_CASES, TREE, TRUE_INFECTIONS
from cotrace.shown import Shown
from cotrace.synth.diseases import DISEASE, Disease
from cotrace.synth.truth import everybody, rows_of, settings, visits, zone
from cotrace.tables import Table, instants

if TYPE_CHECKING:
    from cotrace.synth.cities import City

__all__ = ["Outbreak", "outbreak", "outbreaks"]

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
_DAY = 86_400
_NEVER = 2**31 - 1
#: two days before the onset, or before the sample: the rule of 2020 for contacts
_TRACED_S = 2 * _DAY


@dataclass(frozen=True, eq=False)
class Outbreak(Shown):
    """An outbreak with its truth; :func:`cotrace.synth.outbreak` makes it.

    Parameters
    ----------
    city : City
    seed : int
    disease : Disease
    infections : Table
        One row an infected device. Columns: :ref:`data-model-true_infections`.
    tree : Table
        One row an infection: who infected whom. Columns: :ref:`data-model-tree`.
    cases : Table
        Those confirmed within the city's days, as :func:`cotrace.find_companions` takes them. Columns:
        :ref:`data-model-outbreak_cases`.
    """

    city: City
    seed: int
    disease: Disease
    infections: Table
    tree: Table
    cases: Table

    def __repr__(self) -> str:
        return (
            f"Outbreak({len(self.infections):,} infected, {len(self.cases):,} confirmed within {self.city.days} days, "
            f"seed {self.seed}, {self.city!r})"
        )


def outbreak(
    city: City,
    *,
    seed: int,
    index_cases: int | Sequence[int] = 3,
    disease: Disease = DISEASE,
    most: int | None = None,
    threads: int | None = None,
) -> Outbreak:
    """Make an outbreak: infections over the true meetings of a city.

    Those who are infectious infect those who are in the same venue at the same time, within reach of each other: the
    longer, the likelier. Nobody is infected twice, and nobody infects others on the first day. People go where they
    would go without the outbreak; who is confirmed infects nobody any more.

    Parameters
    ----------
    city : City
    seed : int
    index_cases : int or sequence of int
        How many are infected on the first day, or which devices are.
    disease : Disease
    most : int, optional
        No further day is made once so many are infected.
    threads : int, optional
        How many to use; the result does not depend on it.

    Returns
    -------
    Outbreak
        ``infections``, ``tree`` and ``cases``: tables.

    Notes
    -----
    Two passes over the legs of a day for those who are infectious and for everybody, O(visits to their venues) in
    memory.

    Examples
    --------
    >>> from cotrace import synth
    >>> town = synth.city(seed=1, area_km2=1.0, population=2_000, days=21)
    >>> made = synth.outbreak(town, seed=5)
    >>> len(made.infections) == len(made.tree) + 3
    True
    """
    return outbreaks(city, [seed], index_cases=index_cases, disease=disease, most=most, threads=threads)[0]


def outbreaks(
    city: City,
    seeds: Sequence[int],
    *,
    index_cases: int | Sequence[int] = 3,
    disease: Disease = DISEASE,
    most: int | None = None,
    threads: int | None = None,
) -> list[Outbreak]:
    """Make several outbreaks of one city, each as :func:`outbreak` makes it by itself, in one pass over its days."""
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**62:
            raise OptionError(f"seed={seed!r} is no whole number from 0 to 2**62")
    made = [_Spreading(city, seed, index_cases, disease) for seed in seeds]
    for day in range(city.days):
        active = [s for s in made if most is None or s.n < most]
        infectious = [s.infectious(day) for s in active]
        together = np.unique(np.concatenate(infectious)) if infectious else np.empty(0, np.int64)
        if not together.size:
            continue
        places = _Places.of(city, together, day, threads)
        for spreading, devices in zip(active, infectious, strict=True):
            spreading.spread(places, devices, day)
    return [s.result() for s in made]


@dataclass(frozen=True)
class _Places:
    """The visits of one day to the venues of those who are infectious."""

    asked: Int32
    rows: Int32
    lo: Int64
    longest: Int32
    venue: Int32
    kind: NDArray[np.int8]

    @classmethod
    def of(cls, city: City, infectious: Int64, day: int, threads: int | None) -> _Places:
        from cotrace.kernels.synth_truth import longest_of

        days = range(day, day + 1)
        asked = rows_of(city, infectious, visits(np.empty(0, np.bool_)), days, 1)
        asked[:, 0] = infectious[asked[:, 0]]
        wanted = np.zeros(city.venue_x.size, np.bool_)
        wanted[asked[:, 1]] = True
        rows = rows_of(city, everybody(city), visits(wanted), days, threads)
        venue = np.flatnonzero(wanted).astype(np.int32)
        for r in (asked, rows):
            r[:, 1] = np.searchsorted(venue, r[:, 1])
        rows = np.ascontiguousarray(rows[np.lexsort((rows[:, 0], rows[:, 2], rows[:, 1]))])
        lo = np.searchsorted(rows[:, 1], np.arange(venue.size + 1)).astype(np.int64)
        longest = np.zeros(venue.size, np.int32)
        longest_of(rows, longest)
        return cls(asked, rows, lo, longest, venue, city.venue_kind[venue])


class _Spreading:
    """One outbreak as it is made, day by day."""

    def __init__(self, city: City, seed: int, index_cases: int | Sequence[int], disease: Disease) -> None:
        self.city, self.seed, self.disease = city, seed, disease
        n = city.n_devices
        self.infected_at = np.full(n, _NEVER, np.int32)
        self.by, self.where, self.met_at = (np.full(n, -1, np.int32) for _ in range(3))
        self.devices = np.empty(0, np.int64)
        self.course: dict[str, NDArray[Any]] = {}
        first, at = _index_cases(city, seed, index_cases)
        self.infected_at[first] = at
        self._fall_ill(first)

    @property
    def n(self) -> int:
        """How many are infected."""
        return int(self.devices.size)

    def infectious(self, day: int) -> Int64:
        """Return who may infect others on a day."""
        c = self.course
        found: Int64 = self.devices[(c["infectious_from"] < (day + 1) * _DAY) & (c["ends"] > day * _DAY)]
        return found

    def spread(self, places: _Places, devices: Int64, day: int) -> None:
        """Infect those whom these devices meet on a day."""
        from cotrace.kernels.synth_outbreak import spread

        asked = np.ascontiguousarray(places.asked[np.isin(places.asked[:, 0], devices)])
        at = np.searchsorted(self.devices, asked[:, 0])
        c, d = self.course, self.disease
        course = np.stack([c[name][at] for name in ("infectious_from", "ends", "onset")], axis=1)
        before = self.infected_at < day * _DAY
        spread(
            self.seed, places.rows, places.lo, places.longest, places.kind, asked, course, c["force"][at],
            d.rates(), d.close, d.before_onset_d * _DAY, d.after_onset_d * _DAY, day * _DAY,
            self.infected_at, self.by, self.where, self.met_at,
        )  # fmt: skip
        new = np.flatnonzero(~before & (self.infected_at < _NEVER))
        new = new[~np.isin(new, self.devices)]
        self.where[new] = places.venue[self.where[new]]
        self._fall_ill(new)

    def _fall_ill(self, new: Int64) -> None:
        """Draw the courses of those who were infected."""
        from cotrace.kernels.synth_outbreak import N_DRAWS, draw_courses

        draws = np.empty((new.size, N_DRAWS))
        draw_courses(self.seed, np.ascontiguousarray(new, np.int64), draws)
        course = self.disease.courses(self.infected_at[new].astype(np.int64), draws)
        stops = (course["confirmed_at"] >= 0) & self.disease.isolated
        course["ends"] = np.where(
            stops, np.minimum(course["confirmed_at"], course["infectious_until"]), course["infectious_until"]
        )
        devices = np.concatenate([self.devices, new])
        order = np.argsort(devices)
        self.devices = devices[order]
        old = self.course
        self.course = {
            k: (np.concatenate([old[k], v]) if old else np.asarray(v))[order] for k, v in course.items()
        }

    def result(self) -> Outbreak:
        """Return the outbreak."""
        order = np.lexsort((self.devices, self.infected_at[self.devices]))
        devices = self.devices[order]
        course = {k: v[order] for k, v in self.course.items()}
        return Outbreak(
            self.city, self.seed, self.disease,
            self._infections(devices, course), self._tree(devices), self._cases(devices, course),
        )  # fmt: skip

    def _infections(self, devices: Int64, course: dict[str, NDArray[Any]]) -> Table:
        import pyarrow as pa

        by, where = self.by[devices].astype(np.int64), self.where[devices].astype(np.int64)
        generation = np.zeros(self.city.n_devices, np.int64)
        for device, infector in zip(devices, by, strict=True):  # a few thousand; in the order of time
            if infector >= 0:
                generation[device] = generation[infector] + 1
        columns = {
            "device": devices,
            "generation": generation[devices],
            "infected_at": self._instants(self.infected_at[devices]),
            "infector": pa.array(by, mask=by < 0),
            "venue": pa.array(where, mask=where < 0),
            "setting": self._settings(where),
            "infectious_from": self._instants(course["infectious_from"]),
            "infectious_until": self._instants(course["infectious_until"]),
            "onset": self._instants(course["onset"], course["symptoms"] == 0),
            "confirmed_at": self._instants(course["confirmed_at"], course["confirmed_at"] < 0),
        }
        return self._table(TRUE_INFECTIONS, columns, "Who was infected, in truth")

    def _tree(self, devices: Int64) -> Table:
        infected = devices[self.by[devices] >= 0]
        where = self.where[infected].astype(np.int64)
        columns = {
            "infector": self.by[infected].astype(np.int64),
            "infected": infected,
            "venue": where,
            "setting": self._settings(where),
            "met_at": self._instants(self.met_at[infected]),
            "infected_at": self._instants(self.infected_at[infected]),
        }
        return self._table(TREE, columns, "Who infected whom, in truth")

    def _cases(self, devices: Int64, course: dict[str, NDArray[Any]]) -> Table:
        found = (course["confirmed_at"] >= 0) & (course["confirmed_at"] <= self.city.days * _DAY)
        chosen = np.flatnonzero(found)
        chosen = chosen[np.lexsort((devices[chosen], course["confirmed_at"][chosen]))]
        confirmed, silent = course["confirmed_at"][chosen], course["symptoms"][chosen] == 0
        starts = np.where(silent, confirmed, course["onset"][chosen]) - _TRACED_S
        columns = {
            "device": devices[chosen],
            "as_of": self._instants(confirmed),
            "infectious_from": self._instants(starts),
            "isolated_at": self._instants(confirmed),
            "onset": self._instants(course["onset"][chosen], silent),
        }
        return self._table(OUTBREAK_CASES, columns, "Who was confirmed")

    def _settings(self, where: Int64) -> Any:
        kinds = self.city.venue_kind.astype(np.int32)
        return settings(np.where(where < 0, -1, kinds[np.maximum(where, 0)]))

    def _instants(self, second: NDArray[Any], null: NDArray[np.bool_] | None = None) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        made = instants(second, self.city.base, zone(self.city.start))
        return made if null is None else pc.if_else(pa.array(null), pa.scalar(None, made.type), made)

    def _table(self, schema: Any, columns: dict[str, Any], what: str) -> Table:
        note = f"{what}. Outbreak of seed {self.seed}, {self.city!r}"
        return Table.from_columns(schema, columns, note, tz=zone(self.city.start))


def _index_cases(city: City, seed: int, asked: int | Sequence[int]) -> tuple[Int64, Int32]:
    """Return who is infected on the first day, and at which second."""
    from cotrace.kernels.synth_random import fill_uniform

    if isinstance(asked, int) and not isinstance(asked, bool):
        if not 1 <= asked <= city.n_devices:
            raise OptionError(f"index_cases={asked!r}: the city has {city.n_devices:,} people")
        draws = np.empty(16 * asked + 64)
        fill_uniform(seed, 42, draws)
        first = np.array(list(dict.fromkeys((draws * city.n_devices).astype(np.int64)))[:asked], np.int64)
        if first.size < asked:  # nearly everybody was asked for
            rest = np.setdiff1d(np.arange(city.n_devices), first)
            first = np.concatenate([first, rest[: asked - first.size]])
    else:
        first = np.unique(city._devices(np.asarray(asked, np.int64)))
    times = np.empty(first.size)
    fill_uniform(seed, 43, times)
    return first, (times * _DAY).astype(np.int32)
