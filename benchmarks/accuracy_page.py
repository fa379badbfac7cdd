"""Make docs/accuracy.md and its pictures from what accuracy.py recorded: no figure in it is typed by hand."""

# ruff: noqa: E501 (sentences of a page)
from __future__ import annotations

from typing import Any

import accuracy_more
import accuracy_plots
import accuracy_spread
from accuracy_words import mean, named, percent, ratio, rows_where, span, table, whole
from measure import HERE

DOCS = HERE.parent / "docs"
PAGE = DOCS / "accuracy.md"

HEAD = """\
# How right is it?

<!-- Made by `python benchmarks/accuracy.py` from benchmarks/results/accuracy.json: change the code, not this page. -->

No precision or recall was ever published for the companion rule. Here they are, on made cities whose truth is known to
the second ([made cities](synth.md)). All figures and pictures are made by one command:

```console
python benchmarks/accuracy.py
```

What is made is not what is: people, buildings and radio of these cities are assumptions beside the few published
figures, and a real city has habits that no generator has. Read differences between rows, not third digits.

**Two truths.** *By the rule*: the pairs that the same rule finds when every position is known exactly at every second. It
says what the data lose. *Met*: the pairs of a case and a device that were in one venue (a home, an office, a class, a
shop, a restaurant) for ten minutes without a break. It says what the rule means. Nearness within two metres is known to
neither.

Where a sample of devices is looked at, it is drawn at random from all people of a full city, so that shares are those of
the whole city, and counts of devices are those of the sample.

*Precision* is the share of listed pairs that are true, *recall* the share of true pairs that are listed, *lift* how many
times more true pairs are listed than in random lists of the same lengths ([evaluate](howto/evaluate.md)). Intervals in
brackets are 95 % bootstrap intervals over cases; they know of the chance in which people are cases, not of the chance in
the city itself: each world is one city.
"""


def write(kept: dict[str, Any]) -> None:
    """Write the page and draw its pictures."""
    accuracy_plots.draw(kept, DOCS / "images")
    PAGE.write_text(page(kept), encoding="utf-8")


def page(kept: dict[str, Any]) -> str:
    """Return the page."""
    parts = [HEAD, *(make(kept[name]) for name, make in SECTIONS.items() if name in kept)]
    missing = [name for name in SECTIONS if name not in kept]
    if missing:
        parts.append(f"Not measured: {', '.join(missing)}.\n")
    parts.insert(1, "## In short\n\n" + "\n".join(f"- {line}" for line in short(kept)) + "\n")
    parts.append(_how_made(kept))
    return "\n".join(parts)


def short(kept: dict[str, Any]) -> list[str]:
    """Return the answers in a line each."""
    lines = [SHORT[name](kept[name]) for name in SHORT if name in kept]
    return [line for line in lines if line]


def _how_made(kept: dict[str, Any]) -> str:
    box = next(iter(kept.values()))["machine"]
    parts = [(name, kept[name]) for name in SECTIONS if name in kept]
    rows = [
        [name, f"{p['seconds']:,.0f} s", f"{p['cpu_s']:,.0f} s", str(p["seed"]), p["finished_at"][:10]]
        for name, p in parts
    ]
    wall, cpu = (sum(p[name] for _, p in parts) / 60 for name in ("seconds", "cpu_s"))
    return (
        "## How it was made\n\n"
        + table(["question", "time", "time of processors", "seed", "recorded"], rows)
        + f"\n{wall:,.0f} minutes in all, {cpu:,.0f} of one processor, on {box['cores']} cores ({box['cpu']}); other work ran beside "
        "it and had it wait. Sizes are in `benchmarks/accuracy.py`; another seed gives other cities and other third digits.\n"
    )


# ---- generations ---------------------------------------------------------------------------------------------


