"""Which picture a result has: what ``.plot()`` of every result calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cotrace.errors import OptionError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot"]

_INTERVALS = (
    *("evidence", "meetings", "hops", "trajectory", "visitor_stays", "places", "visits", "reported_contacts"),
    *("significant_meetings", "source_meetings", "true_meetings", "true_episodes"),
)
_COUNTED = {
    "screening": "test_day",
    "region_lists": "region",
    "refused": "reason",
    "link_faults": "fault",
    "lifting": "becomes",
    "devices": "kind",
    "towers": "generation",
    "network": "generation",
    "rides": "device",
    "cases": "case_id",
    "signals": "event",
}


def _pictures() -> dict[str, Callable[..., Axes]]:
    """Return the function that draws each result, by the name of its class or its table."""
    from cotrace.view import accuracy, bars, heatmap, intervals, maps, network, zones

    return {
        **dict.fromkeys(_INTERVALS, intervals.plot_intervals),
        **dict.fromkeys(bars.RANKED, bars.plot_ranked),
        **{name: partial(_counts, column) for name, column in _COUNTED.items()},
        "funnel": bars.plot_funnel,
        "certainty": partial(_shares, "probability"),
        "shifted_grids": partial(_shares, "share"),
        "occupancy": heatmap.plot_occupancy,
        "rings": network.plot_rings,
        "tiers": network.plot_rings,
        "true_infections": network.plot_tree,
        "tree": network.plot_tree,
        "sweep": accuracy.plot_sweep,
        "evaluation": accuracy.plot_evaluation,
        "list_sizes": accuracy.plot_list_sizes,
        "reliability": accuracy.plot_reliability,
        "Companions": intervals.plot_companions,
        "Evaluation": lambda found, **given: accuracy.plot_evaluation(found.table, **given),
        "Footprints": maps.plot_footprints,
        "LinkList": network.plot_tree,
        "Outbreak": network.plot_tree,
        "Pairs": _pairs,
        "Stays": maps.plot_stays,
        "Sweep": lambda found, **given: accuracy.plot_sweep(found.table, **given),
        "Zones": zones.plot_zones,
    }


def _counts(column: str, table: Any, **given: Any) -> Axes:
    from cotrace.view.bars import plot_counts

    return plot_counts(table, given.pop("column", column), **given)


def _shares(column: str, table: Any, **given: Any) -> Axes:
    from cotrace.view.bars import plot_shares

    return plot_shares(table, given.pop("column", column), **given)


def _pairs(found: Any, **given: Any) -> Axes:
    """Draw the pairs with the most time together: all are gone through once."""
    import pyarrow as pa

    from cotrace.tables import Table
    from cotrace.view.bars import plot_ranked

    return plot_ranked(Table(found.schema, pa.table(found), found.note), **given)


def plot(result: Any, *args: Any, **keywords: Any) -> Axes:
    """Draw a result: the picture that fits it.

    Parameters
    ----------
    result
        Anything that cotrace returns.
    *args, **keywords
        Those of the function that draws it, such as ``device`` of stays; ``ax=`` always.

    Returns
    -------
    matplotlib.axes.Axes
        The axes that were drawn on.

    Raises
    ------
    OptionError
        When there is no picture of such a result.
    ImportError
        When matplotlib is missing; it names the extra that brings it.
    """
    pictures = _pictures()
    name = type(result).__name__
    if name not in pictures:
        name = getattr(getattr(result, "schema", None), "name", name)
    if name not in pictures:
        raise OptionError(f"there is no picture of {name}; there are of {', '.join(sorted(pictures))}")
    return pictures[name](result, *args, **keywords)
