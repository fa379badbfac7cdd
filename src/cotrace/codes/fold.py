"""The fold: a device's events, in order, to what holds. Time passes by the terms in it, and by no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cotrace.codes import machine as m
from cotrace.codes.rules import COLOCATION, ZONES, CodeRules

__all__ = ["Change", "Event", "Held", "fold", "future"]


class Event(NamedTuple):
    """One event of a device, in the order in which a fold reads them: by second, kind, content."""

    at: int
    rank: int
    event: str
    exposed: int
    evidence: str
    reason: str
    by: str


class Change(NamedTuple):
    """One event or term of a device, and what it changed."""

    at: int
    event: str
    effect: str
    before: str
    code: str
    from_state: str
    state: str
    reason: str
    evidence: str
    note: str
    by: str
    of: Event | None


@dataclass
class Held:
    """What holds for a device."""

    state: str = m.UNKNOWN
    code: str = "unknown"
    reason: str = ""
    evidence: str = ""
    since: int | None = None
    #: when the hold began: from then on tests count, and terms run
    held: int = 0
    #: when the state began
    entered: int = 0
    negatives: list[int] = field(default_factory=list)
    #: the proposal that the hold answers to
    cause: str = ""
    #: latest exposure answered, by kind of proposal
    answered: dict[str, int] = field(default_factory=dict)
    #: zones that hold it: the reference to each, and its kind
    zones: dict[str, str] = field(default_factory=dict)
    #: zones that a person has said it is not in
    no_zones: set[str] = field(default_factory=set)
    waiting: list[Event] = field(default_factory=list)


def fold(rules: CodeRules, events: Iterable[Event], to: int | None = None) -> tuple[Held, list[Change]]:
    """Fold a device's events (in order, each once) up to an instant, that instant included.

    Parameters
    ----------
    rules : CodeRules
    events : iterable of Event
        Sorted.
    to : int, optional
        Unix seconds. Without it the fold ends with the last event, and no term passes after it.

    Returns
    -------
    (Held, list of Change)
        What holds, and everything that led to it.
    """
    held = Held()
    changes: list[Change] = []
    for event in events:
        if to is not None and event.at > to:
            break
        changes += _terms_before(rules, held, event.at)
        changes.append(_take(rules, held, event))
    if to is not None:
        changes += _terms_before(rules, held, to + 1)
    return held, changes


def future(rules: CodeRules, held: Held) -> Iterator[Change]:
    """Tell what time alone will change, if nothing is told any more; ``held`` is used up."""
    while (due := _due(rules, held)) is not None:
        yield _pass(rules, held, *due)


def _terms_before(rules: CodeRules, held: Held, end: int) -> Iterator[Change]:
    while (due := _due(rules, held)) is not None and due[0] < end:
        yield _pass(rules, held, *due)


def _due(rules: CodeRules, held: Held) -> tuple[int, str] | None:
    """Return the next term: when it ends, and which; never before the state began."""
    s, state = rules.s, held.state
    start, event = held.held, ""
    length: int | None = None
    if state == m.DAY_PASS:
        return next_day(held.negatives[0], rules.tz), "next_day"
    if state in (m.HELD, m.TESTING) and rules.negatives:
        length, event = s["within"], "tests_overdue"
    elif state == m.OVERDUE:
        length, event = s["late_within"], "late_overdue"
    elif state == m.MONITORING:
        length, event = s["monitoring"], "monitoring_over"
    elif state in (m.HOME, m.CENTRAL):
        start, length, event = held.entered, s["isolation"], "isolation_is_over"
    return None if length is None else (max(start + length, held.entered), event)


def _pass(rules: CodeRules, held: Held, at: int, term: str) -> Change:
    return _step(rules, held, Event(at, -1, term, at, "", "", ""), None)


def _take(rules: CodeRules, held: Held, event: Event) -> Change:
    return _step(rules, held, event, event)


def _step(rules: CodeRules, held: Held, event: Event, of: Event | None) -> Change:
    before, from_state = held.code, held.state
    if event.event == "negative" and held.state in m.TESTED:
        held.negatives.append(event.at)
    line = next(
        (
            line
            for line in m.lines_of(held.state, event.event)
            if _CONDITIONS[line.condition](rules, held, event)
        ),
        None,
    )
    effect = "nothing" if line is None else line.effect
    if line is not None:
        _apply(rules, held, event, line)
    return Change(
        event.at,
        event.event,
        effect,
        before,
        held.code,
        from_state,
        held.state,
        held.reason,
        held.evidence,
        event.reason,
        event.by,
        of,
    )


# ---- conditions


def _answered(rules: CodeRules, held: Held, event: Event) -> bool:
    if event.event not in ZONES:
        return event.exposed <= held.answered.get(event.event, -(2**62))
    waits = any((w.event, w.evidence) == (event.event, event.evidence) for w in held.waiting)
    return waits or event.evidence in held.zones or event.evidence in held.no_zones


def _complete(rules: CodeRules, held: Held, event: Event) -> bool:
    if not rules.negatives:
        return False
    if rules.days:
        return _on_days(rules, held.negatives)
    chain = held.negatives[-1:]
    for at in reversed(held.negatives[:-1]):
        if len(chain) < rules.negatives and chain[-1] - at >= max(rules.s["apart"] or 0, 1):
            chain.append(at)
    late = held.state == m.OVERDUE and rules.s["late_within"] is not None
    span = rules.s["late_within" if late else "within"]
    enough = len(chain) == rules.negatives
    return enough and (span is None or chain[0] - chain[-1] <= span)


def _on_days(rules: CodeRules, negatives: list[int]) -> bool:
    """Say whether there are tests on every day asked for, the last of them being the last test."""
    days = {day_of(at, rules.tz) for at in negatives}
    first = day_of(negatives[-1], rules.tz) - rules.days[-1]
    return all(first + day in days for day in rules.days)


def _then(rules: CodeRules, held: Held) -> str:
    """Return what follows the tests: where a zone holds, self-monitoring does not turn it green."""
    return "green" if held.zones and rules.then == "monitoring" else rules.then


def _complete_then(word: str) -> Callable[[CodeRules, Held, Event], bool]:
    return lambda rules, held, event: _then(rules, held) == word and _complete(rules, held, event)


def _waits_for(colour: str) -> Callable[[CodeRules, Held, Event], bool]:
    return lambda rules, held, event: bool(held.waiting) and _strictest(rules, held) == colour


def _strictest(rules: CodeRules, held: Held) -> str:
    return max((rules.asks(w.event) or "" for w in held.waiting), key=("", "yellow", "red").index)


_CONDITIONS: dict[str, Callable[[CodeRules, Held, Event], bool]] = {
    "": lambda rules, held, event: True,
    "answered": _answered,
    "not asked": lambda rules, held, event: rules.asks(event.event) is None,
    "by decision": lambda rules, held, event: event.event in rules.decided,
    "yellow": lambda rules, held, event: rules.asks(event.event) == "yellow",
    "complete, green": _complete_then("green"),
    "complete, approval": _complete_then("approval"),
    "complete, monitoring": _complete_then("monitoring"),
    "first, day pass": lambda rules, held, event: (
        rules.day_pass and len(held.negatives) == 1 and not held.zones
    ),
    "counts": lambda rules, held, event: rules.negatives > 0,
    "red waits": _waits_for("red"),
    "yellow waits": _waits_for("yellow"),
    "positive is red": lambda rules, held, event: rules.positive == "red",
    "negative asked": lambda rules, held, event: rules.isolation_negative,
    "last zone": lambda rules, held, event: not _others(held, event),
}


def _others(held: Held, event: Event) -> dict[str, str]:
    """Return the zones that still hold when one (or, unnamed, all of them) is lifted."""
    return {ref: kind for ref, kind in held.zones.items() if event.evidence and ref != event.evidence}


# ---- what a transition does


def _apply(rules: CodeRules, held: Held, event: Event, line: m.Transition) -> None:
    was, to = (held.code, held.reason), line.to
    answered = max(held.waiting, key=lambda w: (w.at, w)) if held.waiting else event
    _remember(rules, held, event, line.effect)
    evidence, cause = event.evidence or held.evidence, event.event
    if event.event == "confirmed" and answered is not event:
        evidence, cause = answered.evidence, answered.event
    if to == "asked":
        to = m.ZONE if cause in ZONES else m.HELD
        held.zones |= {evidence: cause} if to == m.ZONE else {}
    if to == "free":
        to = m.ZONE if held.zones else m.CLEAR
    if to == m.HELD:
        held.cause, held.held, held.negatives = cause, event.at, []
    if to != "=":
        held.code = _code_of(rules, held, to)
        held.reason = _reason_of(held, to, event.event)
        held.state, held.entered, held.evidence = to, event.at, evidence
    if held.state == m.ZONE:
        held.evidence, held.reason = max(held.zones.items(), key=lambda z: (m.RANKS[z[1]], z[0]))
    if to == m.HELD or (held.code, held.reason) != was:
        held.since = event.at


def _remember(rules: CodeRules, held: Held, event: Event, effect: str) -> None:
    kind = event.event
    if effect == "waits":
        held.waiting.append(event)
    elif kind in ZONES and effect in ("changed", "counted"):
        held.zones[event.evidence] = kind
    elif kind == "lifted":
        held.zones = _others(held, event)
        held.waiting = [w for w in held.waiting if not _is_lifted(w, event)]
    elif kind in m.DECISIONS:
        _forget_what_was_decided(held, kind)
    if kind in COLOCATION and rules.asks(kind) is not None:
        held.answered[kind] = max(event.exposed, held.answered.get(kind, event.exposed))


def _is_lifted(waiting: Event, event: Event) -> bool:
    return waiting.event in ZONES and event.evidence in ("", waiting.evidence)


def _forget_what_was_decided(held: Held, decision: str) -> None:
    """Nothing waits any more; who is excluded from a zone, or released, is not in it."""
    if decision == "released" or (decision == "excluded" and held.state == m.ZONE):
        held.no_zones |= {*held.zones}
        held.zones = {}
    if decision in ("excluded", "released"):
        held.no_zones |= {w.evidence for w in held.waiting if w.event in ZONES}
    if decision not in ("approved", "unclear"):
        held.waiting = []


def _code_of(rules: CodeRules, held: Held, state: str) -> str:
    fixed = m.CODES_OF[state]
    if fixed is not None:
        return fixed
    if state == m.MONITORING:
        return rules.monitoring_code
    if state == m.ISOLATION_OVER:
        return held.code
    if state == m.REVIEW:
        return "red" if held.code == "red" else "yellow"
    return rules.home if state == m.HOME else rules.central


_REASONS = {
    m.DAY_PASS: "first_negative",
    m.MONITORING: "monitoring",
    m.ISOLATION_OVER: "isolation_over",
    m.REVIEW: "positive",
    m.RESTRICTED: "confirmed",
    m.CASE: "case",
    m.HOME: "isolated",
    m.CENTRAL: "isolated_centrally",
}
_CLEARED = {"negative": "tested", "monitoring_over": "tested", "isolation_is_over": "isolation_over"}


def _reason_of(held: Held, state: str, event: str) -> str:
    if state == m.CLEAR:
        return "isolation_over" if held.state == m.ISOLATION_OVER else _CLEARED.get(event, event)
    return _REASONS.get(state, held.cause)


# ---- days


@lru_cache
def _zone(tz: str) -> ZoneInfo:
    return ZoneInfo(tz)


def day_of(at: int, tz: str) -> int:
    """Return the number of the day of an instant, in a time zone."""
    return datetime.fromtimestamp(at, _zone(tz)).date().toordinal()


def next_day(at: int, tz: str) -> int:
    """Return when the next day begins in a time zone."""
    local = datetime.fromtimestamp(at, _zone(tz)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return int((local + timedelta(days=1)).timestamp())
