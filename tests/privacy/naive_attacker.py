"""An attacker who knows how a table was published, and tries every table that fits: plain Python.

He knows which rows there are, that each has at least one device, and every number that was published: rows, totals by
two keys, the grand total. What he does not know is which hidden row was hidden for being small.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

Key = tuple[str, str]


def fits(
    keys: list[Key],
    rows: list[int | None],
    totals_a: dict[str, int | None],
    totals_b: dict[str, int | None],
    grand: int | None,
    most: int,
) -> Iterator[list[int]]:
    """Give every table with these numbers, in which hidden rows are at most ``most``."""
    unknown = [i for i, n in enumerate(rows) if n is None]
    # a total that was told is the most that its rows can have
    bounds = [
        min(most, *(t for t in (totals_a.get(a), totals_b.get(b), grand) if t is not None), most)
        for a, b in (keys[i] for i in unknown)
    ]
    for values in product(*(range(1, bound + 1) for bound in bounds)):
        table = list(rows)
        for i, value in zip(unknown, values, strict=True):
            table[i] = value
        by_a: dict[str, int] = {}
        by_b: dict[str, int] = {}
        for (a, b), n in zip(keys, table, strict=True):
            by_a[a] = by_a.get(a, 0) + n
            by_b[b] = by_b.get(b, 0) + n
        told = [(total, by_a[a]) for a, total in totals_a.items()]
        told += [(total, by_b[b]) for b, total in totals_b.items()]
        told.append((grand, sum(table)))
        if all(total in (None, true) for total, true in told):
            yield table


def greatest(keys, rows, totals_a, totals_b, grand, most) -> list[int]:
    """Return the greatest count that each row can have."""
    found = [0] * len(rows)
    for table in fits(keys, rows, totals_a, totals_b, grand, most):
        found = [max(a, b) for a, b in zip(found, table, strict=True)]
    return found
