"""Real data: badges in a workplace and at a conference, and outbreaks of which it is known who infected whom."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import cotrace

DATA = Path(__file__).resolve().parents[1] / "data"
BADGES = {
    "workplace": ("workplace_InVS15_tij.dat.gz", 217),
    "conference": ("SFHH_tij.dat.gz", 403),
}
STEP = 20
Joined = list[tuple[int, int, int, int]]


def badge_rows(name: str) -> np.ndarray:
    with gzip.open(DATA / "sociopatterns" / BADGES[name][0], "rt") as lines:
        return np.array([[int(v) for v in line.split()] for line in lines], dtype=np.int64)


def contacts_of(rows: np.ndarray) -> Any:
    t, i, j = rows.T
    return cotrace.read_contacts(
        {"a": i, "b": j, "started_at": t - STEP, "finished_at": t}, unit="s", source="badge"
    )


def joined(rows: np.ndarray) -> Joined:
    """Join the steps of each pair that follow each other, in plain Python: a, b, start, end."""
    times: dict[tuple[int, int], set[int]] = defaultdict(set)
    for t, i, j in rows.tolist():
        times[min(i, j), max(i, j)].add(t - STEP)
    found = []
    for (a, b), steps in times.items():
        run: list[int] = []
        for t in [*sorted(steps), 2**62]:
            if run and t != run[-1] + STEP:
                found.append((a, b, run[0], run[-1] + STEP))
                run = []
            run.append(t)
    return found


def arrivals(contacts: Joined, case: int, since: int, least: int, depth: int) -> list[dict[int, int]]:
    """Return the earliest arrival at everybody by at most 1, 2, ... hops, contact by contact."""
    last, layers = {case: since}, []
    for _ in range(depth):
        now = dict(last)
        for a, b, start, end in contacts:
            for one, other in ((a, b), (b, a)):
                if one in last and other != case:
                    at = max(start, last[one])
                    if end - at >= least:
                        now[other] = min(at, now.get(other, at))
        layers.append(now)
        last = now
    return layers


@pytest.mark.parametrize("name", BADGES)
def test_steps_that_follow_each_other_are_one_contact(name: str) -> None:
    rows = badge_rows(name)
    people = np.unique(rows[:, 1:])
    assert people.size == BADGES[name][1]
    as_of = datetime.fromtimestamp(int(rows[:, 0].max()), ZoneInfo("UTC"))
    rule = cotrace.CompanionRule(min_shared="20s", min_cumulative=None, lookback="30d")
    found = cotrace.contacts(None, people, as_of=as_of, contacts=contacts_of(rows), rule=rule)
    wanted = joined(rows)
    meetings = found.evidence.to_pandas()
    got = {
        (min(r.case_id, r.contact_id), max(r.case_id, r.contact_id), s, e)
        for r, s, e in zip(
            meetings.itertuples(),
            meetings["started_at"].astype("int64") // 10**6,
            meetings["finished_at"].astype("int64") // 10**6,
            strict=True,
        )
    }
    assert got == set(wanted)
    assert len(meetings) == 2 * len(wanted)  # from either side
    assert int(meetings["shared_s"].sum()) == 2 * STEP * len(rows)
    assert len(wanted) < len(rows) / 1.5


@pytest.mark.parametrize("name", BADGES)
@pytest.mark.parametrize("least", [20, 60])
def test_rings_of_badges(name: str, least: int) -> None:
    rows = badge_rows(name)
    contacts, plain = contacts_of(rows), joined(rows)
    end = int(rows[:, 0].max())
    rule = cotrace.CompanionRule(min_shared=f"{least}s", min_cumulative=None, lookback="30d")
    for case in np.unique(rows[:, 1:])[::50].tolist():
        found = cotrace.rings(
            None,
            [case],
            as_of=datetime.fromtimestamp(end, ZoneInfo("UTC")),
            depth=3,
            contacts=contacts,
            rule=rule,
        )
        layers = arrivals(plain, case, end - 30 * 86_400, least, 3)
        for row in found.to_arrow().to_pylist():
            who, ring = row["device"], row["ring"]
            if ring:
                assert all(who not in layer for layer in layers[: ring - 1])
                assert int(row["reached_at"].timestamp()) == layers[ring - 1][who]
                assert int(row["earliest_at"].timestamp()) == layers[-1][who]
                assert len(row["path"]) == ring + 1
        assert len(found) == len(layers[-1])


def hagelloch() -> dict[str, list[Any]]:
    with (DATA / "outbreaks" / "measles_hagelloch_1861.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    return {
        "case_ID": [int(r["case_ID"]) for r in rows],
        "infector": [int(r["infector"]) if r["infector"] else None for r in rows],
        "prodrome": [r["date_of_prodrome"] for r in rows],
    }


def mers() -> dict[str, list[Any]]:
    folder = DATA / "outbreaks"
    with (folder / "mers_korea_2015_linelist.csv").open(newline="") as lines:
        known = {r["id"]: r["dt_onset"] or r["dt_report"] for r in csv.DictReader(lines)}
    with (folder / "mers_korea_2015_contacts.csv").open(newline="") as lines:
        links = [(r["from"], r["to"]) for r in csv.DictReader(lines)]
    columns = {"infector": [a for a, _ in links], "infected": [b for _, b in links]}
    return {**columns, "at": [known[b] for _, b in links]}


def test_measles_in_hagelloch() -> None:
    """Every link is found from its infector, and the rings of the first children are the generations."""
    table = hagelloch()
    links = cotrace.read_links(table, columns={"infected": "case_ID", "at": "prodrome"}, tz="Europe/Berlin")
    assert links.roots.to_pylist() == [141, 173, 174, 184]
    assert len(links.contacts) == 184
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="150d")
    asked = {"as_of": "1862-03-01T00:00:00+01:00", "contacts": links.contacts, "rule": rule}
    infector = dict(zip(table["case_ID"], table["infector"], strict=True))
    for who in sorted({v for v in infector.values() if v is not None}):
        found = cotrace.rings(None, [who], depth=1, **asked)
        ring = dict(zip(found["device"].to_pylist(), found["ring"].to_pylist(), strict=True))
        assert all(ring.get(child) == 1 for child, parent in infector.items() if parent == who)

    def generation(child: int) -> int:
        parent = infector[child]
        return 0 if parent is None else 1 + generation(parent)

    whole = cotrace.rings(None, links.roots.to_pylist(), depth=20, **asked)
    got = dict(zip(whole["device"].to_pylist(), whole["ring"].to_pylist(), strict=True))
    assert got == {child: generation(child) for child in infector}
    for row in whole.to_arrow().to_pylist():
        assert all(infector[b] == a for a, b in zip(row["path"], row["path"][1:], strict=False))


def test_mers_in_korea() -> None:
    table = mers()
    with pytest.warns(cotrace.CotraceWarning, match="do not fit a tree") as seen:
        links = cotrace.read_links(table, tz="Asia/Seoul")
    assert len(links.contacts) == 98
    faults = links.faults.to_arrow().to_pylist()
    assert {f["fault"] for f in faults} <= {"missing parent", "second infector", "before its infector"}
    # the ones from abroad, and those whose own infector is not known, are not infected of the list
    parents, children = set(table["infector"]), set(table["infected"])
    assert {f["infector"] for f in faults if f["fault"] == "missing parent"} == parents - children
    assert sum(f["fault"] == "second infector" for f in faults) == 3
    assert seen[0].message.figures["faults"]["second infector"] == 3  # type: ignore[union-attr]
    rule = cotrace.CompanionRule(min_cumulative=None, lookback="200d")
    for who in sorted(parents):
        found = cotrace.rings(
            None, [who], as_of="2015-09-01T00:00:00+09:00", depth=1, contacts=links.contacts, rule=rule
        )
        reached = set(found["device"].to_pylist())
        assert {b for a, b in zip(table["infector"], table["infected"], strict=True) if a == who} <= reached


def test_what_does_not_fit_a_tree_is_said_and_never_followed_for_ever() -> None:
    rows = [
        # infected, infector, day
        ("a", None, 1), ("b", "a", 2), ("c", "b", 3), ("a2", "c", 4), ("b2", "a2", 5), ("c2", "b2", 6), ("a2", "c2", 7),
        ("d", "d", 8), ("e", "nobody", 9), ("b", "c", 10), ("f", "c", 1), ("g", "a", None),
    ]  # fmt: skip
    day = datetime(2021, 11, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    table = {
        "infected": [r[0] for r in rows],
        "infector": [r[1] for r in rows],
        "at": [None if r[2] is None else day + timedelta(days=r[2]) for r in rows],
    }
    with pytest.warns(cotrace.CotraceWarning, match="1 self-link"):
        links = cotrace.read_links(table)
    faults = [(f["row"], f["fault"]) for f in links.faults.to_arrow().to_pylist()]
    assert faults == [
        (2, "cycle"), (4, "cycle"), (5, "cycle"), (6, "cycle"), (6, "second infector"), (7, "self-link"),
        (8, "missing parent"), (9, "cycle"), (9, "second infector"), (10, "before its infector"), (11, "no time"),
    ]  # fmt: skip
    assert len(links.contacts) == 9
    assert links.roots.to_pylist() == ["a", "nobody"]
    assert "11 faults" in repr(links)
    found = cotrace.rings(None, ["a"], as_of="2021-12-01T00:00:00+08:00", depth=50, contacts=links.contacts,
                          rule=cotrace.CompanionRule(min_cumulative=None, lookback="60d"))  # fmt: skip
    rings = dict(zip(found["device"].to_pylist(), found["ring"].to_pylist(), strict=True))
    # each contact has both sides and a day: c2 is met by a2 on day 7 before b2 can bring it further
    assert rings == {"a": 0, "b": 1, "c": 2, "a2": 3, "b2": 4, "c2": 4}
    assert len(found.sizes) == 51


def test_links_that_cannot_be_read() -> None:
    table = {"infected": [1], "infector": [2], "at": ["2021-11-01"]}
    with pytest.raises(cotrace.CotraceError, match="row 0 has no time zone"):
        cotrace.read_links(table)
    with pytest.raises(cotrace.CotraceError, match="no column 'when'"):
        cotrace.read_links(table, columns={"at": "when"})
    with pytest.raises(cotrace.CotraceError, match="names day"):
        cotrace.read_links(table, columns={"day": "at"})
    with pytest.raises(cotrace.CotraceError, match="no contact"):
        cotrace.read_links(table, tz="UTC", length="0s")
    with pytest.raises(cotrace.CotraceError, match="cannot be read"):
        cotrace.read_links({**table, "at": ["soon"]}, tz="UTC")
    empty = cotrace.read_links({"infected": [], "infector": [], "at": []}, tz="UTC")
    assert (len(empty.contacts), len(empty.faults), len(empty.roots)) == (0, 0, 0)
