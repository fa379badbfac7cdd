"""Everything that meetings are found in: stays by cell, contacts from elsewhere, one dictionary of devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import order_of, plain, take, view
from cotrace.errors import OptionError, SchemaError, TimeError
from cotrace.exposure.common import cell_columns, seen_codes, source_names
from cotrace.tables import Stays, Table, check_source, instants

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.schema import TableSchema

__all__ = ["OR_CONTACTS", "Links", "World", "as_ids_of", "links_of", "make_world", "with_links"]

Int64 = NDArray[np.int64]
_MOST_SOURCES = 31
#: how else a query that takes contacts can be asked
OR_CONTACTS = ", or give None and contacts="


@dataclass(frozen=True)
class World:
    """Stays and contacts, in codes and seconds.

    Parameters
    ----------
    ids : pyarrow.Array
        Device ids by code, in ascending order: those of stays, contacts and cases.
    stays : Stays or None
    of_stays : int64[devices of stays]
        The code here of each of the stays' devices.
    rows : int32[n, 4]
        Device, cell, start, end; by cell, device, start; seconds from ``base``.
    cell_lo : int64[cells + 1]
        The first row of each cell.
    bits : int64[n] or int64[0]
        Bits of the sources of each row; none: bit 0 for all.
    links : int32[m, 5]
        Device, other, start, end, source: contacts from either side; by the first two, source, start.
    link_lo : int64[devices + 1]
        The first link of each device.
    sources : tuple of str
    base : int
        Unix seconds of second 0.
    tz : str
    """

    ids: pa.Array
    stays: Stays | None
    of_stays: Int64
    rows: NDArray[np.int32]
    cell_lo: Int64
    bits: Int64
    links: NDArray[np.int32]
    link_lo: Int64
    sources: tuple[str, ...]
    base: int
    tz: str

    @property
    def n(self) -> int:
        """Number of devices."""
        return len(self.ids)

    def codes_of(self, ids: pa.Array) -> Int64:
        """Return the codes of ids; -1 for those that are not there."""
        return seen_codes(self.ids, ids)

    def name(self, codes: Int64) -> pa.Array:
        """Return the ids of codes; null where a code is -1."""
        import pyarrow as pa

        if codes.size and codes.min() < 0:
            return self.ids.take(pa.array(codes, mask=codes < 0))
        return take(self.ids, codes)

    def instants(self, seconds: Int64) -> pa.Array:
        """Return seconds from the base as timestamps."""
        return instants(seconds, self.base, self.tz)

    def source_names(self, bits: Int64) -> pa.Array:
        """Return bits of sources as words."""
        return source_names(self.sources, bits)

    def cells(self, codes: Int64) -> dict[str, Any]:
        """Return the columns of cells; null where a code is -1."""
        import pyarrow as pa

        if self.stays is not None:
            return cell_columns(self.stays.cells, codes)
        kinds = (pa.int64(), pa.int64(), pa.int64(), pa.float64(), pa.float64(), pa.string())
        names = ("cell", "cell_col", "cell_row", "cell_lon", "cell_lat", "place")
        return {name: pa.nulls(codes.size, kind) for name, kind in zip(names, kinds, strict=True)}

    def table(self, schema: TableSchema, columns: dict[str, Any], note: str) -> Table:
        """Make a table with this world's types of ids, cells and instants."""
        types = {"device": self.ids.type, "tz": self.tz}
        if self.stays is not None:
            types["cell"] = self.stays.cells.values.type
        return Table.from_columns(schema, columns, note, **types)

    def reading(self) -> str:
        """Say how stays were made, and that there are contacts from elsewhere."""
        known = [self.stays.options.describe()] if self.stays is not None else []
        if self.links.shape[0]:
            known.append(f"{self.links.shape[0] // 2:,} contacts from elsewhere")
        return "; ".join(known)


@dataclass(frozen=True)
class Links:
    """Contacts from elsewhere as arrays: ids, unix seconds, numbers of ``sources``."""

    a: pa.Array
    b: pa.Array
    start: Int64
    end: Int64
    source: Int64
    sources: tuple[str, ...]
    tz: str


