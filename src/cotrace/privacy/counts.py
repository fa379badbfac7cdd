"""Counts of devices that are too small to be told, and what would give them back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.privacy.hiding import Hidden, hide
from cotrace.schema import Column, TableSchema
from cotrace.tables import Table

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ALL_TOLD", "DEFAULT_K", "Suppressed", "suppress"]

DEFAULT_K = 16
#: what is said where suppression was switched off
ALL_TOLD = "Counts are NOT suppressed: small ones tell of single devices."


@dataclass(frozen=True)
class _Family:
    """Columns that are hidden together: counts of devices, and what hangs on them."""

    counts: tuple[str, ...]
    tied: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """What is known of a table of the library: its counts, over what its totals are published, whether rows go."""

    families: tuple[_Family, ...]
    margins: tuple[tuple[str, ...], ...]
    drop: bool = False


_KNOWN = {
    "occupancy": _Known(
        (_Family(("devices",), ("dwell_s",)),), (("cell",), ("window_started_at",)), drop=True
    ),
    "zones": _Known(
        (
            _Family(("at_home",)),
            _Family(("visitors",)),
            _Family(("present_now",)),
            _Family(("cases",), ("case_dwell_s",)),
        ),
        (("zone_kind",),),
    ),
    "region_totals": _Known((_Family(("devices", "by_home", "by_last_seen")),), ((),)),
    "screening_totals": _Known((_Family(("devices",)),), (("test_day",), ("zone_kind", "zone"))),
}


class Suppressed(Table):
    """A table without counts that are too small to be told; made by :func:`suppress`.

    Attributes
    ----------
    totals : dict
        For each count the totals that may be published beside the table: ``totals["devices"][("cell",)]``, an Arrow
        table with the key and the total, null where it would give a small count back. ``()`` is the grand total. No
        others may be published.
    small, others : int
        How many rows had a small count, and how many more are hidden so that totals do not give these back.
    """

    totals: dict[str, dict[tuple[str, ...], pa.Table]]
    small: int
    others: int


def suppress(
    table: Table,
    k: int = DEFAULT_K,
    *,
    margins: Sequence[Sequence[str]] | None = None,
    counts: Sequence[str] | None = None,
    tied: Mapping[str, Sequence[str]] | None = None,
    drop: bool | None = None,
) -> Suppressed:
    """Hide counts of fewer than ``k`` devices, and as many others as it takes that no total gives them back.

    What is promised: from the rows, the totals over ``margins`` and the grand total, nobody can tell for any count
    that was hidden for being small that it is below ``k``: there is another table with the same published numbers in
    which it is ``k``. It is not promised against those who know other rows, or who are among the devices themselves.

    Parameters
    ----------
    table : Table
        Rows with counts of distinct devices: of :func:`cotrace.occupancy`, or another table with a column in devices.
    k : int
        The least count that may be told, 1 at the least; 0 is told.
    margins : sequence of sequences of str, optional
        The keys over which totals are published, at most two that cross: ``[("cell",), ("window_started_at",)]`` for
        occupancy, which is its default. The grand total is always thought to be.
    counts : sequence of str, optional
        The columns with counts; those in devices, unless given.
    tied : mapping, optional
        What is hidden together with a count: ``{"devices": ["dwell_s"]}``.
    drop : bool, optional
        Leave hidden rows out, so that a small count looks as none does; the default for occupancy. Otherwise they
        stay, with nulls.

    Returns
    -------
    Suppressed
        The table; its ``note`` says what was hidden, and ``totals`` which totals may be published.

    Raises
    ------
    SchemaError
        There is no such column, or a count is no whole number.
    OptionError
        ``k`` is no positive whole number; more than two margins that cross.

    Notes
    -----
    Totals are sums of rows. A number of distinct devices over several rows is another count: suppress its table too,
    with the same ``k``. Totals of what is hidden together with a count (``dwell_s``) must not be published. O(rows log
    rows).

    Examples
    --------
    >>> import cotrace
    >>> rows = [(device, second) for device in range(20) for second in (0, 600)] + [(99, 7200), (99, 7800)]
    >>> pings = cotrace.read_pings(
    ...     {"device": [d for d, _ in rows], "time": [t for _, t in rows], "x": [1.0] * 42, "y": [1.0] * 42}, unit="s"
    ... )
    >>> busy = cotrace.occupancy(cotrace.find_stays(pings))
    >>> busy["devices"].to_pylist(), cotrace.suppress(busy)["devices"].to_pylist()
    ([20, 1], [])
    """
    if not isinstance(table, Table):
        raise CotraceTypeError(f"{type(table).__name__} is no Table: give one that cotrace made")
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise OptionError(f"k={k!r} is no whole number of devices from 1 on")
    known = _known(table.schema, counts, tied)
    keys = _crossing(known.margins if margins is None else [tuple(m) for m in margins])
    rows = table.to_arrow()
    for name in (n for key in keys for n in key):
        _check_there(rows, name)
    made = [_hidden(rows, family, keys, k) for family in known.families]
    gone = known.drop if drop is None else drop
    return _suppressed(table, rows, known.families, keys, made, gone, k)


def _known(schema: TableSchema, counts: Any, tied: Any) -> _Known:
    if counts is None and tied is None and schema.name in _KNOWN:
        return _KNOWN[schema.name]
    if isinstance(counts, str):
        raise OptionError("counts= is a list of columns: write counts=['devices']")
    known = _KNOWN.get(schema.name, _Known((), ((),)))
    named = counts if counts is not None else [c.name for c in schema.columns if c.unit == "devices"]
    if not named:
        raise SchemaError(f"{schema.name} has no column in devices: name those with counts, counts=[...]")
    return replace(known, families=tuple(_Family((n,), tuple((tied or {}).get(n, ()))) for n in named))


def _crossing(margins: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the finest margins, at most two: the totals of the others are sums of theirs."""
    finest = [m for m in dict.fromkeys(margins) if m and not any(set(m) < set(other) for other in margins)]
    if len(finest) > 2:
        raise OptionError(f"{len(finest)} margins cross ({finest}): at most two can be protected together")
    return finest


