"""Handing on and taking over: maps, graphs, hexagons, and what neighbouring libraries write.

Tables go to pandas, polars and DuckDB by themselves (``to_pandas()``, ``to_polars()``, ``duckdb.sql("from table")``).
Here is what needs more than columns: geometries, edges, other cells, other column names. Nothing is loaded before it
is asked for; each function needs the library that it is named after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cotrace.interchange.geo import to_geopandas, to_geoparquet
    from cotrace.interchange.graphs import to_networkx, to_rustworkx
    from cotrace.interchange.hexagons import h3_cells, to_h3
    from cotrace.interchange.neighbours import (
        VISIT_COLUMNS,
        read_movingpandas,
        read_nomad,
        read_skmob,
        read_trackintel,
    )

__all__ = [
    "VISIT_COLUMNS",
    "h3_cells",
    "read_movingpandas",
    "read_nomad",
    "read_skmob",
    "read_trackintel",
    "to_geopandas",
    "to_geoparquet",
    "to_h3",
    "to_networkx",
    "to_rustworkx",
]

_HOMES = {
    "VISIT_COLUMNS": "neighbours",
    "h3_cells": "hexagons",
    "read_movingpandas": "neighbours",
    "read_nomad": "neighbours",
    "read_skmob": "neighbours",
    "read_trackintel": "neighbours",
    "to_geopandas": "geo",
    "to_geoparquet": "geo",
    "to_h3": "hexagons",
    "to_networkx": "graphs",
    "to_rustworkx": "graphs",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
