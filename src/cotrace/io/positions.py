"""Positions to WGS 84 longitude and latitude, or to x and y in metres; what is none is marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from cotrace.arrays import cast_or_null, floats, frozen, null_mask, plain, view
from cotrace.errors import PositionError, SchemaError
from cotrace.io.batches import Marks
from cotrace.io.reasons import BAD_POSITION, NO_POSITION, NOT_FINITE, OUT_OF_RANGE

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PositionReader", "check_axis", "read_axis"]

Float64 = npt.NDArray[np.float64]

_WGS84 = frozenset({"WGS84", "WGS 84", "EPSG:4326", "OGC:CRS84", "4326", "CRS84"})
_GCJ02 = frozenset({"GCJ02", "GCJ-02", "GCJ_02"})


def check_axis(kind: pa.DataType, name: str, where: str) -> None:
    """Refuse a column whose type cannot be a coordinate."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        kind = kind.value_type
    numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind)
    text = str(kind) in ("string", "large_string", "string_view")
    if not (numeric or text or pa.types.is_null(kind)):
        raise SchemaError(
            f"{where}: column {name!r} is of type {kind}; a coordinate is a number: cast the column"
        )


def read_axis(array: pa.Array, marks: Marks) -> Float64:
    """Return one coordinate as float64, read-only; mark the rows that have none, or one that is no number."""
    import pyarrow as pa

    if pa.types.is_float64(array.type) and not array.null_count:
        return view(array, np.float64)
    array = plain(array)
    none = null_mask(array)
    marks.mark(none, NO_POSITION)
    if not (
        pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_decimal(array.type)
    ):
        import pyarrow.compute as pc

        array = pc.utf8_trim_whitespace(array.cast(pa.large_string()))
        marks.mark(null_mask(cast_or_null(array, pa.float64())), BAD_POSITION)
    values = cast_or_null(array, pa.float64())
    return frozen(floats(values))


class PositionReader:
    """Reads two columns of positions; safe to share between threads.

    Parameters
    ----------
    kind : {"lonlat", "xy"}
        What the columns are.
    crs : str, object or None
        What the caller said of them.
    names : tuple of str
        The columns, for messages.

    Attributes
    ----------
    crs : str or None
        The CRS of x and y; None for a plane, and for lon/lat, which leave as WGS 84.
    """

    def __init__(self, kind: Literal["lonlat", "xy"], crs: Any, names: tuple[str, str]) -> None:
        self.kind = kind
        self.names = names
        self.said = crs
        self.crs: str | None = None
        self._convert: Any = None
        if kind == "lonlat":
            self._convert = _to_wgs84(crs, names)
        elif crs is not None:
            self.crs = _projected(crs, names)

    def read(self, a: pa.Array, b: pa.Array, marks: Marks) -> tuple[Float64, Float64]:
        """Return the two coordinates, and mark the rows where there are none that can be used."""
        first, second = read_axis(a, marks), read_axis(b, marks)
        limits = (180.0, 90.0) if self.kind == "lonlat" else (np.inf, np.inf)
        # NaN passes through min and max and makes every comparison false: four cheap passes tell if all is well
        box = _box(first, second) if len(first) else None
        if box is not None and not (_within(box[:2], limits[0]) and _within(box[2:], limits[1])):
            self._mark_bad(first, second, limits, marks)
            usable = np.asarray(marks.codes == 0)
            box = _box(first[usable], second[usable]) if usable.any() else None
        marks.box = box
        if self.kind == "lonlat" and box is not None and box[0] <= 0 <= box[1] and box[2] <= 0 <= box[3]:
            _count_zeros(first, second, marks)
        if self._convert is None:
            return first, second
        good = marks.good
        if good is not None:
            first, second = (np.where(good, v, 0.0) for v in (first, second))
        lon, lat = self._convert(first, second)
        marks.mark(~(np.isfinite(lon) & np.isfinite(lat)), OUT_OF_RANGE)
        return frozen(np.asarray(lon, np.float64)), frozen(np.asarray(lat, np.float64))

    def _mark_bad(self, a: Float64, b: Float64, limits: tuple[float, float], marks: Marks) -> None:
        marks.mark(~(np.isfinite(a) & np.isfinite(b)), NOT_FINITE)
        bad = (np.abs(a) > limits[0]) | (np.abs(b) > limits[1])
        if marks.codes is not None:
            bad &= marks.codes == 0
        marks.mark(bad, OUT_OF_RANGE)
        marks.swapped += int((bad & (np.abs(b) > 90.0) & (np.abs(b) <= 180.0) & (np.abs(a) <= 90.0)).sum())


def _box(a: Float64, b: Float64) -> tuple[float, float, float, float]:
    return float(a.min()), float(a.max()), float(b.min()), float(b.max())


def _within(ends: tuple[float, ...], limit: float) -> bool:
    low, high = ends
    return low >= -limit and high <= limit and low > -np.inf and high < np.inf


def _count_zeros(a: Float64, b: Float64, marks: Marks) -> None:
    zeros = (a == 0) & (b == 0)
    if marks.codes is not None:
        zeros &= marks.codes == 0
    marks.zeros = int(np.count_nonzero(zeros))
    marks.first_zero = int(zeros.argmax())


def _named(crs: Any) -> str:
    return str(crs).strip().upper() if isinstance(crs, (str, int)) else ""


def _to_wgs84(crs: Any, names: tuple[str, str]) -> Any:
    """Return what turns lon/lat of this CRS into WGS 84; None where there is nothing to do."""
    if crs is None or _named(crs) in _WGS84:
        return None
    if _named(crs) in _GCJ02:
        from cotrace.geodesy import gcj02_to_wgs84

        return gcj02_to_wgs84
    system = _system(crs)
    if not system.is_geographic:
        raise PositionError(
            f"crs={crs!r} is no CRS of longitude and latitude, but positions come from {names[0]!r} and "
            f"{names[1]!r}: name columns in metres by x= and y=, or leave crs= out for WGS 84"
        )
    from pyproj import Transformer

    to_wgs84 = Transformer.from_crs(system, "OGC:CRS84", always_xy=True)
    return to_wgs84.transform


def _projected(crs: Any, names: tuple[str, str]) -> str:
    """Return the name of the CRS of x and y."""
    if _named(crs) in _GCJ02 | _WGS84:
        geographic = True
    else:
        system = _system(crs)
        geographic = system.is_geographic
    if geographic:
        raise PositionError(
            f"crs={crs!r} is a CRS of longitude and latitude, but positions come from {names[0]!r} and "
            f"{names[1]!r}: name these by lon= and lat=, or give the projected CRS that they are in"
        )
    units = {axis.unit_name for axis in system.axis_info[:2]}
    if units - {"metre"}:
        raise PositionError(f"crs={crs!r} is in {', '.join(sorted(units))}; x and y must be in metres")
    authority = system.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(crs if isinstance(crs, str) else system.to_wkt())


def _system(crs: Any) -> Any:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS.from_user_input(crs)
    except CRSError as error:
        raise PositionError(
            f"crs={crs!r} is no CRS that is known ({str(error).splitlines()[0]}); give an EPSG code such as "
            "'EPSG:32650', or 'gcj02'"
        ) from None
