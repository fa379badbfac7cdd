"""Every transition, by hand; and every pair of a state and an event that has none."""

from __future__ import annotations

from typing import Any

import pytest
from tests.codes.helpers import state, told

from cotrace import codes
from cotrace.codes import machine

RULES = codes.CodeRules(
    proposes=(
        ("companion", "yellow"),
        ("contact_candidate", "yellow"),
        ("control", "yellow"),
        ("lockdown", "red"),
    ),
    decided=("lockdown", "contact_candidate"),
    late_within="14d",
)
ALL = {
    "strict": RULES,
    "approval": codes.CodeRules(then="approval", proposes=RULES.proposes, decided=RULES.decided),
    "monitoring": codes.CodeRules(then="monitoring", proposes=RULES.proposes, decided=RULES.decided),
    "pass": codes.CodeRules(day_pass=True, proposes=RULES.proposes, decided=RULES.decided),
    "red": codes.CodeRules(
        positive="red", isolation_negative=False, proposes=RULES.proposes, decided=RULES.decided
    ),
    "none": codes.CodeRules(negatives=0, within=None, isolation=None),
}
#: how to come into each state: rules, and events; a day later the state still holds
WAYS: dict[str, tuple[str, tuple[tuple[Any, ...], ...]]] = {
    "unknown": ("strict", ((0, "unclear"),)),
    "clear": ("strict", ((0, "enrolled"),)),
    "held": ("strict", ((0, "companion"),)),
    "testing": ("strict", ((0, "companion"), (0.1, "negative"))),
    "day_pass": ("pass", ((0, "companion"), (0.1, "negative"))),
    "overdue": ("strict", ((-4, "companion"),)),
    "approval": ("approval", ((-1.5, "companion"), (-1.4, "negative"), (0, "negative"))),
    "monitoring": ("monitoring", ((-1.5, "companion"), (-1.4, "negative"), (0, "negative"))),
    "isolation_due": ("strict", ((-15, "companion"),)),
    "zone": ("strict", ((0, "control", "z"),)),
    "home_isolation": ("strict", ((0, "isolated"),)),
    "central_isolation": ("strict", ((0, "isolated_centrally"),)),
    "isolation_over": ("strict", ((-15, "isolated"),)),
    "review": ("strict", ((0, "positive"),)),
    "restricted": ("strict", ((-0.1, "lockdown", "y"), (0, "confirmed"))),
    "case": ("strict", ((0, "case"),)),
}
NEXT = 0.2


def book_in(where: str, rules: str | None = None) -> codes.Book:
    """Return a book whose device is in a state."""
    usual, events = WAYS[where]
    book = told(codes.Book(ALL[rules or usual]), *events)
    assert state(book, 0.15)[0] == where
    return book


def test_there_is_a_way_into_every_state() -> None:
    assert set(WAYS) == set(codes.STATES)
    for where in WAYS:
        book_in(where)


#: by line of the table: rules where they matter, what comes before, the event, and where it leads
CASES: dict[tuple[str, str], list[tuple[tuple[Any, ...], ...]]] = {}
CANDIDATE = ("held", "testing", "day_pass", "overdue", "approval", "monitoring", "isolation_due")
STRICT = ("home_isolation", "central_isolation", "isolation_over", "review", "restricted", "case")


def outcome(
    where: str, *events: tuple[Any, ...], rules: str | None = None, days: float = NEXT
) -> tuple[str, str]:
    """Return where events lead from a state."""
    return state(told(book_in(where, rules), *events), days)


@pytest.mark.parametrize("where", WAYS)
def test_a_companion(where: str) -> None:
    """Held from every state that is not stricter; never red by itself."""
    before = state(book_in(where), NEXT)
    after = outcome(where, (NEXT, "companion"))
    assert after == (before if where in STRICT else ("held", "yellow"))


@pytest.mark.parametrize("where", WAYS)
@pytest.mark.parametrize("event", ["lockdown", "contact_candidate", "general_risk", "unclear", "precaution"])
def test_what_waits_or_is_not_asked_changes_nothing(where: str, event: str) -> None:
    assert outcome(where, (NEXT, event, "x")) == state(book_in(where), NEXT)


