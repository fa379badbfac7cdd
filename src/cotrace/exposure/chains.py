"""Chains of meetings: the earliest arrival at every device, hop by hop, from cases on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.companions.cases import Cases, read_cases
from cotrace.exposure.around import is_store
from cotrace.exposure.hops import seeds_of_contacts
from cotrace.exposure.meetings import NO_LABEL, Seeds, evidence_of, first_meetings, new_labels
from cotrace.exposure.traced import (
    Asked,
    Decisions,
    may_pass,
    place,
    place_cases,
    read_decisions,
    warn_of_unseen,
    with_cases,
)
from cotrace.exposure.world import Links, links_of, make_world, with_links
from cotrace.options import CompanionRule

__all__ = ["Asking", "Chains", "Given", "extended"]

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Given:
    """What the caller gave besides the cases."""

    stays: Any
    links: Links | None
    adjudications: Any
    devices: Any
    through: Any


@dataclass(frozen=True)
class Asking:
    """What the caller asked for."""

    rule: CompanionRule
    latency: int
    per: float | None
    threads: int


@dataclass
class Chains:
    """The arrivals, hop by hop.

    ``own[h]`` (int64[devices, 4]) has the first meeting of each device with one that was reached in at most ``h``
    hops, as labels (:mod:`cotrace.kernels.temporal`); ``best[h]`` the earliest arrival in at most ``h + 1``. Labels
    only ever fall when cases, hops or contacts are added, so adding them again from what they change is enough.
    """

    given: Given
    asked: Asked
    asking: Asking
    decisions: Decisions
    passes: NDArray[np.bool_]
    roots: Seeds
    own: list[Int64] = field(default_factory=list)
    best: list[Int64] = field(default_factory=list)

    @classmethod
    def of(cls, given: Given, asked: Asked, asking: Asking) -> Chains:
        """Begin: nobody is reached."""
        decisions = read_decisions(given.adjudications, asked.world)
        passes = may_pass(given.devices, given.through, asked.world) & ~decisions.excluded
        return cls(given, asked, asking, decisions, passes, asked.joined())

    @property
    def depth(self) -> int:
        """How many hops there are."""
        return len(self.own)

    def reached(self, depth: int) -> Chains:
        """Begin at the roots and go on to ``depth`` hops; of a store, what is around a hop is read before it."""
        nobody = np.empty(0, dtype=np.int64)
        if not self.asked.partial:
            self.grow(depth, self.roots, nobody)
            return self
        chains = self
        chains.grow(1, chains.roots, nobody)
        for hop in range(1, depth):
            asked = chains.asked.near(chains._seeds(hop, chains._improved_last(hop)))
            wider = Chains.of(chains.given, asked, chains.asking)
            _take_over(wider, chains, asked.world.codes_of(chains.asked.world.ids))
            wider.grow(hop + 1, wider.roots.part(0, 0), nobody)
            chains = wider
        return chains

    def grow(self, depth: int, new_roots: Seeds, touched: Int64) -> None:
        """Go on to ``depth`` hops: from new roots, and from devices that have new contacts (codes)."""
        wanted = (~self.asked.is_case()).astype(np.uint8)
        changed = np.empty(0, dtype=np.int64)
        for hop in range(depth):
            known = hop < len(self.own)
            if not known:
                changed = self._improved_last(hop)
                self.own.append(new_labels(self.asked.world.n))
                self.best.append(self.own[-1])
            before = self.best[hop][:, 0].copy() if known else None
            seeds = new_roots if hop == 0 else self._seeds(hop, np.union1d(changed, touched))
            if len(seeds):
                asking = self.asking
                first_meetings(self.asked.world, seeds, asking.rule, self.own[hop], wanted, asking.threads)
            self.best[hop] = self.own[hop] if hop == 0 else _earlier(self.own[hop], self.best[hop - 1])
            if before is not None:
                changed = np.flatnonzero(self.best[hop][:, 0] != before)

    def _improved_last(self, hop: int) -> Int64:
        """Return the devices that the hop before this one reached, or reached earlier."""
        if hop == 0:
            return np.empty(0, dtype=np.int64)
        now = self.best[hop - 1][:, 0]
        then = self.best[hop - 2][:, 0] if hop > 1 else NO_LABEL
        return np.flatnonzero(now != then)

    def _seeds(self, hop: int, device: Int64) -> Seeds:
        """Return devices as seeds of a hop (from 1 on), from when they were reached."""
        labels = self.best[hop - 1]
        device = device[(labels[device, 0] < NO_LABEL) & self.passes[device]]
        asking = self.asking
        return seeds_of_contacts(self.asked, labels, device, self.decisions, asking.rule, asking.latency)

    @cached_property
    def ring(self) -> Int64:
        """The ring of each device: 0 for cases, -1 where it was not reached."""
        ring = np.full(self.asked.world.n, -1, dtype=np.int64)
        for hop in range(self.depth - 1, -1, -1):
            ring[self.best[hop][:, 0] < NO_LABEL] = hop + 1
        ring[self.asked.codes] = 0
        return ring

    @cached_property
    def via(self) -> Int64:
        """The device before each on its path; -1 for all others."""
        via = np.full(self.asked.world.n, -1, dtype=np.int64)
        for hop in range(self.depth):
            here = self.ring == hop + 1
            via[here] = self.own[hop][here, 2]
        return via

    def arrivals(self) -> tuple[Int64, Int64]:
        """Return the arrival at each device by the fewest hops, and by any number of them."""
        reached = np.full(self.asked.world.n, NO_LABEL)
        np.minimum.at(reached, self.asked.codes, self.asked.windows[:, 2])
        earliest = reached.copy()
        for hop in range(self.depth):
            here = self.ring == hop + 1
            reached[here] = self.best[hop][here, 0]
        earliest[self.ring > 0] = self.best[-1][self.ring > 0, 0]
        return reached, earliest

    def steps(self, device: Int64) -> Int64:
        """Return the path of each device, from the case on; -1 where there is no step. int64[n, depth + 1]."""
        steps = np.full((device.size, self.depth + 1), -1, dtype=np.int64)
        for ring in range(self.depth + 1):
            here = np.flatnonzero(self.ring[device] == ring)
            steps[here, ring] = device[here]
            for hop in range(ring - 1, -1, -1):
                # the label that led further is that of this hop: a path of fewer hops would have been taken
                steps[here, hop] = self.own[hop][steps[here, hop + 1], 2]
        return steps

    def evidence(self) -> list[NDArray[np.int32]]:
        """Find the meetings again of each device with the one in ``via``."""
        world, asking, found = self.asked.world, self.asking, []
        for hop in range(self.depth):
            wanted = (self.ring == hop + 1).astype(np.uint8)
            seeds = self.roots if hop == 0 else self._seeds(hop, np.unique(self.via[wanted > 0]))
            found.append(evidence_of(world, seeds, asking.rule, wanted, self.via, asking.threads))
        return found


def _earlier(own: Int64, before: Int64) -> Int64:
    """Return the label of each device that is earlier; of one start the one with fewer hops."""
    return np.where((own[:, 0] < before[:, 0])[:, None], own, before)


def extended(old: Chains, cases: Any, as_of: Any, depth: int, contacts: Any) -> Chains:
    """Go on with further cases, hops or contacts; all is looked at again only where an arrival may become later.

    That is where tracing closes at another moment, or a new case was on the list: a case passes on in its own time.
    """
    more = links_of(contacts, old.given.stays)
    listed = old.asked.cases
    if cases is not None:
        listed = with_cases(listed, read_cases(cases, as_of, listed.ids.type))
    given = replace(old.given, links=with_links(old.given.links, more))
    if is_store(given.stays):  # its stays are read again, for all cases together
        asked = place_cases(
            given.stays, given.links, listed, old.asking.rule, "rings", given.adjudications, 0
        )
        warn_of_unseen(asked)
        return Chains.of(given, asked, old.asking).reached(depth)
    world = old.asked.world
    if more is not None or (world.codes_of(listed.ids) < 0).any():
        world = make_world(given.stays, given.links, listed.ids)
    asked = place(world, listed, old.asking.rule)
    warn_of_unseen(asked)
    new = Chains.of(given, asked, old.asking)
    code = world.codes_of(old.asked.world.ids)
    fresh = np.unique(new.asked.codes[_is_new(listed, old.asked.cases)])
    again = new.asked.end + world.base != old.asked.end + old.asked.world.base
    again = again or bool(np.isin(fresh, code[old.ring > 0]).any())
    touched = np.empty(0, dtype=np.int64)
    roots = new.roots
    if not again:
        _take_over(new, old, code)
        if more is not None:
            touched = np.unique(np.concatenate([world.codes_of(more.a), world.codes_of(more.b)]))
        roots = new.roots.some(np.isin(new.roots.device, np.union1d(fresh, touched)))
    new.grow(depth, roots, touched)
    return new


def _is_new(listed: Cases, before: Cases) -> NDArray[np.bool_]:
    there = set(_rows_of(before))
    return np.array([row not in there for row in _rows_of(listed)], dtype=np.bool_)


def _rows_of(cases: Cases) -> list[tuple[Any, ...]]:
    columns = (cases.as_of.tolist(), cases.infectious_from.tolist(), cases.isolated_at.tolist())
    return list(zip(cases.ids.to_pylist(), *columns, strict=True))


def _take_over(new: Chains, old: Chains, code: Int64) -> None:
    """Bring labels into another world: new codes of devices, seconds from another base."""
    shift = old.asked.world.base - new.asked.world.base
    for own in old.own:
        met = own[:, 0] < NO_LABEL
        labels = new_labels(new.asked.world.n)
        start, end, via, cell = own[met].T
        labels[code[met]] = np.stack([start + shift, end - shift, code[via], cell], axis=1)
        new.own.append(labels)
        new.best.append(_earlier(labels, new.best[-1]) if new.best else labels)
