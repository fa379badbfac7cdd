"""Chains of meetings as rings around the cases, and who infected whom as a tree in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cotrace.errors import OptionError
from cotrace.view.clock import DAY, time_axis
from cotrace.view.select import seconds_of
from cotrace.view.style import CASE, COMPANION, INK, MUTED, SHARED, as_written, axes, named, nothing, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.tables import Table

__all__ = ["plot_rings", "plot_tree"]

Floats = NDArray[np.float64]
MOST_NODES, MOST_NAMES, MOST_TREE = 3_000, 40, 400
#: of each ring: told apart by colour, by lightness and by shape
_LOOKS = (
    (SHARED, "s", 60),
    (CASE, "o", 26),
    (COMPANION, "^", 24),
    ("#CC79A7", "D", 18),
    ("#999999", "v", 16),
)
_TIERS = {"contact_candidate": 1, "contact_of_contact": 2, "general_risk": 3}


@dataclass(frozen=True)
class _Forest:
    """Nodes in an order in which parents come first: id, parent (-1 for none) and ring."""

    ids: list[Any]
    parent: list[int]
    ring: list[int]

    def leaves(self) -> list[int]:
        """Return how many leaves hang on each node; a leaf has itself."""
        below = [0] * len(self.ids)
        for i in range(len(self.ids) - 1, -1, -1):
            below[i] = max(1, below[i])
            if self.parent[i] >= 0:
                below[self.parent[i]] += below[i]
        return below

    def spread(self) -> Floats:
        """Return for each node the middle of its own share of the leaves, from 0 to 1."""
        below = self.leaves()
        total = sum(n for n, p in zip(below, self.parent, strict=True) if p < 0)
        low, next_free, free = [0.0] * len(self.ids), [0.0] * len(self.ids), 0.0
        for i, p in enumerate(self.parent):
            low[i] = free if p < 0 else next_free[p]
            next_free[i] = low[i]
            if p < 0:
                free += below[i]
            else:
                next_free[p] += below[i]
        return (np.array(low) + np.array(below) / 2) / max(1, total)


def plot_rings(found: Table, *, ax: Axes | None = None) -> Axes:
    """Draw the contact network by rings: the cases in the middle, and each device on the ring that it was reached in.

    A line joins a device to the one by which it was first reached; other meetings are not drawn.

    Parameters
    ----------
    found : Rings or Tiers
        From :func:`cotrace.rings` or :func:`cotrace.tiers`; tiers are drawn as rings.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    forest, names, left = _forest(found)
    if not forest.ids:
        return nothing(ax, "no device was reached", f"{found.schema.name}: none", found.note)
    ax = axes(ax, 8.2, 8.6)
    several = forest.ring.count(0) != 1
    radius = np.array(forest.ring) + (0.6 if several else 0.0)
    angle = 2 * np.pi * forest.spread()
    at = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    for r in sorted(set(radius.tolist()) - {0.0}):
        ax.add_patch(_circle(r))
    _draw_lines(ax, at, forest)
    rings = np.array(forest.ring)
    for ring in sorted(set(forest.ring)):
        colour, marker, size = _LOOKS[min(ring, len(_LOOKS) - 1)]
        mine = at[rings == ring]
        n = len(mine)
        looks: dict[str, Any] = {
            "s": size if n < 400 else size / 3,
            "c": colour,
            "marker": marker,
            "label": f"{names[ring]}: {n:,}",
        }
        ax.scatter(mine[:, 0], mine[:, 1], zorder=3, linewidths=0.4, edgecolors="white", **looks)
    few = len(forest.ids) <= MOST_NAMES
    for i, (x, y) in enumerate(at.tolist()):
        if few or (forest.ring[i] == 0 and rings.tolist().count(0) <= 12):
            ax.annotate(named(forest.ids[i], 16), (x, y), (0, 7), textcoords="offset points", ha="center", fontsize=8,
                        color=INK, zorder=5)  # fmt: skip
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.0), ncols=4, frameon=False, fontsize=9, labelcolor=INK)
    as_written(ax)
    sizes = {r: forest.ring.count(r) + left.get(r, 0) for r in {*forest.ring, *left}}
    counts = ", ".join(f"{names[r]}: {sizes[r]:,}" for r in sorted(sizes))
    rest = f"; the first {len(forest.ids):,} are drawn" if left else ""
    title(ax, f"Devices that chains of meetings lead to: {counts}{rest}", found.note)
    return ax


