"""Every query on a store and in memory: row for row, note for note, warning for warning."""

from __future__ import annotations

from typing import Any

import pytest
from tests.exposure.made_meetings import make
from tests.exposure.towns import BASE, stays_of_plans
from tests.store_queries.answers import told
from tests.store_queries.questions import DAY, World, along_chains, at, in_town, tracing
from tests.store_queries.stores import FakeStore

import cotrace

CHUNKS, WORLDS, MEETINGS, TOWNS, CHAINS = 4, 10, 20, 4, 12


def hold(stays: Any, name: str, ask: Any, number: int) -> dict[str, Any]:
    """Ask in memory and of a store; the answers are equal."""
    in_memory, stored = told(lambda: ask(stays)), told(lambda: ask(FakeStore(stays)))
    for part in in_memory:
        assert stored.get(part) == in_memory[part], (number, name, part)
    assert stored.keys() == in_memory.keys(), (number, name)
    return in_memory


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_places_people_and_chance(chunk: int) -> None:
    asked: dict[str, int] = {}
    for number in range(chunk * WORLDS, (chunk + 1) * WORLDS):
        world = World(number)
        for name, ask in world.questions():
            answer = hold(world.stays, name, ask, number)
            asked[name] = asked.get(name, 0) + ("error" not in answer)
    assert min(asked.values()) > 0, asked


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_who_met_whom(chunk: int) -> None:
    for number in range(chunk * MEETINGS, (chunk + 1) * MEETINGS):
        made = make(number)
        if made.stays is not None:
            for name, ask in tracing(made):
                hold(made.stays, name, ask, number)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_by_chance_in_towns(chunk: int) -> None:
    for number in range(chunk * TOWNS, (chunk + 1) * TOWNS):
        stays, questions = in_town(number)
        for name, ask in questions:
            hold(stays, name, ask, number)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_along_chains(chunk: int) -> None:
    far = 0
    for number in range(chunk * CHAINS, (chunk + 1) * CHAINS):
        stays, questions = along_chains(number)
        for name, ask in questions:
            found = hold(stays, name, ask, number)
            far += name == "rings" and any(row["ring"] > 2 for row in found["table"]["rows"])
    assert far


def at_noon(other: tuple[int, int]) -> cotrace.Stays:
    """Two who meet at half past noon on two days, and somebody else who is there at another time of that hour."""
    meet = [(3, day * DAY + 45_000, day * DAY + 46_200) for day in (2, 4)]
    there = [(3, day * DAY + other[0], day * DAY + other[1]) for day in (2, 4)]
    return stays_of_plans([[(9, 0, 600), *meet], list(meet), [*there, (9, 9 * DAY, 10 * DAY)]])


@pytest.mark.parametrize("other", [(43_300, 44_700), (46_300, 46_700)])
def test_crowds_are_of_whole_hours(other: tuple[int, int]) -> None:
    stays = at_noon(other)
    start, end = at(BASE + 2 * DAY + 44_800), at(BASE + 4 * DAY + 46_250)
    asked = {"start": start, "end": end}
    found = hold(stays, "significance", lambda s: cotrace.significance(s, [(0, 1)], draws=9, **asked), 0)
    assert [row["crowd"] for row in found["evidence"]["rows"]] == [3, 3]
    cases = {"device": [0], "onset": [end]}
    length = f"{2 * DAY + 46_250 - 44_800}s"
    ask = {"incubation": ("0s", length), "min_cases": 1, "draws": 9}
    found = hold(stays, "common_sources", lambda s: cotrace.common_sources(s, cases, **ask), 0)
    assert [row["crowd"] for row in found["evidence"]["rows"]] == [3, 3]
