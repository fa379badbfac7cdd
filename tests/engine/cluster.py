"""How a test, a benchmark or a command starts its own cluster on this machine."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["started"]

_HERE = Path(__file__).resolve().parents[2]


def started(master: str, **more: str) -> Any:
    """Start Spark with executors of 1 GB that find this checkout; ``more``: its settings, with _ for ``.``."""
    from pyspark.sql import SparkSession

    path = os.pathsep.join([str(_HERE / "src"), str(_HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    os.environ["PYTHONPATH"] = path
    os.environ.pop("PYSPARK_PYTHON", None)
    scratch = tempfile.mkdtemp(prefix="cotrace-spark-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    settings = {
        "spark.driver.memory": "1g",
        "spark.executor.memory": "1g",
        "spark.executorEnv.PYTHONPATH": path,
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": f"{scratch}/warehouse",
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "4",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.showConsoleProgress": "false",
        # over TCP on one machine each small message waits 40 ms for an acknowledgement
        "spark.python.unix.domain.socket.enabled": "true",
        "spark.driver.extraJavaOptions": "-Dlog4j2.level=ERROR",
    }
    builder = SparkSession.builder.master(master).appName("cotrace")
    for name, value in {**settings, **{k.replace("_", "."): v for k, v in more.items()}}.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    assert sys.executable
    return session
