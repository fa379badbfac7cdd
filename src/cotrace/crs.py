"""Named coordinate reference systems: spelling, unit, area of use, and the way from one to another."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cotrace.errors import GridError

__all__ = ["area_of_use", "check_metres", "crs_name", "is_degrees", "transformer"]


def crs_name(crs: Any) -> str:
    """Name of a CRS in one spelling: ``EPSG:32650`` for ``"epsg:32650"``, for 32650 and for a pyproj object.

    Parameters
    ----------
    crs : str, int or pyproj.CRS
        Anything that pyproj takes.

    Returns
    -------
    str
        Authority and code where there is one, else well-known text.

    Raises
    ------
    GridError
        When pyproj does not know it.
    """
    if isinstance(crs, str):
        return _crs_name(crs.strip())
    return _crs_name(crs if isinstance(crs, int) and not isinstance(crs, bool) else _text(crs))


def _text(crs: Any) -> str:
    if not hasattr(crs, "to_wkt"):
        raise GridError(f"crs={crs!r} is no name of a CRS: give its code, such as 'EPSG:32650'")
    return str(crs.to_wkt())


@lru_cache(maxsize=256)
def _crs_name(crs: str | int) -> str:
    if isinstance(crs, str) and crs.lower() in ("gcj02", "gcj-02"):
        raise GridError(
            "crs='gcj02' is a shift of lon/lat and no CRS with metres: read the pings with crs='gcj02', "
            "they become WGS 84, and use Grid.geographic() or the projected CRS of the place"
        )
    import pyproj

    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        raise GridError(f"crs={crs!r} is not known to pyproj: give a code, such as 'EPSG:32650'") from None
    authority = found.to_authority(min_confidence=100)
    return ":".join(authority) if authority else str(found.to_wkt())


@lru_cache(maxsize=256)
def check_metres(name: str) -> None:
    """Refuse a CRS that is not projected in metres.

    Parameters
    ----------
    name : str
        As :func:`crs_name` gives it.

    Raises
    ------
    GridError
        The message says what the CRS is instead.
    """
    import pyproj

    crs = pyproj.CRS.from_user_input(name)
    units = sorted({axis.unit_name for axis in crs.axis_info[:2]})
    what = f"crs={name!r} ({crs.name})" if len(name) < 40 else f"the CRS {crs.name!r}"
    if not crs.is_projected:
        kind = "geographic, in degrees" if crs.is_geographic else f"a {crs.type_name}"
        raise GridError(
            f"{what} is {kind}: Grid.projected needs a CRS projected in metres, such as 'EPSG:32650'; "
            "for lon/lat use Grid.geographic()"
        )
    if any(axis.unit_conversion_factor != 1.0 for axis in crs.axis_info[:2]):
        raise GridError(f"{what} has {' and '.join(units)} as its unit: Grid.projected needs metres")


@lru_cache(maxsize=256)
def transformer(source: str, target: str) -> Any:
    """Return the pyproj transformer between two named CRS, x (east, lon) first.

    Parameters
    ----------
    source, target : str
        As :func:`crs_name` gives them.

    Returns
    -------
    pyproj.Transformer
    """
    import pyproj

    return pyproj.Transformer.from_crs(source, target, always_xy=True)


@lru_cache(maxsize=256)
def area_of_use(name: str) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of the area that a CRS is made for, degrees; None where it is not said.

    Parameters
    ----------
    name : str
        As :func:`crs_name` gives it.

    Returns
    -------
    tuple of float or None
        West is greater than east where the area crosses the antimeridian.
    """
    import pyproj

    area = pyproj.CRS.from_user_input(name).area_of_use
    return None if area is None else (area.west, area.south, area.east, area.north)


@lru_cache(maxsize=256)
def is_degrees(name: str) -> bool:
    """Whether the coordinates of a CRS are longitude and latitude.

    Parameters
    ----------
    name : str
        As :func:`crs_name` gives it.

    Returns
    -------
    bool
    """
    if name == "EPSG:4326":  # by far the most frequent: no need to load pyproj
        return True
    import pyproj

    return bool(pyproj.CRS.from_user_input(name).is_geographic)
