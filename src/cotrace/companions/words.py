"""What results say of themselves: the head of what is printed, and why a device is on a list or is not."""

from __future__ import annotations

from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Any

from cotrace.arrays import from_values
from cotrace.companions.cases import match_ids, to_instant
from cotrace.durations import spaced
from cotrace.errors import CaseError

if TYPE_CHECKING:
    from cotrace.companions.result import Companions

__all__ = ["SHOWN", "case_number", "count", "explain", "summary", "summary_html", "what_it_is"]

#: rows, cases, cells or episodes that are printed
SHOWN = 10
_WIDTH = 110
_IN_LIST = (
    "case_id",
    "as_of",
    "companion_id",
    "n_episodes",
    "n_cells",
    "shared_s",
    "first_started_at",
    "dwell_met_by",
    "crowd",
)
_WHO = {
    "case": "the case has the cumulative dwell",
    "companion": "the companion has the cumulative dwell",
    "both": "both have the cumulative dwell",
    "neither": "neither has the cumulative dwell",
}


def count(n: int, noun: str) -> str:
    """Write a number and its noun: ``1 device``, ``2 devices``."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def duration(total: int) -> str:
    """Write seconds as people say them: 5400 is ``1 h 30 min``."""
    hours, rest = divmod(int(total), 3600)
    minutes, secs = divmod(rest, 60)
    parts = [f"{n:,} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (secs, "s")) if n]
    return " ".join(parts) or "0 s"


def what_it_is(found: Companions) -> str:
    """Say in one sentence what the rows are, and by which reading."""
    return f"Candidates from co-location, not contacts: {found.rule.describe()}. {found.options.describe()}."


def summary(found: Companions) -> str:
    """Return the printed form: what it is, the funnel with the cell that brings most, the rarest meetings first."""
    lines = [what_it_is(found), _rows(found), *_funnel_lines(found), _list_caption(found)]
    parts = [fill(line, _WIDTH, subsequent_indent="  ") for line in lines if line]
    if len(found):
        parts.append(_rarest(found).to_string(index=False, max_colwidth=40))
    return "\n".join(parts)


def summary_html(found: Companions) -> str:
    """Return the same for notebooks; everything from the data is escaped."""
    head = "".join(f"<p>{escape(line)}</p>" for line in (what_it_is(found), _rows(found)) if line)
    funnel = _funnel_frame(found).to_html(index=False, border=0, escape=True)
    rows = _rarest(found).to_html(index=False, border=0, escape=True) if len(found) else ""
    return f"{head}{funnel}<p>{escape(_list_caption(found))}</p>{rows}"


def _rows(found: Companions) -> str:
    return found.counts.describe() if found.counts.rows else ""


def _list_caption(found: Companions) -> str:
    n = len(found)
    if not n:
        return "No companions. Not flagged is not the same as not exposed: see coverage."
    shown = f"the {SHOWN} rarest meetings first (smallest crowd)" if n > SHOWN else "rarest meetings first"
    return f"{count(n, 'companion')}, {shown}:"


def _rarest(found: Companions) -> Any:
    frame = found.companions.to_arrow().sort_by([("crowd", "ascending"), ("shared_s", "descending")])
    return frame.select(_IN_LIST).slice(0, SHOWN).to_pandas()


def _funnel_frame(found: Companions) -> Any:
    """Return the first rows of the funnel, with the cell that brings most in words."""
    rows = found.funnel.to_arrow().slice(0, SHOWN)
    frame = rows.to_pandas()
    top = rows["top_cell"].to_pylist()
    frame["top_cell"] = [None if cell is None else found.cells.said(cell) for cell in top]
    return frame


def _funnel_lines(found: Companions) -> list[str]:
    rows = found.funnel.to_arrow().drop_columns("as_of").to_pylist()
    rows.sort(key=lambda row: -row["companions"])
    lines = []
    for row in rows[:SHOWN]:
        cells = f"; it was in {count(row['n_cells'], 'cell')}"
        if row["top_cell"] is not None:
            top = found.cells.said(row["top_cell"])
            cells += f", and {row['top_cell_share']:.0%} of its companions come from one of them, {top}"
        lines.append(
            f"case {row['case_id']}: {count(row['together'], 'device')} in one cell with it at all, "
            f"{row['long_enough']:,} long enough, {count(row['companions'], 'companion')} "
            f"({row['companions_both']:,} with dwell_of='both'){cells}"
        )
    if len(rows) > SHOWN:
        total = sum(row["companions"] for row in rows)
        lines.append(f"... and {count(len(rows) - SHOWN, 'more case')}; {count(total, 'companion')} of all")
    return lines


def explain(found: Companions, case: Any, companion: Any, as_of: Any) -> str:
    """See :meth:`cotrace.companions.result.Companions.explain`."""
    number = case_number(found, case, as_of)
    other = _matched(found, companion)
    if other == _matched(found, case):
        raise CaseError("a case is not its own companion: companion= is the case itself")
    coverage = found.coverage.to_arrow().slice(number, 1).to_pylist()[0]
    listed = _rows_of(found.companions.to_arrow(), coverage, other)
    of_case = f"case {coverage['case_id']} (as of {coverage['as_of'].isoformat()})"
    if listed:
        lines = [f"Device {other} is a candidate companion of {of_case}, from co-location alone."]
        lines += _why(found, coverage, other, listed[0])
    else:
        lines = [f"Device {other} is no companion of {of_case}.", *_why_not(found, number, other)]
    return "\n".join([*lines, *_not_observed(found, number, coverage)])


def _why(found: Companions, coverage: dict[str, Any], other: Any, row: dict[str, Any]) -> list[str]:
    lines = [
        f"Rule: {found.rule.describe()}.",
        f"Together: {duration(row['shared_s'])} in {count(row['n_episodes'], 'qualifying episode')} in "
        f"{count(row['n_cells'], 'cell')}, the longest {duration(row['longest_s'])}.",
    ]
    cells: dict[Any, list[dict[str, Any]]] = {}
    for episode in _rows_of(found.evidence.to_arrow(), coverage, other):
        cells.setdefault(episode["cell"], []).append(episode)
    for cell, episodes in list(cells.items())[:SHOWN]:
        lines += _cell_lines(found, cell, episodes)
    if len(cells) > SHOWN:
        lines.append(f"... and {count(len(cells) - SHOWN, 'more cell')}: see evidence.")
    return lines


def _why_not(found: Companions, number: int, other: Any) -> list[str]:
    rule = f"The rule asks for: {found.rule.describe()}."
    meetings = found.meetings(number, other)
    if meetings is None:
        return [rule, "The device was never seen in the pings that were read."]
    if not meetings:
        return [rule, "The two were never in one cell at one time in the lookback, as far as was observed."]
    longest = max(meetings, key=lambda m: (m.longest_s, m.joint_s))
    return [
        rule,
        f"The longest that the two shared one cell was {duration(longest.longest_s)}, "
        f"{duration(longest.joint_s)} in all, in {found.cells.said(longest.cell)}; in the lookback the case was there "
        f"{duration(longest.case_dwell_s)}, the device {duration(longest.other_dwell_s)}.",
    ]


def _matched(found: Companions, device: Any) -> Any:
    return match_ids([device], found.companions.to_arrow().schema.field("companion_id").type)[0]


def case_number(found: Companions, case: Any, as_of: Any) -> int:
    """Return the row of ``coverage`` and ``funnel`` that is this case's; see :meth:`Companions.explain`."""
    table = found.coverage.to_arrow()
    device = _matched(found, case)
    same = [i for i, known in enumerate(table["case_id"].to_pylist()) if known == device]
    if as_of is not None:
        moment = to_instant(as_of, "as_of")
        same = [i for i in same if to_instant(table["as_of"][i].as_py(), "as_of") == moment]
    if not same:
        raise CaseError("that device and as_of is no case of this result; see coverage for those there are")
    if len(same) > 1:
        raise CaseError(f"that case has {len(same)} as_of in this result: name one with as_of=")
    return same[0]


