"""The state machine of codes: states, events, and every transition between them.

The table :data:`TRANSITIONS` is what the fold runs on, and the page of the documentation is made from it. For a state
and an event the first line whose condition holds is taken; where none does, nothing changes.
"""

from __future__ import annotations

from typing import NamedTuple

from cotrace.codes.rules import COLOCATION, PROPOSALS, ZONES

__all__ = [
    "CODES_OF",
    "COLOURS",
    "CONDITIONS",
    "DECISIONS",
    "EVENTS",
    "GROUPS",
    "LABELS",
    "RANKS",
    "STATES",
    "TERMS",
    "TESTED",
    "TRANSITIONS",
    "Transition",
    "lines_of",
]

#: from the least strict; ``unknown`` is not green
COLOURS = ("unknown", "green", "yellow", "red")

UNKNOWN, CLEAR = "unknown", "clear"
HELD, TESTING, DAY_PASS, OVERDUE = "held", "testing", "day_pass", "overdue"
APPROVAL, MONITORING, ISOLATION_DUE, ZONE = "approval", "monitoring", "isolation_due", "zone"
HOME, CENTRAL, ISOLATION_OVER = "home_isolation", "central_isolation", "isolation_over"
REVIEW, RESTRICTED, CASE = "review", "restricted", "case"

#: every state and what it means
STATES = {
    UNKNOWN: "nothing is known of the device",
    CLEAR: "nothing is held against it",
    HELD: "a candidate from co-location; negative tests are asked for",
    TESTING: "some of them were negative",
    DAY_PASS: "the first was negative: green until the next day",
    OVERDUE: "they were not done in time",
    APPROVAL: "they are done; a person approves",
    MONITORING: "they are done; self-monitoring goes on",
    ISOLATION_DUE: "they were not done at all: isolation and a negative test are asked for",
    ZONE: "at home in a zone, until it is lifted",
    HOME: "isolated at home, as a person decided",
    CENTRAL: "isolated centrally, as a person decided",
    ISOLATION_OVER: "isolation is over; a negative test is asked for",
    REVIEW: "a positive test waits for a person's decision",
    RESTRICTED: "red, as a person decided",
    CASE: "a case, as a person decided (or a positive test, where the rules say so)",
}
#: the colour of each state; None: the rules say which, or what was before
CODES_OF: dict[str, str | None] = {
    UNKNOWN: "unknown",
    CLEAR: "green",
    DAY_PASS: "green",
    **dict.fromkeys((HELD, TESTING, OVERDUE, APPROVAL, ISOLATION_DUE, ZONE), "yellow"),
    **dict.fromkeys((MONITORING, HOME, CENTRAL, ISOLATION_OVER, REVIEW)),
    RESTRICTED: "red",
    CASE: "red",
}

DECISIONS = (
    "unclear",
    "excluded",
    "approved",
    "released",
    "confirmed",
    "isolated",
    "isolated_centrally",
    "case",
)
TERMS = ("next_day", "tests_overdue", "late_overdue", "monitoring_over", "isolation_is_over")
#: what a book can be told, in the order in which events of one second are read: a person has the last word
EVENTS = ("enrolled", "lifted", *reversed(PROPOSALS), "negative", "positive", *DECISIONS)
RANKS = {event: rank for rank, event in enumerate(EVENTS)}
#: how the table names events that are alike
GROUPS = {"co-location": COLOCATION, "zone": ZONES}

#: why a code is what it is, as a sentence; what comes from co-location says that it is a candidate
LABELS = {
    "": "nothing is known",
    "enrolled": "nothing is held against it",
    "companion": "companion: a candidate from co-location, not a contact",
    "contact_candidate": "contact candidate from co-location, not a contact",
    "contact_of_contact": "contact of a contact candidate, from co-location",
    "general_risk": "was around: a candidate from co-location",
    "lockdown": "at home in a lockdown zone, as drawn from co-location",
    "control": "at home in a control zone, as drawn from co-location",
    "precaution": "at home in a precaution zone, as drawn from co-location",
    "first_negative": "first test negative: green until the next day",
    "tested": "released by negative tests",
    "monitoring": "released by negative tests; self-monitoring goes on",
    "isolated": "isolated at home, as a person decided",
    "isolated_centrally": "isolated centrally, as a person decided",
    "isolation_over": "isolation is over",
    "positive": "a positive test waits for a person's decision",
    "confirmed": "red, as a person decided",
    "case": "a case",
    "approved": "released by approval",
    "excluded": "released: a person excluded it",
    "released": "released by a person",
    "lifted": "the zone was lifted",
}

#: what the conditions of the table mean
CONDITIONS = {
    "": "always",
    "answered": "no exposure later than one that the code has answered to, or the same zone again",
    "not asked": "the rules ask for no colour",
    "by decision": "the rules ask for a person's decision",
    "yellow": "the rules ask for yellow",
    "complete, green": "this negative test completes them, and green follows (or a zone holds)",
    "complete, approval": "this negative test completes them, and approval follows",
    "complete, monitoring": "this negative test completes them, and self-monitoring follows",
    "first, day pass": "it is the first that counts, no zone holds, and the rules let it be green until the next day",
    "counts": "tests release under these rules",
    "red waits": "a proposal for red waits for a decision",
    "yellow waits": "a proposal for yellow waits for a decision",
    "positive is red": "the rules say that a positive test is red",
    "negative asked": "the rules ask for a negative test after isolation",
    "last zone": "no other zone holds it",
}


