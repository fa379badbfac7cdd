"""Codes: green, yellow, red or unknown, with a reason, as the fold of events; small and apart.

Proposals come from exposures and zones, tests and decisions from people; a rule set says what follows. Nothing else
in cotrace imports this. What is proposed are candidates from co-location, and decisions are people's.
"""

from cotrace.codes.book import Applied, Book, Code, Standing
from cotrace.codes.machine import LABELS, STATES, TRANSITIONS
from cotrace.codes.presets import (
    RULES,
    changsha_2021,
    chengdu_2021,
    chongqing_2021,
    guangzhou_2022,
    guangzhou_2022_days,
    xian_2021,
)
from cotrace.codes.proposals import evidence_of, lifted, propose
from cotrace.codes.rules import CodeRules

__all__ = [
    "LABELS",
    "RULES",
    "STATES",
    "TRANSITIONS",
    "Applied",
    "Book",
    "Code",
    "CodeRules",
    "Standing",
    "changsha_2021",
    "chengdu_2021",
    "chongqing_2021",
    "evidence_of",
    "guangzhou_2022",
    "guangzhou_2022_days",
    "lifted",
    "propose",
    "xian_2021",
]
