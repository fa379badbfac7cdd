"""Every query on a store and in memory: row for row, note for note, warning for warning."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.exposure.made_meetings import make
from tests.exposure.towns import BASE, stays_of_plans
from tests.properties.golden import golden_worlds
from tests.store_queries.answers import told
from tests.store_queries.questions import (
    DAY,
    World,
    along_chains,
    at,
    by_rules,
    in_town,
    of_golden,
    pings_and_options,
    tracing,
)
from tests.store_queries.stores import FakeStore, pings_of, stored

import cotrace
from cotrace.audit import AuditLog

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")
Both = tuple[cotrace.Stays, Any]


@pytest.fixture(params=["fake", "real"])
def kind(request: pytest.FixtureRequest) -> str:
    """Stays that keep to the contract of a store, or a store."""
    return str(request.param)


def both(kind: str, stays: cotrace.Stays, folder: Path, number: int, table: Any = None) -> Both:
    """Return stays in memory, and a store of them."""
    if kind == "fake":
        return stays, FakeStore(stays)
    return stored(stays, folder / f"store {number}", 1 + number % 2, table)


def hold(pair: Both, name: str, ask: Any, number: int) -> dict[str, Any]:
    """Ask in memory and of a store; the answers are equal."""
    in_memory, of_store = (told(partial(ask, source)) for source in pair)
    for part in in_memory:
        assert of_store.get(part) == in_memory[part], (number, name, part)
    assert of_store.keys() == in_memory.keys(), (number, name)
    return in_memory


def numbers(kind: str, fake: int, real: int) -> range:
    """Say how many worlds: a store is written to the disk, so that fewer are made of it."""
    return range(fake if kind == "fake" else real)


def test_places_people_and_chance(kind: str, tmp_path: Path) -> None:
    asked: dict[str, int] = {}
    for number in numbers(kind, 30, 10):
        world = World(number)
        pair = both(kind, world.stays, tmp_path, number)
        for name, ask in world.questions():
            answer = hold(pair, name, ask, number)
            asked[name] = asked.get(name, 0) + ("error" not in answer)
    assert min(asked.values()) > 0, asked


def test_who_met_whom(kind: str, tmp_path: Path) -> None:
    for number in numbers(kind, 30, 8):
        made = make(number)
        if made.stays is not None:
            pair = both(kind, made.stays, tmp_path, number)
            for name, ask in tracing(made):
                hold(pair, name, ask, number)


def test_by_chance_in_towns(kind: str, tmp_path: Path) -> None:
    for number in numbers(kind, 12, 2):
        stays, questions = in_town(number)
        pair = both(kind, stays, tmp_path, number)
        for name, ask in questions:
            assert "error" not in hold(pair, name, ask, number)


def test_along_chains(kind: str, tmp_path: Path) -> None:
    far = 0
    for number in numbers(kind, 24, 8):
        stays, questions = along_chains(number)
        pair = both(kind, stays, tmp_path, number)
        for name, ask in questions:
            found = hold(pair, name, ask, number)
            assert "error" not in found
            far += name == "rings" and any(row["ring"] > 2 for row in found["table"]["rows"])
    assert far


def test_golden_worlds(kind: str, tmp_path: Path) -> None:
    for number, world in enumerate(golden_worlds(0, 20 if kind == "fake" else 40)):
        table, options = pings_and_options(world)
        stays = cotrace.find_stays(cotrace.read_pings(table), options=options)
        pair = both(kind, stays, tmp_path, number, table)
        # companions are found by a way of their own, which the real store alone has
        for name, ask in [*of_golden(world), *(by_rules(world) if kind == "real" else ())]:
            assert "error" not in hold(pair, name, ask, number), name


def test_what_was_forgotten_was_never_there(tmp_path: Path) -> None:
    for number in (0, 1):
        world = World(number)
        table = pings_of(world.stays)
        gone = world.ids[0]
        left = table.filter(pc.not_equal(table["device"], pa.scalar(gone, table["device"].type)))
        memory, _ = stored(world.stays, tmp_path / f"left {number}", 1, left)
        _, store = stored(world.stays, tmp_path / f"all {number}", 1, table)
        store.forget(device=[gone])
        for name, ask in world.questions():
            hold((memory, store), name, ask, number)


def test_through_the_log(tmp_path: Path) -> None:
    world = World(1)
    memory, store = stored(world.stays, tmp_path / "store", 1)
    log = AuditLog(tmp_path / "audit.log")
    view = store.audited(log, who="dr.li", purpose="case 17")
    for name, ask in world.questions():
        hold((memory, view), name, ask, 1)
        assert name in (tmp_path / "audit.log").read_text().splitlines()[-1]


def at_noon(other: tuple[int, int]) -> cotrace.Stays:
    """Two who meet at half past noon on two days, and somebody else who is there at another time of that hour."""
    meet = [(3, day * DAY + 45_000, day * DAY + 46_200) for day in (2, 4)]
    there = [(3, day * DAY + other[0], day * DAY + other[1]) for day in (2, 4)]
    return stays_of_plans([[(9, 0, 600), *meet], list(meet), [*there, (9, 9 * DAY, 10 * DAY)]])


@pytest.mark.parametrize("other", [(43_300, 44_700), (46_300, 46_700)])
def test_crowds_are_of_whole_hours(other: tuple[int, int]) -> None:
    stays = at_noon(other)
    pair = stays, FakeStore(stays)
    start, end = at(BASE + 2 * DAY + 44_800), at(BASE + 4 * DAY + 46_250)
    asked = {"start": start, "end": end}
    found = hold(pair, "significance", lambda s: cotrace.significance(s, [(0, 1)], draws=9, **asked), 0)
    assert [row["crowd"] for row in found["evidence"]["rows"]] == [3, 3]
    cases = {"device": [0], "onset": [end]}
    length = f"{2 * DAY + 46_250 - 44_800}s"
    ask = {"incubation": ("0s", length), "min_cases": 1, "draws": 9}
    found = hold(pair, "common_sources", lambda s: cotrace.common_sources(s, cases, **ask), 0)
    assert [row["crowd"] for row in found["evidence"]["rows"]] == [3, 3]
