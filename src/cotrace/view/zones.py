"""Zones on a map: lockdown, control and precaution areas, told apart in grey too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cotrace.view.style import INK, MUTED, as_written, axes, named, nothing, on_a_map, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.exposure.zones import Zones

__all__ = ["plot_zones"]

#: dark to light, and hatched: the same order in grey
_LOOKS = {
    "lockdown": ("#0B4F7A", "////", "#FFFFFF"),
    "control": ("#E69F00", "...", "#6B4A00"),
    "precaution": ("#F3EFD9", "", "#8A8A8A"),
}
_SIDE, _MOST_NAMES = 6.4, 15


def plot_zones(found: Zones, *, ax: Axes | None = None) -> Axes:
    """Draw zones on a map.

    Parameters
    ----------
    found : Zones
        From :func:`cotrace.zones`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    import shapely

    rows = found.zones.to_arrow().to_pylist()
    counts = ", ".join(f"{sum(r['zone_kind'] == kind for r in rows):,} {kind}" for kind in _LOOKS)
    what = f"Zones: {counts}"
    drawn = [(row, shape) for row, shape in zip(rows, found.shapes, strict=True) if shape is not None]
    if not drawn:
        return nothing(ax, "no zone has a shape to draw", what, found.zones.note)
    box = shapely.total_bounds([shape for _, shape in drawn])
    middle = (box[1] + box[3]) / 2
    wide = 1.0 if found._plane else max(0.01, float(np.cos(np.radians(middle))))
    extent = np.array([(box[2] - box[0]) * wide, box[3] - box[1]])
    inches = _SIDE * np.maximum(extent, 0.35 * extent.max()) / extent.max()
    ax = axes(ax, max(inches[0], 4.6) + 1.2, inches[1] + 1.9)
    for kind in reversed(_LOOKS):  # the strongest on top
        for row, shape in drawn:
            if row["zone_kind"] == kind:
                _draw(ax, shape, kind)
    ax.autoscale_view()
    ax.set_aspect(1.0 / wide, adjustable="datalim")
    named_rows = [(row, shape) for row, shape in drawn if row["zone_kind"] == "lockdown"] or drawn
    for row, shape in named_rows[:_MOST_NAMES]:
        left, _, right, top = shape.bounds
        words = f"{row['cases']:,} {'case' if row['cases'] == 1 else 'cases'}"
        if not row["zone"].startswith(row["zone_kind"]):  # a unit's own name says more than a number
            words = f"{named(row['zone'], 20)}: {words}"
        # above the zone, which stays in sight
        ax.annotate(words, ((left + right) / 2, top), (0, 3), textcoords="offset points", ha="center", va="bottom",
                    fontsize=7.5, color=INK, zorder=6, parse_math=False,
                    bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": MUTED, "lw": 0.5})  # fmt: skip
    on_a_map(ax, found.is_plane)
    _legend(ax)
    missing = len(rows) - len(drawn)
    title(ax, what + (f"; {missing:,} without a shape not drawn" if missing else ""), found.zones.note)
    return ax


def _draw(ax: Axes, shape: Any, kind: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    face, hatch, edge = _LOOKS[kind]
    for part in getattr(shape, "geoms", [shape]):
        if part.geom_type != "Polygon":
            continue
        rings = [np.asarray(ring.coords) for ring in (part.exterior, *part.interiors)]
        path = Path.make_compound_path(*(Path(ring, closed=True) for ring in rings))
        patch = PathPatch(path, facecolor=face, edgecolor=edge, hatch=hatch, lw=0.8, label=kind)
        ax.add_patch(patch)


def _legend(ax: Axes) -> None:
    from matplotlib.patches import Patch

    looks = [Patch(facecolor=f, hatch=h, edgecolor=e, label=kind) for kind, (f, h, e) in _LOOKS.items()]
    ax.legend(handles=looks, loc="upper left", bbox_to_anchor=(0, -0.14), ncols=3, frameon=False, fontsize=9,
              labelcolor=INK)  # fmt: skip
    as_written(ax)
