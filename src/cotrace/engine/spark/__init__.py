"""The same stages on Apache Spark: the same functions, the same columns, the same rows.

``read_pings`` takes a Spark DataFrame; ``find_stays`` gives one, and ``find_companions``, ``occupancy``,
``visitors``, ``rings`` and ``pairs`` give their tables as such. How-to: :doc:`/howto/spark`.
"""

from __future__ import annotations

from cotrace.engine.spark.companions import SparkCompanions, find_companions
from cotrace.engine.spark.pairs import SparkPairs, pairs
from cotrace.engine.spark.pings import SparkPings, read_pings
from cotrace.engine.spark.plan import Plan, plan
from cotrace.engine.spark.rings import SparkRings, rings
from cotrace.engine.spark.stays import count_pings, find_stays
from cotrace.engine.spark.store import read_store, write_store
from cotrace.engine.spark.visitors import SparkVisitors, visitors
from cotrace.engine.spark.windows import occupancy

__all__ = [
    "Plan",
    "SparkCompanions",
    "SparkPairs",
    "SparkPings",
    "SparkRings",
    "SparkVisitors",
    "count_pings",
    "find_companions",
    "find_stays",
    "occupancy",
    "pairs",
    "plan",
    "read_pings",
    "read_store",
    "rings",
    "visitors",
    "write_store",
]
