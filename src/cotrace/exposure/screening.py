"""Who is tested, on which day: each device or person once, in the order of risk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cotrace.arrays import order_of, take
from cotrace.counts import Counts
from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.exposure.common import CANDIDATES, Answer, ints
from cotrace.exposure.given import GivenTable
from cotrace.exposure.zones import Zones
from cotrace.schema_places import SCREENING, SCREENING_TOTALS
from cotrace.tables import Table

__all__ = ["Screening", "screening"]

Int64 = NDArray[np.int64]

_KINDS = ("lockdown", "control", "precaution")
_WHY = ("home", "present", "visitor")
_PERSON = "person"


class Screening(Answer):
    """A list of devices to test; ``evidence`` has the totals by day and zone.

    Attributes
    ----------
    counts : Counts
        What became of every row of the input: on the list (used), once more the same device or person (collapsed), or
        refused because it is no person's.
    """

    counts: Counts


def screening(
    zones_or_devices: Zones | Any,
    capacity_per_day: int,
    *,
    devices: Table | None = None,
    columns: Mapping[str, str] | None = None,
) -> Screening:
    """List who is to be tested, each once, in the order of risk, split by zone and day.

    Parameters
    ----------
    zones_or_devices : Zones, or a table
        Zones: lockdown before control before precaution; in each those at home, then those present, then visitors, with
        more dwell first. A table: device, and where wanted rank (1 is tested first), zone and zone_kind; its own order
        where there is no rank.
    capacity_per_day : int
        Tests a day.
    devices : Table, optional
        From :func:`cotrace.read_devices`: devices of one person are tested once, and those of no person (vehicles,
        parcels) are not on the list, but counted.
    columns : mapping, optional
        Which column of a table is which.

    Returns
    -------
    Screening
        One row a device or person. Columns: :ref:`data-model-screening`. ``evidence`` has the totals
        (:ref:`data-model-screening_totals`), which add up to the list, and ``counts`` those of the rows that came in.

    Raises
    ------
    OptionError, SchemaError
        When the capacity is none, or the table has no devices.

    Notes
    -----
    O(n log n) in the rows of the input.

    Examples
    --------
    >>> import cotrace
    >>> asked = {"device": [7, 5, 7, 9], "rank": [2, 1, 3, 2]}
    >>> found = cotrace.screening(asked, 2)
    >>> list(zip(*(found[c].to_pylist() for c in ("list_number", "test_day", "device"))))
    [(1, 1, 5), (2, 1, 7), (3, 2, 9)]
    >>> found.counts.collapsed
    1
    """
    if isinstance(capacity_per_day, bool) or not isinstance(capacity_per_day, int | np.integer):
        raise CotraceTypeError(f"capacity_per_day={capacity_per_day!r} is not a whole number of tests")
    if capacity_per_day < 1:
        raise OptionError(f"capacity_per_day={capacity_per_day!r}: one test a day is the least")
    listed = (
        _from_zones(zones_or_devices)
        if isinstance(zones_or_devices, Zones)
        else _from_table(zones_or_devices, columns)
    )
    ids, keys = listed["device"], listed["keys"]
    code = _codes(ids)
    person, who, none = _persons(ids, devices)
    # the first row of each who, in the order of risk; of equal risk, the least id
    order = np.lexsort((code, *keys[::-1]))
    order = order[~none[order]]
    _, first, times = np.unique(who[order], return_index=True, return_counts=True)
    by_risk = np.argsort(first, kind="stable")
    at, times = order[first[by_risk]], times[by_risk]
    day = np.arange(at.size) // int(capacity_per_day) + 1
    counts = Counts(rows=len(ids), used=at.size, collapsed=int(times.sum()) - at.size)
    counts.refused = {"no person's": int(none.sum())} if none.any() else {}
    counts.check()
    return _answer(listed, person, at, times, day, counts)


def _codes(ids: Any) -> Int64:
    """Return numbers that are ordered as ids are."""
    order = order_of(ids)
    code = np.empty(order.size, dtype=np.int64)
    code[order] = np.arange(order.size)
    once = ids.unique()
    import pyarrow.compute as pc

    # equal ids get one number: the least of theirs
    which = np.asarray(pc.index_in(ids, value_set=once).to_numpy(zero_copy_only=False), dtype=np.int64)
    least = np.full(len(once), order.size, dtype=np.int64)
    np.minimum.at(least, which, code)
    return least[which]


def _from_zones(zones: Zones) -> dict[str, Any]:
    rows = zones.devices.to_arrow()
    kind = np.array([_KINDS.index(k) for k in rows["zone_kind"].to_pylist()], dtype=np.int64)
    home, here = (np.array(rows[c].to_pylist(), dtype=np.bool_) for c in ("at_home", "present_now"))
    why = np.where(home, 0, np.where(here, 1, 2)).astype(np.int64)
    dwell = np.array(rows["dwell_s"].to_pylist(), dtype=np.int64)
    number = {name: k for k, name in enumerate(zones.zones["zone"].to_pylist())}
    zone = np.array([number[name] for name in rows["zone"].to_pylist()], dtype=np.int64)
    return {
        "device": rows["device"].combine_chunks(),
        "keys": [kind, why, -dwell, zone],
        "zone": rows["zone"].to_pylist(),
        "zone_kind": rows["zone_kind"].to_pylist(),
        "why": [_WHY[k] for k in why.tolist()],
    }


def _from_table(table: Any, columns: Mapping[str, str] | None) -> dict[str, Any]:
    given = GivenTable(table, "devices", columns, ("device", "rank?", "zone?", "zone_kind?"))
    (ids,) = given.ids("device")
    if given.good.size < given.n:
        bad = np.setdiff1d(np.arange(given.n), given.good)
        raise SchemaError(f"devices: {bad.size:,} rows have no device (first: row {bad[0]}): take them out")
    rank = np.arange(given.n, dtype=np.float64)
    if given.has("rank"):
        import pyarrow as pa

        try:
            rank = np.asarray(given.column("rank").cast(pa.float64()).to_numpy(zero_copy_only=False))
        except pa.ArrowInvalid:
            raise SchemaError("devices: rank is a column of numbers, 1 is tested first") from None
        rank = np.where(np.isnan(rank), np.inf, rank)
    said: dict[str, list[str | None]] = {
        role: given.text(role, None).to_pylist() if given.has(role) else [None] * given.n
        for role in ("zone", "zone_kind")
    }
    import pyarrow as pa

    device = ids.dictionary_decode() if pa.types.is_dictionary(ids.type) else ids
    return {"device": device, "keys": [rank, _ranks(said["zone"])], "why": ["listed"] * given.n, **said}


def _ranks(words: list[str | None]) -> Int64:
    place = {word: k for k, word in enumerate(sorted({w for w in words if w is not None}))}
    return np.array([len(place) if w is None else place[w] for w in words], dtype=np.int64)


def _persons(ids: Any, devices: Table | None) -> tuple[list[str | None], Int64, NDArray[np.bool_]]:
    """Return the person of each row, a number for whom the row stands, and which are no person's."""
    import pyarrow.compute as pc

    code = _codes(ids)
    if devices is None:
        return [None] * len(ids), code, np.zeros(len(ids), dtype=np.bool_)
    known = devices.to_arrow()
    if known["device"].type != ids.type:
        raise SchemaError(
            f"the device table has ids of type {known['device'].type}, and those to test are {ids.type}: give both "
            "one type"
        )
    at = pc.index_in(ids, value_set=known["device"].combine_chunks())
    person = known["person"].combine_chunks().take(at).to_pylist()
    kind = pc.fill_null(known["kind"].combine_chunks().take(at), _PERSON).to_pylist()
    place = {name: len(ids) + k for k, name in enumerate(sorted({p for p in person if p is not None}))}
    who = np.array(
        [c if p is None else place[p] for p, c in zip(person, code.tolist(), strict=True)], dtype=np.int64
    )
    return person, who, np.array([k != _PERSON for k in kind], dtype=np.bool_)


