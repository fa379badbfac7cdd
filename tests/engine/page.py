"""Put the figures of docs/spark-kills.json and docs/spark-equality.json into docs/howto/spark.md.

``python -m tests.engine.page``
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "howto" / "spark.md"
KILLS, EQUALITY = DOCS / "spark-kills.json", DOCS / "spark-equality.json"
_BETWEEN = re.compile(r"(<!-- figures of (\w+): [^\n]*-->\n).*?(<!-- end of figures -->)", re.DOTALL)


def kills(told: dict[str, Any]) -> str:
    """Return the table of what died."""
    runs = [run for run in told["runs"] if run["in_the_middle"]]
    lines = [
        "| killed | in the middle of | times | tasks lost, all together | other results |",
        "|---|---|---:|---:|---:|",
    ]
    groups = Counter((run["who"], run["act"], run["phase"]) for run in runs)
    for (who, act, phase), n in groups.items():
        mine = [run for run in runs if (run["who"], run["phase"]) == (who, phase)]
        lost, other = sum(run["lost"] for run in mine), sum(not run["same"] for run in mine)
        name = who if who == "executor" else f"{who}s of an executor"
        lines.append(f"| {name} | `{act}`: {phase} | {n} | {lost} | {other} |")
    shares = sorted(run["share"] for run in runs)
    lines += [
        "",
        f"Moments were from {shares[0]:.0%} to {shares[-1]:.0%} of a phase; {told['missed']} more runs, in which no "
        f"job ran when the process died or nothing was lost, do not count. {told['rows']:,} pings.",
    ]
    return "\n".join([*lines, "", "```console", told["command"], "```"])


def equality(told: dict[str, Any]) -> str:
    """Return the table of what was compared."""
    lines = ["| partitions | tables compared | rows | differences |", "|---:|---:|---:|---:|"]
    for n, one in told["by_partitions"].items():
        lines.append(f"| {n} | {one['tables']:,} | {one['rows']:,} | {len(one['differences'])} |")
    return "\n".join([*lines, "", "```console", told["command"], "```"])


_MADE = {"kills": (kills, KILLS), "equality": (equality, EQUALITY)}


def page(text: str) -> str:
    """Return the page with these figures, where they were recorded."""

    def put(match: re.Match[str]) -> str:
        made, path = _MADE[match[2]]
        if not path.exists():
            return match[0]
        return f"{match[1]}\n{made(json.loads(path.read_text()))}\n\n{match[3]}"

    return _BETWEEN.sub(put, text)


def main() -> None:
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
