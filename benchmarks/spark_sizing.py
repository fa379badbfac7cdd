"""Make docs/spark-sizing.md of what ``benchmarks/spark.py --record`` measured.

python benchmarks/spark_sizing.py
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from common import read_json

HERE = Path(__file__).parent
RESULTS = HERE / "results"
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


def run_of(size: dict[str, Any]) -> dict[str, Any]:
    """Return the last run of the cluster that counts."""
    return [run for run in size["runs"] if run["job"] == "cluster" and not run["exit_code"]][-1]


def totals(size: dict[str, Any]) -> dict[str, float]:
    """Return what a job took in all."""
    run = run_of(size)
    actual = run["actual"]
    return {
        "task_s": actual["task_s"],
        "python_cpu_s": run["python_cpu_s"],
        "jvm_cpu_s": actual["jvm_cpu_s"],
        "read": actual["read_bytes"],
        "shuffled": actual["shuffled_bytes"],
        "spilled": actual["spilled_bytes"],
        "expected_read": run["expected"]["bytes_read"],
        "expected_shuffled": run["expected"]["bytes_shuffled"],
    }


def cost(size: dict[str, Any]) -> dict[str, float]:
    """Return what a million pings cost."""
    return {name: value / (size["rows"] / 1e6) for name, value in totals(size).items()}


def growing_cost(sizes: list[dict[str, Any]]) -> dict[str, float]:
    """Return what a further million pings cost, from one size to the next: without what every job costs once."""
    if len(sizes) < 2:
        return cost(sizes[-1])
    one, other = sizes[-2:]
    small, large = totals(one), totals(other)
    millions = (other["rows"] - one["rows"]) / 1e6
    return {name: (large[name] - small[name]) / millions for name in large}


def _mb(size: float) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def _tb(size: float) -> str:
    return f"{size / 1e12:,.1f} TB"


def measured(result: dict[str, Any]) -> list[str]:
    """Return the table of what was measured."""
    lines = [
        "| pings | one machine | cluster (first time) | overhead | core seconds of tasks | CPU s Python + JVM | "
        "read (planned) | shuffled (planned) | spilled | largest Python process (planned) | hashes |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for size in result["sizes"]:
        c, run = cost(size), run_of(size)
        lines.append(
            f"| {size['rows']:,} | {size['local_s']:.1f} s | {size['cluster_s']:.1f} s ({size['first_s']:.1f} s) | "
            f"{size['overhead']:.1f} | "
            f"{c['task_s']:.2f} | {c['python_cpu_s']:.2f} + {c['jvm_cpu_s']:.2f} | "
            f"{_mb(c['read'])} ({_mb(c['expected_read'])}) | "
            f"{_mb(c['shuffled'])} ({_mb(c['expected_shuffled'])}) | {_mb(c['spilled'])} | "
            f"{_mb(run['python_peak_bytes'])} ({_mb(run['expected']['task_bytes'])}) | "
            f"{'equal' if size['equal'] else 'DIFFERENT'} |"
        )
    return lines


def extrapolated(result: dict[str, Any]) -> list[str]:
    """Return the table of what larger ones need."""
    c, size = growing_cost(result["sizes"]), result["sizes"][-1]
    peak, a_task = run_of(size)["python_peak_bytes"], size["rows"] / size["partitions"]
    lines = [
        f"| {DAYS} days of | pings | core hours | CPU hours | cores for {HOURS} h | tasks | memory a core | "
        "read | shuffled | spilled | network, all executors together | jobs |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, a_day in SIZES.items():
        pings = a_day * DAYS
        millions = pings / 1e6
        hours = c["task_s"] * millions / 3600
        cores, tasks = ceil(hours / HOURS / BUSY), ceil(pings / A_TASK)
        # what grows with a task's pings is twelve bytes each until they are sorted on disk, and its stays
        memory = 1.0e9 + peak * max(1.0, A_TASK / a_task) ** 0.5
        cpu_hours = (c["python_cpu_s"] + c["jvm_cpu_s"]) * millions / 3600
        shuffled = c["shuffled"] * millions
        network = shuffled / (HOURS * 3600 * BUSY)
        lines.append(
            f"| {name} | {pings:.2g} | {hours:,.0f} | {cpu_hours:,.0f} | {cores:,} | {tasks:,} | {_mb(memory)} | "
            f"{_tb(c['read'] * millions)} | {_tb(shuffled)} | {_tb(c['spilled'] * millions)} | "
            f"{network / 1e9:,.2f} GB/s | {ceil(tasks / MOST_TASKS):,} |"
        )
    return lines


def faster(result: dict[str, Any]) -> list[str]:
    """Say where one machine is faster, and how the time grows."""
    lines = [
        f"From {one['rows']:,} to {other['rows']:,} pings ({other['rows'] / one['rows']:.0f} times as many) one "
        f"machine takes {other['local_s'] / one['local_s']:.1f} times as long, the cluster "
        f"{other['cluster_s'] / one['cluster_s']:.1f} times."
        for one, other in pairwise(result["sizes"])
    ]
    slower = [size for size in result["sizes"] if size["overhead"] > 1]
    if not slower:
        return [*lines, "", "One machine was never faster here."]
    most, factor = slower[-1]["rows"], slower[-1]["overhead"]
    said = (
        f"**One machine is faster up to at least {most:,} pings** (the largest that was measured): with the same two "
        f"cores the cluster takes {factor:.1f} times as long. So about {ceil(factor) * 2} cores of a cluster do what "
        "two cores of one machine do; below that, and as long as the pings of the time asked are read in the time "
        "there is, use one. A billion pings on one machine: [benchmarks](benchmarks.md)."
    )
    return [*lines, "", said]


def skewed(result: dict[str, Any]) -> list[str]:
    """Return what the job with a heavy cell showed."""
    jobs = result["jobs"]
    lines = [
        "## A heavy cell",
        "",
        f"Measured {result['finished_at'][:10]} by `python benchmarks/spark.py --skew {result['rows']:_} --record`: "
        "a fifth of all stays are in one cell; of the stages behind a shuffle the one with the longest task, warm. The "
        "answers are equal. Splitting costs work, and pays where there are more cores than heavy cells.",
        "",
        "| job | stays | heavy cell | longest task | median task | times | in all |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for name, job in jobs.items():
        what, way = name.rsplit(" ", 1)
        longest, middle = job["longest_task_s"], job["median_task_s"]
        said = "split" if way == "split" else "not split"
        lines.append(
            f"| {what} | {job['stays']:,} | {said} | {longest:.2f} s | {middle:.2f} s | "
            f"{longest / max(middle, 1e-3):.1f} | {job['wall_s']:.1f} s |"
        )
    return [*lines, ""]


def page(result: dict[str, Any], heavy: dict[str, Any]) -> str:
    """Return the page."""
    box = result["machine"]
    largest = result["sizes"][-1]["rows"]
    lines = [
        "# What Spark needs: sizing",
        "",
        "<!-- Made by `python benchmarks/spark_sizing.py` of benchmarks/results/spark*.json: change "
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
        f"and memory. The cluster's are those of the second time in one session; the first time executors start their "
        "Python and compiled code warms up. The start of Spark is in neither.",
        "",
        *measured(result),
        "",
        "The command: `python benchmarks/spark.py --rows 10_000_000 100_000_000 --record`. Core seconds of tasks are "
        "the seconds that tasks ran, with "
        "waiting for Python in them: what a cluster has to give.",
        "",
        *faster(result),
        "",
        *skewed(heavy),
        "## Extrapolated",
        "",
        f"Not measured: from what a further million pings cost up to {largest:,} pings, taken to grow with the pings "
        f"alone; {HOURS} "
        f"hours for the answer, cores at work {BUSY:.0%} of that time, {A_TASK / 1e6:.0f} million pings "
        f"a task, no more than "
        f"{MOST_TASKS:,} tasks a job. No network was between the executors, and nothing was spilled: larger tasks and "
        f"slower disks may change both. Memory a core is 1 GB for the JVM and the Python process, grown "
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
    found = [read_json(RESULTS / f"{name}.json") for name in ("spark", "spark-skew")]
    for name, result in zip(("--rows 10_000_000 100_000_000", "--skew 16_000_000"), found, strict=True):
        if result is None:
            raise SystemExit(f"not there yet: python benchmarks/spark.py {name} --record")
    PAGE.write_text(page(*found), encoding="utf-8")


if __name__ == "__main__":
    main()
