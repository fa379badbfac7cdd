"""Hypothesis strategies for pings, stays and cases: small, and full of edges."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

from cotrace.errors import OptionError

if TYPE_CHECKING:
    import pyarrow as pa
    from hypothesis.strategies import SearchStrategy

    from cotrace.options import StayOptions
    from cotrace.tables import Stays

__all__ = ["cases", "pings", "stays", "worlds"]

Ids = Literal["int", "str"]
Positions = Literal["xy", "lonlat", "tower"]

#: 2021-11-01 00:00 UTC, a Monday
_START = 1_635_724_800
_IDS: dict[str, list[Any]] = {
    "int": [0, 1, 2, 3, -5, 10, 2**40],
    "str": ["a", "b", "10", "9", "0071", "é", "ａ"],
}
#: steps between pings: none, a second, minutes, and either side of what idle phones and the default max_gap allow
_STEPS = [0, 1, 59, 60, 600, 601, 1800, 3240, 4499, 4500, 4501, 7200, 86_400]
#: metres from the corner of a cell: the edge itself, the last that a float has before the next, the middle
_WITHIN = [0.0, 400.0, 799.999, 1e-9]


def pings(
    *,
    ids: Ids = "int",
    positions: Positions = "xy",
    max_devices: int = 4,
    max_pings: int = 40,
    tz: str = "Asia/Shanghai",
    refusable: bool = False,
) -> SearchStrategy[pa.Table]:
    """Make tables of pings: ``device, time, x, y`` (or ``lon, lat``, or ``tower``), in any order of rows.

    Parameters
    ----------
    ids : {"int", "str"}
        What device ids are.
    positions : {"xy", "lonlat", "tower"}
        Metres in a plane, WGS 84 degrees, or tower ids.
    max_devices, max_pings : int
        At most so many devices, and rows in all. No rows at all is among what is made.
    tz : str
        The zone of the times.
    refusable : bool
        Whether some rows have no time or no position, and so are refused and counted; never all of them.

    Returns
    -------
    SearchStrategy[pyarrow.Table]
        Devices share a few cells that touch, and are often together; several rows of one second, gaps on both sides of
        ``max_gap``, and positions on the edges of cells are frequent. Needs hypothesis.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> import cotrace
    >>> from cotrace import testing
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(testing.pings())
    ... def no_row_is_lost(table):
    ...     counts = cotrace.find_stays(cotrace.read_pings(table)).counts
    ...     assert counts.rows == counts.used + counts.collapsed + counts.n_refused + counts.skipped == table.num_rows
    >>> no_row_is_lost()
    """
    from hypothesis import strategies as st

    if ids not in _IDS:
        raise OptionError(f"ids={ids!r} is not one of 'int', 'str'")
    if positions not in ("xy", "lonlat", "tower"):
        raise OptionError(f"positions={positions!r} is not one of 'xy', 'lonlat', 'tower'")
    known = st.sampled_from(_IDS[ids][:max_devices])
    row = st.tuples(
        known,
        st.none() | known,
        st.sampled_from(_STEPS),
        st.integers(-1, 2),
        st.integers(0, 1),
        st.sampled_from(_WITHIN),
        st.sampled_from([None, "time", "place"]) if refusable else st.none(),
    )

    def shuffled(rows: list[Any]) -> SearchStrategy[pa.Table]:
        return st.permutations(_timed(rows)).map(lambda r: _table(r, ids, positions, tz))

    return st.lists(row, max_size=max_pings // 2).flatmap(shuffled)


def stays(
    options: StayOptions | None = None, *, ids: Ids = "int", max_devices: int = 4, max_pings: int = 40
) -> SearchStrategy[Stays]:
    """Make stays, out of :func:`pings` in a plane.

    Parameters
    ----------
    options : StayOptions, optional
        How they are made.
    ids, max_devices, max_pings
        As in :func:`pings`.

    Returns
    -------
    SearchStrategy[Stays]
        Of no rows, too. Needs hypothesis.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from cotrace import testing
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(testing.stays())
    ... def stays_have_a_length(made):
    ...     assert (made.rows[:, 3] > made.rows[:, 2]).all()
    >>> stays_have_a_length()
    """
    return pings(ids=ids, max_devices=max_devices, max_pings=max_pings).map(
        lambda table: _stays(table, options)
    )


def cases(
    *, ids: Ids = "int", max_cases: int = 3, max_devices: int = 4, tz: str = "Asia/Shanghai"
) -> SearchStrategy[pa.Table]:
    """Make tables of cases: ``device, as_of, infectious_from, isolated_at``; the last two may be null.

    Parameters
    ----------
    ids, max_devices
        As in :func:`pings`, so that cases are mostly among the devices; some were never seen.
    max_cases : int
        At most so many rows; at least one.
    tz : str
        The zone of the instants.

    Returns
    -------
    SearchStrategy[pyarrow.Table]
        Needs hypothesis.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from cotrace import testing
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(testing.cases())
    ... def they_have_a_moment(table):
    ...     assert table["as_of"].null_count == 0
    >>> they_have_a_moment()
    """
    import pyarrow as pa
    from hypothesis import strategies as st

    if ids not in _IDS:
        raise OptionError(f"ids={ids!r} is not one of 'int', 'str'")
    unseen = 999_983 if ids == "int" else "nobody"
    hours = st.sampled_from([24, 1, 0, 2, 6, 12, 48, 24 * 7, 24 * 14, 24 * 15])
    row = st.tuples(
        st.sampled_from([*_IDS[ids][:max_devices], unseen]), hours, st.none() | hours, st.none() | hours
    )

    def table(rows: list[Any]) -> pa.Table:
        kind = pa.timestamp("s", tz=tz)
        given: dict[str, list[Any]] = {"as_of": [], "infectious_from": [], "isolated_at": []}
        for _, as_of, begin, end in rows:
            given["as_of"].append(_START + 3600 * as_of)
            given["infectious_from"].append(None if begin is None else _START + 3600 * min(begin, as_of))
            later = max(end or 0, begin or 0)
            given["isolated_at"].append(None if end is None else _START + 3600 * later)
        columns = {name: pa.array(values, pa.int64()).cast(kind) for name, values in given.items()}
        return pa.table({"device": pa.array([r[0] for r in rows], _id_type(ids)), **columns})

    # one row a case: the same device at the same moment twice would have to agree in everything
    return st.lists(row, min_size=1, max_size=max_cases, unique_by=lambda r: (r[0], r[1])).map(table)


def worlds(
    *, ids: Ids = "int", max_devices: int = 4, max_pings: int = 40
) -> SearchStrategy[tuple[pa.Table, pa.Table]]:
    """Make pings and cases that go together.

    Parameters
    ----------
    ids, max_devices, max_pings
        As in :func:`pings`.

    Returns
    -------
    SearchStrategy[(pyarrow.Table, pyarrow.Table)]
        Needs hypothesis.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> import warnings, cotrace
    >>> from cotrace import testing
    >>> @settings(max_examples=5, deadline=None, database=None)
    ... @given(testing.worlds())
    ... def a_case_is_nobodys_own_companion(world):
    ...     with warnings.catch_warnings():
    ...         warnings.simplefilter("ignore", cotrace.CotraceWarning)
    ...         found = cotrace.find_companions(cotrace.read_pings(world[0]), world[1])
    ...     assert all(r["case_id"] != r["companion_id"] for r in found.to_arrow().to_pylist())
    >>> a_case_is_nobodys_own_companion()
    """
    from hypothesis import strategies as st

    made = pings(ids=ids, max_devices=max_devices, max_pings=max_pings)
    return st.tuples(made, cases(ids=ids, max_devices=max_devices))


def _timed(rows: list[Any]) -> list[tuple[Any, ...]]:
    """Turn steps into instants, each device's own; with company both are there at the later of their two."""
    at: dict[Any, int] = {}
    out: list[tuple[Any, ...]] = []
    for device, company, step, *place in rows:
        both = [device] if company in (None, device) else [device, company]
        moment = max(at.get(one, _START) for one in both) + step
        for one in both:
            at[one] = moment
            out.append((one, moment, *place[:-1], place[-1] if out else None))
    return out


