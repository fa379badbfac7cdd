"""The page itself: what it says without a script, and the one script and style that may run.

Everything that comes from data is escaped here or put in place as text by the script; the policy in the page's head
allows this script and this style by their hashes, and no request to anywhere.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.view.report.contents import MET, Clock
from cotrace.view.report.reading import length, options_in, reason_in, rule_in
from cotrace.view.style import readable

if TYPE_CHECKING:
    from cotrace.companions import Companions
    from cotrace.view.select import OneCase

__all__ = ["page"]

Words = dict[str, str]
_LONGEST_ID = 60


def page(
    found: Companions,
    cases: list[OneCase],
    data: dict[str, Any],
    clock: Clock,
    words: Words,
    lang: str,
    title: str | None,
) -> str:
    """Return the whole page as HTML."""
    style, script = _asset("report.css"), _asset("report.js")
    name = title or _title(found, cases, words)
    told = {
        **data,
        "words": {key.removeprefix("js_"): text for key, text in words.items() if key.startswith("js_")},
        "met": MET,
        "numbers": not _is_text(found),
    }
    body = "".join(_body(found, cases, clock, words, lang, name))
    return (
        f'<!doctype html>\n<html lang="{"zh-CN" if lang == "zh" else lang}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(style, script)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="cotrace">\n<meta name="referrer" content="no-referrer">\n'
        '<meta name="robots" content="noindex">\n'
        f'<link rel="icon" href="data:,">\n<title>{_text(name)}</title>\n<style>{style}</style>\n</head>\n'
        f'<body>\n{body}<script type="application/json" id="data">{_json(told)}</script>\n'
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("cotrace.view.report").joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    allowed = {kind: b64encode(sha256(text.encode()).digest()).decode() for kind, text in
               (("script", script), ("style", style))}  # fmt: skip
    return (
        f"default-src 'none'; script-src 'sha256-{allowed['script']}'; style-src 'sha256-{allowed['style']}'; "
        "img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _json(data: Any) -> str:
    """Write JSON that no parser of HTML takes for markup, lone surrogates included."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _text(value: Any) -> str:
    """Escape a value for HTML; what cannot be seen is written out."""
    return escape(readable(str(value)), quote=True)


def _id(value: Any) -> str:
    """Escape an id, cut to a length that a line holds."""
    text = readable(str(value))
    cut = text if len(text) <= _LONGEST_ID else f"{text[: _LONGEST_ID - 9]}…{text[-8:]}"
    return f"<bdi>{escape(cut)}</bdi>"


def _is_text(found: Companions) -> bool:
    import pyarrow as pa

    return not pa.types.is_integer(found.stays.devices.type)


def _title(found: Companions, cases: list[OneCase], words: Words) -> str:
    if len(cases) == 1:
        text = readable(str(cases[0].case))
        return words["title_one"].format(text if len(text) <= _LONGEST_ID else text[: _LONGEST_ID - 1] + "…")
    return words["title_many"].format(f"{len(cases):,}")


def _body(
    found: Companions, cases: list[OneCase], clock: Clock, words: Words, lang: str, name: str
) -> list[str]:
    rows = [_numbers(found, one) for one in cases]
    summary = _cards(found, cases[0], rows[0], clock, words, lang) if len(cases) == 1 else ""
    return [
        f'<a class="skip" href="#list">{_text(words["skip"])}</a>\n<div class="page">\n<header>\n'
        f'<h1><bdi>{_text(name)}</bdi></h1>\n<p class="warning" role="note">{_text(words["candidates"])}</p>\n'
        f'<p class="reading">{_text(words["reading"] + words["colon"] + rule_in(found.rule, lang))}</p>\n'
        "</header>\n<main>\n"
        f"<noscript><p>{_text(words['noscript'])}</p></noscript>\n",
        f'<section aria-labelledby="h-summary"><h2 id="h-summary">{_text(words["summary"])}</h2>\n{summary}',
        "" if len(cases) == 1 else _table_of_cases(found, cases, rows, clock, words, lang),
        '<div id="choice" class="scripted" hidden></div></section>\n',
        _limits(found, cases, rows, words, lang),
        _section("fortnight", '<figure id="days"></figure>', words),
        _section("map", '<div class="beside"><figure id="map"></figure><div id="cells"></div></div>', words),
        _section("timeline", '<figure id="time"></figure>', words),
        _section("list", _list(words), words, "list"),
        _provenance(found, clock, words, lang),
        f'</main>\n<footer><p>{_text(words["candidates"])}</p></footer>\n</div>\n',
    ]  # fmt: skip


