"""What a companion is told: its own places and days, and nothing of the case."""

from __future__ import annotations

import random
import re
from datetime import timedelta

import pytest
from tests.companions.helpers import AS_OF, HOUR, T0, pings_of, stay

import cotrace
from cotrace import CompanionRule
from cotrace.errors import CaseError, OptionError
from cotrace.privacy import Key, Pseudonymiser

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")

DAY = 24 * HOUR
SECOND = timedelta(seconds=1)
RULE = CompanionRule()
#: the case lives at x = 1; B passes by; C lives there too; the case visits D's home at x = 900
WORLD = (
    stay("CASE", 0, 31 * HOUR),
    stay("CASE", 40 * HOUR, 41 * HOUR, x=900.0, step=600),
    stay("B", 9 * HOUR, 9 * HOUR + 777, step=259),
    stay("C", 0, 30 * HOUR + 60, step=60),
    stay("D", 34 * HOUR, 65 * HOUR, x=900.0),
)


def found_in(*rows, rule: CompanionRule = RULE, case: str = "CASE") -> cotrace.Companions:
    return cotrace.find_companions(pings_of(*rows), [case], as_of=AS_OF, rule=rule)


def told(found: cotrace.Companions, companion: str, case: str = "CASE") -> str:
    return found.explain(case, companion, audience="companion")


def test_who_passes_by_the_cases_home_is_told_no_place():
    text = told(found_in(*WORLD), "B")
    assert "on a list of candidates" in text
    assert "In column" not in text
    assert "2021" not in text


def test_who_lives_there_is_told_their_own_days():
    found = found_in(*WORLD)
    assert "In column 0, row 0: your stays from 2021-11-01 to 2021-11-02." in told(found, "C")
    # the case was there for an hour of the 31: their own days are told, not which hour or day it was
    assert "In column 1, row 0: your stays from 2021-11-02 to 2021-11-03." in told(found, "D")
    assert "In column 0" not in told(found, "D")


@pytest.mark.parametrize("companion", ["B", "C", "D"])
def test_no_word_is_the_cases(companion):
    found = found_in(*WORLD)
    text = told(found, companion)
    row = next(r for r in found.companions.to_arrow().to_pylist() if r["companion_id"] == companion)
    episodes = [r for r in found.evidence.to_arrow().to_pylist() if r["companion_id"] == companion]
    told_by = {
        str(v)
        for r in (row, *episodes)
        for k, v in r.items()
        if k.endswith(("_s", "_at", "_id")) or k == "as_of"
    }
    told_by |= {
        moment.isoformat() for r in episodes for moment in (r["started_at"], r["finished_at"], r["as_of"])
    }
    words = set(re.findall(r"[\w:.+-]+", text))
    assert not words & told_by
    assert not re.search(r"\d\d:\d\d", text), "no time of day"
    numbers = {int(n.replace(",", "")) for n in re.findall(r"[\d,]*\d", text)}
    rule = {10, 30, 14, 1131}
    own = {2021, 11, 1, 2, 3, 0} if companion != "B" else set()
    assert numbers <= rule | own


def test_it_is_the_same_whoever_and_wherever_the_case_is():
    """More dwell of the case, other places of it, another name: the text stays."""
    whole = {c: told(found_in(*WORLD), c) for c in "BCD"}
    longer = [*WORLD, stay("CASE", 100 * HOUR, 150 * HOUR), stay("CASE", 60 * HOUR, 90 * HOUR, x=5000.0)]
    renamed = [[("another", *r[1:]) if r[0] == "CASE" else r for r in part] for part in WORLD]
    crowd = [*WORLD, *(stay(f"P{k}", 8 * HOUR, 42 * HOUR) for k in range(5))]
    for companion, text in whole.items():
        assert told(found_in(*longer), companion) == text
        assert told(found_in(*renamed, case="another"), companion, "another") == text
        assert told(found_in(*crowd), companion) == text


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (CompanionRule(), True),
        (CompanionRule(dwell_of="companion"), True),
        (CompanionRule(dwell_of="both"), False),
        (CompanionRule(dwell_of="case"), False),
        (CompanionRule(dwell_of="pair"), False),
        (CompanionRule(dwell_of="both", combine="or"), True),
        (CompanionRule(min_cumulative=None), True),
        (CompanionRule(min_shared="61min"), False),
        (CompanionRule(min_cumulative=None, min_shared="2h"), False),
        (CompanionRule(strict=True, min_cumulative=f"{30 * 60 + 1}min"), False),
    ],
)
def test_places_are_named_only_where_the_rule_tells_nothing_of_the_case(rule, named):
    found = found_in(*WORLD, rule=rule)
    assert "C" in found.companions["companion_id"].to_pylist()
    assert ("In column" in told(found, "C")) == named


