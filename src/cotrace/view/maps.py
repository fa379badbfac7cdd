"""Stays on a map of cells: where devices were, and the way that one of them took through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.tables import check_source, taken
from cotrace.view.style import CASE, INK, MUTED, axes, heat, hours, named, nothing, on_a_map, title

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.axes import Axes

    from cotrace.footprints.result import Footprints
    from cotrace.tables import Stays, StaysStore

__all__ = ["Places", "draw_places", "places_of", "plot_footprints", "plot_stays"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SIDE, BESIDE, ABOVE = 6.0, 2.2, 1.6
MARGIN, LEAST = 0.06, 0.35
MOST_ARROWS, MOST_LABELS, FINE = 400, 12, 90
EDGE = "#8A8A8A"


@dataclass(frozen=True)
class Places:
    """Cells on a map: their centres (NaN where nothing is known), and their outlines where they are squares.

    In degrees, or in metres of a plane.
    """

    centres: Floats
    outlines: list[Floats | None]
    plane: bool

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which of them have a place."""
        return np.isfinite(self.centres[:, 0])


def places_of(stays: Stays, codes: Ints) -> Places:
    """Return where the cells with these codes are."""
    import shapely

    grid, columns = stays.options.grid, stays.cells.columns(codes)
    outlines: list[Floats | None] = [None] * codes.size
    centres = np.full((codes.size, 2), np.nan)
    plane = grid is not None and grid.kind == "planar"
    if stays.options.by == "tower":
        lon, lat = (columns[name].to_numpy(zero_copy_only=False) for name in ("cell_lon", "cell_lat"))
        centres = np.column_stack([lon, lat]).astype(np.float64)
    elif grid is not None and codes.size:
        # places from elsewhere have a code of their own and are nowhere on the grid
        there = np.flatnonzero([v is not None for v in columns["cell_col"].to_pylist()])
        packed = np.array([stays.cells.values[int(codes[i])].as_py() for i in there], dtype=np.int64)
        for i, shape in zip(there.tolist(), np.atleast_1d(grid.polygon(packed)).tolist(), strict=True):
            corners = shapely.get_coordinates(shape)
            outlines[i], centres[i] = corners, corners[:-1].mean(axis=0)
    return Places(centres, outlines, plane)


def draw_places(ax: Axes | None, places: Places, values: Floats, label: str) -> Axes:
    """Draw cells on a map, darker with a greater value, in front of everything else."""
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import Normalize

    low, high, width = _frame(places)
    shape = (high - low) * width
    inches = SIDE * shape / shape.max()
    ax = axes(ax, max(inches[0], 4.4) + BESIDE, max(inches[1], 2.2) + ABOVE)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(low[1], high[1])
    ax.set_aspect(1.0 / width[0], adjustable="box", anchor="W")
    norm = Normalize(0, max(float(values.max(initial=0)), 1e-9))
    colours = colormaps["viridis_r"](norm(values))
    squares = [i for i, outline in enumerate(places.outlines) if outline is not None]
    if squares and not _fine(places):
        shapes: Any = [places.outlines[i] for i in squares]
        ax.add_collection(
            PolyCollection(shapes, facecolors=colours[squares], edgecolors=EDGE, linewidths=0.7)
        )
    else:
        ax.scatter(
            places.centres[:, 0],
            places.centres[:, 1],
            s=45,
            c=colours,
            edgecolors="#555555",
            linewidths=0.6,
            zorder=2,
        )
    heat(ax, norm, label)
    on_a_map(ax, places.plane)
    return ax


def _frame(places: Places) -> tuple[Floats, Floats, Floats]:
    """Return the corners around all cells with a margin, and how wide a unit of x and of y is."""
    corners = [o for o in places.outlines if o is not None] or [places.centres[places.known]]
    points = np.concatenate(corners)
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    width = np.array([1.0 if places.plane else max(0.01, float(np.cos(np.radians(middle[1])))), 1.0])
    extent = (high - low) * width
    half = np.maximum(extent, LEAST * extent.max()) * (0.5 + MARGIN)
    half = np.maximum(half, 1e-9 if places.outlines[0] is not None else 0.005) / width
    return middle - half, middle + half, width


def _fine(places: Places) -> bool:
    corners = [o for o in places.outlines if o is not None]
    return bool(np.ptp(np.concatenate(corners), axis=0).max() / np.ptp(corners[0], axis=0).max() > FINE)


