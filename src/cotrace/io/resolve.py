"""From what the caller said to how a source is read: columns, types, time zone, CRS, towers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotrace.errors import OptionError, PositionError, SchemaError
from cotrace.io.columns import Columns, find_columns
from cotrace.io.convert import Converter
from cotrace.io.files import FileSource, open_source
from cotrace.io.ids import common_type, id_kind
from cotrace.io.positions import PositionReader, check_axis
from cotrace.io.source import Source
from cotrace.io.timeformat import TimeFormat
from cotrace.io.times import TimeReader, check_unit, resolve_times
from cotrace.io.towers import read_towers
from cotrace.io.zones import ClockChange, zone_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Asked", "resolve"]


@dataclass(frozen=True)
class Asked:
    """What the caller of ``read_pings`` said."""

    columns: Mapping[str, Any]
    towers: Any
    crs: Any
    tz: Any
    unit: str | None
    clock_change: ClockChange
    time_format: str | None = None


def resolve(source: Any, asked: Asked) -> tuple[Source, Converter, pa.Table | None]:
    """Open a source and decide how each of its columns is read."""
    unit = check_unit(asked.unit)
    tz = None if asked.tz is None else zone_name(asked.tz)
    form = None if asked.time_format is None else TimeFormat(asked.time_format)
    opened = open_source(source)
    where, names = opened.names()[0]
    columns = find_columns(names, asked.columns, where)
    positions = _positions(columns, asked.crs)
    opened.load(columns.used)
    if isinstance(opened, FileSource):
        opened.order_by(columns.time)
    device_type = _id_type(opened, columns.device)
    tower_type = _tower_type(opened, columns)
    _check_axes(opened, positions)
    times = _times(opened, columns.time, tz, unit, asked.clock_change, form)
    towers = _towers(asked, columns, tower_type)
    _check_crs(asked.crs, positions, towers)
    return opened, Converter(columns, device_type, tower_type, times, positions), towers


def _positions(columns: Columns, crs: Any) -> PositionReader | None:
    if columns.kind == "lonlat":
        return PositionReader("lonlat", crs, (str(columns.lon), str(columns.lat)))
    if columns.kind == "xy":
        return PositionReader("xy", crs, (str(columns.x), str(columns.y)))
    return None


def _check_crs(crs: Any, positions: PositionReader | None, towers: pa.Table | None) -> None:
    if crs is not None and positions is None and towers is None:
        raise PositionError(f"crs={crs!r} is of no use: a tower log has no positions without towers=")


def _check_axes(opened: Source, positions: PositionReader | None) -> None:
    for where, schema in opened.schemas():
        for name in positions.names if positions else ():
            check_axis(schema.field(name).type, name, where)


def _id_type(opened: Source, name: str) -> pa.DataType:
    kinds = [(where, name, schema.field(name).type) for where, schema in opened.schemas()]
    sorts = {id_kind(kind) for _, _, kind in kinds}
    low, high = opened.extremes(name) if "uint64" in sorts and "string" not in sorts else (0, 0)
    return common_type(kinds, big=high >= 2**63, small=low < 0)


def _tower_type(opened: Source, columns: Columns) -> pa.DataType | None:
    import pyarrow as pa

    if columns.tower is not None:
        return _id_type(opened, columns.tower)
    if columns.lac is None or columns.ci is None:
        return None
    for name in (columns.lac, columns.ci):
        for where, schema in opened.schemas():
            if not id_kind(schema.field(name).type):
                raise SchemaError(
                    f"{where}: column {name!r} is of type {schema.field(name).type}; lac and ci are integers or strings"
                )
    return pa.large_string()


def _times(
    opened: Source,
    name: str,
    tz: str | None,
    unit: str | None,
    clock_change: ClockChange,
    form: TimeFormat | None,
) -> TimeReader:
    def heads() -> Iterator[pa.Array]:
        return (batch.column(0) for batch in opened.batches([name]))

    parts = [(where, schema.field(name).type) for where, schema in opened.schemas()]
    return resolve_times(
        parts, heads, name=name, tz=tz, unit=unit, clock_change=clock_change, time_format=form
    )


def _towers(asked: Asked, columns: Columns, tower_type: pa.DataType | None) -> pa.Table | None:
    if asked.towers is None:
        return None
    if tower_type is None:
        raise OptionError(
            "towers= is given, but the pings have no tower column: name it by tower=, or leave it out"
        )
    # with positions of the pings' own, crs= is theirs or the plane's; towers are then only shown
    crs = asked.crs if columns.kind != "xy" else None
    return read_towers(asked.towers, crs=crs, id_type=tower_type)
