"""Make docs/benchmarks.md from the results that were recorded: nothing in it is typed by hand.

    python benchmarks/render.py

Reads ``benchmarks/results/companions-*.json``, which ``benchmarks/companions.py --record`` writes.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from companions import COSTS, counted, hashes, medians, ratios

HERE = Path(__file__).parent
NAMES = {
    "cotrace": "cotrace",
    "duckdb": "DuckDB, SQL",
    "polars": "Polars, streaming engine",
    "decoding": "decoding the columns only",
}

HEAD = """\
# Benchmarks

The companion query with its defaults, from a folder of daily Parquet files to the list of companions, beside the
same query in DuckDB and in Polars and beside mere decoding of the columns that it reads. Everything below is made
by `python benchmarks/render.py` from the runs recorded in `benchmarks/results`.

To measure on another machine:

```console
pip install -e '.[bench]'
python benchmarks/companions.py --rows 10_000_000 --repeat 5
```

makes the pings in `bench-data` (`--clean` removes them afterwards), runs each tool in turn and prints medians and
ratios. `--record` and then `python benchmarks/render.py` make this page anew.
"""

METHOD = """\
## What is compared

- **Data.** A made city (`benchmarks/make_pings.py`): every device is heard 20 to 60 times a day, at most 54
  minutes apart when idle, at every 800 m of a trip, and now and then flaps to the neighbouring cell. One
  zstd-compressed Parquet file a day in order of time, row groups of a million rows, 11-digit device numbers,
  times in whole seconds, x and y in metres.
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
- **The others at their best.** `benchmarks/compare` holds both queries with what was tried. Integers instead of
  timestamps and pairs; one sort with a streaming `lead()` (DuckDB) or sorted lists (Polars) instead of windows; cells
  in which no case stayed long enough are left out early, and dwell is summed before intervals are merged.
  `benchmarks/check_golden.py` holds the SQL to worlds with known answers.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, first column to the left."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def seconds(value: float) -> str:
    """Write seconds with a sensible number of digits."""
    return f"{value:.2f}" if value < 20 else f"{value:.1f}"


def costs_table(result: dict[str, Any]) -> str:
    """Return what each tool cost, and divided by what cotrace did."""
    runs, rows = result["runs"], []
    for tool in result["tools"]:
        mine = counted(runs, tool)
        if not mine:
            rows.append([NAMES[tool], "did not finish", *[""] * 5])
            continue
        m, walls = medians(runs, tool), [run["wall_s"] for run in mine]
        cells = [
            NAMES[tool],
            f"{seconds(m['wall_s'])} ({seconds(min(walls))} to {seconds(max(walls))})",
            seconds(m["cpu_s"]),
            f"{m['peak_bytes'] / 2**20:,.0f}",
        ]
        r = ratios(runs, tool) if result["equal"] else {}
        rows.append(cells + [f"{r[cost]:.2f}" if r else "" for cost in COSTS])
    head = ["", "wall s", "CPU s", "peak MiB", *(f"{name} ÷ cotrace" for name in COSTS.values())]
    return table(head, rows)


def stages_table(result: dict[str, Any], tool: str) -> str:
    """Return the median seconds of each stage of a tool."""
    mine = counted(result["runs"], tool)
    names = list(mine[0]["stages"])
    inside = {name: median(run["stages"][name] for run in mine) for name in names}
    rest = median(
        run["wall_s"] - sum(s for name, s in run["stages"].items() if not name.startswith(" "))
        for run in mine
    )
    rows = [[name, f"{value:.3f}"] for name, value in inside.items()]
    return table(
        ["stage of " + NAMES[tool], "wall s"], [*rows, ["start and end of the process", f"{rest:.3f}"]]
    )


def startup_section() -> str:
    """Return what importing costs, where that was recorded (``python benchmarks/startup.py --record``)."""
    path = HERE / "results" / "startup.json"
    if not path.exists():
        return ""
    recorded = json.loads(path.read_text(encoding="utf-8"))
    times = {name: median(runs) for name, runs in recorded["runs"].items()}
    empty = times["empty interpreter"]
    rows = [[name, f"{1000 * t:.0f}", f"{1000 * (t - empty):+.0f}"] for name, t in times.items()]
    versions = ", ".join(f"{name} {v}" for name, v in recorded["versions"].items())
    count = len(recorded["runs"]["empty interpreter"])
    return (
        f"## Start-up\n\nWhole processes, medians of {count} runs in turn; Python {recorded['python']}, {versions}. "
        "Made by `python benchmarks/startup.py --record`.\n\n" + table(["", "ms", "more than empty"], rows)
    )


def section(result: dict[str, Any]) -> str:
    """Return the section of one recorded result."""
    made, box, runs = result["data"], result["machine"], result["runs"]
    extra = "" if result["fill"] == "forward" else f', `fill="{result["fill"]}"`'
    versions = ", ".join(f"{NAMES[tool].split(',')[0]} {v}" for tool, v in result["versions"].items())
    versions = versions.replace("decoding the columns only", "PyArrow")
    load = max(run["load_before"] for run in runs if run["counted"])
    rounds = max(len(counted(runs, tool)) for tool in result["tools"])
    found = next((run["rows"] for run in runs if run["tool"] != "decoding" and "rows" in run), 0)
    parts = [
        f"## {made['made_rows'] / 1e6:,.1f} million pings, {made['cases']:,} cases{extra}\n",
        f"{made['devices']:,} devices, {made['days']} days, {made['bytes'] / 1e6:,.0f} MB; {found:,} companions. "
        f"{box['cores']} cores ({box['cpu']}), {box['memory_bytes'] / 2**30:.0f} GiB, Python {box['python']}; "
        f"{result['threads']} threads; {versions}. {rounds} rounds, {result['finished_at'][:10]}.\n",
        costs_table(result),
    ]
    if not result["equal"]:
        parts.append("The tools did not find the same rows, or one failed: no ratios are given.\n")
    else:
        parts.append(f"All results have the hash `{hashes(runs).pop()[:16]}…`.\n")
    if load > box["cores"] * 0.75:
        parts.append(
            f"The machine was doing other work meanwhile (load up to {load:.1f} on {box['cores']} cores): wall times "
            "are longer than they would be alone and scatter, CPU times much less so.\n"
        )
    parts.append(stages_table(result, "cotrace"))
    return "\n".join(parts)


def main() -> None:
    """Render the page from all recorded results, smallest data first."""
    results = [
        json.loads(p.read_text(encoding="utf-8"))
        for p in sorted((HERE / "results").glob("companions-*.json"))
    ]
    results.sort(key=lambda r: (r["fill"] != "forward", r["data"]["made_rows"], r["label"]))
    page = "\n".join([HEAD, *(section(result) for result in results), startup_section(), METHOD])
    out = HERE.parent / "docs" / "benchmarks.md"
    out.write_text(page, encoding="utf-8")
    print(f"{out}: {len(results)} results")


if __name__ == "__main__":
    main()