@pytest.mark.parametrize("seed", range(25))
def test_named_cells_are_the_companions_own(seed):
    """On made worlds: a cell that is named is one where the companion alone meets the clause on dwell."""
    rng = random.Random(seed)
    rows = []
    for device in ("CASE", "B", "C", "D"):
        at = 0
        while at < 6 * DAY:
            length = rng.choice([1, 2, 6, 12, 20]) * HOUR
            rows.append(stay(device, at, at + length, x=rng.choice([1.0, 900.0, 1700.0])))
            at += length + 2 * HOUR
    found = found_in(*rows, rule=CompanionRule(min_cumulative="30h"))
    own = {}
    for r in found.stays.to_arrow().to_pylist():
        own.setdefault(r["device"], {}).setdefault(r["cell"], []).append(r)
    for companion in found.companions["companion_id"].to_pylist():
        named = r"In column (\d), row 0: your stays from (\S+) to (\S+)\."
        for col, begin, last in re.findall(named, told(found, companion)):
            stays = own[companion][_cell(found, int(col))]
            assert sum((r["finished_at"] - r["started_at"]).total_seconds() for r in stays) >= 30 * HOUR
            assert begin in {f"{r['started_at']:%Y-%m-%d}" for r in stays}
            assert last in {f"{r['finished_at'] - SECOND:%Y-%m-%d}" for r in stays}


def _cell(found: cotrace.Companions, col: int) -> int:
    return next(c for c in found.stays.cells.values.to_pylist() if found.options.grid.unpack(c)[0] == col)


def test_who_is_on_no_list_and_who_asks_wrongly():
    found = found_in(*WORLD)
    assert told(found, "nobody") == told(found, "E")
    assert "not on the list" in told(found, "E")
    with pytest.raises(CaseError, match="own companion"):
        told(found, "CASE")
    with pytest.raises(CaseError, match="no case"):
        told(found, "B", "B")
    with pytest.raises(OptionError, match="'tracer', 'companion'"):
        found.explain("CASE", "B", audience="press")


def test_with_pseudonyms_it_says_the_same():
    found, by = found_in(*WORLD), Pseudonymiser(Key(lambda: bytes(range(32))), domain="x")
    for companion in "BCD":
        case, name = by.names_of(["CASE", companion])
        assert told(found.pseudonymised(by), name, case) == told(found, companion)


def test_a_stay_that_ends_at_midnight_names_its_own_day():
    rows = [stay("CASE", 0, HOUR), stay("B", 0, DAY)]
    text = told(found_in(*rows, rule=CompanionRule(min_cumulative=None)), "B")
    assert f"from {T0:%Y-%m-%d} to {T0:%Y-%m-%d}." in text


def test_towers():
    pings = cotrace.read_pings(
        {"device": ["A", "A", "B", "B"], "tower": ["t"] * 4, "time": [0, 1200, 0, 1500]}, unit="s"
    )
    rule, options = CompanionRule(min_cumulative=None), cotrace.StayOptions(by="tower", fill="same_cell")
    found = cotrace.find_companions(pings, ["A"], as_of="1970-01-02T00:00:00Z", rule=rule, options=options)
    assert "In tower t: your stays from 1970-01-01 to 1970-01-01." in told(found, "B", "A")
