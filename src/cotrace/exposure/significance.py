"""Significance: how many meetings chance would give, habits and crowds being what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take, view
from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.errors import OptionError
from cotrace.exposure.around import is_store, with_whole
from cotrace.exposure.common import CANDIDATES, Answer, bools, instant, seen_codes, table, warn
from cotrace.exposure.days import Alike, check_alike, check_draws, days_by_kind, local_days
from cotrace.exposure.frames import read_pairs
from cotrace.exposure.joined import Joined, join_contacts
from cotrace.exposure.world import OR_CONTACTS
from cotrace.schema_ties import SIGNIFICANCE, SIGNIFICANT_MEETINGS
from cotrace.stays.passes import usable_threads
from cotrace.tables import Stays, StaysStore, check_source, instants, taken
from cotrace.threads import on_threads

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["significance"]

Int64 = NDArray[np.int64]
#: pairs that are judged together: they share one count of crowds
_CHUNK = 512
_DRAWN = 2**53
#: longer than a day that a time begins or ends within
_MARGIN = 2 * 86_400


def significance(
    stays: Stays | StaysStore | None,
    pairs: Any,
    *,
    start: Any = None,
    end: Any = None,
    min_shared: Duration = "10min",
    contacts: Any = None,
    alike: Alike = "weekend",
    draws: int = 999,
    seed: int = 0,
    threads: int | None = None,
) -> Answer:
    """Say how many meetings chance would give pairs of devices, crowds and habits being what they are.

    A meeting in an empty street says more than one in a station, and two who live in one block meet every night. The
    rows are candidates from co-location: that meetings are no chance does not say what they are.

    Parameters
    ----------
    stays : Stays, Store or None
        From :func:`cotrace.find_stays`, of everybody: the crowds are counted from them. Of a store, the stays of
        everybody in the time asked (and of the days that it begins and ends on) are read. None: contacts alone.
    pairs : frame, list of pairs, or Companions
        A frame (pandas, polars, Arrow, a dict of columns) with ``a`` and ``b``, or what
        :func:`cotrace.find_companions` found.
    start, end : instant, optional
        Only stays within ``[start, end)`` are looked at; with a time zone.
    min_shared : str or timedelta
        Least length of a meeting: an unbroken episode in one cell within a day, which goes from 04:00 to 04:00.
    contacts : Reported or table, optional
        Contacts from elsewhere, as :func:`cotrace.read_contacts` gives or takes them: meetings of their two devices.
    alike : {"weekend", "weekday", "any"}
        The days that a device's day may be laid on: Saturdays and Sundays apart from the others, the same day of the
        week, or any.
    draws : int
        Orders of days that are drawn; the least ``p_value`` is ``1 / (draws + 1)``.
    seed : int
        Of the random orders; they hang on this and on the times of the two devices' stays, and on nothing else.
    threads : int, optional
        How many to use; the result does not depend on it.

    Returns
    -------
    Answer
        One row a pair, by rank. Columns: :ref:`data-model-significance`; ``evidence`` has the meetings.

    Raises
    ------
    CaseError, SchemaError
        Pairs of a device with itself, or without ids.
    OptionError
        Times without a zone, options that cannot be.

    Warns
    -----
    CotraceWarning
        Devices of pairs that were never seen.

    Notes
    -----
    **The null model.** Let the *track* of a device's day be all that it did from 04:00 to 04:00. The two devices'
    tracks come in any order, independently of each other, among days that are alike:

        ``P(pi, sigma) = 1 / (number of orders)`` for all orders ``pi`` of a's and ``sigma`` of b's days that map each
        day to one that is alike; days on which a device was not seen stay where they are.

    Two days are alike when they are of one kind (``alike``) and the same cells are unusually full or empty on them: in
    an hour in which both devices go to cell ``g`` on some day, its crowd ``n`` of all other devices is more than
    ``5 sqrt(m + 1)`` off the median ``m`` of days of this kind, and ``(n + 1) / (m + 1)`` is at least 2 or at most 1/2.
    So each one's habits stay what they are, hour by hour, and so do the crowds: whoever goes to a match does so on a
    day of a match. Days that the data begin or end on are alike to none.

    **The statistic** is ``T = sum over meetings of log2(1 + (M + 2) / (m + 2) / (64 f_a f_b))`` bits: ``f_a`` and
    ``f_b`` are the shares of each one's days of this kind on which it is in the cell in the hour in which the meeting
    begins, ``m`` is the usual crowd there and ``M`` that of all cells together, others alone. A meeting where both
    always are says next to nothing; one where neither often goes says a lot, and the more the emptier the place (64:
    what chance gives on more than one day in 64 says little). Then ``p_value = (1 + #{T' >= T}) / (1 + draws)`` over
    orders that are drawn; ``p_randomised`` counts a random part of those with ``T' = T``, and is uniform on (0, 1)
    where there is no tie. ``expected`` is the mean number of meetings over the orders, what was seen among them;
    ``lift`` is ``meetings / expected``.

    What both repeat at the same hours on every day is habit by this model, and never significant. With fewer than
    about five days that are alike no p-value can be small. Well under 1 ms a pair (14 days, 999 draws).

    References
    ----------
    E. S. Edgington, P. Onghena: Randomization Tests, 4th edition, 2007 (orders within strata, and why a draw counts
    what was seen). D. J. Crandall et al.: Inferring social ties from geographic coincidences, PNAS 107, 2010. J.
    Cranshaw et al.: Bridging the gap between physical location and online social networks, UbiComp 2010 (crowded
    places say less). T. B. Berrett et al.: The conditional permutation test for independence while controlling for
    confounders, J. R. Stat. Soc. B 82, 2020 (here the confounder is the crowd).

    Examples
    --------
    >>> import cotrace
    >>> day, where = 86_400, {1: [0, 1, 2, 3, 4, 5], 2: [0, 1, 2, 3, 4, 5], 3: [5, 3, 4, 1, 2, 0]}
    >>> seen = [(d, k, h) for d, cells in where.items() for k in range(6) for h in (12, 13)]
    >>> pings = cotrace.read_pings(
    ...     {
    ...         "device": [d for d, _, _ in seen],
    ...         "time": [4 * day + k * day + 3600 * h for _, k, h in seen],  # from a Monday on
    ...         "x": [1000.0 * where[d][k] for d, k, _ in seen],
    ...         "y": [0.0] * len(seen),
    ...     },
    ...     unit="s",
    ... )
    >>> found = cotrace.significance(cotrace.find_stays(pings), [(1, 2), (1, 3)])
    >>> found["meetings"].to_pylist(), [p < 0.05 for p in found["p_value"].to_pylist()]
    ([6, 0], [True, False])
    """
    if is_store(stays):
        check_source(stays, OR_CONTACTS)
        pairs = read_pairs(pairs, stays.device_type)
        stays = _read(stays, pairs, start, end)
    joined = join_contacts(stays, contacts)
    check_alike(alike)
    check_draws(draws, seed)
    least = max(1, seconds(min_shared, "min_shared"))
    asked = _Asked.of(joined, read_pairs(pairs, joined.stays.devices.type), start, end, least, alike)
    n_threads = usable_threads(threads)
    chunks = [(lo, lo + _CHUNK) for lo in range(0, asked.pairs.shape[0], _CHUNK)]
    judged = on_threads(lambda chunk: _judge(asked, slice(*chunk), draws, seed), chunks, n_threads)
    note = (
        f"{CANDIDATES}. Meetings of at least {spaced(format_duration(least))} in one cell. Chance: each device's days "
        "in other orders, among days that are alike, crowds being what they are; that meetings are no chance does not "
        "say what they are"
    )
    return _answer(asked, _Judged.of(judged), draws, note)


def _read(source: StaysStore, pairs: list[tuple[Any, Any]], start: Any, end: Any) -> Stays:
    """Read the crowds of all days that the time asked touches, and the pairs' stays whole: they give the keys."""
    since = None if start is None else instant(start, "start") - _MARGIN
    until = None if end is None else instant(end, "end") + _MARGIN
    stays = taken(source, "significance", start=since, end=until)
    if start is None and end is None:
        return stays
    ids = from_values(sorted({one for two in pairs for one in two}), source.device_type)
    return with_whole(source, "significance", stays, ids)


@dataclass(frozen=True)
class _Asked:
    """Pairs and the days that they are judged on."""

    joined: Joined
    ids: tuple[pa.Array, pa.Array]
    #: codes, the lesser first; -1 for devices that were never seen
    pairs: Int64
    days: Int64
    kinds: Int64
    window: tuple[int, int]
    least: int

    @classmethod
    def of(
        cls, joined: Joined, pairs: list[tuple[Any, Any]], start: Any, end: Any, least: int, alike: Alike
    ) -> _Asked:
        stays = joined.stays
        first, last = stays.span or (0, -1)
        since = first if start is None else max(first, instant(start, "start"))
        until = last + 1 if end is None else min(last + 1, instant(end, "end"))
        if start is not None and end is not None and instant(start, "start") >= instant(end, "end"):
            raise OptionError("end= is not after start=")
        days, kinds = local_days(np.array([[since, until]]), stays.tz, (since, until - 1), alike)
        kind = stays.devices.type
        ids = (from_values([a for a, _ in pairs], kind), from_values([b for _, b in pairs], kind))
        codes = np.stack([seen_codes(stays.devices, one) for one in ids], axis=1).reshape(-1, 2)
        if unseen := int((codes < 0).any(axis=1).sum()):
            warn(
                f"{unseen:,} of {len(pairs):,} pairs have a device that was never seen: nothing can be said of them; "
                "are their ids of the same kind?",
                "cases",
                never_seen=unseen,
                pairs=len(pairs),
            )
        window = (since - stays.base, max(since, until) - stays.base)
        return cls(joined, ids, np.sort(codes, axis=1), days - stays.base, kinds, window, least)


@dataclass(frozen=True)
class _Judged:
    """What the kernels count: of each pair; its meetings (pair, cell, start, end, crowd); a random number a pair."""

    counts: Int64
    meetings: Int64
    ties: Int64

    @classmethod
    def of(cls, parts: list[_Judged]) -> _Judged:
        """Join what was counted of several parts."""
        none = np.empty((0, 7), dtype=np.int64), np.empty((0, 5), dtype=np.int64), np.empty(0, dtype=np.int64)
        columns = zip(none, *((p.counts, p.meetings, p.ties) for p in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))


def _judge(asked: _Asked, part: slice, draws: int, seed: int) -> _Judged:
    """Judge some pairs."""
    from cotrace.kernels.days import count_pieces, fill_pieces, hash_times
    from cotrace.kernels.presence import device_slices
    from cotrace.kernels.significance import pair_meetings

    stays, pairs = asked.joined.stays, asked.pairs[part]
    devices, numbers = np.unique(pairs, return_inverse=True)
    numbers = np.ascontiguousarray(numbers.reshape(-1, 2))
    slices = np.empty((devices.size, 2), dtype=np.int64)
    device_slices(stays.rows, devices, slices)
    windows = np.tile(np.array(asked.window, dtype=np.int64), (devices.size, 1))
    pieces = np.empty((count_pieces(stays.rows, slices, windows, asked.days), 7), dtype=np.int64)
    fill_pieces(stays.rows, slices, windows, asked.days, pieces)
    pieces = pieces[np.lexsort((pieces[:, 2], pieces[:, 1], pieces[:, 0], pieces[:, 4]))]
    piece_lo = np.searchsorted(pieces[:, 4], np.arange(devices.size + 1)).astype(np.int64)
    keys = np.empty(devices.size, dtype=np.uint64)
    hash_times(stays.rows, slices, (stays.base, *asked.window), seed, keys)
    key = keys[numbers[:, 0]] * np.uint64(3) + keys[numbers[:, 1]]
    counts, crowd, cell_of = _counted(asked, pieces, piece_lo, numbers, key, draws)
    size = pair_meetings(pieces, piece_lo, numbers, asked.days, asked.least, np.empty((0, 4), dtype=np.int64))
    met = np.empty((size, 4), dtype=np.int64)
    pair_meetings(pieces, piece_lo, numbers, asked.days, asked.least, met)
    day = np.searchsorted(asked.days[:, 0], met[:, 2], side="right") - 1
    hour = np.minimum((met[:, 2] - asked.days[day, 0]) // 3600, crowd.shape[2] - 1) if size else day
    there = crowd[cell_of[met[:, 1]], day, hour].astype(np.int64) if size else day
    met[:, 0] += part.start
    ties = (_mixed(key) >> np.uint64(11)).astype(np.int64)
    return _Judged(counts, np.concatenate([met, there[:, None]], axis=1), ties)


def _mixed(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the random number before the first of each key, which breaks ties."""
    from cotrace.kernels.days import mixed

    with np.errstate(over="ignore"):
        return np.array([mixed(key ^ np.uint64(2**63)) for key in keys], dtype=np.uint64)


def _counted(
    asked: _Asked, pieces: Int64, piece_lo: Int64, pairs: Int64, keys: NDArray[np.uint64], draws: int
) -> tuple[Int64, NDArray[np.int32], Int64]:
    """Return what is counted of each pair, the crowds, and the number of each cell among them."""
    from cotrace.kernels.crowds import HOURS, count_crowds
    from cotrace.kernels.significance import N_JUDGED, judge_pairs

    stays, k = asked.joined.stays, asked.days.shape[0]
    kind_lo, by_kind = days_by_kind(asked.kinds)
    kind_of = np.empty(k, dtype=np.int64)
    kind_of[by_kind] = np.repeat(np.arange(kind_lo.size - 1), np.diff(kind_lo))
    cells = np.unique(pieces[:, 0])
    cell_of = np.full(len(stays.cells.values) + 1, -1, dtype=np.int64)
    cell_of[cells] = np.arange(cells.size)
    crowd = np.zeros((cells.size + 1, k, HOURS), dtype=np.int32)
    last = np.full(crowd.shape, -1, dtype=np.int32)
    count_crowds(stays.rows, asked.days, cell_of, last, crowd)
    kinds = kind_lo.size - 1
    out = np.empty((pairs.shape[0], N_JUDGED), dtype=np.int64)
    judge_pairs(
        pieces,
        piece_lo,
        pairs,
        keys,
        (asked.least, draws),
        cell_of,
        kind_of,
        kind_lo,
        by_kind,
        last,
        crowd,
        np.empty((k, k, 2), dtype=np.int64),
        np.empty((2, 2, k), dtype=np.int64),
        np.empty((3, k + 1), dtype=np.int64),
        np.empty((3, k), dtype=np.int64),
        np.empty((4, max(1, kinds), HOURS), dtype=np.int64),
        np.empty((2, max(1, kinds)), dtype=np.int64),
        np.empty(k, dtype=np.uint64),
        out,
    )
    return out, crowd, cell_of


def _answer(asked: _Asked, judged: _Judged, draws: int, note: str) -> Answer:
    """Rank the pairs, and write their table and their meetings."""
    from cotrace.kernels.significance import (
        ALL_MEETINGS,
        ALL_SURPRISE,
        DAYS,
        GREATER,
        MEETINGS,
        SAME,
        SURPRISE,
    )

    stays, counts, met = asked.joined.stays, judged.counts, judged.meetings
    n, of_all = counts.shape[0], draws + 1
    p_value = (1 + counts[:, GREATER] + counts[:, SAME]) / of_all
    tie = (judged.ties + 0.5) / _DRAWN
    p_randomised = (counts[:, GREATER] + tie * (1 + counts[:, SAME])) / of_all
    expected, bits = counts[:, ALL_MEETINGS] / of_all, counts[:, ALL_SURPRISE] / of_all
    shared, first, last, crowd = _sums(met, n)
    beyond = of_all * counts[:, SURPRISE] - counts[:, ALL_SURPRISE]
    order = np.lexsort((*_ids_in_order(asked.ids), -beyond, p_value))
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(1, n + 1)
    there = bools(counts[order, MEETINGS] > 0)
    columns = {
        "rank": np.arange(1, n + 1),
        "a": take(asked.ids[0], order),
        "b": take(asked.ids[1], order),
        "days": counts[order, DAYS],
        "meetings": counts[order, MEETINGS],
        "shared_s": shared[order],
        "expected": expected[order],
        "lift": _null(
            (counts[:, MEETINGS] / np.where(expected > 0, expected, 1))[order], bools(expected[order] > 0)
        ),
        "surprise_bits": counts[order, SURPRISE] / 1000,
        "expected_bits": bits[order] / 1000,
        "p_value": p_value[order],
        "p_randomised": p_randomised[order],
        "first_meeting": _null(instants(first[order], stays.base, stays.tz), there),
        "last_meeting": _null(instants(last[order], stays.base, stays.tz), there),
        "crowd": _null(crowd[order], there),
    }
    met = met[np.lexsort((met[:, 1], met[:, 2], rank[met[:, 0]]))]
    return Answer.of(table(SIGNIFICANCE, columns, stays, note), _meetings(asked, met, rank, note))


def _ids_in_order(ids: tuple[pa.Array, pa.Array]) -> tuple[Int64, Int64]:
    """Return the place of each pair's greater and lesser id in the order of all ids, as keys to sort by."""
    import pyarrow as pa
    import pyarrow.compute as pc

    every = pa.chunked_array(list(ids)).unique()
    place = np.empty(len(every), dtype=np.int64)
    place[order_of(every)] = np.arange(len(every))
    a, b = (place[view(pc.index_in(one, value_set=every), np.int32)] for one in ids)
    return np.maximum(a, b), np.minimum(a, b)


def _null(values: Any, valid: pa.Array) -> pa.Array:
    """Return values as an Arrow array, null where they are not valid."""
    import pyarrow as pa
    import pyarrow.compute as pc

    array = pa.array(values) if isinstance(values, np.ndarray) else values
    return pc.if_else(valid, array, pa.scalar(None, array.type))


def _sums(met: Int64, n: int) -> tuple[Int64, Int64, Int64, Int64]:
    """Return shared seconds, first start, last end and least crowd of each pair's meetings."""
    pair, start, end = met[:, 0], met[:, 2], met[:, 3]
    shared, first, last, crowd = (np.zeros(n, dtype=np.int64) for _ in range(4))
    np.add.at(shared, pair, end - start)
    first[pair], last[pair], crowd[pair] = 2**40, -(2**40), 2**40
    np.minimum.at(first, pair, start)
    np.maximum.at(last, pair, end)
    np.minimum.at(crowd, pair, met[:, 4])
    return shared, first, last, crowd


def _meetings(asked: _Asked, met: Int64, rank: Int64, note: str) -> Any:
    """Write the meetings of all pairs."""
    stays, pair = asked.joined.stays, met[:, 0]
    codes = asked.pairs[pair]
    columns = {
        "rank": rank[pair],
        "a": take(asked.ids[0], pair),
        "b": take(asked.ids[1], pair),
        **asked.joined.columns(met[:, 1]),
        "started_at": instants(met[:, 2], stays.base, stays.tz),
        "finished_at": instants(met[:, 3], stays.base, stays.tz),
        "shared_s": met[:, 3] - met[:, 2],
        "crowd": met[:, 4],
        "source": asked.joined.sources(met[:, 2], met[:, 1], codes[:, 0], codes[:, 1]),
    }
    return table(SIGNIFICANT_MEETINGS, columns, stays, note)