def links_of(contacts: Any, stays: Any) -> Links | None:
    """Return contacts as :func:`cotrace.read_contacts` gives or takes them; their ids are of the stays' type.

    Raises
    ------
    SchemaError
        When columns are missing, or ids are of another kind than the stays'.
    """
    if contacts is None or isinstance(contacts, Links):
        return contacts
    from cotrace.exposure.elsewhere import read_contacts
    from cotrace.exposure.given import Reported

    known = contacts if isinstance(contacts, Reported) else read_contacts(contacts)
    rows = known.to_arrow()
    a, b = (plain(rows[name]) for name in ("a", "b"))
    if (kind := getattr(stays, "device_type", None)) is not None:
        a, b = (as_ids_of(side, kind, "the contacts") for side in (a, b))
    moments = [view(plain(rows[name]), np.int64) // 1_000_000 for name in ("started_at", "finished_at")]
    said = plain(rows["source"]).dictionary_encode()
    number = np.asarray(said.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
    return Links(a, b, moments[0], moments[1], number, tuple(said.dictionary.to_pylist()), known.tz)


def with_links(links: Links | None, more: Links | None) -> Links | None:
    """Return the contacts of both."""
    import pyarrow as pa

    if links is None or more is None:
        return more if links is None else links
    sources = links.sources + tuple(s for s in more.sources if s not in links.sources)
    number = np.array([sources.index(s) for s in more.sources], dtype=np.int64)
    both = [
        np.concatenate([x, y])
        for x, y in ((links.start, more.start), (links.end, more.end), (links.source, number[more.source]))
    ]
    sides = (as_ids_of(side, links.a.type, "the further contacts") for side in (more.a, more.b))
    ids = [pa.concat_arrays(pair) for pair in zip((links.a, links.b), sides, strict=True)]
    a, b = ids
    start, end, source = both
    return Links(a, b, start, end, source, sources, links.tz)


def as_ids_of(ids: pa.Array, kind: pa.DataType, what: str) -> pa.Array:
    """Return ids as they stand among ids of another type, if nothing is lost by it: ``"0071"`` is no 71.

    Raises
    ------
    SchemaError
        When one has no exact counterpart.
    """
    import pyarrow as pa

    if ids.type == kind:
        return ids
    try:
        found = ids.cast(kind)
        if found.cast(ids.type).equals(ids):
            return found
    except pa.ArrowInvalid:
        pass
    raise SchemaError(
        f"{what} have ids of type {ids.type}, of which some have no exact counterpart among ids of type {kind}: give "
        "both one type"
    )


def make_world(stays: Any, contacts: Links | None, extra: pa.Array | None = None) -> World:
    """Bring stays and contacts, of which one may be missing, onto one dictionary and one clock.

    ``extra`` are further ids (the cases') that get a code though they may be in neither.

    Raises
    ------
    CotraceTypeError
        When ``stays`` are no stays.
    OptionError
        When there is neither, or more than 31 sources.
    TimeError
        When times are more than 68 years apart.
    """
    if stays is not None:
        check_source(stays, OR_CONTACTS)
    if stays is None and contacts is None:
        raise OptionError("there are neither stays nor contacts= to look at")
    parts = [] if stays is None else [stays.devices]
    parts += [] if contacts is None else [contacts.a, contacts.b]
    parts += [] if extra is None else [extra]
    ids = _union(parts)
    base, tz = _clock(stays, contacts)
    world = World(ids, stays, *_no_rows(), *_no_links(len(ids)), (), base, tz)
    if stays is not None:
        world = _with_stays(world, stays)
    return world if contacts is None else _with_contacts(world, contacts)


def _union(parts: list[pa.Array]) -> pa.Array:
    first, *others = parts
    if all((seen_codes(first, part) >= 0).all() for part in others) and _is_sorted(first, parts):
        return first
    import pyarrow as pa

    every = pa.chunked_array(parts).unique()
    return take(every, order_of(every))


def _is_sorted(first: pa.Array, parts: list[pa.Array]) -> bool:
    # the devices of stays are in order, each once; what contacts bring is not
    if len(parts) == 1:
        return True
    return len(first) == len(first.unique()) and bool((np.diff(order_of(first)) == 1).all())


def _clock(stays: Stays | None, contacts: Links | None) -> tuple[int, str]:
    bases, ends = [], []
    if stays is not None and len(stays):
        # a base may lie within the data: seconds here are never negative, as kernels put them into keys
        bases.append(stays.base + min(0, int(stays.rows[:, 2].min())))
        ends.append(stays.base + int(stays.rows[:, 3].max()))
    if contacts is not None and contacts.start.size:
        bases.append(int(contacts.start.min()))
        ends.append(int(contacts.end.max()))
    base = min(bases, default=0 if stays is None else stays.base)
    if max(ends, default=base) - base >= 2**31:
        raise TimeError(
            "the times of stays and contacts are more than 68 years apart: is one of them in another unit, or from "
            "another century?"
        )
    return base, stays.tz if stays is not None else contacts.tz if contacts is not None else "UTC"


def _no_rows() -> tuple[Int64, NDArray[np.int32], Int64, Int64]:
    none = np.empty(0, dtype=np.int64)
    return none, np.empty((0, 4), dtype=np.int32), np.zeros(1, dtype=np.int64), none


def _no_links(n: int) -> tuple[NDArray[np.int32], Int64]:
    return np.empty((0, 5), dtype=np.int32), np.zeros(n + 1, dtype=np.int64)


def _with_stays(world: World, stays: Stays) -> World:
    of_stays = seen_codes(world.ids, stays.devices) if world.ids is not stays.devices else np.arange(world.n)
    n_cells, shift = len(stays.cells.values), stays.base - world.base
    rows, bits = stays.rows, np.empty(0, dtype=np.int64)
    if shift or world.ids is not stays.devices:
        rows = np.stack([of_stays[rows[:, 0]], rows[:, 1], rows[:, 2] + shift, rows[:, 3] + shift], axis=1)
        rows = rows.astype(np.int32)
    sizes = np.bincount(rows[:, 1], minlength=n_cells) if len(rows) else np.zeros(n_cells, dtype=np.int64)
    cell_lo = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    if stays.source_bits is None:
        from cotrace.stays.builder import rows_by_key

        rows = rows_by_key([rows], 1, n_cells)
    else:
        order = np.argsort(rows[:, 1], kind="stable")
        rows, bits = np.ascontiguousarray(rows[order]), stays.source_bits[order].astype(np.int64)
    return replace(world, of_stays=of_stays, rows=rows, cell_lo=cell_lo, bits=bits, sources=stays.sources)


def _with_contacts(world: World, contacts: Links) -> World:
    # by name: the order in which contacts came must not show
    sources = world.sources + tuple(sorted(set(contacts.sources) - set(world.sources)))
    if len(sources) > _MOST_SOURCES:
        raise OptionError(
            f"there are {len(sources)} sources: at most {_MOST_SOURCES} can be told apart; join some under one name"
        )
    number = np.array([sources.index(s) for s in contacts.sources], dtype=np.int64)
    a, b = (seen_codes(world.ids, side) for side in (contacts.a, contacts.b))
    start, end = contacts.start - world.base, contacts.end - world.base
    source = number[contacts.source] if contacts.source.size else contacts.source
    links = np.concatenate([np.stack([x, y, start, end, source], axis=1) for x, y in ((a, b), (b, a))])
    links = links[np.lexsort((links[:, 3], links[:, 2], links[:, 4], links[:, 1], links[:, 0]))]
    links = _merged(links).astype(np.int32)
    link_lo = np.searchsorted(links[:, 0], np.arange(world.n + 1)).astype(np.int64)
    return replace(world, links=np.ascontiguousarray(links), link_lo=link_lo, sources=sources)


def _merged(links: Int64) -> Int64:
    """Join contacts of one pair and source that touch or overlap."""
    if not links.shape[0]:
        return links
    same = (links[1:, [0, 1, 4]] == links[:-1, [0, 1, 4]]).all(axis=1)
    group = np.concatenate([[0], np.cumsum(~same)])
    far = int(links[:, 3].max()) + 2
    reach = np.maximum.accumulate(links[:, 3] + group * far) - group * far
    first = np.concatenate([[True], ~same | (links[1:, 2] > reach[:-1])])
    lo = np.flatnonzero(first)
    merged = links[lo]
    merged[:, 3] = np.maximum.reduceat(links[:, 3], lo)
    return merged
