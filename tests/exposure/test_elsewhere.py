"""Presence and contacts from elsewhere, and whose devices are."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from tests import naive_exposure_elsewhere as oracle
from tests.exposure.worlds_of_stays import Making, plain_stays, small_world, stays_of
from tests.properties.through import rows_of

import cotrace

PLACES = ["hall", "shop", "train 5", "p"]


def visits_of(rows: list[tuple[Any, ...]], **keywords: Any) -> Any:
    names = ("device", "place", "started_at", "finished_at", "source")
    return cotrace.read_visits(
        dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), unit="s", **keywords
    )


def quiet(function: Any, *args: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*args, **keywords)


def made(number: int) -> Any:
    rng = random.Random(f"visits {number}")
    by_tower = number % 3 == 0
    rows, making = small_world(rng, by_tower=by_tower)
    plain = plain_stays(rows, making)
    ids = sorted({r[0] for r in rows})
    ids += [99] if isinstance(ids[0], int) else ["zoe"]
    times = sorted({t for s in plain for t in s[2:]} | {r[1] for r in rows})
    visits = []
    for _ in range(rng.randint(1, 8)):
        a = rng.choice(times) + rng.choice([-90_000, -7, 0, 0, 5])
        visits.append(
            (rng.choice(ids), rng.choice(PLACES), a, a + rng.choice([1, 60, 4000]), rng.choice("tb"))
        )
    where = None
    cell_of: dict[str, Any] = {"p": "p"} if by_tower and any(r[2] == "p" for r in rows) else {}
    if not by_tower and rng.random() < 0.5:
        where = {"place": ["hall"], "x": [5.0], "y": [5.0]}
        cell_of = {"hall": 0}
    return rows, making, plain, visits, where, cell_of


def expected_rows(found: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [
        (d, c, a, b, "+".join(s for s in ("pings", "b", "t") if s in sources))
        for d, c, a, b, sources in found
    ]


def by_name(table: Any) -> list[tuple[Any, ...]]:
    rows = [r for r in rows_of(table) if r["kind"] == "stay"]
    return [
        (r["device"], r["place"] or r["cell"], r["started_at"], r["finished_at"], r["source"]) for r in rows
    ]


def key(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[0], row[2], str(row[1])


def test_stays_with_visits_are_the_oracles():
    for number in range(150):
        rows, making, plain, visits, where, cell_of = made(number)
        stays = quiet(cotrace.with_visits, stays_of(rows, making), visits_of(visits), places=where)
        wanted = expected_rows(oracle.with_visits(plain, visits, cell_of))
        assert sorted(by_name(quiet(cotrace.trajectory, stays)), key=key) == sorted(wanted, key=key), number
        assert len(stays) == len(wanted)
        # the order of rows, and visits that come in two parts, do not matter
        again = stays_of(rows, making)
        for part in (visits[::-1][: len(visits) // 2], visits[::-1][len(visits) // 2 :]):
            again = quiet(cotrace.with_visits, again, visits_of(part), places=where) if part else again
        one, two = (sorted(by_name(quiet(cotrace.trajectory, s)), key=key) for s in (stays, again))
        assert [(*r[:4], set(r[4].split("+"))) for r in one] == [(*r[:4], set(r[4].split("+"))) for r in two]


def test_dwell_gaps_and_overlap_add_up():
    for number in range(40):
        rows, making, _, visits, where, _ = made(number)
        stays = quiet(cotrace.with_visits, stays_of(rows, making), visits_of(visits), places=where)
        found = rows_of(quiet(cotrace.trajectory, stays))
        for device in {r["device"] for r in found}:
            mine = [r for r in found if r["device"] == device]
            span = max(r["finished_at"] for r in mine) - min(r["started_at"] for r in mine)
            assert sum(r["duration_s"] - r["overlap_s"] for r in mine) == span


def test_two_who_visited_one_place_are_companions():
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 60, 1.0, 1.0), (2, 0, 9e5, 1.0), (2, 60, 9e5, 1.0)], Making())
    tickets = visits_of([(1, "hall", 3600, 7200, "t"), (2, "hall", 3000, 7000, "t"), (3, "bar", 0, 60, "t")])
    with pytest.warns(cotrace.CotraceWarning, match="1 of 3 visitors have no pings"):
        both = cotrace.with_visits(stays, tickets)
    rule = cotrace.CompanionRule(min_cumulative=None)
    found = quiet(cotrace.find_companions, both, [1], as_of="1970-01-02T00:00:00+00:00", rule=rule)
    assert found.companions["companion_id"].to_pylist() == [2]
    assert found.companions["shared_s"].to_pylist() == [3400]
    assert found.evidence["cell_col"].to_pylist() == [None]
    assert quiet(cotrace.occupancy, both).to_arrow().num_rows == 5


def test_being_in_two_places_is_warned_of():
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 600, 1.0, 1.0)], Making())
    with pytest.warns(cotrace.CotraceWarning, match="1 stays of 1 devices overlap") as seen:
        cotrace.with_visits(stays, visits_of([(1, "hall", 300, 900, "t")]))
    assert seen[0].message.figures["overlap_s"] == 300
    with pytest.warns(cotrace.CotraceWarning, match="1 of 2 places have no position"):
        cotrace.with_visits(
            stays,
            visits_of([(1, "hall", 900, 960, "t"), (1, "bar", 990, 999, "t")]),
            places={"place": ["bar"], "x": [1.0], "y": [2.0]},
        )


def test_rows_that_cannot_be_used_are_counted_and_handed_back():
    table = {
        "device": [1, None, 3, 4, 5, 1, 1],
        "place": ["a", "b", " ", "d", "e", "f", "a"],
        "from": [0, 0, 0, 100, 50, None, 0],
        "to": [9, 9, 9, 50, 50, 9, 9],
    }
    with pytest.warns(cotrace.CotraceWarning, match="5 of 7 rows cannot be used"):
        visits = cotrace.read_visits(table, unit="s")
    assert len(visits) == 1
    assert visits.counts.collapsed == 1
    assert visits.refused["row"].to_pylist() == [1, 2, 3, 4, 5]
    assert visits.counts.refused == {
        "no device": 1,
        "no place": 1,
        "ends before it starts": 1,
        "no length": 1,
        "no time": 1,
    }


def test_contacts_have_no_direction_and_no_selves():
    table = pa.table(
        {"a": ["b", "a", "c"], "b": ["a", "b", "c"], "started_at": [0, 0, 0], "finished_at": [20, 20, 9]}
    )
    with pytest.warns(cotrace.CotraceWarning, match="1 a device with itself"):
        found = cotrace.read_contacts(table, unit="s", source="badges")
    assert [(r["a"], r["b"], r["source"]) for r in rows_of(found)] == [("a", "b", "badges")]
    assert found.counts.as_dict()["used"] == 1


def test_naive_times_need_a_zone_and_columns_are_named():
    table = pd.DataFrame(
        {"who": [1], "place": ["x"], "start": ["2021-11-01 08:00"], "end": ["2021-11-01 09:00"]}
    )
    with pytest.raises(cotrace.CotraceError, match="time zone"):
        cotrace.read_visits(table, columns={"device": "who"})
    with pytest.raises(cotrace.CotraceError, match="no column for device"):
        cotrace.read_visits(table, tz="Asia/Shanghai")
    with pytest.raises(cotrace.CotraceError, match="columns= names 'Device'"):
        cotrace.read_visits(table, columns={"Device": "who"})
    found = cotrace.read_visits(table, columns={"device": "who"}, tz="Asia/Shanghai")
    assert found["started_at"].to_pylist() == [datetime(2021, 11, 1, tzinfo=UTC)]


def test_empty_tables_are_typed():
    empty = {"device": [], "place": [], "start": [], "end": []}
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 60, 1.0, 1.0)], Making())
    visits = cotrace.read_visits(empty, unit="s")
    assert visits.to_arrow().schema.field("started_at").type == pa.timestamp("us", tz="UTC")
    assert cotrace.with_visits(stays, visits) is stays
    assert len(cotrace.read_contacts({"a": [], "b": [], "start": [], "end": []}, unit="s")) == 0


def test_ids_must_fit_those_of_the_stays():
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 60, 1.0, 1.0)], Making())
    with pytest.raises(cotrace.CotraceError, match="no exact counterpart"):
        cotrace.with_visits(stays, visits_of([("007", "hall", 0, 60, "t")]))
    assert len(quiet(cotrace.with_visits, stays, visits_of([("7", "hall", 0, 60, "t")])).devices) == 2
    with pytest.raises(cotrace.CotraceError, match="68 years"):
        cotrace.with_visits(stays, visits_of([(1, "hall", 4_000_000_000, 4_000_000_060, "t")]))
    with pytest.raises(cotrace.CotraceError, match="read_visits"):
        cotrace.with_visits(stays, {"device": [1]})  # type: ignore[arg-type]


def test_whose_devices_are():
    known = cotrace.read_devices({"device": ["b", "a"], "person": ["P", "P"], "kind": ["Vehicle", None]})
    assert known["kind"].to_pylist() == ["person", "vehicle"]
    with pytest.raises(cotrace.CotraceError, match="contradict"):
        cotrace.read_devices({"device": ["b", "b"], "person": ["P", "Q"]})
    with pytest.raises(cotrace.CotraceError, match="1 rows have no device"):
        cotrace.read_devices({"device": ["b", None], "person": ["P", "Q"]})
    stays = stays_of(
        [("a", 0, 1.0, 1.0), ("a", 60, 1.0, 1.0), ("c", 0, 1.0, 1.0), ("c", 9, 1.0, 1.0)], Making()
    )
    said = cotrace.with_persons(cotrace.trajectory(stays), known)
    assert said["device_person"].to_pylist() == ["P", None]
    assert said["device_kind"].to_pylist() == ["person", None]
    with pytest.raises(cotrace.CotraceError, match="one type"):
        cotrace.with_persons(cotrace.trajectory(stays), cotrace.read_devices({"device": [1]}))


def test_places_of_visits_that_cannot_be():
    stays = stays_of([(1, 0, 1.0, 1.0), (1, 60, 1.0, 1.0)], Making())
    hall = visits_of([(1, "hall", 900, 960, "t")])
    for places, words in (
        ({"place": ["hall", None], "x": [1.0, 1.0], "y": [1.0, 1.0]}, "1 rows have no place"),
        ({"place": ["hall"], "x": [None], "y": [1.0]}, "no position"),
        ({"place": ["hall"], "cell": pa.array([None], pa.int64())}, "row 0 has no position"),
        ({"place": ["hall", "hall"], "x": [1.0, 900.0], "y": [1.0, 1.0]}, "another cell than an earlier row"),
        ({"place": ["hall"], "lon": [1.0], "lat": [1.0]}, "columns x and y are needed"),
    ):
        with pytest.raises(cotrace.CotraceError, match=words):
            cotrace.with_visits(stays, hall, places=places)
    towers = stays_of([(1, 0, "p"), (1, 60, "p")], Making(cell_m=None, fill="forward"))
    with pytest.raises(cotrace.CotraceError, match="towers as cells"):
        cotrace.with_visits(towers, hall, places={"place": ["hall"], "x": [1.0], "y": [1.0]})
    at_p = cotrace.with_visits(towers, hall, places={"place": ["hall"], "cell": ["p"]})
    assert cotrace.trajectory(at_p)["cell"].to_pylist() == ["p", None, "p"]
    many = visits_of([(1, "hall", 100 * k + 100, 100 * k + 150, f"s{k}") for k in range(70)])
    with pytest.raises(cotrace.CotraceError, match="71 sources are more than 62"):
        cotrace.with_visits(stays, many)


def test_places_by_longitude_and_towers_by_number():
    table = {"device": [1, 1], "time": [0, 60], "lon": [104.0] * 2, "lat": [30.0] * 2}
    stays = cotrace.find_stays(cotrace.read_pings(table, unit="s"))
    hall = visits_of([(2, "hall", 0, 60, "t")])
    there = quiet(cotrace.with_visits, stays, hall, places={"place": ["hall"], "lon": [104.0], "lat": [30.0]})
    assert len(set(cotrace.trajectory(there)["cell"].to_pylist())) == 1
    towers = stays_of([(1, 0, 7), (1, 60, 7)], Making(cell_m=None, fill="forward"))
    seven = quiet(cotrace.with_visits, towers, visits_of([(2, "7", 0, 60, "t"), (3, "007", 0, 60, "t")]))
    rows = rows_of(cotrace.trajectory(seven))
    assert [(r["device"], r["place"]) for r in rows] == [(1, None), (2, None), (3, "007")]
    assert [r["cell"] == 7 for r in rows] == [True, True, False]
