"""More sections of the page on accuracy: fills, smoothing, filters, edges, certainty."""

# ruff: noqa: E501 (sentences of a page)
from __future__ import annotations

from typing import Any

from accuracy_words import described, percent, ratio, rows_where, span, table, whole

__all__ = ["SECTIONS", "SHORT"]


# ---- fills ---------------------------------------------------------------------------------------------------


def fills(part: dict[str, Any]) -> str:
    """Return the section on fills."""
    rows = [
        [
            f"{r['feed']} ({part['feeds'][r['feed']]['a_day']:.0f})",
            r["positions"],
            f"`{r['fill']}`",
            r["max_gap"],
            percent(r["half"]["seen_share"]),
            percent(r["half"]["seen_ten_minutes"]),
            percent(r["hour"]["seen_share"]),
            percent(r["hour"]["seen_ten_minutes"]),
            percent(r["invented_share"]),
            percent(r["invented_whole"]),
            percent(r["right_share"]),
        ]
        for r in part["rows"]
    ]
    head = [
        "records a day", "positions", "`fill`", "`max_gap`", "of a half hour seen", "seen for 10 min",
        "of an hour seen", "seen for 10 min", "of claimed time invented", "of episodes invented whole",
        "time in the right cell",
    ]  # fmt: skip
    first = part["rows"][0]
    return "\n".join(
        [
            "## What does each fill see, and what does it invent?",
            "",
            f"{described(part['world'])}, {part['world']['cases']} cases. True times together in one cell of 25 to 35 minutes "
            f"({whole(first['half']['meetings'])}) and of 50 to 70 ({whole(first['hour']['meetings'])}); what the stays have of "
            "them; and how much of the time together that episodes of ten minutes and more claim never was. *Exact*: true "
            "positions at the times of the log; *towers*: the place of the serving tower of a mixed network.",
            "",
            table(head, rows),
            _fills_short(part).replace("**Fill.** ", ""),
            "",
        ]
    )


def _fills_short(part: dict[str, Any]) -> str:
    said = []
    for fill in ("same_cell", "forward"):
        exact, tower = (
            rows_where(part["rows"], feed="40 a day", positions=where, fill=fill, max_gap="75min")[0]
            for where in ("exact", "towers")
        )
        said.append(
            f"`{fill}` sees {percent(exact['half']['seen_share'])} of a true half hour and "
            f"{percent(exact['hour']['seen_share'])} of an hour with exact positions, and invents "
            f"{percent(exact['invented_share'])} of the time that it claims (towers: {percent(tower['half']['seen_share'])}, "
            f"{percent(tower['hour']['seen_share'])}, {percent(tower['invented_share'])})"
        )
    return f"**Fill.** At 40 records a day {'; '.join(said)}."


# ---- smoothing -----------------------------------------------------------------------------------------------


def smoothing(part: dict[str, Any]) -> str:
    """Return the section on smoothing."""
    rows = [
        [
            r["network"],
            percent(r["flap_share"]),
            "none" if r["within"] is None else r["within"],
            whole(r["stays"]),
            span(r["rule"], "precision"),
            span(r["rule"], "recall"),
            percent(r["met"]["recall"]),
            percent(r["right_share"]),
        ]
        for r in part["rows"]
    ]
    head = [
        "network", "flaps among records", "`smooth`", "stays", "precision, by the rule", "recall, by the rule",
        "recall, met", "time in the right cell",
    ]  # fmt: skip
    return "\n".join(
        [
            "## What does smoothing do?",
            "",
            f"{described(part['world'])}, {part['world']['cases']} cases, full signalling, cells by the tower's place. There are "
            f"{whole(part['rows'][0]['true_stays'])} true stays.",
            "",
            table(head, rows),
            _smoothing_short(part).replace("**Smoothing.** ", ""),
            "",
        ]
    )


