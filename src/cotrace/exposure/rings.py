"""Rings: chains of meetings in the order of time, hop by hop, and the workload that each ring means."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np

from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.exposure.chains import Asking, Chains, Given, extended
from cotrace.exposure.common import CANDIDATES
from cotrace.exposure.hops import counted_decisions, hops_table, path_lists, warn_of_decided_cases
from cotrace.exposure.traced import DECISIONS, ask
from cotrace.exposure.world import links_of
from cotrace.options import CONTACT, INVESTIGATORS, CompanionRule
from cotrace.schema_meetings import RING_SIZES, RINGS
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore, Table

__all__ = ["Rings", "rings"]


class Rings(Table):
    """Which devices chains of meetings lead to, in how many hops.

    Attributes
    ----------
    sizes : Table
        One row a ring. Columns: :ref:`data-model-ring_sizes`.
    """

    sizes: Table
    _chains: Chains

    @classmethod
    def of(cls, chains: Chains) -> Rings:
        """Make the tables of what was found."""
        note, world = _note(chains), chains.asked.world
        found = cls(RINGS, world.table(RINGS, _columns(chains), note).to_arrow(), note)
        found._chains = chains
        found.sizes = world.table(RING_SIZES, _sizes(chains), note)
        return found

    @cached_property
    def evidence(self) -> Table:
        """The meetings of each device with the one in ``via``. Columns: :ref:`data-model-hops`."""
        return hops_table(self._chains.asked, self._chains.evidence(), self._chains.via, self.note)

    def extend(
        self, *, cases: Any = None, as_of: Any = None, depth: int | None = None, contacts: Any = None
    ) -> Rings:
        """Go on from here: with further cases, more hops, or further contacts from elsewhere.

        Only what the new ones change is looked at again, and the answer is that of all of them at once: the second
        ring can be asked for before the first is closed.

        Parameters
        ----------
        cases, as_of
            Further cases, as in :func:`rings`.
        depth : int, optional
            The new depth; not less than it was.
        contacts : table, optional
            Further contacts from elsewhere.

        Returns
        -------
        Rings

        Raises
        ------
        OptionError
            When the depth is less than it was.
        """
        depth = self._chains.depth if depth is None else depth
        _check_depth(depth, self._chains.depth)
        return Rings.of(extended(self._chains, cases, as_of, depth, contacts))

    def _counted(self) -> str:
        rows = self.sizes.to_arrow().to_pylist()
        return ", ".join(f"ring {r['ring']}: {r['devices']:,}" for r in rows)


def rings(
    stays: Stays | StaysStore | None,
    cases: Any,
    *,
    as_of: Any = None,
    depth: int = 2,
    rule: CompanionRule = CONTACT,
    latency: Duration = "0s",
    investigators_per_device: float | None = None,
    adjudications: Any = None,
    contacts: Any = None,
    devices: Any = None,
    through: str | Sequence[str] | None = None,
    threads: int | None = None,
) -> Rings:
    """Follow chains of meetings from cases, up to a number of hops, in the order of time.

    A device passes on from when it was reached: what it did before does not count. All rows are candidates from
    co-location, and each ring is more doubtful than the one before.

    Parameters
    ----------
    stays, cases, as_of, rule, contacts
        As in :func:`cotrace.contacts`. The lookback closes with the latest ``as_of`` for all but the cases. Of a store,
        the stays in the cells that those who pass on were in are read, hop by hop.
    depth : int
        How many hops.
    latency, adjudications, devices, through
        As in :func:`cotrace.tiers`, and of every hop.
    investigators_per_device : float, optional
        How many investigators one device takes: for the workload in ``sizes``.
    threads : int, optional
        As in :func:`cotrace.contacts`.

    Returns
    -------
    Rings
        One row a device, the cases among them (ring 0), by ring, arrival and id. Columns: :ref:`data-model-rings`.
        ``evidence`` has the meetings with the device in ``via``, ``sizes`` one row a ring, and ``extend()`` goes on.

    Raises
    ------
    CaseError, OptionError, SchemaError
        As in :func:`cotrace.tiers`.

    Warns
    -----
    CotraceWarning
        As in :func:`cotrace.tiers`.

    Notes
    -----
    For each hop, the earliest arrival at every device by at most so many hops; only devices that were reached
    earlier by the last hop are looked at in the next. O(depth (stays + meetings)) at worst, without a list of
    meetings; 32 bytes a device and hop. ``path`` is one with the fewest hops: of these the earliest, then the one
    whose last meeting ends last, then the one by the least device.

    References
    ----------
    The workload that was published: 20 to 30 investigators for the first ring of one case, 200 to 300 for the second,
    2,000 to 3,000 for the third.

    Examples
    --------
    >>> import cotrace
    >>> badges = cotrace.read_contacts(
    ...     {"a": ["A", "B", "C"], "b": ["B", "C", "D"], "start": [0, 1000, 500], "end": [900, 1700, 1200]},
    ...     unit="s",
    ... )
    >>> found = cotrace.rings(None, ["A"], as_of="1970-01-02T00:00:00+00:00", depth=3, contacts=badges)
    >>> list(zip(found["device"].to_pylist(), found["ring"].to_pylist()))
    [('A', 0), ('B', 1), ('C', 2)]
    """
    _check_depth(depth, 0)
    per = investigators_per_device
    if per is not None and not (isinstance(per, int | float) and per > 0):
        raise OptionError(f"investigators_per_device={per!r} is not a number above 0")
    links = links_of(contacts, stays)
    asked = ask(stays, cases, as_of, rule, links, "rings", adjudications, before=0)
    given = Given(stays, links, adjudications, devices, through)
    chains = Chains.of(given, asked, Asking(rule, seconds(latency, "latency"), per, usable_threads(threads)))
    warn_of_decided_cases(asked, chains.decisions)
    return Rings.of(chains.reached(depth))


def _check_depth(depth: object, least: int) -> None:
    if isinstance(depth, bool) or not isinstance(depth, int):
        raise CotraceTypeError(f"depth={depth!r} is not a whole number")
    if depth < max(1, least):
        was = f": it was {least} before" if least else ": one hop is the least"
        raise OptionError(f"depth={depth!r} cannot be{was}")


def _columns(chains: Chains) -> dict[str, Any]:
    """Return the columns of the table of rings."""
    world, ring = chains.asked.world, chains.ring
    reached, earliest = chains.arrivals()
    device = np.flatnonzero(ring >= 0)
    device = device[np.lexsort((device, reached[device], ring[device]))]
    return {
        "device": world.name(device),
        "ring": ring[device],
        "reached_at": world.instants(reached[device]),
        "earliest_at": world.instants(earliest[device]),
        "via": world.name(chains.via[device]),
        "path": path_lists(chains.asked, chains.steps(device)),
        **chains.decisions.columns(world, device),
    }


def _sizes(chains: Chains) -> dict[str, Any]:
    """Return the columns of the table of sizes."""
    import pyarrow as pa

    of_ring = [np.flatnonzero(chains.ring == ring) for ring in range(chains.depth + 1)]
    devices = np.array([d.size for d in of_ring])
    counts = np.array([counted_decisions(chains.decisions, d) for d in of_ring])
    growth = [None, *(int(b) / int(a) if a else None for a, b in pairwise(devices))]
    per, cases = chains.asking.per, int(devices[0])
    published = [None, *((cases * low, cases * high) for low, high in INVESTIGATORS)]
    published = [*published, *[None] * chains.depth][: chains.depth + 1]
    return {
        "ring": np.arange(chains.depth + 1),
        "devices": devices,
        "growth": pa.array(growth, pa.float64()),
        **dict(zip((*DECISIONS, "undecided"), np.ascontiguousarray(counts.T), strict=True)),
        "investigators": pa.array([None if per is None else ceil(per * int(n)) for n in devices], pa.int64()),
        "published_low": pa.array([None if p is None else p[0] for p in published], pa.int64()),
        "published_high": pa.array([None if p is None else p[1] for p in published], pa.int64()),
    }


def _note(chains: Chains) -> str:
    """Say what the rows are, and by which reading."""
    after = f" {spaced(format_duration(chains.asking.latency))} after" if chains.asking.latency else ""
    return (
        f"{CANDIDATES}. A meeting: {chains.asking.rule.describe()}; each device's own count from its first exposure "
        f"on{after}. {chains.asked.world.reading()}."
    )
