"""The figures of docs/privacy.md are those that were recorded."""

from __future__ import annotations

from tests.benchmarks.conftest import BENCHMARKS

import privacy
from common import read_json


def test_the_page_has_the_recorded_figures():
    record = read_json(BENCHMARKS / "results" / "privacy.json")
    assert record["plain_hash"]["found"]
    page = privacy.PAGE.read_text(encoding="utf-8")
    assert f"{privacy.BEGIN}\n{privacy.lines_of(record)}\n{privacy.END}" in page, (
        "run: python benchmarks/privacy.py --page"
    )


def test_every_part_measures_something():
    assert privacy.plain_hash(3)["found"]
    assert privacy.pseudonyms(1000)["ids_a_second"] > 0
    assert privacy.pings(2000, 50)["pseudonyms_cpu_s"] >= 0
    assert set(privacy.encryption(1000)["bytes"]) == {"plain", "encrypted"}
    assert privacy.audit(3)["verified_lines_a_cpu_second"] > 0
