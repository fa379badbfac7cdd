"""Pings at towers without a place: whether the table knows these towers at all, and what may be the matter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.io.towers import GIVEN_TYPE

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["UnplacedTowers"]


class UnplacedTowers:
    """Counts pings at towers that are not in the table, and at those that are there without lon and lat."""

    def __init__(self, towers: pa.Table) -> None:
        import pyarrow.compute as pc

        bare = pc.or_(towers["lon"].is_null(), towers["lat"].is_null())
        self._bare = towers["tower"].filter(bare).combine_chunks()
        self._given = ((towers.schema.metadata or {}).get(GIVEN_TYPE.encode()) or b"").decode()
        self._rows = towers.num_rows
        self._known = 0
        self._not_there = 0

    def see(self, tower: pa.Array, at: npt.NDArray[np.int64]) -> None:
        """Count the pings at these places of a batch."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from cotrace.arrays import plain

        ids = plain(tower.take(pa.array(at)))
        known = pc.sum(pc.is_in(ids, value_set=self._bare.cast(ids.type))).as_py() or 0
        self._known += int(known)
        self._not_there += len(at) - int(known)

    def merge(self, later: UnplacedTowers) -> None:
        """Add what was seen in a later part of the source."""
        self._known += later._known
        self._not_there += later._not_there

    def hint(self, kind: Any, used: int) -> str:
        """Say what is known of them; ``used`` is how many pings have a place."""
        parts = []
        if self._known:
            some = "all" if not self._not_there else f"{self._known:,}"
            parts.append(f"{some} known, but without a position: fill lon and lat of these towers in")
        if self._not_there and not self._known and used <= 0:
            given = f" and {self._given} in the table as given" if self._given else ""
            parts.append(
                f"no tower of the pings is among the {self._rows:,} of the table; ids are {kind} in the pings{given}: "
                "do they differ in leading zeros, spaces, or the order of lac and ci?"
            )
        elif self._not_there:
            parts.append(
                f"{self._not_there:,} not in the table: add these towers"
                if self._known
                else "not in the table of towers"
            )
        return "; ".join(parts)