@pytest.mark.parametrize("where", WAYS)
def test_what_waits_is_shown_until_it_is_decided(where: str) -> None:
    from tests.codes.helpers import row

    book = told(book_in(where), (NEXT, "lockdown", "x"))
    assert row(book, NEXT)["waiting"] == "lockdown"
    told(book, (0.21, "excluded"))
    assert row(book, 0.25)["waiting"] == ("lockdown" if where == "case" else "")


@pytest.mark.parametrize("where", WAYS)
def test_a_zone(where: str) -> None:
    before = state(book_in(where), NEXT)
    after = outcome(where, (NEXT, "control", "x"))
    if where in ("unknown", "clear", "monitoring", "zone"):
        assert after == ("zone", "yellow")
    elif where == "day_pass":
        assert after == ("testing", "yellow")
    else:
        assert after == before


@pytest.mark.parametrize("where", WAYS)
def test_lifting(where: str) -> None:
    before = state(book_in(where), NEXT)
    assert outcome(where, (NEXT, "lifted", "z")) == (("clear", "green") if where == "zone" else before)
    # another zone holds it still
    both = outcome(where, (0.18, "control", "x"), (0.19, "control", "z"), (NEXT, "lifted", "z"))
    assert both == state(told(book_in(where), (0.18, "control", "x")), NEXT)


@pytest.mark.parametrize("where", WAYS)
def test_a_first_negative(where: str) -> None:
    expected = {
        "held": ("testing", "yellow"),
        "isolation_over": ("clear", "green"),
    }.get(where, state(book_in(where), NEXT))
    assert outcome(where, (NEXT, "negative")) == expected


def test_a_first_negative_with_a_day_pass() -> None:
    assert outcome("held", (NEXT, "negative"), rules="pass") == ("day_pass", "green")
    # not where a zone holds
    assert outcome("held", (0.19, "control", "x"), (NEXT, "negative"), rules="pass") == ("testing", "yellow")


@pytest.mark.parametrize(
    ("rules", "then"), [("strict", "clear"), ("approval", "approval"), ("monitoring", "monitoring")]
)
@pytest.mark.parametrize("zone", [False, True])
def test_enough_negatives(rules: str, then: str, zone: bool) -> None:
    events = [(NEXT, "negative"), (NEXT + 1, "negative"), *([(0.19, "control", "x")] if zone else [])]
    found = outcome("held", *events, rules=rules, days=1.3)[0]
    assert found == ("zone" if zone and then != "approval" else then)


def test_enough_negatives_when_overdue() -> None:
    assert outcome("overdue", (NEXT, "negative")) == ("overdue", "yellow")
    assert outcome("overdue", (NEXT, "negative"), (5, "negative"), days=5) == ("clear", "green")
    assert outcome("day_pass", (1.2, "negative"), days=1.2) == ("clear", "green")


@pytest.mark.parametrize("where", WAYS)
def test_negatives_that_do_not_count(where: str) -> None:
    """Under rules by which tests release nobody, none does; and nobody is released by one too few."""
    if where in ("held", "unknown", "clear"):
        usual = told(codes.Book(ALL["none"]), *WAYS[where][1], (NEXT, "negative"), (1.3, "negative"))
        assert state(usual, 1.4)[0] == where


@pytest.mark.parametrize("where", WAYS)
def test_a_positive(where: str) -> None:
    before = state(book_in(where), NEXT)
    found = outcome(where, (NEXT, "positive"))
    if where == "case":
        assert found == before
    else:
        assert found == ("review", "red" if before[1] == "red" else "yellow")
    usual = WAYS[where]
    if where not in ("review", "isolation_due", "isolation_over", "approval", "monitoring", "day_pass"):
        red = told(codes.Book(ALL["red"]), *usual[1], (NEXT, "positive"))
        assert state(red, NEXT) == ("case", "red")


@pytest.mark.parametrize("where", WAYS)
def test_confirmed(where: str) -> None:
    before = state(book_in(where), NEXT)
    assert outcome(where, (NEXT, "confirmed")) == (("case", "red") if where == "review" else before)
    red = outcome(where, (0.19, "lockdown", "x"), (NEXT, "confirmed"))
    assert red == (("case", "red") if where in ("review", "case") else ("restricted", "red"))
    yellow = outcome(where, (0.19, "contact_candidate"), (NEXT, "confirmed"))
    if where == "review":
        assert yellow == ("case", "red")
    else:
        assert yellow == (before if where in STRICT else ("held", "yellow"))


