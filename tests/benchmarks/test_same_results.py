"""The compared tools find the same rows, whatever the ids and positions, and write the same evidence and stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import data as of
import variants
from measure import run_tool

SMALL = {"rows": 40_000, "cases": 8, "city_km": 4.0}
KINDS: dict[str, dict[str, Any]] = {
    "xy": {},
    "strings, lon and lat, spread": {
        "ids": "string",
        "positions": "lonlat",
        "days": 30,
        "spread_as_of": True,
    },
    "towers, silences": {"positions": "tower", "gaps": 0.3},
}


@pytest.mark.parametrize("kind", KINDS)
def test_all_tools_find_the_same_companions_and_evidence(kind: str, tmp_path: Path) -> None:
    data = of.Data(**(SMALL | KINDS[kind]))
    made = of.make(data, tmp_path)
    found = variants.check(variants.VARIANTS["evidence"], data, made, 2, tmp_path)
    assert {tool: run.get("error") for tool, run in found.items() if run["exit_code"]} == {}
    assert found["cotrace"]["rows"] > 0
    assert variants.equal(found)
    assert all("hash_of_table" in run for run in found.values())
    if of.can_answer("pandas", data):
        assert run_tool("pandas", made, [])["hash"] == found["cotrace"]["hash"]


def test_stays_of_everybody_are_the_same(tmp_path: Path) -> None:
    data = of.Data(**(SMALL | {"shuffle": True}))
    made = of.make(data, tmp_path)
    found = variants.check(variants.VARIANTS["stays"], data, made, 2, tmp_path)
    assert set(found) == {"cotrace", "duckdb"}
    assert variants.equal(found)
    assert found["cotrace"]["bytes_a_stay"] <= 16


def test_a_tool_that_fails_is_not_equal() -> None:
    good = {"hash": "a", "exit_code": 0}
    assert variants.equal({"cotrace": good, "duckdb": dict(good)})
    assert not variants.equal({"cotrace": good, "duckdb": good | {"hash": "b"}})
    assert not variants.equal({"cotrace": good, "duckdb": {"exit_code": 1}})
