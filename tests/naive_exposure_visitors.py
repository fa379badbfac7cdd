"""The oracle of who was at a place, in plain Python: boxes in a plane, stays, and pings by the second.

It imports nothing of cotrace. A stay is (device, cell, start, end); a box is (x0, y0, x1, y1) in metres.
"""

from __future__ import annotations

from typing import Any

Stay = tuple[Any, Any, int, int]
Box = tuple[float, float, float, float]
Row = dict[str, Any]


def cells_of_box(box: Box, cell_m: float, cells: set[int]) -> dict[int, float]:
    """Return the share of each of these (packed) cells that lies in a box, where it is not nothing."""
    shares = {}
    for cell in cells:
        column, row = (cell - low_bits(cell)) >> 32, low_bits(cell)
        wide = min(box[2], (column + 1) * cell_m) - max(box[0], column * cell_m)
        high = min(box[3], (row + 1) * cell_m) - max(box[1], row * cell_m)
        if wide > 0 and high > 0:
            shares[cell] = wide * high / cell_m**2
    return shares


def low_bits(cell: int) -> int:
    """Return the lower 32 bits with their sign."""
    low = cell % 2**32
    return low - 2**32 if low >= 2**31 else low


def visitors(
    stays: list[Stay],
    seen: dict[Any, dict[int, Any]],
    shares: dict[Any, float],
    asked: tuple[int, int],
    least: int,
    fill: str,
) -> list[Row]:
    """Return the devices that were in these cells within the time asked."""
    rows = []
    for device in sorted({stay[0] for stay in stays}):
        parts = [
            (max(a, asked[0]), min(b, asked[1]), cell, b)
            for d, cell, a, b in stays
            if d == device and cell in shares and a < asked[1] and b > asked[0]
        ]
        dwell = len({t for a, b, _, _ in parts for t in range(a, b)})
        if not parts or dwell < max(least, 1):
            continue
        observed = any(
            pinged(seen[device], a, b, last < asked[1] and fill != "forward") for a, b, _, last in parts
        )
        rows.append(
            {
                "device": device,
                "dwell_s": dwell,
                "n_stays": len(parts),
                "first_started_at": min(p[0] for p in parts),
                "last_finished_at": max(p[1] for p in parts),
                "certainty": max(shares[cell] for _, _, cell, _ in parts),
                "observed": observed,
            }
        )
    return rows


def pinged(seen: dict[int, Any], start: int, end: int, also_end: bool) -> bool:
    """Whether there is a ping in [start, end), or at its end when that is in the cell as well."""
    return any(start <= t < end or (also_end and t == end) for t in seen)
