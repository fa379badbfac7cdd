"""Tables of towers: where each stands, how far it reaches, and of which generation it is."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import booleans, cast_or_null, floats, plain, with_nulls
from cotrace.errors import CotraceWarning, PositionError, SchemaError
from cotrace.io.batches import Marks
from cotrace.io.columns import one_column, tower_pair
from cotrace.io.doubts import ELSEWHERE
from cotrace.io.files import open_source
from cotrace.io.ids import as_type, common_type, pair_ids, read_ids
from cotrace.io.positions import PositionReader, check_axis
from cotrace.io.reasons import NO_POSITION, NOT_FINITE
from cotrace.io.refused import outside

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["GIVEN_TYPE", "read_towers"]

#: Under this key the table's metadata have the type that its ids had before they took that of the pings.
GIVEN_TYPE = "cotrace.given_type"


def read_towers(
    source: Any,
    *,
    tower: Any = None,
    lon: str | None = None,
    lat: str | None = None,
    crs: Any = None,
    id_type: pa.DataType | None = None,
) -> pa.Table:
    """Read a table of towers.

    Parameters
    ----------
    source : table, dict or path
        Columns tower (or lac and ci), lon, lat, and, where known, radius_m and generation.
    tower, lon, lat : str, optional
        Their names, where they are not the usual ones; ``tower`` may be a pair (lac, ci).
    crs : str, optional
        The CRS of lon/lat: WGS 84 by default, ``"gcj02"``, or any other geographic one.
    id_type : pyarrow.DataType, optional
        The type of the pings' tower ids, which the table's must fit without loss.

    Returns
    -------
    pyarrow.Table
        Columns: :ref:`data-model-towers`, WGS 84, sorted by tower; lon and lat are null for a tower without a
        position. Rows that say the same twice are one.

    Raises
    ------
    SchemaError
        When a column is missing, a row has no id, or a tower has two positions.
    PositionError
        When a position is out of range; the message says how many, and which row is the first.
    """
    import pyarrow as pa

    opened = open_source(source)
    where = f"towers ({opened.label})"
    names = opened.names()[0][1]
    ids = _id_columns(names, tower, where)
    axes = [str(one_column(role, names, given, where)) for role, given in (("lon", lon), ("lat", lat))]
    extra = {role: one_column(role, names, None, where, needed=False) for role in ("radius_m", "generation")}
    used = list(dict.fromkeys([*ids, *axes, *(name for name in extra.values() if name)]))
    opened.load(used)
    for part, schema in opened.schemas():
        for name in [*axes, *([extra["radius_m"]] if extra["radius_m"] else [])]:
            check_axis(schema.field(name).type, name, part)
    batches = list(opened.batches(used))
    whole = (
        pa.concat_tables([pa.Table.from_batches([b]) for b in batches], promote_options="permissive")
        if batches
        else None
    )
    rows = whole if whole is not None else opened.schemas()[0][1].empty_table()
    columns = _columns(rows, ids, axes, extra, crs, where)
    given = columns["tower"].type
    if id_type is not None:
        columns["tower"] = as_type(columns["tower"], id_type, where)
    return _one_each(pa.table(columns), where).replace_schema_metadata({GIVEN_TYPE: str(given)})


def _id_columns(names: list[str], given: Any, where: str) -> list[str]:
    given = tower_pair(names, given)
    if isinstance(given, (tuple, list)):
        return [
            str(one_column(role, names, name, where)) for role, name in zip(("lac", "ci"), given, strict=True)
        ]
    single = one_column("tower", names, given, where, needed=False)
    if single is not None:
        return [single]
    pair = [one_column(role, names, None, where, needed=False) for role in ("lac", "ci")]
    if None in pair:
        return [str(one_column("tower", names, None, where))]
    return [str(name) for name in pair]


def _columns(
    rows: pa.Table, ids: list[str], axes: list[str], extra: dict[str, str | None], crs: Any, where: str
) -> dict[str, pa.Array]:
    import pyarrow as pa

    flat = {name: plain(rows.column(name)) for name in rows.column_names}
    columns = {"tower": _ids(flat, ids, where), **_positions(flat, axes, crs, where)}
    radius, generation = extra["radius_m"], extra["generation"]
    if radius is not None:
        columns["radius_m"] = _radii(flat[radius], where)
    if generation is not None:
        columns["generation"] = flat[generation].cast(pa.string())
    return columns


def _ids(flat: dict[str, pa.Array], names: list[str], where: str) -> pa.Array:
    import pyarrow as pa

    if len(names) == 2:
        ids, none = pair_ids(flat[names[0]], flat[names[1]], (names[0], names[1]), 0)
    else:
        array = flat[names[0]]
        big = pa.types.is_uint64(array.type) and not _fits_int64(array)
        kind = common_type([(where, names[0], array.type)], big=big, small=False)
        ids, none = read_ids(array, kind, names[0], 0)
    if none is not None and none.any():
        raise SchemaError(
            f"{where}: {int(none.sum()):,} rows have no tower id (first: row {int(none.argmax())}): take them out"
        )
    return ids


def _radii(array: pa.Array, where: str) -> pa.Array:
    """Return radii in metres; one that is not known is null, and none is zero or less."""
    import pyarrow as pa

    radii = cast_or_null(array, pa.float64())
    unreadable = booleans(radii.is_null()) & ~booleans(array.is_null())
    bad = unreadable | (floats(radii) <= 0)
    if bad.any():
        raise SchemaError(
            f"{where}: {int(bad.sum()):,} of {len(bad):,} radii are zero, negative or no number (first: row "
            f"{int(bad.argmax())}): a radius is in metres; where it is not known, leave it empty"
        )
    return radii


def _fits_int64(array: pa.Array) -> bool:
    import pyarrow.compute as pc

    return (pc.max(array).as_py() or 0) < 2**63


def _positions(flat: dict[str, pa.Array], axes: list[str], crs: Any, where: str) -> dict[str, pa.Array]:
    marks = Marks(len(flat[axes[0]]))
    lon, lat = PositionReader("lonlat", crs, (axes[0], axes[1])).read(flat[axes[0]], flat[axes[1]], marks)
    _warn_of_zeros(marks, where)
    without = np.zeros(marks.n, np.bool_)
    if marks.codes is not None:
        from cotrace.io.batches import CODES

        without = np.isin(marks.codes, (CODES[NO_POSITION], CODES[NOT_FINITE]))
        bad = (marks.codes != 0) & ~without
        if bad.any():
            swapped = "; are lon and lat swapped?" if marks.swapped else ""
            raise PositionError(
                f"{where}: {int(bad.sum()):,} of {marks.n:,} positions are out of range or unreadable (first: row "
                f"{int(bad.argmax())}){swapped}: longitude is -180 to 180 and latitude -90 to 90; a tower whose "
                "place is not known has none"
            )
    return {name: with_nulls(np.asarray(v), without) for name, v in (("lon", lon), ("lat", lat))}


def _warn_of_zeros(marks: Marks, where: str) -> None:
    if not marks.zeros or marks.box is None or max(map(abs, marks.box)) < ELSEWHERE:
        return
    towers = "1 tower stands" if marks.zeros == 1 else f"{marks.zeros:,} towers stand"
    warnings.warn(
        CotraceWarning(
            f"{where}: {towers} at (0, 0) (first: row {marks.first_zero}), which often means that the place is not "
            "known: leave lon and lat empty there",
            "positions",
            zeros=marks.zeros,
            first_row=marks.first_zero,
        ),
        stacklevel=outside(),
    )


def _one_each(table: pa.Table, where: str) -> pa.Table:
    """Sort by tower, and keep one row of those that say the same."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = table.take(pc.sort_indices(table, sort_keys=[("tower", "ascending")]))
    if table.num_rows < 2:
        return table
    ids = table["tower"].combine_chunks()
    again = np.zeros(len(ids), np.bool_)
    again[1:] = booleans(pc.equal(ids[1:], ids[:-1]))
    if not again.any():
        return table
    other = np.zeros(len(ids), np.bool_)
    for name in ("lon", "lat"):
        values = floats(table[name].combine_chunks())
        other[1:] |= ~((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])))
    if (again & other).any():
        towers = len(set(ids.filter(pa.array(again & other)).to_pylist()))
        raise SchemaError(
            f"{where}: {towers:,} towers are listed with several positions, in {int((again & other).sum()):,} rows "
            "more than they should be: keep the one that was valid at the time of the pings"
        )
    return table.filter(pa.array(~again))
