"""A cluster of two executor processes, started once for all tests of this folder."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engine.cluster import started
from tests.engine.one_input import OneInput
from tests.engine.same import assert_same, in_order

import cotrace

__all__ = ["assert_same", "in_order"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/engine" in str(item.path):
            # one cluster, so one worker: for those who run with --dist loadgroup
            item.add_marker(pytest.mark.xdist_group("spark"))


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, and there is none on this machine: .ci/run installs it")
    session = started("local-cluster[2,1,2048]")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def one_input() -> OneInput:
    return OneInput()


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cotrace.CotraceWarning)
        yield


@pytest.fixture
def partitions(spark: Any, request: pytest.FixtureRequest) -> Iterator[int]:
    """Set how many partitions a shuffle has."""
    spark.conf.set("spark.sql.shuffle.partitions", str(request.param))
    yield request.param
    spark.conf.set("spark.sql.shuffle.partitions", "4")