def _circle(radius: float) -> Any:
    from matplotlib.patches import Circle

    return Circle((0, 0), radius, fill=False, ec="#DDDDDD", lw=0.9, zorder=0)


def _draw_lines(ax: Axes, at: Floats, forest: _Forest) -> None:
    from matplotlib.collections import LineCollection

    joined = [[at[p], at[i]] for i, p in enumerate(forest.parent) if p >= 0]
    ax.add_collection(LineCollection(joined, colors=MUTED, linewidths=0.6, alpha=0.55, zorder=1))
    ax.autoscale_view()


def _forest(found: Table) -> tuple[_Forest, dict[int, str], dict[int, int]]:
    """Return nodes with the device that each hangs on, names of rings, and how many of each ring are left out."""
    data = found.to_arrow()
    if found.schema.name == "rings":
        ring = data["ring"].to_pylist()
        names = {r: "cases" if r == 0 else f"ring {r}" for r in {0, *ring}}
        rows = list(zip(data["device"].to_pylist(), data["via"].to_pylist(), ring, strict=True))
    else:
        tier = [_TIERS[t] for t in data["tier"].to_pylist()]
        names = {0: "cases", **{r: t.replace("_", " ") for t, r in _TIERS.items()}}
        below = list(zip(data["device"].to_pylist(), data["via"].to_pylist(), tier, strict=True))
        devices = set(data["device"].to_pylist())
        cases = dict.fromkeys(v for v in data["via"].to_pylist() if v not in devices)
        rows = [(case, None, 0) for case in cases] + sorted(below, key=lambda row: row[2])
    number: dict[Any, int] = {}
    forest, left = _Forest([], [], []), dict[int, int]()
    for device, via, ring_ in rows:
        if len(number) >= MOST_NODES or (via is not None and via not in number):
            left[ring_] = left.get(ring_, 0) + 1
            continue
        number[device] = len(number)
        forest.ids.append(device)
        forest.parent.append(-1 if via is None else number[via])
        forest.ring.append(ring_)
    return forest, names, left


def plot_tree(outbreak: Any, *, ax: Axes | None = None) -> Axes:
    """Draw who infected whom, from left to right in time.

    Parameters
    ----------
    outbreak : Outbreak, LinkList or Table
        A made outbreak, what :func:`cotrace.read_links` gives, or a table ``true_infections`` or ``tree``.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    OptionError
        When it is none of these.
    """
    links, tz, note = _links(outbreak)
    forest, when = _in_order(links)
    if not forest.ids:
        return nothing(ax, "nobody was infected", "Tree of an outbreak: nobody", note)
    ax = axes(ax, 10, min(14, 2.2 + 0.16 * sum(n == 1 for n in forest.leaves())))
    y = forest.spread()
    xs = [t / DAY for t in when]
    for i, p in enumerate(forest.parent):
        if p >= 0:
            ax.plot([xs[p], xs[i], xs[i]], [y[p], y[p], y[i]], color=MUTED, lw=0.8, zorder=1)
    depth = np.array(forest.ring)
    for d in sorted(set(forest.ring)):
        colour, marker, size = _LOOKS[min(d, len(_LOOKS) - 1)]
        mine = depth == d
        words = f"generation {d}: {mine.sum():,}"
        ax.scatter(np.array(xs)[mine], y[mine], s=size, c=colour, marker=marker, zorder=3, edgecolors="white",
                   linewidths=0.4, label=words)  # fmt: skip
    if len(forest.ids) <= MOST_NAMES:
        for device, x, height in zip(forest.ids, xs, y.tolist(), strict=True):
            ax.annotate(named(device, 14), (x, height), (6, 0), textcoords="offset points", va="center", fontsize=8,
                        color=INK)  # fmt: skip
    ax.set_yticks([])
    ax.set_ylim(1.02 + 0.5 / len(y), -0.02 - 0.5 / len(y))
    margin = 0.03 * (max(xs) - min(xs)) + 0.02
    time_axis(ax, min(xs) - margin, max(xs) + 2 * margin, tz)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.grid(axis="x", color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9, labelcolor=INK)
    as_written(ax)
    begun = forest.parent.count(-1)
    more = f"; the first {len(forest.ids):,} are drawn" if len(forest.ids) < len(links) else ""
    title(ax, f"Who infected whom: {len(links):,} devices, {begun:,} without a known infector{more}", note)
    return ax


