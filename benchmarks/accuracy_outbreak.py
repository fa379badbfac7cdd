"""Questions to outbreaks: screening lists, common sources, rings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np

import cotrace
from accuracy_certainty import residents
from accuracy_time import seconds
from accuracy_worlds import GRID, NETWORKS, SEED, World, network, options, pairs_of
from cotrace import synth
from cotrace.accuracy.ranked import list_sizes
from cotrace.options import INVESTIGATORS

__all__ = ["ring_sizes", "screening", "sources"]

ANY = cotrace.CompanionRule(min_cumulative=None)
#: near to how many of those in a venue one is: what outbreaks are made with
_NEAR = 10
_SHARES = (0.5, 0.8, 0.9, 0.95, 0.99)


def town(size: dict[str, int], days: int) -> World:
    """Return a town all of whose people are logged, with stations as dense as Shanghai's."""
    people, area = size["outbreak_people"], size["outbreak_km2"]
    city = synth.city(
        seed=SEED + 7, area_km2=area, population=people, stations=round(68.906 * area), days=days
    )
    return World(city, people, [])


def screening(size: dict[str, int]) -> dict[str, Any]:
    """Say how short a list can be that holds 99 % of those whom the cases infected."""
    of = town(size, 21)
    made = synth.outbreaks(of.city, range(size["screened"]), index_cases=3, most=300)
    cases, infected = _cases_and_infected(made, size["screened_cases"])
    net = network(of, NETWORKS["5G"])
    source = synth.signals(of.city, net, seed=SEED + 8, options=synth.SPARSE)
    pings = cotrace.read_pings(source.to_arrow())
    stays = cotrace.find_stays(pings, options=options())
    at_towers = cotrace.find_stays(pings, options=cotrace.StayOptions(by="tower", fill="forward"))
    lookback = {name: cases[name] for name in ("device", "as_of")}
    towers = net.table().to_arrow().drop_columns(["lon", "lat"])
    prints = cotrace.find_footprints(towers, GRID, population=residents(of))
    rule = cotrace.find_companions(stays, lookback)
    found = cotrace.find_companions(stays, lookback, rule=ANY)
    since = cotrace.find_companions(stays, cases, rule=ANY)
    sure = cotrace.find_companions(at_towers, lookback, certainty=True, footprints=prints).certainty
    near = cotrace.find_companions(at_towers, cases, certainty=True, footprints=prints).certainty
    lists = [
        ("the rule as published", rule.companions, None),
        ("the same, by shared time", rule.companions, "shared_s"),
        ("ten minutes, no 30 hours", found.companions, None),
        ("ten minutes, by shared time", found.companions, "shared_s"),
        ("ten minutes, by shared time since two days before onset", since.companions, "shared_s"),
        ("by probability", sure, "probability"),
        ("by expected shared time", sure, "expected_shared_s"),
        ("by probability, since two days before onset", near, "probability"),
        ("by expected shared time, since two days before onset", near, "expected_shared_s"),
        ("by true time in one venue (not observable)", _true_time(of, cases), "shared_s"),
    ]
    population = len(cases["device"]) * (of.devices - 1)
    rows = [_listed(words, found, score, infected, population) for words, found, score in lists]
    random = list_sizes([], [], missing=len(infected), population=population, shares=_SHARES)
    return {
        "world": of.describe() | {"outbreaks": len(made), "cases": len(cases["device"])},
        "infected": len(infected),
        "pairs": population,
        "rows": rows,
        "random": random.to_arrow().to_pylist(),
    }