def _section(key: str, inside: str, words: Words, anchor: str = "") -> str:
    named = f' id="{anchor}"' if anchor else ""
    return (
        f'<section{named} class="scripted" hidden aria-labelledby="h-{key}"><h2 id="h-{key}">{_text(words[key])}</h2>\n'
        f"{inside}</section>\n"
    )


def _list(words: Words) -> str:
    return (
        '<div id="controls" role="search"></div>\n<p id="shown" role="status" aria-live="polite"></p>\n'
        f'<table id="list-table"><caption class="note">{_text(words["candidates"])}</caption>'
        '<thead><tr id="heads"></tr></thead><tbody id="rows"></tbody></table>\n'
        f'<div class="pager"><button type="button" id="prev">{_text(words["js_prev"])}</button><span id="page"></span>'
        f'<button type="button" id="next">{_text(words["js_next"])}</button></div>\n'
    )


def _numbers(found: Companions, one: OneCase) -> dict[str, Any]:
    """Return the case's rows of the funnel and the coverage, and the middle of its companions' crowds."""
    from cotrace.view.select import rows_of

    row: dict[str, Any] = {}
    for table in (found.funnel, found.coverage):
        row |= rows_of(table.to_arrow(), one).to_pylist()[0]
    crowds = rows_of(found.companions.to_arrow(), one)["crowd"].to_numpy()
    row["half_crowd"] = int(np.median(crowds)) if crowds.size else None
    return row


def _facts_of(found: Companions, row: dict[str, Any], words: Words, lang: str) -> list[tuple[str, str]]:
    def lasting(key: str) -> str:
        return words["unknown"] if row[key] is None else length(row[key], lang)

    top = (
        "–"
        if row["top_cell"] is None
        else f"{found.cells.said(row['top_cell'], short=True)} ({row['top_cell_share']:.0%})"
    )
    pings = words["unknown"] if row["pings"] is None else f"{row['pings']:,}"
    return [
        ("companions", f"{row['companions']:,}"),
        ("together", f"{row['together']:,}"),
        ("long_enough", f"{row['long_enough']:,}"),
        ("both", f"{row['companions_both']:,}"),
        ("n_cells", f"{row['n_cells']:,}"),
        ("top_cell", top),
        ("observed", f"{row['observed_share']:.0%}"),
        ("pings", pings),
        ("median_gap", lasting("median_gap_s")),
        ("longest_gap", lasting("longest_gap_s")),
    ]


def _cards(
    found: Companions, one: OneCase, row: dict[str, Any], clock: Clock, words: Words, lang: str
) -> str:
    first = {"companions": ' class="main"'}
    cards = "".join(
        f"<div{first.get(key, '')}><dt>{_text(words[key])}</dt><dd>{_text(value)}</dd></div>"
        for key, value in _facts_of(found, row, words, lang)
    )
    return f'<p>{_id(one.case)} · {_text(_span(one, clock, words))}</p>\n<dl class="cards">{cards}</dl>\n'


def _span(one: OneCase, clock: Clock, words: Words) -> str:
    said = f"{words['lookback']}{words['colon']}{clock.say(one.start)} – {clock.say(one.as_of)}"
    if one.infectious > one.start:
        said += "; " + words["infectious_from"].format(clock.say(one.infectious))
    if one.end < one.as_of:
        said += "; " + words["isolated_at"].format(clock.say(one.end))
    return said


