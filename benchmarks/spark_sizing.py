"""Make docs/spark-sizing.md of what ``benchmarks/spark.py --record`` measured.

python benchmarks/spark_sizing.py
"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Any

from common import read_json

HERE = Path(__file__).parent
RESULT = HERE / "results" / "spark.json"
PAGE = HERE.parent / "docs" / "spark-sizing.md"

DAYS = 14
#: within how many hours the answer is wanted, and the share of that in which cores really work
HOURS, BUSY = 4, 0.7
#: pings of one task after the shuffle, and the most tasks that one job should have
A_TASK, MOST_TASKS = 4_000_000, 50_000
#: who has how many pings a day: FACTS say 300 to 500 records a device and day
SIZES = {
    "a city: 1 billion pings a day": 1e9,
    "a province: 25 million people, 10 billion a day": 1e10,
    "a country: 1.4 billion people, 560 billion a day": 5.6e11,
}


def cost(size: dict[str, Any]) -> dict[str, float]:
    """Return what a million pings cost, of the last run of a size that counts."""
    run = [run for run in size["runs"] if run["job"] == "cluster" and not run["exit_code"]][-1]
    millions = size["rows"] / 1e6
    actual = run["actual"]
    return {
        "task_s": actual["task_s"] / millions,
        "python_cpu_s": run["python_cpu_s"] / millions,
        "jvm_cpu_s": actual["jvm_cpu_s"] / millions,
        "read": actual["read_bytes"] / millions,
        "shuffled": actual["shuffled_bytes"] / millions,
        "spilled": actual["spilled_bytes"] / millions,
        "peak": run["python_peak_bytes"],
        "a_task": size["rows"] / size["partitions"],
        "expected_read": run["expected"]["bytes_read"] / millions,
        "expected_shuffled": run["expected"]["bytes_shuffled"] / millions,
    }


def _mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def measured(result: dict[str, Any]) -> list[str]:
    """Return the table of what was measured."""
    lines = [
        "| pings | one machine | cluster | overhead | core seconds of tasks | CPU s Python + JVM | "
        "read | shuffled "
        "(planned) | spilled | largest Python process | hashes |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for size in result["sizes"]:
        c = cost(size)
        lines.append(
            f"| {size['rows']:,} | {size['local_s']:.1f} s | {size['cluster_s']:.1f} s | "
            f"{size['overhead']:.1f} | "
            f"{c['task_s']:.2f} | {c['python_cpu_s']:.2f} + {c['jvm_cpu_s']:.2f} | {_mb(c['read'])} | "
            f"{_mb(c['shuffled'])} ({_mb(c['expected_shuffled'])}) | {_mb(c['spilled'])} | "
            f"{_mb(c['peak'])} | "
            f"{'equal' if size['equal'] else 'DIFFERENT'} |"
        )
    return lines


def extrapolated(result: dict[str, Any]) -> list[str]:
    """Return the table of what larger ones need."""
    c = cost(result["sizes"][-1])
    lines = [
        f"| {DAYS} days of | pings | core hours | cores for {HOURS} h | tasks | memory a core | "
        f"shuffled | network, all "
        "executors together | jobs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, a_day in SIZES.items():
        pings = a_day * DAYS
        millions = pings / 1e6
        hours = c["task_s"] * millions / 3600
        cores, tasks = ceil(hours / HOURS / BUSY), ceil(pings / A_TASK)
        # what grows with a task's pings is twelve bytes each until they are sorted on disk, and its stays
        memory = 1.0e9 + c["peak"] * max(1.0, A_TASK / c["a_task"]) ** 0.5
        shuffled = c["shuffled"] * millions
        network = shuffled / (HOURS * 3600 * BUSY)
        lines.append(
            f"| {name} | {pings:.2g} | {hours:,.0f} | {cores:,} | {tasks:,} | {_mb(memory)} | "
            f"{shuffled / 1e12:,.1f} TB | "
            f"{network / 1e9:,.2f} GB/s | {ceil(tasks / MOST_TASKS):,} |"
        )
    return lines


def faster(result: dict[str, Any]) -> str:
    """Say where one machine is faster."""
    slower = [size for size in result["sizes"] if size["overhead"] > 1]
    if not slower:
        return "One machine was never faster here."
    most, factor = slower[-1]["rows"], slower[-1]["overhead"]
    return (
        f"**One machine is faster up to at least {most:,} pings** (the largest that was measured): with "
        f"the same two cores "
        f"the cluster takes {factor:.1f} times as long. So about {ceil(factor) * 2} cores of a cluster "
        f"do what two cores of "
        "one machine do; below that, and as long as the pings of the time asked are read in the time "
        "there is, use one."
    )


def skewed(result: dict[str, Any]) -> list[str]:
    """Return what the job with a heavy cell showed."""
    jobs = result.get("skew", {}).get("jobs")
    if not jobs:
        return []
    lines = [
        "## A heavy cell",
        "",
        f"Measured: {result['skew']['rows']:,} stays, a fifth of them in one cell; the stage that ran "
        f"longest.",
        "",
        "| job | heavy cell | longest task | median task | times |",
        "|---|---|--:|--:|--:|",
    ]
    for name, job in jobs.items():
        what, way = name.rsplit(" ", 1)
        longest, middle = job["longest_task_s"], job["median_task_s"]
        said = "split" if way == "split" else "not split"
        lines.append(
            f"| {what} | {said} | {longest:.2f} s | {middle:.2f} s | {longest / max(middle, 1e-3):.1f} |"
        )
    return [*lines, ""]


def page(result: dict[str, Any]) -> str:
    """Return the page."""
    box = result["machine"]
    largest = result["sizes"][-1]["rows"]
    lines = [
        "# What Spark needs: sizing",
        "",
        "<!-- Made by `python benchmarks/spark_sizing.py` of benchmarks/results/spark.json: change "
        "these, not this page. -->",
        "",
        "How to use it: [a country's pings](howto/spark.md).",
        "",
        "## Measured",
        "",
        f"The companion rule for {result['sizes'][-1]['data']['cases']:,} cases on made pings of a "
        f"city, on one machine "
        f"({box['cores']} cores, {box['cpu']}), with Spark as `{result['master']}`: two executor "
        f"processes of one core on "
        f"the same machine, {result['finished_at'][:10]}. Figures are for a million pings, but times "
        f"and memory. The start "
        "of Spark is not in them.",
        "",
        *measured(result),
        "",
        "The command: `python benchmarks/spark.py --record`. Core seconds of tasks are the seconds "
        "that tasks ran, with "
        "waiting for Python in them: what a cluster has to give.",
        "",
        faster(result),
        "",
        *skewed(result),
        "## Extrapolated",
        "",
        f"Not measured: from the cost of a million pings at {largest:,} pings, taken to grow with the "
        f"pings alone; {HOURS} "
        f"hours for the answer, cores at work {BUSY:.0%} of that time, {A_TASK / 1e6:.0f} million pings "
        f"a task, no more than "
        f"{MOST_TASKS:,} tasks a job. Memory a core is 1 GB for the JVM and the Python process, grown "
        f"with the root of the "
        "pings of a task.",
        "",
        *extrapolated(result),
        "",
        "## Where it stops scaling",
        "",
        "- **The shuffle.** Every map task writes a piece for every task behind it, so pieces grow "
        "with the square of the "
        f"size. Beyond some {MOST_TASKS:,} tasks cut the devices into several jobs "
        f"(`where(pmod(hash(device), 50) = k)`) "
        "and put the results together: companions and evidence by union, as a device is in one job. "
        "Their crowds then "
        "count the devices of one job alone.",
        "- **The driver.** It holds the stays of all cases and the cells and hours in which they were: "
        "some 10 kB a case "
        "and day. Ten thousand cases are well; a million are not.",
        "- **Every task sees every case.** The work of a task on cases alone grows with their number, "
        "whatever its own "
        "devices do: with very many cases have fewer and larger tasks.",
        "- **`rings`** hold the stays of all that were reached on the driver, and a hop's frontier "
        "goes to every task: "
        "right for chains from cases, not for whole populations.",
        "- **`pairs`** of a whole population are as many as crowds make them: `max_crowd=` is what "
        "keeps them finite.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    result = read_json(RESULT)
    if result is None:
        raise SystemExit(
            f"{RESULT} is not there: python benchmarks/spark.py --rows 10_000_000 100_000_000 --record"
        )
    PAGE.write_text(page(result), encoding="utf-8")


if __name__ == "__main__":
    main()
