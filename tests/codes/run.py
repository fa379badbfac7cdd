"""Swap snapshots while they are read, and kill whoever publishes, for longer than the suite does.

    python -m tests.codes.run [--kills 200] [--versions 400] [--readers 8] [--flips 10000]

Prints what was done; ends with an error when anything was lost, mixed or read as something else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.codes.test_lookups import killed, swapped
from tests.kernels.test_lookups import flipped


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, default in (("kills", 200), ("versions", 400), ("readers", 8), ("flips", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        last = killed(Path(folder), args.kills, 7)
        print(
            f"{args.kills:,} publishers killed: the pointer was on a whole version each time; {last:,} came to count"
        )
    with tempfile.TemporaryDirectory() as folder:
        seen = swapped(Path(folder), args.versions, args.readers)
        batches = sum(b for b, _ in seen)
        print(
            f"{args.versions:,} versions published under {args.readers} processes of 3 threads: {batches:,} batches of "
            "2,000, none lost, none of two versions, none older than the one before"
        )
    for kind in ("int64", "string"):
        with tempfile.TemporaryDirectory() as folder:
            refused, answered = flipped(kind, Path(folder), args.flips // 2)
            print(
                f"{args.flips // 2:,} flipped bits, {kind} ids: {answered:,} right answers, {refused:,} errors"
            )


if __name__ == "__main__":
    main()
