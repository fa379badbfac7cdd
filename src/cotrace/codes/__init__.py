"""Codes: green, yellow, red or unknown, with a reason, as the fold of events; small and apart.

Proposals come from exposures and zones, tests and decisions from people; a rule set says what follows. Nothing else
in cotrace imports this. What is proposed are candidates from co-location, and decisions are people's.
"""

from cotrace.codes.book import Applied, Book, Code, Standing
from cotrace.codes.lookup import Answers, Snapshot
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
from cotrace.codes.snapshot import write_snapshot
from cotrace.codes.swap import Lookups, publish

__all__ = [
    "LABELS",
    "RULES",
    "STATES",
    "TRANSITIONS",
    "Answers",
    "Applied",
    "Book",
    "Code",
    "CodeRules",
    "Lookups",
    "Snapshot",
    "Standing",
    "changsha_2021",
    "chengdu_2021",
    "chongqing_2021",
    "evidence_of",
    "guangzhou_2022",
    "guangzhou_2022_days",
    "lifted",
    "propose",
    "publish",
    "write_snapshot",
    "xian_2021",
]
