"""What all pictures share: colours, axes, titles, lengths of time in words."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from cotrace.companions.words import what_it_is

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from cotrace.companions import Companions

__all__ = [
    "CASE",
    "COMPANION",
    "INK",
    "MUTED",
    "OUTSIDE",
    "SHARED",
    "axes",
    "hours",
    "on_a_map",
    "readable",
    "title",
]

#: From the palette of Okabe and Ito: told apart by colour-blind eyes, and in grey (dark, light, black).
CASE, COMPANION, SHARED = "#0072B2", "#E69F00", "#000000"
#: Space around a picture in inches; letters of a title to those of the line below it.
_PAD, _TITLE = 0.1, 0.7
INK, MUTED, OUTSIDE = "#222222", "#666666", "#EDEDED"


def axes(ax: Axes | None, width: float, height: float) -> Any:
    """Return ``ax``, or new axes of this size in inches.

    Raises
    ------
    ImportError
        When matplotlib is missing; it names the extra that brings it.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("pictures need matplotlib: pip install 'cotrace[viz]'") from None
    if ax is not None:
        figure: Any = ax.figure.figure  # of a part of a figure, the whole
        if figure.get_layout_engine() is None:
            # the default margins have no room for two or more lines above, and a legend below
            figure.set_layout_engine("constrained")
        return ax
    figure, ax = pyplot.subplots(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=_PAD, h_pad=_PAD)
    return ax


def title(ax: Axes, what: str, found: Companions | str, *, above: int = 0) -> None:
    """Write what is shown, and below it what it is and by which reading: of a result, or in these words.

    ``above`` points are left free between the axes and the lowest line.
    """
    inches = ax.figure.get_window_extent().width / ax.figure.dpi
    width = max(40, int((inches - 1.3) * 14))  # letters that fit right of the axes' labels
    reading = found if isinstance(found, str) else what_it_is(found)
    lines = fill(reading, width)
    ax.set_title(
        fill(what, int(width * _TITLE)),
        loc="left",
        fontsize=12,
        fontweight="bold",
        color=INK,
        pad=14 + above + 12 * (lines.count("\n") + 1),
        parse_math=False,
    )
    ax.annotate(
        lines,
        (0, 1),
        (0, 8 + above),
        xycoords="axes fraction",
        textcoords="offset points",
        va="bottom",
        fontsize=9,
        color=MUTED,
        annotation_clip=False,
        parse_math=False,
    )


def on_a_map(ax: Axes, plane: bool, below: str = "") -> None:
    """Label the axes of a map: metres of a plane, or degrees, as they are; ``below`` says what the figures are."""
    across = "x, m" if plane else "longitude, degrees"
    ax.set_xlabel(f"{across}\n{below}" if below else across, fontsize=9)
    ax.set_ylabel("y, m" if plane else "latitude, degrees", fontsize=9)
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.locator_params(axis="x", nbins=5)
    ax.tick_params(labelsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def hours(seconds: float) -> str:
    """Write a length of time in one short unit: ``9 min``, ``1.5 h``, ``31 h``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3_600:
        return f"{seconds / 60:.0f} min"
    value = seconds / 3_600
    return f"{value:.1f} h" if value < 10 else f"{value:,.0f} h"


def readable(text: str) -> str:
    """Write out what cannot be seen or turns the direction of writing: an id must not look like another."""
    from unicodedata import category

    if text.isascii() and text.isprintable():
        return text
    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
    return "".join(f"\u27e8U+{ord(c):04X}\u27e9" if category(c) in hidden and c != " " else c for c in text)


def named(value: Any, most: int = 28) -> str:
    """Write an id as a label: cut in the middle where it is long, what cannot be seen written out."""
    text = readable(str(value))
    return text if len(text) <= most else f"{text[: most - 9]}…{text[-8:]}"


def as_written(ax: Axes) -> None:
    """Keep dollar signs in labels what they are: no formulas."""
    legend = ax.get_legend()
    for text in [
        *ax.texts,
        *ax.get_xticklabels(),
        *ax.get_yticklabels(),
        *(legend.get_texts() if legend else ()),
    ]:
        text.set_parse_math(False)


def nothing(ax: Axes | None, words: str, what: str, note: str) -> Axes:
    """Say on empty axes that there is nothing to draw."""
    drawn: Axes = axes(ax, 8, 2.5)
    drawn.text(0.5, 0.5, words, transform=drawn.transAxes, ha="center", color=INK)
    drawn.set_axis_off()
    title(drawn, what, note)
    return drawn


def heat(ax: Axes, norm: Any, label: str) -> None:
    """Put a bar of colours beside axes: light to dark, even in lightness, for every kind of sight and in grey."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.ticker import MaxNLocator

    # beside the picture itself, which its aspect may make narrower than the room that it has
    bar: Any = ax.figure.colorbar(
        ScalarMappable(norm, "viridis_r"), cax=ax.inset_axes((1.03, 0.1, 0.03, 0.8))
    )
    bar.locator = MaxNLocator(nbins=6, integer=norm.vmax > 2)
    bar.update_ticks()
    bar.outline.set_visible(False)
    bar.set_label(label, fontsize=9)