def generations(part: dict[str, Any]) -> str:
    """Return the section on generations of stations."""
    lines = ["## Can only 5G carry the rule?", "", _generations_verdict(part), ""]
    lines.append("![Precision and recall by generation](images/accuracy-generations.svg)\n")
    for of in part["worlds"]:
        rows = []
        for row in rows_where(part["rows"], city=of["city"]):
            place = row["place"]
            rows.append(
                [
                    row["network"],
                    "–" if row["network"] == "true positions" else row["cells"],
                    whole(row.get("stations")),
                    span(row["rule"], "precision"),
                    span(row["rule"], "recall"),
                    percent(row["rule"]["flagged_share"]),
                    ratio(row["rule"]["lift"]),
                    percent(row["met"]["precision"]),
                    percent(row["met"]["recall"]),
                    "" if place is None else percent(place["right_share"]),
                ]
            )
        head = [
            "network", "cells", "stations", "precision, by the rule", "recall, by the rule", "of all devices flagged",
            "lift", "precision, met", "recall, met", "time in the right cell",
        ]  # fmt: skip
        lines.append(
            f"**{named(of['city'])}**, {of['stations_a_km2']:.1f} 5G stations a km²: {of['area_km2']:,.0f} km², "
            f"{whole(of['devices'])} devices drawn from {whole(of['people'])} people, {of['cases']} cases, {of['days']} days, "
            "full signalling.\n"
        )
        lines.append(table(head, rows))
    lines.append(
        "*Cells: grid* puts a device into the 800 m cell that its tower stands in; *tower* takes each sector of a station as a "
        "cell. *Mixed*: 40 % of handsets end at 4G, 60 % use 5G where it is. The first row is the rule on exact positions: it is "
        "right by definition, and what it says of meetings is the rule's own meaning.\n"
    )
    return "\n".join(lines)


def _generations_verdict(part: dict[str, Any]) -> str:
    said = []
    for of in part["worlds"]:
        rows = {r["network"]: r["rule"] for r in rows_where(part["rows"], city=of["city"], cells="grid")}
        said.append(
            f"at {of['stations_a_km2']:.1f} stations a km² 5G lists {percent(rows['5G']['precision'])} true pairs and finds "
            f"{percent(rows['5G']['recall'])} of them, 4G {percent(rows['4G']['precision'])} and "
            f"{percent(rows['4G']['recall'])}, 3G {percent(rows['3G']['precision'])} and 2G "
            f"{percent(rows['2G']['precision'])}; a mixed network {percent(rows['mixed']['precision'])} and "
            f"{percent(rows['mixed']['recall'])}"
        )
    best = [r["rule"]["precision"] for r in part["rows"] if r["network"] == "5G" and r["cells"] == "grid"]
    old = [
        r["rule"]["precision"]
        for r in part["rows"]
        if r["network"] in ("2G", "3G", "4G") and r["cells"] == "grid"
    ]
    holds = "holds in its direction" if min(best) > max(old) else "does not hold here"
    return (
        f"The published claim is that only 5G stations can carry the rule. It {holds}: {'; '.join(said)}. No generation is "
        f"right in nearly all that it lists: of the list of the dense 5G network {percent(1 - max(best))} would not be "
        "on it, were positions exact. In a mixed network a pair is placed as badly as the worse of its two handsets."
    )


def _generations_short(part: dict[str, Any]) -> str:
    rows = [r for r in part["rows"] if r["cells"] == "grid"]
    five = [r["rule"]["precision"] for r in rows if r["network"] == "5G"]
    four = [r["rule"]["precision"] for r in rows if r["network"] == "4G"]
    two = [r["rule"]["lift"] for r in rows if r["network"] == "2G"]
    exact = [r["met"]["precision"] for r in rows if r["network"] == "true positions"]
    return (
        f"**Only 5G?** Of the pairs listed {percent(min(five))} to {percent(max(five))} are right by the rule with 5G, "
        f"{percent(min(four))} to {percent(max(four))} with 4G; a list from 2G is {ratio(max(two))} times as good as a random "
        f"one. And of what the rule itself lists on exact positions, {percent(mean(exact))} are pairs that met."
    )


