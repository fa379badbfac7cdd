"""Entries for the kernels from pings to companions: ids, cells, stays, the index, the matcher, windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import kernel_inputs as given


class Bench(NamedTuple):
    """Elements of a call, the call, and what makes its argument anew where the call uses it up."""

    n: int
    call: Callable[..., object]
    fresh: Callable[[], Any] | None = None


def append_pings() -> Bench:
    n = given.pings().code.size
    return Bench(n, lambda: given.filled(given.new_builder(), 0, n))


def join_spans() -> Bench:
    from cotrace.stays.shelf import Codes

    n = given.DEVICES_OF_SPANS
    codes = Codes(np.arange(n, dtype=np.int32), np.arange(given.pings().cells.size, dtype=np.int32))
    return Bench(n, lambda two: two[0].combine(two[1], codes, n), lambda: given.copies(given.two_spans()))


def smoothed() -> Bench:
    n = given.pings().code.size
    return Bench(n, lambda builder: builder.finalize(), lambda: given.copies(given.smoothing_builder()))


def known_ids() -> Bench:
    from cotrace.ids import IntIds

    ids, values = IntIds(), given.pings().device[: given.BATCH]
    return Bench(values.size, lambda: ids.encode_numpy(values))


def new_ids() -> Bench:
    from cotrace.ids import IntIds

    values = np.random.default_rng(7).permutation(np.arange(given.BATCH, dtype=np.int64) * 7919)
    return Bench(values.size, lambda ids: ids.encode_numpy(values), IntIds)


def strings() -> Bench:
    import pyarrow as pa

    from cotrace.ids import StringIds

    ids = StringIds()
    values = pa.array(given.pings().device[: given.BATCH]).cast(pa.large_string())
    return Bench(len(values), lambda: ids.encode(values))


def string_values() -> Bench:
    import pyarrow as pa

    from cotrace.ids import StringIds

    ids = StringIds()
    ids.encode(pa.array(np.arange(given.BATCH) + 13_000_000_000).cast(pa.large_string()))
    return Bench(given.BATCH, ids.values)


def offsets() -> Bench:
    from cotrace.kernels.times import to_offsets

    times = given.pings().time[: given.BATCH]
    out, base = np.empty(times.size, np.int32), int(times[0])
    return Bench(times.size, lambda: to_offsets(times, base, out))


def plane() -> Bench:
    from cotrace.grid import Grid

    made, bins = given.pings(), Grid.planar(800).binner("xy")
    x, y = made.x[: given.BATCH], made.y[: given.BATCH]
    return Bench(x.size, lambda: bins(x, y))


def within(degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Random positions in a square of so many degrees that lies in China."""
    rng = np.random.default_rng(7)
    west, south = (115.9, 39.6) if degrees < 5 else (80.0, 18.0)
    return rng.uniform(west, west + degrees, given.BATCH), rng.uniform(south, south + degrees, given.BATCH)


def earth(degrees: float, cell_m: float) -> Callable[[], Bench]:
    def make() -> Bench:
        from cotrace.grid import Grid

        (lon, lat), bins = within(degrees), Grid.geographic(cell_m).binner("lonlat")
        return Bench(lon.size, lambda: bins(lon, lat))

    return make


def gcj02(name: str) -> Callable[[], Bench]:
    def make() -> Bench:
        from cotrace import geodesy

        (lon, lat), shift = within(30.0), getattr(geodesy, name)
        return Bench(lon.size, lambda: shift(lon, lat))

    return make


def shelved() -> Bench:
    from cotrace.stays.shelf import CellShelf

    rows, shelf = given.stays().rows, CellShelf(given.CASES)
    step = shelf.piece
    return Bench(len(rows), lambda: [shelf.put(rows[at : at + step]) for at in range(0, len(rows), step)])


def gathered() -> Bench:
    from cotrace.companions.gathering import Gathering
    from cotrace.stays.shelf import CellShelf, Codes

    stays, shelf = given.stays(), CellShelf(given.CASES)
    blocks = [shelf.put(stays.rows[at : at + shelf.piece]) for at in range(0, len(stays), shelf.piece)]
    same = Codes(*(np.arange(len(d), dtype=np.int32) for d in (stays.devices, stays.cells.values)))
    return Bench(len(stays), lambda: Gathering(blocks, same, same.cells.size, 1).rows())


