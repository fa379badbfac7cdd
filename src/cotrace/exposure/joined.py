"""Stays with contacts from elsewhere among them: each is a cell of its own, which only its two devices are in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take
from cotrace.cells import Cells
from cotrace.counts import Counts
from cotrace.errors import OptionError, TimeError
from cotrace.exposure.common import cell_columns, seen_codes, source_names
from cotrace.exposure.world import OR_CONTACTS, Links, links_of
from cotrace.options import StayOptions
from cotrace.tables import Stays, check_source

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Joined", "join_contacts"]

Int64 = NDArray[np.int64]
_FARTHEST = 2**31 - 2**25
_MOST_SOURCES = 62
_DAY = 86_400


@dataclass(frozen=True)
class Joined:
    """Stays, of whose cells those from ``n_cells`` on are contacts."""

    stays: Stays
    n_cells: int

    def columns(self, codes: NDArray[Any]) -> dict[str, Any]:
        """Return the columns of cells, null for contacts."""
        return cell_columns(self.stays.cells, np.where(codes < self.n_cells, codes, -1))

    def sources(self, start: Int64, cells: Int64, *devices: Int64) -> pa.Array:
        """Return from where it is known that devices were in cells at these seconds: of all of them together."""
        if self.stays.source_bits is None:
            return source_names(self.stays.sources, np.ones(start.size, dtype=np.int64))
        bits = np.zeros(start.size, dtype=np.int64)
        for codes in devices:
            bits |= _bits_at(self.stays, codes, cells, start)
        return source_names(self.stays.sources, bits)


def join_contacts(stays: Any, contacts: Any) -> Joined:
    """Put contacts from elsewhere among stays; one of the two may be None.

    Raises
    ------
    CotraceTypeError
        When ``stays`` are no stays.
    OptionError
        When there is neither.
    """
    if stays is not None:
        check_source(stays, OR_CONTACTS)
    links = links_of(contacts, stays)
    if links is None:
        if stays is None:
            raise OptionError("there are neither stays nor contacts= to look at")
        return Joined(stays, len(stays.cells.values))
    return _joined(_no_stays(links) if stays is None else stays, links)


def _no_stays(links: Links) -> Stays:
    import pyarrow as pa

    return Stays(
        np.empty((0, 4), dtype=np.int32),
        from_values([], links.a.type),
        Cells(pa.array([], pa.int64()), None, None, "grid"),
        base=int(links.start.min()) // _DAY * _DAY if links.start.size else 0,
        tz=links.tz,
        options=StayOptions(),
        counts=Counts(),
        span=None,
        sources=(),
    )


def _joined(stays: Stays, links: Links) -> Joined:
    import pyarrow as pa

    n, n_cells = links.start.size, len(stays.cells.values)
    devices, old = _all_devices(stays, links)
    base = stays.base
    if n:  # whole days earlier: crowds are counted in hours from the base
        base = min(base, base + (int(links.start.min()) - base) // _DAY * _DAY)
    last = max(
        [0, *(links.end.max(initial=0) - base,), *(stays.rows[:, 3].max(initial=0) + stays.base - base,)]
    )
    if last > _FARTHEST:
        raise TimeError(
            "contacts and stays are more than 67 years apart: is the unit of the contacts' times right?"
        )
    sources = stays.sources + tuple(s for s in links.sources if s not in stays.sources)
    if len(sources) > _MOST_SOURCES:
        raise OptionError(f"{len(sources)} sources are more than {_MOST_SOURCES}: join some under one name")
    number = np.array([sources.index(s) for s in links.sources], dtype=np.int64)
    bit = np.int64(1) << number[links.source] if n else np.empty(0, dtype=np.int64)
    mine = stays.rows.astype(np.int64)
    mine[:, 0] = old[stays.rows[:, 0]]
    mine[:, 2:] += stays.base - base
    own = np.arange(n, dtype=np.int64) + n_cells
    sides = [
        np.stack([seen_codes(devices, ids), own, links.start - base, links.end - base], axis=1)
        for ids in (links.a, links.b)
    ]
    bits = np.ones(len(mine), dtype=np.int64) if stays.source_bits is None else stays.source_bits
    rows, bits = np.concatenate([mine, *sides]), np.concatenate([bits, bit, bit])
    order = np.lexsort((rows[:, 1], rows[:, 2], rows[:, 0]))
    span = _span(stays, links)
    cells = Cells(
        pa.concat_arrays([stays.cells.values, _last(stays.cells.values.type, n)]),
        stays.cells.grid,
        stays.cells.towers,
        stays.cells.by,
        None
        if stays.cells.names is None
        else pa.concat_arrays([stays.cells.names, pa.nulls(n, pa.string())]),
    )
    found = Stays(
        np.ascontiguousarray(rows[order].astype(np.int32)),
        devices,
        cells,
        base=base,
        tz=stays.tz,
        options=stays.options,
        counts=stays.counts,
        span=span,
        sources=sources,
        source_bits=bits[order],
    )
    return Joined(found, n_cells)


def _all_devices(stays: Stays, links: Links) -> tuple[pa.Array, Int64]:
    """Return all devices in order, and the new code of each of the stays'."""
    import pyarrow as pa

    every = pa.chunked_array([stays.devices, links.a, links.b]).unique()
    every = take(every, order_of(every))
    return every, seen_codes(every, stays.devices)


def _span(stays: Stays, links: Links) -> tuple[int, int] | None:
    if not links.start.size:
        return stays.span
    first, last = int(links.start.min()), int(links.end.max())
    return (first, last) if stays.span is None else (min(first, stays.span[0]), max(last, stays.span[1]))


def _last(kind: pa.DataType, n: int) -> pa.Array:
    """Return ``n`` cells that stand after all others; they are never shown."""
    import pyarrow as pa

    if pa.types.is_integer(kind):
        return from_values([2**64 - 1 if pa.types.is_uint64(kind) else 2**63 - 1] * n, kind)
    return from_values([chr(0x10FFFF) * 4] * n, kind)


def _bits_at(stays: Stays, codes: Int64, cells: Int64, start: Int64) -> Int64:
    """Return the source bits of the stay of each device in each cell at each second."""
    assert stays.source_bits is not None
    n_cells = len(stays.cells.values)
    asked = codes * n_cells + cells
    groups = np.unique(asked)
    of_rows = stays.rows[:, 0].astype(np.int64) * n_cells + stays.rows[:, 1]
    at = np.searchsorted(groups, of_rows).clip(0, max(0, groups.size - 1))
    kept = np.flatnonzero(groups[at] == of_rows) if groups.size else np.empty(0, dtype=np.int64)
    key = at[kept] * 2**32 + stays.rows[kept, 2]
    order = np.argsort(key, kind="stable")
    place = np.searchsorted(key[order], np.searchsorted(groups, asked) * 2**32 + start, side="right") - 1
    bits: Int64 = stays.source_bits[kept[order][place]]
    return bits
