"""Only decode the columns that the companion query reads, in two streams: the bound of everything else.

    python benchmarks/compare/decode_parquet.py FOLDER CASES

Each thread decodes whole files batch by batch with PyArrow and drops the batches. CASES is not read.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

sys.path.insert(0, str(Path(__file__).parents[1]))

import common
from common import Stages

COLUMNS = ("device", "time", "x", "y", "lon", "lat", "tower")
BATCH = 65_536


def main() -> None:
    """Run as a process and print one line of JSON."""
    stages = Stages()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    with stages("import"):
        import pyarrow
        import pyarrow.parquet as pq
    files: SimpleQueue[Path] = SimpleQueue()
    for file in sorted(args.folder.glob("*.parquet")):
        files.put(file)
    rows = [0] * args.threads

    def decode(thread: int) -> None:
        while True:
            try:
                file = files.get_nowait()
            except Empty:
                return
            reader = pq.ParquetFile(file, memory_map=True)
            columns = [name for name in reader.schema_arrow.names if name in COLUMNS]
            for batch in reader.iter_batches(BATCH, columns=columns, use_threads=False):
                rows[thread] += batch.num_rows

    before = time.process_time()
    with stages("decode"):
        threads = [Thread(target=decode, args=(i,)) for i in range(args.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    cpu = round(time.process_time() - before, 4)  # of all threads, without start-up
    more = {"version": pyarrow.__version__, "decode_cpu_s": cpu}
    common.report("decoding", rows=sum(rows), digest=None, stages=stages, **more)


if __name__ == "__main__":
    main()
