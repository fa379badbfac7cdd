"""Tiers: contact candidates, contacts of contacts, general risk; disjoint, and in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import repeated
from cotrace.durations import Duration, seconds, spaced
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.exposure.common import CANDIDATES, bools
from cotrace.exposure.flags import settings, stationary, twins
from cotrace.exposure.hops import (
    counted_decisions,
    hops_table,
    path_lists,
    seeds_of_contacts,
    warn_of_decided_cases,
)
from cotrace.exposure.meetings import (
    NO_LABEL,
    Seeds,
    evidence_of,
    first_meetings,
    new_labels,
    spans_of,
)
from cotrace.exposure.risk import exposed_windows, visits
from cotrace.exposure.traced import DECISIONS, Asked, Decisions, ask, may_pass, persons_of, read_decisions
from cotrace.options import CONTACT, FLAGS, CompanionRule, Flags
from cotrace.schema_meetings import TIER_SIZES, TIERS
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore, Table

if TYPE_CHECKING:
    from cotrace.exposure.risk import Exposed

__all__ = ["TIER_NAMES", "Tiers", "tiers"]

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]
TIER_NAMES = ("contact_candidate", "contact_of_contact", "general_risk")
_ALWAYS = -(2**31)
#: any shared second: what usual company is made of
_ANY = CompanionRule(min_shared="0s", min_cumulative=None)


class Tiers(Table):
    """Who is in which tier, and why.

    Attributes
    ----------
    sizes : Table
        One row a tier. Columns: :ref:`data-model-tier_sizes`.
    """

    sizes: Table
    _made: _Made

    @classmethod
    def of(cls, made: _Made, note: str) -> Tiers:
        """Make the tables of what was found."""
        main = made.asked.world.table(TIERS, made.columns(), note)
        found = cls(TIERS, main.to_arrow(), note)
        found._made = made
        found.sizes = made.asked.world.table(TIER_SIZES, made.sizes(), note)
        return found

    @cached_property
    def evidence(self) -> Table:
        """The meetings of each device with the one in ``via``. Columns: :ref:`data-model-hops`."""
        return hops_table(self._made.asked, list(self._made.evidence()), self._made.via, self.note)

    def _counted(self) -> str:
        rows = self.sizes.to_arrow().to_pylist()
        return ", ".join(f"{r['devices']:,} {r['tier']}" for r in rows)


def tiers(
    stays: Stays | StaysStore | None,
    cases: Any,
    *,
    as_of: Any = None,
    rule: CompanionRule = CONTACT,
    latency: Duration = "0s",
    window: Duration = "1h",
    adjudications: Any = None,
    contacts: Any = None,
    devices: Any = None,
    through: str | Sequence[str] | None = None,
    flags: Flags = FLAGS,
    threads: int | None = None,
) -> Tiers:
    """Sort devices into contact candidates, contacts of contacts, and general risk.

    Each device is in the strongest tier only, and all of them are candidates from co-location. The second hop keeps
    to the order of time: a contact's own meetings count from the start of its first qualifying meeting with a case.

    Parameters
    ----------
    stays, cases, as_of, rule, contacts
        As in :func:`cotrace.contacts`. Of a store, the stays in the cells that cases and their contacts were in are
        read, and all stays of the devices that are listed.
    latency : str or timedelta
        How long after its first exposure a contact's own meetings begin to count.
    window : str or timedelta
        General risk are the devices that were in a cell in the window (aligned to the epoch) in which a case was
        there for as long as a meeting asks.
    adjudications : frame, optional
        Investigators' decisions: ``device, decision, at``, and where wanted ``reason, by``. The latest decision of a
        device counts: ``excluded`` leads to no further hop, ``isolated`` ends its meetings at ``at``, ``confirmed``
        and ``unclear`` change nothing. All stay in the list.
    devices : table, optional
        Whose devices are: what :func:`cotrace.read_devices` gives or takes.
    through : str or sequence of str, optional
        Kinds of devices that a second hop may start from; by default all. A device that is not in ``devices`` is a
        ``"person"``.
    flags : Flags
        When a device is ``stationary``, and when it is a twin.
    threads : int, optional
        As in :func:`cotrace.contacts`.

    Returns
    -------
    Tiers
        One row a device, by tier, first exposure and id; no case among them. Columns: :ref:`data-model-tiers`.
        ``evidence`` has the meetings with the device in ``via``, ``sizes`` one row a tier.

    Raises
    ------
    CaseError, OptionError, SchemaError
        As in :func:`cotrace.contacts`; and for decisions that are none, or contradict each other.

    Warns
    -----
    CotraceWarning
        Of cases that were never seen, and of decisions about cases, which change nothing.

    Notes
    -----
    O(stays + meetings), without a list of the meetings; flags take O(stays of the listed devices).

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings(
    ...     {
    ...         "device": ["A", "A", "B", "B", "C", "C", "B", "B", "D", "D"],
    ...         "time": [0, 3600, 600, 1500, 9000, 9900, 8700, 9900, 60, 120],
    ...         "x": [1.0] * 4 + [900.0] * 4 + [1.0] * 2,
    ...         "y": [1.0] * 10,
    ...     },
    ...     unit="s",
    ... )
    >>> found = cotrace.tiers(cotrace.find_stays(pings), ["A"], as_of="1970-01-02T00:00:00+00:00")
    >>> for device, tier, path in zip(*(found[name].to_pylist() for name in ("device", "tier", "path"))):
    ...     print(device, tier, path)
    B contact_candidate ['A', 'B']
    C contact_of_contact ['A', 'B', 'C']
    D general_risk ['A', 'D']
    """
    length = seconds(window, "window")
    if not length:
        raise OptionError("window='0s' is no window")
    if not isinstance(flags, Flags):
        raise CotraceTypeError(f"flags= is a {type(flags).__name__}: make one with cotrace.Flags(...)")
    later, n_threads = seconds(latency, "latency"), usable_threads(threads)
    asked = ask(stays, cases, as_of, rule, contacts, "tiers", adjudications, before=length)

    def traced(asked: Asked) -> _Made:
        decisions = read_decisions(adjudications, asked.world)
        passes = may_pass(devices, through, asked.world)
        trace = _Trace(asked, rule, later, length, n_threads)
        return trace.run(decisions, passes, persons_of(devices, asked.world), flags)

    made = traced(asked)
    if (
        asked.partial
    ):  # the second hop is read when the first is known, and all of those listed for their columns
        made = traced(asked.near(made.tiers[1].seeds))
        made = traced(made.asked.whole(made.listed))
    warn_of_decided_cases(made.asked, made.decisions)
    after = f" {spaced(latency)} after it" if later else ""
    note = (
        f"{CANDIDATES}. A meeting: {rule.describe()}; contacts' own from their first exposure on{after}. General risk: "
        f"windows of {spaced(window)}. {asked.world.reading()}."
    )
    return Tiers.of(made, note)


@dataclass
class _Tier:
    """One tier: its devices, the seeds that they met, and what that comes to."""

    device: Int64
    seeds: Seeds
    labels: Int64
    last: Int64
    shared: Int64
    usual: Int64


class _Trace:
    """The steps of tracing tiers."""

    def __init__(self, asked: Asked, rule: CompanionRule, latency: int, window: int, threads: int) -> None:
        self.asked, self.world, self.rule = asked, asked.world, rule
        self.latency, self.window, self.threads = latency, window, threads

    def run(self, decisions: Decisions, passes: NDArray[np.bool_], persons: Int64, flags: Flags) -> _Made:
        free = ~self.asked.is_case()
        roots = self.asked.joined()
        first = self._tier(roots, free)
        free[first.device] = False
        onward = first.device[passes[first.device] & ~decisions.excluded[first.device]]
        seeds = seeds_of_contacts(self.asked, first.labels, onward, decisions, self.rule, self.latency)
        second = self._tier(seeds, free)
        free[second.device] = False
        exposed = exposed_windows(self.world, roots, self.rule, self.window, self.asked.end)
        third = self._risk(exposed, roots, free)
        return _Made(
            self.asked, self.rule, decisions, persons, flags, [first, second, third], exposed, self.threads
        )

    def _tier(self, seeds: Seeds, free: NDArray[np.bool_]) -> _Tier:
        wanted, labels = free.astype(np.uint8), new_labels(self.world.n)
        first_meetings(self.world, seeds, self.rule, labels, wanted, self.threads)
        device = np.flatnonzero(labels[:, 0] < NO_LABEL)
        wanted[:] = 0
        wanted[device] = 1
        found = spans_of(self.world, seeds, self.rule, wanted, threads=self.threads)
        return _Tier(device, seeds, labels, found.last, found.shared, self._usual(seeds, labels, wanted))

    def _usual(self, seeds: Seeds, labels: Int64, wanted: NDArray[np.uint8]) -> Int64:
        """Return the seconds that each wanted device shared with its ``via`` before that one's time begins."""
        devices, first = np.unique(
            seeds.device, return_index=True
        )  # by device and start: the first is the earliest
        since = np.full(devices.size, _ALWAYS)
        before = Seeds.of(devices, since, seeds.since[first], seeds.since[first], since)
        return spans_of(self.world, before, _ANY, wanted, labels[:, 2]).shared

    def _risk(self, exposed: Exposed, roots: Seeds, free: NDArray[np.bool_]) -> _Tier:
        from cotrace.kernels.folds import fold_first

        wanted, labels = free.astype(np.uint8), new_labels(self.world.n)
        last, shared = np.full(self.world.n, -NO_LABEL), np.zeros(self.world.n, dtype=np.int64)
        for batch in visits(self.world, exposed, wanted):
            fold_first(batch, batch.shape[0], exposed.device, labels)
            _add_visits(batch, last, shared)
        device = np.flatnonzero(labels[:, 0] < NO_LABEL)
        wanted[:] = 0
        wanted[device] = 1
        return _Tier(device, roots, labels, last, shared, self._usual(roots, labels, wanted))