def _id_type(ids: Ids) -> pa.DataType:
    import pyarrow as pa

    return pa.int64() if ids == "int" else pa.large_string()


def _table(rows: list[Any], ids: Ids, positions: Positions, tz: str) -> pa.Table:
    import pyarrow as pa

    times = pa.array([None if bad == "time" else t for _, t, _, _, _, bad in rows], pa.int64())
    columns = {
        "device": pa.array([r[0] for r in rows], _id_type(ids)),
        "time": times.cast(pa.timestamp("s", tz=tz)),
    }
    placed = [None if bad == "place" else (col, row, inside) for _, _, col, row, inside, bad in rows]
    if positions == "tower":
        columns["tower"] = pa.array(
            [None if p is None else 10 * (p[0] + 1) + p[1] for p in placed], pa.int64()
        )
        return pa.table(columns)
    # a degree of latitude has about 111,195 m; the cells of the earth's grid need not be hit to the metre
    scale, (x0, y0), names = (
        (1.0, (0.0, 0.0), ("x", "y")) if positions == "xy" else (1 / 111_195, (116.4, 0.0), ("lon", "lat"))
    )
    for k, (name, base) in enumerate(zip(names, (x0, y0), strict=True)):
        values = [None if p is None else base + (p[k] * 800.0 + p[2]) * scale for p in placed]
        columns[name] = pa.array(values, pa.float64())
    return pa.table(columns)


def _stays(table: pa.Table, options: StayOptions | None) -> Stays:
    from cotrace.errors import CotraceWarning
    from cotrace.io.pings import read_pings
    from cotrace.options import StayOptions
    from cotrace.stays import find_stays

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CotraceWarning)
        return find_stays(read_pings(table), options=options or StayOptions())
