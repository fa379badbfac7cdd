"""What a made network would log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.durations import seconds
from cotrace.synth.blocks import Block, Lane, Rows, path_of
from cotrace.synth.signal_options import SignalOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.synth.cities import City
    from cotrace.synth.networks import Network

__all__ = ["Signals", "signals"]

#: streams of random numbers of this module
_EVENTS, _SKEWS = 300, 310
_COUNTED = (
    "attach", "detach", "periodic", "activity", "handover", "area", "flap", "return",
    "lost", "silent", "no_service", "duplicated", "late", "skewed", "logged", "off_s", "silent_s", "device_days",
)  # fmt: skip


class Signals(Rows):
    """What a network logs of all devices; made by :func:`cotrace.synth.signals`.

    Attributes
    ----------
    network : Network
    options : SignalOptions
    skew_s : int32[towers]
        What each tower's clock is ahead.
    """

    counted = _COUNTED

    def __init__(
        self, city: City, network: Network, seed: int, options: SignalOptions, positions: bool, events: bool
    ) -> None:
        super().__init__(city, seed, options.rows_a_day)
        self.network, self.options = network, options
        self.names = (
            "device",
            "time",
            "tower",
            *(("x", "y") if positions else ()),
            *(("event",) if events else ()),
        )
        self.skew_s = _skews(len(network), seed, options)
        coverage = network.coverage
        self._air: tuple[Any, ...] = (
            coverage.lines,
            np.cumsum(list(network.handsets.values())),
            coverage.squares,
            coverage.frame,
            self.skew_s,
            options.gaps(),
            options.chances(),
            options.settings(network.fading_db, coverage.frame[2]),
        )

    def __repr__(self) -> str:
        return f"Signals({self.city!r}, {self.network!r}, seed {self.seed})"

    def block(self, day: int, first: int, last: int, lane: Lane | None = None) -> Block:
        """Return the rows of the devices ``first`` to ``last - 1`` on a day, with the kinds of events."""
        from cotrace.kernels.synth_clock import CLOCK
        from cotrace.kernels.synth_signals import STATE, fill_signals

        lane = lane or Lane()
        legs = self.city.legs(first, last, day)
        while True:
            scratch: tuple[Any, ...] = tuple(np.empty(n, np.int64) for n in (STATE, CLOCK, len(_COUNTED)))
            counts = np.zeros(len(_COUNTED), np.int64)
            of_block = (*path_of(legs), *self._air, *scratch, counts, lane.rows)
            done, n = fill_signals(self.seed, _EVENTS, day, first, (0, last - first), *of_block)
            if done == last - first:
                return Block(self._columns(day, first, n, lane), counts)
            lane.grow()

    def rows_of(self, counts: NDArray[np.int64]) -> int:
        """Return how many rows were counted."""
        return int(counts[_COUNTED.index("logged")] + counts[_COUNTED.index("duplicated")])

    def describe(self) -> dict[str, Any]:
        """Return the options and the network's parameters by name."""
        n = self.network
        names = ("seed", "n_stations", "sectors", "handsets", "fading_db")
        return {"network": {k: getattr(n, k) for k in names}, "options": self.options.as_dict()}

    def _columns(self, day: int, first: int, n: int, lane: Lane) -> dict[str, NDArray[Any]]:
        from cotrace.kernels.synth_rows import gather_places, gather_rows, order_rows

        order = lane.column("order", n, np.int32)
        order_rows(lane.rows, n, lane.starts, order)
        device, time, tower = (lane.column(name, n) for name in self.names[:3])
        kind = lane.column("event", n if "event" in self.names else 0, np.int8)
        midnight = (self.city.base + day * 86_400) * 1_000_000
        gather_rows(lane.rows, order, first, midnight, device, time, tower, kind)
        columns: dict[str, NDArray[Any]] = {"device": device, "time": time, "tower": tower}
        if "x" in self.names:
            columns |= {name: lane.column(name, n, np.float64) for name in ("x", "y")}
            gather_places(tower, self.network.x, self.network.y, columns["x"], columns["y"])
        if "event" in self.names:
            columns["event"] = kind
        return columns

    @property
    def schema(self) -> pa.Schema:
        """The columns' names and types: device, time, tower, and x, y (of the tower) and event where asked for."""
        from cotrace.schema_synth import SIGNALS

        return self.of(SIGNALS)


def signals(
    city: City,
    network: Network,
    *,
    seed: int,
    options: SignalOptions | None = None,
    positions: bool = True,
    events: bool = False,
) -> Signals:
    """Say what a network would log of the devices of a city.

    A device attaches when it is switched on, detaches when it is switched off, reports when it has not been heard for
    54 minutes, calls and writes and loads data, is handed over from tower to tower on the way, tells when it enters
    another area, and flaps between neighbouring towers. Devices are off, and silent; clocks are wrong; rows are lost,
    doubled, or late. What became of every event is counted.

    Parameters
    ----------
    city : City
    network : Network
        Towers, made by :func:`cotrace.synth.towers`.
    seed : int
    options : SignalOptions, optional
        How often, and what goes wrong: ``synth.FULL`` (default; 300 to 500 records a device and day), ``synth.SPARSE``
        (about 40), or one's own.
    positions : bool
        Whether rows have the place of the tower, ``x`` and ``y`` in metres.
    events : bool
        Whether rows have the kind of the event.

    Returns
    -------
    Signals
        A source that can be read again: ``read_pings(signals)``, ``signals.batches(day)``, ``signals.to_arrow()``,
        ``signals.counts``.

    Notes
    -----
    What a device does on a day hangs on the seed, the device and the day alone. A device that is on reports at a time
    of its own in the last 54 minutes of every day; so a day can be made without the day before.

    ``attach + detach + periodic + activity + handover + area + flap + return`` are all events, of which each was
    ``logged``, ``lost``, ``silent``, or without ``no_service``; rows are ``logged + duplicated``.

    Examples
    --------
    >>> from cotrace import synth
    >>> city = synth.city(seed=1, area_km2=4, population=100, stations=40, days=1)
    >>> made = synth.signals(city, synth.towers(city, seed=1), seed=1)
    >>> made.to_arrow().num_rows == made.counts["logged"] + made.counts["duplicated"]
    True
    """
    return Signals(city, network, seed, options or SignalOptions(), positions, events)


def _skews(n: int, seed: int, options: SignalOptions) -> NDArray[np.int32]:
    """Draw what each tower's clock is ahead: not 0 for those that are wrong."""
    from cotrace.kernels.synth_random import fill_uniform

    most = seconds(options.skew, "skew")
    u = np.empty(3 * n, np.float64)
    fill_uniform(seed, _SKEWS, u)
    wrong, size, way = u.reshape(3, n)
    skew = 1 + np.minimum((size * most).astype(np.int32), most - 1)
    return np.where((wrong < options.skewed) & (most > 0), np.where(way < 0.5, -skew, skew), 0).astype(
        np.int32
    )