def test_a_zone_that_waited_is_confirmed() -> None:
    rules = codes.CodeRules(proposes=(("control", "yellow"),), decided=("control",))
    book = told(codes.Book(rules), (0, "control", "x"), (0.1, "confirmed"))
    assert state(book, 0) == ("unknown", "unknown")
    assert state(book, 0.1) == ("zone", "yellow")
    assert state(told(book, (0.2, "lifted", "x")), 0.2) == ("clear", "green")


@pytest.mark.parametrize("where", WAYS)
def test_excluded_and_released(where: str) -> None:
    before = state(book_in(where), NEXT)
    stays = ("unknown", "clear")
    assert outcome(where, (NEXT, "excluded")) == (before if where in (*stays, "case") else ("clear", "green"))
    assert outcome(where, (NEXT, "released")) == (before if where in stays else ("clear", "green"))
    if where not in (*stays, "zone", "case", "monitoring"):
        zone = outcome(where, (0.19, "control", "x"), (NEXT, "excluded"))
        assert zone == ("zone", "yellow")
        assert outcome(where, (0.19, "control", "x"), (NEXT, "released")) == ("clear", "green")


@pytest.mark.parametrize("where", WAYS)
def test_approved(where: str) -> None:
    before = state(book_in(where), NEXT)
    assert outcome(where, (NEXT, "approved")) == (("clear", "green") if where == "approval" else before)


@pytest.mark.parametrize("where", WAYS)
@pytest.mark.parametrize(
    ("event", "to"),
    [
        ("isolated", ("home_isolation", "yellow")),
        ("isolated_centrally", ("central_isolation", "red")),
        ("case", ("case", "red")),
    ],
)
def test_isolation_and_cases(where: str, event: str, to: tuple[str, str]) -> None:
    assert outcome(where, (NEXT, event)) == (("case", "red") if where == "case" else to)


@pytest.mark.parametrize("where", WAYS)
def test_enrolled(where: str) -> None:
    before = state(book_in(where), NEXT)
    assert outcome(where, (NEXT, "enrolled")) == (("clear", "green") if where == "unknown" else before)


#: rules, state, after how many days nothing else holds, and what does
TERMS = [
    ("pass", "day_pass", 1, "testing"),
    ("strict", "held", 3, "overdue"),
    ("strict", "testing", 3, "overdue"),
    ("pass", "day_pass", 3, "overdue"),
    ("strict", "overdue", 10, "isolation_due"),
    ("monitoring", "monitoring", 12.5, "clear"),
    ("strict", "home_isolation", 14, "isolation_over"),
    ("strict", "central_isolation", 14, "isolation_over"),
    ("red", "home_isolation", 14, "clear"),
    ("red", "central_isolation", 14, "clear"),
]


@pytest.mark.parametrize(("rules", "where", "days", "to"), TERMS)
def test_terms(rules: str, where: str, days: float, to: str) -> None:
    book = told(codes.Book(ALL[rules]), *WAYS[where][1])
    assert state(book, days - 1 / 86_400)[0] != to
    assert state(book, days)[0] == to


@pytest.mark.parametrize("where", sorted(set(WAYS) - {where for _, where, _, _ in TERMS}))
def test_no_term_passes_elsewhere(where: str) -> None:
    assert state(book_in(where), 0.2) == state(book_in(where), 400)


def test_the_table_is_whole() -> None:
    """Every state and event of the table is one, every line can be reached, and each condition is known."""
    from cotrace.codes.fold import _CONDITIONS

    assert set(machine.CONDITIONS) == set(_CONDITIONS)
    for line in machine.TRANSITIONS:
        assert set(line.states) <= set(codes.STATES)
        assert line.condition in machine.CONDITIONS
        assert line.to in codes.STATES or line.to in ("=", "free", "asked")
        assert line.event in (*machine.EVENTS, *machine.TERMS, *machine.GROUPS)
    assert set(machine.CODES_OF) == set(codes.STATES)


def test_impossible_pairs_change_nothing() -> None:
    """Where the table has no line at all, an event stands in the history and changes nothing."""
    n = 0
    for where in WAYS:
        for event in machine.EVENTS:
            if not machine.lines_of(where, event):
                book = told(book_in(where), (NEXT, event, "x"))
                last = [r for r in book.history(1).to_arrow().to_pylist() if r["event"] == event][-1]
                assert (last["effect"], last["from_state"], last["state"]) == ("nothing", where, where)
                n += 1
    assert n > 60
