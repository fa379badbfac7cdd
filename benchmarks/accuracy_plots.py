"""The pictures of the page on accuracy, as SVG; the same results make the same bytes."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accuracy_words import named
from plot import BLUE, ORANGE

_STYLE = {"svg.hashsalt": "cotrace", "svg.fonttype": "none", "font.family": "sans-serif"}
_NETWORKS = ("2G", "3G", "4G", "mixed", "5G")


def draw(kept: dict[str, Any], folder: Path) -> None:
    """Write the pictures of what is recorded."""
    for name, (question, make, title, what) in PICTURES.items():
        if question in kept:
            _write(folder / f"accuracy-{name}.svg", make, kept[question], title, what)


def _write(path: Path, make: Callable[[Any], Any], part: Any, title: str, what: str) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    with mpl.rc_context(_STYLE):
        figure = make(part)
        written = io.StringIO()
        figure.savefig(written, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
    head = f"<title>{title}</title>\n<desc>{what}</desc>\n"
    text = re.sub(r"(<svg [^>]*>)", lambda tag: tag[0] + "\n" + head, written.getvalue(), count=1)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8")


def generations(part: dict[str, Any]) -> Any:
    """Draw precision and recall by generation, a panel a city."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(
        1, len(part["worlds"]), figsize=(8.5, 3.6), sharey=True, layout="constrained"
    )
    for axes, of in zip(panels, part["worlds"], strict=True):
        for name, colour, mark, off in (("precision", BLUE, "o", -0.08), ("recall", ORANGE, "s", 0.08)):
            for cells, face in (("grid", colour), ("tower", "white")):
                rows = [r for r in part["rows"] if r["city"] == of["city"] and r["cells"] == cells]
                rows = [r for r in rows if r["network"] in _NETWORKS]
                shift = off + (0.16 if cells == "tower" else -0.16)
                xs = [_NETWORKS.index(r["network"]) + shift for r in rows]
                for x, r in zip(xs, rows, strict=True):
                    axes.plot(
                        [x, x], [r["rule"][f"{name}_low"], r["rule"][f"{name}_high"]], color=colour, lw=1
                    )
                label = f"{name}, {'800 m cells' if cells == 'grid' else 'towers as cells'}"
                values = [r["rule"][name] for r in rows]
                axes.plot(xs, values, mark, color=colour, markerfacecolor=face, ms=5, label=label)
        axes.set_xticks(range(len(_NETWORKS)), _NETWORKS)
        axes.set_ylim(0, 1.02)
        axes.set_title(
            f"{named(of['city'])}: {of['stations_a_km2']:.1f} 5G stations a km²",
            fontsize=10,
            loc="left",
        )
        axes.grid(axis="y", color="#E6E6E6", lw=0.7)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("by the rule on exact positions")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8
    )
    return figure


def readings(part: dict[str, Any]) -> Any:
    """Draw the sweep, held to the same reading on exact positions."""
    import pyarrow as pa

    from cotrace.schema_accuracy import SWEEP
    from cotrace.tables import Table
    from cotrace.view import plot_sweep

    rows, arrow = part["tables"]["rule"], SWEEP.arrow()
    columns = {name: pa.array([r.get(name) for r in rows], arrow.field(name).type) for name in SWEEP.names}
    return plot_sweep(Table.from_columns(SWEEP, columns), title="What each option does").figure


def certainty(part: dict[str, Any]) -> Any:
    """Draw the reliability diagram of the test cities."""
    import pyarrow as pa

    from cotrace.footprints.reliability import Reliability
    from cotrace.schema_certainty import RELIABILITY
    from cotrace.view import plot_reliability

    best, arrow = part["models"]["bayes"], RELIABILITY.arrow()
    columns = {n: pa.array([r[n] for r in best["bins"]], arrow.field(n).type) for n in RELIABILITY.names}
    made = Reliability(RELIABILITY, pa.table(columns, schema=arrow), "")
    made.error, made.interval, made.brier = (
        best["error"],
        (best["error_low"], best["error_high"]),
        best["brier"],
    )
    return plot_reliability(made, title="Probabilities on cities not used for fitting").figure


PICTURES: dict[str, tuple[str, Callable[[Any], Any], str, str]] = {
    "generations": (
        "generations",
        generations,
        "Precision and recall of the rule by generation of stations",
        "A panel for a network as dense as Xi'an's and one as dense as Shanghai's; circles are precision, squares "
        "recall, filled for cells of 800 m, hollow for towers as cells; the figures stand in the table below it.",
    ),
    "sweep": (
        "readings",
        readings,
        "Precision and recall of every option",
        "A row for each value of each option; circles are precision, squares recall, lines their intervals; the "
        "figures stand in the tables below it.",
    ),
    "reliability": (
        "certainty",
        certainty,
        "Reliability diagram of certainty",
        "The share of pairs that is true over the probability that they were given, by bins; the figures stand in the "
        "table below it.",
    ),
}
