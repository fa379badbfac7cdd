"""Reliability by hand, and calibration."""

from __future__ import annotations

import numpy as np
import pytest

import cotrace
from cotrace.footprints.calibration import calibrated, fit_calibration, mapped, provenance


def test_by_hand():
    p, t = [0.05, 0.15, 0.15, 0.95, 1.0], [False, True, False, True, True]
    found = cotrace.reliability(p, t)
    rows = found.to_arrow().to_pylist()
    assert [(r["bin"], r["pairs"], r["share_true"]) for r in rows] == [(1, 1, 0.0), (2, 2, 0.5), (10, 2, 1.0)]
    assert found.error == pytest.approx((0.05 + 0.7 + 0.05) / 5)
    assert found.brier == pytest.approx((0.05**2 + 0.85**2 + 0.15**2 + 0.05**2) / 5)
    assert found.interval[0] <= found.error <= found.interval[1]
    assert "expected calibration error" in repr(found)


def test_what_is_calibrated_has_a_small_error():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    true = rng.random(20_000) < p
    good, bad = cotrace.reliability(p, true, draws=100), cotrace.reliability(p**3, true, draws=10)
    assert good.error < 0.02 < bad.error
    inside = [
        low <= m <= high
        for low, m, high in zip(
            good["low"].to_pylist(),
            good["mean_probability"].to_pylist(),
            good["high"].to_pylist(),
            strict=True,
        )
    ]
    assert sum(inside) >= 8


def test_groups_are_drawn_as_wholes():
    p, case = np.full(1000, 0.5), np.repeat(np.arange(10), 100)
    true = case % 2 == 0
    single, whole = cotrace.reliability(p, true), cotrace.reliability(p, true, groups=case)
    assert whole.interval[1] > 2 * single.interval[1]
    assert cotrace.reliability(p, true, seed=4).interval == cotrace.reliability(p, true, seed=4).interval


def test_empty_and_errors():
    empty = cotrace.reliability([], [])
    assert len(empty) == 0
    assert np.isnan(empty.error)
    for bad in (([0.5], []), ([1.5], [True]), ([0.5], [True], 9)):
        with pytest.raises(cotrace.CotraceError):
            cotrace.reliability(*bad[:2], bins=bad[2] if len(bad) > 2 else 10)
    with pytest.raises(cotrace.CotraceError, match="2 groups for 1"):
        cotrace.reliability([0.5], [True], groups=[1, 2])


def error(p, true) -> float:
    return cotrace.reliability(p, true, draws=2).error


def test_a_fitted_map_rises_and_mends():
    rng = np.random.default_rng(2)
    n = 30_000
    honest, together = rng.random(n), rng.integers(600, 90_000, n).astype(np.float64)
    true = rng.random(n) < honest
    said = 1 / (1 + np.exp(-(2 * np.log(honest / (1 - honest)) + 1)))  # too sure of itself
    told = said, together * rng.uniform(0.1, 1.0, n), together
    fitted = fit_calibration(*told, true)
    assert (np.diff(fitted["at"]) > 0).all()
    assert (np.diff(fitted["share"]) > 0).all()
    assert fitted["weights"][1] > 0
    assert error(mapped(fitted, *told), true) < 0.02 < error(said, true)
    with pytest.raises(cotrace.CotraceError, match="too few"):
        fit_calibration([0.5], [1.0], [600], [True])


def test_what_time_together_says_beside_is_learnt():
    rng = np.random.default_rng(3)
    n = 40_000
    together, said = rng.choice([600.0, 86_400.0], n), rng.uniform(0.2, 0.8, n)
    true = rng.random(n) < np.where(together > 600, said * 1.2, said * 0.5)
    told = said, together * 0.5, together
    found = mapped(fit_calibration(*told, true), *told)
    for some in (together > 600, together == 600):
        assert error(found[some], true[some]) < 0.04
        assert error(said[some], true[some]) > 0.08


def test_the_record_says_what_it_was_fitted_on():
    record = provenance()
    p = np.linspace(0.0, 1.0, 101)
    same = np.full(101, 3600.0)
    for model, one in record["models"].items():
        assert (np.diff(one["at"]) > 0).all()
        assert (np.diff(calibrated(p, same / 2, same, model)) >= 0).all()
        assert one["pairs"] > 1000
        assert record["worlds"]
    assert (calibrated(p, same, same, "no such model") == p).all()
