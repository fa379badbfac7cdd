"""Labels beside points, where there is room for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["place"]

#: Rough size of a letter and of a line at 7.5 points, in points.
_LETTER, _LINE, _GAP = 4.6, 9.5, 1.5
_SIDES = ((0, 1), (1, 0), (-1, 0), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def place(points: NDArray[np.float64], texts: Sequence[str], half: float) -> list[tuple[float, float] | None]:
    """Choose for each text the first side of its point where it covers no point and no earlier text.

    Parameters
    ----------
    points : float64[n, 2]
        All points, those with texts first, in points of print.
    texts : sequence of str
        Of the first points.
    half : float
        Half the side of what is drawn at a point.

    Returns
    -------
    list of (float, float) or None
        Where the middle of each text goes, from its point; None where there is no room.
    """
    low, high = points - half, points + half
    taken = [(*a, *b) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    offsets: list[tuple[float, float] | None] = []
    for point, text in zip(points.tolist(), texts, strict=False):
        lines = text.split("\n")
        w, h = max(map(len, lines)) * _LETTER / 2, len(lines) * _LINE / 2
        offsets.append(None)
        for right, up in _SIDES:
            offset = (right * (half + w + _GAP), up * (half + h + _GAP))
            x, y = point[0] + offset[0], point[1] + offset[1]
            box = (x - w, y - h, x + w, y + h)
            if not any(_overlap(box, other) for other in taken):
                offsets[-1] = offset
                taken.append(box)
                break
    return offsets


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
