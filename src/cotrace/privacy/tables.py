"""Tables with pseudonyms for ids, or ids for pseudonyms, in the order of what they have then.

The order of the ids would tell something of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

__all__ = [
    "id_columns",
    "in_order",
    "pseudonymous_arrow",
    "pseudonymous_stays",
    "pseudonymous_table",
    "with_names",
]


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
    return with_names(table, columns, lambda ids: names_of_array(ids, by))


def with_names(
    table: pa.Table, columns: Sequence[str], names_of: Callable[[pa.Array | pa.ChunkedArray], pa.Array]
) -> pa.Table:
    """Return an Arrow table with other names in these columns, in lists too; rows keep their order."""
    import pyarrow as pa

    for name in columns:
        if name not in table.column_names:
            raise SchemaError(f"there is no column {name!r}; there are {', '.join(table.column_names)}")
        field, column = table.schema.field(name), table[name]
        if pa.types.is_list(field.type) or pa.types.is_large_list(field.type):
            lists = column.combine_chunks()
            names = names_of(lists.flatten())
            item = field.type.value_field.with_type(names.type)
            kind = pa.list_(item) if pa.types.is_list(field.type) else pa.large_list(item)
            sizes = lists.value_lengths().fill_null(0)
            offsets = np.concatenate([[0], np.cumsum(sizes.to_numpy(zero_copy_only=False))])
            ends = pa.array(offsets, pa.int32() if pa.types.is_list(field.type) else pa.int64())
            made = (pa.ListArray if pa.types.is_list(field.type) else pa.LargeListArray).from_arrays(
                ends, names, kind, mask=lists.is_null() if lists.null_count else None
            )
        else:
            made = names_of(column)
        at = table.schema.get_field_index(name)
        table = table.set_column(at, pa.field(name, made.type, field.nullable), made)
    return table


def pseudonymous_table(table: Table, by: Pseudonymiser) -> Table:
    """Return a plain table with pseudonyms for ids, sorted anew as its schema says."""
    schema = table.schema
    rows = pseudonymous_arrow(table.to_arrow(), id_columns(schema), by)
    return Table(schema, in_order(rows, schema), table.note)


def in_order(rows: pa.Table, schema: TableSchema) -> pa.Table:
    """Return the rows of a table whose ids were replaced in the order that its schema says."""
    if {"a", "b"} <= set(schema.names) and schema["a"].meaning.startswith("the lesser"):
        rows = _lesser_first(rows)
    if rows.num_rows and schema.sorted_by:
        rows = rows.sort_by([(name, "ascending") for name in schema.sorted_by])
    return rows


def _lesser_first(rows: pa.Table) -> pa.Table:
    """Let ``a`` be the lesser of two names: which id is the lesser would be told otherwise."""
    import pyarrow.compute as pc

    turned = pc.greater(rows["a"], rows["b"])
    # what is known of whose they are goes along: a_person with a
    for name in [n for n in rows.column_names if n == "a" or n.startswith("a_")]:
        other = "b" + name[1:]
        if other not in rows.column_names:
            continue
        one, two = rows[name], rows[other]
        for column, first, second in ((name, two, one), (other, one, two)):
            at = rows.schema.get_field_index(column)
            rows = rows.set_column(at, rows.schema.field(column), pc.if_else(turned, first, second))
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
