"""What results say of themselves: the head of what is printed, and why a device is on a list."""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import TYPE_CHECKING, Any

from cotrace.errors import CaseError

if TYPE_CHECKING:
    from cotrace.companions.result import Companions

__all__ = ["explain", "summary", "summary_html", "what_it_is"]

_SHOWN = 10
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


def what_it_is(found: Companions) -> str:
    """Say in one sentence what the rows are, and by which reading."""
    where = f"tower; fill={found.options.fill!r}" if found.options.by == "tower" else _grid(found)
    smooth = f", smoothed within {found.options.smooth.within}" if found.options.smooth else ""
    return (
        f"Candidates from co-location, not contacts: {found.rule.describe()} "
        f"(cells: {where}, max_gap={found.options.max_gap!r}{smooth})."
    )


def _grid(found: Companions) -> str:
    return f"{found.options.grid.describe() if found.options.grid else 'grid'}; fill={found.options.fill!r}"


def summary(found: Companions) -> str:
    """Return the printed form: what it is, the funnel with the cell that brings most, the rarest meetings first."""
    parts = [what_it_is(found), found.counts.describe() if found.counts.rows else "", *_funnel_lines(found)]
    parts.append(_list_caption(found))
    if len(found):
        parts.append(_rarest(found).to_string(index=False, max_colwidth=40))
    return "\n".join(p for p in parts if p)


def summary_html(found: Companions) -> str:
    """Return the same for notebooks; everything from the data is escaped."""
    lines = [what_it_is(found), found.counts.describe() if found.counts.rows else ""]
    head = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    funnel = found.funnel.to_pandas().head(_SHOWN).to_html(index=False, border=0, escape=True)
    rows = _rarest(found).to_html(index=False, border=0, escape=True) if len(found) else ""
    return f"{head}{funnel}<p>{escape(_list_caption(found))}</p>{rows}"


def _list_caption(found: Companions) -> str:
    n = len(found)
    if not n:
        return "No companions. Not flagged is not the same as not exposed: see coverage."
    shown = f"the {_SHOWN} rarest meetings first (smallest crowd)" if n > _SHOWN else "rarest meetings first"
    return f"{n:,} companions, {shown}:"


def _rarest(found: Companions) -> Any:
    frame = found.companions.to_arrow().sort_by([("crowd", "ascending"), ("shared_s", "descending")])
    return frame.select(_IN_LIST).slice(0, _SHOWN).to_pandas()


def _funnel_lines(found: Companions) -> list[str]:
    rows = found.funnel.to_arrow()
    names = {"id": rows["case_id"].to_pylist(), "as_of": rows["as_of"].cast("timestamp[s]").to_pylist()}
    lines = []
    order = sorted(range(rows.num_rows), key=lambda i: -rows["companions"][i].as_py())
    for i in order[:_SHOWN]:
        row = {name: rows[name][i].as_py() for name in rows.column_names if name != "as_of"}
        top = ""
        if row["top_cell"] is not None:
            top = f"; {row['top_cell_share']:.0%} of them come from one cell, {_cell_name(found, row['top_cell'])}"
        lines.append(
            f"case {names['id'][i]}: {row['together']:,} devices in one cell with it at all, "
            f"{row['long_enough']:,} long enough, {row['companions']:,} companions "
            f"({row['companions_both']:,} with dwell_of='both') in {row['n_cells']:,} cells{top}"
        )
    if len(order) > _SHOWN:
        total = sum(rows["companions"].to_pylist())
        lines.append(f"... and {len(order) - _SHOWN:,} more cases; {total:,} companions of all")
    return lines


def _cell_name(found: Companions, cell: Any) -> str:
    if found.options.by == "tower" or found.options.grid is None:
        return f"tower {cell}"
    col, row = found.options.grid.unpack(cell)
    return f"column {int(col)}, row {int(row)}"


def duration(total: int) -> str:
    """Write seconds as people say them: 5400 is ``1 h 30 min``."""
    hours, rest = divmod(int(total), 3600)
    minutes, secs = divmod(rest, 60)
    parts = [f"{n:,} {unit}" for n, unit in ((hours, "h"), (minutes, "min"), (secs, "s")) if n]
    return " ".join(parts) or "0 s"


