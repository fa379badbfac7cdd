"""The companion query by cotrace, as a process.

    python benchmarks/run_cotrace.py FOLDER CASES

Prints the same line as ``compare/duckdb_companions.py``, with the same hash.
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings
from pathlib import Path
from typing import Any

import common
from common import Stages


def integers(table: Any) -> list[Any]:
    """Return the columns of a companions table that are compared, as whole numbers; instants as unix seconds."""
    import numpy as np
    import pyarrow as pa

    columns = []
    for name in common.COLUMNS:
        column = table[name].combine_chunks()
        if pa.types.is_timestamp(column.type) or pa.types.is_integer(column.type):
            # read from the buffer: to_numpy() would load pandas, which the job itself does without
            values = np.frombuffer(column.buffers()[1], np.int64, len(column), 8 * column.offset)
            columns.append(values // 1_000_000 if pa.types.is_timestamp(column.type) else values)
        else:
            columns.append(np.array([int(text) for text in column.to_pylist()], np.int64))
    return columns


def read_cases(path: Path, text: bool) -> dict[str, list[Any]]:
    """Read cases.csv as the library takes it: ids as they are in the pings, as_of with its offset."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {
        "device": [row["device"] if text else int(row["device"]) for row in rows],
        "as_of": [row["as_of"] for row in rows],
    }


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fill", choices=("forward", "same_cell"), default="forward")
    parser.add_argument("--towers", type=Path, help="table of towers, for a tower log")
    parser.add_argument("--text-ids", action="store_true", help="device ids are strings")
    parser.add_argument("--evidence", action="store_true", help="make the evidence too")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    with stages("import"):
        import cotrace
    with stages("read_pings"):
        pings = cotrace.read_pings(args.folder, **({"towers": args.towers} if args.towers else {}))
    with stages("find_companions"):
        found = cotrace.find_companions(
            pings,
            read_cases(args.cases, args.text_ids),
            options=cotrace.StayOptions(fill=args.fill),
            threads=args.threads,
        )
    # from the start of the call on: imports, cases and compiled code are the rest
    inside = found.took
    stages.seconds |= {f"  of it {name}": seconds for name, seconds in inside.items()}
    with stages("tables"):
        table = found.companions.to_arrow()
        evidence = len(found.evidence) if args.evidence else None
    with stages("hash"):
        digest = common.hash_columns(integers(table))
    more = {"evidence_rows": evidence} if args.evidence else {}
    common.report(
        "cotrace", rows=len(table), digest=digest, stages=stages, version=cotrace.__version__, **more
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