def rows_of_devices() -> Bench:
    from cotrace.stays.builder import rows_by_device
    from cotrace.stays.shelf import Block, Codes

    stays = given.stays()
    same = Codes(*(np.arange(len(d), dtype=np.int32) for d in (stays.devices, stays.cells.values)))
    return Bench(len(stays), lambda: rows_by_device([Block(stays.rows)], same))


def filtered() -> Bench:
    from cotrace.companions.gathering import Gathering, Spans
    from cotrace.stays.shelf import CellShelf, Codes

    stays, shelf = given.stays(), CellShelf(given.CASES)
    blocks = [shelf.put(stays.rows[at : at + shelf.piece]) for at in range(0, len(stays), shelf.piece)]
    same = Codes(*(np.arange(len(d), dtype=np.int32) for d in (stays.devices, stays.cells.values)))
    n_cells = same.cells.size
    gathering, none = Gathering(blocks, same, n_cells, 1), np.zeros(n_cells, dtype=np.bool_)
    spans = Spans(gathering.tracked(), n_cells)
    return Bench(len(stays), lambda: gathering.rows(none, spans))


def cell_codes() -> Bench:
    from cotrace.grid import Grid
    from cotrace.stays.cell_ids import CellIds

    made, ids = given.pings(), CellIds()
    cells = Grid.planar(800).binner("xy")(made.x[: given.BATCH], made.y[: given.BATCH])
    return Bench(cells.size, lambda: ids.encode(cells))


def sorted_pings() -> Bench:
    from cotrace.stays.lane import Encoded
    from cotrace.stays.shelf import Codes
    from cotrace.stays.sorting import TimeSorter

    made = given.pings()
    shuffled = np.random.default_rng(7).permutation(made.code.size)[: given.BATCH]
    batch = Encoded(made.code[shuffled], made.offset[shuffled], made.cell[shuffled])
    same = Codes(np.arange(given.DEVICES, dtype=np.int32), np.arange(made.cells.size, dtype=np.int32))

    def sort() -> None:
        sorter = TimeSorter(1 << 40)
        sorter.append(batch, 0)
        for bucket in sorter.buckets():
            sorter.take(bucket, [same])

    return Bench(shuffled.size, sort)


def indexed() -> Bench:
    from cotrace.companions.index import index_of_stays

    stays, ids = given.stays(), given.case_ids()
    return Bench(len(stays), lambda: index_of_stays(stays, ids, 1))


def sifted() -> Bench:
    from cotrace.kernels.shelf import place_blocks, sift_cells

    index = given.index()
    lo, n = index.seg_lo[index.cell_lo], index.n_cells
    rows, cells = index.rows.copy(), np.arange(n, dtype=np.int32)
    sizes, out = np.empty(n, np.int64), np.empty_like(rows)
    ever = np.tile(np.array([[-(2**31), 2**31 - 1]], np.int32), (n, 1))

    def run() -> None:
        sift_cells(rows, lo, cells, 0, np.arange(n + 1), ever, sizes)
        place_blocks(rows, sizes, cells, lo[:-1].copy(), out)

    return Bench(len(rows), run)


def joined() -> Bench:
    from cotrace.kernels.rows import join_touching

    rows, cell_rows = given.index().rows, given.index().seg_lo[given.index().cell_lo]
    # stays never touch: all are kept, so that the next round has the same work
    return Bench(len(rows), lambda: join_touching(rows, cell_rows))


def sorted_rows() -> Bench:
    from cotrace.stays.builder import rows_by_key

    rows, n = given.stays().rows, len(given.stays().cells.values)
    return Bench(len(rows), lambda: rows_by_key([rows], 1, n))


def dwell() -> Bench:
    from cotrace.kernels.overlap import dwell_of_segments

    index, (start, end, _) = given.index(), given.windows()[0].tolist()
    every = np.arange(index.seg_lo.size - 1)
    out = np.empty(every.size, np.int64)
    return Bench(every.size, lambda: dwell_of_segments(index.rows, index.seg_lo, every, start, end, out))


def matched() -> Bench:
    import cotrace
    from cotrace.companions.matching import match

    index, windows, rule = given.index(), given.windows(), cotrace.CompanionRule()
    return Bench(len(index.rows), lambda: match(index, windows, rule, 1))


