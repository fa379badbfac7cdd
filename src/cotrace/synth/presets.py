"""Cities as they are published, and what of them is our assumption."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PRESETS", "CityPreset"]


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
            "80,000 stations on 1,161 km2 (69 a km2), 25 million people: project brief and FACTS, Mobile networks",
        ),
        CityPreset(
            "xian",
            2_324.0,
            13_000_000,
            20_000,
            ("population",),
            "20,000 stations on 2,324 km2 (8.6 a km2): FACTS, Mobile networks",
        ),
        CityPreset(
            "chongqing",
            5_467.0,
            10_300_000,
            60_000,
            ("area_km2", "population"),
            "60,000 stations: FACTS, Mobile networks",
        ),
    )
}
