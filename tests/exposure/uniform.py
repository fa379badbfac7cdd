"""Hold the p-values of pairs without a tie to the uniform distribution, one pair a made town.

``python -m tests.exposure.uniform --kind routine --first 2000 --worlds 8000``
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.exposure.towns import KINDS, kolmogorov, stays_of_plans, town

import cotrace

COLUMNS = ("p_randomised", "p_value", "meetings", "expected")
DRAWS, DEVICES = 199, 16


def judged(kind: str, seeds: range) -> NDArray[np.float64]:
    """Return p_randomised, p_value, meetings and expected of devices 0 and 1 of each town."""
    rows: list[list[Any]] = []
    for seed in seeds:
        found = cotrace.significance(stays_of_plans(town(kind, seed, DEVICES)), [(0, 1)], draws=DRAWS)
        rows.append([found[name][0].as_py() for name in COLUMNS])
    return np.array(rows, dtype=np.float64)


def main() -> None:
    """Print the distance from the uniform distribution, and how likely as much is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--worlds", type=int, default=2000)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    found = judged(given.kind, range(given.first, given.first + given.worlds))
    distance, p = kolmogorov(found[:, 0])
    print(f"{given.kind}, {given.worlds:,} towns from seed {given.first:,}: D = {distance:.4f}, p = {p:.3f}")
    print(
        f"p_value <= 0.05 in {np.mean(found[:, 1] <= 0.05):.1%}; tenths {np.histogram(found[:, 0], 10, (0, 1))[0]}"
    )
    print(f"meetings {found[:, 2].mean():.3f}, expected {found[:, 3].mean():.3f}")


if __name__ == "__main__":
    main()
