"""When zones are lifted, who is tested when, and which region's list a device is on."""

from __future__ import annotations

import random
import warnings
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest
import shapely
from tests import naive_exposure_trajectory as walks
from tests import naive_exposure_zones as oracle
from tests.exposure.test_zones import DAY, at, example, made, meets, quiet, rule_of
from tests.exposure.worlds_of_stays import Making, stays_of
from tests.properties.through import rows_of

import cotrace

ON = date(1970, 2, 1).toordinal() - date(1970, 1, 1).toordinal()


def day(number: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + number).isoformat()


def drawn(**keywords: Any) -> Any:
    return quiet(example(), "case", as_of=at(DAY), rule=cotrace.ZoneRule(rings=2), **keywords)


# ---- lifting ---------------------------------------------------------------------------------------------


def test_the_published_criteria_are_the_oracles():
    area = drawn()
    everybody: dict[str, set[str]] = {}
    for r in rows_of(area.devices):
        if r["at_home"] or r["present_now"]:
            everybody.setdefault(r["zone"], set()).add(r["device"])
    of = {
        r["zone"]: {d["device"] for d in rows_of(area.devices) if d["zone"] == r["zone"]}
        for r in rows_of(area.zones)
    }
    seen = set()
    for number in range(300):
        rng = random.Random(f"lift {number}")
        events = []
        for _ in range(rng.randint(0, 7)):
            kind, device = (
                rng.choice(["infection", "contact_out", "negative"]),
                rng.choice(["case", "guest", "far"]),
            )
            zone = rng.choice([None, *of]) if kind != "negative" else None
            events.append((kind, ON - rng.choice([0, 1, 2, 3, 13, 14, 15, 16, -1]), zone, device))
        if rng.random() < 0.5:
            events += [("negative", ON - rng.randint(0, 2), None, d) for d in ("case", "guest", "far")]
        names = ("event", "at", "zone", "device")
        columns = {n: [e[k] for e in events] for k, n in enumerate(names)}
        columns["at"] = [day(d) for d in columns["at"]]
        got = rows_of(cotrace.lift(area, pd.DataFrame(columns), on=day(ON)))
        negatives: dict[Any, list[int]] = {}
        for kind, when, _, device in events:
            if kind == "negative" and when <= ON:
                negatives.setdefault(device, []).append(when)
        for row in got:
            mine = [
                e
                for e in events
                if e[1] <= ON and (e[2] == row["zone"] or (e[2] is None and e[3] in of[row["zone"]]))
            ]
            last = max((e[1] for e in mine if e[0] == "infection"), default=1)
            contacts: dict[Any, int] = {}
            for e in mine:
                if e[0] == "contact_out":
                    contacts[e[3]] = max(e[1], contacts.get(e[3], e[1]))
            wanted = oracle.lifted(last, contacts, negatives, everybody.get(row["zone"], set()), ON)
            assert (row["no_new_infection"], row["contacts_clear"], row["all_negative"]) == wanted, number
            assert row["lifted"] == all(wanted) == (row["why"] is None) == (row["becomes"] == "lifted")
            seen.add(wanted)
    assert len(seen) >= 6  # of the eight ways that three criteria can go


def test_the_ninth_edition_counts_seven_and_three():
    area = quiet(stays_of([("case", 3600 * h, 1.0, 1.0) for h in range(25)], Making()), "case", as_of=at(DAY))
    said = {}
    for clear in (6, 7, 9, 10):
        events = {"event": ["infection"], "at": [day(ON - clear)], "zone": ["lockdown 1"]}
        said[clear] = rows_of(cotrace.lift(area, events, on=day(ON), edition="9th"))[0]
    assert [said[k]["becomes"] for k in (6, 7, 9, 10)] == ["high", "medium", "medium", "low"]
    assert [said[k]["lifted"] for k in (9, 10)] == [False, True]
    assert said[6]["all_negative"] is None