def _table_of_cases(
    found: Companions, cases: list[OneCase], rows: list[dict[str, Any]], clock: Clock, words: Words, lang: str
) -> str:
    heads = ["case", "as_of", *(key for key, _ in _facts_of(found, rows[0], words, lang))]
    body = "".join(
        f'<tr><th scope="row">{_id(one.case)}</th><td>{_text(clock.say(one.as_of))}</td>'
        + "".join(f"<td>{_text(value)}</td>" for _, value in _facts_of(found, row, words, lang))
        + "</tr>\n"
        for one, row in zip(cases, rows, strict=True)
    )
    head = "".join(f'<th scope="col">{_text(words[key])}</th>' for key in heads)
    return (
        f'<div class="wide tall" tabindex="0" role="region" aria-label="{_text(words["funnel"])}"><table>'
        f"<caption>{_text(words['funnel'])}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>\n"
    )


def _limits(
    found: Companions, cases: list[OneCase], rows: list[dict[str, Any]], words: Words, lang: str
) -> str:
    grid, said = found.options.grid, []
    if found.options.by == "grid" and grid is not None:
        said.append(words["limit_grid"].format(f"{grid.cell_m:,.0f}", f"{grid.cell_m * 2**0.5:,.0f}"))
    else:
        said.append(words["limit_tower"])
    for one, row in list(zip(cases, rows, strict=True))[:3]:
        who = readable(str(one.case))[:_LONGEST_ID]
        gap = row["median_gap_s"]
        after = "" if gap is None else words["limit_gap"].format(length(gap, lang))
        said.append(words["limit_unseen"].format(f"{row['observed_share']:.0%}", who, after))
        if row["half_crowd"] is not None:
            said.append(words["limit_crowd"].format(who, f"{row['half_crowd']:,}"))
        if row["top_cell"] is not None and row["companions"] > 1:
            top = found.cells.said(row["top_cell"], short=True)
            said.append(words["limit_top"].format(f"{row['top_cell_share']:.0%}", who, top))
    said += [words[key] for key in ("limit_contact", "limit_device", "limit_signal", "limit_right")]
    items = "".join(f"<li>{_text(s)}</li>" for s in said)
    return (
        f'<section aria-labelledby="h-limits"><h2 id="h-limits">{_text(words["limits"])}</h2>'
        f'<ul class="limits">{items}</ul></section>\n'
    )


def _provenance(found: Companions, clock: Clock, words: Words, lang: str) -> str:
    from cotrace import __version__

    span = found.stays.span
    facts = [
        ("reading", rule_in(found.rule, lang)),
        ("stays_how", options_in(found.options, lang)),
        ("span", words["unknown"] if span is None else f"{clock.say(span[0])} – {clock.say(span[1])}"),
        ("zone", found.tz),
        ("version", f"cotrace {__version__}"),
    ]
    listed = "".join(f"<dt>{_text(words[key])}</dt><dd>{_text(value)}</dd>" for key, value in facts)
    return (
        f'<section aria-labelledby="h-rule"><h2 id="h-rule">{_text(words["rule"])}</h2>\n'
        f'<dl class="facts">{listed}</dl>\n'
        f"<h3>{_text(words['count_head'])}</h3>\n{_counts(found, words, lang)}</section>\n"
    )


def _counts(found: Companions, words: Words, lang: str) -> str:
    counts = found.counts
    if not counts.rows:
        return f"<p>{_text(words['no_counts'])}</p>"
    rows = [
        (words["rows"], counts.rows),
        (words["used"], counts.used),
        (words["collapsed"], counts.collapsed),
    ]
    rows += [(f"– {words['conflicts']}", counts.conflicts), (words["refused"], counts.n_refused)]
    rows += [(f"– {reason_in(reason, lang)}", n) for reason, n in sorted(counts.refused.items())]
    rows += [(words["skipped"], counts.skipped), (words["relabelled"], counts.relabelled)]
    body = "".join(f'<tr><th scope="row">{_text(what)}</th><td>{n:,}</td></tr>' for what, n in rows)
    head = f'<th scope="col">{_text(words["count_head"])}</th><th scope="col">{_text(words["number"])}</th>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
