"""The columns of the tables of made cities: towers; as :mod:`cotrace.schema` has the others."""

from __future__ import annotations

from cotrace.schema import TOWERS, Column, TableSchema

__all__ = ["NETWORK", "TABLES"]

NETWORK = TableSchema(
    "network",
    "one tower of a made network: one sector of a station",
    (
        *TOWERS.columns,
        Column("station", "int64", "number of its station"),
        Column(
            "azimuth",
            "float64",
            "where its antenna looks, clockwise from north; null: everywhere",
            "degrees",
            True,
        ),
        Column("x", "float64", "place of the station in the city's plane", "m"),
        Column("y", "float64", "place of the station in the city's plane", "m"),
    ),
    ("tower",),
)

TABLES: tuple[TableSchema, ...] = (NETWORK,)
