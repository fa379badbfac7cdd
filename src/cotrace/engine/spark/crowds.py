"""How crowded it was: devices by cell and hour, counted by all tasks, and filled into what each of them found."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import view
from cotrace.companions.matching import CROWD_WINDOW_S
from cotrace.companions.result import Companions
from cotrace.engine.spark.frames import unpack
from cotrace.engine.spark.matching import key_of
from cotrace.exposure.common import seen_codes
from cotrace.schema import COMPANIONS

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Crowds", "WithCrowd"]

Int64 = NDArray[np.int64]


class Crowds:
    """Devices by cell and hour."""

    def __init__(self, cells: pa.Array, keys: Int64, devices: Int64) -> None:
        self.cells, self.keys, self.devices = cells, keys, devices

    def of_evidence(self, evidence: pa.Table) -> Int64:
        """Return the crowd of each row of a table of evidence."""
        cell = evidence["cell"].combine_chunks().cast(self.cells.type)
        moments = [evidence[name].combine_chunks() for name in ("started_at", "finished_at")]
        start, end = (view(moment, np.int64) // 1_000_000 for moment in moments)
        return self.of_episodes(cell, start, end)

    def filled(self, found: Companions) -> Companions:
        """Return a result of this machine, made of the stays of some devices, with the crowds of all devices."""
        m = found._parts.matches
        crowd, summary = self.of_evidence(found.evidence.to_arrow()), m.summary.copy()
        if crowd.size:
            summary[:, 7] = np.minimum.reduceat(crowd, m.episode_lo[:-1])
        parts = replace(found._parts, matches=replace(m, crowd=crowd, summary=summary))
        return Companions(parts, found.rule, found.options, found.counts, found.tz, {})

    def of_episodes(self, cell: pa.Array, start: Int64, end: Int64) -> Int64:
        """Return the largest crowd of any hour that each episode touches."""
        if not start.size:
            return start
        first = start // CROWD_WINDOW_S
        n = (end - 1) // CROWD_WINDOW_S - first + 1
        lo = np.concatenate([[0], np.cumsum(n)])
        window = np.repeat(first - lo[:-1], n) + np.arange(int(lo[-1]))
        keys = key_of(np.repeat(seen_codes(self.cells, cell), n), window)
        counts: Int64 = self.devices[np.searchsorted(self.keys, keys)]
        return np.maximum.reduceat(counts, lo[:-1])


class WithCrowd:
    """Fills the crowds in: what a task could not know, as it has seen its own devices alone."""

    def __init__(self, crowds: Crowds, name: str) -> None:
        self.crowds, self.name = crowds, name

    def __call__(self, both: pa.Table) -> pa.Table:
        """Fill the crowds in; takes a row of both tables, packed."""
        return self.of(*(unpack(both[name][0]) for name in ("evidence", "companions")))

    def of(self, evidence: pa.Table, companions: pa.Table) -> pa.Table:
        """Return the one of both tables that is asked for, with crowds."""
        import pyarrow as pa

        crowd, table = self.crowds.of_evidence(evidence), evidence
        if self.name == COMPANIONS.name:
            # evidence is in the order of the companions, each with so many episodes
            n = view(companions["n_episodes"].combine_chunks(), np.int64)
            lo = np.concatenate([[0], np.cumsum(n)[:-1]]) if n.size else n
            crowd = np.minimum.reduceat(crowd, lo) if n.size else crowd
            table = companions
        at = table.column_names.index("crowd")
        return table.set_column(at, table.schema.field(at), pa.array(crowd, pa.int64()))
