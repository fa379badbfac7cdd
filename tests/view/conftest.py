"""Results to draw, and matplotlib without a window."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

import cotrace
from cotrace import CompanionRule, Grid, StayOptions

matplotlib.use("Agg")

AS_OF = "1970-01-03T00:00:00+00:00"
HOUR = 3_600
RULE = CompanionRule(min_shared="1h", min_cumulative="2h", lookback="1d")


def pings(rows: list[tuple[int, float, float, float, float]]) -> cotrace.Pings:
    """Make pings of rows ``device, from hour, to hour, x, y``: one every half hour."""
    columns: dict[str, list[float]] = {name: [] for name in ("device", "time", "x", "y")}
    for device, start, end, x, y in rows:
        for second in np.arange(start * HOUR, end * HOUR + 1, HOUR // 2):
            for name, value in zip(columns, (device, int(second), x, y), strict=True):
                columns[name].append(value)
    return cotrace.read_pings(columns, unit="s", tz="Asia/Shanghai")


#: Case 1 is in cell (0, 0) for 24 to 30 h, then (1, 0) for 31 to 40; 2 is beside it twice, 3 once, 4 never.
WORLD = [
    (1, 24, 30, 5, 5),
    (1, 31, 40, 15, 5),
    (1, 41, 42, 5, 35),
    (2, 25, 27, 5, 5),
    (2, 35, 38, 15, 5),
    (3, 36, 37, 15, 5),
    (4, 24, 40, 500, 5),
    (5, 24, 40, 25, 5),
    (5, 40, 42, 5, 5),
]


@pytest.fixture(scope="session")
def found() -> cotrace.Companions:
    options = StayOptions(grid=Grid.planar(10))
    return cotrace.find_companions(pings(WORLD), [1, 5], as_of=AS_OF, rule=RULE, options=options)


@pytest.fixture(autouse=True)
def _closed():
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def texts(ax) -> list[str]:
    """Return everything that is written on axes."""
    return [t.get_text() for t in ax.texts]