def _smoothing_short(part: dict[str, Any]) -> str:
    most = max(r["flapping"] for r in part["rows"])
    said = []
    for net in dict.fromkeys(r["network"] for r in part["rows"]):
        rows = {r["within"]: r for r in rows_where(part["rows"], network=net, flapping=most)}
        before, after = rows[None], rows["15min"]
        said.append(
            f"in the {net} network `PingPong('15min')` leaves {percent(after['stays'] / before['stays'])} of the stays, takes "
            f"precision from {percent(before['rule']['precision'])} to {percent(after['rule']['precision'])}, recall from "
            f"{percent(before['rule']['recall'])} to {percent(after['rule']['recall'])}, and time in the right cell from "
            f"{percent(before['right_share'])} to {percent(after['right_share'])}"
        )
    moved = max(
        abs(
            r[name]
            - rows_where(part["rows"], network=r["network"], flapping=r["flapping"], within=None)[0][name]
        )
        for r in part["rows"]
        for name in ("right_share",)
    )
    verdict = (
        "It mends the number of stays and the memory that they take, not the place"
        if moved < 0.02
        else "It moves the time in the right cell too"
    )
    return f"**Smoothing.** {verdict}. Where flapping is worst, {'; '.join(said)}."


# ---- filters -------------------------------------------------------------------------------------------------


def filters(part: dict[str, Any]) -> str:
    """Return the section on columns to filter by."""
    rows = [
        [
            f"`{r['column']}`" if r["column"] != "all" else "all that are flagged",
            r["words"],
            percent(r["left_share"]),
            percent(r["kept_share"]),
            percent(r["precision"]),
            ratio(r["lift"]),
        ]
        for r in part["rows"]
    ]
    return "\n".join(
        [
            "## What do the columns filter?",
            "",
            f"{described(part['world'])}, {part['world']['cases']} cases, a mixed network with full signalling, the default rule. What "
            "is left of the list when only these rows are kept, and how many of the flagged pairs that met are among them. "
            "`setting` is what the cell with most shared time is to the case; `usual_s` what the two shared before the last "
            "four days.",
            "",
            table(
                ["column", "kept", "of the list left", "of pairs that met left", "precision, met", "lift"],
                rows,
            ),
            _filters_short(part).replace("**Filters.** ", ""),
            "",
        ]
    )


def _filters_short(part: dict[str, Any]) -> str:
    rows = [r for r in part["rows"] if r["column"] != "all" and r["left_share"] > 0]
    best = max(rows, key=lambda r: r["kept_share"] - r["left_share"])
    sharpest = max(rows, key=lambda r: r["lift"] or 0)
    verdict = "None makes a list of people who met." if max(r["precision"] for r in rows) < 0.5 else ""
    return (
        f"**Filters.** {verdict} The best exchange is `{best['column']}` ({best['words']}): "
        f"{percent(best['left_share'])} of the list with {percent(best['kept_share'])} of the pairs that met. The sharpest is "
        f"`{sharpest['column']}` ({sharpest['words']}), a precision of {percent(sharpest['precision'])} at "
        f"{percent(sharpest['kept_share'])} of them."
    )


# ---- edges ---------------------------------------------------------------------------------------------------


def edges(part: dict[str, Any]) -> str:
    """Return the section on shifted grids."""
    rows = [
        [
            r["positions"], "yes" if r["in_base"] else "no", r["words"], whole(r["pairs"]), percent(r["share"]),
            percent(r["met_share"]),
        ]
        for r in part["rows"] if r["low"] <= r["high"] and (r["in_base"] or r["high"])
    ]  # fmt: skip
    return "\n".join(
        [
            "## What do the edges of the grid do?",
            "",
            f"{described(part['world'])}, {part['world']['cases']} cases, 40 records a day of a 5G network; "
            f"`cotrace.shifted_grids` with {part['shifts']} shifts. In how many of the shifted grids is somebody a companion who "
            "is one in the grid asked for, and who is not?",
            "",
            table(
                [
                    "positions",
                    "companion in the grid asked for",
                    "in how many shifted",
                    "pairs",
                    "share",
                    "of these met",
                ],
                rows,
            ),
            _edges_short(part).replace("**Edges.** ", ""),
            "",
        ]
    )


