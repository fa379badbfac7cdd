"""The same stages on Apache Spark: the same functions, the same columns, the same rows.

``read_pings`` takes a Spark DataFrame; ``find_stays`` gives one, and ``find_companions``, ``occupancy``,
``visitors``, ``rings`` and ``pairs`` give their tables as such. How-to: :doc:`/howto/spark`.
"""

from __future__ import annotations

from cotrace.engine.spark.companions import SparkCompanions, find_companions
from cotrace.engine.spark.pings import SparkPings, read_pings
from cotrace.engine.spark.stays import count_pings, find_stays

__all__ = [
    "SparkCompanions",
    "SparkPings",
    "count_pings",
    "find_companions",
    "find_stays",
    "read_pings",
]
