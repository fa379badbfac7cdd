"""How full cells are by hour of the day."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.view.clock import zone_of
from cotrace.view.intervals import _where
from cotrace.view.style import axes, heat, named, nothing, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.tables import Table

__all__ = ["plot_occupancy"]

MOST_CELLS = 25
_DAY, _HOUR = 86_400, 3_600


def plot_occupancy(table: Table, *, most: int = MOST_CELLS, ax: Axes | None = None) -> Axes:
    """Draw how many devices cells have by hour of the day, the fullest cells first.

    Each square is the mean over the days of the table, a day without a row counting as nobody. Hours are local. Where
    windows are a day or longer, the columns are the windows themselves.

    Parameters
    ----------
    table : Table
        From :func:`cotrace.occupancy`.
    most : int
        How many cells are drawn; the title says how many there are.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    from matplotlib.colors import Normalize

    if not len(table):
        return nothing(ax, "no row to draw", "Occupancy: no cell was occupied", table.note)
    data = table.to_arrow()
    cells = [_where(row) for row in data.select(["cell", "cell_col", "cell_row"]).to_pylist()]
    names, cell = np.unique(cells, return_inverse=True)
    column, columns, label, windows = _columns(data)
    sums = np.zeros((len(names), len(columns)))
    np.add.at(sums, (cell, column), data["devices"].to_numpy())
    by_hour = label.startswith("hour")
    days = len({moment.date() for moment in data["window_started_at"].to_pylist()}) if by_hour else 1
    means = sums / (days * windows)
    order = np.argsort(-means.sum(axis=1), kind="stable")[:most]
    ax = axes(ax, 10, 2.0 + 0.24 * len(order))
    norm = Normalize(0, max(1e-9, float(means.max())))
    ax.pcolormesh(np.arange(len(columns) + 1), np.arange(len(order) + 1), means[order], cmap="viridis_r", norm=norm,
                  edgecolors="white", linewidth=0.4)  # fmt: skip
    ax.invert_yaxis()
    ax.set_yticks(np.arange(len(order)) + 0.5, [named(names[k]) for k in order], fontsize=8, parse_math=False)
    step = max(1, len(columns) // 12)
    ax.set_xticks(np.arange(len(columns))[::step] + (0 if by_hour else 0.5), columns[::step], fontsize=8)
    ax.set_xlabel(label)
    ax.set_ylabel("cell (column, row)" if data["cell_col"].null_count == 0 else "cell")
    heat(ax, norm, f"devices in the cell, mean of {days} days" if by_hour else "devices in the cell")
    ax.spines[:].set_visible(False)
    rest = f"; the {len(order)} fullest are drawn" if len(order) < len(names) else ""
    title(ax, f"Occupancy of {len(names):,} {'cell' if len(names) == 1 else 'cells'}{rest}", table.note)
    return ax


def _columns(data: Any) -> tuple[Any, list[str], str, int]:
    """Return the column of every row, the columns' names, what they are, and how many windows a day each has."""
    zone = str(data.schema.field("window_started_at").type.tz)
    moments = data["window_started_at"].to_pylist()
    distinct = sorted(set(moments))
    gaps = [(b - a).total_seconds() for a, b in pairwise(distinct)]
    width = int(min(gaps, default=_HOUR))
    if width >= _DAY or not gaps:  # of one window alone its length is not known
        place = {moment: k for k, moment in enumerate(distinct)}
        names = [f"{m.astimezone(zone_of(zone)):%d %b}" for m in distinct]
        return np.array([place[m] for m in moments]), names, f"start of the window ({zone})", 1
    hour = np.array([m.astimezone(zone_of(zone)).hour for m in moments])
    hours = list(range(24)) if width <= _HOUR else sorted(set(hour.tolist()))
    return (
        np.searchsorted(hours, hour),
        [f"{h:02d}" for h in hours],
        f"hour of the day ({zone})",
        max(1, _HOUR // width),
    )
