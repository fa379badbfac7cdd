"""Calibration: from the probabilities of the model to shares that were true on made cities."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace.errors import OptionError

__all__ = ["calibrated", "fit_calibration", "provenance"]

Floats = NDArray[np.float64]
_FILE = "calibration.json"
#: the least and the greatest probability that is ever given out
_EDGE = 1e-4
_MINUTES = 600.0
_ROUNDS = 50


@lru_cache
def provenance() -> dict[str, Any]:
    """Return the whole record: for each model its map, and what that was fitted on."""
    text = files("cotrace").joinpath("data", _FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def calibrated(probability: ArrayLike, expected_s: ArrayLike, together_s: ArrayLike, kind: str) -> Floats:
    """Return the calibrated probabilities of pairs; as they were where there is no record for footprints of this kind.

    Parameters
    ----------
    probability, expected_s, together_s : float64[n]
        Of the model: uncalibrated, expected shared seconds, and seconds together.
    kind : str
        As :attr:`Footprints.kind`.
    """
    known = provenance()["models"].get(kind)
    if known is None:
        return np.array(probability, dtype=np.float64)
    return mapped(known, probability, expected_s, together_s)


def mapped(
    known: dict[str, Any], probability: ArrayLike, expected_s: ArrayLike, together_s: ArrayLike
) -> Floats:
    """Return probabilities on a map that :func:`fit_calibration` made."""
    # not a product of matrices: how that adds up can hang on how many pairs there are
    z = sum(
        w * f for w, f in zip(known["weights"], _features(probability, expected_s, together_s).T, strict=True)
    )
    return np.asarray(np.interp(z, known["at"], known["share"]), dtype=np.float64)


def _logit(p: ArrayLike) -> Floats:
    clipped = np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def _features(probability: ArrayLike, expected_s: ArrayLike, together_s: ArrayLike) -> Floats:
    """Return 1, the logit, and the logarithms of the mean chance of one cell and of the time together."""
    expected, together = (np.asarray(v, dtype=np.float64) for v in (expected_s, together_s))
    chance = np.clip(expected / np.maximum(together, 1.0), _EDGE, 1.0)
    z = _logit(probability)
    return np.stack(
        [np.ones(z.size), z, np.log(chance), np.log(np.maximum(together, 1.0) / _MINUTES)], axis=1
    )


def fit_calibration(
    probability: ArrayLike, expected_s: ArrayLike, together_s: ArrayLike, true: ArrayLike, *, knots: int = 24
) -> dict[str, list[float]]:
    """Fit the map from what the model says of pairs to the shares of them that are true.

    Parameters
    ----------
    probability, expected_s, together_s : float64[n]
        Columns ``uncalibrated``, ``expected_shared_s`` and ``together_s`` of ``certainty``.
    true : bool[n]
        Whether each pair did share a cell.
    knots : int
        At most so many points of the map are kept.

    Returns
    -------
    dict
        ``weights`` of a constant, of the logit of the probability, and of the logarithms of the mean chance of one cell
        (expected over together) and of the time together in units of ten minutes; and the rising line from their sum,
        ``at``, to ``share``.

    Raises
    ------
    OptionError
        When there is nothing to fit.

    Notes
    -----
    Logistic regression (Platt's, with two more columns; Newton's method), and isotonic regression of the truth on what
    it gives: pool adjacent violators over parts of equal width, of at least 50 pairs each. O(n log n).

    References
    ----------
    J. Platt, *Probabilistic outputs for support vector machines*, 1999. A. Niculescu-Mizil and R. Caruana, *Predicting
    good probabilities with supervised learning*, ICML 2005.
    """
    x, t = _features(probability, expected_s, together_s), np.asarray(true, dtype=np.float64)
    if t.size < 100 or x.shape[0] != t.size:
        raise OptionError(
            f"{x.shape[0]:,} pairs and {t.size:,} truths are too few, or not as many as each other"
        )
    weights = _logistic(x, t).round(6)
    z = x @ weights
    order = np.argsort(z, kind="stable")
    parts = _parts(z[order], t[order], knots)
    at, share = (np.maximum.accumulate(v).round(6).tolist() for v in parts.T)
    return {"weights": weights.tolist(), "at": at, "share": share}


def _logistic(x: Floats, t: Floats) -> Floats:
    """Return the weights of a logistic regression, held near (0, 1, 0, 0) where the data say nothing."""
    usual = np.array([0.0, 1.0, 0.0, 0.0])
    w, hold = usual.copy(), 1.0
    for _ in range(_ROUNDS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ w, -30.0, 30.0)))
        slope = x.T @ (t - p) - hold * (w - usual)
        curve = (x * (p * (1.0 - p))[:, None]).T @ x + hold * np.eye(4)
        step = np.linalg.solve(curve, slope)
        w = w + np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return np.asarray(w)


def _parts(z: Floats, t: Floats, knots: int) -> Floats:
    """Return points (mean of z, share) of parts of about equal width, pooled until the shares rise."""
    edges = np.linspace(z[0], z[-1], knots + 1)
    at = np.unique(np.concatenate([[0], np.searchsorted(z, edges[1:-1]), [z.size]]))
    blocks: list[list[float]] = []  # sum of z, sum of t, number
    for a, b in zip(at[:-1].tolist(), at[1:].tolist(), strict=True):
        blocks.append([float(z[a:b].sum()), float(t[a:b].sum()), float(b - a)])
        while len(blocks) > 1 and (
            blocks[-2][2] < 50
            or _share(blocks[-2]) >= _share(blocks[-1])
            or (b == z.size and blocks[-1][2] < 50)
        ):
            last = blocks.pop()
            blocks[-1] = [x + y for x, y in zip(blocks[-1], last, strict=True)]
    return np.array([(b[0] / b[2], _share(b)) for b in blocks])


def _share(block: list[float]) -> float:
    return (block[1] + 0.5) / (block[2] + 1.0)
