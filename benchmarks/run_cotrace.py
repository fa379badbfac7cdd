"""The companion query by cotrace, as a process.

    python benchmarks/run_cotrace.py FOLDER CASES

Prints the same line as ``compare/duckdb_companions.py``, with the same hash. With ``--stays`` it keeps the stays of
everybody instead, and CASES is not read.
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
    """Read cases as the library takes them: ids as they are in the pings, as_of with its offset."""
    with path.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {
        "device": [row["device"] if text else int(row["device"]) for row in rows],
        "as_of": [row["as_of"] for row in rows],
    }


def write_table(table: Any, path: Path) -> None:
    """Write all columns of a table to a Parquet file."""
    import pyarrow.parquet as pq

    pq.write_table(table.to_arrow(), path, compression="zstd")


def companions(pings: Any, args: argparse.Namespace, stages: Stages, given: dict[str, Any]) -> dict[str, Any]:
    """Find the companions; return what is reported of them."""
    import cotrace

    with stages("find_companions"):
        found = cotrace.find_companions(pings, read_cases(args.cases, args.text_ids), **given)
    # from the start of the call on: imports, cases and compiled code are the rest
    inside = found.took
    stages.seconds |= {f"  of it {name}": seconds for name, seconds in inside.items()}
    with stages("tables"):
        table = found.companions.to_arrow()
    if args.evidence:
        with stages("evidence"):
            write_table(found.evidence, args.evidence)
    with stages("hash"):
        digest = common.hash_columns(integers(table))
    return {"rows": len(table), "digest": digest, "order": found.counts.order}


def stays(pings: Any, args: argparse.Namespace, stages: Stages, given: dict[str, Any]) -> dict[str, Any]:
    """Keep the stays of everybody; return what is reported of them."""
    import cotrace

    with stages("find_stays"):
        found = cotrace.find_stays(pings, **given)
    if args.write_stays:
        with stages("write"):
            write_table(found, args.write_stays)
    each = found.rows.nbytes / len(found) if len(found) else 0.0
    return {"rows": len(found), "digest": None, "bytes_a_stay": each, "order": found.counts.order}


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = common.tool_parser(__doc__)
    parser.add_argument("--sort-memory", type=int, help="bytes that may be held for rows to be sorted")
    parser.add_argument("--stays", action="store_true", help="keep the stays of everybody instead")
    parser.add_argument("--write-stays", type=Path, help="the same, and write them to this Parquet file")
    return parser


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    args = arguments().parse_args()
    warnings.simplefilter("ignore")
    with stages("import"):
        import cotrace
    with stages("read_pings"):
        pings = cotrace.read_pings(args.folder, **({"towers": args.towers} if args.towers else {}))
        options = cotrace.StayOptions(fill=args.fill)
    given = {"options": options, "threads": args.threads, "sort_memory": args.sort_memory}
    job = stays if args.stays or args.write_stays else companions
    common.report("cotrace", stages=stages, version=cotrace.__version__, **job(pings, args, stages, given))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
