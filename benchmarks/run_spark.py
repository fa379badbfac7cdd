"""The companion query on a Spark cluster of this machine, or the skew job, as a process.

    python benchmarks/run_spark.py FOLDER CASES --master local-cluster[2,1,2048]
    python benchmarks/run_spark.py FOLDER CASES --skew 400_000

Prints the same line as ``run_cotrace.py``, with the same hash, and what Spark counted. The query runs twice in one
session: the first time executors start their Python, load its libraries and compiled kernels, and the JVM warms up.
``--skew`` makes so many stays (a quarter for pairs), a fifth of them in one cell, and runs occupancy and pairs with the
heavy cell split, and not split, twice each; the second time counts. FOLDER is not read then.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import common
from common import Stages
from run_cotrace import integers, read_cases

SRC = Path(__file__).resolve().parents[1] / "src"


@contextmanager
def session(args: argparse.Namespace) -> Iterator[Any]:
    """Start Spark, and stop it at the end."""
    from pyspark.sql import SparkSession

    path = os.pathsep.join([str(SRC), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["PYTHONPATH"] = path
    with tempfile.TemporaryDirectory(prefix="cotrace-spark-") as scratch:
        settings = {
            "spark.driver.memory": "1g",
            "spark.executor.memory": args.executor_memory,
            "spark.executorEnv.PYTHONPATH": path,
            "spark.local.dir": scratch,
            "spark.sql.shuffle.partitions": str(args.partitions),
            "spark.sql.session.timeZone": "UTC",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.execution.arrow.maxRecordsPerBatch": "65536",
            "spark.driver.maxResultSize": "0",
        }
        builder = SparkSession.builder.master(args.master).appName("cotrace-benchmark")
        for name, value in settings.items():
            builder = builder.config(name, value)
        started = builder.getOrCreate()
        started.sparkContext.setLogLevel("OFF")
        try:
            yield started
        finally:
            started.stop()


def figures(measured: Any, partitions: int) -> dict[str, Any]:
    """Return what Spark counted of a job; the longest task is of those behind a shuffle, not of those that read."""
    behind = [stage for stage in measured.stages if stage.tasks >= partitions]
    longest = max(behind, key=lambda stage: stage.longest_s, default=None)
    return {
        "wall_s": measured.wall_s,
        "task_s": measured.run_s,
        "jvm_cpu_s": measured.jvm_cpu_s,
        "read_bytes": measured.read_bytes,
        "shuffled_bytes": measured.shuffled_bytes,
        "spilled_bytes": measured.spilled_bytes,
        "failed_tasks": measured.failed,
        "longest_task_s": longest.longest_s if longest else 0.0,
        "median_task_s": longest.median_s if longest else 0.0,
        "stages": [asdict(stage) for stage in measured.stages],
    }


def companions(spark: Any, args: argparse.Namespace, stages: Stages) -> dict[str, Any]:
    """Find the companions; return what is reported of them."""
    import cotrace
    from cotrace.engine import spark as on_spark

    options = cotrace.StayOptions(fill=args.fill)
    with stages("read_pings"):
        pings = on_spark.read_pings(spark.read.parquet(str(args.folder)))
    cases = read_cases(args.cases, args.text_ids)
    with stages("plan"):
        expected = on_spark.plan(pings, "find_companions", cases=len(cases["device"]), options=options)
    digests, walls = set(), []
    for name in ("first", "again"):
        with stages(name), expected.measured():
            found = on_spark.find_companions(pings, cases, options=options)
            table = found.companions.toArrow()
        expected.tell(found)
        found.unpersist()
        print(expected, file=sys.stderr)
        real = expected.actual
        assert real is not None
        assert real.report is not None
        walls.append(real.measured.wall_s)
        digests.add(common.hash_columns(integers(table)))
    assert len(digests) == 1, "the second time gave another answer"
    return {
        "rows": table.num_rows,
        "digest": digests.pop(),
        "expected": {k: v for k, v in vars(expected).items() if k not in ("session", "actual")},
        "first_s": walls[0],
        "actual": figures(real.measured, args.partitions),
        "stays": real.report.stays,
        "pings": real.rows,
        "python_cpu_s": sum(task["cpu_s"] for task in real.report.tasks),
        "python_peak_bytes": real.task_bytes,
    }


def made_stays(spark: Any, n: int) -> Any:
    """Return so many stays of an hour's crowd in many cells, a fifth of them in one; in Parquet, as it should be."""
    import pyarrow as pa
    from pyspark.sql import functions

    import cotrace
    from cotrace.engine.spark.frames import spark_schema
    from cotrace.engine.spark.meaning import Meaning

    f = functions
    options = cotrace.StayOptions(grid=cotrace.Grid.planar(800), fill="same_cell")
    meaning = Meaning(options, "UTC", pa.int64(), pa.int64())
    # each device has 40 stays of ten minutes, one in each part of two days
    devices = max(1, n // 40)
    rows = spark.range(n).withColumn("device", f.col("id") % devices)
    within = f.pmod(f.xxhash64("id", f.lit(2)), f.lit(4_320 - 600))
    start = (f.lit(1_635_724_800) + f.floor(f.col("id") / devices) * 4_320 + within).cast("bigint")
    cell = f.when(f.pmod(f.xxhash64("id", f.lit(3)), f.lit(5)) == 0, 0).otherwise(
        f.pmod(f.xxhash64("id", f.lit(4)), f.lit(4_000)) + 1
    )
    rows = rows.select(
        "device", cell.cast("bigint").alias("cell"), f.timestamp_seconds(start).alias("started_at")
    )
    rows = rows.withColumn("finished_at", f.timestamp_seconds(f.unix_timestamp("started_at") + 600))
    schema = cotrace.schema.STAYS.arrow(tz="UTC")
    made = spark_schema(schema, meaning.metadata())
    path = tempfile.mkdtemp(prefix="cotrace-skew-")
    named = [rows[field.name].alias(field.name, metadata=field.metadata) for field in made.fields]
    rows.select(*named).write.mode("overwrite").parquet(path)
    return spark.read.parquet(path)


def skew(spark: Any, args: argparse.Namespace, stages: Stages) -> dict[str, Any]:
    """Run occupancy and pairs of stays of which a fifth are in one cell, split and not."""
    from cotrace.engine import spark as on_spark
    from cotrace.engine.spark import units
    from cotrace.engine.spark.measured import measuring

    told: dict[str, Any] = {}
    jobs = {
        "occupancy": (args.skew, on_spark.occupancy),
        "pairs": (args.skew // 4, lambda stays: on_spark.pairs(stays, max_crowd=None).pairs),
    }
    normal = units._MOST_BUCKETS
    for name, (n, job) in jobs.items():
        with stages(f"{name} stays"):
            stays = made_stays(spark, n)
        for way, most in (("split", normal), ("whole", 1)) * 2:
            units._MOST_BUCKETS = most
            with stages(f"{name} {way}"), measuring(spark) as measured:
                table = job(stays).toArrow()
            table = table.sort_by([(c, "ascending") for c in table.column_names])
            about = {"stays": n, "rows": table.num_rows, "hash": hash_of(table)}
            told[f"{name} {way}"] = figures(measured, args.partitions) | about
    units._MOST_BUCKETS = normal
    for name in jobs:
        assert told[f"{name} split"]["hash"] == told[f"{name} whole"]["hash"], (
            f"{name}: another answer when split"
        )
    return {"rows": args.skew, "digest": None, "jobs": told}


def hash_of(table: Any) -> str:
    """Return a hash of a table in order."""
    import hashlib

    whole = hashlib.sha256()
    for column in table.columns:
        for buffer in filter(None, column.combine_chunks().buffers()):
            whole.update(buffer)
    return whole.hexdigest()


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = common.tool_parser(__doc__)
    parser.add_argument("--master", default="local-cluster[2,1,2048]")
    parser.add_argument("--executor-memory", default="1g")
    parser.add_argument("--partitions", type=int, default=16)
    parser.add_argument("--skew", type=int)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with stages("start"):
        starting = session(args)
        spark = starting.__enter__()
    try:
        import cotrace

        job = skew if args.skew else companions
        common.report("spark", stages=stages, version=cotrace.__version__, **job(spark, args, stages))
    finally:
        starting.__exit__(None, None, None)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