def explain(found: Companions, case: Any, companion: Any, as_of: Any) -> str:
    """See :meth:`cotrace.companions.result.Companions.explain`."""
    number = _case_number(found, case, as_of)
    coverage = found.coverage.to_arrow().slice(number, 1).to_pylist()[0]
    listed = found.companions.to_arrow()
    mine = _rows_of(listed, coverage, companion)
    moment = coverage["as_of"].isoformat()
    if not mine.num_rows:
        lines = [f"Device {companion} is no companion of case {case} (as of {moment}): {what_it_is(found)}"]
        return "\n".join([*lines, *_not_observed(found, coverage)])
    row = mine.to_pylist()[0]
    lines = [
        f"Device {companion} is a candidate companion of case {case} (as of {moment}), from co-location alone.",
        f"Rule: {found.rule.describe()}.",
        f"Together: {duration(row['shared_s'])} in {row['n_episodes']:,} qualifying episodes in "
        f"{row['n_cells']:,} cells, the longest {duration(row['longest_s'])}.",
    ]
    evidence = _rows_of(found.evidence.to_arrow(), coverage, companion)
    cells: dict[Any, list[dict[str, Any]]] = {}
    for e in evidence.to_pylist():
        cells.setdefault(e["cell"], []).append(e)
    for cell, episodes in list(cells.items())[:_SHOWN]:
        lines += _cell_lines(found, cell, episodes)
    if len(cells) > _SHOWN:
        lines.append(f"... and {len(cells) - _SHOWN:,} more cells: see evidence.")
    return "\n".join([*lines, *_not_observed(found, coverage)])


def _case_number(found: Companions, case: Any, as_of: Any) -> int:
    from cotrace.companions.cases import to_instant

    table = found.coverage.to_arrow()
    ids = table["case_id"].to_pylist()
    same = [i for i, known in enumerate(ids) if known == case]
    if as_of is not None:
        moment = to_instant(as_of, "as_of")
        same = [i for i in same if to_instant(table["as_of"][i].as_py(), "as_of") == moment]
    if not same:
        raise CaseError("that device and as_of is no case of this result; see coverage for those there are")
    if len(same) > 1:
        raise CaseError(f"that case has {len(same)} as_of in this result: name one with as_of=")
    return same[0]


def _rows_of(table: Any, case: dict[str, Any], companion: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    def equal(name: str, value: Any) -> Any:
        return pc.equal(table[name], pa.scalar(value, table[name].type))

    try:
        keep = pc.and_(equal("case_id", case["case_id"]), equal("as_of", case["as_of"]))
        return table.filter(pc.and_(keep, equal("companion_id", companion)))
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError):
        raise CaseError(
            f"the companion's id is not of the type of these ids, {table['companion_id'].type}"
        ) from None


def _cell_lines(found: Companions, cell: Any, episodes: list[dict[str, Any]]) -> list[str]:
    first = episodes[0]
    where = _cell_name(found, cell)
    if first["cell_lon"] is not None:
        where += f" (around {first['cell_lat']:.5f}, {first['cell_lon']:.5f})"
    who = {
        "case": "the case has the cumulative dwell",
        "companion": "the companion has the cumulative dwell",
        "both": "both have the cumulative dwell",
        "neither": "neither has the cumulative dwell",
    }[first["dwell_met_by"]]
    if found.rule.min_cumulative is None:
        who = "no cumulative dwell is asked for"
    lines = [
        f"In {where}: the case was there {duration(first['case_dwell_s'])} in the lookback, the companion "
        f"{duration(first['companion_dwell_s'])}; {who} here."
    ]
    for e in episodes[:_SHOWN]:
        crowd = e["crowd"]
        lines.append(
            f"  {e['started_at'].isoformat()} to {e['finished_at'].isoformat()}: {duration(e['shared_s'])}, "
            f"with up to {crowd:,} devices in the cell within an hour"
            + (" (these two alone)" if crowd == 2 else "")
        )
    if len(episodes) > _SHOWN:
        lines.append(f"  ... and {len(episodes) - _SHOWN:,} more episodes")
    return lines


def _not_observed(found: Companions, coverage: dict[str, Any]) -> list[str]:
    lookback = timedelta(seconds=found.rule.lookback_s)
    line = f"Not observed: the case has a cell for {coverage['observed_share']:.0%} of its lookback ({lookback.days} d)"
    if coverage["pings"] is not None:
        line += f", from {coverage['pings']:,} pings"
        if coverage["median_gap_s"] is not None:
            line += (
                f" with a median gap of {duration(coverage['median_gap_s'])} and a longest of "
                f"{duration(coverage['longest_gap_s'])}"
            )
    said = [line + "; the rest is unknown."]
    if found.options.grid is not None and found.options.by == "grid":
        far = found.options.grid.cell_m * 2**0.5
        said.append(
            f"Two devices in one cell can be up to {far:,.0f} m apart, and two a metre apart can be in two cells."
        )
    return said
