"""Tables with pseudonyms for ids, in the order of these: the order of the ids would tell something of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import order_of
from cotrace.errors import SchemaError
from cotrace.privacy.mapping import names_of_array
from cotrace.tables import Stays, Table

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.privacy.pseudonyms import Pseudonymiser
    from cotrace.schema import TableSchema

__all__ = ["id_columns", "pseudonymous_arrow", "pseudonymous_stays", "pseudonymous_table"]


def id_columns(schema: TableSchema) -> list[str]:
    """Return the columns of a table that say who: device ids, lists of these, and persons."""
    return [
        c.name
        for c in schema.columns
        if (c.kind in ("device", "devices") and c.name != "tower")
        or (c.kind == "string" and (c.name == "person" or c.name.endswith("_person")))
    ]


def pseudonymous_arrow(table: pa.Table, columns: Sequence[str], by: Pseudonymiser) -> pa.Table:
    """Return an Arrow table with pseudonyms in these columns, its rows in the order that they had."""
    import pyarrow as pa

    for name in columns:
        if name not in table.column_names:
            raise SchemaError(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
        field, column = table.schema.field(name), table[name]
        if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
            lists = column.combine_chunks()
            item = field.type.value_field.with_type(pa.large_string())
            kind = pa.list_(item) if pa.types.is_list(field.type) else pa.large_list(item)
            names = names_of_array(lists.flatten(), by)
            sizes = lists.value_lengths().fill_null(0)
            offsets = np.concatenate([[0], np.cumsum(sizes.to_numpy(zero_copy_only=False))])
            ends = pa.array(offsets, pa.int32() if pa.types.is_list(field.type) else pa.int64())
            made = (pa.ListArray if pa.types.is_list(field.type) else pa.LargeListArray).from_arrays(
                ends, names, kind, mask=lists.is_null() if lists.null_count else None
            )
        else:
            made = names_of_array(column, by)
        at = table.schema.get_field_index(name)
        table = table.set_column(at, pa.field(name, made.type, field.nullable), made)
    return table


def pseudonymous_table(table: Table, by: Pseudonymiser) -> Table:
    """Return a plain table with pseudonyms for ids, sorted anew as its schema says."""
    schema = table.schema
    rows = pseudonymous_arrow(table.to_arrow(), id_columns(schema), by)
    if {"a", "b"} <= set(schema.names) and schema["a"].meaning.startswith("the lesser"):
        rows = _lesser_first(rows)
    if rows.num_rows and schema.sorted_by:
        rows = rows.sort_by([(name, "ascending") for name in schema.sorted_by])
    return Table(schema, rows, table.note)


def _lesser_first(rows: pa.Table) -> pa.Table:
    """Let ``a`` be the lesser pseudonym: which id is the lesser would be told otherwise."""
    import pyarrow.compute as pc

    a, b = rows["a"], rows["b"]
    turned = pc.greater(a, b)
    for name, first, second in (("a", b, a), ("b", a, b)):
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(name), pc.if_else(turned, first, second))
    return rows


def pseudonymous_stays(stays: Stays, by: Pseudonymiser) -> Stays:
    """Return stays with pseudonyms for ids, coded and sorted anew."""
    names = names_of_array(stays.devices, by)
    order = order_of(names)
    rank = np.empty(order.size, dtype=np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    rows = stays.rows.copy()
    rows[:, 0] = rank[rows[:, 0]] if order.size else 0
    sort = np.lexsort((rows[:, 2], rows[:, 0]))
    return Stays(
        rows[sort],
        names.take(_indices(order)),
        stays.cells,
        base=stays.base,
        tz=stays.tz,
        options=stays.options,
        counts=stays.counts,
        span=stays.span,
        sources=stays.sources,
        source_bits=None if stays.source_bits is None else stays.source_bits[sort],
    )


def _indices(order: Any) -> Any:
    from cotrace.arrays import from_numpy

    return from_numpy(order)