def _check_there(rows: pa.Table, name: str) -> None:
    if name not in rows.column_names:
        raise SchemaError(f"there is no column {name!r}; there are {', '.join(rows.column_names)}")


@dataclass(frozen=True)
class _Made:
    """What is hidden of one family."""

    small: NDArray[np.bool_]
    rows: NDArray[np.bool_]
    totals: dict[str, dict[tuple[str, ...], pa.Table]]


def _hidden(rows: pa.Table, family: _Family, keys: list[tuple[str, ...]], k: int) -> _Made:
    columns = [_counts_of(rows, name) for name in family.counts]
    small = np.zeros(rows.num_rows, dtype=bool)
    for column in columns:
        small |= (column > 0) & (column < k)
    codes = [_codes(rows, key) for key in (*keys, (), ())[:2]]
    found = [hide(column, (column > 0) & (column < k), codes[0], codes[1], k) for column in columns]
    all_rows = small.copy()
    for one in found:
        all_rows[list(one.rows)] = True
    # of several counts that hide together one may need more than the other: what one needs is hidden of all
    joined = Hidden(
        set(), {c for h in found for c in h.a}, {c for h in found for c in h.b}, any(h.grand for h in found)
    )
    totals = {
        name: _totals(rows, column, keys, codes, joined)
        for name, column in zip(family.counts, columns, strict=True)
    }
    return _Made(small, all_rows, totals)


def _counts_of(rows: pa.Table, name: str) -> NDArray[np.int64]:
    import pyarrow as pa

    _check_there(rows, name)
    column = rows[name]
    if not pa.types.is_integer(column.type) or column.null_count:
        raise SchemaError(
            f"column {name!r} is no count: it is {column.type}, with {column.null_count:,} nulls"
        )
    return np.asarray(column.to_numpy(), dtype=np.int64)


def _codes(rows: pa.Table, key: tuple[str, ...]) -> NDArray[np.int64]:
    """Give each value of a key a number."""
    codes = np.zeros(rows.num_rows, dtype=np.int64)
    for name in key:
        values = rows[name].combine_chunks().dictionary_encode(null_encoding="encode")
        part = np.asarray(values.indices.to_numpy(zero_copy_only=False), dtype=np.int64)
        codes = np.unique(codes * max(1, len(values.dictionary)) + part, return_inverse=True)[1].astype(
            np.int64
        )
    return codes


def _totals(
    rows: pa.Table,
    counts: NDArray[np.int64],
    keys: list[tuple[str, ...]],
    codes: list[NDArray[np.int64]],
    hidden: Hidden,
) -> dict[tuple[str, ...], pa.Table]:
    import pyarrow as pa

    grand = None if hidden.grand else int(counts.sum())
    found: dict[tuple[str, ...], Any] = {(): pa.table({"total": pa.array([grand], pa.int64())})}
    for key, code, gone in zip(keys, codes, (hidden.a, hidden.b), strict=False):
        _, first = np.unique(code, return_index=True)
        sums = np.bincount(code, counts, minlength=len(first)).astype(np.int64)
        values = [None if c in gone else int(n) for c, n in enumerate(sums.tolist())]
        found[key] = (
            rows.select(list(key)).take(pa.array(first)).append_column("total", pa.array(values, pa.int64()))
        )
    return found


def _suppressed(
    table: Table,
    rows: pa.Table,
    families: Sequence[_Family],
    keys: Any,
    made: list[_Made],
    drop: bool,
    k: int,
) -> Suppressed:
    import pyarrow as pa
    import pyarrow.compute as pc

    small = np.logical_or.reduce([m.small for m in made])
    hidden = np.logical_or.reduce([m.rows for m in made])
    schema = table.schema
    if drop:
        rows = rows.filter(pa.array(~hidden))
    else:
        for family, one in zip(families, made, strict=True):
            mask = pa.array(one.rows)
            for name in (*family.counts, *family.tied):
                _check_there(rows, name)
                at, field = rows.schema.get_field_index(name), rows.schema.field(name).with_nullable(True)
                rows = rows.set_column(at, field, pc.if_else(mask, None, rows[name]))
        schema = _nullable(schema, {n for f in families for n in (*f.counts, *f.tied)})
    n_small, n_others = int(small.sum()), int((hidden & ~small).sum())
    what = "left out" if drop else "hidden"
    note = (
        f"Counts below {k} devices are {what} ({n_small:,} rows), and {n_others:,} more rows, so that totals do not "
        f"give them back. {table.note}"
    )
    result = Suppressed(schema, rows, note.strip())
    result.totals = {name: totals for m in made for name, totals in m.totals.items()}
    result.small, result.others = n_small, n_others
    return result


def _nullable(schema: TableSchema, names: set[str]) -> TableSchema:
    columns = tuple(
        Column(c.name, c.kind, c.meaning, c.unit, True) if c.name in names else c for c in schema.columns
    )
    return replace(schema, columns=columns)
