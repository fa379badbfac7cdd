"""The sections of docs/benchmarks.md, each made from the results that were recorded for it."""

from __future__ import annotations

from statistics import median
from typing import Any

from common import number
from companions import COSTS, hashes
from data import describe
from growth import AXES
from measure import BUSY, FEWEST_ROUNDS, busy_share, counted, middle, ratio
from targets import TARGETS, Results, doubt, row
from variants import VARIANTS, is_met

NAMES = {
    "cotrace": "cotrace",
    "duckdb": "DuckDB, SQL",
    "polars": "Polars, streaming engine",
    "pandas": "pandas",
    "decoding": "decoding the columns only",
}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, first column to the left."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def seconds(value: float) -> str:
    """Write seconds with a sensible number of digits."""
    return f"{value:.2f}" if value < 20 else f"{value:.1f}"


def box(machine: dict[str, Any]) -> str:
    """Say what a machine is."""
    memory = f"{machine['memory_bytes'] / 2**30:.0f} GiB"
    return f"{machine['cores']} cores ({machine['cpu']}), {memory}, Python {machine['python']}"


def targets(results: Results) -> str:
    """Return the table of targets, and the machines that they were measured on."""
    found = [target.find(results) for target in TARGETS]
    machines = sorted({box(f.of["machine"]) for f in found if f and "machine" in f.of})
    head = ["", "target", "measured", "", "pings", "rounds", "day"]
    where = f"Measured on {'; and on '.join(machines)}." if machines else "Nothing is measured yet."
    text = (
        "Each is a whole process, start-up included; × is the median over rounds of the ratio within a round, but "
        "for the one to 100 M pings, which is a ratio of medians. What cotrace is compared with is its own base "
        f"query where nothing else is said. Fewer than {FEWEST_ROUNDS} rounds decide nothing, and neither does a "
        f"machine of which other processes had more than {BUSY:.0%} meanwhile."
    )
    return "\n".join(
        ["## Targets\n", f"{where} {text}\n", table(head, [row(target, results) for target in TARGETS])]
    )


def growth(results: Results) -> str:
    """Return the plot of growth and its table."""
    recorded = results.get("growth")
    if recorded is None:
        return ""
    parts = [
        "## Growth\n",
        "![Time and memory of the companion query as the data grow](images/benchmarks-growth.svg)\n",
    ]
    rows, slopes = [], []
    for name in (name for name in AXES if name in recorded["axes"]):
        axis = recorded["axes"][name]
        for point in axis["points"]:
            mine = point["cotrace"]
            wall = f"{seconds(mine['wall_s'])} ({' to '.join(map(seconds, point['walls']))})"
            memory = f"{mine['peak_bytes'] / 2**20:,.0f}"
            more = [seconds(point["decoding"]["wall_s"]), f"{point['companions']:,}"]
            each = f"{mine['wall_s'] / point['data']['made_rows'] * 1e9:.1f}"
            rows.append([f"{axis['says']}: {number(point['x'])}", wall, each, memory, *more])
        if axis["slopes"]["wall_s"] is not None and name != "gaps":
            both = f"{axis['slopes']['wall_s']:.2f} in time and {axis['slopes']['peak_bytes']:.2f} in memory"
            slopes.append(f"{axis['says']} {both}")
    points = [point for axis in recorded["axes"].values() for point in axis["points"]]
    sizes = {
        number(round(point["data"]["rows"] / 1e6, 3))
        for name, axis in recorded["axes"].items()
        for point in axis["points"]
        if name != "pings"
    }
    rest = f"All but the first rows: {', '.join(sorted(sizes))} million pings. " if sizes else ""
    days = sorted({point["finished_at"][:10] for point in points})
    parts.append(
        f"{rest}{box(points[-1]['machine'])}; "
        f"{' to '.join(dict.fromkeys((days[0], days[-1])))}. Slopes of a straight line through the logarithms (1 is "
        f"proportional growth): {'; '.join(slopes)}.\n"
    )
    head = ["", "wall s", "ns a ping", "peak MiB", "decoding s", "companions"]
    return "\n".join([*parts, table(head, rows)])


