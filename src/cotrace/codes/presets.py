"""Release rules as they were published. All sources are secondary: reprints and press reports, not the originals.

What a publication left open is said in ``note``. None of them turns a candidate red without a person's decision.
"""

from __future__ import annotations

from cotrace.codes.rules import CodeRules

__all__ = [
    "RULES",
    "changsha_2021",
    "chengdu_2021",
    "chongqing_2021",
    "guangzhou_2022",
    "guangzhou_2022_days",
    "xian_2021",
]

_COMPANION = (("companion", "yellow"),)

chengdu_2021 = CodeRules(
    id="chengdu_2021",
    proposes=_COMPANION,
    late_within="14d",
    source="Chengdu city notice, 3 November 2021 (secondary)",
    date="2021-11-03",
    note="Two negatives at least 24 h apart within 3 days; else within 14 days; else 14 days' isolation and one "
    "negative. From when the days count was not published: here from when the code turned yellow.",
)

chongqing_2021 = CodeRules(
    id="chongqing_2021",
    proposes=_COMPANION,
    apart="0s",
    within=None,
    then="monitoring",
    isolation=None,
    home="red",
    source='"Why did Xi\'an lose control", ZAKER, 2022-01-07; press, November 2021 (secondary)',
    date="2021-11",
    note="Two tests in a row, 14 days of self-monitoring; an overlap that is found to need home isolation turns red: "
    "here only when a person decides so. How far apart the tests are, by when they are due, the code during "
    "self-monitoring (here green) and what ends isolation (here a person) were not published.",
)

changsha_2021 = CodeRules(
    id="changsha_2021",
    proposes=_COMPANION,
    negatives=3,
    apart="0s",
    within="7d",
    then="approval",
    isolation=None,
    source="Changsha CDC in a newspaper, 29 October 2021 (secondary)",
    date="2021-10-29",
    note="Three tests in 7 days, then approval. How far apart the tests are was not published.",
)

guangzhou_2022 = CodeRules(
    id="guangzhou_2022",
    proposes=_COMPANION,
    day_pass=True,
    isolation=None,
    source="Guangzhou, press, 2022 (secondary)",
    date="2022",
    note="Two tests in 3 days at least 24 h apart; green after the first negative, yellow again the next day. What "
    "follows when they are not done was not published: here they release at any later time.",
)

guangzhou_2022_days = CodeRules(
    id="guangzhou_2022_days",
    proposes=_COMPANION,
    negatives=3,
    apart="0s",
    within="7d",
    days=(1, 3, 7),
    isolation=None,
    source="Guangzhou, press, 2022 (secondary)",
    date="2022",
    note="The other form: three tests in 7 days, on days 1, 3 and 7. Day 1 is taken to be that of the first test.",
)

xian_2021 = CodeRules(
    id="xian_2021",
    proposes=(*_COMPANION, ("lockdown", "red"), ("control", "yellow")),
    decided=("lockdown",),
    negatives=0,
    within=None,
    isolation=None,
    source="Xi'an, press, December 2021 (secondary)",
    date="2021-12-20",
    note="Red: high risk or central isolation; yellow: medium risk or isolation at home. On 20 December 2021 there "
    "were 14,700 red codes and 34,526 yellow ones. High risk is read as lockdown, medium as control. No release was "
    "published: here a person releases, and the yellow of a zone ends when it is lifted. Companions are yellow as "
    "elsewhere.",
)

RULES = {
    r.id: r
    for r in (chengdu_2021, chongqing_2021, changsha_2021, guangzhou_2022, guangzhou_2022_days, xian_2021)
}
