"""The cells of a case: how many companions each brings, and how long the case was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.view.labels import place
from cotrace.view.maps import places_of
from cotrace.view.select import OneCase, clipped, device_stays, evidence_of, one_case
from cotrace.view.style import CASE, INK, MUTED, axes, hours, named, on_a_map, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

    from cotrace.companions import Companions

__all__ = ["plot_cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
COLOURS = "viridis_r"  # light to dark, even in lightness, for every kind of sight and in grey
NO_COMPANION, EDGE = "#F2F2F2", "#9A9A9A"
MOST_LABELS, MOST_BARS = 12, 20
#: Cells smaller than 1/FINE of the picture are points, not squares; those over 1/COARSE hold their figures.
FINE, COARSE = 90, 14
#: Empty space around the cells; the shorter side of the picture has at least this share of the longer.
MARGIN, LEAST_SHAPE = 0.06, 0.6
#: Size of the longer side of the map in inches, and what the axes' labels and the colour bar need beside it.
SIDE, BESIDE, ABOVE = 6.0, 2.3, 1.7


@dataclass(frozen=True)
class _Cells:
    """The cells of one case in its lookback: codes, the case's dwell, companions that each brings, and where.

    ``outlines`` are the squares, None for towers; ``centres`` are NaN where a tower's position is not known.
    Both are in degrees, or in metres of a plane.
    """

    codes: Ints
    dwell_s: Ints
    companions: Ints
    centres: Floats
    outlines: list[Floats] | None
    plane: bool


def plot_cells(found: Companions, case: Any, as_of: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw the cells that a case was in, coloured by how many companions each brings.

    The figures in the cells are these companions and the case's dwell in the lookback. A companion counts in
    every cell with a qualifying episode, so the cells may add up to more than there are companions. Towers
    with a known position are points; where none is known, bars.

    Parameters
    ----------
    found : Companions
        A result.
    case : device id
        The case.
    as_of : datetime or str, optional
        Which case, where the device is one several times.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    one = one_case(found, case, as_of)
    cells, n_companions = _cells(found, one)
    if not len(cells.codes):
        ax = axes(ax, SIDE + BESIDE, 2.5)
        ax.text(0.5, 0.5, "the case was not observed in its lookback", transform=ax.transAxes, ha="center")
        ax.set_axis_off()
    elif np.isfinite(cells.centres).any():
        ax = _map(ax, cells)
    else:
        ax = axes(ax, SIDE + BESIDE, ABOVE + 0.32 * min(MOST_BARS, len(cells.codes)))
        _bars(ax, found, cells)
    what = "companion" if n_companions == 1 else "companions"
    of = f"{np.count_nonzero(cells.companions):,} of {len(cells.codes):,}"
    title(ax, f"Case {named(one.case)}: {n_companions:,} {what} from {of} cells that it was in", found)
    return ax


def _cells(found: Companions, one: OneCase) -> tuple[_Cells, int]:
    """Sum up the case's cells, and count its companions."""
    rows = clipped(device_stays(found, one.case), one)
    n = len(found.stays.cells.values)
    dwell, companions = np.zeros(n, np.int64), np.zeros(n, np.int64)
    np.add.at(dwell, rows[:, 0], rows[:, 2] - rows[:, 1])
    pairs = evidence_of(found, one).group_by(["cell", "companion_id"]).aggregate([])
    np.add.at(companions, _codes(found, pairs["cell"]), 1)
    codes = np.flatnonzero(dwell)
    placed = places_of(found.stays, codes)
    # a place from elsewhere has a cell that is nowhere on the grid: an outline without corners
    outlines: list[Floats] | None = [np.empty((0, 2)) if o is None else o for o in placed.outlines]
    if not any(o is not None for o in placed.outlines):
        outlines = None
    cells = _Cells(codes, dwell[codes], companions[codes], placed.centres, outlines, placed.plane)
    return cells, len(pairs["companion_id"].unique())


def _codes(found: Companions, column: Any) -> Ints:
    import pyarrow.compute as pc

    cells = found.stays.cells.values
    codes = pc.index_in(column.combine_chunks().cast(cells.type), value_set=cells)
    array: Ints = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return array


def _map(ax: Axes | None, cells: _Cells) -> Axes:
    low, high, width = _frame(cells)
    shape = (high - low) * width
    inches = SIDE * shape / shape.max()
    ax = axes(ax, max(inches[0], 4.8) + BESIDE, inches[1] + ABOVE)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect(1.0 / width[0], adjustable="box", anchor="W")
    norm = _norm(cells.companions)
    fineness = _fineness(cells)
    if cells.outlines is not None and fineness <= FINE:
        _draw_squares(ax, cells.outlines, cells, norm)
        if missing := sum(not len(o) for o in cells.outlines):
            text = f"{missing:,} of its cells are places without a position, and not drawn"
            ax.text(0.01, 0.01, text, transform=ax.transAxes, color=MUTED, fontsize=8)
    else:
        _draw_points(ax, cells, norm)
    if fineness <= COARSE:
        _label_inside(ax, cells, norm)
    else:
        scale = width * 72 * SIDE / shape.max()
        _label_beside(ax, cells, scale, half=3.0 + 36 * SIDE / fineness)
    _colour_bar(ax, norm)
    on_a_map(ax, cells.plane, "in or beside the cells: companions, and the case's dwell")
    return ax


