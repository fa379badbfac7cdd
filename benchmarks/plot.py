"""The plot of growth: time and memory over pings, cases, devices, crowd and gaps."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from common import number

# of Okabe and Ito: told apart by people who see colours otherwise; the marks differ too
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#4a5765"
TITLE = "Time and memory of the companion query as the data grow"
ORDER = ("pings", "cases", "devices", "crowd", "gaps")


def values(
    points: list[dict[str, Any]], tool: str, cost: str, unit: float
) -> tuple[list[float], list[float]]:
    """Return a curve."""
    return [p["x"] for p in points], [p[tool][cost] / unit for p in points]


def panel(axes: Any, axis: dict[str, Any], cost: str, unit: float) -> None:
    """Draw cotrace and decoding over one axis."""
    for tool, colour, mark in (("cotrace", BLUE, "o"), ("decoding", ORANGE, "^")):
        axes.plot(
            *values(axis["points"], tool, cost, unit), color=colour, marker=mark, ms=4, lw=1.4, label=tool
        )
    axes.set_yscale("log")
    if all(point["x"] > 0 for point in axis["points"]):
        axes.set_xscale("log")
    axes.grid(True, which="major", color="#d5dae0", lw=0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def brief(value: float) -> str:
    """Write a number with two digits: 1.5 k, 200 M."""
    for unit, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= 0.95 * unit:
            return f"{float(f'{value / unit:.2g}'):g}{letter}"
    return f"{float(f'{value:.2g}'):g}"


def ticks(axes: Any, points: list[dict[str, Any]]) -> None:
    """Mark the points below, and round numbers beside."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axes.set_xticks([p["x"] for p in points], [brief(p["x"]) for p in points], fontsize=7)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_formatter(NullFormatter())


def proportional(axes: Any, points: list[dict[str, Any]], cost: str) -> None:
    """Draw the line of proportional growth through the last point."""
    x, y = points[-1]["x"], points[-1]["cotrace"][cost]
    first = max(points[0]["x"], x * points[0]["cotrace"][cost] / y / 4)
    axes.plot([first, x], [y * first / x, y], color=GREY, lw=0.9, ls=":", label="proportional")


def described(growth: dict[str, Any]) -> str:
    """Say in words what the plot shows."""
    spans = [
        f"{axis['says']} from {number(axis['points'][0]['x'])} to {number(axis['points'][-1]['x'])}"
        for axis in (growth["axes"][name] for name in ORDER if name in growth["axes"])
    ]
    return (
        f"Above wall time in seconds, below peak memory in GiB, each over {'; '.join(spans)}. "
        "Circles: cotrace; triangles: decoding the columns only. Logarithmic, but for the share of silence."
    )


def draw(growth: dict[str, Any], path: Path) -> None:
    """Write the plot as an SVG file; the same points make the same bytes."""
    import matplotlib as mpl

    # nothing of this is left behind: whoever draws next has the defaults
    style = {"svg.hashsalt": "cotrace", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif"}
    with mpl.rc_context(style):
        text = drawn(growth)
    head = f"<title>{TITLE}</title>\n<desc>{described(growth)}</desc>\n"
    text = re.sub(r"(<svg [^>]*>)", lambda tag: tag[0] + "\n" + head, text, count=1)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def drawn(growth: dict[str, Any]) -> str:
    """Draw the plot; return it as SVG."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    shown = [growth["axes"][name] for name in ORDER if name in growth["axes"]]
    figure = Figure(figsize=(2.3 * len(shown), 4.6))
    FigureCanvasSVG(figure)
    grid = figure.subplots(2, len(shown), sharey="row", squeeze=False)
    for column, axis in enumerate(shown):
        for row, (cost, unit) in enumerate((("wall_s", 1.0), ("peak_bytes", 2.0**30))):
            panel(grid[row, column], axis, cost, unit)
            ticks(grid[row, column], axis["points"])
        grid[1, column].set_xlabel(axis["says"])
    if "pings" in growth["axes"]:
        proportional(grid[0, 0], growth["axes"]["pings"]["points"], "wall_s")
    for row, says in enumerate(("wall time, s", "peak memory, GiB")):
        grid[row, 0].set_ylabel(says)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="upper center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.94))
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue()
