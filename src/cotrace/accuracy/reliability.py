"""Whether probabilities are what they say: of pairs given 0.7, seven in ten should be true."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cotrace.accuracy.measures import check_replicates, draw, interval
from cotrace.errors import OptionError
from cotrace.schema_accuracy import RELIABILITY
from cotrace.tables import Table

__all__ = ["Reliability", "reliability"]

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]

_Z = 1.959963984540054


def reliability(
    probabilities: ArrayLike,
    true: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    bins: int = 10,
    replicates: int = 1000,
    seed: int = 0,
) -> Reliability:
    """Hold probabilities to what happened, bin by bin.

    Parameters
    ----------
    probabilities : float[n]
        One a pair, 0 to 1.
    true : bool[n]
        Whether the pair is true.
    groups : int[n], optional
        What hangs together and is sampled as one in the bootstrap: the number of the case. By default each pair by
        itself.
    bins : int
        Of equal width.
    replicates, seed
        Of the bootstrap.

    Returns
    -------
    Reliability
        ``table`` has one row a bin (:ref:`data-model-reliability`), with Wilson's 95 % intervals where pairs stand
        for themselves, and bootstrap intervals where groups are given; ``error`` is the expected calibration error,
        the mean over pairs of how far the bin's true share is from its mean probability, ``brier`` the mean squared
        error.

    Raises
    ------
    OptionError
        When lengths differ, a probability is none, or bins cannot be.

    References
    ----------
    Expected calibration error: Naeini, Cooper and Hauskrecht, AAAI 2015. The bootstrap of it is biased upwards: a
    perfect forecast of few pairs has an error too.

    Examples
    --------
    >>> from cotrace.accuracy.reliability import reliability
    >>> found = reliability([0.05, 0.72, 0.72, 0.72, 0.72], [False, True, True, True, False], replicates=0)
    >>> round(found.error, 3), found.table["true_share"].to_pylist()[7]
    (0.034, 0.75)
    """
    check_replicates(replicates, 0.95)
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(true, dtype=np.bool_)
    if p.shape != y.shape or p.ndim != 1:
        raise OptionError(f"{p.size:,} probabilities and {y.size:,} truths: one of each a pair")
    if bad := int((~((p >= 0) & (p <= 1))).sum()):
        raise OptionError(
            f"{bad:,} probabilities are not within 0 and 1 (the first is row {int(np.argmin((p >= 0) & (p <= 1)))})"
        )
    if isinstance(bins, bool) or not isinstance(bins, int) or not 2 <= bins <= 1000:
        raise OptionError(f"bins={bins!r} is no whole number from 2 to 1,000")
    which = np.minimum((p * bins).astype(np.int64), bins - 1)
    group = (
        np.arange(p.size)
        if groups is None
        else np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1)
    )
    return Reliability(p, y, which, group.astype(np.int64), bins, replicates, seed, groups is not None)


class Reliability:
    """How probabilities stand beside what happened; made by :func:`reliability`.

    Attributes
    ----------
    table : Table
        One row a bin. Columns: :ref:`data-model-reliability`.
    pairs : int
        How many pairs.
    error, error_low, error_high : float or None
        Expected calibration error, and its bootstrap interval (95 %); None of no pairs or replicates.
    brier : float or None
        Mean squared difference of probability and truth.
    """

    def __init__(
        self,
        p: Floats,
        y: NDArray[np.bool_],
        which: Int64,
        group: Int64,
        bins: int,
        replicates: int,
        seed: int,
        grouped: bool,
    ) -> None:
        n_groups = int(group.max()) + 1 if group.size else 0
        per = np.zeros((n_groups, bins, 3))
        for k, weight in enumerate((np.ones(p.size), p, y.astype(np.float64))):
            np.add.at(per[:, :, k], (group, which), weight)
        self.pairs = int(p.size)
        self.brier = float(np.mean((p - y) ** 2)) if p.size else None
        sums = per.sum(axis=0)
        self.error = _error(sums)
        drawn = _drawn(per, replicates, seed) if n_groups > 1 else np.empty((0, bins, 3))
        errors = np.array([e for one in drawn if (e := _error(one)) is not None])
        low, high = interval(errors, 0.95)
        self.error_low, self.error_high = (None if math.isnan(v) else v for v in (low, high))
        self.table = _table(sums, drawn if grouped else None)

    def plot(self, **keywords: Any) -> Any:
        """Draw the diagram; needs the extra ``viz``. See :func:`cotrace.view.plot_reliability`."""
        from cotrace.view.accuracy import plot_reliability

        return plot_reliability(self, **keywords)

    def __repr__(self) -> str:
        ends = "" if self.error_low is None else f" [{self.error_low:.4f}, {self.error_high:.4f}]"
        error = "-" if self.error is None else f"{self.error:.4f}{ends}"
        return f"Reliability: {self.pairs:,} pairs, expected calibration error {error}\n{self.table!r}"


def _drawn(per: Floats, replicates: int, seed: int) -> Floats:
    flat = per.reshape(per.shape[0], -1)
    drawn = np.empty((replicates, flat.shape[1]))
    for one in range(replicates):  # one by one: pairs that stand for themselves can be millions
        drawn[one] = draw(per.shape[0], one, seed) @ flat
    return drawn.reshape(replicates, *per.shape[1:])


def _error(sums: Floats) -> float | None:
    """Return the expected calibration error of sums by bin (pairs, probabilities, true ones)."""
    total = float(sums[:, 0].sum())
    return float(np.abs(sums[:, 1] - sums[:, 2]).sum() / total) if total else None


def _wilson(true: float, n: float) -> tuple[float, float]:
    share, z2 = true / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def _table(sums: Floats, drawn: Floats | None) -> Table:
    import pyarrow as pa

    bins = sums.shape[0]
    rows: list[tuple[Any, ...]] = []
    for k, (n, p, y) in enumerate(sums.tolist()):
        ends: tuple[Any, Any] = (None, None)
        if n and drawn is None:
            ends = _wilson(y, n)
        elif n and drawn is not None and drawn.shape[0]:
            there = drawn[:, k, 0] > 0
            ends = interval(drawn[there, k, 2] / drawn[there, k, 0], 0.95)
        rows.append((k / bins, (k + 1) / bins, int(n), p / n if n else None, y / n if n else None, *ends))
    arrow = RELIABILITY.arrow()
    columns = {
        name: pa.array([r[k] for r in rows], arrow.field(name).type)
        for k, name in enumerate(RELIABILITY.names)
    }
    return Table.from_columns(RELIABILITY, columns, "Probabilities of pairs, and how often they came true")
