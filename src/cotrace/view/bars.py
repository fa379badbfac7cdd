"""Tables as bars: the rows with the most of something, the funnel of each case, counts, and shares."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.errors import OptionError
from cotrace.view.intervals import _where
from cotrace.view.style import CASE, COMPANION, INK, MUTED, as_written, axes, hours, named, nothing, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.tables import Table

__all__ = ["RANKED", "plot_counts", "plot_funnel", "plot_ranked", "plot_shares"]

MOST = 25
_ROW, _HEAD = 0.27, 2.0
#: of a table: the columns that name a row, what it is ranked by, and what chance would give
RANKED: dict[str, tuple[tuple[str, ...], str, str | None]] = {
    "companions": (("companion_id", "case_id"), "shared_s", None),
    "contacts": (("contact_id", "case_id"), "shared_s", None),
    "co_travel": (("device", "case_id"), "shared_s", None),
    "pairs": (("a", "b"), "shared_s", None),
    "visitors": (("device",), "dwell_s", None),
    "anchors": (("device", "kind"), "dwell_s", None),
    "weighted_stays": (("device",), "dwell_s", None),
    "coverage": (("case_id",), "observed_share", None),
    "significance": (("a", "b"), "surprise_bits", "expected_bits"),
    "sources": (("device",), "cases_met", "expected"),
    "source_places": (("where",), "cases_met", "expected"),
    "zones": (("zone",), "case_dwell_s", None),
    "zone_cases": (("zone", "case_id"), "dwell_s", None),
    "zone_devices": (("device", "zone"), "dwell_s", None),
    "tier_sizes": (("tier",), "devices", None),
    "ring_sizes": (("ring",), "devices", None),
    "region_totals": (("region",), "devices", None),
    "screening_totals": (("test_day", "zone"), "devices", None),
    "evaluated_cases": (("case_id",), "recall", None),
    "footprints": (("tower", "cell_col", "cell_row"), "probability", None),
}
_IN_ORDER = ("tier_sizes", "ring_sizes", "screening_totals")


def plot_ranked(table: Table, *, by: str | None = None, most: int = MOST, ax: Axes | None = None) -> Axes:
    """Draw the rows of a table that have the most of something, as bars.

    Parameters
    ----------
    table : Table
        A list: companions, contacts, visitors, pairs, sources and others.
    by : str, optional
        A column of numbers; by default the one that the list is about.
    most : int
        How many rows are drawn; the title says how many there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    OptionError
        When ``by`` is no column of numbers.
    """
    names, usual, chance = RANKED[table.schema.name]
    by = by or usual
    what = f"{table.schema.name.replace('_', ' ')}: {len(table):,} {'row' if len(table) == 1 else 'rows'}"
    column = next((c for c in table.schema.columns if c.name == by), None)
    if column is None or column.kind not in ("int64", "float64"):
        numbers = ", ".join(c.name for c in table.schema.columns if c.kind in ("int64", "float64"))
        raise OptionError(f"by={by!r} is no column of numbers of {table.schema.name}: {numbers}")
    rows = [row for row in table.to_arrow().to_pylist() if row[by] is not None]
    if not rows:
        return nothing(ax, "no row to draw", what, table.note)
    if table.schema.name not in _IN_ORDER:
        rows.sort(key=lambda row: -row[by])
    drawn, seconds = rows[:most], column.unit == "s"
    values = [row[by] / 3600 if seconds else row[by] for row in drawn]
    ax = axes(ax, 9, _HEAD + _ROW * len(drawn))
    ax.barh(range(len(drawn)), values, color=CASE, height=0.66, zorder=2)
    if chance and by == usual:
        ax.plot([row[chance] for row in drawn], range(len(drawn)), "D", color=COMPANION, ms=5, mec=INK, mew=0.6,
                ls="none", zorder=3, label=table.schema[chance].meaning)  # fmt: skip
        ax.legend(loc="lower right", frameon=False, fontsize=8.5)
    for y, row in enumerate(drawn):
        text = hours(row[by]) if seconds else f"{row[by]:,}" if column.kind == "int64" else f"{row[by]:.3g}"
        ax.annotate(
            text, (values[y], y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
        )
    ax.set_yticks(range(len(drawn)), [_label(row, names) for row in drawn], fontsize=8.5, parse_math=False)
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.margins(x=0.12)
    ax.set_ylabel(", ".join(names).replace("_id", "").replace("_", " "))
    ax.set_xlabel(f"{column.meaning}, {'h' if seconds else column.unit}".rstrip(", "), fontsize=9)
    _plain(ax)
    rest = f"; the first {len(drawn)} by {by} are drawn" if len(drawn) < len(rows) else f", by {by}"
    title(ax, what + rest, table.note)
    return ax


def _label(row: dict[str, Any], names: tuple[str, ...]) -> str:
    parts = [_where(row) if name == "where" else row[name] for name in names]
    return " · ".join(named(part, 28 if len(names) == 1 else 18) for part in parts if part is not None)


def _plain(ax: Axes) -> None:
    ax.grid(axis="x", color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    as_written(ax)


def plot_funnel(table: Table, *, most: int = 12, ax: Axes | None = None) -> Axes:
    """Draw how many devices each clause of the rule leaves, case by case.

    Parameters
    ----------
    table : Table
        ``found.funnel``.
    most : int
        How many cases are drawn, those with most companions first.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    rows = sorted(table.to_arrow().to_pylist(), key=lambda row: -row["companions"])
    what = f"From devices to companions: {len(rows):,} {'case' if len(rows) == 1 else 'cases'}"
    if not rows:
        return nothing(ax, "no case to draw", what, table.note)
    steps = (
        ("together", "#BFD7E6"),
        ("long_enough", "#6BA5CB"),
        ("companions", CASE),
        ("companions_both", INK),
    )
    ax = axes(ax, 9, _HEAD + 0.95 * min(most, len(rows)))
    high = 0.19
    for k, (step, colour) in enumerate(steps):
        at = np.arange(min(most, len(rows))) + (k - 1.5) * (high + 0.02)
        values = [row[step] for row in rows[:most]]
        ax.barh(at, values, height=high, color=colour, label=step.replace("_", " "), zorder=2)
        for y, n in zip(at, values, strict=True):
            ax.annotate(
                f"{n:,}", (n, y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK
            )
    labels = [named(row["case_id"]) for row in rows[:most]]
    ax.set_yticks(range(len(labels)), labels, fontsize=9, parse_math=False)
    ax.invert_yaxis()
    ax.margins(x=0.1)
    ax.set_ylabel("case")
    ax.set_xlabel("devices; the darker, the more that is asked")
    _plain(ax)
    ax.legend(loc="lower right", frameon=False, fontsize=8.5)
    rest = f"; the {most} with most companions are drawn" if len(rows) > most else ""
    title(ax, what + rest, table.note)
    return ax


def plot_counts(table: Table, column: str, *, most: int = MOST, ax: Axes | None = None) -> Axes:
    """Draw how many rows of a table have each value of a column.

    Parameters
    ----------
    table : Table
    column : str
        A column of words, ids or whole numbers.
    most : int
        How many values are drawn, the most frequent first.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    counted = Counter(table[column].to_pylist())
    what = f"{table.schema.name.replace('_', ' ')}: {len(table):,} rows, by {column}"
    if not counted:
        return nothing(ax, "no row to draw", what, table.note)
    drawn = sorted(counted.items(), key=lambda pair: (-pair[1], str(pair[0])))[:most]
    ax = axes(ax, 8, _HEAD + _ROW * len(drawn))
    ax.barh(range(len(drawn)), [n for _, n in drawn], color=CASE, height=0.66, zorder=2)
    for y, (_, n) in enumerate(drawn):
        ax.annotate(f"{n:,}", (n, y), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK)
    labels = ["none" if value is None else named(value) for value, _ in drawn]
    ax.set_yticks(range(len(drawn)), labels, fontsize=8.5, parse_math=False)
    ax.set_ylim(len(drawn) - 0.4, -0.6)
    ax.margins(x=0.1)
    ax.set_ylabel(column.replace("_", " "))
    ax.set_xlabel("rows")
    _plain(ax)
    title(ax, what, table.note)
    return ax


def plot_shares(table: Table, column: str, *, ax: Axes | None = None) -> Axes:
    """Draw how many rows have which share or probability, in twenty bins from 0 to 1.

    Parameters
    ----------
    table : Table
        Such as ``found.certainty``, or from :func:`cotrace.shifted_grids`.
    column : str
        A column from 0 to 1.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    values = table[column].to_numpy()
    ax = axes(ax, 7.5, 4.2)
    ax.hist(
        values, bins=np.linspace(0, 1, 21).tolist(), color=CASE, edgecolor="white", linewidth=0.8, zorder=2
    )
    if values.size:
        ax.axvline(float(np.median(values)), color=INK, lw=1.2, ls="--", zorder=3)
        ax.annotate("median", (float(np.median(values)), 1), (4, -10), xycoords=("data", "axes fraction"),
                    textcoords="offset points", fontsize=8.5, color=MUTED)  # fmt: skip
    ax.set_xlim(0, 1)
    ax.set_xlabel(table.schema[column].meaning, fontsize=9)
    ax.set_ylabel("rows")
    ax.grid(axis="y", color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    title(ax, f"{table.schema.name.replace('_', ' ')}: {len(table):,} rows, by {column}", table.note)
    return ax
