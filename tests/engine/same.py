"""What two engines gave, held to each other row for row."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["assert_same", "compared", "in_order"]


def in_order(table: Any) -> pa.Table:
    """Return a table with its rows in order: by all columns that can be sorted by."""
    table = table.to_arrow() if hasattr(table, "to_arrow") else table
    names = [f.name for f in table.schema if not pa.types.is_nested(f.type)]
    return table.sort_by([(name, "ascending") for name in names])


def assert_same(frame: Any, local: Any) -> None:
    """Hold a Spark DataFrame to a table of one machine: the same columns, types and rows."""
    _, difference = compared(frame, local)
    assert not difference, difference


def compared(frame: Any, local: Any) -> tuple[pa.Table, str]:
    """Return what a Spark DataFrame has, in order, and the first difference from a table of one machine."""
    wanted = in_order(local).replace_schema_metadata(None)
    found = frame.toArrow()
    difference = _of_schemas(found.schema, wanted.schema)
    if difference:
        return found, difference
    arrays = [column.cast(field.type) for column, field in zip(found.columns, wanted.schema, strict=True)]
    found = in_order(pa.table(arrays, schema=wanted.schema))
    if found.num_rows != wanted.num_rows:
        return found, f"{found.num_rows:,} rows are not {wanted.num_rows:,}"
    same = found.combine_chunks().equals(wanted.combine_chunks())
    return found, "" if same else _of_rows(found, wanted)


def _of_schemas(found: pa.Schema, wanted: pa.Schema) -> str:
    if found.names != wanted.names:
        return f"columns {found.names} are not {wanted.names}"
    for field, other in zip(found, wanted, strict=True):
        if _kind(field.type) != _kind(other.type) or field.nullable != other.nullable:
            return f"{field} is not {other}"
    return ""


def _kind(kind: pa.DataType) -> str:
    """Return a type as Spark knows it: one type of strings, its own name for items, instants without a zone."""
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return f"instant[{kind.unit}]"  # a session shows all of them in its own zone
    return str(kind).replace("large_", "").replace("<item:", "<element:")


def _of_rows(found: pa.Table, wanted: pa.Table) -> str:
    for name in wanted.column_names:
        a, b = found[name].to_pylist(), wanted[name].to_pylist()
        for row, (one, other) in enumerate(zip(a, b, strict=True)):
            if one != other and not (one != one and other != other):
                return f"column {name}, row {row}: {one!r} is not {other!r}"
    return ""  # numbers that are none are none on both sides