class Transition(NamedTuple):
    """From these states, by this event, under this condition: to that state, and what is kept in mind.

    ``to`` is ``=`` where the state stays; ``free`` for ``zone`` where a zone still holds, and ``clear`` otherwise;
    ``asked`` for what the proposal that waited asks for: ``zone`` or ``held``.
    """

    states: tuple[str, ...]
    event: str
    condition: str
    to: str
    effect: str = "changed"


_EVERY = tuple(STATES)
_CANDIDATE = (HELD, TESTING, DAY_PASS, OVERDUE, APPROVAL, MONITORING, ISOLATION_DUE)
#: where negative tests count
TESTED = (HELD, TESTING, DAY_PASS, OVERDUE)
_STRICT = (HOME, CENTRAL, ISOLATION_OVER, REVIEW, RESTRICTED, CASE)


def _without(*states: str) -> tuple[str, ...]:
    return tuple(s for s in _EVERY if s not in states)


TRANSITIONS: tuple[Transition, ...] = (
    Transition((UNKNOWN,), "enrolled", "", CLEAR),
    # proposals
    Transition(_EVERY, "co-location", "answered", "=", "nothing"),
    Transition(_EVERY, "co-location", "not asked", "=", "nothing"),
    Transition(_EVERY, "co-location", "by decision", "=", "waits"),
    Transition((UNKNOWN, CLEAR, ZONE, *_CANDIDATE), "co-location", "yellow", HELD),
    Transition(_STRICT, "co-location", "yellow", "=", "nothing"),
    Transition(_EVERY, "zone", "answered", "=", "nothing"),
    Transition(_EVERY, "zone", "not asked", "=", "nothing"),
    Transition(_EVERY, "zone", "by decision", "=", "waits"),
    Transition((UNKNOWN, CLEAR, MONITORING), "zone", "yellow", ZONE),
    Transition((DAY_PASS,), "zone", "yellow", TESTING),
    Transition(_without(UNKNOWN, CLEAR, MONITORING, DAY_PASS), "zone", "yellow", "=", "counted"),
    Transition((ZONE,), "lifted", "last zone", CLEAR),
    Transition(_EVERY, "lifted", "", "=", "counted"),
    # tests
    Transition(TESTED, "negative", "complete, green", "free"),
    Transition(TESTED, "negative", "complete, approval", APPROVAL),
    Transition(TESTED, "negative", "complete, monitoring", MONITORING),
    Transition((HELD,), "negative", "first, day pass", DAY_PASS),
    Transition((HELD,), "negative", "counts", TESTING),
    Transition((TESTING, DAY_PASS, OVERDUE), "negative", "counts", "=", "counted"),
    Transition((ISOLATION_OVER,), "negative", "", "free"),
    Transition(_without(CASE), "positive", "positive is red", CASE),
    Transition(_without(REVIEW, CASE), "positive", "", REVIEW),
    # decisions
    Transition((REVIEW,), "confirmed", "", CASE),
    Transition(_without(REVIEW, CASE), "confirmed", "red waits", RESTRICTED),
    Transition((UNKNOWN, CLEAR, ZONE, *_CANDIDATE), "confirmed", "yellow waits", "asked"),
    Transition((ZONE,), "excluded", "", CLEAR),
    Transition(_without(UNKNOWN, CLEAR, ZONE, CASE), "excluded", "", "free"),
    Transition((UNKNOWN, CLEAR), "excluded", "", "=", "counted"),
    Transition(_without(UNKNOWN, CLEAR), "released", "", CLEAR),
    Transition((APPROVAL,), "approved", "", "free"),
    Transition(_without(CASE), "isolated", "", HOME),
    Transition(_without(CASE), "isolated_centrally", "", CENTRAL),
    Transition(_without(CASE), "case", "", CASE),
    # time
    Transition((DAY_PASS,), "next_day", "", TESTING),
    Transition((HELD, TESTING), "tests_overdue", "", OVERDUE),
    Transition((OVERDUE,), "late_overdue", "", ISOLATION_DUE),
    Transition((MONITORING,), "monitoring_over", "", "free"),
    Transition((HOME, CENTRAL), "isolation_is_over", "negative asked", ISOLATION_OVER),
    Transition((HOME, CENTRAL), "isolation_is_over", "", "free"),
)


def _by_pair() -> dict[tuple[str, str], tuple[Transition, ...]]:
    found: dict[tuple[str, str], tuple[Transition, ...]] = {}
    for line in TRANSITIONS:
        for event in GROUPS.get(line.event, (line.event,)):
            for state in line.states:
                found[state, event] = (*found.get((state, event), ()), line)
    return found


_LINES = _by_pair()


def lines_of(state: str, event: str) -> tuple[Transition, ...]:
    """Return the lines of the table for a state and an event, in the order in which they are tried."""
    return _LINES.get((state, event), ())
