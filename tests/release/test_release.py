"""What a release needs is there and agrees; the heavy part is ``make release``."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
from tests.release import lowest, run, start

import cotrace

ROOT = lowest.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_one_version_everywhere() -> None:
    assert PROJECT["version"] == cotrace.__version__
    assert (
        re.search(r"^version: (.+)$", text_of("CITATION.cff"), flags=re.MULTILINE)[1] == cotrace.__version__
    )  # type: ignore[index]


def test_every_requirement_has_a_lower_bound_and_no_upper_one() -> None:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    loose = [r for group in groups for r in group if not r.startswith("cotrace[") and ">=" not in r]
    assert loose in ([], ["pandas-stubs"])
    assert not [
        r for group in groups for r in group if re.search(r"[<=]=|<|~", r.partition(";")[0].replace(">=", ""))
    ]


def test_lowest_versions_are_the_lower_bounds(tmp_path: Path) -> None:
    made = tmp_path / "pyproject.toml"
    made.write_text(
        '[project]\nname = "thing"\ndependencies = ["numpy>=1.26", "plain"]\n'
        '[project.optional-dependencies]\na = ["thing[b, c]", "x.y>=2"]\n'
        'b = ["numpy>=1.27", "z>=0.9"]\nc = ["z>=0.10"]\n',
        encoding="utf-8",
    )
    assert lowest.constraints([], made) == {"numpy": "1.26"}
    assert lowest.constraints(["a"], made) == {"numpy": "1.27", "x.y": "2", "z": "0.10"}
    for line in lowest.lines(["test"]).splitlines():
        assert re.fullmatch(r"[\w.-]+==[\w.]+", line)


def test_what_a_wheel_must_not_hold() -> None:
    assert not run.BARRED.search("cotrace/data/calves2018.parquet")
    for name in ("tests/naive.py", "cotrace/__pycache__/x.pyc", "cotrace/kernels/a.nbi"):
        assert run.BARRED.search(name)


def test_files_of_a_release_are_there() -> None:
    for name in (
        "LICENSE",
        "CITATION.cff",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        ".pre-commit-config.yaml",
    ):
        assert (ROOT / name).is_file(), name


def test_the_first_ten_minutes_can_be_followed() -> None:
    page = text_of("docs/start.md")
    assert start.commands(page) == [
        "python3 -m venv trying",
        "trying/bin/pip install '.[viz]'",
        "trying/bin/cotrace demo",
    ]
    record = json.loads(start.RECORD.read_text(encoding="utf-8"))
    assert start.told(record) in page, "run: python -m tests.release.start --record"


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.mark.usefixtures("scripts")
def test_the_footprint_page_is_what_was_measured() -> None:
    import footprint

    record = json.loads(footprint.RECORD.read_text(encoding="utf-8"))
    assert footprint.page(record) == footprint.PAGE.read_text(encoding="utf-8")
    assert set(record["libraries"]) == set(footprint.LIBRARIES)


@pytest.mark.usefixtures("scripts")
def test_the_code_of_the_neighbours_is_on_its_page() -> None:
    import moving_over

    blocks = moving_over.blocks()
    assert set(blocks) == {"movingpandas", "trackintel", "scikit-mobility"}
    for library, code in blocks.items():
        compile(code, library, "exec")
        assert f"| {library} |" in text_of("docs/moving-over.md"), (
            "run: python benchmarks/moving_over.py --record"
        )
    assert "footprint" in sys.modules
