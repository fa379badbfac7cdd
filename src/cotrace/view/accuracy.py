"""How right an answer is, drawn: a sweep over options, and probabilities beside what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cotrace.view.style import CASE, COMPANION, INK, MUTED, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.footprints.reliability import Reliability
    from cotrace.tables import Table

__all__ = ["plot_evaluation", "plot_list_sizes", "plot_reliability", "plot_sweep"]

_DRAWN = (("precision", CASE, "o", -0.14), ("recall", COMPANION, "s", 0.14))
_ROW, _HEAD, _WIDTH = 0.27, 1.7, 8.5
_CANDIDATES = "Of candidates from co-location, held to a known truth"


def plot_sweep(table: Table, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw precision and recall of every run of a sweep, option by option, with their intervals.

    Parameters
    ----------
    table : Table
        From :func:`cotrace.sweep` (``.table``).
    title : str, optional
        What is shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    rows = [r for r in table.to_arrow().to_pylist() if r["run"] > 0] or table.to_arrow().to_pylist()
    places, ticks, heads = _places(rows)
    low = (places[-1] if places else 0) + 0.8
    ax = axes(ax, _WIDTH, _HEAD + _ROW * (low + 0.8))
    for name, colour, marker, offset in _DRAWN:
        seen = [(y + offset, r) for y, r in zip(places, rows, strict=True) if r[name] is not None]
        ys, values = [y for y, _ in seen], [r[name] for _, r in seen]
        ends = [(r[f"{name}_low"], r[f"{name}_high"]) for _, r in seen]
        for y, value, (a, b) in zip(ys, values, ends, strict=True):
            if a is not None:
                ax.plot(_ends(value, a, b), [y, y], color=colour, lw=1.4, alpha=0.6)
        ax.plot(values, ys, marker, color=colour, ms=5, label=name, ls="none")
    for y, name in heads:
        ax.annotate(name, (0, y), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                    va="center", fontsize=9, fontweight="bold", color=INK)  # fmt: skip
        ax.axhline(y - 0.5, color="#DDDDDD", lw=0.8)
    ax.set_yticks(places, ticks, fontsize=8.5)
    ax.set_ylim(low, -0.8)
    _of_shares(ax)
    _title(
        ax, title or "What each option does", f"{_CANDIDATES}; lines are 95% bootstrap intervals over cases"
    )
    return ax


def _places(rows: list[dict[str, Any]]) -> tuple[list[float], list[str], list[tuple[float, str]]]:
    """Return the height of every run, its words, and the heights and names of the options."""
    places, ticks, heads = [], [], []
    y, option = 0.0, None
    for row in rows:
        if row["varied"] != option:
            option = row["varied"]
            heads.append((y, option))
            y += 1
        places.append(y)
        ticks.append(row["choice"] or "as given")
        y += 1
    return places, ticks, heads


def plot_reliability(found: Reliability, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how often pairs were true beside the probability that they were given.

    Parameters
    ----------
    found : Reliability
        From :func:`cotrace.reliability`.
    title : str, optional
        What is shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    rows = found.to_arrow().to_pylist()
    pairs = sum(r["pairs"] for r in rows)
    ax = axes(ax, 6.2, 6.4)
    ax.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", label="what they say is what happens")
    for r in rows:
        ends = _ends(r["share_true"], r["low"], r["high"])
        at = (r["mean_probability"], r["share_true"])
        ax.plot([at[0]] * 2, ends, color=CASE, lw=1.4, alpha=0.6)
        aside, side = (-7, "right") if at[0] > 0.85 else (7, "left")
        ax.annotate(
            f"{r['pairs']:,}", at, (aside, -9), textcoords="offset points", ha=side, fontsize=8, color=MUTED
        )
    xs, ys = [r["mean_probability"] for r in rows], [r["share_true"] for r in rows]
    ax.plot(xs, ys, "o-", color=CASE, ms=5, lw=1, label="pairs in the bin (how many beside it)")
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.04)
    ax.set_aspect("equal")
    ax.set_xlabel("probability that the two shared a cell long enough")
    ax.set_ylabel("share that did")
    ax.grid(color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.legend(loc="upper left", frameon=False, fontsize=9)
    low, high = found.interval
    error = f"expected calibration error {found.error:.3f} [{low:.3f}, {high:.3f}]"
    _title(ax, title or "Are probabilities what they say?", f"{pairs:,} candidate pairs; {error}")
    return ax


def plot_evaluation(table: Table, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw precision and recall of all pairs and of each part, with their intervals.

    Parameters
    ----------
    table : Table
        From :func:`cotrace.evaluate` (``.table``).
    title : str, optional
        What is shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    rows = table.to_arrow().to_pylist()
    ax = axes(ax, _WIDTH, _HEAD + 0.55 * max(1, len(rows)))
    for name, colour, marker, offset in _DRAWN:
        for y, r in enumerate(rows):
            if r[name] is None:
                continue
            if r[f"{name}_low"] is not None:
                ends = _ends(r[name], r[f"{name}_low"], r[f"{name}_high"])
                ax.plot(ends, [y + offset] * 2, color=colour, lw=1.6, alpha=0.6)
            ax.annotate(f"{r[name]:.2f}", (r[name], y + offset), (0, 5 if offset < 0 else -12),
                        textcoords="offset points", ha="center", fontsize=8, color=INK)  # fmt: skip
        seen = [(r[name], y + offset) for y, r in enumerate(rows) if r[name] is not None]
        ax.plot([v for v, _ in seen], [y for _, y in seen], marker, color=colour, ms=6, label=name, ls="none")
    names = [r["grouping"] if r["part"] is None else f"{r['grouping']}: {r['part']}" for r in rows]
    ax.set_yticks(
        range(len(rows)),
        [f"{n}\n{r['listed']:,} listed" for n, r in zip(names, rows, strict=True)],
        fontsize=8.5,
    )
    ax.set_ylim(len(rows) - 0.4, -0.6)
    _of_shares(ax)
    hits = (
        f"{rows[0]['hits']:,} of {rows[0]['listed']:,} pairs listed are true" if rows else "nothing to draw"
    )
    _title(
        ax,
        title or f"How right the list is: {hits}",
        f"{_CANDIDATES}; lines are bootstrap intervals over cases",
    )
    return ax


def plot_list_sizes(table: Table, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw how long a ranked list has to be to hold a share of the true pairs, beside a list in random order.

    Parameters
    ----------
    table : Table
        From ``list_sizes`` of an evaluation.
    title : str, optional
        What is shown.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.
    """
    rows = table.to_arrow().to_pylist()
    ax = axes(ax, 7.2, 5.2)
    for name, colour, marker, words in (
        ("list_size", CASE, "o-", "this list"),
        ("random_size", MUTED, "s--", "in random order"),
    ):
        seen = [r for r in rows if r[name] is not None]
        ax.plot(
            [r[name] for r in seen],
            [r["share"] for r in seen],
            marker,
            color=colour,
            ms=5,
            lw=1.3,
            label=words,
        )
    ax.set_ylim(-0.02, 1.04)
    ax.set_xlim(left=0)
    ax.set_xlabel("rows from the top of the list")
    ax.set_ylabel("share of the true pairs that they hold")
    ax.grid(color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(loc="lower right", frameon=False, fontsize=9)
    true = max((r["true_pairs"] for r in rows), default=0)
    _title(ax, title or f"How far down the list {true:,} true pairs are", _CANDIDATES)
    return ax


def _ends(value: float, low: float, high: float) -> list[float]:
    """Return the ends of an interval's line; the share of the whole lies outside its interval now and then."""
    return [min(low, value), max(high, value)]


def _of_shares(ax: Axes) -> None:
    """Let the x axis go from 0 to 1, marks at its ends whole, with the legend below."""
    ax.set_xlim(-0.02, 1.02)
    ax.set_xlabel("share")
    ax.grid(axis="x", color="#E6E6E6", lw=0.7)
    ax.set_axisbelow(True)
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0), borderaxespad=2.0, ncols=2, frameon=False, fontsize=9)


def _title(ax: Axes, what: str, below: str) -> None:
    ax.set_title(what, loc="left", fontsize=12, fontweight="bold", color=INK, pad=24)
    ax.annotate(below, (0, 1), (0, 7), xycoords="axes fraction", textcoords="offset points", va="bottom",
                fontsize=9, color=MUTED, annotation_clip=False)  # fmt: skip
