from __future__ import annotations

import pytest

from cotrace.counts import Counts
from cotrace.errors import CotraceError


def test_every_row_is_accounted_for():
    counts = Counts(10, used=5, collapsed=2, conflicts=1, refused={"no time": 1, "no device": 1}, skipped=1)
    counts.check()
    assert counts.n_refused == 2
    assert counts.describe() == (
        "10 rows, 5 used, 2 collapsed (1 in another cell), 2 refused (1 no device, 1 no time), 1 skipped"
    )
    assert list(counts.as_dict()["refused"]) == ["no device", "no time"]


def test_a_lost_row_is_an_error():
    with pytest.raises(CotraceError, match=r"10 rows came in, but 9 are accounted for .*fault of cotrace"):
        Counts(10, used=9).check()


def test_order_and_relabelled_are_said():
    text = Counts(3, used=3, collapsed=0, relabelled=2, order="streamed").describe()
    assert text == "3 rows, 3 used, 2 relabelled; streamed"
    assert Counts(1, used=0, collapsed=1).describe() == "1 rows, 0 used, 1 collapsed"
