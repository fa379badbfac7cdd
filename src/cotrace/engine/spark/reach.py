"""Whom chains of meetings reach, hop by hop: each hop's seeds are held against all other devices by tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import plain, take
from cotrace.engine.spark.frames import (
    Batches,
    batches_of,
    by_device,
    frame_of,
    mapped,
    spark_schema,
    to_arrow,
)
from cotrace.engine.spark.meaning import Meaning
from cotrace.engine.spark.parts import numbers, seconds_of, stays_of, table_of
from cotrace.engine.spark.work import quiet
from cotrace.exposure.chains import Asking, Chains, Given
from cotrace.exposure.common import seen_codes
from cotrace.exposure.meetings import NO_LABEL, Seeds, first_meetings, new_labels
from cotrace.exposure.traced import ask
from cotrace.exposure.world import links_of, make_world

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from cotrace.exposure.world import World
    from cotrace.options import CompanionRule
    from cotrace.tables import Stays

__all__ = ["Reach"]

Int64 = NDArray[np.int64]
#: more ids than this are joined instead of listed in a filter
_LISTED = 5_000


@dataclass(frozen=True)
class Reach:
    """What is asked, and where stays are.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        Stays of all devices.
    meaning : Meaning
    rule : CompanionRule
    latency : int
    threads : int
        Of the driver.
    """

    frame: DataFrame
    meaning: Meaning
    rule: CompanionRule
    latency: int
    threads: int

    def stays(self, cases: Any, as_of: Any, depth: int, contacts: Any, given: dict[str, Any]) -> Stays:
        """Return the stays of all devices that may be reached in so many hops, and of those that were named."""
        empty = stays_of([], self.meaning)
        links = links_of(contacts, empty)
        with quiet():
            asked = ask(empty, cases, as_of, self.rule, links, "rings")
            named = [asked.cases.ids, *([] if links is None else [links.a, links.b])]
            if given["adjudications"] is not None:
                named.append(_named(given["adjudications"], asked.world))
            ids = _union(named)
            parts = [self._stays_of(ids)]
            for hop in range(depth):
                known = stays_of(parts, self.meaning)
                asked = ask(known, cases, as_of, self.rule, links, "rings")
                asking = Asking(self.rule, self.latency, None, self.threads)
                chains = Chains.of(Given(known, links, *given.values()), asked, asking)
                chains.grow(hop, chains.roots, np.empty(0, dtype=np.int64))
                seeds = chains.roots if hop == 0 else chains._seeds(hop, chains._improved_last(hop))
                new = self._reached(seeds, asked.world, known, ids)
                ids = _union([ids, new])
                parts.append(self._stays_of(new))
        return stays_of(parts, self.meaning)

    def _reached(self, seeds: Seeds, world: World, known: Stays, ids: pa.Array) -> pa.Array:
        """Return the devices beyond those known that meet a seed; a job."""
        import pyarrow as pa
        from pyspark.sql import functions

        if not len(seeds):
            return ids[:0]
        codes = seen_codes(known.devices, take(world.ids, np.unique(seeds.device)))
        mine = np.isin(known.rows[:, 0], codes)
        of_seeds = table_of(known, known.rows[mine])
        moments = (seeds.since, seeds.until, seeds.close, seeds.start)
        asked = pa.table(
            [take(world.ids, seeds.device), *(pa.array(v + world.base) for v in moments)],
            names=["device", "since", "until", "close", "start"],
        )
        cells = pa.table([of_seeds["cell"].unique()], names=["cell"])
        session = self.frame.sparkSession
        wanted = frame_of(session, cells, pa.schema([self._field("cell", cells["cell"].type)]))
        near = self.frame.join(functions.broadcast(wanted), "cell", "left_semi").select(*self.frame.columns)
        schema = pa.schema([self._field("device", self.meaning.device)])
        task = _Meets(self.meaning, self.rule, of_seeds, asked, ids, schema)
        found = to_arrow(mapped(by_device(near, "device"), task, spark_schema(schema)))
        return plain(found["device"]).cast(self.meaning.device)

    def _field(self, name: str, kind: pa.DataType) -> pa.Field:
        import pyarrow as pa

        return pa.field(name, pa.string() if pa.types.is_large_string(kind) else kind, False)

    def _stays_of(self, ids: pa.Array) -> pa.Table:
        """Collect the stays of some devices."""
        import pyarrow as pa
        from pyspark.sql import functions

        if len(ids) <= _LISTED:
            rows = self.frame.where(self.frame["device"].isin(ids.to_pylist()))
        else:
            field = self._field("device", self.meaning.device)
            listed = frame_of(self.frame.sparkSession, pa.table([ids], names=["device"]), pa.schema([field]))
            rows = self.frame.join(functions.broadcast(listed), "device", "left_semi").select(
                *self.frame.columns
            )
        return seconds_of(to_arrow(rows))


def _named(adjudications: Any, world: World) -> pa.Array:
    from cotrace.arrays import from_values
    from cotrace.exposure.frames import columns_of, ids_of
    from cotrace.exposure.traced import _COLUMNS

    found = columns_of(adjudications, "adjudications", _COLUMNS)
    return from_values(ids_of(found.get("device", []), world.ids.type, "adjudications"), world.ids.type)


def _union(parts: list[pa.Array]) -> pa.Array:
    import pyarrow as pa

    return pa.chunked_array(parts).unique()


@dataclass(frozen=True)
class _Meets:
    """The task: which devices of a partition meet a seed."""

    meaning: Meaning
    rule: CompanionRule
    of_seeds: Any
    asked: Any
    known: Any
    schema: Any

    def __call__(self, batches: Batches) -> Batches:
        import pyarrow as pa
        import pyarrow.compute as pc

        held = [batch for batch in batches if batch.num_rows]
        if not held:
            return
        own = seconds_of(pa.Table.from_batches(held))
        device = plain(own["device"]).cast(self.meaning.device)
        own = own.filter(pc.invert(pc.is_in(device, value_set=self.known)))
        if not own.num_rows:
            return
        stays = stays_of([self.of_seeds, own], self.meaning)
        world = make_world(stays, None, self.asked["device"].combine_chunks())
        codes = world.codes_of(self.asked["device"].combine_chunks())
        moments = (numbers(self.asked, name) - world.base for name in ("since", "until", "close", "start"))
        seeds = Seeds.of(codes, *moments)
        wanted = np.ones(world.n, dtype=np.uint8)
        wanted[codes] = 0
        labels = new_labels(world.n)
        first_meetings(world, seeds, self.rule, labels, wanted)
        reached = np.flatnonzero((labels[:, 0] < NO_LABEL) & (wanted > 0))
        yield from batches_of(pa.table([take(world.ids, reached)], names=["device"]), self.schema)
