"""Pings written to files of every format."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
from tests.io.helpers import arrow


def write(path: Path, data: pa.Table | None = None) -> Path:
    """Write pings in the format that the name says."""
    data = arrow() if data is None else data
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".parquet", ".pq"):
        pq.write_table(data, path, row_group_size=2)
    elif path.suffix == ".arrow":
        with pa.ipc.new_file(path, data.schema) as file:
            file.write_table(data, max_chunksize=4)
    elif path.suffix == ".arrows":
        with pa.ipc.new_stream(path, data.schema) as file:
            file.write_table(data, max_chunksize=4)
    elif path.suffix == ".feather":
        feather.write_feather(data, path)
    else:
        columns = data.to_pydict()
        lines = [
            ",".join(columns),
            *(",".join("" if v is None else str(v) for v in r) for r in zip(*columns.values(), strict=True)),
        ]
        text = "\n".join(lines) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def textual(rows: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return [(r[0], str(r[1]), *r[2:]) for r in rows]
