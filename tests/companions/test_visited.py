"""What a result says of places from elsewhere, which are on no grid and are no towers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.companions.helpers import AS_OF, HOUR, T0, pings_of, stay

import cotrace
from cotrace.privacy import Key, Pseudonymiser

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")

RULE = cotrace.CompanionRule(min_cumulative=None)
START = int(T0.timestamp())


def visits(places: list[str], devices: list[Any]) -> Any:
    """Everybody at each place for an hour, one place after the other, long after the pings."""
    rows = [(d, p, START + (50 + 2 * k) * HOUR) for k, p in enumerate(places) for d in devices]
    table = {"device": [r[0] for r in rows], "place": [r[1] for r in rows], "start": [r[2] for r in rows]}
    return cotrace.read_visits({**table, "end": [t + HOUR for t in table["start"]]}, unit="s")


def on_a_grid() -> cotrace.Stays:
    return cotrace.find_stays(pings_of(stay("A", 0, HOUR), stay("B", 0, HOUR)))


def at_towers(kind: type) -> cotrace.Stays:
    """A and B at tower 7, as a number or as text."""
    times = [START, START + 600, START, START + 600]
    pings = {"device": ["A", "A", "B", "B"], "time": times, "tower": [kind(7)] * 4}
    return cotrace.find_stays(
        cotrace.read_pings(pings, unit="s"), options=cotrace.StayOptions(by="tower", fill="forward")
    )


def found_in(stays: cotrace.Stays, *places: str) -> cotrace.Companions:
    both = cotrace.with_visits(stays, visits(list(places), ["A", "B"]))
    return cotrace.find_companions(both, ["A"], as_of=AS_OF, rule=RULE)


@pytest.mark.parametrize(
    ("stays", "cell"),
    [
        (on_a_grid, "column 0, row 0"),
        (lambda: at_towers(int), "tower 7"),
        (lambda: at_towers(str), "tower 7"),
    ],
    ids=["grid", "tower numbers", "tower names"],
)
def test_places_are_said_by_name_and_cells_as_before(stays: Any, cell: str) -> None:
    found = found_in(stays(), "the cinema", "train 5")
    for audience in ("tracer", "companion"):
        text = found.explain("A", "B", audience=audience)
        assert "In place the cinema: " in text
        assert "In place train 5: " in text
        assert f"In {cell}" in text
        assert "2147483648" not in text
        assert "9223372036854775" not in text


def test_the_funnel_names_the_place_that_brings_most() -> None:
    found = found_in(cotrace.find_stays(pings_of(stay("A", 0, HOUR), stay("B", 3 * HOUR, 4 * HOUR))), "hall")
    assert "100% of its companions come from one of them, place hall" in " ".join(repr(found).split())
    html = found._repr_html_()
    assert "<td>place hall</td>" in html
    assert str(found.funnel["top_cell"][0]) not in html


def test_who_was_too_short_at_a_place_is_told_where() -> None:
    stays = cotrace.find_stays(pings_of(stay("A", 0, HOUR), stay("B", 3 * HOUR, 4 * HOUR)))
    both = cotrace.with_visits(stays, visits(["hall"], ["A", "B"]))
    rule = cotrace.CompanionRule(min_cumulative=None, min_shared="2h")
    found = cotrace.find_companions(both, ["A"], as_of=AS_OF, rule=rule)
    assert "shared one cell was 1 h, 1 h in all, in place hall; " in found.explain("A", "B")


def test_pseudonyms_leave_the_names_of_places() -> None:
    by = Pseudonymiser(Key(lambda: bytes(range(32))), domain="here")
    found = found_in(on_a_grid(), "hall").pseudonymised(by)
    case, other = by.names_of(["A", "B"])
    assert "In place hall: " in found.explain(case, other)


@pytest.mark.parametrize("stays", [on_a_grid, lambda: at_towers(int), lambda: at_towers(str)])
def test_pictures_have_the_bare_name(stays: Any) -> None:
    found = found_in(stays(), "hall")
    names = {found.cells.said(cell, short=True) for cell in found.evidence["cell"].to_pylist()}
    assert names == {"hall", "0, 0" if found.options.by == "grid" else "tower 7"}
    assert names == {found.stays.cells.said(cell, short=True) for cell in found.evidence["cell"].to_pylist()}
