"""A cluster of two executor processes, started once for all tests of this folder."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from tests.engine.cluster import started
from tests.engine.one_input import OneInput

import cotrace


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


def in_order(table: Any) -> pa.Table:
    """Return a table with its rows in order: by all columns that can be sorted by."""
    table = table.to_arrow() if hasattr(table, "to_arrow") else table
    names = [f.name for f in table.schema if not pa.types.is_nested(f.type)]
    return table.sort_by([(name, "ascending") for name in names])


def assert_same(frame: Any, local: Any) -> None:
    """Hold a Spark DataFrame to a table of one machine: the same columns, types and rows."""
    wanted = in_order(local).replace_schema_metadata(None)
    found = frame.toArrow()
    assert found.schema.names == wanted.schema.names
    for field, other in zip(found.schema, wanted.schema, strict=True):
        # Spark has one type of strings, and its own name for the items of lists
        kind = str(other.type).replace("large_", "").replace("<item:", "<element:")
        assert str(field.type) == kind, f"{field} is not {other}"
        assert field.nullable == other.nullable, f"{field} is not {other}"
    arrays = [column.cast(field.type) for column, field in zip(found.columns, wanted.schema, strict=True)]
    found = in_order(pa.table(arrays, schema=wanted.schema))
    assert found.num_rows == wanted.num_rows
    assert found.combine_chunks().equals(wanted.combine_chunks()), _first_difference(found, wanted)


def _first_difference(found: pa.Table, wanted: pa.Table) -> str:
    for name in wanted.column_names:
        a, b = found[name].to_pylist(), wanted[name].to_pylist()
        for row, (one, other) in enumerate(zip(a, b, strict=True)):
            if one != other and not (one != one and other != other):
                return f"column {name}, row {row}: {one!r} is not {other!r}"
    return "schemas differ"
