"""What the place of a pair is to the case: home, work or other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotrace.companions.result import Companions
from cotrace.errors import SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.tables import Table

__all__ = ["with_settings"]


def with_settings(found: Any, anchors: Table) -> Any:
    """Return the pairs of companions with a column ``setting``; whatever else it is, as it is.

    The cell of a pair is the one with the most shared time of qualifying episodes, the least of equal ones. It is
    ``home`` or ``work`` if it is that to the case by ``anchors`` (home, where it is both), else ``other``.
    """
    if not isinstance(found, Companions):
        return found
    import pyarrow as pa
    import pyarrow.compute as pc

    key = ["case_id", "as_of", "companion_id"]
    shared = found.evidence.to_arrow().group_by([*key, "cell"]).aggregate([("shared_s", "sum")])
    order = [(name, "ascending") for name in key]
    shared = shared.sort_by([*order, ("shared_s_sum", "descending"), ("cell", "ascending")])
    n = shared.num_rows
    if n:
        same = [pc.equal(shared[name].slice(1), shared[name].slice(0, n - 1)) for name in key]
        again = pc.and_(pc.and_(same[0], same[1]), same[2])
        shared = shared.filter(pa.chunked_array([pa.array([True]), *pc.invert(again).chunks]))
    is_home, is_work = (_is_anchor(shared, anchors, kind) for kind in ("home", "work"))
    setting = pc.if_else(is_home, "home", pc.if_else(is_work, "work", "other"))
    return shared.select(key).append_column("setting", setting)


def _is_anchor(shared: pa.Table, anchors: Table, kind: str) -> pa.ChunkedArray:
    """Say of each row whether its cell is the case's home, or workplace."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = anchors.to_arrow()
    if not {"device", "kind", "cell"} <= set(table.column_names):
        raise SchemaError(
            f"anchors has columns {', '.join(table.column_names)}: give what cotrace.anchors() returns"
        )
    own = table.filter(pc.equal(table["kind"], kind))
    if own.num_rows == 0:
        return pa.chunked_array([pa.array([False] * shared.num_rows, pa.bool_())])
    device = pc.cast(own["device"], shared["case_id"].type).combine_chunks()
    at = pc.index_in(shared["case_id"], value_set=device)
    cell = own["cell"].combine_chunks().take(at.combine_chunks()).cast(shared["cell"].type)
    return pc.fill_null(pc.equal(shared["cell"].combine_chunks(), cell), False)
