"""Tables: read-only Arrow columns behind one small class."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from cotrace.arrays import from_numpy, take
from cotrace.errors import CotraceTypeError, OptionError, SchemaError
from cotrace.shown import Shown

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

    from cotrace.cells import Cells
    from cotrace.counts import Counts
    from cotrace.options import StayOptions
    from cotrace.schema import TableSchema

__all__ = ["HandsOn", "Stays", "StaysStore", "Table", "check_source", "not_taken", "taken"]

Backend = Literal["numpy", "pyarrow"]

_SHOWN = 10
_EPOCH_MICROS = 1_000_000


class Table(Shown):
    """A read-only table of columns that knows its schema.

    It is handed on as it is: ``to_arrow()``, ``to_pandas()``, ``to_polars()``, or anything that takes
    ``__arrow_c_stream__`` (``polars.DataFrame(table)``, ``duckdb.sql("from table")``).

    Parameters
    ----------
    schema : TableSchema
        What the columns mean.
    data : pyarrow.Table
        The columns, in the schema's order.
    note : str
        What is printed above the rows: what they are, and by which reading.
    """

    def __init__(self, schema: TableSchema, data: pa.Table, note: str = "") -> None:
        if tuple(data.column_names) != schema.names:
            raise SchemaError(
                f"{schema.name} has columns {', '.join(schema.names)}; got {', '.join(data.column_names)}"
            )
        self.schema = schema
        self.note = note
        self._data: pa.Table | None = data

    @classmethod
    def from_columns(
        cls, schema: TableSchema, columns: dict[str, Any], note: str = "", **types: Any
    ) -> Table:
        """Make a table of NumPy and Arrow columns; ``types`` are those of :meth:`TableSchema.arrow`."""
        import pyarrow as pa

        arrow = schema.arrow(**types).with_metadata({"cotrace": note}) if note else schema.arrow(**types)
        arrays = [
            from_numpy(c, arrow.field(name).type) if isinstance(c := columns[name], np.ndarray) else c
            for name in schema.names
        ]
        return cls(schema, pa.Table.from_arrays(arrays, schema=arrow), note)

    def to_arrow(self) -> pa.Table:
        """Return the columns as a :class:`pyarrow.Table`, without a copy."""
        assert self._data is not None
        return self._data

    def to_pandas(self, *, dtype_backend: Backend = "numpy") -> pd.DataFrame:
        """Return a pandas DataFrame.

        Parameters
        ----------
        dtype_backend : {"numpy", "pyarrow"}
            NumPy's types, which is a copy; or Arrow's (``pandas.ArrowDtype``), which are the same memory.
        """
        frame: pd.DataFrame
        if dtype_backend == "numpy":
            frame = self.to_arrow().to_pandas()
            return frame
        if dtype_backend != "pyarrow":
            raise OptionError(f"dtype_backend={dtype_backend!r} is not one of 'numpy', 'pyarrow'")
        import pandas as pd

        frame = self.to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def to_polars(self) -> pl.DataFrame:
        """Return a polars DataFrame; needs polars."""
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self.to_arrow().num_rows)

    def __getitem__(self, name: str) -> pa.ChunkedArray:
        if name not in self.schema.names:
            raise SchemaError(f"{self.schema.name} has no column {name!r}; it has {', '.join(self.columns)}")
        return self.to_arrow()[name]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.schema.names

    def _caption(self) -> str:
        n = len(self)
        rows = f"{n:,} row{'' if n == 1 else 's'}"
        shown = f", the first {_SHOWN} shown" if n > _SHOWN else ""
        return f"{self.schema.name}: {rows}{shown}; a row is {self.schema.row}"

    def _counted(self) -> str:
        """Return a line of counts to print above everything, where a result has one."""
        return ""

    def _head(self) -> pd.DataFrame:
        frame: pd.DataFrame = self.to_arrow().slice(0, _SHOWN).to_pandas()
        return frame

    def __repr__(self) -> str:
        lines = [line for line in (self._counted(), self._caption(), self.note) if line]
        if len(self):
            lines.append(self._head().to_string(index=False, max_colwidth=40))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        above = "<br>".join(escape(line) for line in (self._counted(), self._caption(), self.note) if line)
        head = self._head().to_html(index=False, border=0, escape=True)
        return f"<p>{above}</p>{head}"


class Stays(Table):
    """Stays, kept as four int32 a stay (16 bytes) with their dictionaries beside them.

    Made by :func:`cotrace.find_stays`; the columns of the schema are made when they are asked for.

    Parameters
    ----------
    rows : int32[n, 4]
        Code of the device, code of the cell, start and end in seconds from ``base``; sorted by device, start.
    devices : pyarrow.Array
        Device ids by code, in ascending order.
    cells : Cells
        Cells by code, in ascending order.
    base : int
        Unix seconds of second 0.
    tz : str
        Time zone of the results.
    options : StayOptions
        How they were made, grid and fill filled in.
    counts : Counts
        What became of every row of the input.
    span : (int, int) or None
        Unix seconds of the first ping and of the last.
    sources : tuple of str
        Where presence is known from: ``("pings",)``, and what :func:`cotrace.with_visits` added.
    source_bits : int64[n], optional
        For each stay, bit *k* set for ``sources[k]``; None: all are from the first.
    """

    def __init__(
        self,
        rows: NDArray[np.int32],
        devices: pa.Array,
        cells: Cells,
        *,
        base: int,
        tz: str,
        options: StayOptions,
        counts: Counts,
        span: tuple[int, int] | None,
        sources: tuple[str, ...] = ("pings",),
        source_bits: NDArray[np.int64] | None = None,
    ) -> None:
        from cotrace.schema import STAYS

        self.schema = STAYS
        self.note = ". ".join(p for p in (options.describe(), counts.describe() if counts.rows else "") if p)
        self._data = None
        rows.setflags(write=False)
        self.rows, self.devices, self.cells = rows, devices, cells
        self.base, self.tz, self.options, self.counts, self.span = base, tz, options, counts, span
        self.sources, self.source_bits = sources, source_bits

    @property
    def grid(self) -> Any:
        """The grid of the cells; None where towers without positions are the cells."""
        return self.options.grid

    @property
    def device_type(self) -> pa.DataType:
        """The Arrow type of device ids."""
        return self.devices.type

    def __len__(self) -> int:
        return int(self.rows.shape[0])

    def to_arrow(self) -> pa.Table:
        """Return the columns as a :class:`pyarrow.Table`; it is made at every call and not kept."""
        import pyarrow as pa

        rows = self.rows
        names = [
            take(self.devices, rows[:, 0]),
            take(self.cells.values, rows[:, 1]),
            instants(rows[:, 2], self.base, self.tz),
            instants(rows[:, 3], self.base, self.tz),
        ]
        types = {"device": self.devices.type, "cell": self.cells.values.type}
        schema = self.schema.arrow(**types, tz=self.tz).with_metadata({"cotrace": self.note})
        return pa.Table.from_arrays(names, schema=schema)

    def _head(self) -> pd.DataFrame:
        return self._slice(_SHOWN).to_pandas()

    def _slice(self, n: int) -> Stays:
        return Stays(
            self.rows[:n].copy(),
            self.devices,
            self.cells,
            base=self.base,
            tz=self.tz,
            options=self.options,
            counts=self.counts,
            span=self.span,
            sources=self.sources,
            source_bits=None if self.source_bits is None else self.source_bits[:n].copy(),
        )


class StaysStore(Protocol):
    """Where stays are kept, and only what is named is read: :class:`cotrace.Store`."""

    @property
    def device_type(self) -> pa.DataType:
        """The Arrow type of device ids."""

    def read_stays(
        self,
        *,
        what: str,
        start: int | None = None,
        end: int | None = None,
        devices: pa.Array | None = None,
        cells: pa.Array | None = None,
    ) -> Stays:
        """Return the stays that are named; see :func:`taken`."""


def not_taken(given: object, wanted: str, mend: str) -> CotraceTypeError:
    """Return the error for an argument that is not what a function takes; what is on Spark has functions of its own."""
    kind = type(given)
    if kind.__module__.startswith(("cotrace.engine.spark", "pyspark.")):
        mend = (
            "it is on Spark: cotrace.engine.spark has find_stays(), find_companions(), occupancy(), visitors(), "
            "rings() and pairs(), and write_store() makes a store that every function here reads"
        )
    return CotraceTypeError(f"{kind.__name__} is not {wanted}: {mend}")


def check_source(source: object, otherwise: str = "") -> None:
    """Refuse what is neither stays nor a store of them.

    Raises
    ------
    CotraceTypeError
        ``otherwise`` is a further way to mend it.
    """
    if not isinstance(source, Stays) and not hasattr(source, "read_stays"):
        raise not_taken(
            source, "Stays", f"make them with cotrace.find_stays(), or open a cotrace.Store{otherwise}"
        )


def taken(
    source: Stays | StaysStore,
    what: str,
    *,
    start: int | None = None,
    end: int | None = None,
    devices: pa.Array | None = None,
    cells: pa.Array | None = None,
) -> Stays:
    """Return the stays that a query needs: stays as they are, and of a store only what is named.

    Parameters
    ----------
    source : Stays or Store
    what : str
        The query, for the store's audit.
    start, end : int, optional
        Unix seconds; a store's stays are cut to ``[start, end)``.
    devices : pyarrow.Array, optional
        Ids of the source's type; those that a store knows are among the devices of the result, with stays or without.
        None: all.
    cells : pyarrow.Array, optional
        Cells; None: all. With both, these devices in these cells.

    Returns
    -------
    Stays
        Of a store: with its span, counts, options and all of its cells, so that the codes of cells are the same in all
        that is read of it.

    Raises
    ------
    CotraceTypeError
        For what is neither stays nor a store.
    """
    check_source(source)
    if isinstance(source, Stays):
        return source
    return source.read_stays(what=what, start=start, end=end, devices=devices, cells=cells)


class HandsOn:
    """What a result of several tables does where one table is wanted: it hands on the main one.

    So ``duckdb.sql("from found")``, ``polars.DataFrame(found)`` and ``pyarrow.table(found)`` work.
    """

    @property
    def _main(self) -> Table:
        raise NotImplementedError

    def to_arrow(self) -> pa.Table:
        """Return the main table as a :class:`pyarrow.Table`, without a copy."""
        return self._main.to_arrow()

    def to_pandas(self, *, dtype_backend: Backend = "numpy") -> pd.DataFrame:
        """Return the main table as a pandas DataFrame; see :meth:`Table.to_pandas`."""
        return self._main.to_pandas(dtype_backend=dtype_backend)

    def to_polars(self) -> pl.DataFrame:
        """Return the main table as a polars DataFrame; needs polars."""
        return self._main.to_polars()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._main.__arrow_c_stream__(requested_schema)


def instants(offsets: NDArray[Any], base: int, tz: str) -> pa.Array:
    """Return timestamps (microseconds, in ``tz``) of seconds from ``base``."""
    import pyarrow as pa

    micros = (offsets.astype(np.int64) + base) * _EPOCH_MICROS
    return from_numpy(micros, pa.timestamp("us", tz=tz))
