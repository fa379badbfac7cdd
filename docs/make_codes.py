"""Write the tables of docs/howto/codes.md from the state machine and the rule sets in cotrace.codes.

Run ``python docs/make_codes.py`` after a change of either; a test holds the page to it.
"""

from __future__ import annotations

from pathlib import Path

from cotrace.codes.machine import CODES_OF, CONDITIONS, EVENTS, GROUPS, LABELS, STATES, TERMS, TRANSITIONS
from cotrace.codes.presets import RULES

PAGE = Path(__file__).with_name("howto") / "codes.md"

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


PARTS = {
    "states": states,
    "transitions": transitions,
    "groups": groups,
    "rules": rules,
    "labels": labels,
}


def page(text: str) -> str:
    """Return the page with its tables made anew."""
    for name, make in PARTS.items():
        head, start, rest = text.partition(f"<!-- {name}: made by docs/make_codes.py -->\n")
        if not start:
            raise SystemExit(f"{PAGE.name} has no place for {name}")
        _, end, tail = rest.partition(f"<!-- end of {name} -->")
        text = head + start + "\n".join(make()) + "\n" + end + tail
    return text


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.name}: {len(TRANSITIONS)} transitions")
