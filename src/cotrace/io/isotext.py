"""Times written as ISO 8601 text, with an offset or without."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cotrace.arrays import cast_or_null, plain, view
from cotrace.errors import TimeError
from cotrace.io.batches import Marks
from cotrace.io.instants import say_units
from cotrace.io.reasons import BAD_TIME
from cotrace.io.timeformat import calendar_format
from cotrace.io.zones import zone_name

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["first_offset", "parse"]

_DAY = r"\d{4}-\d{2}-\d{2}"
_OFFSET = r"(?:Z|[+-]\d{2}(?::?\d{2})?)"
_LOCAL = rf"^{_DAY}[ T]\d{{2}}(?::\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?)?"
_SHORTEST = len("2021-11-01T08")

Int64 = npt.NDArray[np.int64]


def first_offset(heads: Iterable[pa.Array], name: str) -> str | None:
    """Return the zone that the first time of a source is written in; raise where it has none.

    None when there is no time at all, or nothing that looks like one: such rows will be refused.
    """
    import re

    text = _first_readable(heads)
    if text is None:
        return None
    if re.fullmatch(_LOCAL[1:] + _OFFSET, text):
        return zone_name(text[re.fullmatch(_LOCAL[1:] + f"({_OFFSET})", text).start(1) :])  # type: ignore[union-attr]
    if re.fullmatch(_LOCAL[1:], text):
        raise TimeError(
            f"times in column {name!r} are written without an offset, as {text!r} is; name the time zone that "
            "they are in, tz='Asia/Shanghai' for instance, or tz='UTC'"
        )
    if re.fullmatch(_DAY, text):
        raise TimeError(
            f"column {name!r} holds dates without a time of day, as {text!r}; pings need an instant"
        )
    raise TimeError(
        f"column {name!r} holds numbers, and unit= is not given. {say_units(float(text), text)}, or write ISO 8601 "
        "(2021-11-01T08:30:00+08:00)"
    )


def _first_readable(heads: Iterable[pa.Array]) -> str | None:
    """Return the first text that looks like a time of any kind, looking at few rows before many."""
    import pyarrow as pa

    pattern = rf"{_LOCAL}{_OFFSET}?$|^{_DAY}$|^-?\d+(?:\.\d+)?$"
    for head in heads:
        for rows in (head[:64], head[64:]):
            text = _tidy(plain(rows).cast(pa.large_string()))
            fits = _matches(text, pattern)
            if fits.any():
                return str(text[int(fits.argmax())].as_py())
    return None


def _tidy(text: pa.Array) -> pa.Array:
    """Bring variants of ISO 8601 to one form: ``T``, ``Z``, a dot, no more than six decimals, no spaces."""
    import pyarrow.compute as pc

    text = pc.ascii_upper(pc.utf8_trim_whitespace(text))
    text = pc.replace_substring_regex(text, r"\s*(?:UTC|GMT|Z)$", "Z")
    text = pc.replace_substring_regex(text, rf"^({_DAY}[ T][\d:.,]+)\s+([+-]\d{{2}}(?::?\d{{2}})?)$", r"\1\2")
    return pc.replace_substring_regex(text, r"[.,](\d{1,6})\d*", r".\1")


def parse(
    array: pa.Array, name: str, given: str | None, zone: str, first_row: int, marks: Marks
) -> tuple[Int64, npt.NDArray[np.bool_]]:
    """Read text as seconds, and say which are by the local clock.

    Parameters
    ----------
    array : pyarrow.Array
        The text.
    given, zone : str or None, str
        The zone that the caller named, and the one of the results.
    first_row, marks
        For messages and refused rows.

    Raises
    ------
    TimeError
        For a time without an offset, or with another one than before, where the caller named no zone.
    """
    import pyarrow as pa

    text = array.cast(pa.large_string())
    quick = _uniform(text, given, zone)
    if quick is not None:
        return quick
    return _row_by_row(text, name, given, zone, first_row, marks)


def _uniform(text: pa.Array, given: str | None, zone: str) -> tuple[Int64, npt.NDArray[np.bool_]] | None:
    """Read a batch whose rows are all alike, which most are; None for any other."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if text.null_count == len(text) or pc.min(pc.binary_length(text)).as_py() < _SHORTEST:
        return None
    some = text[:1] if not text.null_count else text.drop_null()[:1]
    endings = (
        ("Z", "+00:00", "+00") if zone == "UTC" else (zone, zone.replace(":", ""), zone.removesuffix(":00"))
    )
    aware = given is not None or any(pc.all(pc.ends_with(text, e)).as_py() for e in endings)
    for kind in ([pa.timestamp("us", "UTC")] if aware else []) + ([pa.timestamp("us")] if given else []):
        # a cast that fails costs far more than one that does not: try it with one row
        if cast_or_null(some, kind).null_count:
            continue
        try:
            stamps = text.cast(kind)
        except pa.ArrowInvalid:
            continue
        return _seconds(stamps), np.full(len(text), kind.tz is None)
    return None