def test_days_are_by_the_clock_of_the_zones():
    rows = [("case", 3600 * h, 1.0, 1.0) for h in range(25)]
    area = quiet(stays_of(rows, Making(), "Asia/Shanghai"), "case", as_of=at(DAY))
    late = {"event": ["infection"], "at": [datetime(1970, 1, 19, 17, tzinfo=UTC)], "zone": ["lockdown 1"]}
    # 17:00 UTC on the 19th is the 20th in Shanghai
    assert rows_of(cotrace.lift(area, late, on="1970-02-03"))[0]["clear_days"] == 14
    assert rows_of(cotrace.lift(area, late, on=datetime(1970, 2, 2, 17, tzinfo=UTC)))[0]["clear_days"] == 14
    dates = {"event": ["infection"], "at": [date(1970, 1, 20)], "zone": ["lockdown 1"]}
    assert rows_of(cotrace.lift(area, dates, on=date(1970, 2, 3)))[0]["clear_days"] == 14


def test_events_that_cannot_be():
    area = drawn()
    for events, words in (
        ({"event": ["party"], "at": ["1970-01-20"], "device": ["far"]}, "not one of"),
        ({"event": ["infection"], "at": ["1970-01-20"], "zone": ["here"]}, "not one of these"),
        ({"event": ["negative"], "at": ["1970-13-20"], "device": ["far"]}, "no date"),
    ):
        with pytest.raises(cotrace.CotraceError, match=words):
            cotrace.lift(area, events, on="1970-02-01")
    with pytest.warns(cotrace.CotraceWarning, match="2 of 2 rows cannot be used"):
        cotrace.lift(
            area,
            {
                "event": ["negative", "infection"],
                "at": ["1970-01-20"] * 2,
                "zone": ["lockdown 1", None],
                "device": [None] * 2,
            },
            on="1970-02-01",
        )
    with pytest.raises(cotrace.CotraceError, match="edition"):
        cotrace.lift(area, {"event": [], "at": []}, on="1970-02-01", edition="10th")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not Zones"):
        cotrace.lift(area.zones, {}, on="1970-02-01")  # type: ignore[arg-type]
    with pytest.raises(cotrace.CotraceError, match="no date"):
        cotrace.lift(area, {"event": [], "at": []}, on="1970-02-31")


# ---- screening -------------------------------------------------------------------------------------------