def _edges_short(part: dict[str, Any]) -> str:
    rows = rows_where(part["rows"], positions="exact")
    base = {r["words"]: r for r in rows if r["in_base"]}
    others = sum(r["pairs"] for r in rows if not r["in_base"])
    there = sum(r["pairs"] for r in base.values())
    few = base["up to half"]["share"] + base["none"]["share"]
    return (
        f"**Edges.** With exact positions {percent(base['all']['share'])} of the companions are companions in every shifted grid, "
        f"{percent(few)} in half of them or fewer; and for each companion there are {ratio(others / max(1, there))} others who "
        "would be companions in some other grid."
    )


# ---- certainty -----------------------------------------------------------------------------------------------


def certainty(part: dict[str, Any]) -> str:
    """Return the section on probabilities."""
    best = part["models"]["bayes"]
    bins = [
        [
            f"{r['lowest']:.2f} to {r['highest']:.2f}", whole(r["pairs"]), percent(r["mean_probability"]),
            f"{percent(r['share_true'])} [{percent(r['low'])[:-2]}, {percent(r['high'])[:-2]}]",
        ]
        for r in best["bins"]
    ]  # fmt: skip
    worlds = [
        [
            f"{r['stations_a_km2']:.1f}", r["network"], r["feed"], r["model"], whole(r["pairs"]), percent(r["true_share"]),
            percent(r["listed_share"]), f"{r['error']:.3f}", f"{r['raw_error']:.3f}", f"{r['ranked_right']:.2f}", f"{r['brier']:.3f}",
        ]
        for r in part["rows"]
    ]  # fmt: skip
    fitted = part["fitted_on"]
    densities = ", ".join(f"{w['stations_a_km2']:.0f}" for w in fitted["worlds"])
    where = (
        f"The calibration was fitted on {len(fitted['worlds'])} other cities, with other seeds and densities "
        f"({densities} 5G stations a km²)."
        if fitted["worlds"]
        else "**No calibration was fitted**: probabilities are the model's own."
    )
    first = part["rows"][0]
    return "\n".join(
        [
            "## Are probabilities what they say?",
            "",
            f"`find_companions(..., certainty=True)` on cities of {first['area_km2']:.0f} km² that were not used for fitting, "
            f"{whole(first['devices'])} devices and {first['cases']} cases each: of the pairs that are given about 0.7, are about "
            f"0.7 true (shared a cell of 800 m for ten minutes)? {where} All test cities together:",
            "",
            "![Reliability diagram](images/accuracy-reliability.svg)\n",
            table(["probability", "pairs", "mean probability", "share that is true"], bins),
            f"Expected calibration error {best['error']:.3f} [{best['error_low']:.3f}, {best['error_high']:.3f}]; Brier score "
            f"{best['brier']:.3f}, against {best['base_brier']:.3f} for giving everybody the share of true pairs. City by city:",
            "",
            table(
                [
                    "5G stations a km²",
                    "network",
                    "feed",
                    "footprints",
                    "pairs",
                    "true",
                    "of all true pairs listed",
                    "calibration error",
                    "not calibrated",
                    "ranked right",
                    "Brier",
                ],
                worlds,
            ),
            "*Ranked right*: of a true pair and one that is not, how often the true one has the greater probability.\n",
        ]
    )


def _certainty_short(part: dict[str, Any]) -> str:
    best = part["models"]["bayes"]
    worst = max((r for r in part["rows"] if r["model"] == "bayes"), key=lambda r: r["error"])
    seven = next((r for r in best["bins"] if r["bin"] == 8), None)
    said = (
        ""
        if seven is None
        else f"; of pairs given {percent(seven['mean_probability'])}, {percent(seven['share_true'])} are true"
    )
    return (
        f"**Probabilities.** Over all test cities they are off by {percent(best['error'])} on average{said}. In the worst city "
        f"({worst['network']}, {worst['feed']}, {worst['stations_a_km2']:.0f} stations a km²) they are off by "
        f"{percent(worst['error'])}."
    )


SECTIONS = {
    "fills": fills,
    "smoothing": smoothing,
    "filters": filters,
    "edges": edges,
    "certainty": certainty,
}
SHORT = {
    "fills": _fills_short,
    "smoothing": _smoothing_short,
    "filters": _filters_short,
    "edges": _edges_short,
    "certainty": _certainty_short,
}
