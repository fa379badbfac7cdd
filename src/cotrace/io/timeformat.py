"""Times written in a format of the caller's: rewritten as ISO 8601, which is then read like any other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.arrays import cast_or_null, plain
from cotrace.errors import CotraceTypeError, OptionError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["TimeFormat", "calendar_format"]

_SHORT = {"%T": "%H:%M:%S", "%F": "%Y-%m-%d", "%R": "%H:%M"}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
#: What a directive stands for, by itself and where digits touch it, so that its width must be fixed.
_DIRECTIVES = {
    "Y": (r"(\d{4})", r"(\d{4})"),
    "y": (r"(\d{2})", r"(\d{2})"),
    "m": (r"(\d{1,2})", r"(\d{2})"),
    "b": (r"([A-Za-z]{3})[A-Za-z]*\.?", r"([A-Za-z]{3})"),
    "d": (r"(\d{1,2})", r"(\d{2})"),
    "H": (r"(\d{1,2})", r"(\d{2})"),
    "M": (r"(\d{1,2})", r"(\d{2})"),
    "S": (r"(\d{1,2})", r"(\d{2})"),
    "f": (r"(\d{1,9})", r"(\d{1,9})"),
    "z": (r"(Z|[+-]\d{2}:?\d{2})", r"(Z|[+-]\d{2}:?\d{2})"),
}
_KNOWN = "%Y %y %m %b %d %H %M %S %f %z, %F, %T and %R"

_CALENDAR_DIGITS = {14: "%Y%m%d%H%M%S", 12: "%Y%m%d%H%M"}
_CALENDAR = re.compile(
    r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])(?:[0-5]\d){1,2}"
)


def calendar_format(text: str) -> str | None:
    """Return the format of digits that are the parts of a date and time in turn; None for any other number.

    Ten digits are not looked at: they are seconds since 1970, of which some look so.
    """
    digits = text.removesuffix(".0")
    return _CALENDAR_DIGITS[len(digits)] if _CALENDAR.fullmatch(digits) else None


class TimeFormat:
    """A format like that of ``datetime.strptime``, for whole columns.

    Parameters
    ----------
    text : str
        With %Y (or %y), %m (or %b, months in English), %d and %H, and %M, %S, %f, %z where they are there; %F, %T
        and %R as usual.

    Raises
    ------
    OptionError
        For other directives, and for formats without a year, a month, a day or an hour.
    """

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise CotraceTypeError(f"time_format={text!r} is no text such as '%Y%m%d%H%M%S'")
        self.text = text
        parts = _split(text)
        self._order = [part[1] for part in parts if part[0] == "%" and part != "%%"]
        self._check()
        touching = [
            any(_is_digits(parts[k]) for k in (i - 1, i + 1) if 0 <= k < len(parts))
            for i in range(len(parts))
        ]
        pieces = [_pattern(part, fixed) for part, fixed in zip(parts, touching, strict=True)]
        self._pattern = "^" + "".join(pieces) + "$"
        self._width = self._fixed_width(parts)

    @property
    def has_offset(self) -> bool:
        """Whether times have an offset of their own."""
        return "z" in self._order

    def _check(self) -> None:
        odd = [d for d in self._order if d not in _DIRECTIVES]
        if odd:
            raise OptionError(
                f"time_format={self.text!r}: %{odd[0]} cannot be read here; the parts are {_KNOWN}. A 12-hour clock "
                "must be converted before"
            )
        twice = [d for d in self._order if self._order.count(d) > 1]
        if twice or {"Y", "y"} <= set(self._order) or {"m", "b"} <= set(self._order):
            raise OptionError(f"time_format={self.text!r} has one part twice")
        for name, ways in (("year", "Yy"), ("month", "mb"), ("day", "d"), ("hour", "H")):
            if not set(ways) & set(self._order):
                raise OptionError(
                    f"time_format={self.text!r} has no {name} (%{ways[0]}): a ping needs an instant; the whole of "
                    "20211020000002 is '%Y%m%d%H%M%S'"
                )
        for part, before in (("f", "S"), ("S", "M")):
            if part in self._order and before not in self._order:
                raise OptionError(f"time_format={self.text!r} has %{part}, but no %{before}")

    def _fixed_width(self, parts: list[str]) -> int:
        """Return how many digits a time has, 0 where it is not digits alone; integers lack leading zeros."""
        widths = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
        plain_parts = all(part[0] == "%" and part[1:] in widths for part in parts)
        return sum(widths[d] for d in self._order) if plain_parts else 0

    def iso(self, array: pa.Array) -> pa.Array:
        """Return a column of text or numbers as ISO 8601 text; null where the format does not fit."""
        import pyarrow as pa
        import pyarrow.compute as pc

        text = pc.utf8_trim_whitespace(self._text(plain(array)))
        fits = pc.match_substring_regex(text, self._pattern)
        text = pc.if_else(fits, text, pa.scalar(None, pa.large_string()))
        text = pc.replace_substring_regex(text, self._pattern, self._replacement())
        if "b" in self._order:
            for number, month in enumerate(_MONTHS, start=1):
                text = pc.replace_substring_regex(text, f"-(?i:{month})-", f"-{number:02}-")
        if "y" in self._order:
            # as POSIX has it
            text = pc.replace_substring_regex(text, r"^(69|[7-9]\d)-", r"19\1-")
            text = pc.replace_substring_regex(text, r"^(\d\d)-", r"20\1-")
        for _ in range(2):  # matches that touch are found in turn
            text = pc.replace_substring_regex(text, r"([-T:])(\d)([-T:.Z+]|$)", r"\10\2\3")
        return text

    def _text(self, array: pa.Array) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_floating(array.type) or pa.types.is_decimal(array.type):
            # integers that became floats because some were missing
            array = array.cast(pa.float64())
            values = np.asarray(array.to_numpy(zero_copy_only=False))
            with np.errstate(invalid="ignore"):
                whole = (np.abs(values) < 2.0**53) & (np.floor(values) == values)
            array = pc.if_else(pa.array(whole), array, pa.scalar(None, pa.float64())).cast(pa.int64())
        text = cast_or_null(array, pa.large_string())
        number = pa.types.is_integer(array.type)
        return pc.utf8_lpad(text, self._width, "0") if number and self._width else text

    def _replacement(self) -> str:
        at = {d: f"\\{i}" for i, d in enumerate(self._order, start=1)}
        year, month = at.get("Y", at.get("y", "")), at.get("m", at.get("b", ""))
        second = at.get("S", "00") + (f".{at['f']}" if "f" in at else "")
        return f"{year}-{month}-{at['d']}T{at['H']}:{at.get('M', '00')}:{second}{at.get('z', '')}"


def _split(text: str) -> list[str]:
    for short, long in _SHORT.items():
        text = text.replace(short, long)
    text = text.replace("%B", "%b")
    if text.endswith("%") and not text.endswith("%%"):
        raise OptionError(f"time_format={text!r} ends with a single %")
    return re.findall(r"%.|[^%]+", text, flags=re.DOTALL)


def _is_digits(part: str) -> bool:
    """Tell whether what stands beside a directive is digits too."""
    return (part[0] == "%" and part[1:] not in ("b", "z", "%")) or part[0].isdigit() or part[-1].isdigit()


def _pattern(part: str, fixed: bool) -> str:
    if part == "%%":
        return "%"
    if part[0] == "%":
        return _DIRECTIVES[part[1]][fixed]
    # any white space stands for any other, as in strptime
    return re.sub(r"(?:\\\s|\s)+", r"\\s+", re.escape(part))