# ---- readings ------------------------------------------------------------------------------------------------


def readings(part: dict[str, Any]) -> str:
    """Return the section on readings of the rule."""
    of = part["world"]
    rows = [
        [
            f"`{r['dwell_of']}`" if r["min_cumulative"] else "no 30 hours",
            span(r, "precision"),
            span(r, "recall"),
            f"{r['false_per_case']:,.0f}",
            percent(r["flagged_share"]),
            ratio(r["lift"]),
        ]
        for r in part["perfect"]
    ]
    lines = [
        "## Which reading of the 30 hours?",
        "",
        f"{of['area_km2']:,.0f} km² of Xi'an, {whole(of['devices'])} devices drawn from {whole(of['people'])} people, {of['cases']} "
        "cases, 14 days. First the rule on exact positions, held to pairs that met:",
        "",
        table(
            ["`dwell_of`", "precision, met", "recall, met", "false a case", "of all devices flagged", "lift"],
            rows,
        ),
        _readings_verdict(part),
        "",
        "Then every option by itself, on a log of 40 records a day of a mixed network (`cotrace.sweep`, one call; the run "
        "that the others vary is `dwell_of=either`, 30 h, `fill=forward`, 75 min, no smoothing, 800 m):",
        "",
        "![Precision and recall of every option](images/accuracy-sweep.svg)\n",
    ]
    lines += [_sweep_table(part["tables"]), ""]
    return "\n".join(lines)


def _sweep_table(tables: dict[str, list[dict[str, Any]]]) -> str:
    rows = []
    for by_rule, met in zip(tables["rule"], tables["met"], strict=True):
        if by_rule["varied"] != "none":
            rows.append(
                [
                    f"`{by_rule['varied']}`",
                    by_rule["choice"] or "",
                    span(by_rule, "precision"),
                    span(by_rule, "recall"),
                    percent(met["precision"]),
                    span(met, "recall"),
                    f"{met['false_per_case']:,.0f}",
                    ratio(met["lift"]),
                ]
            )
    head = "option,value,precision (rule),recall (rule),precision (met),recall (met),false a case (met),lift (met)"
    words = "*Rule*: held to the same reading on exact positions. *Met*: held to pairs that met.\n"
    return table(head.split(","), rows) + "\n" + words


def _readings_verdict(part: dict[str, Any]) -> str:
    rows = {r["dwell_of"] if r["min_cumulative"] else "none": r for r in part["perfect"]}
    most = max((k for k in rows if k != "none"), key=lambda k: rows[k]["recall"])
    few = min((k for k in rows if k != "none"), key=lambda k: rows[k]["false_per_case"])
    return (
        f"Of the readings with 30 hours `{most}` finds most pairs that met, {percent(rows[most]['recall'])}, at "
        f"{rows[most]['false_per_case']:,.0f} false ones a case; `{few}` has the fewest false ones, "
        f"{rows[few]['false_per_case']:,.0f}, and finds {percent(rows[few]['recall'])}. The clause costs "
        f"{percent(rows['none']['recall'] - rows[most]['recall'])} of the pairs that met: those who met where neither is at "
        "home or at work."
    )


def _readings_short(part: dict[str, Any]) -> str:
    rows = {r["dwell_of"] if r["min_cumulative"] else "none": r for r in part["perfect"]}
    return (
        "**The 30 hours.** "
        + "; ".join(
            f"`{k}` finds {percent(rows[k]['recall'])} of pairs that met at {rows[k]['false_per_case']:,.0f} false ones a case"
            for k in ("either", "both", "pair")
        )
        + f"; without the clause {percent(rows['none']['recall'])} at {rows['none']['false_per_case']:,.0f}."
    )


SECTIONS = {
    "generations": generations,
    "readings": readings,
    **accuracy_more.SECTIONS,
    **accuracy_spread.SECTIONS,
}
SHORT = {
    "generations": _generations_short,
    "readings": _readings_short,
    **accuracy_more.SHORT,
    **accuracy_spread.SHORT,
}
