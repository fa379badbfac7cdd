"""Two tables are equal, or the first row and column that differ are named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from cotrace.errors import CotraceTypeError, OptionError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["assert_tables_equal"]

Types = Literal["strict", "loose"]


def assert_tables_equal(
    left: Any, right: Any, *, types: Types = "strict", any_order: bool = False, rtol: float = 0.0
) -> None:
    """Assert that two tables have the same columns, types, rows and values; NaN is NaN, and null is null.

    Parameters
    ----------
    left, right : Table, result or frame
        Tables and results of cotrace, frames of pandas, polars and PyArrow, a dict of columns, or anything with
        ``__arrow_c_stream__``.
    types : {"strict", "loose"}
        Whether Arrow's types have to be the same. ``"loose"``: integers, floats and texts of any width are one kind,
        instants are compared as instants whatever their zone and unit, and NaN is null, as pandas has it.
    any_order : bool
        Whether rows may come in another order: both are sorted by all columns first.
    rtol : float
        How far floats may be apart, as a part of the greater.

    Raises
    ------
    AssertionError
        With the columns that one of them lacks, or the types, or the numbers of rows; or else the first row that
        differs, its first column, both values, and in how many rows and columns they differ in all.

    Examples
    --------
    >>> from cotrace.testing import assert_tables_equal
    >>> assert_tables_equal({"a": [1, 2, 3]}, {"a": [1, 2, 3]})
    >>> assert_tables_equal({"a": [1, 2, 3], "b": [0, 0, 0]}, {"a": [1, 2, 4], "b": [0, 1, 0]})
    Traceback (most recent call last):
    ...
    AssertionError: row 1, column 'b': 0 on the left, 1 on the right; 2 of 3 rows differ, in columns 'a', 'b'
    """
    if types not in ("strict", "loose"):
        raise OptionError(f"types={types!r} is not one of 'strict', 'loose'")
    a, b = _arrow(left), _arrow(right)
    _check_columns(a, b)
    if types == "loose":
        a, b = _loosened(a), _loosened(b)
    _check_types(a, b, types)
    if a.num_rows != b.num_rows:
        raise AssertionError(f"{a.num_rows:,} rows on the left, {b.num_rows:,} on the right{_extra(a, b)}")
    if any_order:
        a, b = _in_order(a), _in_order(b)
    if not a.equals(b):
        _compare(a, b, rtol)


def _arrow(given: Any) -> pa.Table:
    import pyarrow as pa

    if isinstance(given, pa.Table):
        return given
    if hasattr(given, "to_arrow"):
        return pa.table(given.to_arrow())
    if type(given).__module__.split(".")[0] == "pandas":
        return pa.Table.from_pandas(given, preserve_index=False)
    if isinstance(given, dict):
        return pa.table(given)
    if hasattr(given, "__arrow_c_stream__"):
        return pa.table(given)
    raise CotraceTypeError(
        f"a {type(given).__name__} is no table: give a table of cotrace, a frame or a dict"
    )


def _check_columns(a: pa.Table, b: pa.Table) -> None:
    if a.column_names == b.column_names:
        return
    only = [[n for n in x.column_names if n not in y.column_names] for x, y in ((a, b), (b, a))]
    said = [
        f"only on the {side}: {', '.join(map(repr, n))}"
        for side, n in zip(("left", "right"), only, strict=True)
        if n
    ]
    raise AssertionError(f"columns differ: {'; '.join(said) or f'{a.column_names} and {b.column_names}'}")


def _check_types(a: pa.Table, b: pa.Table, types: Types) -> None:
    for name in a.column_names:
        ours, theirs = a.schema.field(name).type, b.schema.field(name).type
        if ours != theirs:
            hint = "; types='loose' compares values alone" if types == "strict" else ""
            raise AssertionError(f"column {name!r} is {ours} on the left, {theirs} on the right{hint}")


def _extra(a: pa.Table, b: pa.Table) -> str:
    """Say from which row on they differ, where one is longer."""
    n = min(a.num_rows, b.num_rows)
    for row, (x, y) in enumerate(zip(a.slice(0, n).to_pylist(), b.slice(0, n).to_pylist(), strict=True)):
        if any(not _same(x[name], y[name], 0.0) for name in a.column_names):
            return f"; the first that differs is row {row}"
    return f"; the first {n:,} are the same"


def _loosened(table: pa.Table) -> pa.Table:
    import pyarrow as pa

    columns = [_loose(table[name]) for name in table.column_names]
    return pa.table(columns, names=table.column_names)


def _loose(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _loose(column.cast(kind.value_type))
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
        values = column.cast(pa.float64()) if _is_small(column) else column
        return pc.if_else(pc.is_nan(values), None, values) if pa.types.is_floating(values.type) else values
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz)).cast(pa.timestamp("us", tz="UTC"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.large_string())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.chunked_array([pa.array(column.to_pylist())])
    return column


def _is_small(column: pa.ChunkedArray) -> bool:
    """Say whether numbers are the same as floats: they are up to 2**53."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_integer(column.type):
        return True
    extremes = pc.min_max(column).as_py()
    return all(v is None or abs(v) <= 2**53 for v in extremes.values())


def _in_order(table: pa.Table) -> pa.Table:
    rows = sorted(
        enumerate(table.to_pylist()),
        key=lambda r: [(v is not None, str(type(v)), str(v)) for v in r[1].values()],
    )
    return table.take([number for number, _ in rows])


def _same(x: Any, y: Any, rtol: float) -> bool:
    if x is None or y is None:
        return x is y
    if isinstance(x, float) and isinstance(y, float):
        return x == y or (x != x and y != y) or abs(x - y) <= rtol * max(abs(x), abs(y))
    return bool(x == y)


def _compare(a: pa.Table, b: pa.Table, rtol: float) -> None:
    rows: set[int] = set()
    first: tuple[int, str, Any, Any] | None = None
    names = []
    for name in a.column_names:
        pairs = zip(a[name].to_pylist(), b[name].to_pylist(), strict=True)
        bad = [(row, x, y) for row, (x, y) in enumerate(pairs) if not _same(x, y, rtol)]
        if not bad:
            continue
        names.append(name)
        rows.update(row for row, _, _ in bad)
        if first is None or bad[0][0] < first[0]:
            first = (bad[0][0], name, bad[0][1], bad[0][2])
    if first is not None:
        row, name, x, y = first
        raise AssertionError(
            f"row {row}, column {name!r}: {x!r} on the left, {y!r} on the right; {len(rows):,} of {a.num_rows:,} rows "
            f"differ, in columns {', '.join(map(repr, names))}"
        )