def costs_table(result: dict[str, Any]) -> str:
    """Return what each tool cost, and divided by what cotrace did."""
    runs, rows = result["runs"], []
    for tool in result["tools"]:
        mine = counted(runs, tool)
        if not mine:
            rows.append([NAMES[tool], "did not finish", *[""] * 5])
            continue
        walls = [run["wall_s"] for run in mine]
        cells = [
            NAMES[tool],
            f"{seconds(median(walls))} ({seconds(min(walls))} to {seconds(max(walls))})",
            seconds(middle(runs, tool, "cpu_s")),
            f"{middle(runs, tool, 'peak_bytes') / 2**20:,.0f}",
        ]
        for cost in COSTS:
            value = ratio(runs, tool, "cotrace", cost) if result["equal"] else None
            cells.append("" if value is None else f"{value:.2f}")
        rows.append(cells)
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


def companions(result: dict[str, Any]) -> str:
    """Return the section of one comparison."""
    made, runs = result["data"], result["runs"]
    extra = "" if result["fill"] == "forward" else f', `fill="{result["fill"]}"`'
    extra += "" if made.get("step_m", 1.0) == 1.0 else f", positions in {made['step_m']:g} m"
    versions = ", ".join(f"{NAMES[tool].split(',')[0]} {v}" for tool, v in result["versions"].items())
    versions = versions.replace("decoding the columns only", "PyArrow")
    rounds = max(len(counted(runs, tool)) for tool in result["tools"])
    found = next((run["rows"] for run in runs if run["tool"] != "decoding" and "rows" in run), 0)
    parts = [
        f"## {number(made['made_rows'] / 1e6)} million pings, {made['cases']:,} cases{extra}\n",
        f"{describe(made)}; {found:,} companions. {box(result['machine'])}; {result['threads']} threads; {versions}. "
        f"{rounds} rounds, {result['finished_at'][:10]}.\n",
        costs_table(result),
    ]
    if not result["equal"]:
        parts.append("The tools did not find the same rows, or one failed: no ratios are given.\n")
    elif digests := hashes(runs):
        parts.append(f"All results have the hash `{digests.pop()[:16]}…`.\n")
    if (share := busy_share(runs)) > BUSY:
        parts.append(
            f"Other processes had {share:.0%} of the cores meanwhile: wall times are longer than they would be alone, "
            "most of all those of tools that use all cores; CPU times much less so.\n"
        )
    parts.append(stages_table(result, "cotrace"))
    return "\n".join(parts)


def variant_row(line: dict[str, Any]) -> list[str]:
    """Return the row of a variant."""
    if "failed" in line:
        return [line["says"], "failed", *[""] * 6]
    limit = "" if line["limit"] is None else f"≤ {line['limit']:g}"
    tools = [NAMES[tool].split(",")[0] for tool in line.get("checked", {}) if tool != "cotrace"]
    same = {True: ", ".join(tools), False: "**differ**", None: ""}[line.get("equal")]
    verdict = {True: "met", False: "**missed**", None: ""}[is_met(line)]
    verdict = verdict and (doubt(line["runs"], "variant") or verdict)
    memory = f"{line['peak_bytes'] / 2**20:,.0f}"
    return [
        line["says"],
        f"{line['wall']:.2f}",
        limit,
        verdict,
        f"{line['cpu']:.2f}",
        memory,
        line["order"],
        same,
    ]


def variants(result: dict[str, Any]) -> str:
    """Return the section of the variants on so many pings."""
    head = ["", "wall ÷ base", "target", "", "CPU ÷ base", "peak MiB", "rows were", "same result as"]
    lines = [result["variants"][name] for name in VARIANTS if name in result["variants"]]
    text = f"cotrace alone, beside its base query in the same round: {describe(result['base'])}. "
    text += f"{box(result['machine'])}; {result['threads']} threads; {result['finished_at'][:10]}.\n"
    title = f"## Variants, {number(result['base']['made_rows'] / 1e6)} million pings\n"
    return "\n".join([title, text, table(head, [variant_row(line) for line in lines])])


def threads(result: dict[str, Any]) -> str:
    """Return the section of threads."""
    runs, jobs = result["runs"], result["jobs"]
    rows = []
    for job in jobs:
        faster = ratio(runs, jobs[0], job, "wall_s")
        costs = [seconds(middle(runs, job, cost)) for cost in ("wall_s", "cpu_s")]
        rows.append([job, *costs, "" if faster is None else f"{faster:.2f}"])
    same = "All results have one hash." if result["equal"] else "The results differ, or a run failed."
    text = f"{describe(result['data'])}. {box(result['machine'])}; {result['finished_at'][:10]}. {same}\n"
    return "\n".join(["## Threads\n", text, table(["", "wall s", "CPU s", "times as fast"], rows)])


