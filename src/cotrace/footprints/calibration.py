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


@lru_cache
def provenance() -> dict[str, Any]:
    """Return the whole record: for each model its knots, and what they were fitted on."""
    text = files("cotrace").joinpath("data", _FILE).read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def calibrated(probability: ArrayLike, model: str) -> Floats:
    """Return the calibrated probabilities of a footprint model's own: a rising line through the knots of the record.

    Where there is no record for the model they are as they were.
    """
    p = np.asarray(probability, dtype=np.float64)
    known = provenance()["models"].get(model)
    if known is None:
        return p.copy()
    return np.asarray(np.interp(_logit(p), _logit(known["raw"]), known["calibrated"]), dtype=np.float64)


def _logit(p: ArrayLike) -> Floats:
    clipped = np.clip(np.asarray(p, dtype=np.float64), _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def fit_calibration(probability: ArrayLike, true: ArrayLike, *, knots: int = 16) -> dict[str, list[float]]:
    """Fit the rising map from probabilities to shares that are true, by isotonic regression.

    Parameters
    ----------
    probability : float64[n]
        Of the model, not calibrated.
    true : bool[n]
        Whether each pair did share a cell.
    knots : int
        At most so many points of the map are kept.

    Returns
    -------
    dict
        ``raw`` and ``calibrated``, both rising: the points of the map; between them it is straight over the logit.

    Raises
    ------
    OptionError
        When there is nothing to fit.

    Notes
    -----
    Pool adjacent violators over parts of equal width in the logit (a part has at least 50 pairs); each part gives one
    point, its mean logit and its share with half a pair added to both sides. O(n log n).
    """
    p, t = np.asarray(probability, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if p.size < 100 or p.shape != t.shape:
        raise OptionError(
            f"{p.size:,} probabilities and {t.size:,} truths are too few, or not as many as each other"
        )
    order = np.argsort(p, kind="stable")
    parts = _parts(_logit(p[order]), t[order], knots)
    raw = 1.0 / (1.0 + np.exp(-parts[:, 0]))
    return {"raw": [float(v) for v in raw.round(6)], "calibrated": [float(v) for v in parts[:, 1].round(6)]}


def _parts(z: Floats, t: Floats, knots: int) -> Floats:
    """Return points (mean logit, share) of parts of about equal width, pooled until the shares rise."""
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
