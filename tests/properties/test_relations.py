"""What must not change an answer, and what may only make it smaller: cotrace against itself."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import naive
from tests.naive import Case, Rule
from tests.properties import through, worlds
from tests.properties.worlds import World

import cotrace

SEED = 14
HOUR = 3600
COLLECTED = ("companions", "evidence", "funnel", "coverage")


def _plain(world: World) -> World:
    """Return the world with coordinates in eighths of a metre, so that a shift by whole cells is exact."""
    pings = [
        (d, t, *(v if v != v or abs(v) == float("inf") else v * 8 // 1 / 8 for v in place))
        for d, t, *place in world.pings
    ]
    return replace(
        world, pings=pings, making=replace(world.making, cell_m=800.0), form="arrow", clock="number"
    )


def _worlds() -> list[World]:
    """Return 40 worlds on a grid that have companions, thresholds of every kind among them."""
    kept: list[World] = []
    number = 0
    while len(kept) < 40:
        world = worlds.seeded(SEED, number)
        number += 1
        if not world.by_tower and world.size != "full" and _has_companions(world):
            kept.append(_plain(world))
    return kept


def _has_companions(world: World) -> bool:
    return bool(naive.answer(world.pings, world.cases, world.rule, world.making).companions)


@pytest.fixture(scope="module")
def made() -> list[tuple[World, dict[str, Any]]]:
    """Worlds with their answers."""
    return [(world, answers(world)) for world in _worlds()]


def answers(world: World, *, threads: int = 1, pings: Any = None) -> dict[str, Any]:
    """Return every table of a world as rows, and the counts."""
    found = through.find(world, threads=threads, pings=pings)
    tables = {name: through.rows_of(getattr(found, name)) for name in COLLECTED}
    return {**tables, "counts": through.counts_of(found.counts)}


def changed(answer: dict[str, Any], change: Any) -> dict[str, Any]:
    """Return an answer with every row changed, and sorted again by its ids and instants."""
    order = ("case_id", "as_of", "companion_id", "started_at")
    tables = {
        name: sorted(
            (change(row) for row in answer[name]), key=lambda row: [row[c] for c in order if c in row]
        )
        for name in COLLECTED
    }
    return {**tables, "counts": answer["counts"]}


def shuffled(rows: list[Any], seed: int) -> list[Any]:
    return random.Random(seed).sample(rows, len(rows))


def test_row_order(made):
    for world, answer in made:
        for seed in range(2):
            assert answers(replace(world, pings=shuffled(world.pings, seed))) == answer
        assert answers(replace(world, pings=sorted(world.pings, key=lambda row: row[1]))) == answer


def test_order_of_cases(made):
    for world, answer in made:
        assert answers(replace(world, cases=world.cases[::-1] + world.cases[:1])) == answer


def test_thread_count(made):
    for world, answer in made:
        for threads in (2, 3):
            assert answers(world, threads=threads) == answer


def test_file_split(made, tmp_path):
    for number, (world, answer) in enumerate(made[:16]):
        for n_files in (1, 2, 5):
            folder = tmp_path / f"{number}-{n_files}"
            folder.mkdir()
            rows = shuffled(world.pings, n_files)
            for part in range(n_files):
                table = through.arrow_pings(rows[part::n_files] or rows[:0] or rows[:1], False)
                if not rows[part::n_files]:
                    table = table.slice(0, 0)
                pq.write_table(table, folder / f"{(part * 7) % n_files}.parquet")
            assert answers(world, pings=cotrace.read_pings(folder, unit="s")) == answer


def test_batch_size(made, tmp_path):
    for number, (world, answer) in enumerate(made[:16]):
        table = through.arrow_pings(world.pings, False)
        for size in (1, 3, 7):
            chunks = pa.Table.from_batches(table.to_batches(max_chunksize=size))
            assert answers(world, pings=cotrace.read_pings(chunks, unit="s")) == answer
            path = tmp_path / f"{number}-{size}.parquet"
            pq.write_table(table, path, row_group_size=size)
            assert answers(world, pings=cotrace.read_pings(path, unit="s")) == answer


def test_sorted_by_time_in_daily_files(made, tmp_path):
    """Files whose spans of time do not overlap are streamed, and give what a shuffled table gives."""
    for number, (world, answer) in enumerate(made[:16]):
        rows = sorted(world.pings, key=lambda row: row[1])
        folder = tmp_path / str(number)
        folder.mkdir()
        cut = len(rows) // 2
        while 0 < cut < len(rows) and rows[cut - 1][1] == rows[cut][1]:
            cut += 1
        for name, part in (("b", rows[:cut]), ("a", rows[cut:])):
            if part:
                pq.write_table(through.arrow_pings(part, False), folder / f"{name}.parquet")
        assert answers(world, pings=cotrace.read_pings(folder, unit="s")) == answer


def _renamed(world: World, name: Any) -> World:
    pings = [(name(device), *rest) for device, *rest in world.pings]
    return replace(
        world, pings=pings, cases=[replace(case, device=name(case.device)) for case in world.cases]
    )


RENAMINGS = {
    "in order": lambda ids: {device: 3 * rank - 4 for rank, device in enumerate(ids)},
    "in order, strings": lambda ids: {device: f"{rank:04}" for rank, device in enumerate(ids)},
    "in reverse": lambda ids: {device: -rank for rank, device in enumerate(ids)},
    "mixed, strings": lambda ids: {device: f"{7919 * rank % 100}x" for rank, device in enumerate(ids)},
}


@pytest.mark.parametrize("renaming", RENAMINGS)
def test_device_renaming(made, renaming):
    for world, answer in made:
        ids = sorted({row[0] for row in world.pings} | {case.device for case in world.cases})
        names = RENAMINGS[renaming](ids)

        def rename(row, names=names):
            return {k: names[v] if k in ("case_id", "companion_id") else v for k, v in row.items()}

        assert answers(_renamed(world, names.__getitem__)) == changed(answer, rename)


@pytest.mark.parametrize("hours", [1, -7, 24 * 365 * 40])
def test_shift_in_time_by_whole_hours(made, hours):
    instants = ("as_of", "started_at", "finished_at", "first_started_at", "last_finished_at")
    by = hours * HOUR

    def later(row):
        return {k: v + by if k in instants else v for k, v in row.items()}

    def case_later(case: Case) -> Case:
        moments = (case.as_of, case.infectious_from, case.isolated_at)
        return Case(case.device, *(None if m is None else m + by for m in moments))

    for world, answer in made:
        pings = [(device, time + by, *place) for device, time, *place in world.pings]
        assert answers(replace(world, pings=pings, cases=list(map(case_later, world.cases)))) == changed(
            answer, later
        )


@pytest.mark.parametrize(("columns", "rows"), [(1, 0), (0, -1), (-3, 5), (100_000, -100_000)])
def test_shift_in_space_by_whole_cells(made, columns, rows):
    def moved(row):
        row = dict(row)
        for name in ("cell", "top_cell"):
            if row.get(name) is not None:
                row[name] += columns * 2**32 + rows
        if "cell_col" in row:
            row |= {"cell_col": row["cell_col"] + columns, "cell_row": row["cell_row"] + rows}
        return row

    for world, answer in made:
        pings = [(device, t, x + columns * 800, y + rows * 800) for device, t, x, y in world.pings]
        assert answers(replace(world, pings=pings)) == changed(answer, moved)


def _stricter(rule: Rule) -> list[Rule]:
    """Return rules that ask more than this one."""
    longer = rule.min_cumulative or 0
    more = [
        replace(rule, min_shared=rule.min_shared + 1),
        replace(rule, min_shared=rule.min_shared * 2),
        replace(rule, strict=True),
        replace(rule, lookback=max(1, rule.lookback // 2)),
        replace(rule, combine="and"),
        replace(rule, shared="unbroken", per=None),
    ]
    if rule.combine == "and":
        more += [replace(rule, min_cumulative=longer), replace(rule, min_cumulative=longer + 5)]
    if rule.combine == "or":
        more.append(replace(rule, min_cumulative=longer + 5))
    if rule.dwell_of == "either":
        more += [replace(rule, dwell_of=who) for who in ("both", "case", "companion")]
    if rule.dwell_of in ("both", "case", "companion"):
        more += [replace(rule, dwell_of="pair"), replace(rule, dwell_of="both")]
    if rule.shared == "cumulative":
        more.append(replace(rule, per=rule.min_shared + 2 if rule.per is None else max(1, rule.per // 2)))
    return more


def _pairs(answer: dict[str, Any]) -> set[tuple[Any, ...]]:
    return {(row["case_id"], row["as_of"], row["companion_id"]) for row in answer["companions"]}


def test_a_stricter_rule_gives_a_subset(made):
    smaller = 0
    for world, answer in made:
        for rule in _stricter(world.rule):
            fewer = _pairs(answers(replace(world, rule=rule)))
            assert fewer <= _pairs(answer), rule
            smaller += fewer < _pairs(answer)
    assert smaller > 20


def test_a_shorter_infectious_time_gives_a_subset(made):
    for world, answer in made:
        for case in world.cases:
            middle = case.as_of - 5
            cut = replace(case, infectious_from=max(middle, case.infectious_from or middle))
            others = [c for c in world.cases if (c.device, c.as_of) != (case.device, case.as_of)]
            assert _pairs(answers(replace(world, cases=[*others, cut]))) <= _pairs(answer)
            ended = replace(
                case, isolated_at=min(middle, middle if case.isolated_at is None else case.isolated_at)
            )
            assert _pairs(answers(replace(world, cases=[*others, ended]))) <= _pairs(answer)


@pytest.mark.parametrize("clock", ["number", "instant"])
def test_empty_input_gives_empty_typed_tables(clock):
    full = worlds.seeded(SEED, 0)
    table = through.arrow_pings([("a", 0.0, 1.0, 1.0), ("b", 9.0, 1.0, 1.0)], False, clock)
    world = replace(full, cases=[Case("a", 100)], making=replace(full.making, cell_m=800.0), form="arrow")
    unit = {"unit": "s"} if clock == "number" else {}
    some = through.find(world, pings=cotrace.read_pings(table, **unit))
    none = through.find(world, pings=cotrace.read_pings(table.slice(0, 0), **unit))
    for name in COLLECTED:
        assert getattr(none, name).to_arrow().schema == getattr(some, name).to_arrow().schema, name
    assert len(none.companions) == len(none.evidence) == 0
    stays = cotrace.find_stays(
        cotrace.read_pings(table.slice(0, 0), **unit), options=through.options_of(world.making)
    )
    assert len(stays) == 0
    assert stays.to_arrow().schema.names == ["device", "cell", "started_at", "finished_at"]
    assert len(cotrace.occupancy(stays)) == 0
