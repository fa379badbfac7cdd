"""Row groups that are left unread change no table: worlds with a long before and after, against the oracle."""

from __future__ import annotations

import random
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from tests import naive
from tests.properties import through, worlds
from tests.properties.worlds import World

import cotrace

SEED = 29


def with_before_and_after(world: World, rng: random.Random) -> World:
    """Return the world with the pings of some devices again, minutes to days earlier and later."""
    gap = world.making.max_gap
    shifts = [gap, gap + 1, 1800, 3600, 7200, 5 * 3600, 86_400, 3 * 86_400]
    extra = []
    for _ in range(rng.randrange(1, 6)):
        shift = rng.choice(shifts) * rng.choice([-1, 1])
        device = rng.choice(world.pings)[0]
        extra += [(d, t + shift, *place) for d, t, *place in world.pings if d == device or rng.random() < 0.3]
    pings = sorted(world.pings + extra, key=lambda row: row[1])
    return replace(world, pings=pings, form="arrow")


@pytest.mark.parametrize("chunk", range(4))
def test_row_groups_left_unread(chunk, tmp_path):
    rng = random.Random(chunk)
    skipped = 0
    for number in range(chunk * 40, chunk * 40 + 40):
        world = with_before_and_after(worlds.seeded(SEED, number), rng)
        if world.size == "full":
            continue
        table = through.arrow_pings(world.pings, world.by_tower, world.clock)
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path, row_group_size=rng.choice([2, 5, 11]))
        keywords = {"unit": "s"} if world.clock == "number" else {}
        found = through.find(world, threads=1 + number % 2, pings=cotrace.read_pings(path, **keywords))
        answer = naive.answer(world.pings, world.cases, world.rule, world.making)
        for name in through.TABLES:
            rows = through.rows_of(getattr(found, name))
            assert through.difference(name, getattr(answer, name), rows) is None, f"seeded({SEED}, {number})"
        counts = found.counts
        assert counts.rows == len(world.pings)
        assert counts.rows == counts.used + counts.collapsed + counts.n_refused + counts.skipped
        skipped += counts.skipped
    assert skipped > 0
