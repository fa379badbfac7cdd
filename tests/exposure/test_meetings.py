"""Contacts, tiers, rings and pairs: made worlds against the oracle that walks single seconds."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from tests import naive_exposure_meetings as oracle
from tests.exposure.made_meetings import Made, at, contacts_of, frame_of, make, rule_of

import cotrace

CHUNKS, IN_CHUNK = 6, 60


def second(value: Any) -> int:
    return int(value.timestamp())


def worlds(chunk: int) -> list[tuple[int, Made]]:
    return [(number, make(number)) for number in range(chunk * IN_CHUNK, (chunk + 1) * IN_CHUNK)]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cotrace.CotraceWarning)
        yield


def as_meeting(row: dict[str, Any]) -> oracle.Meeting:
    times = second(row["started_at"]), second(row["finished_at"])
    return (*times, row["shared_s"], row["lag_s"], row["cell"], row["source"])


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_contacts(chunk: int) -> None:
    for number, made in worlds(chunk):
        found = cotrace.contacts(made.stays, frame_of(made.cases), **made.options)
        wanted = oracle.contacts(made.world, made.cases, made.rule)
        listed: dict[Any, list[oracle.Meeting]] = {}
        for row in found.evidence.to_arrow().to_pylist():
            key = row["case_id"], second(row["as_of"]), row["contact_id"]
            listed.setdefault(key, []).append(as_meeting(row))
        assert {k: sorted(v, key=repr) for k, v in listed.items()} == wanted, number
        assert [k[1:] for k in listed] == [k[1:] for k in sorted(listed)], number
        for row in found.to_arrow().to_pylist():
            met = wanted[row["case_id"], second(row["as_of"]), row["contact_id"]]
            shared = {t for m in met for t in range(m[0], m[0] + m[2])}
            assert (row["n_meetings"], row["shared_s"]) == (len(met), len(shared)), number
            assert row["n_cells"] == len({m[4] for m in met} - {None}), number
            assert row["longest_s"] == max(m[2] for m in met), number
            assert row["lag_s"] == min(m[3] for m in met), number
            ends = second(row["first_exposure"]), second(row["last_exposure"])
            assert ends == (min(m[0] for m in met), max(m[1] for m in met)), number
            assert set(row["source"].split("+")) == {m[5] for m in met}, number
        assert len(found) == len(wanted), number


def tier_rows(found: Any) -> list[tuple[Any, ...]]:
    names = ("contact_candidate", "contact_of_contact", "general_risk")
    return [
        (
            names.index(r["tier"]), second(r["first_exposure"]), r["device"], r["via"], second(r["last_exposure"]),
            r["shared_s"], tuple(r["path"]), r["usual_s"],
        )
        for r in found.to_arrow().to_pylist()
    ]  # fmt: skip


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_tiers(chunk: int) -> None:
    for number, made in worlds(chunk):
        found = cotrace.tiers(made.stays, frame_of(made.cases), window=f"{made.window}s", **made.tracing)
        wanted = oracle.tiers(made.world, made.cases, made.rule, length=made.window, **made.known)
        assert tier_rows(found) == wanted, number
        sizes = found.sizes.to_arrow().to_pylist()
        assert [r["devices"] for r in sizes] == [sum(w[0] == k for w in wanted) for k in range(3)], number
        for row in sizes:
            assert row["devices"] == sum(v for k, v in row.items() if k not in ("tier", "devices")), number
        check_hops(found, number)
        said = made.known["decided"]
        for row in found.to_arrow().to_pylist():
            assert row["decision"] == said.get(row["device"], (None,))[0], number


def check_hops(found: Any, number: int) -> None:
    """Every row has evidence with its ``via``, the first of which is its exposure."""
    first: dict[Any, int] = {}
    for row in found.evidence.to_arrow().to_pylist():
        first.setdefault((row["device"], row["via"]), second(row["started_at"]))
    name = "first_exposure" if "first_exposure" in found.columns else "reached_at"
    rows = [r for r in found.to_arrow().to_pylist() if r["via"] is not None]
    assert first == {(r["device"], r["via"]): second(r[name]) for r in rows}, number


def ring_rows(found: Any) -> dict[Any, tuple[Any, ...]]:
    return {
        r["device"]: (
            r["ring"], second(r["reached_at"]), second(r["earliest_at"]) if r["ring"] else None, tuple(r["path"])
        )
        for r in found.to_arrow().to_pylist()
    }  # fmt: skip


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_rings(chunk: int) -> None:
    for number, made in worlds(chunk):
        depth = 1 + number % 4
        found = cotrace.rings(made.stays, frame_of(made.cases), depth=depth, **made.tracing)
        wanted = oracle.rings(made.world, made.cases, made.rule, depth, **made.known)
        assert ring_rows(found) == wanted, number
        sizes = found.sizes.to_arrow().to_pylist()
        assert [r["devices"] for r in sizes] == [
            sum(w[0] == k for w in wanted.values()) for k in range(depth + 1)
        ]
        check_hops(found, number)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_rings_that_go_on_are_those_of_all_at_once(chunk: int) -> None:
    """More cases, more hops and more contacts, in any order: incremental is batch, column by column."""
    for number, made in worlds(chunk):
        rng, cases = made.rng, made.cases
        depth, rows = 1 + number % 3, made.world.contacts
        cut, known = rng.randint(0, len(cases) - 1), rng.randint(0, len(rows))
        tracing = made.tracing
        if made.stays is None and not known:
            known = len(rows)
        tracing["contacts"] = contacts_of(rows[:known]) if known else None
        found = cotrace.rings(made.stays, frame_of(cases[: cut + 1]), depth=rng.randint(1, depth), **tracing)
        steps: list[dict[str, Any]] = [{"cases": frame_of([c])} for c in cases[cut + 1 :]]
        steps += [{"depth": depth}] + [
            {"contacts": contacts_of(rows[k : k + 1])} for k in range(known, len(rows))
        ]
        rng.shuffle(steps)
        for step in steps:
            found = found.extend(**step)
        whole = cotrace.rings(made.stays, frame_of(cases), depth=depth, **made.tracing)
        assert found.to_arrow().to_pylist() == whole.to_arrow().to_pylist(), number
        assert found.sizes.to_arrow().equals(whole.sizes.to_arrow()), number
        assert found.evidence.to_arrow().to_pylist() == whole.evidence.to_arrow().to_pylist(), number


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_pairs(chunk: int) -> None:
    for number, made in worlds(chunk):
        if made.stays is None or made.rule.lag is not None or made.rule.dwell_of in ("case", "companion"):
            continue
        rng, plain = made.rng, made.world.stays
        span = (min(s[2] for s in plain), max(s[3] for s in plain)) if plain else (0, 0)
        asked = {}
        if rng.random() < 0.4:
            span = (span[0] + rng.randint(0, 5), span[1] - rng.randint(0, 5))
            span = (span[0], max(span))
            asked = {"start": at(span[0]), "end": at(span[1])}
        fewest, most = rng.choice([1, 1, 2]), rng.choice([None, 1, 2, 3])
        found = cotrace.pairs(
            made.stays, rule_of(made.rule), min_episodes=fewest, max_crowd=most, window=f"{made.window}s",
            batch_rows=rng.choice([1, 2, 1000]), **asked,
        )  # fmt: skip
        rows, crowded = oracle.pairs(made.world, made.rule, fewest, most, made.window, span)
        got = [
            (r["a"], r["b"], r["n_episodes"], r["n_cells"], r["shared_s"], r["longest_s"],
             second(r["first_started_at"]), second(r["last_finished_at"]))
            for batch in found for r in batch.to_pylist()
        ]  # fmt: skip
        assert got == rows, number
        windows = found.crowded.to_arrow().to_pylist()
        assert [(r["cell"], second(r["window_started_at"]), r["devices"]) for r in windows] == crowded, number
        assert found.seen["pairs"] == len(rows)


def test_worlds_reach_what_they_are_for() -> None:
    """The recipe is held to what it is meant to reach."""
    made = [make(n) for n in range(CHUNKS * IN_CHUNK)]
    tiers = [oracle.tiers(m.world, m.cases, m.rule, length=m.window, **m.known) for m in made]
    assert {row[0] for rows in tiers for row in rows} == {0, 1, 2}
    assert sum(bool(r[7]) for rows in tiers for r in rows) > 20
    rings = [oracle.rings(m.world, m.cases, m.rule, 4, **m.known) for m in made]
    assert {w[0] for rows in rings for w in rows.values()} >= {0, 1, 2, 3}
    assert any(w[2] is not None and w[2] < w[1] for rows in rings for w in rows.values()), (
        "earlier by more hops"
    )
    met = [m for w in made for met in oracle.contacts(w.world, w.cases, w.rule).values() for m in met]
    assert any(m[3] for m in met)
    assert {m[5] for m in met} == {"pings", "badge", "talk"}
    assert any(w.through for w in made)
    assert any(w.stays is None for w in made)
