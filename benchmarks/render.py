"""Make docs/benchmarks.md from the results that were recorded: no figure in it is typed by hand.

    python benchmarks/render.py

Reads ``benchmarks/results``, which the other commands write with ``--record``, and ``benchmarks/notes.md``, which is
words alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sections
from common import read_json
from measure import HERE, RESULTS
from targets import Results

DOCS = HERE.parent / "docs"

HEAD = """\
# Benchmarks

The companion query with its defaults, from a folder of daily Parquet files to the list of companions, beside the
same query in DuckDB, Polars and pandas and beside mere decoding of the columns that it reads. Everything below is made
by `python benchmarks/render.py` from the runs recorded in `benchmarks/results`.

To measure on another machine:

```console
make bench        # minutes: up to ten million pings
make bench-large  # an hour or more, and up to 20 GB of disk: 100 and 200 million and a billion pings
```

make the pings in `bench-data`, run everything in turn, remove the pings and make this page anew. One question alone:
`python benchmarks/companions.py --rows 10_000_000 --repeat 5`; each file in `benchmarks` is a question, and says at its
head how it is asked.
"""

METHOD = """\
## What is compared

- **Data.** A made city (`benchmarks/make_pings.py`): every device is heard 20 to 60 times a day, at most 54
  minutes apart when idle, at every 800 m of a trip, and now and then flaps to the neighbouring cell. One
  zstd-compressed Parquet file a day in order of time, row groups of a million rows, 11-digit device numbers,
  times in whole seconds, x and y in whole metres.
- **Whole metres.** What a position costs to decode hangs on how many different values there are. Whole metres of a
  city are tens of thousands, and Parquet keeps them in a dictionary; decimetres of a large file are too many for one,
  and most are stored plain. Earlier figures were with decimetres; both are measured, and a comparison with another
  resolution says so.{decoding}
- **Job.** `fill="forward"`, gaps up to 75 minutes, planar cells of 800 m, the default rule, cases closed at the end
  of the data, no evidence table. cotrace makes its funnel and coverage and each companion's crowd on the way, which
  the others leave out.
- **Process.** Every run is a whole process: start of Python, imports, reading, the query, fetching the result and
  hashing it. Tools run in turn, each round beginning with another one; a first round warms the file cache and is
  not counted. Wall and CPU time (user and system) are read from outside by `wait4`, peak memory is the peak
  resident set that the process itself reads at its end; it counts mapped pages of the input files, which the
  system may take back.
- **Ratios** are medians over rounds of one tool's cost divided by cotrace's in the same round. They are given only
  when all tools found the same rows, by a SHA-256 of the sorted result.
- **Variants** are cotrace beside itself. DuckDB and Polars find each result once, and the hashes have to be equal;
  evidence and stays are hashed as they were written to Parquet, after the clock has stopped. For longitude and latitude
  the other tools look rows of the grid up in a table, for towers their cells; both tables are made beforehand. With
  evidence cotrace writes all its columns, the others the seven that are compared. The `as_of` of a hundred cases lie
  over two months of as many pings. Rows in random order: spilled is with `sort_memory` at a quarter of what all
  pings need, one GiB at most.
- **Growth.** Devices grow at the price of days, crowd by a smaller city, gaps by quarters of days in which a device
  is not heard at all; the number of pings stays the same.
- **The others at their best.** `benchmarks/compare` holds the queries with what was tried. Integers instead of
  timestamps and pairs; one sort with a streaming `lead()` (DuckDB) or sorted lists (Polars) instead of windows; cells
  in which no case stayed long enough are left out early, and dwell is summed before intervals are merged.
  `benchmarks/check_golden.py` holds the SQL to worlds with known answers. pandas is as one writes it.
"""


def load() -> Results:
    """Return all results by name; runs of older ones get the name of their job."""
    results: Results = {path.stem: read_json(path) for path in sorted(RESULTS.glob("*.json"))}
    for result in results.values():
        for run in result["runs"] if isinstance(result.get("runs"), list) else []:
            run.setdefault("job", run["tool"])
    return results


def comparisons(results: Results) -> list[dict[str, Any]]:
    """Return the comparisons, smallest data first."""
    found = [result for name, result in results.items() if name.startswith("companions-")]
    return sorted(found, key=lambda r: (r["fill"] != "forward", r["data"]["made_rows"], r["label"]))


def of_kind(results: Results, kind: str) -> list[dict[str, Any]]:
    """Return the results whose names begin so, smallest data first."""
    found = [result for name, result in results.items() if name.startswith(f"{kind}-")]
    return sorted(found, key=lambda r: r.get("rows") or r["data"]["made_rows"])


def page(results: Results) -> str:
    """Return the page."""
    notes = (HERE / "notes.md").read_text(encoding="utf-8")
    parts = [
        HEAD,
        sections.targets(results),
        notes,
        sections.growth(results),
        *(sections.companions(result) for result in comparisons(results)),
        *(sections.variants(result) for result in of_kind(results, "variants")),
        *(sections.threads(result) for result in of_kind(results, "threads")),
        sections.kernels(results),
        sections.startup(results),
        sections.synth(results),
        sections.report(results),
        METHOD.format(decoding=sections.decoding_cost(results)),
    ]
    return "\n".join(part for part in parts if part)


def draw(results: Results, path: Path) -> None:
    """Draw the plot of growth, where growth was measured."""
    if "growth" in results:
        from plot import draw as drawn

        path.parent.mkdir(exist_ok=True)
        drawn(results["growth"], path)


def main() -> None:
    """Render the page from everything that is recorded."""
    results = load()
    draw(results, DOCS / "images" / "benchmarks-growth.svg")
    out = DOCS / "benchmarks.md"
    out.write_text(page(results), encoding="utf-8")
    print(f"{out}: {len(results)} results")


if __name__ == "__main__":
    main()
