"""Contacts, tiers, rings and pairs by hand: flags, decisions, sources, persons, and what cannot be."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import cotrace

T0 = datetime(2021, 11, 1, tzinfo=UTC)
DAY, HOUR = 86_400, 3600
AS_OF, NEXT_DAY = T0 + timedelta(days=20), T0 + timedelta(days=1)
LATE = cotrace.CompanionRule(min_cumulative=None, lag="1h")
Rows = list[tuple[Any, int, int, int]]


def stays(*rows: tuple[Any, int, int, int]) -> cotrace.Stays:
    """Make stays (device, cell, start, end), in seconds from T0."""
    pings = [(d, T0 + timedelta(seconds=t), 10.0 * c + 1) for d, c, a, b in rows for t in (a, b)]
    table = {"device": [p[0] for p in pings], "time": [p[1] for p in pings], "x": [p[2] for p in pings]}
    options = cotrace.StayOptions(grid=cotrace.Grid.planar(10), max_gap="30d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.find_stays(cotrace.read_pings({**table, "y": [1.0] * len(pings)}), options=options)


def routine(device: Any, home: int, work: int, days: range, late: int = 0) -> Rows:
    """Days at home and at work, and an errand every third day."""
    rows: Rows = []
    for d in days:
        t = d * DAY
        rows += [
            (device, home, t + late, t + 8 * HOUR - 60),
            (device, work, t + 9 * HOUR + late, t + 17 * HOUR),
        ]
        if d % 3 == 0:
            rows.append((device, 90, t + 18 * HOUR + late, t + 20 * HOUR))
        rows.append((device, home, t + 21 * HOUR, t + 24 * HOUR - 60))
    return rows


def by_device(found: Any) -> dict[Any, dict[str, Any]]:
    return {row["device"]: row for row in found.to_arrow().to_pylist()}


def town() -> cotrace.Stays:
    days = range(20)
    return stays(
        *routine("case", 1, 2, days),
        *routine("phone 2", 1, 2, days, late=300),
        *routine("spouse", 1, 3, days),
        *routine("colleague", 4, 2, days),
        *routine("colleague 2", 4, 2, days, late=120),
        ("router", 1, 0, 20 * DAY),
        ("guest", 2, 19 * DAY + 10 * HOUR, 19 * DAY + 12 * HOUR),
        ("guest", 7, 19 * DAY + 13 * HOUR, 19 * DAY + 15 * HOUR),
        ("stranger", 7, 19 * DAY + 13 * HOUR, 19 * DAY + 14 * HOUR),
        ("passer-by", 2, 19 * DAY + 10 * HOUR, 19 * DAY + 10 * HOUR + 60),
    )


def test_flags_say_what_kind_of_meeting_it_was() -> None:
    found = by_device(cotrace.tiers(town(), ["case"], as_of=AS_OF))
    assert {d: r["tier"] for d, r in found.items()} == {
        **dict.fromkeys(
            ["phone 2", "spouse", "colleague", "colleague 2", "router", "guest"], "contact_candidate"
        ),
        "stranger": "contact_of_contact",
        "passer-by": "general_risk",
    }
    settings = {d: (r["setting"], r["via_setting"]) for d, r in found.items()}
    assert settings["spouse"] == ("home", "home")
    assert settings["colleague"] == ("work", "work")
    assert settings["guest"] == ("other", "work")
    assert {d for d, r in found.items() if r["stationary"]} == {"router"}
    assert {d: r["twin_of"] for d, r in found.items() if r["twin_of"]} == {
        "phone 2": "case",
        "colleague 2": "colleague",
    }
    # six days before the lookback: at home and on two errands, unlike the guest
    assert found["spouse"]["usual_s"] == 6 * (11 * HOUR - 60) + 2 * 2 * HOUR
    assert found["guest"]["usual_s"] == found["passer-by"]["usual_s"] == 0
    assert found["stranger"]["path"] == ["case", "guest", "stranger"]
    assert found["passer-by"]["shared_s"] == 60


def test_flags_have_their_thresholds() -> None:
    flags = cotrace.Flags(stationary="30d", twin_share=1.0)
    found = by_device(cotrace.tiers(town(), ["case"], as_of=AS_OF, flags=flags))
    assert not any(r["stationary"] for r in found.values())
    assert not any(r["twin_of"] for r in found.values())
    for wrong in ({"twin_share": 0.5}, {"twin_cells": 1}, {"stationary": "-1d"}):
        with pytest.raises(cotrace.CotraceError):
            cotrace.Flags(**wrong)
    with pytest.raises(TypeError, match="flags= is a str"):
        cotrace.tiers(town(), ["case"], as_of=AS_OF, flags="all")  # type: ignore[arg-type]


def test_one_person_with_two_phones() -> None:
    devices = {"device": ["guest", "stranger", "case"], "person": ["p", "p", "q"], "kind": [None] * 3}
    found = by_device(cotrace.tiers(town(), ["case"], as_of=AS_OF, devices=devices))
    assert found["stranger"]["twin_of"] == "guest"
    assert found["guest"]["twin_of"] is None


def test_chains_through_objects_and_a_filter_that_says_which() -> None:
    """Person, parcel, person: the parcel is taken over after the first has gone, and the second comes later."""
    made = stays(
        ("A", 1, 0, HOUR), ("parcel", 1, 600, 2 * HOUR), ("parcel", 5, 3 * HOUR, 9 * HOUR),
        ("B", 5, 8 * HOUR, 10 * HOUR), ("C", 1, 2 * HOUR, 3 * HOUR),
    )  # fmt: skip
    rule = cotrace.CompanionRule(min_cumulative=None)
    devices = {"device": ["parcel"], "kind": ["parcel"]}
    asked: dict[str, Any] = {"as_of": NEXT_DAY, "rule": rule, "depth": 3, "devices": devices}
    found = by_device(cotrace.rings(made, ["A"], **asked))
    assert {d: r["path"] for d, r in found.items()} == {
        "A": ["A"], "parcel": ["A", "parcel"], "B": ["A", "parcel", "B"],
    }  # fmt: skip
    assert set(by_device(cotrace.rings(made, ["A"], through="person", **asked))) == {"A", "parcel"}
    assert set(by_device(cotrace.rings(made, ["A"], through=("person", "parcel"), **asked))) == set(found)
    found = by_device(cotrace.rings(made, ["A"], **{**asked, "rule": LATE}))
    assert found["C"]["path"] == ["A", "C"], "it came an hour after A had left"
    shorter = cotrace.CompanionRule(min_cumulative=None, lag="59min")
    assert by_device(cotrace.rings(made, ["A"], **{**asked, "rule": shorter}))["C"]["path"] == [
        "A",
        "parcel",
        "C",
    ]
    with pytest.raises(cotrace.CotraceError, match="has the kinds parcel, person"):
        cotrace.rings(made, ["A"], through="lorry", **asked)
    with pytest.raises(cotrace.CotraceError, match="give the table of them"):
        cotrace.rings(made, ["A"], as_of=NEXT_DAY, through="person")


def test_with_lag_both_have_to_stay_as_long_as_is_asked() -> None:
    made = stays(
        ("A", 1, 0, 600), ("B", 1, 660, 1260), ("short", 1, 700, 1299), ("early", 1, 590, 1190),
        ("A", 2, 2000, 2599), ("after a short visit", 2, 2700, 9000),
    )  # fmt: skip
    rule = cotrace.CompanionRule(min_cumulative=None, lag="1min")
    found = cotrace.contacts(made, ["A"], as_of=NEXT_DAY, rule=rule).to_arrow().to_pylist()
    assert [(r["contact_id"], r["lag_s"], r["shared_s"]) for r in found] == [("B", 60, 0), ("early", 0, 10)]
    note = cotrace.contacts(made, ["A"], as_of=NEXT_DAY, rule=rule).note
    assert "at most 1 min after the other left" in note


def test_decisions_apply_before_the_next_hop_and_are_counted() -> None:
    made = stays(
        ("A", 1, 0, HOUR), ("B", 1, 0, HOUR), ("B", 2, 2 * HOUR, 9 * HOUR), ("C", 2, 3 * HOUR, 4 * HOUR),
        ("D", 2, 7 * HOUR, 8 * HOUR),
    )  # fmt: skip

    def at(hours: float) -> datetime:
        return T0 + timedelta(hours=hours)

    def tiers(*decided: tuple[str, str, float]) -> Any:
        names = ("device", "decision", "at")
        table = dict(
            zip(names, map(list, zip(*((d, w, at(t)) for d, w, t in decided), strict=True)), strict=True)
        )
        more = {"reason": ["because"] * len(decided), "by": [f"officer {k}" for k in range(len(decided))]}
        return cotrace.tiers(made, ["A"], as_of=NEXT_DAY, adjudications={**table, **more})

    assert set(by_device(tiers(("B", "confirmed", 30)))) == {"B", "C", "D"}
    found = tiers(("B", "excluded", 30), ("B", "confirmed", 29))
    row = by_device(found)["B"]
    assert set(by_device(found)) == {"B"}
    assert (row["decision"], row["reason"], row["decided_by"], row["decided_at"]) == (
        "excluded", "because", "officer 0", at(30),
    )  # fmt: skip
    assert found.sizes["excluded"].to_pylist() == [1, 0, 0]
    assert found.sizes["undecided"].to_pylist() == [0, 0, 0]
    assert set(by_device(tiers(("B", "isolated", 6)))) == {"B", "C"}, "D came after B was isolated"
    with pytest.warns(cotrace.CotraceWarning, match="1 decisions are about cases"):
        tiers(("A", "excluded", 1))
    with pytest.warns(cotrace.CotraceWarning, match="1 decisions are about devices that were never seen"):
        tiers(("Z", "excluded", 1))
    with pytest.raises(cotrace.CotraceError, match="row 1 is none of confirmed, excluded, isolated, unclear"):
        tiers(("B", "excluded", 1), ("C", "cleared", 1))
    with pytest.raises(cotrace.CotraceError, match=r"1 decisions differ .* row 1"):
        tiers(("B", "excluded", 1), ("B", "confirmed", 1))
    for table, what in (
        ({"device": ["B"], "at": [at(1)]}, "no column 'decision'"),
        ({"device": ["B"], "decision": ["excluded"], "at": ["2021-11-02"]}, "date without a time of day"),
    ):
        with pytest.raises(cotrace.CotraceError, match=what):
            cotrace.tiers(made, ["A"], as_of=NEXT_DAY, adjudications=table)


def test_the_second_hop_keeps_to_the_order_of_time() -> None:
    made = stays(
        ("B", 2, 0, HOUR), ("before", 2, 0, HOUR), ("A", 1, 2 * HOUR, 3 * HOUR), ("B", 1, 2 * HOUR, 3 * HOUR),
        ("B", 3, 4 * HOUR, 5 * HOUR), ("after", 3, 4 * HOUR, 5 * HOUR),
    )  # fmt: skip
    assert set(by_device(cotrace.tiers(made, ["A"], as_of=NEXT_DAY))) == {"B", "after"}
    assert set(by_device(cotrace.tiers(made, ["A"], as_of=NEXT_DAY, latency="2h50min"))) == {"B", "after"}
    assert set(by_device(cotrace.tiers(made, ["A"], as_of=NEXT_DAY, latency="2h51min"))) == {"B"}


def test_visits_and_contacts_stand_beside_pings_with_their_source() -> None:
    made = stays(("A", 1, 0, HOUR), ("B", 1, 0, HOUR))
    visits = cotrace.read_visits(
        {
            "device": ["A", "C", "C"],
            "place": ["theatre"] * 3,
            "started_at": [T0 + timedelta(hours=h) for h in (5, 6, 20)],
            "finished_at": [T0 + timedelta(hours=h) for h in (8, 9, 21)],
        },
        source="tickets",
    )
    contacts = cotrace.read_contacts(
        {
            "a": ["D", "B"],
            "b": ["A", "A"],
            "started_at": [T0] * 2,
            "finished_at": [T0 + timedelta(minutes=30)] * 2,
        },
        source="badges",
    )
    both = cotrace.with_visits(made, visits)
    found = cotrace.contacts(both, ["A"], as_of=NEXT_DAY, contacts=contacts)
    rows = {r["contact_id"]: r for r in found.to_arrow().to_pylist()}
    assert {d: (r["source"], r["shared_s"]) for d, r in rows.items()} == {
        "B": ("pings+badges", HOUR), "C": ("tickets", 2 * HOUR), "D": ("badges", 1800),
    }  # fmt: skip
    assert rows["B"]["n_cells"] == 1
    assert rows["D"]["n_cells"] == 0
    places = {r["contact_id"]: r["place"] for r in found.evidence.to_arrow().to_pylist()}
    assert places == {"B": None, "C": "theatre", "D": None}
    rule = cotrace.CompanionRule(min_cumulative=None, shared="cumulative")
    summed = cotrace.contacts(both, ["A"], as_of=NEXT_DAY, contacts=contacts, rule=rule)
    assert {r["contact_id"]: r["source"] for r in summed.to_arrow().to_pylist()} == {
        d: r["source"] for d, r in rows.items()
    }
    alone = cotrace.tiers(None, ["A"], as_of=NEXT_DAY, contacts=contacts)
    assert {d: (r["tier"], r["setting"]) for d, r in by_device(alone).items()} == {
        "B": ("contact_candidate", None), "D": ("contact_candidate", None),
    }  # fmt: skip


def test_sizes_growth_and_workload() -> None:
    made = stays(
        ("A", 1, 0, HOUR), ("B", 1, 0, HOUR), ("C", 1, 0, HOUR), ("B", 2, 2 * HOUR, 3 * HOUR),
        ("D", 2, 2 * HOUR, 3 * HOUR),
    )  # fmt: skip
    found = cotrace.rings(made, ["A"], as_of=NEXT_DAY, depth=4, investigators_per_device=2.5)
    rows = found.sizes.to_arrow().to_pylist()
    assert [r["devices"] for r in rows] == [1, 2, 1, 0, 0]
    assert [r["growth"] for r in rows] == [None, 2.0, 0.5, 0.0, None]
    assert [r["investigators"] for r in rows] == [3, 5, 3, 0, 0]
    assert [(r["published_low"], r["published_high"]) for r in rows] == [
        (None, None), (20, 30), (200, 300), (2000, 3000), (None, None),
    ]  # fmt: skip
    assert repr(found).startswith("ring 0: 1, ring 1: 2, ring 2: 1")
    assert cotrace.rings(made, ["A"], as_of=NEXT_DAY).sizes["investigators"].null_count == 3
    for wrong in ({"depth": 0}, {"depth": "2"}, {"investigators_per_device": 0}):
        with pytest.raises(cotrace.CotraceError):
            cotrace.rings(made, ["A"], as_of=NEXT_DAY, **wrong)
    with pytest.raises(cotrace.CotraceError, match="it was 4 before"):
        found.extend(depth=2)


def test_the_order_of_rows_and_threads_change_nothing() -> None:
    days = range(14, 20)
    rows = [
        *routine("case", 1, 2, days),
        *routine("x", 1, 3, days),
        *routine("y", 5, 3, days),
        *routine("z", 5, 6, days),
    ]
    rule = cotrace.CompanionRule(min_cumulative="3h", shared="cumulative", per="24h")
    one, two = stays(*rows), stays(*rows[::-1])
    for query in (cotrace.contacts, cotrace.tiers, cotrace.rings):
        for asked in ({}, {"rule": rule}):
            a = query(one, ["case"], as_of=AS_OF, threads=1, **asked)  # type: ignore[operator]
            b = query(two, ["case"], as_of=AS_OF, threads=2, **asked)  # type: ignore[operator]
            assert a.to_arrow().equals(b.to_arrow())
            assert a.evidence.to_arrow().equals(b.evidence.to_arrow())
            assert len(a)
            assert "Candidates from co-location" in repr(a)


def test_nothing_gives_empty_typed_tables() -> None:
    made = stays(("A", 1, 0, HOUR))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        none = cotrace.find_stays(cotrace.read_pings({"device": [], "time": [], "x": [], "y": []}, unit="s"))
        for given, cases in ((made, []), (made, ["nobody"]), (none, [1]), (none, [])):
            for query in (cotrace.contacts, cotrace.tiers, cotrace.rings):
                found = query(given, cases, as_of=AS_OF)  # type: ignore[operator]
                assert len(found) == (len(cases) if query is cotrace.rings else 0)
                assert len(found.evidence) == 0
                assert found.to_arrow().schema.names == list(found.columns)
        assert [b.num_rows for b in cotrace.pairs(none)] == []
        assert cotrace.pairs(none).reader().read_all().num_rows == 0


def test_what_cannot_be_is_said() -> None:
    made = stays(("A", 1, 0, HOUR))
    for given, error in (
        (lambda: cotrace.contacts(None, ["A"], as_of=NEXT_DAY), "neither stays nor contacts"),
        (lambda: cotrace.contacts([1], ["A"], as_of=NEXT_DAY), "list is not Stays"),  # type: ignore[arg-type]
        (lambda: cotrace.contacts(made, ["A"]), "as_of is missing"),
        (lambda: cotrace.contacts(made, ["A"], as_of=NEXT_DAY, rule="10min"), "rule= is a str"),  # type: ignore[arg-type]
        (lambda: cotrace.tiers(made, ["A"], as_of=NEXT_DAY, window="0s"), "no window"),
        (lambda: cotrace.find_companions(made, ["A"], as_of=NEXT_DAY, rule=LATE), "contacts"),
        (lambda: cotrace.CompanionRule(lag="1h"), "needs shared='unbroken'"),
        (lambda: cotrace.pairs(made, LATE), "direction"),
        (lambda: cotrace.pairs(made, cotrace.CompanionRule(dwell_of="case")), "direction"),
        (lambda: cotrace.pairs(made, "all"), "rule= is a str"),  # type: ignore[arg-type]
        (lambda: cotrace.pairs(made, max_crowd=0), "max_crowd=0"),
        (lambda: cotrace.pairs(made, window="0s"), "no window"),
    ):  # fmt: skip
        with pytest.raises(cotrace.CotraceError, match=error):
            given()
    old = cotrace.read_contacts(
        {"a": ["A"], "b": ["B"], "started_at": [-4 * 10**9], "finished_at": [0]}, unit="s"
    )
    with pytest.raises(cotrace.CotraceError, match="68 years"):
        cotrace.contacts(made, ["A"], as_of=NEXT_DAY, contacts=old)
    with pytest.warns(cotrace.CotraceWarning, match=r"1 of 2 cases were never seen.* row 1"):
        cotrace.contacts(made, ["A", "B"], as_of=NEXT_DAY)


def test_ids_from_elsewhere_are_matched_to_the_pings() -> None:
    numbers = stays((7, 1, 0, HOUR))
    rows = {"started_at": [T0], "finished_at": [T0 + timedelta(hours=1)]}
    found = cotrace.contacts(numbers, [7], as_of=NEXT_DAY, contacts={"a": ["7"], "b": ["8"], **rows})
    assert found["contact_id"].to_pylist() == [8]
    for odd in ("08", "x"):
        with pytest.raises(cotrace.CotraceError, match="no exact counterpart"):
            cotrace.contacts(numbers, [7], as_of=NEXT_DAY, contacts={"a": ["7"], "b": [odd], **rows})
    words = cotrace.contacts(
        stays(("7", 1, 0, HOUR)), ["7"], as_of=NEXT_DAY, contacts={"a": [7], "b": [8], **rows}
    )
    assert words["contact_id"].to_pylist() == ["8"]


def test_pairs_hand_themselves_on_and_say_what_they_left_out() -> None:
    made = stays(
        ("a", 1, 0, HOUR),
        ("b", 1, 0, HOUR),
        ("c", 1, 0, HOUR),
        ("a", 2, 5 * HOUR, 6 * HOUR),
        ("b", 2, 5 * HOUR, 6 * HOUR),
    )
    found = cotrace.pairs(made)
    table = found.reader().read_all()
    assert table.num_rows == 3
    assert b"Candidates" in table.schema.metadata[b"cotrace"]
    assert found.seen == {"pairs": 3, "overlaps": 4}
    import pyarrow as pa

    assert pa.table(found).num_rows == 3
    with pytest.warns(
        cotrace.CotraceWarning, match=r"1 cells and windows have more than max_crowd=2 .* up to 3 pairs"
    ):
        found = cotrace.pairs(made, max_crowd=2)
    assert "1 cells and windows are left out" in repr(found)
    assert [r["n_episodes"] for b in found for r in b.to_pylist()] == [1]
    assert len(cotrace.pairs(made, max_crowd=None).crowded) == 0
