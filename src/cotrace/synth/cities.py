"""Made cities: people with homes, works and habits, whose exact positions are known at every second."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace.errors import OptionError
from cotrace.grid import Grid
from cotrace.synth.building import Built
from cotrace.synth.habits import Habits
from cotrace.synth.paths import Legs

if TYPE_CHECKING:
    from cotrace.durations import Duration
    from cotrace.tables import Stays, Table

__all__ = ["City"]


@dataclass(frozen=True, eq=False)
class City:
    """A made city; :func:`cotrace.synth.city` makes it.

    Devices are the numbers ``0`` to ``population - 1``; one device is one person. Positions are metres in a plane,
    ``0 <= x, y < side_m``; seconds count from ``start``.

    Parameters
    ----------
    name : str
        The preset, or ``"city"``.
    seed : int
    start : datetime
        The first midnight, with a time zone.
    days : int
    area_km2 : float
    population : int
    stations : int
        5G stations of the network, for :func:`cotrace.synth.towers`.
    scale : float
        Share of the preset's area, people and stations.
    habits : Habits
    built : Built
        Homes, venues, roles: see :class:`cotrace.synth.building.Built`.
    """

    name: str
    seed: int
    start: datetime
    days: int
    area_km2: float
    population: int
    stations: int
    scale: float
    habits: Habits
    built: Built

    @property
    def side_m(self) -> float:
        """The side of the city's square, metres."""
        return float(1_000.0 * np.sqrt(self.area_km2))

    @property
    def n_devices(self) -> int:
        """How many devices there are: one a person."""
        return self.population

    @property
    def base(self) -> int:
        """Unix seconds of the start."""
        return int(self.start.timestamp())

    @property
    def home(self) -> NDArray[np.int32]:
        """The venue of each device's home."""
        return self.built.home

    @property
    def place(self) -> NDArray[np.int32]:
        """The venue of each device's work or school; -1 where there is none."""
        return self.built.place

    @property
    def role(self) -> NDArray[np.int8]:
        """What each device's person does: 0 other, 1 worker, 2 pupil, 3 shift worker, 4 works at weekends."""
        return self.built.role

    @property
    def venue_x(self) -> NDArray[np.float32]:
        """Metres, of each venue."""
        return self.built.x

    @property
    def venue_y(self) -> NDArray[np.float32]:
        """Metres, of each venue."""
        return self.built.y

    @property
    def venue_kind(self) -> NDArray[np.int8]:
        """0 home, 1 work, 2 class, 3 shop, 4 restaurant, 5 leisure, of each venue."""
        return self.built.kind

    def __repr__(self) -> str:
        return (
            f"City({self.name}, {self.area_km2:,.4g} km2, {self.population:,} people, {self.stations:,} stations, "
            f"{self.days} days from {self.start.date()}, seed {self.seed})"
        )

    def legs(self, first_device: int, last_device: int, day: int) -> Legs:
        """Return the exact paths of the devices ``first_device`` to ``last_device - 1`` on one day.

        Parameters
        ----------
        first_device, last_device : int
        day : int
            0 is the day of the start.

        Returns
        -------
        Legs

        Raises
        ------
        OptionError
            Devices or days that the city does not have.

        Examples
        --------
        >>> from cotrace import synth
        >>> legs = synth.city(seed=1, area_km2=1, population=50).legs(0, 2, 0)
        >>> bool((legs.t1 > legs.t0).all()), legs.t1[legs.offset[1] - 1]
        (True, np.int32(86400))
        """
        if not 0 <= first_device <= last_device <= self.population:
            raise OptionError(
                f"devices {first_device} to {last_device}: there are those from 0 to {self.population}"
            )
        return self.legs_of(np.arange(first_device, last_device), day)

    def legs_of(self, devices: ArrayLike, day: int) -> Legs:
        """Return the exact paths of these devices on one day, in their order."""
        from cotrace.kernels.synth_days import MAX_STOPS
        from cotrace.kernels.synth_legs import MAX_LEGS, fill_legs

        chosen = self._devices(devices)
        if not 0 <= day < self.days:
            raise OptionError(f"day={day}: the city has the days 0 to {self.days - 1}")
        room = chosen.size * MAX_LEGS
        offset = np.empty(chosen.size + 1, np.int64)
        stops = np.empty((MAX_STOPS, 3), np.int64)
        t0, t1, venue = (np.empty(room, np.int32) for _ in range(3))
        x0, y0, x1, y1 = (np.empty(room, np.float32) for _ in range(4))
        mode = np.empty(room, np.int8)
        weekday = (self.start.weekday() + day) % 7
        b = self.built
        m = fill_legs(
            self.seed, chosen, day, weekday, b.role, b.home, b.place, b.x, b.y, b.lo, b.near, b.side, b.block_m,
            b.habits, stops, offset, t0, t1, x0, y0, x1, y1, venue, mode,
        )  # fmt: skip
        return Legs(chosen, day, offset, t0[:m], t1[:m], x0[:m], y0[:m], x1[:m], y1[:m], venue[:m], mode[:m])

    def stays(
        self, devices: ArrayLike | None = None, *, grid: Grid | None = None, threads: int | None = None
    ) -> Stays:
        """Return the true stays: a device is in the cell that its position is in at each whole second.

        Parameters
        ----------
        devices : sequence of int, optional
            All by default.
        grid : Grid, optional
            A grid of the plane; ``Grid.planar(800)`` by default.
        threads : int, optional
            How many to use; the result does not depend on it.

        Returns
        -------
        Stays
            As :func:`cotrace.find_stays` gives them, for :func:`cotrace.find_companions` and all queries. They cover
            every second of every device.

        Raises
        ------
        GridError
            A grid that is none of the plane.

        Notes
        -----
        O(legs) in time; 16 bytes a stay.

        Examples
        --------
        >>> from cotrace import synth
        >>> stays = synth.city(seed=1, area_km2=4, population=50, days=2).stays([7])
        >>> seconds = stays.rows[:, 3] - stays.rows[:, 2]
        >>> int(seconds.sum()) == 2 * 86_400
        True
        """
        from cotrace.synth.truth import true_stays

        return true_stays(self, self._asked(devices), grid or Grid.planar(800), threads)

    def meetings(
        self,
        devices: ArrayLike,
        *,
        min_shared: Duration = "10min",
        start: datetime | None = None,
        end: datetime | None = None,
        threads: int | None = None,
    ) -> Table:
        """Return the true meetings of devices with everybody: both in one venue at one time, without a break.

        Parameters
        ----------
        devices : sequence of int
        min_shared : str or timedelta
            Least length; a second at the least.
        start, end : datetime, optional
            Only what lies in ``[start, end)`` counts; with a time zone. All days by default.
        threads : int, optional

        Returns
        -------
        Table
            One row a meeting, by ``a`` (the device asked for), ``b`` and start. Where both were asked for it is there
            twice. Columns: :ref:`data-model-true_meetings`.

        Raises
        ------
        OptionError, TimeError
            Devices that the city does not have, times without a zone.

        Notes
        -----
        Two passes over the legs; O(visits to the venues of these devices) in memory.

        Examples
        --------
        >>> from cotrace import synth
        >>> town = synth.city(seed=1, area_km2=1, population=200, days=2)
        >>> met = town.meetings([7], min_shared="4h")
        >>> set(met["setting"].to_pylist()) <= {"home", "work", "school", "leisure"}
        True
        """
        from cotrace.synth.truth import true_meetings

        return true_meetings(self, self._devices(devices), min_shared, start, end, threads)

    def shared_cells(
        self,
        devices: ArrayLike,
        *,
        grid: Grid | None = None,
        min_shared: Duration = "10min",
        start: datetime | None = None,
        end: datetime | None = None,
        threads: int | None = None,
    ) -> Table:
        """Return the true episodes of devices with everybody: both in one cell of a grid, without a break.

        Parameters
        ----------
        devices, min_shared, start, end, threads
            As in :meth:`meetings`.
        grid : Grid, optional
            A grid of the plane; ``Grid.planar(800)`` by default.

        Returns
        -------
        Table
            One row an episode, by ``a`` (the device asked for), ``b`` and start. Columns:
            :ref:`data-model-true_episodes`.
        """
        from cotrace.synth.truth import true_episodes

        asked = self._devices(devices)
        return true_episodes(self, asked, grid or Grid.planar(800), min_shared, start, end, threads)

    def positions(
        self, devices: ArrayLike, seconds: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return where devices are at whole seconds from the start: x and y in metres, one of each a device."""
        from cotrace.kernels.synth_truth import tell_position

        chosen, at = (np.atleast_1d(np.asarray(v, np.int64)) for v in (devices, seconds))
        chosen, at = (np.ascontiguousarray(v) for v in np.broadcast_arrays(chosen, at))
        if at.size and not (at.min() >= 0 and at.max() < 86_400 * self.days):
            raise OptionError(f"seconds: the city has those from 0 to {86_400 * self.days - 1:,}")
        x, y = np.empty(at.size), np.empty(at.size)
        for day in np.unique(at // 86_400):
            here = np.flatnonzero(at // 86_400 == day)
            legs = self.legs_of(chosen[here], int(day))
            some = [np.empty(here.size) for _ in range(2)]
            tell_position(at[here], legs.offset, legs.t0, legs.t1, legs.x0, legs.y0, legs.x1, legs.y1, *some)
            x[here], y[here] = some
        return x, y

    def _asked(self, devices: ArrayLike | None) -> NDArray[np.int64]:
        return np.arange(self.population) if devices is None else self._devices(devices)

    def _devices(self, devices: ArrayLike) -> NDArray[np.int64]:
        chosen = np.ascontiguousarray(devices, np.int64)
        bad = np.flatnonzero((chosen < 0) | (chosen >= self.population))
        if bad.size:
            raise OptionError(
                f"{bad.size:,} of {chosen.size:,} devices are none of the city's {self.population:,} "
                f"(0 to {self.population - 1}); the first is at position {bad[0]}"
            )
        return chosen