def kernels(results: Results) -> str:
    """Return the section of the kernels."""
    recorded = results.get("kernels")
    if recorded is None:
        return ""
    text = (
        "One core; the best of three rounds. The loop mixes as many words as the kernel has elements: its time "
        "falls and rises with the machine's, and `python benchmarks/kernels.py --check` compares ratios to it with "
        f"these. {box(recorded['machine'])}; {recorded['finished_at'][:10]}.\n"
    )
    rows = [[name, f"{k['ns']:.2f}", f"{k['ratio']:.2f}"] for name, k in recorded["kernels"].items()]
    return "\n".join(["## Kernels\n", text, table(["", "ns an element", "÷ the loop"], rows)])


def startup(results: Results) -> str:
    """Return what importing costs, and the first call."""
    recorded = results.get("startup")
    if recorded is None:
        return ""
    medians = {name: median(runs) for name, runs in (recorded["runs"] | recorded.get("calls", {})).items()}
    empty = medians["empty interpreter"]
    rows = [[name, f"{1000 * t:,.0f}", f"{1000 * (t - empty):+,.0f}"] for name, t in medians.items()]
    versions = ", ".join(f"{name} {v}" for name, v in recorded["versions"].items())
    count = len(recorded["runs"]["empty interpreter"])
    calls = ""
    if "calls" in recorded:
        n = len(next(iter(recorded["calls"].values())))
        calls = (
            f" The calls ({n} of each) are the companion query on {describe(recorded['data'])}: the first by a copy of "
            "the package without any compiled code, the later by the same copy."
        )
    text = (
        f"Whole processes, medians of {count} runs in turn; Python {recorded['python']}, {versions}.{calls}\n"
    )
    return "\n".join(["## Start-up\n", text, table(["", "ms", "more than empty"], rows)])


def report(results: Results) -> str:
    """Return how long a report's page takes to be made, opened, sorted and filtered."""
    recorded = results.get("report")
    if recorded is None:
        return ""
    rows = [
        [step, f"{median(took):.2f}", f"{min(took):.2f} to {max(took):.2f}"]
        for step, took in recorded["steps"].items()
    ]
    text = (
        f"A page with {recorded['companions']:,} companions and {recorded['episodes']:,} episodes, "
        f"{recorded['bytes'] / 2**20:.1f} MiB, in Chromium {recorded['browser'].split('.')[0]}; medians of "
        f"{len(recorded['steps']['opened'])} runs. {box(recorded['machine'])}; {recorded['finished_at'][:10]}.\n"
    )
    return "\n".join(["## Reports\n", text, table(["", "s", "from … to"], rows)])


def decoding_cost(results: Results) -> str:
    """Say what decoding costs with positions in whole metres and in decimetres, where both were measured."""
    said = []
    for label, words in (("10m", "whole metres"), ("10m-0.1m", "decimetres")):
        result = results.get(f"companions-{label}")
        runs = counted(result["runs"], "decoding") if result else []
        if not runs or result is None:
            return ""
        spent = median(run["decode_cpu_s"] for run in runs) / result["data"]["made_rows"]
        said.append(f"{spent * 1e9:.0f} ns of CPU a ping in {words}")
    return f" Measured here, on ten million pings: {' and '.join(said)}."


def synth(results: Results) -> str:
    """Return how fast made cities are written."""
    recorded = results.get("synth")
    if recorded is None:
        return ""
    rows = [
        [
            name,
            f"{log['rows']:,}",
            f"{log['rate'] / 1e6:.1f} ({min(log['rates']) / 1e6:.1f} to {max(log['rates']) / 1e6:.1f})",
            f"{log['ns_a_row']:.0f}",
            f"{log['bytes_a_row']:.1f}",
            f"{log['peak_bytes'] / 2**20:,.0f}",
        ]
        for name, log in recorded["logs"].items()
    ]
    head = ["", "rows", "M rows a second", "ns of one core a row", "bytes a row", "peak MiB"]
    text = (
        "What `cotrace synth` writes, with every effect switched on, daily Parquet files included; the aim is "
        f"{recorded['aim'] / 1e6:.0f} M rows a second, the least {recorded['least'] / 1e6:.0f} M. "
        f"{box(recorded['machine'])}; {recorded['finished_at'][:10]}.\n"
    )
    return "\n".join(["## Made cities\n", text, table(head, rows)])
