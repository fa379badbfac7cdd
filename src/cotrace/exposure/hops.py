"""What tiers and rings share: contacts as seeds of the next hop, paths, the table of their meetings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import take
from cotrace.exposure.common import warn
from cotrace.exposure.contacts import meeting_columns
from cotrace.exposure.meetings import Seeds
from cotrace.exposure.traced import DECISIONS, Asked, Decisions
from cotrace.kernels.temporal import CELL, DEVICE, SOURCE, START
from cotrace.options import CompanionRule
from cotrace.schema_meetings import HOPS, TIERS

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.tables import Table

__all__ = ["counted_decisions", "hops_table", "path_lists", "seeds_of_contacts", "warn_of_decided_cases"]

Int64 = NDArray[np.int64]
Rows = NDArray[np.int32]


def warn_of_decided_cases(asked: Asked, decisions: Decisions) -> None:
    """Warn of decisions that change nothing."""
    about = int((decisions.word[np.unique(asked.codes)] >= 0).sum()) if len(asked.cases) else 0
    if about:
        warn(
            f"{about:,} decisions are about cases, and change nothing: a case is isolated by isolated_at, or taken out "
            "of the cases",
            "cases",
            about_cases=about,
        )
    if decisions.elsewhere:
        warn(
            f"{decisions.elsewhere:,} decisions are about devices that were never seen: are their ids of the same "
            "kind?",
            "cases",
            never_seen=decisions.elsewhere,
        )


def seeds_of_contacts(
    asked: Asked, labels: Int64, device: Int64, decisions: Decisions, rule: CompanionRule, latency: int
) -> Seeds:
    """Return contacts as seeds: from their first exposure on, until they are isolated or tracing ends."""
    end = np.full(device.size, asked.end)
    until = np.minimum(end, decisions.isolated_at[device])
    since = labels[device, 0] + latency
    return Seeds.of(device, since, until, end, np.minimum(since, end - rule.lookback_s))


def hops_table(asked: Asked, parts: Sequence[Rows], via: Int64, note: str) -> Table:
    """Make the table of meetings with the device in ``via`` (int64[devices])."""
    rows = np.concatenate(parts).astype(np.int64)
    rows = rows[np.lexsort((rows[:, SOURCE], rows[:, CELL], rows[:, START], rows[:, DEVICE]))]
    columns = {
        "device": asked.world.name(rows[:, DEVICE]),
        "via": asked.world.name(via[rows[:, DEVICE]]),
        **meeting_columns(asked, rows),
    }
    return asked.world.table(HOPS, columns, note)


def path_lists(asked: Asked, steps: Int64) -> pa.Array:
    """Return paths as lists of ids; ``steps`` (int64[n, k]) are codes, -1 where there is no step."""
    import pyarrow as pa

    world, there = asked.world, steps >= 0
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    kind = TIERS.arrow(device=world.ids.type).field("path").type
    return pa.ListArray.from_arrays(pa.array(offsets), take(world.ids, steps[there])).cast(kind)


def counted_decisions(decisions: Decisions, device: Int64) -> Int64:
    """Count the devices by decision: as many as there are words, and one for none."""
    return np.bincount(decisions.word[device] % (len(DECISIONS) + 1), minlength=len(DECISIONS) + 1)
