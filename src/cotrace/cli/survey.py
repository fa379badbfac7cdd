"""``cotrace info``: what pings look like, and what that says about ``fill`` and ``max_gap``."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cotrace.durations import format_duration

if TYPE_CHECKING:
    from cotrace.options import StayOptions
    from cotrace.stays import Survey

__all__ = ["describe"]

#: Shares from which on a thing is worth a sentence.
MANY_LONG_GAPS, MODAL_NEAR, MOSTLY_ONE_CELL, FORWARD_ADDS, LONG_FOR_MEDIAN = 0.05, 0.10, 0.8, 1.1, 20
_SHORTENINGS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def describe(seen: Survey, options: StayOptions, placed: int = 0) -> str:
    """Write a survey of pings as text; ``placed`` towers of a tower log have a position."""
    lines = [f"{name:<14}{value}" for name, value in _figures(seen, options, placed)]
    return "\n".join([*lines, "", *_words(seen, options)])


def _figures(seen: Survey, options: StayOptions, placed: int) -> list[tuple[str, str]]:
    refused = sum(seen.refused.values())
    towers = f"tower ids, {placed:,} with positions" if placed else "tower ids without positions"
    what = {"lonlat": "lon/lat", "xy": "x/y in metres", "none": towers}
    rows = [
        ("rows", f"{seen.rows:,}: {seen.used:,} used, {seen.collapsed:,} collapsed, {refused:,} refused"),
        *(("  refused", f"{count:,} {reason}") for reason, count in seen.refused.items()),
        ("devices", f"{seen.devices:,}"),
        ("positions", what.get(seen.positions, seen.positions)),
        ("span", _span(seen)),
        ("gaps", _gaps(seen, options)),
        ("one cell", _one_cell(seen)),
        ("observed", _observed(seen)),
    ]
    return [(name, value) for name, value in rows if value]


def _has_gaps(seen: Survey) -> bool:
    # gaps far over max_gap are counted, not measured: there is a share of them, and no median
    return seen.median_gap_s is not None or seen.share_over_max_gap > 0


def _span(seen: Survey) -> str:
    if seen.first is None or seen.last is None:
        return ""
    zone = _zone(seen.tz)
    first, last = (datetime.fromtimestamp(t, zone).isoformat(sep=" ") for t in (seen.first, seen.last))
    return f"{first} to {last} ({_roughly(seen.last - seen.first)})"


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # an offset such as +08:00 is no name of a zone
        pass
    try:
        return datetime.strptime(name, "%z").tzinfo or UTC
    except ValueError:
        return UTC


def _gaps(seen: Survey, options: StayOptions) -> str:
    if not _has_gaps(seen):
        return ""
    far = f"over {_roughly(2 * options.max_gap_s)}"
    median, modal = (far if gap is None else _roughly(gap) for gap in (seen.median_gap_s, seen.modal_gap_s))
    over = f"{seen.share_over_max_gap:.1%} over max_gap={options.max_gap}"
    return f"median {median}, most often {modal}, {over}"


def _one_cell(seen: Survey) -> str:
    return f"{seen.share_same_cell:.1%} of consecutive pings are in one cell" if _has_gaps(seen) else ""


def _observed(seen: Survey) -> str:
    if not _has_gaps(seen):
        return ""
    same, forward = seen.observed_h_same_cell, seen.observed_h_forward
    return f"{same:,.0f} h with fill='same_cell', {forward:,.0f} h with fill='forward'"


def _roughly(seconds: float) -> str:
    """Write a length of time in its two largest units."""
    rest, parts = round(seconds), []
    for name, size in _SHORTENINGS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def _words(seen: Survey, options: StayOptions) -> list[str]:
    if not seen.used:
        return ["No row can be used."]
    if not _has_gaps(seen):
        return ["No device has two pings: no stay can be made."]
    return [_on_fill(seen, options), _on_max_gap(seen, options), *_on_min_shared(seen, options)]


def _on_fill(seen: Survey, options: StayOptions) -> str:
    same, forward = seen.observed_h_same_cell, seen.observed_h_forward
    one_cell = seen.share_same_cell
    head = (
        "fill must be named for a tower log" if seen.positions == "none" or options.by == "tower" else "fill"
    )
    text = (
        f"{head}: 'same_cell' claims only what two pings in one cell bracket, {same:,.0f} h here; 'forward' "
        f"takes a device to stay where it was seen until it is seen elsewhere, {forward:,.0f} h. "
    )
    if one_cell >= MOSTLY_ONE_CELL and forward < FORWARD_ADDS * same:
        return text + "The two differ little here, and 'same_cell' claims less."
    if one_cell < 1 - MOSTLY_ONE_CELL:
        return text + (
            "Consecutive pings are seldom in one cell: either only changes of cell are recorded, and "
            "'forward' fits, or the cells are too small for these positions."
        )
    return text + "'forward' is right only when every change of cell is recorded."


def _on_max_gap(seen: Survey, options: StayOptions) -> str:
    limit, share = options.max_gap_s, seen.share_over_max_gap
    modal, median = seen.modal_gap_s, seen.median_gap_s or 0
    if modal and limit and abs(modal - limit) <= MODAL_NEAR * limit:
        return (
            f"max_gap: the commonest gap, {_roughly(modal)}, is within {MODAL_NEAR:.0%} of {options.max_gap}: "
            "a little jitter decides what is observed. Choose it clearly above or below."
        )
    if share > MANY_LONG_GAPS:
        return (
            f"max_gap: {share:.1%} of gaps are over {options.max_gap}, and nothing is claimed within them. A "
            "longer one observes more, and claims more of what was not seen."
        )
    if median and limit > LONG_FOR_MEDIAN * median:
        shorter = format_duration(_round_up(10 * median))
        return (
            f"max_gap: {options.max_gap} is {limit / median:,.0f} times the median gap, {_roughly(median)}; "
            f"a shorter one, such as {shorter}, would not bridge real absences."
        )
    return f"max_gap: {options.max_gap} bridges {1 - share:.1%} of gaps, and fits these pings."


def _on_min_shared(seen: Survey, options: StayOptions) -> list[str]:
    from cotrace.options import CompanionRule

    rule = CompanionRule()
    far = seen.median_gap_s is None
    if not far and (seen.median_gap_s or 0) <= rule.min_shared_s:
        return []
    median = f"over {_roughly(2 * options.max_gap_s)}" if far else _roughly(seen.median_gap_s or 0)
    return [
        f"min_shared: the median gap, {median}, is longer than {rule.min_shared}, the default: shared time that "
        "short cannot be seen in most of these pings."
    ]


def _round_up(seconds: int) -> int:
    step = 3_600 if seconds > 7_200 else 60 if seconds > 60 else 10
    return -(-seconds // step) * step
