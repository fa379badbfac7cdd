"""Sections of the page on accuracy that are of outbreaks: screening, common sources, rings."""

# ruff: noqa: E501 (sentences of a page)
from __future__ import annotations

from typing import Any

from accuracy_words import described, mean, percent, ratio, rows_where, table, whole

__all__ = ["SECTIONS", "SHORT"]


def screening(part: dict[str, Any]) -> str:
    """Return the section on the smallest list."""
    of = part["world"]
    rows = []
    for r in part["rows"]:
        sizes = {s["share"]: s["size"] for s in r["sizes"]}
        rows.append(
            [r["words"], percent(r["listed_share"]), percent(r["held_share"])]
            + ["–" if sizes[s] is None else percent(sizes[s] / part["pairs"]) for s in (0.5, 0.8, 0.9, 0.99)]
        )
    random = {r["share"]: r["random_size"] for r in part["random"]}
    rows.append(
        [
            "a random list",
            "100 %",
            "100 %",
            *(percent(random[s] / part["pairs"]) for s in (0.5, 0.8, 0.9, 0.99)),
        ]
    )
    head = [
        "list",
        "of all pairs listed",
        "of the infected in it",
        "for 50 %",
        "for 80 %",
        "for 90 %",
        "for 99 %",
    ]
    return "\n".join(
        [
            "## How short can a list be that holds 99 % of the infected?",
            "",
            f"{described(of)}, everybody logged, 40 records a day of a 5G network with {of['stations_a_km2']:.0f} stations a km²; "
            f"{of['outbreaks']} outbreaks, {of['cases']} confirmed cases who infected {whole(part['infected'])} others. How long a "
            "list has to be, as a share of all pairs of a case and a device, to hold so many of those whom the cases infected "
            "(– : it never does). Pairs of one rank are taken together, so a list without ranks is taken whole.",
            "",
            table(head, rows),
            _screening_short(part).replace("**Screening.** ", ""),
            "",
        ]
    )


def _size(part: dict[str, Any], words: str, share: float) -> float | None:
    row = rows_where(part["rows"], words=words)[0]
    size = next(s["size"] for s in row["sizes"] if s["share"] == share)
    return None if size is None else size / part["pairs"]


def _screening_short(part: dict[str, Any]) -> str:
    rule = part["rows"][0]
    ranked = [r["words"] for r in part["rows"] if r["ranked"] and "not observable" not in r["words"]]
    sizes = {w: _size(part, w, 0.99) for w in ranked}
    held = {w: s for w, s in sizes.items() if s is not None}
    random = next(r["random_size"] for r in part["random"] if r["share"] == 0.99) / part["pairs"]
    best = min(held, key=lambda w: held[w] or 1.0) if held else None
    at_ninety = {
        w.removeprefix("ten minutes, ").removeprefix("the same, ").removeprefix("by "): _size(part, w, 0.9)
        for w in ranked
    }
    ninety = min(
        ((w, s) for w, s in at_ninety.items() if s is not None), key=lambda p: p[1], default=("rank", None)
    )
    said = (
        "no ranked list holds 99 %"
        if best is None
        else f"the shortest that holds 99 % is {best}: {percent(held[best])} of all pairs"
    )
    return (
        f"**Screening.** The rule as published lists {percent(rule['listed_share'])} of all pairs and has "
        f"{percent(rule['held_share'])} of those whom the cases infected; {said}; a random list needs {percent(random)}. For 90 % "
        f"of them the list by {ninety[0]} takes {percent(ninety[1])} of all pairs, and one by true time in one venue "
        f"{percent(_size(part, 'by true time in one venue (not observable)', 0.9))}."
    )


