"""The page is made of what is recorded, and says what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.benchmarks.conftest import BENCHMARKS

import bench
import growth
import plot
import render
import targets
from common import write_json


def comparison(duckdb_s: float, rounds: int) -> dict[str, Any]:
    """Return a comparison in which cotrace takes a second."""
    runs = []
    for repeat in range(rounds + 1):
        for job, wall in (("cotrace", 1.0), ("duckdb", duckdb_s)):
            cost = {"wall_s": wall, "cpu_s": wall, "peak_bytes": 2**30}
            runs.append({"job": job, "repeat": repeat, "counted": repeat > 0, "exit_code": 0, **cost})
    return {"equal": True, "runs": runs, "data": {"made_rows": 10_000_000}, "finished_at": "2030-01-02"}


def row_of(result: dict[str, Any] | None) -> list[str]:
    target = next(t for t in targets.TARGETS if t.says.startswith("10 M pings"))
    return targets.row(target, {"companions-10m": result} if result else {})


def test_a_target_is_met_missed_or_not_measured() -> None:
    assert row_of(comparison(3.5, 5))[2:] == ["3.5 ×", "met", "10 M", "5", "2030-01-02"]
    assert row_of(comparison(2.5, 5))[2:4] == ["2.5 ×", "**missed**"]
    assert row_of(comparison(3.5, 4))[3] == "too few rounds"
    assert row_of(None)[2] == "not measured"
    assert row_of(comparison(3.5, 5) | {"equal": False})[2] == "not measured"


def test_a_machine_with_other_work_decides_nothing() -> None:
    result = comparison(3.5, 5)
    for run in result["runs"]:
        run["others"] = 0.3
    assert row_of(result)[3] == "undecided: 30% of the machine was others'"


def test_the_committed_page_is_what_the_results_say() -> None:
    page = (render.DOCS / "benchmarks.md").read_text(encoding="utf-8")
    assert page == render.page(render.load()), "run: python benchmarks/render.py"


def test_a_result_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    write_json(path, {"runs": 1})
    with pytest.raises(TypeError):
        write_json(path, {"runs": object()})
    assert json.loads(path.read_text()) == {"runs": 1}


def point(x: float, wall: float, machine: str = "here") -> dict[str, Any]:
    costs = {"wall_s": wall, "cpu_s": wall, "peak_bytes": 2**30 * wall}
    return {"x": x, "cotrace": costs, "decoding": costs, "machine": machine}


def test_the_slope_of_growth() -> None:
    assert growth.slope([point(x, 3 * x**0.5) for x in (1, 10, 100)], "wall_s") == pytest.approx(0.5)
    assert growth.slope([point(0, 1), point(1, 1)], "wall_s") is None


def test_points_of_another_machine_are_not_kept() -> None:
    old = [point(1, 1), point(2, 2), point(3, 3, "there")]
    assert growth.merged(old, [point(2, 5)]) == [point(1, 1), point(2, 5)]


def test_the_plot_says_what_it_shows(tmp_path: Path) -> None:
    axes = {name: {"says": name, "points": [point(1, 0.5), point(1000, 40)]} for name in plot.ORDER}
    for name in ("a.svg", "b.svg"):
        plot.draw({"axes": axes}, tmp_path / name)
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<title>Time and memory" in text
    assert "<desc>Above wall time" in text
    assert "pings from 1 to 1,000" in text
    assert (tmp_path / "b.svg").read_text(encoding="utf-8") == text


def test_every_step_of_the_benchmarks_is_a_file() -> None:
    steps = [step for size in bench.SMALL + bench.LARGE for step in size]
    assert all((BENCHMARKS / step.split()[0]).exists() for step in steps)


def test_pings_of_a_step_are_removed_and_others_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    seen = []

    def run(step: str, data: Path) -> bool:
        seen.append((step, sorted(path.name for path in data.iterdir())))
        (data / step).mkdir()
        return step != "b"

    monkeypatch.setattr(bench, "run", run)
    assert bench.run_sizes((("a", "b"), ("c",)), tmp_path) == ["b"]
    assert seen == [("a", ["mine"]), ("b", ["a", "mine"]), ("c", ["mine"])]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
