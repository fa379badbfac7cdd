"""Row groups that cannot change the answer are not read, and the counts say so."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cotrace
from cotrace import CompanionRule, PingPong, StayOptions

pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")

DAY = 86_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty days of pings of a few devices that are often together, a file a day."""
    path = tmp_path_factory.mktemp("sixty-days")
    rng = np.random.default_rng(11)
    for day in range(60):
        n = 400
        times = np.sort(rng.integers(day * DAY, (day + 1) * DAY, n))
        table = pa.table(
            {
                "device": rng.integers(0, 6, n),
                "time": times,
                "x": rng.integers(0, 2, n) * 800.0,
                "y": np.zeros(n),
            }
        )
        pq.write_table(table, path / f"{day:02}.parquet", row_group_size=100)
    return path


@pytest.mark.parametrize(
    "options", [StayOptions(fill="forward"), StayOptions(max_gap="3h", smooth=PingPong("20min"))]
)
@pytest.mark.parametrize("as_of", [5 * DAY + 3, 30 * DAY, 59 * DAY + 7_000, 90 * DAY])
def test_the_answer_is_the_same(folder: Path, options: StayOptions, as_of: int) -> None:
    pings = cotrace.read_pings(folder, unit="s")
    cases = {"device": [1, 2], "as_of": [dt.datetime.fromtimestamp(as_of - k * DAY, dt.UTC) for k in (0, 1)]}
    rule = CompanionRule(min_cumulative="2h", lookback="3d")
    found = cotrace.find_companions(pings, cases, rule=rule, options=options)
    table = pa.concat_tables([pq.read_table(f) for f in sorted(folder.iterdir())])
    whole = cotrace.find_companions(cotrace.read_pings(table, unit="s"), cases, rule=rule, options=options)
    for name in ("companions", "evidence", "funnel", "coverage"):
        assert getattr(found, name).to_arrow().equals(getattr(whole, name).to_arrow()), name
    assert whole.counts.skipped == 0
    counts = found.counts
    assert (
        counts.rows == whole.counts.rows == counts.used + counts.collapsed + counts.n_refused + counts.skipped
    )
    if as_of < 60 * DAY:
        assert len(found.companions) > 0
        least = {5 * DAY + 3: 20_000, 30 * DAY: 10_000}.get(as_of, 20_000)
        assert counts.skipped > (least if options.smooth is None else 0) or as_of > 50 * DAY
    else:
        assert len(found.companions) == 0


def test_what_was_skipped_is_said_with_cases_that_were_not_seen(folder: Path) -> None:
    pings = cotrace.read_pings(folder, unit="s")
    with pytest.warns(cotrace.CotraceWarning, match="of which 24,000 outside all lookbacks were not read"):
        found = cotrace.find_companions(pings, [1], as_of="2021-01-01T00:00:00Z")
    assert found.counts.skipped == found.counts.rows == 24_000
    assert len(found.companions) == 0