def _frame(cells: _Cells) -> tuple[Floats, Floats, Floats]:
    """Return the corners around all cells with a margin, and how wide a unit of x and of y is.

    A degree of longitude is drawn no wider than it is on the ground.
    """
    known = cells.centres[np.isfinite(cells.centres[:, 0])]
    corners = known if cells.outlines is None else np.concatenate(cells.outlines)
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    width = np.array([1.0 if cells.plane else max(0.01, float(np.cos(np.radians(middle[1])))), 1.0])
    extent = (high - low) * width
    half = np.maximum(extent, LEAST_SHAPE * extent.max()) * (0.5 + MARGIN)
    half = np.maximum(half, 0.005 if cells.outlines is None else 1e-9) / width
    return middle - half, middle + half, width


def _fineness(cells: _Cells) -> float:
    """Return how many cells the longer side of the picture has room for; towers are finer than any."""
    if cells.outlines is None:
        return np.inf
    corners = np.concatenate(cells.outlines)
    return float(
        np.ptp(corners, axis=0).max() / np.ptp(next(o for o in cells.outlines if len(o)), axis=0).max()
    )


def _norm(companions: Ints) -> Normalize:
    from matplotlib.colors import Normalize

    most = int(companions.max(initial=1))
    return Normalize(min(1, most - 1), max(1, most))


def _faces(cells: _Cells, norm: Normalize) -> list[Any]:
    from matplotlib import colormaps

    colours = colormaps[COLOURS]
    return [colours(norm(n)) if n else NO_COMPANION for n in cells.companions.tolist()]


def _draw_squares(ax: Axes, outlines: list[Floats], cells: _Cells, norm: Normalize) -> None:
    from matplotlib.collections import PolyCollection

    ax.add_collection(
        PolyCollection(outlines, facecolors=_faces(cells, norm), edgecolors=EDGE, linewidths=0.8)
    )


def _draw_points(ax: Axes, cells: _Cells, norm: Normalize) -> None:
    order = np.argsort(cells.companions)  # what brings most lies on top
    faces = _faces(cells, norm)
    ax.scatter(
        cells.centres[order, 0],
        cells.centres[order, 1],
        s=60,
        c=[faces[i] for i in order],
        edgecolors="#555555",
        linewidths=0.7,
        zorder=3,
    )
    if unknown := int(np.isnan(cells.centres[:, 0]).sum()):
        text = f"{unknown:,} of the case's towers have no position and are not drawn"
        ax.text(0.01, 0.01, text, transform=ax.transAxes, color=MUTED, fontsize=8)


def _ranked(cells: _Cells) -> list[int]:
    """Return the cells that bring most first, then those where the case was longest."""
    order: list[int] = np.lexsort((-cells.dwell_s, -cells.companions)).tolist()
    return [i for i in order if np.isfinite(cells.centres[i, 0])]


def _figures(cells: _Cells, i: int) -> str:
    brings, dwell = int(cells.companions[i]), hours(int(cells.dwell_s[i]))
    return f"{brings:,}\n{dwell}" if brings else dwell


def _label_inside(ax: Axes, cells: _Cells, norm: Normalize) -> None:
    for i in _ranked(cells):
        brings = int(cells.companions[i])
        colour = "white" if brings and norm(brings) > 0.5 else INK
        x, y = cells.centres[i].tolist()
        ax.text(x, y, _figures(cells, i), ha="center", va="center", fontsize=7.5, color=colour, zorder=5)


def _label_beside(ax: Axes, cells: _Cells, scale: Floats, half: float) -> None:
    """Write the figures beside the first cells, where they cover neither a cell nor another label."""
    order = _ranked(cells)
    texts = [_figures(cells, i) for i in order[:MOST_LABELS]]
    for i, text, offset in zip(order, texts, place(cells.centres[order] * scale, texts, half), strict=False):
        if offset is not None:
            ax.annotate(
                text,
                tuple(cells.centres[i]),
                offset,
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=7.5,
                color=INK,
                zorder=5,
            )


def _colour_bar(ax: Axes, norm: Normalize) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator

    # beside the map itself, which its aspect may make narrower than the room that it has
    bar = ax.figure.colorbar(ScalarMappable(norm, COLOURS), cax=ax.inset_axes((1.04, 0.15, 0.035, 0.7)))
    bar.locator = MaxNLocator(integer=True)
    bar.update_ticks()
    bar.outline.set_visible(False)
    bar.set_label("companions that the cell brings (light grey: none)", fontsize=9)


def _bars(ax: Axes, found: Companions, cells: _Cells) -> None:
    order = np.lexsort((-cells.dwell_s, -cells.companions))[:MOST_BARS]
    names = found.stays.cells.values
    ax.barh(range(len(order)), cells.companions[order], color=CASE, height=0.7)
    for y, i in enumerate(order.tolist()):
        text = f" {cells.companions[i]:,}  (case {hours(int(cells.dwell_s[i]))})"
        ax.text(float(cells.companions[i]), y, text, va="center", fontsize=8, color=INK)
    labels = [found.cells.said(names[int(c)].as_py(), short=True) for c in cells.codes[order]]
    ax.set_yticks(range(len(order)), labels, fontsize=9, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlim(0, max(1, int(cells.companions.max(initial=0))) * 1.25)
    ax.locator_params(axis="x", integer=True)
    left = len(cells.codes) - len(order)
    more = f"; {left:,} more cells are not shown" if left else ""
    ax.set_xlabel(f"companions that the cell brings; in brackets, the case's dwell{more}", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