def _row_by_row(
    text: pa.Array, name: str, given: str | None, zone: str, first_row: int, marks: Marks
) -> tuple[Int64, npt.NDArray[np.bool_]]:
    import pyarrow as pa

    text, aware, local = _sorted_out(text)
    if not (aware | local).any():
        _check_digits(text, name, first_row)
    if given is None:
        _check_zone(text, aware, local, name, zone, first_row)
    seconds = np.zeros(len(text), np.int64)
    good = np.zeros(len(text), np.bool_)
    for mask, kind in ((aware, pa.timestamp("us", "UTC")), (local, pa.timestamp("us"))):
        stamps = cast_or_null(text.filter(pa.array(mask)), kind)
        good[mask] = np.asarray(stamps.is_valid().to_numpy(zero_copy_only=False))
        seconds[mask] = _seconds(stamps)
    marks.mark(~good, BAD_TIME)
    seconds[~good] = 0
    return seconds, local & good


def _check_digits(text: pa.Array, name: str, first_row: int) -> None:
    """Raise where a batch without any readable time begins with the digits of a date and time."""
    first = next((t for t in text.drop_null()[:1].to_pylist()), "")
    time_format = calendar_format(first)
    if time_format is not None:
        raise TimeError(
            f"times in column {name!r} look like YYYYMMDDhhmmss (one of these {len(text)} rows from row {first_row} is "
            f"{first!r}): give time_format={time_format!r}"
        )


def _sorted_out(text: pa.Array) -> tuple[pa.Array, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the text with variants brought to one form, and which rows have an offset, and which have none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    aware = _matches(text, rf"{_LOCAL}{_OFFSET}$")
    local = np.zeros(len(text), np.bool_)
    for tidy in (False, True):
        rest = ~(aware | local)
        if rest.any():
            part = text.filter(pa.array(rest))
            if tidy:
                part = _tidy(part)
                text = pc.replace_with_mask(text, pa.array(rest), part)
                aware[rest] = _matches(part, rf"{_LOCAL}{_OFFSET}$")
            local[rest] = _matches(part, rf"{_LOCAL}$")
    return text, aware, local


def _seconds(stamps: pa.Array) -> Int64:
    """Return whole seconds, 0 for nulls."""
    ticks = view(stamps, np.int64)
    if stamps.null_count:
        ticks = np.where(np.asarray(stamps.is_valid().to_numpy(zero_copy_only=False)), ticks, 0)
    return ticks // 1_000_000


def _matches(text: pa.Array, pattern: str) -> npt.NDArray[np.bool_]:
    import pyarrow.compute as pc

    return np.asarray(
        pc.fill_null(pc.match_substring_regex(text, pattern), False).to_numpy(zero_copy_only=False)
    )


def _check_zone(
    text: pa.Array,
    aware: npt.NDArray[np.bool_],
    local: npt.NDArray[np.bool_],
    name: str,
    zone: str,
    first_row: int,
) -> None:
    """Raise where the caller must name the zone."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if local.any():
        raise TimeError(
            f"{int(local.sum())} of these {len(text)} times in column {name!r} (first: row "
            f"{first_row + int(local.argmax())}) have no offset while others have one: name the zone that they "
            "are in, tz='Asia/Shanghai' for instance"
        )
    offsets: Any = pc.extract_regex(text.filter(pa.array(aware)), rf"(?P<offset>{_OFFSET})$")
    distinct = {zone_name(o) for o in pc.unique(pc.struct_field(offsets, "offset")).to_pylist()}
    others = sorted(distinct - {zone})
    if others:
        raise TimeError(
            f"times in column {name!r} have several offsets: {zone} and {', '.join(others)}. The instants are "
            "clear, the zone of the results is not: name it, tz='Asia/Shanghai' for instance"
        )
