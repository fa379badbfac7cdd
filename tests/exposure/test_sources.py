"""Common sources: the published investigation, and made worlds against the oracle."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from tests import naive_exposure_sources as oracle
from tests.exposure.chongqing import FINDINGS, LAST, ONSETS, ZONE, town
from tests.exposure.worlds_of_stays import Making, plain_stays, small_world, stays_of
from tests.properties.through import difference, rows_of

import cotrace
from cotrace.exposure.source_places import tail

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
WORLDS = 160


# ---- Chongqing, January 2020 -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stays() -> cotrace.Stays:
    return town()


@pytest.fixture(scope="module")
def found(stays: cotrace.Stays) -> Any:
    return cotrace.common_sources(stays, ONSETS, findings=FINDINGS)


def test_d_is_first_among_visitors_and_neighbours(found):
    rows = rows_of(found)
    assert rows[0]["device"] == "D"
    assert rows[0]["cases_met"] == 3
    assert (
        sum(row["cases_met"] == 3 for row in rows) >= 10
    )  # neighbours who shop there, and people who pass by
    assert rows[0]["p_value"] < 0.05 < min(row["p_value"] for row in rows[1:] if row["cases_met"] == 3)


def test_d_is_listed_though_never_ill(found):
    rows = rows_of(found)
    assert (rows[0]["symptoms"], rows[0]["test"]) == ("none", "positive 25 January")
    assert rows[0]["onset"] is None
    assert not rows[0]["is_case"]


def test_the_meetings_of_d_are_those_that_were_published(found):
    mine = [row for row in rows_of(found.evidence) if row["device"] == "D"]
    days = {(r["case_id"], datetime.fromtimestamp(r["started_at"], ZONE).date()) for r in mine}
    assert days == {(case, date(2020, 1, day)) for case in "ABC" for day in (8, 9)}


def test_no_tie_between_the_cases(found):
    rows = {row["device"]: row for row in rows_of(found) if row["is_case"]}
    assert "A" not in rows  # met neither B nor C
    assert all(row["cases_met"] < 2 for row in rows.values())


@pytest.mark.parametrize("seed", [1, 2])
def test_d_is_first_in_other_towns_too(seed):
    assert cotrace.common_sources(town(seed), ONSETS)["device"][0].as_py() == "D"


def test_who_lives_next_door_is_expected_to_meet(found):
    neighbours = [r for r in rows_of(found) if r["device"].startswith("home BC") and r["cases_met"] == 2]
    assert len(neighbours) > 10
    assert all(row["p_value"] > 0.2 and row["expected"] > 1.9 for row in neighbours)


def test_tracing_forward_from_a_lists_e(stays, found):
    first = min(r["started_at"] for r in rows_of(found.evidence) if (r["device"], r["case_id"]) == ("D", "A"))
    case = {"device": ["A"], "as_of": [LAST], "infectious_from": [datetime.fromtimestamp(first, UTC)]}
    contacts = cotrace.contacts(stays, case, rule=cotrace.CompanionRule(min_cumulative=None, lookback="21d"))
    listed = set(contacts["contact_id"].to_pylist())
    assert "E" in listed
    assert not listed & {"B", "C"}


def test_places_have_the_flat_of_the_gatherings(found):
    rows = rows_of(found.places)
    assert [row["cases_met"] for row in rows] == [2, 2]  # the couple's home, and the family's
    assert found.places.schema.name == "source_places"


# ---- made worlds against the oracle ----------------------------------------------------------------------------------


def days_world(rng: random.Random) -> tuple[list[Any], Making]:
    """Return pings of a few devices over some days in a few cells, with stays that go over 04:00."""
    base = rng.choice([0, 1_635_724_800, 1_616_889_600])  # the last is the night of a clock change in Europe
    rows: list[Any] = []
    for device in rng.choice([[3, 10, -5, 7, 12], ["b", "a", "10", "9", "c"]])[: rng.randint(2, 5)]:
        t, place = base + rng.randint(0, 20) * 1800, rng.randint(0, 2)
        while t < base + rng.choice([2, 4, 6]) * 86_400:
            rows.append((device, t, place * 800.0 + 5, 5.0))
            t += rng.choice([900, 1800, 3600, 3600, 7200, 20_000])
            place = place if rng.random() < 0.7 else rng.randint(0, 2)
    return rows, Making(max_gap=7200, fill="same_cell")


def asked(rng: random.Random, plain: list[Any]) -> tuple[dict[Any, int], dict[str, Any]]:
    ids = sorted({s[0] for s in plain})
    times = [t for s in plain for t in s[2:]]
    cases = rng.sample(ids, rng.randint(1, len(ids)))
    onsets = {c: rng.choice(times) + rng.choice([0, 3600, 86_400]) for c in sorted(cases)}
    lo, length = rng.choice([(0, 86_400), (3600, 3 * 86_400), (7200, 14 * 86_400)])
    return onsets, {
        "reach": (lo, lo + length),
        "least": rng.choice([1, 600, 1800, 3600]),
        "fewest": rng.randint(1, 2),
        "alike": rng.choice(["weekend", "weekday", "any"]),
        "draws": rng.choice([20, 99, 150]),
        "seed": rng.randint(0, 5),
    }


def frame_of(onsets: dict[Any, int]) -> dict[str, Any]:
    return {"device": list(onsets), "onset": [datetime.fromtimestamp(t, UTC) for t in onsets.values()]}


def contacts_of(rng: random.Random, plain: list[Any]) -> list[tuple[Any, Any, int, int]]:
    """Return some contacts (a, b, start, end) from elsewhere, in order; they may contradict the stays."""
    ids, times = sorted({s[0] for s in plain}), [t for s in plain for t in s[2:]]
    found = set()
    for _ in range(rng.choice([0, 2, 6])):
        a, b = sorted(rng.sample(ids, 2)) if len(ids) > 1 else (ids[0], ids[0])
        start = rng.choice(times) + rng.choice([0, -600, 900])
        if a != b:
            found.add((a, b, start, start + rng.choice([300, 1800, 40_000])))
    return sorted(found)


def compare(number: int) -> int:
    rng = random.Random(f"sources {number}")
    rows, making = days_world(rng) if number % 4 else small_world(rng, long=True, by_tower=number % 8 == 0)
    zone = rng.choice(["UTC", "Asia/Shanghai", "Europe/Paris"])
    stays, plain = stays_of(rows, making, zone), plain_stays(rows, making)
    if not plain:
        return 0
    onsets, q = asked(rng, plain)
    told = contacts_of(rng, plain)
    names = ("a", "b", "started_at", "finished_at")
    columns = {name: [one[k] for one in told] for k, name in enumerate(names)}
    contacts = cotrace.read_contacts(columns, unit="s", source="badges") if told else None
    # to the oracle a contact is a cell after all others, which only the two are in
    own = [chr(0x10FFFF) + f"{k:02}" if isinstance(plain[0][1], str) else 2**62 + k for k in range(len(told))]
    plain += [(one, cell, *when) for cell, (a, b, *when) in zip(own, told, strict=True) for one in (a, b)]
    got = cotrace.common_sources(
        stays,
        frame_of(onsets),
        incubation=tuple(f"{s}s" for s in q["reach"]),
        min_shared=f"{q['least']}s",
        min_cases=q["fewest"],
        alike=q["alike"],
        draws=q["draws"],
        seed=q["seed"],
        contacts=contacts,
    )
    fewest = min(q["fewest"], len(onsets))
    times = [row[1] for row in rows] + [t for one in told for t in one[2:]]
    wanted = oracle.sources(
        plain,
        onsets,
        q["reach"],
        q["least"],
        fewest,
        zone,
        (min(times), max(times)),
        *(q[k] for k in ("alike", "draws", "seed")),
    )
    names = list(wanted[0]) if wanted else []
    assert difference("sources", wanted, [{k: r[k] for k in names} for r in rows_of(got)]) is None, number
    listed = [
        (row["device"], case, *((None, a, b, "badges") if cell in own else (cell, a, b, "pings")))
        for row in wanted
        for case, cell, a, b in oracle.meetings(plain, row["device"], onsets, q["reach"], q["least"])
    ]
    names = ["device", "case_id", "cell", "started_at", "finished_at", "source"]
    shown = [tuple(r[k] for k in names) for r in rows_of(got.evidence)]
    assert shown == listed, number
    plain = [s for s in plain if s[1] not in own]
    expected = oracle.places(plain, onsets, q["reach"], q["least"], fewest)
    had = rows_of(got.places)
    assert len(expected) == len(had)
    for one, two in zip(expected, had, strict=True):
        floats = {k: one.pop(k) for k in ("expected", "p_value")}
        assert one == {k: two[k] for k in one}, number
        assert all(abs(v - two[k]) < 1e-12 for k, v in floats.items()), number
    return len(wanted)


@pytest.mark.parametrize("chunk", range(4))
def test_sources_are_the_oracles(chunk):
    assert sum(compare(number) for number in range(chunk, WORLDS, 4)) > 20


def test_drawn_orders_come_near_all_orders():
    rng, errors = random.Random("orders"), []
    for _ in range(12):
        rows, making = days_world(rng)
        plain = plain_stays(rows, making)
        onsets = {d: max(s[3] for s in plain) + 1 for d in sorted({s[0] for s in plain})[:2]}
        stays = stays_of(rows, making)
        got = rows_of(
            cotrace.common_sources(
                stays, frame_of(onsets), incubation=("0s", "30d"), min_cases=1, alike="any", draws=5000
            )
        )
        span = (min(r[1] for r in rows), max(r[1] for r in rows))
        days = oracle.days_of([(t - 30 * 86_400, t) for t in onsets.values()], "UTC", span, "any")
        for row in got if len(days) < 8 else []:
            met = oracle.met_on(plain, row["device"], onsets, (0, 30 * 86_400), 600, days)
            p, mean = oracle.exact(met, days)
            # after 99 draws that reach it often enough no more are drawn
            margin = 0.02 if p < 0.1 else 0.2
            errors.append((abs(row["p_value"] - p) < margin, abs(row["expected"] - mean) < 0.4))
    assert len(errors) > 8
    assert np.mean(errors) > 0.95


# ---- promises --------------------------------------------------------------------------------------------------------


def test_neither_order_nor_threads_matter():
    rows, making = small_world(random.Random(11), long=True)
    onsets = {"device": [3, 10, 7], "onset": [datetime.fromtimestamp(rows[-1][1], UTC)] * 3}
    onsets["device"] = sorted({r[0] for r in rows})[:3]
    onsets["onset"] = onsets["onset"][: len(onsets["device"])]
    answers = []
    for threads in (1, 2):
        shuffled = random.Random(threads).sample(rows, len(rows))
        one = cotrace.common_sources(
            stays_of(shuffled, making), onsets, incubation=("0s", "20d"), min_cases=1, threads=threads
        )
        answers.append([t.to_arrow() for t in (one, one.evidence, one.places)])
    assert len(answers[0][0])
    assert all(a.equals(b) for a, b in zip(*answers, strict=True))


def test_empty_is_typed(stays):
    empty = stays_of([], Making())
    one, none = {"device": [1], "onset": ["2020-01-01T00:00:00Z"]}, {"device": [], "onset": []}
    for source, cases in ((empty, one), (stays, none)):
        found = cotrace.common_sources(source, cases)
        assert [len(found), len(found.evidence), len(found.places)] == [0, 0, 0]
        assert found.to_arrow().schema.field("first_meeting").type.tz == source.tz


def test_many_cases_fill_more_than_one_word():
    moments = [1_635_724_800 + t for t in (0, 3600)]
    rows = [(device, t, 5.0, 5.0) for device in range(70) for t in moments]
    onsets = dict.fromkeys(range(66), moments[0] + 10 * 86400)
    got = rows_of(cotrace.common_sources(stays_of(rows, Making()), frame_of(onsets), draws=5))
    assert [row["cases_met"] for row in got] == [66] * 4 + [65] * 66
    assert [row["cases_asked"] for row in got] == [66] * 4 + [65] * 66
    assert {row["p_value"] for row in got} == {1.0}  # a single day has one order


def test_contacts_alone_are_enough():
    badges = {
        "a": ["D", "D", "x", "A"],
        "b": ["A", "B", "B", "E"],
        "started_at": [f"2020-01-{t}:00+08:00" for t in ("08T10", "09T18", "09T18", "09T16")],
        "finished_at": [f"2020-01-{t}+08:00" for t in ("08T10:30", "09T21:00", "09T21:00", "09T17:00")],
    }
    onsets = {"device": ["A", "B"], "onset": ONSETS["onset"][:2]}
    found = cotrace.common_sources(None, onsets, contacts=cotrace.read_contacts(badges, source="badges"))
    assert [(r["device"], r["cases_met"], r["shared_s"]) for r in rows_of(found)] == [("D", 2, 12_600)]
    assert [(r["case_id"], r["cell"], r["source"]) for r in rows_of(found.evidence)] == [
        ("A", None, "badges"),
        ("B", None, "badges"),
    ]
    assert cotrace.common_sources(None, onsets, contacts=badges).to_arrow().equals(found.to_arrow())
    with pytest.raises(cotrace.CotraceError, match="neither stays nor contacts"):
        cotrace.common_sources(None, onsets)


def test_visits_are_meetings_with_their_source(stays):
    tickets = {
        "device": ["visitor 003", "A"],
        "place": ["theatre", "theatre"],
        "started_at": ["2020-01-08T19:00+08:00"] * 2,
        "finished_at": ["2020-01-08T21:00+08:00"] * 2,
    }
    beside = cotrace.with_visits(stays, cotrace.read_visits(tickets, source="tickets"))
    found = cotrace.common_sources(beside, ONSETS, min_cases=1)
    rows = [r for r in rows_of(found.evidence) if r["place"] == "theatre"]
    assert [(r["device"], r["case_id"], r["source"], r["crowd"]) for r in rows] == [
        ("visitor 003", "A", "tickets", 2)
    ]
    assert {r["source"] for r in rows_of(found.evidence)} == {"pings", "tickets"}


def test_chances_add_up_to_poissons_binomial():
    assert tail(np.array([0.5, 0.5, 0.5]), 2) == pytest.approx(0.5)
    assert tail(np.array([]), 0) == 1.0


@pytest.mark.parametrize(
    ("cases", "keywords", "says"),
    [
        ({"device": ["A"]}, {}, "no column 'onset'"),
        ({"onset": ["2020-01-01T00:00:00Z"]}, {}, "no column 'device'"),
        ({"device": ["A"], "onset": [date(2020, 1, 14)]}, {}, "row 0 is a date without a time of day"),
        ({"device": ["A"], "onset": [None]}, {}, "row 0 has no onset"),
        (
            {"device": ["A", "A"], "onset": ["2020-01-14T00:00:00Z", "2020-01-15T00:00:00Z"]},
            {},
            "row 1 is there already",
        ),
        ({"device": ["A", "B"], "onset": ["2020-01-14T00:00:00Z"]}, {}, "different lengths"),
        (["A"], {}, "is a list: give a frame"),
        (ONSETS, {"incubation": "14d"}, "no pair"),
        (ONSETS, {"incubation": ("14d", "1d")}, "below the longest"),
        (ONSETS, {"min_cases": 0}, "min_cases=0"),
        (ONSETS, {"draws": 0}, "draws=0"),
        (ONSETS, {"alike": "month"}, "alike='month'"),
        (
            ONSETS,
            {"findings": {"device": ["A", "A"], "test": ["-", "+"]}},
            "row 1 of findings says another test",
        ),
        (ONSETS, {"findings": {"test": ["-"]}}, "findings have no column 'device'"),
    ],
)
def test_errors_say_what_and_the_mend(stays, cases, keywords, says):
    with pytest.raises(cotrace.CotraceError, match=says):
        cotrace.common_sources(stays, cases, **keywords)


def test_cases_that_were_never_seen_are_warned_of(stays):
    cases = {"device": ["A", "Q"], "onset": ["2020-01-14T00:00:00+08:00", "2030-01-14T00:00:00+08:00"]}
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        cotrace.common_sources(stays, cases)
        cotrace.common_sources(stays, {"device": ["A"], "onset": ["2030-01-14T00:00:00+08:00"]})
    figures = [w.message.figures for w in said]
    assert figures == [{"never_seen": 1, "cases": 2}, {"outside": 1, "cases": 1}]
    assert all(w.filename == __file__ for w in said)
