"""What a cluster is apt to do: another Python, executors that die, plans that are held to what came."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame
from tests.engine.acts import made
from tests.engine.kill import EXECUTOR, WORKER, Deaths

import cotrace
from cotrace.engine import spark as on_spark
from cotrace.engine.spark import sample
from cotrace.engine.spark.frames import mapped


def _python(batches):
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"python": [sys.prefix] * batch.num_rows})


def test_executors_use_the_drivers_python(spark):
    found = mapped(spark.range(2), _python, "python string").toArrow()
    assert set(found["python"].to_pylist()) == {sys.prefix}


@pytest.fixture(scope="module")
def deaths(spark, tmp_path_factory):
    return Deaths(spark, tmp_path_factory.mktemp("deaths"), rows=60_000, seed=3)


def counted(runs):
    """Return the runs that fell in the middle of a job; none may have another result, whether it fell there or not."""
    runs = list(runs)
    assert [str(death) for death in runs if not death.same] == []
    return [death for death in runs if death.in_the_middle]


def test_killed_executors(deaths):
    """Once while devices are held against the cases, once while a store is written; the command kills in all jobs."""
    for first, act in ((1, "find_companions"), (3, "write_store")):
        found = counted(deaths.runs(EXECUTOR, 1, first=first))
        assert [death.act for death in found] == [act]
        assert all(death.lost + death.again > 0 for death in found)


def test_killed_python_workers(deaths):
    found = counted(deaths.runs(WORKER, 1, first=1))
    assert [death.act for death in found] == ["find_companions"]
    assert all(death.lost > 0 for death in found)


def test_threads_do_not_take_each_others_python(spark, monkeypatch):
    """Functions are wrapped for the driver's Python, from however many threads; the session keeps its own."""
    monkeypatch.setattr(spark.sparkContext, "pythonExec", "no-such-python")
    with ThreadPoolExecutor(8) as threads:
        frames = list(threads.map(lambda _: mapped(spark.range(1), _python, "python string"), range(40)))
    assert spark.sparkContext.pythonExec == "no-such-python"
    found = reduce(DataFrame.unionAll, frames).coalesce(2).toArrow()
    assert found["python"].to_pylist() == [sys.prefix] * 40


def _left_out(batches):
    for batch in batches:
        yield pa.RecordBatch.from_pydict({"objects": [gc.get_freeze_count()] * batch.num_rows})


def test_modules_are_left_out_of_garbage_collection(spark):
    """With two workers and six tasks some worker does a second one."""
    found = mapped(spark.range(0, 6, 1, 6), _left_out, "objects long").toArrow()
    assert max(found["objects"].to_pylist()) > 10_000


def test_plan_beside_what_came(spark, tmp_path):
    spark.createDataFrame(made(40_000)).repartition(2).write.parquet(str(tmp_path / "pings"))
    pings = on_spark.read_pings(spark.read.parquet(str(tmp_path / "pings")), unit="s")
    expected = on_spark.plan(pings, "find_companions", cases=3)
    assert expected.rows == 40_000
    with expected.measured():
        found = on_spark.find_companions(pings, [0, 3, 6], as_of="2021-11-08T00:00:00+00:00")
        found.companions.toArrow()
    expected.tell(found)
    assert expected.actual is not None
    real = expected.actual
    assert real.rows == expected.rows
    assert 0.5 < expected.stays / real.report.stays < 2
    assert 0.5 < expected.bytes_shuffled / real.measured.shuffled_bytes < 2
    assert 0.3 < expected.task_bytes / real.task_bytes < 3
    # each file is read twice: for the cases' own stays, and for all
    size = sum(path.stat().st_size for path in (tmp_path / "pings").glob("*.parquet"))
    assert 0.9 * expected.bytes_read < real.measured.read_bytes < 2 * expected.bytes_read
    assert 0.8 * size < expected.bytes_read / 2 < size
    assert 0 < real.pairs <= expected.pairs
    assert "expected" in str(expected)
    assert "longest task" in str(expected)


@pytest.mark.parametrize("most", [1_000_000, 4_000])
def test_plan_of_pairs(spark, monkeypatch, most):
    """With all devices the number is exact; with a third of them it is near."""
    monkeypatch.setattr(sample, "_STAYS", most)
    pings = on_spark.read_pings(spark.createDataFrame(made(60_000)), unit="s")
    stays = on_spark.find_stays(pings, options=cotrace.StayOptions(max_gap="3h", fill="forward")).persist()
    expected = on_spark.plan(stays, "pairs", max_crowd=None)
    assert ("among 200 devices" in expected.how) == (most == 1_000_000)
    with expected.measured():
        n = on_spark.pairs(stays, max_crowd=None).pairs.count()
    expected.tell(n)
    assert n > 1_000
    if most == 1_000_000:
        assert expected.pairs == n
    assert 0.5 < expected.pairs / n < 2
    assert f"{n:,}" in str(expected)
    stays.unpersist()


def test_what_is_no_pings_or_stays_is_refused(spark):
    frame = spark.range(3)
    with pytest.raises(cotrace.CotraceError, match="is not SparkPings"):
        on_spark.find_stays(frame)
    with pytest.raises(cotrace.CotraceError, match="has no column 'device'"):
        on_spark.occupancy(frame)
    with pytest.raises(cotrace.CotraceError, match="not a Spark DataFrame"):
        on_spark.read_pings({"device": [1]})
    with pytest.raises(cotrace.CotraceError, match="nothing says how"):
        on_spark.occupancy(spark.sql("select 1L device, 2L cell, now() started_at, now() finished_at"))
    with pytest.raises(cotrace.CotraceError, match="no column"):
        on_spark.read_pings(frame)
    # and what is on Spark, given to one machine, is sent back
    of_spark = "is on Spark: cotrace.engine.spark has find_stays"
    with pytest.raises(TypeError, match=of_spark):
        cotrace.occupancy(frame)
    with pytest.raises(TypeError, match=of_spark):
        cotrace.find_companions(frame, [1])
