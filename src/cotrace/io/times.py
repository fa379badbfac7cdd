"""Times of every usual kind to whole UTC seconds, floored; what cannot be one instant is refused or an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.arrays import cast_or_null, null_mask, plain, view
from cotrace.errors import OptionError, SchemaError, TimeError
from cotrace.io import isotext
from cotrace.io.batches import Marks
from cotrace.io.instants import EARLIEST, LATEST, PER_SECOND, say_instant, say_units
from cotrace.io.reasons import BAD_TIME, NO_TIME
from cotrace.io.timeformat import TimeFormat, calendar_format
from cotrace.io.zones import ClockChange, local_to_utc, zone_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TimeReader", "check_unit", "resolve_times", "time_kind"]

Int64 = npt.NDArray[np.int64]

_YEAR_1980, _YEAR_2000, _YEAR_2100, _YEAR_2200 = 315_532_800, 946_684_800, 4_102_444_800, 7_258_118_400
_INT64 = float(2**63)


def check_unit(unit: object) -> str | None:
    """Return the unit of integer times, or refuse it."""
    if unit is None or (isinstance(unit, str) and unit in PER_SECOND):
        return unit
    raise OptionError(f"unit={unit!r} is not one of 's', 'ms', 'us', 'ns'")


def time_kind(kind: pa.DataType) -> str:
    """Sort a column's type: ``aware``, ``naive``, ``date``, ``text``, ``integer``, ``float`` or ``null``."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        return "naive" if kind.tz is None else "aware"
    tests: dict[str, Callable[[Any], bool]] = {
        "date": pa.types.is_date,
        "integer": pa.types.is_integer,
        "float": lambda k: bool(pa.types.is_floating(k) or pa.types.is_decimal(k)),
        "null": pa.types.is_null,
        "text": lambda k: str(k) in ("string", "large_string", "string_view"),
    }
    return next((name for name, test in tests.items() if test(kind)), "")


