"""A case and one companion over time: a lane a cell, shared time marked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import CaseError
from cotrace.view.clock import ticks, years, zone_of
from cotrace.view.select import (
    OneCase,
    clipped,
    device_stays,
    evidence_of,
    is_companion,
    one_case,
    seconds_of,
)
from cotrace.view.style import (
    CASE,
    COMPANION,
    INK,
    MUTED,
    OUTSIDE,
    SHARED,
    as_written,
    axes,
    hours,
    named,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.companions import Companions

__all__ = ["plot_timeline"]

Rows = NDArray[np.int64]
MOST_LANES = 8
_DAY = 86_400
_BAR = 0.34  # height of one device's bar; a lane is 1 high
_MARGIN = 0.015  # of the lookback, left and right of it
_MARK = 12  # height of the names of dates above the axes, in points
_EDGE = 0.12  # of the lookback: nearer to its end than this there is no room for a name


@dataclass(frozen=True)
class _Lane:
    """One cell, or all the others together: stays of both in the lookback, and the episodes."""

    label: str
    case: Rows
    companion: Rows
    episodes: Rows

    @property
    def shared_s(self) -> int:
        return int((self.episodes[:, 2] - self.episodes[:, 1]).sum())


def plot_timeline(
    found: Companions, case: Any, companion: Any, as_of: Any = None, *, ax: Axes | None = None
) -> Axes:
    """Draw where a case and a companion were in the lookback, and when they were together.

    Cells with qualifying episodes come first, most shared time at the top; what does not fit shares one lane.
    Drawn are the cells that the case was in: of the companion nothing else is known here.

    Parameters
    ----------
    found : Companions
        A result, made with its evidence.
    case, companion : device id
        The two devices; any device may be named, a companion or not.
    as_of : datetime or str, optional
        Which case, where the device is one several times.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    CaseError
        When the case is no case of this result, or is to be drawn beside itself.
    """
    one = one_case(found, case, as_of)
    if companion == one.case:
        raise CaseError("a case is always together with itself: name another device to draw beside it")
    lanes = _lanes(found, one, companion)
    ax = axes(ax, 11, 1.9 + 0.62 * max(1, len(lanes)))
    for y, lane in enumerate(lanes):
        _draw(ax, y, lane)
    if not lanes:
        ax.text(0.5, 0.5, "the case was not observed in its lookback", transform=ax.transAxes, ha="center")
    _time_axis(ax, one, found.stays.tz)
    ax.set_ylim(max(1, len(lanes)) - 0.45, -0.62)
    ax.set_yticks(range(len(lanes)), [lane.label for lane in lanes], fontsize=9, parse_math=False)
    ax.set_ylabel("cell (column, row)" if found.options.by == "grid" else "cell")
    _dwell_beside(ax, lanes)
    episodes = sum(len(lane.episodes) for lane in lanes)
    shared = hours(sum(lane.shared_s for lane in lanes))
    what = "episode" if episodes == 1 else "episodes"
    sum_up = f"{episodes:,} qualifying {what}, {shared} together" if episodes else "no qualifying episode"
    kind = "companion" if is_companion(found, one, companion) else "device"
    _legend(ax, f"case {named(case)}", f"{kind} {named(companion)}", episodes > 0)
    title(
        ax,
        f"{named(companion)} beside case {named(case)}: {sum_up}",
        found,
        above=_MARK if _dates(one) else 0,
    )
    return ax


def _lanes(found: Companions, one: OneCase, companion: Any) -> list[_Lane]:
    mine = clipped(device_stays(found, one.case), one)
    its = clipped(device_stays(found, companion), one)
    episodes = _episodes(found, one, companion)
    dwell = np.zeros(len(found.stays.cells.values), np.int64)
    for rows in (mine, its):
        np.add.at(dwell, rows[:, 0], rows[:, 2] - rows[:, 1])
    shared = np.zeros_like(dwell)
    np.add.at(shared, episodes[:, 0], episodes[:, 2] - episodes[:, 1])
    his = set(mine[:, 0].tolist())  # of the companion, other cases' cells are known too: they are not shown
    order = [int(c) for c in np.lexsort((-dwell, -shared)) if int(c) in his]
    first = order if len(order) <= MOST_LANES else order[: MOST_LANES - 1]
    names = found.stays.cells.values
    lanes = [
        _Lane(
            found.cells.said(names[c].as_py(), short=True), *(r[r[:, 0] == c] for r in (mine, its, episodes))
        )
        for c in first
    ]
    if len(first) < len(order):
        others = order[len(first) :]
        rest = [r[np.isin(r[:, 0], others)] for r in (mine, its, episodes)]
        lanes.append(_Lane(f"{len(order) - len(first)} other cells", *rest))
    return lanes


def _episodes(found: Companions, one: OneCase, companion: Any) -> Rows:
    import pyarrow.compute as pc

    table = evidence_of(found, one, companion)
    cells = found.stays.cells.values
    codes = pc.index_in(table["cell"].combine_chunks().cast(cells.type), value_set=cells)
    code = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return np.column_stack([code, seconds_of(table["started_at"]), seconds_of(table["finished_at"])])


def _draw(ax: Axes, y: int, lane: _Lane) -> None:
    if y % 2:
        ax.axhspan(y - 0.5, y + 0.5, color="#F7F7F7", zorder=0)
    for rows, top, colour in ((lane.case, y - _BAR, CASE), (lane.companion, y, COMPANION)):
        # an edge of its own colour keeps ten minutes visible in a fortnight
        ax.broken_barh(_spans(rows), (top, _BAR), color=colour, edgecolor=colour, linewidth=0.4, zorder=2)
    ax.broken_barh(
        _spans(lane.episodes), (y - 0.07, 0.14), color=SHARED, edgecolor=SHARED, linewidth=0.8, zorder=3
    )
    if len(lane.episodes):
        middle = lane.episodes[:, 1:].mean(axis=1) / _DAY
        ax.plot(
            middle, np.full(len(middle), y - _BAR - 0.06), "v", color=SHARED, ms=4, zorder=4, clip_on=False
        )


def _spans(rows: Rows) -> list[tuple[float, float]]:
    return [(start / _DAY, (end - start) / _DAY) for _, start, end in rows.tolist()]


def _time_axis(ax: Axes, one: OneCase, tz: str) -> None:
    start, end = one.start / _DAY, max(one.as_of, one.start) / _DAY
    margin = (end - start) * _MARGIN
    ax.set_xlim(start - margin, end + margin)
    ticks(ax, start, end, tz)
    for outside in ((start - 2 * margin, start), (one.end / _DAY, end + 2 * margin)):
        ax.axvspan(*outside, color=OUTSIDE, zorder=1)
    _marks(ax, one)
    for edge in (start, end):
        ax.axvline(edge, color=MUTED, linewidth=1, linestyle="--", zorder=5)
    ax.set_xlabel(
        f"time ({tz}), {years(start, end, zone_of(tz))}; lookback between the dashed lines, its end is as_of"
    )
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _dates(one: OneCase) -> dict[str, int]:
    """Return the case's dates that cut the lookback short."""
    dates = {}
    if one.infectious > one.start:
        dates["infectious_from"] = one.infectious
    if one.end < one.as_of:
        dates["isolated_at"] = one.end
    return dates


