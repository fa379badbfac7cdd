"""Check the DuckDB query of the comparison against worlds with known answers.

    python benchmarks/check_golden.py tests/golden/companions.jsonl.gz

Worlds whose rule the query does not have (the pair's dwell, cumulative sharing, "or") are left out and counted.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent / "compare"))


def answerable(rule: dict[str, Any]) -> bool:
    """Whether the query has this reading of the rule."""
    return rule["shared"] == "unbroken" and rule["combine"] == "and" and rule["dwell_of"] != "pair"


def options(rule: dict[str, Any]) -> dict[str, Any]:
    """Return the query's options for a world's rule; "more than" is "at least" one second more."""
    more = {True: (1, 1), False: (0, 0), "shared": (1, 0), "cumulative": (0, 1)}[rule["strict"]]
    kept = {name: rule[name] for name in ("lookback", "max_gap", "dwell_of", "fill")}
    least = 0 if rule["min_cumulative"] is None else rule["min_cumulative"] + more[1]
    return kept | {"min_shared": rule["min_shared"] + more[0], "min_cumulative": least}


def answer(world: dict[str, Any], folder: Path) -> list[tuple[int, ...]]:
    """Run the query on a world's pings, written as a Parquet file."""
    import duckdb
    import duckdb_companions
    import pyarrow as pa
    import pyarrow.parquet as pq

    from common import Stages

    device, at, x, y = zip(*world["pings"], strict=True)
    times = pa.array([math.floor(t * 1e6) for t in at], pa.int64()).cast(pa.timestamp("us", "UTC"))
    columns = {"device": pa.array(device, pa.int64()), "time": times, "x": pa.array(x), "y": pa.array(y)}
    pq.write_table(pa.table(columns), folder / "pings.parquet")
    con = duckdb.connect()
    con.execute("SET threads = 2; SET preserve_insertion_order = false")
    cases = [(d, t) for d, t in world["cases"]]
    return duckdb_companions.run(con, str(folder / "*.parquet"), cases, Stages(), **options(world["rule"]))


def main() -> None:
    """Check all worlds, name those that differ, and fail if any does."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("golden", type=Path)
    equal, differ, left_out, rows = 0, [], 0, 0
    with (
        gzip.open(parser.parse_args().golden, "rt", encoding="utf-8") as lines,
        tempfile.TemporaryDirectory() as tmp,
    ):
        for world in map(json.loads, lines):
            if not answerable(world["rule"]) or not world["cases"] or not world["pings"]:
                left_out += 1
                continue
            expected = sorted(tuple(row[:11]) for row in world["companions"])
            rows += len(expected)
            if sorted(answer(world, Path(tmp))) == expected:
                equal += 1
            else:
                differ.append(world["name"])
    print(f"{equal} worlds equal ({rows} companions), {len(differ)} differ {differ}, {left_out} left out")
    sys.exit(bool(differ))


if __name__ == "__main__":
    main()
