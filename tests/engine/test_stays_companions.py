"""Stays and companions on a cluster: row for row those of one machine, for any number of partitions."""

from __future__ import annotations

import pytest
from tests.engine.conftest import assert_same
from tests.engine.one_input import golden_columns
from tests.properties.golden import COMPANIONS, EVIDENCE

import cotrace
from cotrace.engine import spark as on_spark

PARTITIONS = pytest.mark.parametrize("partitions", [1, 2, 7, 64], indirect=True)


@pytest.fixture(scope="module")
def frame(spark, one_input):
    return spark.createDataFrame(one_input.table).repartition(3).persist()


@PARTITIONS
def test_golden_worlds_in_one_input(frame, one_input, partitions):
    """Stays with each of the options that worlds have; one world's rule a turn, and the cases of all like it."""
    local_pings = cotrace.read_pings(one_input.table, unit="s")
    pings = on_spark.read_pings(frame, unit="s")
    turn = {1: 0, 2: 1, 7: 2, 64: 3}[partitions]
    for number, (options, worlds) in enumerate(one_input.by_options().items()):
        local = cotrace.find_stays(local_pings, options=options)
        if number % 4 != turn:
            continue
        assert_same(on_spark.find_stays(pings, options=options), local)
        if number != turn:
            continue
        world = worlds[turn % len(worlds)]
        asked = {"rule": one_input.rule(world), "options": options}
        wanted = cotrace.find_companions(local, one_input.cases(worlds), **asked)
        with_pings = cotrace.find_companions(local_pings, one_input.cases(worlds), **asked)
        found = on_spark.find_companions(pings, one_input.cases(worlds), **asked)
        for name in ("companions", "evidence", "funnel", "cases"):
            assert_same(getattr(found, name), getattr(wanted, name))
        assert_same(found.coverage, with_pings.coverage)
        assert found.counts.as_dict() | {"order": ""} == with_pings.counts.as_dict() | {"order": ""}
        found.unpersist()


def test_golden_answers(frame, one_input):
    """Some worlds' own answers, from stays that are there."""
    pings = on_spark.read_pings(frame, unit="s")
    for world in (3, 57, 120):
        options = one_input.options(world)
        stays = on_spark.find_stays(pings, options=options)
        found = on_spark.find_companions(stays, one_input.cases([world]), rule=one_input.rule(world))
        local = {name: getattr(found, name).toArrow() for name in ("companions", "evidence")}
        found.unpersist()
        by = [(name, "ascending") for name in ("case_id", "as_of", "companion_id")]
        companions = golden_columns(local["companions"].sort_by(by), COMPANIONS)
        by += [("started_at", "ascending"), ("cell", "ascending")]
        evidence = golden_columns(local["evidence"].sort_by(by), EVIDENCE)
        assert (companions, evidence) == one_input.answers(world)