def sources(part: dict[str, Any]) -> str:
    """Return the section on common sources."""
    rows = [
        [
            r["data"], percent(r["first_1"]), percent(r["first_3"]), percent(r["first_10"]), percent(r["first_100"]),
            whole(r["median_rank"]), whole(r["median_listed"]), percent(r["not_listed"] / r["asked"]),
        ]
        for r in part["rows"]
    ]  # fmt: skip
    low, average, high = part["cases_each"]
    head = [
        "data",
        "first",
        "in the first three",
        "in the first ten",
        "in the first hundred",
        "median rank",
        "listed",
        "not listed",
    ]
    return "\n".join(
        [
            "## How often is the true source of several cases found?",
            "",
            f"{described(part['world'])}, everybody looked at; {part['clusters']} outbreaks. In each, {low} to {high} people (on "
            f"average {average:.1f}) who were infected by one person and fell ill are the cases; `common_sources` is asked for "
            "that person, who is not among them. Its rank among everybody in town:",
            "",
            table(head, rows),
            _sources_short(part).replace("**Common sources.** ", ""),
            "",
        ]
    )


def _sources_short(part: dict[str, Any]) -> str:
    said = [
        f"{r['data']}: {percent(r['first_1'])}, {percent(r['first_3'])}, {percent(r['first_10'])}"
        for r in part["rows"]
    ]
    return f"**Common sources.** The true source is first, in the first three, in the first ten: {'; '.join(said)}."


def rings(part: dict[str, Any]) -> str:
    """Return the section on rings."""
    of = part["world"]
    kinds = (
        (f"near (in a venue, about {part['near']} of those there)", "near"),
        ("in one venue", "venue"),
        ("in one cell of 800 m", "cell"),
    )
    rows = []
    for words, kind in kinds:
        rings_of = [r[kind] for r in part["rows"]]
        depth = max(len(r) for r in rings_of)
        sizes = [[r[k] if k < len(r) else 0 for r in rings_of] for k in range(depth)]
        rows.append(
            [
                words,
                *(f"{whole(mean(s))} ({whole(min(s))}–{whole(max(s))})" for s in sizes),
                *["not asked"] * (3 - depth),
            ]
        )
    low_high = [f"{whole(a)}–{whole(b)} investigators" for a, b in part["published"]]
    rows.append(["published", *low_high])
    near = [mean([r["near"][k] for r in part["rows"]]) for k in range(3)]
    growth = f"by near meetings they grow {ratio(near[1] / near[0])} and {ratio(near[2] / near[1])} times"
    return "\n".join(
        [
            "## How large are the rings?",
            "",
            f"{of['area_km2']:,.0f} km² of Xi'an with all {whole(of['people'])} people, {len(part['rows'])} cases, the last "
            f"{part['days_back']} days; meetings of ten minutes, in the order of time (`cotrace.rings`). Mean size of each ring, with "
            "the least and the greatest:",
            "",
            table(["a meeting is", "first ring", "second ring", "third ring"], rows),
            f"Published experience grows tenfold from ring to ring; {growth}. One investigator of the published 20 to 30 would have "
            f"about {ratio(near[0] / 25)} people of the first ring, one of 200 to 300 {ratio(near[1] / 250)} of the second, and one "
            f"of 2,000 to 3,000 {ratio(near[2] / 2500)} of the third. By cells the first ring alone is "
            f"{percent(mean([r['cell'][0] for r in part['rows']]) / of['people'])} of the city.\n",
        ]
    )


def _rings_short(part: dict[str, Any]) -> str:
    near = [mean([r["near"][k] for r in part["rows"]]) for k in range(3)]
    cell = mean([r["cell"][0] for r in part["rows"]])
    return (
        f"**Rings.** {' → '.join(whole(n) for n in near)} people by near meetings in four days, beside the published 20–30 → "
        f"200–300 → 2,000–3,000 investigators; a first ring by cells has {whole(cell)}."
    )


SECTIONS = {"screening": screening, "sources": sources, "rings": rings}
SHORT = {"screening": _screening_short, "sources": _sources_short, "rings": _rings_short}
