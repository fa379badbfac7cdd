"""Pings: a source that can be read again, batch by batch, and never stands in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from cotrace.counts import Counts
from cotrace.errors import CotraceTypeError, OptionError
from cotrace.io.batches import PingBatch
from cotrace.io.scan import Progress, Scan
from cotrace.io.source import Window
from cotrace.io.zones import ClockChange
from cotrace.shown import Handed

if TYPE_CHECKING:
    import pyarrow as pa

    from cotrace.io.columns import Columns
    from cotrace.io.convert import Converter
    from cotrace.io.refused import Refusals
    from cotrace.io.source import Source
    from cotrace.io.tally import Tally

__all__ = ["PingBatch", "Pings", "Scan", "read_pings"]


def read_pings(
    source: Any,
    *,
    device: str | None = None,
    time: str | None = None,
    lon: str | None = None,
    lat: str | None = None,
    x: str | None = None,
    y: str | None = None,
    tower: str | tuple[str, str] | None = None,
    towers: Any = None,
    accuracy: str | None = None,
    crs: Any = None,
    tz: Any = None,
    unit: str | None = None,
    time_format: str | None = None,
    errors: Literal["collect", "raise"] = "collect",
    clock_change: ClockChange = "refuse",
    refused_cap: int = 100_000,
) -> Pings:
    """Open pings: one timestamped position of one device a row.

    Nothing but column names, types and footers is read yet, unless the source can be read only once: then what
    is used of it is kept in a temporary file.

    Parameters
    ----------
    source : table, dict, path, or list of these
        A table of pandas, polars, PyArrow or DuckDB, anything with ``__arrow_c_stream__``, a dict of arrays; or
        Parquet, CSV (compressed too) or Arrow files: one, a list, a folder, or a glob. Also a list or an iterator
        of tables or record batches.
    device, time, lon, lat, x, y : str, optional
        The columns, where they do not have one of the usual names, or where several have.
    tower : str or (str, str), optional
        The column of tower ids, or the pair (lac, ci).
    towers : table, dict or path, optional
        Where towers stand: columns tower (or lac and ci), lon, lat, and radius_m and generation where known.
    accuracy : str, optional
        The column of the positions' accuracy in metres. Nothing is computed from it: positions less accurate than
        half a cell are warned of.
    crs : str, optional
        Of lon/lat, also those of ``towers``: WGS 84 by default, ``"gcj02"``, or another geographic CRS. Of x/y:
        a projected CRS in metres, or none for a plane.
    tz : str, optional
        The time zone that naive times are in, and that of the results. Needed for naive times, and where the
        input has several zones.
    unit : {"s", "ms", "us", "ns"}, optional
        What times that are numbers count since 1970-01-01 UTC.
    time_format : str, optional
        How times that are text, or digits such as 20211020000002, are written: ``"%Y%m%d%H%M%S"``. Its parts are
        those of ``datetime.strptime``; without %z it needs ``tz``.
    errors : {"collect", "raise"}
        Whether rows that cannot be used are counted and kept aside, or stop the reading.
    clock_change : {"refuse", "earliest", "latest"}
        What to do with naive times in the hour that a clock change repeats or leaves out.
    refused_cap : int
        How many refused rows are kept; further ones are counted only.

    Returns
    -------
    Pings

    Raises
    ------
    SchemaError, TimeError, PositionError, ReadError
        When columns, times, positions or files cannot be used; the message says how to mend it.

    Examples
    --------
    >>> import cotrace
    >>> pings = cotrace.read_pings({"device": [1, 2], "time": [0, 60], "x": [10.0, 20.0], "y": [0.0, 5.0]}, unit="s")
    >>> pings
    <Pings: the dict, 2 rows; device='device', time='time', x='x', y='y'; UTC; not read yet>
    >>> [len(batch) for batch in pings.batches()]
    [2]
    """
    from cotrace.io.resolve import Asked, resolve

    given = {"device": device, "time": time, "lon": lon, "lat": lat, "x": x, "y": y, "tower": tower}
    given["accuracy"] = accuracy
    if errors not in ("collect", "raise"):
        raise OptionError(f"errors={errors!r} is not one of 'collect', 'raise'")
    if clock_change not in ("refuse", "earliest", "latest"):
        raise OptionError(f"clock_change={clock_change!r} is not one of 'refuse', 'earliest', 'latest'")
    if isinstance(refused_cap, bool) or not isinstance(refused_cap, int):
        raise CotraceTypeError(f"refused_cap={refused_cap!r} is not a whole number of rows")
    if refused_cap < 0:
        raise OptionError(f"refused_cap={refused_cap!r} is negative")
    opened, convert, table = resolve(source, Asked(given, towers, crs, tz, unit, clock_change, time_format))
    return Pings(opened, convert, table, errors=errors, refused_cap=refused_cap)


class Pings(Handed):
    """Pings that can be read again, batch by batch; made by :func:`read_pings`.

    Attributes
    ----------
    positions : {"lonlat", "xy", "none"}
        What the batches' positions are; ``"none"``: a tower log, with or without a table of towers.
    has_tower : bool
        Whether rows name a tower.
    towers : pyarrow.Table or None
        The table of towers, WGS 84. Columns: :ref:`data-model-towers`.
    crs : str or None
        The CRS of x/y; None for a plane, and for lon/lat, which are WGS 84.
    tz : str
        The time zone of results.
    device_type, tower_type : pyarrow.DataType
        int64, uint64 or large_string; ``tower_type`` is None where rows name no tower.
    columns : Columns
        Which columns are read as what.
    files : tuple of str
        The files, in the order in which they are read.
    errors, refused_cap
        As given.
    is_part : bool
        Whether this is a part of what is read, of which nothing is said by itself.
    """

    def __init__(
        self,
        source: Source,
        convert: Converter,
        towers: pa.Table | None,
        *,
        errors: Literal["collect", "raise"],
        refused_cap: int,
        is_part: bool = False,
    ) -> None:
        self._source = source
        self._convert = convert
        self._counts: Counts | None = None
        self._refusals: Refusals | None = None
        self._told: dict[str, Any] | None = None
        self._rows: int | None = source.n_rows
        self.towers = towers
        self.errors = errors
        self.refused_cap = refused_cap
        # that no row of a part can be used says nothing of the whole: whoever joins the parts has to look
        self.is_part = is_part

    @property
    def columns(self) -> Columns:
        """Which columns are read as what."""
        return self._convert.columns

    @property
    def positions(self) -> Literal["lonlat", "xy", "none"]:
        """What the batches' positions are."""
        reader = self._convert.positions
        return "none" if reader is None else reader.kind

    @property
    def has_tower(self) -> bool:
        """Whether rows name a tower."""
        return self._convert.tower_type is not None

    @property
    def crs(self) -> str | None:
        """The CRS of x/y."""
        reader = self._convert.positions
        return None if reader is None else reader.crs

    @property
    def tz(self) -> str:
        """The time zone of results."""
        return self._convert.times.zone

    @property
    def device_type(self) -> pa.DataType:
        """The type of device ids."""
        return self._convert.device_type

    @property
    def tower_type(self) -> pa.DataType | None:
        """The type of tower ids."""
        return self._convert.tower_type

    @property
    def files(self) -> tuple[str, ...]:
        """The files, in the order in which they are read."""
        return self._source.files

    @property
    def n_rows(self) -> int | None:
        """The rows that there are; None while that is not known."""
        return self._rows

    @property
    def counts(self) -> Counts | None:
        """What became of every row in the last pass that came to its end; None before the first."""
        return self._counts

    @property
    def refused(self) -> pa.Table:
        """The rows that the last pass could not use: row, reason, and the input's own columns."""
        if self._refusals is None:
            from cotrace.io.refused import empty_refused

            return empty_refused(self._schema)
        return self._refusals.table(self._schema)

    @property
    def _schema(self) -> pa.Schema:
        return self._source.schemas()[0][1]

    @property
    def _hints(self) -> dict[str, str]:
        return self._convert.hints

    def scan(
        self,
        *,
        threads: int = 1,
        start: int | None = None,
        end: int | None = None,
        progress: Progress | None = None,
    ) -> Scan:
        """Read the source once.

        Parameters
        ----------
        threads : int
            How many may decode ahead; with 1, none is started.
        start, end : int, optional
            Unix seconds. Row groups of Parquet files whose footer says that all their times are outside
            ``[start, end)`` are not read, and counted as skipped; single rows are not left out.
        progress : callable, optional
            Called after every batch with the rows so far, and all rows (None where that is not known).

        Returns
        -------
        Scan
            To be iterated once; gives :class:`PingBatch` in the order of the source.
        """
        if isinstance(threads, bool) or not isinstance(threads, int):
            raise CotraceTypeError(f"threads={threads!r} is not a whole number")
        if threads < 1:
            raise OptionError(f"threads={threads!r}: one is the least")
        window = None
        if start is not None or end is not None:
            times = self._convert.times
            # the footer has times by the local clock, and no zone is further from UTC than a day
            window = Window(start, end, self.columns.time, times.unit, 86_400 if times.naive else 0)
        return Scan(self, threads, window, progress)

    def batches(self) -> Iterator[PingBatch]:
        """Read the source once, in one thread, batch by batch."""
        return iter(self.scan())

    def _finished(self, tally: Tally) -> None:
        self._counts, self._refusals, self._rows = tally.counts, tally.refusals, tally.counts.rows
        self._told = tally.told() if self.is_part else None

    def describe(self) -> str:
        """Say in some lines what is read, and how."""
        convert = self._convert
        what = {
            "lonlat": "longitude and latitude (WGS 84)",
            "xy": f"x and y in metres, {self.crs or 'a plane'}",
        }
        rows = "rows not known before they are read" if self._rows is None else f"{self._rows:,} rows"
        lines = [
            f"source     {self._source.label}: {rows}",
            *(f"           {note}" for note in self._source.notes),
            f"columns    {self.columns.describe()}",
            f"device     {self.device_type}",
            f"time       {convert.times.describe()}; results in {self.tz}",
            f"positions  {what.get(self.positions, 'none: a tower log')}{convert.hint()}",
        ]
        if self.has_tower:
            known = "no table" if self.towers is None else f"{self.towers.num_rows:,} towers in the table"
            lines.append(f"tower      {self.tower_type}, {known}")
        lines.append(f"counts     {self._counts.describe() if self._counts else 'not read yet'}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        rows = "rows not known yet" if self._rows is None else f"{self._rows:,} rows"
        last = self._counts.describe() if self._counts else "not read yet"
        return f"<Pings: {self._source.label}, {rows}; {self.columns.describe()}; {self.tz}; {last}>"