def _links(outbreak: Any) -> tuple[list[tuple[Any, Any, int]], str, str]:
    """Return (device, infector or None, unix seconds), the time zone, and what is said of it."""
    made = "Who infected whom in a made outbreak, as it was made"
    table = getattr(outbreak, "infections", outbreak)
    if hasattr(outbreak, "roots"):
        return _of_link_list(outbreak)
    name = getattr(getattr(table, "schema", None), "name", "")
    if name not in ("true_infections", "tree"):
        raise OptionError(
            f"{type(outbreak).__name__} is no tree: give an Outbreak, what read_links gives, or a table of infections"
        )
    data = table.to_arrow()
    who, by = ("device", "infector") if name == "true_infections" else ("infected", "infector")
    when = seconds_of(data["infected_at"]).tolist()
    links = list(zip(data[who].to_pylist(), data[by].to_pylist(), when, strict=True))
    if name == "tree":  # those that it begins with are in no row of their own
        first: dict[Any, int] = {}
        infected = {device for device, _, _ in links}
        for _, infector, at in links:
            if infector not in infected:
                first[infector] = min(at, first.get(infector, at))
        links = [(device, None, at) for device, at in first.items()] + links
    return links, str(data.schema.field("infected_at").type.tz), table.note or made


def _of_link_list(found: Any) -> tuple[list[tuple[Any, Any, int]], str, str]:
    """Turn contacts that have no direction into links, from those without a known infector on."""
    data = found.contacts.to_arrow()
    beside: dict[Any, list[tuple[int, Any]]] = {}
    when = seconds_of(data["started_at"]).tolist()
    for a, b, at in zip(data["a"].to_pylist(), data["b"].to_pylist(), when, strict=True):
        beside.setdefault(a, []).append((at, b))
        beside.setdefault(b, []).append((at, a))
    links: dict[Any, tuple[Any, Any, int]] = {}
    ready = [root for root in found.roots.to_pylist() if root in beside]
    for root in ready:
        links[root] = (root, None, min(at for at, _ in beside[root]))
    for device in ready:  # grows while it is walked
        for at, other in sorted(beside[device], key=lambda pair: pair[0]):
            if other not in links:
                links[other] = (other, device, at)
                ready.append(other)
    note = f"Links as they were given, not found by cotrace; {len(found.faults):,} faults"
    return list(links.values()), str(data.schema.field("started_at").type.tz), note


def _in_order(links: list[tuple[Any, Any, int]]) -> tuple[_Forest, list[int]]:
    """Return the tree, parents before children, those infected first first; at most what a picture holds."""
    known = {device for device, _, _ in links}
    children: dict[Any, list[tuple[int, Any]]] = {}
    ready: list[tuple[int, Any, int, int]] = []
    for device, infector, at in sorted(links, key=lambda link: link[2]):
        if infector in known and infector is not None and infector != device:
            children.setdefault(infector, []).append((at, device))
        else:
            ready.append((at, device, -1, 0))
    forest, when, seen = _Forest([], [], []), list[int](), set[Any]()
    for at, device, parent, depth in ready:  # grows while it is walked
        if device in seen or len(seen) >= MOST_TREE:
            continue
        seen.add(device)
        number = len(forest.ids)
        forest.ids.append(device)
        forest.parent.append(parent)
        forest.ring.append(depth)
        when.append(at)
        ready.extend((later, child, number, depth + 1) for later, child in children.get(device, []))
    return forest, when
