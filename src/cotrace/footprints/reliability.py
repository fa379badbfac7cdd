"""Reliability: whether about 0.7 are true among pairs that are given about 0.7."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace.errors import OptionError
from cotrace.schema_certainty import RELIABILITY
from cotrace.tables import Table

__all__ = ["Reliability", "reliability"]

Floats = NDArray[np.float64]
_INTERVAL = (2.5, 97.5)


class Reliability(Table):
    """The bins of a reliability diagram, with its error.

    Attributes
    ----------
    error : float
        Expected calibration error: the mean distance of a bin's share from its mean probability, bins weighted by their
        pairs.
    interval : (float, float)
        95 % bootstrap interval of it.
    brier : float
        Mean squared distance of the probabilities from the truth.
    """

    error: float
    interval: tuple[float, float]
    brier: float


def reliability(
    probability: ArrayLike,
    true: ArrayLike,
    *,
    bins: int = 10,
    groups: Any = None,
    draws: int = 1000,
    seed: int = 0,
) -> Reliability:
    """Hold probabilities against the truth: the table of a reliability diagram.

    Parameters
    ----------
    probability : float[n]
        Such as ``found.certainty["probability"]``.
    true : bool[n]
        Whether each was so.
    bins : int
        Bins of equal width from 0 to 1; at least 10.
    groups : array of n, optional
        What is drawn as a whole by the bootstrap, such as the case of each pair; by default each pair by itself.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Reliability
        One row a bin with pairs in it. Columns: :ref:`data-model-reliability`.

    Raises
    ------
    OptionError
        When lengths differ, a probability is none, or there are fewer than 10 bins.

    Notes
    -----
    O(n, and groups times draws).

    Examples
    --------
    >>> import cotrace
    >>> found = cotrace.reliability([0.05] * 20 + [0.75] * 4, [True] + [False] * 19 + [True, True, True, False])
    >>> found["share_true"].to_pylist()
    [0.05, 0.75]
    >>> round(found.error, 3)
    0.0
    """
    p, t = np.asarray(probability, dtype=np.float64), np.asarray(true).astype(np.bool_)
    if p.ndim != 1 or p.shape != t.shape:
        raise OptionError(f"{p.size:,} probabilities and {t.size:,} truths: one truth is needed for each")
    if bad := int((~((p >= 0) & (p <= 1))).sum()):
        raise OptionError(f"{bad:,} of {p.size:,} probabilities are not from 0 to 1")
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 10:
        raise OptionError(f"bins={bins!r} is no whole number from 10 on")
    group = np.arange(p.size) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    if group.shape != p.shape:
        raise OptionError(f"{group.size:,} groups for {p.size:,} probabilities: one is needed for each")
    at = np.minimum((p * bins).astype(np.int64), bins - 1)
    sums = _sums(p, t, at, group, bins)
    shares, errors = _drawn(sums, p.size, draws, seed)
    return _table(
        p, at, sums.sum(axis=0), shares, errors, float(np.mean((p - t) ** 2)) if p.size else float("nan")
    )


def _sums(p: Floats, t: NDArray[np.bool_], at: Any, group: Any, bins: int) -> Floats:
    """Return pairs, probabilities and truths of each group and bin: float64[groups, 3, bins]."""
    n = int(group.max(initial=-1)) + 1
    key = group * bins + at
    weights = (np.ones(p.size), p, t.astype(np.float64))
    return np.stack([np.bincount(key, w, n * bins).reshape(n, bins) for w in weights], axis=1)


def _drawn(sums: Floats, n: int, draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return the shares and the errors of bootstrap samples of the groups."""
    rng = np.random.default_rng(seed)
    shares, errors = np.full((draws, sums.shape[2]), np.nan), np.full(draws, np.nan)
    if not n:
        return shares, errors
    flat = sums.reshape(sums.shape[0], -1)
    for k in range(draws):
        drawn = rng.integers(0, sums.shape[0], sums.shape[0])
        times = np.bincount(drawn, minlength=sums.shape[0]).astype(np.float64)
        one = (times @ flat).reshape(sums.shape[1:])
        shares[k] = _share(one)
        errors[k] = _error(one)
    return shares, errors


def _share(sums: Floats) -> Floats:
    out = np.full(sums.shape[1], np.nan)
    np.divide(sums[2], sums[0], out=out, where=sums[0] > 0)
    return out


def _error(sums: Floats) -> float:
    return float(np.abs(sums[1] - sums[2]).sum() / sums[0].sum())


def _table(p: Floats, at: Any, sums: Floats, shares: Floats, errors: Floats, brier: float) -> Reliability:
    used = np.flatnonzero(sums[0] > 0)
    ends = [np.nanpercentile(shares[:, used], q, axis=0) if used.size else np.empty(0) for q in _INTERVAL]
    columns = {
        "bin": used + 1,
        "lowest": np.array([p[at == b].min() for b in used]),
        "highest": np.array([p[at == b].max() for b in used]),
        "pairs": sums[0][used].astype(np.int64),
        "mean_probability": (sums[1] / np.maximum(sums[0], 1))[used],
        "share_true": _share(sums)[used],
        "low": ends[0],
        "high": ends[1],
    }
    error = _error(sums) if used.size else float("nan")
    interval = tuple(float(np.percentile(errors, q)) if used.size else float("nan") for q in _INTERVAL)
    note = f"expected calibration error {error:.4f} (95 %: {interval[0]:.4f} to {interval[1]:.4f})"
    plain = Table.from_columns(RELIABILITY, columns, note)
    made = Reliability(RELIABILITY, plain.to_arrow(), note)
    made.error, made.interval, made.brier = error, (interval[0], interval[1]), brier
    return made
