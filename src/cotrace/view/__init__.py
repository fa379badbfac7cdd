"""Pictures of results with matplotlib (extra ``viz``), maps to explore (extra ``map``), and reports as one page.

Every picture says that it shows candidates from co-location, and by which reading of the rule. Every result draws
itself: ``stays.plot()``, ``found.plot()``; the functions here are what it calls.
"""

from __future__ import annotations

from cotrace.view.accuracy import plot_evaluation, plot_list_sizes, plot_reliability, plot_sweep
from cotrace.view.bars import plot_counts, plot_funnel, plot_ranked, plot_shares
from cotrace.view.cells import plot_cells
from cotrace.view.choose import plot
from cotrace.view.explore import explore
from cotrace.view.heatmap import plot_occupancy
from cotrace.view.intervals import plot_companions, plot_intervals
from cotrace.view.maps import plot_footprints, plot_stays
from cotrace.view.network import plot_rings, plot_tree
from cotrace.view.report import report_html, write_report
from cotrace.view.timeline import plot_timeline
from cotrace.view.zones import plot_zones

__all__ = [
    "explore",
    "plot",
    "plot_cells",
    "plot_companions",
    "plot_counts",
    "plot_evaluation",
    "plot_footprints",
    "plot_funnel",
    "plot_intervals",
    "plot_list_sizes",
    "plot_occupancy",
    "plot_ranked",
    "plot_reliability",
    "plot_rings",
    "plot_shares",
    "plot_stays",
    "plot_sweep",
    "plot_timeline",
    "plot_tree",
    "plot_zones",
    "report_html",
    "write_report",
]
