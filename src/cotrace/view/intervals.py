"""Bars over time: a case beside its companions, and any table of stays, meetings or visits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.view.clock import DAY, time_axis
from cotrace.view.select import clipped, device_stays, evidence_of, one_case, rows_of, seconds_of
from cotrace.view.style import (
    CASE,
    COMPANION,
    INK,
    MUTED,
    SHARED,
    as_written,
    axes,
    hours,
    named,
    nothing,
    title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.companions import Companions
    from cotrace.tables import Table

__all__ = ["plot_companions", "plot_intervals"]

Ints = NDArray[np.int64]
MOST_LANES = 25
_LANE, _HEAD = 0.26, 2.1
#: whose lane a row is on: the first of these that a table has
_WHOSE = ("companion_id", "contact_id", "device", "case_id", "a")
_WHERE = ("place", "cell_col", "cell")


def plot_companions(
    found: Companions, case: Any = None, as_of: Any = None, *, most: int = MOST_LANES, ax: Axes | None = None
) -> Axes:
    """Draw a case and its companions over the lookback, with the time that they shared.

    The case's stays are at the top; below it each companion's stays in the cells of the case, and the qualifying
    episodes in black. Companions with the rarest meetings come first, as in the printed list.

    Parameters
    ----------
    found : Companions
    case : device id, optional
        By default the case with the most companions.
    as_of : instant, optional
        Which case, where the device is one several times.
    most : int
        How many companions are drawn; the title says how many there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    OptionError
        When there is no case, or ``most`` is less than one.
    """
    if most < 1:
        raise OptionError(f"most={most}: at least one companion is drawn")
    if case is None:
        case, as_of = _fullest(found)
    one = one_case(found, case, as_of)
    listed = rows_of(found.companions.to_arrow(), one)
    first = listed.sort_by([("crowd", "ascending"), ("shared_s", "descending")]).slice(0, most)
    ids, shared = first["companion_id"].to_pylist(), first["shared_s"].to_pylist()
    ax = axes(ax, 11, _HEAD + _LANE * (len(ids) + 1))
    _lane(ax, 0, clipped(device_stays(found, one.case), one)[:, 1:], CASE, 0.62)
    evidence = evidence_of(found, one)
    for y, device in enumerate(ids, 1):
        rows = clipped(device_stays(found, device), one)
        mine = np.unique(clipped(device_stays(found, one.case), one)[:, 0])
        _lane(ax, y, rows[np.isin(rows[:, 0], mine)][:, 1:], COMPANION, 0.62)
        _lane(ax, y, _episodes(evidence, device), SHARED, 0.26)
        ax.annotate(hours(shared[y - 1]), (1, y), (6, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=8, color=MUTED)  # fmt: skip
    ax.annotate("together", (1, 0), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
                fontsize=8, color=MUTED)  # fmt: skip
    labels = [f"case {named(one.case)}", *(named(d) for d in ids)]
    ax.set_yticks(range(len(labels)), labels, fontsize=8.5, parse_math=False)
    ax.set_ylim(len(labels) - 0.4, -0.6)
    time_axis(ax, one.start / DAY, one.as_of / DAY, found.tz)
    _frame(ax)
    _legend(ax, [(CASE, "the case's stays"), (COMPANION, "companion's stays in the case's cells"),
                 (SHARED, "together (qualifying episode)")])  # fmt: skip
    n = listed.num_rows
    rest = f", the {len(ids)} with the rarest meetings drawn" if len(ids) < n else ""
    title(ax, f"Case {named(one.case)}: {n:,} {'companion' if n == 1 else 'companions'}{rest}", found)
    return ax


def _fullest(found: Companions) -> tuple[Any, Any]:
    rows = found.funnel.to_arrow().select(["case_id", "as_of", "companions"]).to_pylist()
    if not rows:
        raise OptionError("there is no case to draw")
    row = max(rows, key=lambda r: r["companions"])
    return row["case_id"], row["as_of"]


def _episodes(evidence: Any, device: Any) -> Ints:
    import pyarrow as pa
    import pyarrow.compute as pc

    mine = evidence.filter(
        pc.equal(evidence["companion_id"], pa.scalar(device, evidence["companion_id"].type))
    )
    return np.column_stack([seconds_of(mine["started_at"]), seconds_of(mine["finished_at"])])


def _lane(ax: Axes, y: int, rows: Ints, colour: str, height: float) -> None:
    # an edge of its own colour keeps ten minutes visible in a fortnight
    spans = [(a / DAY, (b - a) / DAY) for a, b in rows.tolist()]
    ax.broken_barh(spans, (y - height / 2, height), color=colour, edgecolor=colour, linewidth=0.5, zorder=3)


def _frame(ax: Axes) -> None:
    ax.grid(axis="x", color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _legend(ax: Axes, entries: list[tuple[str, str]]) -> None:
    from matplotlib.patches import Patch
    from matplotlib.transforms import ScaledTranslation

    below = ScaledTranslation(0, -40 / 72, ax.figure.dpi_scale_trans)  # under the time axis and its label
    ax.legend(handles=[Patch(color=c, label=words) for c, words in entries], loc="upper left", bbox_to_anchor=(0, 0),
              bbox_transform=ax.transAxes + below, ncols=3, frameon=False, fontsize=9, labelcolor=INK,
              borderaxespad=0)  # fmt: skip
    as_written(ax)


def plot_intervals(table: Table, *, most: int = MOST_LANES, ax: Axes | None = None) -> Axes:
    """Draw a table of stays, meetings or visits over time: a lane a device, or a cell where there is one device.

    Lanes with the most time come first. Gaps of a trajectory are light: nothing is known of them.

    Parameters
    ----------
    table : Table
        With ``started_at`` and ``finished_at``: evidence, meetings, a trajectory, visits, places.
    most : int
        How many lanes are drawn; the axis says how many there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    data = table.to_arrow()
    what, note = f"{table.schema.name.replace('_', ' ')}: {len(table):,} rows", table.note
    if not len(table):
        return nothing(ax, "no row to draw", what, note)
    start, end = seconds_of(data["started_at"]), seconds_of(data["finished_at"])
    whose, kind = _lanes(table)
    gap = (
        np.array([k == "gap" for k in data["kind"].to_pylist()])
        if "kind" in table.columns
        else np.zeros(len(start), bool)
    )
    names, lane = np.unique(np.array(whose, dtype=object).astype(str), return_inverse=True)
    total = np.bincount(lane, weights=np.where(gap, 0, end - start))
    order = np.lexsort((names, -total))[:most]
    ax = axes(ax, 11, _HEAD + _LANE * len(order))
    for y, k in enumerate(order.tolist()):
        mine = np.column_stack([start, end])[lane == k]
        _lane(ax, y, mine[~gap[lane == k]], CASE, 0.62)
        _lane(ax, y, mine[gap[lane == k]], "#DDDDDD", 0.12)
        ax.annotate(hours(float(total[k])) if total[k] else "", (1, y), (6, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=8, color=MUTED)  # fmt: skip
    ax.set_yticks(range(len(order)), [named(names[k]) for k in order], fontsize=8.5, parse_math=False)
    ax.set_ylim(len(order) - 0.4, -0.6)
    ax.set_ylabel(kind)
    margin = max(60.0, 0.01 * float(end.max() - start.min()))
    time_axis(
        ax,
        (start.min() - margin) / DAY,
        (end.max() + margin) / DAY,
        str(data.schema.field("started_at").type.tz),
    )
    _frame(ax)
    rest = (
        f"; the {len(order)} of {len(names):,} with the most time are drawn"
        if len(order) < len(names)
        else ""
    )
    title(ax, what + rest, note)
    return ax


def _lanes(table: Table) -> tuple[list[Any], str]:
    """Return the lane of every row, and what a lane is."""
    data = table.to_arrow()
    column = next(name for name in _WHOSE if name in table.columns)
    whose = data[column].to_pylist()
    if column == "a":
        return [f"{a} and {b}" for a, b in zip(whose, data["b"].to_pylist(), strict=True)], "devices"
    if len(set(whose)) > 1 or not set(_WHERE) & set(table.columns):
        return whose, column.removesuffix("_id")
    return [
        _where(row)
        for row in data.select([c for c in (*_WHERE, "cell_row") if c in table.columns]).to_pylist()
    ], "cell"


def _where(row: dict[str, Any]) -> str:
    if row.get("place") is not None:
        return str(row["place"])
    if row.get("cell_col") is not None:
        return f"{row['cell_col']}, {row['cell_row']}"
    return "nothing is known" if row.get("cell") is None else str(row["cell"])
