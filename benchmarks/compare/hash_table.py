"""The hash of a table that a compared process wrote: evidence or stays, in a Parquet file, whatever their order.

    python benchmarks/compare/hash_table.py FILE

Run after the clock has stopped. Instants are compared as seconds, ids as numbers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import common


def integers(column: Any) -> Any:
    """Return a column as whole numbers."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s", "UTC"), safe=False).cast(pa.int64()).to_numpy()
    return column.cast(pa.int64()).to_numpy()


def main() -> None:
    """Print one line of JSON."""
    import pyarrow.parquet as pq

    table = pq.read_table(sys.argv[1])
    names = common.EVIDENCE if "case_id" in table.column_names else common.STAYS
    digest = common.hash_columns([integers(table[name]) for name in names])
    print(json.dumps({"rows": table.num_rows, "hash": digest}))


if __name__ == "__main__":
    main()