def _cases_and_infected(made: list[Any], most: int) -> tuple[dict[str, Any], set[tuple[int, Any, int]]]:
    """Return confirmed cases that infected somebody, and whom each infected: (case, as_of, device).

    A device can be a case of several outbreaks: these are several cases, as of when each was confirmed. About ``most``
    of them are kept.
    """
    kept: dict[tuple[int, int], tuple[dict[str, Any], list[int]]] = {}
    for one in made:
        by: dict[int, list[int]] = {}
        for row in one.tree.to_arrow().to_pylist():
            by.setdefault(row["infector"], []).append(row["infected"])
        for case in one.cases.to_arrow().to_pylist():
            if case["device"] in by:
                key = (case["device"], int(case["as_of"].timestamp()))
                kept.setdefault(key, (case, by[case["device"]]))
    chosen = [kept[k] for k in sorted(kept)][:: max(1, len(kept) // most)]
    names = ("device", "as_of", "infectious_from", "isolated_at")
    columns = {n: [case[n] for case, _ in chosen] for n in names}
    infected = {(c["device"], int(c["as_of"].timestamp()), d) for c, others in chosen for d in others}
    return columns, infected


def _listed(words: str, table: Any, score: str | None, infected: Any, population: int) -> dict[str, Any]:
    """Say how many of the infected a list has, and how long it has to be for each share of them."""
    rows = table.to_arrow() if hasattr(table, "to_arrow") else table
    times = seconds(rows["as_of"])
    device = rows["companion_id"].to_numpy()
    keys = _keys(rows["case_id"].to_numpy(), times, device)
    whom = np.array(sorted(infected), dtype=np.int64).reshape(-1, 3)
    hit = np.isin(keys, _keys(*whom.T))
    scores = np.zeros(len(keys)) if score is None else rows[score].to_numpy()
    sizes = list_sizes(scores, hit, missing=len(whom) - int(hit.sum()), population=population, shares=_SHARES)
    return {
        "words": words,
        "listed": len(keys),
        "listed_share": len(keys) / population,
        "held": int(hit.sum()),
        "held_share": round(int(hit.sum()) / max(1, len(whom)), 5),
        "ranked": score is not None,
        "sizes": [
            {"share": r["share"], "need": r["true_pairs"], "size": r["list_size"]}
            for r in sizes.to_arrow().to_pylist()
        ],
    }


def _keys(case: Any, as_of: Any, device: Any) -> Any:
    """Return one number for each case, moment and device of a town."""
    assert max(device.max(initial=0), case.max(initial=0) * 2) < 1 << 16
    return case.astype(np.int64) << 48 | as_of.astype(np.int64) << 16 | device.astype(np.int64)


def _true_time(of: World, cases: dict[str, Any]) -> Any:
    """Return how long each case truly was in one venue with each device, in the 14 days before as_of."""
    import pyarrow as pa

    met = of.city.meetings(sorted(set(cases["device"])), min_shared="1s").to_arrow()
    start, end = seconds(met["started_at"]), seconds(met["finished_at"])
    a, b = met["a"].to_numpy(), met["b"].to_numpy()
    parts = []
    for device, as_of in zip(cases["device"], cases["as_of"], strict=True):
        mine = np.flatnonzero(a == device)
        high = int(as_of.timestamp())
        low = high - 14 * 86_400
        length = np.minimum(end[mine], high) - np.maximum(start[mine], low)
        mine, length = mine[length > 0], length[length > 0]
        whom, which = np.unique(b[mine], return_inverse=True)
        total = np.bincount(which.reshape(-1), length, whom.size).astype(np.int64)
        parts.append((np.full(whom.size, device), np.full(whom.size, high * 1_000_000), whom, total))
    columns = [np.concatenate([p[k] for p in parts]) for k in range(4)]
    return pa.table(
        {
            "case_id": columns[0],
            "as_of": pa.array(columns[1]).cast(pa.timestamp("us", tz="UTC")),
            "companion_id": columns[2],
            "shared_s": columns[3],
        }
    )


def sources(size: dict[str, int]) -> dict[str, Any]:
    """Say how often the true source of several cases is first, in the first three, in the first ten."""
    of = town(size, 21)
    asked = _clusters(of, size["clusters"])
    log = synth.signals(of.city, network(of, NETWORKS["5G"]), seed=SEED + 8, options=synth.SPARSE)
    data: dict[str, Any] = {
        "5G log of 40 a day, cells of 800 m": cotrace.find_stays(
            cotrace.read_pings(log.to_arrow()), options=options()
        ),
        "true cells of 800 m": of.city.stays(grid=GRID),
        "true cells of 100 m": of.city.stays(grid=cotrace.Grid.planar(100)),
        "true meetings in venues": None,
    }
    rows = []
    for name, stays in data.items():
        ranks, listed = [], []
        for source, cases in asked:
            known = _venues(of, cases) if stays is None else None
            found = cotrace.common_sources(stays, cases, draws=99, contacts=known).to_arrow()
            device = found["device"].to_numpy()
            at = np.flatnonzero(device == source)
            ranks.append(int(found["rank"][int(at[0])].as_py()) if at.size else None)
            listed.append(len(device))
        rows.append({"data": name, **_ranks(ranks), "median_listed": int(np.median(listed))})
        print(f"    {rows[-1]}", flush=True)
    cases_each = [len(c["device"]) for _, c in asked]
    return {
        "world": of.describe(),
        "clusters": len(asked),
        "cases_each": [min(cases_each), float(np.mean(cases_each)), max(cases_each)],
        "rows": rows,
    }


def _venues(of: World, cases: dict[str, Any]) -> Any:
    """Return the true meetings of cases as contacts from elsewhere: what perfect interviews would bring."""
    import pyarrow as pa

    met = of.city.meetings(cases["device"]).to_arrow().select(["a", "b", "started_at", "finished_at"])
    return cotrace.read_contacts(met.append_column("source", pa.array(["venue"] * len(met))))


def _clusters(of: World, wanted: int) -> list[tuple[int, dict[str, Any]]]:
    """Return sources and the cases whom each infected, one of each outbreak: three with symptoms at least, six at most.

    The source is not among the cases: it is what is asked for.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    first = 0
    while len(found) < wanted and first < 20 * wanted:
        seeds = range(10_000 + first, 10_000 + first + wanted)
        for made in synth.outbreaks(of.city, seeds, index_cases=2, most=120):
            rows = made.infections.to_arrow().to_pylist()
            ill = sorted(
                (r["onset"], r["device"], r["infector"])
                for r in rows
                if r["onset"] is not None and r["infector"] is not None
            )
            ill = [r for r in ill if r[0] < of.as_of]
            by: dict[int, list[Any]] = {}
            for onset, device, infector in ill:
                by.setdefault(infector, []).append((device, onset))
            big = sorted((-len(v), k) for k, v in by.items() if len(v) >= 3)
            if big:
                source = big[0][1]
                cases = by[source][:6]
                found.append((source, {"device": [c[0] for c in cases], "onset": [c[1] for c in cases]}))
        first += wanted
    return found[:wanted]


def _ranks(ranks: list[int | None]) -> dict[str, Any]:
    n = len(ranks)
    shares = {
        f"first_{k}": round(sum(r is not None and r <= k for r in ranks) / max(1, n), 5)
        for k in (1, 3, 10, 100)
    }
    there = sorted(r for r in ranks if r is not None)
    return {
        "asked": n,
        **shares,
        "not_listed": n - len(there),
        "median_rank": there[len(there) // 2] if there else None,
    }


def ring_sizes(size: dict[str, int]) -> dict[str, Any]:
    """Say how large the rings of a case are, by true meetings and by cells."""
    from accuracy_worlds import world

    of = world("xian", size["ring_km2"], None, size["ring_cases"])
    until = of.as_of
    since = until - timedelta(days=4)
    rows = []
    for case in of.cases:
        near = _rings(of, case, since, until, depth=3, near=_NEAR)
        venue = _rings(of, case, since, until, depth=2, near=None)
        cell = pairs_of(
            of.city.shared_cells([case], grid=GRID, start=since, end=until).to_arrow(), "a", "b"
        ).num_rows
        rows.append({"case": case, "near": near, "venue": venue, "cell": [cell]})
        print(f"    {rows[-1]}", flush=True)
    return {
        "world": of.describe(), "days_back": 4, "near": _NEAR, "rows": rows,
        "published": [list(p) for p in INVESTIGATORS],
    }  # fmt: skip


def _rings(of: World, case: int, since: Any, until: Any, depth: int, near: int | None) -> list[int]:
    """Return the sizes of rings: who met whom for ten minutes in a venue, in the order of time."""
    import pyarrow as pa

    parts, seen, front = [], {case}, [case]
    for _ in range(depth):
        met = of.city.meetings(sorted(front), start=since, end=until).to_arrow()
        met = met if near is None else _near(met, near)
        parts.append(met.select(["a", "b", "started_at", "finished_at"]))
        front = sorted(set(met["b"].to_pylist()) - seen)
        seen |= set(front)
    contacts = pa.concat_tables(parts)
    contacts = contacts.append_column("source", pa.array(["venue"] * len(contacts)))
    cases = {"device": [case], "as_of": [until], "infectious_from": [since]}
    found = cotrace.rings(None, cases, depth=depth, contacts=cotrace.read_contacts(contacts))
    return [r["devices"] for r in found.sizes.to_arrow().to_pylist() if r["ring"] > 0]


def _near(met: Any, near: int) -> Any:
    """Keep all of home, and elsewhere about so many of those in the venue: by a hash of pair, venue, day."""
    import pyarrow as pa

    a, b, venue = (met[name].to_numpy() for name in ("a", "b", "venue"))
    visit = np.stack([a, venue, seconds(met["started_at"]) // 86_400], axis=1)
    _, which, counts = np.unique(visit, axis=0, return_inverse=True, return_counts=True)
    others = counts[which.reshape(-1)]
    words = np.minimum(a, b) * 1_000_003 + np.maximum(a, b) * 998_244_353 + venue * 7_919 + visit[:, 2]
    hashed = (words.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(40)).astype(
        np.float64
    ) / 2**24
    home = np.array([s == "home" for s in met["setting"].to_pylist()], dtype=np.bool_)
    return met.filter(pa.array(home | (hashed < near / np.maximum(others, 1))))
