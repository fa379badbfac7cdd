"""The cells of a case: how many companions each brings, and how long the case was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.view.select import OneCase, clipped, device_stays, evidence_of, one_case
from cotrace.view.style import CASE, INK, MUTED, axes, cell_name, hours, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

    from cotrace.companions import Companions

__all__ = ["plot_cells"]

COLOURS = "viridis_r"  # light to dark, even in lightness, for every kind of sight
NO_COMPANION, EDGE = "#F2F2F2", "#9A9A9A"
MOST_LABELS, MOST_BARS = 10, 20
#: Cells smaller than 1/FINE of the picture are points, not squares; those over 1/COARSE hold their figures.
FINE, COARSE = 90, 10
#: The shorter side of the picture has at least this share of the longer; empty space around the cells.
LEAST_SHAPE, MARGIN = 0.6, 0.04


@dataclass(frozen=True)
class _Cells:
    """The cells of one case in its lookback: codes, the case's dwell, and companions that each brings."""

    codes: NDArray[np.int64]
    dwell_s: NDArray[np.int64]
    companions: NDArray[np.int64]


def plot_cells(found: Companions, case: Any, as_of: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw the cells that a case was in, coloured by how many companions each brings.

    The figures in the cells are these companions and the case's dwell in the lookback. A companion counts in
    every cell with a qualifying episode, so the cells may add up to more than there are companions. Towers
    with a known position are points; where none is known, bars.

    Parameters
    ----------
    found : Companions
        A result, made with its evidence.
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
    squares = found.options.by == "grid"
    points = None if squares else _tower_points(found, cells)
    if squares or points is not None:
        ax = axes(ax, 8.5, 7.5)
        _map(ax, found, cells, points)
    else:
        ax = axes(ax, 8.5, 1.6 + 0.32 * max(1, min(MOST_BARS, len(cells.codes))))
        _bars(ax, found, cells)
    what = "companion" if n_companions == 1 else "companions"
    of = f"{np.count_nonzero(cells.companions):,} of {len(cells.codes):,}"
    title(ax, f"Case {case}: {n_companions:,} {what}, from {of} cells that the case was in", found)
    return ax


def _cells(found: Companions, one: OneCase) -> tuple[_Cells, int]:
    rows = clipped(device_stays(found, one.case), one)
    n = len(found.stays.cells.values)
    dwell, companions = np.zeros(n, np.int64), np.zeros(n, np.int64)
    np.add.at(dwell, rows[:, 0], rows[:, 2] - rows[:, 1])
    pairs = evidence_of(found, one).group_by(["cell", "companion_id"]).aggregate([])
    np.add.at(companions, _codes(found, pairs["cell"]), 1)
    codes = np.flatnonzero(dwell)
    return _Cells(codes, dwell[codes], companions[codes]), len(pairs["companion_id"].unique())


def _codes(found: Companions, column: Any) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    cells = found.stays.cells.values
    codes = pc.index_in(column.combine_chunks().cast(cells.type), value_set=cells)
    array: NDArray[np.int64] = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return array


def _tower_points(found: Companions, cells: _Cells) -> NDArray[np.float64] | None:
    """Return lon and lat of the case's towers (NaN where unknown), or None when no position is known."""
    columns = found.stays.cells.columns(cells.codes)
    lon, lat = (
        columns[c].to_numpy(zero_copy_only=False).astype(np.float64) for c in ("cell_lon", "cell_lat")
    )
    return np.column_stack([lon, lat]) if np.isfinite(lon).any() else None


def _map(ax: Axes, found: Companions, cells: _Cells, points: NDArray[np.float64] | None) -> None:
    plane = found.options.grid is not None and found.options.grid.kind == "planar" and points is None
    norm = _norm(cells.companions)
    squares = _squares(found, cells) if points is None else None
    centres = np.array([s[:-1].mean(axis=0) for s in squares]) if squares is not None else points
    if centres is None or not len(centres):
        ax.text(0.5, 0.5, "the case was not observed in its lookback", transform=ax.transAxes, ha="center")
        return
    _limits(ax, squares, centres, plane)
    fineness = _fineness(squares) if squares is not None else np.inf
    if squares is not None and fineness <= FINE:
        _draw_squares(ax, squares, cells, norm)
    else:
        _draw_points(ax, centres, cells, norm)
    _label(ax, centres, cells, norm, inside=fineness <= COARSE)
    _colour_bar(ax, norm)
    says = "in the cells: companions, and the case's dwell"
    ax.set_xlabel(f"{'x, m' if plane else 'longitude, degrees'}  ({says})")
    ax.set_ylabel("y, m" if plane else "latitude, degrees")
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.tick_params(labelsize=9)
    ax.spines[["top", "right"]].set_visible(False)


def _squares(found: Companions, cells: _Cells) -> list[NDArray[np.float64]]:
    import shapely

    grid = found.options.grid
    if grid is None or not len(cells.codes):
        return []
    packed = found.stays.cells.values.to_numpy()[cells.codes]
    return [shapely.get_coordinates(p) for p in np.atleast_1d(grid.polygon(packed))]


def _limits(ax: Axes, squares: Any, centres: NDArray[np.float64], plane: bool) -> None:
    """Fit the axes around all cells, and no longer east to west than it is on the ground."""
    corners = np.concatenate(squares) if squares else centres[np.isfinite(centres[:, 0])]
    low, high = corners.min(axis=0), corners.max(axis=0)
    middle = (low + high) / 2
    # a degree of longitude in degrees of latitude; in a plane both are metres
    width = np.array([1.0 if plane else max(0.01, float(np.cos(np.radians(middle[1])))), 1.0])
    extent = (high - low) * width
    half = np.maximum(extent, LEAST_SHAPE * extent.max()) * (0.5 + MARGIN)
    half = np.maximum(half, 1e-6 if squares else 0.005) / width
    ax.set_xlim(middle[0] - half[0], middle[0] + half[0])
    ax.set_ylim(middle[1] - half[1], middle[1] + half[1])
    ax.set_aspect(1.0 / width[0], adjustable="box")


def _fineness(squares: list[NDArray[np.float64]]) -> float:
    """Return how many cells the longer side of the picture has room for."""
    corners = np.concatenate(squares)
    extent = (corners.max(axis=0) - corners.min(axis=0)).max()
    return float(extent / np.ptp(squares[0], axis=0).max())


def _norm(companions: NDArray[np.int64]) -> Normalize:
    from matplotlib.colors import Normalize

    most = int(companions.max(initial=1))
    return Normalize(min(1, most - 1), max(1, most))


def _faces(cells: _Cells, norm: Normalize) -> list[Any]:
    from matplotlib import colormaps

    colours = colormaps[COLOURS]
    return [colours(norm(n)) if n else NO_COMPANION for n in cells.companions.tolist()]


def _draw_squares(ax: Axes, squares: list[NDArray[np.float64]], cells: _Cells, norm: Normalize) -> None:
    from matplotlib.collections import PolyCollection

    ax.add_collection(
        PolyCollection(squares, facecolors=_faces(cells, norm), edgecolors=EDGE, linewidths=0.8)
    )


def _draw_points(ax: Axes, centres: NDArray[np.float64], cells: _Cells, norm: Normalize) -> None:
    order = np.argsort(cells.companions)  # what brings most lies on top
    faces = _faces(cells, norm)
    size = 30 + 170 * np.sqrt(cells.dwell_s / max(1, cells.dwell_s.max()))
    ax.scatter(
        centres[order, 0],
        centres[order, 1],
        s=size[order],
        c=[faces[i] for i in order],
        edgecolors="#555555",
        linewidths=0.7,
        zorder=3,
    )
    unknown = int(np.isnan(centres[:, 0]).sum())
    if unknown:
        ax.text(
            0.01,
            0.01,
            f"{unknown} towers without a position are not drawn",
            transform=ax.transAxes,
            color=MUTED,
        )


def _label(ax: Axes, centres: NDArray[np.float64], cells: _Cells, norm: Normalize, *, inside: bool) -> None:
    """Label the cells that bring most, then those where the case was longest: companions, and its dwell."""
    order = np.lexsort((-cells.dwell_s, -cells.companions))[: None if inside else MOST_LABELS]
    for i in order:
        if np.isnan(centres[i, 0]):
            continue
        brings, dwell = int(cells.companions[i]), hours(int(cells.dwell_s[i]))
        dark = inside and brings and norm(brings) > 0.5
        ax.annotate(
            f"{brings:,}\n{dwell}" if brings else dwell,
            tuple(centres[i]),
            (0, 0 if inside else 8),
            textcoords="offset points",
            ha="center",
            va="center" if inside else "bottom",
            fontsize=8,
            color="white" if dark else INK,
            zorder=5,
        )


def _colour_bar(ax: Axes, norm: Normalize) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator

    # beside the map itself, which its aspect makes narrower than the room that it has
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
    ax.set_yticks(
        range(len(order)), [cell_name(found, names[int(c)].as_py()) for c in cells.codes[order]], fontsize=9
    )
    ax.invert_yaxis()
    ax.set_xlim(0, max(1, int(cells.companions.max(initial=0))) * 1.25)
    left = len(cells.codes) - len(order)
    more = f"; {left:,} more cells are not shown" if left else ""
    ax.set_xlabel(f"companions that the cell brings; in brackets, the case's dwell{more}", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
