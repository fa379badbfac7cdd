"""Answers in a form that can be compared: every table, note, warning, count and error."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import cotrace

#: what answers carry beside their rows
PARTS = ("evidence", "places", "sizes", "zones", "devices", "crowded", "companions", "funnel", "coverage")


def told(ask: Callable[[], Any]) -> dict[str, Any]:
    """Return all that a query says, as plain values."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", cotrace.CotraceWarning)
        try:
            found = ask()
            seen = whole(found)
        except cotrace.CotraceError as error:
            seen = {"error": type(error).__name__, "says": str(error)}
    kinds = [w.message for w in said if isinstance(w.message, cotrace.CotraceWarning)]
    seen["warned"] = [(str(w), w.kind, getattr(w, "figures", None)) for w in kinds]
    return seen


def whole(found: Any) -> dict[str, Any]:
    """Return the parts of an answer."""
    if isinstance(found, cotrace.Stays):
        return {"stays": table(found), "span": found.span, "counts": found.counts.as_dict(), **bits(found)}
    if isinstance(found, cotrace.Pairs):
        rows = [row for batch in found for row in batch.to_pylist()]
        return {"rows": rows, "crowded": table(found.crowded), "note": found.note, "seen": dict(found.seen)}
    seen = {"table": table(found)} if isinstance(found, cotrace.Table) else {}
    for name in PARTS:
        part = getattr(found, name, None)
        if isinstance(part, cotrace.Table):
            seen[name] = table(part)
    if isinstance(found, cotrace.Zones):
        seen |= {"geojson": found.to_geojson(), "now": found.now, "tz": found.tz}
    refused = getattr(found, "refused", None)
    seen["refused"] = None if refused is None else refused.to_pydict()
    assert len(seen) > 1
    return seen


def bits(stays: cotrace.Stays) -> dict[str, Any]:
    mine = None if stays.source_bits is None else stays.source_bits.tolist()
    return {"sources": stays.sources, "bits": mine}


def table(found: cotrace.Table) -> dict[str, Any]:
    rows = found.to_arrow()
    return {"schema": str(rows.schema), "note": found.note, "rows": [plain(r) for r in rows.to_pylist()]}


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {k: "nan" if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