def episodes() -> Bench:
    from cotrace.kernels.overlap import EPISODES, fill_episodes

    index, records = given.index(), given.matches().records
    _, until, since = given.windows()[0].tolist()
    first = np.concatenate([[0], np.cumsum(records[:, EPISODES])])
    out, of = np.empty((first[-1], 2), np.int32), np.empty(first[-1], np.int64)
    return Bench(
        len(of), lambda: fill_episodes(index.rows, index.seg_lo, records, since, until, first, out, of)
    )


def ordered() -> Bench:
    from cotrace.kernels.episodes import order_episodes

    found, lo = given.matches(), given.matches().episode_lo
    n = len(found.episodes)
    # as they come from the records, by cell: each companion's backwards
    at = lo[:-1].repeat(np.diff(lo)) + lo[1:].repeat(np.diff(lo)) - 1 - np.arange(n)
    mixed, cells = found.episodes[at], np.zeros(n, np.int32)
    order, scratch = np.empty(n, np.int64), np.empty((2, n), np.int64)
    return Bench(n, lambda: order_episodes(lo, mixed, cells, order, scratch))


def crowd() -> Bench:
    from cotrace.kernels.episodes import count_crowd
    from cotrace.kernels.overlap import SEG_CASE

    index, found = given.index(), given.matches()
    cells = index.cell_of(found.records[found.record_of, SEG_CASE])
    by_cell = np.argsort(cells, kind="stable")
    lo = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=index.n_cells))])
    out, scratch = np.empty(cells.size, np.int64), np.empty(given.DAYS * 24 + 2, np.int64)
    where = index.rows, index.seg_lo, index.cell_lo
    return Bench(
        cells.size, lambda: count_crowd(*where, given.HOUR_S, lo, by_cell, found.episodes, out, scratch)
    )


def summed() -> Bench:
    from cotrace.kernels.episodes import summarise

    m = given.matches()
    of = m.episode_lo, m.episodes, m.record_of, m.crowd, m.records, m.record_lo
    return Bench(len(m.episodes), lambda out: summarise(*of, out), lambda: np.zeros_like(m.summary))


def windows_touched() -> Bench:
    from cotrace.kernels.windows import windows_touched as kernel

    stays = given.stays()
    return Bench(len(stays), lambda: kernel(stays.rows, stays.base, given.HOUR_S))


def windows_counted() -> Bench:
    from cotrace.kernels.windows import count_windows
    from cotrace.kernels.windows import windows_touched as kernel
    from cotrace.stays.builder import rows_by_key

    stays = given.stays()
    rows = rows_by_key([stays.rows], 1, len(stays.cells.values))
    n = kernel(rows, stays.base, given.HOUR_S)
    touched, order, scratch, out = (np.empty(shape, np.int64) for shape in ((3, n), n, n, (n, 4)))
    return Bench(n, lambda: count_windows(rows, stays.base, given.HOUR_S, touched, order, scratch, out))


STAGES: dict[str, Callable[[], Bench]] = {
    "to_offsets": offsets,
    "encode_ints": known_ids,
    "encode_ints+rehash: new ids": new_ids,
    "hash_strings+encode_strings": strings,
    "unpack_strings": string_values,
    "planar_cells": plane,
    "geographic_cells: city": earth(0.7, 800),
    "geographic_cells: country": earth(30.0, 800),
    "geographic_cells: 6 ft, city": earth(0.7, 1.8288),
    "wgs84_to_gcj02": gcj02("wgs84_to_gcj02"),
    "gcj02_to_wgs84": gcj02("gcj02_to_wgs84"),
    "append_pings": append_pings,
    "join_spans": join_spans,
    "stays_of_runs": smoothed,
    "count_keys+scatter_rows": sorted_rows,
    "encode_cells": cell_codes,
    "tally_cells+group_cells": shelved,
    "gather_cells": gathered,
    "filter_cells": filtered,
    "place_rows": rows_of_devices,
    "count_buckets+deal_pings+count_seconds+place_pings": sorted_pings,
    "count_rows+place_in_cells+group_devices+mark_segments": indexed,
    "join_touching": joined,
    "sift_cells+place_blocks": sifted,
    "dwell_of_segments": dwell,
    "match_case": matched,
    "fill_episodes": episodes,
    "order_episodes": ordered,
    "count_crowd": crowd,
    "summarise": summed,
    "windows_touched": windows_touched,
    "count_windows": windows_counted,
}
