"""Cities as they are published, and what of them is our assumption."""

from __future__ import annotations

from dataclasses import dataclass

from cotrace.errors import OptionError

__all__ = ["PRESETS", "CityPreset", "shape_of"]


@dataclass(frozen=True)
class CityPreset:
    """A city's area, people and 5G stations; ``assumed`` names the figures that were never published to us."""

    id: str
    area_km2: float
    population: int
    stations: int
    assumed: tuple[str, ...]
    source: str

    @property
    def stations_a_km2(self) -> float:
        """5G stations a square kilometre."""
        return self.stations / self.area_km2


PRESETS = {
    p.id: p
    for p in (
        CityPreset(
            "shanghai",
            1_161.0,
            25_000_000,
            80_000,
            (),
            "80,000 stations on 1,161 km2 (69 a km2), 25 million people: published figures (secondary)",
        ),
        CityPreset(
            "xian",
            2_324.0,
            13_000_000,
            20_000,
            ("population",),
            "20,000 stations on 2,324 km2 (8.6 a km2): published figures (secondary)",
        ),
        CityPreset(
            "chongqing",
            5_467.0,
            10_300_000,
            60_000,
            ("area_km2", "population"),
            "60,000 stations: published figures (secondary)",
        ),
    )
}


def shape_of(
    preset: str | None, area: float | None, people: int | None, stations: int | None, scale: float
) -> tuple[float, int, int]:
    """Return area, people and stations of a city: those given, or the preset's, times the scale."""
    if preset is not None and preset not in PRESETS:
        raise OptionError(f"preset={preset!r}: there are {', '.join(PRESETS)}")
    if not 0.0 < scale <= 100.0:
        raise OptionError(f"scale={scale!r} is not over 0 and at most 100")
    if preset is not None:
        known = PRESETS[preset]
        area = known.area_km2 if area is None else area
        people = known.population if people is None else people
        stations = known.stations if stations is None else stations
    if area is None or people is None:
        raise OptionError("without a preset, give area_km2= and population=")
    if not 0.0 < area * scale <= 100_000.0:
        raise OptionError(f"area_km2={area!r} times scale={scale!r} is not over 0 and at most 100,000 km2")
    n = round(people * scale)
    if not 0 <= n < 2**30:
        raise OptionError(f"population={people!r} times scale={scale!r} is not from 0 to 2**30")
    masts = round(scale * (20.0 * area if stations is None else stations))
    return area * scale, n, max(1, masts)
