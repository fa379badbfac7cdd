"""The pictures of how right an answer is."""

from __future__ import annotations

from typing import Any

import pytest
from tests.accuracy.made import AS_OF, pings_of

import cotrace

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.filterwarnings("ignore::cotrace.CotraceWarning")


def made() -> Any:
    cases = [1, 2, 3]
    return cotrace.sweep(
        pings_of({1: (5.0, 5.0), 2: (9.0, 5.0), 3: (500.0, 5.0), 4: (5000.0, 5.0)}),
        cases,
        [(1, 2), (2, 1), (2, 3), (3, 4)],
        as_of=AS_OF,
        rule=cotrace.CompanionRule(min_cumulative=None),
        over={"cell_m": [200.0, 800.0], "min_shared": ["10min", "3h"]},
    )


def test_a_sweep_is_drawn_option_by_option(tmp_path):
    ax = made().plot()
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels == ["200", "800", "10min", "3h"]
    words = [t.get_text() for t in ax.texts]
    assert "cell_m" in words
    assert any("candidates from co-location" in w for w in words)
    low, high = ax.get_xlim()
    assert low < 0 < 1 < high  # marks at the ends are whole
    ax.figure.savefig(tmp_path / "sweep.png", dpi=80)


def test_a_sweep_of_one_run_is_drawn():
    found = cotrace.sweep(pings_of({1: (5.0, 5.0)}), [1], [], as_of=AS_OF, over={})
    assert [t.get_text() for t in found.plot(title="One").get_yticklabels()] == ["as given"]


def test_reliability_is_drawn_with_its_error(tmp_path):
    from cotrace.view import plot_reliability

    p = [k / 200 for k in range(200)]
    found = cotrace.reliability(p, [k % 200 < 100 for k in range(200)], draws=20)
    ax = plot_reliability(found)
    assert any("expected calibration error" in t.get_text() for t in ax.texts)
    assert any("candidate pairs" in t.get_text() for t in ax.texts)
    ax.figure.savefig(tmp_path / "reliability.png", dpi=80)