def test_screening_of_zones_has_everybody_once_in_order_of_risk():
    for number in range(40):
        rng, rows, making, _, cases, now, rule, _ = made(number)
        area = quiet(stays_of(rows, making), cases, as_of=at(now), rule=rule_of(rule, 1))
        capacity = rng.choice([1, 2, 100])
        found = cotrace.screening(area, capacity)
        listed, concerned = rows_of(found), rows_of(area.devices)
        risk = {}
        for r in concerned:
            why = 0 if r["at_home"] else 1 if r["present_now"] else 2
            key = (["lockdown", "control", "precaution"].index(r["zone_kind"]), why, -r["dwell_s"])
            risk[r["device"]] = min(key, risk.get(r["device"], key))
        assert [r["device"] for r in listed] == [
            d for d, _ in sorted(risk.items(), key=lambda item: (item[1], item[0]))
        ]
        assert [r["test_day"] for r in listed] == [k // capacity + 1 for k in range(len(listed))]
        assert sum(r["n_rows"] for r in listed) == len(concerned) == found.counts.rows
        totals = rows_of(found.evidence)
        assert sum(t["devices"] for t in totals) == len(listed)
        for t in totals:
            same = [r for r in listed if (r["test_day"], r["zone"]) == (t["test_day"], t["zone"])]
            assert len(same) == t["devices"]


def test_people_are_tested_once_and_vehicles_never():
    known = cotrace.read_devices(
        {
            "device": [1, 2, 3, 4],
            "person": ["p", "p", "q", None],
            "kind": ["person", "person", "person", "vehicle"],
        }
    )
    found = cotrace.screening({"device": [4, 2, 1, 3, 9, 9], "rank": [1, 2, 3, 4, 5, None]}, 2, devices=known)
    assert [(r["device"], r["person"], r["n_rows"]) for r in rows_of(found)] == [
        (2, "p", 2),
        (3, "q", 1),
        (9, None, 2),
    ]
    assert found.counts.as_dict()["refused"] == {"no person's": 1}
    assert (found.counts.rows, found.counts.used, found.counts.collapsed) == (6, 3, 2)


def test_screening_of_a_list_keeps_its_order_and_refuses_nonsense():
    assert cotrace.screening({"device": ["b", "a", "b"]}, 9)["device"].to_pylist() == ["b", "a"]
    assert len(cotrace.screening({"device": []}, 9)) == 0
    assert len(cotrace.screening({"device": []}, 9).evidence) == 0
    for capacity in (0, 1.5, True):
        with pytest.raises(cotrace.CotraceError, match="capacity"):
            cotrace.screening({"device": [1]}, capacity)  # type: ignore[arg-type]
    with pytest.raises(cotrace.CotraceError, match="numbers"):
        cotrace.screening({"device": [1], "rank": ["first"]}, 1)
    with pytest.raises(cotrace.CotraceError, match="1 rows have no device"):
        cotrace.screening({"device": [1, None]}, 1)
    with pytest.raises(cotrace.CotraceError, match="one type"):
        cotrace.screening({"device": [1]}, 1, devices=cotrace.read_devices({"device": ["a"]}))


# ---- regions ---------------------------------------------------------------------------------------------


def split(*args: Any, **keywords: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cotrace.split_by_region(*args, **keywords)


def share(cell: Any, box: tuple[float, ...]) -> float:
    (column, row), (x0, y0, x1, y1) = cell, box
    wide = min(x1, (column + 1) * 800) - max(x0, column * 800)
    high = min(y1, (row + 1) * 800) - max(y0, row * 800)
    return max(0.0, wide) * max(0.0, high) / 640_000


def test_regions_are_the_oracles():
    for number in range(60):
        rng, rows, making, stays, _, _, _, _ = made(number)
        low, high = min((s[2] for s in stays), default=0), max((s[3] for s in stays), default=DAY)
        nights = walks.most_dwell(stays, walks.hours(low, high, UTC, ("22:00", "06:00"), tuple(range(7))))
        cut = rng.choice([500.0, 800.0, 900.0, 1700.0])
        boxes = {"b": (0.0, 0.0, cut, 1600.0), "a": (cut, 0.0, cut + 700.0, 1600.0)}
        outbreak = (0.0, 0.0, 800.0, 800.0)
        by = rng.choice(["home", "last_seen"])
        ids = sorted({r[0] for r in rows})
        asked = [*ids, ids[0], 777 if isinstance(ids[0], int) else "nobody"]
        got = split(
            stays_of(rows, making),
            asked,
            {name: shapely.box(*box) for name, box in boxes.items()},
            outbreak=shapely.box(*outbreak),
            by=by,
        )

        def region(cell: Any, boxes: Any = boxes) -> Any:
            shares = {
                name: share(cell, box) for name, box in boxes.items() if cell is not None and share(cell, box)
            }
            return min(shares, key=lambda name: (-shares[name], name)) if shares else None

        wanted = []
        for device in sorted(set(asked)):
            mine = sorted((b, a, cell) for d, cell, a, b in stays if d == device)
            home = region(nights[device][0] if device in nights else None)
            last = region(mine[-1][2] if mine else None)
            first, second = (home, last) if by == "home" else (last, home)
            inside = max((b for b, _, cell in mine if meets(cell, outbreak)), default=None)
            after = max((a for _, a, cell in mine if not meets(cell, outbreak)), default=None)
            left = inside if inside is not None and after is not None and after >= inside else None
            basis = (
                ("home" if by == "home" else "last seen")
                if first
                else ("last seen" if by == "home" else "home")
            )
            chosen = first or second or "unknown"
            wanted.append((chosen, device, basis if first or second else "unknown", home, last, left))
        keys = ("region", "device", "basis", "home_region", "last_region", "left_at")
        assert [tuple(r[k] for k in keys) for r in rows_of(got)] == sorted(wanted, key=lambda r: r[:2]), (
            number
        )
        totals = rows_of(got.evidence)
        assert sum(t["devices"] for t in totals) == len(set(asked)) == len(got)
        assert {t["region"] for t in totals} == {"a", "b", "unknown"}


def test_regions_that_cannot_be():
    stays = example()
    box = shapely.box(0, 0, 800, 800)
    with pytest.raises(cotrace.CotraceError, match="another name"):
        cotrace.split_by_region(stays, "case", {"unknown": box})
    with pytest.raises(cotrace.CotraceError, match="name them"):
        cotrace.split_by_region(stays, None, {"r": box})
    with pytest.raises(cotrace.CotraceError, match="by='work'"):
        cotrace.split_by_region(stays, "case", {"r": box}, by="work")  # type: ignore[arg-type]
    collection = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"name": "r"}, "geometry": shapely.geometry.mapping(box)}
        ],
    }
    assert split(stays, "case", collection)["region"].to_pylist() == ["r"]