def resolve_times(
    parts: Iterable[tuple[str, pa.DataType]],
    heads: Callable[[], Iterable[pa.Array]],
    *,
    name: str,
    tz: str | None,
    unit: str | None,
    clock_change: ClockChange,
    time_format: TimeFormat | None = None,
) -> TimeReader:
    """Decide how a source's times are read, and the time zone of the results.

    Parameters
    ----------
    parts : iterable of (str, DataType)
        What each part of the source is called, and the type of its time column.
    heads : callable
        Gives the time column batch by batch; asked only where the type alone does not tell.
    name, tz, unit, clock_change, time_format
        The column, and what the caller said.

    Raises
    ------
    TimeError
        For naive times without ``tz``, integers without ``unit``, dates, and several zones without ``tz``.
    """
    zones: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for where, kind in parts:
        sort = time_kind(kind)
        if not sort:
            raise SchemaError(
                f"{where}: column {name!r} is of type {kind}; times are timestamps, ISO 8601 strings, or "
                "integers with unit="
            )
        kinds.setdefault(sort, where)
        if sort == "aware":
            zones.setdefault(zone_name(plain_type(kind).tz), where)
    if time_format is not None:
        _check_format(kinds, name, unit, time_format)
    else:
        _check_kinds(kinds, name, tz, unit, heads)
    if tz is None and unit is None and (time_format is not None or "text" in kinds):
        written = heads() if time_format is None else (time_format.iso(head) for head in heads())
        offset = isotext.first_offset(written, name)
        if offset is not None:
            zones.setdefault(offset, next(iter(kinds.values())))
    if tz is None and len(zones) > 1:
        (one, here), (other, there) = list(zones.items())[:2]
        raise TimeError(
            f"times in column {name!r} are in several time zones: {one} in {here}, {other} in {there}. The "
            f"instants are clear, the zone of the results is not: name it, tz={one!r} for instance"
        )
    zone = tz or next(iter(zones), "UTC")
    return TimeReader(name, zone, tz is not None, unit, clock_change, kinds=tuple(kinds), form=time_format)


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values under a dictionary or run-end encoding."""
    return getattr(kind, "value_type", kind)


def _check_format(kinds: dict[str, str], name: str, unit: str | None, time_format: TimeFormat) -> None:
    if unit is not None:
        raise OptionError(
            f"unit={unit!r} is for numbers that count since 1970, and time_format={time_format.text!r} for dates "
            "written out: give one of them"
        )
    odd = sorted({"aware", "naive", "date"} & set(kinds))
    if odd:
        what = "dates without a time of day" if odd == ["date"] else "timestamps already"
        raise OptionError(
            f"{kinds[odd[0]]}: time_format={time_format.text!r} is for text or digits; those in column {name!r} are "
            f"{what}"
        )


def _check_kinds(
    kinds: dict[str, str], name: str, tz: str | None, unit: str | None, heads: Callable[[], Iterable[Any]]
) -> None:
    if "date" in kinds:
        raise TimeError(
            f"{kinds['date']}: column {name!r} holds dates without a time of day; pings need an instant"
        )
    if "naive" in kinds and tz is None:
        raise TimeError(
            f"{kinds['naive']}: times in column {name!r} have no time zone; name the one that they are in, "
            "tz='Asia/Shanghai' for instance, or tz='UTC'"
        )
    if unit is None and ("integer" in kinds or "float" in kinds):
        values = (head.drop_null() for head in heads())
        value = next((v[0].as_py() for v in values if len(v)), None)
        meant = (
            "Name it: unit='s', 'ms', 'us' or 'ns'" if value is None else say_units(float(value), str(value))
        )
        raise TimeError(f"column {name!r} holds numbers, and unit= is not given. {meant}")
    if unit is not None and not {"integer", "float", "text", "null"} & set(kinds):
        raise OptionError(
            f"unit={unit!r} is for times that are numbers; those in column {name!r} are timestamps"
        )


class TimeReader:
    """Reads the time column of a source, batch by batch; safe to share between threads."""

    def __init__(
        self,
        name: str,
        zone: str,
        zone_given: bool,
        unit: str | None,
        clock_change: ClockChange,
        *,
        kinds: tuple[str, ...],
        form: TimeFormat | None = None,
    ) -> None:
        self.name = name
        self.zone = zone
        self.zone_given = zone_given
        self.unit = unit
        self.clock_change: ClockChange = clock_change
        self.kinds = kinds
        self.form = form
        self.naive = "naive" in kinds

    def describe(self) -> str:
        """Say how times are read."""
        if self.form is not None:
            return f"{' and '.join(self.kinds)}, as {self.form.text}"
        words = {
            "aware": "timestamps with a time zone",
            "naive": f"timestamps by the clock of {self.zone}",
            "text": "text, ISO 8601" if self.unit is None else f"text, numbers of {self.unit} since 1970",
            "integer": f"integers, {self.unit} since 1970",
            "float": f"numbers, {self.unit} since 1970",
            "null": "none",
        }
        return " and ".join(words[kind] for kind in self.kinds)

    def read(self, array: pa.Array, first_row: int, marks: Marks) -> Int64:
        """Return UTC seconds, and mark the rows that have no readable time."""
        kind = time_kind(array.type)
        array = plain(array)
        marks.mark(null_mask(array), NO_TIME)
        if self.form is not None and kind in ("text", "integer", "float"):
            array, kind = self.form.iso(array), "text"
            marks.mark(null_mask(array), BAD_TIME)  # those that were null before are marked already
        elif kind == "text" and self.unit is not None:
            array, kind = self._numbers(array, marks)
        if kind in ("aware", "naive"):
            seconds = self._stamps(array, kind, first_row, marks)
        elif kind == "integer":
            seconds = self._integers(array, first_row, marks)
        elif kind == "float":
            seconds = self._floats(array, first_row, marks)
        elif kind == "text":
            seconds = self._texts(array, first_row, marks)
        else:
            seconds = np.zeros(len(array), np.int64)
        return seconds

    def _stamps(self, array: pa.Array, kind: str, first_row: int, marks: Marks) -> Int64:
        ticks = self._ticks(array, marks)
        local = kind == "naive"
        seconds = self._checked(floor_div(ticks, PER_SECOND[array.type.unit]), first_row, marks)
        return local_to_utc(seconds, self.zone, self.clock_change, marks) if local else seconds

    def _ticks(self, array: pa.Array, marks: Marks) -> Int64:
        ticks = view(array, np.int64)
        # what stands under a null is no time, and may be anything
        return ticks if marks.codes is None else np.where(marks.codes == 0, ticks, 0)

    def _integers(self, array: pa.Array, first_row: int, marks: Marks) -> Int64:
        import pyarrow as pa

        if not pa.types.is_int64(array.type):
            array = cast_or_null(array, pa.int64())
        marks.mark(null_mask(array), BAD_TIME)  # those that were null before are marked already
        ticks = self._ticks(array, marks)
        self._check_digits(ticks, first_row, marks)
        return self._checked(floor_div(ticks, PER_SECOND[str(self.unit)]), first_row, marks)

    def _floats(self, array: pa.Array, first_row: int, marks: Marks) -> Int64:
        import pyarrow as pa

        values = np.asarray(array.cast(pa.float64()).to_numpy(zero_copy_only=False))
        marks.mark(np.isnan(values), NO_TIME)
        with np.errstate(invalid="ignore"):
            marks.mark(~(np.abs(values) < _INT64), BAD_TIME)
        if marks.codes is not None:
            values = np.where(marks.codes == 0, values, 0.0)
        # floor before the division, which may round up to the next second
        ticks = np.floor(values).astype(np.int64)
        self._check_digits(ticks, first_row, marks)
        return self._checked(floor_div(ticks, PER_SECOND[str(self.unit)]), first_row, marks)

    def _numbers(self, array: pa.Array, marks: Marks) -> tuple[pa.Array, str]:
        import pyarrow as pa
        import pyarrow.compute as pc

        text = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
        if pc.all(pc.match_substring_regex(text, r"^-?\d{1,19}$")).as_py() is not False:
            return cast_or_null(text, pa.int64()), "integer"
        number = pc.match_substring_regex(text, r"^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
        marks.mark(~np.asarray(number.fill_null(False).to_numpy(zero_copy_only=False)), BAD_TIME)
        return _ticks_of(pc.if_else(number, text, None)), "integer"

    def _check_digits(self, ticks: Int64, first_row: int, marks: Marks) -> None:
        """Raise where the digits of the first and the last number are those of a date and time."""
        good = np.arange(len(ticks)) if marks.codes is None else np.flatnonzero(marks.codes == 0)
        ends = [str(int(ticks[i])) for i in (good[:1].tolist() + good[-1:].tolist())]
        formats = {calendar_format(text) if len(text) == 14 else None for text in ends}
        if ends and None not in formats:
            raise TimeError(
                f"numbers in column {self.name!r} look like YYYYMMDDhhmmss, not like {self.unit} since 1970 (row "
                f"{first_row + int(good[0])} is {ends[0]}): give time_format={formats.pop()!r} in place of unit="
            )

    def early(self, latest: int) -> str | None:
        """Say which coarser unit is likely meant when all times lie soon after 1970; None when none is."""
        units = list(PER_SECOND)
        coarser = units[: units.index(self.unit)] if self.unit is not None else []
        for unit in reversed(coarser):
            meant = latest * (PER_SECOND[str(self.unit)] // PER_SECOND[unit])
            if 0 < latest < _YEAR_1980 and _YEAR_2000 <= meant <= _YEAR_2100:
                return (
                    f"with unit={self.unit!r} the last time in column {self.name!r} is {say_instant(latest)}; with "
                    f"unit={unit!r} it would be {say_instant(meant)}: was that meant?"
                )
        return None

    def _texts(self, array: pa.Array, first_row: int, marks: Marks) -> Int64:
        zone = self.zone if self.zone_given else None
        seconds, local = isotext.parse(array, self.name, zone, self.zone, first_row, marks)
        seconds = self._checked(seconds, first_row, marks)
        good = marks.good
        readable = len(seconds) if good is None else int(np.count_nonzero(good))
        marks.by_clock = int(np.count_nonzero(local if good is None else local & good))
        marks.with_offset = readable - marks.by_clock
        if not local.any():
            return seconds
        near = np.where(local, seconds, seconds[int(local.argmax())])
        utc = local_to_utc(near, self.zone, self.clock_change, marks)
        return np.where(local, utc, seconds)

    def _checked(self, seconds: Int64, first_row: int, marks: Marks) -> Int64:
        """Refuse what no calendar holds, and raise where only a finer unit explains what is there."""
        if not len(seconds) or (seconds.min() >= EARLIEST and seconds.max() <= _YEAR_2200):
            return seconds
        late = seconds > _YEAR_2200
        for unit, factor in self._finer():
            meant = seconds[late] // factor
            if len(meant) and (meant >= _YEAR_1980).any() and (meant <= _YEAR_2200).all():
                row = first_row + int(late.argmax())
                raise TimeError(
                    f"{len(meant)} of these {len(seconds)} rows (first: row {row}) lie after the year 2200: "
                    f"column {self.name!r} would be {say_instant(float(seconds[late][0]))} there{unit[0]}, and is "
                    f"{say_instant(float(meant[0]))} {unit[1]}"
                )
        far = (seconds < EARLIEST) | (seconds > LATEST)
        marks.mark(far, BAD_TIME)
        return np.where(far, 0, seconds)

    def _finer(self) -> list[tuple[tuple[str, str], int]]:
        """List the finer units that may have been meant: how to say it, and by how much they are finer."""
        units = list(PER_SECOND)
        if self.unit is None:
            ways = ("", "if its numbers were {} before they became timestamps: convert them again")
            return [((ways[0], ways[1].format(f"{1000**k:,} times finer")), 1000**k) for k in (1, 2, 3)]
        here = units.index(self.unit)
        return [
            ((f" with unit={self.unit!r}", f"with unit={finer!r}: give that"), 1000 ** (k + 1))
            for k, finer in enumerate(units[here + 1 :])
        ]


def _ticks_of(text: pa.Array) -> pa.Array:
    """Read numbers as whole ticks, floored; integers without the rounding that floats bring."""
    import pyarrow as pa
    import pyarrow.compute as pc

    head = pc.replace_substring_regex(text, r"^(-?\d{1,19})(?:\.0*)?$", r"\1")
    whole = pc.match_substring_regex(head, r"^-?\d{1,19}$")
    ticks = cast_or_null(pc.if_else(whole, head, None), pa.int64())
    rest = np.asarray(pc.if_else(whole, None, head).cast(pa.float64()).to_numpy(zero_copy_only=False))
    floored = np.floor(np.where(np.abs(rest) < _INT64, rest, np.nan))
    return pc.coalesce(ticks, pa.array(floored, from_pandas=True).cast(pa.int64()))


def floor_div(ticks: Int64, per: int) -> Int64:
    """Divide by the units in a second, towards the past."""
    return ticks if per == 1 else ticks // per