def _answer(
    listed: dict[str, Any], person: list[str | None], at: Int64, times: Int64, day: Int64, counts: Counts
) -> Screening:
    import pyarrow as pa

    def words(values: list[str | None]) -> pa.Array:
        return pa.array([values[k] for k in at.tolist()], pa.string())

    columns = {
        "list_number": ints(np.arange(1, at.size + 1)),
        "test_day": ints(day),
        "device": take(listed["device"], at),
        "person": words(person),
        "zone": words(listed["zone"]),
        "zone_kind": words(listed["zone_kind"]),
        "why": words(listed["why"]),
        "n_rows": ints(times),
    }
    note = f"{CANDIDATES}. {counts.describe()}"
    main = Table.from_columns(SCREENING, columns, note, device=listed["device"].type)
    keys = main.to_arrow().select(["test_day", "zone", "zone_kind"])
    totals = keys.group_by(["test_day", "zone", "zone_kind"]).aggregate([([], "count_all")])
    totals = totals.sort_by([("test_day", "ascending"), ("zone_kind", "ascending"), ("zone", "ascending")])
    parts = {name: totals[name].combine_chunks() for name in ("test_day", "zone", "zone_kind")}
    parts["devices"] = totals["count_all"].combine_chunks()
    found = Screening.of(main, Table.from_columns(SCREENING_TOTALS, parts, note))
    assert isinstance(found, Screening)
    found.counts = counts
    return found
