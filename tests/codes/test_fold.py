"""The book says what the plain version says, in whatever order it is told; published rules do what they say."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import naive_codes
from tests.codes.helpers import DAY, HOUR, START, row, state, told, when

from cotrace import codes
from cotrace.codes.machine import DECISIONS, EVENTS

_MORE = (
    codes.CodeRules(
        proposes=(
            *((cause, "yellow") for cause in ("companion", "general_risk", "control")),
            *((cause, "red") for cause in ("lockdown", "contact_candidate")),
        ),
        decided=("lockdown", "contact_candidate"),
        late_within="6d",
        day_pass=True,
        apart="12h",
        home="red",
    ),
    codes.CodeRules(
        proposes=(("companion", "yellow"), ("control", "yellow"), ("contact_of_contact", "yellow")),
        decided=("contact_of_contact", "control"),
        then="monitoring",
        monitoring="5d",
        monitoring_code="yellow",
        negatives=3,
        apart="6h",
        within="2d",
        positive="red",
        isolation="3d",
        isolation_negative=False,
    ),
)
RULES = (*codes.RULES.values(), *_MORE)
#: likelier than the others, or hardly anything would happen
_USUAL = (
    "companion",
    "negative",
    "negative",
    "negative",
    "control",
    "lockdown",
    "contact_candidate",
    "confirmed",
)
_EVENT = st.tuples(
    st.integers(0, 40).map(lambda n: START + n * 6 * HOUR),
    st.sampled_from((*_USUAL, *EVENTS)),
    st.integers(-3, 8).map(lambda n: START + n * DAY),
    st.sampled_from(["", "a", "b"]),
)


def streams() -> Any:
    """Return streams of events in which no two decisions of one second differ."""

    def keep(events: list[Any]) -> list[Any]:
        decided: dict[int, str] = {}
        return [e for e in events if e[1] not in DECISIONS or decided.setdefault(e[0], e[1]) == e[1]]

    return st.lists(_EVENT, max_size=14).map(keep)


def book_of(rules: codes.CodeRules, events: list[Any]) -> codes.Book:
    book = codes.Book(rules)
    at, event, exposed, evidence = zip(*events, strict=True) if events else ((), (), (), ())
    frame = {
        "device": [1] * len(events),
        "at": at,
        "event": event,
        "exposed_until": exposed,
        "evidence": evidence,
    }
    book.apply(events={name: list(values) for name, values in frame.items()} | {"by": ["me"] * len(events)})
    return book


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(RULES), streams(), st.integers(-1, 200), st.randoms())
def test_as_the_plain_version_says(rules: Any, events: list[Any], hours: int, chance: random.Random) -> None:
    at = START + hours * 6 * HOUR
    expected = naive_codes.holds(rules.as_dict(), events, at)
    book = book_of(rules, events)
    held, changes = codes_fold(book, at)
    assert (held.code, held.reason, held.state, held.since, sorted(w.event for w in held.waiting)) == expected
    # told in another order, in parts and twice, it is the same book
    mixed = chance.sample(events, len(events))
    cut = chance.randint(0, len(mixed))
    other = book_of(rules, mixed[:cut])
    for part in (mixed[cut:], mixed[:cut]):
        other.apply(events=book_of(rules, part).events)
    assert other.as_of(at).to_arrow().equals(book.as_of(at).to_arrow())
    told_twice = codes.Book(rules)
    told_twice.apply(events=book.events)
    assert told_twice.apply(events=book.events).new == 0
    # what changed leads from one to the next
    for one, other_change in pairwise(changes):
        assert (one.code, one.state) == (other_change.before, other_change.from_state)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(RULES), streams(), st.integers(0, 60))
def test_what_time_alone_will_do_is_told_ahead(rules: Any, events: list[Any], hours: int) -> None:
    """The codes from an instant on are those that hold later, if nothing is told: what a snapshot is made of."""
    at = START + hours * 6 * HOUR
    events = [e for e in events if e[0] <= at]
    book = book_of(rules, events)
    steps = next((s.steps for s in book.standings(at)), [])
    for later in range(at, at + 40 * DAY, 11 * HOUR):
        colour, reason = naive_codes.holds(rules.as_dict(), events, later)[:2]
        held = [s for s in steps if s[0] <= later or s is steps[0]]
        assert (held[-1][1:] if held else ("unknown", "")) == (colour, reason)


def codes_fold(book: codes.Book, at: int) -> Any:
    from cotrace.codes.fold import fold

    return fold(book.rules, book._events.get(1, []), at)


def test_no_rules_turn_a_candidate_red_without_a_person() -> None:
    for rules in codes.RULES.values():
        for event in (
            "companion",
            "contact_candidate",
            "contact_of_contact",
            "general_risk",
            "lockdown",
            "control",
        ):
            book = told(codes.Book(rules), (0, event, "x"), (1, event, "y"), (2, "negative"), (3, event, "z"))
            for days in range(60):
                assert state(book, days)[1] != "red"
    with pytest.raises(codes_error(), match="red without a person's decision"):
        codes.CodeRules(proposes=(("companion", "red"),))


def codes_error() -> type[Exception]:
    from cotrace import CotraceError

    return CotraceError


COMPANION = (0, "companion")


def test_chengdu() -> None:
    book = told(codes.Book(codes.chengdu_2021), COMPANION, (0.5, "negative"))
    assert state(book, 2.9) == ("testing", "yellow")
    assert row(book, 0)["label"] == "companion: a candidate from co-location, not a contact"
    assert state(told(book, (1.49, "negative")), 1.49) == ("testing", "yellow")
    assert state(told(book, (1.5, "negative")), 1.5) == ("clear", "green")
    late = told(codes.Book(codes.chengdu_2021), COMPANION, (2.9, "negative"), (13, "negative"))
    assert [state(late, d)[0] for d in (2.9, 3, 12.9, 13)] == ["testing", "overdue", "overdue", "clear"]
    never = told(
        codes.Book(codes.chengdu_2021), COMPANION, (14.1, "negative"), (15.2, "negative"), (16, "isolated")
    )
    assert [state(never, d)[0] for d in (14, 15.5, 16, 29.9, 30)] == [
        "isolation_due",
        "isolation_due",
        "home_isolation",
        "home_isolation",
        "isolation_over",
    ]
    assert state(told(never, (30.5, "negative")), 30.5) == ("clear", "green")


def test_chongqing() -> None:
    book = told(codes.Book(codes.chongqing_2021), COMPANION, (1, "negative"), (2, "negative"))
    assert [state(book, d) for d in (1, 2, 13.9, 14)] == [
        ("testing", "yellow"),
        ("monitoring", "green"),
        ("monitoring", "green"),
        ("clear", "green"),
    ]
    assert state(told(book, (3, "isolated")), 3) == ("home_isolation", "red")
    assert state(book, 300) == ("home_isolation", "red")
    in_a_row = told(
        codes.Book(codes.chongqing_2021), COMPANION, (1, "negative"), (1.5, "positive"), (2, "negative")
    )
    assert state(in_a_row, 2) == ("review", "yellow")


def test_changsha() -> None:
    book = told(codes.Book(codes.changsha_2021), COMPANION, (1, "negative"), (2, "negative"), (6, "negative"))
    assert [state(book, d) for d in (2, 6, 90)] == [
        ("testing", "yellow"),
        ("approval", "yellow"),
        ("approval", "yellow"),
    ]
    assert state(told(book, (7, "approved")), 7) == ("clear", "green")


def test_guangzhou() -> None:
    book = told(codes.Book(codes.guangzhou_2022), (0.4, "companion"), (0.5, "negative"))
    assert row(book, 0.5)["until"] == when(1)
    assert [state(book, d)[1] for d in (0.45, 0.5, 1 - 1e-4, 1)] == ["yellow", "green", "green", "yellow"]
    assert row(book, 1)["reason"] == "companion"
    assert state(told(book, (1.5, "negative")), 1.5) == ("clear", "green")
    days = told(
        codes.Book(codes.guangzhou_2022_days),
        COMPANION,
        (0.6, "negative"),
        (2.2, "negative"),
        (6.9, "negative"),
    )
    assert [state(days, d)[0] for d in (0.6, 2.2, 6.9)] == ["testing", "testing", "clear"]
    wrong = told(
        codes.Book(codes.guangzhou_2022_days),
        COMPANION,
        (0.6, "negative"),
        (3.2, "negative"),
        (6.9, "negative"),
    )
    assert state(wrong, 6.9)[0] == "testing"


def test_xian() -> None:
    book = told(codes.Book(codes.xian_2021), (0, "control", "z"))
    assert state(book, 0) == ("zone", "yellow")
    assert state(told(book, (1, "lockdown", "y")), 1) == ("zone", "yellow")
    assert row(book, 1)["waiting"] == "lockdown"
    assert state(told(book, (2, "confirmed")), 2) == ("restricted", "red")
    assert state(told(codes.Book(codes.xian_2021), (0, "isolated")), 0) == ("home_isolation", "yellow")
    assert state(told(codes.Book(codes.xian_2021), (0, "isolated_centrally")), 0) == (
        "central_isolation",
        "red",
    )
    tests = [(d, "negative") for d in range(1, 30)]
    assert state(told(codes.Book(codes.xian_2021), COMPANION, *tests), 30) == ("held", "yellow")


def test_the_same_exposure_is_answered_once() -> None:
    """A companion of yesterday's list is on today's too: who was released is not yellow again for one meeting."""
    book = told(
        codes.Book(codes.chengdu_2021), (0, "companion", "l1/0", -2), (0.5, "negative"), (1.5, "negative")
    )
    assert state(told(book, (2, "companion", "l2/0", -2)), 2) == ("clear", "green")
    assert state(told(book, (2.1, "companion", "l3/0", 1.8)), 2.1) == ("held", "yellow")
