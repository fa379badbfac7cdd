"""Write the tables of the pages on codes: from the state machine and rule sets in cotrace.codes, and recorded figures.

Run ``python docs/make_codes.py`` after a change of these, or after ``--record``; a test holds the pages to it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cotrace.codes.machine import CODES_OF, CONDITIONS, EVENTS, GROUPS, LABELS, STATES, TERMS, TRANSITIONS
from cotrace.codes.presets import RULES

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"

_COLOURS = {
    "monitoring": "as the rules say",
    "home_isolation": "as the rules say",
    "central_isolation": "as the rules say",
    "isolation_over": "as before",
    "review": "yellow; red where it was red",
}


def states() -> list[str]:
    """Return the table of states."""
    lines = [f"| `{s}` | {CODES_OF[s] or _COLOURS[s]} | {meaning} |" for s, meaning in STATES.items()]
    return ["| state | code | |", "|---|---|---|", *lines]


def transitions() -> list[str]:
    """Return the table of transitions."""
    lines = ["| event | from | when | to |", "|---|---|---|---|"]
    for line in TRANSITIONS:
        every = [s for s in STATES if s not in line.states]
        names = ", ".join(f"`{s}`" for s in line.states)
        if not every:
            names = "every state"
        elif len(every) < len(line.states) / 2:
            names = f"every state but {', '.join(f'`{s}`' for s in every)}"
        to = {
            "=": "stays" if line.effect == "nothing" else f"stays; {line.effect}",
            "free": "`zone` where one holds, else `clear`",
            "asked": "`held` or `zone`",
        }.get(line.to, f"`{line.to}`")
        lines.append(f"| {line.event.replace('_', ' ')} | {names} | {CONDITIONS[line.condition]} | {to} |")
    return lines


def groups() -> list[str]:
    """Return what the names of groups of events mean, and the order within a second."""
    named = [f"*{group}*: {', '.join(f'`{e}`' for e in events)}" for group, events in GROUPS.items()]
    return [
        f"{'; '.join(named)}. Terms, which pass by time alone: {', '.join(f'`{t}`' for t in TERMS)}.",
        "",
        f"Events of one second are read in this order: {', '.join(f'`{e}`' for e in EVENTS)}.",
    ]


def rules() -> list[str]:
    """Return the table of rule sets."""
    lines = ["| rule set | what it says here | source, date | left open |", "|---|---|---|---|"]
    for r in RULES.values():
        said = r.describe().removeprefix(f"{r.id}: ")
        lines.append(f"| `{r.id}` | {said} | {r.source}, {r.date} | {r.note} |")
    return lines


def labels() -> list[str]:
    """Return the table of reasons."""
    return ["| reason | label |", "|---|---|", *(f"| `{r}` | {text} |" for r, text in LABELS.items() if r)]


def recorded(name: str) -> Any:
    """Return what a benchmark recorded."""
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def lookups() -> list[str]:
    """Return the figures of look-ups."""
    found = recorded("lookups")
    lines = [
        f"{found['devices']:,} devices, {found['machine']['cores']} cores ({found['machine']['cpu']}), "
        f"{found['finished_at'][:10]}. *A core* is by CPU time; *together* is by the clock, of all processes at once, "
        "and other work on the machine counts against it.",
        "",
        "| ids | file | processes | opened in | batches: a core | together | one call: p50 | p99 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for kind, made in found["kinds"].items():
        for run in made["runs"]:
            core, together = (run[name] / 1e6 for name in ("batches_per_s_per_core", "batches_per_s"))
            lines.append(
                f"| {kind} | {made['bytes'] / 2**20:,.0f} MiB | {run['processes']} | {run['open_ms']:.1f} ms | "
                f"{core:.1f} M/s | {together:.1f} M/s | {run['single_p50_us']:.0f} µs | {run['single_p99_us']:.0f} µs |"
            )
    return lines


def service() -> list[str]:
    """Return the figures of the load run."""
    found = recorded("service")
    lines = [
        f"{found['seconds']:.0f} s each, {found['workers']} worker, {found['machine']['cores']} cores that the clients "
        f"share, {found['finished_at'][:10]}; other work on the machine counts against it, but for the CPU time:",
        "",
        "| | connections | requests a second | CPU a request | p50 | p99 | errors |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for name, what in (("lookup", "one device"), ("lookups", f"{found['batch']:,} devices")):
        said = found[name]
        lines.append(
            f"| {what} | {said['clients']} | {said['requests_per_s']:,.0f} | {said.get('cpu_ms', 0):.1f} ms | "
            f"{said['p50_ms']:.0f} ms | {said['p99_ms']:.0f} ms | {said['errors']} |"
        )
    return lines


PAGES = {
    ROOT / "docs" / "howto" / "codes.md": {
        "states": states,
        "transitions": transitions,
        "groups": groups,
        "rules": rules,
        "labels": labels,
    },
    ROOT / "docs" / "howto" / "lookups.md": {"figures": lookups},
    ROOT / "examples" / "service" / "README.md": {"figures": service},
}


def page(path: Path) -> str:
    """Return a page with its tables made anew."""
    text = path.read_text(encoding="utf-8")
    for name, make in PAGES[path].items():
        head, start, rest = text.partition(f"<!-- {name}: made by docs/make_codes.py -->\n")
        if not start:
            raise SystemExit(f"{path.name} has no place for {name}")
        _, end, tail = rest.partition(f"<!-- end of {name} -->")
        text = head + start + "\n".join(make()) + "\n" + end + tail
    return text


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(page(path), encoding="utf-8")
        print(f"wrote {path.name}")