def plot_stays(stays: Stays | StaysStore, device: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw stays on a map of cells: of all devices, or of one with its way in time.

    Of one device, cells are darker the longer it was there, arrows lead from cell to cell, later ones darker, and the
    numbers say in which order it first came to the cells. Of all devices, cells are darker the more devices were there.

    Parameters
    ----------
    stays : Stays or Store
        Of a store, the stays of the one device are read, or everything.
    device : device id, optional
        One device.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    OptionError
        When the device is not of the ids' type.
    """
    check_source(stays)
    one = None if device is None else _id(device, stays.device_type)
    stays = taken(stays, "plot_stays", devices=one)
    rows = stays.rows if device is None else _rows_of(stays, device)
    note = f"Where devices were taken to be, not where people were. {stays.options.describe()}."
    who = "devices" if device is None else f"device {named(device)}"
    if not len(rows):
        return nothing(ax, "no stay to draw", f"Stays of {who}: none", note)
    codes, place = np.unique(rows[:, 1], return_inverse=True)
    dwell = np.bincount(place, weights=(rows[:, 3] - rows[:, 2]).astype(np.float64))
    places = places_of(stays, codes.astype(np.int64))
    what = f"{len(rows):,} {'stay' if len(rows) == 1 else 'stays'} in {_many(codes.size, 'cell')}"
    if device is None:
        pairs = np.unique(np.column_stack([place, rows[:, 0]]), axis=0)
        values, label = (
            np.bincount(pairs[:, 0], minlength=codes.size).astype(np.float64),
            "devices that were there",
        )
        who = _many(len(np.unique(rows[:, 0])), "device")
    else:
        values, label = dwell / 3600, "dwell, h"
    if not places.known.any():
        return _bars(ax, stays, codes, values, label, f"{what} of {who}", note)
    ax = draw_places(ax, places, values, label)
    if device is not None:
        _draw_way(ax, places, place, dwell.astype(np.float64))
    unplaced = int((~places.known).sum())
    more = f"; {_many(unplaced, 'cell')} without a known position not drawn" if unplaced else ""
    title(ax, f"{what} of {who}{more}", note)
    return ax


def _many(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _id(device: Any, kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    try:
        return pa.array([device], kind)
    except (pa.ArrowException, TypeError):
        raise OptionError(f"the device is not of the type of these ids, {kind}") from None


def _rows_of(stays: Stays, device: Any) -> Any:
    import pyarrow.compute as pc

    wanted = _id(device, stays.device_type)[0]
    return stays.rows[stays.rows[:, 0] == pc.index(stays.devices, wanted).as_py()]


def _draw_way(ax: Axes, places: Places, place: Ints, dwell: Floats) -> None:
    """Draw the ways from stay to stay, later ones darker, and number the cells by when they were first come to."""
    from matplotlib import colormaps

    moves = [(a, b) for a, b in zip(place[:-1].tolist(), place[1:].tolist(), strict=True)
             if a != b and places.known[a] and places.known[b]]  # fmt: skip
    kept = moves[:: max(1, -(-len(moves) // MOST_ARROWS))]
    if kept:
        at = np.array(kept)
        start, end = places.centres[at[:, 0]], places.centres[at[:, 1]]
        shade = colormaps["Greys"](np.linspace(0.35, 1.0, len(kept)))
        ax.quiver(*start.T, *(end - start).T, color=shade, angles="xy", scale_units="xy", scale=1, width=0.0045,
                  headwidth=4.5, alpha=0.75, zorder=3)  # fmt: skip
        every = (
            ""
            if len(kept) == len(moves)
            else f"; every {-(-len(moves) // MOST_ARROWS)}th of {len(moves):,} is drawn"
        )
        ax.set_xlabel(f"{ax.get_xlabel()}\narrows: its ways in time, later ones darker{every}", fontsize=9)
    first = list(dict.fromkeys(place.tolist()))
    for number, i in enumerate([i for i in first if places.known[i]][:MOST_LABELS], 1):
        ax.annotate(f"{number}: {hours(dwell[i])}", places.centres[i], (0, 7), textcoords="offset points", ha="center",
                    fontsize=8, color=INK, zorder=5,
                    bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": MUTED, "lw": 0.5})  # fmt: skip


def _bars(
    ax: Axes | None, stays: Stays, codes: Ints, values: Floats, label: str, what: str, note: str
) -> Axes:
    order = np.argsort(-values, kind="stable")[:20]
    ax = axes(ax, 8, ABOVE + 0.3 * len(order))
    ax.barh(range(len(order)), values[order], color=CASE, height=0.7)
    names = [named(stays.cells.said(stays.cells.values[int(codes[i])].as_py(), short=True)) for i in order]
    ax.set_yticks(range(len(order)), names, fontsize=9, parse_math=False)
    ax.invert_yaxis()
    ax.set_xlabel(label, fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
    title(ax, f"{what}; their positions are not known", note)
    return ax


def plot_footprints(footprints: Footprints, tower: Any = None, *, ax: Axes | None = None) -> Axes:
    """Draw where a device may be that a tower serves.

    Parameters
    ----------
    footprints : Footprints
    tower : tower id, optional
        By default the one with the most cells.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    import shapely

    if not len(footprints):
        return nothing(ax, "no footprint to draw", "Footprints: none", footprints.describe())
    tower = footprints.towers[int(np.argmax(np.diff(footprints.lo)))].as_py() if tower is None else tower
    rows = footprints.of(tower)
    shapes = np.atleast_1d(footprints.grid.polygon(rows["cell"].to_numpy()))
    outlines: list[Floats | None] = [shapely.get_coordinates(s) for s in shapes]
    centres = np.array([o[:-1].mean(axis=0) for o in outlines if o is not None])
    places = Places(centres, outlines, footprints.grid.kind == "planar")
    ax = draw_places(ax, places, rows["probability"].to_numpy(), "probability that the device is in the cell")
    title(
        ax, f"Where a device may be at tower {named(tower)}: {rows.num_rows:,} cells", footprints.describe()
    )
    return ax
