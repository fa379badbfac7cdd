"""For the tests of those who build on cotrace: made pings, stays and cases, and a comparison that says where.

``assert_tables_equal`` needs nothing further; the strategies need hypothesis (the extra ``testing``).
"""

from __future__ import annotations

from cotrace.testing.equal import assert_tables_equal
from cotrace.testing.strategies import cases, pings, stays, worlds

__all__ = ["assert_tables_equal", "cases", "pings", "stays", "worlds"]
