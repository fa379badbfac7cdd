"""Significance: how many meetings chance would give, habits and crowds being what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import from_values, order_of, take, view
from cotrace.durations import Duration, format_duration, seconds, spaced
from cotrace.exposure.around import is_store, with_whole
from cotrace.exposure.common import CANDIDATES, Answer, bools, instant, table
from cotrace.exposure.days import Alike, check_alike, check_draws
from cotrace.exposure.frames import read_pairs
from cotrace.exposure.joined import join_contacts
from cotrace.exposure.judged import AskedPairs, Judged, judge
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
    asked = AskedPairs.of(joined, read_pairs(pairs, joined.stays.devices.type), start, end, least, alike)
    n_threads = usable_threads(threads)
    chunks = [(lo, lo + _CHUNK) for lo in range(0, asked.pairs.shape[0], _CHUNK)]
    judged = on_threads(lambda chunk: judge(asked, slice(*chunk), draws, seed), chunks, n_threads)
    note = (
        f"{CANDIDATES}. Meetings of at least {spaced(format_duration(least))} in one cell. Chance: each device's days "
        "in other orders, among days that are alike, crowds being what they are; that meetings are no chance does not "
        "say what they are"
    )
    return _answer(asked, Judged.of(judged), draws, note)


def _read(source: StaysStore, pairs: list[tuple[Any, Any]], start: Any, end: Any) -> Stays:
    """Read the crowds of all days that the time asked touches, and the pairs' stays whole: they give the keys."""
    since = None if start is None else instant(start, "start") - _MARGIN
    until = None if end is None else instant(end, "end") + _MARGIN
    stays = taken(source, "significance", start=since, end=until)
    if start is None and end is None:
        return stays
    ids = from_values(sorted({one for two in pairs for one in two}), source.device_type)
    return with_whole(source, "significance", stays, ids)


def _answer(asked: AskedPairs, judged: Judged, draws: int, note: str) -> Answer:
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


def _meetings(asked: AskedPairs, met: Int64, rank: Int64, note: str) -> Any:
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