def _add_visits(batch: Rows, last: Int64, shared: Int64) -> None:
    from cotrace.kernels.folds import add_visits

    add_visits(batch, batch.shape[0], last, shared)


@dataclass
class _Made:
    """What was found, by tier."""

    asked: Asked
    rule: CompanionRule
    decisions: Decisions
    persons: Int64
    flags: Flags
    tiers: list[_Tier]
    exposed: Exposed
    threads: int

    @property
    def listed(self) -> Int64:
        """The codes of the cases and of all devices in a tier."""
        return np.unique(np.concatenate([self.asked.codes, *(t.device for t in self.tiers)]))

    @cached_property
    def via(self) -> Int64:
        """The device by which each listed device was first exposed; -1 for all others."""
        via = np.full(self.asked.world.n, -1, dtype=np.int64)
        for tier in self.tiers:
            via[tier.device] = tier.labels[tier.device, 2]
        return via

    def columns(self) -> dict[str, Any]:
        """Return the columns of the table of tiers."""
        world = self.asked.world
        which = np.repeat(np.arange(3), [t.device.size for t in self.tiers])
        device, first, last, shared, usual, cell = (
            np.concatenate(parts) for parts in zip(*(_values(t) for t in self.tiers), strict=True)
        )
        order = np.lexsort((device, first, which))
        which, device, first, last, shared, usual, cell = (
            v[order] for v in (which, device, first, last, shared, usual, cell)
        )
        cases = np.unique(self.asked.codes)
        listed, rank = np.concatenate([cases, device]), np.concatenate([np.zeros_like(cases), which + 1])
        twin = twins(world, listed, rank, self.persons, self.flags)[cases.size :]
        return {
            "device": world.name(device),
            "tier": repeated(TIER_NAMES, which),
            "via": world.name(self.via[device]),
            "first_exposure": world.instants(first),
            "last_exposure": world.instants(last),
            "shared_s": shared,
            "path": path_lists(self.asked, self._steps(which, device)),
            "setting": settings(world, device, cell),
            "via_setting": settings(world, self.via[device], cell),
            "usual_s": usual,
            "stationary": bools(stationary(world, self.flags)[device]),
            "twin_of": world.name(twin),
            **self.decisions.columns(world, device),
        }

    def _steps(self, which: Int64, device: Int64) -> Int64:
        """Return the path of each device: the case, a contact where it is one's, the device itself."""
        via = self.via[device]
        case = np.where(which == 1, self.via[via], -1)
        return np.stack([case, via, device], axis=1)

    def sizes(self) -> dict[str, Any]:
        """Return the columns of the table of sizes."""
        counts = np.array([counted_decisions(self.decisions, t.device) for t in self.tiers]).reshape(3, -1)
        return {
            "tier": repeated(TIER_NAMES, np.arange(3)),
            "devices": np.array([t.device.size for t in self.tiers]),
            **dict(zip((*DECISIONS, "undecided"), np.ascontiguousarray(counts.T), strict=True)),
        }

    def evidence(self) -> Iterator[Rows]:
        """Find the meetings again of each device with the one in ``via``."""
        from cotrace.kernels.folds import keep_pairs
        from cotrace.kernels.temporal import N_MEETING

        world = self.asked.world
        yield np.empty((0, N_MEETING), dtype=np.int32)
        for tier in self.tiers[:2]:
            yield evidence_of(world, tier.seeds, self.rule, _mask(world.n, tier), self.via, self.threads)
        for batch in visits(world, self.exposed, _mask(world.n, self.tiers[2])):
            n = keep_pairs(batch, batch.shape[0], self.exposed.device, self.via, batch)
            yield batch[:n].copy()


def _values(tier: _Tier) -> tuple[Int64, ...]:
    d = tier.device
    return d, tier.labels[d, 0], tier.last[d], tier.shared[d], tier.usual[d], tier.labels[d, 3]


def _mask(n: int, tier: _Tier) -> NDArray[np.uint8]:
    mask = np.zeros(n, dtype=np.uint8)
    mask[tier.device] = 1
    return mask
