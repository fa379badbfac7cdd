"""Rules as they were published: each a :class:`CompanionRule` and :class:`StayOptions`, with source and date.

What a publication left open is left to the defaults, and ``note`` says what that is. All sources but the first
are secondary: reprints and press reports, not the originals.
"""

from __future__ import annotations

from dataclasses import dataclass

from cotrace.grid import Grid
from cotrace.options import CompanionRule, StayOptions

__all__ = [
    "PRESETS",
    "Preset",
    "cdc_2020_10",
    "changsha_2021",
    "chengdu_2021",
    "chongqing_2021",
    "korea_itaewon_2020",
]


@dataclass(frozen=True)
class Preset:
    """A published rule: use its ``rule`` and its ``options`` together."""

    id: str
    rule: CompanionRule
    options: StayOptions
    source: str
    date: str
    note: str


chongqing_2021 = Preset(
    "chongqing_2021",
    CompanionRule(strict=True),
    StayOptions(),
    '"Why did Xi\'an lose control", ZAKER, 2022-01-07 (secondary)',
    "2021-11",
    "One 800 x 800 m grid, more than 10 min, and in the last 14 days either number's cumulative stay is more "
    "than 30 h. Where the grid begins, what a silence means and when the 14 days end was not published.",
)

chengdu_2021 = Preset(
    "chengdu_2021",
    CompanionRule(strict="shared"),
    StayOptions(),
    "Chengdu city notice, 3 November 2021 (secondary)",
    "2021-11-03",
    "As Chongqing, but 30 h and more, and said to be in this grid. 82,000 devices were flagged.",
)

changsha_2021 = Preset(
    "changsha_2021",
    CompanionRule(min_cumulative=None),
    StayOptions(by="tower"),
    "Changsha CDC in a newspaper, 29 October 2021 (secondary)",
    "2021-10-29",
    "Outdoors, same base station within a distance, 10 min and more; no cumulative clause. The distance was "
    "not given and is not tested, nor is outdoors. A tower log needs fill= named.",
)

cdc_2020_10 = Preset(
    "cdc_2020_10",
    CompanionRule(min_shared="15min", min_cumulative=None, shared="cumulative", per="24h"),
    StayOptions(grid=Grid.geographic(cell_m=1.8288)),
    "US CDC, definition of close contact, 21 October 2020 (secondary)",
    "2020-10-21",
    "Within 6 feet (1.8288 m, taken as the side of a cell: people in neighbouring cells are missed) for 15 min "
    "or more over 24 h; from 2 days before onset until isolation: give the cases infectious_from and "
    "isolated_at. Only positions good to a metre can carry it; for x/y use grid=Grid.planar(1.8288).",
)

korea_itaewon_2020 = Preset(
    "korea_itaewon_2020",
    CompanionRule(min_shared="30min", min_cumulative=None, strict="shared"),
    StayOptions(by="tower"),
    "Seoul, base stations near the venues of Itaewon, May 2020 (secondary)",
    "2020-05",
    "Near the venues' base stations between 24 April and 6 May, 00 to 05 h, for more than 30 min: 10,905 people. "
    "The dates, hours and venues are a question about places, not part of this rule: it keeps the same tower "
    "and the more than 30 min. A tower log needs fill= named.",
)

PRESETS = {p.id: p for p in (chongqing_2021, chengdu_2021, changsha_2021, cdc_2020_10, korea_itaewon_2020)}
