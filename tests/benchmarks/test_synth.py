"""The benchmark of made cities makes what it says it makes."""

from __future__ import annotations

from pathlib import Path

import pytest

import synth as bench
from common import Stages


@pytest.mark.parametrize("log", bench.LOGS)
def test_a_log_has_about_the_rows_that_were_asked_for(log: str) -> None:
    made = bench.made_rows(log, 400_000, 2, Stages())
    rows = sum(batch.num_rows for batch in made.batches())
    assert 0.75 * 400_000 < rows < 1.3 * 400_000


def test_encodings_are_compared_on_one_block(tmp_path: Path) -> None:
    found = bench.encodings(tmp_path)
    assert list(found) == ["as written", *bench.ENCODINGS]
    assert found["as written"]["bytes_a_row"] < found["plain"]["bytes_a_row"] / 4