def _marks(ax: Axes, one: OneCase) -> None:
    """Mark these dates."""
    for name, moment in _dates(one).items():
        ax.axvline(moment / _DAY, color=INK, linewidth=1, linestyle=":", zorder=5)
        # each name points away from the other's line, unless it would leave the picture
        share = (moment - one.start) / (one.as_of - one.start)
        left = share > _EDGE if name == "infectious_from" else share > 1 - _EDGE
        ax.annotate(
            name,
            (moment / _DAY, 1),
            (-2 if left else 2, 3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if left else "left",
            fontsize=8,
        )


def _dwell_beside(ax: Axes, lanes: list[_Lane]) -> None:
    """Write each one's dwell, right of its bars."""
    ax.annotate(
        "dwell", (1, 1), (6, 2), xycoords="axes fraction", textcoords="offset points", fontsize=8, color=MUTED
    )
    for y, lane in enumerate(lanes):
        for rows, offset, colour in ((lane.case, -_BAR / 2, CASE), (lane.companion, _BAR / 2, "#8A5A00")):
            ax.annotate(
                hours(int((rows[:, 2] - rows[:, 1]).sum())),
                (1, y + offset),
                (6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=colour,
                annotation_clip=False,
            )


def _legend(ax: Axes, case: str, device: str, episodes: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.transforms import ScaledTranslation

    together = Line2D(
        [], [], color=SHARED, marker="v", linewidth=3, ms=5, label="together (qualifying episode)"
    )
    handles = [
        Patch(color=CASE, label=case),
        Patch(color=COMPANION, label=device),
        *([together] if episodes else []),
    ]
    below = ScaledTranslation(0, -42 / 72, ax.figure.dpi_scale_trans)  # under the time axis and its label
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + below,
        ncols=3,
        frameon=False,
        fontsize=9,
        labelcolor=INK,
        borderaxespad=0,
    )
    as_written(ax)
