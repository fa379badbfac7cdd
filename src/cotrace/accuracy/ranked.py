"""Lists by rank: how long a list has to be to hold nearly all of the true pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cotrace.errors import OptionError
from cotrace.schema_accuracy import LIST_SIZES
from cotrace.tables import Table

__all__ = ["SHARES", "list_sizes"]

SHARES = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0)


def list_sizes(
    scores: ArrayLike,
    true: ArrayLike,
    *,
    missing: int = 0,
    population: int | None = None,
    shares: Sequence[float] = SHARES,
) -> Table:
    """Return how long a list by falling score has to be to hold each share of the true pairs.

    Parameters
    ----------
    scores : float[n]
        One a pair that is ranked; not a number is refused.
    true : bool[n]
        Whether the pair is true.
    missing : int
        True pairs that are not ranked at all: no list holds them.
    population : int, optional
        Pairs that a random list would draw from; without it ``random_size`` is null.
    shares : sequence of float
        What is asked for.

    Returns
    -------
    Table
        One row a share (:ref:`data-model-list_sizes`). Pairs of one score are taken together, so that no luck in their
        order shortens a list; ``list_size`` is null where the ranked pairs do not hold so many.

    Raises
    ------
    OptionError
        When the lengths differ, a score is not finite, or a share is none.

    Notes
    -----
    The ``k``-th of ``t`` true pairs is, on average, at place ``k (m + 1) / (t + 1)`` of a random order of ``m`` pairs.

    Examples
    --------
    >>> from cotrace.accuracy.ranked import list_sizes
    >>> sizes = list_sizes([0.9, 0.8, 0.8, 0.1], [True, False, True, True], population=1000, shares=[0.5, 0.99])
    >>> sizes["list_size"].to_pylist(), sizes["random_size"].to_pylist()
    ([3, 4], [500.5, 750.75])
    """
    values, truths = np.asarray(scores, dtype=np.float64), np.asarray(true, dtype=np.bool_)
    if values.shape != truths.shape or values.ndim != 1:
        raise OptionError(f"{values.size:,} scores and {truths.size:,} truths: one of each a pair")
    if bad := int((~np.isfinite(values)).sum()):
        raise OptionError(
            f"{bad:,} scores are not finite (the first is row {int(np.argmin(np.isfinite(values)))})"
        )
    if not all(0 < s <= 1 for s in shares):
        raise OptionError(f"shares={tuple(shares)!r}: each is more than 0 and at most 1")
    order = np.argsort(-values, kind="stable")
    held = np.cumsum(truths[order])
    ends = (
        np.append(np.flatnonzero(np.diff(values[order])), values.size - 1)
        if values.size
        else np.empty(0, int)
    )
    n_true = int(truths.sum()) + missing
    rows = []
    for share in shares:
        # 0.99 of 100 is 99.0: rounding up must not see the error of a product
        need = math.ceil(round(share * n_true, 9))
        at = int(np.searchsorted(held[ends], need)) if need else 0
        size = 0 if not need else int(ends[at]) + 1 if at < ends.size else None
        random = None if population is None else need * (population + 1) / (n_true + 1)
        rows.append((float(share), need, size, random))
    return _table(rows)


def _table(rows: list[tuple[Any, ...]]) -> Table:
    import pyarrow as pa

    arrow = LIST_SIZES.arrow()
    columns = {
        name: pa.array([r[k] for r in rows], arrow.field(name).type)
        for k, name in enumerate(LIST_SIZES.names)
    }
    return Table.from_columns(LIST_SIZES, columns, "Candidates from co-location, by falling score")