def _rows_of(table: Any, case: dict[str, Any], companion: Any) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = table["companion_id"].type
    keep = pc.and_(
        pc.and_(
            pc.equal(table["case_id"], from_values([case["case_id"]], kind)[0]),
            pc.equal(table["companion_id"], from_values([companion], kind)[0]),
        ),
        pc.equal(table["as_of"], pa.scalar(case["as_of"], table["as_of"].type)),
    )
    rows: list[dict[str, Any]] = table.filter(keep).to_pylist()
    return rows


def _cell_lines(found: Companions, cell: Any, episodes: list[dict[str, Any]]) -> list[str]:
    first = episodes[0]
    where = found.cells.said(cell)
    if first["cell_lon"] is not None:
        where += f" (around lon {first['cell_lon']:.5f}, lat {first['cell_lat']:.5f})"
    who = _WHO[first["dwell_met_by"]] if found.rule.min_cumulative else "no cumulative dwell is asked for"
    lines = [
        f"In {where}: the case was there {duration(first['case_dwell_s'])} in the lookback, the companion "
        f"{duration(first['companion_dwell_s'])}; {who} here."
    ]
    for e in episodes[:SHOWN]:
        alone = " (these two alone)" if e["crowd"] == 2 else ""
        lines.append(
            f"  {e['started_at'].isoformat()} to {e['finished_at'].isoformat()}: {duration(e['shared_s'])}, "
            f"with up to {count(e['crowd'], 'device')} in the cell within an hour{alone}"
        )
    if len(episodes) > SHOWN:
        lines.append(f"  ... and {count(len(episodes) - SHOWN, 'more episode')}")
    return lines


def _not_observed(found: Companions, number: int, coverage: dict[str, Any]) -> list[str]:
    lookback = spaced(found.rule.lookback)
    if found.is_cut_short(number):
        lookback += ", cut short by isolated_at"
    line = (
        f"Not observed: the case has a cell for {coverage['observed_share']:.0%} of its lookback ({lookback})"
    )
    if coverage["pings"] is not None:
        line += f", from {count(coverage['pings'], 'ping')}"
        if coverage["median_gap_s"] is not None:
            line += (
                f" with a median gap of {duration(coverage['median_gap_s'])} and a longest of "
                f"{duration(coverage['longest_gap_s'])}"
            )
    said = [line + "; the rest is unknown."]
    return [*said, *_how_near(found)]


def _how_near(found: Companions) -> list[str]:
    if found.options.grid is None or found.options.by != "grid":
        return []
    far = found.options.grid.cell_m * 2**0.5
    return [
        f"Two devices in one cell can be up to {far:,.0f} m apart, and two a metre apart can be in two cells."
    ]
